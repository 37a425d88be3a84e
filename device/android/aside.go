package android

import "context"

// aside is something that is done while something else goes on.
type aside[T any] struct {
	cancel context.CancelFunc
	done   chan struct{}
	value  T
	err    error
}

// beside starts do. Whoever starts it must call wait or stop.
func beside[T any](ctx context.Context, do func(context.Context) (T, error)) *aside[T] {
	ctx, cancel := context.WithCancel(ctx)
	a := &aside[T]{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(a.done)
		a.value, a.err = do(ctx)
	}()
	return a
}

// wait returns what came of it.
func (a *aside[T]) wait() (T, error) {
	<-a.done
	a.cancel()
	return a.value, a.err
}

// stop ends it and waits for that. It may be called after wait, and of nil.
func (a *aside[T]) stop() {
	if a != nil {
		a.cancel()
		<-a.done
	}
}
