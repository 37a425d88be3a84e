package cmd

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/wxctl/wxctl/fixtures/doctor"
)

// oddAPKs are further ways to have a fault, and healthy apps that look broken.
func oddAPKs(t *testing.T) []brokenAPK {
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
	const (
		entry    = `<activity android:name=".wxapi.WXEntryActivity" android:exported="true" `
		mode     = `android:launchMode="singleTask" android:taskAffinity="com.example.wxdemo">`
		filter   = `<intent-filter><action android:name="android.intent.action.VIEW"/><data android:scheme="wx0123456789abcdef"/></intent-filter>`
		mm       = `<package android:name="com.tencent.mm"/>`
		provider = `<provider android:name="androidx.core.content.FileProvider" android:authorities="com.example.wxdemo.fileprovider" ` +
			`android:exported="false" android:grantUriPermissions="true"/>`
		end = "</application>"
	)
	intent := func(parts string) func(*doctor.APK) { return replace(mm, "<intent>"+parts+"</intent>") }
	return []brokenAPK{
		{"1: v3 of another key, without a lineage", func(a *doctor.APK) { a.V3 = [][]byte{other} }, []string{"app.signature.registered"}},
		{"1: v3.1 of another key, and the lineage does not have ours", func(a *doctor.APK) {
			a.V31, a.Lineage = [][]byte{other}, [][]byte{third}
			a.V2, a.V3 = [][]byte{third}, [][]byte{third}
		}, []string{"app.signature.registered"}},
		{"v3 alone", func(a *doctor.APK) { a.V2 = nil }, nil},
		{"1: v2 alone, of another key, v1 is ours",
			func(a *doctor.APK) { a.V2, a.V3 = [][]byte{other}, nil }, []string{"app.signature.registered"}},
		{"rotated twice", func(a *doctor.APK) { a.V3, a.Lineage = [][]byte{other}, [][]byte{good, third} }, nil},
		{"6: the case of the package", replace(`package="com.example.wxdemo"`, `package="com.example.WXDemo"`,
			`".wxapi.WXEntryActivity"`, `"com.example.WXDemo.wxapi.WXEntryActivity"`), []string{"app.name.registered", "app.entry.class"}},
		{"7: in another case", replace(`".wxapi.WXEntryActivity"`, `".wxapi.WxEntryActivity"`), []string{"app.entry.missing"}},
		{"7: the package in another case",
			replace(`".wxapi.WXEntryActivity"`, `".WXAPI.WXEntryActivity"`), []string{"app.entry.missing"}},
		{"7: not in wxapi", replace(`".wxapi.WXEntryActivity"`, `".WXEntryActivity"`), []string{"app.entry.missing"}},
		{"7: wxapi below another folder",
			replace(`".wxapi.WXEntryActivity"`, `".ui.wxapi.WXEntryActivity"`), []string{"app.entry.missing"}},
		{"7: pay only", replace(`".wxapi.WXEntryActivity"`, `".wxapi.WXPayEntryActivity"`), []string{"app.entry.missing"}},
		{"pay beside it", replace(end, `<activity android:name=".wxapi.WXPayEntryActivity" android:exported="true"/>`+end), nil},
		{"7: it is a receiver", replace("<activity android:name=\".wxapi", "<receiver android:name=\".wxapi", "</activity> <provider",
			"</receiver> <provider"), []string{"app.entry.missing"}},
		{"7: outside application",
			replace(entry+mode+" "+filter+" </activity>", "", end, end+entry+mode+"</activity>"), []string{"app.entry.missing"}},
		{"7: an alias for an activity that is not declared", replace(entry+mode, `<activity-alias android:name=".wxapi.WXEntryActivity" `+
			`android:exported="true" android:targetActivity=".Nowhere">`, "</activity> <provider", "</activity-alias> <provider"),
			[]string{"app.entry.missing"}},
		{"7: an alias before its activity", func(a *doctor.APK) {
			replace(entry+mode, `<activity-alias android:name=".wxapi.WXEntryActivity" android:exported="true" android:targetActivity=".Reply">`,
				"</activity> <provider", `</activity-alias><activity android:name=".Reply" android:launchMode="singleTask"/> <provider`)(a)
			a.Classes[0] = "com.example.wxdemo.Reply"
		}, []string{"app.entry.missing"}},
		{"8: exported without the namespace", replace(entry, strings.Replace(entry, "android:exported", "exported", 1), filter, ""),
			[]string{"app.entry.exported"}},
		{"exported as text", replace(entry, strings.Replace(entry, `"true"`, `"text:true"`, 1)), nil},
		{"8: exported=false as text",
			replace(entry, strings.Replace(entry, `"true"`, `"text:false"`, 1)), []string{"app.entry.exported"}},
		{"exported by a resource", replace(entry, strings.Replace(entry, `"true"`, `"@0x7f040001"`, 1)), nil},
		{"8: exported=false, with a filter, up to API 30", replace(entry, strings.Replace(entry, `"true"`, `"false"`, 1), `"34"`, `"30"`),
			[]string{"app.entry.exported"}},
		{"tools:node is text to Android", replace(`<manifest `, `<manifest xmlns:tools="http://schemas.android.com/tools" `, entry,
			entry+`tools:node="replace" tools:ignore="x" `), nil},
		{"9: SDK by its code name", replace(`android:targetSdkVersion="34"`, `android:targetSdkVersion="text:Baklava"`, mm, ""),
			[]string{"app.queries"}},
		{"9: SDK as text",
			replace(`android:targetSdkVersion="34"`, `android:targetSdkVersion="text:34"`, mm, ""), []string{"app.queries"}},
		{"9: only the lowest SDK is said, and it is 30", replace(`android:minSdkVersion="24" android:targetSdkVersion="34"`,
			`android:minSdkVersion="30"`, mm, ""), []string{"app.queries"}},
		{"no SDK is said: an old app", replace(`<uses-sdk android:minSdkVersion="24" android:targetSdkVersion="34"/>`, "", mm, ""), nil},
		{"9: with a blank", replace(mm, `<package android:name="com.tencent.mm "/>`), []string{"app.queries"}},
		{"9: in another case", replace(mm, `<package android:name="com.tencent.MM"/>`), []string{"app.queries"}},
		{"9: with a character that can't be seen",
			replace(mm, "<package android:name=\"com.tencent.mm\u200b\"/>"), []string{"app.queries"}},
		{"9: without the namespace", replace(mm, `<package name="com.tencent.mm"/>`), []string{"app.queries"}},
		{"9: the name as text", replace(mm, `<package>com.tencent.mm</package>`), []string{"app.queries"}},
		{"9: the iPhone's name", replace(mm, `<package android:name="com.tencent.xin"/>`), []string{"app.queries"}},
		{"9: home screens alone",
			intent(`<action android:name="android.intent.action.MAIN"/><category android:name="android.intent.category.HOME"/>`),
			[]string{"app.queries"}},
		{"all with an icon",
			intent(`<action android:name="android.intent.action.MAIN"/><category android:name="android.intent.category.LAUNCHER"/>`), nil},
		{"9: what opens pictures",
			intent(`<action android:name="android.intent.action.MAIN"/><data android:mimeType="image/*"/>`), []string{"app.queries"}},
		{"9: browsers alone",
			intent(`<action android:name="android.intent.action.VIEW"/><category android:name="android.intent.category.BROWSABLE"/>` +
				`<data android:scheme="https"/>`), []string{"app.queries"}},
		{"9: the scheme, but of a call", intent(`<action android:name="android.intent.action.DIAL"/><data android:scheme="weixin"/>`),
			[]string{"app.queries"}},
		{"9: the SDK's provider, of another app",
			replace(mm, `<provider android:authorities="com.tencent.mobileqq.sdk"/>`), []string{"app.queries"}},
		{"the SDK's provider", replace(mm, `<provider android:authorities="a.b;com.tencent.mm.sdk.comm.provider"/>`), nil},
		{"two actions in two intents", replace(mm, `<intent><action android:name="android.intent.action.DIAL"/></intent><intent>`+
			`<action android:name="android.intent.action.SEND"/><data android:mimeType="image/*"/></intent>`), nil},
		{"20: the provider is disabled",
			replace(provider, strings.Replace(provider, "android:exported", `android:enabled="false" android:exported`, 1)),
			[]string{"app.provider"}},
		{"20: grants without the namespace", replace("android:grantUriPermissions", "grantUriPermissions"), []string{"app.provider"}},
		{"20: outside application", replace(provider, "", end, end+provider), []string{"app.provider"}},
		{"20: no authority", replace(`android:authorities="com.example.wxdemo.fileprovider" `, ""), []string{"app.provider"}},
		{"a support library of old", replace("androidx.core.content.FileProvider", "android.support.v4.content.FileProvider"), nil},
		{"two providers, one of which grants",
			replace(provider, strings.Replace(provider, `grantUriPermissions="true"`, `grantUriPermissions="false"`, 1)+
				strings.Replace(provider, "androidx.core.content.FileProvider", ".Files", 1)), nil},
		{"32: the class is only named", func(a *doctor.APK) {
			a.Classes[0], a.Strings = "a.a", append(a.Strings, "Lcom/example/wxdemo/wxapi/WXEntryActivity;")
		}, []string{"app.entry.class"}},
		{"32: only its inner classes",
			func(a *doctor.APK) { a.Classes[0] = "com.example.wxdemo.wxapi.WXEntryActivity$1" }, []string{"app.entry.class"}},
		{"32: an alias whose target was renamed", replace(entry+mode, `<activity android:name=".Reply" android:launchMode="singleTask"/>`+
			`<activity-alias android:name=".wxapi.WXEntryActivity" android:exported="true" android:targetActivity=".Reply">`,
			"</activity> <provider", `</activity-alias> <provider`), []string{"app.entry.class"}},
		{"33: another, which is disabled",
			replace(end, `<activity android:name="cn.sharesdk.wxapi.WXEntryActivity" android:enabled="false"/>`+end), nil},
		{"33: three of them",
			replace(end, `<activity android:name="a.b.wxapi.WXEntryActivity"/><activity android:name="c.d.wxapi.WXEntryActivity"/>`+end),
			[]string{"app.entry.duplicate"}},
		{"35: one before", func(a *doctor.APK) { a.Strings = []string{"android 6.7.9"} }, []string{"app.sdk.version"}},
		{"35: version of three digits", func(a *doctor.APK) { a.Strings = []string{"android 6.10.2"} }, nil},
		{"an SDK of seven", func(a *doctor.APK) { a.Strings = []string{"android 7.0.0"} }, nil},
		{"another AppID, with a host",
			replace(`android:scheme="wx0123456789abcdef"`, `android:scheme="wxfedcba9876543210" android:host="*"`),
			[]string{"app.appid.declared"}},
		{"the scheme of a resource", replace(`"wx0123456789abcdef"`, `"@0x7f0e0001"`), nil},
		{"a scheme with a blank", replace(`"wx0123456789abcdef"`, `"wx0123456789abcdef "`), nil},
	}
}

