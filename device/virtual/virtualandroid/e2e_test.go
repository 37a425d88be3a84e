package virtualandroid_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/android"
	"github.com/wxctl/wxctl/device/android/agent"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
	"github.com/wxctl/wxctl/device/virtual/wechat"
	"github.com/wxctl/wxctl/fixtures/adbtest"
	"github.com/wxctl/wxctl/fixtures/wait"
	"github.com/wxctl/wxctl/intents"
)

// open starts a virtual phone and opens it as wxctl opens any phone.
func open(t *testing.T, o virtualandroid.Options) (device.Phone, *virtualandroid.Server) {
	t.Helper()
	return openAt(t, adbtest.Listen(t), o)
}

func openAt(t *testing.T, l net.Listener, o virtualandroid.Options) (device.Phone, *virtualandroid.Server) {
	t.Helper()
	if o.Think == 0 {
		o.Think = 5 * time.Millisecond
	}
	server, err := virtualandroid.Serve(t.Context(), l, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	backend := &android.Backend{Server: android.Server{Addr: server.ADB}, Transport: device.Virtual, Options: android.Options{DropAfter: wait.Plenty}}
	list, err := backend.List(t.Context(), "")
	if err != nil || len(list) != 1 {
		t.Fatalf("list %+v, %v", list, err)
	}
	if want := phone.Release(server.Phones[0].Model.API); list[0].OSVersion != want || list[0].State != device.Ready {
		t.Errorf("listed as %+v", list[0])
	}
	p, err := backend.Open(t.Context(), list[0])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p, server
}

func webpage(scene intents.Scene) intents.Share {
	return intents.Share{Common: intents.Common{Transaction: new("t")}, Scene: scene,
		Message: intents.Message{Title: new("Hello"), Object: intents.Webpage{URL: new("https://example.com")}}}
}

// wxctl's routes on the virtual phone, and the evidence.
func TestDeliver(t *testing.T) {
	auth := intents.Auth{Scope: new("snsapi_userinfo"), State: new("s")}
	launch := intents.LaunchMiniProgram{UserName: new("gh_1"), Path: new(""), ExtMsg: new("")}
	subscribe := intents.SubscribeMessage{Scene: 1, TemplateID: new("T")}
	for _, tt := range []struct {
		name    string
		options virtualandroid.Options
		req     intents.Request
		route   device.Route
		until   device.Progress
		state   device.Progress
		code    device.Code // "" is success
		seen    string
	}{
		{"session", virtualandroid.Options{}, webpage(intents.SceneSession), "", device.Opened, device.Opened, "", "chat picker opened"},
		{"timeline", virtualandroid.Options{}, webpage(intents.SceneTimeline), "", device.Opened, device.Opened, "", "Moments editor opened"},
		{"favorite", virtualandroid.Options{}, webpage(intents.SceneFavorite), "", device.Opened, device.Opened, "", "favorites"},
		{"auth", virtualandroid.Options{}, auth, "", device.Replied, device.Replied, "", "consent page opened"},
		{"auth denied", virtualandroid.Options{Answer: wechat.Deny}, auth, "", device.Replied, device.Replied, device.RefusedByWeChat, "consent page opened"},
		{"returned", virtualandroid.Options{}, webpage(intents.SceneSession), "", device.Returned, device.Replied, "", "WeChat called"},
		{"stays in WeChat", virtualandroid.Options{Answer: wechat.Stay}, webpage(intents.SceneSession), "", device.Returned, device.Opened, device.NotSeen, "chat picker opened"},
		{"launch by the bridge", virtualandroid.Options{}, launch, "", device.Replied, device.Replied, "", "mini program"},
		{"subscribe by the bridge", virtualandroid.Options{}, subscribe, device.RouteBridge, device.Replied, device.Replied, "", "web page"},
		{"system text", virtualandroid.Options{Answer: wechat.Stay}, intents.Share{Message: intents.Message{Object: intents.Text{Text: new("hi")}}}, device.RouteSystem, device.Opened, device.Opened, "", "chat picker opened"},
		{"logged out", virtualandroid.Options{LoggedOut: true}, webpage(intents.SceneSession), "", device.Opened, device.Delivered, device.NotSeen, "WeChat asks to log in"},
		{"none", virtualandroid.Options{Without: true}, webpage(intents.SceneSession), "", device.Opened, device.NotSent, device.WeChatMissing, ""},
		{"disabled", virtualandroid.Options{Disabled: true}, webpage(intents.SceneSession), "", device.Opened, device.NotSent, device.WeChatDisabled, ""},
		{"suspended", virtualandroid.Options{Suspended: true}, webpage(intents.SceneSession), "", device.Opened, device.NotSent, device.WeChatDisabled, ""},
		{"never unlocked", virtualandroid.Options{NeverUnlocked: true, Locked: true}, webpage(intents.SceneSession), "", device.Opened, device.NotSent, device.PhoneNotReady, ""},
		{"locked", virtualandroid.Options{Locked: true}, webpage(intents.SceneSession), "", device.Returned, device.Delivered, device.NotSeen, "lock screen"},
		{"asleep", virtualandroid.Options{Locked: true, Asleep: true}, webpage(intents.SceneSession), "", device.Returned, device.Delivered, device.NotSeen, "screen is off"},
		{"several users", virtualandroid.Options{Users: []int{999}}, webpage(intents.SceneSession), "", device.Opened, device.NotSent, device.AndroidUserUnset, ""},
		{"strict, no token", virtualandroid.Options{Strict: true}, webpage(intents.SceneSession), "", device.Replied, device.Replied, device.RefusedByWeChat, "WeChat called"},
		{"strict, token by the bridge", virtualandroid.Options{Strict: true}, webpage(intents.SceneSession), device.RouteBridge, device.Replied, device.Replied, "", "chat picker opened"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p, server := open(t, tt.options)
			ctx, pass := wait.Deadline(t)
			job := device.Job{Request: tt.req, Route: tt.route, Until: tt.until}
			job.Hooks.Seen = func(e device.Evidence) {
				if tt.code == device.NotSeen && strings.Contains(e.What, tt.seen) {
					pass() // nothing else comes
				}
			}
			out, err := p.Deliver(ctx, job)
			if got := device.AsError(err); (got == nil) != (tt.code == "") || got != nil && got.Code != tt.code {
				t.Errorf("error %v, want kind %q", err, tt.code)
			}
			seen := ""
			for _, e := range out.Evidence {
				seen += fmt.Sprintf("%d %s (%s)\n", e.AtMs, e.What, e.Source)
			}
			if out.State != tt.state || !strings.Contains(seen, tt.seen) {
				t.Errorf("state %v, want %v; seen:\n%s", out.State, tt.state, seen)
				entries, _ := server.Phones[0].Model.Log.Read(0, phone.LogMain)
				for _, e := range entries {
					t.Logf("%s: %s", e.Tag, e.Text)
				}
			}
		})
	}
}

