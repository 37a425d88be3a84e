package device

import (
	"context"
	"time"

	"github.com/wxctl/wxctl/device/interrupt"
)

// During does I/O on a connection, and interrupts it when ctx ends; then it
// returns ctx's error. The connection can be used after that, if nothing was
// half done.
func During(ctx context.Context, c interface{ SetDeadline(time.Time) error }, do func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	// An error of SetDeadline means that it is already closed.
	ended, err := interrupt.When(ctx, func() { c.SetDeadline(time.Unix(1, 0)) }, do)
	if !ended {
		return err
	}
	c.SetDeadline(time.Time{})
	if err == nil {
		return nil // it was done before ctx ended
	}
	return ctx.Err()
}
