package ios

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"howett.net/plist"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/intents/ioswire"
)

// anApp is an app as installation_proxy describes it.
func anApp(id, version string, debuggable bool, schemes, queries, domains []string) map[string]any {
	return map[string]any{
		"CFBundleIdentifier": id, "CFBundleShortVersionString": version,
		"CFBundleURLTypes":            []any{map[string]any{"CFBundleURLSchemes": schemes}},
		"LSApplicationQueriesSchemes": queries,
		"Entitlements": map[string]any{
			"get-task-allow": debuggable, "com.apple.developer.associated-domains": domains,
			"application-identifier": "TEAM." + id,
		},
		"UnheardOf": []any{map[string]any{"x": 1}},
	}
}

const testAppID = "wx0123456789abcdef"

var allQueries = []string{"weixin", "weixinULAPI", "weixinURLParamsAPI"}

// openPeer opens the peer's phone.
func openPeer(t testing.TB, p *peer) *Phone {
	t.Helper()
	b := &Backend{Server: p.server()}
	infos, err := b.List(until(t), "")
	if err != nil {
		t.Fatal(err)
	}
	phone, err := b.Open(until(t), infos[0])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { phone.Close() })
	return phone.(*Phone)
}

func TestWeChat(t *testing.T) {
	for _, c := range []struct {
		version string
		warns   bool
	}{{"", false}, {"8.0.50", false}, {"8.0.24", false}, {"8.0.23", true}, {"7.0.7", true}, {"8.1", false}, {"10.0", false}} {
		t.Run(c.version, func(t *testing.T) {
			t.Parallel()
			p := startPeer(t)
			p.apps["com.example.other"] = anApp("com.example.other", "1", false, nil, nil, nil)
			if c.version != "" {
				p.apps[ioswire.WeChat] = anApp(ioswire.WeChat, c.version, false, []string{"weixin"}, nil, nil)
			}
			w, err := openPeer(t, p).WeChat(until(t), device.UserChoice{})
			if err != nil || w.Installed != (c.version != "") || w.Version != c.version || (len(w.Warnings) > 0) != c.warns {
				t.Errorf("got %+v, %v", w, err)
			}
		})
	}
}

// Asking for WeChat takes a service and one request, in the session that the
// list left open; if there is none, or the phone has ended it, a session first.
func TestWeChatCost(t *testing.T) {
	p := startPeer(t)
	phone := openPeer(t, p)
	p.mu.Lock()
	p.steps = nil
	p.mu.Unlock()
	service := []string{"StartService", "ConnectService", "TLSService", "Lookup"}
	session := []string{"Connect", "StartSession", "TLS"}
	for i, want := range [][]string{
		service, service,
		slices.Concat(session, service),
		slices.Concat([]string{"StartService"}, session, service),
	} {
		switch i {
		case 2:
			phone.hangUp()
		case 3:
			p.set("StartService", fault{cut: true, then: func() { p.set("StartService", fault{}) }})
		}
		if _, err := phone.WeChat(until(t), device.UserChoice{}); err != nil {
			t.Fatal(err)
		}
		got := p.visited()
		if !slices.Equal(got, want) {
			t.Errorf("took %q", got)
		}
		p.mu.Lock()
		p.steps = nil
		p.mu.Unlock()
	}
}

func TestWeChatOfAndroidUser(t *testing.T) {
	p := startPeer(t)
	phone := openPeer(t, p)
	if _, err := phone.WeChat(until(t), device.UserChoice{ID: 10, Set: true}); device.AsError(err).Code != device.Usage {
		t.Errorf("got %v", err)
	}
}

