package natslab

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/wxctl/wxctl/device/lab"
)

// Source is where an agent gets jobs for its phones, from all runs of the lab:
// a [lab.Source]. The run with the highest priority comes first, then the one
// that drives the fewest phones.
type Source struct {
	ctx   context.Context // of all that goes on by itself
	lab   *Lab
	agent string
	// version is that of the agent: it takes no jobs of runs that it does not fit.
	version string

	mu      sync.Mutex
	runs    map[string]Run // by token
	leases  map[string]Lease
	marks   map[string]Mark
	changed chan struct{} // closed and replaced at each change
}

// Source follows the runs of the lab until ctx is over.
func (l *Lab) Source(ctx context.Context, agent, version string) (*Source, error) {
	ctx, release := l.denied.guard(ctx, ofWatching(runsBucket, leasesBucket, marksBucket))
	context.AfterFunc(ctx, release)
	s := &Source{ctx: ctx, lab: l, agent: agent, version: version, runs: map[string]Run{}, leases: map[string]Lease{},
		marks:   map[string]Mark{},
		changed: make(chan struct{})}
	err := errors.Join(
		follow(ctx, l.runs, ">", func(e jetstream.KeyValueEntry) { see(s, s.runs, e) }),
		follow(ctx, l.leases, ">", func(e jetstream.KeyValueEntry) { see(s, s.leases, e) }),
		follow(ctx, l.marks, ">", func(e jetstream.KeyValueEntry) { see(s, s.marks, e) }),
	)
	if err != nil {
		return nil, deniedBy(ctx, err)
	}
	sub, err := l.nc.Subscribe(moreSubject+">", func(*nats.Msg) { s.mu.Lock(); defer s.mu.Unlock(); s.wake() })
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { _ = sub.Unsubscribe() })
	return s, l.nc.Flush()
}

// see stores the values of a bucket.
func see[T any](s *Source, into map[string]T, e jetstream.KeyValueEntry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var v T
	if e.Operation() != jetstream.KeyValuePut || json.Unmarshal(e.Value(), &v) != nil {
		delete(into, e.Key())
	} else {
		into[e.Key()] = v
	}
	if _, renewed := any(v).(Lease); !renewed || strings.HasPrefix(e.Key(), "run.") {
		s.wake()
	}
}

// wake wakes all waiting goroutines. s.mu is held.
func (s *Source) wake() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// Changed is closed at the next change in the lab.
func (s *Source) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// Mark is the mark of a phone, or of this agent; nil if there is none.
func (s *Source) Mark(phone string) *Mark {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range []string{agentMark(s.agent), token(phone)} {
		if m, ok := s.marks[k]; ok {
			return &m
		}
	}
	return nil
}

// Run is a run by its id.
func (s *Source) Run(id string) (Run, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.runs[token(id)]
	return r, ok
}

// Wanted reports whether a run has, or may have, jobs for a phone.
func (s *Source) Wanted(phone string, fits func(selector string) bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.offers(phone, fits)) > 0
}

// offer is a run with the consumers that have jobs for a phone.
type offer struct {
	run     Run
	targets []string
	phones  int // that it drives
}

// open are the runs that hand out jobs and whose owners are present. s.mu is
// held.
func (s *Source) open() []Run {
	var all []Run
	for k, r := range s.runs {
		_, owned := s.leases["run."+k]
		if r.Open && owned && r.fits(s.version) {
			all = append(all, r)
		}
	}
	return all
}

// offers are the runs that have jobs for a phone, in the order in which they
// are asked. s.mu is held.
func (s *Source) offers(phone string, fits func(string) bool) []offer {
	drives := map[string]int{}
	for _, l := range s.leases {
		if l.Phone != "" && l.Run != "" {
			drives[l.Run]++
		}
	}
	var all []offer
	for _, r := range s.open() {
		o := offer{run: r, phones: drives[r.ID]}
		if !fits(r.Device) {
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(r.Targets)) {
			if t := r.Targets[name]; t.Phone == phone || t.Phone == "" && fits(t.Selector) {
				o.targets = append(o.targets, name)
			}
		}
		// Jobs for this phone only come first: no other phone can take them.
		slices.SortStableFunc(o.targets, func(a, b string) int {
			return cmp.Compare(len(r.Targets[b].Phone), len(r.Targets[a].Phone))
		})
		if len(o.targets) > 0 {
			all = append(all, o)
		}
	}
	slices.SortFunc(all, func(a, b offer) int {
		return cmp.Or(cmp.Compare(b.run.Priority, a.run.Priority), cmp.Compare(a.phones, b.phones), a.run.Since.Compare(b.run.Since),
			cmp.Compare(a.run.ID, b.run.ID))
	})
	return all
}

// Lease implements [lab.Source].
func (s *Source) Lease(ctx context.Context, phone, holder string, fits func(string) bool) (lab.Lease, error) {
	l := &phoneLease{source: s, phone: phone, fits: fits, messages: make(chan *nats.Msg, mostMessages), lease: lease{
		lab: s.lab, key: token(phone), over: make(chan struct{}), poke: make(chan struct{}, 1),
		value: Lease{Phone: phone, Holder: holder, Session: nuid.Next(), Since: time.Now()},
	}}
	if err := l.lease.take(ctx); err != nil {
		return nil, err
	}
	var err error
	if l.inbox, err = s.lab.nc.ChanSubscribe(s.lab.nc.NewInbox(), l.messages); err != nil {
		return nil, errors.Join(err, l.lease.give(ctx))
	}
	go l.lease.keep(nil)
	return l, nil
}

// mostMessages is how many answers an inbox holds: one is asked for at a time, and
// those that came too late are few.
const mostMessages = 16

