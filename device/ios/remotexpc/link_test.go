package remotexpc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/net/http2"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is longer than anything here takes: when it ends, the test failed.
const patience = time.Minute

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// pair returns two ends of a TCP connection on loopback. A net.Pipe has no
// buffer, and both sides of HTTP/2 begin by writing.
func pair(t *testing.T) (client, server net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err = net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	server, err = l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); server.Close() })
	return client, server
}

// serve runs the phone's side; the test waits for its end.
func serve(t *testing.T, conn net.Conn, f func(context.Context, *Link) error) {
	done := make(chan error, 1)
	ctx := within(t)
	go func() {
		l, err := Accept(ctx, conn)
		if err == nil {
			err = f(ctx, l)
			l.Close()
		}
		conn.Close()
		done <- err
	}()
	t.Cleanup(func() {
		conn.Close()
		err := <-done
		// The client hangs up first, and the test's context ends before.
		var lost *net.OpError
		gone := errors.As(err, &lost) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, context.Canceled) || errors.Is(err, net.ErrClosed)
		if err != nil && !gone {
			t.Errorf("phone: %v", err)
		}
	})
}

// answerOpenings takes the three openings and answers each on its stream.
func answerOpenings(ctx context.Context, l *Link) error {
	for i, want := range openings() {
		stream, m, err := l.Receive(ctx)
		if err != nil {
			return err
		}
		if stream != want.stream || !reflect.DeepEqual(m, want.m) {
			return fmt.Errorf("opening %d is %+v on stream %d", i, m, stream)
		}
		if err := l.Send(ctx, stream, m); err != nil {
			return err
		}
	}
	return nil
}

func handshake() Dict {
	return Dict{
		{"MessageType", "Handshake"},
		{"Properties", Dict{{"UniqueDeviceID", "0000-1"}, {"OSVersion", "17.5"}, {"ProductType", "iPhone14,2"}, {"BuildVersion", "21F90"}}},
		{"Services", Dict{
			{"a", Dict{{"Port", "50001"}, {"Properties", Dict{{"UsesRemoteXPC", true}, {"Features", []any{"f", int64(1)}}}}}},
			{"b", Dict{{"Port", uint64(50002)}}},
			{"zero", Dict{{"Port", "0"}}},
			{"large", Dict{{"Port", "65536"}}},
			{"text", Dict{{"Port", "ssh"}}},
			{"none", Dict{}},
			{"odd", "50003"},
		}},
	}
}

func TestHandshake(t *testing.T) {
	conn, phone := pair(t)
	serve(t, phone, func(ctx context.Context, l *Link) error {
		if err := answerOpenings(ctx, l); err != nil {
			return err
		}
		if err := l.Send(ctx, Root, Message{Flags: AlwaysSet | DataPresent, ID: 2, Body: handshake()}); err != nil {
			return err
		}
		_, _, err := l.Receive(ctx) // until the client hangs up
		return err
	})
	c, err := Open(within(t), conn)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	peer, err := c.Handshake(within(t))
	if err != nil {
		t.Fatal(err)
	}
	want := Peer{
		UDID: "0000-1", OSVersion: "17.5", ProductType: "iPhone14,2", BuildVersion: "21F90",
		Services:   map[string]Service{"a": {Port: 50001, Features: []string{"f"}, RemoteXPC: true}, "b": {Port: 50002}},
		Properties: handshake().Dict("Properties"),
	}
	if !reflect.DeepEqual(peer, want) {
		t.Errorf("got %+v\nwant %+v", peer, want)
	}
	if port, err := peer.Port("b"); port != 50002 || err != nil {
		t.Error(port, err)
	}
	if _, err := peer.Port("zero"); !errors.Is(err, ErrNoService) {
		t.Error(err)
	}
}

// echo answers each request with itself, among messages that are no answers.
func echo(ctx context.Context, l *Link) error {
	if err := answerOpenings(ctx, l); err != nil {
		return err
	}
	for {
		stream, m, err := l.Receive(ctx)
		if err != nil {
			return err
		}
		if stream != Root || m.Flags != AlwaysSet|DataPresent|WantsReply {
			return fmt.Errorf("request on stream %d with flags %#x", stream, m.Flags)
		}
		for _, reply := range []Message{
			{Flags: AlwaysSet, Body: Dict{}},
			{Flags: AlwaysSet | DataPresent | Reply, ID: m.ID + 100, Body: Dict{{"another", true}}},
			{Flags: AlwaysSet | DataPresent | Reply, ID: m.ID, Body: m.Body},
		} {
			if err := l.Send(ctx, Answers, reply); err != nil {
				return err
			}
		}
	}
}

