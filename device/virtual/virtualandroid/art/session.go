package art

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"sync"

	"github.com/wxctl/wxctl/device/android/jdwp"
)

// session is one debugger's connection.
type session struct {
	machine *Machine
	conn    io.ReadWriteCloser

	// requests and held are guarded by the machine's lock.
	requests []*request
	lastID   uint32
	held     bool     // events are
	waiting  [][]byte // that are held

	ids    sync.Mutex // of what follows
	byNum  map[uint64]*Object
	byObj  map[*Object]uint64
	nextID uint64

	outMu  sync.Mutex
	outMod *sync.Cond
	out    [][]byte
	last   bool // nothing follows
	sent   uint32
}

// Serve serves the debugger at the other end of conn, until either ends or ctx
// does. If there is a debugger already, the connection waits silently until
// that has detached; ART's own JDWP, up to API 27, accepted and closed it
// (jdwp_adb.cc). It closes conn.
func (m *Machine) Serve(ctx context.Context, conn io.ReadWriteCloser) {
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() {
		conn.Close()
		m.mu.Lock()
		m.changed.Broadcast()
		m.mu.Unlock()
	})
	defer stop()
	s := &session{machine: m, conn: conn, byNum: map[uint64]*Object{}, byObj: map[*Object]uint64{}, nextID: 0x100}
	s.outMod = sync.NewCond(&s.outMu)
	m.mu.Lock()
	for m.session != nil && m.options.API >= 28 && !m.dead && ctx.Err() == nil {
		m.changed.Wait()
	}
	if m.dead || m.session != nil || ctx.Err() != nil {
		m.mu.Unlock()
		return
	}
	m.session = s
	m.mu.Unlock()
	defer s.release()
	if !s.greet() {
		return
	}
	var writing sync.WaitGroup
	writing.Go(s.write)
	if m.options.API >= 28 {
		// The process's name, which an app sends to DDMS when it starts.
		s.sendCommand(setDDM, cmdChunk, s.appName())
	}
	for s.next() {
	}
	s.endOutput()
	writing.Wait()
}

// close ends the connection; Serve then returns.
func (s *session) close() { s.conn.Close() }

// greet does the handshake. ART needs the debugger's part in one piece.
func (s *session) greet() bool {
	got := make([]byte, len(handshake))
	if _, err := io.ReadFull(s.conn, got); err != nil || string(got) != handshake {
		return false
	}
	_, err := io.WriteString(s.conn, handshake)
	return err == nil
}

// release undoes what the debugger did: its requests are removed, and every
// thread continues.
func (s *session) release() {
	m := s.machine
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.session != s {
		return
	}
	s.requests = nil
	for _, t := range m.threads {
		t.suspended = 0
		t.generation++
	}
	m.session = nil
	m.changed.Broadcast()
}

// write sends what was queued.
func (s *session) write() {
	for {
		s.outMu.Lock()
		for len(s.out) == 0 && !s.last {
			s.outMod.Wait()
		}
		out := s.out
		s.out = nil
		last := s.last
		s.outMu.Unlock()
		for _, b := range out {
			if _, err := s.conn.Write(b); err != nil {
				s.conn.Close()
				return
			}
		}
		if last {
			s.conn.Close()
			return
		}
	}
}

func (s *session) endOutput() {
	s.outMu.Lock()
	s.last = true
	s.outMod.Signal()
	s.outMu.Unlock()
}

func (s *session) send(b []byte) {
	s.outMu.Lock()
	s.out = append(s.out, b)
	s.outMod.Signal()
	s.outMu.Unlock()
}

func (s *session) sendCommand(set, number byte, data []byte) {
	s.outMu.Lock()
	s.sent++
	id := s.sent
	s.outMu.Unlock()
	b := binary.BigEndian.AppendUint32(nil, uint32(headSize+len(data)))
	b = binary.BigEndian.AppendUint32(b, id|0x4000_0000)
	s.send(append(append(b, 0, set, number), data...))
}

// sendEvent sends an event, at once or when events are held no more. Called
// with the machine's lock held.
func (s *session) sendEvent(data []byte) {
	if s.held {
		s.waiting = append(s.waiting, data)
		return
	}
	s.sendCommand(setEvent, cmdComposite, data)
}

func holdEvents(c *call) { c.held = true }

func releaseEvents(c *call) {
	c.held = false
	for _, data := range c.waiting {
		c.sendEvent(data)
	}
	c.waiting = nil
}

func (s *session) reply(id uint32, code jdwp.ErrorCode, data []byte) {
	if code != 0 {
		data = nil
	}
	b := binary.BigEndian.AppendUint32(nil, uint32(headSize+len(data)))
	b = binary.BigEndian.AppendUint32(b, id)
	b = append(b, flagReply)
	b = binary.BigEndian.AppendUint16(b, uint16(code))
	s.send(append(b, data...))
}

// next reads one packet and does what it asks. It is false at the end.
func (s *session) next() bool {
	var head [headSize]byte
	if _, err := io.ReadFull(s.conn, head[:]); err != nil {
		return false
	}
	length := binary.BigEndian.Uint32(head[:])
	if length < headSize || length > maxPacket {
		return false
	}
	data := make([]byte, length-headSize)
	if _, err := io.ReadFull(s.conn, data); err != nil {
		return false
	}
	if head[8]&flagReply != 0 {
		return true // no command
	}
	id, set, number := binary.BigEndian.Uint32(head[4:]), head[9], head[10]
	c := &call{session: s, id: id, in: &reader{b: data, s: s}, out: &writer{s: s}}
	err := commands[[2]byte{set, number}].do(c)
	var code jdwp.ErrorCode
	switch {
	case errors.Is(err, ErrDead):
		return false
	case c.later:
		return true
	case err != nil && !errors.As(err, &code):
		code = jdwp.Internal
	}
	s.reply(id, code, c.out.b)
	return !c.last
}

// idOf gives an object its id, for as long as the session lasts.
func (s *session) idOf(o *Object) uint64 {
	if o == nil {
		return 0
	}
	s.ids.Lock()
	defer s.ids.Unlock()
	if id := s.byObj[o]; id != 0 {
		return id
	}
	s.nextID++
	s.byNum[s.nextID], s.byObj[o] = o, s.nextID
	return s.nextID
}

func (s *session) byID(id uint64) *Object {
	s.ids.Lock()
	defer s.ids.Unlock()
	return s.byNum[id]
}
