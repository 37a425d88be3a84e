package cmd

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/cmd/internal/input"
	"github.com/wxctl/wxctl/cmd/internal/output"
	"github.com/wxctl/wxctl/cmd/internal/streams"
	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/intents"
)

// NewCmdReply makes `wxctl reply` and the commands below it.
func NewCmdReply(f *Factory) *cobra.Command {
	return group(&cobra.Command{
		Use:   "reply",
		Short: "Forge WeChat's reply to an app",
		Long: long("Bring WeChat's reply to the app under test with no WeChat, so that the app's\nhandling of it can be "+
			"tested. Only debuggable apps get forged replies.", requestCodes...),
		Example: examples("wxctl reply share --err-code -2 --dry-run"),
	}, newCmdReplyKind(f, replyShare, nil), newCmdReplyKind(f, replyAuth, nil), newCmdReplyKind(f, replyMiniProgram, nil),
		newCmdReplyKind(f, replySubscribe, nil))
}

// replyKind is what distinguishes one kind of reply.
type replyKind struct {
	name, short, example, live string
	flags                      func(*replyOptions, *cobra.Command)
	make                       func(*replyOptions, intents.Result) intents.Reply
	// jsonKind is the "kind" of the reply's JSON form, for --from.
	jsonKind intents.Kind
}

var (
	replyShare = replyKind{
		name: "share", live: "wxctl reply share --err-code -2",
		short: "Forge the reply to a share", example: "wxctl reply share --err-code -2 --dry-run --json", jsonKind: intents.KindShare,
		flags: func(*replyOptions, *cobra.Command) {},
		make:  func(_ *replyOptions, r intents.Result) intents.Reply { return intents.ShareReply{Result: r} },
	}
	replyAuth = replyKind{
		name: "auth", live: "wxctl reply auth --code 0123456789 --state abc",
		short: "Forge the reply to a login", example: "wxctl reply auth --code 0123456789 --state abc --dry-run", jsonKind: intents.KindAuth,
		flags: func(o *replyOptions, c *cobra.Command) {
			optionalVar(c.Flags(), &o.code, "code", "code for the token")
			optionalVar(c.Flags(), &o.state, "state", "the request's state")
			optionalVar(c.Flags(), &o.url, "url", "answer as WeChat's server gave it (Android)")
			optionalVar(c.Flags(), &o.lang, "lang", "language, such as zh_CN")
			optionalVar(c.Flags(), &o.country, "country", "country, such as CN")
		},
		make: func(o *replyOptions, r intents.Result) intents.Reply {
			return intents.AuthReply{Result: r, Code: o.code, State: o.state, URL: o.url, Lang: o.lang, Country: o.country,
				AuthResult: r.ErrCode == intents.ErrOK}
		},
	}
	replyMiniProgram = replyKind{
		name: "miniprogram", live: "wxctl reply miniprogram --ext-msg hello",
		short: "Forge a mini program's message to the app", example: "wxctl reply miniprogram --ext-msg hello --dry-run",
		jsonKind: intents.KindLaunchMiniProgram,
		flags: func(o *replyOptions, c *cobra.Command) {
			optionalVar(c.Flags(), &o.extMsg, "ext-msg", "message of the mini program")
		},
		make: func(o *replyOptions, r intents.Result) intents.Reply {
			return intents.LaunchReply{Result: r, ExtMsg: o.extMsg}
		},
	}
	replySubscribe = replyKind{
		name: "subscribe", live: "wxctl reply subscribe --template-id 7YuTL --scene 1000 --action confirm",
		short: "Forge the reply to a subscription", example: "wxctl reply subscribe --template-id 7YuTL --scene 1000 " +
			"--action confirm --dry-run", jsonKind: intents.KindSubscribeMessage,
		flags: func(o *replyOptions, c *cobra.Command) {
			optionalVar(c.Flags(), &o.templateID, "template-id", "id of the message template")
			c.Flags().Int32Var(&o.scene, "scene", 0, "the request's scene")
			optionalVar(c.Flags(), &o.action, "action", "what the user did: confirm or cancel")
			optionalVar(c.Flags(), &o.reserved, "reserved", "the request's reserved text")
		},
		make: func(o *replyOptions, r intents.Result) intents.Reply {
			return intents.SubscribeReply{Result: r, TemplateID: o.templateID, Scene: o.scene, Action: o.action, Reserved: o.reserved}
		},
	}
)

