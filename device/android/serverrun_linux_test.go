package android

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestServerRun compares what the kernel answers with what it writes into
// /proc/net/tcp.
func TestServerRun(t *testing.T) {
	reuse := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) (err error) {
		_ = c.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1) })
		return err
	}}
	listen := func(address string) net.Listener {
		t.Helper()
		l, err := reuse.Listen(context.Background(), "tcp4", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		return l
	}
	for _, host := range []string{"127.0.0.1", "0.0.0.0"} {
		l := listen(host + ":0")
		port := l.Addr().(*net.TCPAddr).Port
		addr := fmt.Sprint("127.0.0.1:", port)
		first := serverRun(addr)
		_, inode, _ := strings.Cut(first, " ")
		if inode == "" || inode != inodeInProc(t, port) {
			t.Fatalf("%s: %q, but /proc has the inode %q", host, first, inodeInProc(t, port))
		}
		c, err := net.Dial("tcp", addr) // which is not another server
		if err != nil {
			t.Fatal(err)
		}
		if got := serverRun(fmt.Sprint("localhost:", port)); got != first {
			t.Errorf("%s: %q, then %q", host, first, got)
		}
		second := listen(addr)
		if got := serverRun(addr); got != "" {
			t.Errorf("%s: two servers on one port are %q", host, got)
		}
		second.Close()
		c.Close()
		l.Close()
		again := listen(addr)
		if got := serverRun(addr); got == "" || got == first {
			t.Errorf("%s: %q, and after a restart %q", host, first, got)
		}
		again.Close()
		if got := serverRun(addr); got != "" {
			t.Errorf("%s: no server is %q", host, got)
		}
	}
	for _, addr := range []string{"192.0.2.1:5037", "127.0.0.1", "127.0.0.1:70000", ""} {
		if got := serverRun(addr); got != "" {
			t.Errorf("%q is %q", addr, got)
		}
	}
}

// inodeInProc is the inode of the one listening socket at a port.
func inodeInProc(t *testing.T, port int) string {
	t.Helper()
	text, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 9 && f[3] == "0A" && strings.HasSuffix(f[1], fmt.Sprintf(":%04X", port)) {
			return f[9]
		}
	}
	return ""
}

func BenchmarkServerRun(b *testing.B) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	for b.Loop() {
		if serverRun(l.Addr().String()) == "" {
			b.Fatal("not identified")
		}
	}
}
