package adb

import (
	"context"
	"net"
	"sync/atomic"
	"time"
)

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
