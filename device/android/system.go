package android

import (
	"bytes"
	"io"
	"path"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/intents"
	"github.com/wxctl/wxctl/intents/picture"
)

// systemCan refuses what the system's share targets of WeChat don't accept.
// force allows what is known not to work.
func systemCan(req intents.Request, force bool) error {
	share, ok := req.(intents.Share)
	if !ok {
		return notBySystem(req)
	}
	kind := intents.Kind("nothing")
	if share.Message.Object != nil {
		kind = share.Message.Object.ObjectKind()
	}
	switch kind {
	case intents.KindText, intents.KindImage, intents.KindImages, intents.KindFile:
	default:
		return device.Errorf(device.Refused, "the system's share sheet supports text, images and files, not %s", kind).
			WithHint("use --route sdk")
	}
	switch {
	case share.Scene == intents.SceneContact:
		return device.Errorf(device.Refused, "the system's share sheet can't name a contact").
			WithHint("use --route sdk, or --scene session and choose on the phone")
	case share.Scene == intents.SceneTimeline && kind == intents.KindImages && !force:
		return device.Errorf(device.Refused, "since 7.0, WeChat does not accept several images for Moments from other apps").
			WithHint("use --scene session, send a single image, or try it anyway with --force")
	case share.Scene == intents.SceneTimeline && (kind == intents.KindText || kind == intents.KindFile):
		return device.Errorf(device.Refused, "WeChat accepts only an image for Moments through the system's share sheet, not %s", kind).
			WithHint("use --route sdk, or --scene session")
	}
	return nil
}

// systemMedia returns the files of a share by the system's route. Data that an
// SDK request would contain is copied to the phone as a file here.
func systemMedia(job device.Job) ([]device.Media, error) {
	for _, m := range job.Media {
		if m.AsPath {
			return nil, device.Errorf(device.Refused, "the system's share sheet accepts files by content URI only").
				WithHint("use --as uri, or --route sdk")
		}
	}
	if len(job.Media) > 0 {
		return job.Media, nil
	}
	share := job.Request.(intents.Share) // systemCan saw to it
	var data []byte
	name := ""
	switch o := share.Message.Object.(type) {
	case intents.Text:
		return nil, nil
	case intents.Image:
		data, name = o.Data, "image"
	case intents.File:
		if data, name = o.Data, "file"; share.Message.Title != nil && *share.Message.Title != "" {
			name = *share.Message.Title
		}
	}
	if data == nil {
		return nil, device.Errorf(device.Refused, "no file to share was given").WithHint("add a file")
	}
	if format, ok := picture.Sniff(data); ok && format.Picture && path.Ext(name) == "" {
		name += "." + format.Ext // WeChat goes by the extension
	}
	return []device.Media{{Name: name, MIME: picture.MIMEOf(name, data), Size: int64(len(data)), Open: func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(data)), nil
	}}}, nil
}

func notBySystem(req intents.Request) error {
	return device.Errorf(device.Refused, "the system's share sheet can't send %s", device.Describe(req)).WithHint("use --route auto")
}
