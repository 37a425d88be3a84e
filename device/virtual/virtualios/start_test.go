package virtualios_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/virtual/virtualios"
	"github.com/wxctl/wxctl/device/virtual/virtualios/idevice"
	"github.com/wxctl/wxctl/device/virtual/virtualios/lockdownd"
	"github.com/wxctl/wxctl/device/virtual/wechat"
	"github.com/wxctl/wxctl/fixtures/fault"
	"github.com/wxctl/wxctl/intents"
	"github.com/wxctl/wxctl/intents/ioswire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sharedKeys are the keys of all phones of these tests.
var sharedKeys = sync.OnceValue(lockdownd.NewKeys)

func startWith(t *testing.T, c virtualios.Config, options ...virtualios.Options) *virtualios.Server {
	t.Helper()
	c.Keys = sharedKeys()
	for i := range options {
		if options[i].Think == 0 {
			options[i].Think = time.Millisecond
		}
	}
	s, err := virtualios.Start(t.Context(), c, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func start(t *testing.T, options ...virtualios.Options) *virtualios.Server {
	t.Helper()
	return startWith(t, virtualios.Config{}, options...)
}

// logged waits for a line of the phone's log that has the text, and returns
// what follows the text.
func logged(t *testing.T, p *idevice.Phone, from int, text string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var all []string
	for {
		lines, next, err := p.LogSince(ctx, from)
		if err != nil {
			t.Fatalf("no line with %q in the log:\n%s", text, strings.Join(all, "\n"))
		}
		for _, line := range lines {
			if _, after, ok := strings.Cut(line.Message, text); ok {
				return after
			}
			all = append(all, line.Process.Name+": "+line.Message)
		}
		from = next
	}
}

func webpage(scene intents.Scene) intents.Share {
	return intents.Share{Scene: scene, Message: intents.Message{Title: new("Hello"), Object: intents.Webpage{URL: new("https://example.com")}}}
}

// send opens a request's URL as a computer does: by the scheme, since it can't
// take part in the hand-shake of universal links.
func send(t *testing.T, p *idevice.Phone, req intents.Request) {
	t.Helper()
	wires, _, err := ioswire.Encode(req, ioswire.Sender{AppID: virtualios.DemoAppID, BundleID: virtualios.DemoBundleID, UniversalLink: virtualios.DemoUniversalLink, Scheme: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Launch(t.Context(), idevice.Launch{BundleID: idevice.SpringBoard, URL: wires[len(wires)-1].URL.Text}); err != nil {
		t.Fatal(err)
	}
}

// Every request, by the URL from a computer and by the app's debug hook; what
// WeChat shows, and what the app gets from its SDK.
func TestRequests(t *testing.T) {
	auth := intents.Auth{Scope: new("snsapi_userinfo"), State: new("s")}
	launch := intents.LaunchMiniProgram{UserName: new("gh_1"), Path: new(""), ExtMsg: new("x")}
	subscribe := intents.SubscribeMessage{Scene: 1, TemplateID: new("T"), Reserved: new("r")}
	for _, tt := range []struct {
		name    string
		options string
		req     intents.Request
		screen  string
		reply   string // JSON fields that the reply has, "" for none
	}{
		{"session", "", webpage(intents.SceneSession), "chat picker", `"kind":"share","errCode":0`},
		{"timeline", "", webpage(intents.SceneTimeline), "Moments editor", `"kind":"share","errCode":0`},
		{"favorite", "", webpage(intents.SceneFavorite), "favorites", `"kind":"share","errCode":0`},
		{"cancel", "answer=cancel", webpage(intents.SceneSession), "chat picker", `"kind":"share","errCode":0`},
		{"cancel long ago", "answer=cancel&wechat=6.7.0&ios=14.8", webpage(intents.SceneSession), "", ""},
		{"auth", "", auth, "consent page", `"kind":"auth","errCode":0`},
		{"auth cancelled", "answer=cancel", auth, "consent page", `"kind":"auth","errCode":-2`},
		{"auth denied", "answer=deny", auth, "consent page", `"kind":"auth","errCode":-4`},
		{"launch", "", launch, "mini program", `"kind":"launch","errCode":0,"errStr":null,"transaction":null,"openId":null,"extMsg":"x"`},
		{"subscribe", "", subscribe, "subscription page", `"action":"confirm"`},
		{"subscribe cancelled", "answer=cancel", subscribe, "subscription page", `"action":"cancel"`},
		{"logged out", "login=out&answer=cancel", auth, "login", `"errCode":-1`},
		{"stay", "answer=stay", webpage(intents.SceneSession), "chat picker", ""},
		{"iOS 26", "ios=26.0", webpage(intents.SceneSession), "chat picker", `"kind":"share","errCode":0`},
	} {
		for _, way := range []string{"url", "bridge"} {
			t.Run(tt.name+" by "+way, func(t *testing.T) {
				o, err := virtualios.ParseOptions(tt.options)
				if err != nil {
					t.Fatal(err)
				}
				p := start(t, o).Phones[0].Model
				if way == "url" {
					send(t, p, tt.req)
				} else {
					link, err := device.BridgeLink(virtualios.DemoAppID, tt.req)
					if err != nil {
						t.Fatal(err)
					}
					if _, err := p.Launch(t.Context(), idevice.Launch{BundleID: virtualios.DemoBundleID, URL: link, Activates: true}); err != nil {
						t.Fatal(err)
					}
				}
				if tt.screen == "" { // it ignores the URL's payload
					if way == "url" {
						logged(t, p, 0, "reads no requests inside URLs")
					}
					return
				}
				if got := logged(t, p, 0, "screen: "); got != tt.screen {
					t.Errorf("screen %q, want %q", got, tt.screen)
				}
				if tt.reply == "" {
					if front := p.Front().BundleID; front != ioswire.WeChat {
						t.Errorf("%s is in front", front)
					}
					return
				}
				got := logged(t, p, 0, "wxctl-reply: ")
				if !strings.Contains(got, tt.reply) || !json.Valid([]byte(got)) {
					t.Errorf("reply %s lacks %s", got, tt.reply)
				}
				if front := p.Front().BundleID; front != virtualios.DemoBundleID {
					t.Errorf("%s is in front", front)
				}
			})
		}
	}
}

// The hook as a launch argument, which works on older phones too; WeChat of
// that time reads the pasteboard.
func TestBridgeArgument(t *testing.T) {
	for _, tt := range []struct{ options, reply string }{
		{"ios=13.7&wechat=7.0.3", `"errCode":0`}, {"ios=12.4&wechat=6.6.0&answer=cancel", `"errCode":-2`}, {"ios=15.0&wechat=8.0.23", `"errCode":0`},
	} {
		o, err := virtualios.ParseOptions(tt.options)
		if err != nil {
			t.Fatal(err)
		}
		p := start(t, o).Phones[0].Model
		link, err := device.BridgeLink(virtualios.DemoAppID, webpage(intents.SceneSession))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Launch(t.Context(), idevice.Launch{BundleID: virtualios.DemoBundleID, Args: []string{"-x", link}, Activates: true}); err != nil {
			t.Fatal(err)
		}
		if got := logged(t, p, 0, "wxctl-reply: "); !strings.Contains(got, tt.reply) {
			t.Errorf("%s: %s", tt.options, got)
		}
	}
}

// A universal link from a computer fails in the hand-shake: the app's SDK does
// not know the request.
func TestUniversalLinkFromOutside(t *testing.T) {
	p := start(t, virtualios.Options{}).Phones[0].Model
	wires, _, err := ioswire.Encode(webpage(intents.SceneSession), ioswire.Sender{AppID: virtualios.DemoAppID, BundleID: virtualios.DemoBundleID, UniversalLink: virtualios.DemoUniversalLink})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.OpenURL(t.Context(), wires[0].URL.Text, ""); err != nil {
		t.Fatal(err)
	}
	logged(t, p, 0, "refreshToken for a request that was not sent")
}

// WeChat refuses an app that it does not know.
func TestImposters(t *testing.T) {
	for _, s := range []ioswire.Sender{{AppID: "wxffffffffffffffff", BundleID: virtualios.DemoBundleID, Scheme: true}, {AppID: virtualios.DemoAppID, BundleID: "com.example.other", UniversalLink: "https://o.example.com/", Scheme: true}} {
		p := start(t, virtualios.Options{Answer: wechat.Stay}).Phones[0].Model
		wires, _, err := ioswire.Encode(webpage(intents.SceneSession), s)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.OpenURL(t.Context(), wires[len(wires)-1].URL.Text, ""); err != nil {
			t.Fatal(err)
		}
		logged(t, p, 0, "registered")
	}
}

// Faults, and phones that are connected and disconnected, leave nothing behind.
func TestFaultsEnd(t *testing.T) {
	plan := fault.New(fault.Fault{Step: "usbmux ListDevices", Then: fault.Stall})
	s := startWith(t, virtualios.Config{Faults: plan.Strike}, virtualios.Options{}, virtualios.Options{Network: true})
	conn, err := net.Dial("tcp", s.USBMux)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if len(s.Phones) != 2 || s.Phones[0].UDID() == s.Phones[1].UDID() || s.Phones[1].Model.Name() != "Virtual iPhone 2" {
		t.Errorf("%+v", s.Phones)
	}
}

// Once a server is ready, its keys are made; clients don't have to wait for that.
func TestReady(t *testing.T) {
	s := start(t)
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Ready(over); !errors.Is(err, context.Canceled) {
		t.Errorf("with its time over: %v", err)
	}
	if err := s.Ready(t.Context()); err != nil {
		t.Error(err)
	}
}
