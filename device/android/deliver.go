package android

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/android/agent"
	"github.com/wxctl/wxctl/intents/androidwire"
)

// Deliver hands a request to WeChat and watches what comes of it. On a phone
// that has the agent, all of it goes over the one connection that the agent
// lives on.
func (p *Phone) Deliver(ctx context.Context, job device.Job) (*device.Outcome, error) {
	d := p.newDelivery(job)
	err := d.run(ctx)
	d.inside.close()
	d.way.close()
	d.listing.stop()
	return d.Out, d.End(err, p.unanswered())
}

func (p *Phone) newDelivery(job device.Job) *delivery {
	return &delivery{Phone: p, Delivery: device.NewDelivery(p.info, job)}
}

// delivery is one request on its way.
type delivery struct {
	*Phone
	*device.Delivery

	facts   *facts
	app     *agent.App // nil for a route that names none
	appID   string
	way     way            // for the first of the media
	placed  []placed       // media on the phone
	listing *aside[Result] // of what is there from before
	closed  bool           // WeChat closed the request at once
	inside  *inside        // nil where nobody looks into the app
	worker  *worker        // of the app route, until the request is sent
	camera  *camera        // what records, nil for nothing
}

// unanswered is what to do about a phone that lets deadlines pass.
func (p *Phone) unanswered() string {
	return fmt.Sprintf("see whether `adb %s shell true` answers, or give it longer with --timeout", adbFlag(p.info))
}

// lateError says of the error of a passed deadline which phone did not answer.
// Other errors stay as they are.
func (p *Phone) lateError(err error) error {
	var e *device.Error
	if errors.As(err, &e) || !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	e = device.Errorf(device.NotSeen, "phone %s did not answer in time", p.info.Label()).WithHint("%s", p.unanswered())
	e.Err = err
	return e
}

func (d *delivery) run(ctx context.Context) error {
	if err := d.chooseRoute(); err != nil {
		return err
	}
	// What comes at the end (the screen in front, tidying up) needs a little
	// of the time, too.
	working, cancel := device.Reserve(ctx)
	defer cancel()
	err := d.attempt(working)
	if ctx.Err() == nil {
		return errors.Join(err, d.stopRecording(ctx), d.finish(ctx))
	}
	var closing sync.WaitGroup
	closing.Go(d.inside.close) // at the same time, since both may wait for a phone that is silent
	err = errors.Join(err, d.abandon(ctx))
	closing.Wait()
	return err
}

// attempt does all up to the state that is waited for.
func (d *delivery) attempt(ctx context.Context) error {
	if err := d.prepare(ctx); err != nil {
		return err
	}
	if err := d.takeRoute(ctx); err != nil {
		return err
	}
	if err := d.lookInside(ctx); err != nil {
		return err
	}
	if err := d.record(ctx); err != nil {
		return err
	}
	return d.send(ctx)
}

// abandonTime is how long an interrupted delivery may take to leave nothing
// of itself on the phone.
const abandonTime = 2 * tidyTime

// abandon takes back what an interrupted delivery put on the phone, unless
// WeChat was given it already. It claims no success: the context is over.
func (d *delivery) abandon(ctx context.Context) error {
	var files []string
	if d.camera != nil {
		d.camera.shell.Close()
		files = append(files, d.camera.film)
	}
	if d.Out.State < device.Delivered {
		for _, f := range d.placed {
			if !d.needed(f.path) {
				files = append(files, f.path)
				d.forget(f.path)
			}
		}
	}
	if len(files) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abandonTime)
	defer cancel()
	command := "rm -f"
	for _, f := range files {
		command += " " + shellQuote(f)
	}
	if _, err := d.server.Run(ctx, target(d.info), command, nil); err != nil {
		d.Note(fmt.Sprintf("left on the phone: %s", strings.Join(files, ", ")), "")
	}
	return nil
}

// chooseRoute decides how the request goes, and refuses what the SDK would
// refuse to send, before the phone is asked anything.
func (d *delivery) chooseRoute() error {
	route, why, err := routeOf(d.Job)
	if err != nil {
		return err
	}
	d.Choose(route, why)
	if route == device.RouteSystem {
		if err := systemCan(d.Job.Request, d.Job.Force); err != nil {
			return err
		}
		d.Job.Media, err = systemMedia(d.Job)
		return err
	}
	problems, err := Validate(d.Job)
	if err != nil || d.Job.Raw {
		return err
	}
	return device.RefusedBySDK(problems)
}

