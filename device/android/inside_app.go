package android

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/android/agent"
	"github.com/wxctl/wxctl/device/android/jdwp"
	"github.com/wxctl/wxctl/intents"
	"github.com/wxctl/wxctl/intents/androidwire"
)

// sourceInside is evidence seen inside the app.
const sourceInside = "jdwp"

// lookInside attaches to the app if a reply is waited for, so that it can be
// read when it arrives. If that fails, it notes the reason and the
// alternatives; the request is sent anyway.
func (d *delivery) lookInside(ctx context.Context) error {
	if d.app == nil || d.Job.Until == device.Delivered || d.inside != nil {
		return nil
	}
	if d.Job.Until < device.Returned {
		// Usually no reply comes then. wxctl attaches to processes that start,
		// and to others once WeChat has called the app back.
		if d.app.Debuggable {
			d.enterApp(ctx)
		}
		return nil
	}
	if !d.app.Debuggable {
		d.Note(fmt.Sprintf("%q is a release build, which can't be debugged: its reply is read only if its debug hook logs "+
			"it, or a task was created with it", d.app.Package),
			"install a debug build, or put the debug hook into the app (docs/bridge.md)")
		return nil
	}
	running, _, err := d.processes(ctx, d.app, false, d.facts.user)
	if err != nil {
		return err
	}
	d.enterApp(ctx)
	d.inside.attachAll(ctx, pidsOf(running), d.waits)
	if ok, why := d.inside.watched(); !ok && why != nil {
		message, hint := reasonOf(why)
		d.Note(message+"; the reply is read only if the app's debug hook logs it, or a task was created with it", hint)
	}
	return ctx.Err()
}

// waits notes that another debugger is waited for.
func (d *delivery) waits(why error) {
	message, hint := reasonOf(why)
	d.Note(message+"; waiting for it", hint)
}

// enterApp creates the inside of the app, which is not attached yet.
func (d *delivery) enterApp(ctx context.Context) {
	if d.inside != nil {
		return
	}
	var also []string
	if auth, ok := d.Job.Request.(intents.Auth); ok && auth.Callback != nil {
		also = append(also, textOf(auth.Callback.ClassName))
	}
	d.inside = d.enter(ctx, d.app, callbacks(d.app, also...))
	if d.Job.Route != device.RouteApp && d.hooked() {
		// The hook can replace the debugger: no other debugger needs to detach.
		// That includes a `wxctl watch` of the app.
		d.inside.others = func(left time.Duration) time.Duration { return min(d.Phone.options.HookedDebugger, left/2) }
	}
}

// goInside brings the app to the front and creates a thread in it that can send
// the request. Nothing is sent yet.
func (d *delivery) goInside(ctx context.Context) error {
	if !d.app.Debuggable {
		return device.Errorf(device.Refused, "the app route can't be used: %q is a release build, which can't be debugged", d.app.Package).
			WithHint("install a debug build of the app, or use --route bridge with the debug hook in it (docs/bridge.md)")
	}
	main, err := d.bringToFront(ctx)
	if err != nil {
		return err
	}
	d.enterApp(ctx)
	d.inside.attachAll(ctx, []int{main.pid}, d.waits)
	if err := ctx.Err(); err != nil {
		return err
	}
	debugger := d.inside.debuggerOf(main.pid)
	if debugger == nil {
		if _, why := d.inside.watched(); why != nil {
			return why
		}
		return device.Errorf(device.Failed, "the app %q ended when wxctl attached to it", d.app.Package)
	}
	bounded, cancel := context.WithTimeout(ctx, workerTime)
	defer cancel()
	d.worker, err = debugger.startWorker(bounded, d.wakeLooper)
	if err != nil {
		if ctx.Err() == nil && bounded.Err() != nil {
			return device.Errorf(device.Failed, "the app %q does not respond, so wxctl can't make its calls: "+
				"it hangs, or another debugger has paused it", d.app.Package).
				WithHint("open the app on the phone and try again, or restart it")
		}
		return vmError(err)
	}
	return nil
}

// workerTime bounds how long the app may take to handle one message.
const workerTime = 20 * time.Second

