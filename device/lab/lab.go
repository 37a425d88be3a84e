// Package lab distributes the jobs of a run to phones. There are two
// implementations of the same interfaces: in this process ([Local]), and in a
// lab of many hosts.
//
// A job goes through the same steps in both. A worker leases a phone
// ([Source.Lease]); claims a job for it ([Lease.Next]), which nobody else can
// claim any more; says that it is about to fire ([Claim.Firing]), and fires
// only if that was recorded; and reports the result ([Claim.Done]). A claim
// that is given up before it fired goes back to the queue. One that was firing
// becomes [Lost] and is never fired again.
package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Job is one attempt at one case, for one phone or for any that matches.
type Job struct {
	// ID is unique in the run: submitting a job again under the same ID has no
	// effect.
	ID string `json:"id"`
	// Phone is the key of the one phone that may take it; empty for any that
	// the selector matches.
	Phone string `json:"phone,omitempty"`
	// Selector is the text of a phone selector, for jobs without a Phone; an
	// empty one matches every phone of the run.
	Selector string `json:"selector,omitempty"`
	// Avoid is a phone that takes the job only if no other one can: an earlier
	// attempt failed there.
	Avoid string `json:"avoid,omitempty"`
	// Work is the worker's input.
	Work json.RawMessage `json:"work,omitempty"`
}

// State is a job's progress.
type State string

// The states of a job, as a [Record] gets them. A job is claimed, then firing
// if it fires, and ends as done or lost; a returned job is in the queue again.
const (
	Claimed  State = "claimed"
	Firing   State = "firing"
	Reported State = "event" // no new state; the worker reports an event
	Done     State = "done"
	Returned State = "returned"
	Lost     State = "lost"
	Late     State = "late" // a lost job's result came after all; the job stays lost
)

// Update is a change of a job that is reported to its owner.
type Update struct {
	State State
	Job   Job
	Phone string // the key of the phone that has it
	// WasFiring is set for a lost job whose request may have been sent.
	WasFiring bool
	// Data is the reported event, or the result of a done or late job.
	Data json.RawMessage
}

// Record is called with every update of a run, for each job in the order in
// which they happen. If it fails, the step that the update stands for fails
// with its error: what can't be recorded does not happen. It must not call the
// queue.
type Record func(Update) error

// Queue holds the jobs of one run, as their owner sees them.
type Queue interface {
	// Submit adds jobs. Jobs for the same phones are taken in this order.
	Submit(ctx context.Context, jobs ...Job) error
	// Drain removes the jobs that nobody has claimed, and returns them. Jobs
	// that are submitted later are not handed out either.
	Drain(ctx context.Context) ([]Job, error)
	// Close ends the run: those who wait for a job get none. Current claims may
	// still be finished.
	Close() error
}

// Source is where workers lease phones and get jobs.
type Source interface {
	// Lease leases a phone to a holder. A phone has one holder at a time: while
	// another one has it, the error is a *HeldError. fits says which selectors
	// the phone matches at present; the empty one matches every phone that
	// still accepts jobs for any phone.
	Lease(ctx context.Context, phone, holder string, fits func(selector string) bool) (Lease, error)
}

// Lease is the right to drive a phone.
type Lease interface {
	// Next waits for a job that this phone can take, and claims it. It returns
	// io.EOF once there will be no more: the run was drained or closed.
	Next(ctx context.Context) (Claim, error)
	// Ended is closed when the lease ended without being released: then nothing
	// more may be fired at the phone.
	Ended() <-chan struct{}
	// Release gives the phone back. A claim that is still held is returned to
	// the queue, or lost if it was firing.
	Release(ctx context.Context) error
}

// Claim is a job that one worker has and nobody else can take.
type Claim interface {
	Job() Job
	// Firing is called before a request is sent to the phone. If it fails,
	// nothing may be sent. Later calls do nothing.
	Firing(ctx context.Context) error
	// Report reports an event to the owner.
	Report(ctx context.Context, event json.RawMessage) error
	// Done ends the claim with its result. [ErrNotHeld] means that the claim
	// was taken away before, and the result is too late; it is reported to the
	// owner as [Late] if that can still be reached.
	Done(ctx context.Context, result json.RawMessage) error
	// Return gives back a job that has not fired, for another phone: this one
	// can't do it. After Firing it is an error.
	Return(ctx context.Context) error
}

// ErrNotHeld is the error of a step that only the holder of a claim or lease
// may take.
var ErrNotHeld = errors.New("the claim is not held any more")

// ErrFiring is the error of returning a job that has fired.
var ErrFiring = errors.New("the job has fired: it can't be returned to the queue")

// HeldError says who has the phone that was to be leased.
type HeldError struct {
	Phone, Holder string
	Since         time.Time
}

func (e *HeldError) Error() string {
	return fmt.Sprintf("phone %q is held by %s since %s", e.Phone, e.Holder, e.Since.UTC().Format(time.RFC3339))
}
