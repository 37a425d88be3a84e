package device

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Backend finds and opens phones of one platform at one server.
type Backend interface {
	Platform() Platform
	// List returns every phone the server knows, ready or not, with what can
	// be asked of the ready ones. If want is not empty and a phone has exactly
	// that ID, the others need no details. No server to ask is an *Error of
	// kind NoServer.
	List(ctx context.Context, want string) ([]Info, error)
	// Watch calls changed with the whole list, now and at each change, until
	// ctx ends or the server goes away.
	Watch(ctx context.Context, changed func([]Info)) error
	// Open makes a ready phone usable. It talks to it as little as it can.
	Open(ctx context.Context, phone Info) (Phone, error)
}

// Phone is an open phone. It is used by one goroutine at a time.
type Phone interface {
	Info() Info
	// WeChat says which WeChat the phone has, for the given user. A phone
	// without one is no error: Installed is false.
	WeChat(ctx context.Context, user UserChoice) (WeChat, error)
	// Deliver hands one request to WeChat and watches what comes of it. The
	// Outcome is never nil: when it fails half way it says how far it came.
	Deliver(ctx context.Context, job Job) (*Outcome, error)
	Close() error
}

// Fleet is all phones that can be reached.
type Fleet struct {
	Backends []Backend
	LockDir  string // where phones are locked; empty: they are not
	Command  string // what is done with them, for whoever finds one busy
	// WaitUntil is how long Open waits for a phone that another wxctl drives.
	WaitUntil time.Time
}

// Found is what the servers said.
type Found struct {
	Phones []Info // merged
	// Absent has one error of kind NoServer for each server that isn't there.
	Absent []*Error
	// Missing are those of them that are one of several servers for a platform,
	// which somebody must have named.
	Missing []*Error
}

// Discover asks all servers at once. That one isn't there is no error; that
// one answers nonsense, or not in time, is, and what the others said is
// returned with it.
func (f *Fleet) Discover(ctx context.Context, want string) (Found, error) {
	return f.discover(ctx, ctx, want)
}

// discover is Discover in the time of asking, a context within ctx.
func (f *Fleet) discover(ctx, asking context.Context, want string) (Found, error) {
	lists := make([][]Info, len(f.Backends))
	errs := make([]error, len(f.Backends))
	var wg sync.WaitGroup
	for i, b := range f.Backends {
		wg.Go(func() { lists[i], errs[i] = b.List(asking, want) })
	}
	wg.Wait()
	for i, list := range lists {
		for j := range list {
			list[j].from = f.Backends[i]
		}
	}
	found := Found{Phones: Merge(slices.Concat(lists...))}
	var failures []error
	var late []string
	for i, err := range errs {
		e := AsError(err)
		switch {
		case e == nil:
		case e.Code == NoServer:
			found.Absent = append(found.Absent, e)
			if f.count(f.Backends[i].Platform()) > 1 {
				found.Missing = append(found.Missing, e)
			}
		case isOver(err) && !errors.Is(ctx.Err(), context.Canceled):
			if server := serverOf(f.Backends[i].Platform()); !slices.Contains(late, server) {
				late = append(late, server)
			}
		default:
			failures = append(failures, err)
		}
	}
	if len(late) > 0 {
		failures = append(failures, fmt.Errorf("%s: %w", strings.Join(late, " and "), context.DeadlineExceeded))
	}
	if len(failures) == 1 {
		return found, failures[0]
	}
	return found, errors.Join(failures...)
}

// count is how many servers there are for a platform.
func (f *Fleet) count(p Platform) (n int) {
	for _, b := range f.Backends {
		if b.Platform() == p {
			n++
		}
	}
	return n
}

// isOver reports whether an error says no more than that a context is over.
func isOver(err error) bool {
	var own *Error
	return !errors.As(err, &own) && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded))
}

// serverOf names the server of a platform's phones.
func serverOf(p Platform) string {
	if p == IOS {
		return "usbmuxd"
	}
	return "the adb server"
}

// Select finds the phones that sel means. If nothing is found and a server
// that should have been asked isn't there, the error says how to start it.
func (f *Fleet) Select(ctx context.Context, sel Selector) (Selection, error) {
	backends := slices.DeleteFunc(slices.Clone(f.Backends), func(b Backend) bool {
		return sel.Platform != "" && b.Platform() != sel.Platform
	})
	found, err := (&Fleet{Backends: backends}).discoverSoon(ctx, sel.Text)
	chosen, selectErr := Select(found.Phones, sel)
	chosen.Missing = found.Missing
	switch {
	case selectErr == nil && (err == nil || !sel.All):
		// One server's failure doesn't take away a phone that another has.
		return chosen, nil
	case err != nil:
		return chosen, err
	case len(found.Phones) == 0 && len(found.Absent) > 0 && len(found.Absent) == len(backends):
		return chosen, absent(found.Absent)
	}
	return chosen, selectErr
}

