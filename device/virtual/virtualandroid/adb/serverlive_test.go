package adb_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/wxctl/wxctl/fixtures/fault"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/adb"
	"github.com/wxctl/wxctl/fixtures/adbtest"
)

func TestServerTracks(t *testing.T) {
	s := adbtest.NewServer(t)
	addr := serve(t, s)
	short, long := dial(t, addr), dial(t, addr)
	short.send("host:track-devices")
	long.send("host:track-devices-l")
	short.take("OKAY0000")
	long.take("OKAY0000")
	p := phone("virtual-1")
	next := func(want, wantLong string) {
		t.Helper()
		if got := short.block(); got != want {
			t.Errorf("track-devices: got %q, want %q", got, want)
		}
		if got := long.block(); got != wantLong {
			t.Errorf("track-devices-l: got %q, want %q", got, wantLong)
		}
	}
	s.Add(p)
	next("virtual-1\tdevice\n", "virtual-1              device usb:1-2 product:wxphone model:Virtual_1 device:wx transport_id:1\n")
	p.SetState(adb.StateUnauthorized)
	next("virtual-1\tunauthorized\n", "virtual-1              unauthorized usb:1-2 transport_id:1\n")
	p.Notify() // of nothing: no block
	s.Add(p)   // in place of itself: a new transport
	if got := long.block(); got != "" {
		if got != "virtual-1              unauthorized usb:1-2 transport_id:2\n" {
			t.Errorf("added again: %q", got)
		}
	} else if got := long.block(); !strings.HasSuffix(got, "transport_id:2\n") {
		t.Errorf("added again: %q", got)
	}
	if !s.Remove("virtual-1") || s.Remove("virtual-1") {
		t.Error("Remove doesn't tell whether there was a phone")
	}
	for short.block() != "" || long.block() != "" {
	}
	short.Close()
	long.Close()
	waitUntil(t, "trackers are gone", func() bool { return s.Open() == 0 })
}

func TestServerWaitsFor(t *testing.T) {
	s := adbtest.NewServer(t)
	addr := serve(t, s)
	p := phone("virtual-1")
	c := dial(t, addr)
	c.send("host:wait-for-any-device")
	c.take("OKAY")
	p.SetState(adb.StateOffline)
	s.Add(p)
	recovery := dial(t, addr)
	recovery.send("host-serial:virtual-1:wait-for-usb-recovery")
	recovery.take("OKAY")
	p.SetState(adb.StateDevice)
	if got := c.rest(); got != "OKAY" {
		t.Errorf("got %q, want OKAY", got)
	}
	gone := dial(t, addr)
	gone.send("host-transport-id:1:wait-for-any-disconnect")
	gone.take("OKAY")
	p.SetState(adb.StateRecovery)
	if got := recovery.rest(); got != "OKAY" {
		t.Errorf("got %q, want OKAY", got)
	}
	s.Remove("virtual-1")
	if got := gone.rest(); got != "OKAY" {
		t.Errorf("got %q, want OKAY", got)
	}
	c = dial(t, addr)
	c.send("host:wait-for-local-device")
	c.take("OKAY")
	c.Close()
	waitUntil(t, "the one who left is forgotten", func() bool { return s.Open() == 0 })
}

func TestServerForwards(t *testing.T) {
	p := talkative("virtual-1")
	s := adbtest.NewServer(t, p)
	addr := serve(t, s)
	c := dial(t, addr)
	c.send("host:forward:tcp:0;tcp:7777")
	c.take("OKAYOKAY")
	port := c.block()
	local := "tcp:" + port
	if got, want := ask(t, addr, "host:list-forward"), fmt.Sprintf("OKAY%04xvirtual-1 %s tcp:7777\n", len(local)+20, local); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	echo := dial(t, "127.0.0.1:"+port)
	io.WriteString(echo, "there and back")
	echo.take("there and back")
	if got := ask(t, addr, "host:forward:norebind:"+local+";tcp:1"); got != "FAIL001dcannot rebind existing socket" {
		t.Errorf("norebind: %q", got)
	}
	if got := ask(t, addr, "host:forward:"+local+";tcp:1"); got != "OKAYOKAY" {
		t.Errorf("rebind: %q", got)
	}
	nobody := dial(t, "127.0.0.1:"+port)
	if got := nobody.rest(); got != "" {
		t.Errorf("a forward to nothing says %q", got)
	}
	s.Remove("virtual-1") // takes its forwards and their connections along
	if got := echo.rest(); got != "" {
		t.Errorf("got %q", got)
	}
	if _, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil {
		t.Error("the forward of a phone that is gone still listens")
	}
	if got := ask(t, addr, "host:list-forward"); got != "OKAY0000" {
		t.Errorf("got %q", got)
	}
}

