package ios

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"

	"github.com/danielpaulus/go-ios/ios"
	"github.com/danielpaulus/go-ios/ios/http"
	"github.com/danielpaulus/go-ios/ios/xpc"
	"golang.org/x/net/http2"

	"github.com/wxctl/wxctl/device"
)

// pair returns two ends of a TCP connection on loopback. A net.Pipe has no
// buffer, and both sides of HTTP/2 begin by writing.
func pair(t *testing.T) (computer, phone net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	computer, err = net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	phone, err = l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { computer.Close(); phone.Close() })
	return computer, phone
}

// play runs the phone's side of a connection, which begins with its SETTINGS,
// and waits for its end at the end of the test.
func play(t *testing.T, phone net.Conn, window uint32, f func(*http2.Framer) error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer phone.Close()
		if _, err := io.ReadFull(phone, make([]byte, len(http2.ClientPreface))); err != nil {
			return
		}
		framer := http2.NewFramer(phone, phone)
		framer.SetMaxReadFrameSize(1<<24 - 1)
		if framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: window}) == nil {
			_ = f(framer) // the computer decides how it ends
		}
	}()
	t.Cleanup(func() { phone.Close(); <-done })
}

// answer answers each request with body, as a phone that respects the
// computer's windows.
func answer(f *http2.Framer, body func(request map[string]any) map[string]any) error {
	var in []byte
	windows := map[uint32]int{0: 1<<16 - 1, answerStream: 1<<16 - 1}
	var out []byte
	opened := false
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			return err
		}
		switch frame := frame.(type) {
		case *http2.SettingsFrame:
			if size, ok := frame.Value(http2.SettingInitialWindowSize); ok {
				windows[answerStream] = int(size)
			}
		case *http2.WindowUpdateFrame:
			windows[frame.StreamID] += int(frame.Increment)
		case *http2.DataFrame:
			if err := errors.Join(f.WriteWindowUpdate(0, max(1, frame.Length)), f.WriteWindowUpdate(frame.StreamID, max(1, frame.Length))); err != nil {
				return err
			}
			if frame.StreamID != askStream {
				break
			}
			in = append(in, frame.Data()...)
			for {
				m, n, err := decodeXPC(in)
				if err != nil {
					return err
				}
				if n == 0 {
					break
				}
				if in = in[n:]; len(m.body) > 0 {
					data, err := xpcMessage{flags: xpcAlways | xpcData | xpcReply, id: m.id, body: body(m.body)}.encode()
					if err != nil {
						return err
					}
					out = append(out, data...)
				}
			}
		}
		if len(out) > 0 && !opened {
			opened = true
			if err := f.WriteHeaders(http2.HeadersFrameParam{StreamID: answerStream, EndHeaders: true}); err != nil {
				return err
			}
		}
		for len(out) > 0 {
			n := min(len(out), dataFrame, windows[0], windows[answerStream])
			if n <= 0 {
				break
			}
			if err := f.WriteData(answerStream, false, out[:n]); err != nil {
				return err
			}
			out = out[n:]
			windows[0] -= n
			windows[answerStream] -= n
		}
	}
}

func echo(request map[string]any) map[string]any { return request }

// A message larger than every window can be sent, in both directions, with a
// phone whose first window is small.
func TestXPCWindows(t *testing.T) {
	computer, phone := pair(t)
	play(t, phone, 120, func(f *http2.Framer) error { return answer(f, echo) })
	x, err := openXPC(until(t), computer, device.Wire{})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	for _, size := range []int{1, 300_000, 2 << 20, 1} {
		url := strings.Repeat("x", size)
		reply, err := x.call(until(t), map[string]any{"url": url})
		if err != nil || textAt(reply, "url") != url {
			t.Fatalf("%d bytes: %d came back, %v", size, len(textAt(reply, "url")), err)
		}
	}
	if _, err := x.call(until(t), map[string]any{"n": struct{}{}}); err == nil {
		t.Error("a value without a form was sent")
	}
}

// TestGoIOSGrantsNoWindow is why go-ios's own HTTP/2 is not used: a phone that
// respects the windows stops sending after a mebibyte. When this fails, go-ios
// updates them.
func TestGoIOSGrantsNoWindow(t *testing.T) {
	computer, phone := pair(t)
	silent := make(chan int, 1)
	play(t, phone, 1<<20, func(f *http2.Framer) error {
		// The opening messages are answered in the order in which go-ios waits
		// for them.
		for _, opening := range []struct {
			stream uint32
			flags  uint32
			body   map[string]any
		}{{askStream, xpcAlways, map[string]any{}}, {answerStream, xpcAlways | xpcOpensStream, nil}, {askStream, xpcAlways | xpcThird, nil}} {
			data, _ := xpcMessage{flags: opening.flags, body: opening.body}.encode()
			if err := f.WriteData(opening.stream, false, data); err != nil {
				return err
			}
		}
		window, granted := 1<<20, 0
		data, _ := xpcMessage{flags: xpcAlways | xpcData, body: map[string]any{"x": strings.Repeat("x", 10_000)}}.encode()
		for ; window > len(data); window -= len(data) {
			if err := f.WriteData(answerStream, false, data); err != nil {
				return err
			}
		}
		phone.(*net.TCPConn).CloseWrite()
		for {
			frame, err := f.ReadFrame()
			if err != nil {
				silent <- granted
				return err
			}
			if update, ok := frame.(*http2.WindowUpdateFrame); ok && update.StreamID == answerStream {
				granted++
			}
		}
	})
	h, err := http.NewHttpConnection(computer)
	if err != nil {
		t.Fatal(err)
	}
	c, err := ios.CreateXpcConnection(h)
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = c.ReceiveOnServerClientStream()
	}
	computer.Close()
	if n := <-silent; n > 0 {
		t.Errorf("go-ios granted %d times", n)
	}
}

