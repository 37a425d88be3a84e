package natslab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/wxctl/wxctl/device/lab"
)

// mostQueued is how many unclaimed jobs of a run are stored at the server at
// once.
const mostQueued = 10_000

// Queue is a run in a lab as seen by its owner: a [lab.Queue].
type Queue struct {
	lab     *Lab
	record  lab.Record
	answer  func(context.Context, []byte) ([]byte, error)
	keys    pair
	session string
	failed  chan error

	saving sync.Mutex // held while the run's entry is written
	run    Run
	rev    uint64

	pumping sync.Mutex // held while jobs are sent to the server
	mu      sync.Mutex
	jobs    map[string]*owned
	backlog []message
	queued  int // at the server, not claimed
	over    bool
	more    chan struct{}
	leases  map[string]string // sessions by the token of their phone
}

// Owner is what a run needs from its owner.
type Owner struct {
	// Resume allows the run to exist already.
	Resume bool
	// Record is called with all updates.
	Record lab.Record
	// Answer answers questions from [Source.Ask]; it may be nil.
	Answer func(context.Context, []byte) ([]byte, error)
}

// RunExistsError means that a run with this id exists.
type RunExistsError struct{ ID string }

func (e *RunExistsError) Error() string { return fmt.Sprintf("the lab has a run %q already", e.ID) }

// Own creates a run, or takes over one whose owner is gone. It lasts until ctx
// ends.
func (l *Lab) Own(ctx context.Context, run Run, o Owner) (*Queue, error) {
	keys, err := newPair()
	if err != nil {
		return nil, err
	}
	run.Protocol, run.Key, run.Open, run.Targets = Protocol, keys.public[:], true, map[string]Target{}
	q := &Queue{
		lab: l, record: o.Record, answer: o.Answer, keys: keys, session: nuid.Next(), failed: make(chan error, 1), run: run,
		jobs: map[string]*owned{}, more: make(chan struct{}, 1), leases: map[string]string{},
	}
	held := &lease{lab: l, key: ownerKey(run.ID), value: Lease{Holder: run.Owner, Session: q.session, Run: run.ID, Since: time.Now()},
		over: make(chan struct{}), poke: make(chan struct{}, 1)}
	if err := held.take(ctx); err != nil {
		return nil, err
	}
	if err := q.begin(ctx, o.Resume); err != nil {
		return nil, errors.Join(err, held.give(context.WithoutCancel(ctx)))
	}
	go func() {
		held.keep(ctx.Done())
		if ctx.Err() == nil {
			q.fail(&AccessError{Message: fmt.Sprintf("the lab was not reached for %s: this process no longer owns the run", l.leaseTTL),
				Hint: "check the lab's server and the disk of its store, then continue with wxctl run --resume DIR"})
		}
	}()
	return q, nil
}

// Waiting is how many jobs of the lab nobody has claimed, and how long the oldest
// has waited, by the server's clock.
func (l *Lab) Waiting(ctx context.Context) (jobs uint64, oldest time.Duration, err error) {
	ctx, release := l.denied.guard(ctx, subjects{"$JS.API.STREAM.INFO." + jobsStream})
	defer release()
	info, err := l.jobs.Info(ctx)
	if err != nil {
		return 0, 0, deniedBy(ctx, err)
	}
	if info.State.Msgs > 0 {
		oldest = max(0, info.TimeStamp.Sub(info.State.FirstTime))
	}
	return info.State.Msgs, oldest, nil
}

// begin stores the run and starts to listen to its claims.
func (q *Queue) begin(ctx context.Context, resume bool) error {
	entry, err := q.lab.runs.Get(ctx, token(q.run.ID))
	switch {
	case err == nil && !resume:
		return &RunExistsError{q.run.ID}
	case err == nil:
		q.rev = entry.Revision()
		// What an earlier owner queued is queued again, unless somebody has
		// claimed it.
		if err := q.lab.jobs.Purge(ctx, jetstream.WithPurgeSubject(jobSubject+token(q.run.ID)+".>")); err != nil {
			return err
		}
	case !errors.Is(err, jetstream.ErrKeyNotFound):
		return err
	}
	if err := q.save(ctx, func(*Run) {}); err != nil {
		return err
	}
	if err := q.listen(ctx); err != nil {
		return err
	}
	for subject, handle := range map[string]func(context.Context, *nats.Msg){fireSubject: q.fire, ownerSubject: q.serve} {
		sub, err := q.lab.nc.Subscribe(subject+token(q.run.ID), func(m *nats.Msg) { go handle(ctx, m) })
		if err != nil {
			return err
		}
		context.AfterFunc(ctx, func() { _ = sub.Unsubscribe() })
	}
	if err := q.lab.nc.Flush(); err != nil { // the server has the subscriptions now
		return err
	}
	go q.pump(ctx)
	go q.sweep(ctx)
	return nil
}

