package android

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/wxctl/wxctl/fixtures/adbtest"
	"github.com/wxctl/wxctl/fixtures/fault"

	"github.com/electricbubble/gadb"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/fixtures/wait"
)

// The defects of gadb v0.1.0, each by its number in the comment, must not reach
// the user.
func TestRelayAroundGadb(t *testing.T) {
	t.Run("push keeps bytes that come with EOF", func(t *testing.T) {
		p := newPhone("p")
		s := serve(t, adbtest.NewServer(t, p))
		data := bytes.Repeat([]byte("abcd"), 25_000)
		for name, r := range map[string]io.Reader{
			"data with EOF": iotest.DataErrReader(bytes.NewReader(data)),
			"one byte":      iotest.OneByteReader(bytes.NewReader(data)),
			"halves":        iotest.HalfReader(bytes.NewReader(data)),
			"empty reads":   &emptyReads{r: bytes.NewReader(data)},
		} {
			path := "/data/local/tmp/" + strings.ReplaceAll(name, " ", "-")
			if err := s.Push(t.Context(), "p", r, path, 0o444, nil); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if got := p.Files.Data(path); !bytes.Equal(got, data) {
				t.Errorf("%s: %d bytes arrived of %d", name, len(got), len(data))
			}
		}
	})
	t.Run("a reader's error is told", func(t *testing.T) {
		s := serve(t, adbtest.NewServer(t, newPhone("p")))
		err := s.Push(t.Context(), "p", io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(errors.New("disk on fire"))), "/data/local/tmp/x", 0o644, nil)
		if err == nil || !strings.Contains(err.Error(), "disk on fire") {
			t.Errorf("%v", err)
		}
	})
	t.Run("no read deadline of its own", func(t *testing.T) {
		s := serve(t, adbtest.NewServer(t, newPhone("p")))
		if err := s.Push(t.Context(), "p", strings.NewReader("x"), "/data/local/tmp/x", 0o644, nil); err != nil {
			t.Fatal(err)
		}
		if limit := int64(gadb.DefaultAdbReadTimeout); limit < 24*60*60 {
			t.Errorf("gadb ends reads after %d seconds", limit)
		}
	})
	t.Run("a phone that is gone leaks nothing", func(t *testing.T) {
		server := adbtest.NewServer(t)
		s := serve(t, server)
		before := openFiles(t)
		for range 50 {
			if err := s.Push(t.Context(), "gone", strings.NewReader("x"), "/data/local/tmp/x", 0o644, nil); code(err) != device.PhoneLost {
				t.Fatalf("%v", err)
			}
		}
		wait.For(t, "connections to close", func() bool { return server.Open() == 0 })
		wait.For(t, "files to close", func() bool { return openFiles(t) <= before })
	})
	t.Run("lengths are not believed", func(t *testing.T) {
		for _, frame := range []string{"DATA\xff\xff\xff\xff", "FAIL\xff\xff\xff\x7f", "OKAY\xff\xff\xff\xff", "OKAY\x04\x00\x00\x00abcd", "\x80\x81\x82\x83\x01\x00\x00\x00"} {
			server := adbtest.NewServer(t, newPhone("p"))
			server.Faults = fault.Each(func(request string) *fault.Fault {
				if request == "sync:" {
					return &fault.Fault{Answer: []byte("OKAY" + frame), Then: fault.Stall}
				}
				return nil
			})
			s := serve(t, server)
			ctx, cancel := context.WithTimeout(t.Context(), wait.Plenty)
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			allocated := m.TotalAlloc
			err := s.Pull(ctx, "p", "/x", io.Discard)
			cancel()
			runtime.ReadMemStats(&m)
			if code(err) != device.ServerMisbehaved {
				t.Errorf("%q: %v", frame, err)
			}
			if grew := m.TotalAlloc - allocated; grew > 16<<20 {
				t.Errorf("%q: %d bytes were allocated", frame, grew)
			}
		}
	})
	t.Run("a panic is an error", func(t *testing.T) {
		s := serve(t, adbtest.NewServer(t, newPhone("p")))
		far, err := s.openFiles(t.Context(), "p")
		if err != nil {
			t.Fatal(err)
		}
		defer far.Close()
		err = relayed(t.Context(), far, func(d gadb.Device) error { panic("makeslice") })
		if code(err) != device.ServerMisbehaved {
			t.Errorf("%v", err)
		}
	})
	t.Run("serials with blanks", func(t *testing.T) {
		p := newPhone("adb-12 (2)._adb-tls-connect._tcp")
		s := serve(t, adbtest.NewServer(t, p))
		if err := s.Push(t.Context(), p.SerialNo, strings.NewReader("hi"), "/data/local/tmp/x", 0o644, nil); err != nil || string(p.Files.Data("/data/local/tmp/x")) != "hi" {
			t.Errorf("%v", err)
		}
	})
	t.Run("a transfer that is cancelled ends", func(t *testing.T) {
		server := adbtest.NewServer(t, newPhone("p"))
		server.Faults = fault.Each(func(request string) *fault.Fault {
			if request == "sync:" {
				return &fault.Fault{After: 4, Then: fault.Stall}
			}
			return nil
		})
		s := serve(t, server)
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		endless := io.LimitReader(zeros{}, 1<<40)
		if err := s.Push(ctx, "p", endless, "/data/local/tmp/x", 0o644, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
	})
	t.Run("a server that never closes holds up nobody", func(t *testing.T) {
		server := adbtest.NewServer(t, newPhone("p"))
		server.Faults = func(request string, conn net.Conn) net.Conn {
			if request == "sync:" {
				io.WriteString(conn, "OKAY")
				<-t.Context().Done()
			}
			return conn
		}
		s := serve(t, server)
		ctx, cancel := context.WithTimeout(context.Background(), wait.Plenty)
		defer cancel()
		broken := iotest.ErrReader(errors.New("disk on fire"))
		if err := s.Push(ctx, "p", broken, "/data/local/tmp/x", 0o644, nil); err == nil || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
	})
	t.Run("a connection that says nothing does not keep the relay", func(t *testing.T) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		near, far := net.Pipe()
		defer near.Close()
		ctx, end := context.WithCancel(t.Context())
		accepted, served := make(chan struct{}), make(chan error, 1)
		go func() { served <- serveFiles(ctx, telling{ln, accepted}, &conn{Conn: far}) }()
		idle, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer idle.Close()
		<-accepted
		end()
		select {
		case <-served:
		case <-time.After(wait.Plenty):
			t.Error("the relay goes on")
		}
	})
	t.Run("a command other than a transfer is not answered", func(t *testing.T) {
		s := serve(t, adbtest.NewServer(t, newPhone("p")))
		far, err := s.openFiles(t.Context(), "p")
		if err != nil {
			t.Fatal(err)
		}
		defer far.Close()
		ctx, cancel := context.WithTimeout(t.Context(), wait.Plenty)
		defer cancel()
		err = relayed(ctx, far, func(d gadb.Device) error { _, err := d.RunShellCommand("id"); return err })
		if err == nil || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
	})
	t.Run("paths that adb can't carry", func(t *testing.T) {
		s := serve(t, adbtest.NewServer(t, newPhone("p")))
		for _, path := range []string{"", "/a\x00b", "/" + strings.Repeat("x", 1000)} {
			if err := s.Push(t.Context(), "p", strings.NewReader("x"), path, 0o644, nil); code(err) != device.Refused {
				t.Errorf("%.20q: %v", path, err)
			}
		}
	})
	t.Run("words are quoted", func(t *testing.T) {
		for in, want := range map[string]string{"a b; exit 9": `'a b; exit 9'`, "$(id)": `'$(id)'`, "it's": `'it'\''s'`, "a\x00b": `'ab'`, "": `''`} {
			if got := shellQuote(in); got != want {
				t.Errorf("%q: %s, want %s", in, got, want)
			}
		}
	})
	t.Run("refusals of the phone are told", func(t *testing.T) {
		p := newPhone("p")
		s := serve(t, adbtest.NewServer(t, p))
		if err := s.Pull(t.Context(), "p", "/nothing/here", io.Discard); code(err) != device.Failed || !strings.Contains(err.Error(), "No such file") {
			t.Errorf("%v", err)
		}
	})
	t.Run("progress and mode", func(t *testing.T) {
		p := newPhone("p")
		s := serve(t, adbtest.NewServer(t, p))
		var last int64
		if err := s.Push(t.Context(), "p", bytes.NewReader(make([]byte, 300_000)), "/data/local/tmp/x", 0o444, func(done int64) { last = done }); err != nil {
			t.Fatal(err)
		}
		if info, err := p.Files.Stat("/data/local/tmp/x"); err != nil || last != 300_000 || info.Mode&0o777 != 0o444 {
			t.Errorf("%d bytes, mode %o, %v", last, info.Mode, err)
		}
	})
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { return len(b), nil }

