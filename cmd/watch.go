package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/cmd/internal/files"
	"github.com/wxctl/wxctl/cmd/internal/output"
	"github.com/wxctl/wxctl/cmd/internal/streams"
	"github.com/wxctl/wxctl/device"
)

type watchOptions struct {
	f         *Factory
	phone     phoneFlags
	pkg       string
	bundleID  string
	showCode  bool
	record    string
	overwrite bool
}

// NewCmdWatch makes `wxctl watch`.
func NewCmdWatch(f *Factory, runF func(context.Context, *watchOptions) error) *cobra.Command {
	opts := &watchOptions{f: f}
	cmd := &cobra.Command{
		Use:   "watch",
		Short: "Print WeChat's replies to an app as they come",
		Long: long(`Print a line each time that WeChat calls the app back, until Ctrl-C or
--timeout. What the reply says can be read from a debuggable app on Android, or
one that has the bridge's hook; of others only the call is seen. Requests can be
sent to the phone meanwhile.

Codes of a login are masked unless --show-code asks for them. --record adds
each reply that was read, codes and all, to a file that only you can read;
wxctl reply … --from replays it. --overwrite replaces what the file holds.`,
			exit.NoPhone, exit.SeveralPhones, exit.PhoneNotReady, exit.RefusedBefore, exit.PhoneLost, exit.NotSeen,
			exit.Interrupted, exit.Terminated),
		Example: examples("wxctl watch --timeout 100ms\nwxctl watch --json --timeout 100ms"),
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := errors.Join(opts.phone.check(c), given(c, "record")); err != nil {
				return err
			}
			if runF != nil {
				return runF(c.Context(), opts)
			}
			return watchRun(c.Context(), opts)
		},
	}
	opts.phone.add(f, cmd)
	cmd.Flags().StringVar(&opts.pkg, "package", "", "Android package of the app")
	cmd.Flags().StringVar(&opts.bundleID, "bundle-id", "", "iOS bundle id of the app")
	cmd.Flags().BoolVar(&opts.showCode, "show-code", false, "print login codes unmasked")
	cmd.Flags().StringVar(&opts.record, "record", "", "add the replies to `file`, for wxctl reply … --from")
	cmd.Flags().BoolVar(&opts.overwrite, "overwrite", false, "replace what the file of --record holds, once a reply comes")
	return cmd
}

// identity is the app that is watched, as far as flags, environment and profile
// name it.
func (o *watchOptions) identity() (device.AppIdentity, error) {
	var id device.AppIdentity
	pkg, err := o.f.Setting("package", o.pkg)
	if err != nil {
		return id, err
	}
	bundle, err := o.f.Setting("bundle-id", o.bundleID)
	if err != nil {
		return id, err
	}
	app, err := o.f.Setting("app-id", "")
	return device.AppIdentity{Package: pkg.Value, BundleID: bundle.Value, AppID: app.Value}, err
}

func watchRun(ctx context.Context, opts *watchOptions) (err error) {
	f := opts.f
	id, err := opts.identity()
	if err != nil {
		return err
	}
	sel, err := f.selector(&opts.phone)
	if err != nil {
		return err
	}
	if sel.All {
		return exit.Usagef("run one wxctl watch for each phone", "watch works with one phone, not with all")
	}
	ctx, cancel := f.Deadline(ctx, 0)
	defer cancel()
	fleet, closePhones, err := f.Phones(ctx, f, &opts.phone, sel)
	if err != nil {
		return err
	}
	defer closePhones()
	chosen, err := f.choose(ctx, fleet, &opts.phone, sel)
	if err != nil {
		return err
	}
	info := chosen.one()
	phone, err := fleet.OpenBeside(ctx, info)
	if err != nil {
		return err
	}
	defer phone.Close()
	watcher, ok := device.As[device.Watcher](phone)
	if !ok {
		return device.Errorf(device.Refused, "replies can't be watched on %s phones", info.Platform)
	}
	record, err := newRecording(opts.record, opts.overwrite)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, record.close()) }()
	return opts.watch(ctx, watcher, info, id, record)
}