// discoverTime is the most that servers may take to list their phones when one
// is to be chosen: more than a phone that hangs takes up.
const discoverTime = 25 * time.Second

// discoverSoon is Discover in half of the time that there is: a server that
// takes connections and says nothing must leave some for the phones of others.
// The deadline that servers see is that of ctx, from which they reckon how long
// a single phone may take.
func (f *Fleet) discoverSoon(ctx context.Context, want string) (Found, error) {
	if len(f.Backends) < 2 {
		return f.Discover(ctx, want)
	}
	patience := discoverTime
	if deadline, ok := ctx.Deadline(); ok {
		patience = min(patience, time.Until(deadline)/2)
	}
	asking, cancel := context.WithCancel(ctx)
	defer cancel()
	defer time.AfterFunc(patience, cancel).Stop()
	return f.discover(ctx, asking, want)
}

// absent is the error that no server at all is there.
func absent(errs []*Error) error {
	e := *errs[0]
	for _, other := range errs[1:] {
		e.Message += ", and " + other.Message
	}
	return &e
}

// Open locks the phone and opens it. Closing the phone unlocks it. When ctx is
// over already, the phone is left alone.
func (f *Fleet) Open(ctx context.Context, info Info) (Phone, error) {
	return f.open(ctx, info, f.LockDir)
}

// OpenBeside opens the phone without locking it, for what only looks on while
// others drive it.
func (f *Fleet) OpenBeside(ctx context.Context, info Info) (Phone, error) {
	return f.open(ctx, info, "")
}

func (f *Fleet) open(ctx context.Context, info Info, lockDir string) (Phone, error) {
	switch err := ctx.Err(); {
	case errors.Is(err, context.DeadlineExceeded):
		e := Errorf(NotSeen, "timed out before reaching phone %s", info.Label()).
			WithHint("increase --timeout or --jobs")
		e.Err = err
		return nil, e
	case err != nil:
		return nil, err
	}
	from := info.from
	if i := slices.IndexFunc(f.Backends, func(b Backend) bool { return b.Platform() == info.Platform }); from == nil && i >= 0 {
		from = f.Backends[i]
	}
	if from == nil {
		return nil, Errorf(Failed, "%s phones are not supported here", info.Platform)
	}
	if lockDir == "" || info.Transport == Virtual {
		return from.Open(ctx, info)
	}
	lock, err := f.lock(ctx, lockDir, info)
	if err != nil {
		return nil, err
	}
	phone, err := from.Open(ctx, info)
	if err != nil {
		return nil, errors.Join(err, lock.Unlock())
	}
	return &lockedPhone{Phone: phone, lock: lock}, nil
}

// busyPause is how long a phone that is busy is left alone before it is tried
// again.
const busyPause = 100 * time.Millisecond

func (f *Fleet) lock(ctx context.Context, dir string, info Info) (*Lock, error) {
	for {
		lock, err := LockPhone(dir, info, f.Command)
		if e := AsError(err); e == nil || e.Code != PhoneBusy || !time.Now().Before(f.WaitUntil) {
			return lock, err
		}
		select {
		case <-time.After(busyPause):
		case <-ctx.Done():
			return nil, errors.Join(err, ctx.Err())
		}
	}
}

// lockedPhone is a phone that gives its lock back when closed.
type lockedPhone struct {
	Phone
	lock *Lock
}

func (p *lockedPhone) Close() error { return errors.Join(p.Phone.Close(), p.lock.Unlock()) }

// Unwrap returns the phone itself, for the optional interfaces.
func (p *lockedPhone) Unwrap() Phone { return p.Phone }

// As returns the optional interface T of a phone (an Inspector, say) if it has
// it.
func As[T any](p Phone) (T, bool) {
	for {
		if t, ok := p.(T); ok {
			return t, true
		}
		u, ok := p.(interface{ Unwrap() Phone })
		if !ok {
			var none T
			return none, false
		}
		p = u.Unwrap()
	}
}

// Each runs do for every phone, at most jobs at once, and returns their errors
// in the phones' order. When ctx ends, do is still called for the phones whose
// turn had not come, so that each gets its answer; [Fleet.Open] refuses them. A
// panic of do comes out of Each, once all phones are done.
func Each(ctx context.Context, phones []Info, jobs int, do func(context.Context, Info) error) []error {
	errs := make([]error, len(phones))
	slots := make(chan struct{}, max(jobs, 1))
	var wg sync.WaitGroup
	panics := make(chan any, len(phones))
	for i, phone := range phones {
		wg.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					panics <- p
				}
			}()
			select {
			case slots <- struct{}{}:
				defer func() { <-slots }()
			case <-ctx.Done():
			}
			errs[i] = do(ctx, phone)
		})
	}
	wg.Wait()
	select {
	case p := <-panics:
		panic(p)
	default:
		return errs
	}
}
