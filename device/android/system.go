package android

import (
	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/intents"
	"github.com/wxctl/wxctl/intents/androidwire"
)

// systemCan refuses what the system's share targets of WeChat don't take.
func systemCan(req intents.Request, force bool) error {
	share, ok := req.(intents.Share)
	if !ok {
		return device.Errorf(device.Refused, "the system's share sheet can't carry %s", describe(req)).
			WithHint("use --route auto")
	}
	kind := intents.Kind("nothing")
	if share.Message.Object != nil {
		kind = share.Message.Object.ObjectKind()
	}
	switch kind {
	case intents.KindText, intents.KindImage, intents.KindImages, intents.KindFile:
	default:
		return device.Errorf(device.Refused, "the system's share sheet carries text, images and files, not a share of %s", kind).
			WithHint("use --route sdk")
	}
	switch {
	case share.Scene == intents.SceneContact:
		return device.Errorf(device.Refused, "the system's share sheet can't name a contact").WithHint("use --route sdk, or --scene session and choose on the phone")
	case share.Scene == intents.SceneTimeline && kind == intents.KindImages && !force:
		return device.Errorf(device.Refused, "WeChat takes several images to Moments from no other app since 7.0").
			WithHint("use --scene session, send a single image, or try it all the same with --force")
	case share.Scene == intents.SceneTimeline && (kind == intents.KindText || kind == intents.KindFile):
		return device.Errorf(device.Refused, "WeChat takes only an image to Moments through the system's share sheet, no %s", kind).
			WithHint("use --route sdk, or --scene session")
	}
	return nil
}

// systemIntent returns the Intent for WeChat's share targets.
func (d *delivery) systemIntent(req intents.Request) (*androidwire.Intent, error) {
	share := req.(intents.Share) // systemCan saw to it
	mime := ""
	if len(d.placed) > 0 {
		mime = d.placed[0].media.MIME
	}
	intent, err := androidwire.EncodeSystem(share, contentURIs(d.placed), mime)
	if err != nil {
		return nil, device.Errorf(device.Refused, "%w", err).WithHint("use --as uri, or another --route")
	}
	d.out.Differences = append(d.out.Differences, SystemDifference)
	return &intent, nil
}

// SystemDifference is how the system route departs from the SDK.
const SystemDifference = "Android's own share route: no AppID, no reply, and the app's name does not show in WeChat"