// TestOddAPKs: the same as TestOtherKinds, for more of them.
func TestOddAPKs(t *testing.T) {
	t.Parallel()
	diagnoseAPKs(t, registered(t), demoCertificate(t), oddAPKs(t))
}

func oddIPAs(profile string) []brokenIPA {
	const domains = "com.apple.developer.associated-domains"
	info := func(key string, value any) func(*doctor.IPA) { return func(i *doctor.IPA) { i.Info[key] = value } }
	misspelt := func(key, as string) func(*doctor.IPA) {
		return func(i *doctor.IPA) {
			i.Info[as] = i.Info[key]
			delete(i.Info, key)
		}
	}
	schemes := func(list ...any) func(*doctor.IPA) {
		return info("CFBundleURLTypes", []any{map[string]any{"CFBundleURLSchemes": list}})
	}
	entitled := func(key string, value any) func(*doctor.IPA) {
		return func(i *doctor.IPA) { i.Entitlements[key] = value }
	}
	link := func(to string) string { return strings.Replace(profile, "https://wxdemo.example.com/", to, 1) }
	good := func(*doctor.IPA) {}
	noQueries := []string{"app.queries.weixin", "app.queries.weixinulapi", "app.queries.weixinurlparamsapi"}
	return []brokenIPA{
		{name: "Info.plist as text", change: func(i *doctor.IPA) { i.XML = true }},
		{name: "entitlements in DER alone", change: func(i *doctor.IPA) { i.DER = true }},
		{name: "14: in DER alone, for another domain", change: func(i *doctor.IPA) {
			i.DER, i.Entitlements[domains] = true, []string{"applinks:other.example.com"}
		}, want: []string{"app.domains.link"}},
		{name: "14: in DER alone, without domains", change: func(i *doctor.IPA) {
			delete(i.Entitlements, domains)
			i.DER = true
		}, want: []string{"app.domains.signed"}},
		{name: "offsets of 64 bits", change: func(i *doctor.IPA) { i.Fat64 = true }},
		{name: "the program has the name of the app", change: func(i *doctor.IPA) { delete(i.Info, "CFBundleExecutable") }},
		{name: "6: the case of the bundle id",
			change: info("CFBundleIdentifier", "com.example.WXDemo"), want: []string{"app.name.registered"}},
		{name: "6: a blank after it", change: info("CFBundleIdentifier", "com.example.wxdemo "), want: []string{"app.name.registered"}},
		{name: "6: a variable of Xcode",
			change: info("CFBundleIdentifier", "$(PRODUCT_BUNDLE_IDENTIFIER)"), want: []string{"app.name.registered"}},
		{name: "11: the key is misspelt", change: misspelt("LSApplicationQueriesSchemes", "LSApplicationQueriesScheme"), want: noQueries},
		{name: "11: the key in another case",
			change: misspelt("LSApplicationQueriesSchemes", "LSApplicationQueriesschemes"), want: noQueries},
		{name: "11: a blank", change: info("LSApplicationQueriesSchemes", []string{"weixin ", "weixinULAPI", "weixinURLParamsAPI"}),
			want: []string{"app.queries.weixin"}},
		{name: "11: an invisible character",
			change: info("LSApplicationQueriesSchemes", []string{"weixin", "weixinULAPI\u200b", "weixinURLParamsAPI"}),
			want:   []string{"app.queries.weixinulapi"}},
		{name: "11: all in one text",
			change: info("LSApplicationQueriesSchemes", []string{"weixin,weixinULAPI,weixinURLParamsAPI"}), want: noQueries},
		{name: "11: beyond the 50th", change: func(i *doctor.IPA) {
			list := make([]string, 50)
			for n := range list {
				list[n] = "a" + strings.Repeat("b", n)
			}
			i.Info["LSApplicationQueriesSchemes"] = append(list, "weixin", "weixinULAPI", "weixinURLParamsAPI")
		}, want: noQueries},
		{name: "12: a blank", change: schemes("wx0123456789abcdef "), want: []string{"app.scheme.appid"}},
		{name: "12: a line break", change: schemes("wx0123456789abcdef\n"), want: []string{"app.scheme.appid"}},
		{name: "12: a variable of Xcode", change: schemes("$(WX_APPID)"), want: []string{"app.scheme.appid"}},
		{name: "12: the key is misspelt", change: misspelt("CFBundleURLTypes", "CFBundleURLType"), want: []string{"app.scheme.appid"}},
		{name: "12: the letter O", change: schemes("wxO123456789abcdef"), want: []string{"app.scheme.appid"}},
		{name: "12: as the name, not as the scheme",
			change: info("CFBundleURLTypes", []any{map[string]any{"CFBundleURLName": "wx0123456789abcdef"}}),
			want:   []string{"app.scheme.appid"}},
		{name: "weixin claimed, in another case", change: schemes("wx0123456789abcdef", "WeiXin"), want: []string{"app.scheme.weixin"}},
		{name: "14: the service is misspelt",
			change: entitled(domains, []string{"applink:wxdemo.example.com"}), want: []string{"app.domains"}},
		{name: "14: the host alone", change: entitled(domains, []string{"wxdemo.example.com"}), want: []string{"app.domains"}},
		{name: "14: a blank after the colon",
			change: entitled(domains, []string{"applinks: wxdemo.example.com"}), want: []string{"app.domains.link"}},
		{name: "14: a slash after the host",
			change: entitled(domains, []string{"applinks:wxdemo.example.com/"}), want: []string{"app.domains.link"}},
		{name: "14: a star without a dot",
			change: entitled(domains, []string{"applinks:*example.com"}), want: []string{"app.domains.link"}},
		{name: "14: a star for one level more",
			change: entitled(domains, []string{"applinks:*.wxdemo.example.com"}), want: []string{"app.domains.link"}},
		{name: "14: an empty list", change: entitled(domains, []string{}), want: []string{"app.domains.signed"}},
		{name: "a list that is a text", change: entitled(domains, "applinks:wxdemo.example.com")},
		{name: "for developers", change: entitled(domains, []string{"applinks:wxdemo.example.com?mode=developer"})},
		{name: "an old app, whose prefix is not its team", change: func(i *doctor.IPA) {
			i.Entitlements["application-identifier"] = "OLDPREFIX1.com.example.wxdemo"
			i.Entitlements["com.apple.developer.team-identifier"] = "ABCDE12345"
		}},
		{name: "14: the profile of another team",
			change: func(i *doctor.IPA) { i.Provisioning["TeamIdentifier"] = []string{"ZZZZZ12345"} },
			want:   []string{"app.team.registered"}},
		{name: "an old app, whose id has another prefix than its team", change: func(i *doctor.IPA) {
			i.Provisioning["TeamIdentifier"] = []string{"ZZZZZ12345"}
			i.Provisioning["Entitlements"] = map[string]any{domains: "*", "application-identifier": "ABCDE12345.com.example.wxdemo"}
		}},
		{name: "14: signature and profile of another team", change: func(i *doctor.IPA) {
			i.Provisioning["TeamIdentifier"] = []string{"ZZZZZ12345"}
			i.Entitlements["application-identifier"] = "ZZZZZ12345.com.example.wxdemo"
		}, want: []string{"app.team.registered"}},
		{name: "not signed at all: not said to be wrong", change: func(i *doctor.IPA) { i.Unsigned = true }},
		{name: "15: a blank", change: good, profile: link("https://wxdemo.example.com/ "), want: []string{"profile.link.form"}},
		{name: "15: the pattern of the association file", change: good, profile: link("https://wxdemo.example.com/app/*"),
			want: []string{"profile.link.form"}},
		{name: "15: a fragment", change: good, profile: link("https://wxdemo.example.com/#/"), want: []string{"profile.link.form"}},
		{name: "15: an empty query", change: good, profile: link("https://wxdemo.example.com/?"), want: []string{"profile.link.form"}},
		{name: "15: the host alone", change: good, profile: link("https://wxdemo.example.com"), want: []string{"profile.link.form"}},
		{name: "15: no scheme", change: good, profile: link("wxdemo.example.com/"), want: []string{"profile.link.form"}},
		{name: "15: as an associated domain",
			change: good, profile: link("applinks:wxdemo.example.com"), want: []string{"profile.link.form"}},
		{name: "in upper case", change: good, profile: link("HTTPS://WXDEMO.example.com/")},
		{name: "with a path", change: good, profile: link("https://wxdemo.example.com/app/ios/")},
	}
}

