package jdwp

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// long is a deadline that must not pass.
const long = time.Minute

// peer is a VM's end of a connection, driven by a test.
type peer struct {
	net.Conn
	t *testing.T
}

// dial connects a debugger to a VM that a test simulates.
func dial(t *testing.T) (net.Conn, peer) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	mine, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { mine.Close(); theirs.Close() })
	return mine, peer{theirs, t}
}

// write sends raw bytes. An error only means that the debugger has left.
func (p peer) write(b ...byte) { _, _ = p.Write(b) }

// command reads the next command of the debugger.
func (p peer) command() (id uint32, set, number byte, data []byte) {
	var head [headSize]byte
	if _, err := io.ReadFull(p, head[:]); err != nil {
		return 0, 0, 0, nil
	}
	data = make([]byte, binary.BigEndian.Uint32(head[:])-headSize)
	if _, err := io.ReadFull(p, data); err != nil {
		return 0, 0, 0, nil
	}
	return binary.BigEndian.Uint32(head[4:]), head[9], head[10], data
}

func replyTo(id uint32, code ErrorCode, data ...byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(headSize+len(data)))
	b = binary.BigEndian.AppendUint32(b, id)
	b = append(b, flagReply)
	b = binary.BigEndian.AppendUint16(b, uint16(code))
	return append(b, data...)
}

func (p peer) reply(id uint32, code ErrorCode, data ...byte) { p.write(replyTo(id, code, data...)...) }

// idSizes8 is the answer of all known VMs.
var idSizes8 = []byte{0, 0, 0, 8, 0, 0, 0, 8, 0, 0, 0, 8, 0, 0, 0, 8, 0, 0, 0, 8}

var all8 = sizes{8, 8, 8, 8, 8}

// greet answers the handshake and IDSizes, with packets before the answer.
func (p peer) greet(before ...[]byte) {
	got := make([]byte, len(handshake))
	if _, err := io.ReadFull(p, got); err != nil || string(got) != handshake {
		p.t.Errorf("handshake %q, %v", got, err)
	}
	p.write([]byte(handshake)...)
	id, set, number, _ := p.command()
	if set != 1 || number != 7 {
		p.t.Errorf("command %d/%d instead of IDSizes", set, number)
	}
	for _, b := range before {
		p.write(b...)
	}
	p.reply(id, 0, idSizes8...)
}

// played attaches to a VM that answers with play until the debugger disconnects.
func played(t *testing.T, play func(p peer, set, number byte, id uint32, data []byte), before ...[]byte) *VM {
	t.Helper()
	conn, p := dial(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.greet(before...)
		for {
			id, set, number, data := p.command()
			if id == 0 {
				return
			}
			play(p, set, number, id, data)
		}
	}()
	t.Cleanup(func() { p.Close(); <-done })
	vm, err := Attach(within1m(t), conn, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { vm.Close() })
	return vm
}

func within1m(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), long)
	t.Cleanup(cancel)
	return ctx
}

// event is a composite event set of breakpoints in one thread.
func event(policy SuspendPolicy, thread ThreadID, requests ...RequestID) []byte {
	e := (&encoder{sizes: all8}).byte(byte(policy)).int32(len(requests))
	for _, id := range requests {
		e.byte(byte(Breakpoint)).uint(uint64(id), 4).thread(thread).location(Location{Type: TypeClass, Class: 5, Method: 6})
	}
	return appendPacket(nil, 1, command{setEvent, cmdComposite, ""}, e.b)
}

// ddm is a DDMS chunk as ART sends it.
func ddm(kind string, data ...byte) []byte {
	b := append([]byte(kind), 0, 0, 0, byte(len(data)))
	return appendPacket(nil, 0x40000001, command{199, 1, ""}, append(b, data...))
}

