package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wxctl/wxctl/cmd/internal/config"
	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/cmd/internal/output"
	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/check"
)

type doctorOptions struct {
	f     *Factory
	phone phoneFlags
	auth  authOptions

	target      string // an app's name or a file; "" is the profile's app
	only, skip  []string
	list        bool
	strict      bool
	watch       bool
	probe       bool
	online      bool
	fix         string // "" is none, "all" all that can be
	yes         bool
	bundle      string
	reports     []string
	phoneChosen bool // --device was given
}

// fixAll is --fix without an id.
const fixAll = "all"

// NewCmdDoctor makes `wxctl doctor`.
func NewCmdDoctor(f *Factory, runF func(context.Context, *doctorOptions) error) *cobra.Command {
	opts := &doctorOptions{f: f}
	opts.auth.f = f
	cmd := &cobra.Command{
		Use:   "doctor [APP|FILE]",
		Short: "Find out why a WeChat integration does not work",
		Long: long(`Check everything between an app and WeChat: this computer, the phone, its
WeChat, the app, the universal link, what is registered (the profile) and
WeChat's server. Each problem comes with a fix; docs/doctor.md explains each.

APP is a package name or bundle ID; without it, the app of the profile. FILE is
an .apk, .ipa, .apks, .xapk or .apkm: no phone is needed then, and with --device
the file is compared with what is installed.

doctor changes and opens nothing on the phone without --probe or --fix, and
sends nothing to the internet without --online.`, exit.FoundWrong, exit.NoPhone, exit.SeveralPhones, exit.PhoneNotReady,
			exit.RefusedBefore, exit.PhoneLost, exit.PhoneBusy),
		Example: examples(`
wxctl doctor --device virtual:android com.example.wxdemo
wxctl doctor --device virtual:ios --json
wxctl doctor --list`),
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := opts.check(c, args); err != nil {
				return err
			}
			if runF != nil {
				return runF(c.Context(), opts)
			}
			return doctorRun(c.Context(), opts)
		},
	}
	opts.phone.add(f, cmd)
	opts.auth.addServerFlags(cmd)
	flags := cmd.Flags()
	flags.StringSliceVar(&opts.only, "only", nil, "run only these checks: an `id`, a group, or a pattern such as app.entry.*")
	flags.StringSliceVar(&opts.skip, "skip", nil, "skip these checks: an `id`, a group, or a pattern")
	flags.BoolVar(&opts.list, "list", false, "list all checks and exit")
	flags.BoolVar(&opts.strict, "strict", false, "exit 5 for a warning, too")
	flags.BoolVar(&opts.watch, "watch", false, "then follow the app's log, until Ctrl-C")
	flags.BoolVar(&opts.probe, "probe", false, "open the app with a forged reply, to see whether it takes it")
	flags.BoolVar(&opts.online, "online", false, "also check the website of the universal link, and WeChat's server")
	flags.StringVar(&opts.fix, "fix", "", "fix what wxctl can, or the check `id` alone; asks for each")
	flags.Lookup("fix").NoOptDefVal = fixAll
	flags.BoolVar(&opts.yes, "yes", false, "don't ask before --fix fixes something")
	flags.StringVar(&opts.bundle, "bundle", "", "write everything that was found, without secrets, to a ZIP `file`")
	flags.StringArrayVar(&opts.reports, "report", nil, "also report as `kind`: junit=FILE, or github (annotations on stdout)")
	complete(cmd, "report", "junit=", "github")
	f.completeWith(cmd, "only", completeChecks)
	f.completeWith(cmd, "skip", completeChecks)
	return cmd
}

