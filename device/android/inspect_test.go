package android

import (
	"strings"
	"testing"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/android/agent"
	"github.com/wxctl/wxctl/device/android/apk"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid"
)

func TestFindings(t *testing.T) {
	good := func() *agent.App {
		return &agent.App{
			Package: "com.x", Enabled: true, TargetSDK: 34, Certificates: [][]byte{{1}},
			Entry:    &agent.Entry{Name: "com.x.wxapi.WXEntryActivity", Exported: true, Enabled: true, LaunchMode: "singleTask"},
			Declared: &agent.Declared{Queries: &apk.Queries{Packages: []string{"com.tencent.mm"}}, Entries: []string{"com.x.wxapi.WXEntryActivity"}}, Providers: []agent.Provider{{Name: "androidx.core.content.FileProvider", Grants: true}},
		}
	}
	wechat := &agent.App{Enabled: true}
	for _, tt := range []struct {
		name   string
		change func(*agent.App)
		wechat *agent.App
		api    int
		want   string // "" for no finding
	}{
		{name: "good", api: 34, wechat: wechat},
		{name: "no entry", change: func(a *agent.App) { a.Entry = nil }, wechat: wechat, want: "is not declared"},
		{name: "not exported", change: func(a *agent.App) { a.Entry.Exported = false }, wechat: wechat, want: "is not exported"},
		{name: "disabled entry", change: func(a *agent.App) { a.Entry.Enabled = false }, wechat: wechat, want: "is disabled"},
		{name: "permission", change: func(a *agent.App) { a.Entry.Permission = "com.x.P\x1b" }, wechat: wechat, want: `the permission "com.x.P"`},
		{name: "standard", change: func(a *agent.App) { a.Entry.LaunchMode = "standard" }, wechat: wechat, want: "launch mode standard"},
		{name: "can't see WeChat", change: func(a *agent.App) { a.Declared.Queries.Packages = nil }, api: 30, wechat: wechat, want: "can't see WeChat"},
		{name: "needs not see it before 11", change: func(a *agent.App) { a.Declared.Queries.Packages = nil }, api: 29, wechat: wechat},
		{name: "targets 10", change: func(a *agent.App) { a.Declared.Queries.Packages, a.TargetSDK = nil, 29 }, api: 34, wechat: wechat},
		{name: "no queries at all", change: func(a *agent.App) { a.Declared.Queries = nil }, api: 30, wechat: wechat, want: "can't see WeChat"},
		{name: "two entries", change: func(a *agent.App) { a.Declared.Entries = append(a.Declared.Entries, "com.y.wxapi.WXEntryActivity") }, wechat: wechat, want: "2 activities"},
		{name: "no provider", change: func(a *agent.App) { a.Providers = nil }, wechat: wechat, want: "no provider"},
		{name: "provider grants nothing", change: func(a *agent.App) { a.Providers[0].Grants = false }, wechat: wechat, want: "may not grant access"},
		{name: "unsigned", change: func(a *agent.App) { a.Certificates = nil }, wechat: wechat, want: "certificate"},
		{name: "app disabled", change: func(a *agent.App) { a.Enabled = false }, wechat: wechat, want: "the app is disabled"},
		{name: "no WeChat", want: "WeChat is not installed"},
		{name: "WeChat suspended", wechat: &agent.App{Enabled: true, Suspended: true}, want: "disabled or suspended"},
	} {
		app := good()
		if tt.change != nil {
			tt.change(app)
		}
		facts := factsOf(app, tt.wechat, tt.api)
		got := device.FindingsOf(&facts)
		switch {
		case tt.want == "" && len(got) > 0:
			t.Errorf("%s: %+v", tt.name, got)
		case tt.want != "" && (len(got) != 1 || !strings.Contains(got[0].Message, tt.want) || got[0].Hint == "" || strings.ContainsRune(got[0].Message, '\x1b')):
			t.Errorf("%s: %+v, want %q", tt.name, got, tt.want)
		}
	}
}

