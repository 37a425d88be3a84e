package virtualandroid

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wxctl/wxctl/device/android/jdwp"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
	"github.com/wxctl/wxctl/device/virtual/wechat"
	"github.com/wxctl/wxctl/fixtures/jdwptest"
	"github.com/wxctl/wxctl/intents"
	"github.com/wxctl/wxctl/intents/androidwire"
)

// startDemo brings the demo app to the front and returns its process.
func startDemo(t *testing.T, p *Phone) phone.Process {
	t.Helper()
	launch(t, p, androidwire.Intent{Component: DemoPackage + "/" + DemoPackage + ".MainActivity", Action: actionMain, Categories: []string{categoryLaunch}, Flags: androidwire.FlagNewTask})
	process, ok := p.Model.Process(DemoPackage, p.Model.Package(DemoPackage).UID(0))
	if !ok {
		t.Fatal("the demo app does not run")
	}
	return process
}

// launch starts an activity as the shell.
func launch(t *testing.T, p *Phone, in androidwire.Intent) {
	t.Helper()
	code, err := p.Model.StartActivity(t.Context(), phone.StartRequest{UID: phone.ShellUID, Package: shellPackage, Intent: in})
	if err != nil || code < 0 {
		t.Fatal(code, err)
	}
}

// debug attaches to a process of the phone.
func debug(t *testing.T, p *Phone, pid int) jdwptest.VM {
	t.Helper()
	conn, err := p.Dial(context.Background(), fmt.Sprint("jdwp:", pid))
	if err != nil {
		t.Fatal(err)
	}
	vm, err := jdwptest.Attach(bounded(t), conn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { vm.Close() })
	return vm
}

