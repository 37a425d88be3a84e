package android

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/android/agent"
	"github.com/wxctl/wxctl/intents"
	"github.com/wxctl/wxctl/intents/androidwire"
)

// Where evidence was seen.
const (
	sourceAgent  = "agent"
	sourceEvents = "events log"
	sourceStarts = "activity log"
	sourceApp    = "app's log"
)

// observer turns what the phone logs into evidence for one request.
type observer struct {
	*device.Delivery

	sentAt    time.Duration // since begin, when the request was handed over
	sentMs    int64         // the same by the phone's clock, since 1970; 0 if the phone did not say
	user      int
	roles     []role   // of the screens that count as opened
	entries   []string // components in which WeChat calls the app back
	wechatUID int
	appUID    int
	inside    *inside // what looks into the app; nil if nothing does
	pkg       string  // the app's

	open       map[string]bool // entry activities of WeChat that are open
	sawEntry   bool
	moved      bool // a screen of WeChat beyond its entry came up
	sawLogin   bool
	sawChooser bool
	unreadable bool      // a reply came and can't be read
	others     bool      // the app was called back for other requests
	calledAt   time.Time // when WeChat had called the app back
	goneAt     time.Time // when WeChat's last entry activity was closed, and nothing came
	starter    map[string]int
	back       map[string]string // evidence that WeChat called the app back, by activity
	told, read int               // how often the app was called back: according to the log, and as read in the app
	top        string            // the component in front; "" while that is changing
	askTasks   bool              // a task may have been made of the reply just now
	held       intents.Reply     // read from a task: used if there is no better source

	// lookBack searches for the reply in an app that was called back before
	// wxctl was attached; nil if that is impossible or done.
	lookBack    func(context.Context) error
	lookNow     bool // the app was called back just now
	logsReplies bool // the app has the debug hook, most likely
}

// at converts the phone's clock to the time since begin.
func (o *observer) at(phoneMs int64) time.Duration {
	return o.sentAt + time.Duration(max(phoneMs-o.sentMs, 0))*time.Millisecond
}

// observe handles one logged line.
func (o *observer) observe(ev agent.Event) {
	if o.sentMs == 0 {
		o.sentMs = ev.AtMs
	}
	if ev.AtMs < o.sentMs {
		return // it has another cause
	}
	o.inside.observeStart(ev.Line)
	if o.observeReply(ev) {
		return
	}
	e, ok := parseActivityEvent(ev.Line)
	if !ok {
		return
	}
	at := o.at(ev.AtMs)
	if slices.Contains(o.entries, e.component) {
		o.called(e, at)
		return
	}
	s := screenOf(e.component)
	if e.user != o.user && s.role != roleChooser {
		return
	}
	switch e.kind {
	case created, newIntent, restarted:
		o.top = ""
		o.came(s, e.component, at)
	case resumed:
		o.top = e.component
	case finished:
		o.went(s, e.component)
	}
}

func (o *observer) came(s screen, component string, at time.Duration) {
	switch s.role {
	case roleForeign:
		return
	case roleEntry:
		o.sawEntry = true
		o.open[component] = true
		o.goneAt = time.Time{}
		o.See(at, device.Delivered, s.name(), s.what, sourceEvents)
		return
	case roleLogin:
		o.sawLogin = true
	case roleChooser:
		o.sawChooser = true
	}
	if s.role != roleFront && s.role != roleChooser {
		o.moved = true
		o.goneAt = time.Time{}
	}
	state := device.NotSent
	if slices.Contains(o.roles, s.role) {
		state = device.Opened
	}
	o.See(at, state, s.name(), s.what, sourceEvents)
}

func (o *observer) went(s screen, component string) {
	if s.role != roleEntry {
		return
	}
	delete(o.open, component)
	if len(o.open) == 0 && !o.moved && o.goneAt.IsZero() {
		o.goneAt = time.Now()
	}
}

// called handles events of the activity in which WeChat calls the app back.
// Other apps may start that activity too: the system must have logged WeChat as
// the caller.
func (o *observer) called(e activityEvent, at time.Duration) {
	if e.user != o.user {
		return
	}
	what := o.backAt(e.component)
	switch e.kind {
	case started:
		o.starter[e.component] = e.fromUID
		if e.fromUID == o.wechatUID && (!e.hasResult || (agent.Started{Result: e.result}).OK()) {
			o.See(at, device.Returned, "", what, sourceStarts)
		}
	case created, newIntent:
		o.told++
		o.top = ""
		if !o.startedByOther(e.component) {
			o.askTasks, o.lookNow = e.kind == created, o.lookBack != nil
			o.See(at, device.Returned, "", what, sourceEvents)
		}
	case resumed:
		o.top = e.component
	}
}

