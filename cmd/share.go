package cmd

import (
	"bytes"
	"context"
	"io"
	"mime"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/cmd/internal/media"
	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/intents"
)

// requestCodes are the exit codes that a request can end with.
var requestCodes = []exit.Code{
	exit.SomeFailed, exit.NoPhone, exit.SeveralPhones, exit.PhoneNotReady, exit.WeChatMissing, exit.RefusedBefore,
	exit.RefusedByThem, exit.PhoneLost, exit.PhoneBusy, exit.NotSeen, exit.Interrupted, exit.Terminated,
}

// requestTail is what the long help of every request ends with.
const requestTail = `
The answer says what was seen, no more: WeChat answers alike for sent and for
cancelled, and not at all if the user stays in WeChat.`

// NewCmdShare makes `wxctl share` and the commands below it.
func NewCmdShare(f *Factory) *cobra.Command {
	return group(&cobra.Command{
		Use:   "share",
		Short: "Share something with WeChat from the app under test",
		Long: long(`Hand a share to WeChat as the app's OpenSDK would, and say which screen opened.
A share without any content flags fires a built-in sample.
`+requestTail, requestCodes...),
		Example: examples("wxctl share text Hello --scene session\nwxctl share webpage --scene session"),
	},
		NewCmdShareText(f, nil), NewCmdShareImage(f, nil), NewCmdShareImages(f, nil), NewCmdShareMusic(f, nil),
		NewCmdShareVideo(f, nil), NewCmdShareWebpage(f, nil), NewCmdShareMiniProgram(f, nil),
		NewCmdShareFile(f, nil), NewCmdShareEmoji(f, nil))
}

// shareOptions are the options that every share has.
type shareOptions struct {
	requestOptions
	cmd     *cobra.Command
	args    []string
	content []string // the names of the content flags

	scene                 string
	to                    *string
	mediaTag, action, ext *string
	title, description    *string
	thumb                 string
}

// addFlags defines the flags that all shares have. content names the
// command's own flags that hold content.
func (o *shareOptions) addFlags(f *Factory, cmd *cobra.Command, content ...string) {
	o.cmd = cmd
	o.requestOptions.addFlags(f, cmd, "opened")
	o.name = "share " + cmd.Name()
	flags := cmd.Flags()
	flags.StringVar(&o.scene, "scene", "", "where it goes: session, timeline, favorite, contact, or the SDK's number (default: the profile's, else timeline; a mini program goes to session)")
	optionalVar(flags, &o.to, "to", "openid of the contact, with --scene contact")
	optionalVar(flags, &o.mediaTag, "media-tag", "the message's mediaTagName")
	optionalVar(flags, &o.action, "message-action", "the message's messageAction")
	optionalVar(flags, &o.ext, "message-ext", "the message's messageExt")
	complete(cmd, "scene", "session", "timeline", "favorite", "contact")
	o.content = content
}

// addCard defines the flags of a share that shows as a card.
func (o *shareOptions) addCard(cmd *cobra.Command) {
	o.addTitle(cmd)
	cmd.Flags().StringVar(&o.thumb, "thumb", "", "thumbnail: a picture `file`, scaled down if it is too large")
	o.content = append(o.content, "thumb")
}

// addTitle defines --title and --description.
func (o *shareOptions) addTitle(cmd *cobra.Command) {
	optionalVar(cmd.Flags(), &o.title, "title", "title")
	optionalVar(cmd.Flags(), &o.description, "description", "description")
	o.content = append(o.content, "title", "description")
}

// sample says whether no content was given at all, and tells the user that a
// built-in sample goes out instead.
func (o *shareOptions) sample() bool {
	if len(o.args) > 0 || slices.ContainsFunc(o.content, o.cmd.Flags().Changed) {
		return false
	}
	o.f.Streams.Note("no content was given: firing the built-in sample")
	return true
}

// need is the error of a share that lacks a required flag, nil with --raw.
func (o *shareOptions) need(what string, given bool) error {
	if given || o.raw {
		return nil
	}
	return exit.Usagef(o.cmd.CommandPath()+" --help", "%s needs %s", o.name, what)
}

// sendShare builds the share around an object and sends it.
func (o *shareOptions) sendShare(ctx context.Context, byDefault intents.Scene, object func(context.Context, target, *built) (intents.Object, error)) error {
	scene, err := o.sceneOr(byDefault)
	if err != nil {
		return err
	}
	return o.send(ctx, o.cmd, func(ctx context.Context, t target) (built, error) {
		var b built
		var err error
		share := intents.Share{Common: o.common(), Scene: scene, To: o.to, Message: intents.Message{
			Title: o.title, Description: o.description, MediaTag: o.mediaTag, Action: o.action, Ext: o.ext,
		}}
		if o.thumb != "" {
			file, err := t.load.Read(o.thumb, thumbSourceLimit)
			if err != nil {
				return b, err
			}
			share.Message.Thumb = file.Data
		}
		if share.Message.Object, err = object(ctx, t, &b); err != nil {
			return b, err
		}
		if o.thumb == "" && b.madeThumb != nil {
			share.Message.Thumb = b.madeThumb
		}
		b.request = share
		return b, nil
	})
}

