package cmd

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/lab"
	"github.com/wxctl/wxctl/intents/suite"
)

// suiteRun is one suite while it runs on the phones.
type suiteRun struct {
	f          *Factory
	vocabulary *suite.Vocabulary
	plan       *suite.Plan
	phones     []*runPhone
	noPhones   error // why there are none
	folder     *runFolder
	writer     *suite.Writer
	fold       *suite.Fold
	history    *durations
	before     *suite.Run // the run that is resumed
	start      suite.Start

	maxFailures int
	deadline    time.Duration
	jobs        int
	id          string

	queue  lab.Queue
	source lab.Source // nil if the phones are in a lab
	inLab  *labRun    // nil if the phones are on this host
	owner  *runOwner  // the owner of a run on another host; nil if it is here
	keep   func(at suite.Place, kind, name, mime string, data []byte) (*suite.Artifact, error)
	// after is called for each attempt that ended here, and may return an event
	// for the run; it may be nil.
	after func(*runPhone, *suite.End) *suite.Event
	done  chan finished

	mu      sync.Mutex
	stopped string // why nothing new is started
}

// stop keeps new attempts from starting.
func (r *suiteRun) stop(why string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopped = why
}

// over is why nothing new is started; empty otherwise.
func (r *suiteRun) over() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stopped
}

// finished is an attempt that has ended.
type finished struct {
	job   lab.Job
	phone string
	end   suite.End
}

// work is the content of a job: which attempt it is.
type work struct {
	Case    string `json:"case"`
	Attempt int    `json:"attempt"`
}

// todo is a case that is still to be run on a phone, or on any.
type todo struct {
	c       *suite.Case
	phone   string // empty: any
	attempt int    // the next, from 1
	tried   int    // attempts that count
}

func (t todo) job(avoid string) lab.Job {
	text, _ := json.Marshal(work{t.c.Name, t.attempt}) // never fails
	j := lab.Job{ID: fmt.Sprintf("%s.%s.%d", slug(t.c.Name), slug(t.phone), t.attempt), Phone: t.phone, Avoid: avoid, Work: text}
	if t.phone == "" {
		j.Selector = t.c.On.Phones
	}
	return j
}

// run runs the suite to its end, or until ctx ends, and returns the result.
func (r *suiteRun) run(ctx context.Context) (*suite.Run, error) {
	began := r.f.Now()
	r.writer.Watch(func(e suite.Event, _ []byte) { _ = r.fold.Add(e) }) // the plan's own
	todos, none := r.assign()
	if err := r.writer.Write(suite.Event{Type: suite.RunStarted, Start: &r.start}); err != nil {
		return nil, err
	}
	err := r.work(ctx, todos, none)
	run := r.fold.Run()
	if err == nil {
		summary := &suite.Summary{Counts: run.Counts, DurationMs: r.f.Now().Sub(began).Milliseconds(), ExitCode: int(runVerdict(ctx,
			run.Counts))}
		err = r.writer.Write(suite.Event{Type: suite.RunFinished, Summary: summary})
	}
	return r.fold.Run(), err
}

// runVerdict is the exit code of a run.
func runVerdict(ctx context.Context, counts suite.Counts) int {
	var signal *exit.Signal
	switch {
	case errors.As(context.Cause(ctx), &signal):
		return signal.Code
	case counts.Failed > 0:
		return exit.FoundWrong
	case counts.Errored+counts.Unknown+counts.Stopped > 0:
		return exit.NotRun
	}
	return exit.OK
}

// assign says which case goes to which phone. Cases that fit no phone are
// returned with the reason.
func (r *suiteRun) assign() (todos []todo, none map[string]string) {
	none = map[string]string{}
	for i := range r.plan.Cases {
		c := &r.plan.Cases[i]
		fitting := r.fitting(c)
		switch {
		case len(fitting) == 0:
			none[c.Name] = fmt.Sprintf("no phone of the run matches %q", c.On.Phones)
			if r.noPhones != nil {
				none[c.Name] = describe(r.noPhones).Message
			}
			r.start.Jobs = append(r.start.Jobs, suite.Job{Case: c.Name})
		case c.On.Any:
			todos = append(todos, todo{c: c, attempt: 1})
			r.start.Jobs = append(r.start.Jobs, suite.Job{Case: c.Name})
		default:
			for _, p := range fitting {
				todos = append(todos, todo{c: c, phone: p.key(), attempt: 1})
				r.start.Jobs = append(r.start.Jobs, suite.Job{Case: c.Name, Phone: p.key()})
			}
		}
	}
	if r.before != nil {
		todos, none = r.left(todos, none)
	}
	last := r.history.all()
	slices.SortStableFunc(todos, func(a, b todo) int { return cmp.Compare(last[b.c.Name], last[a.c.Name]) })
	return todos, none
}

func (r *suiteRun) fitting(c *suite.Case) []*runPhone {
	return slices.DeleteFunc(slices.Clone(r.phones), func(p *runPhone) bool { return !fits(p.info, c.On.Phones) })
}

