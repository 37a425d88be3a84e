// Package cdtunnel opens the network that an iPhone offers behind its lockdown
// service com.apple.internal.devicecompute.CoreDeviceProxy (iOS 17.4 and
// newer): after a handshake in JSON the connection carries plain IPv6 packets.
// The computer's side of that network is gVisor's TCP in this process, so that
// neither root nor a network interface is needed, nothing listens on the
// computer and everything ends with the tunnel.
package cdtunnel

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/netstack"
)

// Service is the lockdown service for Open's connection.
const Service = "com.apple.internal.devicecompute.CoreDeviceProxy"

// errHandshake is an invalid answer to the handshake.
var errHandshake = errors.New("the phone's tunnel service sent an invalid answer")

// errClosed is the error of a tunnel that was closed by this side.
var errClosed = errors.New("the tunnel is closed")

const (
	magic = "CDTunnel"
	// askedMTU is the packet size that is requested; the phone decides. Xcode
	// requests 16000, but pymobiledevice3 measured that over USB the phone's
	// side silently drops packets of more than 8192 bytes: a stack that does
	// not probe for that hangs at the first long URL. go-ios and
	// appium-ios-remotexpc request the minimum of IPv6.
	askedMTU = 1280
	minMTU   = 1280 // RFC 8200, section 5
	maxMTU   = 1<<16 - 1
)

// request and answer are the two messages of the handshake.
type request struct {
	Type string `json:"type"`
	MTU  int    `json:"mtu"`
}

type answer struct {
	Type   string `json:"type"`
	Client struct {
		Address string `json:"address"`
		MTU     int    `json:"mtu"`
		Netmask string `json:"netmask"`
	} `json:"clientParameters"`
	ServerAddress string `json:"serverAddress"`
	ServerRSDPort int    `json:"serverRSDPort"`
}

// parameters are the network's parameters, validated.
type parameters struct {
	client, server netip.Addr
	mtu            int
	rsdPort        uint16
}

// Tunnel is an open network with one phone on it. It may be used by several
// goroutines.
type Tunnel struct {
	conn   net.Conn
	host   *netstack.Host
	params parameters

	ctx    context.Context // ends when the tunnel does; its cause says why
	cancel context.CancelCauseFunc
	pumps  sync.WaitGroup
	once   sync.Once
}

// Open performs the handshake on a connection to [Service] and starts the
// network. The tunnel owns the connection, even if Open fails. ctx limits only
// the handshake.
func Open(ctx context.Context, conn net.Conn) (*Tunnel, error) {
	params, err := handshake(ctx, conn)
	if err != nil {
		conn.Close()
		return nil, err
	}
	return start(ctx, conn, params)
}

// start starts the network on a connection after the handshake.
func start(ctx context.Context, conn net.Conn, params parameters) (*Tunnel, error) {
	h, err := netstack.New(params.client, params.mtu)
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("the tunnel's network: %w", err)
	}
	t := &Tunnel{conn: conn, host: h, params: params}
	t.ctx, t.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	t.pumps.Go(func() { t.end(fmt.Errorf("the tunnel broke: %w", h.Receive(conn, netstack.MaxPacket))) })
	t.pumps.Go(func() { t.end(fmt.Errorf("the tunnel broke: %w", h.Transmit(t.ctx, conn))) })
	return t, nil
}

// handshake asks for the network's parameters.
func handshake(ctx context.Context, conn net.Conn) (parameters, error) {
	var p parameters
	err := device.During(ctx, conn, func() (err error) {
		p, err = exchange(conn)
		return err
	})
	if err != nil && ctx.Err() != nil {
		return p, context.Cause(ctx)
	}
	return p, err
}

func exchange(conn net.Conn) (parameters, error) {
	body, err := json.Marshal(request{Type: "clientHandshakeRequest", MTU: askedMTU})
	if err != nil {
		return parameters{}, err
	}
	if _, err := conn.Write(frame(body)); err != nil {
		return parameters{}, fmt.Errorf("asking for a tunnel: %w", err)
	}
	if body, err = readFrame(conn); err != nil {
		return parameters{}, err
	}
	return parseAnswer(body)
}

