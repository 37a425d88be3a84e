package natslab

import (
	"context"
	"errors"
	"fmt"
	"slices"
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

// Error says what the denied subject is used for.
func (e *DeniedError) Error() string {
	for _, known := range []struct{ part, sentence string }{
		{"STREAM.CREATE", "this key may not set up a lab"},
		{"STREAM.DELETE", "this key may not delete parts of the lab"},
		{"STREAM.PURGE", "this key may not take back jobs"},
		{"CONSUMER.CREATE." + jobsStream, "this key may not run suites"},
		{"CONSUMER.CREATE." + eventsStream, "this key may not run suites"},
		{"$KV." + runsBucket, "this key may not run suites"},
		{jobSubject, "this key may not run suites"},
		{"$KV." + claimsBucket, "this key may not take jobs"},
		{"$KV." + leasesBucket, "this key may not lease phones"},
		{"$KV." + devicesBucket, "this key may not lend phones"},
		{"$KV." + marksBucket, "this key may not hold, drain, quarantine or release phones"},
		{"MSG.NEXT", "this key may not take jobs"},
		{"$O." + blobsBucket, "this key may not keep files in the lab"},
		{eventSubject, "this key may not report the events of jobs"},
	} {
		if strings.Contains(e.Subject, known.part) {
			return known.sentence
		}
	}
	return fmt.Sprintf("this key may not do that (%s to %q)", e.Operation, e.Subject)
}

// denials collects the server's reports, which arrive separately from the
// requests that they are about. A report belongs to the operation that uses the
// subject it names; one that arrives after its operation ended is ignored.
type denials struct {
	mu   sync.Mutex
	open map[*guarded]bool
}

// guarded is an operation that the server may deny.
type guarded struct {
	subjects subjects
	cancel   context.CancelCauseFunc
}

// subjects are those of an operation; one that ends with a dot stands for all that begin with it.
type subjects []string

func (s subjects) have(subject string) bool {
	return slices.ContainsFunc(s, func(own string) bool {
		return own == subject || strings.HasSuffix(own, ".") && strings.HasPrefix(subject, own)
	})
}

// ofKey are the subjects of changing and reading a key of a bucket.
func ofKey(bucket, key string) subjects {
	return subjects{"$KV." + bucket + "." + key, "$JS.API.DIRECT.GET.KV_" + bucket + ".", "$JS.API.STREAM.MSG.GET.KV_" + bucket}
}

// ofWatching are the subjects of reading all of these buckets.
func ofWatching(buckets ...string) subjects {
	var all subjects
	for _, b := range buckets {
		all = append(all, "$JS.API.CONSUMER.CREATE.KV_"+b+".", "$JS.API.STREAM.INFO.KV_"+b)
	}
	return all
}

// ofFiles are the subjects of keeping and reading files.
var ofFiles = subjects{"$O." + blobsBucket + ".", "$JS.API.DIRECT.GET.OBJ_" + blobsBucket + ".",
	"$JS.API.STREAM.MSG.GET.OBJ_" + blobsBucket,
	"$JS.API.CONSUMER.CREATE.OBJ_" + blobsBucket + ".", "$JS.API.STREAM.INFO.OBJ_" + blobsBucket, "$JS.API.STREAM.PURGE.OBJ_" + blobsBucket}

// watchDenials handles the connection's errors.
func watchDenials(nc *nats.Conn) *denials {
	d := &denials{open: map[*guarded]bool{}}
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
	for g := range d.open {
		if g.subjects.have(e.Subject) {
			g.cancel(e)
		}
	}
}

// guard returns a context for an operation on these subjects. It ends when the
// server denies one of them.
func (d *denials) guard(ctx context.Context, on subjects) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	g := &guarded{on, cancel}
	d.mu.Lock()
	d.open[g] = true
	d.mu.Unlock()
	return ctx, func() {
		d.mu.Lock()
		delete(d.open, g)
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