// bounded is a context with a deadline that must not pass.
func bounded(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// replyIntent is WeChat's answer to a share, for the demo app.
func replyIntent(t *testing.T, transaction string) androidwire.Intent {
	t.Helper()
	in, err := androidwire.EncodeReply(intents.ShareReply{Result: intents.Result{Transaction: &transaction}}, androidwire.Receiver{Package: DemoPackage})
	if err != nil {
		t.Fatal(err)
	}
	in.Flags = androidwire.FlagNewTask
	return in
}

func get[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// stopAt sets a breakpoint at a method of a class that is loaded.
func stopAt(t *testing.T, vm jdwptest.VM, class jdwp.ClassID, name, signature string) jdwp.RequestID {
	t.Helper()
	declares, m, err := vm.FindMethod(bounded(t), class, name, signature)
	if err != nil {
		t.Fatal(err)
	}
	return get(vm.BreakAt(bounded(t), declares, m.ID))(t)
}

// The demo app is stopped where WeChat calls it back, at every API level, and
// the arguments are read: first in onCreate, of a class that was not loaded
// before, then in onNewIntent of the same activity.
func TestDebuggerReadsReplies(t *testing.T) {
	for _, api := range []int{24, 27, 28, 34, 37} {
		t.Run(fmt.Sprint(api), func(t *testing.T) {
			p := newPhone(t, Options{API: api})
			process := startDemo(t, p)
			vm := debug(t, p, process.PID)
			ctx := bounded(t)
			prepare := get(vm.Request(ctx, jdwp.ClassPrepare, jdwp.SuspendThread, jdwp.ClassMatch(DemoEntry)))(t)
			launch(t, p, replyIntent(t, "one"))
			set := get(vm.Next(ctx))(t)
			if !set.Has(prepare) {
				t.Fatalf("event %+v", set)
			}
			create := stopAt(t, vm, set.Events[0].Class, "onCreate", sigOnCreate)
			renew := stopAt(t, vm, set.Events[0].Class, "onNewIntent", sigOnNewIntent)
			if err := vm.Release(ctx, set); err != nil {
				t.Fatal(err)
			}

			set = get(vm.Next(ctx))(t)
			if !set.Has(create) {
				t.Fatalf("event %+v", set)
			}
			thread := set.Thread()
			if name := get(vm.ThreadName(ctx, thread))(t); name != "main" {
				t.Errorf("thread %q", name)
			}
			frames := get(vm.Frames(ctx, thread, 0, -1))(t)
			if len(frames) != 2 { // onCreate, in a message of the handler
				t.Errorf("frames %v", frames)
			}
			activity, args, err := vm.Arguments(ctx, thread, frames[0].ID, jdwp.TagObject)
			if err != nil || !args[0].IsNull() {
				t.Fatalf("arguments %v, %v", args, err)
			}
			intent := get(vm.Call(ctx, thread, activity, "getIntent", "()Landroid/content/Intent;"))(t)
			if got := extraText(t, vm, thread, intent.Object(), "_wxapi_baseresp_transaction"); got != "one" {
				t.Errorf("transaction %q", got)
			}

			// A second reply reaches the same activity while it is stopped.
			launch(t, p, replyIntent(t, "two"))
			if err := p.Model.Settle(ctx); err != nil { // delivered, though not handled
				t.Fatal(err)
			}
			if err := vm.Release(ctx, set); err != nil {
				t.Fatal(err)
			}
			set = get(vm.Next(ctx))(t)
			if !set.Has(renew) {
				t.Fatalf("event %+v", set)
			}
			frames = get(vm.Frames(ctx, thread, 0, 1))(t)
			again, args, err := vm.Arguments(ctx, thread, frames[0].ID, jdwp.TagObject)
			if err != nil || again != activity {
				t.Fatalf("%v instead of %v: %v", again, activity, err)
			}
			if got := extraText(t, vm, thread, args[0].Object(), "_wxapi_baseresp_transaction"); got != "two" {
				t.Errorf("transaction %q", got)
			}
			// Not released: the end of the debugger resumes it.
			if err := vm.Close(); err != nil {
				t.Error(err)
			}
			awaitLog(t, p, `"transaction":"two"`)
		})
	}
}

func extraText(t *testing.T, vm jdwptest.VM, thread jdwp.ThreadID, intent jdwp.ObjectID, key string) string {
	t.Helper()
	ctx := bounded(t)
	k := get(vm.NewString(ctx, key))(t)
	v := get(vm.Call(ctx, thread, intent, "getStringExtra", "(Ljava/lang/String;)Ljava/lang/String;", k))(t)
	return get(vm.StringValue(ctx, v.Object()))(t)
}

// awaitLog waits until the demo app has logged a text.
func awaitLog(t *testing.T, p *Phone, text string) {
	t.Helper()
	ctx := bounded(t)
	for after := uint64(0); ; {
		entries, more := p.Model.Log.Read(after, phone.LogMain)
		for _, e := range entries {
			after = e.Seq
			if strings.Contains(e.Text, text) {
				return
			}
		}
		select {
		case <-more:
		case <-ctx.Done():
			t.Fatalf("the demo app never logged %s", text)
		}
	}
}

// While the debugger has stopped the app, the rest of the phone continues.
func TestDebuggerHoldsTheAppAlone(t *testing.T) {
	p := newPhone(t, Options{})
	process := startDemo(t, p)
	vm := debug(t, p, process.PID)
	ctx := bounded(t)
	get(vm.Request(ctx, jdwp.ClassPrepare, jdwp.SuspendThread, jdwp.ClassMatch("*.WXEntryActivity")))(t)
	launch(t, p, replyIntent(t, "held"))
	get(vm.Next(ctx))(t)
	if err := p.Model.Settle(ctx); err != nil {
		t.Errorf("the phone's looper is held: %v", err)
	}
	launch(t, p, androidwire.Intent{Component: wechat.PackageName + "/" + classLauncher, Flags: androidwire.FlagNewTask})
	if err := p.Model.Settle(ctx); err != nil {
		t.Errorf("WeChat is held: %v", err)
	}
	onTop(t, p, wechat.PackageName+"/.ui.LauncherUI")
}

// The app's process dies while the debugger has stopped it.
func TestDebuggeeDies(t *testing.T) {
	p := newPhone(t, Options{})
	process := startDemo(t, p)
	vm := debug(t, p, process.PID)
	ctx := bounded(t)
	get(vm.Request(ctx, jdwp.ClassPrepare, jdwp.SuspendThread, jdwp.ClassMatch("*.WXEntryActivity")))(t)
	launch(t, p, replyIntent(t, "held"))
	get(vm.Next(ctx))(t)
	p.Model.ForceStop(DemoPackage, 0)
	if _, err := vm.Next(ctx); !errors.Is(err, jdwp.ErrLost) {
		t.Errorf("got %v", err)
	}
	if _, err := p.Dial(ctx, fmt.Sprint("jdwp:", process.PID)); err == nil {
		t.Error("a debugger got into a process that is gone")
	}
}

// Processes that can't be debugged, and what a debugger sees.
func TestDebuggerRefused(t *testing.T) {
	attach := func(p *Phone, pid int) error {
		conn, err := p.Dial(context.Background(), fmt.Sprint("jdwp:", pid))
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(bounded(t), 200*time.Millisecond)
		defer cancel()
		vm, err := jdwptest.Attach(ctx, conn)
		if err == nil {
			vm.Close()
		}
		return err
	}
	p := newPhone(t, Options{Debugged: true})
	if err := attach(p, startDemo(t, p).PID); !errors.Is(err, jdwp.ErrSilent) {
		t.Errorf("another debugger is there: %v", err)
	}
	p = newPhone(t, Options{Debugged: true, API: 27})
	if err := attach(p, startDemo(t, p).PID); !errors.Is(err, jdwp.ErrRefused) {
		t.Errorf("another debugger is there, API 27: %v", err)
	}
	p = newPhone(t, Options{Release: true})
	process := startDemo(t, p)
	if len(p.JDWP()) != 0 {
		t.Error("a release build is listed as debuggable")
	}
	if err := attach(p, process.PID); err == nil || errors.Is(err, jdwp.ErrRefused) {
		t.Errorf("a release build: %v", err)
	}
	p = newPhone(t, Options{})
	process = startDemo(t, p)
	first := debug(t, p, process.PID)
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	debug(t, p, process.PID) // as soon as the first has left
	for _, service := range []string{"jdwp:", "jdwp:x", "jdwp:99999", "tcp:80", "localabstract:x"} {
		if _, err := p.Dial(t.Context(), service); err == nil {
			t.Errorf("something listens at %s", service)
		}
	}
}

// 200 debuggers that disconnect in every way leave the app unchanged.
func TestDebuggersComeAndGo(t *testing.T) {
	p := newPhone(t, Options{})
	process := startDemo(t, p)
	ctx := bounded(t)
	for n := range 200 {
		var conn io.Closer
		var vm jdwptest.VM
		for { // the VM may not have noticed yet that the previous one is gone
			dialed := get(p.Dial(context.Background(), fmt.Sprint("jdwp:", process.PID)))(t)
			var err error
			if vm, err = jdwptest.Attach(ctx, dialed); err == nil {
				conn = dialed
				break
			}
			if !errors.Is(err, jdwp.ErrRefused) {
				t.Fatal(err)
			}
		}
		handler := get(vm.ClassesBySignature(ctx, "Landroid/os/Handler;"))(t)[0]
		stopAt(t, vm, handler.ID, "dispatchMessage", "(Landroid/os/Message;)V")
		top, _ := p.Model.Top()
		p.Model.Describe(ctx, top)
		set := get(vm.Next(ctx))(t)
		switch n % 3 {
		case 0:
			if err := vm.Release(ctx, set); err != nil {
				t.Fatal(err)
			}
		case 1: // a process that is killed
			conn.Close()
		}
		vm.Close()
		p.Model.Describe(ctx, top) // its main thread handles messages again
	}
	launch(t, p, replyIntent(t, "last"))
	awaitLog(t, p, `"transaction":"last"`)
}

// The calls of the app route, made in a thread of the debugger, reach the phone
// as those of the app: the token, the Intent, the queries.
func TestDebuggerCallsAsTheApp(t *testing.T) {
	for _, api := range []int{24, 29, 34} {
		t.Run(fmt.Sprint(api), func(t *testing.T) {
			p := newPhone(t, Options{API: api})
			process := startDemo(t, p)
			vm := debug(t, p, process.PID)
			c := caller{t: t, vm: vm, ctx: bounded(t)}
			c.startWorker(p)
			app := c.static("android.app.ActivityThread", "currentApplication", "()Landroid/app/Application;").Object()
			resolver := c.call(app, "getContentResolver", "()Landroid/content/ContentResolver;").Object()

			uri := c.static("android.net.Uri", "parse", "("+sigText+")"+sigURI, c.text("content://"+wechat.CommAuthority+"/genTokenForOpenSdk"))
			strings := get(vm.ClassesBySignature(c.ctx, "[Ljava/lang/String;"))(t)[0]
			args := get(vm.NewArray(c.ctx, strings.ID, 2))(t)
			if err := vm.SetArray(c.ctx, args, 0, c.text(DemoAppID), c.text("638066176")); err != nil {
				t.Fatal(err)
			}
			cursor := c.call(resolver, "query", "("+sigURI+"["+sigText+sigText+"["+sigText+sigText+")Landroid/database/Cursor;",
				uri, jdwp.Null(), jdwp.Null(), jdwp.Ref(args), jdwp.Null()).Object()
			if !c.call(cursor, "moveToFirst", "()Z").Bool() {
				t.Fatal("no token")
			}
			token := get(vm.StringValue(c.ctx, c.call(cursor, "getString", "(I)"+sigText, jdwp.Int(0)).Object()))(t)
			if token == "" {
				t.Error("an empty token")
			}
			c.call(cursor, "close", "()V")
			c.throws("android.database.StaleDataException", cursor, "getColumnCount", "()I")

			intent := c.static("android.content.Intent", "parseUri", "("+sigText+"I)"+sigIntent,
				c.text("intent:#Intent;launchFlags=0x10000000;component=com.tencent.mm/.ui.LauncherUI;S.key=a%20b;end"), jdwp.Int(0))
			data := get(vm.NewArray(c.ctx, get(vm.ClassesBySignature(c.ctx, "[B"))(t)[0].ID, 2))(t)
			if err := vm.SetBytes(c.ctx, data, 0, []byte{1, 255}); err != nil {
				t.Fatal(err)
			}
			c.call(intent.Object(), "putExtra", "("+sigText+"[B)"+sigIntent, c.text("bytes"), jdwp.Ref(data))
			c.call(intent.Object(), "putExtra", "("+sigText+sigText+")"+sigIntent, c.text("null"), jdwp.Null())
			c.call(app, "startActivity", "("+sigIntent+")V", intent)
			if err := p.Model.Settle(c.ctx); err != nil { // past the splash screen
				t.Fatal(err)
			}
			top, _ := p.Model.Top()
			if top.Class != classLauncher || top.CallerUID != process.UID || top.Caller != DemoPackage {
				t.Errorf("on top: %+v", top)
			}
			extras := top.Intent.Extras
			if !slices.Equal(extras.Get("bytes").Bytes(), []byte{1, 255}) || *extras.Get("key").Text() != "a b" || !extras.Has("null") {
				t.Errorf("extras %v", extras)
			}

			nowhere := c.static("android.content.Intent", "parseUri", "("+sigText+"I)"+sigIntent,
				c.text("intent:#Intent;launchFlags=0x10000000;component=com.tencent.mm/.No;end"), jdwp.Int(0))
			c.throws("android.content.ActivityNotFoundException", app, "startActivity", "("+sigIntent+")V", nowhere)
			plain := c.static("android.content.Intent", "parseUri", "("+sigText+"I)"+sigIntent, c.text("intent:#Intent;component=com.tencent.mm/.ui.LauncherUI;end"), jdwp.Int(0))
			if api >= 28 {
				c.throws("android.util.AndroidRuntimeException", app, "startActivity", "("+sigIntent+")V", plain)
			}
			c.throws("java.lang.NullPointerException", app, "startActivity", "("+sigIntent+")V", jdwp.Null())
		})
	}
}

// caller makes calls in a thread of its own in the app.
type caller struct {
	t      *testing.T
	vm     jdwptest.VM
	ctx    context.Context
	thread jdwp.ThreadID
}

// startWorker makes the thread: at the next message of the main thread, another one
// is started, which stops in its run method.
func (c *caller) startWorker(p *Phone) {
	c.t.Helper()
	handler := get(c.vm.ClassesBySignature(c.ctx, "Landroid/os/Handler;"))(c.t)[0]
	message := stopAt(c.t, c.vm, handler.ID, "dispatchMessage", "(Landroid/os/Message;)V")
	top, _ := p.Model.Top()
	p.Model.Describe(c.ctx, top)
	set := get(c.vm.Next(c.ctx))(c.t)
	if !set.Has(message) {
		c.t.Fatalf("event %+v", set)
	}
	class := get(c.vm.ClassesBySignature(c.ctx, "Ljava/lang/Thread;"))(c.t)[0].ID
	find := func(name, signature string) jdwp.Method {
		_, m, err := c.vm.FindMethod(c.ctx, class, name, signature)
		if err != nil {
			c.t.Fatal(err)
		}
		return m
	}
	made := get(c.vm.NewInstance(c.ctx, set.Thread(), class, find("<init>", "("+sigText+")V"), jdwp.SingleThreaded, c.text("wxctl")))(c.t)
	run := get(c.vm.Request(c.ctx, jdwp.Breakpoint, jdwp.SuspendThread, jdwp.At(jdwp.Location{Type: jdwp.TypeClass, Class: class, Method: find("run", "()V").ID}), jdwp.InThread(jdwp.ThreadID(made))))(c.t)
	get(c.vm.Invoke(c.ctx, set.Thread(), made, class, find("start", "()V"), jdwp.SingleThreaded))(c.t)
	if err := c.vm.Clear(c.ctx, message); err != nil {
		c.t.Fatal(err)
	}
	if err := c.vm.Release(c.ctx, set); err != nil {
		c.t.Fatal(err)
	}
	if set = get(c.vm.Next(c.ctx))(c.t); !set.Has(run) {
		c.t.Fatalf("event %+v", set)
	}
	c.thread = set.Thread()
}

func (c *caller) text(s string) jdwp.Value {
	c.t.Helper()
	return get(c.vm.NewString(c.ctx, s))(c.t)
}

func (c *caller) call(object jdwp.ObjectID, name, signature string, args ...jdwp.Value) jdwp.Value {
	c.t.Helper()
	return get(c.vm.Call(c.ctx, c.thread, object, name, signature, args...))(c.t)
}

func (c *caller) static(class, name, signature string, args ...jdwp.Value) jdwp.Value {
	c.t.Helper()
	id := get(c.vm.ClassesBySignature(c.ctx, "L"+strings.ReplaceAll(class, ".", "/")+";"))(c.t)[0].ID
	_, m, err := c.vm.FindMethod(c.ctx, id, name, signature)
	if err != nil {
		c.t.Fatal(err)
	}
	return get(c.vm.InvokeStatic(c.ctx, c.thread, id, m, jdwp.SingleThreaded, args...))(c.t)
}

// throws makes a call that ends with an exception of a class.
func (c *caller) throws(class string, object jdwp.ObjectID, name, signature string, args ...jdwp.Value) {
	c.t.Helper()
	_, err := c.vm.Call(c.ctx, c.thread, object, name, signature, args...)
	var thrown *jdwp.Thrown
	if !errors.As(err, &thrown) {
		c.t.Errorf("%s: %v instead of %s", name, err, class)
		return
	}
	if text := get(c.vm.Text(c.ctx, c.thread, thrown.Exception))(c.t); text != class && !strings.HasPrefix(text, class+": ") {
		c.t.Errorf("%s threw %q instead of %s", name, text, class)
	}
}

// An Intent that the system handed to an activity reaches it, even if the app
// ends the activity after the previous one.
func TestNoIntentIsLostWithItsActivity(t *testing.T) {
	for _, api := range []int{24, 34} {
		p := newPhone(t, Options{API: api})
		startDemo(t, p)
		held := make(chan struct{})
		p.Model.Post(func(context.Context) { <-held })
		launch(t, p, replyIntent(t, "one"))
		launch(t, p, replyIntent(t, "two"))
		close(held)
		awaitLog(t, p, `"transaction":"one"`)
		awaitLog(t, p, `"transaction":"two"`)
	}
}
