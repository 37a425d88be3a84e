package cmd

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wxctl/wxctl/device/check"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid"
	"github.com/wxctl/wxctl/device/virtual/virtualios"
	"github.com/wxctl/wxctl/fixtures/doctor"
)

// diagnose runs doctor and returns its findings by status, except those that
// passed or were skipped.
func diagnose(t *testing.T, config string, args ...string) (fails, warns []string, all []check.Finding, code int) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "config.toml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	f, out, errOut := testFactory(t, "", map[string]string{"WXCTL_CONFIG_DIR": dir})
	f.ProbeQuiet = time.Millisecond // the apps that are probed here never answer
	code = Run(t.Context(), f, append([]string{"doctor", "--json", "--timeout", "60s"}, args...))
	var answer doctorAnswer
	if err := json.Unmarshal([]byte(out()), &answer); err != nil {
		t.Fatalf("%v: exit %d, %s%s", err, code, out(), errOut())
	}
	for _, f := range answer.Findings {
		switch f.Status {
		case check.Fail:
			fails = append(fails, f.ID)
		case check.Warn:
			warns = append(warns, f.ID)
		}
		if f.Bad() && (f.Fix.Text == "" || f.Title == "" || !strings.HasPrefix(f.Docs, "docs/doctor.md#")) {
			t.Errorf("%s is incomplete: %+v", f.ID, f)
		}
		if !f.Bad() && f.Title == "" {
			t.Errorf("%s has no reason: %+v", f.ID, f)
		}
	}
	return fails, warns, answer.Findings, code
}

// registered is a profile of the virtual phones' demo app.
func registered(t *testing.T) string {
	sum := md5.Sum(demoCertificate(t))
	return `[profiles.default]
app-id = "wx0123456789abcdef"
package = "com.example.wxdemo"
bundle-id = "com.example.wxdemo"
universal-link = "https://wxdemo.example.com/"
android-md5 = "` + hex.EncodeToString(sum[:]) + `"
team-id = "ABCDE12345"
`
}

// TestBrokenPhones: each fault of the demo app on a virtual phone is found, and
// nothing else; on a phone without fault nothing is.
func TestBrokenPhones(t *testing.T) {
	t.Parallel()
	profile := registered(t)
	for platform, faults := range map[string][]string{"android": virtualandroid.Faults(), "ios": virtualios.Faults()} {
		for _, fault := range append([]string{"none"}, faults...) {
			t.Run(platform+"/"+fault, func(t *testing.T) {
				t.Parallel()
				args := []string{"--device", "virtual:" + platform + "?fault=" + fault}
				want := []string{fault}
				switch fault {
				case "app.reply": // which only a forged reply shows
					args = append(args, "--probe")
				case "none":
					want = nil
				case "app.name.registered": // an app that is installed under another name is not installed under this one
					want = []string{"app.installed"}
				}
				fails, warns, all, code := diagnose(t, profile, args...)
				found := append(fails, warns...)
				if !slices.Equal(found, want) {
					t.Errorf("found %q, want %q: %+v", found, want, all)
				}
				if (code == 5) != (len(fails) > 0) || code != 0 && code != 5 {
					t.Errorf("exit %d with %q", code, fails)
				}
			})
		}
	}
}

// A brokenPhone is a fault outside the app: of the phone, its WeChat, the profile.
type brokenPhone struct {
	name, device, profile string
	args                  []string
	want                  []string
	code                  int
}

