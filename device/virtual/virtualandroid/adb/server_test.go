package adb_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/adb"
	"github.com/wxctl/wxctl/fixtures/adbtest"
	"github.com/wxctl/wxctl/fixtures/wait"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve runs a server for the test's time and returns its address.
func serve(t testing.TB, s *adbtest.Server) string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("Serve: %v", err)
			}
		case <-time.After(wait.Plenty):
			t.Error("Serve did not end with its context")
		}
	})
	return s.Addr().String()
}

// phone returns a phone on a cable with a file on it.
func phone(serial string) *adbtest.Phone {
	p := adbtest.NewPhone(serial)
	p.Ident.DevPath = "usb:1-2"
	p.Files.Put("/sdcard/a.txt", []byte("hello\n"))
	p.Files.Put("/data/local/tmp/a.txt", []byte("hello\n"))
	return p
}

// conn is a test's connection to a server.
type conn struct {
	t testing.TB
	net.Conn
	r *bufio.Reader
}

func dial(t testing.TB, addr string) *conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(wait.Plenty))
	return &conn{t, c, bufio.NewReader(c)}
}

// send sends a request.
func (c *conn) send(request string) {
	c.t.Helper()
	if _, err := fmt.Fprintf(c, "%04x%s", len(request), request); err != nil {
		c.t.Fatal(err)
	}
}

// take reads exactly len(want) bytes and compares them.
func (c *conn) take(want string) {
	c.t.Helper()
	got := make([]byte, len(want))
	n, err := io.ReadFull(c.r, got)
	if string(got[:n]) != want {
		c.t.Fatalf("got %q (%v), want %q", got[:n], err, want)
	}
}

// rest reads to the end.
func (c *conn) rest() string {
	c.t.Helper()
	b, err := io.ReadAll(c.r)
	if err != nil {
		c.t.Fatalf("after %q: %v", b, err)
	}
	return string(b)
}

