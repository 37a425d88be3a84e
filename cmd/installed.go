package cmd

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/cmd/internal/output"
	"github.com/wxctl/wxctl/cmd/internal/streams"
	"github.com/wxctl/wxctl/device"
)

type installedOptions struct {
	f     *Factory
	phone phoneFlags
}

// NewCmdInstalled makes `wxctl installed`.
func NewCmdInstalled(f *Factory, runF func(context.Context, *installedOptions) error) *cobra.Command {
	opts := &installedOptions{f: f}
	cmd := &cobra.Command{
		Use:   "installed",
		Short: "Show whether WeChat is installed, and its version",
		Long: long(`Show whether WeChat is installed, its version, and for which Android users. On an
iPhone, warn if WeChat is too old to read requests from URLs.`,
			exit.SomeFailed, exit.NoPhone, exit.SeveralPhones, exit.PhoneNotReady, exit.WeChatMissing, exit.PhoneLost, exit.PhoneBusy),
		Example: examples("wxctl installed\nwxctl installed --jq .versionName"),
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := opts.phone.check(c); err != nil {
				return err
			}
			if runF != nil {
				return runF(c.Context(), opts)
			}
			return installedRun(c.Context(), opts)
		},
	}
	opts.phone.add(f, cmd)
	return cmd
}

// installedAnswer is the JSON of `wxctl installed`. err is the module's: -1
// unknown, 0.
type installedAnswer struct {
	SchemaVersion int                  `json:"schemaVersion"`
	Device        device.DeviceRef     `json:"device"`
	Installed     bool                 `json:"installed"`
	Package       string               `json:"package,omitempty"`
	Bundle        string               `json:"bundle,omitempty"`
	VersionName   string               `json:"versionName"`
	VersionCode   *int64               `json:"versionCode"` // null for iPhones, which have none
	SupportAPI    int                  `json:"supportApi"`
	Enabled       bool                 `json:"enabled"`
	AndroidUsers  []device.AndroidUser `json:"androidUsers,omitempty"`
	Warnings      []device.Note        `json:"warnings,omitempty"`
	Err           device.ModuleError   `json:"err"`
	Error         *device.ErrorReport  `json:"error,omitempty"`
}

func installedRun(ctx context.Context, opts *installedOptions) error {
	return onPhones(ctx, opts.f, &opts.phone, requestTimeout,
		func(ctx context.Context, info device.Info, phone device.Phone, openErr error) (any, string, error) {
			answer := installedAnswer{SchemaVersion: output.SchemaVersion, Device: info.Ref()}
			var wechat device.WeChat
			err := openErr
			if err == nil {
				wechat, err = phone.WeChat(ctx, opts.phone.user())
			}
			if err != nil {
				answer.Err, answer.Error = device.ModuleError{Code: -1, Msg: describe(err).Message}, new(describe(err))
				return answer, "", err
			}
			answer.Installed, answer.Package, answer.Bundle = wechat.Installed, wechat.Package, wechat.BundleID
			answer.VersionName, answer.SupportAPI = wechat.Version, wechat.SupportAPI
			if info.Platform == device.Android {
				answer.VersionCode = &wechat.VersionCode
			}
			answer.Enabled, answer.AndroidUsers, answer.Warnings = wechat.Enabled, wechat.AndroidUsers, wechat.Warnings
			if !wechat.Installed {
				err = device.Errorf(device.WeChatMissing, "WeChat is not installed on %s", info.Label()).WithHint("install WeChat on the phone")
				answer.Error = new(describe(err))
				return answer, "", err
			}
			for _, w := range wechat.Warnings {
				opts.f.Streams.Warn("%s", safe(info.Label()+": "+w.Message))
				opts.f.Streams.Note("%s%s", opts.f.Streams.Label("hint:"), safe(w.Hint))
			}
			return answer, tellInstalled(opts.f.Streams, wechat), nil
		})
}

// tellInstalled says which WeChat is there, and for which user if there are several.
func tellInstalled(s *streams.Streams, wechat device.WeChat) string {
	version := safe(wechat.Version)
	var ids []string
	for _, u := range wechat.AndroidUsers {
		ids = append(ids, itoa(u.ID))
	}
	users := strings.Join(ids, ", ")
	switch {
	case len(ids) > 1 && !wechat.Enabled:
		return s.Sprintf("WeChat %s is installed, but disabled, for Android users %s", version, users)
	case len(ids) > 1:
		return s.Sprintf("WeChat %s is installed for Android users %s", version, users)
	case !wechat.Enabled:
		return s.Sprintf("WeChat %s is installed, but disabled", version)
	}
	return s.Sprintf("WeChat %s is installed", version)
}

// onPhones asks one phone, or all, and prints the answers: for commands that
// only ask.
func onPhones(ctx context.Context, f *Factory, flags *phoneFlags, byDefault time.Duration,
	ask func(context.Context, device.Info, device.Phone, error) (answer any, text string, err error)) error {
	ctx, cancel := f.Deadline(ctx, byDefault+flags.wait)
	defer cancel()
	sel, err := f.selector(flags)
	if err != nil {
		return err
	}
	fleet, closePhones, err := f.Phones(ctx, f, flags, sel)
	if err != nil {
		return err
	}
	defer closePhones()
	chosen, err := f.choose(ctx, fleet, flags, sel)
	if err != nil {
		return err
	}
	one := func(ctx context.Context, info device.Info) error {
		phone, err := fleet.Open(ctx, info)
		if err == nil {
			defer phone.Close()
		}
		answer, text, err := ask(ctx, info, phone, err)
		if cause := context.Cause(ctx); err != nil && cause != nil && errors.Is(err, context.Canceled) {
			err = cause
		}
		var printErr error
		switch {
		case f.Printer().JSON() && sel.All:
			printErr = f.Printer().Line(answer)
		case f.Printer().JSON():
			printErr = f.Printer().Object(answer)
		case text == "" && sel.All && err != nil:
			printErr = f.Streams.Println(safe(info.ID) + ": " + safe(f.Streams.Translate(describe(err).Message)))
		case sel.All:
			printErr = f.Streams.Println(safe(info.ID) + ": " + text)
		case text != "":
			printErr = f.Streams.Println(text)
		}
		return f.alsoPrinted(err, printErr)
	}
	if !chosen.several {
		return one(ctx, chosen.one())
	}
	return f.each(ctx, chosen, flags.jobs, one)
}