func TestHandshakeFails(t *testing.T) {
	for _, test := range []struct {
		name string
		do   func(p peer)
		want error
	}{
		{"closed at once", func(p peer) { p.Close() }, ErrRefused},
		{"closed in the middle", func(p peer) { p.write('J', 'D'); p.Close() }, ErrRefused},
		{"another protocol", func(p peer) { p.write([]byte("SSH-2.0-OpenSSH_9.2\r\n")...); p.Close() }, ErrNoVM},
		{"no word", func(p peer) {}, ErrSilent},
		{"a few letters", func(p peer) { p.write('J', 'D', 'W') }, ErrSilent},
		{"closed after the handshake", func(p peer) { p.write([]byte(handshake)...); p.Close() }, ErrLost},
		{"no answer after the handshake", func(p peer) { p.write([]byte(handshake)...) }, ErrSilent},
		{"a packet of no length", func(p peer) { p.write([]byte(handshake + "\x00\x00\x00\x01\x00\x00\x00\x00\x80\x00\x00")...) }, ErrNoVM},
		{"a packet of 4 GB", func(p peer) { p.write([]byte(handshake + "\xff\xff\xff\xff\x00\x00\x00\x01\x80\x00\x00")...) }, ErrNoVM},
		{"ids of no size", func(p peer) {
			p.write(append([]byte(handshake), replyTo(1, 0, make([]byte, 20)...)...)...)
		}, ErrNoVM},
		{"no sizes", func(p peer) { p.write(append([]byte(handshake), replyTo(1, 0)...)...) }, ErrNoVM},
		{"a refusal", func(p peer) { p.write(append([]byte(handshake), replyTo(1, VMDead)...)...) }, VMDead},
	} {
		t.Run(test.name, func(t *testing.T) {
			conn, p := dial(t)
			go io.Copy(io.Discard, p)
			test.do(p)
			ctx := within1m(t)
			if test.want == ErrSilent {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, 200*time.Millisecond)
				defer cancel()
			}
			if _, err := Attach(ctx, conn, nil); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if _, err := conn.Write([]byte{0}); !errors.Is(err, net.ErrClosed) {
				t.Errorf("the connection is left open: %v", err)
			}
		})
	}
}