// fits reports whether a phone matches the selector of a case.
func fits(info device.Info, selector string) bool {
	if selector == "" {
		return true
	}
	sel, err := device.ParseSelector(selector, "on")
	if err != nil {
		return false // a suite with an invalid one is not run
	}
	sel.All = sel.All || len(sel.Conditions) == 0
	chosen, err := device.Select([]device.Info{info}, sel)
	return err == nil && len(chosen.Phones) == 1
}

// left is what an interrupted run has not done: what it did not begin, and what
// it began but did not fire. What it may have fired is not repeated.
func (r *suiteRun) left(todos []todo, none map[string]string) ([]todo, map[string]string) {
	var left []todo
	for _, t := range todos {
		result := r.resultBefore(t)
		if result == nil {
			left = append(left, t)
			continue
		}
		if last := result.Last(); last != nil {
			t.attempt = last.Number + 1
			if r.inLab != nil && last.Finished.IsZero() {
				t.attempt = last.Number // the lab knows its state
				left = append(left, t)
				continue
			}
		}
		for _, a := range result.Attempts {
			if a.End.Status != suite.Stopped {
				t.tried++
			}
		}
		if result.Status == suite.Stopped || result.Last() != nil && r.retries(&t, result.Last().End) {
			left = append(left, t)
		}
	}
	for name := range none {
		for _, result := range r.before.Results {
			if result.Case.Name == name && result.Status != suite.Stopped {
				delete(none, name) // it was reported before
			}
		}
	}
	return left, none
}

func (r *suiteRun) resultBefore(t todo) *suite.Result {
	for _, result := range r.before.Results {
		if result.Case.Name == t.c.Name && (t.phone == "" || result.Phone.ID == t.phone) {
			return result
		}
	}
	return nil
}

// retries reports whether a case is tried again after this result.
func (r *suiteRun) retries(t *todo, end suite.End) bool {
	switch end.Status {
	case suite.Failed, suite.Errored, suite.Unknown:
		return t.tried <= t.c.Retry.Times && (t.c.Retry.AfterSent || !end.Sent)
	}
	return false
}

// work submits the jobs to the phones and waits for all of them.
func (r *suiteRun) work(ctx context.Context, todos []todo, none map[string]string) error {
	if err := r.settleBefore(ctx); err != nil {
		return err
	}
	for i := range r.plan.Cases {
		c := &r.plan.Cases[i]
		if reason, is := none[c.Name]; is {
			if err := r.notRun(c, reason); err != nil {
				return err
			}
		}
	}
	if len(todos) == 0 {
		return nil
	}
	if r.inLab != nil {
		if err := r.inLab.open(ctx, r); err != nil {
			return err
		}
		defer r.inLab.close()
	} else {
		q := lab.NewLocal(r.f.Now, r.record)
		r.queue, r.source = q, q
	}
	pending := map[string]todo{}
	var jobs []lab.Job
	attempts := 0
	for _, t := range todos {
		attempts += 1 + t.c.Retry.Times
		j := t.job("")
		pending[j.ID] = t
		jobs = append(jobs, j)
	}
	r.done = make(chan finished, attempts) // reporting an end must never block
	if err := r.queue.Submit(ctx, jobs...); err != nil {
		return err
	}
	var workers sync.WaitGroup
	failures := make(chan error, len(r.phones)+1)
	slots := make(chan struct{}, max(1, r.jobs))
	if r.source != nil {
		for _, p := range r.phones {
			workers.Go(func() { failures <- r.worker(ctx, p, slots) })
		}
	}
	err := r.own(ctx, pending, failures)
	err = errors.Join(err, r.queue.Close())
	workers.Wait()
	return err
}

