package jdwp_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wxctl/wxctl/device/android/jdwp"
	"github.com/wxctl/wxctl/fixtures/jdwptest"
)

// HotSpot is an independent VM. Each part starts one of its own or, if portEnv
// names one, all use that: so the tests can run with an ART.
func TestHotSpot(t *testing.T) {
	classes := ""
	if os.Getenv(portEnv) == "" {
		classes = jdwptest.Compile(t, jdwptest.Source("Victim.java"))
	}
	for _, part := range []struct {
		name string
		run  func(*testing.T, string)
	}{
		{"Commands", hotSpotCommands},
		{"ReadsArguments", hotSpotReadsArguments},
		{"Invokes", hotSpotInvokes},
		{"CompositeEvents", hotSpotCompositeEvents},
		{"ClassPrepare", hotSpotClassPrepare},
		{"StartsSuspended", hotSpotStartsSuspended},
		{"SecondDebugger", hotSpotSecondDebugger},
		{"Dies", hotSpotDies},
		{"GoesOnAfterKill", hotSpotGoesOnAfterKill},
		{"ManyTimes", hotSpotManyTimes},
	} {
		t.Run(part.name, func(t *testing.T) { part.run(t, classes) })
	}
}

func attach(ctx context.Context, t *testing.T, addr string) *jdwp.VM {
	t.Helper()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", addr)
	for errors.Is(err, syscall.ECONNREFUSED) && ctx.Err() == nil { // HotSpot takes a moment to listen again
		time.Sleep(5 * time.Millisecond)
		conn, err = d.DialContext(ctx, "tcp", addr)
	}
	if err != nil {
		t.Fatal(err)
	}
	vm, err := jdwp.Attach(ctx, conn, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { vm.Close() })
	return vm
}

