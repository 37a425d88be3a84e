package art_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wxctl/wxctl/device/android/jdwp"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/art"
	"github.com/wxctl/wxctl/fixtures/jdwptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bounded is a context with a deadline that must not pass.
func bounded(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// debugged makes a machine with a class Demo, and a debugger that is attached.
func debugged(t *testing.T, api int) (*art.Machine, *art.Object, jdwptest.VM) {
	t.Helper()
	m := art.New(art.Options{API: api, PID: 4242, Process: "com.example.demo"})
	object := m.Class("java.lang.Object")
	demo := m.Define(nil, &art.Class{Name: "com.example.Demo", Super: object, App: true,
		Fields: []*art.Field{{Name: "count", Signature: "I"}, {Name: "LIMIT", Signature: "J", Static: true, Value: int64(7)}},
		Methods: []*art.Method{
			{Name: "run", Signature: "(JLjava/lang/String;)I", Locals: 40, Call: func(_ *art.Thread, this *art.Object, args []art.Value) (art.Value, error) {
				n := int32(args[0].(int64)) + int32(len(art.Text(args[1])))
				this.Set("count", n)
				return n, nil
			}},
			{Name: "fail", Signature: "()V", Call: func(t *art.Thread, _ *art.Object, _ []art.Value) (art.Value, error) {
				return nil, t.Machine().Throw("java.lang.IllegalStateException", "on purpose")
			}},
		}})
	t.Cleanup(m.Close)
	return m, m.NewObject(demo), attach(t, m)
}

func serve(t testing.TB, m *art.Machine) net.Conn {
	mine, theirs := net.Pipe()
	var served sync.WaitGroup
	served.Go(func() { m.Serve(context.Background(), theirs) })
	t.Cleanup(func() { mine.Close(); served.Wait() })
	return mine
}

func attach(t *testing.T, m *art.Machine) jdwptest.VM {
	t.Helper()
	vm, err := jdwptest.Attach(bounded(t), serve(t, m))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { vm.Close() })
	return vm
}

