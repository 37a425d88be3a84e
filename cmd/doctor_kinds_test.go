package cmd

import (
	"archive/zip"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wxctl/wxctl/fixtures/doctor"
)

// otherKinds are unusual apps: those that are correct in another way, and those
// whose fault shows in another place.
func otherKinds(t *testing.T) []brokenAPK {
	good := demoCertificate(t)
	other, _ := doctor.Certificate(t, "Other")
	third, _ := doctor.Certificate(t, "Third")
	replace := func(pairs ...string) func(*doctor.APK) {
		return func(a *doctor.APK) {
			a.Manifest = strings.Join(strings.Fields(a.Manifest), " ")
			for i := 0; i < len(pairs); i += 2 {
				if !strings.Contains(a.Manifest, pairs[i]) {
					t.Fatalf("the manifest has no %q", pairs[i])
				}
				a.Manifest = strings.Replace(a.Manifest, pairs[i], pairs[i+1], 1)
			}
		}
	}
	all := func(changes ...func(*doctor.APK)) func(*doctor.APK) {
		return func(a *doctor.APK) {
			for _, change := range changes {
				change(a)
			}
		}
	}
	const (
		entry = `<activity android:name=".wxapi.WXEntryActivity" android:exported="true" ` +
			`android:launchMode="singleTask" android:taskAffinity="com.example.wxdemo">`
		filter  = `<intent-filter><action android:name="android.intent.action.VIEW"/><data android:scheme="wx0123456789abcdef"/></intent-filter>`
		queries = `<queries><package android:name="com.tencent.mm"/></queries>`
		library = `<activity android:name="com.example.library.wxapi.WXEntryActivity" android:launchMode="singleTask"/>` +
			`<activity-alias android:name=".wxapi.WXEntryActivity" android:exported="true" ` +
			`android:targetActivity="com.example.library.wxapi.WXEntryActivity">`
	)
	alias := all(replace(entry, library, "</activity> <provider", "</activity-alias> <provider"),
		func(a *doctor.APK) { a.Classes[0] = "com.example.library.wxapi.WXEntryActivity" })
	return []brokenAPK{
		{"several signers, one registered", func(a *doctor.APK) { a.V2, a.V3 = [][]byte{other, good}, nil }, nil},
		{"1: several signers, none registered", func(a *doctor.APK) { a.V2, a.V3 = [][]byte{other, third}, nil },
			[]string{"app.signature.registered"}},
		{"v1 of another certificate, which new Androids ignore", func(a *doctor.APK) { a.V1 = [][]byte{doctor.Sign(t, []byte("x"))} }, nil},
		{"rotated for Android 13 and newer", func(a *doctor.APK) { a.V31, a.Lineage = [][]byte{other}, [][]byte{good} }, nil},
		{"1: rotated, and neither key is registered", func(a *doctor.APK) {
			a.V2, a.V3, a.Lineage = [][]byte{third}, [][]byte{other}, [][]byte{third}
		}, []string{"app.signature.registered"}},
		{"v3.1 with the key of v3", func(a *doctor.APK) { a.V31 = a.V3 }, nil},
		{"code not compressed, ZIP64", func(a *doctor.APK) { a.Store, a.Zip64 = true, true }, nil},
		{"the class is in the second dex", func(a *doctor.APK) {
			a.Classes[0], a.Second = "a.b.C", []string{"com.example.wxdemo.wxapi.WXEntryActivity"}
		},
			nil},
		{"32: a class of a similar name", func(a *doctor.APK) { a.Classes[0] = "com.example.wxdemo.wxapi.WXEntryActivity2" },
			[]string{"app.entry.class"}},
		{"32: in another case", func(a *doctor.APK) { a.Classes[0] = "com.example.wxdemo.wxapi.WxEntryActivity" }, []string{"app.entry.class"}},
		{"encrypted by a service: not said to be wrong", all(replace(`<application `, `<application android:name="com.stub.StubApp" `),
			func(a *doctor.APK) { a.Classes = []string{"com.stub.StubApp"} }), nil},
		{"an alias for the activity of a library", alias, nil},
		{"8: such an alias without exported", all(alias, replace(`WXEntryActivity" android:exported="true" android:targetActivity`,
			`WXEntryActivity" android:targetActivity`, filter, "")), []string{"app.entry.exported"}},
		{"the library's activity is exported in vain", all(alias, replace(
			`<activity android:name="com.example.library.wxapi.WXEntryActivity"`,
			`<activity android:name="com.example.library.wxapi.WXEntryActivity" android:exported="true"`)), nil},
		{"7: an alias for another package", replace(entry, strings.Replace(strings.Replace(library, `name=".wxapi`, `name="com.example.other.wxapi`, 1),
			"singleTask", "2", 1), "</activity> <provider", "</activity-alias> <provider"), []string{"app.entry.missing"}},
		{"an alias needs no permission of the application", all(alias, replace(`<application `, `<application android:permission="com.example.P" `)), nil},
		{"a permission of the application", replace(`<application `, `<application android:permission="com.example.P" `),
			[]string{"app.entry.permission"}},
		{"the application is disabled", replace(`<application `, `<application android:enabled="false" `), []string{"app.entry.disabled"}},
		{"8: neither exported nor a filter", replace(` android:exported="true" android:launchMode="singleTask"`, ` android:launchMode="singleTask"`,
			filter, ""), []string{"app.entry.exported"}},
		{"a filter makes it exported up to API 30", replace(` android:exported="true" android:launchMode="singleTask"`,
			` android:launchMode="singleTask"`, `targetSdkVersion="34"`, `targetSdkVersion="30"`), nil},
		{"a whole name", replace(`".wxapi.WXEntryActivity"`, `"com.example.wxdemo.wxapi.WXEntryActivity"`), nil},
		{"no queries for API 29", replace(queries, "", `targetSdkVersion="34"`, `targetSdkVersion="29"`), nil},
		{"9: no queries for API 30", replace(queries, "", `targetSdkVersion="34"`, `targetSdkVersion="30"`), []string{"app.queries"}},
		{"9: queries are empty", replace(queries, "<queries/>"), []string{"app.queries"}},
		{"queries in two elements", replace(queries, `<queries><package android:name="a.b"/></queries>`+queries), nil},
		{"9: QUERY_ALL_PACKAGES up to API 29", replace(queries,
			`<uses-permission android:name="android.permission.QUERY_ALL_PACKAGES" android:maxSdkVersion="29"/>`), []string{"app.queries"}},
		{"9: a name that only begins so", replace(`"com.tencent.mm"`, `"com.tencent.mm.plugin"`), []string{"app.queries"}},
		{"no provider for API 29", replace(`<provider android:name="androidx.core.content.FileProvider" `+
			`android:authorities="com.example.wxdemo.fileprovider" android:exported="false" android:grantUriPermissions="true"/>`, "",
			`targetSdkVersion="34"`, `targetSdkVersion="29"`), nil},
		{"a provider of a class of its own", replace("androidx.core.content.FileProvider", ".Files"), nil},
		{"33: an alias and an activity", replace("</application>", `<activity-alias android:name="cn.other.wxapi.WXEntryActivity" `+
			`android:targetActivity="com.example.wxdemo.MainActivity"/></application>`), []string{"app.entry.duplicate"}},
		{"35: libammsdk", func(a *doctor.APK) {
			a.Classes[1], a.Strings = "com.tencent.mm.sdk.openapi.IWXAPI", []string{"android 3.1.1"}
		}, []string{"app.sdk.version"}},
		{"versions of Android beside the SDK's", func(a *doctor.APK) {
			a.Strings = append(a.Strings, "android 4.4.4", "android 5.1.1", "android 8.0.0", "android 10.0.0")
		}, nil},
		{"an AppID in upper case", replace("wx0123456789abcdef", "WX0123456789ABCDEF"), nil},
		{"two AppIDs, one of them registered", replace(filter, filter+strings.Replace(filter, "wx0123456789abcdef", "wxfedcba9876543210", 1)), nil},
		{"schemes of others", replace(filter, filter+strings.Replace(filter, "wx0123456789abcdef", "tencent1234", 1)), nil},
	}
}

