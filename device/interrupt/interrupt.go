// Package interrupt ends I/O that has no context of its own.
package interrupt

import "context"

// When does I/O, and calls interrupt if ctx ends meanwhile: it must make do
// return. ended says whether it was called; it has returned by then.
func When(ctx context.Context, interrupt func(), do func() error) (ended bool, err error) {
	interrupted := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(interrupted)
		interrupt()
	})
	err = do()
	if stop() {
		return false, err
	}
	<-interrupted
	return true, err
}
