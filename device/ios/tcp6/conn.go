package tcp6

import (
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
)

const (
	// What a connection keeps of each direction. The window is announced in
	// units of 16 bytes: pymobiledevice3's stack wants a scale, and above 0.
	receiveRoom = 256 << 10
	sendRoom    = 256 << 10
	shift       = 4

	// A lost packet is sent again after firstRTO, then after twice as long each
	// time, and after maxTries the connection is given up. The link's round trip
	// is a few milliseconds.
	firstRTO = 250 * time.Millisecond
	maxRTO   = 8 * time.Second
	maxTries = 9
	dupACKs  = 3 // RFC 5681 section 3.2
)

type state int

const (
	synSent state = iota
	synReceived
	established
)

// Conn is a connection. It is a net.Conn.
type Conn struct {
	s        *Stack
	flow     flow
	listener *Listener // that it is to be accepted from
	state    state
	err      error         // why it is over
	changed  chan struct{} // closed whenever something changes
	shut     bool          // this side has closed it
	said     bool          // and has nothing more to send

	// Sending: unacked is what follows una, sent up to next, at most up to sent.
	una, next, sent uint32
	unacked         []byte
	window, mss     int
	scale           int  // of the other host's windows
	fin             bool // the end is to be sent, or not acknowledged yet
	tries, dups     int
	timer           *time.Timer

	// Receiving.
	expect    uint32
	in        []byte
	ended     bool // the other host sends no more
	announced int

	read, write deadline
}

func newConn(s *Stack, f flow) *Conn {
	iss := rand.Uint32()
	c := &Conn{s: s, flow: f, changed: make(chan struct{}), una: iss, next: iss, sent: iss, mss: s.mss, read: newDeadline(), write: newDeadline()}
	c.timer = time.AfterFunc(time.Hour, c.timeout)
	c.timer.Stop()
	return c
}

// before reports whether a comes before b in the sequence.
func before(a, b uint32) bool { return int32(a-b) < 0 }

func (c *Conn) signal() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// fail ends the connection; s.mu is held, as in everything here that is not a
// method of net.Conn.
func (c *Conn) fail(err error) {
	if c.err == nil {
		c.err = err
	}
	c.timer.Stop()
	delete(c.s.conns, c.flow)
	c.signal()
}

// abort tells the other host that the connection is over.
func (c *Conn) abort(err error) {
	if c.s.conns[c.flow] == c {
		c.transmit(flagRST|flagACK, c.next, nil)
	}
	c.fail(err)
}

// learn takes what a SYN says.
func (c *Conn) learn(p segment) {
	c.expect = p.seq + 1
	c.mss = min(c.s.mss, max(p.mss, 64))
	c.window = int(p.window)
	c.scale = p.shift
}

func (c *Conn) room() int { return receiveRoom - len(c.in) }

// transmit sends one segment.
func (c *Conn) transmit(flags byte, seq uint32, data []byte) {
	p := segment{from: netip.AddrPortFrom(c.s.address, c.flow.port), seq: seq, flags: flags, data: data, mss: c.s.mss, shift: shift}
	if flags&flagACK != 0 {
		p.ack = c.expect
	}
	p.window = uint16(min(c.room()>>shift, 1<<16-1))
	if flags&flagSYN != 0 {
		p.window = 1<<16 - 1 // never scaled
		if c.state == synReceived && c.scale < 0 {
			p.shift = -1
		}
	} else if c.scale < 0 {
		p.window = uint16(min(c.room(), 1<<16-1))
	}
	c.announced = c.room()
	c.s.send(p.marshal(c.flow.remote))
}

// output sends what may be sent now.
func (c *Conn) output() {
	switch c.state {
	case synSent:
		c.transmit(flagSYN, c.una, nil)
	case synReceived:
		c.transmit(flagSYN|flagACK, c.una, nil)
	}
	if c.state != established {
		c.next, c.sent = c.una+1, c.una+1
		c.arm()
		return
	}
	for {
		done := int(c.next - c.una)
		n := min(len(c.unacked)-done, c.mss, c.window-done)
		if n <= 0 {
			break
		}
		flags := byte(flagACK)
		if done+n == len(c.unacked) {
			flags |= flagPSH
		}
		c.transmit(flags, c.next, c.unacked[done:done+n])
		c.next += uint32(n)
	}
	if c.fin && int(c.next-c.una) == len(c.unacked) {
		c.transmit(flagFIN|flagACK, c.next, nil)
		c.next++
	}
	if before(c.sent, c.next) {
		c.sent = c.next
	}
	c.arm()
}

// arm starts the clock of what is under way, or waits for a window.
func (c *Conn) arm() {
	if c.una == c.sent && len(c.unacked) == 0 {
		c.timer.Stop()
		return
	}
	c.timer.Reset(min(firstRTO<<c.tries, maxRTO))
}

