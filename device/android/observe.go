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
	out   *device.Outcome
	hooks device.Hooks
	begin time.Time

	sentAt    time.Duration // since begin, when the request was handed over
	sentMs    int64         // the same by the phone's clock, since 1970
	user      int
	roles     []role   // of the screens that count as opened
	entries   []string // components in which WeChat calls the app back
	wechatUID int
	appUID    int
	wantReply bool
	inside    *inside // what looks into the app; nil if nothing does
	pkg       string  // the app's
	// transaction is the request's, which WeChat echoes; nil if it has none or
	// any reply will do. kind is the request's, "" if any reply will do.
	transaction *string
	kind        intents.Kind
	forged      bool // it is wxctl that calls the app back, not WeChat
	until       device.Progress

	said       map[string]bool // evidence that is there already
	open       map[string]bool // entry activities of WeChat that are up
	sawEntry   bool
	moved      bool // a screen of WeChat beyond its entry came up
	sawLogin   bool
	sawChooser bool
	others     bool      // the app was called back for other requests
	calledAt   time.Time // when WeChat had called the app back
	goneAt     time.Time // when WeChat's last entry activity went, and nothing came
	starter    map[string]int
	back       map[string]string // evidence that WeChat called the app back, by activity
	top        string            // the component in front; "" while that is changing
	reply      intents.Reply
	askTasks   bool          // a task may have been made of the reply just now
	held       intents.Reply // read from a task: used if no better means brings one
}

// at returns when the phone logged something, since begin.
func (o *observer) at(phoneMs int64) time.Duration {
	return o.sentAt + time.Duration(max(phoneMs-o.sentMs, 0))*time.Millisecond
}

// see adds evidence, once for each what.
func (o *observer) see(at time.Duration, state device.Progress, what, source string) {
	if o.said[what] {
		return
	}
	o.said[what] = true
	o.out.See(at, state, what, source)
	if o.hooks.Seen != nil {
		o.hooks.Seen(o.out.Evidence[len(o.out.Evidence)-1])
	}
}

// observe looks at one logged line.
func (o *observer) observe(ev agent.Event) {
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
		o.see(at, device.Delivered, s.what, sourceEvents)
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
	o.see(at, state, s.what, sourceEvents)
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

// called handles what happens to the activity in which WeChat calls the app
// back. That activity may be started by others too: whoever the system says
// did it must be WeChat.
func (o *observer) called(e activityEvent, at time.Duration) {
	if e.user != o.user {
		return
	}
	what := o.backAt(e.component)
	switch e.kind {
	case started:
		o.starter[e.component] = e.fromUID
		if e.fromUID == o.wechatUID && (!e.hasResult || (agent.Started{Result: e.result}).OK()) {
			o.see(at, device.Returned, what, sourceStarts)
		}
	case created, newIntent:
		o.top = ""
		if !o.startedByOther(e.component) {
			o.askTasks = e.kind == created
			o.see(at, device.Returned, what, sourceEvents)
		}
	case resumed:
		o.top = e.component
	}
}

// backAt says that an activity was called back, and what that leaves open
// where nobody waits for the reply: being sent, cancelled and refused look alike.
func (o *observer) backAt(component string) string {
	if what, ok := o.back[component]; ok {
		return what
	}
	what := fmt.Sprintf("WeChat called %s back", shortComponent(component))
	switch {
	case o.forged:
		what = fmt.Sprintf("the forged reply reached %s", shortComponent(component))
	case o.until >= device.Replied:
	case o.out.State < device.Opened:
		what += " without a screen of the request; its reply, which may be a refusal, was not read"
	default:
		what += "; its reply was not read"
	}
	o.back[component] = what
	return what
}

// startedByOther reports whether the log says that somebody else than WeChat
// started an activity.
func (o *observer) startedByOther(component string) bool {
	uid, ok := o.starter[component]
	return ok && uid != o.wechatUID
}

// replyMark starts what the hook of an app under test logs of a reply.
const replyMark = "wxctl-reply: "

// observeReply reads a reply that the app's hook logged.
func (o *observer) observeReply(ev agent.Event) bool {
	if !o.wantReply || !strings.Contains(ev.Line, replyMark) {
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
		o.see(o.at(ev.AtMs), device.Returned, "the app logged a reply that can't be read", sourceApp)
		return true
	}
	if other := o.otherReply(reply); other != "" {
		o.others = true
		o.see(o.at(ev.AtMs), device.NotSent, "the app logged a reply to another request ("+other+")", sourceApp)
		return true
	}
	o.reply = reply
	o.see(o.at(ev.AtMs), device.Replied, "the app logged WeChat's reply", sourceApp)
	return true
}

// otherReply says what shows that a reply answers another request; "" if
// nothing does.
func (o *observer) otherReply(reply intents.Reply) string {
	if o.kind != "" && reply.Kind() != o.kind {
		return "kind " + string(reply.Kind())
	}
	if o.kind == intents.KindLaunchMiniProgram || o.kind == intents.KindSubscribeMessage {
		return "" // whose queries carry no transaction that WeChat could echo
	}
	if t := reply.Answer().Transaction; o.transaction != nil && t != nil && *t != *o.transaction {
		return fmt.Sprintf("transaction %q", device.Printable(*t))
	}
	return ""
}

// until reads events until the state is reached.
func (p *Phone) until(ctx context.Context, o *observer, state device.Progress) error {
	for o.out.State < state {
		if c, ok := o.inside.take(); ok {
			o.readInside(c)
			continue
		}
		if err := p.readTasks(ctx, o); err != nil {
			return err
		}
		watching := o.inside.waiting(ctx)
		waiting, cancel := watching, context.CancelFunc(func() {})
		if !o.goneAt.IsZero() {
			waiting, cancel = context.WithDeadline(watching, o.goneAt.Add(p.options.DropAfter))
		}
		if o.out.State == device.Returned && (!o.others || o.held != nil) {
			// The reply comes soon after the call, or not at all.
			if o.calledAt.IsZero() {
				o.calledAt = time.Now()
			}
			cancel()
			waiting, cancel = context.WithDeadline(watching, o.calledAt.Add(o.patience(p.options.UnreadAfter)))
		}
		ev, err := p.agent.event(waiting)
		cancel()
		switch {
		case err == nil:
			// What was read in the app came first, whichever is noticed first.
			if c, ok := o.inside.take(); ok {
				o.readInside(c)
			}
			if o.out.State < state {
				o.observe(ev)
			}
		case errors.Is(context.Cause(watching), errCaught):
		case o.held != nil && ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded):
			o.useHeld()
		case !o.calledAt.IsZero() && !o.others && ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded):
			return o.notSeen(state)
		case !o.goneAt.IsZero() && ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded):
			e := device.Errorf(device.RefusedByWeChat, "WeChat closed the request at once, without a screen: it was malformed, or refused")
			if o.entries == nil { // it named no app
				return e.WithHint("see what the phone says: it may tell why for a moment (--record FILE), or use --route sdk")
			}
			return e.WithHint("see what WeChat checks of the app: wxctl inspect")
		case errors.Is(err, context.DeadlineExceeded):
			return o.notSeen(state)
		default:
			return err
		}
	}
	return nil
}

