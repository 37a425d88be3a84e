package virtualios_test

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/wxctl/wxctl/device/virtual/virtualios"
	"github.com/wxctl/wxctl/device/virtual/virtualios/idevice"
	"github.com/wxctl/wxctl/device/virtual/wechat"
	"github.com/wxctl/wxctl/intents"
	"github.com/wxctl/wxctl/oauth/virtualoauth"
)

func TestParseOptions(t *testing.T) {
	for text, want := range map[string]virtualios.Options{
		"":                            {},
		"ios=16.4&answer=cancel":      {IOS: "16.4", Answer: wechat.Cancel},
		"wechat=none":                 {Without: true},
		"wechat=8.0.23&login=out":     {WeChat: wechat.Version{Major: 8, Minor: 0, Patch: 23}, LoggedOut: true},
		"state=ready":                 {},
		"state=locked":                {Locked: true},
		"state=unpaired":              {Trust: idevice.Untrusted},
		"state=unpaired-locked":       {Trust: idevice.Untrusted, Locked: true},
		"state=trust-pending":         {Trust: idevice.TrustPending},
		"state=trust-denied":          {Trust: idevice.TrustDenied},
		"state=no-developer-mode":     {NoDeveloperMode: true, NoImage: true},
		"state=no-developer-image":    {NoImage: true},
		"transport=both":              {Network: true},
		"transport=network":           {Network: true, NoUSB: true},
		"wda=on":                      {WDA: virtualios.WDAOn},
		"wda=off":                     {},
		"wda=hung":                    {WDA: virtualios.WDAHung},
		"pasteboard=on&think=1s":      {Pasteboard: true, Think: time.Second, ThinkMost: time.Second},
		"name=Lab+3&model=iPhone15,3": {Name: "Lab 3", Model: "iPhone15,3"},
		"udid=" + strings.Repeat("ab", 20) + "&oauth=http://127.0.0.1:1/": {UDID: strings.Repeat("ab", 20), OAuth: "http://127.0.0.1:1"},
	} {
		if !strings.Contains(text, "wda=") {
			want.WDA = virtualios.WDAOn
		}
		if got, err := virtualios.ParseOptions(text); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"ios=8.0", "ios=", "answer=x", "wechat=1", "login=x", "state=x", "wda=x", "transport=x", "think=-1s", "think=2h", "name=",
		"model=x", "udid=1", "udid=" + strings.Repeat("z", 40), "oauth=http://example.com", "oauth=x", "api=33", "ios=17.5&ios=17.4", "%"} {
		if got, err := virtualios.ParseOptions(text); err == nil {
			t.Errorf("took %s: %+v", text, got)
		}
	}
}

// What can't be started leaves nothing behind.
func TestStartFails(t *testing.T) {
	if s, err := virtualios.Start(t.Context(), virtualios.Config{}, virtualios.Options{}, virtualios.Options{IOS: "99"}); err == nil {
		t.Errorf("started with iOS 99: %v", s.USBMux)
	}
	s := start(t, virtualios.Options{})
	if _, err := s.ServeWDA(0); err == nil {
		t.Error("serves a WebDriverAgent that is not there")
	}
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := virtualios.Start(t.Context(), virtualios.Config{Port: l.Addr().(*net.TCPAddr).Port}); err == nil {
		t.Error("took a port that is taken")
	}
	if _, err := virtualios.Start(t.Context(), virtualios.Config{Socket: "/does/not/exist/usbmuxd"}); err == nil {
		t.Error("took a path that can't be")
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended, err := virtualios.Start(ctx, virtualios.Config{Keys: sharedKeys()})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	for range 2 {
		if err := ended.Close(); err != nil {
			t.Error(err)
		}
	}
	if conn, err := net.Dial("tcp", ended.USBMux); err == nil {
		conn.Close()
		t.Error("still there")
	}
}

// A lab of a hundred phones must cost almost nothing: allocations are counted.
func TestHundredPhones(t *testing.T) {
	if err := sharedKeys().Make(); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	s := start(t, make([]virtualios.Options, 100)...)
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 20<<20 || len(s.Phones) != 100 {
		t.Errorf("%d phones allocate %d MB", len(s.Phones), used>>20)
	}
}

// BenchmarkStart measures the start of a phone until it answers, with its own
// keys and with shared ones.
func BenchmarkStart(b *testing.B) {
	if err := sharedKeys().Make(); err != nil {
		b.Fatal(err)
	}
	for name, keys := range map[string]virtualios.Config{"fresh keys": {}, "shared keys": {Keys: sharedKeys()}} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				s, err := virtualios.Start(b.Context(), keys)
				if err != nil {
					b.Fatal(err)
				}
				if err := s.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// A login on the virtual iPhone gives a code that the virtual OAuth server
// exchanges.
func TestCodeOfOAuthServer(t *testing.T) {
	web := httptest.NewServer(virtualoauth.New(virtualoauth.Options{}))
	defer web.Close()
	p := start(t, virtualios.Options{OAuth: web.URL}).Phones[0].Model
	send(t, p, intents.Auth{Scope: new("snsapi_userinfo"), State: new("s")})
	var reply struct{ Code, State string }
	if err := json.Unmarshal([]byte(logged(t, p, 0, "wxctl-reply: ")), &reply); err != nil || reply.State != "s" {
		t.Fatalf("%+v, %v", reply, err)
	}
	query := url.Values{"appid": {virtualios.DemoAppID}, "secret": {virtualoauth.DefaultSecret}, "code": {reply.Code}, "grant_type": {"authorization_code"}}
	resp, err := http.Get(web.URL + "/sns/oauth2/access_token?" + query.Encode())
	if err != nil {
		t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer resp.Body.Close()
	var token struct {
		Scope   string `json:"scope"`
		ErrCode int    `json:"errcode"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&token); err != nil || token.Scope != "snsapi_userinfo" || token.ErrCode != 0 {
		t.Errorf("%+v, %v", token, err)
	}
	web.Close() // without the server the login fails
	from := p.LogEnd()
	send(t, p, intents.Auth{Scope: new("snsapi_userinfo"), State: new("s")})
	if got := logged(t, p, from, "wxctl-reply: "); !strings.Contains(got, `"errCode":-1`) {
		t.Errorf("%s", got)
	}
}
