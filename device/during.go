package device

import (
	"context"
	"time"
)

// During does I/O on a connection, and interrupts it when ctx ends; then it
// returns ctx's error. The connection can be used after that, if nothing was
// half done.
func During(ctx context.Context, c interface{ SetDeadline(time.Time) error }, do func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	fired := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		c.SetDeadline(time.Unix(1, 0)) // an error means that it is already closed
		close(fired)
	})
	err := do()
	if stop() {
		return err
	}
	<-fired
	c.SetDeadline(time.Time{})
	if err == nil {
		return nil // it was done before ctx ended
	}
	return ctx.Err()
}