// prepare asks the phone what has to be known, refuses what can't work, and
// brings media to the phone.
func (d *delivery) prepare(ctx context.Context) error {
	d.wayForFiles(ctx)
	needsApp := d.Out.Route != device.RouteSystem
	var packages agent.Packages
	var app agent.App
	var asks []*ask
	var inspectApp, list *ask
	switch {
	case !needsApp:
	case d.Job.App.Package != "":
		inspectApp = askInspect(0, d.Job.App.Package, &app)
		asks = append(asks, inspectApp)
	default:
		list = &ask{Request: agent.Request{Verb: agent.ListPackages}, into: &packages}
		asks = append(asks, list)
	}
	watch := d.askWatch()
	if watch != nil {
		asks = append(asks, watch)
	}
	var err error
	d.facts, err = d.learn(ctx, d.Job.User, asks...)
	// The logs may be watched by now, whatever else was learned.
	if err := errors.Join(err, d.watching(watch)); err != nil {
		return err
	}
	d.wechat()
	if err := d.facts.usable(); err != nil {
		return err
	}
	if err := d.facts.userUnlocked(); err != nil {
		return err
	}
	if needsApp {
		if err := d.identify(ctx, inspectApp, &app, list, packages.Packages); err != nil {
			return err
		}
		if err := d.Identified(ctx, d.appID); err != nil {
			return err
		}
	}
	if err := d.check(); err != nil {
		return err
	}
	return d.place(ctx)
}

// buffers are the log buffers that evidence is read from: main is the one that
// the app's debug hook logs its replies to.
func buffers() []string { return []string{"events", "system", "main"} }

// askWatch returns the request to watch the logs, nil if they are watched.
func (d *delivery) askWatch() *ask {
	if d.agent != nil && len(d.watched) > 0 {
		return nil
	}
	return &ask{Request: agent.Request{Verb: agent.Watch, Buffers: buffers()}}
}

func (d *delivery) watching(a *ask) error {
	if a == nil {
		return nil
	}
	if a.err != nil {
		return refusedByAgent(a.err)
	}
	d.watched = a.Buffers
	return nil
}

// wechat puts what is known of WeChat into the outcome.
func (d *delivery) wechat() {
	d.Out.WeChat = d.facts.report()
}

// report says which WeChat was found.
func (f *facts) report() *device.WeChat {
	w := &device.WeChat{Package: androidwire.WeChat, AndroidUser: &f.user}
	if f.wechat != nil {
		w.Installed = true
		w.Version, w.VersionCode = device.Printable(f.wechat.VersionName), f.wechat.VersionCode
		w.Enabled = f.wechat.Enabled && !f.wechat.Suspended
		w.SupportAPI = supportAPI(f.wechat)
	}
	return w
}

// identify finds the app to speak for and decides whether it may be.
func (d *delivery) identify(ctx context.Context, inspect *ask, app *agent.App, list *ask, packages []agent.Package) error {
	if inspect == nil {
		if list.err != nil {
			return refusedByAgent(list.err)
		}
		name, err := choosePackage("", packages)
		if err != nil {
			return err
		}
		inspect = askInspect(d.facts.user, name, app)
		if err := d.do(ctx, inspect); err != nil {
			return err
		}
	}
	var err error
	if d.app, err = found(inspect, app); err != nil {
		return err
	}
	if d.app == nil {
		return device.Errorf(device.Refused, "the app %q is not installed on the phone%s, and WeChat would refuse a request in its name", inspect.Package, forUser(d.facts.user)).
			WithHint("install it, or name another with --package")
	}
	who := speaker(d.app, d.Job.App)
	if d.appID, err = who.AppID(d.Job.App.AppID); err != nil {
		return err
	}
	d.Out.App = &device.App{Package: d.app.Package, AppID: d.appID, Debuggable: d.app.Debuggable}
	d.Out.Impersonated, err = who.MaySpeak(d.Job.Yes)
	return err
}

func forUser(user int) string {
	if user == 0 {
		return ""
	}
	return fmt.Sprintf(" for Android user %d", user)
}

// takeRoute gets ready for the app route. Where it was wxctl's choice and
// can't be taken, the debug hook of the app will do, if it has one.
func (d *delivery) takeRoute(ctx context.Context) error {
	if d.Out.Route != device.RouteApp {
		return nil
	}
	err := d.goInside(ctx)
	chosen := d.Job.Route == "" || d.Job.Route == device.RouteAuto
	if err == nil || !chosen || ctx.Err() != nil || !slices.Contains(d.app.Schemes, device.BridgeScheme(d.appID)) {
		return err
	}
	why, _ := reasonOf(err)
	d.Choose(device.RouteBridge, "auto: the app's debug hook, since the app route failed: "+why)
	return nil
}

