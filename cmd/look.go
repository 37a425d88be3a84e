package cmd

import (
	"errors"
	"fmt"
	"strings"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/intents"
	"github.com/wxctl/wxctl/intents/picture"
)

// The ids of warnings about files and pictures; device/check has them all.
const (
	noPicture       = "request.picture.not-picture"
	unreadPicture   = "request.picture.not-read"
	flawedPicture   = "request.picture.flawed"
	turnedPicture   = "request.picture.turned"
	animatedPicture = "request.picture.animated"
	namelessFile    = "request.file.nameless"
	endlessFile     = "request.file.no-extension"
)

// expect adds a warning: the request is sent unchanged.
func (a *adapted) expect(id, hint, format string, args ...any) {
	a.warnings = append(a.warnings, device.Note{ID: id, Message: fmt.Sprintf(format, args...), Hint: hint})
}

// lookMost is the largest picture, in bytes, that is decoded for warnings; of
// larger ones only the beginning is checked.
const lookMost = 1 << 20

// lookAt warns about a picture that is sent unchanged and that WeChat may not
// show. If data is nil, head is the beginning of its file.
func (a *adapted) lookAt(what string, data, head []byte) {
	if len(data) == 0 || len(data) > lookMost {
		if data != nil {
			head = data
		}
		format, known := picture.Sniff(head)
		switch {
		case len(head) == 0:
			a.expect(noPicture, "give a picture", "%s is empty", what)
		case !known || !format.Picture:
			a.expect(noPicture, "give a "+picture.Readable+" file", "%s is not a picture in a known format: WeChat may show nothing", what)
		case format == picture.HEIC || format == picture.AVIF || format == picture.JXL || format == picture.SVG:
			a.expect(unreadPicture, picture.ToJPEG, "%s is of the type %s, which not every WeChat shows", what, format.Name)
		case picture.Junk(head) > 0:
			a.expect(flawedPicture, picture.ToJPEG, "%s has %d extra bytes before its data; WeChat may show nothing", what, picture.Junk(head))
		}
		return
	}
	p, err := picture.Read(data)
	var unread *picture.Error
	switch {
	case errors.As(err, &unread) && unread.Format.Picture:
		a.expect(unreadPicture, unread.Hint, "%s: WeChat may show nothing", unread.Of(what))
	case errors.As(err, &unread):
		a.expect(noPicture, unread.Hint, "%s: WeChat may show nothing", unread.Of(what))
	case err != nil:
		a.expect(unreadPicture, picture.ToJPEG, "%s can't be read: WeChat may show nothing", what)
	case len(p.Flaws) > 0:
		a.expect(flawedPicture, picture.ToJPEG, "%s is damaged: %s; WeChat may show nothing", what, strings.Join(p.Flaws, ", "))
	}
}

// lookAtThumb also warns that a thumb which is sent unchanged may appear
// rotated: thumbs are shown without regard to EXIF.
func (a *adapted) lookAtThumb(what string, data []byte) {
	a.lookAt(what, data, nil)
	if p, err := picture.Read(data); err == nil && p.Orientation != 1 {
		a.expect(turnedPicture, "turn its pixels: magick IN -auto-orient OUT.jpg",
			"%s is turned by EXIF alone (orientation %d): WeChat may show it on its side", what, p.Orientation)
	}
}

// lookAtObject warns about known problems with what a share carries.
func (a *adapted) lookAtObject(share *intents.Share, files []attachment, on device.Platform) {
	switch o := share.Message.Object.(type) {
	case intents.Image:
		for _, f := range files {
			a.lookAt("the picture", o.Data, f.Head)
			if f.Format() == picture.GIF {
				a.expect(animatedPicture, "share it as a sticker: wxctl share emoji", "the picture is a GIF: shared as an image it does not move")
			}
		}
	case intents.Images:
		for _, f := range files {
			a.lookAt(fmt.Sprintf("%q", f.Name), nil, f.Head)
		}
	case intents.Emoji:
		for _, f := range files {
			a.lookAt("the sticker", o.Data, f.Head)
		}
	case intents.File:
		for _, f := range files {
			a.lookAtFile(f, share.Message.Title, on)
		}
	}
}

// lookAtFile warns if a file arrives without a name, or without the extension
// that WeChat needs to open it.
func (a *adapted) lookAtFile(f attachment, title *string, on device.Platform) {
	switch {
	case on == device.IOS && f.Ext() == "":
		a.expect(endlessFile, "give the file's name an extension, such as .pdf",
			"%q has no extension: WeChat does not know what opens it", f.Name)
	case on == device.Android && text(title) == "":
		a.expect(namelessFile, "name it: --title "+quoteWord(f.Name), "WeChat shows the title as the file's name, and there is none")
	case on == device.Android && !strings.Contains(text(title), "."):
		a.expect(endlessFile, "end the title with the file's extension, such as .pdf",
			"the title %q, which WeChat shows as the file's name, has no extension", *title)
	}
}

// quoteWord quotes a word for a shell.
func quoteWord(s string) string {
	if plainWord(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
