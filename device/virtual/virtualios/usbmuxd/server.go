// Package usbmuxd is the daemon through which computers reach iPhones: it lists
// the attached phones, reports when one is attached or detached, stores the
// pair records, and connects to ports on the phones.
package usbmuxd

import (
	"context"
	"errors"
	"maps"
	"net"
	"slices"
	"sync"

	"github.com/wxctl/wxctl/device/virtual/fault"
	"github.com/wxctl/wxctl/device/virtual/local"
)

// Device is a phone at the end of a cable.
type Device interface {
	// UDID is its number, the SerialNumber of the protocol.
	UDID() string
	// Port returns what serves a port of the phone; nil refuses connections.
	Port(port uint16) func(ctx context.Context, conn net.Conn)
}

// Pairs keeps pair records, property lists by UDID.
type Pairs interface {
	ReadPair(udid string) []byte // nil if there is none
	SavePair(udid string, record []byte)
	DeletePair(udid string)
}

// Transport is how a phone is attached.
type Transport string

// The transports, with the protocol's names.
const (
	USB     Transport = "USB"
	Network Transport = "Network"
)

// Result codes of the protocol.
const (
	resultOK = iota
	resultBadCommand
	resultBadDevice
	resultRefused
	resultBadVersion = 6
)

// Server is one usbmuxd. It is safe for use by several goroutines.
type Server struct {
	// BUID is the computer's own number (SystemBUID).
	BUID string
	// Pairs are its pair records.
	Pairs Pairs
	// Faults make it fail on purpose, at steps such as "usbmux ListDevices".
	Faults fault.Hook

	mu       sync.Mutex
	nextID   int
	attached map[int]*attachment
	watchers map[*watcher]bool
}

type attachment struct {
	id        int
	device    Device
	transport Transport
	plugged   context.Context // ends when it is pulled out
}

// watcher is a client that listens. Its messages are written one by one in the
// client's own goroutine.
type watcher struct {
	mu      sync.Mutex
	pending []any
	wake    chan struct{}
}

func (w *watcher) send(message any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pending = append(w.pending, message)
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// New returns a usbmuxd without phones.
func New(buid string, pairs Pairs) *Server {
	return &Server{BUID: buid, Pairs: pairs, attached: map[int]*attachment{}, watchers: map[*watcher]bool{}}
}

// Attach connects a phone, until ctx ends: then the phone is disconnected, and
// all connections to it end. A phone that is attached by USB and by network has
// two numbers.
func (s *Server) Attach(ctx context.Context, d Device, transport Transport) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nextID++
	a := &attachment{id: s.nextID, device: d, transport: transport, plugged: ctx}
	s.attached[a.id] = a
	for w := range s.watchers {
		w.send(a.message())
	}
	context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.attached, a.id)
		for w := range s.watchers {
			w.send(map[string]any{"MessageType": "Detached", "DeviceID": a.id})
		}
	})
}

// message describes an attached phone as ListDevices and Listen do.
func (a *attachment) message() map[string]any {
	properties := map[string]any{"ConnectionType": string(a.transport), "DeviceID": a.id, "SerialNumber": a.device.UDID()}
	if a.transport == USB {
		const iPhone, highSpeed = 0x12a8, 480_000_000
		properties["ProductID"], properties["ConnectionSpeed"], properties["LocationID"] = iPhone, highSpeed, a.id<<20
		properties["UDID"], properties["USBSerialNumber"] = a.device.UDID(), a.device.UDID()
	} else {
		properties["EscapedFullServiceName"] = "02:00:00:00:00:01@fe80::ff:fe00:1._apple-mobdev2._tcp.local."
		properties["InterfaceIndex"] = 4
		// struct sockaddr_in of 169.254.7.1, of the phone's side.
		properties["NetworkAddress"] = append([]byte{16, 2, 0, 0, 169, 254, 7, 1}, make([]byte, 120)...)
	}
	return map[string]any{"MessageType": "Attached", "DeviceID": a.id, "Properties": properties}
}

func (s *Server) list() []any {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []any{}
	for _, id := range slices.Sorted(maps.Keys(s.attached)) {
		out = append(out, s.attached[id].message())
	}
	return out
}

// Serve answers clients at l until ctx ends, and waits for what it began. An
// error is l's.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	return local.Serve(ctx, l, s.ServeConn)
}

