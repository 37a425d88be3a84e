package remotexpc

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// Streams of a connection: the client asks on the first, the phone answers on
// the second. A phone pushes its Handshake on the first.
const (
	Root    uint32 = 1
	Answers uint32 = 3
)

const (
	// The numbers that Apple's tools and every other client of the protocol
	// send: a window of 1 MiB for a stream, and as much for the connection,
	// which starts with 65535 bytes.
	maxStreams    = 100
	streamWindow  = 1 << 20
	connIncrement = streamWindow - initialWindow
	initialWindow = 65535 // RFC 9113 section 6.9.2
	sendFrame     = 16384 // RFC 9113 section 4.2: what every peer takes
	// A phone keeps to 16384, which is what no SETTINGS of ours raises;
	// pymobiledevice3 as a client sends a message of any size in one frame.
	maxPhoneFrame  = 1 << 20
	maxClientFrame = MaxBody + headerSize
	maxQueued      = 2 * MaxBody
)

// Link is one HTTP/2 connection that carries XPC messages, seen from either
// side. It is not for concurrent use. After the first error it is of no more
// use, and its connection is closed.
type Link struct {
	conn     net.Conn
	out      *bufio.Writer
	in       *bufio.Reader
	maxFrame uint32

	opened  map[uint32]bool
	windows map[uint32]int64 // what the other side still takes on a stream
	window  int64            // and in all
	initial int64            // and on a stream that is new
	settled bool             // the other side's SETTINGS came
	partial map[uint32][]byte
	queue   []arrival
	queued  int // bytes in queue, as they came
	err     error
}

type arrival struct {
	stream uint32
	size   int
	m      Message
}

func newLink(conn net.Conn, maxFrame uint32) *Link {
	return &Link{
		conn: conn, out: bufio.NewWriterSize(conn, 32<<10), in: bufio.NewReaderSize(conn, 32<<10), maxFrame: maxFrame,
		opened:  map[uint32]bool{},
		windows: map[uint32]int64{},
		window:  initialWindow,
		initial: initialWindow,
		partial: map[uint32][]byte{},
	}
}

// Accept makes the phone's side of a connection: it reads the client's preface
// and sends its own SETTINGS.
func Accept(ctx context.Context, conn net.Conn) (*Link, error) {
	l := newLink(conn, maxClientFrame)
	err := l.do(ctx, func() error {
		begin := make([]byte, len(preface))
		if _, err := io.ReadFull(l.in, begin); err != nil {
			return err
		}
		if string(begin) != preface {
			return fmt.Errorf("connection begins with %q instead of HTTP/2's preface", begin)
		}
		l.settle()
		return l.out.Flush()
	})
	if err != nil {
		return nil, err
	}
	return l, nil
}

func (l *Link) settle() {
	l.put(frameSettings, 0, 0, setting(setting(nil, settingMaxStreams, maxStreams), settingInitialWindow, streamWindow))
	l.grant(0, connIncrement)
}

// put buffers a frame. The next Flush says if it could not be sent.
func (l *Link) put(kind, flags byte, stream uint32, payload []byte) {
	_, _ = l.out.Write(appendFrame(nil, kind, flags, stream, payload))
}

// grant lets the other side send as many bytes more on a stream, or in all.
func (l *Link) grant(stream, by uint32) {
	l.put(frameWindowUpdate, 0, stream, binary.BigEndian.AppendUint32(nil, by))
}

// Close ends the connection.
func (l *Link) Close() error {
	if l.err == nil {
		l.err = net.ErrClosed
	}
	return l.conn.Close()
}

// Send sends m on a stream, in as many frames as it takes, and waits while the
// other side takes no more. If m has no form, nothing is sent and the
// connection stays as it was.
func (l *Link) Send(ctx context.Context, stream uint32, m Message) error {
	data, err := m.Append(nil)
	if err != nil {
		return err
	}
	return l.do(ctx, func() error {
		if err := l.write(stream, data); err != nil {
			return err
		}
		return l.out.Flush()
	})
}

// Receive waits for the next message on any stream.
func (l *Link) Receive(ctx context.Context) (stream uint32, m Message, err error) {
	err = l.do(ctx, func() error {
		for len(l.queue) == 0 {
			if err := l.readFrame(); err != nil {
				return err
			}
		}
		first := l.queue[0]
		l.queue = l.queue[1:]
		l.queued -= first.size
		stream, m = first.stream, first.m
		return nil
	})
	return stream, m, err
}

