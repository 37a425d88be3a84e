package natslab

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/wxctl/wxctl/device/lab"
)

var errLeaseOver = errors.New("the lease is over")

// lease is a key that is held by renewing it. It expires on the server by age;
// the holder stops earlier, counting from when it last sent a renewal.
type lease struct {
	lab  *Lab
	key  string
	over chan struct{} // closed when it ended without being released
	poke chan struct{} // renew now: the value changed

	mu    sync.Mutex
	value Lease
	rev   uint64
	asked time.Time // when the last successful renewal was sent
	given bool
	done  bool
}

// take takes the lease, or says who has it.
func (l *lease) take(ctx context.Context) error {
	return l.lab.settle(ctx, nil, ofKey(leasesBucket, l.key), func(ctx context.Context) (bool, error) {
		text, err := json.Marshal(l.value)
		if err != nil {
			return true, err
		}
		asked := time.Now()
		rev, err := l.lab.put(ctx, l.lab.leases, l.key, text, 0)
		switch {
		case err == nil:
			l.rev, l.asked = rev, asked
			return true, nil
		case !errors.Is(err, lab.ErrNotHeld):
			return false, err
		}
		entry, err := l.lab.leases.Get(ctx, l.key)
		var other Lease
		switch {
		case errors.Is(err, jetstream.ErrKeyNotFound): // it expired just now
			return false, err
		case err != nil:
			return false, err
		case json.Unmarshal(entry.Value(), &other) != nil:
			return true, errors.New("the lease is of another kind of lab")
		}
		return true, &lab.HeldError{Phone: l.value.Phone, Holder: other.Holder, Since: other.Since}
	})
}

// keep renews the lease until stop, or until it is released or ends.
func (l *lease) keep(stop <-chan struct{}) {
	every := l.lab.leaseTTL / 3
	timer := time.NewTimer(every)
	defer timer.Stop()
	for {
		select {
		case <-stop:
			return
		case <-l.poke:
		case <-timer.C:
		}
		if l.renew() {
			timer.Reset(every)
		} else {
			timer.Reset(every / 10)
		}
		l.mu.Lock()
		ended := l.given || l.done
		l.mu.Unlock()
		if ended {
			return
		}
	}
}

// renew writes the key again.
func (l *lease) renew() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.given || l.done {
		return false
	}
	left := l.lab.leaseTTL*9/10 - time.Since(l.asked)
	if left <= 0 {
		l.end()
		return false
	}
	text, err := json.Marshal(l.value)
	if err != nil {
		return false
	}
	asked := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), min(left, opTimeout, l.lab.leaseTTL/3))
	defer cancel()
	rev, err := l.lab.put(ctx, l.lab.leases, l.key, text, l.rev)
	switch {
	case err == nil:
		l.rev, l.asked = rev, asked
		return true
	case errors.Is(err, lab.ErrNotHeld):
		l.end() // another holder has it, or it expired
	}
	return false
}

// end records that the lease has ended. l.mu is held.
func (l *lease) end() {
	if !l.done {
		l.done = true
		close(l.over)
	}
}

// held reports whether the lease is certainly held.
func (l *lease) held() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.done && !l.given && time.Since(l.asked) > l.lab.leaseTTL*9/10 {
		l.end()
	}
	return !l.done && !l.given
}

// tell changes what others see of the lease.
func (l *lease) tell(run, job string) {
	l.mu.Lock()
	changed := l.value.Run != run || l.value.Job != job
	l.value.Run, l.value.Job = run, job
	l.mu.Unlock()
	if !changed {
		return
	}
	select {
	case l.poke <- struct{}{}:
	default:
	}
}

// give releases the lease. If the server can't be reached, it expires by itself.
func (l *lease) give(ctx context.Context) error {
	l.mu.Lock()
	if l.given || l.done {
		l.given = true
		l.mu.Unlock()
		return nil
	}
	l.given = true
	rev := l.rev
	l.mu.Unlock()
	select {
	case l.poke <- struct{}{}: // keep ends
	default:
	}
	ctx, cancel := context.WithTimeout(ctx, opTimeout)
	defer cancel()
	err := l.lab.leases.Delete(ctx, l.key, jetstream.LastRevision(rev))
	if refused(err) {
		return nil
	}
	return err
}
