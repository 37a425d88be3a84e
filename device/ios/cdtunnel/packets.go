package cdtunnel

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
)

const ipv6Header = 40

// receive brings the phone's packets to the stack until the connection ends.
func (t *Tunnel) receive() {
	t.end(t.pumpIn(bufio.NewReaderSize(t.conn, 1<<16)))
}

func (t *Tunnel) pumpIn(r io.Reader) error {
	packet := make([]byte, ipv6Header+maxMTU)
	for {
		n, err := readPacket(r, packet)
		if err != nil {
			return fmt.Errorf("the tunnel broke: %w", err)
		}
		t.stack.Receive(packet[:n])
	}
}

// readPacket reads one IPv6 packet: nothing but its own header says where it
// ends.
func readPacket(r io.Reader, into []byte) (int, error) {
	head := into[:ipv6Header]
	if _, err := io.ReadFull(r, head); err != nil {
		return 0, err
	}
	if head[0]>>4 != 6 {
		return 0, fmt.Errorf("a packet of IP version %d", head[0]>>4)
	}
	n := ipv6Header + int(binary.BigEndian.Uint16(head[4:6]))
	_, err := io.ReadFull(r, into[ipv6Header:n])
	return n, err
}

// transmit brings the stack's packets to the phone until the tunnel ends.
// What has queued up goes out in one write.
func (t *Tunnel) transmit() {
	w := bufio.NewWriterSize(t.conn, 1<<16)
	for {
		packets := t.stack.Packets(t.ctx)
		if packets == nil {
			return
		}
		for _, p := range packets {
			_, _ = w.Write(p) // Flush says it
		}
		if err := w.Flush(); err != nil {
			t.end(fmt.Errorf("the tunnel broke: %w", err))
			return
		}
	}
}