// Each step of asking for apps ends with its context, and each invalid answer
// gives a sentence.
func TestLookupFaults(t *testing.T) {
	lies := map[string]fault{
		"cut": {cut: true}, "half": {half: true}, "text": {raw: []byte("text")},
		"no result": {raw: []byte(`<plist><dict/></plist>`)},
		"refusal":   {raw: []byte(`<plist><dict><key>Error</key><string>APIInternalError</string></dict></plist>`)},
		"types":     {raw: []byte(`<plist><dict><key>LookupResult</key><string/></dict></plist>`)},
		"endless":   {bytes: []byte("\xff\xff\xff\xff")},
		"deep":      {raw: []byte("<plist>" + strings.Repeat("<array>", 1000) + strings.Repeat("</array>", 1000) + "</plist>")},
	}
	for _, step := range []string{"StartService", "ConnectService", "TLSService", "Lookup"} {
		t.Run(step+"/stall", func(t *testing.T) {
			t.Parallel()
			p := startPeer(t)
			phone := openPeer(t, p)
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			p.set(step, fault{stall: true, then: cancel})
			if _, err := phone.WeChat(ctx, device.UserChoice{}); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
		})
		for name, f := range lies {
			if step != "Lookup" {
				break // the others are TestLiesAndCuts'
			}
			t.Run(step+"/"+name, func(t *testing.T) {
				t.Parallel()
				p := startPeer(t)
				phone := openPeer(t, p)
				p.set(step, f)
				_, err := phone.WeChat(until(t), device.UserChoice{})
				var e *device.Error
				if !errors.As(err, &e) || e.Hint == "" {
					t.Errorf("got %v, which is not a sentence for a user", err)
				}
			})
		}
	}
}

// A phone that ended the session since the last question gets a new one.
func TestSessionAgain(t *testing.T) {
	p := startPeer(t)
	phone := openPeer(t, p)
	p.set("StartService", fault{cut: true})
	if _, err := phone.WeChat(until(t), device.UserChoice{}); device.AsError(err) == nil {
		t.Fatal("no error")
	}
	p.set("StartService", fault{})
	if _, err := phone.WeChat(until(t), device.UserChoice{}); err != nil {
		t.Error(err)
	}
}

func TestLearn(t *testing.T) {
	p := startPeer(t)
	p.apps[ioswire.WeChat] = anApp(ioswire.WeChat, "8.0.50", false, []string{"weixin"}, nil, nil)
	p.apps["com.example.store"] = anApp("com.example.store", "1", false, []string{"wxfedcba9876543210"}, nil, nil)
	p.apps["com.example.plain"] = anApp("com.example.plain", "1", true, []string{"plain"}, nil, nil)
	phone := openPeer(t, p)
	if _, err := phone.learn(until(t), device.AppIdentity{}); device.AsError(err).Code != device.AppUnknown {
		t.Errorf("no debuggable app: %v", err)
	}
	p.mu.Lock()
	p.apps["com.example.demo"] = anApp("com.example.demo", "1", true, []string{"demo", strings.ToUpper(testAppID[:2]) + testAppID[2:]}, nil,
		[]string{"webcredentials:x.example", "applinks:*.example", "applinks:app.example?mode=developer"})
	p.mu.Unlock()
	f, err := phone.learn(until(t), device.AppIdentity{})
	if err != nil || f.app.ID != "com.example.demo" || f.appID != testAppID || f.universalLink != "https://app.example/" || !f.wechat.Installed {
		t.Errorf("the only debuggable app: %+v, %v", f, err)
	}
	if impersonated, err := speaker(&f.app, device.AppIdentity{}).MaySpeak(false); err != nil || impersonated {
		t.Errorf("sending for it: %v, %v", impersonated, err)
	}
	f, err = phone.learn(until(t), device.AppIdentity{BundleID: "com.example.store", UniversalLink: "https://u.example/a/"})
	if err != nil || f.appID != "wxfedcba9876543210" || f.universalLink != "https://u.example/a/" {
		t.Errorf("a named app: %+v, %v", f, err)
	}
	if _, err := speaker(&f.app, device.AppIdentity{}).MaySpeak(false); device.AsError(err).Code != device.Refused {
		t.Errorf("sending for an app from the store: %v", err)
	}
	if impersonated, err := speaker(&f.app, device.AppIdentity{}).MaySpeak(true); err != nil || !impersonated {
		t.Errorf("sending for it with --yes: %v, %v", impersonated, err)
	}
	if _, err := phone.learn(until(t), device.AppIdentity{BundleID: "com.example.none"}); device.AsError(err).Code != device.Refused {
		t.Errorf("an app that isn't there: %v", err)
	}
	if _, err := phone.learn(until(t), device.AppIdentity{BundleID: "com.example.plain"}); device.AsError(err).Code != device.AppUnknown {
		t.Errorf("an app without an AppID: %v", err)
	}
	p.mu.Lock()
	p.apps["com.example.second"] = anApp("com.example.second", "1", true, []string{testAppID}, nil, nil)
	p.mu.Unlock()
	if _, err := phone.learn(until(t), device.AppIdentity{}); device.AsError(err).Code != device.AppUnknown || !strings.Contains(err.Error(), "2 debuggable") {
		t.Errorf("two debuggable apps: %v", err)
	}
}

