package coredevice

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"

	"howett.net/plist"
)

// maxPlist is how long a property list may be that a computer checks in with.
const maxPlist = 1 << 20

// checkIn makes what remoted makes of a connection to a service of the old kind:
// the computer checks in, is answered twice, and then speaks with the service as
// it always did.
func (s *Server) checkIn(ctx context.Context, conn net.Conn) error {
	request, err := readPlist(conn)
	if err != nil {
		return err
	}
	if request["Request"] != "RSDCheckin" {
		return fmt.Errorf("%v before RSDCheckin", request["Request"])
	}
	for _, name := range []string{"RSDCheckin", "StartService"} {
		if err := writePlist(conn, map[string]any{"Request": name}); err != nil {
			return err
		}
	}
	return s.options.Lockdown(ctx, conn)
}

// readPlist reads a property list after its length, big-endian in four bytes.
func readPlist(r io.Reader) (map[string]any, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(head[:])
	if size > maxPlist {
		return nil, fmt.Errorf("a property list of %d bytes", size)
	}
	data := make([]byte, size)
	if _, err := io.ReadFull(r, data); err != nil {
		return nil, err
	}
	var v map[string]any
	_, err := plist.Unmarshal(data, &v)
	return v, err
}

func writePlist(w io.Writer, v any) error {
	data, err := plist.Marshal(v, plist.XMLFormat)
	if err != nil {
		return err
	}
	_, err = w.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(data))), data...))
	return err
}
