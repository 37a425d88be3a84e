package adb

import (
	"io"
	"net"
	"sync"
)

// Effect is what strikes an answer once as much of it as a Fault lets through
// has been sent.
type Effect int

// The effects of a Fault.
const (
	// Cut closes the connection.
	Cut Effect = iota
	// Stall sends nothing more and keeps the connection open until the client
	// closes it.
	Stall
	// Garbage replaces what follows by bytes that mean nothing in adb's
	// protocols.
	Garbage
)

// Fault is one way in which a server or a phone fails a client, for tests of
// what the client makes of it. The zero value cuts the connection before the
// answer begins.
type Fault struct {
	// Fail refuses the request with this text.
	Fail string
	// Answer is sent in place of the true answer, whose service doesn't run;
	// then Then strikes. It serves for wrong lengths and any other nonsense.
	Answer []byte
	// After is how many bytes of the true answer, counted from its OKAY, pass
	// before Then strikes.
	After int64
	Then  Effect
}

// replace plays a fault that needs no true answer; it reports whether it did.
func (f *Fault) replace(conn net.Conn) bool {
	switch {
	case f.Fail != "":
		writeFail(conn, f.Fail)
		return true
	case f.Answer == nil && f.After > 0:
		return false
	}
	conn.Write(f.Answer)
	switch f.Then {
	case Stall:
		io.Copy(io.Discard, conn) // conn is closed when ctx ends
	case Garbage:
		conn.Write(garbage(1 << 10))
	}
	return true
}

// garbage is n bytes with no meaning: no hex digits, no letters of an id, and
// lengths beyond every limit.
func garbage(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = 0x80 | byte(i*7)
	}
	return b
}

// wrap returns conn with a writing side that lets f.After bytes through.
func (f *Fault) wrap(conn net.Conn) *faultConn {
	return &faultConn{Conn: conn, left: f.After, then: f.Then}
}

// faultConn is a connection whose writing side fails after a while.
type faultConn struct {
	net.Conn
	mu    sync.Mutex
	left  int64
	then  Effect
	stall bool
}

func (c *faultConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := int(min(int64(len(p)), c.left))
	if n > 0 {
		m, err := c.Conn.Write(p[:n])
		c.left -= int64(m)
		if err != nil {
			return m, err
		}
	}
	if n == len(p) {
		return n, nil
	}
	switch c.then {
	case Garbage:
		_, err := c.Conn.Write(garbage(len(p) - n))
		return len(p), err
	case Stall:
		c.stall = true
		return len(p), nil
	}
	c.Close()
	return n, net.ErrClosed
}

// stalled reports whether a Stall has struck: then conn stays open until the
// client closes it.
func stalled(conn net.Conn) bool {
	c, ok := conn.(*faultConn)
	if !ok {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stall
}

// CloseWrite ends the output, if the connection can.
func (c *faultConn) CloseWrite() error { return closeWrite(c.Conn) }
