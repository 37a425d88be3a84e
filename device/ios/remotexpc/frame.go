package remotexpc

import (
	"encoding/binary"
	"fmt"
	"io"
)

// preface is what a client of HTTP/2 begins with (RFC 9113 section 3.4).
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// Kinds of frames and the flags that matter here (RFC 9113 section 6). The rest
// of HTTP/2 is not needed: headers are empty and never read, so that there is no
// state of their compression either. golang.org/x/net/http2 has a framer, and
// with it the whole protocol and Unicode tables.
const (
	frameData         = 0
	frameHeaders      = 1
	frameReset        = 3
	frameSettings     = 4
	framePing         = 6
	frameGoAway       = 7
	frameWindowUpdate = 8

	flagAck        = 0x1
	flagEndHeaders = 0x4
	flagPadded     = 0x8

	settingMaxStreams    = 3
	settingInitialWindow = 4

	frameHead = 9
	maxWindow = 1<<31 - 1
)

// frame is one of HTTP/2. length is that of the payload with its padding, which
// counts for windows.
type frame struct {
	kind, flags byte
	stream      uint32
	length      uint32
	payload     []byte
}

// appendFrame appends a frame.
func appendFrame(b []byte, kind, flags byte, stream uint32, payload []byte) []byte {
	n := len(payload)
	b = append(b, byte(n>>16), byte(n>>8), byte(n), kind, flags)
	b = binary.BigEndian.AppendUint32(b, stream)
	return append(b, payload...)
}

// AppendData appends the frame of HTTP/2 that carries data on a stream: at most
// 16 MiB less one byte.
func AppendData(b []byte, stream uint32, data []byte) []byte {
	return appendFrame(b, frameData, 0, stream, data)
}

// setting appends one setting to the payload of a SETTINGS frame.
func setting(b []byte, id uint16, value uint32) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint16(b, id), value)
}

// readFrame reads a frame whose payload has at most most bytes, and looks at
// what every frame of its kind has to be.
func readFrame(r io.Reader, most uint32) (frame, error) {
	var head [frameHead]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return frame{}, err
	}
	f := frame{length: uint32(head[0])<<16 | uint32(head[1])<<8 | uint32(head[2]), kind: head[3], flags: head[4]}
	f.stream = binary.BigEndian.Uint32(head[5:]) & maxWindow
	if f.length > most {
		return frame{}, fmt.Errorf("HTTP/2 frame of %d bytes is too large: no such frame is sent here, and perhaps it is another protocol", f.length)
	}
	f.payload = make([]byte, f.length)
	if _, err := io.ReadFull(r, f.payload); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return frame{}, err
	}
	return f, f.check()
}

func (f *frame) check() error {
	wrong := func() error {
		return fmt.Errorf("HTTP/2 frame of kind %d with %d bytes on stream %d makes no sense", f.kind, f.length, f.stream)
	}
	n := len(f.payload)
	switch f.kind {
	case frameData:
		if f.stream == 0 {
			return wrong()
		}
		if f.flags&flagPadded != 0 {
			if n == 0 || int(f.payload[0]) >= n {
				return wrong()
			}
			f.payload = f.payload[1 : n-int(f.payload[0])]
		}
	case frameReset:
		if n != 4 || f.stream == 0 {
			return wrong()
		}
	case frameSettings:
		if n%6 != 0 || f.stream != 0 || f.flags&flagAck != 0 && n > 0 {
			return wrong()
		}
	case framePing:
		if n != 8 || f.stream != 0 {
			return wrong()
		}
	case frameGoAway:
		if n < 8 || f.stream != 0 {
			return wrong()
		}
	case frameWindowUpdate:
		if n != 4 || f.number(0) == 0 {
			return wrong()
		}
	}
	return nil
}

// number is the 31-bit number at an offset of the payload.
func (f *frame) number(at int) uint32 { return binary.BigEndian.Uint32(f.payload[at:]) & maxWindow }