// do runs what waits for the connection and closes the connection when ctx ends
// before, or when it fails: the two sides would no longer agree on where they
// are.
func (l *Link) do(ctx context.Context, f func() error) error {
	if l.err != nil {
		return l.err
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() {
		// The deadline first: closing a TLS connection may wait for its peer.
		l.conn.SetDeadline(time.Unix(1, 0))
		l.conn.Close()
	})
	err := f()
	if stop() && err == nil {
		return nil
	}
	if cause := context.Cause(ctx); cause != nil && err != nil {
		err = cause
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		l.err = err
		l.conn.Close()
	}
	return err
}

// write puts data into the buffer, and on the connection as that fills.
func (l *Link) write(stream uint32, data []byte) error {
	if !l.opened[stream] {
		l.opened[stream] = true
		if _, ok := l.windows[stream]; !ok {
			l.windows[stream] = l.initial
		}
		l.put(frameHeaders, flagEndHeaders, stream, nil)
	}
	for len(data) > 0 {
		n := min(int64(len(data)), sendFrame, l.window, l.windows[stream])
		if n <= 0 {
			if err := l.readFrame(); err != nil {
				return err
			}
			continue
		}
		l.put(frameData, 0, stream, data[:n])
		l.window -= n
		l.windows[stream] -= n
		data = data[n:]
	}
	return nil
}

// readFrame takes in one frame. That something could not be sent is said only
// when nothing can be read, either: a phone that hangs up right after its answer
// has still answered.
func (l *Link) readFrame() error {
	sent := l.out.Flush()
	f, err := readFrame(l.in, l.maxFrame)
	if err != nil {
		return errors.Join(err, sent)
	}
	switch f.kind {
	case frameSettings:
		return l.readSettings(f)
	case frameWindowUpdate:
		return l.grow(f.stream, int64(f.number(0)))
	case framePing:
		if f.flags&flagAck == 0 {
			l.put(framePing, flagAck, 0, f.payload)
		}
	case frameData:
		return l.readData(f.stream, f.payload, f.length)
	case frameReset:
		return fmt.Errorf("the other side ended stream %d: error %d", f.stream, f.number(0))
	case frameGoAway:
		return fmt.Errorf("the other side ended the connection: error %d %.80q", f.number(4), f.payload[8:])
	}
	return nil
}

func (l *Link) readSettings(f frame) error {
	if f.flags&flagAck != 0 {
		return nil
	}
	l.settled = true
	for s := f.payload; len(s) > 0; s = s[6:] {
		if binary.BigEndian.Uint16(s) != settingInitialWindow {
			continue
		}
		size := int64(binary.BigEndian.Uint32(s[2:]))
		if size > maxWindow {
			return fmt.Errorf("the other side's window of %d bytes is larger than HTTP/2 allows", size)
		}
		for stream := range l.windows {
			l.windows[stream] += size - l.initial
		}
		l.initial = size
	}
	l.put(frameSettings, flagAck, 0, nil)
	return nil
}

// grow lets more be sent. RFC 9113 section 6.9.1 says how much at most.
func (l *Link) grow(stream uint32, by int64) error {
	if stream == 0 {
		l.window += by
		if l.window > maxWindow {
			return errors.New("the other side's window for the connection overflows")
		}
		return nil
	}
	if stream != Root && stream != Answers {
		return nil // not one of ours: nothing to keep a count for
	}
	if _, ok := l.windows[stream]; !ok {
		l.windows[stream] = l.initial
	}
	l.windows[stream] += by
	if l.windows[stream] > maxWindow {
		return fmt.Errorf("the other side's window for stream %d overflows", stream)
	}
	return nil
}

// readData takes in a part of a message. What it took is granted again at once,
// so that a message larger than the window passes.
func (l *Link) readData(stream uint32, data []byte, length uint32) error {
	if length > 0 {
		l.grant(0, length)
		l.grant(stream, length)
	}
	if stream != Root && stream != Answers {
		return nil // a file's stream: nobody here asks for one
	}
	buffer := append(l.partial[stream], data...)
	for len(buffer) > 0 {
		m, n, err := Decode(buffer)
		if errors.Is(err, ErrIncomplete) {
			break
		}
		if err != nil {
			return err
		}
		buffer = buffer[n:]
		l.queue = append(l.queue, arrival{stream, n, m})
		if l.queued += n; l.queued > maxQueued {
			return fmt.Errorf("the other side sent %d bytes that nobody asked for", l.queued)
		}
	}
	if len(buffer) == 0 {
		buffer = nil
	}
	l.partial[stream] = buffer
	return nil
}