// stop sets a breakpoint at Demo.run, has the main thread call it, and returns
// the event.
func stop(t *testing.T, m *art.Machine, o *art.Object, vm jdwptest.VM) (jdwp.EventSet, <-chan art.Value) {
	t.Helper()
	ctx := bounded(t)
	classes, err := vm.ClassesBySignature(ctx, "Lcom/example/Demo;")
	if err != nil || len(classes) != 1 {
		t.Fatal(classes, err)
	}
	_, run, err := vm.FindMethod(ctx, classes[0].ID, "run", "(JLjava/lang/String;)I")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := vm.BreakAt(ctx, classes[0].ID, run.ID); err != nil {
		t.Fatal(err)
	}
	result := make(chan art.Value, 1)
	go func() {
		v, err := m.Main().Call(o, "run", "(JLjava/lang/String;)I", int64(5), m.String("abc"))
		if err != nil {
			v = err
		}
		result <- v
	}()
	set, err := vm.Next(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return set, result
}

// Objects are reported as long as they exist, and are not kept alive by that.
func TestInstances(t *testing.T) {
	m, o, vm := debugged(t, 34)
	ctx := bounded(t)
	classes, err := vm.ClassesBySignature(ctx, "Lcom/example/Demo;")
	if err != nil || len(classes) != 1 {
		t.Fatal(classes, err)
	}
	other := m.NewObject(o.Class)
	held, err := vm.Instances(ctx, classes[0].ID, 10)
	if err != nil || len(held) != 2 || held[0] == held[1] {
		t.Errorf("%v, %v", held, err)
	}
	for _, id := range held {
		if of, _, err := vm.ClassOf(ctx, id); of != classes[0].ID || err != nil {
			t.Errorf("%d is of class %d, %v", id, of, err)
		}
	}
	if one, err := vm.Instances(ctx, classes[0].ID, 1); err != nil || len(one) != 1 {
		t.Errorf("one: %v, %v", one, err)
	}
	if _, err := vm.Instances(ctx, classes[0].ID, -1); !errors.Is(err, jdwp.IllegalArgument) {
		t.Errorf("-1: %v", err)
	}
	runtime.KeepAlive(other)
	for range 5000 {
		m.NewObject(o.Class) // of which none is kept
	}
	runtime.GC()
	if held, err := vm.Instances(ctx, classes[0].ID, 0); err != nil || len(held) > 100 {
		t.Errorf("%d are left of 5000 that nobody keeps, %v", len(held), err)
	}
}

// The arguments are found wherever the API level's ART stores them, and the
// method continues with them.
func TestStop(t *testing.T) {
	for _, api := range []int{24, 27, 28, 37} {
		m, o, vm := debugged(t, api)
		ctx := bounded(t)
		set, result := stop(t, m, o, vm)
		frames, err := vm.Frames(ctx, set.Thread(), 0, -1)
		if err != nil || len(frames) != 1 {
			t.Fatal(frames, err)
		}
		_, err = vm.SlotValues(ctx, set.Thread(), frames[0].ID, jdwp.Slot{Index: 0, Tag: jdwp.TagObject})
		if inRegisters := errors.Is(err, jdwp.InvalidSlot); inRegisters != (api >= 28) {
			t.Errorf("API %d: slot 0: %v", api, err)
		}
		this, args, err := vm.Arguments(ctx, set.Thread(), frames[0].ID, jdwp.TagLong, jdwp.TagObject)
		if err != nil || args[0].Int() != 5 {
			t.Fatalf("API %d: %v, %v", api, args, err)
		}
		if s, err := vm.StringValue(ctx, args[1].Object()); s != "abc" || err != nil {
			t.Errorf("API %d: %q, %v", api, s, err)
		}
		if s, err := vm.Text(ctx, set.Thread(), this); !strings.HasPrefix(s, "com.example.Demo@") || err != nil {
			t.Errorf("API %d: %q, %v", api, s, err)
		}
		var thrown *jdwp.Thrown
		if _, err := vm.Call(ctx, set.Thread(), this, "fail", "()V"); !errors.As(err, &thrown) {
			t.Errorf("API %d: %v", api, err)
		}
		if err := vm.Release(ctx, set); err != nil {
			t.Error(err)
		}
		if v := <-result; v != int32(8) {
			t.Errorf("API %d: the method returned %v", api, v)
		}
	}
}

// What ART refuses, with ART's codes.
func TestRefusals(t *testing.T) {
	for _, api := range []int{27, 34} {
		m, o, vm := debugged(t, api)
		ctx := bounded(t)
		threads, err := vm.Threads(ctx)
		if err != nil || len(threads) != 1 {
			t.Fatal(threads, err)
		}
		main := threads[0]
		expect := func(what string, err error, want jdwp.ErrorCode) {
			t.Helper()
			if !errors.Is(err, want) {
				t.Errorf("API %d: %s: %v, want %v", api, what, err, want)
			}
		}
		_, err = vm.Frames(ctx, main, 0, 1)
		expect("frames of a running thread", err, jdwp.ThreadNotSuspended)
		_, err = vm.ThreadName(ctx, 0xbad)
		expect("no such thread", err, jdwp.InvalidObject)
		_, err = vm.Request(ctx, 77, jdwp.SuspendThread)
		expect("no such event", err, jdwp.InvalidEventType)
		_, err = vm.Request(ctx, jdwp.Breakpoint, jdwp.SuspendThread)
		expect("a breakpoint nowhere", err, jdwp.IllegalArgument)
		strings, err := vm.ClassesBySignature(ctx, "Ljava/lang/String;")
		if err != nil {
			t.Fatal(err)
		}
		_, err = vm.NewArray(ctx, strings[0].ID, 1)
		expect("an array of no array type", err, jdwp.TypeMismatch)
		_, err = vm.ArrayLength(ctx, jdwp.ObjectID(main))
		expect("a thread as an array", err, jdwp.InvalidArray)
		_, err = vm.StringValue(ctx, jdwp.ObjectID(main))
		expect("a thread as a string", err, jdwp.InvalidString)

		if err := vm.SuspendThread(ctx, main); err != nil {
			t.Fatal(err)
		}
		_, err = vm.Text(ctx, main, jdwp.ObjectID(main))
		expect("an invocation in a thread that no event stopped", err, jdwp.InvalidThread)
		if err := vm.ResumeThread(ctx, main); err != nil {
			t.Fatal(err)
		}

		set, result := stop(t, m, o, vm)
		frames, err := vm.Frames(ctx, main, 0, 1)
		if err != nil {
			t.Fatal(err)
		}
		this, err := vm.This(ctx, main, frames[0].ID)
		if err != nil {
			t.Fatal(err)
		}
		_, err = vm.SlotValues(ctx, main, frames[0].ID, jdwp.Slot{Index: 999, Tag: jdwp.TagObject})
		expect("no such slot", err, jdwp.InvalidSlot)
		none := map[bool]jdwp.ErrorCode{true: jdwp.NoMoreFrames, false: jdwp.InvalidFrameID}[api >= 28]
		_, err = vm.SlotValues(ctx, main, frames[0].ID+1, jdwp.Slot{Index: 0, Tag: jdwp.TagObject})
		expect("no such frame", err, none)

		class, _, err := vm.ClassOf(ctx, this)
		if err != nil {
			t.Fatal(err)
		}
		_, run, err := vm.FindMethod(ctx, class, "run", "(JLjava/lang/String;)I")
		if err != nil {
			t.Fatal(err)
		}
		long, err := vm.SlotValues(ctx, main, frames[0].ID, jdwp.Slot{Index: map[bool]int{true: 41, false: 1}[api >= 28], Tag: jdwp.TagLong})
		if err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]jdwp.Value{nil, {jdwp.Int(1), jdwp.Null()}, {jdwp.Null(), jdwp.Null()}, {long[0], jdwp.Int(1)},
			{long[0], jdwp.Ref(this)}, {long[0], jdwp.Null(), jdwp.Null()}} {
			if _, err := vm.Invoke(ctx, main, this, class, run, 0, args...); !errors.Is(err, jdwp.ErrArguments) {
				t.Errorf("API %d: run(%v): %v", api, args, err)
			}
		}
		_, err1 := vm.Invoke(ctx, main, 0, class, run, 0, long[0], jdwp.Null())
		_, err2 := vm.InvokeStatic(ctx, main, class, run, 0, long[0], jdwp.Null())
		_, err3 := vm.NewInstance(ctx, main, class, run, 0, long[0], jdwp.Null())
		_, err4 := vm.NewArray(ctx, class, -1)
		for i, err := range []error{err1, err2, err3, err4} {
			if !errors.Is(err, jdwp.ErrArguments) {
				t.Errorf("API %d: call %d: %v", api, i+1, err)
			}
		}
		if _, _, err := vm.FindMethod(ctx, class, "<init>", "()V"); !errors.Is(err, jdwp.ErrNoMethod) {
			t.Errorf("API %d: a constructor was inherited: %v", api, err)
		}

		// A thread that is stopped twice: ART's own JDWP invokes nothing in it.
		if err := vm.Suspend(ctx); err != nil {
			t.Fatal(err)
		}
		if _, err = vm.Text(ctx, main, this); api < 28 {
			expect("a thread that is stopped twice", err, jdwp.ThreadSuspended)
		} else if err != nil {
			t.Error(err)
		}
		if err := vm.Resume(ctx); err != nil {
			t.Fatal(err)
		}
		if err := vm.Release(ctx, set); err != nil {
			t.Fatal(err)
		}
		<-result
	}
}