// timeout sends again from where the other host is, one segment first: also a
// byte into a window that is closed, to be told when it opens.
func (c *Conn) timeout() {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if c.err != nil || c.una == c.sent && len(c.unacked) == 0 {
		return
	}
	probe := c.state == established && c.window == 0
	if c.tries++; c.tries > maxTries && !probe {
		c.fail(syscall.ETIMEDOUT)
		return
	}
	c.tries = min(c.tries, maxTries)
	c.resend()
}

// resend goes back to what the other host has not acknowledged.
func (c *Conn) resend() {
	if c.state != established {
		c.output()
		return
	}
	c.next = c.una
	n := min(len(c.unacked), c.mss, max(c.window, 1))
	switch {
	case n > 0:
		c.transmit(flagACK|flagPSH, c.una, c.unacked[:n])
	case c.fin:
		c.transmit(flagFIN|flagACK, c.una, nil)
		n = 1
	}
	c.next += uint32(n)
	if before(c.sent, c.next) {
		c.sent = c.next
	}
	c.arm()
}

// receive takes a segment of the connection.
func (c *Conn) receive(p segment) {
	defer func() {
		if c.err == nil {
			c.signal()
		}
	}()
	if c.state == synSent {
		c.receiveAnswer(p)
		return
	}
	if p.flags&flagRST != 0 {
		if p.seq == c.expect {
			c.fail(syscall.ECONNRESET)
		}
		return
	}
	if p.flags&flagSYN != 0 {
		if c.state == synReceived && p.seq+1 == c.expect {
			c.output() // our answer was lost
		} else {
			c.transmit(flagACK, c.next, nil)
		}
		return
	}
	if p.flags&flagACK == 0 || before(c.sent, p.ack) {
		return
	}
	if c.state == synReceived {
		if p.ack != c.una+1 {
			c.s.refuse(p)
			return
		}
		c.una, c.next, c.sent = p.ack, p.ack, p.ack
		c.state, c.tries = established, 0
		c.accepted()
	}
	c.acknowledged(p)
	if c.err == nil {
		c.take(p)
	}
}

// receiveAnswer takes the answer to our SYN.
func (c *Conn) receiveAnswer(p segment) {
	acked := p.flags&flagACK != 0 && p.ack == c.una+1
	switch {
	case p.flags&flagRST != 0:
		if acked {
			c.fail(syscall.ECONNREFUSED)
		}
	case acked && p.flags&flagSYN != 0:
		c.learn(p)
		c.una, c.next, c.sent = p.ack, p.ack, p.ack
		c.state, c.tries = established, 0
		c.timer.Stop()
		c.transmit(flagACK, c.next, nil)
	case p.flags&flagACK != 0 && !acked:
		c.s.refuse(p)
	}
}

func (c *Conn) accepted() {
	l := c.listener
	if l.closed || len(l.waiting) >= maxBacklog {
		c.abort(net.ErrClosed)
		return
	}
	l.waiting = append(l.waiting, c)
	l.signal()
}

// acknowledged takes what the other host has got, and its window.
func (c *Conn) acknowledged(p segment) {
	window := int(p.window)
	if c.scale > 0 {
		window <<= c.scale
	}
	n := p.ack - c.una
	switch {
	case int32(n) < 0:
		return // old
	case n > 0:
		c.unacked = c.unacked[min(int(n), len(c.unacked)):]
		c.una, c.tries, c.dups = p.ack, 0, 0
		if before(c.next, c.una) {
			c.next = c.una
		}
		if c.fin && len(c.unacked) == 0 && c.una == c.sent && c.next == c.sent {
			c.fin = false // it has it
			if c.shut {
				c.fail(net.ErrClosed)
				return
			}
		}
	case window == c.window && len(p.data) == 0 && p.flags&flagFIN == 0 && before(c.una, c.sent):
		if c.dups++; c.dups == dupACKs {
			c.window = window
			c.resend()
			return
		}
	}
	c.window = window
	c.output()
}

// take takes the data of a segment, and its end.
func (c *Conn) take(p segment) {
	if p.length() == 0 {
		// One that keeps the connection alive has an old number, and wants an answer.
		if p.seq != c.expect {
			c.transmit(flagACK, c.next, nil)
		}
		return
	}
	data, fin := p.data, p.flags&flagFIN != 0
	if skip := c.expect - p.seq; int32(skip) < 0 || skip > uint32(len(data)) {
		data, fin = nil, false // after a loss, or old
	} else {
		data = data[skip:]
	}
	if c.shut && len(data) > 0 {
		c.abort(net.ErrClosed) // nobody reads it
		return
	}
	if room := c.room(); len(data) > room {
		data, fin = data[:room], false
	}
	if !c.ended {
		c.in = append(c.in, data...)
		c.expect += uint32(len(data))
		if fin {
			c.ended = true
			c.expect++
		}
	}
	c.transmit(flagACK, c.next, nil)
}

