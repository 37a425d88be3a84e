package natslab

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// MarkKind says why a phone, or an agent, accepts no jobs.
type MarkKind string

// The kinds of marks.
const (
	Held        MarkKind = "held"        // somebody uses the phone for something else, for a time
	Quarantined MarkKind = "quarantined" // something is wrong with the phone
	Drained     MarkKind = "drained"     // the agent finishes its jobs and accepts no new ones
)

// Mark keeps a phone, or an agent with all its phones, from accepting jobs.
// Current jobs are finished.
type Mark struct {
	Kind   MarkKind   `json:"kind"`
	By     string     `json:"by"`
	Reason string     `json:"reason,omitempty"`
	Since  time.Time  `json:"since"`
	Until  *time.Time `json:"until,omitempty"` // for people; the server ends it
}

func agentMark(agent string) string { return "agent." + token(agent) }

// MarkPhone marks a phone, for the time ttl if that is not 0.
func (l *Lab) MarkPhone(ctx context.Context, phone string, m Mark, ttl time.Duration) error {
	return l.mark(ctx, token(phone), m, ttl)
}

// MarkAgent marks an agent.
func (l *Lab) MarkAgent(ctx context.Context, agent string, m Mark) error {
	return l.mark(ctx, agentMark(agent), m, 0)
}

func (l *Lab) mark(ctx context.Context, key string, m Mark, ttl time.Duration) error {
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return l.settle(ctx, nil, ofKey(marksBucket, key), func(ctx context.Context) (bool, error) {
		// A key's TTL only takes effect when the key is created.
		if err := l.marks.Purge(ctx, key); err != nil {
			return false, err
		}
		var opts []jetstream.KVCreateOpt
		if ttl > 0 {
			opts = append(opts, jetstream.KeyTTL(ttl))
		}
		_, err := l.marks.Create(ctx, key, text, opts...)
		return err == nil, err
	})
}

// UnmarkPhone removes a phone's mark, and reports whether it had one.
func (l *Lab) UnmarkPhone(ctx context.Context, phone string) (bool, error) {
	return l.unmark(ctx, token(phone))
}

// UnmarkAgent removes an agent's mark, and reports whether it had one.
func (l *Lab) UnmarkAgent(ctx context.Context, agent string) (bool, error) {
	return l.unmark(ctx, agentMark(agent))
}

func (l *Lab) unmark(ctx context.Context, key string) (had bool, err error) {
	err = l.settle(ctx, nil, ofKey(marksBucket, key), func(ctx context.Context) (bool, error) {
		_, err := l.marks.Get(ctx, key)
		if errors.Is(err, jetstream.ErrKeyNotFound) {
			return true, nil
		}
		if err == nil {
			had, err = true, l.marks.Purge(ctx, key)
		}
		return err == nil, err
	})
	return had, err
}
