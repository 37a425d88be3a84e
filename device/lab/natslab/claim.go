package natslab

import (
	"context"
	"encoding/json"
	"errors"
	"sync"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/wxctl/wxctl/device/lab"
)

// claim is a job that a phone of this agent has.
type claim struct {
	lease *phoneLease

	mu     sync.Mutex // held during each step, which makes requests
	value  claimed
	rev    uint64
	firing bool // it may fire
	told   bool // when it is late, its result
}

func (c *claim) Job() lab.Job { return c.value.Job }

// RunOf is the run that a claim of [Source] belongs to.
func RunOf(c lab.Claim) string { return c.(*claim).value.Run }

// held runs a step if the claim is still held.
func (c *claim) held(step func() error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lease.mu.Lock()
	mine := c.lease.claim == c && !c.lease.released
	c.lease.mu.Unlock()
	if !mine {
		return lab.ErrNotHeld
	}
	return step()
}

// drop records that the claim no longer belongs to this phone.
func (c *claim) drop() {
	c.lease.mu.Lock()
	defer c.lease.mu.Unlock()
	if c.lease.claim == c {
		c.lease.claim = nil
	}
}

// set writes the next state.
func (c *claim) set(ctx context.Context, over <-chan struct{}, next claimed) error {
	rev, err := c.lease.source.lab.write(ctx, over, next, c.rev)
	if errors.Is(err, lab.ErrNotHeld) {
		c.drop()
		return lab.ErrNotHeld
	}
	if err != nil {
		return err
	}
	c.value, c.rev = next, rev
	return nil
}

// Firing asks the owner to record that a request will be sent, writes it into
// the claim, and only then allows it.
func (c *claim) Firing(ctx context.Context) error {
	return c.held(func() error {
		switch {
		case !c.lease.lease.held():
			return lab.ErrNotHeld // another agent may drive the phone now
		case c.firing:
			return nil
		}
		if err := c.ask(ctx); err != nil {
			return err
		}
		next := c.value
		next.State = lab.Firing
		if err := c.set(ctx, c.lease.lease.over, next); err != nil {
			return err
		}
		if !c.lease.lease.held() {
			return lab.ErrNotHeld
		}
		c.firing = true
		return nil
	})
}

// OwnerError means that the owner of a run did not allow a request.
type OwnerError struct{ Message string }

func (e *OwnerError) Error() string {
	return "the owner of the run can't record the request: " + e.Message
}

// ask asks the owner until it answers, or the lease ends.
func (c *claim) ask(ctx context.Context) error {
	text, err := json.Marshal(ask{c.value})
	if err != nil {
		return err
	}
	l := c.lease.source.lab
	return l.settle(ctx, c.lease.lease.over, subjects{fireSubject + token(c.value.Run)}, func(ctx context.Context) (bool, error) {
		msg, err := l.nc.RequestWithContext(ctx, fireSubject+token(c.value.Run), text)
		if err != nil {
			if errors.Is(err, nats.ErrNoResponders) && !c.lease.source.owned(c.value.Run) {
				return true, &OwnerError{"it is gone"}
			}
			return false, err
		}
		var reply askReply
		if err := json.Unmarshal(msg.Data, &reply); err != nil {
			return false, err
		}
		switch reply.Error {
		case "":
			return true, nil
		case lab.ErrNotHeld.Error():
			return true, lab.ErrNotHeld
		}
		return true, &OwnerError{reply.Error}
	})
}

// owned reports whether a run has an owner.
func (s *Source) owned(run string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.leases[ownerKey(run)]
	return ok
}

func (c *claim) Report(ctx context.Context, event json.RawMessage) error {
	return c.held(func() error {
		r := report{N: c.value.Events + 1, After: c.value.State, Event: event}
		text, err := json.Marshal(r)
		if err != nil {
			return err
		}
		place := tryKey(c.value.Job.ID, c.value.Try)
		msg := nats.NewMsg(eventSubject + token(c.value.Run) + "." + place)
		msg.Data = text
		msg.Header.Set(jetstream.MsgIDHeader, claimKey(c.value.Run, c.value.Job.ID, c.value.Try)+"."+itoa(r.N))
		l := c.lease.source.lab
		err = l.settle(ctx, c.lease.lease.over, subjects{msg.Subject}, func(ctx context.Context) (bool, error) {
			_, err := l.js.PublishMsg(ctx, msg)
			return err == nil, err
		})
		if err == nil {
			c.value.Events = r.N
		}
		return err
	})
}

func (c *claim) Done(ctx context.Context, result json.RawMessage) error {
	err := c.held(func() error {
		next := c.value
		next.State, next.Result = lab.Done, result
		if err := c.set(ctx, c.lease.lease.over, next); err != nil {
			return err
		}
		c.drop()
		return nil
	})
	if errors.Is(err, lab.ErrNotHeld) || err != nil && !c.lease.lease.held() {
		c.late(result)
		return lab.ErrNotHeld
	}
	return err
}

// late reports to the owner the result of a claim that was taken away, as soon
// as the lab can be reached again. If it had not fired, there is nothing to
// report: the job is done elsewhere.
func (c *claim) late(result json.RawMessage) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.firing || c.told {
		return
	}
	text, err := json.Marshal(report{Late: result})
	if err != nil {
		return
	}
	c.told = true
	s, place := c.lease.source, tryKey(c.value.Job.ID, c.value.Try)
	msg := nats.NewMsg(eventSubject + token(c.value.Run) + "." + place)
	msg.Data = text
	msg.Header.Set(jetstream.MsgIDHeader, claimKey(c.value.Run, c.value.Job.ID, c.value.Try)+".late")
	go func() {
		_ = s.lab.settle(s.ctx, nil, subjects{msg.Subject}, func(ctx context.Context) (bool, error) { // until the agent ends
			_, err := s.lab.js.PublishMsg(ctx, msg)
			return err == nil, err
		})
	}()
}

func (c *claim) Return(ctx context.Context) error {
	return c.held(func() error {
		if c.firing {
			return lab.ErrFiring
		}
		return c.end(ctx)
	})
}

// giveUp ends a claim whose phone is released.
func (c *claim) giveUp(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.value.ended() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, opTimeout)
	defer cancel()
	err := c.end(ctx)
	if errors.Is(err, lab.ErrNotHeld) {
		return nil // it was taken away before
	}
	return err
}

// end ends a claim without a result.
func (c *claim) end(ctx context.Context) error {
	next := c.value
	next.State = lab.Returned
	if c.firing {
		next.State, next.WasFiring = lab.Lost, true
	}
	err := c.set(ctx, nil, next)
	c.drop()
	return err
}

// Ask sends the owner of a run a question that only the owner can read, and
// returns its answer.
func (s *Source) Ask(ctx context.Context, run string, text []byte) ([]byte, error) {
	r, ok := s.Run(run)
	if !ok {
		return nil, &OwnerError{"the run is gone"}
	}
	keys, err := newPair()
	if err != nil {
		return nil, err
	}
	plain, err := json.Marshal(question{Key: keys.public[:], Text: text})
	if err != nil {
		return nil, err
	}
	sealed, err := seal(plain, r.Key)
	if err != nil {
		return nil, err
	}
	msg, err := s.lab.nc.RequestWithContext(ctx, ownerSubject+token(run), sealed)
	switch {
	case errors.Is(err, nats.ErrNoResponders):
		return nil, &OwnerError{"it is gone"}
	case err != nil:
		return nil, err
	case len(msg.Data) == 0:
		return nil, &OwnerError{"it could not answer"}
	}
	return keys.open(msg.Data)
}
