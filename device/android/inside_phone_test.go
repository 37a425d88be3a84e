package android

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/android/agent"
	"github.com/wxctl/wxctl/device/android/jdwp"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
	"github.com/wxctl/wxctl/device/virtual/wechat"
	"github.com/wxctl/wxctl/fixtures/jdwptest"
	"github.com/wxctl/wxctl/fixtures/wait"
	"github.com/wxctl/wxctl/intents"
	"github.com/wxctl/wxctl/intents/androidwire"
)

// openDemo brings the demo app to the front and returns its process.
func openDemo(t testing.TB, l *lab) phone.Process {
	t.Helper()
	in := androidwire.Intent{Component: virtualandroid.DemoPackage + "/" + virtualandroid.DemoPackage + ".MainActivity", Flags: androidwire.FlagNewTask}
	if code, err := l.Model.StartActivity(t.Context(), phone.StartRequest{UID: phone.ShellUID, Package: "com.android.shell", Intent: in}); err != nil || code < 0 {
		t.Fatal(code, err)
	}
	if err := l.Model.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	p, ok := l.Model.Process(virtualandroid.DemoPackage, l.Model.Package(virtualandroid.DemoPackage).UID(0))
	if !ok {
		t.Fatal("the demo app does not run")
	}
	return p
}