func TestInspect(t *testing.T) {
	many := make([]string, 50)
	for i := range many {
		many[i] = fmt.Sprint("scheme", i)
	}
	good := []string{"applinks:app.example"}
	for name, c := range map[string]struct {
		schemes, queries, domains []string
		wechat                    string
		want                      []string // what each finding holds
	}{
		"all is well":       {[]string{testAppID}, allQueries, good, "8.0.50", nil},
		"nothing":           {nil, nil, nil, "8.0.50", []string{"no URL scheme is an AppID", "weixin is not", "weixinULAPI is not", "weixinURLParamsAPI is not", "no associated domain"}},
		"registers weixin":  {[]string{testAppID, "weixinULAPI"}, allQueries, good, "8.0.50", []string{`WeChat's own URL scheme "weixinULAPI"`}},
		"too many queries":  {[]string{testAppID}, append(many, allQueries...), good, "8.0.50", []string{"number 51", "number 52", "number 53"}},
		"one query missing": {[]string{testAppID}, allQueries[:2], good, "8.0.50", []string{"weixinURLParamsAPI is not in LSApplicationQueriesSchemes"}},
		"no WeChat":         {[]string{testAppID}, allQueries, good, "", []string{"is not installed"}},
		"old WeChat":        {[]string{testAppID}, allQueries, good, "8.0.20", []string{"older than 8.0.24"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startPeer(t)
			p.apps["com.example.demo"] = anApp("com.example.demo", "1.2", true, c.schemes, c.queries, c.domains)
			if c.wechat != "" {
				p.apps[ioswire.WeChat] = anApp(ioswire.WeChat, c.wechat, false, nil, nil, nil)
			}
			i, err := openPeer(t, p).Inspect(until(t), device.AppIdentity{BundleID: "com.example.demo"}, device.UserChoice{})
			if err != nil {
				t.Fatal(err)
			}
			if !i.Debuggable || i.VersionName != "1.2" || !slices.Equal(i.QueriesSchemes, append([]string{}, c.queries...)) {
				t.Errorf("got %+v", i)
			}
			if len(i.Findings) != len(c.want) {
				t.Fatalf("findings: %+v", i.Findings)
			}
			for n, want := range c.want {
				if !strings.Contains(i.Findings[n].Message, want) || i.Findings[n].Hint == "" || i.Findings[n].ID == "" {
					t.Errorf("finding %d: %+v", n, i.Findings[n])
				}
			}
		})
	}
}

// oddValues has one value of each type of a property list.
var oddValues = map[string]any{
	"text": "*", "a number": uint64(2048), "a boolean": true, "data": []byte("x"), "a list": []any{"x"}, "a list of numbers": []any{uint64(1)},
	"a dictionary": map[string]any{"x": "y"}, "a date": time.Unix(1, 0),
}