func brokenPhones(profile string) []brokenPhone {
	return []brokenPhone{
		{name: "no WeChat", device: "android?wechat=none", want: []string{"wechat.installed"}, code: 5},
		{name: "no WeChat on an iPhone", device: "ios?wechat=none", want: []string{"wechat.installed"}, code: 5},
		{name: "WeChat disabled", device: "android?wechat=disabled", want: []string{"wechat.enabled"}, code: 5},
		{name: "WeChat suspended", device: "android?wechat=suspended", want: []string{"wechat.enabled"}, code: 5},
		{name: "old WeChat", device: "android?wechat=6.5.4", want: []string{"wechat.version"}},
		{name: "old WeChat, strictly", device: "android?wechat=6.5.4", args: []string{"--strict"}, want: []string{"wechat.version"}, code: 5},
		{name: "old WeChat on an iPhone", device: "ios?wechat=8.0.20", want: []string{"wechat.version"}},
		{name: "two WeChats", device: "android?users=999", want: []string{"wechat.dual"}},
		{name: "a work profile", device: "android?users=10", want: []string{"phone.work-profile"}},
		{name: "screen off", device: "android?screen=off", want: []string{"phone.screen"}},
		{name: "unauthorized", device: "android?state=unauthorized", want: []string{"phone.ready"}, code: 12},
		{name: "iPhone not trusted", device: "ios?state=unpaired", want: []string{"phone.ready"}, code: 12},
		{name: "another app is meant", device: "ios", args: []string{"com.example.other"}, want: []string{"app.installed"}, code: 5},
		{name: "registered in upper case", device: "android", profile: upper(profile), want: []string{"profile.md5.form"}, code: 5},
		{name: "SHA-1 is registered", device: "android", profile: strings.Replace(profile, `android-md5 = "`, `android-md5 = "00112233`, 1),
			want: []string{"profile.md5.form"}, code: 5},
		{name: "another package is registered", device: "android", args: []string{"com.example.wxdemo"},
			profile: strings.Replace(profile, `package = "com.example.wxdemo"`, `package = "com.example.wxdemo.release"`, 1),
			want:    []string{"app.name.registered"}, code: 5},
		{name: "another bundle id is registered", device: "ios", args: []string{"com.example.wxdemo"},
			profile: strings.Replace(profile, `bundle-id = "com.example.wxdemo"`, `bundle-id = "com.example.release"`, 1),
			want:    []string{"app.name.registered"}, code: 5},
		{name: "no slash", device: "ios", profile: strings.Replace(profile, "wxdemo.example.com/", "wxdemo.example.com/app", 1),
			want: []string{"profile.link.form"}, code: 5},
		{name: "another AppID is registered", device: "ios", profile: strings.Replace(profile, "wx0123456789abcdef", "wx00000000000000aa",
			1), want: []string{"app.scheme.appid"}, code: 5},
		{name: "ignored", device: "android?fault=app.provider",
			profile: profile + "[profiles.default.doctor.ignore]\n\"app.provider\" = \"we share text only\"\n"},
		{name: "skipped", device: "android?fault=app.queries", args: []string{"--skip", "app.queries"}},
		{name: "only others", device: "android?fault=app.queries", args: []string{"--only", "wechat,app.entry.*"}},
	}
}

// TestBrokenSurroundings: what is wrong outside the app.
func TestBrokenSurroundings(t *testing.T) {
	t.Parallel()
	profile := registered(t)
	for _, tt := range brokenPhones(profile) {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.profile == "" {
				tt.profile = profile
			}
			fails, warns, all, code := diagnose(t, tt.profile, append([]string{"--device", "virtual:" + tt.device}, tt.args...)...)
			if found := append(fails, warns...); !slices.Equal(found, tt.want) || code != tt.code {
				t.Errorf("exit %d, found %q, want %q: %+v", code, found, tt.want, all)
			}
		})
	}
}

// upper writes the profile's MD5 as keytool does.
func upper(profile string) string {
	lines := strings.Split(profile, "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, "android-md5") {
			lines[i] = strings.ToUpper(l)
			lines[i] = strings.Replace(lines[i], "ANDROID-MD5", "android-md5", 1)
		}
	}
	return strings.Join(lines, "\n")
}

// demoAPK is a good APK of the demo app.
func demoAPK(certificate []byte) doctor.APK {
	return doctor.APK{
		Manifest: doctor.DemoManifest, V2: [][]byte{certificate}, V3: [][]byte{certificate},
		Classes: []string{"com.example.wxdemo.wxapi.WXEntryActivity", "com.tencent.mm.opensdk.constants.Build"},
		Strings: []string{"android 6.8.34"},
	}
}

// A brokenAPK is a fault of an APK, or none.
type brokenAPK struct {
	name   string
	change func(*doctor.APK)
	want   []string
}