// backAt is the evidence that an activity was called back.
func (o *observer) backAt(component string) string {
	if what, ok := o.back[component]; ok {
		return what
	}
	what := fmt.Sprintf("WeChat called %s back", shortComponent(component))
	switch {
	case o.Forging():
		what = fmt.Sprintf("the forged reply reached %s", shortComponent(component))
	case o.Out.State < device.Opened:
		what = fmt.Sprintf("WeChat called %s back without a screen of the request", shortComponent(component))
	}
	o.back[component] = what
	return what
}

// startedByOther reports whether the log names an app other than WeChat as the
// one that started an activity.
func (o *observer) startedByOther(component string) bool {
	uid, ok := o.starter[component]
	return ok && uid != o.wechatUID
}

// replyMark begins the line that the hook of an app under test logs for a reply.
const replyMark = "wxctl-reply: "

// observeReply reads a reply that the app's hook logged.
func (o *observer) observeReply(ev agent.Event) bool {
	if !strings.Contains(ev.Line, replyMark) {
		return false
	}
	l, ok := parseLogLine(ev.Line)
	if !ok || l.uid >= 0 && l.uid != o.appUID {
		return false
	}
	text, ok := strings.CutPrefix(l.text, replyMark)
	if !ok {
		return false
	}
	reply, err := intents.UnmarshalReply([]byte(text))
	if err != nil {
		o.unreadable = true
		o.See(o.at(ev.AtMs), device.Returned, "", "the app logged a reply that can't be read", sourceApp)
		return true
	}
	if other := o.OtherReply(reply); other != "" {
		o.others = true
		o.See(o.at(ev.AtMs), device.NotSent, "", "the app logged a reply to another request ("+other+")", sourceApp)
		return true
	}
	o.Answer = reply
	o.See(o.at(ev.AtMs), device.Replied, "", "the app logged WeChat's reply", sourceApp)
	return true
}

// until watches until the state is reached, and a reply that came was read.
func (p *Phone) until(ctx context.Context, o *observer, state device.Progress) error {
	for !o.Done(state) {
		if c, ok := o.inside.take(); ok {
			p.catchUp(ctx, o, c)
			o.readInside(c)
			continue
		}
		if err := p.readTasks(ctx, o); err != nil {
			return err
		}
		if watched, _ := o.inside.watched(); o.lookNow && o.held == nil && !o.logsReplies && !watched {
			o.look(ctx)
			continue
		}
		ev, why, err := p.agent.wait(ctx, o.inside.arrived(), o.patience(state, p.options))
		err = device.EndOf(ctx, err)
		switch {
		case errors.Is(err, context.DeadlineExceeded):
			return o.notSeen(state)
		case err != nil:
			return err
		case why == waitEvent:
			// What was read in the app comes before what the app logs about it,
			// whichever is noticed first, and after the call.
			switch c, ok := o.inside.take(); {
			case !ok:
				o.observe(ev)
			case o.ahead(c):
				o.observe(ev)
				p.catchUp(ctx, o, c)
				o.readInside(c)
			default:
				o.readInside(c)
				if !o.Done(state) {
					o.observe(ev)
				}
			}
		case why == waitWoken:
		case o.held != nil:
			o.useHeld()
		case o.lookNow:
			o.look(ctx)
		case o.Out.State == device.Returned && state == device.Returned:
			return nil // which is what was asked for, read or not
		case o.Out.State == device.Returned:
			return o.notSeen(state)
		default:
			e := device.Errorf(device.RefusedByWeChat, "WeChat closed the request at once, without a screen: it was malformed, or refused")
			if o.entries == nil { // it named no app
				return e.WithHint("see the phone's log: it may tell why for a moment (--record FILE), or use --route sdk")
			}
			return e.WithHint("see what WeChat checks of the app: wxctl inspect")
		}
	}
	return nil
}

// look runs lookBack, once.
func (o *observer) look(ctx context.Context) {
	look := o.lookBack
	o.lookNow, o.lookBack = false, nil
	bounded, cancel := context.WithTimeout(ctx, briefly)
	defer cancel()
	if err := look(bounded); err != nil && ctx.Err() == nil {
		message, hint := reasonOf(err)
		o.Note("the reply can't be looked for in the app: "+message, hint)
	}
}

// ahead reports whether something was read in the app whose call is not in the
// log yet.
func (o *observer) ahead(c caught) bool {
	return o.told <= o.read && slices.Contains(o.entries, o.pkg+"/"+c.class)
}

// catchUp reads the log up to the call whose Intent was read, so that the
// screens before the reply are known: the system logs a call before the app
// runs, but the log may arrive later. A failure is ignored; the reply was read
// either way.
func (p *Phone) catchUp(ctx context.Context, o *observer, c caught) {
	patience := time.Now().Add(briefly)
	for o.ahead(c) {
		ev, why, err := p.agent.wait(ctx, nil, patience)
		if err != nil || why != waitEvent {
			return
		}
		o.observe(ev)
	}
}