// replyOptions are the options of all replies; each kind uses its own.
type replyOptions struct {
	requestOptions
	cmd     *cobra.Command
	kind    replyKind
	errCode int32
	errStr  *string
	from    string

	code, state, url, lang, country *string
	extMsg                          *string
	templateID, action, reserved    *string
	scene                           int32
}

func newCmdReplyKind(f *Factory, kind replyKind, runF func(context.Context, *replyOptions) error) *cobra.Command {
	opts := &replyOptions{kind: kind}
	cmd := &cobra.Command{
		Use:   kind.name,
		Short: kind.short,
		Long: long(kind.short+", as WeChat would bring it to the app's WXEntryActivity or\nopen its URL. --from replays a "+
			"reply that wxctl watch --record kept, the last of\nits kind in the file.", requestCodes...),
		Example: examples(kind.example + "\n" + kind.live),
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if runF != nil {
				return runF(c.Context(), opts)
			}
			return replyRun(c.Context(), opts)
		},
	}
	opts.cmd = cmd
	opts.addFlags(f, cmd, "delivered")
	opts.name = "reply " + kind.name
	flags := cmd.Flags()
	flags.Int32Var(&opts.errCode, "err-code", 0, "WeChat's answer: 0, -1 … -6")
	optionalVar(flags, &opts.errStr, "err-str", "text to it, normally none")
	flags.StringVar(&opts.from, "from", "", "replay the reply in `file`, as wxctl watch --record keeps it")
	kind.flags(opts, cmd)
	return cmd
}

// replyFileLimit bounds a file of replies.
const replyFileLimit = 64 << 20

func (o *replyOptions) reply() (intents.Reply, error) {
	if o.from == "" {
		return o.kind.make(o, intents.Result{ErrCode: intents.ErrCode(o.errCode), ErrStr: o.errStr, Transaction: o.transaction,
			OpenID: o.openID}), nil
	}
	if flag := o.saysReply(); flag != "" {
		return nil, exit.Usagef("omit one of them", "--%s can't be used with --from, which holds the whole reply", flag)
	}
	file, err := o.loader().Read(o.from, replyFileLimit)
	if err != nil {
		return nil, err
	}
	// A shell may have written the file in another encoding.
	data, err := input.Decode(file.Data, fmt.Sprintf("the text in %q", o.from))
	if err != nil {
		return nil, err
	}
	return o.recorded(data)
}

// saysReply returns a given flag that describes the reply; "" if there is none.
func (o *replyOptions) saysReply() string {
	given := ""
	about := []string{"err-code", "err-str", "transaction", "openid", "code", "state", "url", "lang", "country", "ext-msg",
		"template-id", "scene", "action", "reserved"}
	o.cmd.Flags().Visit(func(f *pflag.Flag) {
		if slices.Contains(about, f.Name) {
			given = f.Name
		}
	})
	return given
}

// recorded finds the reply of this kind in a recording of `watch --record`, one
// object after the other: the last one, since it is the newest.
func (o *replyOptions) recorded(data []byte) (intents.Reply, error) {
	var found intents.Reply
	var other intents.Kind
	n := 0
	for dec := json.NewDecoder(bytes.NewReader(data)); ; {
		var object json.RawMessage
		err := dec.Decode(&object)
		if err == io.EOF && (found != nil || other != "") {
			break
		}
		if err == io.EOF {
			err = errors.New("it is empty")
		}
		var reply intents.Reply
		if err == nil {
			reply, err = intents.UnmarshalReply(object)
		}
		if err != nil {
			return nil, exit.Usagef("record one with wxctl watch --record FILE, or compare with "+
				"the reply in "+o.cmd.CommandPath()+" --dry-run --json", "%q has no reply: %v", o.from, err)
		}
		if reply.Kind() == o.kind.jsonKind {
			found = reply
			n++
		} else {
			other = reply.Kind()
		}
	}
	if found == nil {
		return nil, exit.Usagef("", "%q has a reply of kind %q, not %q", o.from, other, o.kind.jsonKind)
	}
	if n > 1 {
		o.f.Streams.Note("%s has %d replies of kind %s; the last one is used", safe(strconv.Quote(o.from)), n, o.kind.jsonKind)
	}
	return found, nil
}

