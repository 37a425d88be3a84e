package android

import "context"

// aside is a function that runs concurrently and has a result.
type aside[T any] struct {
	cancel context.CancelFunc
	done   chan struct{}
	value  T
	err    error
}

// beside starts do. The caller must call wait or stop.
func beside[T any](ctx context.Context, do func(context.Context) (T, error)) *aside[T] {
	ctx, cancel := context.WithCancel(ctx)
	a := &aside[T]{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(a.done)
		a.value, a.err = do(ctx)
	}()
	return a
}

// wait returns the result.
func (a *aside[T]) wait() (T, error) {
	<-a.done
	a.cancel()
	return a.value, a.err
}

// stop cancels it and waits for its end. It may be called after wait, and on
// nil.
func (a *aside[T]) stop() {
	if a != nil {
		a.cancel()
		<-a.done
	}
}
