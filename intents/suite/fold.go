package suite

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Run is the result of folding the events of one run.
type Run struct {
	ID         string
	Start      Start // as the run began the first time
	Started    time.Time
	Finished   time.Time // zero where the run was interrupted
	Last       time.Time // of the last event
	ExitCode   int       // of a run that was finished
	DurationMs int64     // of all its parts together, except parts that were cut off
	Lost       []Lost
	Results    []*Result // in the plan's order
	Counts     Counts
}

// Result is the result of one case on one phone.
type Result struct {
	Run  *Run
	Case *Case
	// Phone is the phone of the last attempt; its ID is empty where the case
	// ran on none.
	Phone    Phone
	Status   Status
	Flaky    bool   // passed, but not at the first attempt
	Reason   string // why it is skipped, stopped, errored or unknown
	Attempts []*Attempt
}

// Attempt is one try of a case on a phone.
type Attempt struct {
	Number     int
	Phone      Phone
	Started    time.Time
	Firing     time.Time // zero if nothing was fired
	Finished   time.Time // zero where the run was interrupted
	Commands   []string
	Evidence   []Evidence
	Artifacts  []Artifact
	End        End
	Late       *End // its late result, after it was given up; End stays
	unfinished bool
}

// Last returns the last attempt, nil if there was none.
func (r *Result) Last() *Attempt {
	if len(r.Attempts) == 0 {
		return nil
	}
	return r.Attempts[len(r.Attempts)-1]
}

// Why is the reason of the attempt's end, and the late result, if any.
func (a *Attempt) Why() string {
	switch {
	case a.Late == nil:
		return a.End.Reason
	case a.End.Reason == "":
		return fmt.Sprintf("its result came late: %s", a.Late.Status)
	}
	return fmt.Sprintf("%s; its result came late: %s", a.End.Reason, a.Late.Status)
}

// DurationMs is the duration of all attempts together.
func (r *Result) DurationMs() int64 {
	var sum int64
	for _, a := range r.Attempts {
		sum += a.End.DurationMs
	}
	return sum
}

// Artifacts are the artifacts of all attempts.
func (r *Result) Artifacts() []Artifact {
	var all []Artifact
	for _, a := range r.Attempts {
		all = append(all, a.Artifacts...)
	}
	return all
}

// Repeat is the command line that runs this case on this phone again.
func (r *Result) Repeat() string {
	line := "wxctl run " + Quote(r.Run.Start.Plan.File) + " --case " + Quote(escapeGlob(r.Case.Name))
	if r.Phone.ID != "" {
		line += " --device " + Quote(r.Phone.ID)
	}
	return line
}

// Fold builds a [Run] from its events, one after another.
type Fold struct {
	run    *Run
	byJob  map[Job]*Result
	cases  map[string]*Case
	phones map[string]Phone
}

// Add adds the next event.
func (f *Fold) Add(e Event) error {
	if e.Start != nil {
		return f.start(e)
	}
	if f.run == nil {
		return errors.New("an event before run.started")
	}
	if e.Run != f.run.ID {
		return errors.New("an event of another run")
	}
	f.run.Last = e.At
	switch {
	case e.Type == PhoneLost:
		f.run.Lost = append(f.run.Lost, *e.Lost)
	case e.Summary != nil:
		f.run.Finished, f.run.ExitCode = e.At, e.Summary.ExitCode
		f.run.DurationMs += e.Summary.DurationMs
	case e.Place != nil:
		return f.attempt(e)
	}
	return nil
}

func (f *Fold) start(e Event) error {
	if e.Start.Plan == nil {
		return errors.New("run.started has no plan")
	}
	if f.run == nil {
		f.run = &Run{ID: e.Run, Start: *e.Start, Started: e.At}
		f.byJob, f.cases, f.phones = map[Job]*Result{}, map[string]*Case{}, map[string]Phone{}
		for i := range e.Start.Plan.Cases {
			c := &e.Start.Plan.Cases[i]
			f.cases[c.Name] = c
		}
	} else if e.Run != f.run.ID {
		return errors.New("run.started of another run")
	}
	f.run.Last, f.run.Finished, f.run.ExitCode = e.At, time.Time{}, 0
	for _, p := range e.Start.Phones {
		if _, known := f.phones[p.ID]; !known {
			f.phones[p.ID] = p
		}
	}
	for _, job := range e.Start.Jobs {
		f.result(job)
	}
	return nil
}

