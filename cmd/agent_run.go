package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/cmd/internal/metrics"
	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/lab"
	"github.com/wxctl/wxctl/device/lab/natslab"
	"github.com/wxctl/wxctl/intents/suite"
)

// lender lends the phones of this host to a lab.
type lender struct {
	o      *agentOptions
	f      *Factory
	lab    *natslab.Lab
	source *natslab.Source
	fleet  *device.Fleet
	sel    device.Selector
	app    device.AppIdentity // whose version is listed
	since  time.Time
	slots  chan struct{}
	count  *metrics.Agent
	runs   *agentRuns

	mu       sync.Mutex
	phones   map[string]*lentPhone
	notReady []device.Info // that can't be lent at present
	workers  sync.WaitGroup
}

func agentRun(ctx context.Context, o *agentOptions) error {
	f := o.f
	sel, err := f.selector(&o.phone)
	if err != nil {
		return err
	}
	sel.All = true // all that fit
	l, err := o.lab.dial(ctx, f, "agent "+o.name)
	if err != nil {
		return err
	}
	defer l.Close()
	source, err := l.Source(ctx, o.name, f.Version)
	if err != nil {
		return err
	}
	fleet, closePhones, err := f.Phones(ctx, f, &o.phone, sel)
	if err != nil {
		return err
	}
	defer closePhones()
	a := &lender{o: o, f: f, lab: l, source: source, fleet: fleet, sel: sel, since: f.Now().UTC(), slots: make(chan struct{}, o.phone.jobs),
		phones: map[string]*lentPhone{}}
	if a.app, err = f.defaultApp(); err != nil {
		return err
	}
	a.count = metrics.NewAgent(a)
	if a.runs, err = newAgentRuns(a); err != nil {
		return err
	}
	defer a.runs.close()
	address := ""
	if o.metrics != "" {
		where, stop, err := a.count.Serve(ctx, o.metrics)
		if err != nil {
			return busyPort(err)
		}
		defer stop()
		address = "http://" + where + "/metrics"
	}
	if err := a.discover(ctx); err != nil && describe(err).ExitCode != exit.NoPhone {
		return err
	}
	if err := a.lend(ctx); err != nil {
		return err
	}
	err = f.Printer().Line(struct {
		Agent   string `json:"agent"`
		Phones  int    `json:"phones"`
		Metrics string `json:"metrics,omitempty"`
	}{o.name, len(a.list()), address})
	if err != nil {
		return err
	}
	return a.serve(ctx)
}

// serve lends until ctx ends, and then drains.
func (a *lender) serve(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var rest sync.WaitGroup
	rest.Go(func() { a.watch(ctx) })
	rest.Go(func() { a.keepListed(ctx) })
	err := a.f.untilEnd(ctx)
	cancel(err)
	a.mu.Lock()
	for _, p := range a.phones {
		p.end()
	}
	a.mu.Unlock()
	a.workers.Wait()
	rest.Wait()
	gone, done := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
	defer done()
	if e := a.lab.Leave(gone, a.listed()); e != nil {
		a.f.Streams.Warn("%s", safe(describe(e).Message)) // the entry expires by itself
	}
	return err
}

