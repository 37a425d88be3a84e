package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/cmd/internal/streams"
	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/intents"
)

// deliver brings the request to the phone, or to all of them, and prints the
// outcome.
func (o *requestOptions) deliver(ctx context.Context, p plan, c content) error {
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
	chosen, err := f.choose(ctx, fleet, &o.phone, p.sel)
	if err != nil {
		return err
	}
	if err := o.outputs.free(chosen.Phones, chosen.several); err != nil {
		return err
	}
	if o.before != nil && id.AppID != "" {
		if err := o.before(ctx, id.AppID); err != nil {
			return err
		}
	}
	run := &delivery{o: o, plan: p, fleet: fleet, id: id, several: chosen.several, ready: map[device.Platform]func() (*adapted, error){}}
	for _, on := range []device.Platform{device.Android, device.IOS} {
		run.ready[on] = sync.OnceValues(func() (*adapted, error) { return o.adapt(c, on) })
	}
	if !chosen.several {
		f.Streams.Note("phone %s", chosen.one().Label())
		return run.one(ctx, chosen.one())
	}
	return f.each(ctx, chosen, o.phone.jobs, run.one)
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
	several bool
	// ready returns the request as adapted for a platform.
	ready map[device.Platform]func() (*adapted, error)
}

// result is the outcome of the request at one phone, and how it is printed.
type result struct {
	*device.Outcome
	request intents.Request
	err     error
	// answer is what --json prints instead of the Outcome; more is printed
	// after the Outcome's text, alone instead of it.
	answer any
	more   string
	alone  *string
	// reveal is set if the code of a login is the answer.
	reveal bool
}

// one brings the request to one phone and prints its outcome.
func (d *delivery) one(ctx context.Context, info device.Info) error {
	r := d.attempt(ctx, info)
	if d.o.then != nil {
		d.o.then(ctx, r)
	}
	if r.err != nil {
		if cause := context.Cause(ctx); cause != nil && errors.Is(r.err, context.Canceled) {
			r.err = cause
		}
		r.Error = new(describe(r.err))
	}
	return d.o.f.alsoPrinted(r.err, d.print(r))
}

// alsoPrinted is the error of a command whose answer was printed, or could not
// be: the command's own failure takes precedence.
func (f *Factory) alsoPrinted(err, printErr error) error {
	if err == nil {
		return printErr
	}
	if printErr != nil {
		f.Streams.Warn("%s", safe(describe(printErr).Message))
	}
	return err
}

// attempt brings the request to one phone.
func (d *delivery) attempt(ctx context.Context, info device.Info) *result {
	r := &result{Outcome: device.NewOutcome(info)}
	a, err := d.ready[info.Platform]()
	if err != nil {
		r.err = err
		return r
	}
	r.request = a.job.Request
	if r.err = a.refusal; r.err == nil {
		r.err = d.onPhone(ctx, info, a, r)
	} else {
		r.Unsent(r.request.Kind(), device.AsError(r.err))
	}
	r.Warnings = append(append([]device.Note{}, a.warnings...), r.Warnings...)
	return r
}

func (d *delivery) onPhone(ctx context.Context, info device.Info, a *adapted, r *result) error {
	phone, err := d.fleet.Open(ctx, info)
	if err != nil {
		r.Unsent(a.job.Request.Kind(), device.AsError(err))
		return err
	}
	defer phone.Close()
	job := a.job
	job.App, job.Until, job.After = d.id, d.plan.until, d.plan.after
	job.Hooks = d.o.f.hooks(info, d.several)
	job.Hooks.Identified = d.o.before
	defer d.showWaiting(ctx, &job)()
	var kept []device.Artifact
	end := d.o.outputs.into(&job.Hooks, info, d.several, &kept)
	r.Outcome, err = phone.Deliver(ctx, job)
	d.o.showWire(job, r.Outcome)
	err = errors.Join(err, end(err))
	r.Artifacts = append(r.Artifacts, kept...)
	return err
}

// acts says what the user must do on a screen of WeChat.
func acts(screen device.Screen) string {
	switch screen {
	case device.ScreenConsent:
		return "consent page open — approve it on the phone"
	case device.ScreenChatPicker:
		return "chat picker open — choose a chat on the phone"
	case device.ScreenMomentsEditor:
		return "Moments editor open — post or go back on the phone"
	case device.ScreenSubscribe:
		return "subscribe page open — answer it on the phone"
	case device.ScreenMiniProgram:
		return "mini program open — go back to the app on the phone"
	case device.ScreenLogin:
		return "login page open — log in to WeChat on the phone"
	}
	return ""
}

// showWaiting shows what the user must do on the phone while wxctl waits. The
// returned function ends that.
func (d *delivery) showWaiting(ctx context.Context, job *device.Job) (stop func()) {
	until, bounded := ctx.Deadline()
	if d.several || !bounded || job.Until < device.Returned {
		return func() {}
	}
	seen, waiting := job.Hooks.Seen, func() {}
	job.Hooks.Seen = func(e device.Evidence) {
		if seen != nil {
			seen(e)
		}
		if e.Screen == "" {
			return
		}
		waiting()
		waiting = func() {}
		if what := acts(e.Screen); what != "" {
			waiting = d.o.f.Streams.Waiting(d.o.f.Streams.Translate(what), func() time.Duration { return until.Sub(d.o.f.Now()) })
		}
	}
	return func() { waiting() }
}