// save changes the run's entry.
func (q *Queue) save(ctx context.Context, change func(*Run)) error {
	q.saving.Lock()
	defer q.saving.Unlock()
	change(&q.run)
	text, err := json.Marshal(q.run)
	if err != nil {
		return err
	}
	return q.lab.settle(ctx, nil, ofKey(runsBucket, token(q.run.ID)), func(ctx context.Context) (bool, error) {
		rev, err := q.lab.put(ctx, q.lab.runs, token(q.run.ID), text, q.rev)
		if err == nil {
			q.rev = rev
		}
		return err == nil || errors.Is(err, lab.ErrNotHeld), err
	})
}

// put writes a key if its revision is still rev; 0 means that it does not
// exist. A write that succeeded although its answer was lost counts as written.
func (l *Lab) put(ctx context.Context, kv jetstream.KeyValue, key string, value []byte, rev uint64) (uint64, error) {
	var next uint64
	var err error
	if rev == 0 {
		next, err = kv.Create(ctx, key, value)
	} else {
		next, err = kv.Update(ctx, key, value, rev)
	}
	if !refused(err) {
		return next, err
	}
	entry, getErr := kv.Get(ctx, key)
	switch {
	case errors.Is(getErr, jetstream.ErrKeyNotFound):
		return 0, lab.ErrNotHeld
	case getErr != nil:
		return 0, getErr
	case string(entry.Value()) == string(value):
		return entry.Revision(), nil
	}
	return 0, lab.ErrNotHeld
}

// fail ends the run for its owner, who gets the error from Failed.
func (q *Queue) fail(err error) {
	select {
	case q.failed <- err:
	default:
	}
}

// Failed returns the error after which nothing more will be learned about the
// run.
func (q *Queue) Failed() <-chan error { return q.failed }

// Submit implements [lab.Queue]. For jobs that an earlier owner submitted,
// their progress is reported, and they continue.
func (q *Queue) Submit(_ context.Context, jobs ...lab.Job) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.over {
		return errors.New("the run takes no more jobs")
	}
	for _, job := range jobs {
		o := q.owned(job.ID)
		if o.submitted {
			continue
		}
		o.submitted, o.job = true, job
		if len(o.tries) == 0 {
			q.backlog = append(q.backlog, message{Job: job})
			continue
		}
		for _, t := range o.tries {
			if err := q.advance(o, t); err != nil {
				return err
			}
		}
	}
	q.wake()
	return nil
}

func (q *Queue) wake() {
	select {
	case q.more <- struct{}{}:
	default:
	}
}

// pump sends jobs to the server, up to the number that it may store.
func (q *Queue) pump(ctx context.Context) {
	for {
		select {
		case <-q.more:
		case <-ctx.Done():
			return
		}
		if err := q.publish(ctx); err != nil && ctx.Err() == nil {
			q.fail(err)
			return
		}
	}
}

func (q *Queue) publish(ctx context.Context) error {
	q.pumping.Lock()
	defer q.pumping.Unlock()
	q.mu.Lock()
	n := min(len(q.backlog), mostQueued-q.queued)
	batch := q.backlog[:n:n]
	q.backlog, q.queued = q.backlog[n:], q.queued+n
	q.mu.Unlock()
	if len(batch) == 0 {
		return nil
	}
	if err := q.targets(ctx, batch); err != nil {
		return err
	}
	pending := batch
	err := q.lab.settle(ctx, nil, subjects{jobSubject + token(q.run.ID) + "."}, func(ctx context.Context) (bool, error) {
		left, err := q.send(ctx, pending)
		pending = left
		return len(left) == 0, err
	})
	if err == nil {
		err = q.lab.nc.Publish(moreSubject+token(q.run.ID), nil)
	}
	return err
}

// send publishes jobs and returns those that the server did not confirm. If the
// server stored one without confirming it in time, it drops the repetition as a
// duplicate.
func (q *Queue) send(ctx context.Context, batch []message) (left []message, err error) {
	acks := make([]jetstream.PubAckFuture, len(batch))
	for i, m := range batch {
		name, _ := targetOf(m.Job)
		msg := nats.NewMsg(jobSubject + token(q.run.ID) + "." + name)
		m.Run = q.run.ID
		if msg.Data, err = json.Marshal(m); err != nil {
			return batch, err
		}
		msg.Header.Set(jetstream.MsgIDHeader, claimKey(q.run.ID, m.Job.ID, m.Try)+"."+q.session)
		if acks[i], err = q.lab.js.PublishMsgAsync(msg); err != nil {
			return batch, err
		}
	}
	for i, ack := range acks {
		select {
		case <-ack.Ok():
		case err = <-ack.Err():
			left = append(left, batch[i])
		case <-ctx.Done():
			return append(left, batch[i:]...), ctx.Err()
		}
	}
	return left, err
}