// How many connections to the adb server a share takes: one on a phone that has
// the agent, two on one that said that it doesn't (push, run), none for a
// second one.
func TestConnections(t *testing.T) {
	for _, tt := range []struct {
		name  string
		agent []byte
		want  int
	}{{"warm", agent.Dex, 1}, {"cold", nil, 2}} {
		l := adbtest.Listen(t)
		p, _ := openAt(t, l, virtualandroid.Options{Agent: tt.agent})
		for i, want := range []int{tt.want, 0, 0} {
			before := l.Connections()
			if _, err := p.Deliver(t.Context(), device.Job{Request: webpage(intents.SceneSession), Until: device.Opened}); err != nil {
				t.Fatal(err)
			}
			if got := l.Connections() - before; got != want {
				t.Errorf("%s: share %d took %d connections, want %d", tt.name, i+1, got, want)
			}
		}
	}
}

// Each Android user has a WeChat of its own, and one open phone can use them
// one after another.
func TestDeliverToUsers(t *testing.T) {
	p, server := open(t, virtualandroid.Options{Users: []int{10, 999}})
	for _, user := range []int{0, 10, 999} {
		ctx, cancel := context.WithTimeout(t.Context(), wait.Plenty)
		out, err := p.Deliver(ctx, device.Job{Request: webpage(intents.SceneSession), Until: device.Returned, User: device.UserChoice{ID: user, Set: true}})
		cancel()
		if err != nil || out.State != device.Replied {
			t.Errorf("user %d: state %v, %v, evidence %+v", user, out.State, err, out.Evidence)
		}
		if err := server.Phones[0].Model.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// On every API level the evidence is read from the log of that level.
func TestDeliverOnEveryLevel(t *testing.T) {
	for api := phone.MinAPI; api <= phone.MaxAPI; api++ {
		t.Run(fmt.Sprint(api), func(t *testing.T) {
			t.Parallel()
			p, _ := open(t, virtualandroid.Options{API: api})
			ctx, cancel := context.WithTimeout(t.Context(), wait.Plenty)
			defer cancel()
			out, err := p.Deliver(ctx, device.Job{Request: webpage(intents.SceneSession), Until: device.Replied})
			if err != nil || out.State != device.Replied {
				t.Errorf("state %v, %v, evidence %+v", out.State, err, out.Evidence)
			}
		})
	}
}
