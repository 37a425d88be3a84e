// Package fault makes a virtual phone, or a server in front of it, fail: it
// stops answering, closes the connection, or sends invalid data. Tests of
// clients use it. A [Plan] does so at chosen steps, and counts the steps, so
// that tests can assert a command's cost.
package fault

import (
	"context"
	"io"
	"net"
	"sync"
)

// Effect is what a fault does.
type Effect int

// The effects of a Fault.
const (
	// Cut closes the connection.
	Cut Effect = iota
	// Stall sends nothing more and keeps the connection open until the client
	// closes it.
	Stall
	// Garbage sends bytes that are invalid in all of the protocols, and closes
	// the connection.
	Garbage
)

// Fault takes effect when a step is reached: a request was read, and before its
// answer. The zero value closes the connection there.
type Fault struct {
	// Step is the protocol and the request, such as "usbmux Connect", "lockdown
	// StartSession", "installation_proxy Browse" or "wda POST /session"; each
	// package names its own. It is for a Plan.
	Step string
	// Skip is how many times the step succeeds before that.
	Skip int
	// Answer is sent instead of the true answer, including framing; then comes
	// the effect Then.
	Answer []byte
	// After is how many bytes of the true answer are sent before the effect
	// Then.
	After int64
	Then  Effect
}

// Plan holds faults and counts steps. A nil Plan has none and counts nothing.
// It is safe for use by several goroutines.
type Plan struct {
	mu     sync.Mutex
	faults []Fault
	seen   map[string]int
	order  []string
}

// maxOrder limits how many steps are recorded in order.
const maxOrder = 10000

// New returns a plan of faults.
func New(faults ...Fault) *Plan { return &Plan{faults: faults, seen: map[string]int{}} }

// Add adds a fault; its Skip counts from now on.
func (p *Plan) Add(f Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f.Skip += p.seen[f.Step]
	p.faults = append(p.faults, f)
}

// Clear removes all faults.
func (p *Plan) Clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = nil
}

// Count is how often a step was reached.
func (p *Plan) Count(step string) int {
	if p == nil {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen[step]
}

// Steps lists the steps reached, in order.
func (p *Plan) Steps() []string {
	if p == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.order...)
}

func (p *Plan) reach(step string) *Fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen[step]++
	if len(p.order) < maxOrder {
		p.order = append(p.order, step)
	}
	for _, f := range p.faults {
		if f.Step == step && p.seen[step] > f.Skip {
			return &f
		}
	}
	return nil
}

// Strike is called by a server for each step. It returns the connection for the
// answer, which may fail during it, or nil if the step has failed already and
// the connection must be closed. The caller closes conn when ctx ends.
func (p *Plan) Strike(_ context.Context, step string, conn net.Conn) net.Conn {
	if p == nil {
		return conn
	}
	f := p.reach(step)
	if f == nil {
		return conn
	}
	return f.Strike(conn)
}

// Strike returns the connection for the answer, or nil if the fault took effect
// already.
func (f *Fault) Strike(conn net.Conn) net.Conn {
	if f.Answer == nil && f.After > 0 {
		return &faulty{Conn: conn, left: f.After, then: f.Then}
	}
	if _, err := conn.Write(f.Answer); err == nil {
		f.Then.play(conn)
	}
	return nil
}

func (e Effect) play(conn net.Conn) {
	switch e {
	case Stall:
		_, _ = io.Copy(io.Discard, conn)
	case Garbage:
		_, _ = conn.Write(garbage(1 << 10))
	}
}

// garbage is n invalid bytes, whose lengths exceed every limit.
func garbage(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = 0x80 | byte(i*7)
	}
	return b
}

// faulty is a connection that fails after a number of bytes were written.
type faulty struct {
	net.Conn
	mu   sync.Mutex
	left int64
	then Effect
}

// Write writes up to the limit, then applies the effect.
func (c *faulty) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := int(min(int64(len(b)), c.left))
	if n > 0 {
		m, err := c.Conn.Write(b[:n])
		c.left -= int64(m)
		if err != nil {
			return m, err
		}
	}
	if n == len(b) {
		return n, nil
	}
	c.then.play(c.Conn)
	_ = c.Close()
	return n, net.ErrClosed
}

// CloseWrite ends the output, if the connection can.
func (c *faulty) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return c.Close()
}
