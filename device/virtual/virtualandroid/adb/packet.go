package adb

import (
	"encoding/binary"
	"fmt"
	"io"
)

// The commands of the transport protocol: four letters, read as a
// little-endian number (adb/protocol.txt).
const (
	cmdConnect uint32 = 'C' | 'N'<<8 | 'X'<<16 | 'N'<<24
	cmdAuth    uint32 = 'A' | 'U'<<8 | 'T'<<16 | 'H'<<24
	cmdOpen    uint32 = 'O' | 'P'<<8 | 'E'<<16 | 'N'<<24
	cmdOkay    uint32 = 'O' | 'K'<<8 | 'A'<<16 | 'Y'<<24
	cmdWrite   uint32 = 'W' | 'R'<<8 | 'T'<<16 | 'E'<<24
	cmdClose   uint32 = 'C' | 'L'<<8 | 'S'<<16 | 'E'<<24
)

const (
	packetHeader = 24 // bytes

	// versionSkipChecksum is the first version whose peers don't check the
	// sum of a packet's data; versionMin checks it.
	versionMin          = 0x01000000
	versionSkipChecksum = 0x01000001

	// maxPayload is the longest data of a packet; maxGreeting of one from a
	// peer that isn't authenticated yet: banners and keys are below 1 KiB.
	maxPayload  = 1 << 20
	minPayload  = 4096 // what version 1 of the protocol could carry
	maxGreeting = 16 << 10
)

// packet is one message of the transport protocol.
type packet struct {
	cmd, arg0, arg1 uint32
	data            []byte
}

// readPacket reads one packet with at most limit bytes of data. check makes it
// compare the data's sum with the header's.
func readPacket(r io.Reader, limit uint32, check bool) (packet, error) {
	var h [packetHeader]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return packet{}, err
	}
	word := func(i int) uint32 { return binary.LittleEndian.Uint32(h[4*i:]) }
	p := packet{cmd: word(0), arg0: word(1), arg1: word(2)}
	length, sum, magic := word(3), word(4), word(5)
	if magic != ^p.cmd {
		return p, fmt.Errorf("packet %#08x has magic %#08x", p.cmd, magic)
	}
	if length > limit {
		return p, fmt.Errorf("packet %#08x claims %d bytes, more than %d", p.cmd, length, limit)
	}
	if length > 0 {
		p.data = make([]byte, length)
		if _, err := io.ReadFull(r, p.data); err != nil {
			return p, err
		}
	}
	if check && checksum(p.data) != sum {
		return p, fmt.Errorf("packet %#08x has a wrong checksum", p.cmd)
	}
	return p, nil
}

// header is p's header; the sum is left 0 for peers that don't look at it.
func (p packet) header(sum bool) [packetHeader]byte {
	var h [packetHeader]byte
	put := func(i int, v uint32) { binary.LittleEndian.PutUint32(h[4*i:], v) }
	put(0, p.cmd)
	put(1, p.arg0)
	put(2, p.arg1)
	put(3, uint32(len(p.data)))
	if sum {
		put(4, checksum(p.data))
	}
	put(5, ^p.cmd)
	return h
}

// checksum is the sum of the bytes, which the protocol's text calls a CRC-32.
func checksum(b []byte) uint32 {
	var sum uint32
	for _, c := range b {
		sum += uint32(c)
	}
	return sum
}