// vmError converts an error from the app's VM.
func vmError(err error) error {
	var e *device.Error
	if errors.As(err, &e) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if errors.Is(err, jdwp.ErrLost) || errors.Is(err, errGone) {
		return device.Errorf(device.Failed, "the app's process ended while wxctl worked in it: %w", err).
			WithHint("see why it ended: adb logcat -d -b crash; then open the app and try again")
	}
	e = device.Errorf(device.Failed, "the app route failed in the app's VM: %w", err).
		WithHint("restart the app and try again, or use --route bridge with the debug hook in it (docs/bridge.md)")
	return e
}

// wakeLooper makes the app's main thread handle a message without an effect:
// the system asks the activity in front to describe itself (dumpsys).
func (d *delivery) wakeLooper(ctx context.Context) error {
	for {
		if _, err := d.server.Run(ctx, target(d.info), "dumpsys activity top >/dev/null", nil); err != nil {
			return err
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// launchFlags are those of a launcher: NEW_TASK and RESET_TASK_IF_NEEDED.
const launchFlags = androidwire.FlagNewTask | 0x00200000

// bringToFront brings the app to the front, as a tap on its icon does, unless
// it is already there, and returns its main process. Apps in the background may
// not start activities.
func (d *delivery) bringToFront(ctx context.Context) (process, error) {
	running, launcher, err := d.processes(ctx, d.app, true, d.facts.user)
	if err != nil {
		return process{}, err
	}
	front, err := d.inFront(ctx)
	if err != nil {
		return process{}, err
	}
	main := mainProcess(running, d.app.Package)
	if front && main != nil {
		return *main, nil
	}
	if launcher == "" {
		return process{}, device.Errorf(device.Refused, "the app %q is not in front, and has no launcher activity to "+
			"bring it there", d.app.Package).
			WithHint("open the app on the phone and try again")
	}
	raw, err := rawIntent(&androidwire.Intent{Component: launcher, Action: "android.intent.action.MAIN",
		Categories: []string{"android.intent.category.LAUNCHER"}, Flags: launchFlags})
	if err != nil {
		return process{}, err
	}
	var started agent.Started
	start := &ask{Request: agent.Request{Verb: agent.Start, User: d.facts.user, Intent: raw}, into: &started}
	if err := d.do(ctx, start); err != nil {
		return process{}, err
	}
	if start.err != nil {
		return process{}, refusedByAgent(start.err)
	}
	if !started.OK() {
		return process{}, device.Errorf(device.Failed, "the app %q did not come to the front (%s)", d.app.Package, resultWord(started)).
			WithHint("open the app on the phone and try again")
	}
	return d.awaitFront(ctx, main)
}

// frontTime bounds how long an app may take to start.
const frontTime = 20 * time.Second

func (d *delivery) awaitFront(ctx context.Context, main *process) (process, error) {
	bounded, cancel := context.WithTimeout(ctx, frontTime)
	defer cancel()
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, 200*time.Millisecond) {
		front, err := d.inFront(ctx)
		if err != nil {
			return process{}, err
		}
		if front && main == nil {
			running, _, err := d.processes(ctx, d.app, false, d.facts.user)
			if err != nil {
				return process{}, err
			}
			main = mainProcess(running, d.app.Package)
		}
		if front && main != nil {
			return *main, nil
		}
		select {
		case <-time.After(pause):
		case <-bounded.Done():
			if ctx.Err() != nil {
				return process{}, ctx.Err()
			}
			return process{}, device.Errorf(device.Failed, "the app %q did not come to the front in time", d.app.Package).
				WithHint("unlock the phone, open the app and try again")
		}
	}
}

func (d *delivery) inFront(ctx context.Context) (bool, error) {
	var top agent.Top
	a := &ask{Request: agent.Request{Verb: agent.TopActivity}, into: &top}
	if err := d.do(ctx, a); err != nil {
		return false, err
	}
	return a.err == nil && strings.HasPrefix(top.Activity, d.app.Package+"/"), nil
}

// mainProcess is the process with the package's own name; other processes of an
// app have a suffix after a colon.
func mainProcess(running []process, pkg string) *process {
	if i := slices.IndexFunc(running, func(p process) bool { return p.name == pkg }); i >= 0 {
		return &running[i]
	}
	return nil
}

// sendInside makes the SDK's calls in the app.
func (d *delivery) sendInside(ctx context.Context) error {
	w := d.worker
	defer func() {
		if err := w.dismiss(); err != nil {
			_ = w.vm.Close() // which resumes it as well
		}
	}()
	sender, err := d.sender()
	if err != nil {
		return err
	}
	wires, differences, err := encode(device.RouteApp, d.Job.Request, sender, d.placed)
	if err != nil {
		return err
	}
	d.Out.Differences = append(d.Out.Differences, differences...)
	sentMs, err := w.now(ctx)
	if err != nil {
		return vmError(err)
	}
	sentAt := d.Elapsed()
	var said []string
	for i := range wires {
		what, token, err := d.issue(ctx, &wires[i])
		if err != nil {
			if d.Out.State == device.Unknown {
				err = d.lookAgain(ctx, sentAt, err)
			}
			return err
		}
		if token != nil {
			sender.Token = token
			again, _, err := encode(device.RouteApp, d.Job.Request, sender, d.placed)
			if err != nil || len(again) != len(wires) {
				return device.Errorf(device.Failed, "the request can't be written with a token: %w", err)
			}
			copy(wires[i+1:], again[i+1:])
		}
		said = append(said, what)
	}
	if sender.SDK >= androidwire.SDK680 && d.agent.hello.API >= 29 {
		d.Out.Differences = append(d.Out.Differences, "Context.startActivity, which the SDK takes in its launch mode 1; its "+
			"default since 6.8 is a PendingIntent")
	}
	o := d.observing(sentAt, sentMs)
	for _, what := range said {
		o.See(sentAt, device.Delivered, "", what, sourceInside)
	}
	o.See(sentAt, device.NotSent, "", fmt.Sprintf("one thread of the app was paused for %d ms", w.heldFor.Milliseconds()), sourceInside)
	return d.follow(ctx, o)
}

func (d *delivery) sender() (androidwire.Sender, error) {
	version, err := versionOf(d.Job.SDKVersion)
	if err != nil {
		return androidwire.Sender{}, err
	}
	return androidwire.Sender{AppID: d.appID, Package: d.app.Package, SDK: version,
		WeChatSupport: int32(d.Out.WeChat.SupportAPI), API: d.agent.hello.API}, nil
}

// issue makes one of the SDK's calls and returns its result.
func (d *delivery) issue(ctx context.Context, wire *androidwire.Wire) (what string, token *string, err error) {
	switch q := wire.Query; {
	case q == nil && wire.Intent.Component == androidwire.LauncherComponent:
		return d.launchWeChat(ctx)
	case q == nil:
		return d.startInside(ctx, wire.Intent)
	case strings.HasSuffix(q.URI, "/genTokenForOpenSdk"):
		got, err := d.worker.query(ctx, q)
		var thrown *exception
		switch {
		case errors.As(err, &thrown): // the SDK continues without a token
			return fmt.Sprintf("WeChat gave the app no token: %v", thrown), nil, nil
		case err != nil:
			return "", nil, vmError(err)
		case len(got.first) == 0 || got.first[0] == nil:
			return "WeChat gave the app no token", nil, nil
		}
		return "WeChat gave the app a token", got.first[0], nil
	default:
		return d.queryInside(ctx, q)
	}
}

// launchWeChat brings WeChat to the front, as the SDK does before a query: a
// provider may not open a screen from the background.
func (d *delivery) launchWeChat(ctx context.Context) (string, *string, error) {
	intent, err := d.worker.launchIntent(ctx, androidwire.WeChat)
	if err != nil {
		return "", nil, vmError(err)
	}
	if intent == 0 {
		return "", nil, device.Errorf(device.Refused, "the app %q can't see WeChat, so its SDK could not reach it either", d.app.Package).
			WithHint(`put <queries><package android:name="com.tencent.mm"/></queries> into its manifest`)
	}
	if err := d.worker.startActivity(ctx, intent); err != nil {
		return "", nil, startFailed(err)
	}
	return "the app brought WeChat to the front", nil, nil
}

func (d *delivery) startInside(ctx context.Context, in *androidwire.Intent) (string, *string, error) {
	intent, err := d.worker.intent(ctx, in)
	if err != nil {
		return "", nil, vmError(err)
	}
	if err := ctx.Err(); err != nil {
		return "", nil, err
	}
	d.Out.State = device.Unknown
	if err := d.worker.startActivity(ctx, intent); err != nil {
		return "", nil, d.notTaken(err, startFailed(err))
	}
	return "the app itself started " + shortComponent(in.Component), nil, nil
}

// notTaken is the error of a call that was made in the app. An exception is an
// answer: WeChat got nothing.
func (d *delivery) notTaken(err, why error) error {
	if thrown := (*exception)(nil); errors.As(err, &thrown) {
		d.Out.State = device.NotSent
	}
	return why
}

// startFailed says why the app could not start an activity.
func startFailed(err error) error {
	var thrown *exception
	if !errors.As(err, &thrown) {
		return vmError(err)
	}
	e := device.Errorf(device.Failed, "the app could not start WeChat: %w", thrown)
	if strings.Contains(thrown.text, "ActivityNotFoundException") {
		e.Code = device.WeChatTooOld
		return e.WithHint("update WeChat, and see whether the app's manifest names it in <queries>")
	}
	return e.WithHint("see the phone's log: adb logcat -d -t 50")
}

// queryInside sends the request as a query to WeChat's provider. It returns no
// cursor even if it accepts the request: what matters is which screen opens.
func (d *delivery) queryInside(ctx context.Context, q *androidwire.Query) (string, *string, error) {
	if err := ctx.Err(); err != nil {
		return "", nil, err
	}
	d.Out.State = device.Unknown
	got, err := d.worker.query(ctx, q)
	var thrown *exception
	switch {
	case errors.As(err, &thrown):
		return "", nil, d.notTaken(err, device.Errorf(device.RefusedByWeChat, "WeChat's provider refused the app: %w", thrown).
			WithHint("see what WeChat checks of the app: wxctl inspect"))
	case err != nil:
		return "", nil, vmError(err)
	}
	path := q.URI[strings.LastIndexByte(q.URI, '/')+1:]
	switch {
	case !got.cursor:
		return fmt.Sprintf("the app queried WeChat's provider: %s; it returned no cursor, as for accepted requests", path), nil, nil
	case len(got.first) == 0:
		return fmt.Sprintf("the app queried WeChat's provider: %s; it returned an empty cursor", path), nil, nil
	}
	var cells []string
	for i, c := range got.first {
		cells = append(cells, fmt.Sprintf("%q: %q", device.Printable(got.columns[i]), excerpt(device.Printable(textOf(c)))))
	}
	return fmt.Sprintf("the app queried WeChat's provider: %s; it answered %s", path, strings.Join(cells, ", ")), nil, nil
}

// readInside interprets what was caught in the app.
func (o *observer) readInside(c caught) {
	at := c.at.Sub(o.Begin)
	if c.ended != 0 {
		o.See(at, device.NotSent, "", fmt.Sprintf("the app's process %d ended, or its VM detached wxctl", c.ended), sourceInside)
		return
	}
	if c.ran != "" {
		o.handled(c)
		return
	}
	o.read++
	if c.err != nil {
		o.unreadable = true
		o.See(at, device.Returned, "", fmt.Sprintf("%s was called back, but the reply can't be read: %v",
			shortComponent(o.pkg+"/"+c.class), c.err), sourceInside)
		return
	}
	reply, _, err := androidwire.DecodeReply(androidwire.Intent{Extras: c.extras}, androidwire.SDK6834)
	if err != nil {
		o.See(at, device.NotSent, "", fmt.Sprintf("%s was started with something that the SDK does not accept as a reply: %v",
			shortComponent(o.pkg+"/"+c.class), err), sourceInside)
		return
	}
	if other := o.OtherReply(reply); other != "" {
		o.others = true
		o.See(at, device.NotSent, "", "a reply to another request reached the app ("+other+")", sourceInside)
		return
	}
	o.Answer = reply
	if c.held {
		o.See(at, device.Replied, "", "the reply was found in the app, which WeChat had called back", sourceInside)
		return
	}
	o.See(at, device.Replied, "", fmt.Sprintf("the reply was read as it reached %s, which was paused for %d ms",
		shortComponent(o.pkg+"/"+c.class), c.heldFor.Milliseconds()), sourceInside)
}