// own waits for the results of the jobs until all are done, submits retries,
// and stops the run when necessary.
func (r *suiteRun) own(ctx context.Context, pending map[string]todo, failures <-chan error) error {
	var deadline <-chan time.Time
	if r.deadline > 0 {
		timer := time.NewTimer(r.deadline)
		defer timer.Stop()
		deadline = timer.C
	}
	failed, interrupted := 0, ctx.Done()
	stop := func(why string) error {
		r.stop(why)
		return r.drain(pending, why)
	}
	broken, look := r.inLab.watch()
	defer look.Stop()
	for len(pending) > 0 {
		var err error
		select {
		case end := <-r.done:
			err = r.ended(ctx, pending, end, &failed, stop)
		case <-interrupted:
			interrupted = nil
			r.f.Streams.Note("stopping: waiting for running cases; press Ctrl-C again to stop at once")
			err = stop("the run was interrupted")
		case <-deadline:
			err = stop(fmt.Sprintf("the run reached its deadline of %s", r.deadline))
		case err = <-failures: // nil: that one has nothing left to wait for
		case err = <-broken:
		case <-look.C:
			err = r.gone(ctx, pending)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ended handles the end of an attempt.
func (r *suiteRun) ended(ctx context.Context, pending map[string]todo, end finished, failed *int, stop func(string) error) error {
	t, ok := pending[end.job.ID]
	if !ok {
		return nil // the run was stopped meanwhile
	}
	delete(pending, end.job.ID)
	t.tried++
	if r.over() == "" && r.retries(&t, end.end) {
		t.attempt++
		again := t.job(end.phone)
		pending[again.ID] = t
		return r.queue.Submit(ctx, again)
	}
	r.history.took(t.c.Name, end.end.DurationMs)
	if end.end.Status == suite.Failed {
		*failed++
	}
	if r.over() == "" && r.maxFailures > 0 && *failed >= r.maxFailures {
		return stop(fmt.Sprintf("%d cases failed", *failed))
	}
	return nil
}

// drain takes back the jobs that nobody has begun.
func (r *suiteRun) drain(pending map[string]todo, why string) error {
	left, err := r.queue.Drain(context.Background())
	if err != nil {
		return err
	}
	for _, job := range left {
		t, ok := pending[job.ID]
		if !ok {
			continue
		}
		delete(pending, job.ID)
		err := r.writer.Write(suite.Event{Type: suite.AttemptFinished,
			Place: &suite.Place{Case: t.c.Name, Phone: t.phone, Attempt: t.attempt},
			End:   &suite.End{Status: suite.Stopped, Reason: why, Outcome: json.RawMessage("null")}})
		if err != nil {
			return err
		}
	}
	return nil
}

// settleBefore ends the attempts that a crash left unfinished. A lab knows their
// results, and those that came after the run's end.
func (r *suiteRun) settleBefore(ctx context.Context) error {
	if r.before == nil {
		return nil
	}
	if r.inLab != nil {
		return r.lateBefore(ctx)
	}
	for _, result := range r.before.Results {
		for _, a := range result.Attempts {
			if a.Finished.IsZero() {
				end := a.End
				end.Outcome = json.RawMessage("null")
				at := suite.Place{Case: result.Case.Name, Phone: a.Phone.ID, Attempt: a.Number}
				if err := r.writer.Write(suite.Event{Type: suite.AttemptFinished, Place: &at, End: &end}); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// notRun records a case that no phone matches.
func (r *suiteRun) notRun(c *suite.Case, reason string) error {
	end := &suite.End{Status: suite.Errored, Reason: reason, ExitCode: exit.NoPhone, Outcome: json.RawMessage("null")}
	if c.Optional {
		end.Status, end.ExitCode = suite.Skipped, 0
	} else {
		end.Problems = []suite.Problem{{File: r.plan.File, Line: c.Pos.Line, Column: c.Pos.Column, Message: reason}}
	}
	return r.writer.Write(suite.Event{Type: suite.AttemptFinished, Place: &suite.Place{Case: c.Name, Attempt: 1}, End: end})
}

// worker drives one phone: case after case, until there are none left for it.
func (r *suiteRun) worker(ctx context.Context, p *runPhone, slots chan struct{}) error {
	// When the run is interrupted, the current case is finished and not
	// cancelled.
	ctx = context.WithoutCancel(ctx)
	lease, err := r.source.Lease(ctx, p.key(), "this run", func(selector string) bool { return r.takes(p, selector) })
	if err != nil {
		return err
	}
	told := false
	return lab.Work(ctx, lease, func(ctx context.Context, claim lab.Claim) error {
		slots <- struct{}{}
		defer func() { <-slots }()
		if _, err := p.phone(ctx); err != nil {
			p.lose(err)
		}
		err := r.attempt(ctx, p, claim)
		if gone := p.lost(); gone != nil && !told && err == nil {
			told = true
			err = r.writer.Write(suite.Event{Type: suite.PhoneLost, Lost: &suite.Lost{Phone: p.info.ID, Message: describe(gone).Message}})
		}
		return err
	})
}

// takes reports whether a phone takes jobs for a selector. A lost phone takes
// those that no other phone can run, to report that.
func (r *suiteRun) takes(p *runPhone, selector string) bool {
	if !fits(p.info, selector) {
		return false
	}
	return p.lost() == nil || !slices.ContainsFunc(r.phones, func(other *runPhone) bool {
		return other.lost() == nil && fits(other.info, selector)
	})
}

// attempt is one job on one phone.
func (r *suiteRun) attempt(ctx context.Context, p *runPhone, claim lab.Claim) error {
	var w work
	if err := json.Unmarshal(claim.Job().Work, &w); err != nil {
		return err
	}
	c, gone := r.plan.Find(w.Case), p.lost()
	if gone == nil {
		a := &attempt{run: r, phone: p, claim: claim, c: c, place: suite.Place{Case: w.Case, Phone: p.key(), Attempt: w.Attempt}}
		return a.try(ctx)
	}
	if job := claim.Job(); job.Phone == "" && (r.owner != nil || !r.takes(p, job.Selector)) {
		return claim.Return(ctx) // another phone can run it
	}
	report := describe(gone)
	end := suite.End{Status: suite.Errored, Reason: report.Message, ExitCode: report.ExitCode, Outcome: json.RawMessage("null"),
		Problems: []suite.Problem{{File: r.plan.File, Line: c.Pos.Line, Column: c.Pos.Column, Message: report.Message, Hint: report.Hint}}}
	text, err := json.Marshal(end)
	if err != nil {
		return err
	}
	return claim.Done(ctx, text)
}
