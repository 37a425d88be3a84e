package device

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/wxctl/wxctl/intents"
)

// Delivery is the state of a request, or of a forged reply, on its way, which
// is the same on every platform.
type Delivery struct {
	Job   Job
	Out   *Outcome
	Begin time.Time
	// Answer is WeChat's reply, if it was read.
	Answer intents.Reply
	said   map[string]bool
}

// NewDelivery begins a delivery. A job without a request is for a forged reply.
func NewDelivery(phone Info, job Job) *Delivery {
	return &Delivery{Job: job, Out: NewOutcome(phone), Begin: time.Now(), said: map[string]bool{}}
}

// Fresh forgets what was seen, for watching without an end.
func (d *Delivery) Fresh(phone Info) {
	d.Out, d.said, d.Answer = NewOutcome(phone), map[string]bool{}, nil
}

// Forging reports whether a forged reply is on its way, and not a request.
func (d *Delivery) Forging() bool { return d.Job.Request == nil }

// Choose sets the route and the reason for it.
func (d *Delivery) Choose(r Route, why string) { d.Out.Route, d.Out.RouteReason = r, why }

// Differs records how the route differs from what the SDK does.
func (d *Delivery) Differs(how ...string) { d.Out.Differences = append(d.Out.Differences, how...) }

// Note reports something to the user that is not a failure.
func (d *Delivery) Note(message, hint string) { d.tell(Note{Message: message, Hint: hint}) }

// Warn warns the user of something that will be lost or is known to fail, and
// records it in the Outcome.
func (d *Delivery) Warn(id, message, hint string) { d.tell(d.keep(id, message, hint)) }

// keep records a warning in the Outcome only.
func (d *Delivery) keep(id, message, hint string) Note {
	n := Note{ID: id, Message: message, Hint: hint}
	d.Out.Warnings = append(d.Out.Warnings, n)
	return n
}

func (d *Delivery) tell(n Note) {
	if d.Job.Hooks.Note != nil {
		d.Job.Hooks.Note(n)
	}
}

// Identified calls the job's hook with the AppID that the request is sent for.
func (d *Delivery) Identified(ctx context.Context, appID string) error {
	if d.Job.Hooks.Identified == nil {
		return nil
	}
	return d.Job.Hooks.Identified(ctx, appID)
}

// See adds evidence, once for each what.
func (d *Delivery) See(at time.Duration, state Progress, screen Screen, what, source string) {
	if d.said[what] {
		return
	}
	d.said[what] = true
	d.Out.See(at, state, screen, what, source)
	if d.Job.Hooks.Seen != nil {
		d.Job.Hooks.Seen(d.Out.Evidence[len(d.Out.Evidence)-1])
	}
}

// Saw reports whether this evidence was added.
func (d *Delivery) Saw(what string) bool { return d.said[what] }

// Elapsed is the time since the delivery began.
func (d *Delivery) Elapsed() time.Duration { return time.Since(d.Begin) }

// Done reports whether there is nothing left to wait for: the state was seen,
// and a reply that is coming was read. A reply is coming once WeChat called the
// app back; it is then read even if a weaker state was asked for.
func (d *Delivery) Done(state Progress) bool {
	switch {
	case d.Out.State < state:
		return false
	case d.Forging(), d.Out.State != Returned:
		return true
	}
	return state == Delivered
}

// OtherReply says how a reply shows that it answers another request; "" if it
// doesn't.
func (d *Delivery) OtherReply(reply intents.Reply) string {
	if d.Forging() {
		return ""
	}
	kind := d.Job.Request.Kind()
	if reply.Kind() != kind {
		return "kind " + string(reply.Kind())
	}
	if d.Out.Device.Platform == Android && (kind == intents.KindLaunchMiniProgram || kind == intents.KindSubscribeMessage) {
		return "" // its queries carry no transaction that WeChat could echo
	}
	sent, got := d.Job.Request.Base().Transaction, reply.Answer().Transaction
	if sent != nil && got != nil && *got != "" && *got != *sent {
		return fmt.Sprintf("transaction %q", Printable(*got))
	}
	return ""
}

// Answered records WeChat's answer in the Outcome, and returns the failure that
// it stands for, else err.
func (d *Delivery) Answered(err error) error {
	if d.Answer == nil {
		return err
	}
	d.Out.Answer(d.Answer)
	if d.Forging() {
		return err
	}
	if refused := ReplyFailure(d.Answer); refused != nil {
		return refused
	}
	return err
}

// End completes an Outcome and sets its error. hint says what to do about a
// phone that let a deadline pass.
func (d *Delivery) End(err error, hint string) error {
	d.Out.ElapsedMs = d.Elapsed().Milliseconds()
	d.explain(err)
	if err == nil {
		return nil
	}
	var known *Error
	if errors.Is(err, context.DeadlineExceeded) && !errors.As(err, &known) {
		late := Errorf(NotSeen, "phone %q did not answer in time", d.Out.Device.ID)
		if d.Out.State == NotSent {
			late = Errorf(NotSeen, "phone %q did not answer in time, so the request was not sent", d.Out.Device.ID)
		}
		late = late.WithHint("%s", hint)
		late.Err = err
		err = late
	}
	if d.Out.State == Unknown {
		err = d.mayHaveArrived(err)
	}
	if d.Out.State == NotSent && !d.Forging() {
		d.Out.Unsent(d.Job.Request.Kind(), AsError(err))
	}
	return d.Out.Fail(err)
}