// phoneLease is a leased phone.
type phoneLease struct {
	source *Source
	phone  string
	fits   func(string) bool
	lease  lease
	inbox  *nats.Subscription
	// messages come to the inbox. A subscription that makes its own channel has
	// one of 512 KiB, for each phone.
	messages chan *nats.Msg

	mu       sync.Mutex
	claim    *claim
	released bool
}

func (l *phoneLease) Ended() <-chan struct{} { return l.lease.over }

func (l *phoneLease) Next(ctx context.Context) (lab.Claim, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, context.Cause(ctx)
		}
		l.mu.Lock()
		released, busy := l.released, l.claim != nil
		l.mu.Unlock()
		switch {
		case released || !l.lease.held():
			return nil, lab.ErrNotHeld
		case busy:
			return nil, errors.New("the phone has a job already")
		}
		s := l.source
		s.mu.Lock()
		offers, open, changed := s.offers(l.phone, l.fits), len(s.open()), s.changed
		s.mu.Unlock()
		if open == 0 || s.Mark(l.phone) != nil {
			return nil, io.EOF
		}
		claim, err := l.pick(ctx, offers)
		if claim != nil || err != nil {
			return claim, err
		}
		l.lease.tell("", "")
		if err := l.wait(ctx, changed); err != nil {
			return nil, err
		}
	}
}

// wait waits for a change that may bring a job.
func (l *phoneLease) wait(ctx context.Context, changed <-chan struct{}) error {
	timer := time.NewTimer(pollEvery)
	defer timer.Stop()
	select {
	case <-changed:
	case <-timer.C:
	case <-l.lease.over:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}

// pick claims a job from the first offer that has one.
func (l *phoneLease) pick(ctx context.Context, offers []offer) (lab.Claim, error) {
	for _, o := range offers {
		for _, target := range o.targets {
			msg, err := l.fetch(consumer(o.run.ID, target))
			if msg == nil || err != nil {
				var denied *DeniedError
				if errors.As(err, &denied) {
					return nil, err
				}
				continue
			}
			if ctx.Err() != nil {
				_ = msg.Respond([]byte("-NAK")) // otherwise it is delivered again later
				return nil, context.Cause(ctx)
			}
			claim, err := l.take(ctx, msg)
			if claim != nil || err != nil {
				return claim, err
			}
		}
	}
	return nil, nil
}

// fetch gets one message from a consumer; nil if there is none now. Messages
// arrive under the jobs' own subjects, so nats.go could not assign them to a
// request: each lease has an inbox. A message that arrives too late is found
// there the next time.
func (l *phoneLease) fetch(consumer string) (*nats.Msg, error) {
	ctx, cancel := context.WithTimeout(context.Background(), opTimeout)
	defer cancel()
	next := "$JS.API.CONSUMER.MSG.NEXT." + jobsStream + "." + consumer
	ctx, release := l.source.lab.denied.guard(ctx, subjects{next})
	defer release()
	if len(l.messages) == 0 {
		err := l.source.lab.nc.PublishRequest(next, l.inbox.Subject, []byte(`{"batch":1,"no_wait":true}`))
		if err != nil {
			return nil, err
		}
	}
	var msg *nats.Msg
	select {
	case msg = <-l.messages:
	case <-ctx.Done():
		return nil, deniedBy(ctx, ctx.Err())
	}
	if msg.Header.Get("Status") != "" { // 404: no message; 409 and 503: asked again later
		return nil, nil
	}
	return msg, nil
}

// How long a phone waits with a job that should avoid it: another matching
// phone has this long to take it.
const (
	avoidTimes = 4
	avoidDelay = 500 * time.Millisecond
)

// take claims the job of a message; nil if somebody else has it.
func (l *phoneLease) take(ctx context.Context, msg *nats.Msg) (lab.Claim, error) {
	var m message
	if err := json.Unmarshal(msg.Data, &m); err != nil {
		_ = msg.Respond([]byte("+TERM"))
		return nil, nil
	}
	if m.Job.Avoid == l.phone && m.Job.Phone == "" {
		if meta, err := msg.Metadata(); err == nil && meta.NumDelivered < avoidTimes {
			_ = msg.Respond(fmt.Appendf(nil, `-NAK {"delay": %d}`, avoidDelay.Nanoseconds()))
			return nil, nil
		}
	}
	c := &claim{lease: l, value: claimed{State: lab.Claimed, Run: m.Run, Job: m.Job, Try: m.Try, Phone: l.phone, Agent: l.source.agent,
		Session: l.lease.value.Session}}
	// A claim is finished even if ctx ends: one that the server has stored,
	// unknown to this agent, would block the job until the lease ends.
	rev, err := l.source.lab.write(context.WithoutCancel(ctx), l.lease.over, c.value, 0)
	if err != nil && !errors.Is(err, lab.ErrNotHeld) {
		return nil, err // the job is delivered again, to any agent
	}
	_ = msg.Respond([]byte("+ACK")) // if this is lost, the job is delivered again, and is refused
	if err != nil {
		return nil, nil
	}
	c.rev = rev
	l.mu.Lock()
	l.claim = c
	l.mu.Unlock()
	l.lease.tell(m.Run, m.Job.ID)
	return c, nil
}

func (l *phoneLease) Release(ctx context.Context) error {
	l.mu.Lock()
	if l.released {
		l.mu.Unlock()
		return nil
	}
	l.released = true
	c := l.claim
	l.mu.Unlock()
	var err error
	if c != nil {
		err = c.giveUp(ctx)
	}
	return errors.Join(err, l.lease.give(ctx), l.inbox.Unsubscribe())
}