// block reads four hex digits and as many bytes.
func (c *conn) block() string {
	c.t.Helper()
	var digits [4]byte
	if _, err := io.ReadFull(c.r, digits[:]); err != nil {
		c.t.Fatal(err)
	}
	n, err := strconv.ParseUint(string(digits[:]), 16, 16)
	if err != nil {
		c.t.Fatal(err)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(c.r, b); err != nil {
		c.t.Fatal(err)
	}
	return string(b)
}

// ask sends requests on one connection, expecting OKAY to all but the last,
// and returns everything that follows.
func ask(t testing.TB, addr string, requests ...string) string {
	t.Helper()
	c := dial(t, addr)
	for i, r := range requests {
		if i > 0 {
			c.take("OKAY")
			if strings.HasPrefix(requests[i-1], "host:tport:") {
				io.ReadFull(c.r, make([]byte, 8))
			}
		}
		c.send(r)
	}
	return c.rest()
}

func TestHostServices(t *testing.T) {
	two := phone("two")
	two.Ident = adb.Identity{Product: "prod", Model: "My Phone-2", Device: "dev"}
	two.SerialNo = "10.0.0.7:5555"
	locked := phone("locked")
	locked.SetState(adb.StateUnauthorized)
	off := phone("off")
	off.SetState(adb.StateOffline)
	noperm := phone("????????????")
	noperm.SetState(adb.StateNoPermissions)
	one := adbtest.NewServer(t, phone("virtual-1"))
	many := adbtest.NewServer(t, two, phone("virtual-1"), locked, off, noperm)
	addrs := map[string]string{"none": serve(t, adbtest.NewServer(t)), "one": serve(t, one), "many": serve(t, many)}
	frame := func(s string) string { return fmt.Sprintf("%04x%s", len(s), s) }
	fail := func(s string) string { return "FAIL" + frame(s) }
	okay := func(s string) string { return "OKAY" + frame(s) }
	unauthorized := fail("device unauthorized.\nThis adb server's $ADB_VENDOR_KEYS is not set\nTry 'adb kill-server' if that seems wrong.\nOtherwise check for a confirmation dialog on your device.")
	t.Setenv("ADB_VENDOR_KEYS", "") // back to what it was, afterwards
	os.Unsetenv("ADB_VENDOR_KEYS")
	tests := []struct{ on, request, want string }{
		{"one", "host:version", "OKAY00040029"},
		{"none", "host:devices", okay("")},
		{"one", "host:devices", okay("virtual-1\tdevice\n")},
		{"one", "host:devices-l", okay("virtual-1              device usb:1-2 product:wxphone model:Virtual_1 device:wx transport_id:1\n")},
		{"many", "host:devices", okay("????????????\tno permissions (user in plugdev group; are your udev rules wrong?); see [http://developer.android.com/tools/device.html]\n" +
			"locked\tunauthorized\noff\toffline\nvirtual-1\tdevice\n10.0.0.7:5555\tdevice\n")},
		{"one", "host:get-state", okay("device")},
		{"one", "host:get-serialno", okay("virtual-1")},
		{"one", "host:get-devpath", okay("usb:1-2")},
		{"one", "host-usb:get-state", okay("device")},
		{"one", "host-local:get-state", fail("no emulators found")},
		{"one", "host-transport-id:1:get-state", okay("device")},
		{"one", "host-transport-id:9:get-state", fail("no device with transport id '9'")},
		{"one", "host-transport-id:x:get-state", ""},
		{"none", "host:get-state", fail("no devices/emulators found")},
		{"none", "host-usb:get-state", fail("no devices found")},
		{"many", "host:get-state", fail("more than one device/emulator")},
		{"many", "host-serial:virtual-1:get-state", okay("device")},
		{"many", "host-serial:10.0.0.7:5555:get-state", okay("device")},
		{"many", "host-serial:tcp:10.0.0.7:5555:get-serialno", okay("10.0.0.7:5555")},
		{"many", "host-serial:10.0.0.7:get-serialno", okay("10.0.0.7:5555")},
		{"many", "host-serial:model:My_Phone_2:get-serialno", okay("10.0.0.7:5555")},
		{"many", "host-serial:product:prod:get-devpath", okay("unknown")},
		{"many", "host-serial:locked:get-state", unauthorized},
		{"many", "host-serial:off:get-state", fail("device offline")},
		{"many", "host-serial:nope:get-state", fail("insufficient permissions for device: user in plugdev group; are your udev rules wrong?\nsee [http://developer.android.com/tools/device.html] for more information")},
		{"one", "host-serial:nope:get-state", fail("device 'nope' not found")},
		{"one", "host-serial:nope", ""},
		{"one", "host:transport:nope", fail("device 'nope' not found")},
		{"one", "host:transport-id:zz", fail("invalid transport id")},
		{"many", "host:transport:locked", unauthorized},
		{"one", "host:bogus", fail("unknown host service")},
		{"none", "host:list-forward", okay("")},
		{"none", "host:forward:tcp:0;tcp:1", fail("")},
		{"many", "host-serial:locked:wait-for-any-disconnect", "OKAYOKAY"},
		{"one", "shell:id", fail("device offline (no transport)")},
		{"one", "host:connect:10.1.1.1", okay("failed to connect to '10.1.1.1:5555': Connection refused")},
		{"one", "host:disconnect:10.1.1.1", fail("no such device '10.1.1.1:5555'")},
		{"one", "host:kill", fail("this adb server serves virtual phones and is not killed by request")},
		{"one", "host:wait-for-any-device", "OKAYOKAY"},
		{"one", "host:wait-for-any-party", fail("unknown host service")},
		{"many", "host:wait-for-any-device", "OKAY" + fail("more than one device/emulator")},
	}
	for _, tt := range tests {
		t.Run(tt.on+"/"+tt.request, func(t *testing.T) {
			if got := ask(t, addrs[tt.on], tt.request); got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

func TestServicesAfterTransport(t *testing.T) {
	s := adbtest.NewServer(t, phone("virtual-1"))
	addr := serve(t, s)
	shellPackets := func(p ...string) string { return "OKAY" + strings.Join(p, "") }
	tests := []struct {
		name     string
		requests []string
		want     string
	}{
		{"features", []string{"host:tport:serial:virtual-1", "host:features"}, "OKAY002bfixed_push_mkdir,ls_v2,stat_v2,cmd,shell_v2"},
		{"transport twice", []string{"host:transport:virtual-1", "host:transport-any", "shell:echo hi"}, "OKAYhi\n"},
		{"shell v1", []string{"host:transport-any", "shell:echo hi; err oops"}, "OKAYhi\noops\n"},
		{"shell v2", []string{"host:transport-id:1", "shell,v2,raw:echo hi; err oops"}, shellPackets("\x01\x03\x00\x00\x00hi\n", "\x02\x05\x00\x00\x00oops\n", "\x03\x01\x00\x00\x00\x03")},
		{"shell v2 on a terminal", []string{"host:transport-usb", "shell,v2,TERM=xterm,pty:err oops"}, shellPackets("\x01\x05\x00\x00\x00oops\n", "\x03\x01\x00\x00\x00\x03")},
		{"exec", []string{"host:tport:usb", "exec:cat /sdcard/a.txt"}, "OKAYhello\n"},
		{"unknown", []string{"host:tport:any", "nonsense:"}, "FAIL0006closed"},
		{"jdwp of none", []string{"host:tport:any", "jdwp"}, "OKAY"},
		{"nothing listens", []string{"host:tport:any", "tcp:80"}, "FAIL0006closed"},
		{"root", []string{"host:tport:any", "root:"}, "OKAYadbd cannot run as root in production builds\n"},
		{"reverses", []string{"host:tport:any", "reverse:list-forward"}, "OKAY0000"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := ask(t, addr, tt.requests...); got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
	if c, r := s.Connections(), s.Requests(); c != len(tests) || r != 2*len(tests)+1 {
		t.Errorf("%d connections with %d requests, want %d with %d", c, r, len(tests), 2*len(tests)+1)
	}
}
