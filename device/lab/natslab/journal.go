package natslab

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/wxctl/wxctl/device/lab"
)

// owned is a job of the run and what is known about it.
type owned struct {
	job       lab.Job
	submitted bool
	tries     []*try
}

// try is one claim of a job. Its states and its reports arrive separately, and
// are passed on in the order in which they were written.
type try struct {
	n       int
	states  []claimed // not passed on yet
	last    claimed
	rev     uint64
	reports map[int]report
	told    int             // number of reports passed on
	late    json.RawMessage // a result that came after the job was lost
	state   lab.State       // the last one passed on
	firing  bool            // a request was allowed
	losing  bool            // it is being taken away
	suspect time.Time       // since when its lease seems to have ended
}

func (q *Queue) owned(id string) *owned {
	o := q.jobs[key(id)]
	if o == nil {
		o = &owned{}
		q.jobs[key(id)] = o
	}
	return o
}

// try returns the claim of that number.
func (o *owned) try(n int) *try {
	for _, t := range o.tries {
		if t.n == n {
			return t
		}
	}
	t := &try{n: n, reports: map[int]report{}}
	o.tries = append(o.tries, t)
	slices.SortFunc(o.tries, func(a, b *try) int { return a.n - b.n })
	return t
}

// waiting reports whether the job is in the queue, as far as is known.
func (o *owned) waiting() bool {
	return len(o.tries) == 0 || o.tries[len(o.tries)-1].last.State == "" || o.tries[len(o.tries)-1].last.again()
}

// next is the number of the next claim.
func (o *owned) next() int {
	if len(o.tries) == 0 {
		return 0
	}
	if last := o.tries[len(o.tries)-1]; last.last.State != "" {
		return last.n + 1
	}
	return o.tries[len(o.tries)-1].n
}

// listen follows claims, reports and leases. It returns once it has the current
// state.
func (q *Queue) listen(ctx context.Context) error {
	prefix := token(q.run.ID)
	if err := follow(ctx, q.lab.leases, ">", func(e jetstream.KeyValueEntry) { q.leased(e) }); err != nil {
		return err
	}
	if err := follow(ctx, q.lab.claims, prefix+".>", q.claim, jetstream.IncludeHistory()); err != nil {
		return err
	}
	events, err := q.lab.js.OrderedConsumer(ctx, eventsStream, jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{eventSubject + prefix + ".>"}})
	if err != nil {
		return err
	}
	consuming, err := events.Consume(func(m jetstream.Msg) {
		q.report(strings.TrimPrefix(m.Subject(), eventSubject+prefix+"."), m.Data())
	})
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, consuming.Stop)
	return nil
}