// briefly is how long a reply is waited for if a weaker state was asked for: if
// it can be read at all, it comes within moments, including the start of the
// app.
const briefly = 5 * time.Second

// patience is when to stop waiting, since nothing more is expected; the zero
// time for the end of the command's time.
func (o *observer) patience(state device.Progress, options Options) time.Time {
	switch {
	case o.Out.State == device.Returned && (!o.others || o.held != nil):
		// The reply comes soon after the call, or not at all.
		if o.calledAt.IsZero() {
			o.calledAt = time.Now()
		}
		unread := options.UnreadAfter
		switch {
		case o.unreadable:
			unread = 0
		case o.held != nil, o.lookNow:
			unread = min(unread, hookTime)
		case state < device.Replied:
			unread = min(unread, briefly)
		}
		return o.calledAt.Add(unread)
	case !o.goneAt.IsZero():
		return o.goneAt.Add(options.DropAfter)
	}
	return time.Time{}
}

// stuck adds the screen on which WeChat shows that it refuses an app: it is the
// entry screen, and nothing follows.
func (o *observer) stuck(err error) {
	refused := o.Answer != nil && o.Answer.Answer().ErrCode == intents.ErrBan
	waits := err != nil && device.AsError(err).Code == device.NotSeen && o.Out.State == device.Delivered && len(o.open) > 0
	if o.Forging() || !o.sawEntry || o.moved || !refused && !waits {
		return
	}
	o.See(o.Elapsed(), device.NotSent, device.ScreenSignatureError,
		"WeChat stayed on its entry screen, as it does when it shows an error", sourceEvents)
	o.Out.Screen = device.ScreenSignatureError
	if kind := o.Job.Request.Kind(); waits && (kind == intents.KindLaunchMiniProgram || kind == intents.KindSubscribeMessage) {
		o.Out.RefusedApp()
	}
}

// notSeen is the error that says what was seen instead of the state that was
// waited for.
func (o *observer) notSeen(state device.Progress) error {
	e := device.Errorf(device.NotSeen, "%q was not seen in time", state)
	e.Err = context.DeadlineExceeded
	why := func(message, hint string) error {
		e.Message = fmt.Sprintf("%q was not seen in time: %s", state, message)
		e.Hint = hint
		return e
	}
	switch {
	case o.Saw(asleep):
		return why("the phone's screen is off", "wake the phone and keep its screen on while it is charged (developer options)")
	case o.Saw(behindKeyguard):
		return why("the phone is locked", "unlock the phone")
	case o.sawChooser:
		return why("the phone asks which app should open the request",
			"choose on the phone, or turn off the second WeChat in the phone's dual-app settings")
	case o.sawLogin && o.Out.State < device.Opened:
		return why("WeChat asks to log in", "log in to WeChat on the phone and try again")
	case o.Out.State == device.Returned && o.others:
		return why("WeChat answered another request of the app, but not this one yet",
			"check the phone: WeChat may still show this request's page")
	case o.Out.State == device.Returned:
		return why("WeChat called the app back, but its reply could not be read: the app was not debugged, and did "+
			"not log it", "use a debuggable build, put the debug hook into the app (docs/bridge.md) and on Huawei and Honor phones "+
			"turn on the log (dial *#*#2846579#*#*), or wait for less: --until returned")
	case o.sawEntry && !o.moved:
		return why("WeChat stays on its entry screen, as it does when it shows an error: most often the app's package or signature "+
			"is not the one registered for the AppID",
			"compare with the Open Platform: wxctl inspect")
	case state >= device.Returned && o.Out.State == device.Opened:
		return why("nobody answered on the phone, or the user stayed in WeChat",
			"answer on the phone and go back to the app, or wait for less: --until opened")
	}
	e.Hint = "check the phone, or increase --timeout"
	return e
}

// What the phone's own state adds to the evidence.
const (
	asleep         = "the phone's screen is off"
	behindKeyguard = "the phone shows its lock screen"
)

// newObserver returns an observer for what was just handed over.
func newObserver(d *device.Delivery, f *facts, app *agent.App) *observer {
	o := &observer{
		Delivery: d, user: f.user, roles: wanted(d.Job.Request), wechatUID: f.wechat.UID,
		open: map[string]bool{}, starter: map[string]int{}, back: map[string]string{}, appUID: -1,
	}
	if app != nil {
		o.appUID, o.pkg = app.UID, app.Package
		o.entries = []string{app.Package + "/" + app.Package + ".wxapi.WXEntryActivity"}
		if app.Entry != nil && app.Entry.Target != "" {
			o.entries = append(o.entries, app.Package+"/"+app.Entry.Target)
		}
	}
	return o
}

// rawIntent is an Intent as the agent takes it.
func rawIntent(i *androidwire.Intent) (json.RawMessage, error) {
	data, err := json.Marshal(i)
	if err != nil {
		return nil, device.Errorf(device.Failed, "the request can't be written: %w", err)
	}
	return data, nil
}
