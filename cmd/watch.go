package cmd

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/cmd/internal/output"
	"github.com/wxctl/wxctl/device"
)

type watchOptions struct {
	f        *Factory
	phone    phoneFlags
	pkg      string
	showCode bool
}

// NewCmdWatch makes `wxctl watch`.
func NewCmdWatch(f *Factory, runF func(context.Context, *watchOptions) error) *cobra.Command {
	opts := &watchOptions{f: f}
	cmd := &cobra.Command{
		Use:   "watch",
		Short: "Print WeChat's replies to an app as they come",
		Long: long(`Print a line for each time that WeChat calls the app back, until interrupted or
--timeout is over. What the reply says can be read from an app that has the
bridge's hook; of others only the call is seen. Codes of a login are masked
unless --show-code asks for them.`, exit.NoPhone, exit.SeveralPhones, exit.PhoneNotReady, exit.RefusedBefore, exit.PhoneLost, exit.PhoneBusy, exit.Interrupted, exit.Terminated),
		Example: examples("wxctl watch --timeout 100ms\nwxctl watch --json --timeout 100ms"),
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := opts.phone.check(c); err != nil {
				return err
			}
			if runF != nil {
				return runF(c.Context(), opts)
			}
			return watchRun(c.Context(), opts)
		},
	}
	opts.phone.add(cmd)
	cmd.Flags().StringVar(&opts.pkg, "package", "", "Android package of the app")
	cmd.Flags().BoolVar(&opts.showCode, "show-code", false, "print codes of a login unmasked")
	return cmd
}

func watchRun(ctx context.Context, opts *watchOptions) error {
	f := opts.f
	pkg, err := f.Setting("package", opts.pkg)
	if err != nil {
		return err
	}
	sel, err := f.selector(&opts.phone)
	if err != nil {
		return err
	}
	if sel.All {
		return exit.Usagef("run one wxctl watch for each phone", "watch looks at one phone, not at all")
	}
	ctx, cancel := f.Deadline(ctx, 0)
	defer cancel()
	fleet, closePhones, err := f.Phones(ctx, f, &opts.phone, sel)
	if err != nil {
		return err
	}
	defer closePhones()
	phones, err := fleet.Select(ctx, sel)
	if err != nil {
		f.explain(err)
		return err
	}
	phone, err := fleet.OpenBeside(ctx, phones[0])
	if err != nil {
		return err
	}
	defer phone.Close()
	watcher, ok := device.As[device.Watcher](phone)
	if !ok {
		return device.Errorf(device.Refused, "replies can't be watched on %s phones", phones[0].Platform)
	}
	var printErr error
	watching, stop := context.WithCancel(ctx)
	defer stop()
	err = watcher.WatchReplies(watching, device.WatchJob{
		App: device.AppIdentity{Package: pkg.Value}, User: opts.phone.user(),
		Ready: func() { f.Streams.Note("watching %s", phones[0].Label()) },
		Note:  f.hooks(phones[0], false).Note,
		Seen: func(r device.SeenReply) {
			if printErr = opts.print(r); printErr != nil {
				stop()
			}
		},
	})
	switch cause := context.Cause(ctx); {
	case printErr != nil:
		return printErr
	case cause == context.DeadlineExceeded:
		return nil // the time that was asked for is over
	case cause != nil:
		return cause
	}
	return err
}

func (o *watchOptions) print(r device.SeenReply) error {
	if r.Reply != nil && r.Reply.Code != "" && !o.showCode {
		masked := *r.Reply
		masked.Code = "***"
		if masked.URL != "" {
			masked.URL = "***" // it holds the code, too
		}
		r.Reply = &masked
	}
	if o.f.Printer().JSON() {
		return o.f.Printer().Line(struct {
			SchemaVersion int `json:"schemaVersion"`
			device.SeenReply
		}{output.SchemaVersion, r})
	}
	words := []string{r.At.Format("15:04:05.000"), r.App.Package}
	if r.Reply == nil {
		words = append(words, "called back; what the reply says can't be read without the bridge's hook")
	} else {
		words = append(words, fmt.Sprintf("errCode %d", r.Reply.ErrCode))
		for _, kv := range [][2]string{{"errStr", r.Reply.ErrStr}, {"transaction", r.Reply.Transaction}, {"code", r.Reply.Code}, {"state", r.Reply.State}, {"extMsg", r.Reply.ExtMsg}, {"action", r.Reply.Action}} {
			if kv[1] != "" {
				words = append(words, kv[0]+" "+kv[1])
			}
		}
	}
	return o.f.Streams.Println(safe(strings.Join(words, "  ")))
}