func TestAttachObeysContext(t *testing.T) {
	conn, _ := dial(t)
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(time.Millisecond, cancel)
	if _, err := Attach(ctx, conn, nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// Unrequested packets do no harm: DDMS chunks, replies without a command,
// events without data, commands that no VM sends.
func TestUnaskedPackets(t *testing.T) {
	noise := func() []byte {
		return slices.Concat(ddm("APNM", 0, 0, 0, 1, 0, 'a'), ddm("WAIT", 0), ddm("HELO"), replyTo(0x999, 0, 1, 2, 3), replyTo(0x999, NotImplemented),
			appendPacket(nil, 7, command{64, 99, ""}, []byte{1}), appendPacket(nil, 7, command{1, 1, ""}, nil))
	}
	vm := played(t, func(p peer, _, _ byte, id uint32, _ []byte) {
		p.write(noise()...)
		p.reply(id, 0, 0, 0, 0, 4, 'm', 'a', 'i', 'n')
		p.write(noise()...)
	}, noise(), event(SuspendNone, 3, 4))
	for range 3 {
		if name, err := vm.ThreadName(within1m(t), 1); name != "main" || err != nil {
			t.Fatal(name, err)
		}
	}
	set, err := vm.Next(within1m(t))
	if err != nil || set.Thread() != 3 || !set.Has(4) || set.Events[0].Location.Method != 6 {
		t.Errorf("%+v, %v", set, err)
	}
}

// An answer that comes after its context ended is discarded, and the next
// command gets its own.
func TestLateAnswer(t *testing.T) {
	asked, late := make(chan struct{}), make(chan struct{})
	n := byte(0)
	vm := played(t, func(p peer, _, _ byte, id uint32, _ []byte) {
		if n++; n == 1 {
			close(asked)
			<-late
		}
		p.reply(id, 0, 0, 0, 0, 1, 'a'+n)
	})
	ctx, cancel := context.WithCancel(context.Background())
	go func() { <-asked; cancel() }()
	if _, err := vm.ThreadName(ctx, 1); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	close(late)
	if name, err := vm.ThreadName(within1m(t), 1); name != "c" || err != nil {
		t.Error(name, err)
	}
}

// Close undoes every request and suspension, once each, and detaches; all in
// one batch, although the VM answers nothing before the last command.
func TestCloseTakesAllBack(t *testing.T) {
	var mu sync.Mutex
	var got []string
	vm := played(t, func(p peer, set, number byte, id uint32, data []byte) {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case set == 15 && number == 1:
			p.reply(id, 0, 0, 0, 0, data[0]) // the kind serves as the id
		case set == 15 && number == 2:
			got = append(got, "clear")
		case set == 11 && number == 3:
			got = append(got, "resume thread")
			p.reply(id, 0)
		case set == 1 && number == 9:
			got = append(got, "resume all")
		case set == 1 && number == 6:
			got = append(got, "dispose")
			p.reply(id, 0)
		default:
			p.reply(id, 0)
		}
	}, event(SuspendThread, 7, 2), event(SuspendThread, 7, 2), event(SuspendAll, 9, 2), event(SuspendNone, 9, 2))
	ctx := within1m(t)
	for _, kind := range []EventKind{Breakpoint, MethodEntry} {
		if _, err := vm.Request(ctx, kind, SuspendThread); err != nil {
			t.Fatal(err)
		}
	}
	set, err := vm.Next(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := vm.Release(ctx, set); err != nil { // one of the two of thread 7
		t.Fatal(err)
	}
	if err := vm.SuspendThread(ctx, 8); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	got = nil
	mu.Unlock()
	if err := vm.Close(); err != nil {
		t.Error(err)
	}
	mu.Lock()
	defer mu.Unlock()
	want := []string{"clear", "clear", "resume thread", "resume thread", "resume all", "dispose"}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if err := vm.Close(); err != nil {
		t.Error(err)
	}
	for range 3 { // what came before can still be read, then comes the end
		if _, err := vm.Next(ctx); err != nil {
			t.Error(err)
		}
	}
	if _, err := vm.Next(ctx); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}

// A VM that never answers the last commands does not block Close, and they are
// sent even if an earlier context ended.
func TestCloseAfterContext(t *testing.T) {
	disposed := make(chan struct{})
	vm := played(t, func(p peer, set, number byte, _ uint32, _ []byte) {
		if set == 1 && number == 6 {
			close(disposed)
			p.Close()
		}
	})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := vm.Version(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := vm.Close(); err != nil {
		t.Error(err)
	}
	<-disposed
}

func TestWaitersEndWithTheVM(t *testing.T) {
	asked := make(chan struct{})
	vm := played(t, func(p peer, _, number byte, id uint32, _ []byte) {
		if number == cmdVersion.number {
			close(asked)
			return
		}
		p.reply(id, 0)
	})
	errs := make(chan error, 3)
	ctx := within1m(t)
	go func() { _, err := vm.Next(ctx); errs <- err }()
	go func() { _, err := vm.Next(ctx); errs <- err }()
	go func() { _, err := vm.Version(ctx); errs <- err }()
	<-asked
	closed := make(chan error)
	go func() { closed <- vm.Close() }()
	for range 3 {
		if err := <-errs; !errors.Is(err, ErrClosed) && !errors.Is(err, ErrLost) {
			t.Error(err)
		}
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
}

// The connection to a VM that sends invalid data is closed, with the reason.
func TestNonsense(t *testing.T) {
	for name, packet := range map[string][]byte{
		"unknown event":   appendPacket(nil, 1, command{setEvent, cmdComposite, ""}, []byte{0, 0, 0, 0, 1, 200, 0, 0, 0, 0}),
		"unknown policy":  appendPacket(nil, 1, command{setEvent, cmdComposite, ""}, []byte{3, 0, 0, 0, 0}),
		"too many events": appendPacket(nil, 1, command{setEvent, cmdComposite, ""}, []byte{0, 0xff, 0xff, 0xff, 0xff}),
		"cut event":       event(SuspendThread, 1, 2)[:40],
	} {
		t.Run(name, func(t *testing.T) {
			if name == "cut event" {
				binary.BigEndian.PutUint32(packet, 40)
			}
			vm := played(t, func(p peer, _, _ byte, id uint32, _ []byte) { p.write(packet...) })
			if _, err := vm.Version(within1m(t)); !errors.Is(err, ErrNoVM) {
				t.Errorf("got %v", err)
			}
			if _, err := vm.Next(within1m(t)); !errors.Is(err, ErrNoVM) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// VMs store this, and the arguments after it, in different slots.
func TestArguments(t *testing.T) {
	const this, argument = 0x77, 0x88
	for _, test := range []struct {
		name     string
		register int // of this
		only     bool
	}{
		{"HotSpot, and ART up to 27", 0, false},
		{"ART since 28, no locals", 0, true},
		{"ART since 28, few locals", 3, true},
		{"ART since 28, many locals", 70, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			vm := played(t, func(p peer, set, number byte, id uint32, data []byte) {
				if set == 1 { // Dispose
					p.reply(id, 0)
					return
				}
				if number == 3 { // ThisObject
					p.reply(id, 0, (&encoder{sizes: all8}).tagged(Ref(this)).b...)
					return
				}
				d := decoder{b: data[16:], sizes: all8}
				out := &encoder{sizes: all8}
				n := d.count32()
				out.int32(n)
				for range n {
					slot, tag := d.count32(), Tag(d.byte())
					switch slot - test.register {
					case 0:
						out.tagged(Ref(this))
					case 1:
						out.tagged(Long(5))
					case 3:
						out.tagged(Ref(argument))
					default:
						p.reply(id, InvalidSlot)
						return
					}
					if tag == TagLong && slot-test.register != 1 {
						p.reply(id, TypeMismatch)
						return
					}
				}
				p.reply(id, 0, out.b...)
			})
			got, args, err := vm.Arguments(within1m(t), 1, 2, TagLong, TagObject)
			if err != nil || got != this || args[0].Int() != 5 || args[1].Object() != argument {
				t.Errorf("%v, %v, %v", got, args, err)
			}
		})
	}
}

func TestText(t *testing.T) {
	for _, test := range []struct{ bytes, want string }{
		{"", ""}, {"plain", "plain"}, {"微信", "微信"}, {"\U0001F600", "\U0001F600"},
		{"a\xC0\x80b", "a\x00b"}, {"\xED\xA0\xBD\xED\xB8\x80", "\U0001F600"}, {"微\xED\xA0\xBD\xED\xB8\x80\xC0\x80", "微\U0001F600\x00"},
		{"\xED\xA0\xBDx", "\uFFFDx"}, {"\xED\xB8\x80\xED\xA0\xBD", "\uFFFD\uFFFD"}, {"\xff", "\uFFFD"}, {"\xC0", "\uFFFD"}, {"\xED\xA0", "\uFFFD\uFFFD"},
	} {
		if got := decodeText([]byte(test.bytes)); got != test.want {
			t.Errorf("decodeText(%q) = %q, want %q", test.bytes, got, test.want)
		}
	}
	for _, s := range []string{"", "微信 \U0001F600", "a\x00b"} {
		encoded := encodeText(s)
		if decodeText([]byte(encoded)) != s || strings.ContainsRune(encoded, 0) {
			t.Errorf("encodeText(%q) = %q", s, encoded)
		}
	}
}

func TestValues(t *testing.T) {
	for _, v := range []Value{Int(-5), Long(-5), Byte(-5), {TagShort, 0xfffb}, Double(-5), {TagFloat, 0xc0a00000}} {
		if v.Int() != -5 || v.Float() != -5 || v.String() != "-5" || v.Object() != 0 || v.IsNull() || v.Bool() {
			t.Errorf("%q: %v %v", byte(v.Tag), v.Int(), v.Float())
		}
	}
	if !Null().IsNull() || Null().String() != "null" || !Bool(true).Bool() || Bool(false).Bool() || Ref(9).Object() != 9 || (Value{Tag: TagChar, bits: 65}).Int() != 65 {
		t.Error("a value differs from its source")
	}
}
