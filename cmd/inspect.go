package cmd

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wxctl/wxctl/cmd/internal/config"
	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/cmd/internal/output"
	"github.com/wxctl/wxctl/cmd/internal/streams"
	"github.com/wxctl/wxctl/device"
)

type inspectOptions struct {
	f     *Factory
	phone phoneFlags
	app   string
}

// NewCmdInspect makes `wxctl inspect`.
func NewCmdInspect(f *Factory, runF func(context.Context, *inspectOptions) error) *cobra.Command {
	opts := &inspectOptions{f: f}
	cmd := &cobra.Command{
		Use:   "inspect [APP]",
		Short: "Show what WeChat checks of an app, and what is wrong",
		Long: long(`Look at an installed app as WeChat will: the MD5 of its certificate in the form
that the Open Platform wants, its WXEntryActivity, what it declares to see; on
an iPhone its URL schemes, the schemes that it may query, its associated
domains. APP is a package name or bundle ID; without it, the app of the profile,
or the only debuggable app that WeChat could call back.`,
			exit.SomeFailed, exit.NoPhone, exit.SeveralPhones, exit.PhoneNotReady, exit.RefusedBefore, exit.PhoneLost, exit.PhoneBusy),
		Example: examples("wxctl inspect com.example.wxdemo\nwxctl inspect com.example.wxdemo --jq '.signatures[].md5'"),
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := opts.phone.check(c); err != nil {
				return err
			}
			if len(args) == 1 {
				opts.app = args[0]
			}
			if runF != nil {
				return runF(c.Context(), opts)
			}
			return inspectRun(c.Context(), opts)
		},
	}
	opts.phone.add(f, cmd)
	return cmd
}

func inspectRun(ctx context.Context, opts *inspectOptions) error {
	id, err := opts.identity()
	if err != nil {
		return err
	}
	return onPhones(ctx, opts.f, &opts.phone, requestTimeout,
		func(ctx context.Context, info device.Info, phone device.Phone, openErr error) (any, string, error) {
			fail := func(err error) (any, string, error) {
				return struct {
					SchemaVersion int                 `json:"schemaVersion"`
					Device        device.DeviceRef    `json:"device"`
					Error         *device.ErrorReport `json:"error"`
				}{output.SchemaVersion, info.Ref(), new(describe(err))}, "", err
			}
			if openErr != nil {
				return fail(openErr)
			}
			inspector, ok := device.As[device.Inspector](phone)
			if !ok {
				return fail(device.Errorf(device.Refused, "apps on %s phones can't be inspected", info.Platform))
			}
			inspection, err := inspector.Inspect(ctx, id, opts.phone.user())
			if err != nil {
				return fail(err)
			}
			return inspection, tellInspection(opts.f.Streams, inspection), nil
		})
}

// identity is the app that the argument names, else the profile's.
func (o *inspectOptions) identity() (device.AppIdentity, error) {
	if o.app != "" {
		// A bundle ID may hold what a package name can't.
		if err := config.CheckPackage(o.app); err != nil && config.CheckBundleID(o.app) != nil {
			return device.AppIdentity{}, exit.Usagef("", "%v", err)
		}
		return device.AppIdentity{Package: o.app, BundleID: o.app}, nil
	}
	return o.f.defaultApp()
}

// defaultApp is the app of the profile.
func (f *Factory) defaultApp() (device.AppIdentity, error) {
	pkg, err := f.Setting("package", "")
	if err != nil {
		return device.AppIdentity{}, err
	}
	bundle, err := f.Setting("bundle-id", "")
	return device.AppIdentity{Package: pkg.Value, BundleID: bundle.Value}, err
}

func tellInspection(s *streams.Streams, i *device.Inspection) string {
	var b strings.Builder
	row := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%s %s\n", s.Sprintf("%-14s", name), safe(s.Sprintf(format, args...)))
	}
	row("app", "%s", i.Package+i.BundleID)
	row("version", "%s", i.VersionName)
	row("debuggable", "%t", i.Debuggable)
	row("AppIDs", "%s", strings.Join(i.AppIDs, ", "))
	for _, signature := range i.Signatures {
		row("signature", "md5 %s", signature.MD5)
	}
	if i.TargetSDK > 0 {
		row("targetSdk", "%d", i.TargetSDK)
		if i.Entry == nil {
			row("entry", "no .wxapi.WXEntryActivity")
		} else {
			row("entry", "%s (exported %t, enabled %t, %s)", i.Entry.Name, i.Entry.Exported, i.Entry.Enabled, i.Entry.LaunchMode)
		}
		row("queries", "%s", strings.Join(i.Queries, ", "))
	}
	if i.BundleID != "" {
		row("schemes", "%s", strings.Join(i.Schemes, ", "))
		row("queries", "%s", strings.Join(i.QueriesSchemes, ", "))
		row("domains", "%s", strings.Join(i.AssociatedDomains, ", "))
	}
	for _, f := range i.Findings {
		row("problem", "%s", f.Message)
		if f.Hint != "" {
			row("  hint", "%s", f.Hint)
		}
	}
	for _, n := range i.Notes {
		row("note", "%s", n)
	}
	return strings.TrimRight(b.String(), "\n")
}
