package android

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/android/agent"
	"github.com/wxctl/wxctl/intents"
	"github.com/wxctl/wxctl/intents/androidwire"
)

// everything is what is watched for replies.
var everything = []string{"events", "system", "main"}

// Reply forges WeChat's reply into a debuggable app.
func (p *Phone) Reply(ctx context.Context, job device.ReplyJob) (*device.Outcome, error) {
	d := &delivery{Phone: p, begin: time.Now(), out: device.NewOutcome(p.info)}
	d.job = device.Job{App: job.App, User: job.User, Until: max(job.Until, device.Delivered), After: job.After, Hooks: job.Hooks}
	d.choose(device.RouteSDK, "a reply is an Intent that shell may start")
	err := d.forge(ctx, job)
	d.inside.close()
	if ctx.Err() == nil {
		err = errors.Join(err, d.stopRecording(ctx), d.screenshot(ctx), d.tidy(ctx))
	} else {
		err = errors.Join(err, d.abandon(ctx))
	}
	d.out.ElapsedMs = time.Since(d.begin).Milliseconds()
	if err != nil {
		err = d.out.Fail(d.explain(err))
	}
	return d.out, err
}

func (d *delivery) forge(ctx context.Context, job device.ReplyJob) error {
	switch job.Route {
	case "", device.RouteAuto, device.RouteSDK:
	default:
		return device.Errorf(device.Refused, "the %s route brings no replies to Android apps", job.Route).WithHint("use --route auto or sdk")
	}
	version, err := androidwire.ParseVersion(job.SDKVersion)
	if err != nil {
		return device.Errorf(device.Usage, "%w", err)
	}
	if err := d.meetApp(ctx); err != nil {
		return err
	}
	switch e := d.app.Entry; {
	case !d.app.Debuggable:
		return device.Errorf(device.Refused, "%q is not debuggable, and forged replies go into debuggable apps only", d.app.Package).
			WithHint("install a debug build of the app")
	case e == nil:
		return device.Errorf(device.Refused, "%q has no .wxapi.WXEntryActivity that could take a reply", d.app.Package).WithHint("see: wxctl inspect")
	case !e.Exported:
		return device.Errorf(device.Refused, "%q is not exported, so neither WeChat nor shell can start it", device.Printable(e.Name)).WithHint(`set android:exported="true"`)
	}
	if err := d.lookInside(ctx); err != nil {
		return err
	}
	if err := d.record(ctx); err != nil {
		return err
	}
	intent, err := androidwire.EncodeReply(job.Reply, androidwire.Receiver{Package: d.app.Package, WeChatSDK: version})
	if err != nil {
		return device.Errorf(device.Refused, "%w", err)
	}
	d.out.Differences = append(d.out.Differences, "the system sees shell (com.android.shell) as the caller, not WeChat")
	raw, err := rawIntent(&intent)
	if err != nil {
		return err
	}
	var started agent.Started
	start := &ask{Request: agent.Request{Verb: agent.Start, User: d.facts.user, Intent: raw}, into: &started}
	sentAt := time.Since(d.begin)
	if err := d.do(ctx, start); err != nil {
		return err
	}
	if err := startError(start.err, started, &intent); err != nil {
		return err
	}
	d.facts.wechat = &agent.App{UID: shellUID} // who calls the app back this time
	o := d.observing(sentAt, started.AtMs)
	o.forged, o.wantReply = true, true
	o.see(sentAt, device.Delivered, fmt.Sprintf("the system accepted it (%s)", resultWord(started)), sourceAgent)
	err = d.until(ctx, o, d.job.Until)
	d.out.ScreenAfter = shortComponent(o.top)
	if o.reply != nil {
		d.out.Answer(o.reply)
	}
	return err
}

// shellUID is the uid of adb's shell, and so of the agent.
const shellUID = 2000

// meetApp finds the app and watches the logs, for what needs no WeChat.
func (d *delivery) meetApp(ctx context.Context) error {
	d.facts = &facts{user: d.job.User.ID}
	name := d.job.App.Package
	if name == "" {
		var packages agent.Packages
		list := &ask{Request: agent.Request{Verb: agent.ListPackages, User: d.facts.user}, into: &packages}
		if err := d.do(ctx, list); err != nil {
			return err
		}
		if list.err != nil {
			return refusedByAgent(list.err)
		}
		var err error
		if name, err = choosePackage("", packages.Packages); err != nil {
			return err
		}
	}
	var app, chat agent.App
	asks := []*ask{askInspect(d.facts.user, name, &app), askInspect(d.facts.user, androidwire.WeChat, &chat)}
	d.job.Until = max(d.job.Until, device.Delivered)
	var watch *ask
	if len(d.watched) < len(everything) {
		if d.agent != nil && len(d.watched) > 0 {
			d.agent.Close()
			d.agent, d.watched = nil, nil
		}
		watch = &ask{Request: agent.Request{Verb: agent.Watch, Buffers: everything}}
		asks = append(asks, watch)
	}
	err := d.do(ctx, asks...)
	if err := errors.Join(err, d.watching(watch)); err != nil {
		return err
	}
	if d.app, err = found(asks[0], &app); err != nil {
		return err
	}
	if d.app == nil {
		return notInstalled(name, d.facts.user)
	}
	if d.facts.wechat, err = found(asks[1], &chat); err != nil {
		return err
	}
	d.out.App = &device.App{Package: d.app.Package, AppID: d.job.App.AppID, Debuggable: d.app.Debuggable}
	if id, err := chooseAppID(d.job.App.AppID, d.app); err == nil {
		d.out.App.AppID = id
	}
	return nil
}

