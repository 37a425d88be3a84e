package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/cmd/internal/output"
	"github.com/wxctl/wxctl/device"
)

// deliver brings the request to the phone, or to all of them, and prints what
// came of it.
func (o *requestOptions) deliver(ctx context.Context, p plan, build buildFunc) error {
	f := o.f
	id, err := o.identity()
	if err != nil {
		return err
	}
	fleet, closePhones, err := f.Phones(ctx, f, &o.phone, p.sel)
	if err != nil {
		return err
	}
	defer closePhones()
	phones, err := fleet.Select(ctx, p.sel)
	if err != nil {
		f.explain(err)
		return err
	}
	if o.login != nil && p.until >= device.Replied {
		if err := o.login.prepare(ctx, id.AppID); err != nil {
			return err
		}
	}
	run := &delivery{o: o, plan: p, fleet: fleet, id: id, build: build, several: p.sel.All}
	if !p.sel.All {
		f.Streams.Note("phone %s", phones[0].Label())
		return run.one(ctx, phones[0])
	}
	errs := device.Each(ctx, phones, o.phone.jobs, run.one)
	return summarize(ctx, f, errs)
}

// explain prints the table of an error about choosing.
func (f *Factory) explain(err error) {
	var e *device.Error
	if errors.As(err, &e) {
		f.listCandidates(e.Candidates)
	}
}

// delivery is one request on its way to one or several phones.
type delivery struct {
	o       *requestOptions
	plan    plan
	fleet   *device.Fleet
	id      device.AppIdentity
	build   buildFunc
	several bool

	mu    sync.Mutex
	ready map[device.Platform]*prepared
}

// prepared is the request as it was built and checked for one platform.
type prepared struct {
	built built
	err   error
}

// prepare builds the request once for each platform that is met.
func (d *delivery) prepare(ctx context.Context, platform device.Platform) (built, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if r, ok := d.ready[platform]; ok {
		return r.built, r.err
	}
	b, problems, err := d.o.validated(ctx, target{platform: platform, load: d.o.loader()}, d.build)
	if err == nil {
		err = d.o.refusal(&b, problems)
	}
	if d.ready == nil {
		d.ready = map[device.Platform]*prepared{}
	}
	d.ready[platform] = &prepared{b, err}
	return b, err
}

// one brings the request to one phone and prints its outcome.
func (d *delivery) one(ctx context.Context, info device.Info) error {
	outcome, err := d.attempt(ctx, info)
	if outcome == nil {
		outcome = device.NewOutcome(info)
		if b, _ := d.prepare(ctx, info.Platform); b.request != nil {
			outcome.Unsent(b.request.Kind(), device.AsError(err))
		}
	}
	var in loginResult
	if d.o.login != nil && err == nil && d.plan.until >= device.Replied {
		var b built
		if b, err = d.prepare(ctx, info.Platform); err == nil {
			in, err = d.o.login.goOn(ctx, outcome, b.request)
		}
	}
	if err != nil {
		if cause := context.Cause(ctx); cause != nil && errors.Is(err, context.Canceled) {
			err = cause
		}
		outcome.Error = reportOf(err)
	}
	return d.o.f.alsoPrinted(err, d.print(outcome, in))
}

// alsoPrinted is the error of a command whose answer was printed, or could not
// be: why the command failed weighs more than that.
func (f *Factory) alsoPrinted(err, printErr error) error {
	if err == nil {
		return printErr
	}
	if printErr != nil {
		f.Streams.Warn("%s", safe(describe(printErr).Message))
	}
	return err
}