// frame prepends the header to a message of the handshake: CDTunnel and the
// length, two bytes big-endian.
func frame(body []byte) []byte {
	head := binary.BigEndian.AppendUint16([]byte(magic), uint16(len(body)))
	return append(head, body...)
}

func readFrame(r io.Reader) ([]byte, error) {
	head := make([]byte, len(magic)+2)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, fmt.Errorf("waiting for the phone's tunnel service: %w", err)
	}
	if string(head[:len(magic)]) != magic {
		return nil, fmt.Errorf("%w: it begins with %q", errHandshake, head[:len(magic)])
	}
	body := make([]byte, binary.BigEndian.Uint16(head[len(magic):]))
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, fmt.Errorf("waiting for the phone's tunnel service: %w", err)
	}
	return body, nil
}

func parseAnswer(body []byte) (parameters, error) {
	var a answer
	if err := json.Unmarshal(body, &a); err != nil {
		return parameters{}, fmt.Errorf("%w: %w", errHandshake, err)
	}
	if a.Type != "serverHandshakeResponse" {
		return parameters{}, fmt.Errorf("%w: a message of type %q", errHandshake, a.Type)
	}
	p := parameters{mtu: a.Client.MTU, rsdPort: uint16(a.ServerRSDPort)}
	var err error
	for _, at := range []struct {
		to   *netip.Addr
		text string
	}{{&p.client, a.Client.Address}, {&p.server, a.ServerAddress}} {
		if *at.to, err = netip.ParseAddr(at.text); err != nil || !at.to.Is6() || at.to.Is4In6() || at.to.Zone() != "" {
			return parameters{}, fmt.Errorf("%w: %q is not an IPv6 address", errHandshake, at.text)
		}
	}
	switch {
	case p.client == p.server:
		return parameters{}, fmt.Errorf("%w: both ends have the address %q", errHandshake, a.ServerAddress)
	case p.mtu < minMTU || p.mtu > maxMTU:
		return parameters{}, fmt.Errorf("%w: packets of %d bytes", errHandshake, p.mtu)
	case a.ServerRSDPort < 1 || a.ServerRSDPort > 1<<16-1:
		return parameters{}, fmt.Errorf("%w: port %d", errHandshake, a.ServerRSDPort)
	}
	return p, nil
}

// RSDPort is the port at which the phone's service directory listens.
func (t *Tunnel) RSDPort() uint16 { return t.params.rsdPort }

// Dial connects to a port of the phone.
func (t *Tunnel) Dial(ctx context.Context, port uint16) (net.Conn, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(t.ctx, func() { cancel(context.Cause(t.ctx)) })()
	conn, err := t.host.Dial(ctx, netip.AddrPortFrom(t.params.server, port))
	switch {
	case t.Err() != nil:
		if err == nil {
			conn.Close()
		}
		return nil, t.Err()
	case ctx.Err() != nil:
		if err == nil {
			conn.Close()
		}
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, fmt.Errorf("port %d in the tunnel: %w", port, err)
	}
	return conn, nil
}

// Done is closed when the tunnel has ended.
func (t *Tunnel) Done() <-chan struct{} { return t.ctx.Done() }

// Err says why the tunnel ended; nil while it is open.
func (t *Tunnel) Err() error { return context.Cause(t.ctx) }

// Close ends the tunnel, its connections and its goroutines, and waits for
// them.
func (t *Tunnel) Close() error {
	t.end(errClosed)
	t.pumps.Wait()
	t.host.Close()
	return nil
}

// end stops everything, once. Calls that wait in the tunnel return.
func (t *Tunnel) end(why error) {
	t.once.Do(func() {
		t.cancel(why)
		t.conn.Close()
		t.host.Stop()
	})
}