// bounded is a context whose end means that a test hangs.
func bounded(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func scene(n int) *int { return &n }

// WeChat's answers, as they are read in the app and as the module would have
// reported them: reply, status, err and events, field by field.
func TestRepliesReadInside(t *testing.T) {
	t.Parallel()
	share := page(intents.SceneSession)
	share.Transaction = new("t-1")
	auth := intents.Auth{Common: intents.Common{Transaction: new("t-1")}, Scope: new("snsapi_userinfo"), State: new("s")}
	launch := intents.LaunchMiniProgram{UserName: new("gh_1"), ExtMsg: new("hello")}
	subscribe := intents.SubscribeMessage{Scene: 7, TemplateID: new("T"), Reserved: new("r")}
	old := wechat.Version{Major: 6, Minor: 5, Patch: 23}
	openID := "oVirtual0000000000000000user"
	type want struct {
		reply  device.Reply
		err    device.ModuleError
		events []device.Event
		code   device.Code
	}
	for _, tt := range []struct {
		name    string
		options virtualandroid.Options
		request intents.Request
		route   device.Route // that was accepted
		want    want
	}{
		{"share sent", virtualandroid.Options{}, share, device.RouteSDK,
			want{device.Reply{Transaction: "t-1", OpenID: openID}, device.ModuleError{Code: 0, Msg: "ok"}, []device.Event{}, ""}},
		{"share cancelled, as WeChat tells it since 6.7.2", virtualandroid.Options{Answer: wechat.Cancel}, share, device.RouteSDK,
			want{device.Reply{Transaction: "t-1", OpenID: openID}, device.ModuleError{Code: 0, Msg: "ok"}, []device.Event{}, ""}},
		{"share cancelled", virtualandroid.Options{Answer: wechat.Cancel, WeChat: old}, share, device.RouteSDK,
			want{device.Reply{ErrCode: -2, Transaction: "t-1", OpenID: openID}, device.ModuleError{Code: 2, Msg: "the user cancelled"}, []device.Event{}, device.RefusedByWeChat}},
		{"login denied", virtualandroid.Options{Answer: wechat.Deny}, auth, device.RouteSDK,
			want{device.Reply{ErrCode: -4, Transaction: "t-1", OpenID: openID, State: "s", Lang: "zh_CN"}, device.ModuleError{Code: 2, Msg: "the user refused"}, []device.Event{}, device.RefusedByWeChat}},
		{"login cancelled", virtualandroid.Options{Answer: wechat.Cancel}, auth, device.RouteSDK,
			want{device.Reply{ErrCode: -2, Transaction: "t-1", OpenID: openID, State: "s", Lang: "zh_CN"}, device.ModuleError{Code: 1, Msg: "the user cancelled"}, []device.Event{}, device.RefusedByWeChat}},
		{"launch", virtualandroid.Options{}, launch, device.RouteApp,
			want{device.Reply{OpenID: openID, ExtMsg: "hello"}, device.ModuleError{Code: 0, Msg: "ok"}, []device.Event{{EventType: "back", ExtMsg: new("hello")}}, ""}},
		{"subscribe", virtualandroid.Options{}, subscribe, device.RouteApp,
			want{device.Reply{OpenID: openID, TemplateID: "T", Scene: scene(7), Action: "confirm", Reserved: "r"}, device.ModuleError{Code: 0, Msg: "ok"},
				[]device.Event{{EventType: "start"}, {EventType: "back", TemplateID: new("T"), Action: new("confirm"), OpenID: &openID, Reserved: new("r"), Scene: scene(7)}}, ""}},
		{"subscribe cancelled", virtualandroid.Options{Answer: wechat.Cancel}, subscribe, device.RouteApp,
			want{device.Reply{OpenID: openID, TemplateID: "T", Scene: scene(7), Action: "cancel", Reserved: "r"}, device.ModuleError{Code: 0, Msg: "ok"},
				[]device.Event{{EventType: "start"}, {EventType: "backError", TemplateID: new("T"), Action: new("cancel"), OpenID: &openID, Reserved: new("r"), Scene: scene(7)}}, device.RefusedByWeChat}},
	} {
		for _, api := range []int{24, 28, 34, 37} {
			t.Run(fmt.Sprint(tt.name, " on ", api), func(t *testing.T) {
				t.Parallel()
				o := tt.options
				o.API = api
				l := newLab(t, o)
				l.backend.Options.HookedDebugger = wait.Plenty // there is no other debugger, however slow the machine
				l.warm(t)
				openDemo(t, l)
				out, err := l.open(t).Deliver(bounded(t), device.Job{Request: tt.request, Until: device.Replied})
				if code(err) != tt.want.code || out.State != device.Replied || out.Route != tt.route {
					t.Fatalf("%v, state %v by %s (%s), seen %q", err, out.State, out.Route, out.RouteReason, whats(out))
				}
				last := out.Evidence[len(out.Evidence)-1]
				if last.Source != sourceInside || !strings.Contains(last.What, "was paused for") {
					t.Errorf("the reply was seen in %q: %s", last.Source, last.What)
				}
				got := want{*out.Reply, *out.Err, out.Events, tt.want.code}
				got.reply.URL = "" // holds the code
				if !reflect.DeepEqual(got, tt.want) || *out.Status != (tt.want.err.Code == 0 && code(err) == "" || out.Err.Code == 0) {
					t.Errorf("got\n%+v, status %t\nwant\n%+v", got, *out.Status, tt.want)
				}
			})
		}
	}
}

// Without an answer there is no reply, and the module's callback gets nothing.
func TestNoReplyInside(t *testing.T) {
	for _, o := range []virtualandroid.Options{{Answer: wechat.Stay}, {LoggedOut: true}} {
		l := newLab(t, o)
		l.warm(t)
		openDemo(t, l)
		ctx, cancel := context.WithCancel(bounded(t))
		defer cancel()
		out, err := l.open(t).Deliver(ctx, device.Job{Request: page(intents.SceneSession), Until: device.Replied, Hooks: device.Hooks{Seen: func(e device.Evidence) {
			if strings.HasPrefix(e.What, "chat picker") || strings.HasPrefix(e.What, "WeChat asks to log in") {
				cancel() // nothing else will come
			}
		}}})
		if code(err) != device.Interrupted || out.State < device.Delivered || out.Reply != nil || out.Status != nil || out.Err != nil {
			t.Errorf("%v, state %v, reply %+v", err, out.State, out.Reply)
		}
	}
}

// A reply to something else that reaches the app meanwhile is shown as such.
func TestReplyOfOthers(t *testing.T) {
	l := newLab(t, virtualandroid.Options{Answer: wechat.Stay})
	l.warm(t)
	openDemo(t, l)
	other, err := androidwire.EncodeReply(intents.ShareReply{Result: intents.Result{Transaction: new("t-other")}}, androidwire.Receiver{Package: virtualandroid.DemoPackage})
	if err != nil {
		t.Fatal(err)
	}
	ours := other
	ours.Extras = slices.Clone(other.Extras)
	ours.Extras.Set("_wxapi_baseresp_transaction", androidwire.String("t-1"))
	request := page(intents.SceneSession)
	request.Transaction = new("t-1")
	send := func(in androidwire.Intent) {
		if _, err := l.Model.StartActivity(t.Context(), phone.StartRequest{UID: phone.ShellUID, Package: "com.android.shell", Intent: in}); err != nil {
			t.Error(err)
		}
	}
	ctx := bounded(t)
	out, err := l.open(t).Deliver(ctx, device.Job{Request: request, Until: device.Replied, Hooks: device.Hooks{Seen: func(e device.Evidence) {
		switch {
		case strings.HasPrefix(e.What, "chat picker"):
			go send(other)
		case strings.Contains(e.What, "t-other") && e.Source == sourceInside:
			go send(ours)
		}
	}}})
	if err != nil || out.Reply.Transaction != "t-1" {
		t.Errorf("%v, %+v, seen %q", err, out.Reply, whats(out))
	}
}

// slowLog is an agent that reports the logged screens of mini programs late.
type slowLog struct{ phone.Program }

func (s slowLog) Run(ctx context.Context, p *phone.Phone, env phone.ProgramEnv) int {
	env.Stdout = slowWriter{env.Stdout}
	return s.Program.Run(ctx, p, env)
}

type slowWriter struct{ io.Writer }

func (w slowWriter) Write(b []byte) (int, error) {
	if bytes.Contains(b, []byte("wm_create_activity")) && bytes.Contains(b, []byte("AppBrand")) {
		time.Sleep(200 * time.Millisecond)
	}
	return w.Writer.Write(b)
}

// The screen is the last one before the reply, also if the log arrives later
// than what is read in the app.
func TestScreenBeforeReply(t *testing.T) {
	t.Parallel()
	l := newLab(t, virtualandroid.Options{})
	l.warm(t)
	openDemo(t, l)
	l.Model.RegisterProgram(agent.Class, slowLog{l.Model.Program(agent.Class)})
	out, err := l.open(t).Deliver(bounded(t), device.Job{Request: intents.LaunchMiniProgram{UserName: new("gh_1")}, Until: device.Replied})
	if err != nil || out.Screen != device.ScreenMiniProgram {
		t.Fatalf("%v, screen %q, seen %q", err, out.Screen, whats(out))
	}
	if last := out.Evidence[len(out.Evidence)-1]; last.Source != sourceInside {
		t.Errorf("the reply was seen in %q: %s", last.Source, last.What)
	}
}

// With --route app, shares and logins carry WeChat's token, which a strict
// WeChat requires.
func TestRouteApp(t *testing.T) {
	t.Parallel()
	for _, api := range []int{24, 27, 28, 30, 34, 37} {
		t.Run(fmt.Sprint(api), func(t *testing.T) {
			t.Parallel()
			l := newLab(t, virtualandroid.Options{API: api, Strict: true})
			l.warm(t)
			p := l.open(t)
			for _, request := range []intents.Request{page(intents.SceneSession), intents.Auth{Scope: new("snsapi_userinfo")}} {
				out, err := p.Deliver(bounded(t), device.Job{Request: request, Route: device.RouteApp, Until: device.Replied})
				if err != nil || out.Reply.ErrCode != 0 || !strings.Contains(whats(out), "WeChat gave the app a token") {
					t.Errorf("%s: %v, %q", request.Kind(), err, whats(out))
				}
			}
		})
	}
}

// meteredPhone counts what the last debugger of its VMs sends.
type meteredPhone struct {
	*virtualandroid.Phone
	vm *jdwptest.Counted
}

func (m *meteredPhone) Dial(ctx context.Context, service string) (io.ReadWriteCloser, error) {
	conn, err := m.Phone.Dial(ctx, service)
	m.vm = jdwptest.Count(conn)
	return m.vm, err
}

// The cost of the app route, and how short the app is stopped for it.
func TestCostOfRouteApp(t *testing.T) {
	l := newLab(t, virtualandroid.Options{})
	phone := &meteredPhone{Phone: l.Phone}
	l.server.Add(phone) // in its place
	l.warm(t)
	openDemo(t, l)
	commands := map[string]int{}
	for name, request := range map[string]intents.Request{"launch": intents.LaunchMiniProgram{UserName: new("gh_1")}, "share": page(intents.SceneSession)} {
		p := l.open(t)
		d := p.newDelivery(device.Job{Request: request, Route: device.RouteApp, Until: device.Delivered})
		if err := d.run(bounded(t)); err != nil {
			t.Fatal(err)
		}
		commands[name] = phone.vm.Packets()
		d.inside.close()
		openDemo(t, l)
	}
	// Most of it is finding classes and methods, which is done in one batch,
	// and sometimes twice.
	for name, most := range map[string]int{"launch": 120, "share": 260} {
		if commands[name] > most {
			t.Errorf("%s takes %d commands of the VM, of which %d are allowed", name, commands[name], most)
		}
	}
	t.Log(commands)
}

// An app with the hook that another debugger is attached to is not waited for:
// the reply, or the request, goes by the hook, with a note. Only the app route
// waits for the debugger.
func TestDebuggerIsThere(t *testing.T) {
	t.Parallel()
	for _, api := range []int{27, 34} {
		l := newLab(t, virtualandroid.Options{Debugged: true, API: api})
		l.warm(t)
		openDemo(t, l)
		l.backend.Options.HookedDebugger = silentTime // so that there is no note about waiting
		var notes []string
		note := device.Hooks{Note: func(n device.Note) { notes = append(notes, n.Message+" / "+n.Hint) }}
		out, err := l.open(t).Deliver(bounded(t), device.Job{Request: page(intents.SceneSession), Until: device.Replied, Hooks: note})
		if err != nil || out.Evidence[len(out.Evidence)-1].Source != sourceApp {
			t.Errorf("API %d: %v, seen %q", api, err, whats(out))
		}
		noted := func(want ...string) {
			t.Helper()
			if !slices.EqualFunc(notes, want, func(got, want string) bool {
				return strings.Contains(got, "another debugger (Android Studio?) is attached") && strings.Contains(got, want)
			}) {
				t.Errorf("API %d: notes %q", api, notes)
			}
			notes = nil
		}
		noted("; the reply is read only if")
		launch := intents.LaunchMiniProgram{UserName: new("gh_1")}
		out, err = l.open(t).Deliver(bounded(t), device.Job{Request: launch, Until: device.Opened, Hooks: note})
		if err != nil || out.Route != device.RouteBridge || !strings.Contains(out.RouteReason, "another debugger") {
			t.Errorf("API %d: %v, by %s: %s", api, err, out.Route, out.RouteReason)
		}
		noted()
		p := l.open(t)
		p.options.OtherDebugger = func(time.Duration) time.Duration { return silentTime + 10*time.Millisecond }
		_, err = p.Deliver(bounded(t), device.Job{Request: launch, Route: device.RouteApp, Until: device.Opened, Hooks: note})
		if code(err) != device.PhoneNotReady {
			t.Errorf("API %d: route app: %v", api, err)
		}
		if api >= 28 {
			noted("; waiting for it")
		} else {
			noted()
		}
	}
}

// Another debugger that leaves in time is waited for.
func TestDebuggerLeaves(t *testing.T) {
	t.Parallel()
	l := newLab(t, virtualandroid.Options{Hookless: true})
	l.warm(t)
	process := openDemo(t, l)
	other := attachTo(t, l, process.PID)
	var told int
	out, err := l.open(t).Deliver(bounded(t), device.Job{Request: page(intents.SceneSession), Until: device.Replied, Hooks: device.Hooks{Note: func(n device.Note) {
		if strings.Contains(n.Message, fmt.Sprint(process.PID)) && strings.Contains(n.Message, "another debugger") {
			told++
			if err := other.Close(); err != nil {
				t.Error(err)
			}
		}
	}}})
	if err != nil || told != 1 || out.Evidence[len(out.Evidence)-1].Source != sourceInside {
		t.Errorf("%v, told %d times, seen %q", err, told, whats(out))
	}
}

func attachTo(t *testing.T, l *lab, pid int) jdwptest.VM {
	t.Helper()
	conn, err := l.Dial(t.Context(), fmt.Sprint("jdwp:", pid))
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

// How long another debugger is waited for: half of the remaining time.
func TestPatience(t *testing.T) {
	if got := (&Backend{}).open(device.Info{}).options.OtherDebugger(30 * time.Second); got != 15*time.Second {
		t.Error(got)
	}
}

// An app that dies while it is inspected is reported, whatever the reason.
func TestAppDiesInside(t *testing.T) {
	l := newLab(t, virtualandroid.Options{Answer: wechat.Stay})
	l.warm(t)
	process := openDemo(t, l)
	ctx, cancel := context.WithCancel(bounded(t))
	defer cancel()
	want := fmt.Sprintf("the app's process %d ended", process.PID)
	out, err := l.open(t).Deliver(ctx, device.Job{Request: page(intents.SceneSession), Until: device.Replied, Hooks: device.Hooks{Seen: func(e device.Evidence) {
		switch {
		case strings.HasPrefix(e.What, "chat picker"):
			go l.Model.Abort(process.PID, 11, "a field id that is none")
		case strings.HasPrefix(e.What, want):
			cancel() // nothing else will come
		}
	}}})
	if code(err) != device.Interrupted || !strings.Contains(whats(out), want) {
		t.Errorf("%v, seen %q", err, whats(out))
	}
	if _, ok := l.Model.Process(process.Name, process.UID); ok {
		t.Error("the process runs on")
	}
	entries, _ := l.Model.Log.Read(0, phone.LogCrash)
	if len(entries) != 1 || !strings.Contains(entries[0].Text, "signal 11 (SIGSEGV)") {
		t.Errorf("logged %+v", entries)
	}
	err = vmError(fmt.Errorf("ObjectReference.GetValues: %w", jdwp.ErrLost))
	if code(err) != device.Failed || !strings.Contains(err.Error(), "the app's process ended while wxctl worked in it") {
		t.Error(err)
	}
}

// Five hundred replies are read in the same process, without harm to it.
func TestManyReplies(t *testing.T) {
	t.Parallel()
	replies := 500
	if testing.Short() {
		replies = 50
	}
	l := newLab(t, virtualandroid.Options{})
	l.warm(t)
	process := openDemo(t, l)
	p := l.open(t)
	ctx := bounded(t)
	in := p.enter(ctx, &agent.App{Package: virtualandroid.DemoPackage, UID: process.UID}, []string{virtualandroid.DemoEntry})
	defer in.close()
	in.attachAll(ctx, []int{process.PID}, func(err error) { t.Error(err) })
	for n := range replies {
		transaction := fmt.Sprint("t-", n)
		reply, err := androidwire.EncodeReply(intents.ShareReply{Result: intents.Result{Transaction: &transaction}}, androidwire.Receiver{Package: virtualandroid.DemoPackage})
		if err != nil {
			t.Fatal(err)
		}
		reply.Flags = androidwire.FlagNewTask
		if _, err := l.Model.StartActivity(t.Context(), phone.StartRequest{UID: phone.ShellUID, Package: "com.android.shell", Intent: reply}); err != nil {
			t.Fatal(err)
		}
		select {
		case <-in.arrived():
		case <-ctx.Done():
			t.Fatalf("reply %d was not read", n)
		}
		c, ok := in.take()
		if !ok || c.err != nil || *c.extras.Get("_wxapi_baseresp_transaction").Text() != transaction {
			t.Fatalf("reply %d: %+v", n, c)
		}
	}
	if now, ok := l.Model.Process(process.Name, process.UID); !ok || now.PID != process.PID {
		t.Errorf("the app runs as %+v, %t", now, ok)
	}
}

// Two hundred inspections of the app leave nothing: no goroutine here, and no
// debugger and no thread of wxctl in the app.
func TestNothingStaysInside(t *testing.T) {
	l := newLab(t, virtualandroid.Options{Answer: wechat.Stay})
	l.warm(t)
	process := openDemo(t, l)
	p := l.open(t)
	launch := intents.LaunchMiniProgram{UserName: new("gh_1")}
	before := 0
	for n := range 200 {
		job := device.Job{Request: launch, Until: device.Delivered, Route: device.RouteApp}
		if out, err := p.Deliver(bounded(t), job); err != nil {
			t.Fatal(n, err, whats(out))
		}
		openDemo(t, l)
		if n == 20 {
			before = runtime.NumGoroutine()
		}
	}
	// The phone's side of a connection ends a moment after ours.
	for deadline := time.Now().Add(time.Minute); runtime.NumGoroutine() > before+5; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines after 20 looks, %d after 200", before, runtime.NumGoroutine())
		}
	}
	vm := attachTo(t, l, process.PID) // no other debugger is attached
	threads, err := vm.Threads(bounded(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range threads {
		if name, err := vm.ThreadName(bounded(t), id); err == nil && name == "wxctl" {
			t.Error("a thread of wxctl's is left in the app")
		}
	}
}

// A login right after a subscription whose page was not answered yet: the
// login's page is in front, so it is answered first.
func TestLoginAfterSubscribe(t *testing.T) {
	t.Parallel()
	for _, api := range []int{28, 34} {
		l := newLab(t, virtualandroid.Options{API: api, Think: 50 * time.Millisecond})
		l.warm(t)
		openDemo(t, l)
		subscribe := intents.SubscribeMessage{Scene: 1, TemplateID: new("abc"), Reserved: new("x")}
		if out, err := l.open(t).Deliver(bounded(t), device.Job{Request: subscribe, Until: device.Opened}); err != nil {
			t.Fatal(err, whats(out))
		}
		login := intents.Auth{Common: intents.Common{Transaction: new("t-1")}, Scope: new("snsapi_userinfo"), State: new("s")}
		out, err := l.open(t).Deliver(bounded(t), device.Job{Request: login, Until: device.Replied})
		if err != nil || out.Reply == nil || out.Reply.Code == "" {
			t.Errorf("API %d: %v, %+v, seen %q", api, err, out.Reply, whats(out))
		}
	}
}