func TestInspectAndInstalled(t *testing.T) {
	l := newLab(t, virtualandroid.Options{Users: []int{999}})
	l.warm(t)
	p := l.open(t)
	got, err := p.Inspect(t.Context(), device.AppIdentity{}, device.UserChoice{})
	if err != nil {
		t.Fatal(err)
	}
	if got.Package != virtualandroid.DemoPackage || len(got.Signatures) != 1 || len(got.Signatures[0].MD5) != 32 || len(got.Findings) != 0 ||
		len(got.Queries) != 1 || len(got.AppIDs) != 1 || got.AppIDs[0] != virtualandroid.DemoAppID || got.Entry == nil {
		t.Errorf("%+v", got)
	}
	if _, err := p.Inspect(t.Context(), device.AppIdentity{Package: "com.not.there"}, device.UserChoice{}); code(err) != device.Refused {
		t.Errorf("%v", err)
	}
	w, err := p.WeChat(t.Context(), device.UserChoice{})
	if err != nil || !w.Installed || w.Version != "8.0.50" || len(w.AndroidUsers) != 2 {
		t.Errorf("%+v, %v", w, err)
	}
	if w, err := p.WeChat(t.Context(), device.UserChoice{ID: 999, Set: true}); err != nil || *w.AndroidUser != 999 {
		t.Errorf("%+v, %v", w, err)
	}
	if _, err := p.WeChat(t.Context(), device.UserChoice{ID: 5, Set: true}); code(err) != device.Usage {
		t.Errorf("%v", err)
	}
	none := newLab(t, virtualandroid.Options{Without: true})
	none.warm(t)
	if w, err := none.open(t).WeChat(t.Context(), device.UserChoice{}); err != nil || w.Installed {
		t.Errorf("%+v, %v", w, err)
	}
}

func TestChooseAppIdentity(t *testing.T) {
	demo, other := agent.Package{Name: "com.demo", Debuggable: true, Entry: true}, agent.Package{Name: "com.other", Debuggable: true, Entry: true}
	for _, tt := range []struct {
		want     string
		packages []agent.Package
		got      string
		message  string
	}{
		{"com.asked", nil, "com.asked", ""},
		{"", []agent.Package{demo, {Name: "com.release", Entry: true}, {Name: "com.plain", Debuggable: true}}, "com.demo", ""},
		{"", nil, "", "no debuggable app"},
		{"", []agent.Package{demo, other}, "", "has 2 debuggable apps: com.demo, com.other"},
	} {
		got, err := choosePackage(tt.want, tt.packages)
		if got != tt.got || tt.message == "" && err != nil || tt.message != "" && (code(err) != device.AppUnknown || !strings.Contains(err.Error(), tt.message)) {
			t.Errorf("%q of %v: %q, %v", tt.want, tt.packages, got, err)
		}
	}
	for _, tt := range []struct {
		want    string
		schemes []string
		got     string
		message string
	}{
		{"wx1", nil, "wx1", ""},
		{"", []string{"demo", "wx0123456789abcdef", "wxctlwx0123456789abcdef"}, "wx0123456789abcdef", ""},
		{"", []string{"wxdemo"}, "", "declares none"},
		{"", []string{"wx0123456789abcdef", "wx0123456789abcde0"}, "", "declares several"},
	} {
		got, err := speaker(&agent.App{Package: "com.demo", Schemes: tt.schemes}, device.AppIdentity{}).AppID(tt.want)
		if got != tt.got || tt.message == "" && err != nil || tt.message != "" && (code(err) != device.AppUnknown || !strings.Contains(err.Error(), tt.message)) {
			t.Errorf("%q of %v: %q, %v", tt.want, tt.schemes, got, err)
		}
	}
	for _, tt := range []struct {
		debuggable, pinned, yes   bool
		impersonated, mayNotSpeak bool
	}{
		{debuggable: true}, {pinned: true}, {yes: true, impersonated: true}, {mayNotSpeak: true}, {debuggable: true, yes: true},
	} {
		got, err := speaker(&agent.App{Debuggable: tt.debuggable}, device.AppIdentity{Pinned: tt.pinned}).MaySpeak(tt.yes)
		if got != tt.impersonated || (err != nil) != tt.mayNotSpeak {
			t.Errorf("%+v: %v, %v", tt, got, err)
		}
	}
	for value, want := range map[string]int{"671101492": 671101492, "0x28003334": 0x28003334, "": 0, "x": 0, "-1": 0, "99999999999999": 0} {
		if got := supportAPI(&agent.App{MetaData: map[string]string{metaSupport: value}}); got != want {
			t.Errorf("%q: %d, want %d", value, got, want)
		}
	}
}
