package coredevice

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/wxctl/wxctl/device/ios/cdtunnel"
	"github.com/wxctl/wxctl/device/ios/remotexpc"
	"github.com/wxctl/wxctl/device/virtual/ios/idevice"
)

// share opens a tunnel and launches WeChat through it. after is called when the
// phone has been asked for something that it may not answer.
func share(ctx context.Context, conn net.Conn) error {
	n, err := cdtunnel.Open(ctx, conn)
	if err != nil {
		return err
	}
	defer n.Close()
	dial := func(port uint16) (*remotexpc.Client, error) {
		conn, err := n.Dial(ctx, port)
		if err != nil {
			return nil, err
		}
		return remotexpc.Open(ctx, conn)
	}
	rsd, err := dial(n.RSDPort())
	if err != nil {
		return err
	}
	defer rsd.Close()
	peer, err := rsd.Handshake(ctx)
	if err != nil {
		return err
	}
	port, err := peer.Port(AppService)
	if err != nil {
		return err
	}
	app, err := dial(port)
	if err != nil {
		return err
	}
	defer app.Close()
	reply, err := app.Call(ctx, request("launchapplication", launch("com.tencent.xin", "weixin://")))
	if err == nil && reply.Dict("CoreDevice.output", "processToken") == nil {
		err = errors.New("no process in the reply")
	}
	return err
}

// TestFaults fails at each step in each way: a stall lasts until the caller
// gives up, a cut and a lie are errors at once.
func TestFaults(t *testing.T) {
	deep := any(nil)
	for range 60 {
		deep = []any{deep}
	}
	steps := map[string]Step{"proxy": AtProxy, "network": AtNetwork, "settings": AtSettings, "opening": AtOpening, "handshake": AtHandshake, "request": AtRequest}
	for name, step := range steps {
		t.Run("stall at "+name, func(t *testing.T) {
			s, _, _ := start(t, idevice.Options{}, Options{})
			s.SetFault(Fault{At: step, Do: Stall})
			ctx, cancel := context.WithCancelCause(within(t))
			gone := errors.New("the caller gave up")
			// The phone is silent for good once it has read: giving up before is
			// as good.
			done := make(chan error, 1)
			conn := proxy(t, s)
			go func() { done <- share(ctx, conn) }()
			cancel(gone)
			if err := <-done; !errors.Is(err, gone) {
				t.Errorf("%v", err)
			}
		})
		t.Run("cut at "+name, func(t *testing.T) {
			s, _, _ := start(t, idevice.Options{}, Options{})
			s.SetFault(Fault{At: step, Do: Cut})
			if err := share(within(t), proxy(t, s)); err == nil || errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v", err)
			}
			s.SetFault(Fault{})
			if err := share(within(t), proxy(t, s)); err != nil {
				t.Errorf("after the fault: %v", err)
			}
		})
	}
	for _, tt := range []struct {
		fault Fault
		want  string
	}{
		{Fault{At: AtProxy, Text: `{"type":`}, "nonsense"},
		{Fault{At: AtProxy, Text: `{"type":"serverHandshakeResponse","clientParameters":{"address":"::1","mtu":1}}`}, "nonsense"},
		{Fault{At: AtHandshake, Say: remotexpc.Dict{{Key: "MessageType", Value: "Handshake"}}}, "no UDID"},
		{Fault{At: AtHandshake, Say: remotexpc.Dict{{Key: "MessageType", Value: "Handshake"}, {Key: "Properties", Value: remotexpc.Dict{{Key: "UniqueDeviceID", Value: "x"}}}, {Key: "Services", Value: []any{}}}}, "does not offer"},
		{Fault{At: AtRequest, Say: remotexpc.Dict{{Key: "CoreDevice.output", Value: deep}}}, "no process"},
	} {
		s, _, _ := start(t, idevice.Options{}, Options{})
		tt.fault.Do = Lie
		s.SetFault(tt.fault)
		if err := share(within(t), proxy(t, s)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: want an error with %q, got %v", tt.fault, tt.want, err)
		}
	}
}

// TestGreetings: CoreDeviceProxy hangs up on what is no greeting.
func TestGreetings(t *testing.T) {
	s, _, _ := start(t, idevice.Options{}, Options{})
	for _, said := range []string{"GET / HTTP/1.1\r\n", "CDTunnel\x00\x02{}", "CDTunnel\x00\x01{", "CDTunnel\x00\x1a{\"type\":\"clientHandshake\"} "} {
		conn := proxy(t, s)
		if _, err := conn.Write([]byte(said)); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(conn); len(got) > 0 && err == nil {
			t.Errorf("%q: answered with %q", said, got)
		}
	}
	if got := s.Counts().Tunnels; got != 0 {
		t.Errorf("%d tunnels", got)
	}
}

// TestPacketsOfNoUse: multicast reports, router solicitations and wrong
// checksums are dropped; what is no IPv6 ends the tunnel.
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
		phone, computer, _ := s.addresses()
		from, to := computer.As16(), phone.As16()
		p := []byte{0x60, 0, 0, 0, 0, byte(len(payload)), next, 255}
		return append(append(append(p, from[:]...), to[:]...), payload...)
	}
	for _, p := range [][]byte{
		packet(0, 58, 0, 5, 2, 0, 0, 1, 0, 143, 0, 0, 0, 0, 0, 0, 0), // hop-by-hop, then an MLD report
		packet(58, 133, 0, 0, 0, 0, 0, 0, 0),                         // a router solicitation
		packet(6, make([]byte, 20)...),                               // TCP that makes no sense
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
