package local

import (
	"context"
	"errors"
	"net"
	"sync"
	"syscall"
	"time"
)

// Serve hands each connection to serve, in a goroutine of its own, until ctx
// ends; then it closes l and all of them, waits for the goroutines and returns
// nil. An error is l's.
func Serve(ctx context.Context, l net.Listener, serve func(ctx context.Context, conn net.Conn)) error {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = l.Close() })()
	for {
		conn, err := l.Accept()
		switch {
		case err == nil:
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.ECONNABORTED):
			select { // accepting may work again once others are closed
			case <-time.After(10 * time.Millisecond):
			case <-ctx.Done():
			}
			continue
		default:
			_ = l.Close()
			return err
		}
		wg.Go(func() {
			defer conn.Close()
			defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
			serve(ctx, conn)
		})
	}
}
