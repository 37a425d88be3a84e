package suite

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"time"
)

// SchemaVersion is the version of the events. Fields and types of events may be
// added within a version; readers skip those that they don't know.
const SchemaVersion = 1

// EventType says what happened.
type EventType string

// The events of a run. [AttemptFiring] and [AttemptFinished] are on disk
// before the run goes on.
const (
	RunStarted      EventType = "run.started"
	AttemptStarted  EventType = "attempt.started"
	AttemptFiring   EventType = "attempt.firing"
	EvidenceSeen    EventType = "evidence"
	ArtifactKept    EventType = "artifact"
	AttemptFinished EventType = "attempt.finished"
	// AttemptLate is the late result of an attempt that was given up as
	// unknown; its status stays unknown.
	AttemptLate EventType = "attempt.late"
	PhoneLost   EventType = "phone.lost"
	// PhoneQuarantined says that a phone takes no more jobs of its lab.
	PhoneQuarantined EventType = "phone.quarantined"
	RunFinished      EventType = "run.finished"
)

// Event is one line of events.ndjson: a flat object with the fields of every
// event, the place of an attempt's events, and the fields of its type. A
// resumed run has a second [RunStarted].
type Event struct {
	Type EventType
	At   time.Time
	Run  string

	Place    *Place    // every event of an attempt
	Start    *Start    // run.started
	Began    *Began    // attempt.started
	Evidence *Evidence // evidence
	Artifact *Artifact // artifact
	End      *End      // attempt.finished, attempt.late
	Lost     *Lost     // phone.lost, phone.quarantined
	Summary  *Summary  // run.finished
}

// head is what every event has.
type head struct {
	SchemaVersion int       `json:"schemaVersion"`
	Type          EventType `json:"type"`
	At            time.Time `json:"at"`
	Run           string    `json:"run"`
}

// MarshalJSON writes the event as one flat object.
func (e Event) MarshalJSON() ([]byte, error) {
	parts := []any{head{SchemaVersion, e.Type, e.At, e.Run}}
	for _, part := range []any{e.Place, e.Start, e.Began, e.Evidence, e.Artifact, e.End, e.Lost, e.Summary} {
		if !reflect.ValueOf(part).IsNil() {
			parts = append(parts, part)
		}
	}
	var b bytes.Buffer
	for _, part := range parts {
		text, err := marshal(part)
		if err != nil {
			return nil, err
		}
		fields := bytes.TrimSuffix(bytes.TrimPrefix(text, []byte("{")), []byte("}"))
		if len(fields) == 0 {
			continue
		}
		b.WriteByte(sep(b.Len()))
		b.Write(fields)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// sep is what precedes the fields of a part: the object's beginning, or a
// comma.
func sep(written int) byte {
	if written == 0 {
		return '{'
	}
	return ','
}

// UnmarshalJSON reads what MarshalJSON writes.
func (e *Event) UnmarshalJSON(line []byte) error {
	var h head
	if err := json.Unmarshal(line, &h); err != nil {
		return err
	}
	if h.SchemaVersion > SchemaVersion {
		return fmt.Errorf("schemaVersion %d: a newer wxctl wrote it", h.SchemaVersion)
	}
	*e = Event{Type: h.Type, At: h.At, Run: h.Run}
	var parts []any
	switch h.Type {
	case RunStarted:
		e.Start = &Start{}
		parts = []any{e.Start}
	case AttemptStarted:
		e.Place, e.Began = &Place{}, &Began{}
		parts = []any{e.Place, e.Began}
	case AttemptFiring:
		e.Place = &Place{}
		parts = []any{e.Place}
	case EvidenceSeen:
		e.Place, e.Evidence = &Place{}, &Evidence{}
		parts = []any{e.Place, e.Evidence}
	case ArtifactKept:
		e.Place, e.Artifact = &Place{}, &Artifact{}
		parts = []any{e.Place, e.Artifact}
	case AttemptFinished, AttemptLate:
		e.Place, e.End = &Place{}, &End{}
		parts = []any{e.Place, e.End}
	case PhoneLost, PhoneQuarantined:
		e.Lost = &Lost{}
		parts = []any{e.Lost}
	case RunFinished:
		e.Summary = &Summary{}
		parts = []any{e.Summary}
	}
	for _, part := range parts {
		if err := json.Unmarshal(line, part); err != nil {
			return err
		}
	}
	return nil
}

// marshal returns JSON on one line, without HTML escapes.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimRight(b.Bytes(), "\n"), err
}

// Start is what a run begins with.
type Start struct {
	Suite      string `json:"suite"`
	Dir        string `json:"dir"` // the run folder, absolute
	PlanDigest string `json:"planDigest"`
	Resumed    bool   `json:"resumed,omitempty"`
	RerunOf    string `json:"rerunOf,omitempty"` // the run whose failed cases these are
	Shard      string `json:"shard,omitempty"`   // "2/5"
	// Device is the selector of the run's phones; Devices lists all selectors
	// if there are several.
	Device  string   `json:"device,omitempty"`
	Devices []string `json:"devices,omitempty"`
	Version string   `json:"version"` // of wxctl
	Phones  []Phone  `json:"phones"`
	Jobs    []Job    `json:"jobs"`
	Plan    *Plan    `json:"plan"`
}

// Phone is a phone of a run.
type Phone struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Model     string `json:"model,omitempty"`
	Platform  string `json:"platform"`
	OSVersion string `json:"osVersion"`
	Agent     string `json:"agent,omitempty"` // the host that drives it, in a lab
}

