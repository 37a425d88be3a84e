package android

import (
	"io"
	"net"
	"testing"

	"golang.org/x/sys/unix"
)

// Linux begins to delay acknowledgements on a connection with questions and
// answers; what is read through a conn is acknowledged at once.
func TestReadAcknowledges(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	served := make(chan struct{})
	go func() {
		defer close(served)
		if c, err := l.Accept(); err == nil {
			_, _ = io.Copy(c, c) // until the other side closes
			_ = c.Close()
		}
	}()
	nc, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c := Server{}.conn(nc)
	b := make([]byte, 1)
	for range 64 {
		if _, err := c.Write(b); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(c.Conn, b); err != nil { // not through the conn
			t.Fatal(err)
		}
	}
	if quick(t, nc) { // this is also the case after this goroutine had to wait for 40 ms
		t.Log("the kernel delays no acknowledgement now, so this run proves nothing")
	}
	if _, err := c.Write(b); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, b); err != nil {
		t.Fatal(err)
	}
	if !quick(t, nc) {
		t.Error("after a read acknowledgements are still delayed")
	}
	_ = c.Close()
	<-served
}

// quick reports whether the kernel acknowledges at once.
func quick(t *testing.T, c net.Conn) bool {
	t.Helper()
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var v int
	var getErr error
	if err := raw.Control(func(fd uintptr) { v, getErr = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK) }); err != nil || getErr != nil {
		t.Fatal(err, getErr)
	}
	return v != 0
}