func (d *delivery) attempt(ctx context.Context, info device.Info) (*device.Outcome, error) {
	b, err := d.prepare(ctx, info.Platform)
	if err != nil {
		return nil, err
	}
	phone, err := d.fleet.Open(ctx, info)
	if err != nil {
		return nil, err
	}
	defer phone.Close()
	o := d.o
	return phone.Deliver(ctx, device.Job{
		Request: b.request, Media: b.media, App: d.id, SDKVersion: o.sdkVersion,
		Route: d.plan.route, User: o.phone.user(), Until: d.plan.until, After: d.plan.after,
		Yes: o.yes, Force: o.force, Raw: o.raw, NoFit: o.noFit,
		Hooks: o.hooks(info, d.several),
	})
}

// hooks tell the user what happens on the way, and make the files that
// --screenshot and --record name.
func (o *requestOptions) hooks(info device.Info, several bool) device.Hooks {
	hooks := o.f.hooks(info, several)
	if o.screenshot != "" {
		hooks.Screenshot = func() (io.WriteCloser, error) { return createPrivate(o.screenshot, several, info) }
	}
	if o.record != "" {
		hooks.Record = func() (io.WriteCloser, error) { return createPrivate(o.record, several, info) }
	}
	return hooks
}

// hooks tell the user what happens on the way; with several phones each line
// names its phone.
func (f *Factory) hooks(info device.Info, several bool) device.Hooks {
	s, prefix := f.Streams, ""
	if several {
		prefix = safe(info.ID) + ": "
	}
	hooks := device.Hooks{
		Note: func(n device.Note) {
			s.Note("%s%s", prefix, safe(n.Message))
			if n.Hint != "" {
				s.Note("%shint: %s", prefix, safe(n.Hint))
			}
		},
	}
	if progress := s.Progress(prefix); progress != nil {
		hooks.Pushed = func(name string, done, total int64) { progress(safe(name), done, total) }
	}
	if f.Verbose() > 0 {
		hooks.Seen = func(e device.Evidence) { s.Note("%s%d ms: %s (%s)", prefix, e.AtMs, safe(e.What), safe(e.Source)) }
	}
	return hooks
}

