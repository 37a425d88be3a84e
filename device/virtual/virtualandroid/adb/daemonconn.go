package adb

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/errno"
)

// Limits on the resources that one computer can use.
const (
	maxStreams = 1024     // open at once; more are refused
	maxQueue   = 64 << 20 // bytes of packets that the computer has not read
)

// daemonConn is one computer's connection to a phone's adbd.
type daemonConn struct {
	d    *Daemon
	conn net.Conn
	wg   sync.WaitGroup

	online atomic.Bool // authenticated
	token  []byte      // the last one sent; only used by run's goroutine
	asking bool        // whether the user was asked; only used by run's goroutine
	// The result of the handshake.
	version, max atomic.Uint32

	mu      sync.Mutex // of streams
	streams map[uint32]*daemonStream
	opening int // streams whose service is being looked up
	lastID  uint32
	epoch   int // counts how often all streams were closed

	queueMu   sync.Mutex
	queueCond *sync.Cond
	queue     []packet
	queued    int // bytes in queue
	ended     bool
}

func newDaemonConn(d *Daemon, conn net.Conn) *daemonConn {
	c := &daemonConn{d: d, conn: conn, streams: map[uint32]*daemonStream{}}
	c.version.Store(versionMin)
	c.queueCond = sync.NewCond(&c.queueMu)
	return c
}

// run serves the connection until it ends, and waits for its services.
func (c *daemonConn) run(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer c.wg.Wait()
	defer cancel()
	defer c.end()
	c.wg.Go(c.writeLoop)
	before := c.d.device.State()
	c.wg.Go(func() { watchState(ctx, c.d.device, before, func() { c.conn.Close() }) })
	r := bufio.NewReaderSize(c.conn, 64<<10)
	for {
		limit := uint32(maxGreeting)
		if c.online.Load() {
			limit = c.d.maxPayload()
		}
		p, err := readPacket(r, limit, c.online.Load() && c.version.Load() < versionSkipChecksum)
		if err != nil {
			return
		}
		if err := c.handle(ctx, p); err != nil {
			return
		}
	}
}

// errProtocol ends a connection whose peer breaks the protocol's rules.
var errProtocol = errors.New("protocol error")

func (c *daemonConn) handle(ctx context.Context, p packet) error {
	switch p.cmd {
	case cmdConnect:
		return c.greet(p)
	case cmdAuth:
		return c.authenticate(ctx, p)
	}
	if !c.online.Load() {
		return nil // adbd ignores all else before CNXN
	}
	switch p.cmd {
	case cmdOpen:
		return c.open(ctx, p)
	case cmdOkay:
		if s := c.stream(p); s != nil {
			s.acknowledged()
		}
	case cmdWrite:
		if s := c.stream(p); s != nil {
			return s.received(p.data)
		}
	case cmdClose:
		if s := c.stream(p); s != nil {
			s.peerClosed(true)
		}
	}
	return nil
}

// greet answers the computer's CNXN. A second one restarts the handshake.
func (c *daemonConn) greet(p packet) error {
	c.closeStreams()
	c.online.Store(false)
	c.version.Store(min(p.arg0, c.d.version()))
	c.max.Store(min(p.arg1, c.d.maxPayload()))
	if c.version.Load() < versionMin || c.max.Load() < minPayload {
		return errProtocol
	}
	switch c.d.device.State() {
	case StateOffline, StateNoPermissions:
		return nil // no answer: the computer goes on to list it as offline
	case StateUnauthorized, StateAuthorizing:
		return c.challenge()
	}
	if c.d.Auth != nil {
		return c.challenge()
	}
	c.welcome()
	return nil
}

func (c *daemonConn) welcome() {
	c.online.Store(true)
	c.send(packet{cmdConnect, c.d.version(), c.d.maxPayload(), []byte(c.d.banner())})
}

func (c *daemonConn) challenge() error {
	c.token = make([]byte, tokenSize)
	rand.Read(c.token)
	c.send(packet{cmdAuth, authToken, 0, c.token})
	return nil
}