// watch prints and records replies until the context ends. Once the phone is
// being watched, the end of --timeout is not a failure.
func (o *watchOptions) watch(ctx context.Context, watcher device.Watcher, phone device.Info, id device.AppIdentity,
	record *recording) error {
	var outErr error
	watching := false
	looking, stop := context.WithCancel(ctx)
	defer stop()
	err := watcher.WatchReplies(looking, device.WatchJob{
		App: id, User: o.phone.user(), Note: o.f.hooks(phone, false).Note,
		Ready: func() {
			watching = true
			o.f.Streams.Note("watching %s", phone.Label())
		},
		Seen: func(r device.SeenReply) {
			outErr = errors.Join(o.keep(record, r), o.print(r))
			if outErr != nil {
				stop()
			}
		},
	})
	switch cause := context.Cause(ctx); {
	case outErr != nil:
		return outErr
	case cause == context.DeadlineExceeded && watching:
		return nil
	case cause != nil && cause != context.DeadlineExceeded:
		return cause
	case err == context.DeadlineExceeded:
		return device.Errorf(device.NotSeen, "phone %s did not answer in time", phone.Label()).WithHint("increase --timeout")
	}
	return err
}

// keep writes a reply in the form that `reply --from` reads, immediately: a
// watch usually ends by a signal.
func (o *watchOptions) keep(record *recording, r device.SeenReply) error {
	if r.Content == nil {
		return nil
	}
	line, err := output.Marshal(r.Content, false)
	if err != nil {
		return err
	}
	return record.write(append(line, '\n'))
}

// recording is the file of --record. Replies are appended; with --overwrite the
// first one replaces the old content.
type recording struct {
	name  string
	first *files.Draft // for the first reply, nil if it is to be appended
	rest  *os.File
}

// newRecording makes sure that the file can be written; without a name nothing
// is recorded.
func newRecording(name string, overwrite bool) (*recording, error) {
	r := &recording{name: name}
	var err error
	switch {
	case name == "":
		return r, nil
	case overwrite:
		r.first, err = files.Create(name, true)
	default:
		r.rest, err = files.Append(name)
	}
	if err != nil {
		return nil, files.Unwritable(name, err)
	}
	return r, nil
}

func (r *recording) write(line []byte) (err error) {
	switch {
	case r.first != nil:
		if _, err = r.first.Write(line); err == nil {
			err = r.first.Close()
		}
		r.first.Discard()
		r.first = nil
		if err == nil {
			r.rest, err = files.Append(r.name)
		}
	case r.rest != nil:
		_, err = r.rest.Write(line)
	}
	if err != nil {
		return files.Unwritable(r.name, err)
	}
	return nil
}

func (r *recording) close() error {
	if r.first != nil {
		r.first.Discard() // no reply came, and the old content stays
	}
	if r.rest == nil {
		return nil
	}
	return r.rest.Close()
}

func (o *watchOptions) print(r device.SeenReply) error {
	if r.Reply != nil && !o.showCode {
		r.Reply, _ = masked(r.Reply)
	}
	if o.f.Printer().JSON() {
		return o.f.Printer().Line(struct {
			SchemaVersion int `json:"schemaVersion"`
			device.SeenReply
		}{output.SchemaVersion, r})
	}
	words := []string{r.At.Format("15:04:05.000"), cmp.Or(r.App.Package, r.App.BundleID)}
	if r.Reply == nil {
		words = append(words, o.f.Streams.Translate("called back; the reply of this app can't be read"))
	} else {
		words = append(words, string(r.Kind))
		words = append(words, tellReplied(o.f.Streams, r.Reply, r.Err)...)
	}
	return o.f.Streams.Println(safe(strings.Join(words, "  ")))
}

// tellReplied describes a reply: WeChat's number, the module's, and its other
// fields.
func tellReplied(s *streams.Streams, r *device.Reply, module *device.ModuleError) []string {
	words := []string{fmt.Sprintf("errCode %d", r.ErrCode)}
	if module != nil {
		words = append(words, s.Sprintf("err.code %d (%s)", module.Code, s.Translate(module.Msg)))
	}
	for _, kv := range [][2]string{
		{"errStr", r.ErrStr}, {"transaction", r.Transaction}, {"openId", r.OpenID}, {"code", r.Code}, {"state", r.State},
		{"lang", r.Lang}, {"country", r.Country}, {"url", r.URL}, {"extMsg", r.ExtMsg}, {"templateId", r.TemplateID},
		{"action", r.Action}, {"reserved", r.Reserved},
	} {
		if kv[1] != "" {
			words = append(words, kv[0]+" "+kv[1])
		}
	}
	if r.Scene != nil {
		words = append(words, fmt.Sprintf("scene %d", *r.Scene))
	}
	return words
}
