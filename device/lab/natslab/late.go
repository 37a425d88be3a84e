package natslab

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/wxctl/wxctl/device/lab"
)

// lateBatch is how many events are read at once.
const lateBatch = 500

// Late returns the results of a run's jobs that came after the jobs were lost,
// as updates with [lab.Late]. A run that still has an owner gets them through
// its queue; this finds those that came when it had none.
func (l *Lab) Late(ctx context.Context, run string) ([]lab.Update, error) {
	ctx, cancel := context.WithTimeout(ctx, l.stateTime)
	defer cancel()
	prefix := eventSubject + token(run) + "."
	ctx, release := l.denied.guard(ctx, subjects{"$JS.API.CONSUMER.CREATE." + eventsStream + ".",
		"$JS.API.CONSUMER.MSG.NEXT." + eventsStream + "."})
	defer release()
	// Not an ordered consumer: that one is made anew for each batch, without
	// ctx. The server removes this one.
	events, err := l.js.CreateConsumer(ctx, eventsStream, jetstream.ConsumerConfig{
		FilterSubject: prefix + ">", AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true, InactiveThreshold: l.stateTime,
	})
	if err != nil {
		return nil, deniedBy(ctx, err)
	}
	var late []lab.Update
	for left := events.CachedInfo().NumPending; left > 0; {
		batch, err := events.Fetch(int(min(left, lateBatch)), jetstream.FetchContext(ctx))
		if err != nil {
			return nil, deniedBy(ctx, err)
		}
		before := left
		for m := range batch.Messages() { // until ctx ends
			left--
			u, err := l.lateOf(ctx, token(run)+"."+strings.TrimPrefix(m.Subject(), prefix), m.Data())
			if err != nil {
				return nil, deniedBy(ctx, err)
			}
			if u != nil {
				late = append(late, *u)
			}
		}
		if err := batch.Error(); err != nil {
			return nil, deniedBy(ctx, err)
		}
		if left == before {
			return nil, deniedBy(ctx, context.DeadlineExceeded)
		}
	}
	return late, nil
}

// lateOf is the late result in an event about a claim; nil if it has none, or
// the claim is not lost.
func (l *Lab) lateOf(ctx context.Context, claim string, event []byte) (*lab.Update, error) {
	var r report
	if json.Unmarshal(event, &r) != nil || r.Late == nil {
		return nil, nil
	}
	entry, err := l.claims.Get(ctx, claim)
	var c claimed
	switch {
	case errors.Is(err, jetstream.ErrKeyNotFound):
		return nil, nil // it is older than the claims that are kept
	case err != nil:
		return nil, err
	case json.Unmarshal(entry.Value(), &c) != nil || c.State != lab.Lost || !c.WasFiring:
		return nil, nil
	}
	return &lab.Update{State: lab.Late, Job: c.Job, Phone: c.Phone, Data: r.Late}, nil
}
