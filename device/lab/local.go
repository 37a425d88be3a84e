package lab

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"sync"
	"time"
)

// Local is a queue in this process: [Queue] and [Source] in one.
type Local struct {
	record Record
	now    func() time.Time

	mu      sync.Mutex
	waiting []Job
	known   map[string]bool
	leases  map[string]*localLease
	over    bool          // drained or closed
	changed chan struct{} // closed and replaced when a job or lease is added or removed
}

// NewLocal returns an empty queue that reports every update to record.
func NewLocal(now func() time.Time, record Record) *Local {
	return &Local{
		record: record, now: now,
		known: map[string]bool{}, leases: map[string]*localLease{}, changed: make(chan struct{}),
	}
}

// Submit implements [Queue].
func (q *Local) Submit(_ context.Context, jobs ...Job) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.over {
		return errors.New("the run takes no more jobs")
	}
	for _, job := range jobs {
		if !q.known[job.ID] {
			q.known[job.ID] = true
			q.waiting = append(q.waiting, job)
		}
	}
	q.wake()
	return nil
}

// Drain implements [Queue].
func (q *Local) Drain(context.Context) ([]Job, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	left := q.waiting
	q.waiting, q.over = nil, true
	q.wake()
	return left, nil
}

// Close implements [Queue].
func (q *Local) Close() error {
	_, err := q.Drain(context.Background())
	return err
}

// wake wakes all waiting goroutines.
func (q *Local) wake() {
	close(q.changed)
	q.changed = make(chan struct{})
}

// Lease implements [Source].
func (q *Local) Lease(_ context.Context, phone, holder string, fits func(string) bool) (Lease, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if held := q.leases[phone]; held != nil {
		return nil, &HeldError{Phone: phone, Holder: held.holder, Since: held.since}
	}
	l := &localLease{queue: q, phone: phone, holder: holder, since: q.now(), fits: fits, ended: make(chan struct{})}
	q.leases[phone] = l
	return l, nil
}

// take removes and returns the first job that the lease's phone can take.
func (q *Local) take(l *localLease) (Job, bool) {
	i := slices.IndexFunc(q.waiting, func(j Job) bool {
		return l.can(j) && (j.Avoid != l.phone || !q.another(l, j))
	})
	if i < 0 {
		return Job{}, false
	}
	job := q.waiting[i]
	q.waiting = slices.Delete(q.waiting, i, i+1)
	return job, true
}

// another reports whether some other leased phone can take the job.
func (q *Local) another(l *localLease, j Job) bool {
	for _, other := range q.leases {
		if other != l && other.can(j) {
			return true
		}
	}
	return false
}

type localLease struct {
	queue         *Local
	phone, holder string
	since         time.Time
	fits          func(string) bool
	ended         chan struct{} // never closed: no local lease ends by itself

	claim    *localClaim // the current one
	released bool
}

func (l *localLease) can(j Job) bool {
	if j.Phone != "" {
		return j.Phone == l.phone
	}
	return l.fits(j.Selector)
}

func (l *localLease) Ended() <-chan struct{} { return l.ended }

func (l *localLease) Next(ctx context.Context) (Claim, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		claim, changed, err := l.try()
		if claim != nil || err != nil {
			return claim, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// try claims a job if there is one; else it returns a channel to wait for.
func (l *localLease) try() (Claim, <-chan struct{}, error) {
	q := l.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case l.released:
		return nil, nil, ErrNotHeld
	case l.claim != nil:
		return nil, nil, errors.New("the phone has a job already")
	}
	job, ok := q.take(l)
	if !ok {
		if q.over {
			return nil, nil, io.EOF
		}
		return nil, q.changed, nil
	}
	c := &localClaim{lease: l, job: job}
	if err := c.tell(Claimed, nil); err != nil {
		q.waiting = slices.Insert(q.waiting, 0, job)
		return nil, nil, err
	}
	l.claim = c
	return c, nil, nil
}

func (l *localLease) Release(context.Context) error {
	q := l.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	if l.released {
		return nil
	}
	l.released = true
	delete(q.leases, l.phone)
	var err error
	if c := l.claim; c != nil {
		err = c.giveUp()
	}
	q.wake() // a job that avoids another phone may no longer wait for this one
	return err
}

type localClaim struct {
	lease  *localLease
	job    Job
	firing bool
	lost   bool // while it was firing
}

func (c *localClaim) Job() Job { return c.job }

// tell records an update. The queue's lock is held, so that updates of one job
// are in order.
func (c *localClaim) tell(s State, data json.RawMessage) error {
	return c.lease.queue.record(Update{State: s, Job: c.job, Phone: c.lease.phone, WasFiring: s == Lost && c.firing, Data: data})
}

// held runs a step if the claim is still held.
func (c *localClaim) held(step func() error) error {
	q := c.lease.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	if c.lease.claim != c {
		return ErrNotHeld
	}
	return step()
}

func (c *localClaim) Firing(context.Context) error {
	return c.held(func() error {
		if c.firing {
			return nil
		}
		err := c.tell(Firing, nil)
		c.firing = err == nil
		return err
	})
}

func (c *localClaim) Report(_ context.Context, event json.RawMessage) error {
	return c.held(func() error { return c.tell(Reported, event) })
}

func (c *localClaim) Done(_ context.Context, result json.RawMessage) error {
	err := c.held(func() error {
		if err := c.tell(Done, result); err != nil {
			return err
		}
		c.lease.claim = nil
		return nil
	})
	if errors.Is(err, ErrNotHeld) {
		return errors.Join(err, c.late(result))
	}
	return err
}

// late reports a result that comes after its claim was lost, once.
func (c *localClaim) late(result json.RawMessage) error {
	q := c.lease.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	if !c.lost {
		return nil
	}
	c.lost = false
	return c.tell(Late, result)
}

func (c *localClaim) Return(context.Context) error {
	return c.held(func() error {
		if c.firing {
			return ErrFiring
		}
		return c.giveUp()
	})
}

// giveUp ends a claim without a result.
func (c *localClaim) giveUp() error {
	q := c.lease.queue
	c.lease.claim = nil
	if c.lost = c.firing; c.lost {
		return c.tell(Lost, nil)
	}
	if err := c.tell(Returned, nil); err != nil {
		return err
	}
	if !q.over {
		c.job.Avoid = c.lease.phone
		q.waiting = slices.Insert(q.waiting, 0, c.job)
		q.wake()
	}
	return nil
}
