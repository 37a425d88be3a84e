package cdtunnel

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience limits waiting for what must come; no passing test waits that long.
const patience = 30 * time.Second

func timed(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

const good = `{"type":"serverHandshakeResponse","clientParameters":{"address":"fd00::2","mtu":1280,"netmask":"ffff:ffff:ffff:ffff::"},"serverAddress":"fd00::1","serverRSDPort":58783}`

// peer is the phone's end: it answers the handshake and has a network of its
// own behind it.
func peer(t *testing.T, conn net.Conn, reply string) *Tunnel {
	t.Helper()
	if _, err := readFrame(conn); err != nil {
		t.Error(err)
	}
	if _, err := conn.Write(frame([]byte(reply))); err != nil {
		t.Error(err)
	}
	p := parameters{client: netip.MustParseAddr("fd00::1"), server: netip.MustParseAddr("fd00::2"), mtu: 1280}
	far, err := start(context.Background(), conn, p)
	if err != nil {
		t.Error(err)
		return nil
	}
	t.Cleanup(func() { far.Close() })
	return far
}

func (t *Tunnel) listen(port uint16) (net.Listener, error) {
	return t.host.Listen(port)
}

// open returns both ends of an open tunnel.
func open(t *testing.T) (near, far *Tunnel) {
	t.Helper()
	a, b := net.Pipe()
	made := make(chan *Tunnel, 1)
	go func() { made <- peer(t, b, good) }()
	near, err := Open(timed(t), a)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close() })
	return near, <-made
}

func TestEcho(t *testing.T) {
	near, far := open(t)
	if near.RSDPort() != 58783 || near.params.server != netip.MustParseAddr("fd00::1") {
		t.Errorf("port %d, address %v", near.RSDPort(), near.params.server)
	}
	l, err := far.listen(58783)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	served := make(chan error, 2)
	go func() {
		for range 2 {
			c, err := l.Accept()
			if err == nil {
				_, err = io.Copy(c, c)
				c.Close()
			}
			served <- err
		}
	}()
	// Far more than a packet, and than what a stack keeps for a connection.
	sent := bytes.Repeat([]byte("0123456789abcdef"), 1<<14)
	for range 2 {
		conn, err := near.Dial(timed(t), near.RSDPort())
		if err != nil {
			t.Fatal(err)
		}
		wrote := make(chan error, 1)
		go func() {
			_, err := conn.Write(sent)
			wrote <- errors.Join(err, conn.(*gonet.TCPConn).CloseWrite())
		}()
		got, err := io.ReadAll(conn)
		if err := errors.Join(err, <-wrote, <-served, conn.Close()); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, sent) {
			t.Errorf("%d bytes came back, not the %d that were sent", len(got), len(sent))
		}
	}
}

func TestRefusedPort(t *testing.T) {
	near, _ := open(t)
	if _, err := near.Dial(timed(t), 9); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("dialing a port that nobody listens at: %v", err)
	}
	if near.Err() != nil {
		t.Errorf("the tunnel is over: %v", near.Err())
	}
}

// TestCut disconnects the phone: what waits in the tunnel ends at once.
func TestCut(t *testing.T) {
	near, far := open(t)
	l, err := far.listen(5)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err := near.Dial(timed(t), 5)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	read := make(chan error, 1)
	go func() { _, err := conn.Read(make([]byte, 1)); read <- err }()
	far.conn.Close()
	<-near.Done()
	if err := near.Err(); err == nil || errors.Is(err, errClosed) {
		t.Errorf("the tunnel ended with %v", err)
	}
	if err := <-read; err == nil {
		t.Error("a read in a broken tunnel succeeded")
	}
	if _, err := near.Dial(timed(t), 5); !errors.Is(err, near.Err()) {
		t.Errorf("dialing in a broken tunnel: %v", err)
	}
}

// TestStall has the phone fall silent at each step: ctx ends the wait.
func TestStall(t *testing.T) {
	t.Run("handshake", func(t *testing.T) {
		for _, said := range []string{"", "CDTun", "CDTunnel\x00\x20{"} {
			a, b := net.Pipe()
			ctx, cancel := context.WithCancel(timed(t))
			done := make(chan error, 1)
			go func() { _, err := Open(ctx, a); done <- err }()
			if _, err := readFrame(b); err != nil {
				t.Fatal(err)
			}
			if _, err := b.Write([]byte(said)); err != nil {
				t.Fatal(err)
			}
			cancel()
			if err := <-done; !errors.Is(err, context.Canceled) {
				t.Errorf("%q: %v", said, err)
			}
			if _, err := b.Read(make([]byte, 1)); err == nil {
				t.Errorf("%q: the connection stays open", said)
			}
			b.Close()
		}
	})
	t.Run("unread", func(t *testing.T) {
		a, b := net.Pipe() // nobody ever reads b
		defer b.Close()
		ctx, cancel := context.WithCancel(timed(t))
		done := make(chan error, 1)
		go func() { _, err := Open(ctx, a); done <- err }()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	t.Run("dial", func(t *testing.T) {
		a, b := net.Pipe()
		defer b.Close()
		go func() {
			readFrame(b)
			b.Write(frame([]byte(good)))
		}()
		near, err := Open(timed(t), a)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(timed(t))
		done := make(chan error, 1)
		go func() { _, err := near.Dial(ctx, 5); done <- err }()
		io.ReadFull(b, make([]byte, 40)) // the SYN is on its way
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		near.Close()
		if err := near.Err(); !errors.Is(err, errClosed) {
			t.Error(err)
		}
	})
}

func TestHandshakeNonsense(t *testing.T) {
	with := func(from, to string) string { return strings.Replace(good, from, to, 1) }
	for _, tc := range []struct{ answer, want string }{
		{`{`, "unexpected end"},
		{with("serverHandshakeResponse", "no"), `a message of type "no"`},
		{with("fd00::2", "10.0.0.1"), `"10.0.0.1" is not an IPv6 address`},
		{with("fd00::2", "fd00::1"), "both ends"},
		{with(`"fd00::1"`, `"::ffff:10.0.0.1"`), "not an IPv6 address"},
		{with(`"fd00::1"`, `"fe80::1%eth0"`), "not an IPv6 address"},
		{with("1280", "1279"), "packets of 1279 bytes"},
		{with("1280", "65536"), "packets of 65536 bytes"},
		{with("58783", "0"), "port 0"},
		{with("58783", "65536"), "port 65536"},
	} {
		if _, err := parseAnswer([]byte(tc.answer)); !errors.Is(err, errHandshake) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", tc.answer, err, tc.want)
		}
	}
	if _, err := readFrame(strings.NewReader("HTTP/1.1 400 no")); !errors.Is(err, errHandshake) {
		t.Errorf("another protocol: %v", err)
	}
}

// TestPacketNonsense has the phone send invalid packets: the tunnel ends.
func TestPacketNonsense(t *testing.T) {
	a, b := net.Pipe()
	defer b.Close()
	go func() {
		readFrame(b)
		b.Write(frame([]byte(good)))
		b.Write(bytes.Repeat([]byte{0x45}, 40))
	}()
	near, err := Open(timed(t), a)
	if err != nil {
		t.Fatal(err)
	}
	<-near.Done()
	if err := near.Err(); !strings.Contains(fmt.Sprint(err), "IP version 4") {
		t.Error(err)
	}
	near.Close()
}

// FuzzAnswer reads arbitrary answers to the handshake.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte(good))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := parseAnswer(data)
		if err == nil && (!p.server.Is6() || p.rsdPort == 0 || p.mtu < minMTU) {
			t.Errorf("%q was read as %+v", data, p)
		}
	})
}