// The machine ends while a debugger has stopped it.
func TestCloseWhileStopped(t *testing.T) {
	m, o, vm := debugged(t, 34)
	_, result := stop(t, m, o, vm)
	m.Close()
	if err, ok := (<-result).(error); !ok || !errors.Is(err, art.ErrDead) {
		t.Errorf("the method ended with %v", err)
	}
	if _, err := vm.Next(bounded(t)); !errors.Is(err, jdwp.ErrLost) {
		t.Error(err)
	}
	if _, err := jdwp.Attach(bounded(t), serve(t, m), nil); !errors.Is(err, jdwp.ErrRefused) {
		t.Errorf("a debugger of a dead process: %v", err)
	}
}

// DDMS's hello is answered, an unknown chunk gets an empty answer, and an exit
// is refused.
func TestDDMS(t *testing.T) {
	m := art.New(art.Options{API: 34, PID: 4242, Process: "p", User: 10})
	t.Cleanup(m.Close)
	conn := serve(t, m)
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	io.WriteString(conn, "JDWP-Handshake")
	if _, err := io.ReadFull(conn, make([]byte, 14)); err != nil {
		t.Fatal(err)
	}
	read := func() (head [11]byte, data []byte) {
		t.Helper()
		if _, err := io.ReadFull(conn, head[:]); err != nil {
			t.Fatal(err)
		}
		data = make([]byte, binary.BigEndian.Uint32(head[:])-11)
		if _, err := io.ReadFull(conn, data); err != nil {
			t.Fatal(err)
		}
		return head, data
	}
	head, data := read()
	if head[8] != 0 || head[9] != 199 || head[10] != 1 || string(data) != "APNM\x00\x00\x00\x0a\x00\x00\x00\x01\x00p\x00\x00\x00\x0a" {
		t.Errorf("unasked: %v %q", head, data)
	}
	send := func(id, set, number byte, data string) {
		t.Helper()
		if _, err := conn.Write(append([]byte{0, 0, 0, byte(11 + len(data)), 0, 0, 0, id, 0, set, number}, data...)); err != nil {
			t.Fatal(err)
		}
	}
	send(1, 199, 1, "XXXX\x00\x00\x00\x00")
	if head, data = read(); head[7] != 1 || head[8] != 0x80 || len(data) != 0 {
		t.Errorf("an unknown chunk: %v %q", head, data)
	}
	send(2, 199, 1, "HELO\x00\x00\x00\x04\x00\x00\x00\x01")
	head, data = read()
	want := "HELO\x00\x00\x00\x30\x00\x00\x00\x01\x00\x00\x10\x92\x00\x00\x00\x0d\x00\x00\x00\x01\x00D\x00a\x00l\x00v\x00i\x00k\x00 \x00v\x002\x00.\x001\x00.\x000\x00p\x00\x00\x00\x0a"
	if head[7] != 2 || head[8] != 0x80 || string(data) != want {
		t.Errorf("hello: %v\n%q\n%q", head, data, want)
	}
	send(3, 1, 10, "\x00\x00\x00\x00") // VirtualMachine.Exit
	if head, _ = read(); head[7] != 3 || head[10] != byte(jdwp.NotImplemented) {
		t.Errorf("exit: %v", head)
	}
}

