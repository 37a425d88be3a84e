package coredevice

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/wxctl/wxctl/device/ios/cdtunnel"
	"github.com/wxctl/wxctl/device/virtual/virtualios/idevice"
	"github.com/wxctl/wxctl/fixtures/fault"
)

// share opens a tunnel and launches WeChat through it.
func share(ctx context.Context, conn net.Conn) error {
	n, err := cdtunnel.Open(ctx, conn)
	if err != nil {
		return err
	}
	defer n.Close()
	rsd, err := dial(ctx, n, n.RSDPort())
	if err != nil {
		return err
	}
	defer rsd.Close()
	directory, err := rsd.Handshake(ctx)
	if err != nil {
		return err
	}
	port, err := portOf(directory, AppService)
	if err != nil {
		return err
	}
	app, err := dial(ctx, n, port)
	if err != nil {
		return err
	}
	defer app.Close()
	reply, err := app.Call(ctx, request("launchapplication", launch("com.tencent.xin", "weixin://")))
	if err == nil && at[dict](reply, "CoreDevice.output", "processToken") == nil {
		err = errors.New("no process in the reply")
	}
	return err
}

// TestFaults fails at each step in each way: a stall lasts until the caller
// gives up; a cut connection and invalid data are errors at once.
func TestFaults(t *testing.T) {
	for _, step := range []string{
		"CoreDeviceProxy handshake", "CoreDeviceProxy packets", "rsd HTTP/2", "rsd opening", "rsd Handshake",
		"appservice HTTP/2", "appservice opening", "appservice launchapplication",
	} {
		t.Run("stall at "+step, func(t *testing.T) {
			plan := fault.New(fault.Fault{Step: step, Then: fault.Stall})
			s, _, _ := start(t, idevice.Options{}, Options{Faults: plan.Strike})
			ctx, cancel := context.WithCancelCause(within(t))
			gone := errors.New("the caller gave up")
			done := make(chan error, 1)
			conn := proxy(t, s)
			go func() { done <- share(ctx, conn) }()
			for plan.Count(step) == 0 && ctx.Err() == nil {
				time.Sleep(time.Millisecond)
			}
			cancel(gone)
			if err := <-done; !errors.Is(err, gone) {
				t.Errorf("%v", err)
			}
		})
		t.Run("cut at "+step, func(t *testing.T) {
			plan := fault.New(fault.Fault{Step: step, Then: fault.Cut})
			s, _, _ := start(t, idevice.Options{}, Options{Faults: plan.Strike})
			if err := share(within(t), proxy(t, s)); err == nil || errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v", err)
			}
			plan.Clear()
			if err := share(within(t), proxy(t, s)); err != nil {
				t.Errorf("after the fault: %v", err)
			}
		})
		t.Run("garbage at "+step, func(t *testing.T) {
			s, _, _ := start(t, idevice.Options{}, Options{Faults: fault.New(fault.Fault{Step: step, Then: fault.Garbage}).Strike})
			if err := share(within(t), proxy(t, s)); err == nil || errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v", err)
			}
		})
	}
}

// TestLies has the phone send valid messages that are not true.
func TestLies(t *testing.T) {
	deep := any(nil)
	for range 60 {
		deep = []any{deep}
	}
	message := func(stream uint32, body dict) []byte {
		data, err := Message(stream, body)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	handshake := func(properties, services any) []byte {
		return message(Root, dict{"MessageType": "Handshake", "Properties": properties, "Services": services})
	}
	udid := dict{"UniqueDeviceID": "x"}
	greeting := func(text string) []byte {
		return append([]byte{'C', 'D', 'T', 'u', 'n', 'n', 'e', 'l', 0, byte(len(text))}, text...)
	}
	for _, tt := range []struct {
		step   string
		answer []byte
		want   string
	}{
		{"CoreDeviceProxy handshake", greeting(`{"type":`), "an invalid answer"},
		{"CoreDeviceProxy handshake", greeting(`{"type":"serverHandshakeResponse","clientParameters":{"address":"::1","mtu":1}}`), "an invalid answer"},
		{"rsd Handshake", handshake(nil, nil), "no UDID"},
		{"rsd Handshake", handshake(udid, []any{}), "does not offer"},
		{"rsd Handshake", handshake(udid, dict{AppService: dict{"Port": "-1"}}), "does not offer"},
		{"rsd Handshake", handshake(udid, dict{AppService: dict{"Port": "9"}}), "refused"},
		{"appservice launchapplication", message(Answers, dict{"CoreDevice.output": deep}), "no process"},
	} {
		s, _, _ := start(t, idevice.Options{}, Options{Faults: fault.New(fault.Fault{Step: tt.step, Answer: tt.answer, Then: fault.Stall}).Strike})
		if err := share(within(t), proxy(t, s)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: want an error with %q, got %v", tt.step, tt.want, err)
		}
	}
}

// TestGreetings: CoreDeviceProxy disconnects after anything but a greeting.
func TestGreetings(t *testing.T) {
	plan := fault.New()
	s, _, _ := start(t, idevice.Options{}, Options{Faults: plan.Strike})
	for _, said := range []string{"GET / HTTP/1.1\r\n", "CDTunnel\x00\x02{}", "CDTunnel\x00\x01{", "CDTunnel\x00\x1a{\"type\":\"clientHandshake\"} "} {
		conn := proxy(t, s)
		if _, err := conn.Write([]byte(said)); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(conn); len(got) > 0 && err == nil {
			t.Errorf("%q: answered with %q", said, got)
		}
	}
	if got := plan.Count("CoreDeviceProxy handshake"); got != 0 {
		t.Errorf("%d tunnels", got)
	}
}

// TestPacketsOfNoUse: multicast reports, router solicitations and wrong
// checksums are dropped; a packet that is not IPv6 ends the tunnel.
func TestPacketsOfNoUse(t *testing.T) {
	s, _, _ := start(t, idevice.Options{}, Options{})
	conn := proxy(t, s)
	hello := `{"type":"clientHandshakeRequest","mtu":1280}`
	greeting := "CDTunnel\x00" + string(rune(len(hello))) + hello
	if _, err := conn.Write([]byte(greeting)); err != nil {
		t.Fatal(err)
	}
	head := make([]byte, 10)
	if _, err := io.ReadFull(conn, head); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(conn, make([]byte, int(head[8])<<8|int(head[9]))); err != nil {
		t.Fatal(err)
	}
	packet := func(next byte, payload ...byte) []byte {
		phone, computer := s.addresses()
		from, to := computer.As16(), phone.As16()
		p := []byte{0x60, 0, 0, 0, 0, byte(len(payload)), next, 255}
		return append(append(append(p, from[:]...), to[:]...), payload...)
	}
	for _, p := range [][]byte{
		packet(0, 58, 0, 5, 2, 0, 0, 1, 0, 143, 0, 0, 0, 0, 0, 0, 0), // hop-by-hop, then an MLD report
		packet(58, 133, 0, 0, 0, 0, 0, 0, 0),                         // a router solicitation
		packet(6, make([]byte, 20)...),                               // invalid TCP
		packet(59),
	} {
		if _, err := conn.Write(p); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := conn.Write(append([]byte{0x45}, make([]byte, 39)...)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, conn); err != nil && !strings.Contains(err.Error(), "reset") {
		t.Errorf("the tunnel did not end: %v", err)
	}
}