func notInstalled(pkg string, user int) error {
	return device.Errorf(device.Refused, "the app %q is not installed on the phone%s", pkg, forUser(user)).
		WithHint("install it, or name another with --package")
}

// WatchReplies tells of WeChat's replies to an app until ctx ends.
func (p *Phone) WatchReplies(ctx context.Context, job device.WatchJob) error {
	d := &delivery{Phone: p, begin: time.Now(), out: device.NewOutcome(p.info)}
	d.job = device.Job{App: job.App, User: job.User, Until: device.Replied, Hooks: device.Hooks{Note: job.Note}}
	if err := d.meetApp(ctx); err != nil {
		return slowPhone(p.info, err)
	}
	if d.facts.wechat == nil {
		d.facts.wechat = &agent.App{UID: -1}
	}
	defer func() { d.inside.close() }()
	if err := d.lookInside(ctx); err != nil {
		return err
	}
	w := replyWatch{phone: p, app: *d.out.App, seen: job.Seen, observer: d.observing(0, 0)}
	if job.Ready != nil {
		job.Ready()
	}
	for {
		if err := w.next(ctx); err != nil {
			return err
		}
	}
}

// replyWatch makes of what is logged, and of what was read inside the app, one
// SeenReply for each time that WeChat calls the app back.
type replyWatch struct {
	phone    *Phone
	app      device.App
	seen     func(device.SeenReply)
	observer *observer
	// called is a call whose reply may still be read.
	called *device.SeenReply
	until  time.Time
	// read are the replies that were told of already, by one means, and may
	// come once more by the other; calls those of their calls that the log has
	// not told of yet.
	read  []readReply
	calls []time.Time
}

type readReply struct {
	at     time.Time
	source string
	reply  intents.Reply
}

// hookTime is how long after the call the app's hook may log the reply.
const hookTime = 1500 * time.Millisecond

func (w *replyWatch) next(ctx context.Context) error {
	o := w.observer
	if c, ok := o.inside.take(); ok {
		w.inside(c)
		return nil
	}
	watching := o.inside.waiting(ctx)
	waiting, cancel := watching, context.CancelFunc(func() {})
	if w.called != nil {
		waiting, cancel = context.WithDeadline(watching, w.until)
	}
	ev, err := w.phone.agent.event(waiting)
	cancel()
	if err != nil {
		switch {
		case errors.Is(context.Cause(watching), errCaught):
			return nil
		case w.called == nil || ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded):
			return err
		}
		w.flush()
		return nil
	}
	if c, ok := o.inside.take(); ok {
		w.inside(c) // it came before what the app logs of it
	}
	w.fresh()
	o.observe(ev)
	at := time.UnixMilli(ev.AtMs)
	switch {
	case o.out.State == device.Replied:
		w.called = nil
		w.tell(at, sourceApp, o.reply, 0)
	case o.out.State == device.Returned && o.out.Evidence[0].Source == sourceEvents:
		w.flush()
		if w.calls = recent(w.calls, func(t time.Time) time.Time { return t }); len(w.calls) > 0 {
			w.calls = w.calls[1:] // its reply was read before the log told of it
			break
		}
		w.called, w.until = new(device.NewSeenReply(at, w.app, sourceEvents, nil)), time.Now().Add(hookTime)
	case w.called != nil && slices.ContainsFunc(o.entries, o.startedByOther):
		w.called = nil // from Android 14 on the log says afterwards who it was
	}
	if o.out.State == device.Returned || o.out.State == device.Replied {
		clear(o.starter)
	}
	return nil
}

// fresh makes the observer forget what it saw.
func (w *replyWatch) fresh() {
	o := w.observer
	o.out, o.said, o.reply = device.NewOutcome(w.phone.info), map[string]bool{}, nil
}

// inside takes what was read in the app.
func (w *replyWatch) inside(c caught) {
	if w.called != nil {
		w.called = nil
	} else {
		w.calls = append(w.calls, time.Now())
	}
	w.fresh()
	w.observer.readInside(c)
	switch w.observer.out.State {
	case device.Replied:
		w.tell(c.at, sourceInside, w.observer.reply, c.stood)
	case device.Returned:
		w.seen(device.NewSeenReply(c.at, w.app, sourceInside, nil))
	}
}

// tell tells of a reply, unless another means has told of it just now.
func (w *replyWatch) tell(at time.Time, source string, reply intents.Reply, stood time.Duration) {
	w.read = recent(w.read, func(r readReply) time.Time { return r.at })
	i := slices.IndexFunc(w.read, func(r readReply) bool { return r.source != source && alike(r.reply, reply) })
	if i >= 0 {
		w.read = slices.Delete(w.read, i, i+1)
		return
	}
	w.read = append(w.read, readReply{time.Now(), source, reply})
	seen := device.NewSeenReply(at, w.app, source, reply)
	seen.HeldMs = stood.Milliseconds()
	w.seen(seen)
}

// alike reports whether two replies are one, as far as an app's hook logs it.
func alike(a, b intents.Reply) bool {
	return a.Kind() == b.Kind() && reflect.DeepEqual(device.NewReply(a), device.NewReply(b))
}

// recent leaves out what is older than hookTime.
func recent[T any](list []T, at func(T) time.Time) []T {
	return slices.DeleteFunc(list, func(t T) bool { return time.Since(at(t)) > hookTime })
}

func (w *replyWatch) flush() {
	if w.called != nil {
		w.seen(*w.called)
		w.called = nil
	}
}

var (
	_ device.Replier = (*Phone)(nil)
	_ device.Watcher = (*Phone)(nil)
)
