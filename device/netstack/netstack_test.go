package netstack_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/wxctl/wxctl/device/netstack"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Two hosts talk over any connection; a packet that is too large is dropped.
func TestTwoHosts(t *testing.T) {
	here, there := netip.MustParseAddr("fd00::1"), netip.MustParseAddr("fd00::2")
	near, far := host(t, here), host(t, there)
	ctx, cancel := context.WithCancel(t.Context())
	a, b := net.Pipe()
	var pumps sync.WaitGroup
	for _, pump := range []func() error{
		func() error { return near.Receive(a, netstack.MaxPacket) }, func() error { return near.Transmit(ctx, a) },
		func() error { return far.Receive(b, 1000) }, func() error { return far.Transmit(ctx, b) },
	} {
		pumps.Go(func() { _ = pump() })
	}
	defer func() {
		near.Stop()
		far.Stop()
		cancel()
		a.Close()
		b.Close()
		pumps.Wait()
	}()
	l, err := far.Listen(7)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	got := make(chan string, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			got <- err.Error()
			return
		}
		defer c.Close()
		text, _ := bufio.NewReader(c).ReadString('\n')
		got <- text
	}()
	c, err := near.Dial(ctx, netip.AddrPortFrom(there, 7))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte("hello\n")); err != nil {
		t.Fatal(err)
	}
	if text := <-got; text != "hello\n" {
		t.Errorf("%q arrived", text)
	}
	large := append([]byte{0x60, 0, 0, 0, 0x07, 0xd0, 6, 64}, make([]byte, 32+2000)...)
	if err := far.Receive(bytes.NewReader(large), 1000); err != io.EOF {
		t.Errorf("a packet of %d bytes: %v", len(large), err)
	}
}

func host(t *testing.T, own netip.Addr) *netstack.Host {
	t.Helper()
	h, err := netstack.New(own, 1280)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	return h
}

// FuzzPackets reads arbitrary data as packets.
func FuzzPackets(f *testing.F) {
	f.Add([]byte{0x60, 0, 0, 0, 0, 20, 6, 64})
	f.Add(append([]byte{0x60, 0, 0, 0, 0, 4, 6, 64}, make([]byte, 36)...))
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := netstack.New(netip.MustParseAddr("fd00::2"), 1280)
		if err != nil {
			t.Fatal(err)
		}
		defer h.Close()
		if err := h.Receive(bytes.NewReader(data), netstack.MaxPacket); err == nil {
			t.Error("the end of the connection is not an error")
		}
	})
}
