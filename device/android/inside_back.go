package android

import (
	"context"
	"errors"
	"time"

	"github.com/wxctl/wxctl/device/android/jdwp"
	"github.com/wxctl/wxctl/intents/androidwire"
)

// maxHeld is how many Intents of an app are examined. Apps hold some tens.
const maxHeld = 1000

// lookBack searches for the reply in an app that WeChat called back before
// wxctl was attached: the Intent may still be on the app's heap. Only a reply
// with the request's transaction counts, since old ones may be there too.
func (d *delivery) lookBack(ctx context.Context) error {
	running, _, err := d.processes(ctx, d.app, false, d.facts.user)
	if err != nil {
		return err
	}
	d.inside.attachAll(ctx, pidsOf(running), d.waits)
	if ok, why := d.inside.watched(); !ok && why != nil {
		return why
	}
	for _, p := range running {
		g := d.inside.debuggerOf(p.pid)
		if g == nil {
			continue
		}
		class, extras, err := g.findReply(ctx, *d.Job.Request.Base().Transaction, d.wakeLooper)
		if err != nil {
			return vmError(err)
		}
		if extras != nil {
			d.inside.put(caught{at: time.Now(), class: class, extras: extras, held: true})
			return nil
		}
	}
	return nil
}

// findReply finds the extras of a reply among the Intents of the app, and an
// activity that gets replies. Extras that the app has not unparcelled are read
// in a thread that wxctl creates.
func (d *debugger) findReply(ctx context.Context, transaction string, wake func(context.Context) error) (
	string, androidwire.Extras, error,
) {
	var class string
	var l *layout
	d.mu.Lock()
	for id, name := range d.entries {
		class, l = name, d.layouts[id]
	}
	d.mu.Unlock()
	if l == nil {
		return "", nil, nil // the activity was never created
	}
	held, err := d.vm.Instances(ctx, l.intent, maxHeld)
	if err != nil {
		return "", nil, err
	}
	extras, parcelled, err := d.replyAmong(ctx, 0, l, held, transaction)
	if err != nil || extras != nil || len(parcelled) == 0 {
		return class, extras, err
	}
	w, err := d.startWorker(ctx, wake)
	if err != nil {
		return "", nil, err
	}
	extras, _, err = d.replyAmong(ctx, w.thread, l, parcelled, transaction)
	if err := w.dismiss(); err != nil {
		_ = w.vm.Close() // which resumes it as well
	}
	return class, extras, err
}

// replyAmong returns the extras of the reply with a transaction, nil if there is
// none, and the Intents that can't be read without a thread.
func (d *debugger) replyAmong(ctx context.Context, thread jdwp.ThreadID, l *layout, held []jdwp.ObjectID, transaction string) (
	found androidwire.Extras, parcelled []jdwp.ObjectID, err error,
) {
	for _, intent := range held {
		extras, err := d.readIntent(ctx, thread, l, intent)
		switch {
		case errors.Is(err, errParcelled):
			parcelled = append(parcelled, intent)
			continue
		case ctx.Err() != nil:
			return nil, nil, ctx.Err()
		case err != nil:
			continue // the heap changes meanwhile
		}
		reply, _, err := androidwire.DecodeReply(androidwire.Intent{Extras: extras}, androidwire.SDK6834)
		if err != nil {
			continue
		}
		if t := reply.Answer().Transaction; t != nil && *t == transaction {
			return extras, nil, nil
		}
	}
	return nil, parcelled, nil
}
