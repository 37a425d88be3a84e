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

// The activities of WeChat that take the system's shares.
const (
	shareToFriend    = androidwire.WeChat + "/com.tencent.mm.ui.tools.ShareImgUI"
	shareToTimeline  = androidwire.WeChat + "/com.tencent.mm.ui.tools.ShareToTimeLineUI"
	shareToFavorites = androidwire.WeChat + "/com.tencent.mm.ui.tools.AddFavoriteUI"
)

// systemIntent returns the Intent for WeChat's share targets. The agent puts
// the streams into the ClipData, as a sender's own process does.
func (d *delivery) systemIntent(req intents.Request) (*androidwire.Intent, error) {
	share := req.(intents.Share) // systemCan saw to it
	intent := &androidwire.Intent{Action: "android.intent.action.SEND", Component: shareToFriend, Flags: androidwire.FlagNewTask}
	switch share.Scene {
	case intents.SceneTimeline:
		intent.Component = shareToTimeline
	case intents.SceneFavorite:
		intent.Component = shareToFavorites
	}
	if o, ok := share.Message.Object.(intents.Text); ok {
		intent.Type = "text/plain"
		intent.Extras.Set("android.intent.extra.TEXT", androidwire.StringOrNull(o.Text))
	} else {
		uris := contentURIs(d.placed)
		if len(uris) == 0 {
			return nil, device.Errorf(device.Refused, "the system's share sheet takes files by content URI only").WithHint("use --as uri")
		}
		intent.Type = d.placed[0].media.MIME
		intent.Flags |= androidwire.FlagGrantRead
		if len(uris) > 1 {
			intent.Action = "android.intent.action.SEND_MULTIPLE"
			intent.Type = "image/*"
			intent.Extras.Set("android.intent.extra.STREAM", androidwire.URIList(uris))
		} else {
			intent.Extras.Set("android.intent.extra.STREAM", androidwire.URI(uris[0]))
		}
		if text := share.Message.Description; text != nil {
			intent.Extras.Set("Kdescription", androidwire.String(*text)) // the caption, in Moments
		}
	}
	d.out.Differences = append(d.out.Differences, "Android's own share route: no AppID, no reply, and the app's name does not show in WeChat")
	return intent, nil
}
