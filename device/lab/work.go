package lab

import (
	"context"
	"errors"
	"io"
)

// Work takes job after job for a leased phone, and has do drive the phone for
// each, until there are no more, ctx ends, or the lease does. do ends its claim;
// with an error it says that this phone can go on no longer. The phone is given
// back in any case, also when ctx is over.
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
