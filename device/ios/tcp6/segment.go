package tcp6

import (
	"encoding/binary"
	"net/netip"
)

const (
	ipHeader  = 40
	tcpHeader = 20
	protocol  = 6 // TCP
	hopLimit  = 64

	flagFIN = 1
	flagSYN = 2
	flagRST = 4
	flagPSH = 8
	flagACK = 16

	// defaultMSS is that of a host that names none (RFC 9293 section 3.7.1).
	defaultMSS = 1220
	maxShift   = 14 // RFC 7323 section 2.3
)

// segment is one of TCP, as it is sent or came.
type segment struct {
	from     netip.AddrPort
	to       uint16 // port
	seq, ack uint32
	flags    byte
	window   uint16
	data     []byte
	// mss and shift are options of a SYN; shift is negative if it is not there.
	mss, shift int
}

// length is what the segment takes of the sequence.
func (p segment) length() uint32 {
	n := uint32(len(p.data))
	if p.flags&flagSYN != 0 {
		n++
	}
	if p.flags&flagFIN != 0 {
		n++
	}
	return n
}

// parse takes a packet apart, if it is a segment for a host and whole. data is
// part of packet.
func parse(packet []byte, host netip.Addr) (segment, bool) {
	if len(packet) < ipHeader+tcpHeader || packet[0]>>4 != 6 || packet[6] != protocol {
		return segment{}, false
	}
	from, to := netip.AddrFrom16([16]byte(packet[8:24])), netip.AddrFrom16([16]byte(packet[24:40]))
	payload := int(binary.BigEndian.Uint16(packet[4:]))
	if to != host || from == host || payload < tcpHeader || payload > len(packet)-ipHeader {
		return segment{}, false
	}
	t := packet[ipHeader : ipHeader+payload]
	head := int(t[12]>>4) * 4
	if head < tcpHeader || head > len(t) || checksum(from, to, t) != 0 {
		return segment{}, false
	}
	be := binary.BigEndian
	p := segment{
		from: netip.AddrPortFrom(from, be.Uint16(t)), to: be.Uint16(t[2:]), seq: be.Uint32(t[4:]), ack: be.Uint32(t[8:]),
		flags: t[13] & 0x3f, window: be.Uint16(t[14:]), data: t[head:], mss: defaultMSS, shift: -1,
	}
	if p.flags&flagSYN != 0 {
		p.options(t[tcpHeader:head])
	}
	return p, true
}

func (p *segment) options(o []byte) {
	const end, nop, mss, scale = 0, 1, 2, 3
	for len(o) > 0 && o[0] != end {
		if o[0] == nop {
			o = o[1:]
			continue
		}
		if len(o) < 2 || o[1] < 2 || int(o[1]) > len(o) {
			return
		}
		switch value := o[2:o[1]]; {
		case o[0] == mss && len(value) == 2:
			p.mss = int(binary.BigEndian.Uint16(value))
		case o[0] == scale && len(value) == 1:
			p.shift = min(int(value[0]), maxShift)
		}
		o = o[o[1]:]
	}
}

// marshal makes a packet of the segment. A SYN has the options that it names.
func (p segment) marshal(to netip.AddrPort) []byte {
	var options []byte
	if p.flags&flagSYN != 0 {
		options = []byte{2, 4, byte(p.mss >> 8), byte(p.mss)}
		if p.shift >= 0 {
			options = append(options, 1, 3, 3, byte(p.shift))
		}
	}
	be := binary.BigEndian
	size := tcpHeader + len(options) + len(p.data)
	b := make([]byte, ipHeader, ipHeader+size)
	b[0] = 6 << 4
	be.PutUint16(b[4:], uint16(size))
	b[6], b[7] = protocol, hopLimit
	from16, to16 := p.from.Addr().As16(), to.Addr().As16()
	copy(b[8:], from16[:])
	copy(b[24:], to16[:])
	b = be.AppendUint16(b, p.from.Port())
	b = be.AppendUint16(b, to.Port())
	b = be.AppendUint32(b, p.seq)
	b = be.AppendUint32(b, p.ack)
	b = append(b, byte(tcpHeader+len(options))/4<<4, p.flags)
	b = be.AppendUint16(b, p.window)
	b = append(b, 0, 0, 0, 0) // checksum, urgent pointer
	b = append(append(b, options...), p.data...)
	be.PutUint16(b[ipHeader+16:], checksum(p.from.Addr(), to.Addr(), b[ipHeader:]))
	return b
}

// checksum is that of a segment with its pseudo-header (RFC 8200 section 8.1):
// over one that has a right checksum it is 0.
func checksum(from, to netip.Addr, t []byte) uint16 {
	sum := uint64(len(t)) + protocol
	add := func(b []byte) {
		for ; len(b) >= 2; b = b[2:] {
			sum += uint64(b[0])<<8 | uint64(b[1])
		}
		if len(b) == 1 {
			sum += uint64(b[0]) << 8
		}
	}
	a, b := from.As16(), to.As16()
	add(a[:])
	add(b[:])
	add(t)
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}