// TestOtherKinds: in unusual apps exactly their fault is found, and nothing in
// those without one.
func TestOtherKinds(t *testing.T) {
	t.Parallel()
	profile, good := registered(t), demoCertificate(t)
	for _, tt := range otherKinds(t) {
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

// TestSets: the base APK is found in every kind of set, stored or compressed.
func TestSets(t *testing.T) {
	profile := registered(t)
	base, split := demoAPK(demoCertificate(t)), demoAPK(demoCertificate(t))
	split.Manifest = strings.Replace(split.Manifest, `package="com.example.wxdemo"`, `package="com.example.wxdemo" split="config.arm64_v8a"`, 1)
	for name, tt := range map[string]struct{ file, base, split string }{
		"bundletool, splits":    {"app.apks", "splits/base-master.apk", "splits/base-arm64_v8a.apk"},
		"bundletool, universal": {"app.apks", "universal.apk", ""},
		"SAI":                   {"app.apks", "base.apk", "split_config.arm64_v8a.apk"},
		"APKPure":               {"app.xapk", "com.example.wxdemo.apk", "config.arm64_v8a.apk"},
		"APKMirror":             {"app.apkm", "base.apk", "split_config.arm64_v8a.apk"},
	} {
		for _, method := range []uint16{zip.Store, zip.Deflate} {
			var b bytes.Buffer
			w := zip.NewWriter(&b)
			for part, data := range map[string][]byte{tt.base: base.Make(t), tt.split: split.Make(t), "toc.pb": nil, "manifest.json": []byte("{}")} {
				if part == "" {
					continue
				}
				f, err := w.CreateHeader(&zip.FileHeader{Name: part, Method: method})
				if err == nil {
					_, err = io.Copy(f, bytes.NewReader(data))
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(t.TempDir(), tt.file)
			if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			if fails, warns, all, code := diagnose(t, profile, file); len(fails)+len(warns) > 0 || code != 0 {
				t.Errorf("%s: exit %d, %q, %q: %+v", name, code, fails, warns, all)
			}
		}
	}
}

// TestOtherIPAs: the same for iPhones.
func TestOtherIPAs(t *testing.T) {
	t.Parallel()
	profile := registered(t)
	const domains = "com.apple.developer.associated-domains"
	schemes := func(list ...any) any { return []any{map[string]any{"CFBundleURLSchemes": list}} }
	info := func(key string, value any) func(*doctor.IPA) {
		return func(i *doctor.IPA) {
			if i.Info[key] = value; value == nil {
				delete(i.Info, key)
			}
		}
	}
	for _, tt := range []brokenIPA{
		{name: "for two architectures", change: func(i *doctor.IPA) { i.Fat = true }},
		{name: "from the App Store: no profile", change: func(i *doctor.IPA) { i.Provisioning = nil }},
		{name: "11: no list at all", change: info("LSApplicationQueriesSchemes", nil),
			want: []string{"app.queries.weixin", "app.queries.weixinulapi", "app.queries.weixinurlparamsapi"}},
		{name: "11: no weixinURLParamsAPI", change: info("LSApplicationQueriesSchemes", []string{"weixin", "weixinULAPI", "wechat"}),
			want: []string{"app.queries.weixinurlparamsapi"}},
		{name: "in another case and order", change: info("LSApplicationQueriesSchemes", []string{"weixinurlparamsapi", "WEIXINULAPI", "Weixin"})},
		{name: "11: text in place of a list", change: info("LSApplicationQueriesSchemes", "weixin"), want: []string{
			"app.queries.weixin", "app.queries.weixinulapi", "app.types", "app.queries.weixinurlparamsapi"}},
		{name: "a number among the schemes", change: info("CFBundleURLTypes", schemes("wx0123456789abcdef", 7)), want: []string{"app.types"}},
		{name: "12: no list at all", change: info("CFBundleURLTypes", nil), want: []string{"app.scheme.appid"}},
		{name: "12: one digit is missing", change: info("CFBundleURLTypes", schemes("wx0123456789abcde")), want: []string{"app.scheme.appid"}},
		{name: "two AppIDs", change: info("CFBundleURLTypes", schemes("wx00000000000000aa", "wx0123456789abcdef"))},
		{name: "14: the profile allows no domains, nor has the app any", change: func(i *doctor.IPA) {
			delete(i.Entitlements, domains)
			delete(i.Provisioning, "Entitlements")
		}, want: []string{"app.domains"}},
		{name: "14: a domain with a path", change: func(i *doctor.IPA) { i.Entitlements[domains] = []string{"applinks:wxdemo.example.com/app"} },
			want: []string{"app.domains.link"}},
		{name: "14: one level too few", change: func(i *doctor.IPA) { i.Entitlements[domains] = []string{"applinks:example.com"} },
			want: []string{"app.domains.link"}},
		{name: "among others", change: func(i *doctor.IPA) {
			i.Entitlements[domains] = []string{"webcredentials:x.example.com", "applinks:a.example.com", "applinks:WXDEMO.example.com"}
		}},
		{name: "the profile is for any app of the team", change: func(i *doctor.IPA) {
			i.Provisioning["Entitlements"] = map[string]any{"application-identifier": "ABCDE12345.*", domains: "*"}
		}},
		{name: "a profile for all iPhones", change: func(i *doctor.IPA) { delete(i.Provisioning, "ProvisionedDevices") },
			args: []string{"--device", "virtual:ios"}},
		{name: "a UDID in another case", change: func(i *doctor.IPA) {
			i.Provisioning["ProvisionedDevices"] = []string{"00008110-000a1b2c3d4e5f60"}
		}, args: []string{"--device", "virtual:ios"}},
		{name: "15: http", change: func(*doctor.IPA) {}, profile: strings.Replace(profile, "https://", "http://", 1),
			want: []string{"profile.link.form"}},
	} {
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
