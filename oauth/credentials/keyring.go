package credentials

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	gokeyring "github.com/zalando/go-keyring"

	"github.com/wxctl/wxctl/oauth"
)

// service is the service name of all our items in the keyring.
const service = "wxctl"

// SystemKeyring is the operating system's keyring. Get and Delete return
// ErrNotFound for an item that is not there.
type SystemKeyring interface {
	Get(item string) (string, error)
	Set(item, value string) error
	Delete(item string) error
	// Probe returns an error early, and within the context, if there is no
	// keyring.
	Probe(ctx context.Context) error
	// Interrupt ends calls that hang, if the system has a way to do that.
	Interrupt()
}

// systemKeyring is go-keyring, whose calls have no deadline of their own.
type systemKeyring struct{ bus }

func newSystemKeyring() SystemKeyring { return systemKeyring{} }

func (systemKeyring) Get(item string) (string, error) {
	value, err := gokeyring.Get(service, item)
	return value, notFound(err)
}

func (systemKeyring) Set(item, value string) error { return gokeyring.Set(service, item, value) }

func (systemKeyring) Delete(item string) error { return notFound(gokeyring.Delete(service, item)) }

func notFound(err error) error {
	if errors.Is(err, gokeyring.ErrNotFound) {
		return ErrNotFound
	}
	return err
}

var errSlow = errors.New("it does not answer")

// boundedKeyring isolates failures of a keyring: no call takes longer than
// patience, none panics, and after one did not answer, no further one is made.
type boundedKeyring struct {
	system   SystemKeyring
	patience time.Duration

	mu     sync.Mutex
	probed bool
	down   *KeyringError // why no further call is made
}

func (k *boundedKeyring) get(ctx context.Context, item string) (value string, err error) {
	// Not the result itself: after a timeout the call may still write to got.
	var got string
	if err := k.call(ctx, func() (err error) { got, err = k.system.Get(item); return err }); err != nil {
		return "", err
	}
	return got, nil
}

func (k *boundedKeyring) set(ctx context.Context, item, value string) error {
	return k.call(ctx, func() error { return k.system.Set(item, value) })
}

func (k *boundedKeyring) delete(ctx context.Context, item string) error {
	return k.call(ctx, func() error { return k.system.Delete(item) })
}

// call runs do, and before the first call the probe. Its error is ErrNotFound,
// the context's, or a *KeyringError.
func (k *boundedKeyring) call(ctx context.Context, do func() error) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.down != nil {
		return k.down
	}
	grace := k.patience / 10 // for an interrupted call to end
	limited, cancel := context.WithTimeout(ctx, k.patience-grace)
	defer cancel()
	var calling atomic.Bool
	done := make(chan error, 1)
	go func() {
		// go-keyring panics on a closed connection or an unexpected answer
		// while it waits for a prompt.
		defer func() {
			if p := recover(); p != nil {
				done <- errors.New("it sent an invalid answer")
			}
		}()
		if !k.probed {
			if err := k.system.Probe(limited); err != nil {
				done <- err
				return
			}
		}
		calling.Store(true)
		done <- do()
	}()
	var err error
	select {
	case err = <-done:
	case <-limited.Done():
		if calling.Load() { // the probe ends with the context
			k.system.Interrupt()
		}
		select {
		case <-done:
		case <-time.After(grace):
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		k.down = &KeyringError{errSlow.Error()}
		return k.down
	}
	switch {
	case err == nil, errors.Is(err, ErrNotFound):
		k.probed = true
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, context.DeadlineExceeded):
		err = errSlow
	case errors.Is(err, gokeyring.ErrSetDataTooBig): // affects only this item
		return &KeyringError{"it does not accept values this long"}
	case errors.Is(err, gokeyring.ErrUnsupportedPlatform):
		err = errors.New("this system has no keyring")
	}
	k.down = &KeyringError{oauth.Printable(err.Error())}
	return k.down
}