// targets creates a consumer for each new target and notifies agents.
func (q *Queue) targets(ctx context.Context, batch []message) error {
	fresh := map[string]Target{}
	for _, m := range batch {
		name, target := targetOf(m.Job)
		if _, known := q.run.Targets[name]; !known {
			fresh[name] = target
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	for name := range fresh {
		created := subjects{"$JS.API.CONSUMER.CREATE." + jobsStream + "." + consumer(q.run.ID, name) + "."}
		err := q.lab.settle(ctx, nil, created, func(ctx context.Context) (bool, error) {
			_, err := q.lab.jobs.CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{
				Durable: consumer(q.run.ID, name), FilterSubject: jobSubject + token(q.run.ID) + "." + name, AckPolicy: jetstream.AckExplicitPolicy,
				AckWait: ackWait, MaxDeliver: -1, InactiveThreshold: idleConsumer, MaxAckPending: -1,
			})
			return err == nil, err
		})
		if err != nil {
			return err
		}
	}
	return q.save(ctx, func(r *Run) {
		all := map[string]Target{}
		for name, t := range r.Targets {
			all[name] = t
		}
		for name, t := range fresh {
			all[name] = t
		}
		r.Targets = all
	})
}

// Drain implements [lab.Queue]. It claims each job that it takes back, so that
// no job is both taken back and driven.
func (q *Queue) Drain(ctx context.Context) ([]lab.Job, error) {
	q.mu.Lock()
	if q.over {
		q.mu.Unlock()
		return nil, nil
	}
	q.over = true
	var left []lab.Job
	unsent := map[string]bool{}
	for _, m := range q.backlog {
		unsent[m.Job.ID] = true
		left = append(left, m.Job)
	}
	q.backlog = nil
	q.mu.Unlock()
	q.pumping.Lock() // waits until nothing is being sent
	defer q.pumping.Unlock()
	if err := q.save(ctx, func(r *Run) { r.Open = false }); err != nil {
		return nil, err
	}
	if err := q.lab.jobs.Purge(ctx, jetstream.WithPurgeSubject(jobSubject+token(q.run.ID)+".>")); err != nil {
		return nil, err
	}
	taken, err := q.takeBack(ctx, func(j lab.Job) bool { return unsent[j.ID] })
	return append(left, taken...), err
}

// Withdraw takes back the unclaimed jobs for which meant returns true, and
// returns them.
func (q *Queue) Withdraw(ctx context.Context, meant func(lab.Job) bool) ([]lab.Job, error) {
	return q.takeBack(ctx, func(j lab.Job) bool { return !meant(j) })
}

// takeBack claims the queued jobs that nobody has, except those for which leave
// returns true.
func (q *Queue) takeBack(ctx context.Context, leave func(lab.Job) bool) ([]lab.Job, error) {
	q.mu.Lock()
	var open []message
	for _, o := range q.jobs {
		if o.submitted && o.waiting() && !leave(o.job) {
			open = append(open, message{Job: o.job, Try: o.next()})
		}
	}
	q.mu.Unlock()
	var mu sync.Mutex
	var left []lab.Job
	var errs []error
	var wg sync.WaitGroup
	slots := make(chan struct{}, 32)
	for _, m := range open {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			_, err := q.lab.write(ctx, nil, claimed{State: drained, Run: q.run.ID, Job: m.Job, Try: m.Try, Session: q.session}, 0)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				left = append(left, m.Job)
			case !errors.Is(err, lab.ErrNotHeld): // otherwise an agent was first
				errs = append(errs, err)
			}
		})
	}
	wg.Wait()
	return left, errors.Join(errs...)
}

// Close implements [lab.Queue].
func (q *Queue) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), opTimeout)
	defer cancel()
	_, err := q.Drain(ctx)
	for name := range q.run.Targets {
		if e := q.lab.jobs.DeleteConsumer(ctx, consumer(q.run.ID, name)); e != nil && !errors.Is(e, jetstream.ErrConsumerNotFound) {
			err = errors.Join(err, e)
		}
	}
	return err
}

// write writes a claim over the revision, and repeats it until the result is
// known. [lab.ErrNotHeld] means that somebody else was first.
func (l *Lab) write(ctx context.Context, over <-chan struct{}, c claimed, rev uint64) (next uint64, err error) {
	text, err := json.Marshal(c)
	if err != nil {
		return 0, err
	}
	key := claimKey(c.Run, c.Job.ID, c.Try)
	err = l.settle(ctx, over, ofKey(claimsBucket, key), func(ctx context.Context) (bool, error) {
		var err error
		next, err = l.put(ctx, l.claims, key, text, rev)
		return err == nil || errors.Is(err, lab.ErrNotHeld), err
	})
	return next, err
}

func itoa(n int) string { return strconv.Itoa(n) }