// TestServerEndsServices takes the phone away, or the server, under a command.
func TestServerEndsServices(t *testing.T) {
	for name, end := range map[string]func(s *adbtest.Server, p *adbtest.Phone, addr string){
		"remove":  func(s *adbtest.Server, _ *adbtest.Phone, _ string) { s.Remove("virtual-1") },
		"drop":    func(s *adbtest.Server, _ *adbtest.Phone, _ string) { s.Drop() },
		"offline": func(_ *adbtest.Server, p *adbtest.Phone, _ string) { p.SetState(adb.StateOffline) },
		"reconnect": func(_ *adbtest.Server, _ *adbtest.Phone, addr string) {
			if got := ask(t, addr, "host:reconnect"); got != "OKAY0020reconnecting virtual-1 [device]\n" {
				t.Errorf("reconnect: %q", got)
			}
		},
	} {
		for _, service := range []string{"shell:logcat", "shell,v2,raw:logcat", "exec:logcat", "shell,v2,raw:sleep 100", "sync:", "track-jdwp", "tcp:7777"} {
			t.Run(name+"/"+service, func(t *testing.T) {
				p := talkative("virtual-1")
				s := adbtest.NewServer(t, p)
				addr := serve(t, s)
				c := dial(t, addr)
				c.send("host:transport:virtual-1")
				c.take("OKAY")
				c.send(service)
				c.take("OKAY")
				end(s, p, addr)
				if _, err := io.Copy(io.Discard, c.r); errors.Is(err, os.ErrDeadlineExceeded) {
					t.Error(err)
				}
				waitUntil(t, "the service ends", func() bool { return s.Open() == 0 })
			})
		}
	}
}

// TestServerHangUp ends the client's input, which for the adb server is the end
// of the client.
func TestServerHangUp(t *testing.T) {
	s := adbtest.NewServer(t, phone("virtual-1"))
	addr := serve(t, s)
	for _, service := range []string{"shell:sleep 100", "shell:logcat", "shell,v2,raw:sleep 100", "shell,v2,raw:logcat", "exec:logcat", "exec:cat", "sync:", "track-jdwp"} {
		c := dial(t, addr)
		c.send("host:transport:virtual-1")
		c.take("OKAY")
		c.send(service)
		c.take("OKAY")
		c.Conn.(*net.TCPConn).CloseWrite()
		waitUntil(t, service+" ends", func() bool { return s.Open() == 0 })
	}
	// The input of exec-in is still handled.
	c := dial(t, addr)
	c.send("host:transport:virtual-1")
	c.take("OKAY")
	c.send("exec:cat")
	c.take("OKAY")
	io.WriteString(c, "to the end")
	c.take("to the end")
}

