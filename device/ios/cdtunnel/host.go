package cdtunnel

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

// host is gvisor's TCP at one end of a tunnel, and the link that its packets
// leave by.
type host struct {
	stack *stack.Stack
	link  *channel.Endpoint
}

// newHost makes a host with one address on a link of a maximal packet size.
func newHost(own netip.Addr, mtu int) (host, error) {
	h := host{
		stack: stack.New(stack.Options{
			NetworkProtocols:   []stack.NetworkProtocolFactory{ipv6.NewProtocol},
			TransportProtocols: []stack.TransportProtocolFactory{tcp.NewProtocol},
		}),
		link: channel.New(queued, uint32(mtu), ""),
	}
	if err := h.stack.CreateNIC(nic, h.link); err != nil {
		h.close()
		return host{}, errors.New(err.String())
	}
	at := tcpip.ProtocolAddress{Protocol: ipv6.ProtocolNumber, AddressWithPrefix: tcpip.AddrFromSlice(own.AsSlice()).WithPrefix()}
	if err := h.stack.AddProtocolAddress(nic, at, stack.AddressProperties{}); err != nil {
		h.close()
		return host{}, errors.New(err.String())
	}
	h.stack.SetRouteTable([]tcpip.Route{{Destination: header.IPv6EmptySubnet, NIC: nic}})
	return h, nil
}

// dial connects to a port of another host.
func (h host) dial(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	at := tcpip.FullAddress{NIC: nic, Addr: tcpip.AddrFromSlice(to.Addr().AsSlice()), Port: to.Port()}
	conn, err := gonet.DialContextTCP(ctx, h.stack, at, ipv6.ProtocolNumber)
	if err != nil {
		return nil, err // not a nil *gonet.TCPConn in an interface
	}
	return conn, nil
}

// close ends the host and what it runs, and waits for it.
func (h host) close() {
	h.stack.Destroy()
	h.link.Close()
}

// receive brings packets from r to the host until r ends.
func (h host) receive(r io.Reader) error {
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
		p := stack.NewPacketBuffer(stack.PacketBufferOptions{Payload: buffer.MakeWithData(packet)})
		h.link.InjectInbound(ipv6.ProtocolNumber, p)
		p.DecRef()
	}
}

// transmit brings the host's packets to w until ctx ends. What has queued up
// goes out in one write.
func (h host) transmit(ctx context.Context, w io.Writer) error {
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
