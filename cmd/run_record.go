package cmd

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/lab"
	"github.com/wxctl/wxctl/intents/suite"
)

// record records an update of a job.
func (r *suiteRun) record(u lab.Update) error {
	var w work
	if err := json.Unmarshal(u.Job.Work, &w); err != nil {
		return err
	}
	at := suite.Place{Case: w.Case, Phone: u.Phone, Attempt: w.Attempt}
	e := suite.Event{Place: &at}
	switch u.State {
	case lab.Claimed:
		e.Type, e.Began = suite.AttemptStarted, &suite.Began{Commands: r.lines(r.plan.Find(w.Case), r.byID(u.Phone))}
	case lab.Firing:
		e.Type = suite.AttemptFiring
	case lab.Reported:
		var told suite.Event
		if err := json.Unmarshal(u.Data, &told); err != nil {
			return err
		}
		e.Type, e.Evidence, e.Artifact = told.Type, told.Evidence, told.Artifact
		if told.Type == suite.PhoneQuarantined {
			e.Place, e.Lost = nil, told.Lost
		}
	case lab.Late:
		e.Type, e.End = suite.AttemptLate, &suite.End{}
		if err := json.Unmarshal(u.Data, e.End); err != nil {
			return err
		}
	case lab.Done, lab.Lost:
		return r.recordEnd(u, e)
	default: // returned: another phone starts the same attempt, if any
		if why := r.over(); why != "" {
			return r.end(u, e, suite.End{Status: suite.Stopped, Reason: why, Outcome: json.RawMessage("null")})
		}
		return nil
	}
	if err := r.writer.Write(e); err != nil || e.Artifact == nil || r.inLab == nil {
		return err
	}
	r.inLab.fetch(r, *e.Artifact)
	return nil
}

// lateBefore records the late results that came when the run had no owner.
// Those of attempts that have not ended yet come through the queue.
func (r *suiteRun) lateBefore(ctx context.Context) error {
	late, err := r.inLab.lab.Late(ctx, r.id)
	recorded := map[*suite.Attempt]bool{}
	for _, u := range late {
		var w work
		if json.Unmarshal(u.Job.Work, &w) != nil {
			continue
		}
		if a := r.attemptBefore(w, u.Phone); a != nil && !a.Finished.IsZero() && a.Late == nil && !recorded[a] {
			recorded[a] = true
			err = errors.Join(err, r.record(u))
		}
	}
	return err
}

// attemptBefore is an attempt of the run that is resumed; nil if it has no such.
func (r *suiteRun) attemptBefore(w work, phone string) *suite.Attempt {
	for _, result := range r.before.Results {
		for _, a := range result.Attempts {
			if result.Case.Name == w.Case && a.Number == w.Attempt && a.Phone.ID == phone {
				return a
			}
		}
	}
	return nil
}

func (r *suiteRun) recordEnd(u lab.Update, e suite.Event) error {
	end := suite.End{Status: suite.Unknown, Reason: "the connection to the phone was lost after a request was sent", Sent: true,
		Outcome: json.RawMessage("null")}
	if u.State == lab.Done {
		end = suite.End{}
		if err := json.Unmarshal(u.Data, &end); err != nil {
			return err
		}
	}
	return r.end(u, e, end)
}

// end records how an attempt ended, and notifies the owner.
func (r *suiteRun) end(u lab.Update, e suite.Event, end suite.End) error {
	e.Type, e.End = suite.AttemptFinished, &end
	if err := r.writer.Write(e); err != nil {
		return err
	}
	r.done <- finished{u.Job, u.Phone, end}
	return nil
}

func (r *suiteRun) byID(id string) *runPhone {
	for _, p := range r.phones {
		if p.key() == id {
			return p
		}
	}
	return &runPhone{info: device.Info{ID: id}}
}
