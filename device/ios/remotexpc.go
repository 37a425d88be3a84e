package ios

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"

	"golang.org/x/net/http2"

	"github.com/wxctl/wxctl/device"
)

// Streams of a connection: the computer sends requests on the first, and the
// phone answers on the second. A phone sends its Handshake on the first.
const (
	askStream    = 1
	answerStream = 3
)

// Flags of a message. The meaning of 0x200 is not known; pymobiledevice3,
// go-ios and Apple's tools all send it with the third opening message.
const (
	xpcAlways      = 0x1
	xpcData        = 0x100
	xpcThird       = 0x200
	xpcWantsReply  = 0x10000
	xpcReply       = 0x20000
	xpcOpensStream = 0x400000
)

const (
	// The numbers that Apple's tools and every other client of the protocol
	// send: a window of 1 MiB for a stream, and as much for the connection,
	// which starts with 65535 bytes (RFC 9113, section 6.9.2).
	maxStreams    = 100
	streamWindow  = 1 << 20
	initialWindow = 1<<16 - 1
	// dataFrame is the largest frame that every peer must accept (RFC 9113,
	// section 4.2).
	dataFrame = 1 << 14
	// maxXPC limits the body of a message, in bytes: a phone's list of
	// processes has some hundred thousand.
	maxXPC = 8 << 20
	// maxXPCDepth limits how deeply a value is nested. CoreDevice's own
	// messages stay below ten.
	maxXPCDepth = 64
)

// remoteXPC is one connection to a phone's service directory or to one of its
// services. It is used by one goroutine at a time. After an error it is closed.
//
// Frames are handled by golang.org/x/net/http2 and messages by go-ios. go-ios's
// own HTTP/2 connection sends a message of any size as one frame, and neither
// respects nor updates flow-control windows: a phone that follows the RFC stops
// sending after 1 MiB of answers.
type remoteXPC struct {
	conn   net.Conn
	out    *bufio.Writer
	frames *http2.Framer
	lastID uint64
	traced device.Wire

	settled bool             // the phone's SETTINGS came
	window  int64            // bytes that the phone accepts on all streams
	windows map[uint32]int64 // bytes that it accepts on a stream
	initial int64            // bytes that it accepts on a new stream
	partial map[uint32][]byte
	waiting []xpcMessage
	size    int // of the incomplete message
}

// openXPC begins a connection: HTTP/2's preface and the three messages that
// open the two streams, in one write. Then it waits for the phone's SETTINGS.
// It owns conn, even if it fails.
func openXPC(ctx context.Context, conn net.Conn, traced device.Wire) (*remoteXPC, error) {
	x := &remoteXPC{
		conn: conn, out: bufio.NewWriter(conn), window: initialWindow, initial: initialWindow,
		windows: map[uint32]int64{}, partial: map[uint32][]byte{}, traced: traced,
	}
	x.frames = http2.NewFramer(x.out, bufio.NewReader(conn))
	x.frames.SetMaxReadFrameSize(1 << 20)
	err := x.do(ctx, func() error {
		_, err := x.out.WriteString(http2.ClientPreface)
		return errors.Join(err,
			x.frames.WriteSettings(
				http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: maxStreams},
				http2.Setting{ID: http2.SettingInitialWindowSize, Val: streamWindow}),
			x.frames.WriteWindowUpdate(0, streamWindow-initialWindow),
			x.send(askStream, xpcMessage{flags: xpcAlways, body: map[string]any{}}),
			x.send(answerStream, xpcMessage{flags: xpcAlways | xpcOpensStream}),
			x.send(askStream, xpcMessage{flags: xpcAlways | xpcThird}),
			x.until(func() bool { return x.settled }))
	})
	if err != nil {
		return nil, fmt.Errorf("open RemoteXPC: %w", err)
	}
	return x, nil
}

// Close ends the connection.
func (x *remoteXPC) Close() error { return x.conn.Close() }

// call sends a request and waits for its reply: the next message that has a
// body, except an answer to another request. The reply comes from the phone and
// may contain anything.
func (x *remoteXPC) call(ctx context.Context, request map[string]any) (reply map[string]any, err error) {
	x.lastID++
	err = x.do(ctx, func() error {
		if err := x.send(askStream, xpcMessage{flags: xpcAlways | xpcData | xpcWantsReply, id: x.lastID, body: request}); err != nil {
			return fmt.Errorf("send the request: %w", err)
		}
		reply, err = x.next(func(m xpcMessage) bool { return m.flags&xpcReply == 0 || m.id == 0 || m.id == x.lastID })
		return err
	})
	return reply, err
}

// pushed waits for an unrequested message of a type.
func (x *remoteXPC) pushed(ctx context.Context, kind string) (body map[string]any, err error) {
	err = x.do(ctx, func() error {
		body, err = x.next(func(m xpcMessage) bool { return textAt(m.body, "MessageType") == kind })
		return err
	})
	return body, err
}

// next waits for the next message with a body that is wanted.
func (x *remoteXPC) next(wanted func(xpcMessage) bool) (map[string]any, error) {
	for {
		if err := x.until(func() bool { return len(x.waiting) > 0 }); err != nil {
			return nil, err
		}
		m := x.waiting[0]
		x.waiting = x.waiting[1:]
		if len(x.waiting) == 0 {
			x.size = 0
		}
		if len(m.body) > 0 && wanted(m) {
			return m.body, nil
		}
	}
}

// do runs f and closes the connection if it fails: the two sides would no
// longer be in sync.
func (x *remoteXPC) do(ctx context.Context, f func() error) error {
	err := during(ctx, x.conn, f)
	if err != nil {
		x.conn.Close()
	}
	return err
}

