package android

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/android/agent"
	"github.com/wxctl/wxctl/intents/androidwire"
)

// send hands the request over and watches until the requested state.
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
		d.agent.events = nil // these precede the request
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

// lookAgain handles a start that was written and not answered: it reads the
// phone's log over a new connection to see what happened. It reads from one
// second earlier on, when nobody else should have started WeChat.
func (d *delivery) lookAgain(ctx context.Context, sentAt time.Duration, lost error) error {
	if d.Out.State == device.NotSent || ctx.Err() != nil {
		return lost
	}
	d.Note("the connection broke while the request was sent; the phone is asked again what happened", "")
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

// againTime limits reading the log for a start that happened earlier: existing
// lines are sent immediately.
const againTime = 5 * time.Second

// askFront asks what is in front.
func askFront() *ask {
	return &ask{Request: agent.Request{Verb: agent.TopActivity}, into: new(agent.Top)}
}

// screenIs handles the answer to askFront.
func (d *delivery) screenIs(a *ask) {
	if component, ok := fullComponent(a.into.(*agent.Top).Activity); a.err == nil && ok {
		d.Out.ScreenAfter = shortComponent(component)
	}
}

// observing returns the observer of a request that was handed over just now.
func (d *delivery) observing(sentAt time.Duration, sentMs int64) *observer {
	o := newObserver(d.Delivery, d.facts, d.app)
	o.sentAt, o.sentMs, o.inside = sentAt, sentMs, d.inside
	if d.inside != nil && !d.Forging() && d.Job.Request.Base().Transaction != nil {
		o.lookBack = d.lookBack
		o.logsReplies = d.hooked()
	}
	return o
}

// follow watches what happens after a request was handed over.
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

// expect records what is expected after a request was handed over.
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
	// By name, since the numbers of failures differ before Android 8.
	switch s.Word {
	case "CLASS_NOT_FOUND", "INTENT_NOT_RESOLVED":
		if intent.Component == "" {
			return device.Errorf(device.Refused,
				"the app %q does not handle debug links: the system found no activity for it (%s)", target, resultWord(s)).
				WithHint("put the debug hook into the app (docs/bridge.md)")
		}
		return device.Errorf(device.WeChatTooOld, "WeChat has no %s (%s)", shortComponent(target), resultWord(s)).
			WithHint("update WeChat on the phone")
	case "NOT_CURRENT_USER_ACTIVITY":
		return device.Errorf(device.PhoneNotReady, "that Android user is not the current one (%s)", resultWord(s)).
			WithHint("switch the phone to that user, or choose another with --android-user")
	case "PERMISSION_DENIED":
		return device.Errorf(device.Failed, "the phone does not allow shell to start %s (%s)", shortComponent(target), resultWord(s))
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