// class finds a class that is loaded.
func class(ctx context.Context, t *testing.T, vm *jdwp.VM, signature string) jdwp.Class {
	t.Helper()
	found, err := vm.ClassesBySignature(ctx, signature)
	if err != nil || len(found) != 1 {
		t.Fatalf("ClassesBySignature(%s) = %v, %v", signature, found, err)
	}
	return found[0]
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// breakAt sets a breakpoint at the entry of a method.
func breakAt(ctx context.Context, t *testing.T, vm *jdwp.VM, signature, method, args string) jdwp.RequestID {
	t.Helper()
	c := class(ctx, t, vm, signature)
	declares, m, err := vm.FindMethod(ctx, c.ID, method, args)
	if err != nil {
		t.Fatal(err)
	}
	return must(vm.BreakAt(ctx, declares, m.ID))(t)
}

func hotSpotCommands(t *testing.T, classes string) {
	app := victim(t, classes, "")
	app.ready()
	ctx := jdwptest.Context(t)
	vm := attach(ctx, t, app.addr)

	v := must(vm.Version(ctx))(t)
	if v.Major < 1 || !app.foreign() && v.Major < 17 || v.Name == "" || v.VM == "" || v.Description == "" {
		t.Errorf("version %+v", v)
	}
	if bits := must(vm.Capabilities(ctx))(t); len(bits) != 33 || !bits[1] {
		t.Errorf("capabilities %v", bits)
	}
	if found := must(vm.ClassesBySignature(ctx, "Lno/such/Class;"))(t); len(found) != 0 {
		t.Errorf("found %v", found)
	}
	all := must(vm.AllClasses(ctx))(t)
	if i := slices.IndexFunc(all, func(c jdwp.Class) bool { return c.Signature == "LVictim;" }); i < 0 || !all[i].Prepared() {
		t.Errorf("the app's class is not among all %d", len(all))
	}

	main := class(ctx, t, vm, "LVictim;")
	if s := must(vm.Signature(ctx, main.ID))(t); s != "LVictim;" {
		t.Errorf("signature %q", s)
	}
	if n := must(vm.ClassStatus(ctx, main.ID))(t); n&2 == 0 {
		t.Errorf("status %d", n)
	}
	if loader := must(vm.ClassLoader(ctx, main.ID))(t); loader == 0 {
		t.Error("the app's class has no loader")
	}
	if object := must(vm.ClassObject(ctx, main.ID))(t); object == 0 {
		t.Error("the app's class is not an object")
	}
	fields := must(vm.Fields(ctx, main.ID))(t)
	i := slices.IndexFunc(fields, func(f jdwp.Field) bool { return f.Name == "ANSWER" })
	if i < 0 || !fields[i].Static() || fields[i].Signature != "I" {
		t.Fatalf("fields %v", fields)
	}
	if got := must(vm.StaticValues(ctx, main.ID, fields[i].ID))(t); got[0].Int() != 42 {
		t.Errorf("ANSWER is %v", got)
	}

	intent := class(ctx, t, vm, "LVictim$Intent;")
	super := must(vm.Superclass(ctx, intent.ID))(t)
	if s := must(vm.Signature(ctx, super))(t); s != "LVictim$Base;" {
		t.Errorf("superclass %q", s)
	}
	faces := must(vm.Interfaces(ctx, intent.ID))(t)
	if len(faces) != 1 || must(vm.Signature(ctx, faces[0]))(t) != "LVictim$Greeter;" {
		t.Errorf("interfaces %v", faces)
	}
	if _, _, err := vm.FindMethod(ctx, intent.ID, "none", "()V"); !errors.Is(err, jdwp.ErrNoMethod) {
		t.Errorf("no method: %v", err)
	}

	threads := must(vm.Threads(ctx))(t)
	var busy jdwp.ThreadID
	for _, thread := range threads {
		if must(vm.ThreadName(ctx, thread))(t) == "busy" {
			busy = thread
		}
	}
	if held := must(vm.Instances(ctx, class(ctx, t, vm, "Ljava/lang/Thread;").ID, 1000))(t); !slices.Contains(held, jdwp.ObjectID(busy)) {
		t.Errorf("the thread %d is not among the Threads %v", busy, held)
	}
	if held := must(vm.Instances(ctx, class(ctx, t, vm, "Ljava/lang/Thread;").ID, 1))(t); len(held) != 1 {
		t.Errorf("1 Thread asked for, got %v", held)
	}
	if busy == 0 {
		t.Fatal("the thread busy is not there")
	}
	if _, err := vm.Frames(ctx, busy, 0, -1); !errors.Is(err, jdwp.ThreadNotSuspended) {
		t.Errorf("frames of a running thread: %v", err)
	}
	if err := vm.SuspendThread(ctx, busy); err != nil {
		t.Fatal(err)
	}
	if _, stopped, err := vm.ThreadStatus(ctx, busy); err != nil || !stopped {
		t.Errorf("stopped %v, %v", stopped, err)
	}
	if n := must(vm.SuspendCount(ctx, busy))(t); n != 1 {
		t.Errorf("suspended %d times", n)
	}
	frames := must(vm.Frames(ctx, busy, 0, -1))(t)
	if n := must(vm.FrameCount(ctx, busy))(t); n == 0 || n != len(frames) {
		t.Errorf("%d frames, %d listed", n, len(frames))
	}
	if err := vm.Suspend(ctx); err != nil {
		t.Fatal(err)
	}
	if err := vm.Resume(ctx); err != nil {
		t.Fatal(err)
	}
	if err := vm.ResumeThread(ctx, busy); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []struct {
		err  error
		want jdwp.ErrorCode
	}{
		{second(vm.ThreadName(ctx, 0xffff)), jdwp.InvalidObject},
		{second(vm.StringValue(ctx, 0xffff)), jdwp.InvalidObject},
		{second(vm.Signature(ctx, 0xffff)), jdwp.InvalidObject},
		{second(vm.Request(ctx, 77, jdwp.SuspendNone)), jdwp.InvalidEventType},
	} {
		if !errors.Is(bad.err, bad.want) {
			t.Errorf("%v, want %v", bad.err, bad.want)
		}
	}
	if err := vm.Close(); err != nil {
		t.Error(err)
	}
	if _, err := vm.Version(ctx); !errors.Is(err, jdwp.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	app.goesOn("after", 2)
}

func second[T any](_ T, err error) error { return err }

func hotSpotReadsArguments(t *testing.T, classes string) {
	app := victim(t, classes, "")
	app.ready()
	ctx := jdwptest.Context(t)
	vm := attach(ctx, t, app.addr)
	goOn := app.hold(ctx, t, vm)
	create := breakAt(ctx, t, vm, "LVictim$Entry;", "onCreate", "(JLVictim$Intent;)V")
	renew := breakAt(ctx, t, vm, "LVictim$Entry;", "onNewIntent", "(LVictim$Intent;)V")
	goOn()

	app.say("微信")
	set := must(vm.Next(ctx))(t)
	if !set.Has(create) || set.Policy != jdwp.SuspendThread || len(set.Events) != 1 || set.Events[0].Kind != jdwp.Breakpoint || set.Events[0].Location.Index != 0 {
		t.Fatalf("event %+v", set)
	}
	thread := set.Thread()
	frames := must(vm.Frames(ctx, thread, 0, 1))(t)
	this, args, err := vm.Arguments(ctx, thread, frames[0].ID, jdwp.TagLong, jdwp.TagObject)
	if err != nil || this == 0 || args[0].Int() != 7 {
		t.Fatalf("arguments %v of %v, %v", args, this, err)
	}
	intent := args[1].Object()
	action := must(vm.Call(ctx, thread, intent, "getAction", "()Ljava/lang/String;"))(t)
	if s := must(vm.StringValue(ctx, action.Object()))(t); s != app.line("微信") {
		t.Errorf("action %q", s)
	}
	extras := must(vm.Call(ctx, thread, intent, "getExtras", "()Ljava/util/Map;"))(t)
	key := must(vm.NewString(ctx, "text"))(t)
	text := must(vm.Call(ctx, thread, extras.Object(), "get", "(Ljava/lang/Object;)Ljava/lang/Object;", key))(t)
	if s := must(vm.StringValue(ctx, text.Object()))(t); s != "微信 \U0001F600 \x00 end" {
		t.Errorf("text %q", s)
	}
	if s := must(vm.Text(ctx, thread, extras.Object()))(t); !strings.HasPrefix(s, "{code=") || !strings.Contains(s, ", text=") {
		t.Errorf("extras %q", s)
	}
	if err := vm.Release(ctx, set); err != nil {
		t.Fatal(err)
	}
	set = must(vm.Next(ctx))(t)
	if !set.Has(renew) {
		t.Fatalf("event %+v", set)
	}
	if _, _, err := vm.Arguments(ctx, set.Thread(), frames[0].ID, jdwp.TagObject); !errors.Is(err, jdwp.InvalidFrameID) {
		t.Errorf("an old frame: %v", err)
	}
	if err := vm.Release(ctx, set); err != nil {
		t.Fatal(err)
	}
	app.done("微信", 2)
	if err := vm.Clear(ctx, renew); err != nil {
		t.Fatal(err)
	}
	if got := vm.Requests(); !slices.Equal(got, []jdwp.RequestID{create}) {
		t.Errorf("requests %v", got)
	}
}

func hotSpotInvokes(t *testing.T, classes string) {
	app := victim(t, classes, "")
	app.ready()
	ctx := jdwptest.Context(t)
	vm := attach(ctx, t, app.addr)
	breakAt(ctx, t, vm, "LVictim$Entry;", "onNewIntent", "(LVictim$Intent;)V")
	app.say("go")
	set := must(vm.Next(ctx))(t)
	thread := set.Thread()
	frames := must(vm.Frames(ctx, thread, 0, 1))(t)
	_, args, err := vm.Arguments(ctx, thread, frames[0].ID, jdwp.TagObject)
	if err != nil {
		t.Fatal(err)
	}
	intent := args[0].Object()
	text := func(s string) jdwp.Value { return must(vm.NewString(ctx, s))(t) }
	read := func(v jdwp.Value) string { return must(vm.StringValue(ctx, v.Object()))(t) }

	if v := must(vm.Call(ctx, thread, intent, "base", "()Ljava/lang/String;"))(t); read(v) != "of the superclass" {
		t.Errorf("base %q", read(v))
	}
	if v := must(vm.Call(ctx, thread, intent, "greet", "(Ljava/lang/String;)Ljava/lang/String;", text("you\x00\U0001F600")))(t); read(v) != "hello you\x00\U0001F600" {
		t.Errorf("greet %q", read(v))
	}
	strings := class(ctx, t, vm, "[Ljava/lang/String;")
	list := must(vm.NewArray(ctx, strings.ID, 3))(t)
	if err := vm.SetArray(ctx, list, 0, text("a"), jdwp.Null(), text("c")); err != nil {
		t.Fatal(err)
	}
	values := must(vm.ArrayValues(ctx, list, 0, 3))(t)
	if read(values[0]) != "a" || !values[1].IsNull() || read(values[2]) != "c" {
		t.Errorf("array %v", values)
	}
	v := must(vm.Call(ctx, thread, intent, "sum", "(ZBIJDLjava/lang/String;[Ljava/lang/String;)J",
		jdwp.Bool(true), jdwp.Byte(-2), jdwp.Int(-100), jdwp.Long(1<<40), jdwp.Double(2.5), text("four"), jdwp.Ref(list)))(t)
	if want := int64(1 - 2 - 100 + 1<<40 + 2 + 4 + 3); v.Int() != want {
		t.Errorf("sum %v, want %d", v, want)
	}

	var thrown *jdwp.Thrown
	if _, err := vm.Call(ctx, thread, intent, "fail", "()Ljava/lang/String;"); !errors.As(err, &thrown) {
		t.Errorf("fail: %v", err)
	} else if s := must(vm.Text(ctx, thread, thrown.Exception))(t); s != "java.lang.IllegalStateException: on purpose" {
		t.Errorf("thrown %q", s)
	}

	data := must(vm.Call(ctx, thread, intent, "getData", "()[B"))(t)
	if b := must(vm.Bytes(ctx, data.Object(), 100))(t); !bytes.Equal(b, []byte{1, 2, 0xfd}) {
		t.Errorf("bytes %v", b)
	}
	if _, err := vm.Bytes(ctx, data.Object(), 2); err == nil {
		t.Error("an array above the limit was read")
	}
	intentClass, _, err := vm.ClassOf(ctx, intent)
	if err != nil {
		t.Fatal(err)
	}
	_, twice, err := vm.FindMethod(ctx, intentClass, "twice", "(Ljava/lang/String;)Ljava/lang/String;")
	if err != nil || !twice.Static() {
		t.Fatal(twice, err)
	}
	if v := must(vm.InvokeStatic(ctx, thread, intentClass, twice, jdwp.SingleThreaded, text("ab")))(t); read(v) != "abab" {
		t.Errorf("twice %q", read(v))
	}
	_, total, err := vm.FindMethod(ctx, intentClass, "total", "([B)I")
	if err != nil {
		t.Fatal(err)
	}
	large := bytes.Repeat([]byte{3}, 300_000)
	array := must(vm.NewArray(ctx, class(ctx, t, vm, "[B").ID, len(large)))(t)
	if err := vm.SetBytes(ctx, array, 0, large); err != nil {
		t.Fatal(err)
	}
	if v := must(vm.InvokeStatic(ctx, thread, intentClass, total, jdwp.SingleThreaded, jdwp.Ref(array)))(t); v.Int() != 900_000 {
		t.Errorf("total %v", v)
	}
	if b := must(vm.Bytes(ctx, array, 1<<20))(t); !bytes.Equal(b, large) {
		t.Error("the bytes changed")
	}
	if err := vm.Unpin(ctx, array); err != nil {
		t.Error(err)
	}

	_, create, err := vm.FindMethod(ctx, intentClass, "<init>", "(Ljava/lang/String;)V")
	if err != nil {
		t.Fatal(err)
	}
	made := must(vm.NewInstance(ctx, thread, intentClass, create, jdwp.SingleThreaded, text("made")))(t)
	if err := vm.Pin(ctx, made); err != nil {
		t.Fatal(err)
	}
	if gone := must(vm.Collected(ctx, made))(t); gone {
		t.Error("a pinned object was collected")
	}
	fields := must(vm.Fields(ctx, intentClass))(t)
	i := slices.IndexFunc(fields, func(f jdwp.Field) bool { return f.Name == "action" })
	if v := must(vm.FieldValues(ctx, made, fields[i].ID))(t); read(v[0]) != "made" {
		t.Errorf("action %q", read(v[0]))
	}
	if err := vm.Close(); err != nil {
		t.Error(err)
	}
	app.left("go", 2)
}

// Two requests at one place come as one set, and are resumed once.
func hotSpotCompositeEvents(t *testing.T, classes string) {
	app := victim(t, classes, "")
	app.ready()
	ctx := jdwptest.Context(t)
	vm := attach(ctx, t, app.addr)
	goOn := app.hold(ctx, t, vm)
	stop := breakAt(ctx, t, vm, "LVictim$Entry;", "onNewIntent", "(LVictim$Intent;)V")
	entry := must(vm.Request(ctx, jdwp.MethodEntry, jdwp.SuspendThread, jdwp.ClassMatch("Victim$Entry")))(t)
	exit := must(vm.Request(ctx, jdwp.MethodExitReturnValue, jdwp.SuspendNone, jdwp.ClassMatch("Victim$Entry")))(t)
	goOn()
	for n := 2; n < 5; n++ {
		app.say("x")
		for _, want := range [][]jdwp.RequestID{{entry}, {exit}, {entry, stop}, {exit}} {
			set := must(vm.Next(ctx))(t)
			if len(set.Events) != len(want) {
				t.Fatalf("%+v, want the requests %v", set, want)
			}
			for _, id := range want {
				if !set.Has(id) {
					t.Errorf("%+v, want the requests %v", set, want)
				}
			}
			if err := vm.Release(ctx, set); err != nil {
				t.Fatal(err)
			}
		}
		app.done("x", n)
	}
}

func hotSpotClassPrepare(t *testing.T, classes string) {
	app := victim(t, classes, "")
	app.ready()
	ctx := jdwptest.Context(t)
	vm := attach(ctx, t, app.addr)
	prepare := must(vm.Request(ctx, jdwp.ClassPrepare, jdwp.SuspendThread, jdwp.ClassMatch("Victim$Late")))(t)
	found := must(vm.ClassesBySignature(ctx, "LVictim$Late;"))(t)
	var set jdwp.EventSet
	var late jdwp.ClassID
	switch {
	case len(found) == 0:
		app.say("late")
		set = must(vm.Next(ctx))(t)
		if !set.Has(prepare) || set.Events[0].Signature != "LVictim$Late;" || set.Events[0].Status&2 == 0 {
			t.Fatalf("event %+v", set)
		}
		late = set.Events[0].Class
	case app.foreign() && found[0].Prepared(): // ART's verifier loads the classes that it finds
		late = found[0].ID
	default:
		t.Fatalf("loaded too early: %v", found)
	}
	_, run, err := vm.FindMethod(ctx, late, "run", "(LVictim$Intent;)V")
	if err != nil {
		t.Fatal(err)
	}
	stop := must(vm.BreakAt(ctx, late, run.ID))(t)
	if err := vm.Release(ctx, set); err != nil {
		t.Fatal(err)
	}
	if set = must(vm.Next(ctx))(t); !set.Has(stop) {
		t.Fatalf("event %+v", set)
	}
	if _, _, err := vm.Arguments(ctx, set.Thread(), must(vm.Frames(ctx, set.Thread(), 0, 1))(t)[0].ID); !errors.Is(err, jdwp.ErrNoArguments) {
		t.Errorf("arguments of a static method: %v", err)
	}
	// Close without Release: the thread must continue.
	if err := vm.Close(); err != nil {
		t.Error(err)
	}
	app.left("late", 1)
}
