package coredevice

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

// network is the phone's end of a tunnel: gvisor's TCP at one address. What is
// no TCP, such as multicast reports and router solicitations, it drops.
type network struct {
	stack *stack.Stack
	link  *channel.Endpoint
}

const nic = 1 // the only interface

func newNetwork(address netip.Addr, mtu int) (network, error) {
	n := network{
		stack: stack.New(stack.Options{
			NetworkProtocols:   []stack.NetworkProtocolFactory{ipv6.NewProtocol},
			TransportProtocols: []stack.TransportProtocolFactory{tcp.NewProtocol},
		}),
		link: channel.New(queueLength, uint32(mtu), ""),
	}
	own := tcpip.ProtocolAddress{Protocol: ipv6.ProtocolNumber, AddressWithPrefix: tcpip.AddrFromSlice(address.AsSlice()).WithPrefix()}
	err := n.stack.CreateNIC(nic, n.link)
	if err == nil {
		err = n.stack.AddProtocolAddress(nic, own, stack.AddressProperties{})
	}
	if err != nil {
		n.close()
		return network{}, errors.New(err.String())
	}
	n.stack.SetRouteTable([]tcpip.Route{{Destination: header.IPv6EmptySubnet, NIC: nic}})
	return n, nil
}

func (n network) listen(port uint16) (net.Listener, error) {
	return gonet.ListenTCP(n.stack, tcpip.FullAddress{NIC: nic, Port: port}, ipv6.ProtocolNumber)
}

// close ends the network and waits for what it runs.
func (n network) close() {
	n.stack.Destroy()
	n.link.Close()
}

// receive brings the computer's packets to the network.
func (n network) receive(conn io.Reader) error {
	in := bufio.NewReaderSize(conn, 64<<10)
	for {
		head, err := in.Peek(header.IPv6MinimumSize)
		if err != nil {
			return err
		}
		if version := header.IPVersion(head); version != header.IPv6Version {
			return fmt.Errorf("a packet of IP version %d in the tunnel", version)
		}
		packet := make([]byte, header.IPv6MinimumSize+int(header.IPv6(head).PayloadLength()))
		if _, err := io.ReadFull(in, packet); err != nil {
			return err
		}
		if len(packet) > mostReceived {
			continue
		}
		p := stack.NewPacketBuffer(stack.PacketBufferOptions{Payload: buffer.MakeWithData(packet)})
		n.link.InjectInbound(ipv6.ProtocolNumber, p)
		p.DecRef()
	}
}

// send brings the network's packets to the computer, all that wait in one write.
func (n network) send(ctx context.Context, conn io.Writer) error {
	out := bufio.NewWriterSize(conn, 64<<10)
	for {
		p := n.link.ReadContext(ctx)
		if p == nil {
			return context.Cause(ctx)
		}
		for ; p != nil; p = n.link.Read() {
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