func completeChecks(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	var out []string
	for _, c := range check.Table() {
		out = append(out, c.ID+"\t"+c.Title)
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

// check validates the flags before anything is opened.
func (o *doctorOptions) check(c *cobra.Command, args []string) error {
	if err := errors.Join(o.auth.checkMisuse(), o.phone.check(c)); err != nil {
		return err
	}
	o.phoneChosen = c.Flags().Changed("device")
	if len(args) == 1 {
		o.target = args[0]
		// A bundle ID may contain characters that a package name can't.
		if !o.isFile() && config.CheckPackage(o.target) != nil && config.CheckBundleID(o.target) != nil {
			return exit.Usagef("name an app such as com.example.app, or a file", "%q is neither an app nor an existing file", o.target)
		}
	}
	for _, flag := range [][]string{o.only, o.skip} {
		for _, p := range flag {
			if _, err := path.Match(p, ""); err != nil || !slices.ContainsFunc(check.Table(),
				func(c check.Check) bool { return check.Match(c.ID, []string{p}) }) {
				return exit.Usagef("wxctl doctor --list prints all ids", "no check matches %q", p)
			}
		}
	}
	if o.fix != "" && o.fix != fixAll {
		if _, ok := check.Find(o.fix); !ok {
			return exit.Usagef("wxctl doctor --list prints all ids", "there is no check %q", o.fix)
		}
	}
	for _, r := range o.reports {
		kind, file, _ := strings.Cut(r, "=")
		if kind == "junit" && file != "" {
			if err := writable(file); err != nil {
				return err
			}
			continue
		}
		if r == "github" {
			continue
		}
		return exit.Usagef("use --report junit=FILE or --report github", "invalid --report %q", r)
	}
	if o.bundle != "" {
		if err := writable(o.bundle); err != nil {
			return err
		}
	}
	if o.watch && o.isFile() && !o.phoneChosen {
		return exit.Usagef("name the app in place of the file", "--watch needs a phone")
	}
	return nil
}

// isFile reports whether the target is a file and not an app's name. An app's
// name may have such a suffix, too, so the file must exist then.
func (o *doctorOptions) isFile() bool {
	switch strings.ToLower(filepath.Ext(o.target)) {
	case ".apk", ".ipa", ".aab", ".apks", ".xapk", ".apkm":
		return true
	}
	if strings.ContainsRune(o.target, filepath.Separator) {
		return true
	}
	info, err := os.Stat(o.target)
	return err == nil && info.Mode().IsRegular()
}

// doctorAnswer is the command's JSON.
type doctorAnswer struct {
	SchemaVersion int                 `json:"schemaVersion"`
	Device        *device.DeviceRef   `json:"device,omitempty"`
	Findings      []check.Finding     `json:"findings"`
	Summary       doctorSummary       `json:"summary"`
	Error         *device.ErrorReport `json:"error,omitempty"`
}

type doctorSummary struct {
	Pass    int `json:"pass"`
	Warn    int `json:"warn"`
	Fail    int `json:"fail"`
	Skip    int `json:"skip"`
	Unknown int `json:"unknown"`
}

func summary(findings []check.Finding) doctorSummary {
	n := check.Count(findings)
	return doctorSummary{n[check.Pass], n[check.Warn], n[check.Fail], n[check.Skip], n[check.Unknown]}
}

// doctorTime limits everything together; each part has groupTime, and the
// website waits for the app.
const (
	doctorTime = 45 * time.Second
	groupTime  = 10 * time.Second
)

func doctorRun(ctx context.Context, opts *doctorOptions) error {
	if opts.list {
		return listChecks(opts.f)
	}
	looking, cancel := opts.f.Deadline(ctx, doctorTime)
	defer cancel()
	x := &examination{o: opts}
	defer x.close()
	if err := x.learn(looking); err != nil {
		return err
	}
	x.check()
	if opts.probe {
		x.probe(looking)
	}
	if opts.fix != "" {
		if err := x.repair(looking); err != nil {
			return err
		}
	}
	if sig := (*exit.Signal)(nil); errors.As(context.Cause(ctx), &sig) {
		x.interrupted = sig
	}
	if err := x.report(); err != nil {
		return err
	}
	if x.interrupted != nil {
		return opts.f.alsoPrinted(x.interrupted, x.pack())
	}
	if opts.watch && x.phone != nil {
		err := x.watch(ctx)
		return opts.f.alsoPrinted(err, x.pack())
	}
	return opts.f.alsoPrinted(x.verdict(), x.pack())
}

// verdict is the error that the command ends with.
func (x *examination) verdict() error {
	n := summary(x.findings)
	switch {
	case x.noPhone != nil:
		return x.noPhone
	case n.Fail > 0 || x.o.strict && n.Warn > 0:
		return &exit.Silent{Code: exit.FoundWrong}
	}
	return nil
}

func listChecks(f *Factory) error {
	type row struct {
		ID       string       `json:"id"`
		Group    check.Group  `json:"group"`
		Severity check.Status `json:"severity"`
		Platform string       `json:"platform,omitempty"`
		Needs    []check.Need `json:"needs"`
		Title    string       `json:"title"`
		Docs     string       `json:"docs"`
	}
	rows, cells := []row{}, [][]output.Cell{}
	for _, c := range check.Table() {
		r := row{c.ID, c.Group, c.Severity, c.Platform, append([]check.Need{}, c.Needs...), c.Title, c.Docs()}
		rows = append(rows, r)
		needs := []string{}
		for _, n := range r.Needs {
			needs = append(needs, string(n))
		}
		cells = append(cells, []output.Cell{output.Text(c.ID), output.Text(string(c.Severity)), output.Text(strings.Join(needs, ",")),
			output.Words(c.Title)})
	}
	if f.Printer().JSON() {
		return f.Printer().Object(struct {
			SchemaVersion int   `json:"schemaVersion"`
			Checks        []row `json:"checks"`
		}{output.SchemaVersion, rows})
	}
	return f.Printer().Table([]string{"id", "severity", "needs", "what is wrong then"}, cells)
}

// wanted reports whether the user wants a check to run.
func (o *doctorOptions) wanted(c *check.Check) bool {
	return c.Find != nil && (len(o.only) == 0 || check.Match(c.ID, o.only)) && !check.Match(c.ID, o.skip)
}

// wants reports whether any check of a need is wanted.
func (o *doctorOptions) wants(need check.Need) bool {
	return slices.ContainsFunc(check.Table(), func(c check.Check) bool { return o.wanted(&c) && slices.Contains(c.Needs, need) })
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
