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
	// List returns every phone that the server has, ready or not, with details
	// of the ready ones. If want is not empty and a phone has exactly that ID,
	// the others need no details. If there is no server, it returns an *Error
	// of kind NoServer.
	List(ctx context.Context, want string) ([]Info, error)
	// Watch calls changed with the whole list, now and at each change, until
	// ctx ends or the server disconnects.
	Watch(ctx context.Context, changed func([]Info)) error
	// Open opens a ready phone, with as few round trips as possible.
	Open(ctx context.Context, phone Info) (Phone, error)
}

// Phone is an open phone. It is used by one goroutine at a time.
type Phone interface {
	Info() Info
	// WeChat describes the WeChat of the given user. A phone without WeChat is
	// not an error: Installed is false.
	WeChat(ctx context.Context, user UserChoice) (WeChat, error)
	// Deliver hands one request to WeChat and watches what happens. The Outcome
	// is never nil: after a failure it says how far the request got.
	Deliver(ctx context.Context, job Job) (*Outcome, error)
	Close() error
}

// Fleet is all phones that can be reached.
type Fleet struct {
	Backends []Backend
	LockDir  string // directory of lock files; empty: phones are not locked
	Command  string // the running command, shown to those who find a phone busy
	// WaitUntil is how long Open waits for a phone that another wxctl drives.
	WaitUntil time.Time
}

// Found is what the servers reported.
type Found struct {
	Phones []Info // merged
	// Absent has one error of kind NoServer for each server that doesn't run.
	Absent []*Error
	// Missing has those of them where a platform has several servers: the user
	// must have named them.
	Missing []*Error
}

// Discover asks all servers at once. A server that doesn't run is not an error;
// one that answers incorrectly or too late is, and is returned together with
// what the others reported.
func (f *Fleet) Discover(ctx context.Context, want string) (Found, error) {
	return f.discover(ctx, ctx, want)
}

// discover is Discover with a deadline for asking: the context asking, which is
// within ctx.
func (f *Fleet) discover(ctx, asking context.Context, want string) (Found, error) {
	lists := make([][]Info, len(f.Backends))
	errs := make([]error, len(f.Backends))
	var wg sync.WaitGroup
	ask := func(i int) { lists[i], errs[i] = f.Backends[i].List(asking, want) }
	for i := 1; i < len(f.Backends); i++ {
		wg.Go(func() { ask(i) })
	}
	if len(f.Backends) > 0 {
		ask(0) // here: another goroutine would have to be scheduled first, which takes as long as connecting does
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

// count is how many servers a platform has.
func (f *Fleet) count(p Platform) (n int) {
	for _, b := range f.Backends {
		if b.Platform() == p {
			n++
		}
	}
	return n
}

// isOver reports whether an error only says that a context ended.
func isOver(err error) bool {
	var own *Error
	return !errors.As(err, &own) && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded))
}

// serverOf names the server of a platform's phones, for messages.
func serverOf(p Platform) string {
	if p == IOS {
		return "usbmuxd"
	}
	return "the adb server"
}

// Select finds the phones that sel means. If nothing is found and a server that
// was needed doesn't run, the error says how to start it.
func (f *Fleet) Select(ctx context.Context, sel Selector) (Selection, error) {
	backends := slices.DeleteFunc(slices.Clone(f.Backends), func(b Backend) bool {
		return sel.Platform != "" && b.Platform() != sel.Platform
	})
	found, err := (&Fleet{Backends: backends}).discoverSoon(ctx, sel.Text)
	chosen, selectErr := Select(found.Phones, sel)
	chosen.Missing = found.Missing
	switch {
	case selectErr == nil && (err == nil || !sel.All):
		// A failure of one server doesn't affect phones of another.
		return chosen, nil
	case err != nil:
		return chosen, err
	case len(found.Phones) == 0 && len(found.Absent) > 0 && len(found.Absent) == len(backends):
		return chosen, absent(found.Absent)
	}
	return chosen, selectErr
}

// discoverTime is the longest time that listing phones may take when one is to
// be chosen: more than what a phone that doesn't answer takes.
const discoverTime = 25 * time.Second

// discoverSoon is Discover within half of the available time: a server that
// accepts connections and never answers must leave time for the phones of
// others. Servers still see the deadline of ctx, from which they compute how
// long a single phone may take.
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

// absent is the error for having no server at all.
func absent(errs []*Error) error {
	e := *errs[0]
	for _, other := range errs[1:] {
		e.Message = fmt.Sprintf("%s, and %s", e.Message, other.Message)
	}
	return &e
}

// Open locks the phone and opens it. Closing the phone unlocks it. If ctx has
// ended already, the phone is not touched.
func (f *Fleet) Open(ctx context.Context, info Info) (Phone, error) {
	return f.open(ctx, info, f.LockDir)
}

// OpenBeside opens the phone without locking it, to observe it while others
// drive it.
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

// busyPause is the pause before a busy phone is tried again.
const busyPause = 100 * time.Millisecond

func (f *Fleet) lock(ctx context.Context, dir string, info Info) (*Lock, error) {
	for {
		lock, err := lockPhone(dir, info, f.Command)
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

// lockedPhone is a phone that releases its lock when closed.
type lockedPhone struct {
	Phone
	lock *Lock
}

func (p *lockedPhone) Close() error { return errors.Join(p.Phone.Close(), p.lock.Unlock()) }

// Unwrap returns the phone itself, for the optional interfaces.
func (p *lockedPhone) Unwrap() Phone { return p.Phone }

// As returns a phone's optional interface T (an Inspector, say) if it has it.
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

// Each calls do for every phone, at most jobs at once, and returns the errors
// in the phones' order. When ctx ends, do is still called for the remaining
// phones, so that each gets a result; [Fleet.Open] fails for them. If do
// panics, Each panics once all phones are done.
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