func demoCertificate(t *testing.T) []byte {
	t.Helper()
	der, err := os.ReadFile("../device/virtual/virtualandroid/certificates/demo.der")
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func brokenAPKs(t *testing.T) []brokenAPK {
	good := demoCertificate(t)
	debug, _ := doctor.Certificate(t, "Android Debug")
	other, _ := doctor.Certificate(t, "Other")
	manifest := func(old, new string) func(*doctor.APK) {
		return func(a *doctor.APK) {
			a.Manifest = strings.Join(strings.Fields(a.Manifest), " ")
			if !strings.Contains(a.Manifest, old) {
				t.Fatalf("the manifest has no %q", old)
			}
			a.Manifest = strings.Replace(a.Manifest, old, new, 1)
		}
	}
	const entry = `<activity android:name=".wxapi.WXEntryActivity" android:exported="true" ` +
		`android:launchMode="singleTask" android:taskAffinity="com.example.wxdemo">`
	return []brokenAPK{
		{"good", func(*doctor.APK) {}, nil},
		{"signed with v1 alone", func(a *doctor.APK) { a.V1, a.V2, a.V3 = [][]byte{doctor.Sign(t, []byte("x"))}, nil, nil },
			[]string{"app.signature.registered"}},
		{"1: another certificate", func(a *doctor.APK) { a.V2, a.V3 = [][]byte{other}, [][]byte{other} }, []string{"app.signature.registered"}},
		{"3: debug key", func(a *doctor.APK) { a.V2, a.V3 = [][]byte{debug}, nil }, []string{"app.signature.debug"}},
		{"not signed", func(a *doctor.APK) { a.V2, a.V3 = nil, nil }, []string{"app.signature.missing"}},
		{"rotated: not said to be wrong", func(a *doctor.APK) { a.V3, a.Lineage = [][]byte{other}, [][]byte{good} }, nil},
		{"6: another applicationId", func(a *doctor.APK) {
			a.Manifest = strings.Replace(a.Manifest, `package="com.example.wxdemo"`, `package="com.example.wxdemo.debug"`, 1)
			a.Classes[0] = "com.example.wxdemo.debug.wxapi.WXEntryActivity"
		}, []string{"app.name.registered"}},
		{"7: no entry", manifest(entry, `<activity android:name=".Other" android:exported="true">`), []string{"app.entry.missing"}},
		{"7: in the module's namespace", manifest(`".wxapi.WXEntryActivity"`, `"com.example.module.wxapi.WXEntryActivity"`),
			[]string{"app.entry.missing"}},
		{"8: exported=false", manifest(entry, strings.Replace(entry, `"true"`, `"false"`, 1)), []string{"app.entry.exported"}},
		{"disabled", manifest(entry, strings.Replace(entry, "android:launchMode", `android:enabled="false" android:launchMode`, 1)),
			[]string{"app.entry.disabled"}},
		{"9: no queries", manifest(`<queries><package android:name="com.tencent.mm"/></queries>`, ""), []string{"app.queries"}},
		{"8: an intent filter, and exported left out for API 31", manifest(entry, strings.Replace(entry, `android:exported="true" `, "", 1)+
			`<intent-filter><action android:name="android.intent.action.VIEW"/></intent-filter>`), []string{"app.entry.exported"}},
		{"seen by QUERY_ALL_PACKAGES", manifest(`<queries><package android:name="com.tencent.mm"/></queries>`,
			`<uses-permission android:name="android.permission.QUERY_ALL_PACKAGES"/>`), nil},
		{"seen by the scheme weixin", manifest(`<package android:name="com.tencent.mm"/>`,
			`<intent><action android:name="android.intent.action.VIEW"/><data android:scheme="weixin"/></intent>`), nil},
		{"seen among all that share", manifest(`<package android:name="com.tencent.mm"/>`,
			`<intent><action android:name="android.intent.action.SEND"/></intent>`), nil},
		{"9: another scheme", manifest(`<package android:name="com.tencent.mm"/>`,
			`<intent><action android:name="android.intent.action.VIEW"/><data android:scheme="mqq"/></intent>`), []string{"app.queries"}},
		{"9: queries inside application", func(a *doctor.APK) {
			const queries = `<queries><package android:name="com.tencent.mm"/></queries>`
			a.Manifest = strings.Replace(strings.Replace(a.Manifest, queries, "", 1), "</application>", queries+"</application>", 1)
		}, []string{"app.queries"}},
		{"an alias of a whole name", manifest(entry, `<activity android:name="Reply" android:launchMode="2"/>`+
			`<activity-alias android:name="com.example.wxdemo.wxapi.WXEntryActivity" android:exported="true" `+
			`android:targetActivity="com.example.wxdemo.Reply"/><activity android:name="Other">`), []string{"app.entry.class", "app.entry.launch-mode"}},
		{"20: grants by path", manifest(`android:grantUriPermissions="true"/>`,
			`android:grantUriPermissions="false"><grant-uri-permission android:pathPrefix="/share"/></provider>`), nil},
		{"9: other queries", manifest(`"com.tencent.mm"`, `"com.tencent.mobileqq"`), []string{"app.queries"}},
		{"20: no provider", manifest(`<provider android:name="androidx.core.content.FileProvider" `+
			`android:authorities="com.example.wxdemo.fileprovider" android:exported="false" `+
			`android:grantUriPermissions="true"/>`, ""), []string{"app.provider"}},
		{"20: grants nothing", manifest(`android:grantUriPermissions="true"`, `android:grantUriPermissions="false"`), []string{"app.provider"}},
		{"32: obfuscated", func(a *doctor.APK) { a.Classes = []string{"a.a", "com.tencent.mm.opensdk.constants.Build"} },
			[]string{"app.entry.class"}},
		{"33: two entries", manifest("</application>", `<activity android:name="cn.sharesdk.wxapi.WXEntryActivity" `+
			`android:exported="true"/></application>`), []string{"app.entry.duplicate"}},
		{"33: declared twice", manifest("</application>", strings.Replace(entry, ">", "/>", 1)+"</application>"),
			[]string{"app.entry.duplicate"}},
		{"35: an old SDK", func(a *doctor.APK) { a.Strings = []string{"android 5.5.3"} }, []string{"app.sdk.version"}},
		{"another AppID", manifest("wx0123456789abcdef", "wxfedcba9876543210"), []string{"app.appid.declared"}},
	}
}

// TestBrokenAPKs: each fault of an APK is found without a phone, and nothing
// else.
func TestBrokenAPKs(t *testing.T) {
	t.Parallel()
	diagnoseAPKs(t, registered(t), demoCertificate(t), brokenAPKs(t))
}

// diagnoseAPKs has doctor look at each file, and compares what it finds.
func diagnoseAPKs(t *testing.T, profile string, good []byte, rows []brokenAPK) {
	for _, tt := range rows {
		t.Run(tt.name, func(t *testing.T) {
			apk := demoAPK(good)
			tt.change(&apk)
			file := filepath.Join(t.TempDir(), "app.apk")
			if err := os.WriteFile(file, apk.Make(t), 0o600); err != nil {
				t.Fatal(err)
			}
			fails, warns, all, _ := diagnose(t, profile, file)
			if found := append(fails, warns...); !slices.Equal(found, tt.want) {
				t.Errorf("found %q, want %q: %+v", found, tt.want, all)
			}
		})
	}
}

// demoIPA is a good IPA of the demo app.
func demoIPA() doctor.IPA {
	const domains = "com.apple.developer.associated-domains"
	return doctor.IPA{
		Info: map[string]any{
			"CFBundleIdentifier": "com.example.wxdemo", "CFBundleShortVersionString": "1.0", "CFBundleExecutable": "Demo",
			"CFBundleURLTypes":            []any{map[string]any{"CFBundleURLSchemes": []string{"wx0123456789abcdef"}}},
			"LSApplicationQueriesSchemes": []string{"weixin", "weixinULAPI", "weixinURLParamsAPI"},
		},
		Provisioning: map[string]any{
			"Name": "Demo", "TeamIdentifier": []string{"ABCDE12345"}, "ExpirationDate": time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC),
			"ProvisionedDevices": []string{"00008110-000A1B2C3D4E5F60"}, "Entitlements": map[string]any{domains: []string{"*"}},
		},
		Entitlements: map[string]any{"application-identifier": "ABCDE12345.com.example.wxdemo",
			domains: []string{"applinks:wxdemo.example.com"}},
	}
}