func (c *daemonConn) authenticate(ctx context.Context, p packet) error {
	if c.token == nil || c.online.Load() {
		return nil
	}
	auth, open := c.d.Auth, c.d.device.State().Online()
	switch p.arg0 {
	case authSignature:
		token := c.token
		if open && auth != nil && auth.signed(token, p.data) {
			c.welcome()
			return nil
		}
		return c.challenge() // for the computer's next key
	case authPublicKey:
		key, name, err := parsePublicKey(p.data)
		if !open || auth == nil || err != nil || c.asking {
			return nil
		}
		c.asking = true
		// The user may take time to answer; the computer may disconnect.
		c.wg.Go(func() {
			if auth.ask(ctx, key, name) {
				c.welcome()
			}
		})
	}
	return nil
}

// open starts a service for OPEN.
func (c *daemonConn) open(ctx context.Context, p packet) error {
	if p.arg0 == 0 {
		return nil
	}
	name, _, _ := strings.Cut(string(p.data), "\x00")
	c.mu.Lock()
	full := len(c.streams)+c.opening >= maxStreams
	if !full {
		c.opening++
	}
	epoch := c.epoch
	c.mu.Unlock()
	if full {
		c.send(packet{cmdClose, 0, p.arg0, nil})
		return nil
	}
	c.wg.Go(func() {
		run, err := find(ctx, c.d.device, &c.d.reverses, name)
		c.mu.Lock()
		c.opening--
		if err != nil {
			c.mu.Unlock()
			c.send(packet{cmdClose, 0, p.arg0, nil})
			return
		}
		c.lastID++
		s := newDaemonStream(c, c.lastID, p.arg0)
		late := c.epoch != epoch
		if s.closed = late; !late {
			c.streams[s.local] = s
		}
		c.mu.Unlock()
		if !late { // otherwise the service would see at once that nobody is there
			c.send(packet{cmdOkay, s.local, s.remote, nil})
		}
		run(ctx, s)
	})
	return nil
}

// stream finds the stream a packet is for. The computer's id is 0 in a CLSE
// that refuses.
func (c *daemonConn) stream(p packet) *daemonStream {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.streams[p.arg1]
	if s == nil || p.arg0 != s.remote && !(p.cmd == cmdClose && p.arg0 == 0) {
		return nil
	}
	return s
}

func (c *daemonConn) forget(s *daemonStream) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.streams, s.local)
}

// closeStreams ends every stream, and those that are being opened.
func (c *daemonConn) closeStreams() {
	c.mu.Lock()
	c.epoch++
	streams := make([]*daemonStream, 0, len(c.streams))
	for _, s := range c.streams {
		streams = append(streams, s)
	}
	c.mu.Unlock()
	for _, s := range streams {
		s.peerClosed(false)
	}
}

// send queues a packet. It never blocks, so that the connection is always read;
// a computer that doesn't read is disconnected.
func (c *daemonConn) send(p packet) {
	c.queueMu.Lock()
	defer c.queueMu.Unlock()
	if c.ended {
		return
	}
	c.queue = append(c.queue, p)
	c.queued += packetHeader + len(p.data)
	if c.queued > maxQueue {
		c.ended = true
		c.conn.Close()
	}
	c.queueCond.Signal()
}

// writeLoop sends the queue, as much as possible with one system call.
func (c *daemonConn) writeLoop() {
	var batch []packet
	var headers [][packetHeader]byte
	for {
		c.queueMu.Lock()
		for len(c.queue) == 0 && !c.ended {
			c.queueCond.Wait()
		}
		if c.ended {
			c.queueMu.Unlock()
			return
		}
		batch, c.queue = c.queue, batch[:0]
		c.queueMu.Unlock()

		headers = headers[:0]
		size := 0
		for _, p := range batch {
			// CNXN and AUTH are summed for peers of every version.
			sum := c.version.Load() < versionSkipChecksum || p.cmd == cmdConnect || p.cmd == cmdAuth
			headers = append(headers, p.header(sum))
			size += packetHeader + len(p.data)
		}
		var out net.Buffers
		for i, p := range batch {
			out = append(out, headers[i][:])
			if len(p.data) > 0 {
				out = append(out, p.data)
			}
		}
		if _, err := out.WriteTo(c.conn); err != nil {
			c.conn.Close() // wakes run, which ends the rest
			return
		}
		clear(batch)
		c.queueMu.Lock()
		c.queued -= size
		c.queueMu.Unlock()
	}
}

// end closes the connection and every stream on it.
func (c *daemonConn) end() {
	c.conn.Close()
	c.queueMu.Lock()
	c.ended = true
	c.queueCond.Broadcast()
	c.queueMu.Unlock()
	c.closeStreams()
}

