package check

import (
	"slices"
	"strings"
)

func appChecks() []Check {
	return []Check{{
		ID: "app.installed", Group: GroupApp, Severity: Fail, Needs: []Need{NeedApp}, Complaints: []int{6},
		Title: "the app is not installed",
		Good:  "the app is there",
		Why: "The phone has no app of this name. The name in the profile, or on the command line, may be another one " +
			"than the app has (a suffix such as .debug, for example).",
		Fix: "Install the app, or give its real name: `wxctl doctor NAME`, `wxctl config set package NAME`, `wxctl " +
			"config set bundle-id NAME`.",
		Find: func(f *Facts) Result {
			switch {
			case f.App.Unnamed != "":
				return found("%s", f.App.Unnamed).fixed("Name the app: `wxctl doctor com.example.app`, or make a " +
					"profile: `wxctl config init`.")
			case f.App.NotInstalled:
				return found("%s is not installed on the phone", f.App.Package)
			}
			return pass().seen(f.App.Source, "%s %s", f.App.Package, f.App.Version)
		},
	}, {
		ID: "app.enabled", Group: GroupApp, Severity: Fail, Platform: "android", Needs: []Need{NeedApp},
		Title: "the app is disabled",
		Good:  "the app is enabled",
		Why:   "The app is on the phone, but switched off. WeChat can't call it back.",
		Fix:   "Enable it: on the phone, Settings > Apps.",
		Find: app(func(f *Facts) Result {
			if !f.App.Disabled {
				return pass()
			}
			r := found("the app is disabled").fixed("Enable it.").by("adb shell pm enable %s", f.App.Package)
			r.Fix.Auto = true
			return r
		}),
	}, {
		ID: "app.name.registered", Group: GroupApp, Severity: Fail, Needs: []Need{NeedApp, NeedProfile}, Complaints: []int{6},
		Title: "the app has another name than the registered one",
		Good:  "the app has the registered name",
		Why: "At the Open Platform an AppID belongs to one package name and one bundle id. A build with another name " +
			"(com.example.app.debug) is another app for WeChat, and refused.",
		Fix: "Build the app with the registered name (applicationId in build.gradle, Bundle Identifier in Xcode), or " +
			"register this name at open.weixin.qq.com.",
		Find: app(func(f *Facts) Result {
			want := f.Profile.Package
			if f.Platform == "ios" {
				want = f.Profile.BundleID
			}
			switch want {
			case "":
				return skip("the profile names no app")
			case f.App.Package:
				return pass()
			}
			return found("the app is %s, but %s is registered", f.App.Package, want).
				seen(f.App.Source, "%s", f.App.Package).seen("profile "+f.Profile.Name, "%s", want)
		}),
	}}
}

func appFileChecks() []Check {
	return []Check{{
		ID: "app.file", Group: GroupApp, Severity: Warn, Needs: []Need{NeedApp},
		Title: "the file and the installed app differ",
		Good:  "the file and the installed app are signed alike",
		Why: "What is installed is not this file: another version, or another certificate. What WeChat says of the " +
			"one need not hold for the other.",
		Fix: "Install the file: `adb install -r FILE` for Android, Xcode or `ideviceinstaller install FILE` for an " +
			"iPhone. If the certificates differ, uninstall the app first.",
		Find: app(func(f *Facts) Result {
			have := f.Installed
			switch {
			case have == nil:
				return skip("only one of the two was looked at")
			case have.NotInstalled:
				return skip("the app is not installed")
			}
			r := Result{}
			if f.App.Version != have.Version {
				r = r.seen(f.App.Source, "version %s", f.App.Version).seen(have.Source, "version %s", have.Version)
			}
			if a, b := md5s(f.App.Signers), md5s(have.Signers); a != b && a != "" && b != "" {
				r = r.seen(f.App.Source, "signed by %s", a).seen(have.Source, "signed by %s", b)
			}
			if len(r.Evidence) == 0 {
				return pass()
			}
			return r
		}),
	}, {
		ID: "app.scheme.shared", Group: GroupApp, Severity: Fail, Needs: []Need{NeedApp, NeedPhone}, Complaints: []int{13},
		Title: "another app claims the same AppID as its URL scheme",
		Good:  "no other app claims the AppID as its URL scheme",
		Why: "iOS picks one of the apps that claim a URL scheme, and not always the same. WeChat's answer may go to the " +
			"other app. On Android, WeChat calls an app by its package name, and the scheme opens links alone: there it is " +
			"a warning.",
		Fix: "Delete the other app from the phone, or give one of the two its own AppID (iOS: CFBundleURLTypes in " +
			"Info.plist; Android: android:scheme in the intent filters of AndroidManifest.xml).",
		Find: app(func(f *Facts) Result {
			if len(f.App.Claims) == 0 {
				return pass()
			}
			r := found("%s claims the same AppID as its URL scheme", strings.Join(f.App.Claims, ", "))
			for _, id := range f.App.Claims {
				r = r.seen("apps on the phone", "%s has the URL scheme, too", id)
			}
			if f.Platform == "android" {
				r.Status = Warn
				r = r.fixed("Uninstall the other app: `adb uninstall %s`. Or remove android:scheme with the AppID from the "+
					"intent filters in its AndroidManifest.xml.", f.App.Claims[0])
			}
			return r
		}),
	}}
}

