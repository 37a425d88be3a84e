package android

import (
	"context"
	"crypto/rand"
	"reflect"
	"slices"
	"time"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/android/agent"
	"github.com/wxctl/wxctl/intents"
)

// WatchReplies reports WeChat's replies to an app until ctx ends.
func (p *Phone) WatchReplies(ctx context.Context, job device.WatchJob) error {
	d := p.newDelivery(device.Job{App: job.App, User: job.User, Until: device.Replied, Hooks: device.Hooks{Note: job.Note}})
	if err := d.meetApp(ctx); err != nil {
		return p.lateError(err)
	}
	if d.facts.wechat == nil {
		d.facts.wechat = &agent.App{UID: -1}
	}
	defer func() { d.inside.close() }()
	if err := d.lookInside(ctx); err != nil {
		return err
	}
	w := replyWatch{phone: p, app: *d.Out.App, seen: job.Seen, observer: d.observing(0, 0)}
	if err := w.begin(ctx); err != nil {
		return p.lateError(err)
	}
	if job.Ready != nil {
		job.Ready()
	}
	for {
		if err := w.next(ctx); err != nil {
			return err
		}
	}
}

// replyWatch makes one SeenReply of what is logged and of what is read inside
// the app, for each time that WeChat calls the app back.
type replyWatch struct {
	phone    *Phone
	app      device.App
	seen     func(device.SeenReply)
	observer *observer
	// mark is the text of the log line that starts the watch, and began is set
	// once it was read. Earlier lines are ignored.
	mark  string
	began bool
	// calls are the logged calls whose reply may still be read, the oldest
	// first; ahead are the replies that were read before their call was logged.
	calls []call
	ahead []time.Time
	// inside are the replies read in the app that its hook may also log.
	inside []readReply
}

// call is one time that WeChat called the app back.
type call struct {
	seen  device.SeenReply
	until time.Time // when it is too late to read its reply
	old   bool      // it came before the watch began
}

type readReply struct {
	at    time.Time
	reply intents.Reply
}

const (
	// hookTime is how long after the call the app's hook may log the reply.
	hookTime = 1500 * time.Millisecond
	// echoTime is how long the log may be behind what was read in the app.
	echoTime = time.Minute
	// beginTime is how long a line may take to come back out of the log.
	beginTime = 10 * time.Second
)

// begin waits until the phone's log is being read: it writes a line to the log
// and waits for it. Everything before that line is old.
func (w *replyWatch) begin(ctx context.Context) error {
	w.mark = "watch " + rand.Text()
	r, err := w.phone.server.Run(ctx, target(w.phone.info), "log -t wxctl "+shellQuote(w.mark), nil)
	if err != nil {
		return err
	}
	if r.Exit != 0 {
		return device.Errorf(device.Failed, "the phone's log can't be written to: it says %q", excerpt(string(r.Stderr)))
	}
	bounded, cancel := context.WithTimeout(ctx, beginTime)
	defer cancel()
	for !w.began {
		if err := w.next(bounded); err != nil {
			if ctx.Err() == nil && bounded.Err() != nil {
				return device.Errorf(device.NotSeen, "phone %s does not show its log", w.phone.info.Label()).
					WithHint("turn its log on (Developer options, Logger buffer sizes), or restart the phone")
			}
			return err
		}
	}
	return nil
}

// next handles the next log line or reply.
func (w *replyWatch) next(ctx context.Context) error {
	o := w.observer
	if c, ok := o.inside.take(); ok {
		w.readInside(c)
		return nil
	}
	var patience time.Time
	if len(w.calls) > 0 {
		patience = w.calls[0].until
	}
	ev, why, err := w.phone.agent.wait(ctx, o.inside.arrived(), patience)
	switch {
	case err != nil:
		return device.EndOf(ctx, err)
	case why == waitWoken:
		return nil
	case why == waitOver:
		w.tell(w.calls[0].seen, w.calls[0].old)
		w.calls = w.calls[1:]
		return nil
	}
	if c, ok := o.inside.take(); ok {
		w.readInside(c) // it came before what the app logs of it
	}
	w.observe(ev)
	return nil
}

func (w *replyWatch) observe(ev agent.Event) {
	o := w.observer
	if !w.began {
		l, ok := parseLogLine(ev.Line)
		if w.began = ok && l.text == w.mark; w.began {
			return
		}
	}
	w.observer.Fresh(w.phone.info)
	o.observe(ev)
	at := time.UnixMilli(ev.AtMs)
	switch {
	case o.Out.State == device.Replied:
		w.logged(device.NewSeenReply(at, w.app, sourceApp, o.Answer), o.Answer)
	case o.Out.State == device.Returned && o.Out.Evidence[0].Source == sourceEvents:
		if w.ahead = recent(w.ahead, func(t time.Time) time.Time { return t }); len(w.ahead) > 0 {
			w.ahead = w.ahead[1:]
			break
		}
		patience := hookTime
		if watched, _ := o.inside.watched(); watched {
			patience = 2 * w.phone.options.StopTime // its thread is stopped for one at most
		}
		w.calls = append(w.calls, call{device.NewSeenReply(at, w.app, sourceEvents, nil), time.Now().Add(patience), !w.began})
	case len(w.calls) > 0 && slices.ContainsFunc(o.entries, o.startedByOther):
		w.calls = w.calls[:len(w.calls)-1] // from Android 14 on the log says afterwards who it was
	}
	if o.Out.State == device.Returned || o.Out.State == device.Replied {
		clear(o.starter)
	}
}

// readInside handles what was read in the app.
func (w *replyWatch) readInside(c caught) {
	if c.ended != 0 {
		return // nothing was called back
	}
	old := w.answered()
	w.observer.Fresh(w.phone.info)
	w.observer.readInside(c)
	switch reply := w.observer.Answer; w.observer.Out.State {
	case device.Replied:
		w.inside = append(recent(w.inside, func(r readReply) time.Time { return r.at }), readReply{time.Now(), reply})
		seen := device.NewSeenReply(c.at, w.app, sourceInside, reply)
		seen.HeldMs = c.heldFor.Milliseconds()
		w.tell(seen, old)
	case device.Returned:
		w.tell(device.NewSeenReply(c.at, w.app, sourceInside, nil), old)
	}
}

// logged handles a reply that the app's hook logged, unless it was read in the
// app before.
func (w *replyWatch) logged(seen device.SeenReply, reply intents.Reply) {
	if i := slices.IndexFunc(w.inside, func(r readReply) bool { return alike(r.reply, reply) }); i >= 0 {
		w.inside = slices.Delete(w.inside, i, i+1)
		return
	}
	w.tell(seen, w.answered())
}

// answered finds the call of a reply that was read, and reports whether that
// came before the watch began.
func (w *replyWatch) answered() (old bool) {
	if len(w.calls) == 0 {
		w.ahead = append(w.ahead, time.Now())
		return !w.began
	}
	old = w.calls[0].old
	w.calls = w.calls[1:]
	return old
}

func (w *replyWatch) tell(seen device.SeenReply, old bool) {
	if !old && w.began {
		w.seen(seen)
	}
}

// alike reports whether two replies are the same, as far as an app's hook logs
// them.
func alike(a, b intents.Reply) bool {
	return a.Kind() == b.Kind() && reflect.DeepEqual(device.NewReply(a), device.NewReply(b))
}

// recent removes what is older than echoTime.
func recent[T any](list []T, at func(T) time.Time) []T {
	return slices.DeleteFunc(list, func(t T) bool { return time.Since(at(t)) > echoTime })
}

var _ device.Watcher = (*Phone)(nil)
