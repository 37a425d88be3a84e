package usbmuxd

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/wxctl/wxctl/device/proplist"
	"howett.net/plist"
)

// header is what every message begins with: its length with the header itself,
// the version of the protocol, the kind of message and the tag that the answer
// repeats, all little endian.
type header struct {
	Length, Version, Kind, Tag uint32
}

const (
	headerSize  = 16
	versionXML  = 1
	kindPlist   = 8
	messageMost = 1 << 20 // far above any request: a pair record has 10 KB
)

// errBinary is a message of the old protocol without property lists.
var errBinary = errors.New("not a property list message")

// request is what clients ask; each uses some of the fields.
type request struct {
	MessageType    string
	DeviceID       int
	PortNumber     int
	PairRecordID   string
	PairRecordData []byte
}

// readRequest reads one message. It never uses more memory than the largest
// message, and never panics, whatever the input.
func readRequest(r io.Reader) (q request, tag uint32, err error) {
	var h header
	if err := binary.Read(r, binary.LittleEndian, &h); err != nil {
		return q, 0, err
	}
	if h.Length < headerSize || h.Length > messageMost {
		return q, h.Tag, fmt.Errorf("a message of %d bytes", h.Length)
	}
	body := make([]byte, h.Length-headerSize)
	if _, err := io.ReadFull(r, body); err != nil {
		return q, h.Tag, err
	}
	if h.Version != versionXML || h.Kind != kindPlist {
		return q, h.Tag, errBinary
	}
	err = proplist.Unmarshal(body, &q)
	return q, h.Tag, err
}

// writeMessage answers with a property list.
func writeMessage(w io.Writer, tag uint32, message any) error {
	body, err := plist.Marshal(message, plist.XMLFormat)
	if err != nil {
		return err
	}
	out := make([]byte, 0, headerSize+len(body))
	for _, n := range []uint32{uint32(headerSize + len(body)), versionXML, kindPlist, tag} {
		out = binary.LittleEndian.AppendUint32(out, n)
	}
	_, err = w.Write(append(out, body...))
	return err
}
