package android

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid"
	"github.com/wxctl/wxctl/fixtures/wait"
	"github.com/wxctl/wxctl/intents"
)

// relay stands between wxctl and an adb server. It sends to wxctl as adb
// servers do, with Nagle's algorithm, and counts how often that delayed data
// for longer than wxctl needs to read.
type relay struct {
	server string
	ln     net.Listener
	held   atomic.Int64
	bytes  atomic.Int64
	served sync.WaitGroup
}

// heldBack is less than the least time by which Linux delays an
// acknowledgement (TCP_DELACK_MIN, 40 ms), and more than a reader takes.
const heldBack = 30 * time.Millisecond

func relayTo(t *testing.T, server Server) *relay {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{server: server.Addr, ln: ln}
	r.served.Go(func() {
		for {
			near, err := ln.Accept()
			if err != nil {
				return
			}
			r.served.Go(func() { r.carry(near.(*net.TCPConn)) })
		}
	})
	t.Cleanup(func() { ln.Close(); r.served.Wait() })
	return r
}

func (r *relay) carry(near *net.TCPConn) {
	defer near.Close()
	nc, err := net.Dial("tcp", r.server)
	if err != nil {
		return
	}
	far := Server{}.conn(nc) // the adb server does not wait for the relay
	defer far.Close()
	r.served.Go(func() {
		io.Copy(struct{ io.Writer }{nc}, near)
		far.Close()
	})
	near.SetNoDelay(false)
	raw, err := near.SyscallConn()
	if err != nil {
		return
	}
	b := make([]byte, 64<<10)
	for {
		n, err := far.Read(b)
		if err != nil {
			return
		}
		r.bytes.Add(int64(n))
		start := time.Now()
		if _, err := near.Write(b[:n]); err != nil {
			return
		}
		for unacknowledged(raw) > 0 {
			time.Sleep(time.Millisecond)
		}
		if time.Since(start) > heldBack {
			r.held.Add(1)
		}
	}
}

// unacknowledged returns how many bytes were written and not acknowledged; 0
// for a closed connection.
func unacknowledged(c interface{ Control(func(uintptr)) error }) int {
	left := 0
	if c.Control(func(fd uintptr) {
		left, _ = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ)
		if state, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO); err != nil || state.State != tcpEstablished {
			left = 0
		}
	}) != nil {
		return 0
	}
	return left
}

// tcpEstablished is the state of an open connection (include/net/tcp_states.h).
const tcpEstablished = 1

// TestNothingIsHeldBack: no answer of an adb server waits for wxctl to
// acknowledge the one before. An answer that does, does so each time; a busy
// machine only delays some.
func TestNothingIsHeldBack(t *testing.T) {
	server, err := virtualandroid.Start(t.Context(), virtualandroid.Options{Think: fast})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	real, serial, _ := adbServer(t, server)
	ctx, cancel := context.WithTimeout(t.Context(), wait.Plenty)
	defer cancel()
	var held int64
	for range 5 {
		r := relayTo(t, real)
		backend := &Backend{Server: Server{Addr: r.ln.Addr().String()}}
		infos, err := backend.List(ctx, serial)
		if err != nil || len(infos) != 1 {
			t.Fatalf("%+v, %v", infos, err)
		}
		p := backend.open(infos[0])
		job := device.Job{Request: page(intents.SceneSession), Until: device.Opened, App: device.AppIdentity{Package: virtualandroid.DemoPackage}}
		_, deliverErr := p.Deliver(ctx, job)
		_, err = p.WeChat(ctx, device.UserChoice{})
		p.Close()
		if deliverErr != nil || err != nil || r.bytes.Load() == 0 {
			t.Fatalf("%d bytes, %v, %v", r.bytes.Load(), deliverErr, err)
		}
		if held = r.held.Load(); held == 0 {
			return
		}
	}
	t.Errorf("%d answers were held back for over %v", held, heldBack)
}

// A named pipe, or a link to one, in place of the cache file does not block.
func TestMemoryIsAPipe(t *testing.T) {
	dir := t.TempDir()
	pipe, link := filepath.Join(dir, "pipe"), filepath.Join(dir, "link")
	if err := errors.Join(unix.Mkfifo(pipe, 0o600), os.Symlink(pipe, link)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{pipe, link} {
		if got := (&Backend{Memory: path}).load(); got != nil {
			t.Errorf("%s: %+v", path, got)
		}
	}
}
