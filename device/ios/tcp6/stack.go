// Package tcp6 is a small TCP over IPv6 in this process, for the network inside
// an iPhone's developer tunnel: a link between two hosts over a reliable
// connection, which keeps packets in order and seldom loses one. It opens and
// accepts connections, keeps to windows, sends again what was lost and verifies
// checksums; it has no fragments, no selective acknowledgements and no
// congestion control beyond a bound on what is under way, since nobody else is
// on the link.
//
// A general stack, gvisor's, made up a sixth of wxctl's size.
package tcp6

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"syscall"
)

const (
	maxQueue   = 4096 // packets that wait to be sent; what is beyond is lost
	maxBacklog = 128  // connections that wait to be accepted
	firstPort  = 49152
)

// Stack is one host of a link. It may be used by several goroutines.
type Stack struct {
	address netip.Addr
	mss     int

	mu        sync.Mutex
	conns     map[flow]*Conn
	listeners map[uint16]*Listener
	lastPort  uint16
	queue     [][]byte
	ready     chan struct{} // has a value while the queue has packets
	err       error         // why it is closed
}

// flow is a connection as both its ends see it.
type flow struct {
	remote netip.AddrPort
	port   uint16
}

// New makes the host with an address, on a link for packets of up to mtu bytes,
// at least 1280.
func New(address netip.Addr, mtu int) *Stack {
	return &Stack{
		address: address, mss: mtu - ipHeader - tcpHeader,
		conns: map[flow]*Conn{}, listeners: map[uint16]*Listener{},
		lastPort: firstPort + uint16(rand.IntN(1<<14)), ready: make(chan struct{}, 1),
	}
}

// Packets waits for packets to be sent and returns all there are, in their
// order; nil when ctx has ended.
func (s *Stack) Packets(ctx context.Context) [][]byte {
	for {
		select {
		case <-s.ready:
		case <-ctx.Done():
			return nil
		}
		s.mu.Lock()
		packets := s.queue
		s.queue = nil
		s.mu.Unlock()
		if len(packets) > 0 {
			return packets
		}
	}
}

// send queues a packet; s.mu is held.
func (s *Stack) send(packet []byte) {
	if len(s.queue) >= maxQueue {
		return
	}
	s.queue = append(s.queue, packet)
	select {
	case s.ready <- struct{}{}:
	default:
	}
}

// Receive takes a packet from the link. What is no TCP for this host, or has a
// wrong checksum, is dropped. It keeps nothing of packet.
func (s *Stack) Receive(packet []byte) {
	p, ok := parse(packet, s.address)
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return
	}
	if c := s.conns[flow{p.from, p.to}]; c != nil {
		c.receive(p)
		return
	}
	if l := s.listeners[p.to]; l != nil && p.flags&(flagSYN|flagACK|flagRST) == flagSYN {
		l.open(p)
		return
	}
	s.refuse(p)
}

// refuse answers a segment that belongs to nothing; s.mu is held.
func (s *Stack) refuse(p segment) {
	if p.flags&flagRST != 0 {
		return
	}
	answer := segment{from: netip.AddrPortFrom(s.address, p.to), flags: flagRST, seq: p.ack}
	if p.flags&flagACK == 0 {
		answer.seq, answer.ack, answer.flags = 0, p.seq+p.length(), flagRST|flagACK
	}
	s.send(answer.marshal(p.from))
}

// Dial connects to a port of the other host.
func (s *Stack) Dial(ctx context.Context, to netip.AddrPort) (*Conn, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	s.mu.Lock()
	if s.err != nil {
		s.mu.Unlock()
		return nil, s.err
	}
	f, err := s.freePort(to)
	if err != nil {
		s.mu.Unlock()
		return nil, err
	}
	c := newConn(s, f)
	s.conns[f] = c
	c.state = synSent
	c.output()
	s.mu.Unlock()
	for {
		s.mu.Lock()
		state, err, changed := c.state, c.err, c.changed
		s.mu.Unlock()
		switch {
		case err != nil:
			return nil, &net.OpError{Op: "dial", Net: "tcp6", Addr: net.TCPAddrFromAddrPort(to), Err: err}
		case state == established:
			return c, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			s.mu.Lock()
			c.abort(context.Cause(ctx))
			s.mu.Unlock()
			return nil, context.Cause(ctx)
		}
	}
}

// freePort picks a port of this host for a connection; s.mu is held.
func (s *Stack) freePort(to netip.AddrPort) (flow, error) {
	for range 1<<16 - firstPort {
		if s.lastPort++; s.lastPort < firstPort {
			s.lastPort = firstPort
		}
		f := flow{to, s.lastPort}
		if s.conns[f] == nil && s.listeners[f.port] == nil {
			return f, nil
		}
	}
	return flow{}, errors.New("no port is free")
}

// Close ends every connection and listener, without a word to the other host.
func (s *Stack) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return
	}
	s.err = net.ErrClosed
	for _, c := range s.conns {
		c.fail(net.ErrClosed)
	}
	for _, l := range s.listeners {
		l.end()
	}
}

// Listener takes connections to a port. It is a net.Listener.
type Listener struct {
	s       *Stack
	port    uint16
	waiting []*Conn
	changed chan struct{}
	closed  bool
}

// Listen takes connections to a port from now on.
func (s *Stack) Listen(port uint16) (*Listener, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return nil, s.err
	}
	if s.listeners[port] != nil {
		return nil, fmt.Errorf("port %d: %w", port, syscall.EADDRINUSE)
	}
	l := &Listener{s: s, port: port, changed: make(chan struct{})}
	s.listeners[port] = l
	return l, nil
}

// open begins a connection that the other host asks for; s.mu is held.
func (l *Listener) open(p segment) {
	if len(l.waiting) >= maxBacklog {
		return // it will ask again
	}
	c := newConn(l.s, flow{p.from, p.to})
	c.listener = l
	l.s.conns[c.flow] = c
	c.state = synReceived
	c.learn(p)
	c.output()
}

// Accept implements net.Listener.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		l.s.mu.Lock()
		changed := l.changed
		if len(l.waiting) > 0 {
			c := l.waiting[0]
			l.waiting = l.waiting[1:]
			l.s.mu.Unlock()
			return c, nil
		}
		closed := l.closed
		l.s.mu.Unlock()
		if closed {
			return nil, net.ErrClosed
		}
		<-changed
	}
}

// Close implements net.Listener. Connections that nobody accepted are reset.
func (l *Listener) Close() error {
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	if l.closed {
		return net.ErrClosed
	}
	for _, c := range l.waiting {
		c.abort(net.ErrClosed)
	}
	l.end()
	return nil
}

// end forgets the listener; s.mu is held.
func (l *Listener) end() {
	l.closed, l.waiting = true, nil
	delete(l.s.listeners, l.port)
	l.signal()
}

func (l *Listener) signal() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// Addr implements net.Listener.
func (l *Listener) Addr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(l.s.address, l.port))
}