// ServeConn answers one client until it is gone, or until a Connect has ended.
// The caller closes conn when ctx ends.
func (s *Server) ServeConn(ctx context.Context, conn net.Conn) {
	for {
		q, tag, err := readRequest(conn)
		if errors.Is(err, errBinary) {
			_ = writeMessage(conn, tag, result(resultBadVersion))
			return
		}
		if err != nil {
			return
		}
		answer := s.Faults.Reach("usbmux "+q.MessageType, conn)
		if answer == nil {
			return
		}
		switch q.MessageType {
		case "Listen":
			s.listen(ctx, answer, tag)
			return
		case "Connect":
			if s.connect(ctx, answer, tag, q) {
				return
			}
			continue
		}
		if writeMessage(answer, tag, s.answer(q)) != nil {
			return
		}
	}
}

func result(n int) map[string]any { return map[string]any{"MessageType": "Result", "Number": n} }

// answer answers requests after which the connection continues.
func (s *Server) answer(q request) any {
	switch q.MessageType {
	case "ListDevices":
		return map[string]any{"DeviceList": s.list()}
	case "ListListeners":
		return map[string]any{"ListenerList": []any{}}
	case "ReadBUID":
		return map[string]any{"BUID": s.BUID}
	case "ReadPairRecord":
		if record := s.Pairs.ReadPair(q.PairRecordID); record != nil {
			return map[string]any{"PairRecordData": record}
		}
		return result(resultBadDevice)
	case "SavePairRecord":
		if q.PairRecordID == "" || len(q.PairRecordData) == 0 {
			return result(resultBadCommand)
		}
		s.Pairs.SavePair(q.PairRecordID, q.PairRecordData)
		s.paired(q.PairRecordID)
		return result(resultOK)
	case "DeletePairRecord":
		s.Pairs.DeletePair(q.PairRecordID)
		return result(resultOK)
	}
	return result(resultBadCommand)
}

// paired notifies listeners that a phone has been paired.
func (s *Server) paired(udid string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(s.attached)) {
		if s.attached[id].device.UDID() == udid {
			for w := range s.watchers {
				w.send(map[string]any{"MessageType": "Paired", "DeviceID": id})
			}
		}
	}
}

// connect turns the connection into one to a port of a phone; it reports
// whether it did. The port comes with its bytes swapped, as htons makes it.
func (s *Server) connect(ctx context.Context, conn net.Conn, tag uint32, q request) bool {
	s.mu.Lock()
	a := s.attached[q.DeviceID]
	s.mu.Unlock()
	if a == nil || q.PortNumber < 0 || q.PortNumber > 0xffff {
		_ = writeMessage(conn, tag, result(resultBadDevice))
		return false
	}
	port := uint16(q.PortNumber)<<8 | uint16(q.PortNumber)>>8
	serve := a.device.Port(port)
	if serve == nil {
		_ = writeMessage(conn, tag, result(resultRefused))
		return false
	}
	if writeMessage(conn, tag, result(resultOK)) != nil {
		return true
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(a.plugged, func() { cancel(); _ = conn.Close() })()
	serve(ctx, conn)
	return true
}

// listen reports attached and detached phones to a client, until it
// disconnects.
func (s *Server) listen(ctx context.Context, conn net.Conn, tag uint32) {
	w := &watcher{wake: make(chan struct{}, 1)}
	s.mu.Lock()
	s.watchers[w] = true
	w.pending = append(w.pending, result(resultOK))
	for _, id := range slices.Sorted(maps.Keys(s.attached)) {
		w.pending = append(w.pending, s.attached[id].message())
	}
	s.mu.Unlock()
	w.wake <- struct{}{}
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.watchers, w)
	}()
	ctx, cancel := context.WithCancel(ctx)
	var reading sync.WaitGroup
	defer reading.Wait()
	defer conn.Close()
	defer cancel()
	reading.Go(func() { // after any further request, it no longer listens
		defer cancel()
		_, _, _ = readRequest(conn)
	})
	for first := true; ; {
		select {
		case <-w.wake:
		case <-ctx.Done():
			return
		}
		w.mu.Lock()
		messages := w.pending
		w.pending = nil
		w.mu.Unlock()
		for _, message := range messages {
			if writeMessage(conn, tag, message) != nil {
				return
			}
			if first { // the answer has the request's tag, events have none
				tag, first = 0, false
			}
		}
	}
}