// explain records in the Outcome, by the check's id, why no reply came, if the
// screen shows it. The error says it in words.
func (d *Delivery) explain(err error) {
	loggedOut := func(e Evidence) bool { return e.Screen == ScreenLogin }
	e := AsError(err)
	switch {
	case d.Forging():
	case d.Out.State < Opened && slices.ContainsFunc(d.Out.Evidence, loggedOut):
		d.keep("request.login", "WeChat is not logged in", "log in to WeChat on the phone and try again")
	case e != nil && e.Code == NotSeen && d.Out.State == Opened && d.Job.Until >= Returned && isWeChat(d.Out.ScreenAfter):
		d.keep("request.no-reply", "WeChat is still in front: nobody answered, or the user stayed in WeChat, and then no reply comes",
			"in the app, don't wait for onResp without a limit")
	}
}

// isWeChat reports whether a component or an app belongs to WeChat.
func isWeChat(name string) bool {
	name, _, _ = strings.Cut(name, "/")
	return name == "com.tencent.mm" || name == "com.tencent.xin"
}

// mayHaveArrived returns the error for a lost answer of the phone: what was
// written to the phone may have arrived.
func (d *Delivery) mayHaveArrived(err error) error {
	e := *AsError(err)
	switch e.Code {
	case NotSeen, PhoneLost, Interrupted:
	default:
		e.Code = PhoneLost
	}
	if d.Forging() {
		e.Message = fmt.Sprintf("%s; it may have reached the app", e.Message)
	} else {
		e.Message = fmt.Sprintf("%s; it may have reached WeChat", e.Message)
	}
	e.Hint = "check the phone before you send it again"
	e.Err = err
	return &e
}

// Screenshot takes the picture that the job asks for, if something was handed
// to the phone.
func (d *Delivery) Screenshot(ctx context.Context, take func(context.Context) ([]byte, error)) error {
	if d.Job.Hooks.Screenshot == nil || d.Out.State == NotSent {
		return nil
	}
	picture, err := take(ctx)
	if err != nil {
		return err
	}
	file, err := d.Job.Hooks.Screenshot()
	if err != nil {
		return Errorf(Failed, "the screenshot can't be written: %w", err)
	}
	_, err = file.Write(picture)
	return errors.Join(err, file.Close())
}

// Reserve returns a context that ends earlier, to leave time for the end: the
// screen in front, cleaning up. That is a tenth of the time, at most a second;
// or a third, at most five seconds, if a screenshot is wanted, since screencap
// alone takes a second or two on many phones.
func (d *Delivery) Reserve(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	left := time.Until(deadline)
	kept := min(left/10, time.Second)
	if d.Job.Hooks.Screenshot != nil {
		kept = min(left/3, 5*time.Second)
	}
	return context.WithDeadline(ctx, deadline.Add(-kept))
}

// Speaker is an app that a request may name as its sender, as described by its
// phone.
type Speaker struct {
	Name       string   // package or bundle id
	Debuggable bool     // whether it is a development build
	Pinned     bool     // the profile names it
	Declared   []string // the AppIDs among its URL schemes
	Key        string   // the profile's key for its name: package or bundle-id
}

// MaySpeak decides whether a request may name the app as its sender: debuggable
// and pinned apps always, others only if yes is set. It reports whether that is
// an impersonation.
func (s Speaker) MaySpeak(yes bool) (impersonated bool, err error) {
	switch {
	case s.Debuggable || s.Pinned:
		return false, nil
	case yes:
		return true, nil
	}
	return false, Errorf(Refused, "%q is not debuggable and not in the profile, so wxctl does not send in its name", s.Name).
		WithHint("if it is your app, add --yes, or add it to the profile: wxctl config set %s %s", s.Key, s.Name)
}

// AppID returns the AppID to use: want if it isn't empty, else the only one
// that the app declares.
func (s Speaker) AppID(want string) (string, error) {
	if want != "" {
		return want, nil
	}
	if len(s.Declared) == 1 {
		return s.Declared[0], nil
	}
	err := Errorf(AppUnknown, "the AppID of %q is not known: the app declares none as a URL scheme", s.Name)
	if len(s.Declared) > 1 {
		err = Errorf(AppUnknown, "the AppID of %q is not known: the app declares several as URL schemes: %s", s.Name,
			strings.Join(s.Declared, ", "))
	}
	return "", err.WithHint("use --app-id, or run `wxctl config init`")
}

// Declares reports whether the app declares an AppID. Schemes are
// case-insensitive.
func (s Speaker) Declares(appID string) bool {
	return slices.ContainsFunc(s.Declared, func(d string) bool { return strings.EqualFold(d, appID) })
}