// watch starts and stops lending phones as they are connected and disconnected.
func (a *lender) watch(ctx context.Context) {
	changed := make(chan struct{}, 1)
	var watches sync.WaitGroup
	for _, b := range a.fleet.Backends {
		watches.Go(func() {
			for ctx.Err() == nil {
				_ = b.Watch(ctx, func([]device.Info) { // a server that is gone is asked again
					select {
					case changed <- struct{}{}:
					default:
					}
				})
				pause(ctx, 5*time.Second)
			}
		})
	}
	defer watches.Wait()
	for {
		select {
		case <-changed:
		case <-time.After(30 * time.Second): // for state changes that no server reports
		case <-ctx.Done():
			return
		}
		if err := a.discover(ctx); err != nil && ctx.Err() == nil {
			a.f.Streams.Note("%s", safe(describe(err).Message))
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// discover finds the ready phones, and starts a worker for each new one.
func (a *lender) discover(ctx context.Context) error {
	asking, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	chosen, err := a.fleet.Select(asking, a.sel)
	if err != nil && describe(err).ExitCode != exit.NoPhone && describe(err).ExitCode != exit.PhoneNotReady {
		return err // phones that weren't asked are kept
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.notReady = chosen.NotReady
	there := map[string]bool{}
	for _, info := range chosen.Phones {
		key := natslab.PhoneKey(info, a.o.name)
		there[key] = true
		if a.phones[key] != nil || ctx.Err() != nil {
			continue
		}
		info.Agent, info.Labels = a.o.name, a.o.labels
		p := &lentPhone{runPhone: &runPhone{info: info, fleet: a.fleet, name: key, agent: a.o.name}}
		var own context.Context
		own, p.end = context.WithCancel(ctx)
		a.phones[key] = p
		a.workers.Go(func() { a.worker(own, p) })
	}
	for key, p := range a.phones {
		if !there[key] {
			p.end()
			delete(a.phones, key)
		}
	}
	return err
}

func (a *lender) list() []*lentPhone {
	a.mu.Lock()
	defer a.mu.Unlock()
	var all []*lentPhone
	for _, p := range a.phones {
		all = append(all, p)
	}
	return all
}

// PhonesByState implements metrics.Source.
func (a *lender) PhonesByState() map[string]int {
	states := map[string]int{string(device.Ready): 0, "leased": 0}
	for _, p := range a.list() {
		mark := a.source.Mark(p.key())
		switch {
		case p.leased.Load():
			states["leased"]++
		case mark != nil:
			states[string(mark.Kind)]++
		default:
			states[string(device.Ready)]++
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, info := range a.notReady {
		states[string(info.State)]++
	}
	return states
}

// Waiting implements metrics.Source.
func (a *lender) Waiting(ctx context.Context) (jobs uint64, oldest time.Duration, err error) {
	return a.lab.Waiting(ctx)
}

func (a *lender) listed() natslab.Agent {
	listed := natslab.Agent{Name: a.o.name, Version: a.f.Version, Labels: a.o.labels, Since: a.since}
	for _, p := range a.list() {
		listed.Phones = append(listed.Phones, p.listed())
	}
	return listed
}

func (a *lender) lend(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return a.lab.Lend(ctx, a.listed())
}

// keepListed renews the agent's entry in the lab's list.
func (a *lender) keepListed(ctx context.Context) {
	ticker := time.NewTicker(a.lab.DeviceTTL() / 3)
	defer ticker.Stop()
	away := false
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		err := a.lend(ctx)
		if err != nil && !away && ctx.Err() == nil {
			a.f.Streams.Warn("the lab is not reached: %s", safe(describe(err).Message))
		}
		if err == nil && away {
			a.f.Streams.Note("the lab is reached again")
		}
		away = err != nil
	}
}

// worker lets one phone do the jobs of the lab, until ctx ends or the phone is
// lost.
func (a *lender) worker(ctx context.Context, p *lentPhone) {
	defer func() {
		_ = p.close() // it is released, or lost
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.phones[p.key()] == p {
			delete(a.phones, p.key())
		}
	}()
	takes := func(selector string) bool { return fits(p.info, selector) }
	for ctx.Err() == nil && p.lost() == nil {
		p.look(ctx, a.app)
		changed := a.source.Changed()
		if a.source.Mark(p.key()) != nil || !a.source.Wanted(p.key(), takes) {
			select {
			case <-changed:
			case <-ctx.Done():
			}
			continue
		}
		if err := a.serveOne(ctx, p, takes); err != nil && ctx.Err() == nil {
			a.f.Streams.Note("%s: %s", safe(p.key()), safe(describe(err).Message))
			pause(ctx, 2*time.Second)
		}
	}
}

// serveOne leases the phone and does jobs until there are no more.
func (a *lender) serveOne(ctx context.Context, p *lentPhone, takes func(string) bool) error {
	// When the agent drains, current jobs are finished and not cancelled.
	lease, err := a.source.Lease(context.WithoutCancel(ctx), p.key(), a.o.name, takes)
	var held *lab.HeldError
	if errors.As(err, &held) {
		pause(ctx, 2*time.Second) // another host has the phone
		return nil
	}
	if err != nil {
		return err
	}
	defer a.leased(p)()
	err = lab.Work(context.WithoutCancel(ctx), &agentLease{Lease: lease, drain: ctx, phone: p.runPhone},
		func(ctx context.Context, claim lab.Claim) error { return a.do(ctx, p, claim) })
	if errors.Is(err, lab.ErrNotHeld) {
		err = errors.New("the phone was taken away: the lab was not reached in time")
	}
	return errors.Join(err, p.close())
}

// leased counts a phone's lease until back is called.
func (a *lender) leased(p *lentPhone) (back func()) {
	a.count.Leased(1)
	p.leased.Store(true)
	return func() { p.leased.Store(false); a.count.Leased(-1) }
}

// agentLease is a lease that ends when the agent drains, and that closes the
// phone for other users of this host while there is nothing to do.
type agentLease struct {
	lab.Lease
	drain context.Context
	phone *runPhone
}

// idleAfter is how long a phone stays open for the next job.
const idleAfter = 300 * time.Millisecond

func (l *agentLease) Next(ctx context.Context) (lab.Claim, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(l.drain, cancel)()
	soon, done := context.WithTimeout(ctx, idleAfter)
	claim, err := l.Lease.Next(soon)
	done()
	if err != nil && soon.Err() != nil && ctx.Err() == nil {
		if err := l.phone.close(); err != nil {
			return nil, err
		}
		claim, err = l.Lease.Next(ctx)
	}
	if err != nil && l.drain.Err() != nil {
		return nil, io.EOF
	}
	return claim, err
}

// do does one job.
func (a *lender) do(ctx context.Context, p *lentPhone, claim lab.Claim) error {
	select {
	case a.slots <- struct{}{}:
		defer func() { <-a.slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	r, ended, err := a.runs.of(ctx, natslab.RunOf(claim))
	if err != nil {
		return err // the claim is returned with the phone
	}
	defer ended()
	if _, err := p.phone(ctx); err != nil {
		if describe(err).ExitCode == exit.PhoneBusy {
			return err // another process of this host has the phone
		}
		p.lose(err)
	}
	return r.attempt(ctx, p.runPhone, claim)
}

// The errors after which a phone is quarantined.
const (
	mostErrors   = 3
	errorsWithin = 10 * time.Minute
)

// ended records the end of an attempt: a phone with several errors in a row
// does no more jobs until somebody has checked it. The event that it returns, if
// any, is for the run.
func (a *lender) ended(p *runPhone, end *suite.End) *suite.Event {
	a.count.Attempt(string(end.Status), time.Duration(end.DurationMs)*time.Millisecond)
	if end.Status != suite.Errored {
		return nil
	}
	a.mu.Lock()
	lent := a.phones[p.key()]
	now := time.Now()
	bad := false
	if lent != nil {
		lent.errs = append(slices.DeleteFunc(lent.errs, func(t time.Time) bool { return now.Sub(t) > errorsWithin }), now)
		bad = len(lent.errs) >= mostErrors
		if bad {
			lent.errs = nil
		}
	}
	a.mu.Unlock()
	if !bad {
		return nil
	}
	a.f.Streams.Warn("phone %s is quarantined: %d cases were errored within %s, the last with: %s", p.info.Label(), mostErrors, errorsWithin,
		safe(end.Reason))
	reason := "3 cases were errored within 10 minutes, the last with: " + end.Reason
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err := a.lab.MarkPhone(ctx, p.key(), natslab.Mark{Kind: natslab.Quarantined, By: a.o.name, Since: a.f.Now().UTC(), Reason: reason}, 0)
	if err != nil {
		a.f.Streams.Warn("%s", safe(describe(err).Message))
		return nil
	}
	return &suite.Event{Type: suite.PhoneQuarantined, Lost: &suite.Lost{Phone: p.key(), Message: reason}}
}

// put stores a file of an attempt in the lab.
func (a *lender) put(run string, at suite.Place, kind, name, mime string, data []byte) (*suite.Artifact, error) {
	artifact := artifactOf(at, kind, name, mime, data)
	if artifact == nil {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return artifact, a.lab.Put(ctx, artifactName(run, artifact.Path), data)
}

// ask sends a question to the owner of a run.
func (a *lender) ask(ctx context.Context, run string, question ownerAsk) (*ownerAnswer, error) {
	text, err := json.Marshal(question)
	if err != nil {
		return nil, err
	}
	reply, err := a.source.Ask(ctx, run, text)
	if err != nil {
		return nil, err
	}
	answer := new(ownerAnswer)
	return answer, json.Unmarshal(reply, answer)
}
