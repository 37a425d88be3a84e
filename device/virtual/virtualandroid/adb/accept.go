package adb

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// acceptAll hands each connection to serve, in a goroutine of wg, until ctx
// ends; then it closes l, waits for all of them and returns nil. An error is
// l's.
func acceptAll(ctx context.Context, l net.Listener, serve func(ctx context.Context, wg *sync.WaitGroup, conn net.Conn)) error {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	defer context.AfterFunc(ctx, func() { l.Close() })()
	for {
		conn, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			if outOfFiles(err) && sleep(ctx, 10*time.Millisecond) {
				continue
			}
			l.Close()
			return err
		}
		wg.Go(func() {
			defer conn.Close()
			serve(ctx, &wg, conn)
		})
	}
}

// outOfFiles reports whether accepting may work again once others are closed.
func outOfFiles(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.ECONNABORTED)
}

// delay makes conn wait for d whenever it writes after it has read, as half of
// a round trip over a slow link would. The wait ends with ctx.
func delay(ctx context.Context, conn net.Conn, d time.Duration) net.Conn {
	if d <= 0 {
		return conn
	}
	return &delayed{Conn: conn, ctx: ctx, d: d}
}

type delayed struct {
	net.Conn
	ctx    context.Context
	d      time.Duration
	turned atomic.Bool
}

func (c *delayed) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.turned.Store(true)
	}
	return n, err
}

func (c *delayed) Write(b []byte) (int, error) {
	if c.turned.Swap(false) && !sleep(c.ctx, c.d) {
		return 0, c.ctx.Err()
	}
	return c.Conn.Write(b)
}

// CloseWrite ends the output, if the connection can.
func (c *delayed) CloseWrite() error { return closeWrite(c.Conn) }

func closeWrite(conn net.Conn) error {
	if half, ok := conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return conn.Close()
}
