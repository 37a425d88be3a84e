package cmd

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/cmd/internal/media"
	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/android"
	"github.com/wxctl/wxctl/device/ios"
	"github.com/wxctl/wxctl/intents"
	"github.com/wxctl/wxctl/intents/picture"
)

// content is a request as its flags describe it, and the files that it names.
// It is read once, before a phone is searched for; adapt converts it for the
// phones of one platform.
type content struct {
	request intents.Request
	// files are those of the object of a share: one for a picture, a file or a
	// sticker, any number for several pictures.
	files []attachment
	// thumb is the default thumb of a share.
	thumb []byte
	// notes are printed on stderr.
	notes []string
}

// attachment is a file that a share carries.
type attachment struct {
	media.File
	name string // as it was given
	as   fileAs
}

// fileAs is how a file is passed to WeChat.
type fileAs string

const (
	asBytes fileAs = "bytes"
	asPath  fileAs = "path"
	asURI   fileAs = "uri"
	// bytesUpTo is the size up to which a file goes inside the request by
	// default: an Android Intent holds about 1 MB with all that travels at the
	// same time.
	bytesUpTo = 256 << 10
	// fileLimit limits what is read into memory for a request. It is far above
	// every limit of the SDKs except that of files, 1 GiB and more, which no
	// Intent and no URL can hold.
	fileLimit = 128 << 20
	// thumbSourceLimit bounds a picture file that is read to become a thumb:
	// more than any camera's JPEG.
	thumbSourceLimit = 64 << 20
)

// attach adds a file to what a share carries.
func (o *shareOptions) attach(ctx context.Context, c *content, name, as string) error {
	switch fileAs(as) {
	case "", asBytes, asPath, asURI:
	default:
		return exit.Usagef("use --as bytes, path or uri", "invalid --as %q", as)
	}
	var file media.File
	var err error
	if media.IsURL(name) {
		file, err = o.loader().Download(ctx, name, o.pictures)
	} else {
		file, err = o.loader().Stat(name)
	}
	if o.pictures {
		file.Name = file.PictureName()
	}
	c.files = append(c.files, attachment{File: file, name: name, as: fileAs(as)})
	return err
}

// attachSample adds a built-in file.
func (c *content) attachSample(name string, data []byte) {
	c.files = append(c.files, attachment{File: media.File{Name: name, Data: data, Size: int64(len(data)), Head: data}, as: asBytes})
}

// platform is what is known about one platform without a phone.
type platform struct {
	validate     func(device.Job) ([]intents.Problem, error)
	preview      func(device.Job) (device.Preview, intents.Request, error)
	previewReply func(device.ReplyJob) (device.Preview, error)
}

func platformOf(p device.Platform) platform {
	if p == device.IOS {
		return platform{ios.Validate, ios.Preview, ios.PreviewReply}
	}
	return platform{android.Validate, android.Preview, android.PreviewReply}
}

// adapted is a request for the phones of one platform, except for what belongs
// to a single phone.
type adapted struct {
	job      device.Job
	problems []intents.Problem
	// warnings say what will be lost or is known to fail.
	warnings []device.Note
	// refusal is why it is not sent; nil if it can be.
	refusal error
}

