package cdtunnel

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"

	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/channel"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
)

const nic = tcpip.NICID(1) // the only interface

// newStack makes the computer's side of a network: IPv6 and TCP, one
// interface, everything routed to it.
func newStack(p parameters) (*stack.Stack, *channel.Endpoint, error) {
	s := stack.New(stack.Options{
		NetworkProtocols:   []stack.NetworkProtocolFactory{ipv6.NewProtocol},
		TransportProtocols: []stack.TransportProtocolFactory{tcp.NewProtocol},
	})
	link := channel.New(queued, uint32(p.mtu), "")
	fail := func(what string, err tcpip.Error) (*stack.Stack, *channel.Endpoint, error) {
		s.Destroy()
		return nil, nil, fmt.Errorf("%s: %s", what, err)
	}
	sack := tcpip.TCPSACKEnabled(true)
	if err := s.SetTransportProtocolOption(tcp.ProtocolNumber, &sack); err != nil {
		return fail("the tunnel's TCP", err)
	}
	if err := s.CreateNIC(nic, link); err != nil {
		return fail("the tunnel's interface", err)
	}
	address := tcpip.ProtocolAddress{Protocol: ipv6.ProtocolNumber, AddressWithPrefix: tcpip.AddrFrom16(p.client.As16()).WithPrefix()}
	if err := s.AddProtocolAddress(nic, address, stack.AddressProperties{}); err != nil {
		return fail("the tunnel's address", err)
	}
	s.SetRouteTable([]tcpip.Route{{Destination: header.IPv6EmptySubnet, NIC: nic}})
	return s, link, nil
}

// receive brings the phone's packets to the stack until the connection ends.
func (t *Tunnel) receive() {
	t.end(t.pumpIn(bufio.NewReaderSize(t.conn, 1<<16)))
}

func (t *Tunnel) pumpIn(r io.Reader) error {
	packet := make([]byte, header.IPv6MinimumSize+maxMTU)
	for {
		n, err := readPacket(r, packet)
		if err != nil {
			return fmt.Errorf("the tunnel broke: %w", err)
		}
		pkt := stack.NewPacketBuffer(stack.PacketBufferOptions{Payload: buffer.MakeWithData(packet[:n])})
		t.link.InjectInbound(ipv6.ProtocolNumber, pkt)
		pkt.DecRef()
	}
}

// readPacket reads one IPv6 packet: nothing but its own header says where it
// ends.
func readPacket(r io.Reader, into []byte) (int, error) {
	head := into[:header.IPv6MinimumSize]
	if _, err := io.ReadFull(r, head); err != nil {
		return 0, err
	}
	if head[0]>>4 != header.IPv6Version {
		return 0, fmt.Errorf("a packet of IP version %d", head[0]>>4)
	}
	n := header.IPv6MinimumSize + int(binary.BigEndian.Uint16(head[4:6]))
	_, err := io.ReadFull(r, into[header.IPv6MinimumSize:n])
	return n, err
}

// transmit brings the stack's packets to the phone until the tunnel ends.
// What has queued up goes out in one write.
func (t *Tunnel) transmit() {
	w := bufio.NewWriterSize(t.conn, 1<<16)
	for {
		pkt := t.link.ReadContext(t.ctx)
		if pkt == nil {
			return
		}
		var err error
		for ; pkt != nil && err == nil; pkt = t.link.Read() {
			for _, part := range pkt.AsSlices() {
				if _, err = w.Write(part); err != nil {
					break
				}
			}
			pkt.DecRef()
		}
		if err == nil {
			err = w.Flush()
		}
		if err != nil {
			t.end(fmt.Errorf("the tunnel broke: %w", err))
			return
		}
	}
}
