package natslab

import (
	"encoding/json"
	"time"

	"github.com/wxctl/wxctl/device/lab"
)

// Run is what agents need to know about a run.
type Run struct {
	Protocol int       `json:"protocol"`
	ID       string    `json:"id"`
	Owner    string    `json:"owner"` // who started it, and where
	Priority int       `json:"priority"`
	Since    time.Time `json:"since"`
	Version  string    `json:"version"` // of the owner's wxctl
	// Device is the selector of the run's phones; empty means all.
	Device string `json:"device,omitempty"`
	// Key is the public key of the run: only its owner can read what is
	// encrypted for it.
	Key []byte `json:"key"`
	// Open is set while its jobs are handed out.
	Open bool `json:"open"`
	// Targets are the recipients of jobs, by the word in their subjects.
	Targets map[string]Target `json:"targets"`
	// Work is the part of the workers' input that all its jobs have in common.
	Work json.RawMessage `json:"work,omitempty"`
}

// Target says which phones take the jobs of one subject: one, or those that a
// selector matches.
type Target struct {
	Phone    string `json:"phone,omitempty"`
	Selector string `json:"selector,omitempty"`
}

func targetOf(j lab.Job) (string, Target) {
	if j.Phone != "" {
		return "dev-" + token(j.Phone), Target{Phone: j.Phone}
	}
	t := Target{Selector: j.Selector}
	if j.Selector == "" {
		return "all", t
	}
	return "sel-" + token(j.Selector), t
}

// consumer is the name of the consumer for the jobs of a target.
func consumer(run, target string) string { return token(run) + "-" + target }

// ownerKey is the lease of a run.
func ownerKey(run string) string { return "run." + token(run) }

// Lease says who has a phone, or owns a run.
type Lease struct {
	Phone   string    `json:"phone,omitempty"`
	Holder  string    `json:"holder"`
	Session string    `json:"session"` // unique to this lease
	Run     string    `json:"run,omitempty"`
	Job     string    `json:"job,omitempty"`
	Since   time.Time `json:"since"` // by the holder's clock, for people
}

// drained is a state of claims that only owners see.
const drained lab.State = "drained" // taken back by the owner

// claimed is a claim as it is stored. It is changed only by compare-and-set.
type claimed struct {
	State   lab.State `json:"state"`
	Run     string    `json:"run"`
	Job     lab.Job   `json:"job"`
	Try     int       `json:"try"` // how often it was returned before
	Phone   string    `json:"phone"`
	Agent   string    `json:"agent"`
	Session string    `json:"session"` // of the lease
	// Events is how many reports were written before this state.
	Events    int             `json:"events,omitempty"`
	WasFiring bool            `json:"wasFiring,omitempty"`
	Result    json.RawMessage `json:"result,omitempty"`
}

func (c *claimed) ended() bool {
	switch c.State {
	case lab.Done, lab.Lost, lab.Returned, drained:
		return true
	}
	return false
}

// again reports whether the job may be handed out again after this end.
func (c *claimed) again() bool {
	return c.State == lab.Returned || c.State == drained || c.State == lab.Lost && !c.WasFiring
}

// message is a job as it is queued.
type message struct {
	Run string  `json:"run"`
	Job lab.Job `json:"job"`
	Try int     `json:"try"`
}

// claimKey is the key of a job's claim, and the end of its events' subject.
func claimKey(run, job string, try int) string {
	return token(run) + "." + tryKey(job, try)
}

func tryKey(job string, try int) string { return key(job) + "." + itoa(try) }

// report is an event of a job on its way to the owner.
type report struct {
	N     int             `json:"n"`     // from 1
	After lab.State       `json:"after"` // the state that was written before it
	Event json.RawMessage `json:"event,omitempty"`
	// Late is the result of a claim that had been taken away. It has no number.
	Late json.RawMessage `json:"late,omitempty"`
}

// ask is the question whether a request may be sent.
type ask struct {
	Claim claimed `json:"claim"`
}

type askReply struct {
	Error string `json:"error,omitempty"`
}
