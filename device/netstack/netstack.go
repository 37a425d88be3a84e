// Package netstack is gvisor's TCP at one end of a tunnel of bare IPv6 packets:
// the computer's, and in the virtual iPhone the phone's.
package netstack

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"

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
	nic = 1 // the stack's only interface
	// queued is how many packets wait for the connection before the stack takes
	// them for lost: more than TCP keeps unacknowledged at the least MTU.
	queued = 4096
)

// MaxPacket is the size of the largest IPv6 packet, but for jumbograms.
const MaxPacket = header.IPv6MinimumSize + 1<<16 - 1

// Host is a TCP stack with one address, and the link that its packets leave by.
// What is no TCP it drops.
type Host struct {
	stack *stack.Stack
	link  *channel.Endpoint
}

// New makes a host on a link of a maximal packet size.
func New(own netip.Addr, mtu int) (*Host, error) {
	h := &Host{
		stack: stack.New(stack.Options{
			NetworkProtocols:   []stack.NetworkProtocolFactory{ipv6.NewProtocol},
			TransportProtocols: []stack.TransportProtocolFactory{tcp.NewProtocol},
		}),
		link: channel.New(queued, uint32(mtu), ""),
	}
	at := tcpip.ProtocolAddress{Protocol: ipv6.ProtocolNumber, AddressWithPrefix: tcpip.AddrFromSlice(own.AsSlice()).WithPrefix()}
	err := h.stack.CreateNIC(nic, h.link)
	if err == nil {
		err = h.stack.AddProtocolAddress(nic, at, stack.AddressProperties{})
	}
	if err != nil {
		h.Close()
		return nil, errors.New(err.String())
	}
	h.stack.SetRouteTable([]tcpip.Route{{Destination: header.IPv6EmptySubnet, NIC: nic}})
	return h, nil
}

// Dial connects to a port of another host.
func (h *Host) Dial(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	at := tcpip.FullAddress{NIC: nic, Addr: tcpip.AddrFromSlice(to.Addr().AsSlice()), Port: to.Port()}
	conn, err := gonet.DialContextTCP(ctx, h.stack, at, ipv6.ProtocolNumber)
	if err != nil {
		return nil, err // not a nil *gonet.TCPConn in an interface
	}
	return conn, nil
}

// Listen takes connections at a port; 0 is any free one.
func (h *Host) Listen(port uint16) (net.Listener, error) {
	return gonet.ListenTCP(h.stack, tcpip.FullAddress{NIC: nic, Port: port}, ipv6.ProtocolNumber)
}

// Stop ends all connections of the host, and does not wait for it.
func (h *Host) Stop() { h.stack.Close() }

// Close ends the host and what it runs, and waits for it.
func (h *Host) Close() {
	h.stack.Destroy()
	h.link.Close()
}

// Receive brings packets from r to the host until r ends. Those of more than
// most bytes get lost.
func (h *Host) Receive(r io.Reader, most int) error {
	in := bufio.NewReaderSize(r, 1<<16)
	for {
		// Nothing but a packet's own header says where it ends.
		head, err := in.Peek(header.IPv6MinimumSize)
		if err != nil {
			return err
		}
		if version := header.IPVersion(head); version != header.IPv6Version {
			return fmt.Errorf("a packet of IP version %d", version)
		}
		packet := make([]byte, header.IPv6MinimumSize+int(header.IPv6(head).PayloadLength()))
		if _, err := io.ReadFull(in, packet); err != nil {
			return err
		}
		if len(packet) > most {
			continue
		}
		p := stack.NewPacketBuffer(stack.PacketBufferOptions{Payload: buffer.MakeWithData(packet)})
		h.link.InjectInbound(ipv6.ProtocolNumber, p)
		p.DecRef()
	}
}

// Transmit brings the host's packets to w until ctx ends. What has queued up
// goes out in one write.
func (h *Host) Transmit(ctx context.Context, w io.Writer) error {
	out := bufio.NewWriterSize(w, 1<<16)
	for {
		p := h.link.ReadContext(ctx)
		if p == nil {
			return context.Cause(ctx)
		}
		for ; p != nil; p = h.link.Read() {
			view := p.ToView()
			_, _ = out.Write(view.AsSlice()) // Flush says it
			view.Release()
			p.DecRef()
		}
		if err := out.Flush(); err != nil {
			return err
		}
	}
}