// hooks report to the user what happens during a delivery; with several phones
// each line names its phone.
func (f *Factory) hooks(info device.Info, several bool) device.Hooks {
	s, prefix := f.Streams, ""
	if several {
		prefix = safe(info.ID) + ": "
	}
	hooks := device.Hooks{
		Note: func(n device.Note) {
			s.Note("%s%s", prefix, safe(s.Translate(n.Message)))
			if n.Hint != "" {
				s.Note("%s%s%s", prefix, s.Label("hint:"), safe(s.Translate(n.Hint)))
			}
		},
	}
	if progress := s.Progress(prefix); progress != nil {
		hooks.Pushed = func(name string, done, total int64) { progress(safe(name), done, total) }
	}
	if f.Verbose() > 0 {
		hooks.Seen = func(e device.Evidence) {
			s.Note("%s%d ms: %s", prefix, e.AtMs, witnessed(s, e))
		}
	}
	return hooks
}

func (d *delivery) print(r *result) error {
	p := d.o.f.Printer()
	if !r.reveal {
		r.Reply, _ = masked(r.Reply)
	}
	if r.answer == nil {
		r.answer = r.Outcome
	}
	switch {
	case p.JSON() && d.several:
		return p.Line(r.answer)
	case p.JSON():
		return p.Object(r.answer)
	case r.alone != nil && *r.alone == "":
		return nil // the error says why there is none
	case r.alone != nil:
		return d.o.f.Streams.Println(safe(*r.alone))
	}
	return d.o.f.Streams.Println(tell(d.o.f.Streams, r.Outcome, d.several, d.o.f.Verbose() > 0) + r.more)
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
		hidden.URL = "***" // it contains the code, too
	}
	return &hidden, r.Code
}

// holdsCode reports whether the URL of a login's answer may contain a code. A
// refusal contains authdeny instead.
func holdsCode(url string) bool {
	return strings.Contains(strings.ReplaceAll(url, "code=authdeny", ""), "code=")
}

// tell describes what was seen, and nothing else. For a request that reached
// the requested state, all evidence is shown only if all is set.
func tell(s *streams.Streams, o *device.Outcome, several, all bool) string {
	var b strings.Builder
	paint := painted(o)
	const indent = 2 + 9 + 1
	row := func(name, text string) { b.WriteString("\n  " + s.Sprintf("%-9s", name) + " " + s.Wrap(text, indent)) }
	if several {
		b.WriteString(safe(o.Device.ID) + ": ")
	}
	to := s.Translate("WeChat")
	if o.WeChat != nil && o.WeChat.Version != "" {
		to = s.Sprintf("WeChat %s", safe(o.WeChat.Version))
	}
	name := safe(cmp.Or(o.Device.Name, o.Device.ID))
	sentence := s.Sprintf("not handed to %s on %s", to, name)
	if o.State != device.NotSent {
		sentence = s.Sprintf("handed to %s on %s", to, name)
		if last := lastSeen(o); last != "" {
			sentence += " — " + safe(s.Translate(last))
		}
	}
	if !several {
		sentence = s.Wrap(sentence, 0)
	}
	b.WriteString(s.PaintOut(paint, sentence))
	if s.Quiet && !all {
		return b.String()
	}
	if several {
		if o.Error != nil {
			b.WriteString(" — " + safe(s.Translate(o.Error.Message)))
		}
		return b.String()
	}
	if o.Route != "" {
		if o.RouteReason == "" {
			row("route", string(o.Route))
		} else {
			row("route", s.Sprintf("%s (%s)", o.Route, safe(s.Translate(o.RouteReason))))
		}
	}
	for _, d := range o.Differences {
		row("differs", safe(s.Translate(d)))
	}
	if o.Impersonated && o.App != nil {
		row("sent as", s.Sprintf("%s, which is neither debuggable nor in the profile", safe(cmp.Or(o.App.Package, o.App.BundleID))))
	}
	evidence := o.Evidence
	if n := len(evidence); n > 0 && o.Error == nil && !all {
		e := evidence[n-1]
		row("evidence", s.Sprintf("%s after %d ms (%s); -v shows all %d", safe(s.Translate(e.What)), e.AtMs, safe(s.Translate(e.Source)), n))
		evidence = nil
	}
	for _, e := range evidence {
		fmt.Fprintf(&b, "\n  %5d ms  %s", e.AtMs, s.Wrap(witnessed(s, e), indent))
	}
	if o.Reply != nil {
		row("reply", safe(strings.Join(tellReplied(s, o.Reply, o.Err), "  ")))
	}
	return b.String()
}

// witnessed is a piece of evidence, with its source.
func witnessed(s *streams.Streams, e device.Evidence) string {
	return s.Sprintf("%s (%s)", safe(s.Translate(e.What)), safe(s.Translate(e.Source)))
}

// painted is the colour for the outcome of a request.
func painted(o *device.Outcome) streams.Paint {
	switch {
	case o.Error == nil:
		return streams.Good
	case o.State == device.Unknown || o.Error.ExitCode == exit.NotSeen:
		return streams.Warn
	}
	return streams.Bad
}

func lastSeen(o *device.Outcome) string {
	if len(o.Evidence) == 0 {
		return ""
	}
	return o.Evidence[len(o.Evidence)-1].What
}
