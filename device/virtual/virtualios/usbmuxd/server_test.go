package usbmuxd_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"reflect"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"howett.net/plist"

	"github.com/wxctl/wxctl/device/virtual/virtualios/usbmuxd"
	"github.com/wxctl/wxctl/fixtures/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// echo is a phone that repeats its input, on one port.
type echo string

func (e echo) UDID() string { return string(e) }

func (e echo) Port(port uint16) func(context.Context, net.Conn) {
	if port != 62078 {
		return nil
	}
	return func(_ context.Context, conn net.Conn) { _, _ = io.Copy(conn, conn) }
}

type records struct {
	mu sync.Mutex
	m  map[string][]byte
}

func (r *records) ReadPair(udid string) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.m[udid]
}

func (r *records) SavePair(udid string, record []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.m[udid] = record
}

func (r *records) DeletePair(udid string) { r.SavePair(udid, nil) }

// mux starts a usbmuxd and returns how to dial it.
func mux(t *testing.T, plan *fault.Plan) (*usbmuxd.Server, func() net.Conn) {
	t.Helper()
	s := usbmuxd.New("BUID", &records{m: map[string][]byte{}})
	s.Faults = plan.Strike
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s, func() net.Conn {
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
			t.Fatal(err)
		}
		return conn
	}
}

func send(t *testing.T, conn net.Conn, version, kind, tag uint32, message any) {
	t.Helper()
	body, err := plist.Marshal(message, plist.XMLFormat)
	if err != nil {
		t.Fatal(err)
	}
	var out []byte
	for _, n := range []uint32{uint32(16 + len(body)), version, kind, tag} {
		out = binary.LittleEndian.AppendUint32(out, n)
	}
	if _, err := conn.Write(append(out, body...)); err != nil {
		t.Fatal(err)
	}
}

func receive(t *testing.T, conn net.Conn) (uint32, map[string]any) {
	t.Helper()
	var h [4]uint32
	if err := binary.Read(conn, binary.LittleEndian, &h); err != nil {
		t.Fatal(err)
	}
	body := make([]byte, h[0]-16)
	if _, err := io.ReadFull(conn, body); err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if _, err := plist.Unmarshal(body, &m); err != nil || h[1] != 1 || h[2] != 8 {
		t.Fatalf("%v: %v", h, err)
	}
	return h[3], m
}

func ask(t *testing.T, conn net.Conn, message map[string]any) map[string]any {
	t.Helper()
	const tag = 7
	send(t, conn, 1, 8, tag, message)
	got, m := receive(t, conn)
	if got != tag {
		t.Errorf("%v: tag %d", message, got)
	}
	return m
}

func number(m map[string]any, key string) uint64 {
	n, ok := m[key].(uint64)
	if !ok {
		return 1 << 40
	}
	return n
}

// One connection carries several requests.
func TestAnswers(t *testing.T) {
	s, dial := mux(t, nil)
	plugged, unplug := context.WithCancel(t.Context())
	s.Attach(plugged, echo("A"), usbmuxd.USB)
	s.Attach(plugged, echo("A"), usbmuxd.Network)
	s.Attach(t.Context(), echo("B"), usbmuxd.USB)
	conn := dial()
	list, _ := ask(t, conn, map[string]any{"MessageType": "ListDevices", "kLibUSBMuxVersion": 3})["DeviceList"].([]any)
	var got []string
	for _, d := range list {
		p, _ := d.(map[string]any)["Properties"].(map[string]any)
		got = append(got, p["SerialNumber"].(string)+" "+p["ConnectionType"].(string))
	}
	if want := []string{"A USB", "A Network", "B USB"}; !reflect.DeepEqual(got, want) {
		t.Errorf("devices %q", got)
	}
	if m := ask(t, conn, map[string]any{"MessageType": "ReadBUID"}); m["BUID"] != "BUID" {
		t.Errorf("%v", m)
	}
	for _, tt := range []struct {
		message map[string]any
		number  uint64
	}{
		{map[string]any{"MessageType": "ReadPairRecord", "PairRecordID": "A"}, 2},
		{map[string]any{"MessageType": "SavePairRecord", "PairRecordID": "A"}, 1},
		{map[string]any{"MessageType": "SavePairRecord", "PairRecordID": "A", "PairRecordData": []byte("x")}, 0},
		{map[string]any{"MessageType": "Connect", "DeviceID": 99, "PortNumber": 32498}, 2},
		{map[string]any{"MessageType": "Connect", "DeviceID": 1, "PortNumber": 62078}, 3}, // not swapped
		{map[string]any{"MessageType": "Connect", "DeviceID": 1, "PortNumber": 1 << 20}, 2},
		{map[string]any{"MessageType": "Nonsense"}, 1},
	} {
		if m := ask(t, conn, tt.message); number(m, "Number") != tt.number {
			t.Errorf("%v: %v", tt.message, m)
		}
	}
	if m := ask(t, conn, map[string]any{"MessageType": "ReadPairRecord", "PairRecordID": "A"}); !bytes.Equal(m["PairRecordData"].([]byte), []byte("x")) {
		t.Errorf("%v", m)
	}
	if m := ask(t, conn, map[string]any{"MessageType": "DeletePairRecord", "PairRecordID": "A"}); number(m, "Number") != 0 {
		t.Errorf("%v", m)
	}
	if m := ask(t, conn, map[string]any{"MessageType": "Connect", "DeviceID": 1, "PortNumber": 32498}); number(m, "Number") != 0 {
		t.Errorf("%v", m)
	}
	if _, err := conn.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	back := make([]byte, 5)
	if _, err := io.ReadFull(conn, back); err != nil || string(back) != "hello" {
		t.Errorf("%q, %v", back, err)
	}
	unplug() // unplugged: the connection is gone
	if _, err := conn.Read(back); err == nil {
		t.Error("the connection outlives the phone")
	}
}

