package android

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid"
	"github.com/wxctl/wxctl/device/virtual/wechat"
	"github.com/wxctl/wxctl/fixtures/tier"
	"github.com/wxctl/wxctl/fixtures/wait"
	"github.com/wxctl/wxctl/intents"
)

// between is a proxy for an adb server. each is called for a connection when
// the client sends one of the words, and may return a function for the answers
// from then on; nil lets them pass.
type between struct {
	words []string
	each  func(word string, client net.Conn) func([]byte) []byte
}

func (b *between) serve(t *testing.T, addr string) Server {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	t.Cleanup(wg.Wait)
	t.Cleanup(func() { listener.Close() })
	wg.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", addr)
			if err != nil {
				client.Close()
				return
			}
			wg.Go(func() { b.join(client, server) })
		}
	})
	return Server{Addr: listener.Addr().String()}
}

func (b *between) join(client, server net.Conn) {
	var mu sync.Mutex
	pass := func(b []byte) []byte { return b }
	var wg sync.WaitGroup
	wg.Go(func() {
		defer server.Close()
		buffer := make([]byte, 64<<10)
		for {
			n, err := client.Read(buffer)
			if err != nil {
				return
			}
			for _, word := range b.words {
				if bytes.Contains(buffer[:n], []byte(word)) {
					if other := b.each(word, client); other != nil {
						mu.Lock()
						pass = other
						mu.Unlock()
					}
				}
			}
			if _, err := server.Write(buffer[:n]); err != nil {
				return
			}
		}
	})
	wg.Go(func() {
		defer client.Close()
		buffer := make([]byte, 64<<10)
		for {
			n, err := server.Read(buffer)
			mu.Lock()
			said := pass(buffer[:n])
			mu.Unlock()
			if len(said) > 0 {
				if _, err := client.Write(said); err != nil {
					return
				}
			}
			if err != nil {
				return
			}
		}
	})
	wg.Wait()
}

func nothing([]byte) []byte { return nil }

// handshake is what a VM says first (JDWP specification).
const handshake = "JDWP-Handshake"

// packets lets the handshake and a number of JDWP packets pass, and then nothing.
type packets struct {
	hello  int // how much of the handshake has passed
	left   int
	head   []byte
	body   int
	passed *atomic.Int64
}

func (p *packets) pass(b []byte) []byte {
	for i, c := range b {
		switch {
		case p.hello < len(handshake):
			if c == handshake[p.hello] {
				p.hello++
			} else {
				p.hello = 0
			}
		case p.body > 0:
			p.body--
		case p.left == 0:
			return b[:i]
		default:
			if p.head = append(p.head, c); len(p.head) == 4 {
				p.body = int(binary.BigEndian.Uint32(p.head)) - len(p.head)
				p.head = nil
				p.left--
				p.passed.Add(1)
			}
		}
	}
	return b
}

// TestSilentVM: if an app's VM falls silent, after any of its answers, a
// command ends at most a second after its time, or after Ctrl-C.
func TestSilentVM(t *testing.T) {
	t.Parallel()
	stride := 51
	if tier.Required("faults") {
		stride = 1
	}
	requests := map[string]device.Job{
		"share": {Request: page(intents.SceneSession), Until: device.Replied},
		"app":   {Request: page(intents.SceneSession), Route: device.RouteApp, Until: device.Replied},
	}
	for name, job := range requests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			silentAfter(t, job, stride)
		})
	}
}

// silentAfter delivers a job repeatedly to a VM that falls silent after one
// more packet each time.
func silentAfter(t *testing.T, job device.Job, stride int) {
	l := newLab(t, virtualandroid.Options{Answer: wechat.Send})
	l.warm(t)
	openDemo(t, l)
	addr := l.backend.Server.Addr
	for frozen := 0; ; frozen += stride {
		var passed atomic.Int64
		relay := &between{words: []string{"jdwp:"}, each: func(string, net.Conn) func([]byte) []byte {
			return (&packets{left: frozen, passed: &passed}).pass
		}}
		l.backend.Server = relay.serve(t, addr)
		patience := time.Second // after which Ctrl-C comes, or the time ends
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		if frozen%2 == 1 { // Ctrl-C
			cancel()
			ctx, cancel = context.WithCancel(t.Context())
			time.AfterFunc(patience, cancel)
		}
		begin := time.Now()
		p := l.open(t)
		out, err := p.Deliver(ctx, job)
		took := time.Since(begin)
		cancel()
		p.Close()
		// A busy machine may take up to a minute; a wait without an end would
		// take longer.
		if took > patience+time.Second && took > wait.Plenty/12 {
			t.Errorf("frozen after %d packets: took %v, %v, %v", frozen, took, out.State, err)
		}
		if passed.Load() < int64(frozen) { // there were no more packets
			break
		}
		if frozen > 2000 {
			t.Fatal("the VM answers without end")
		}
	}
}

// TestSentOrNot: if the phone accepted the request and its answer was lost, the
// outcome does not say that it was not sent; the phone is asked again.
func TestSentOrNot(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		every bool // no later connection works either
		stall bool
		reply bool // a forged reply is sent
	}{{"cut", false, false, false}, {"cut for good", true, false, false}, {"stalled", true, true, false},
		{"reply, cut", false, false, true}, {"reply, cut for good", true, false, true}, {"reply, stalled", true, true, true}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, virtualandroid.Options{Answer: wechat.Stay})
			l.warm(t)
			var lost sync.Once
			gone := make(chan struct{})
			relay := &between{words: []string{`"verb":"start"`, "host:"}, each: func(word string, client net.Conn) func([]byte) []byte {
				if word == "host:" {
					select {
					case <-gone:
						if tt.every {
							client.Close()
						}
					default:
					}
					return nil
				}
				lost.Do(func() { close(gone) })
				if !tt.stall {
					time.AfterFunc(100*time.Millisecond, func() { client.Close() })
				}
				return nothing
			}}
			l.backend.Server = relay.serve(t, l.backend.Server.Addr)
			patience := wait.Plenty
			if tt.stall {
				patience = time.Second
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			p := l.open(t)
			reached := "it may have reached WeChat"
			var out *device.Outcome
			var err error
			if tt.reply {
				reached = "it may have reached the app"
				out, err = p.Reply(ctx, device.ReplyJob{Reply: intents.ShareReply{}, Until: device.Returned})
			} else {
				out, err = p.Deliver(ctx, device.Job{Request: page(intents.SceneSession), Until: device.Opened})
			}
			// If the second question comes late, the phone no longer shows what
			// happened.
			if !tt.every && out.State != device.Unknown {
				if err != nil || !tt.reply && (out.State != device.Opened || out.Screen != device.ScreenChatPicker) || tt.reply && out.State < device.Returned {
					t.Errorf("%v, %v, saw %s", err, out.State, whats(out))
				}
				return
			}
			var e *device.Error
			if !errors.As(err, &e) || e.ExitCode() != 16 && e.ExitCode() != 18 || out.State != device.Unknown || out.Status != nil || out.Err != nil ||
				!strings.Contains(e.Message, reached) {
				t.Errorf("%v, state %v, status %v, err %v", err, out.State, out.Status, out.Err)
			}
		})
	}
}
