// Package netstack is gVisor's TCP at one end of a tunnel of plain IPv6
// packets: the computer's end and, in the virtual iPhone, the phone's.
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
	// queued is how many outgoing packets may wait before the stack drops them:
	// more than TCP leaves unacknowledged at the smallest MTU.
	queued = 4096
)

// MaxPacket is the size in bytes of the largest IPv6 packet, except jumbograms.
const MaxPacket = header.IPv6MinimumSize + 1<<16 - 1

// Host is a TCP stack with one address, and the link for its packets. It drops
// everything but TCP.
type Host struct {
	stack *stack.Stack
	link  *channel.Endpoint
}

// New returns a host on a link with a maximum packet size in bytes.
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

// Listen accepts connections at a port; 0 is any free one.
func (h *Host) Listen(port uint16) (net.Listener, error) {
	return gonet.ListenTCP(h.stack, tcpip.FullAddress{NIC: nic, Port: port}, ipv6.ProtocolNumber)
}

// Stop ends all connections of the host, without waiting.
func (h *Host) Stop() { h.stack.Close() }

// Close ends the host and its goroutines, and waits for them.
func (h *Host) Close() {
	h.stack.Destroy()
	h.link.Close()
}

// Receive passes packets from r to the host until r ends. Packets of more than
// most bytes are dropped.
func (h *Host) Receive(r io.Reader, most int) error {
	in := bufio.NewReaderSize(r, 1<<16)
	for {
		// Only a packet's own header says where it ends.
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

// Transmit passes the host's packets to w until ctx ends. Queued packets are
// sent in one write.
func (h *Host) Transmit(ctx context.Context, w io.Writer) error {
	out := bufio.NewWriterSize(w, 1<<16)
	for {
		p := h.link.ReadContext(ctx)
		if p == nil {
			return context.Cause(ctx)
		}
		for ; p != nil; p = h.link.Read() {
			view := p.ToView()
			_, _ = out.Write(view.AsSlice()) // Flush returns the error
			view.Release()
			p.DecRef()
		}
		if err := out.Flush(); err != nil {
			return err
		}
	}
}