// daemonStream is one service's stream on a computer's connection. Each side
// sends a packet only once the one before has been acknowledged.
type daemonStream struct {
	c             *daemonConn
	local, remote uint32

	mu   sync.Mutex
	cond *sync.Cond

	in      [][]byte // received, not read yet
	inSize  int
	ackOwed bool // the last packet is acknowledged when in is short again

	out      []byte // written, not sent yet
	inFlight bool   // a packet is not acknowledged yet

	closing bool // Close was called; CLSE follows the last of out
	closed  bool // no more goes either way
}

// streamBuffer is how much a stream buffers in each direction in addition to
// the packet in flight.
const streamBuffer = 256 << 10

func newDaemonStream(c *daemonConn, local, remote uint32) *daemonStream {
	s := &daemonStream{c: c, local: local, remote: remote}
	s.cond = sync.NewCond(&s.mu)
	return s
}

// received handles the data of a WRTE. It is acknowledged before the service
// has read it, unless the service lags behind.
func (s *daemonStream) received(data []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ackOwed {
		return fmt.Errorf("%w: WRTE without waiting for OKAY", errProtocol)
	}
	if s.closed {
		return nil
	}
	if len(data) > 0 && !s.closing {
		s.in = append(s.in, data)
		s.inSize += len(data)
	}
	if s.inSize > streamBuffer {
		s.ackOwed = true
	} else {
		s.c.send(packet{cmdOkay, s.local, s.remote, nil})
	}
	s.cond.Broadcast()
	return nil
}

func (s *daemonStream) Read(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.in) == 0 && !s.closed && !s.closing {
		s.cond.Wait()
	}
	if len(s.in) == 0 || s.closing {
		return 0, io.EOF
	}
	n := copy(b, s.in[0])
	if s.in[0] = s.in[0][n:]; len(s.in[0]) == 0 {
		s.in[0] = nil
		s.in = s.in[1:]
	}
	s.inSize -= n
	s.acknowledge()
	return n, nil
}

// acknowledge sends the OKAY that is owed once there is room.
func (s *daemonStream) acknowledge() {
	if s.ackOwed && s.inSize <= streamBuffer && !s.closed {
		s.ackOwed = false
		s.c.send(packet{cmdOkay, s.local, s.remote, nil})
	}
}

// Write buffers b and returns once it has room for it.
func (s *daemonStream) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for {
		if s.closed || s.closing {
			return n, errno.EPIPE
		}
		if room := streamBuffer - len(s.out); room > 0 {
			m := min(room, len(b))
			s.out = append(s.out, b[:m]...)
			n, b = n+m, b[m:]
			s.flush()
			if len(b) == 0 {
				return n, nil
			}
			continue
		}
		s.cond.Wait()
	}
}

// flush sends the next packet if the one before has arrived.
func (s *daemonStream) flush() {
	if s.inFlight || len(s.out) == 0 {
		return
	}
	n := min(len(s.out), int(s.c.max.Load()))
	data := s.out[:n:n]
	if n == len(s.out) {
		s.out = nil
	} else {
		s.out = s.out[n:]
	}
	s.inFlight = true
	s.c.send(packet{cmdWrite, s.local, s.remote, data})
	s.cond.Broadcast()
}

// acknowledged takes the computer's OKAY.
func (s *daemonStream) acknowledged() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inFlight = false
	s.flush()
	s.finish()
	s.cond.Broadcast()
}

// Close ends the stream after what was written, without waiting for that.
func (s *daemonStream) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed && !s.closing {
		s.closing = true
		s.in, s.inSize = nil, 0
		s.acknowledge()
		s.finish()
		s.cond.Broadcast()
	}
	return nil
}

// finish sends CLSE if the stream is closing and all has been sent.
func (s *daemonStream) finish() {
	if s.closing && !s.closed && !s.inFlight && len(s.out) == 0 {
		s.closed = true
		s.c.send(packet{cmdClose, s.local, s.remote, nil})
		s.c.forget(s)
	}
}

// peerClosed ends the stream because of the computer, or of the connection.
// What was received can still be read. The CLSE of an open stream is answered
// with a CLSE.
func (s *daemonStream) peerClosed(answer bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.closed = true
	s.out, s.ackOwed = nil, false
	if answer {
		s.c.send(packet{cmdClose, s.local, s.remote, nil})
	}
	s.c.forget(s)
	s.cond.Broadcast()
}