// thumbSourceLimit bounds a picture file that is read to become a thumb: more
// than any camera's JPEG.
const thumbSourceLimit = 64 << 20

// sceneOr is the scene of --scene, else the profile's, else the command's.
func (o *shareOptions) sceneOr(byDefault intents.Scene) (intents.Scene, error) {
	s, err := o.f.Setting("scene", "")
	if err != nil {
		return 0, err
	}
	word := s.Value
	if o.cmd.Flags().Changed("scene") {
		word = o.scene
	}
	if word == "" && !o.cmd.Flags().Changed("scene") {
		return byDefault, nil
	}
	scene, err := intents.ParseScene(word)
	if err != nil {
		return 0, exit.Usagef("use session, timeline, favorite or contact", "--scene: %s", err)
	}
	return scene, nil
}

// fileAs is how a file is handed to WeChat.
type fileAs string

const (
	asBytes fileAs = "bytes"
	asPath  fileAs = "path"
	asURI   fileAs = "uri"
	// bytesUpTo is the size up to which a file goes inside the request by
	// default: an Android Intent holds about 1 MB with all that travels at the
	// same time.
	bytesUpTo = 256 << 10
	// fileLimit bounds what is read into memory for a request. It is far above
	// every limit of the SDKs but those of files, 1 GiB and more, which no
	// Intent and no URL holds.
	fileLimit = 128 << 20
)

// handOver decides how a file goes to WeChat and reads or attaches it.
type handOver struct {
	data []byte
	ref  *string // path or URI on the phone, or what stands for it without one
	size int64
	file media.File
}

func (o *shareOptions) handOver(ctx context.Context, t target, b *built, name, as string) (handOver, error) {
	how := fileAs(as)
	switch how {
	case "", asBytes, asPath, asURI:
	default:
		return handOver{}, exit.Usagef("use --as bytes, path or uri", "--as %q is no way to hand over a file", as)
	}
	var file media.File
	var err error
	if media.IsURL(name) {
		file, err = t.load.Download(ctx, name)
	} else {
		file, err = t.load.Stat(name)
	}
	if err != nil {
		return handOver{}, err
	}
	if t.platform == device.IOS {
		if how == asPath || how == asURI {
			return handOver{}, exit.Usagef("leave --as away", "--as %s exists on Android only: an iPhone's files can't be named", how)
		}
		how = asBytes
	}
	if how == "" {
		how = asURI
		if file.Size <= bytesUpTo && o.route != string(device.RouteSystem) { // which carries no bytes
			how = asBytes
		}
	}
	if how == asBytes {
		if file.Data == nil && file.Size > fileLimit {
			b.tooLarge(t.platform, file)
			return handOver{data: []byte{}, file: file}, nil
		}
		if file.Data == nil {
			if file, err = t.load.Read(name, fileLimit); err != nil {
				return handOver{}, err
			}
		}
		if file.Data == nil {
			file.Data = []byte{}
		}
		return handOver{data: file.Data, file: file}, nil
	}
	ref := fileWithoutPhone(file.Name, o.phone.androidUser, how == asURI)
	b.media = append(b.media, device.Media{
		Name: file.Name, MIME: mimeOf(file.Name), Size: file.Size, AsPath: how == asPath,
		Open: func() (io.ReadCloser, error) {
			if file.Data != nil {
				return io.NopCloser(bytes.NewReader(file.Data)), nil
			}
			return t.load.Open(name)
		},
	})
	return handOver{ref: &ref, size: file.Size, file: file}, nil
}

// tooLarge refuses a file that is not read, since no Intent and no URL holds it.
func (b *built) tooLarge(platform device.Platform, file media.File) {
	problem := intents.Problem{
		Severity: intents.SeverityError, Field: "message.object.data", Rule: "may have at most",
		Limit: fileLimit, Actual: file.Size, Unit: "bytes", Source: "wxctl",
	}
	hint := "name it instead of sending its bytes: --as uri"
	if platform == device.IOS {
		hint = "give a smaller file"
	}
	b.problems = append(b.problems, problem)
	b.failure = &exit.Error{Name: "refused", Code: exit.RefusedBefore, Message: problem.Error(), Hint: hint}
}

func mimeOf(name string) string {
	if t := mime.TypeByExtension(strings.ToLower(filepath.Ext(name))); t != "" {
		t, _, _ = strings.Cut(t, ";")
		return t
	}
	return "application/octet-stream"
}
