package adb_test

import (
	"context"
	"io"
	"net"
	"testing"
	"time"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/adb"
	"github.com/wxctl/wxctl/fixtures/wait"
)

// wires is a listener on connections in memory.
type wires chan net.Conn

func (w wires) Accept() (net.Conn, error) {
	c, ok := <-w
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}

func (w wires) Addr() net.Addr { return &net.TCPAddr{} }

// Close is called once the test is over as well as by the server.
func (w wires) Close() error {
	defer func() { recover() }() // closed already
	close(w)
	return nil
}

// feed sends input to a server, disconnects, and expects the server's
// connection to end.
func feed(t *testing.T, input []byte, serve func(ctx context.Context, l net.Listener) error) {
	l := make(wires, 1)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		serve(ctx, l)
	}()
	ours, theirs := net.Pipe()
	l <- theirs
	go io.Copy(io.Discard, ours)
	ours.SetDeadline(time.Now().Add(time.Second))
	ours.Write(input)
	ours.Close()
	cancel()
	select {
	case <-done:
	case <-time.After(wait.Plenty):
		t.Fatal("the face doesn't end")
	}
}

func FuzzServer(f *testing.F) {
	for _, s := range []string{
		"000chost:version",
		"0012host:transport-any0005sync:STAT\x01\x00\x00\x00/SEND\x05\x00\x00\x00/a,42DATA\x01\x00\x00\x00xDONE\x00\x00\x00\x00",
		"0012host:transport-any0010shell,v2,raw:cat\x00\x01\x00\x00\x00x\x04\x00\x00\x00\x00",
		"0012host:transport-any0005sync:LIST\x07\x00\x00\x00/sdcardRECV\x0d\x00\x00\x00/sdcard/a.txtSEND\x0a\x00\x00\x00/sd,0120777DATA\xff\xff\xff\xff",
		"0012host:track-devices", "0012host:transport-any0008reverse:forward:tcp:0;tcp:1",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		feed(t, input, adb.NewServer(phone("virtual-1")).Serve)
	})
}

func FuzzDaemon(f *testing.F) {
	seed := func(messages ...message) {
		c := &computer{t: f, version: 0x01000001}
		var b recorder
		c.Conn = &b
		for _, m := range messages {
			c.send(m)
		}
		f.Add(b.data)
	}
	hello := message{"CNXN", 0x01000001, 4096, "host::"}
	seed(hello)
	seed(hello, message{"OPEN", 1, 0, "shell:cat\x00"}, message{"WRTE", 1, 1, "x"}, message{"CLSE", 1, 1, ""})
	seed(hello, message{"OPEN", 1, 0, "sync:\x00"}, message{"WRTE", 1, 1, "STAT\x01\x00\x00\x00/"}, message{"OKAY", 1, 1, ""}, hello)
	seed(hello, message{"AUTH", 3, 0, "key\x00"}, message{"AUTH", 2, 0, "signature"})
	f.Fuzz(func(t *testing.T, input []byte) {
		d := adb.NewDaemon(phone(""))
		if len(input)%2 == 1 {
			d.Auth = &adb.Auth{}
		}
		feed(t, input, d.Serve)
	})
}

// recorder is a connection that keeps what is written.
type recorder struct {
	net.Conn
	data []byte
}

func (r *recorder) Write(b []byte) (int, error) {
	r.data = append(r.data, b...)
	return len(b), nil
}
