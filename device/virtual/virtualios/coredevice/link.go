package coredevice

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/danielpaulus/go-ios/ios/xpc"
	"golang.org/x/net/http2"
)

// dict is a dictionary of XPC. It is an alias, since go-ios knows no other type
// for one.
type dict = map[string]any

// Streams of a connection to RSD or to a service.
const (
	// Root is the stream for computers' requests; RSD pushes its Handshake there.
	Root uint32 = 1
	// Answers is the stream that services reply on.
	Answers uint32 = 3
)

const (
	// What phones send in their SETTINGS, and the connection's window.
	maxStreams, streamWindow, initialWindow = 100, 1 << 20, 1<<16 - 1
	// The largest frame of a phone; clients send larger ones.
	frameSize = 1 << 14
	// maxMessage limits one message of a computer, in bytes.
	maxMessage = 8 << 20
	// messageHead is the length of a message's header, with the length of the
	// body and the message's number.
	messageHead, bodyLength, messageID = 24, 8, 16
)

// message is one XPC message.
type message struct {
	stream, flags uint32
	id            uint64
	body          dict // nil for one without a body
}

// link is the phone's side of an HTTP/2 connection that carries XPC messages.
// It respects the computer's windows, as phones do. All waits end with the
// connection.
type link struct {
	out     *bufio.Writer
	frames  *http2.Framer
	window  int64
	windows map[uint32]int64 // of the streams that are open
	initial int64
	partial map[uint32][]byte
	waiting []message
}

// accept reads a computer's preface and answers with SETTINGS.
func accept(conn net.Conn) (*link, error) {
	in := bufio.NewReader(conn)
	preface := make([]byte, len(http2.ClientPreface))
	if _, err := io.ReadFull(in, preface); err != nil {
		return nil, err
	}
	if string(preface) != http2.ClientPreface {
		return nil, fmt.Errorf("a connection that begins with %q", preface)
	}
	l := &link{
		out: bufio.NewWriter(conn), window: initialWindow, initial: initialWindow,
		windows: map[uint32]int64{}, partial: map[uint32][]byte{},
	}
	l.frames = http2.NewFramer(l.out, in)
	l.frames.SetMaxReadFrameSize(maxMessage + messageHead)
	return l, errors.Join(
		l.frames.WriteSettings(
			http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: maxStreams},
			http2.Setting{ID: http2.SettingInitialWindowSize, Val: streamWindow}),
		l.frames.WriteWindowUpdate(0, streamWindow-initialWindow),
		l.out.Flush())
}

// send sends a message, and waits while the computer's window is full.
func (l *link) send(m message) error {
	data, err := encode(m)
	if err != nil {
		return err
	}
	if _, open := l.windows[m.stream]; !open {
		l.windows[m.stream] = l.initial
		if err := l.frames.WriteHeaders(http2.HeadersFrameParam{StreamID: m.stream, EndHeaders: true}); err != nil {
			return err
		}
	}
	for len(data) > 0 {
		n := min(int64(len(data)), frameSize, l.window, l.windows[m.stream])
		if n <= 0 {
			if err := l.readFrame(); err != nil {
				return err
			}
			continue
		}
		if err := l.frames.WriteData(m.stream, false, data[:n]); err != nil {
			return err
		}
		l.window -= n
		l.windows[m.stream] -= n
		data = data[n:]
	}
	return l.out.Flush()
}

// receive waits for the next message.
func (l *link) receive() (message, error) {
	for len(l.waiting) == 0 {
		if err := l.readFrame(); err != nil {
			return message{}, err
		}
	}
	m := l.waiting[0]
	l.waiting = l.waiting[1:]
	return m, nil
}