// adapt makes the request for the phones of one platform, checks it, and
// reports on stderr what it changed and what to expect.
func (o *requestOptions) adapt(c content, on device.Platform) (*adapted, error) {
	a := &adapted{job: device.Job{
		Request: c.request, SDKVersion: o.sdkVersion, User: o.phone.user(),
		Yes: o.yes, Force: o.force, Raw: o.raw, NoFit: o.noFit,
	}}
	notes := c.notes
	// The flags were checked before, so parsing route, state and after can't
	// fail.
	a.job.Route, _ = device.ParseRoute(o.route)
	switch r := c.request.(type) {
	case intents.LaunchMiniProgram:
		if on == device.Android { // the SDK's objects have empty strings by default, not null
			r.Path, r.ExtMsg = orEmpty(r.Path), orEmpty(r.ExtMsg)
		}
		a.job.Request = r
	case intents.Share:
		if err := o.handOver(a, &r, c.files, on); err != nil {
			return nil, err
		}
		if err := o.expectProgram(a, &r); err != nil {
			return nil, err
		}
		if program, ok := r.Message.Object.(intents.MiniProgram); ok && program.HDImage != nil && on == device.Android {
			program.HDImage = nil
			r.Message.Object = program
			a.expect("request.hd-image", "use --thumb for the picture", "--hd-image works on iOS only and is not sent: Android shows the thumb")
		}
		a.lookAtObject(&r, c.files, on)
		fit := !o.raw && !o.noFit
		notes = append(notes, a.fitThumbs(&r, on, fit)...)
		a.job.Request = r
	}
	problems, err := platformOf(on).validate(a.job)
	if a.refusal == nil {
		a.refusal = err
	}
	if a.problems == nil { // if wxctl's own limit is exceeded, the SDK's checks are skipped
		a.problems = problems
	}
	for _, p := range a.problems {
		if p.Severity == intents.SeverityWarning || o.raw {
			a.warnings = append(a.warnings, device.Note{ID: cmp.Or(p.ID, "request.limit"), Message: p.Error(), Hint: p.Hint})
		}
	}
	if a.refusal == nil && !o.raw {
		a.refusal = device.RefusedBySDK(a.problems, o.noFit)
	}
	for _, note := range notes {
		o.f.Streams.Note("%s", safe(note))
	}
	for _, w := range a.warnings {
		o.f.Streams.Warn("%s", safe(w.Message))
	}
	a.severalToMoments(on)
	return a, nil
}

// severalToMoments explains the refusal of several pictures for Moments: WeChat
// accepts one there.
func (a *adapted) severalToMoments(on device.Platform) {
	share, ok := a.job.Request.(intents.Share)
	if !ok || share.Scene != intents.SceneTimeline || on != device.Android {
		return
	}
	if _, several := share.Message.Object.(intents.Images); several {
		a.expect("wechat.moments-images", "share one picture, or send them to a chat: --scene session",
			"since 7.0 WeChat takes one picture for Moments from other apps")
	}
}

// expectProgram warns about a mini program that the profile doesn't list:
// WeChat only opens those that are bound to the AppID.
func (o *requestOptions) expectProgram(a *adapted, share *intents.Share) error {
	program, ok := share.Message.Object.(intents.MiniProgram)
	if !ok {
		return nil
	}
	if program.Type != intents.MiniProgramRelease {
		a.expect("request.program", "share it with --type release",
			"the %s version of a mini program opens for its testers alone: others see \"尚未发布\" (not published)", program.Type)
	}
	if program.UserName == nil {
		return nil
	}
	bound, err := o.f.Setting("mini-programs", "")
	if err != nil {
		return err
	}
	if bound.Value != "" && !slices.Contains(strings.Split(bound.Value, ","), *program.UserName) {
		a.expect("request.program", "see wxctl config get mini-programs", "the mini program %q is not in the profile's mini-programs",
			*program.UserName)
	}
	return nil
}

func orEmpty(s *string) *string {
	if s == nil {
		return new("")
	}
	return s
}