func TestServerFaults(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault fault.Fault
		want  string // of the answer to shell:yes 4096, before the end
	}{
		{"nothing", fault.Fault{}, ""},
		{"refusal", fault.Fault{Answer: []byte("FAIL000edevice offline")}, "FAIL000edevice offline"},
		{"another answer", fault.Fault{Answer: []byte("OKAYffff")}, "OKAYffff"},
		{"cut in OKAY", fault.Fault{After: 2}, "OK"},
		{"cut in the stream", fault.Fault{After: 20}, "OKAY0123456789abcde\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := adbtest.NewServer(t, phone("virtual-1"))
			s.Faults = fault.Each(func(request string) *fault.Fault {
				if strings.HasPrefix(request, "shell:") {
					return &tt.fault
				}
				return nil
			})
			if got := ask(t, serve(t, s), "host:transport-any", "shell:yes 4096"); got != tt.want {
				t.Errorf("got %.100q, want %q", got, tt.want)
			}
		})
	}
	for _, f := range []fault.Fault{{After: 10, Then: fault.Stall}, {Answer: []byte("OKAY012345"), Then: fault.Stall}} {
		s := adbtest.NewServer(t, phone("virtual-1"))
		s.Faults = fault.Each(func(request string) *fault.Fault {
			if strings.HasPrefix(request, "shell") {
				return &f
			}
			return nil
		})
		c := dial(t, serve(t, s))
		c.send("host:transport-any")
		c.take("OKAY")
		c.send("shell:yes 4096")
		c.take("OKAY012345")
		c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		if b, err := c.r.ReadByte(); err == nil || err == io.EOF {
			t.Errorf("not stalled: %q, %v", b, err)
		}
	}
	s := adbtest.NewServer(t, phone("virtual-1"))
	s.Faults = fault.Each(func(string) *fault.Fault { return &fault.Fault{After: 4, Then: fault.Garbage} })
	if got := ask(t, serve(t, s), "host:version"); len(got) < 12 || got[:4] != "OKAY" || strings.Trim(got[4:], "0123456789abcdef") == "" {
		t.Errorf("not garbled: %q", got)
	}
}

func TestServerLatency(t *testing.T) {
	const latency = 5 * time.Millisecond
	s := adbtest.NewServer(t, phone("virtual-1"))
	s.Latency = latency
	addr := serve(t, s)
	start := time.Now()
	c := dial(t, addr)
	c.send("host:transport-any")
	c.take("OKAY")
	c.send("sync:")
	c.take("OKAY")
	for range 3 {
		io.WriteString(c, "STAT\x01\x00\x00\x00/")
		c.take("STAT\xf9\x41\x00\x00")
		io.ReadFull(c.r, make([]byte, 8))
	}
	if took := time.Since(start); took < 5*latency {
		t.Errorf("five round trips took %v, less than five times %v", took, latency)
	}
}

func TestServerConnects(t *testing.T) {
	s := adbtest.NewServer(t)
	s.Connect = func(_ context.Context, address string) (adb.Device, error) {
		if address != "10.0.0.7:5555" {
			return nil, errors.New("No route to host")
		}
		p := phone(address)
		p.Ident.DevPath = ""
		return p, nil
	}
	addr := serve(t, s)
	for _, tt := range []struct{ request, want string }{
		{"host:connect:10.0.0.8:5556", "OKAY0036failed to connect to '10.0.0.8:5556': No route to host"},
		{"host:connect:10.0.0.7", "OKAY001aconnected to 10.0.0.7:5555"},
		{"host:connect:10.0.0.7:5555", "OKAY0022already connected to 10.0.0.7:5555"},
		{"host:devices", "OKAY001510.0.0.7:5555\tdevice\n"},
		{"host:reconnect", "OKAY0024reconnecting 10.0.0.7:5555 [device]\n"},
		{"host:disconnect:10.0.0.7", "OKAY0015disconnected 10.0.0.7"},
		{"host:devices", "OKAY0000"},
		{"host:disconnect:", "OKAY0017disconnected everything"},
		{"host:kill", "FAIL0042this adb server serves virtual phones and is not killed by request"},
	} {
		if got := ask(t, addr, tt.request); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.request, got, tt.want)
		}
	}
}

// TestServerLongList lists more phones than an answer can.
func TestServerLongList(t *testing.T) {
	s := adbtest.NewServer(t)
	for i := range 900 {
		s.Add(phone(fmt.Sprintf("virtual-%03d", i)))
	}
	got := ask(t, serve(t, s), "host:devices-l")
	if n := strings.Count(got, "\n"); n < 500 || !strings.HasSuffix(got, fmt.Sprintf("transport_id:%d\n", n)) || got[:4] != "OKAY" ||
		got[4:8] != fmt.Sprintf("%04x", len(got)-8) {
		t.Errorf("%d lines in %d bytes, announced as %s", n, len(got), got[:8])
	}
}

func TestServerCrowd(t *testing.T) {
	s := adbtest.NewServer(t, phone("virtual-1"))
	crowd(t, serve(t, s), "virtual-1")
	waitUntil(t, "all connections are closed", func() bool { return s.Open() == 0 })
}