// send sends a message on a stream, in as many frames as necessary, and waits
// while the phone's window is full.
func (x *remoteXPC) send(stream uint32, m xpcMessage) error {
	data, err := m.encode()
	if err != nil {
		return err
	}
	if x.traced.Traced() {
		x.traced.Sent("%s", tracedXPC(m, len(data)))
	}
	if _, open := x.windows[stream]; !open {
		x.windows[stream] = x.initial
		if err := x.frames.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, EndHeaders: true}); err != nil {
			return err
		}
	}
	for len(data) > 0 {
		if err := x.until(func() bool { return x.window > 0 && x.windows[stream] > 0 }); err != nil {
			return err
		}
		n := min(int64(len(data)), dataFrame, x.window, x.windows[stream])
		if err := x.frames.WriteData(stream, false, data[:n]); err != nil {
			return err
		}
		x.window -= n
		x.windows[stream] -= n
		data = data[n:]
	}
	return nil
}

// until handles frames until so returns true.
func (x *remoteXPC) until(so func() bool) error {
	for !so() {
		// A write error is only returned if nothing can be read: a phone that
		// closes the connection right after its answer has still answered.
		sent := x.out.Flush()
		f, err := x.frames.ReadFrame()
		if err == nil {
			err = x.take(f)
		}
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return errors.Join(err, sent)
		}
	}
	return nil
}

// take handles one frame.
func (x *remoteXPC) take(f http2.Frame) error {
	switch f := f.(type) {
	case *http2.SettingsFrame:
		if f.IsAck() {
			return nil
		}
		x.settled = true
		if size, ok := f.Value(http2.SettingInitialWindowSize); ok {
			for stream := range x.windows {
				x.windows[stream] += int64(size) - x.initial
			}
			x.initial = int64(size)
		}
		return x.frames.WriteSettingsAck()
	case *http2.WindowUpdateFrame:
		if f.StreamID == 0 {
			x.window += int64(f.Increment)
		} else if _, open := x.windows[f.StreamID]; open {
			x.windows[f.StreamID] += int64(f.Increment)
		}
	case *http2.PingFrame:
		if !f.IsAck() {
			return x.frames.WritePing(true, f.Data)
		}
	case *http2.DataFrame:
		return x.takeData(f)
	case *http2.RSTStreamFrame:
		return fmt.Errorf("the phone ended stream %d: %s", f.StreamID, f.ErrCode)
	case *http2.GoAwayFrame:
		return fmt.Errorf("the phone ended the connection: %s %.80q", f.ErrCode, f.DebugData())
	}
	return nil
}

// takeData handles a part of a message. It reopens the window immediately, so
// that a message larger than the window can arrive.
func (x *remoteXPC) takeData(f *http2.DataFrame) error {
	if n := f.Length; n > 0 {
		if err := errors.Join(x.frames.WriteWindowUpdate(0, n), x.frames.WriteWindowUpdate(f.StreamID, n)); err != nil {
			return err
		}
	}
	if f.StreamID != askStream && f.StreamID != answerStream {
		return nil // a file's stream, which is never requested here
	}
	buffer := append(x.partial[f.StreamID], f.Data()...)
	for {
		m, n, err := decodeXPC(buffer)
		if err != nil {
			return err
		}
		if n == 0 {
			x.partial[f.StreamID] = buffer
			return nil
		}
		buffer = buffer[n:]
		if x.traced.Traced() {
			x.traced.Got("%s", tracedXPC(m, n))
		}
		x.waiting = append(x.waiting, m)
		if x.size += n; x.size > 2*maxXPC {
			return fmt.Errorf("the phone sent %d unrequested bytes", x.size)
		}
	}
}

// checkXPC fails on a value that is nested too deeply or claims more elements
// than there are, and returns what follows it: go-ios allocates as many
// elements as a list claims, level by level. It also corrects the lengths of
// lists: unlike libxpc, go-ios does not include the word with the number of
// elements.
func checkXPC(b []byte, depth int) (rest []byte, err error) {
	const (
		null, boolean, array, dictionary, file       = 0x1000, 0x2000, 0xe000, 0xf000, 0x1a000
		int64s, uint64s, double, date, data, str, id = 0x3000, 0x4000, 0x5000, 0x7000, 0x8000, 0x9000, 0xa000
	)
	errShort := errors.New("XPC value ends too early")
	word := func() (n uint32) {
		if err == nil && len(b) < 4 {
			err = errShort
		}
		if err == nil {
			n, b = binary.LittleEndian.Uint32(b), b[4:]
		}
		return n
	}
	skip := func(n int) {
		if err == nil && (n < 0 || len(b) < n) {
			err = errShort
		}
		if err == nil {
			b = b[n:]
		}
	}
	padded := func(n int) { skip(n + -n&3) }
	if depth > maxXPCDepth {
		return nil, fmt.Errorf("XPC value is nested deeper than %d levels", maxXPCDepth)
	}
	switch kind := word(); kind {
	case null:
	case boolean:
		skip(4)
	case int64s, uint64s, double, date:
		skip(8)
	case id:
		skip(16)
	case data, str:
		padded(int(word()))
	case file:
		skip(8)
		if err == nil {
			b, err = checkXPC(b, depth+1)
		}
	case array, dictionary:
		length, before := b, len(b)-4
		word()
		for n := word(); n > 0 && err == nil; n-- {
			if kind == dictionary {
				end := 0
				for end < len(b) && b[end] != 0 {
					end++
				}
				padded(end + 1)
			}
			if err == nil {
				b, err = checkXPC(b, depth+1)
			}
		}
		if err == nil {
			binary.LittleEndian.PutUint32(length, uint32(before-len(b)))
		}
	default:
		err = errors.Join(err, fmt.Errorf("XPC value of the unknown type %#x", kind))
	}
	return b, err
}