// Read implements net.Conn.
func (c *Conn) Read(b []byte) (int, error) {
	for {
		c.s.mu.Lock()
		changed := c.changed
		switch {
		case c.read.passed():
			c.s.mu.Unlock()
			return 0, c.wrap("read", os.ErrDeadlineExceeded)
		case c.shut:
			c.s.mu.Unlock()
			return 0, c.wrap("read", net.ErrClosed)
		case len(b) == 0:
			c.s.mu.Unlock()
			return 0, nil
		case len(c.in) > 0:
			n := copy(b, c.in)
			if c.in = c.in[n:]; len(c.in) == 0 {
				c.in = nil
			}
			// Tell of room once there is much more than was told.
			if c.err == nil && !c.ended && c.announced < receiveRoom/2 && c.room() >= receiveRoom/2 {
				c.transmit(flagACK, c.next, nil)
			}
			c.s.mu.Unlock()
			return n, nil
		case c.ended:
			c.s.mu.Unlock()
			return 0, io.EOF
		case c.err != nil:
			err := c.err
			c.s.mu.Unlock()
			return 0, c.wrap("read", err)
		}
		c.s.mu.Unlock()
		select {
		case <-changed:
		case <-c.read.wait():
		}
	}
}

// Write implements net.Conn. It returns once all of b is kept for sending.
func (c *Conn) Write(b []byte) (int, error) {
	written := 0
	for {
		c.s.mu.Lock()
		changed := c.changed
		var err error
		switch {
		case c.write.passed():
			err = os.ErrDeadlineExceeded
		case c.shut || c.said:
			err = net.ErrClosed
		case c.err != nil:
			err = c.err
		}
		if err != nil {
			c.s.mu.Unlock()
			return written, c.wrap("write", err)
		}
		if n := min(len(b), sendRoom-len(c.unacked)); n > 0 {
			c.unacked = append(c.unacked, b[:n]...)
			b, written = b[n:], written+n
			c.output()
		}
		c.s.mu.Unlock()
		if len(b) == 0 {
			return written, nil
		}
		select {
		case <-changed:
		case <-c.write.wait():
		}
	}
}

func (c *Conn) wrap(op string, err error) error {
	return &net.OpError{Op: op, Net: "tcp6", Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: err}
}

// CloseWrite tells the other host that nothing more comes; what it sends can
// still be read.
func (c *Conn) CloseWrite() error {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	return c.finish()
}

func (c *Conn) finish() error {
	if c.err != nil || c.shut {
		return c.wrap("close", net.ErrClosed)
	}
	if !c.said {
		c.said, c.fin = true, true
		c.output()
	}
	return nil
}

// Close implements net.Conn. What was written is still delivered.
func (c *Conn) Close() error {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if c.shut {
		return c.wrap("close", net.ErrClosed)
	}
	if c.err != nil {
		c.shut = true
		return nil
	}
	if len(c.in) > 0 {
		// Something came that nobody reads (RFC 2525 section 2.17).
		c.shut = true
		c.abort(net.ErrClosed)
		return nil
	}
	err := c.finish()
	c.shut = true
	if !c.fin {
		c.fail(net.ErrClosed) // the other host knows already
	}
	c.signal()
	return err
}

// LocalAddr implements net.Conn.
func (c *Conn) LocalAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(c.s.address, c.flow.port))
}

// RemoteAddr implements net.Conn.
func (c *Conn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.flow.remote) }

// SetDeadline implements net.Conn.
func (c *Conn) SetDeadline(t time.Time) error {
	c.read.set(t)
	c.write.set(t)
	return nil
}

// SetReadDeadline implements net.Conn.
func (c *Conn) SetReadDeadline(t time.Time) error { c.read.set(t); return nil }

// SetWriteDeadline implements net.Conn.
func (c *Conn) SetWriteDeadline(t time.Time) error { c.write.set(t); return nil }

// deadline is a point in time that can be moved while somebody waits for it.
type deadline struct {
	mu    *sync.Mutex
	state *deadlineState
}

type deadlineState struct {
	timer *time.Timer
	done  chan struct{} // closed when it has passed
}

func newDeadline() deadline {
	return deadline{new(sync.Mutex), &deadlineState{done: make(chan struct{})}}
}

func (d deadline) wait() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.state.done
}

func (d deadline) passed() bool {
	select {
	case <-d.wait():
		return true
	default:
		return false
	}
}

func (d deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.state.timer != nil && !d.state.timer.Stop() {
		<-d.state.done // it is about to be closed
	}
	d.state.timer = nil
	select {
	case <-d.state.done:
		d.state.done = make(chan struct{})
	default:
	}
	done := d.state.done
	switch {
	case t.IsZero():
	case time.Until(t) <= 0:
		close(done)
	default:
		d.state.timer = time.AfterFunc(time.Until(t), func() { close(done) })
	}
}