// follow calls see with all entries of a bucket, returns, and continues with
// changes until ctx ends.
func follow(ctx context.Context, kv jetstream.KeyValue, keys string, see func(jetstream.KeyValueEntry), opts ...jetstream.WatchOpt) error {
	watcher, err := kv.Watch(ctx, keys, opts...)
	if err != nil {
		return err
	}
	for {
		select {
		case e, ok := <-watcher.Updates():
			if !ok {
				return errors.Join(errors.New("the lab's keys can't be watched"), ctx.Err())
			}
			if e != nil {
				see(e)
				continue
			}
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), watcher.Stop())
		}
		break
	}
	go func() {
		defer func() { _ = watcher.Stop() }()
		for {
			select {
			case e, ok := <-watcher.Updates():
				if !ok {
					return
				}
				if e != nil {
					see(e)
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	return nil
}

func (q *Queue) leased(e jetstream.KeyValueEntry) {
	q.mu.Lock()
	defer q.mu.Unlock()
	var l Lease
	if e.Operation() != jetstream.KeyValuePut || json.Unmarshal(e.Value(), &l) != nil {
		delete(q.leases, e.Key())
		return
	}
	q.leases[e.Key()] = l.Session
}

// claim handles a new state of a claim.
func (q *Queue) claim(e jetstream.KeyValueEntry) {
	var c claimed
	if e.Operation() != jetstream.KeyValuePut || json.Unmarshal(e.Value(), &c) != nil {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	o := q.owned(c.Job.ID)
	t := o.try(c.Try)
	if e.Revision() <= t.rev {
		return // repeated after a reconnection
	}
	if t.last.State == "" && o.submitted {
		q.queued--
		q.wake()
	}
	t.states, t.last, t.rev = append(t.states, c), c, e.Revision()
	if err := q.advance(o, t); err != nil {
		q.fail(err)
	}
}

// report handles an event; place names the job and the try.
func (q *Queue) report(place string, data []byte) {
	at := strings.LastIndexByte(place, '.')
	n, err := strconv.Atoi(place[at+1:])
	var r report
	if at < 0 || err != nil || json.Unmarshal(data, &r) != nil {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	o := q.owned(place[:at])
	t := o.try(n)
	if r.Late != nil {
		t.late = r.Late
	} else {
		t.reports[r.N] = r
	}
	if err := q.advance(o, t); err != nil {
		q.fail(err)
	}
}

// advance passes on the next states and reports of a claim.
func (q *Queue) advance(o *owned, t *try) error {
	if !o.submitted {
		return nil
	}
	for {
		if len(t.states) > 0 && t.states[0].Events <= t.told {
			c := t.states[0]
			t.states = t.states[1:]
			if err := q.tell(o, t, c); err != nil {
				return err
			}
			continue
		}
		if t.late != nil && t.state == lab.Lost {
			u := lab.Update{State: lab.Late, Job: o.job, Phone: t.phone(), Data: t.late}
			t.late = nil
			if err := q.record(u); err != nil {
				return err
			}
		}
		r, ok := t.reports[t.told+1]
		if !ok || rank(t.state) < rank(r.After) {
			return nil
		}
		delete(t.reports, r.N)
		t.told++
		if err := q.record(lab.Update{State: lab.Reported, Job: o.job, Phone: t.phone(), Data: r.Event}); err != nil {
			return err
		}
	}
}

// phone is the phone of a claim with a known state.
func (t *try) phone() string { return t.last.Phone }

// rank orders the states of a claim.
func rank(s lab.State) int {
	return slices.Index([]lab.State{lab.Claimed, lab.Firing}, s)
}

// tell reports a state to the owner, once.
func (q *Queue) tell(o *owned, t *try, c claimed) error {
	u := lab.Update{State: c.State, Job: o.job, Phone: c.Phone, Data: c.Result}
	switch {
	case c.State == drained || t.state == c.State || c.State == lab.Claimed && t.state != "":
		return nil // reported when it was asked for
	case c.again():
		u.State = lab.Returned
	case c.State == lab.Lost:
		u.WasFiring = true
	}
	t.state = c.State
	t.firing = t.firing || c.State == lab.Firing
	if err := q.record(u); err != nil {
		return err
	}
	if u.State == lab.Returned && !q.over {
		o.job.Avoid = c.Phone
		q.backlog = append([]message{{Job: o.job, Try: t.n + 1}}, q.backlog...)
		q.wake()
	}
	return nil
}

// fire answers whether a request may be sent: yes if that was recorded.
func (q *Queue) fire(_ context.Context, m *nats.Msg) {
	var a ask
	var reply askReply
	if err := json.Unmarshal(m.Data, &a); err != nil {
		reply.Error = "the question can't be read"
	} else if err := q.mayFire(a.Claim); err != nil {
		reply.Error = err.Error()
	}
	text, _ := json.Marshal(reply) // never fails
	_ = m.Respond(text)            // an agent without an answer asks again
}

func (q *Queue) mayFire(c claimed) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	o := q.owned(c.Job.ID)
	if !o.submitted {
		return errors.New("the run has no such job")
	}
	t := o.try(c.Try)
	if t.losing || t.last.ended() {
		return lab.ErrNotHeld
	}
	if t.last.State == "" {
		t.last = c // this state will arrive by the bucket, too
		q.queued--
	}
	if t.state == "" {
		if err := q.tell(o, t, c); err != nil {
			return err
		}
	}
	if t.firing {
		return nil
	}
	if err := q.record(lab.Update{State: lab.Firing, Job: o.job, Phone: c.Phone}); err != nil {
		return err
	}
	t.firing, t.state = true, lab.Firing
	return q.advance(o, t)
}

// serve answers a question that was encrypted for the run.
func (q *Queue) serve(ctx context.Context, m *nats.Msg) {
	reply := q.reply(ctx, m.Data)
	_ = m.Respond(reply) // an agent without an answer asks again
}

// question is what an agent asks the owner; the answer is encrypted for Key.
type question struct {
	Key  []byte `json:"key"`
	Text []byte `json:"text"`
}

func (q *Queue) reply(ctx context.Context, sealed []byte) []byte {
	var ask question
	text, err := q.keys.open(sealed)
	if err != nil || json.Unmarshal(text, &ask) != nil || q.answer == nil {
		return nil
	}
	answer, err := q.answer(ctx, ask.Text)
	if err != nil {
		return nil
	}
	out, err := seal(answer, ask.Key)
	if err != nil {
		return nil
	}
	return out
}

// How long an owner tolerates a missing lease: what it watches may lag behind,
// and a lease may be newer than what is known of it.
const (
	sweepEvery   = 300 * time.Millisecond
	suspectAfter = 700 * time.Millisecond
)

// sweep takes back jobs whose lease has ended.
func (q *Queue) sweep(ctx context.Context) {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		for _, c := range q.suspects() {
			if err := q.lose(ctx, c); err != nil && ctx.Err() == nil && !errors.Is(err, lab.ErrNotHeld) {
				continue // the lab can't be reached; try again later
			}
		}
	}
}

// suspects are the claims without a lease.
func (q *Queue) suspects() []*try {
	q.mu.Lock()
	defer q.mu.Unlock()
	var all []*try
	for _, o := range q.jobs {
		if !o.submitted || len(o.tries) == 0 {
			continue
		}
		t := o.tries[len(o.tries)-1]
		switch {
		case t.rev == 0 || t.last.ended() || q.leases[token(t.last.Phone)] == t.last.Session:
			t.suspect = time.Time{}
		case t.suspect.IsZero():
			t.suspect = time.Now()
		case time.Since(t.suspect) > suspectAfter:
			all = append(all, t)
		}
	}
	return all
}

// lose records that a claim is lost, if its lease has ended.
func (q *Queue) lose(ctx context.Context, t *try) error {
	q.mu.Lock()
	c, rev := t.last, t.rev
	q.mu.Unlock()
	entry, err := q.lab.leases.Get(ctx, token(c.Phone))
	var l Lease
	switch {
	case err == nil && json.Unmarshal(entry.Value(), &l) == nil && l.Session == c.Session:
		return nil // the watched state lags behind
	case err != nil && !errors.Is(err, jetstream.ErrKeyNotFound):
		return err
	}
	q.mu.Lock()
	if t.rev != rev {
		q.mu.Unlock()
		return nil
	}
	t.losing = true // from now on it may not fire
	c.WasFiring = c.State == lab.Firing || t.firing
	q.mu.Unlock()
	c.State = lab.Lost
	_, err = q.lab.write(ctx, nil, c, rev)
	if err != nil {
		q.mu.Lock()
		t.losing = false
		q.mu.Unlock()
	}
	return err
}