// createPrivate makes a file that only its owner can read: pickers show real
// contacts. With several phones each has its own, named after it.
func createPrivate(name string, several bool, info device.Info) (io.WriteCloser, error) {
	if several {
		clean := strings.Map(func(r rune) rune {
			if strings.ContainsRune(`/\:*?"<>| `, r) || r < 0x20 {
				return '_'
			}
			return r
		}, info.ID)
		name = filepath.Join(filepath.Dir(name), clean+"-"+filepath.Base(name))
	}
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, exit.Usagef("name another file", "%q can't be written: %v", name, err)
	}
	if err := file.Chmod(0o600); err != nil { // it may have been there
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

func (d *delivery) print(o *device.Outcome, in loginResult) error {
	p := d.o.f.Printer()
	trusted := d.o.codeOnly && in.code != ""
	if !trusted {
		o.Reply, _ = masked(o.Reply)
	}
	var answer any = o
	if d.o.login != nil && !d.o.codeOnly {
		answer = d.o.login.reply(o, in)
	}
	switch {
	case p.JSON() && d.several:
		return p.Line(answer)
	case p.JSON():
		return p.Object(answer)
	case trusted:
		return d.o.f.Streams.Println(safe(in.code))
	case d.o.codeOnly:
		return nil // the error says why there is none
	}
	words := tell(o, d.several)
	switch {
	case d.o.login != nil && !d.several:
		words += d.o.login.tell(in)
	case in.user != nil:
		words += " — " + safe(in.user.Nickname)
	}
	return d.o.f.Streams.Println(words)
}

// masked returns a reply with the code of a login hidden, and the code.
func masked(r *device.Reply) (*device.Reply, string) {
	if r == nil || r.Code == "" && !holdsCode(r.URL) {
		return r, ""
	}
	hidden := *r
	if hidden.Code != "" {
		hidden.Code = "***"
	}
	if hidden.URL != "" {
		hidden.URL = "***" // it holds the code, too
	}
	return &hidden, r.Code
}

// holdsCode reports whether the URL of a login's answer may carry a code. A
// refusal has the word authdeny in its place.
func holdsCode(url string) bool {
	return strings.Contains(strings.ReplaceAll(url, "code=authdeny", ""), "code=")
}

// reportOf is an error as it stands in an Outcome.
func reportOf(err error) *device.ErrorReport {
	r := describe(err)
	return &device.ErrorReport{Code: device.Code(r.Code), ExitCode: int(r.ExitCode), Message: r.Message, Hint: r.Hint}
}

// tell says in words what was seen, no more.
func tell(o *device.Outcome, several bool) string {
	var b strings.Builder
	if several {
		b.WriteString(safe(o.Device.ID) + ": ")
	}
	to := "WeChat"
	if o.WeChat != nil && o.WeChat.Version != "" {
		to += " " + safe(o.WeChat.Version)
	}
	name := safe(cmp.Or(o.Device.Name, o.Device.ID))
	if o.State == device.NotSent {
		fmt.Fprintf(&b, "not handed to %s on %s", to, name)
	} else {
		fmt.Fprintf(&b, "handed to %s on %s", to, name)
		if last := lastSeen(o); last != "" {
			b.WriteString(" — " + safe(last))
		}
	}
	if several {
		if o.Error != nil {
			b.WriteString(" — " + safe(o.Error.Message))
		}
		return b.String()
	}
	if o.Route != "" {
		fmt.Fprintf(&b, "\n  route     %s", o.Route)
		if o.RouteReason != "" {
			b.WriteString(": " + safe(o.RouteReason))
		}
	}
	for _, d := range o.Differences {
		b.WriteString("\n  differs   " + safe(d))
	}
	if o.Impersonated && o.App != nil {
		b.WriteString("\n  speaks as " + safe(cmp.Or(o.App.Package, o.App.BundleID)) + ", which is neither debuggable nor named by the profile")
	}
	for _, e := range o.Evidence {
		fmt.Fprintf(&b, "\n  %5d ms  %s (%s)", e.AtMs, safe(e.What), safe(e.Source))
	}
	if o.Reply != nil {
		b.WriteString("\n  reply     " + safe(strings.Join(tellReplied(o.Reply, o.Err), "  ")))
	}
	return b.String()
}

func lastSeen(o *device.Outcome) string {
	if len(o.Evidence) == 0 {
		return ""
	}
	return o.Evidence[len(o.Evidence)-1].What
}

// summarize ends a run over all phones.
func summarize(ctx context.Context, f *Factory, errs []error) error {
	failed := 0
	var first error
	code := exit.OK
	for _, err := range errs {
		if err == nil {
			continue
		}
		failed++
		switch c := describe(err).ExitCode; {
		case first == nil:
			first, code = err, c
		case c != code:
			code = exit.SomeFailed
		}
	}
	if failed > 0 && failed < len(errs) {
		code = exit.SomeFailed
	}
	var signal *exit.Signal
	if errors.As(context.Cause(ctx), &signal) {
		code = signal.Code // what the process ends with, whatever the phones said
	}
	if f.Printer().JSON() {
		if err := f.Printer().Line(struct {
			Type          string    `json:"type"`
			SchemaVersion int       `json:"schemaVersion"`
			Phones        int       `json:"phones"`
			OK            int       `json:"ok"`
			Failed        int       `json:"failed"`
			ExitCode      exit.Code `json:"exitCode"`
		}{"summary", output.SchemaVersion, len(errs), len(errs) - failed, failed, code}); err != nil {
			return err
		}
	}
	switch {
	case signal != nil:
		return signal
	case failed == 0:
		f.Streams.Note("all %d phones: ok", len(errs))
		return nil
	}
	name := "some_failed"
	if code != exit.SomeFailed {
		name = describe(first).Code
	}
	return &exit.Error{Name: name, Code: code, Message: fmt.Sprintf("%d of %d phones failed", failed, len(errs)), Hint: "the lines above say why for each", Err: first}
}