// If the phone falls silent at any step, the context ends the wait.
func TestXPCStalls(t *testing.T) {
	for name, side := range map[string]func(net.Conn){
		"before SETTINGS": func(phone net.Conn) { io.Copy(io.Discard, phone) },
		"after SETTINGS": func(phone net.Conn) {
			http2.NewFramer(phone, phone).WriteSettings()
			io.Copy(io.Discard, phone)
		},
		"reads nothing": func(phone net.Conn) { http2.NewFramer(phone, phone).WriteSettings() },
	} {
		t.Run(name, func(t *testing.T) {
			computer, phone := pair(t)
			done := make(chan struct{})
			go func() { defer close(done); side(phone) }()
			ctx, cancel := context.WithCancel(t.Context())
			result := make(chan error, 1)
			go func() {
				x, err := openXPC(ctx, computer, device.Wire{})
				if err == nil {
					_, err = x.call(ctx, map[string]any{"url": strings.Repeat("x", 7<<20)})
				}
				result <- err
			}()
			cancel()
			if err := <-result; !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			phone.Close()
			<-done
		})
	}
}

// bomb is a message of nested lists that each claim as many elements as there
// are bytes after it: go-ios allocates all of them.
func bomb(levels int) []byte {
	var b bytes.Buffer
	if err := xpc.EncodeMessage(&b, xpc.Message{Flags: 1, Body: map[string]any{"a": nil}}); err != nil {
		panic(err)
	}
	data := b.Bytes()[:b.Len()-4] // without the null
	le := binary.LittleEndian
	for i := range levels {
		left := 12*(levels-i) - 12
		data = le.AppendUint32(le.AppendUint32(le.AppendUint32(data, 0xe000), uint32(left)), uint32(left))
	}
	le.PutUint64(data[8:], uint64(len(data)-xpcHead))
	return data
}

// Invalid data from a phone is an error at once.
func TestXPCNonsense(t *testing.T) {
	for name, side := range map[string]func(*http2.Framer) error{
		"a frame too large": func(f *http2.Framer) error {
			return f.WriteRawFrame(http2.FrameData, 0, askStream, make([]byte, 1<<22))
		},
		"no XPC":     func(f *http2.Framer) error { return f.WriteData(askStream, false, bytes.Repeat([]byte("x"), 100)) },
		"too long":   func(f *http2.Framer) error { return f.WriteData(askStream, false, bytes.Repeat([]byte{0xff}, 24)) },
		"RST_STREAM": func(f *http2.Framer) error { return f.WriteRSTStream(answerStream, http2.ErrCodeRefusedStream) },
		"GOAWAY":     func(f *http2.Framer) error { return f.WriteGoAway(0, http2.ErrCodeNo, []byte("\x1b[31mbye")) },
		"no frame": func(f *http2.Framer) error {
			return f.WriteRawFrame(http2.FramePing, 0, 0, []byte("short"))
		},
		"deep":    func(f *http2.Framer) error { return f.WriteData(askStream, false, bomb(maxXPCDepth+2)) },
		"a count": func(f *http2.Framer) error { return f.WriteData(askStream, false, bomb(3)) },
		"a flood": func(f *http2.Framer) error {
			data, _ := xpcMessage{flags: xpcAlways, body: map[string]any{"x": strings.Repeat("x", 1<<14-100)}}.encode()
			var err error
			for err == nil {
				err = f.WriteData(answerStream, false, data)
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			computer, phone := pair(t)
			play(t, phone, 0, side) // it accepts no request
			x, err := openXPC(until(t), computer, device.Wire{})
			if err == nil {
				_, err = x.call(until(t), map[string]any{"n": int64(1)})
			}
			if name == "a frame too large" && !errors.Is(err, http2.ErrFrameTooLarge) {
				t.Errorf("the frame was read: %v", err)
			}
			if err == nil || errors.Is(err, context.DeadlineExceeded) || strings.Contains(err.Error(), "\x1b") {
				t.Errorf("got %v", err)
			}
		})
	}
}