func TestCall(t *testing.T) {
	conn, phone := pair(t)
	serve(t, phone, echo)
	c, err := Open(within(t), conn)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, body := range []Dict{
		{{"n", int64(1)}},
		{{"n", int64(2)}},
		{{"larger than every window", strings.Repeat("x", 2<<20)}},
		{{"n", int64(3)}},
	} {
		got, err := c.Call(within(t), body)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, body) {
			t.Errorf("%s: another answer of %d entries", body[0].Key, len(got))
		}
	}
	if _, err := c.Call(within(t), Dict{{"n", struct{}{}}}); err == nil || !strings.Contains(err.Error(), "no form") {
		t.Errorf("a value without a form: %v", err)
	}
	if _, err := c.Call(within(t), Dict{{"n", int64(4)}}); err != nil {
		t.Errorf("after a value without a form: %v", err)
	}
}

// TestCallWithoutWindow: a request larger than the window goes out as the phone
// grants more, one byte at a time at first.
func TestCallWithoutWindow(t *testing.T) {
	conn, phone := pair(t)
	done := make(chan error, 1)
	go func() {
		defer phone.Close()
		if _, err := io.ReadFull(phone, make([]byte, len(http2.ClientPreface))); err != nil {
			done <- err
			return
		}
		framer := http2.NewFramer(phone, phone)
		framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 120})
		framer.WriteWindowUpdate(Root, 1)
		var in []byte
		for {
			frame, err := framer.ReadFrame()
			if err != nil {
				done <- err
				return
			}
			data, ok := frame.(*http2.DataFrame)
			if !ok || data.StreamID != Root {
				continue
			}
			in = append(in, data.Data()...)
			framer.WriteWindowUpdate(Root, max(1, data.Length))
			framer.WriteWindowUpdate(0, max(1, data.Length))
			m, n, err := Decode(in)
			if errors.Is(err, ErrIncomplete) {
				continue
			} else if err != nil {
				done <- err
				return
			}
			if in = in[n:]; len(m.Body) > 0 {
				framer.WriteHeaders(http2.HeadersFrameParam{StreamID: Answers, EndHeaders: true})
				answer, _ := Message{Flags: AlwaysSet | Reply, ID: m.ID, Body: Dict{{"size", uint64(n)}}}.Append(nil)
				framer.WriteData(Answers, false, answer)
				framer.WritePing(false, [8]byte{1})
				done <- nil
				return
			}
		}
	}()
	c, err := Open(within(t), conn)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	got, err := c.Call(within(t), Dict{{"url", strings.Repeat("x", 300_000)}})
	if err != nil {
		t.Fatal(err)
	}
	if n, _ := got.Int("size"); n < 300_000 {
		t.Errorf("%d bytes arrived", n)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestStalls: at whatever step the phone falls silent, the context ends the
// wait, and the connection is closed.
func TestStalls(t *testing.T) {
	silent := func(ctx context.Context, l *Link) error {
		_, _, err := l.Receive(ctx)
		for err == nil {
			_, _, err = l.Receive(ctx)
		}
		return err
	}
	for name, phoneSide := range map[string]func(net.Conn){
		"before SETTINGS": func(phone net.Conn) { io.Copy(io.Discard, phone) },
		"after SETTINGS": func(phone net.Conn) {
			if l, err := Accept(t.Context(), phone); err == nil {
				silent(t.Context(), l)
			}
		},
		"reads nothing": func(phone net.Conn) {
			http2.NewFramer(phone, phone).WriteSettings()
			phone.SetReadDeadline(time.Time{})
		},
	} {
		t.Run(name, func(t *testing.T) {
			conn, phone := pair(t)
			done := make(chan struct{})
			go func() { defer close(done); phoneSide(phone) }()
			ctx, cancel := context.WithCancelCause(t.Context())
			gone := errors.New("the caller has gone")
			result := make(chan error, 1)
			go func() {
				c, err := Open(ctx, conn)
				if err == nil {
					_, err = c.Call(ctx, Dict{{"url", strings.Repeat("x", 7<<20)}})
				}
				result <- err
			}()
			cancel(gone)
			select {
			case err := <-result:
				if !errors.Is(err, gone) {
					t.Errorf("%v", err)
				}
			case <-time.After(patience):
				t.Error("still waiting")
			}
			conn.Close()
			phone.Close()
			<-done
		})
	}
}

// TestLies: what no phone should send ends with an error and no panic.
func TestLies(t *testing.T) {
	junk := func(write func(*http2.Framer)) func(net.Conn) {
		return func(phone net.Conn) {
			f := http2.NewFramer(phone, phone)
			f.AllowIllegalWrites = true
			f.WriteSettings()
			write(f)
			io.Copy(io.Discard, phone)
		}
	}
	bomb, err := Message{Flags: AlwaysSet, Body: Dict{{"x", make([]byte, 60_000)}}}.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		phone func(net.Conn)
		want  string
	}{
		{"cut", func(phone net.Conn) { phone.Close() }, ""},
		{"not HTTP/2", func(phone net.Conn) {
			io.WriteString(phone, "HTTP/1.1 400 Bad Request\r\n\r\n")
			io.Copy(io.Discard, phone)
		}, "frame"},
		{"a frame of 16 MB", junk(func(f *http2.Framer) { f.WriteRawFrame(http2.FrameData, 0, 1, make([]byte, 1<<24-1)) }), "too large"},
		{"not XPC", junk(func(f *http2.Framer) { f.WriteData(1, false, make([]byte, 100)) }), "begins with"},
		{"RST_STREAM", junk(func(f *http2.Framer) { f.WriteRSTStream(3, http2.ErrCodeRefusedStream) }), "error 7"},
		{"GOAWAY", junk(func(f *http2.Framer) { f.WriteGoAway(0, http2.ErrCodeNo, []byte("\x1b[31mbye")) }), `\x1b[31mbye`},
		{"a window too large", junk(func(f *http2.Framer) {
			f.WriteWindowUpdate(0, 1<<31-1)
			f.WriteWindowUpdate(0, 1<<31-1)
		}), "overflows"},
		{"a stream's window too large", junk(func(f *http2.Framer) {
			f.WriteWindowUpdate(1, 1<<31-1)
			f.WriteWindowUpdate(1, 1<<31-1)
		}), "overflows"},
		{"SETTINGS out of bounds", junk(func(f *http2.Framer) {
			f.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1<<32 - 1})
		}), ""},
		{"a Handshake without a UDID", junk(func(f *http2.Framer) {
			data, _ := Message{Body: Dict{{"MessageType", "Handshake"}}}.Append(nil)
			f.WriteData(1, false, data)
		}), "no UDID"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			conn, phone := pair(t)
			done := make(chan struct{})
			go func() { defer close(done); tt.phone(phone) }()
			c, err := Open(within(t), conn)
			if err == nil {
				_, err = c.Handshake(within(t))
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("want an error with %q, got %v", tt.want, err)
			}
			if errors.Is(err, context.DeadlineExceeded) {
				t.Error("it waited instead")
			}
			conn.Close()
			phone.Close()
			<-done
		})
	}
	// Messages that nobody asked for, while a request cannot go out.
	conn, phone := pair(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		f := http2.NewFramer(phone, phone)
		f.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
		read := make(chan struct{})
		go func() { defer close(read); io.Copy(io.Discard, phone) }()
		defer func() { <-read }()
		many := strings.Repeat(string(bomb), 10)
		for f.WriteData(1, false, []byte(many)) == nil {
		}
	}()
	c, err := Open(within(t), conn)
	if err == nil {
		_, err = c.Call(within(t), Dict{{"n", int64(1)}})
	}
	if err == nil || !strings.Contains(err.Error(), "nobody asked for") {
		t.Errorf("a flood: %v", err)
	}
	conn.Close()
	phone.Close()
	<-done
}

