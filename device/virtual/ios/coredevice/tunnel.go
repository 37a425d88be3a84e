package coredevice

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"

	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/channel"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
)

const (
	magic = "CDTunnel"
	nic   = 1
	// Packets are as large as the computer asks for, within what IPv6 requires
	// of every link and what a phone grants.
	leastMTU, mostMTU = 1280, 16000
	// mostReceived is how large a packet may be that the phone takes, whatever was
	// agreed: pymobiledevice3 measured that larger ones vanish on the way over USB.
	mostReceived = 8192
	queueLength  = 256
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
	out := s.options.Faults.Strike(ctx, "CoreDeviceProxy handshake", conn)
	if out == nil {
		return errFault
	}
	phone, computer, prefix := s.addresses()
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
	// Without a blank between the fields, as json.Marshal has it: appium-ios-tuntap
	// searches the text for them.
	head := binary.BigEndian.AppendUint16([]byte(magic), uint16(len(answer)))
	if _, err := out.Write(append(head, answer...)); err != nil {
		return err
	}
	if out = s.options.Faults.Strike(ctx, "CoreDeviceProxy packets", conn); out == nil {
		return errFault
	}
	return s.route(ctx, cancel, out, phone, prefix, uint32(mtu))
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

// route is the phone's network: packets go between conn and a TCP stack with a
// listener for RSD and each service.
func (s *Server) route(ctx context.Context, cancel context.CancelCauseFunc, conn net.Conn, address netip.Addr, prefix int, mtu uint32) error {
	// gvisor verifies checksums and sends right ones, and answers a SYN with a
	// window scale above 0: pymobiledevice3's stack gives up without. What it
	// has no use for, such as multicast reports and router solicitations, it
	// drops.
	network := stack.New(stack.Options{
		NetworkProtocols:   []stack.NetworkProtocolFactory{ipv6.NewProtocol},
		TransportProtocols: []stack.TransportProtocolFactory{tcp.NewProtocol},
	})
	link := channel.New(queueLength, mtu, "")
	var pumps, services sync.WaitGroup
	defer func() {
		cancel(nil)
		conn.Close()
		services.Wait()
		network.Close()
		pumps.Wait()
		network.Wait()
	}()
	if err := network.CreateNIC(nic, link); err != nil {
		return fmt.Errorf("the tunnel's interface: %s", err)
	}
	ours := tcpip.AddrFrom16(address.As16())
	at := tcpip.AddressWithPrefix{Address: ours, PrefixLen: prefix}
	if err := network.AddProtocolAddress(nic, tcpip.ProtocolAddress{Protocol: ipv6.ProtocolNumber, AddressWithPrefix: at}, stack.AddressProperties{}); err != nil {
		return fmt.Errorf("the tunnel's address: %s", err)
	}
	network.SetRouteTable([]tcpip.Route{{Destination: header.IPv6EmptySubnet, NIC: nic}})
	listen := func(port uint16) (net.Listener, error) {
		return gonet.ListenTCP(network, tcpip.FullAddress{NIC: nic, Addr: ours, Port: port}, ipv6.ProtocolNumber)
	}
	rsd, err := listen(RSDPort)
	if err != nil {
		return err
	}
	where := s.own()
	s.accept(ctx, &services, rsd, "", where)
	for name, port := range where {
		l, err := listen(port)
		if err != nil {
			return err
		}
		s.accept(ctx, &services, l, name, where)
	}
	pumps.Go(func() { cancel(send(ctx, conn, link)) })
	cancel(receive(conn, link))
	return context.Cause(ctx)
}

// receive brings the computer's packets to the stack.
func receive(conn net.Conn, link *channel.Endpoint) error {
	r := bufio.NewReaderSize(conn, 64<<10)
	packet := make([]byte, header.IPv6MinimumSize+1<<16)
	for {
		head := packet[:header.IPv6MinimumSize]
		if _, err := io.ReadFull(r, head); err != nil {
			return err
		}
		if head[0]>>4 != header.IPv6Version {
			return fmt.Errorf("a packet of IP version %d in the tunnel", head[0]>>4)
		}
		n := header.IPv6MinimumSize + int(binary.BigEndian.Uint16(head[4:]))
		if _, err := io.ReadFull(r, packet[header.IPv6MinimumSize:n]); err != nil {
			return err
		}
		if n > mostReceived {
			continue
		}
		p := stack.NewPacketBuffer(stack.PacketBufferOptions{Payload: buffer.MakeWithData(packet[:n])})
		link.InjectInbound(ipv6.ProtocolNumber, p)
		p.DecRef()
	}
}

// send brings the stack's packets to the computer, all that wait in one write.
func send(ctx context.Context, conn net.Conn, link *channel.Endpoint) error {
	w := bufio.NewWriterSize(conn, 64<<10)
	for {
		p := link.ReadContext(ctx)
		if p == nil {
			return context.Cause(ctx)
		}
		for p != nil {
			for _, part := range p.AsSlices() {
				_, _ = w.Write(part) // Flush says it
			}
			p.DecRef()
			p = link.Read()
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
}
