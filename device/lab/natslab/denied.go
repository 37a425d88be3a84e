package natslab

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"
)

// DeniedError says what a key is not permitted to do. The server does not
// answer a request that is not permitted, and reports it to the connection
// only; without this error, users would see a timeout.
type DeniedError struct {
	// Operation is "publish" or "subscription".
	Operation, Subject string
}

func (e *DeniedError) Error() string {
	return fmt.Sprintf("this key may not %s", e.does())
}

// does says what the subject is used for.
func (e *DeniedError) does() string {
	for _, known := range []struct{ part, does string }{
		{"STREAM.CREATE", "set up a lab"}, {"STREAM.DELETE", "delete parts of the lab"}, {"STREAM.PURGE", "take back jobs"},
		{"CONSUMER.CREATE." + jobsStream, "run suites"}, {"$KV." + runsBucket, "run suites"}, {jobSubject, "run suites"},
		{"$KV." + claimsBucket, "take jobs"}, {"$KV." + leasesBucket, "lease phones"}, {"$KV." + devicesBucket, "lend phones"},
		{"$KV." + marksBucket, "hold, drain, quarantine or release phones"}, {"MSG.NEXT", "take jobs"},
		{"$O." + blobsBucket, "keep files in the lab"}, {eventSubject, "report of jobs"},
	} {
		if strings.Contains(e.Subject, known.part) {
			return known.does
		}
	}
	return fmt.Sprintf("do that (%s to %q)", e.Operation, e.Subject)
}

// denials collects the server's reports, which arrive separately from the
// requests that they are about.
type denials struct {
	mu   sync.Mutex
	wait map[chan struct{}]context.CancelCauseFunc
}

// watchDenials handles the connection's errors.
func watchDenials(nc *nats.Conn) *denials {
	d := &denials{wait: map[chan struct{}]context.CancelCauseFunc{}}
	nc.SetErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
		if e := parseDenied(err); e != nil {
			d.tell(e)
		}
	})
	return d
}

// parseDenied reads `Permissions Violation for Publish to "subject"`.
func parseDenied(err error) *DeniedError {
	if !errors.Is(err, nats.ErrPermissionViolation) {
		return nil
	}
	parts := strings.Split(err.Error(), `"`)
	e := &DeniedError{Operation: "publish"}
	if strings.Contains(strings.ToLower(parts[0]), "subscription") {
		e.Operation = "subscription"
	}
	if len(parts) > 1 {
		e.Subject = parts[1]
	}
	return e
}

func (d *denials) tell(e *DeniedError) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, cancel := range d.wait {
		cancel(e)
	}
}

// guard returns a context that ends when the server denies something.
func (d *denials) guard(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	me := make(chan struct{})
	d.mu.Lock()
	d.wait[me] = cancel
	d.mu.Unlock()
	return ctx, func() {
		d.mu.Lock()
		delete(d.wait, me)
		d.mu.Unlock()
		cancel(nil)
	}
}

// deniedBy returns the denial that ended a guarded context, else err.
func deniedBy(guarded context.Context, err error) error {
	var denied *DeniedError
	if err != nil && errors.As(context.Cause(guarded), &denied) {
		return denied
	}
	return err
}