func TestUseAfterClose(t *testing.T) {
	conn, phone := pair(t)
	serve(t, phone, echo)
	c, err := Open(within(t), conn)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Call(within(t), Dict{{"n", int64(1)}}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("%v", err)
	}
}

// FuzzFrames takes whatever comes for frames, from either side.
func FuzzFrames(f *testing.F) {
	message, err := Message{Flags: AlwaysSet | DataPresent, ID: 1, Body: Dict{{"MessageType", "Handshake"}}}.Append(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(AppendData(appendFrame(nil, frameSettings, 0, 0, setting(nil, settingInitialWindow, 10)), Root, message))
	f.Add(appendFrame(appendFrame(nil, frameWindowUpdate, 0, 1, []byte{0, 0, 0, 1}), frameData, flagPadded, 3, []byte{1, 2, 0}))
	f.Add(appendFrame(appendFrame(nil, framePing, 0, 0, make([]byte, 8)), frameGoAway, 0, 0, make([]byte, 9)))
	f.Fuzz(func(t *testing.T, data []byte) {
		l := newLink(&recorded{Reader: bytes.NewReader(data)}, maxPhoneFrame)
		for range 100 {
			if _, _, err := l.Receive(t.Context()); err != nil {
				return
			}
		}
	})
}

// recorded is a connection with what came on it; what is sent is lost.
type recorded struct {
	net.Conn
	io.Reader
}

func (r *recorded) Read(b []byte) (int, error) { return r.Reader.Read(b) }
func (*recorded) Write(b []byte) (int, error)  { return len(b), nil }
func (*recorded) Close() error                 { return nil }
func (*recorded) SetDeadline(time.Time) error  { return nil }
