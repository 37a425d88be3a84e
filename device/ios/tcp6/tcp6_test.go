package tcp6

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/net/nettest"
	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/channel"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	addressA = netip.MustParseAddr("fd00::a")
	addressB = netip.MustParseAddr("fd00::b")
)

const port = 58783

// within bounds what must come; no passing test waits for it.
func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// link carries packets between two hosts until the test ends. lose, if there is
// one, says for each packet what arrives of it.
func link(t testing.TB, mtu int, lose func(packet []byte) [][]byte) (a, b *Stack) {
	a, b = New(addressA, mtu), New(addressB, mtu)
	ctx, cancel := context.WithCancel(context.Background())
	var pumps sync.WaitGroup
	var mu sync.Mutex
	pump := func(from, to *Stack) {
		for packets := from.Packets(ctx); packets != nil; packets = from.Packets(ctx) {
			for _, p := range packets {
				if len(p) > mtu {
					t.Errorf("a packet of %d bytes", len(p))
				}
				arrive := [][]byte{p}
				if lose != nil {
					mu.Lock()
					arrive = lose(p)
					mu.Unlock()
				}
				for _, p := range arrive {
					to.Receive(p)
				}
			}
		}
	}
	pumps.Go(func() { pump(a, b) })
	pumps.Go(func() { pump(b, a) })
	t.Cleanup(func() {
		a.Close()
		b.Close()
		cancel()
		pumps.Wait()
	})
	return a, b
}

// connected returns both ends of a connection.
func connected(t testing.TB, a, b *Stack) (near, far net.Conn) {
	t.Helper()
	l, err := b.Listen(port)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	near, err = a.Dial(within(t), netip.AddrPortFrom(addressB, port))
	if err != nil {
		t.Fatal(err)
	}
	far, err = l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return near, far
}

// TestConn is the suite that golang.org/x/net has for connections.
func TestConn(t *testing.T) {
	nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
		a, b := link(t, 1280, nil)
		c1, c2 = connected(t, a, b)
		return c1, c2, func() { c1.Close(); c2.Close() }, nil
	})
}

// exchange sends data both ways at once and compares what arrives.
func exchange(t *testing.T, near, far net.Conn, size int) {
	t.Helper()
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(i>>8 ^ i)
	}
	var wg sync.WaitGroup
	for _, way := range [][2]net.Conn{{near, far}, {far, near}} {
		wg.Go(func() {
			if _, err := way[0].Write(data); err != nil {
				t.Error(err)
			}
			if err := way[0].(interface{ CloseWrite() error }).CloseWrite(); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			got, err := io.ReadAll(way[1])
			if err != nil || !bytes.Equal(got, data) {
				t.Errorf("%d of %d bytes, or others, and %v", len(got), len(data), err)
			}
		})
	}
	wg.Wait()
	if err := errors.Join(near.Close(), far.Close()); err != nil {
		t.Error(err)
	}
}

func TestExchange(t *testing.T) {
	for _, mtu := range []int{1280, 16000} {
		a, b := link(t, mtu, nil)
		near, far := connected(t, a, b)
		exchange(t, near, far, 3<<20)
	}
}

// TestLosses loses packets, doubles them, swaps and spoils them; everything
// arrives all the same.
func TestLosses(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var held []byte
	a, b := link(t, 1280, func(p []byte) [][]byte {
		switch random.IntN(40) {
		case 0:
			return nil
		case 1:
			return [][]byte{p, p}
		case 2:
			spoiled := bytes.Clone(p)
			spoiled[8+random.IntN(len(p)-8)] ^= 1 << random.IntN(8)
			return [][]byte{spoiled}
		case 3:
			if held == nil {
				held = p
				return nil
			}
		}
		if held != nil {
			p, q := p, held
			held = nil
			return [][]byte{p, q}
		}
		return [][]byte{p}
	})
	near, far := connected(t, a, b)
	exchange(t, near, far, 200<<10)
}

