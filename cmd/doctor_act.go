package cmd

import (
	"archive/zip"
	"bufio"
	"context"
	"fmt"
	"io"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/wxctl/wxctl/cmd/internal/config"
	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/cmd/internal/files"
	"github.com/wxctl/wxctl/cmd/internal/output"
	"github.com/wxctl/wxctl/cmd/internal/streams"
	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/check"
	"github.com/wxctl/wxctl/intents"
)

// probeTime limits a probe, including the start of the app.
const probeTime = 20 * time.Second

// probe opens the app with a forged reply and checks whether its onResp runs.
func (x *examination) probe(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	ctx, settle := context.WithCancelCause(ctx)
	defer settle(nil)
	// An app handles a reply immediately: once it has the reply, the wait is
	// shorter than for starting the app.
	quiet := time.AfterFunc(probeTime, func() { settle(context.DeadlineExceeded) })
	defer quiet.Stop()
	refuse := func(format string, args ...any) { x.facts.Probe.Refused = fmt.Sprintf(format, args...) }
	switch replier, ok := device.As[device.Replier](x.phone); {
	case x.phone == nil || !ok:
		refuse("no phone to open the app on")
	case x.facts.App.NotInstalled:
		refuse("the app is not installed")
	default:
		x.o.f.Streams.Note("opening %s on %s with a forged reply of WeChat", safe(x.facts.App.Package), x.info.Label())
		hooked := slices.ContainsFunc(x.facts.App.Schemes, func(s string) bool {
			id, ok := strings.CutPrefix(strings.ToLower(s), device.BridgeScheme(""))
			return ok && len(check.AppIDs([]string{id})) == 1
		})
		until := device.Replied
		if x.facts.Probe.Watched = hooked; !hooked && x.info.Platform == device.IOS {
			until = device.Returned // a stronger state can't be observed
		}
		transaction := newTransaction("doctor")
		reply := intents.ShareReply{Result: intents.Result{ErrCode: intents.ErrOK, Transaction: &transaction}}
		outcome, err := replier.Reply(ctx, device.ReplyJob{
			Reply: reply, App: device.AppIdentity{Package: x.facts.App.Package, BundleID: x.facts.App.Package,
				UniversalLink: x.facts.Profile.UniversalLink},
			User: x.o.phone.user(), Until: until, Handled: true, Watched: func() { x.facts.Probe.Watched = true },
			Hooks: device.Hooks{
				Seen: func(device.Evidence) { quiet.Reset(x.o.f.ProbeQuiet) },
				Note: func(n device.Note) { x.facts.Probe.Blind = device.Printable(n.Message) },
			},
		})
		x.outcome = outcome
		x.facts.Probe.Reached = err == nil && outcome.State >= device.Replied
		for _, e := range outcome.Evidence {
			x.facts.Probe.Seen = append(x.facts.Probe.Seen, check.Evidence{What: e.What, Source: e.Source})
		}
		if err != nil && device.AsError(err).Code != device.NotSeen && context.Cause(ctx) != context.DeadlineExceeded {
			refuse("%s", describe(err).Message)
		}
	}
	delete(x.facts.Gaps, check.NeedProbe)
	x.check()
}

// repair fixes what can be fixed from here, and asks before each fix.
func (x *examination) repair(ctx context.Context) error {
	fixed := false
	for _, f := range x.findings {
		// A fault that can't be detected is only fixed if it is named.
		if named := x.o.fix == f.ID && f.ID == "wechat.signature-cache" && f.Status == check.Unknown; named {
			c, _ := check.Find(f.ID)
			f.Title, f.Fix, f.Status = "Stop WeChat, so that it asks for the app's signature again",
				check.Fix{Text: "The user's open chat is left.", Auto: true}, c.Severity
		}
		if x.o.fix == f.ID && f.Bad() && !f.Fix.Auto {
			x.o.f.Streams.Note("wxctl can't fix %s: see its fix", f.ID)
		}
		if !f.Bad() || !f.Fix.Auto || x.o.fix != fixAll && x.o.fix != f.ID {
			continue
		}
		if !x.o.yes {
			yes, err := x.o.f.ask(ctx, safe(f.Title)+". "+safe(f.Fix.Text)+" Do it?")
			if err != nil {
				return err
			}
			if !yes {
				continue
			}
		}
		if err := x.fixOne(ctx, &f); err != nil {
			return err
		}
		fixed = true
		x.o.f.Streams.Note("fixed: %s", f.ID)
	}
	if !fixed {
		x.o.f.Streams.Note("nothing was fixed")
		return nil
	}
	x.check()
	return nil
}

func (x *examination) fixOne(ctx context.Context, f *check.Finding) error {
	if f.ID == "profile.md5.form" {
		md5 := check.NormalMD5(x.facts.Profile.MD5)
		_, err := x.o.f.updateConfig(ctx, func(file *config.File) error { return file.Set(x.facts.Profile.Name, "android-md5", md5) })
		if err == nil {
			x.facts.Profile.MD5 = md5
		}
		return err
	}
	fixer, ok := device.As[device.Fixer](x.phone)
	if x.phone == nil || !ok {
		return device.Errorf(device.Refused, "%s can't be fixed from here", f.ID).WithHint("%s", f.Fix.Text)
	}
	if err := fixer.Fix(ctx, f.ID, x.facts.App.Package, x.o.phone.user()); err != nil {
		return err
	}
	switch f.ID {
	case "app.enabled":
		x.facts.App.Disabled = false
	case "wechat.enabled":
		x.facts.WeChat.Disabled = false
	case "phone.screen":
		x.facts.Phone.ScreenOff = false
	}
	return nil
}