// readFrame handles one frame.
func (l *link) readFrame() error {
	if err := l.out.Flush(); err != nil {
		return err
	}
	f, err := l.frames.ReadFrame()
	if err != nil {
		return err
	}
	switch f := f.(type) {
	case *http2.SettingsFrame:
		if f.IsAck() {
			return nil
		}
		if size, ok := f.Value(http2.SettingInitialWindowSize); ok {
			for stream := range l.windows {
				l.windows[stream] += int64(size) - l.initial
			}
			l.initial = int64(size)
		}
		return l.frames.WriteSettingsAck()
	case *http2.WindowUpdateFrame:
		if f.StreamID == 0 {
			l.window += int64(f.Increment)
		} else if _, open := l.windows[f.StreamID]; open {
			l.windows[f.StreamID] += int64(f.Increment)
		}
	case *http2.PingFrame:
		if !f.IsAck() {
			return l.frames.WritePing(true, f.Data)
		}
	case *http2.DataFrame:
		if n := f.Length; n > 0 {
			if err := errors.Join(l.frames.WriteWindowUpdate(0, n), l.frames.WriteWindowUpdate(f.StreamID, n)); err != nil {
				return err
			}
		}
		return l.take(f.StreamID, f.Data())
	case *http2.RSTStreamFrame, *http2.GoAwayFrame:
		return net.ErrClosed
	}
	return nil
}

// take handles a part of a message.
func (l *link) take(stream uint32, data []byte) error {
	buffer := append(l.partial[stream], data...)
	for {
		m, n, err := decode(buffer)
		if err != nil {
			return err
		}
		if n == 0 {
			l.partial[stream] = buffer
			return nil
		}
		m.stream = stream
		l.waiting = append(l.waiting, m)
		buffer = buffer[n:]
	}
}

func encode(m message) ([]byte, error) {
	var b bytes.Buffer
	err := xpc.EncodeMessage(&b, xpc.Message{Flags: m.flags, Body: m.body, Id: m.id})
	if err == nil && m.body != nil {
		setLengths(b.Bytes()[messageHead+8:])
	}
	return b.Bytes(), err
}

// setLengths sets the lengths of the lists in a value that go-ios encoded, and
// returns what follows it: unlike phones, go-ios does not include the word with
// the number of elements, and pymobiledevice3 relies on it.
func setLengths(b []byte) (rest []byte) {
	const (
		null, boolean, uuid, array, dictionary = 0x1000, 0x2000, 0xa000, 0xe000, 0xf000
		data, text                             = 0x8000, 0x9000
	)
	le := binary.LittleEndian
	kind := le.Uint32(b)
	b = b[4:]
	switch kind {
	case null:
	case boolean:
		b = b[4:]
	case uuid:
		b = b[16:]
	case data, text:
		n := int(le.Uint32(b))
		b = b[4+n+-n&3:]
	case array, dictionary:
		length := b
		n := le.Uint32(b[4:])
		for b = b[8:]; n > 0; n-- {
			if kind == dictionary {
				key := bytes.IndexByte(b, 0) + 1
				b = b[key+-key&3:]
			}
			b = setLengths(b)
		}
		le.PutUint32(length, uint32(len(length)-len(b)-4))
	default: // numbers and dates
		b = b[8:]
	}
	return b
}

// decode reads the message that b begins with, and returns its length: 0 if it
// is incomplete. go-ios drops the message's number.
func decode(b []byte) (m message, n int, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the message can't be read: %v", p)
		}
	}()
	if len(b) < messageHead {
		return m, 0, nil
	}
	size := binary.LittleEndian.Uint64(b[bodyLength:])
	if size > maxMessage {
		return m, 0, fmt.Errorf("a message of %d bytes", size)
	}
	if n = messageHead + int(size); n > len(b) {
		return m, 0, nil
	}
	theirs, err := xpc.DecodeMessage(bytes.NewReader(b[:n]))
	return message{flags: theirs.Flags, id: binary.LittleEndian.Uint64(b[messageID:]), body: theirs.Body}, n, err
}

// at is the value at the end of a path through dictionaries, the zero value if
// there is none of that type.
func at[T any](d dict, path ...string) T {
	v := any(d)
	for _, key := range path {
		inner, _ := v.(dict)
		v = inner[key]
	}
	value, _ := v.(T)
	return value
}

// number is the whole number at the end of a path, signed or not on the wire.
func number(d dict, path ...string) (n int64, ok bool) {
	switch v := at[any](d, path...).(type) {
	case int64:
		return v, true
	case uint64:
		return int64(v), v < 1<<63
	}
	return 0, false
}