// TestClosedWindow: a reader that does not read stops the writer, and one that
// reads again lets it go on.
func TestClosedWindow(t *testing.T) {
	a, b := link(t, 1280, nil)
	near, far := connected(t, a, b)
	const size = 4 * (receiveRoom + sendRoom)
	wrote := make(chan error, 1)
	go func() {
		_, err := near.Write(make([]byte, size))
		wrote <- errors.Join(err, near.Close())
	}()
	c := far.(*Conn)
	for full := false; !full; {
		b.mu.Lock()
		full = len(c.in) == receiveRoom
		changed := c.changed
		b.mu.Unlock()
		if !full {
			<-changed
		}
	}
	n, err := io.Copy(io.Discard, far)
	if n != size || err != nil {
		t.Errorf("%d of %d bytes, %v", n, size, err)
	}
	if err := <-wrote; err != nil {
		t.Error(err)
	}
	far.Close()
}

func TestRefused(t *testing.T) {
	a, b := link(t, 1280, nil)
	if _, err := a.Dial(within(t), netip.AddrPortFrom(addressB, 9)); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Error(err)
	}
	l, err := b.Listen(9)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Listen(9); !errors.Is(err, syscall.EADDRINUSE) {
		t.Error(err)
	}
	accepted := make(chan error, 1)
	go func() { _, err := l.Accept(); accepted <- err }()
	l.Close()
	if err := <-accepted; !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
}

// TestNobody: a host that never answers leaves Dial to its context.
func TestNobody(t *testing.T) {
	a := New(addressA, 1280)
	defer a.Close()
	ctx, cancel := context.WithCancelCause(within(t))
	gone := errors.New("gone")
	done := make(chan error, 1)
	go func() { _, err := a.Dial(ctx, netip.AddrPortFrom(addressB, port)); done <- err }()
	a.Packets(within(t))
	cancel(gone)
	if err := <-done; !errors.Is(err, gone) {
		t.Error(err)
	}
	if len(a.conns) != 0 {
		t.Error("the connection is still known")
	}
}

// TestEnds: what waits on a connection ends with either host, and with a reset.
func TestEnds(t *testing.T) {
	for name, end := range map[string]func(a, b *Stack, far net.Conn){
		"own host": func(a, _ *Stack, _ net.Conn) { a.Close() },
		"reset": func(_, _ *Stack, far net.Conn) {
			c := far.(*Conn)
			c.s.mu.Lock()
			c.abort(net.ErrClosed)
			c.s.mu.Unlock()
		},
	} {
		a, b := link(t, 1280, nil)
		near, far := connected(t, a, b)
		read := make(chan error, 1)
		go func() { _, err := near.Read(make([]byte, 1)); read <- err }()
		end(a, b, far)
		if err := <-read; err == nil || errors.Is(err, io.EOF) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := near.Write([]byte("x")); err == nil {
			t.Errorf("%s: a write succeeded", name)
		}
	}
}

// TestForgets: connections that both sides closed take no room.
func TestForgets(t *testing.T) {
	a, b := link(t, 1280, nil)
	for range 50 {
		near, far := connected(t, a, b)
		exchange(t, near, far, 1000)
	}
	ctx := within(t)
	for _, s := range []*Stack{a, b} {
		for {
			s.mu.Lock()
			n := len(s.conns)
			s.mu.Unlock()
			if n == 0 {
				break
			}
			if ctx.Err() != nil {
				t.Fatalf("%d connections are still known", n)
			}
			time.Sleep(time.Millisecond)
		}
	}
}

func TestDeadline(t *testing.T) {
	a, b := link(t, 1280, nil)
	near, _ := connected(t, a, b)
	near.SetReadDeadline(time.Unix(1, 0))
	if _, err := near.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
	near.SetReadDeadline(time.Time{})
	if _, err := near.Write([]byte("x")); err != nil {
		t.Error(err)
	}
}

