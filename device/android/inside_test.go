package android

import (
	"context"
	"errors"
	"fmt"
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
	"github.com/wxctl/wxctl/intents"
	"github.com/wxctl/wxctl/intents/androidwire"
)

func TestParseProcesses(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		uid        int
		want       []process
	}{
		{"toybox", "  PID   UID NAME\n    1     0 init\n 4242 10200 com.example.wxdemo\n 4250 10200 com.example.wxdemo:push\n 4251 10201 com.example.other\n", 10200,
			[]process{{4242, "com.example.wxdemo"}, {4250, "com.example.wxdemo:push"}}},
		{"toolbox (Android 7)", "USER      PID   PPID  VSIZE  RSS   WCHAN            PC  NAME\nroot      1     0     8904   776   SyS_epoll_ 00000000 S /init\nu0_a200   4242  612   1500000 90000 SyS_epoll_ 00000000 S com.example.wxdemo\n", 10200,
			[]process{{4242, "com.example.wxdemo"}}},
		{"a clone's", "PID UID NAME\n7 10200 com.example.wxdemo\n8 99910200 com.example.wxdemo\n", 99910200, []process{{8, "com.example.wxdemo"}}},
		{"nothing", "", 10200, nil},
		{"no head", "4242 10200 com.example.wxdemo\n", 10200, nil},
		{"cut off", "PID UID NAME\n4242\n", 10200, nil},
		{"no number", "PID UID NAME\nx 10200 com.example.wxdemo\n", 10200, nil},
	} {
		if got := parseProcesses(tt.text, tt.uid); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// Whatever a phone prints, the processes found in it have numbers and the app's
// uid.
func FuzzParseProcesses(f *testing.F) {
	f.Add("PID UID NAME\n4242 10200 com.example.wxdemo\n")
	f.Add("USER PID PPID VSIZE RSS WCHAN PC NAME\nu0_a200 1 1 1 1 x 0 S y\n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, p := range parseProcesses(text, 10200) {
			if p.name == "" || !strings.Contains(text, p.name) {
				t.Errorf("%+v", p)
			}
		}
	})
}

func TestIntentURI(t *testing.T) {
	for _, tt := range []struct {
		name string
		in   androidwire.Intent
		want string
	}{
		{"nothing", androidwire.Intent{}, "intent:#Intent;end"},
		{"component and flags", androidwire.Intent{Component: "com.tencent.mm/com.tencent.mm.A", Flags: 0x18000000},
			"intent:#Intent;launchFlags=0x18000000;component=com.tencent.mm%2Fcom.tencent.mm.A;end"},
		{"data", androidwire.Intent{Data: "weixin://a?b=c", Action: "x.VIEW", Categories: []string{"c1", "c2"}, Type: "image/*", Package: "p"},
			"intent://a?b=c#Intent;scheme=weixin;action=x.VIEW;category=c1;category=c2;type=image%2F%2A;package=p;end"},
		{"extras", androidwire.Intent{Extras: androidwire.Extras{
			{Key: "s", Value: androidwire.String("a;b=c #%+\n中😀")}, {Key: "empty", Value: androidwire.String("")}, {Key: "i", Value: androidwire.Int(-7)},
			{Key: "l", Value: androidwire.Long(1 << 40)}, {Key: "b", Value: androidwire.Bool(true)}, {Key: "none"}, {Key: "y", Value: androidwire.Bytes([]byte{1})},
		}}, "intent:#Intent;S.s=a%3Bb%3Dc%20%23%25%2B%0A%E4%B8%AD%F0%9F%98%80;S.empty=;i.i=-7;l.l=1099511627776;B.b=true;end"},
	} {
		if got := intentURI(&tt.in); got != tt.want {
			t.Errorf("%s:\n%s\nwant\n%s", tt.name, got, tt.want)
		}
	}
}

func TestCallbacks(t *testing.T) {
	app := &agent.App{Package: "com.example"}
	if got := callbacks(app); !slices.Equal(got, []string{"com.example.wxapi.WXEntryActivity"}) {
		t.Error(got)
	}
	app.Entry = &agent.Entry{Target: "com.example.Real"}
	if got := callbacks(app, "com.example.Login", "", "no class!"); !slices.Equal(got, []string{"com.example.Real", "com.example.Login"}) {
		t.Error(got)
	}
}

// quiet is an app that gets its reply and logs nothing.
type quiet struct{}

func (quiet) Launched(_ context.Context, p *phone.Phone, a phone.Activity, _ phone.Intent) {
	if strings.HasSuffix(a.Class, ".WXEntryActivity") {
		p.Finish(a.Token)
	}
}

func (quiet) Query(context.Context, *phone.Phone, phone.Query) (*phone.Cursor, error) {
	return nil, nil
}