// TestOddIPAs: the same for iPhones.
func TestOddIPAs(t *testing.T) {
	t.Parallel()
	profile := registered(t)
	diagnoseIPAs(t, profile, oddIPAs(profile))
}

// TestOddAppFiles: files under another name than they should have, and parts of apps.
func TestOddAppFiles(t *testing.T) {
	t.Parallel()
	profile := registered(t)
	base, feature := demoAPK(demoCertificate(t)), demoAPK(demoCertificate(t))
	feature.Manifest = strings.Replace(feature.Manifest, `package="com.example.wxdemo"`, `package="com.example.wxdemo" split="camera"`, 1)
	set := doctor.Zip(t, map[string][]byte{"a.feature.apk": feature.Make(t), "com.example.wxdemo.apk": base.Make(t)})
	standalone := doctor.Zip(t, map[string][]byte{"standalones/standalone-arm64_v8a.apk": base.Make(t),
		"standalones/standalone-x86.apk": base.Make(t), "toc.pb": nil})
	many := map[string][]byte{}
	for i := range 17 {
		many[strconv.Itoa(i)+".apk"] = base.Make(t)
	}
	for _, tt := range []struct {
		name string
		data []byte
		want string // on stderr; "" is a healthy app
	}{
		{"app.zip", demoIPA().Make(t), ""},
		{"app.ZIP", base.Make(t), ""},
		{"app.IPA", demoIPA().Make(t), ""},
		{"app.APK", set, ""},
		{"app.xapk", set, ""},
		{"app.apks", standalone, ""},
		{"app.apk", feature.Make(t), "is one part of an app in several APKs: give its base APK"},
		{"features.apks", doctor.Zip(t, map[string][]byte{"a.apk": feature.Make(t)}), "holds no base APK"},
		{"many.apks", doctor.Zip(t, many), "holds 17 APKs that may be the base APK; unpack it, and give that one"},
		{"app.aab", doctor.Zip(t, map[string][]byte{"base/manifest/AndroidManifest.xml": nil}), "bundletool build-apks"},
		{"bundle.zip", doctor.Zip(t, map[string][]byte{"base/manifest/AndroidManifest.xml": nil}), "not an APK"},
		{"empty.apk", nil, "not a ZIP archive"},
		{"page.ipa", []byte("<html>404</html>"), "not a ZIP archive"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), tt.name)
			if err := os.WriteFile(file, tt.data, 0o600); err != nil {
				t.Fatal(err)
			}
			f, out, errOut := testFactory(t, "", map[string]string{"WXCTL_CONFIG_DIR": configDir(t, profile)})
			code := Run(t.Context(), f, []string{"doctor", "--json", file})
			if tt.want == "" && code != 0 || tt.want != "" && (code != 2 || !strings.Contains(errOut()+out(), tt.want)) {
				t.Errorf("exit %d: %s%s", code, out(), errOut())
			}
		})
	}
}