// gvisorHost joins gvisor's TCP to a host of ours: it verifies checksums, and
// nobody here wrote it.
func gvisorHost(t *testing.T, ours *Stack) *stack.Stack {
	s := stack.New(stack.Options{
		NetworkProtocols:   []stack.NetworkProtocolFactory{ipv6.NewProtocol},
		TransportProtocols: []stack.TransportProtocolFactory{tcp.NewProtocol},
	})
	l := channel.New(512, 1280, "")
	if err := s.CreateNIC(1, l); err != nil {
		t.Fatal(err)
	}
	at := tcpip.ProtocolAddress{Protocol: ipv6.ProtocolNumber, AddressWithPrefix: tcpip.AddrFrom16(addressB.As16()).WithPrefix()}
	if err := s.AddProtocolAddress(1, at, stack.AddressProperties{}); err != nil {
		t.Fatal(err)
	}
	s.SetRouteTable([]tcpip.Route{{Destination: header.IPv6EmptySubnet, NIC: 1}})
	ctx, cancel := context.WithCancel(context.Background())
	var pumps sync.WaitGroup
	pumps.Go(func() {
		for packets := ours.Packets(ctx); packets != nil; packets = ours.Packets(ctx) {
			for _, p := range packets {
				packet := stack.NewPacketBuffer(stack.PacketBufferOptions{Payload: buffer.MakeWithData(p)})
				l.InjectInbound(ipv6.ProtocolNumber, packet)
				packet.DecRef()
			}
		}
	})
	pumps.Go(func() {
		for p := l.ReadContext(ctx); p != nil; p = l.ReadContext(ctx) {
			view := p.ToView()
			ours.Receive(view.AsSlice())
			view.Release()
			p.DecRef()
		}
	})
	t.Cleanup(func() {
		ours.Close()
		s.Close()
		cancel()
		pumps.Wait()
		s.Wait()
	})
	return s
}

// TestGvisor has gvisor's TCP be the other host, called and calling.
func TestGvisor(t *testing.T) {
	ours := New(addressA, 1280)
	theirs := gvisorHost(t, ours)
	l, err := gonet.ListenTCP(theirs, tcpip.FullAddress{NIC: 1, Port: port}, ipv6.ProtocolNumber)
	if err != nil {
		t.Fatal(err)
	}
	near, err := ours.Dial(within(t), netip.AddrPortFrom(addressB, port))
	if err != nil {
		t.Fatal(err)
	}
	far, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	exchange(t, near, far, 1<<20)
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if _, err := ours.Dial(within(t), netip.AddrPortFrom(addressB, 9)); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Error(err)
	}

	listener, err := ours.Listen(port)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	to := tcpip.FullAddress{NIC: 1, Addr: tcpip.AddrFrom16(addressA.As16()), Port: port}
	called, err := gonet.DialContextTCP(within(t), theirs, to, ipv6.ProtocolNumber)
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	exchange(t, accepted, called, 1<<20)
	to.Port = 9
	if _, err := gonet.DialContextTCP(within(t), theirs, to, ipv6.ProtocolNumber); err == nil {
		t.Error("gvisor connected to a port that nobody listens at")
	}
}

// FuzzReceive takes whatever comes from the link, in every state.
func FuzzReceive(f *testing.F) {
	syn := segment{from: netip.AddrPortFrom(addressB, 1), seq: 7, flags: flagSYN, mss: 1220, shift: 7}
	f.Add(syn.marshal(netip.AddrPortFrom(addressA, port)), byte(0))
	f.Add([]byte{0x60}, byte(0))
	data := segment{from: netip.AddrPortFrom(addressB, 1), seq: 8, flags: flagACK | flagFIN, data: []byte("x")}
	f.Add(data.marshal(netip.AddrPortFrom(addressA, port)), byte(flagSYN))
	f.Fuzz(func(t *testing.T, packet []byte, first byte) {
		s := New(addressA, 1280)
		defer s.Close()
		if _, err := s.Listen(port); err != nil {
			t.Fatal(err)
		}
		opening := segment{from: netip.AddrPortFrom(addressB, 1), seq: 7, flags: first & 0x3f, mss: int(first), shift: int(first)%17 - 1}
		s.Receive(opening.marshal(netip.AddrPortFrom(addressA, port)))
		// Whatever it is, it counts: the checksum is made right.
		if len(packet) >= ipHeader+tcpHeader {
			from, to := addressB.As16(), addressA.As16()
			copy(packet[8:], from[:])
			copy(packet[24:], to[:])
			packet[0], packet[6] = 0x60, protocol
			size := len(packet) - ipHeader
			packet[4], packet[5] = byte(size>>8), byte(size)
			copy(packet[ipHeader:], []byte{0, 1, port >> 8, port & 0xff})
			packet[ipHeader+16], packet[ipHeader+17] = 0, 0
			sum := checksum(addressB, addressA, packet[ipHeader:])
			packet[ipHeader+16], packet[ipHeader+17] = byte(sum>>8), byte(sum)
		}
		s.Receive(packet)
		s.Receive(packet)
	})
}