// result returns the result of a job, nil if the plan has no such case.
func (f *Fold) result(job Job) *Result {
	c := f.cases[job.Case]
	if c == nil {
		return nil
	}
	if c.On.Any {
		job.Phone = ""
	}
	r := f.byJob[job]
	if r == nil {
		r = &Result{Run: f.run, Case: c, Phone: f.phone(job.Phone)}
		f.byJob[job] = r
		f.run.Results = append(f.run.Results, r)
	}
	return r
}

func (f *Fold) phone(id string) Phone {
	if p, ok := f.phones[id]; ok {
		return p
	}
	return Phone{ID: id}
}

func (f *Fold) attempt(e Event) error {
	r := f.result(Job{e.Place.Case, e.Place.Phone})
	if r == nil {
		return errors.New("an event of a case that the plan doesn't have")
	}
	i := slices.IndexFunc(r.Attempts, func(a *Attempt) bool { return a.Number == e.Place.Attempt })
	if i < 0 {
		i = len(r.Attempts)
		r.Attempts = append(r.Attempts, &Attempt{Number: e.Place.Attempt, unfinished: true, Started: e.At})
	}
	a := r.Attempts[i]
	if e.Place.Phone != "" {
		a.Phone = f.phone(e.Place.Phone)
		r.Phone = a.Phone
	}
	switch e.Type {
	case AttemptStarted:
		a.Started, a.Commands = e.At, e.Began.Commands
	case AttemptFiring:
		a.Firing = e.At
	case EvidenceSeen:
		a.Evidence = append(a.Evidence, *e.Evidence)
	case ArtifactKept:
		a.Artifacts = append(a.Artifacts, *e.Artifact)
	case AttemptFinished:
		if a.unfinished { // a late end does not change what was reported
			a.End, a.Finished, a.unfinished = *e.End, e.At, false
		}
	case AttemptLate:
		a.Late = e.End
	}
	return nil
}

// Run returns the run so far, with a status for every result: an attempt that
// was cut off is unknown if it was firing, else stopped; so is a job without an
// attempt. It is nil before the first event.
func (f *Fold) Run() *Run {
	if f.run == nil {
		return nil
	}
	f.run.Counts = Counts{}
	for _, r := range f.run.Results {
		r.settle()
		f.run.Counts.Add(r.Status, r.Flaky)
	}
	return f.run
}

// settle sets a result's status.
func (r *Result) settle() {
	for _, a := range r.Attempts {
		if !a.unfinished {
			continue
		}
		a.End = End{Status: Stopped, Reason: "the run was interrupted"}
		if !a.Firing.IsZero() {
			a.End = End{Status: Unknown, Reason: "the run was interrupted after a request was sent", Sent: true}
		}
	}
	// An attempt that was stopped by the end of a run says nothing about the
	// case once there is another attempt.
	tried := slices.DeleteFunc(slices.Clone(r.Attempts), func(a *Attempt) bool { return a.End.Status == Stopped })
	if len(tried) == 0 {
		r.Status, r.Reason = Stopped, "the run ended first"
		if a := r.Last(); a != nil {
			r.Reason = cmp.Or(a.Why(), r.Reason)
		}
		return
	}
	last := tried[len(tried)-1]
	r.Status, r.Reason = last.End.Status, last.Why()
	r.Flaky = last.End.Status == Passed && len(tried) > 1
}

// escapeGlob returns a glob that matches only the name.
func escapeGlob(name string) string {
	var b []rune
	for _, c := range name {
		switch c {
		case '*', '?', '[', '\\':
			b = append(b, '\\')
		}
		b = append(b, c)
	}
	return string(b)
}