// What to do where the app does not take a reply.
const (
	replyFixAndroid = "Android: in WXEntryActivity, call api.handleIntent(getIntent(), this) in onCreate and in onNewIntent."
	replyFixIOS     = "iOS: call [WXApi handleOpenUniversalLink:delegate:] in scene:continueUserActivity: and [WXApi " +
		"handleOpenURL:delegate:] in scene:openURLContexts: (without scenes, in the same methods of the " +
		"AppDelegate); other libraries must not return YES for these links."
)

func sdkChecks() []Check {
	return []Check{{
		ID: "app.reply", Group: GroupApp, Severity: Fail, Needs: []Need{NeedProbe}, Complaints: []int{17},
		Title: "the app does not take WeChat's reply",
		Good:  "the app takes WeChat's reply",
		Why: "doctor opened the app as WeChat does with a reply, and the app's onResp was not called. On an iPhone, a " +
			"SceneDelegate, the AppDelegate or another library takes the link and does not hand it to the SDK; on " +
			"Android, WXEntryActivity does not call handleIntent.",
		Fix: replyFixAndroid + " " + replyFixIOS,
		Find: app(func(f *Facts) Result {
			r := Result{Evidence: f.Probe.Seen}.fixed(replyFixIOS)
			if f.Platform == "android" {
				r = r.fixed(replyFixAndroid)
			}
			switch {
			case f.Probe.Refused != "":
				return unknown("no reply could be forged: %s", f.Probe.Refused)
			case f.Probe.Reached:
				return pass(f.Probe.Seen...)
			case !f.Probe.Watched && f.Probe.Blind != "":
				return unknown("the app was opened with a reply, and whether its onResp ran can't be seen: %s", f.Probe.Blind)
			case !f.Probe.Watched:
				return unknown("the app was opened with a reply, and whether its onResp ran can't be seen: put the debug hook " +
					"into the app (docs/bridge.md), which logs it")
			}
			return r
		}),
	}, {
		ID: "app.sdk.version", Group: GroupApp, Severity: Warn, Platform: "android", Needs: []Need{NeedApp}, Complaints: []int{35},
		Title: "the app has an old OpenSDK",
		Good:  "the app's OpenSDK is new enough",
		Why: "Old SDKs lack what newer WeChat and Android versions ask for: content URIs on Android 11 and newer " +
			"(6.8.0), the caller token (5.5.8). WeChat may also show \"未验证应用\" to who gets the message.",
		Fix: "In build.gradle, set com.tencent.mm.opensdk:wechat-sdk-android to 6.8.0 or newer.",
		Find: app(func(f *Facts) Result {
			switch {
			case f.App.NoClasses != "":
				return unknown("the code could not be read: %s", f.App.NoClasses)
			case f.App.SDK == "":
				return unknown("the OpenSDK's version was not found in the code: it may be obfuscated, or absent")
			case older(f.App.SDK, "6.8.0"):
				return found("the app has OpenSDK %s, from before 6.8.0", f.App.SDK).seen(f.App.Source,
					"com.tencent.mm.opensdk.constants.Build: %s", f.App.SDK)
			}
			return pass().seen(f.App.Source, "OpenSDK %s", f.App.SDK)
		}),
	}}
}

// app runs a check only if the app was found.
func app(find func(*Facts) Result) func(*Facts) Result {
	return func(f *Facts) Result {
		if f.App.NotInstalled {
			return skip("the app is not installed")
		}
		return find(f)
	}
}

func md5s(signers []Signer) string {
	var sums []string
	for _, s := range signers {
		sums = append(sums, s.MD5)
	}
	slices.Sort(sums)
	return strings.Join(sums, ", ")
}

// older compares versions of numbers and dots; a part that is not a number
// counts as 0.
func older(version, than string) bool {
	a, b := strings.Split(version, "."), strings.Split(than, ".")
	for i := range max(len(a), len(b)) {
		var x, y int
		if i < len(a) {
			x = number(a[i])
		}
		if i < len(b) {
			y = number(b[i])
		}
		if x != y {
			return x < y
		}
	}
	return false
}

// number is the number that s begins with, 0 if none.
func number(s string) int {
	n := 0
	for _, c := range s {
		if c < '0' || c > '9' || n > 1<<20 {
			break
		}
		n = 10*n + int(c-'0')
	}
	return n
}