func TestListen(t *testing.T) {
	s, dial := mux(t, nil)
	plugged, unplug := context.WithCancel(t.Context())
	s.Attach(plugged, echo("A"), usbmuxd.USB)
	conn := dial()
	if m := ask(t, conn, map[string]any{"MessageType": "Listen"}); number(m, "Number") != 0 {
		t.Errorf("%v", m)
	}
	expect := func(kind string, id uint64) {
		t.Helper()
		tag, m := receive(t, conn)
		if tag != 0 || m["MessageType"] != kind || number(m, "DeviceID") != id {
			t.Errorf("tag %d: %v, want %s %d", tag, m, kind, id)
		}
	}
	expect("Attached", 1)
	s.Attach(t.Context(), echo("B"), usbmuxd.USB)
	expect("Attached", 2)
	unplug()
	expect("Detached", 1)
	s.Attach(t.Context(), echo("A"), usbmuxd.USB) // a new number each time
	expect("Attached", 3)
	other := dial()
	ask(t, other, map[string]any{"MessageType": "SavePairRecord", "PairRecordID": "A", "PairRecordData": []byte("x")})
	expect("Paired", 3)
}

// An invalid message ends the connection; the old protocol gets an answer.
func TestBadMessages(t *testing.T) {
	_, dial := mux(t, nil)
	old := dial()
	send(t, old, 0, 3, 5, map[string]any{})
	if tag, m := receive(t, old); tag != 5 || number(m, "Number") != 6 {
		t.Errorf("tag %d: %v", tag, m)
	}
	for name, raw := range map[string][]byte{
		"short": {16, 0}, "length below the header": {8, 0, 0, 0, 1, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0},
		"huge": {0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0}, "no plist": append([]byte{20, 0, 0, 0, 1, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0}, "\xff\xff<x"...),
	} {
		conn := dial()
		if _, err := conn.Write(raw); err != nil {
			t.Fatal(err)
		}
		if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(conn); err != nil && !errors.Is(err, net.ErrClosed) && len(got) > 0 {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// Each effect at a step, and the count of requests.
func TestFaults(t *testing.T) {
	plan := fault.New(fault.Fault{Step: "usbmux ReadBUID", Skip: 1, Answer: []byte("lie"), Then: fault.Cut},
		fault.Fault{Step: "usbmux ListDevices", After: 20, Then: fault.Cut}, fault.Fault{Step: "usbmux Listen", Then: fault.Garbage})
	_, dial := mux(t, plan)
	conn := dial()
	if m := ask(t, conn, map[string]any{"MessageType": "ReadBUID"}); m["BUID"] != "BUID" {
		t.Errorf("%v", m)
	}
	for message, want := range map[string]int{"ReadBUID": 3, "ListDevices": 20, "Listen": 1 << 10} {
		conn := dial()
		send(t, conn, 1, 8, 0, map[string]any{"MessageType": message})
		if got, err := io.ReadAll(conn); err != nil || len(got) != want {
			t.Errorf("%s: %d bytes, %v", message, len(got), err)
		}
	}
	if plan.Count("usbmux ReadBUID") != 2 || len(plan.Steps()) != 4 {
		t.Errorf("%q", plan.Steps())
	}
	plan.Clear()
	plan.Add(fault.Fault{Step: "usbmux ReadBUID", Then: fault.Stall})
	conn = dial()
	send(t, conn, 1, 8, 0, map[string]any{"MessageType": "ReadBUID"})
	if err := conn.SetReadDeadline(time.Now().Add(-time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("answered")
	}
	ended := make(chan struct{})
	go func() { conn.Close(); close(ended) }()
	<-ended
}