// Place says which attempt an event belongs to: the case (its name with the
// values of its matrix filled in), the phone (empty if there was none), and the
// number of the attempt, from 1.
type Place struct {
	Case    string `json:"case"`
	Phone   string `json:"phone"`
	Attempt int    `json:"attempt"`
}

// Began starts an attempt: the command lines of its steps, ready to be pasted
// into a shell, secrets hidden.
type Began struct {
	Commands []string `json:"commands"`
}

// Evidence is one observation during a step.
type Evidence struct {
	Step   int    `json:"step,omitempty"` // number of the step, from 1; omitted if the case has only one
	AtMs   int64  `json:"atMs"`           // since the step began to deliver
	What   string `json:"what"`
	Source string `json:"source"`
	Screen string `json:"screen,omitempty"`
}

// Artifact is a file of an attempt, by its path in the run folder.
type Artifact struct {
	Step   int    `json:"step,omitempty"`
	Kind   string `json:"kind"` // screenshot, record, log, outcome
	Path   string `json:"path"` // with slashes, relative to the run folder
	MIME   string `json:"mime"`
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
}

// Status is the result of an attempt, a case or a run.
type Status string

// The statuses. [Failed]: something was not as expected. [Errored]: the phone,
// a server or the lab prevented the case from running. [Unknown]: a request was
// fired, and its outcome is not known. [Stopped]: the run ended before the case
// did.
const (
	Passed  Status = "passed"
	Failed  Status = "failed"
	Errored Status = "errored"
	Skipped Status = "skipped"
	Stopped Status = "stopped"
	Unknown Status = "unknown"
)

// Statuses lists all statuses, the worst first.
func Statuses() []Status { return []Status{Failed, Errored, Unknown, Stopped, Skipped, Passed} }

// End ends an attempt.
type End struct {
	Status     Status    `json:"status"`
	Reason     string    `json:"reason,omitempty"` // why it is skipped, stopped, errored or unknown
	ExitCode   int       `json:"exitCode"`         // of the step that ended the case
	DurationMs int64     `json:"durationMs"`
	Sent       bool      `json:"sent"` // a request left for the phone: people may have seen it
	Problems   []Problem `json:"problems,omitempty"`
	// Outcome is the JSON object of the last step that ran, secrets hidden;
	// null if it printed none.
	Outcome raw       `json:"outcome"`
	Steps   []StepEnd `json:"steps,omitempty"`
}

// StepEnd is the result of one step of an attempt.
type StepEnd struct {
	Do         string `json:"do"`
	ExitCode   int    `json:"exitCode"`
	DurationMs int64  `json:"durationMs"`
	Status     Status `json:"status"`
	Message    string `json:"message,omitempty"` // the sentence it failed with
	Outcome    raw    `json:"outcome,omitempty"`
}

// Lost reports that a phone disappeared during a run.
type Lost struct {
	Phone   string `json:"phone"`
	Message string `json:"message"`
}

// Summary ends a run.
type Summary struct {
	Counts     Counts `json:"counts"`
	DurationMs int64  `json:"durationMs"`
	ExitCode   int    `json:"exitCode"`
}

// Counts counts results by status; flaky ones are also among the passed.
type Counts struct {
	Passed  int `json:"passed"`
	Failed  int `json:"failed"`
	Errored int `json:"errored"`
	Skipped int `json:"skipped"`
	Stopped int `json:"stopped"`
	Unknown int `json:"unknown"`
	Flaky   int `json:"flaky"`
}

// Of returns how many results have the status.
func (c *Counts) Of(s Status) int {
	if n := c.of(s); n != nil {
		return *n
	}
	return 0
}

func (c *Counts) of(s Status) *int {
	switch s {
	case Passed:
		return &c.Passed
	case Failed:
		return &c.Failed
	case Errored:
		return &c.Errored
	case Skipped:
		return &c.Skipped
	case Stopped:
		return &c.Stopped
	case Unknown:
		return &c.Unknown
	}
	return nil
}

// Add counts one result.
func (c *Counts) Add(s Status, flaky bool) {
	if n := c.of(s); n != nil {
		*n++
	}
	if flaky {
		c.Flaky++
	}
}

// Total is how many results there are.
func (c *Counts) Total() int {
	return c.Passed + c.Failed + c.Errored + c.Skipped + c.Stopped + c.Unknown
}
