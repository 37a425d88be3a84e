package coredevice

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"

	"github.com/wxctl/wxctl/device/netstack"
)

const (
	magic = "CDTunnel"
	// Packets are as large as the computer asks for, within what IPv6 requires
	// of every link and what a phone grants.
	leastMTU, mostMTU = 1280, 16000
	// mostReceived is the largest packet that the phone accepts, whatever was
	// agreed: pymobiledevice3 measured that larger ones are lost over USB.
	mostReceived = 8192
)

type helloFromComputer struct {
	Type string `json:"type"`
	MTU  int    `json:"mtu"`
}

type helloFromPhone struct {
	Type             string           `json:"type"`
	ClientParameters clientParameters `json:"clientParameters"`
	ServerAddress    string           `json:"serverAddress"`
	ServerRSDPort    int              `json:"serverRSDPort"`
}

type clientParameters struct {
	Address string `json:"address"`
	MTU     int    `json:"mtu"`
	Netmask string `json:"netmask"`
}

// ServeTunnel serves CoreDeviceProxy on a connection to it until the connection
// or ctx ends: a greeting in JSON, then bare IPv6 packets, and a network with
// RSD and the services behind them. It closes conn.
func (s *Server) ServeTunnel(ctx context.Context, conn net.Conn) error {
	defer conn.Close()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(s.ctx, func() { cancel(net.ErrClosed) })()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	hello, err := readHello(conn)
	if err != nil {
		return err
	}
	out := s.options.Faults.Reach("CoreDeviceProxy handshake", conn)
	if out == nil {
		return errFault
	}
	phone, computer := s.addresses()
	mtu := min(max(hello.MTU, leastMTU), mostMTU)
	answer, err := json.Marshal(helloFromPhone{
		Type:             "serverHandshakeResponse",
		ClientParameters: clientParameters{Address: computer.String(), MTU: mtu, Netmask: "ffff:ffff:ffff:ffff::"},
		ServerAddress:    phone.String(),
		ServerRSDPort:    RSDPort,
	})
	if err != nil {
		return err
	}
	// Without a blank between the fields, as json.Marshal writes it:
	// appium-ios-tuntap searches the text for them.
	head := binary.BigEndian.AppendUint16([]byte(magic), uint16(len(answer)))
	if _, err := out.Write(append(head, answer...)); err != nil {
		return err
	}
	if out = s.options.Faults.Reach("CoreDeviceProxy packets", conn); out == nil {
		return errFault
	}
	return s.route(ctx, cancel, out, phone, mtu)
}

func readHello(r io.Reader) (helloFromComputer, error) {
	var hello helloFromComputer
	head := make([]byte, len(magic)+2)
	if _, err := io.ReadFull(r, head); err != nil {
		return hello, err
	}
	if string(head[:len(magic)]) != magic {
		return hello, fmt.Errorf("CoreDeviceProxy is greeted with %q", head[:len(magic)])
	}
	body := make([]byte, binary.BigEndian.Uint16(head[len(magic):]))
	if _, err := io.ReadFull(r, body); err != nil {
		return hello, err
	}
	if err := json.Unmarshal(body, &hello); err != nil {
		return hello, fmt.Errorf("CoreDeviceProxy is greeted with %.80q: %w", body, err)
	}
	if hello.Type != "clientHandshakeRequest" {
		return hello, fmt.Errorf("CoreDeviceProxy is greeted with a %q", hello.Type)
	}
	return hello, nil
}

// route is the phone's network: packets go between conn and a listener for RSD
// and each service.
func (s *Server) route(ctx context.Context, cancel context.CancelCauseFunc, conn net.Conn, address netip.Addr, mtu int) error {
	n, err := netstack.New(address, mtu)
	if err != nil {
		return err
	}
	var pumps, services sync.WaitGroup
	defer func() {
		cancel(nil)
		conn.Close()
		services.Wait()
		pumps.Wait()
		n.Close()
	}()
	rsd, err := n.Listen(RSDPort)
	if err != nil {
		return err
	}
	where := s.own()
	s.accept(ctx, &services, rsd, "", where)
	for name, port := range where {
		l, err := n.Listen(port)
		if err != nil {
			return err
		}
		s.accept(ctx, &services, l, name, where)
	}
	pumps.Go(func() { cancel(n.Transmit(ctx, conn)) })
	cancel(n.Receive(conn, mostReceived))
	return context.Cause(ctx)
}