// emptyReads returns nothing at every second read.
type emptyReads struct {
	r    io.Reader
	turn bool
}

func (e *emptyReads) Read(b []byte) (int, error) {
	if e.turn = !e.turn; e.turn {
		return 0, nil
	}
	return e.r.Read(b)
}

// telling is a listener that tells of its first connection.
type telling struct {
	net.Listener
	accepted chan struct{}
}

func (l telling) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		close(l.accepted)
	}
	return c, err
}

func TestPullToFile(t *testing.T) {
	p := newPhone("p")
	data := bytes.Repeat([]byte{1, 2, 3}, 100_000)
	p.Files.Put("/data/local/tmp/f", data)
	s := serve(t, adbtest.NewServer(t, p))
	path := filepath.Join(t.TempDir(), "f")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Pull(t.Context(), "p", "/data/local/tmp/f", f), f.Close()); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, data) {
		t.Errorf("%d bytes of %d, %v", len(got), len(data), err)
	}
}

// FuzzSyncAnswers feeds arbitrary data in place of a phone's file frames: gadb
// only receives whole frames, each within bounds.
func FuzzSyncAnswers(f *testing.F) {
	f.Add([]byte("DATA\x03\x00\x00\x00abcDONE\x00\x00\x00\x00"))
	f.Add([]byte("FAIL\x05\x00\x00\x00oh no"))
	f.Add([]byte("OKAY\x00\x00\x00\x00"))
	f.Add([]byte("DATA\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var out bytes.Buffer
		err := answers(&out, feed(t, data))
		if !bytes.HasPrefix(data, out.Bytes()) {
			t.Errorf("%q became %q", data, out.Bytes())
		}
		rest := out.Bytes()
		for len(rest) >= 8 {
			n := 8
			if id := string(rest[:4]); id != "DONE" {
				n += int(binary.LittleEndian.Uint32(rest[4:]))
			}
			if n > maxSyncFrame+8 || err == nil && n > len(rest) {
				t.Fatalf("%q accepted a frame of %d bytes", data, n)
			}
			rest = rest[min(n, len(rest)):]
		}
	})
}