// ask asks a question on the terminal that is answered by y or n.
func (f *Factory) ask(ctx context.Context, question string) (bool, error) {
	if !f.Streams.InTTY || !f.Streams.ErrTTY {
		return false, exit.Usagef("add --yes", "can't ask for confirmation without a terminal")
	}
	fmt.Fprintf(f.Streams.Err, "%s [y/N] ", f.Streams.Translate(question))
	answer := make(chan string, 1)
	go func() { // a read can't be cancelled; it ends with the process
		line, _ := bufio.NewReader(f.Streams.In).ReadString('\n')
		answer <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case a := <-answer:
		return a == "y" || a == "yes", nil
	case <-ctx.Done():
		return false, context.Cause(ctx)
	}
}

// watch reports problems in the app's log, each kind once.
func (x *examination) watch(ctx context.Context) error {
	logger, ok := device.As[device.Logger](x.phone)
	if !ok {
		return device.Errorf(device.Refused, "the log on %s phones can't be read", x.info.Platform)
	}
	f := x.o.f
	ctx, cancel := f.Deadline(ctx, 0)
	defer cancel()
	var printErr error
	seen := map[string]bool{}
	ready := func() {
		f.Streams.Note("watching the log of %s; use the app now, Ctrl-C ends", safe(x.facts.App.Package))
	}
	err := logger.Logs(ctx, x.facts.App.Package, x.o.phone.user(), ready, func(line string) {
		c, ok := check.InLog(x.facts.Platform, line)
		if !ok || seen[c.ID] || len(x.o.only) > 0 && !check.Match(c.ID, x.o.only) || check.Match(c.ID, x.o.skip) || printErr != nil {
			return
		}
		seen[c.ID] = true
		found := c.Finding(x.facts.App.Package, check.Result{Evidence: []check.Evidence{{What: withoutSecrets(device.Printable(line)),
			Source: "the app's log"}}})
		x.findings = append(x.findings, found)
		if f.Printer().JSON() {
			printErr = f.Printer().Line(struct {
				Type          string `json:"type"`
				SchemaVersion int    `json:"schemaVersion"`
				check.Finding
			}{"finding", output.SchemaVersion, found})
			return
		}
		var b strings.Builder
		tellFinding(&b, x.o.f.Streams, &found)
		printErr = f.Streams.Println(strings.TrimRight(b.String(), "\n"))
	})
	if len(seen) > 0 {
		f.Streams.Note("the log was watched until now: %s", plural(len(seen), "problem"))
	} else if ctx.Err() != nil {
		f.Streams.Note("the log was watched until now: no problems")
	}
	switch cause := context.Cause(ctx); {
	case printErr != nil:
		return printErr
	case cause == context.DeadlineExceeded:
		return x.verdict()
	case cause != nil:
		return cause
	case err != nil:
		return err
	}
	return x.verdict()
}

// secretWords are the names of values that an app may log and that must not be
// shown.
var secretWords = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)\b((?:wechat_auth_|access_|refresh_|auth_|app_?)?(?:code|token|secret)["']?\s*[=:]\s*["']?)` +
		`[^\s&"',;}\])]+`)
})

// withoutSecrets hides codes, tokens and secrets in a line of an app's log.
func withoutSecrets(line string) string { return secretWords().ReplaceAllString(line, "$1***") }

// pack writes the bundle: the findings in both forms, and the versions. All of
// it was printed before, without secrets; the phone's id is included, since it
// distinguishes phones. It is written at the end, after --watch too.
func (x *examination) pack() error {
	if x.o.bundle == "" {
		return nil
	}
	findings, err := output.Marshal(x.answer(), true)
	if err != nil {
		return err
	}
	v := fmt.Sprintf("wxctl %s\n%s %s/%s\nphone %s %s\nWeChat %s\n", x.o.f.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH,
		x.info.Platform, safe(x.info.OSVersion), safe(x.facts.WeChat.Version))
	outcome := []byte("null")
	if x.outcome != nil {
		if outcome, err = output.Marshal(x.outcome, true); err != nil {
			return err
		}
	}
	err = writeReport(x.o.bundle, func(file io.Writer) error {
		w := zip.NewWriter(file)
		for _, part := range []struct {
			name string
			data []byte
		}{
			{"outcome.json", append(outcome, '\n')}, {"doctor.json", append(findings, '\n')},
			{"doctor.txt", []byte(x.tell(new(streams.Streams)) + "\n")}, // English, as all files
			{"versions.txt", []byte(v)}, {"log.txt", []byte(strings.Join(x.recentLog(), "\n"))},
		} {
			to, err := w.Create(part.name)
			if err == nil {
				_, err = to.Write(part.data)
			}
			if err != nil {
				return err
			}
		}
		return w.Close()
	})
	if err != nil {
		return files.Unwritable(x.o.bundle, err)
	}
	return nil
}

// recentLog are the lines of the app's log about WeChat; other lines may be
// private.
func (x *examination) recentLog() []string {
	var out []string
	for _, f := range x.findings {
		if c, ok := check.Find(f.ID); ok && slices.Contains(c.Needs, check.NeedLog) {
			for _, e := range f.Evidence {
				out = append(out, e.What)
			}
		}
	}
	return out
}