// In a release build without the hook, the reply can't be read: that is
// reported soon after the call, and not at the end of the time.
func TestUnreadableReply(t *testing.T) {
	l := newLab(t, virtualandroid.Options{})
	l.warm(t)
	build := *l.Model.Package(virtualandroid.DemoPackage)
	build.Debuggable = false
	l.Model.Install(&build, quiet{})
	l.backend.Options.UnreadAfter = 50 * time.Millisecond
	var notes []string
	o, err := l.open(t).Deliver(t.Context(), device.Job{Request: page(intents.SceneSession), Until: device.Replied, Yes: true,
		App:   device.AppIdentity{Package: virtualandroid.DemoPackage},
		Hooks: device.Hooks{Note: func(n device.Note) { notes = append(notes, n.Message) }}})
	if code(err) != device.NotSeen || !strings.Contains(err.Error(), "could not be read") || o.State != device.Returned || o.Reply != nil || o.Status != nil {
		t.Errorf("%v, state %v, reply %+v", err, o.State, o.Reply)
	}
	if !slices.ContainsFunc(notes, func(s string) bool { return strings.Contains(s, "release build") }) {
		t.Errorf("notes %q", notes)
	}
	_, err = l.open(t).Deliver(t.Context(), device.Job{Request: intents.LaunchMiniProgram{UserName: new("gh_1")}, Route: device.RouteApp, Until: device.Opened, Yes: true,
		App: device.AppIdentity{Package: virtualandroid.DemoPackage}})
	if code(err) != device.Refused || !strings.Contains(err.Error(), "release build") {
		t.Errorf("route app: %v", err)
	}
}

// A debuggable build without the hook: a reply that comes before the requested
// state is read in the app, to which wxctl was not attached until then.
func TestRefusalIsReadBack(t *testing.T) {
	t.Parallel()
	for _, api := range []int{27, 30, 34} {
		for _, running := range []bool{true, false} {
			for _, tt := range []struct {
				appID string
				o     virtualandroid.Options
				want  device.Code
				err   int
			}{
				{"wxffffffffffffffff", virtualandroid.Options{}, device.RefusedByWeChat, 1},
				{"", virtualandroid.Options{Answer: wechat.Unsupported}, device.WeChatTooOld, 5},
			} {
				tt.o.API, tt.o.Hookless = api, true
				l := newLab(t, tt.o)
				l.warm(t)
				if running {
					openDemo(t, l)
				}
				share := page(intents.SceneSession)
				share.Transaction = new("mine")
				o, err := l.open(t).Deliver(t.Context(), device.Job{Request: share, Until: device.Opened,
					App: device.AppIdentity{Package: virtualandroid.DemoPackage, AppID: tt.appID}})
				if code(err) != tt.want || o.State != device.Replied || o.Err == nil || o.Err.Code != tt.err {
					t.Errorf("API %d, running %v, AppID %q: %v, %q; saw %s", api, running, tt.appID, err, o.State, whats(o))
				}
			}
		}
	}
}

// The reason why a process can't be inspected is one sentence with a next step.
// A process that is late is not confused with the command's own deadline.
func TestAttachError(t *testing.T) {
	running, stop := context.WithCancel(t.Context())
	defer stop()
	late, cancel := context.WithDeadline(t.Context(), time.Unix(1, 0))
	defer cancel()
	gone, leave := context.WithCancel(t.Context())
	leave()
	for _, tt := range []struct {
		name string
		ctx  context.Context
		err  error
		want device.Code
		says string
	}{
		{"another debugger", running, fmt.Errorf("%w: EOF", jdwp.ErrRefused), device.PhoneNotReady, "another debugger (Android Studio?) is attached"},
		{"silent at the handshake", running, jdwp.ErrSilent, device.PhoneNotReady, "another debugger (Android Studio?) is attached"},
		{"silent later", running, fmt.Errorf("EventRequest.Set: %w", jdwp.ErrSilent), device.PhoneNotReady, "another debugger (Android Studio?) is attached"},
		{"slow all along", late, fmt.Errorf("EventRequest.Set: %w", context.DeadlineExceeded), device.PhoneNotReady, "another debugger (Android Studio?) is attached"},
		{"nonsense", running, fmt.Errorf("%w: ids of 99 bytes", jdwp.ErrNoVM), device.Failed, "does not work: the peer does not speak JDWP: ids of 99 bytes"},
		{"refused", running, fmt.Errorf("EventRequest.Set: %w", jdwp.NotImplemented), device.Failed, "does not work: EventRequest.Set"},
	} {
		err := device.AsError(attachError(tt.ctx, 42, tt.err))
		if err.Code != tt.want || !strings.Contains(err.Message, tt.says) || !strings.Contains(err.Message, "42") || err.Hint == "" {
			t.Errorf("%s: %s: %q, hint %q", tt.name, err.Code, err.Message, err.Hint)
		}
		if !errors.Is(err, tt.err) {
			t.Errorf("%s: the cause is lost", tt.name)
		}
	}
	if err := attachError(gone, 42, context.Canceled); err != context.Canceled {
		t.Errorf("detached meanwhile: %v", err)
	}
}