// handOver puts the files into the request, or beside it.
func (o *requestOptions) handOver(a *adapted, share *intents.Share, files []attachment, on device.Platform) error {
	_, several := share.Message.Object.(intents.Images)
	for _, file := range files {
		as, err := o.wayOf(file, on)
		if err != nil {
			return err
		}
		if several || as != asBytes {
			a.job.Media = append(a.job.Media, device.Media{
				Name: file.Name, MIME: file.MIME(), Size: file.Size, AsPath: as == asPath,
				Open: func() (io.ReadCloser, error) {
					if file.Data != nil {
						return io.NopCloser(bytes.NewReader(file.Data)), nil
					}
					return o.loader().Open(file.name)
				},
			})
			continue
		}
		if file.Data == nil && file.Size > fileLimit {
			a.tooLarge(file.File, on)
		} else if file.Data == nil {
			if file.File, err = o.loader().Read(file.name, fileLimit); err != nil {
				return err
			}
		}
		if file.Data == nil {
			file.Data = []byte{}
		}
		switch object := share.Message.Object.(type) {
		case intents.Image:
			object.Data = file.Data
			share.Message.Object = object
		case intents.Emoji:
			object.Data = file.Data
			share.Message.Object = object
		case intents.File:
			object.Data = file.Data
			if on == device.IOS {
				object.Ext = new(file.Ext())
			}
			share.Message.Object = object
		}
	}
	return nil
}

// wayOf decides how a file is passed to WeChat.
func (o *requestOptions) wayOf(file attachment, on device.Platform) (fileAs, error) {
	switch {
	case on == device.IOS && (file.as == asPath || file.as == asURI):
		return "", exit.Usagef("omit --as", "--as %s works on Android only: files on an iPhone have no path for other apps", file.as)
	case on == device.IOS:
		return asBytes, nil
	case file.as != "":
		return file.as, nil
	case file.Size <= bytesUpTo && o.route != string(device.RouteSystem): // which carries no bytes
		return asBytes, nil
	}
	return asURI, nil
}

// tooLarge refuses a file that is too large for an Intent or a URL; it is not
// read.
func (a *adapted) tooLarge(file media.File, on device.Platform) {
	problem := intents.Problem{
		Severity: intents.SeverityError, Field: "message.object.data", Rule: intents.MostRule,
		Limit: fileLimit, Actual: file.Size, Unit: "bytes", Source: "wxctl",
	}
	hint := "send it as a file: --as uri"
	if on == device.IOS {
		hint = "give a smaller file"
	}
	a.problems = append(a.problems, problem)
	a.refusal = &device.Error{Code: device.Refused, Message: problem.Error(), Hint: hint}
}

// fitThumbs scales thumbs that are too large, if allowed, and reports it. A
// thumb that can't be scaled stays unchanged, and the request is refused. For a
// thumb that is sent unchanged, it warns if WeChat may not show it.
func (a *adapted) fitThumbs(share *intents.Share, on device.Platform, may bool) (notes []string) {
	fit := func(what string, data []byte, limit int) []byte {
		name := cmp.Or(strings.TrimSuffix(what, ": "), "the thumb")
		switch {
		case data == nil:
			return nil
		case !may || len(data) <= limit:
			a.lookAtThumb(name, data)
			return data
		}
		thumb, err := intents.Fit(data, limit)
		if err != nil {
			if a.refusal == nil {
				hint := "give another picture"
				if e := (*intents.ThumbError)(nil); errors.As(err, &e) && e.Hint != "" {
					hint = e.Hint
				}
				a.refusal = &device.Error{Code: device.Refused, Message: what + err.Error(), Hint: hint, Err: err}
			}
			return data
		}
		notes = append(notes, what+thumb.String())
		if len(thumb.Flaws) > 0 {
			a.expect(flawedPicture, picture.ToJPEG, "%s is made from a damaged picture: %s", name, strings.Join(thumb.Flaws, ", "))
		}
		return thumb.Data
	}
	limit := intents.ThumbLimit
	program, isProgram := share.Message.Object.(intents.MiniProgram)
	if isProgram && on == device.Android {
		limit = intents.ThumbLimitLarge
	}
	share.Message.Thumb = fit("", share.Message.Thumb, limit)
	if isProgram {
		program.HDImage = fit("--hd-image: ", program.HDImage, intents.ThumbLimitLarge)
		share.Message.Object = program
	}
	return notes
}

// attachIf is attach, but with --raw the file may be missing.
func (o *shareOptions) attachIf(ctx context.Context, c *content, name, as string) error {
	if name == "" {
		return nil
	}
	return o.attach(ctx, c, name, as)
}
