package cmd

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/intents"
	"github.com/wxctl/wxctl/intents/suite"
)

// requestCodes are the exit codes that a request can end with.
var requestCodes = []int{
	exit.SomeFailed, exit.Credentials, exit.NoPhone, exit.SeveralPhones, exit.PhoneNotReady, exit.WeChatMissing, exit.RefusedBefore,
	exit.RefusedByThem, exit.PhoneLost, exit.PhoneBusy, exit.NotSeen, exit.Interrupted, exit.Terminated,
}

// NewCmdShare makes `wxctl share` and the commands below it.
func NewCmdShare(f *Factory) *cobra.Command { return newShare(f, "") }

// shares are the commands below share.
func shares() []subcommand {
	return []subcommand{
		{"", "text", func(f *Factory) *cobra.Command { return NewCmdShareText(f, nil) }},
		{"", "image", func(f *Factory) *cobra.Command { return NewCmdShareImage(f, nil) }},
		{"", "images", func(f *Factory) *cobra.Command { return NewCmdShareImages(f, nil) }},
		{"", "music", func(f *Factory) *cobra.Command { return NewCmdShareMusic(f, nil) }},
		{"", "video", func(f *Factory) *cobra.Command { return NewCmdShareVideo(f, nil) }},
		{"", "webpage", func(f *Factory) *cobra.Command { return NewCmdShareWebpage(f, nil) }},
		{"", "miniprogram", func(f *Factory) *cobra.Command { return NewCmdShareMiniProgram(f, nil) }},
		{"", "file", func(f *Factory) *cobra.Command { return NewCmdShareFile(f, nil) }},
		{"", "emoji", func(f *Factory) *cobra.Command { return NewCmdShareEmoji(f, nil) }},
	}
}

// newShare makes share with the one command that next names, or with all.
func newShare(f *Factory, next string) *cobra.Command {
	all := shares()
	if i := slices.IndexFunc(all, func(s subcommand) bool { return s.name == next }); i >= 0 {
		all = all[i : i+1]
	}
	subs := make([]*cobra.Command, len(all))
	for i, s := range all {
		subs[i] = s.make(f)
	}
	return group(&cobra.Command{
		Use:   "share",
		Short: "Share something with WeChat from the app under test",
		Long: long(`Send a share to WeChat as the app's OpenSDK would, and show which screen opened.
Without content flags, a built-in sample is sent.

The answer says only what was seen: WeChat's reply is the same for a share that
was sent and one that was cancelled, and it does not reply if the user stays in
WeChat.`, requestCodes...),
		Example: examples("wxctl share text Hello --scene session\nwxctl share webpage --scene session"),
	}, subs...)
}

// sceneNames are alternative names of scenes, from WeChat's own pages.
var sceneNames = map[string]string{
	"moments": "timeline", "moment": "timeline", "chat": "session", "friend": "session", "friends": "session",
	"favorites": "favorite", "favourite": "favorite", "favourites": "favorite", "specifiedsession": "contact",
}

// shareOptions are the options that every share has.
type shareOptions struct {
	requestOptions
	cmd     *cobra.Command
	args    []string
	content []string // the names of the content flags

	scene                 string
	byDefault             intents.Scene // where no --scene is given
	to                    *string
	mediaTag, action, ext *string
	title, description    *string
	thumb                 string
	// pictures is set if the files of the share are pictures.
	pictures bool
}

// addFlags defines the flags that all shares have. content names the
// command's own flags that hold content.
func (o *shareOptions) addFlags(f *Factory, cmd *cobra.Command, byDefault intents.Scene, content ...string) {
	o.cmd, o.byDefault = cmd, byDefault
	o.requestOptions.addFlags(f, cmd, "opened")
	o.name = "share " + cmd.Name()
	flags := cmd.Flags()
	flags.StringVar(&o.scene, "scene", "",
		oneOf("session", "timeline", "favorite", "contact")+", or a number (default "+byDefault.String()+")")
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
	cmd.Flags().StringVar(&o.thumb, "thumb", "", "thumbnail: a picture, a `file` or URL, scaled down if it is too large")
	cmd.Flags().BoolVar(&o.noFit, "no-fit", false, "refuse a thumb that is too large instead of scaling it")
	o.content = append(o.content, "thumb")
}

// addTitle defines --title and --description.
func (o *shareOptions) addTitle(cmd *cobra.Command) {
	optionalVar(cmd.Flags(), &o.title, "title", "title of the card")
	optionalVar(cmd.Flags(), &o.description, "description", "description on the card")
	o.content = append(o.content, "title", "description")
}

// sample reports whether no content was given at all, and then tells the user
// that a built-in sample is sent instead.
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

// sendShare makes the share around an object and sends it.
func (o *shareOptions) sendShare(ctx context.Context, object func(context.Context, *content) (intents.Object, error)) error {
	scene, err := o.chosenScene()
	if err != nil {
		return err
	}
	return o.send(ctx, o.cmd, func(ctx context.Context) (c content, err error) {
		share := intents.Share{Common: o.common(), Scene: scene, To: o.to, Message: intents.Message{
			Title: o.title, Description: o.description, MediaTag: o.mediaTag, Action: o.action, Ext: o.ext,
		}}
		if share.Message.Object, err = object(ctx, &c); err != nil {
			return c, err
		}
		share.Message.Thumb = c.thumb
		if o.thumb != "" {
			file, err := o.loader().Fetch(ctx, o.thumb, thumbSourceLimit)
			if err != nil {
				return c, err
			}
			share.Message.Thumb = append([]byte{}, file.Data...)
		}
		c.request = share
		return c, nil
	})
}

// chosenScene is the scene of --scene, else the profile's, else the command's.
func (o *shareOptions) chosenScene() (intents.Scene, error) {
	s, err := o.f.Setting("scene", "")
	if err != nil {
		return 0, err
	}
	word := s.Value
	if o.cmd.Flags().Changed("scene") {
		word = o.scene
	}
	if word == "" && !o.cmd.Flags().Changed("scene") {
		return o.byDefault, nil
	}
	// The SDK calls it WXSceneTimeline.
	name := strings.TrimPrefix(strings.ToLower(strings.TrimSpace(word)), "wxscene")
	scene, err := intents.ParseScene(name)
	if err != nil {
		near, ok := sceneNames[name]
		if !ok {
			typed := suite.Near(name, append(slices.Sorted(maps.Keys(sceneNames)), "session", "timeline", "favorite", "contact"))
			near, ok = cmp.Or(sceneNames[typed], typed), typed != ""
		}
		if ok {
			return 0, exit.Usagef(didYouMean("--scene "+near), "invalid --scene %q: use session, timeline, favorite or contact", word)
		}
		return 0, exit.Usagef("", "invalid --scene %q: use session, timeline, favorite or contact", word)
	}
	return scene, nil
}
