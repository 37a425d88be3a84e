package adb

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/wxctl/wxctl/device/virtual/fault"
	"github.com/wxctl/wxctl/device/virtual/local"
)

// Server is an adb server: it implements the smart-socket protocol that adb
// clients use at port 5037, for any number of phones. Set the exported fields
// before Serve.
type Server struct {
	// Latency is a delay whenever the direction of the traffic changes, as half
	// a round trip over a slow link would be.
	Latency time.Duration
	// Connect is called for "host:connect:ADDRESS" and gives the phone at that
	// address; its error is sent to the client. If nil, nothing can be reached.
	Connect func(ctx context.Context, address string) (Device, error)
	// Faults is what goes wrong with the answers to requests.
	Faults fault.Hook

	mu         sync.Mutex
	transports []*transport
	lastID     uint64
	forwards   []*forward
	changed    Signal
}

// transport is a phone as the server lists it.
type transport struct {
	Device
	id       uint64
	reverses reverses

	mu     sync.Mutex
	gone   context.Context // ends when the phone is removed or kicked
	remove context.CancelFunc
}

// link returns a context for one service, which ends as the link to the phone
// does: when it is removed or kicked, or changes its state.
func (t *transport) link(ctx context.Context, wg *sync.WaitGroup) (context.Context, context.CancelFunc) {
	t.mu.Lock()
	gone := t.gone
	t.mu.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(gone, cancel)
	before := t.State()
	wg.Go(func() { watchState(ctx, t.Device, before, cancel) })
	return ctx, func() {
		stop()
		cancel()
	}
}

// watchState calls lost when the phone's state isn't what it was before: a
// phone that goes into recovery, or revokes a permission, comes back as another
// one. It returns when it has, or when ctx ends.
func watchState(ctx context.Context, d Device, before State, lost func()) {
	for {
		changed := d.Changed()
		if d.State() != before {
			lost()
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// kick ends what runs on the phone; it stays connected.
func (t *transport) kick() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.remove()
	t.gone, t.remove = context.WithCancel(context.Background())
}

// NewServer returns a server that lists devices.
func NewServer(devices ...Device) *Server {
	s := &Server{}
	for _, d := range devices {
		s.Add(d)
	}
	return s
}

// Add connects a phone. A phone of the same serial number at the same USB path,
// or without one, is replaced: at two paths there are two phones, as with those
// of a series that share one number.
func (s *Server) Add(d Device) {
	s.remove(func(t *transport) bool {
		return t.Serial() == d.Serial() && t.Identity().DevPath == d.Identity().DevPath
	})
	s.mu.Lock()
	s.lastID++
	t := &transport{Device: d, id: s.lastID}
	t.gone, t.remove = context.WithCancel(context.Background())
	s.transports = append(s.transports, t)
	s.mu.Unlock()
	s.changed.Notify()
}

// Remove disconnects a phone: it is no longer listed, and what runs on it
// ends. It reports whether there was one of that serial number.
func (s *Server) Remove(serial string) bool {
	return s.remove(func(t *transport) bool { return t.Serial() == serial })
}

func (s *Server) remove(which func(*transport) bool) bool {
	s.mu.Lock()
	i := slices.IndexFunc(s.transports, which)
	if i < 0 {
		s.mu.Unlock()
		return false
	}
	t := s.transports[i]
	s.transports = slices.Delete(s.transports, i, i+1)
	s.closeForwards(func(f *forward) bool { return f.t == t })
	s.mu.Unlock()
	t.mu.Lock()
	t.remove()
	t.mu.Unlock()
	s.changed.Notify()
	return true
}

// Serve answers clients on l until ctx ends; then it closes l and every
// connection, waits for all that it started and returns nil. An error is l's.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.closeForwards(func(*forward) bool { return true })
	}()
	var services sync.WaitGroup
	defer services.Wait()
	return local.Serve(ctx, l, func(ctx context.Context, conn net.Conn) { s.client(ctx, &services, conn) })
}

// client answers one connection: requests up to the first that isn't a choice
// of transport.
func (s *Server) client(ctx context.Context, wg *sync.WaitGroup, tcp net.Conn) {
	conn := delay(ctx, tcp, s.Latency)
	c := &client{s: s, wg: wg}
	for {
		request, err := readRequest(conn)
		if err != nil {
			return // a malformed length is answered by nothing, as adb does
		}
		if c.conn = s.Faults.Reach(request, conn); c.conn == nil {
			return
		}
		if !c.answer(ctx, request) {
			break
		}
	}
}

// maxRequest is the longest request: four hex digits can't express more.
const maxRequest = 0xffff

// readRequest reads four hex digits of length and as many bytes.
func readRequest(conn net.Conn) (string, error) {
	var digits [4]byte
	if _, err := io.ReadFull(conn, digits[:]); err != nil {
		return "", err
	}
	length := 0
	for _, d := range digits {
		n := strings.IndexByte("0123456789abcdef", d|0x20)
		if n < 0 || d < '0' {
			return "", errMalformed
		}
		length = length<<4 | n
	}
	if length == 0 {
		return "", errMalformed
	}
	buf := make([]byte, length)
	if _, err := io.ReadFull(conn, buf); err != nil {
		return "", err
	}
	return string(buf), nil
}

var errMalformed = errors.New("malformed smart-socket request")