// FuzzDebugger sends arbitrary data as a debugger.
func FuzzDebugger(f *testing.F) {
	command := func(set, number byte, data ...byte) []byte {
		return append([]byte{0, 0, 0, byte(11 + len(data)), 0, 0, 0, 1, 0, set, number}, data...)
	}
	id := func(n byte) []byte { return []byte{0, 0, 0, 0, 0, 0, 1, n} }
	f.Add(append(command(1, 4), command(11, 6, append(id(1), 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff)...)...))
	f.Add(append(command(1, 3), command(2, 5, id(3)...)...))
	f.Add(append(command(1, 3), command(9, 6, append(id(3), id(1)...)...)...))
	f.Add(append(command(1, 3), command(4, 1, append(id(9), 0, 0, 0, 3)...)...))
	f.Add(command(15, 1, 8, 1, 0, 0, 0, 1, 5, 0, 0, 0, 1, '*'))
	f.Add(command(1, 6))
	f.Fuzz(func(t *testing.T, b []byte) {
		m := art.New(art.Options{API: 24 + len(b)%14})
		defer m.Close()
		mine, theirs := net.Pipe()
		var wg sync.WaitGroup
		wg.Go(func() { m.Serve(context.Background(), theirs) })
		wg.Go(func() { io.Copy(io.Discard, mine) })
		io.WriteString(mine, "JDWP-Handshake")
		mine.Write(b)
		mine.Close()
		wg.Wait()
	})
}