// notSeen says what was seen instead of the state that was waited for.
func (o *observer) notSeen(state device.Progress) error {
	e := device.Errorf(device.NotSeen, "%q was not seen in time", state)
	e.Err = context.DeadlineExceeded
	why := func(message, hint string) error {
		e.Message = fmt.Sprintf("%q was not seen in time: %s", state, message)
		e.Hint = hint
		return e
	}
	switch {
	case o.said[asleep]:
		return why("the phone's screen is off", "wake the phone and keep its screen on while it is charged (developer options)")
	case o.said[behindKeyguard]:
		return why("the phone is locked", "unlock the phone")
	case o.sawChooser:
		return why("the phone asks which app shall take the request", "choose on the phone, or remove the second WeChat from the question in its dual-app settings")
	case o.sawLogin && o.out.State < device.Opened:
		return why("WeChat asks to log in", "log in to WeChat on the phone and try again")
	case o.sawEntry && !o.moved:
		return why("WeChat stays on its entry screen, as it does to show an error: most often the app's package or signature is not the one registered for the AppID",
			"compare with the Open Platform: wxctl inspect")
	case state >= device.Returned && o.out.State == device.Opened:
		return why("nobody answered on the phone, or whoever did stayed in WeChat", "answer on the phone and go back to the app, or wait for less: --until opened")
	case state == device.Replied && o.out.State == device.Returned && o.others:
		return why("WeChat answered another request of the app, and this one not yet", "look at the phone: WeChat may still show this request's page")
	case state == device.Replied && o.out.State == device.Returned:
		return why("WeChat called the app back, but its reply could not be read: nobody looked into the app, and the app did not log it", "use a debuggable build, put the debug hook into the app (docs/bridge.md), or wait for less: --until returned")
	}
	e.Hint = "look at the phone, or give it longer with --timeout"
	return e
}

// What the phone's own state adds to the evidence.
const (
	asleep         = "the phone's screen is off"
	behindKeyguard = "the phone shows its lock screen"
)

// newObserver returns an observer for a request that was just handed over.
func newObserver(out *device.Outcome, job device.Job, begin time.Time, f *facts, app *agent.App) *observer {
	o := &observer{
		out: out, hooks: job.Hooks, begin: begin, user: f.user, roles: wanted(job.Request), wechatUID: f.wechat.UID,
		said: map[string]bool{}, open: map[string]bool{}, starter: map[string]int{}, back: map[string]string{}, appUID: -1,
		wantReply: job.Until >= device.Returned, until: job.Until,
	}
	if job.Request != nil {
		o.transaction, o.kind = job.Request.Base().Transaction, job.Request.Kind()
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