// send hands the request over and watches until the state that was asked for.
func (d *delivery) send(ctx context.Context) error {
	if d.Out.Route == device.RouteApp {
		return d.sendInside(ctx)
	}
	verb, intent, err := d.wire()
	if err != nil {
		return err
	}
	raw, err := rawIntent(intent)
	if err != nil {
		return err
	}
	var started agent.Started
	start := &ask{Request: agent.Request{Verb: verb, User: d.facts.user, Intent: raw}, into: &started}
	asks := []*ask{start}
	if d.Job.Until <= device.Delivered { // nothing is waited for, so what is in front then is asked in the same turn
		asks = append(asks, askFront())
	}
	if d.agent != nil {
		d.agent.events = nil // they have other causes
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	sentAt := d.Elapsed()
	d.Out.State = device.Unknown
	if err := d.hand(ctx, start, asks); err != nil {
		return d.lookAgain(ctx, sentAt, err)
	}
	if err := startError(start.err, started, intent); err != nil {
		d.Out.State = device.NotSent
		return err
	}
	o := d.observing(sentAt, started.AtMs)
	d.See(sentAt, device.Delivered, "", fmt.Sprintf("the system accepted it (%s)", resultWord(started)), sourceAgent)
	err = d.follow(ctx, o)
	for _, a := range asks[1:] {
		d.screenIs(a)
	}
	return err
}

// hand writes a start to the phone and waits for its answer.
func (d *delivery) hand(ctx context.Context, start *ask, asks []*ask) error {
	err := d.do(ctx, asks...)
	if err == nil || start.answered {
		return nil
	}
	if !start.written {
		d.Out.State = device.NotSent
	}
	return err
}

// lookAgain is for a start that was written and not answered: the phone's log,
// over a new connection, tells what became of it, and the rest as ever. It is
// read from a second before on, in which nobody else should have started WeChat.
func (d *delivery) lookAgain(ctx context.Context, sentAt time.Duration, lost error) error {
	if d.Out.State == device.NotSent || ctx.Err() != nil {
		return lost
	}
	d.Note("the connection broke as the request was handed over; the phone is asked again what became of it", "")
	watch := d.askWatch()
	if watch != nil {
		if err := errors.Join(d.do(ctx, watch), watch.err); err != nil {
			return lost
		}
		d.watched = watch.Buffers
	}
	o := d.observing(sentAt, 0)
	bounded, cancel := context.WithTimeout(ctx, againTime)
	_ = d.until(bounded, o, device.Delivered) // whatever it was, the state says what was seen
	cancel()
	if d.Out.State == device.Unknown {
		return lost
	}
	return d.follow(ctx, o)
}

// againTime is how long the phone's log may take to tell of a start that it got
// before: what it has is told at once.
const againTime = 5 * time.Second

// askFront asks what is in front.
func askFront() *ask {
	return &ask{Request: agent.Request{Verb: agent.TopActivity}, into: new(agent.Top)}
}

// screenIs takes the answer to askFront.
func (d *delivery) screenIs(a *ask) {
	if component, ok := fullComponent(a.into.(*agent.Top).Activity); a.err == nil && ok {
		d.Out.ScreenAfter = shortComponent(component)
	}
}

// observing returns the observer of a request that was handed over just now.
func (d *delivery) observing(sentAt time.Duration, sentMs int64) *observer {
	o := newObserver(d.Delivery, d.facts, d.app)
	o.sentAt, o.sentMs, o.inside = sentAt, sentMs, d.inside
	return o
}

// follow watches what comes of a request that was handed over.
func (d *delivery) follow(ctx context.Context, o *observer) error {
	if !d.Forging() {
		d.expect(o.sentAt)
	}
	err := d.until(ctx, o, d.Job.Until)
	d.closed = err != nil && !o.goneAt.IsZero()
	d.Out.ScreenAfter = shortComponent(o.top)
	o.stuck(err)
	return d.Answered(err)
}

// expect says what follows from that a request was handed over.
func (d *delivery) expect(at time.Duration) {
	if d.Out.State >= device.Delivered {
		d.Out.Sent(d.Job.Request.Kind())
	}
	if !d.facts.state.ScreenOn {
		d.See(at, device.NotSent, "", asleep, sourceAgent)
	} else if d.facts.state.Keyguard {
		d.See(at, device.NotSent, "", behindKeyguard, sourceAgent)
	}
}

func resultWord(s agent.Started) string {
	word := device.Printable(s.Word)
	if word == "" {
		return fmt.Sprintf("result %d", s.Result)
	}
	return word
}

// startError says why the system did not accept a start.
func startError(refused error, s agent.Started, intent *androidwire.Intent) error {
	if refused != nil {
		return refusedByAgent(refused)
	}
	if s.OK() {
		return nil
	}
	target := intent.Component
	if target == "" {
		target = intent.Package
	}
	// The words, since the numbers of failures are others before Android 8.
	switch s.Word {
	case "CLASS_NOT_FOUND", "INTENT_NOT_RESOLVED":
		if intent.Component == "" {
			return device.Errorf(device.Refused, "the app %q takes no debug link: the system found nobody for it (%s)", target, resultWord(s)).
				WithHint("put the debug hook into the app (docs/bridge.md)")
		}
		return device.Errorf(device.WeChatTooOld, "WeChat has no %s (%s)", shortComponent(target), resultWord(s)).WithHint("update WeChat on the phone")
	case "NOT_CURRENT_USER_ACTIVITY":
		return device.Errorf(device.PhoneNotReady, "that Android user is not the one in front (%s)", resultWord(s)).WithHint("switch the phone to that user, or choose another with --android-user")
	case "PERMISSION_DENIED":
		return device.Errorf(device.Failed, "the phone does not let shell start %s (%s)", shortComponent(target), resultWord(s))
	case "ABORTED":
		return device.Errorf(device.Failed, "the phone blocked the start of %s (%s)", shortComponent(target), resultWord(s)).
			WithHint("on Xiaomi phones, turn on \"USB debugging (Security settings)\" in the developer options")
	}
	return device.Errorf(device.Failed, "the phone did not start %s (%s)", shortComponent(target), resultWord(s))
}

// wire returns what is handed to the system, and by which verb of the agent.
func (d *delivery) wire() (agent.Verb, *androidwire.Intent, error) {
	verb := agent.Start
	var sender androidwire.Sender
	switch d.Out.Route {
	case device.RouteSystem: // which names no sender
		verb = agent.Send
	case device.RouteBridge:
		if err := d.hasHook(); err != nil {
			return verb, nil, err
		}
		fallthrough
	default:
		var err error
		if sender, err = d.sender(); err != nil {
			return verb, nil, err
		}
	}
	wires, differences, err := encode(d.Out.Route, d.Job.Request, sender, d.placed)
	if err != nil {
		return verb, nil, err
	}
	d.Out.Differences = append(d.Out.Differences, differences...)
	return verb, wires[len(wires)-1].Intent, nil
}

// finish looks at the phone once more and leaves it as asked.
func (d *delivery) finish(ctx context.Context) error {
	var errs []error
	if d.Out.ScreenAfter == "" && d.agent != nil {
		if a := askFront(); d.do(ctx, a) == nil {
			d.screenIs(a)
		}
	}
	errs = append(errs, d.Screenshot(ctx, d.Picture), d.tidy(ctx), d.removeMedia(ctx))
	return errors.Join(errs...)
}

// tidy leaves the phone as --after says. A phone that was handed nothing is
// left as it was.
func (d *delivery) tidy(ctx context.Context) error {
	if d.Out.State < device.Delivered || d.agent == nil {
		return nil
	}
	switch d.Job.After {
	case device.AfterBack:
		r, err := d.server.Run(ctx, target(d.info), "input keyevent 4", nil) // KEYCODE_BACK
		if err == nil && r.Exit != 0 {
			err = device.Errorf(device.Failed, "the back key could not be pressed: the phone says %q", excerpt(string(r.Stderr)))
		}
		return err
	case device.AfterHome:
		raw, err := rawIntent(&androidwire.Intent{Action: "android.intent.action.MAIN", Categories: []string{"android.intent.category.HOME"}, Flags: androidwire.FlagNewTask})
		if err != nil {
			return err
		}
		return d.one(ctx, agent.Request{Verb: agent.Start, User: d.facts.user, Intent: raw})
	case device.AfterStopWeChat:
		return d.one(ctx, agent.Request{Verb: agent.Stop, User: d.facts.user, Package: androidwire.WeChat})
	}
	return nil
}

// one sends one request to the agent whose answer does not matter.
func (p *Phone) one(ctx context.Context, r agent.Request) error {
	a := &ask{Request: r}
	if err := p.do(ctx, a); err != nil {
		return err
	}
	if a.err != nil {
		return refusedByAgent(a.err)
	}
	return nil
}