func replyRun(ctx context.Context, o *replyOptions) error {
	p, err := o.plan(o.cmd)
	if err != nil {
		return err
	}
	reply, err := o.reply()
	if err != nil {
		return err
	}
	id, err := o.identity()
	if err != nil {
		return err
	}
	if o.dryRun {
		return o.preview(p, reply, id)
	}
	return onPhones(ctx, o.f, &o.phone, p.patience(),
		func(ctx context.Context, info device.Info, phone device.Phone, openErr error) (any, string, error) {
			outcome, err := device.NewOutcome(info), openErr
			if err == nil {
				err = o.outputs.free([]device.Info{info}, p.sel.All)
			}
			if err == nil {
				replier, ok := device.As[device.Replier](phone)
				if !ok {
					err = device.Errorf(device.Refused, "replies can't be forged on %s phones", info.Platform)
				} else {
					hooks := o.f.hooks(info, p.sel.All)
					var kept []device.Artifact
					end := o.outputs.into(&hooks, info, p.sel.All, &kept)
					outcome, err = replier.Reply(ctx, device.ReplyJob{
						Reply: reply, App: id, SDKVersion: o.sdkVersion, Route: p.route, User: o.phone.user(),
						Until: p.until, After: p.after, Hooks: hooks,
					})
					err = errors.Join(err, end(err))
					outcome.Artifacts = append(outcome.Artifacts, kept...)
				}
			}
			outcome.Reply, _ = masked(outcome.Reply) // a recorded code may still be valid
			if err != nil {
				outcome.Error = new(describe(err))
				return outcome, "", err
			}
			return outcome, tellReply(o.f.Streams, outcome, o.f.Verbose() > 0), nil
		})
}

// tellReply describes the result of a forged reply; all evidence is shown only
// with all.
func tellReply(s *streams.Streams, o *device.Outcome, all bool) string {
	app := ""
	if o.App != nil {
		app = cmp.Or(o.App.Package, o.App.BundleID)
	}
	what := s.Sprintf("handed the reply to %s on %s", safe(app), safe(cmp.Or(o.Device.Name, o.Device.ID)))
	if last := lastSeen(o); last != "" {
		what += " — " + safe(s.Translate(last))
	}
	what = s.PaintOut(streams.Good, s.Wrap(what, 0))
	if !all {
		return what
	}
	for _, e := range o.Evidence {
		what += fmt.Sprintf("\n  %5d ms  %s", e.AtMs, witnessed(s, e))
	}
	return what
}

// preview prints the wire form of a reply; no phone is used.
func (o *replyOptions) preview(p plan, reply intents.Reply, id device.AppIdentity) error {
	id.AppID, id.Package = cmp.Or(id.AppID, demoAppID), cmp.Or(id.Package, demoPackage)
	on := device.Android
	if p.sel.Platform != "" {
		on = p.sel.Platform
	}
	shown, err := platformOf(on).previewReply(device.ReplyJob{Reply: reply, App: id, SDKVersion: o.sdkVersion})
	if err != nil {
		return err
	}
	if !o.f.Printer().JSON() {
		return o.f.Streams.Println(strings.TrimRight(shown.Text, "\n"))
	}
	result := replyPreview{SchemaVersion: output.SchemaVersion, Reply: reply, Differences: append([]string{}, shown.Differences...)}
	if result.Wire, err = wireJSON(shown); err != nil {
		return err
	}
	return o.f.Printer().Object(result)
}

// replyPreview is what a reply's --dry-run prints.
type replyPreview struct {
	SchemaVersion int               `json:"schemaVersion"`
	Reply         intents.Reply     `json:"reply"`
	Wire          []json.RawMessage `json:"wire"`
	Differences   []string          `json:"differences"`
}