// The length of a list counts the word with the number of its elements, as with
// libxpc; go-ios leaves that out.
func TestXPCListLength(t *testing.T) {
	data, err := xpcMessage{flags: xpcAlways, body: map[string]any{"abc": []any{int64(1), []string{"x"}}}}.encode()
	if err != nil {
		t.Fatal(err)
	}
	le := binary.LittleEndian
	list := data[xpcHead+8+12+4:] // after the dictionary's head and its key
	// Two words of the inner list's head and its count; a text of one letter.
	const inner = 4 + 4 + 4 + 4
	if kind, length := le.Uint32(list), le.Uint32(list[4:]); kind != 0xe000 || length != 4+12+8+inner {
		t.Errorf("a value of the type %#x and %d bytes", kind, length)
	}
	if m, n, err := decodeXPC(data); err != nil || n != len(data) || len(m.body["abc"].([]any)) != 2 {
		t.Errorf("%d of %d bytes, %v, %v", n, len(data), m.body, err)
	}
}

// FuzzDecodeXPC reads arbitrary data as messages.
func FuzzDecodeXPC(f *testing.F) {
	for _, body := range []map[string]any{
		nil, {}, LaunchRequest(Launch{BundleID: "a.b", URL: "weixin://"}, "D", "I"),
		{"list": []any{int64(1), uint64(2), 1.5, true, []byte("data"), map[string]any{"x": nil}}},
	} {
		data, err := xpcMessage{flags: 1, id: 7, body: body}.encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add(bomb(3))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, n, err := decodeXPC(data)
		if err != nil || n == 0 {
			return
		}
		valueAt(m.body, "Services", appService, "Port")
		(&coreDevice{}).refusal(m.body, "a.b")
		if _, err := m.encode(); err != nil && !strings.Contains(err.Error(), "FileTransfer") {
			t.Errorf("%q was read, and can't be written again: %v", data, err)
		}
	})
}

// A message that says it is too long is refused before its body comes.
func TestXPCBodyBound(t *testing.T) {
	head := func(size uint64) []byte {
		b := make([]byte, xpcHead)
		binary.LittleEndian.PutUint64(b[8:], size)
		return b
	}
	if _, n, err := decodeXPC(head(maxXPC)); n != 0 || err != nil {
		t.Errorf("the longest: %d, %v", n, err)
	}
	for _, size := range []uint64{maxXPC + 1, 1 << 32, 1 << 63} {
		if _, _, err := decodeXPC(head(size)); err == nil {
			t.Errorf("a message of %d bytes is waited for", size)
		}
	}
}

// Neither how deeply values are nested nor what lists claim costs memory: go-ios
// believes both.
func TestXPCBelievesNoClaim(t *testing.T) {
	nested := func(levels int) []byte {
		value := any(int64(1))
		for range levels {
			value = []any{value}
		}
		var b bytes.Buffer
		if err := xpc.EncodeMessage(&b, xpc.Message{Flags: xpcAlways, Body: map[string]any{"a": value}}); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	if _, n, err := decodeXPC(nested(maxXPCDepth - 1)); n == 0 || err != nil {
		t.Errorf("the deepest that is read: %d, %v", n, err)
	}
	if _, _, err := decodeXPC(nested(maxXPCDepth + 1)); err == nil {
		t.Errorf("%d levels were read", maxXPCDepth+1)
	}
	whole, err := xpcMessage{flags: xpcAlways, body: map[string]any{"a": []any{"text", []byte("data"), uint64(1), true, 1.5}}}.encode()
	if err != nil {
		t.Fatal(err)
	}
	for n := xpcHead + 8; n < len(whole); n++ {
		cut := bytes.Clone(whole[:n])
		binary.LittleEndian.PutUint64(cut[8:], uint64(n-xpcHead))
		if m, _, err := decodeXPC(cut); err == nil && len(m.body) > 0 {
			t.Errorf("%d bytes of %d were read as %v", n, len(whole), m.body)
		}
	}
	claims := bomb(32)
	claims = append(claims, make([]byte, 1<<18)...)
	binary.LittleEndian.PutUint64(claims[8:], uint64(len(claims)-xpcHead))
	const firstList = xpcHead + 8 + 12 + 4 // after the dictionary's head and its key
	for at := firstList; at < firstList+32*12; at += 12 {
		left := uint32(len(claims) - at - 12)
		binary.LittleEndian.PutUint32(claims[at+4:], left)
		binary.LittleEndian.PutUint32(claims[at+8:], left)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, _, err = decodeXPC(claims)
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; err == nil || took > 8<<20 {
		t.Errorf("%d bytes were allocated for a message of %d: %v", took, len(claims), err)
	}
}

// A port is a number of 16 bits, as text or not.
func TestPortOf(t *testing.T) {
	for want, said := range map[uint16][]any{
		50001: {"50001", int64(50001), uint64(50001)},
		0:     {"0", "70000", "-1", "x", uint64(70000), int64(-1), uint64(1 << 63), true, nil, []any{"50001"}, map[string]any{}},
	} {
		for _, port := range said {
			got, ok := portOf(map[string]any{"Services": map[string]any{appService: map[string]any{"Port": port}}}, appService)
			if ok != (want != 0) || ok && got != want {
				t.Errorf("%v: %d, %t", port, got, ok)
			}
		}
	}
}