// A brokenIPA is a fault of an IPA, or none.
type brokenIPA struct {
	name    string
	change  func(*doctor.IPA)
	profile string
	args    []string
	want    []string
}

func brokenIPAs(profile string) []brokenIPA {
	info := func(key string, value any) func(*doctor.IPA) { return func(i *doctor.IPA) { i.Info[key] = value } }
	return []brokenIPA{

		{name: "good", change: func(*doctor.IPA) {}},
		{name: "good, and on the phone", change: func(*doctor.IPA) {}, args: []string{"--device", "virtual:ios"}},
		{name: "6: another bundle id", change: info("CFBundleIdentifier", "com.example.other"), want: []string{"app.name.registered"}},
		{name: "11: no weixin", change: info("LSApplicationQueriesSchemes", []string{"weixinULAPI", "weixinURLParamsAPI"}),
			want: []string{"app.queries.weixin"}},
		{name: "11: no weixinULAPI", change: info("LSApplicationQueriesSchemes", []string{"weixin", "weixinURLParamsAPI"}),
			want: []string{"app.queries.weixinulapi"}},
		{name: "11: with a colon", change: info("LSApplicationQueriesSchemes", []string{"weixin://", "weixinULAPI", "weixinURLParamsAPI"}),
			want: []string{"app.queries.weixin"}},
		{name: "12: with a colon", change: info("CFBundleURLTypes",
			[]any{map[string]any{"CFBundleURLSchemes": []string{"wx0123456789abcdef://"}}}), want: []string{"app.scheme.appid"}},
		{name: "in upper case, in the second item", change: info("CFBundleURLTypes",
			[]any{map[string]any{"CFBundleURLSchemes": []string{"demo"}}, map[string]any{"CFBundleURLSchemes": []string{"WX0123456789ABCDEF"}}})},
		{name: "14: a web address in place of a host", change: func(i *doctor.IPA) {
			i.Entitlements["com.apple.developer.associated-domains"] = []string{"applinks:https://wxdemo.example.com"}
		}, want: []string{"app.domains.link"}},
		{name: "14: webcredentials alone", change: func(i *doctor.IPA) {
			i.Entitlements["com.apple.developer.associated-domains"] = []string{"webcredentials:wxdemo.example.com"}
		}, want: []string{"app.domains"}},
		{name: "all hosts below, for developers", change: func(i *doctor.IPA) {
			i.Entitlements["com.apple.developer.associated-domains"] = []string{"applinks:*.example.com?mode=developer"}
		}},
		{name: "15: with a query", change: func(*doctor.IPA) {}, profile: strings.Replace(profile, "example.com/", "example.com/app/?a=1", 1),
			want: []string{"profile.link.form"}},
		{name: "12: no scheme", change: info("CFBundleURLTypes", []any{}), want: []string{"app.scheme.appid"}},
		{name: "12: another scheme", change: info("CFBundleURLTypes",
			[]any{map[string]any{"CFBundleURLSchemes": []string{"wx00000000000000aa"}}}), want: []string{"app.scheme.appid"}},
		{name: "weixin claimed", change: info("CFBundleURLTypes", []any{map[string]any{"CFBundleURLSchemes": []string{"wx0123456789abcdef",
			"weixin"}}}), want: []string{"app.scheme.weixin"}},
		{name: "14: no domain at all", change: func(i *doctor.IPA) {
			delete(i.Entitlements, "com.apple.developer.associated-domains")
			i.Provisioning["Entitlements"] = map[string]any{}
		}, want: []string{"app.domains"}},
		{name: "14: signed again without", change: func(i *doctor.IPA) { delete(i.Entitlements, "com.apple.developer.associated-domains") },
			want: []string{"app.domains.signed"}},
		{name: "14: another domain", change: func(i *doctor.IPA) {
			i.Entitlements["com.apple.developer.associated-domains"] = []string{"applinks:other.example.com"}
		}, want: []string{"app.domains.link"}},
		{name: "15: no slash", change: func(*doctor.IPA) {}, profile: strings.Replace(profile, "example.com/", "example.com/app", 1),
			want: []string{"profile.link.form"}},
		{name: "another team", change: func(i *doctor.IPA) { i.Entitlements["application-identifier"] = "ZZZZZ12345.com.example.wxdemo" },
			want: []string{"app.team.registered"}},
		{name: "expired", change: func(i *doctor.IPA) { i.Provisioning["ExpirationDate"] = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) },
			want: []string{"app.provisioning.expired"}},
		{name: "not for this iPhone", change: func(i *doctor.IPA) { i.Provisioning["ProvisionedDevices"] = []string{"0"} },
			args: []string{"--device", "virtual:ios"}, want: []string{"app.provisioning.device"}},
		{name: "another version than the installed", change: info("CFBundleShortVersionString", "2.0"), args: []string{"--device",
			"virtual:ios"}, want: []string{"app.file"}},
	}
}

// TestBrokenIPAs: each fault of an IPA is found without a phone, and nothing
// else.
func TestBrokenIPAs(t *testing.T) {
	t.Parallel()
	profile := registered(t)
	diagnoseIPAs(t, profile, brokenIPAs(profile))
}

// diagnoseIPAs has doctor look at each file, and compares what it finds.
func diagnoseIPAs(t *testing.T, profile string, rows []brokenIPA) {
	for _, tt := range rows {
		t.Run(tt.name, func(t *testing.T) {
			app := demoIPA()
			tt.change(&app)
			if tt.profile == "" {
				tt.profile = profile
			}
			file := filepath.Join(t.TempDir(), "app.ipa")
			if err := os.WriteFile(file, app.Make(t), 0o600); err != nil {
				t.Fatal(err)
			}
			fails, warns, all, _ := diagnose(t, tt.profile, append([]string{file}, tt.args...)...)
			if found := append(fails, warns...); !slices.Equal(found, tt.want) {
				t.Errorf("found %q, want %q: %+v", found, tt.want, all)
			}
		})
	}
}