// An app whose Info.plist or entitlements hold a value of the wrong type does
// no harm: only that value is missing, and the list and other apps are
// complete.
func TestOddEntries(t *testing.T) {
	base := func() map[string]any {
		a := anApp("com.example.demo", "1.2", true, []string{testAppID}, allQueries, []string{"applinks:app.example"})
		a["CFBundleDisplayName"], a["CFBundleVersion"], a["CFBundleExecutable"], a["Path"] = "Demo", "12", "Demo", "/x/Demo.app"
		return a
	}
	dictionaries := map[string]func(map[string]any) map[string]any{
		"": func(a map[string]any) map[string]any { return a },
		"Entitlements/": func(a map[string]any) map[string]any {
			return a["Entitlements"].(map[string]any)
		},
		"CFBundleURLTypes/": func(a map[string]any) map[string]any {
			return a["CFBundleURLTypes"].([]any)[0].(map[string]any)
		},
	}
	p := startPeer(t)
	p.apps[ioswire.WeChat] = anApp(ioswire.WeChat, "8.0.50", false, []string{"weixin"}, nil, nil)
	phone := openPeer(t, p)
	for where, in := range dictionaries {
		for key, good := range in(base()) {
			for kind, odd := range oddValues {
				isList := reflect.TypeOf(good).Kind() == reflect.Slice
				if reflect.TypeOf(odd) == reflect.TypeOf(good) || isList && kind == "a list" || key == "UnheardOf" {
					continue
				}
				a, other := base(), base()
				in(a)[key] = odd
				in(other)[key] = odd
				delete(other, "CFBundleIdentifier")
				p.mu.Lock()
				p.apps["com.example.demo"], p.apps["com.example.other"] = a, other
				p.mu.Unlock()
				found, err := phone.lookup(until(t))
				if err != nil || len(found) != 3 || len(found[ioswire.WeChat].odd) > 0 {
					t.Fatalf("%s%s is %s: %d apps, %v", where, key, kind, len(found), err)
				}
				got, want := found["com.example.demo"], (&proxyAnswer{LookupResult: map[string]any{"com.example.demo": asList(t, base())}}).apps()["com.example.demo"]
				changed := 0
				for i := range reflect.TypeFor[app]().NumField() - 1 { // not odd
					if x, y := reflect.ValueOf(got).Field(i), reflect.ValueOf(want).Field(i); !reflect.DeepEqual(unpointed(x), unpointed(y)) {
						changed++
					}
				}
				unread := key == "application-identifier"
				if changed > 1 || len(got.odd) == 0 && !unread {
					t.Errorf("%s%s is %s: %d fields changed, odd %q: %+v", where, key, kind, changed, got.odd, got)
				}
			}
		}
	}
	a := base()
	a["CFBundleDisplayName"] = uint64(2048)
	p.mu.Lock()
	p.apps["com.example.demo"] = a
	p.mu.Unlock()
	i, err := phone.Inspect(until(t), device.AppIdentity{BundleID: "com.example.demo"}, device.UserChoice{})
	if err != nil || !slices.ContainsFunc(i.Findings, func(f device.Finding) bool { return f.ID == "app.types" }) {
		t.Errorf("no finding: %+v, %v", i, err)
	}
}

// asList is a value as a property list brings it.
func asList(t *testing.T, v any) (out map[string]any) {
	t.Helper()
	data, err := plist.Marshal(v, plist.XMLFormat)
	if err == nil {
		_, err = plist.Unmarshal(data, &out)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func unpointed(v reflect.Value) any {
	if v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	return v.Interface()
}

// What the phone does not report is not a finding.
func TestInspectWithoutEntitlements(t *testing.T) {
	p := startPeer(t)
	a := anApp("com.example.demo", "1", true, []string{testAppID}, allQueries, nil)
	delete(a, "Entitlements")
	p.apps["com.example.demo"] = a
	p.apps[ioswire.WeChat] = anApp(ioswire.WeChat, "8.0.50", false, nil, nil, nil)
	i, err := openPeer(t, p).Inspect(until(t), device.AppIdentity{BundleID: "com.example.demo"}, device.UserChoice{})
	if err != nil || len(i.Findings) != 0 || len(i.Notes) != 1 || i.Debuggable {
		t.Errorf("got %+v, %v", i, err)
	}
}
