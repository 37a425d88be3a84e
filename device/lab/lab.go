// Package lab hands the jobs of a run to phones. One interface stands before
// two ways to do it: in this process ([Local]), and in a lab of many hosts.
//
// A job goes through the same steps in both. A worker leases a phone
// ([Source.Lease]); takes a job for it ([Lease.Next]), which nobody else can
// take any more; says that it is about to fire ([Claim.Firing]), and fires only
// if that could be written down; and says what came of it ([Claim.Done]). A
// claim that is given up before it fired goes back to the queue. One that was
// firing does not: it is [Lost], and nobody fires it again.
package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Job is one attempt at one case, for one phone or for any that fits.
type Job struct {
	// ID is unique in the run: a job that is submitted again under the same ID
	// is not there twice.
	ID string `json:"id"`
	// Phone is the key of the one phone that may take it; empty for any that
	// the selector fits.
	Phone string `json:"phone,omitempty"`
	// Selector is the text of a phone selector, for jobs without a Phone; an
	// empty one fits every phone of the run.
	Selector string `json:"selector,omitempty"`
	// Avoid is a phone that takes the job only where no other one can: an
	// earlier attempt failed there.
	Avoid string `json:"avoid,omitempty"`
	// Work is what the worker needs to know to do it.
	Work json.RawMessage `json:"work,omitempty"`
}

// State is how far a job has come.
type State string

// The states of a job, as a [Record] is told them. A job is claimed, then
// firing if it fires, and ends as done or lost; one that is returned is in the
// queue again.
const (
	Claimed  State = "claimed"
	Firing   State = "firing"
	Reported State = "event" // nothing changed; the worker has something to tell
	Done     State = "done"
	Returned State = "returned"
	Lost     State = "lost"
)

// Update is one thing that a job's owner is told.
type Update struct {
	State State
	Job   Job
	Phone string // the key of the phone that has it
	// WasFiring says of a lost job that a request may have left.
	WasFiring bool
	// Data is the event that is reported, or the result of a done job.
	Data json.RawMessage
}

// Record is told every update of a run, in the order in which they happen to
// each job. The step that an update stands for fails with its error: what can't
// be written down doesn't happen. It must not call the queue.
type Record func(Update) error

// Queue is the jobs of one run, as their owner sees them.
type Queue interface {
	// Submit adds jobs. Those that the same phones can take are taken in this
	// order.
	Submit(ctx context.Context, jobs ...Job) error
	// Drain takes back the jobs that nobody has claimed, and returns them.
	// Nothing that is submitted later is handed out either.
	Drain(ctx context.Context) ([]Job, error)
	// Close ends the run: whoever waits for a job is told that there is none.
	// Claims that are held may still be finished.
	Close() error
}

// Source is where workers lease phones and get jobs.
type Source interface {
	// Lease takes a phone. Only one holder has it at a time: while another
	// does, the error is a *HeldError. fits says which selectors the phone
	// fits by now; the empty one fits every phone that still takes jobs which
	// others could take.
	Lease(ctx context.Context, phone, holder string, fits func(selector string) bool) (Lease, error)
}

// Lease is the right to drive a phone.
type Lease interface {
	// Next waits for a job that this phone can take, and claims it. It returns
	// io.EOF once there will be none: the run was drained or closed.
	Next(ctx context.Context) (Claim, error)
	// Ended is closed when the lease is over without having been released: then
	// nothing more may be fired at the phone.
	Ended() <-chan struct{}
	// Release gives the phone back. A claim that is still held is returned to
	// the queue, or lost if it was firing.
	Release(ctx context.Context) error
}

// Claim is a job that nobody else can take.
type Claim interface {
	Job() Job
	// Firing is called before a request leaves for the phone. If it fails,
	// nothing may be fired. Later calls do nothing.
	Firing(ctx context.Context) error
	// Report tells the owner of an event on the way.
	Report(ctx context.Context, event json.RawMessage) error
	// Done ends the claim with what came of it. [ErrNotHeld] says that it was
	// taken away before, and what came of it is too late.
	Done(ctx context.Context, result json.RawMessage) error
	// Return gives a job back that has not fired, for another phone: this one
	// can't do it. After Firing it is an error.
	Return(ctx context.Context) error
}

// ErrNotHeld is the error of a step that only the holder of a claim or lease
// may take.
var ErrNotHeld = errors.New("the claim is not held any more")

// ErrFiring is the error of returning a job that has fired.
var ErrFiring = errors.New("the job has fired: it can't be returned to the queue")

// HeldError says who has a phone that was to be leased.
type HeldError struct {
	Phone, Holder string
	Since         time.Time
}

func (e *HeldError) Error() string {
	return fmt.Sprintf("phone %q is held by %s since %s", e.Phone, e.Holder, e.Since.UTC().Format(time.RFC3339))
}
