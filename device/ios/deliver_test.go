package ios_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/ios"
	"github.com/wxctl/wxctl/device/virtual/virtualios"
	"github.com/wxctl/wxctl/device/virtual/virtualios/idevice"
	"github.com/wxctl/wxctl/device/virtual/virtualios/lockdownd"
	"github.com/wxctl/wxctl/device/virtual/wechat"
	"github.com/wxctl/wxctl/fixtures/fault"
	"github.com/wxctl/wxctl/intents"
)

// patience limits waiting for what must come; no passing test waits that long.
const patience = 30 * time.Second

func timed(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// sharedKeys are those of all virtual phones of these tests: making them takes
// long.
var sharedKeys = sync.OnceValue(lockdownd.NewKeys)

// virtual opens a virtual iPhone whose user acts at once.
func virtual(t testing.TB, o virtualios.Options, faults *fault.Plan) (device.Phone, *virtualios.Phone) {
	t.Helper()
	o.Think = time.Microsecond
	server, err := virtualios.Start(t.Context(), virtualios.Config{Keys: sharedKeys(), Faults: faults.Strike}, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	backend := &ios.Backend{Server: ios.Server{Addr: server.USBMux}, Transport: device.Virtual}
	infos, err := backend.List(timed(t), "")
	if err != nil || len(infos) != 1 {
		t.Fatalf("%d phones, %v", len(infos), err)
	}
	phone, err := backend.Open(timed(t), infos[0])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { phone.Close() })
	return phone, server.Phones[0]
}

func webpage() intents.Request {
	return intents.Share{Common: intents.Common{Transaction: new("t1")}, Scene: intents.SceneSession,
		Message: intents.Message{Title: new("标题"), Object: intents.Webpage{URL: new("https://example.com/")}}}
}

// code is the kind of an error, "" for none.
func code(err error) device.Code {
	if e := device.AsError(err); e != nil {
		return e.Code
	}
	return ""
}

// saw reports whether there is evidence that holds a text.
func saw(o *device.Outcome, text string) bool {
	return slices.ContainsFunc(o.Evidence, func(e device.Evidence) bool { return strings.Contains(e.What, text) })
}

var requests = []intents.Request{
	webpage(),
	intents.Auth{Scope: new("snsapi_userinfo"), State: new("s 1&2")},
	intents.LaunchMiniProgram{UserName: new("gh_0123456789ab"), Path: new("pages/i?a=1"), ExtMsg: new("")},
	intents.SubscribeMessage{Scene: 1000, TemplateID: new("tpl"), Reserved: new("r1")},
}

// TestByWDA sends each kind of request through a WebDriverAgent, and reads its
// reply from the log of the app's hook.
func TestByWDA(t *testing.T) {
	for _, version := range []string{"16.7.2", "15.8"} {
		phone, model := virtual(t, virtualios.Options{IOS: version, WDA: virtualios.WDAOn}, nil)
		for _, req := range requests {
			t.Run(version+" "+string(req.Kind()), func(t *testing.T) {
				out, err := phone.Deliver(timed(t), device.Job{Request: req, Until: device.Replied})
				if version < "16" {
					if code(err) != device.Refused || out.State != device.NotSent || !strings.Contains(device.AsError(err).Hint, "--route bridge") {
						t.Errorf("%v, state %v", err, out.State)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if out.Route != device.RouteURL || !strings.Contains(out.RouteReason, "WebDriverAgent on port 8100") {
					t.Errorf("route %s: %s", out.Route, out.RouteReason)
				}
				if out.State != device.Replied || out.Reply == nil || out.Reply.ErrCode != 0 || !*out.Status {
					t.Errorf("state %v, reply %+v, evidence %+v", out.State, out.Reply, out.Evidence)
				}
				if req.Kind() == intents.KindAuth && (out.Reply.Code == "" || out.Reply.State == "") {
					t.Errorf("login answered %+v", out.Reply)
				}
			})
		}
		t.Run(version+" bridge", func(t *testing.T) {
			out, err := phone.Deliver(timed(t), device.Job{Request: webpage(), Route: device.RouteBridge, Until: device.Replied})
			if err != nil {
				t.Fatal(err)
			}
			if out.State != device.Replied || out.Reply.ErrCode != 0 {
				t.Errorf("state %v, reply %+v", out.State, out.Reply)
			}
			p, _ := model.Model.Process(virtualios.DemoBundleID)
			byArgument := slices.ContainsFunc(p.Args, func(s string) bool { return strings.HasPrefix(s, "wxctl"+virtualios.DemoAppID+"://") })
			if byArgument != (version < "16") {
				t.Errorf("iOS %s: the app was started with %q", version, p.Args)
			}
		})
	}
}

// TestOpened waits for WeChat to be in front, and no longer.
func TestOpened(t *testing.T) {
	phone, _ := virtual(t, virtualios.Options{IOS: "16.4", WDA: virtualios.WDAOn, Answer: wechat.Stay}, nil)
	out, err := phone.Deliver(timed(t), device.Job{Request: webpage(), Until: device.Opened, App: device.AppIdentity{BundleID: virtualios.DemoBundleID}})
	if err != nil || out.State != device.Opened || out.ScreenAfter != "com.tencent.xin" || out.Reply != nil || out.Status != nil {
		t.Fatalf("%v: state %v, screen %q, evidence %+v", err, out.State, out.ScreenAfter, out.Evidence)
	}
	if !saw(out, "which of its screens is shown can't be seen over USB") {
		t.Errorf("evidence %+v", out.Evidence)
	}
	for _, want := range []string{"the scheme is opened", "未验证应用", "caller token"} {
		if !slices.ContainsFunc(out.Differences, func(s string) bool { return strings.Contains(s, want) }) {
			t.Errorf("no difference says %q: %q", want, out.Differences)
		}
	}
}

// TestAnswers has the user cancel and refuse.
func TestAnswers(t *testing.T) {
	for answer, want := range map[wechat.Answer]int{wechat.Cancel: -2, wechat.Deny: -4} {
		phone, _ := virtual(t, virtualios.Options{IOS: "16.7", WDA: virtualios.WDAOn, Answer: answer}, nil)
		out, err := phone.Deliver(timed(t), device.Job{Request: requests[1], Until: device.Replied})
		if code(err) != device.RefusedByWeChat || out.Reply == nil || out.Reply.ErrCode != want {
			t.Errorf("%s: %v, reply %+v", answer, err, out.Reply)
		}
	}
}

// TestRefused: what can't be sent is refused before anything is opened.
func TestRefused(t *testing.T) {
	share := device.Job{Request: webpage()}
	images := device.Job{Request: intents.Share{Message: intents.Message{Object: intents.Images{}}}}
	with := func(j device.Job, f func(*device.Job)) device.Job { f(&j); return j }
	for _, tt := range []struct {
		name    string
		options virtualios.Options
		job     device.Job
		code    device.Code
		says    string
	}{
		{"images", virtualios.Options{}, images, device.Refused, "Android only"},
		{"sdk route", virtualios.Options{}, with(share, func(j *device.Job) { j.Route = device.RouteSDK }), device.Refused, "does not work on iPhones"},
		{"back", virtualios.Options{}, with(share, func(j *device.Job) { j.After = device.AfterBack }), device.Refused, "no back key"},
		{"another form of film", virtualios.Options{}, with(share, func(j *device.Job) {
			j.Hooks.Record = func() (io.WriteCloser, error) { return nil, errors.New("never") }
			j.Hooks.Film = func(f device.FilmForm) error {
				return device.Errorf(device.Usage, "a %s film", f).WithHint("another name")
			}
		}), device.Usage, "a gif film"},
		{"empty text", virtualios.Options{}, device.Job{Request: intents.Share{Message: intents.Message{Object: intents.Text{Text: new("")}}}}, device.Refused, "the SDK would refuse this"},
		{"no WeChat", virtualios.Options{Without: true}, share, device.WeChatMissing, "not installed"},
		{"old WeChat", virtualios.Options{WeChat: wechat.Version{Major: 8, Minor: 0, Patch: 23}}, share, device.WeChatTooOld, "8.0.24 is needed"},
		{"no such app", virtualios.Options{}, with(share, func(j *device.Job) { j.App.BundleID = "com.example.no" }), device.Refused, "not installed"},
		{"old SDK", virtualios.Options{}, with(share, func(j *device.Job) { j.SDKVersion = "1.8.7.1" }), device.Refused, "pasteboard"},
		{"iOS 14", virtualios.Options{IOS: "14.8"}, share, device.Refused, "iOS 14.8"},
		{"iOS 15", virtualios.Options{IOS: "15.8"}, device.Job{Request: requests[1]}, device.Refused, "can't open URLs"},
		{"no WDA", virtualios.Options{IOS: "16.7"}, share, device.PhoneNotReady, "no WebDriverAgent listens on port 8100"},
		{"locked", virtualios.Options{IOS: "16.7", WDA: virtualios.WDAOn}, share, device.PhoneNotReady, "locked"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			phone, model := virtual(t, tt.options, nil)
			if tt.name == "locked" {
				model.Model.SetLocked(true)
			}
			out, err := phone.Deliver(timed(t), tt.job)
			e := device.AsError(err)
			if code(err) != tt.code || !strings.Contains(e.Message, tt.says) || e.Hint == "" {
				t.Fatalf("%v (%s), hint %q", err, code(err), e.Hint)
			}
			if out.State != device.NotSent || out.Error == nil || out.Status == nil || *out.Status {
				t.Errorf("state %v, error %+v, status %v", out.State, out.Error, out.Status)
			}
			if front := model.Model.Front(); front.BundleID != idevice.SpringBoard {
				t.Errorf("%s is in front", front.BundleID)
			}
		})
	}
}

// TestForgedReplies: every kind of reply reaches the app with its values.
func TestForgedReplies(t *testing.T) {
	phone, _ := virtual(t, virtualios.Options{IOS: "16.7", WDA: virtualios.WDAOn, Without: true}, nil)
	for _, reply := range []intents.Reply{
		intents.ShareReply{Result: intents.Result{ErrCode: -2}},
		intents.AuthReply{Result: intents.Result{ErrCode: 0}, Code: new("C0DE"), State: new("s"), Lang: new("zh_CN"), Country: new("CN")},
		intents.LaunchReply{ExtMsg: new("hello 你好")},
		intents.SubscribeReply{TemplateID: new("tpl"), Scene: 7, Action: new("confirm"), Reserved: new("r")},
	} {
		replier, ok := device.As[device.Replier](phone)
		if !ok {
			t.Fatal("an iPhone can't forge replies")
		}
		out, err := replier.Reply(timed(t), device.ReplyJob{Reply: reply, Until: device.Replied})
		if err != nil {
			t.Fatalf("%s: %v", reply.Kind(), err)
		}
		want := device.NewReply(reply)
		if out.State != device.Replied || out.Reply.ErrCode != want.ErrCode || out.Reply.Code != want.Code || out.Reply.ExtMsg != want.ExtMsg || out.Reply.Action != want.Action {
			t.Errorf("%s: %v, reply %+v, want %+v", reply.Kind(), out.State, out.Reply, want)
		}
	}
	model := idevice.App{BundleID: "com.example.release", Name: "Release", Schemes: []string{"wxfedcba9876543210"}}
	_, virtualPhone := virtual(t, virtualios.Options{}, nil)
	virtualPhone.Model.Install(model)
	other, releasePhone := virtual(t, virtualios.Options{IOS: "16.7", WDA: virtualios.WDAOn}, nil)
	releasePhone.Model.Install(model)
	replier, _ := device.As[device.Replier](other)
	_, err := replier.Reply(timed(t), device.ReplyJob{Reply: intents.ShareReply{}, App: device.AppIdentity{BundleID: "com.example.release"}})
	if code(err) != device.Refused || !strings.Contains(err.Error(), "not debuggable") {
		t.Errorf("a reply into a release build: %v", err)
	}
}

// TestWatchReplies: replies that come during a watch are reported.
func TestWatchReplies(t *testing.T) {
	phone, model := virtual(t, virtualios.Options{IOS: "16.7", WDA: virtualios.WDAOn}, nil)
	watcher, ok := device.As[device.Watcher](phone)
	if !ok {
		t.Fatal("an iPhone can't report replies")
	}
	ctx, stop := context.WithCancel(timed(t))
	ready, seen := make(chan struct{}), make(chan device.SeenReply)
	done := make(chan error, 1)
	go func() {
		done <- watcher.WatchReplies(ctx, device.WatchJob{Ready: func() { close(ready) }, Seen: func(s device.SeenReply) { seen <- s }})
	}()
	<-ready
	// Only lines of the app itself count.
	model.Model.Log(idevice.Line{Process: model.Model.Front(), Message: `wxctl-reply: {"kind":"share","errCode":-1,"errStr":null,"transaction":null,"openId":null}`})
	if _, err := model.Model.OpenURL(ctx, virtualios.DemoAppID+"://oauth?code=C1&state=s", ""); err != nil {
		t.Fatal(err)
	}
	got := <-seen
	stop()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if got.Reply == nil || got.Reply.Code != "C1" || got.App.BundleID != virtualios.DemoBundleID || got.At.IsZero() {
		t.Errorf("%+v", got)
	}
}

// A watch reports nothing that came before it said that it began, and misses
// nothing after.
func TestWatchBegins(t *testing.T) {
	phone, model := virtual(t, virtualios.Options{}, nil)
	watcher, _ := device.As[device.Watcher](phone)
	callBack := func(ctx context.Context, code string) {
		if _, err := model.Model.OpenURL(ctx, virtualios.DemoAppID+"://oauth?code="+code+"&state=s", ""); err != nil {
			t.Error(err)
		}
	}
	for i := range 20 {
		ctx, stop := context.WithCancel(timed(t))
		before, after := fmt.Sprint("B", i), fmt.Sprint("A", i)
		// The app logs its reply some time after the URL was opened.
		from := model.Model.LogEnd()
		callBack(ctx, before)
		logged(t, ctx, model, from, before)
		var got []string
		err := watcher.WatchReplies(ctx, device.WatchJob{
			Ready: func() { callBack(ctx, after) },
			Seen: func(s device.SeenReply) {
				got = append(got, s.Reply.Code)
				stop()
			},
		})
		stop()
		if !errors.Is(err, context.Canceled) || !slices.Equal(got, []string{after}) {
			t.Errorf("%q, %v; want %q alone", got, err, after)
		}
	}
}

// logged waits until a line of the phone's log, from a number on, holds a text.
func logged(t *testing.T, ctx context.Context, phone *virtualios.Phone, from int, text string) {
	t.Helper()
	for {
		lines, next, err := phone.Model.LogSince(ctx, from)
		if err != nil {
			t.Fatalf("%q was not logged: %v", text, err)
		}
		for _, line := range lines {
			if strings.Contains(line.Message, text) {
				return
			}
		}
		from = next
	}
}

type buffer struct{ bytes.Buffer }

func (buffer) Close() error { return nil }

// TestAfter takes a picture and leaves the phone as requested.
func TestAfter(t *testing.T) {
	var picture buffer
	phone, model := virtual(t, virtualios.Options{IOS: "16.7", WDA: virtualios.WDAOn, Answer: wechat.Stay}, nil)
	hooks := device.Hooks{Screenshot: func() (io.WriteCloser, error) { return &picture, nil }}
	if _, err := phone.Deliver(timed(t), device.Job{Request: webpage(), Until: device.Opened, After: device.AfterHome, Hooks: hooks}); err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(picture.Bytes(), []byte("\x89PNG")) {
		t.Errorf("the picture begins with %.8q", picture.Bytes())
	}
	if front := model.Model.Front().BundleID; front != idevice.SpringBoard {
		t.Errorf("%s is in front", front)
	}
	if _, err := phone.Deliver(timed(t), device.Job{Request: webpage(), Until: device.Opened, After: device.AfterStopWeChat}); err != nil {
		t.Fatal(err)
	}
	if _, runs := model.Model.Process("com.tencent.xin"); runs {
		t.Error("WeChat still runs")
	}
}
