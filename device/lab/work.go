package lab

import (
	"context"
	"errors"
	"io"
)

// Work claims one job after another for a leased phone, and calls do to drive
// the phone for each, until there are no more, ctx ends, or the lease ends. do
// ends its claim; an error from do means that this phone can't continue. The
// phone is always released, even if ctx has ended.
func Work(ctx context.Context, lease Lease, do func(context.Context, Claim) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		select {
		case <-lease.Ended():
			cancel()
		case <-ctx.Done():
		}
	}()
	err := work(ctx, lease, do)
	cancel()
	<-gone
	return errors.Join(err, lease.Release(context.WithoutCancel(ctx)))
}

func work(ctx context.Context, lease Lease, do func(context.Context, Claim) error) error {
	for {
		claim, err := lease.Next(ctx)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if err := do(ctx, claim); err != nil {
			return err
		}
	}
}
