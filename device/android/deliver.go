package android

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/android/agent"
	"github.com/wxctl/wxctl/intents/androidwire"
)

// Deliver hands a request to WeChat and watches what happens. If the agent is
// already on the phone, everything goes over the one connection that the agent
// uses.
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
	app     *agent.App // nil for a route without a sender
	appID   string
	way     way            // for the first of the media
	placed  []placed       // media on the phone
	listing *aside[Result] // the files of earlier runs
	closed  bool           // WeChat closed the request immediately
	inside  *inside        // nil if nothing is attached to the app
	worker  *worker        // of the app route, until the request is sent
	camera  *camera        // what records, nil for nothing
}

// unanswered is the hint for a phone that does not answer in time.
func (p *Phone) unanswered() string {
	return fmt.Sprintf("see whether `adb %s shell true` answers, or increase --timeout", adbFlag(p.info))
}

// lateError converts the error of a passed deadline to one that names the
// phone. Other errors are returned unchanged.
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
	// The end (the screen in front, cleaning up) needs some of the time.
	working, cancel := d.Reserve(ctx)
	defer cancel()
	err := d.attempt(working)
	if ctx.Err() == nil {
		return errors.Join(err, d.stopRecording(ctx), d.finish(ctx))
	}
	var closing sync.WaitGroup
	closing.Go(d.inside.close) // in parallel, since both may wait for a silent phone
	err = errors.Join(err, d.abandon(ctx))
	closing.Wait()
	return err
}

// attempt does everything up to the state that is waited for.
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

// abandonTime is how long an interrupted delivery may take to clean up the
// phone.
const abandonTime = 2 * tidyTime

// abandon removes what an interrupted delivery put on the phone, unless it was
// already given to WeChat. It reports no success: the context has ended.
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

// chooseRoute decides how the request is sent, and refuses what the SDK would
// refuse, before the phone is asked anything.
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
	return device.RefusedBySDK(problems, d.Job.NoFit)
}

// prepare collects the necessary facts, refuses what can't work, and copies
// media to the phone.
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
	// The logs may already be watched, even if other requests failed.
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

// buffers are the log buffers with evidence: main is where the app's debug hook
// logs its replies.
func buffers() []string { return []string{"events", "system", "main"} }

// askWatch returns the request to watch the logs, nil if they are already
// watched.
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

// wechat records WeChat's facts in the outcome.
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

// identify finds the sending app and decides whether it may be used.
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
		err := device.Errorf(device.Refused, "the app %q is not installed on the phone, and WeChat would refuse a request in its name",
			inspect.Package)
		if d.facts.user != 0 {
			err = device.Errorf(device.Refused, "the app %q is not installed for Android user %d, and WeChat would refuse a request "+
				"in its name", inspect.Package, d.facts.user)
		}
		return err.WithHint("install it, or name another with --package")
	}
	who := speaker(d.app, d.Job.App)
	if d.appID, err = who.AppID(d.Job.App.AppID); err != nil {
		return err
	}
	d.Out.App = &device.App{Package: d.app.Package, AppID: d.appID, Debuggable: d.app.Debuggable}
	d.Out.Impersonated, err = who.MaySpeak(d.Job.Yes)
	return err
}

// takeRoute prepares the app route. If wxctl chose it and it can't be used, it
// falls back to the app's debug hook, if there is one.
func (d *delivery) takeRoute(ctx context.Context) error {
	if d.Out.Route != device.RouteApp {
		return nil
	}
	err := d.goInside(ctx)
	chosen := d.Job.Route == "" || d.Job.Route == device.RouteAuto
	if err == nil || !chosen || ctx.Err() != nil || !d.hooked() {
		return err
	}
	why, _ := reasonOf(err)
	d.Choose(device.RouteBridge, "auto: the app's debug hook, since the app route failed: "+why)
	return nil
}

// finish checks the phone once more and applies --after.
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

// tidy does what --after says. A phone that was handed nothing is not changed.
func (d *delivery) tidy(ctx context.Context) error {
	if d.Out.State < device.Delivered || d.agent == nil {
		return nil
	}
	switch d.Job.After {
	case device.AfterBack:
		return d.press(ctx, "KEYCODE_BACK")
	case device.AfterHome:
		raw, err := rawIntent(&androidwire.Intent{Action: "android.intent.action.MAIN",
			Categories: []string{"android.intent.category.HOME"}, Flags: androidwire.FlagNewTask})
		if err != nil {
			return err
		}
		return d.one(ctx, agent.Request{Verb: agent.Start, User: d.facts.user, Intent: raw})
	case device.AfterStopWeChat:
		return d.one(ctx, agent.Request{Verb: agent.Stop, User: d.facts.user, Package: androidwire.WeChat})
	}
	return nil
}

// press presses a key. Some makers take that right from the shell until their
// switch is on, and not every `input` says so by its exit code.
func (p *Phone) press(ctx context.Context, key string) error {
	r, err := p.server.Run(ctx, target(p.info), "input keyevent "+key, nil)
	said := string(r.Stderr)
	switch {
	case err != nil:
		return err
	case strings.Contains(said, "INJECT_EVENTS"):
		return device.Errorf(device.Failed, "the key %s could not be pressed: the phone does not let a computer press keys", key).
			WithHint("in the developer options turn on \"USB debugging (Security settings)\" (Xiaomi) or \"USB simulated click\" (vivo)")
	case r.Exit != 0 || strings.Contains(said, "Exception"):
		return device.Errorf(device.Failed, "the key %s could not be pressed: the phone says %q", key, excerpt(said)).
			WithHint("press it by hand on the phone")
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
