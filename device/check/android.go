package check

import (
	"slices"
	"strings"
)

const (
	wechatPackage = "com.tencent.mm"
	entryClass    = ".wxapi.WXEntryActivity"
)

// manifest runs a check only on an app whose manifest could be read.
func manifest(find func(*Facts) Result) func(*Facts) Result {
	return app(func(f *Facts) Result {
		if f.App.NoManifest != "" {
			return unknown("the manifest could not be read: %s", f.App.NoManifest)
		}
		return find(f)
	})
}

// entry runs a check only on an app that declares WXEntryActivity.
func entry(find func(f *Facts, e *Entry) Result) func(*Facts) Result {
	return app(func(f *Facts) Result {
		if f.App.Entry == nil {
			return skip("WXEntryActivity is not declared")
		}
		if f.App.Entry.NoTarget {
			return skip("see app.entry.missing")
		}
		return find(f, f.App.Entry)
	})
}

const declareEntry = `In AndroidManifest.xml, inside <application>, add: ` +
	`<activity android:name=".wxapi.WXEntryActivity" android:exported="true" android:launchMode="singleTask" ` +
	`android:taskAffinity="YOUR.PACKAGE" />. ` +
	`The class must be in the package YOUR.PACKAGE.wxapi, where YOUR.PACKAGE is the applicationId.`

func entryChecks() []Check {
	return []Check{{
		ID: "app.entry.missing", Group: GroupApp, Severity: Fail, Platform: "android", Needs: []Need{NeedApp}, Complaints: []int{7},
		Title: "WXEntryActivity is not declared",
		Good:  "WXEntryActivity is declared",
		Why: "WeChat calls back the activity <applicationId>.wxapi.WXEntryActivity and no other. If it is missing, or " +
			"declared under the name of a library or a module, onResp is never called.",
		Fix: declareEntry,
		Find: app(func(f *Facts) Result {
			switch e := f.App.Entry; {
			case e != nil && e.NoTarget:
				return found("%s is an alias for %s, which is not declared before it: Android does not install the app", e.Name, e.Target).
					fixed("In AndroidManifest.xml, put the <activity> %s before the <activity-alias> %s.", e.Target, e.Name)
			case e != nil:
				return pass()
			}
			r := found("%s is not declared: WeChat can't call the app back", f.App.Package+entryClass).
				fixed("%s", strings.ReplaceAll(declareEntry, "YOUR.PACKAGE", f.App.Package))
			for _, name := range f.App.Entries {
				r = r.seen("AndroidManifest.xml", "%s is declared, in another package", name)
			}
			for _, name := range f.App.Similar {
				r = r.seen("AndroidManifest.xml", "%s is declared: upper and lower case, or the folder wxapi, are not the same", name)
			}
			return r
		}),
	}, {
		ID: "app.entry.exported", Group: GroupApp, Severity: Fail, Platform: "android", Needs: []Need{NeedApp}, Complaints: []int{8},
		Title: "WXEntryActivity is not exported",
		Good:  "WXEntryActivity is exported",
		Why: "WeChat is another app: Android lets it start exported activities only. Without the attribute an " +
			"activity without intent filter is not exported. With one, Android 12 and newer don't install an app for API 31 " +
			"that does not say it.",
		Fix: `In AndroidManifest.xml, at the <activity> .wxapi.WXEntryActivity, set android:exported="true".`,
		Find: entry(func(f *Facts, e *Entry) Result {
			if e.Exported {
				return pass()
			}
			return found("%s is not exported: WeChat can't call the app back", e.Name)
		}),
	}, {
		ID: "app.entry.disabled", Group: GroupApp, Severity: Fail, Platform: "android", Needs: []Need{NeedApp},
		Title: "WXEntryActivity is disabled",
		Good:  "WXEntryActivity is enabled",
		Why:   "A disabled activity can't be started, and onResp is never called.",
		Fix: `In AndroidManifest.xml, remove android:enabled="false" from the <activity> .wxapi.WXEntryActivity and ` +
			`from <application>. If the app switches it off at run time (setComponentEnabledSetting), let it not.`,
		Find: entry(func(f *Facts, e *Entry) Result {
			if e.Enabled {
				return pass()
			}
			return found("%s is disabled: WeChat can't call the app back", e.Name)
		}),
	}, {
		ID: "app.entry.permission", Group: GroupApp, Severity: Fail, Platform: "android", Needs: []Need{NeedApp},
		Title: "WXEntryActivity asks for a permission",
		Good:  "WXEntryActivity asks for no permission",
		Why:   "WeChat does not hold the permission, so Android refuses to start the activity.",
		Fix:   `In AndroidManifest.xml, remove android:permission from the <activity> .wxapi.WXEntryActivity and from <application>.`,
		Find: entry(func(f *Facts, e *Entry) Result {
			if e.Permission == "" {
				return pass()
			}
			return found("%s asks for the permission %q, which WeChat does not hold", e.Name, e.Permission)
		}),
	}, {
		ID: "app.entry.launch-mode", Group: GroupApp, Severity: Warn, Platform: "android", Needs: []Need{NeedApp},
		Title: "WXEntryActivity has the launch mode standard",
		Good:  "WXEntryActivity is opened once",
		Why:   "Each reply opens another copy of the activity. The user sees it flash, and back leads through the copies.",
		Fix: `In AndroidManifest.xml, at the <activity> .wxapi.WXEntryActivity, set android:launchMode="singleTask", ` +
			`and let onNewIntent call handleIntent.`,
		Find: entry(func(f *Facts, e *Entry) Result {
			if e.LaunchMode != "standard" {
				return pass()
			}
			return found("%s has the launch mode standard: each reply opens another one", e.Name)
		}),
	}}
}

func entryClassChecks() []Check {
	return []Check{{
		ID: "app.entry.duplicate", Group: GroupApp, Severity: Fail, Platform: "android", Needs: []Need{NeedApp}, Complaints: []int{33},
		Title: "several WXEntryActivity are declared",
		Good:  "one WXEntryActivity is declared",
		Why: "Two share libraries are in the app, and each brings a WXEntryActivity. WeChat calls one of them; the " +
			"other library waits for its reply for ever.",
		Fix: `Keep one library for WeChat. In AndroidManifest.xml, remove the other declaration: <activity ` +
			`android:name="…wxapi.WXEntryActivity" tools:node="remove" />.`,
		Find: manifest(func(f *Facts) Result {
			if f.App.Entry == nil || len(f.App.Entries) < 2 {
				return pass()
			}
			r := found("%d activities are named WXEntryActivity", len(f.App.Entries))
			for _, name := range f.App.Entries {
				r = r.seen("AndroidManifest.xml", "%s", name)
			}
			return r
		}),
	}, {
		ID: "app.entry.class", Group: GroupApp, Severity: Fail, Platform: "android", Needs: []Need{NeedApp}, Complaints: []int{32},
		Title: "the class of WXEntryActivity is not in the app",
		Good:  "the class of WXEntryActivity is in the app",
		Why: "The manifest names the class, but the code does not have it: R8 or ProGuard removed or renamed it, or " +
			"it is in another package. When WeChat calls back, the app crashes, or nothing happens.",
		Fix: "In proguard-rules.pro add: -keep class com.tencent.mm.opensdk.** { *; } and -keep class " +
			"YOUR.PACKAGE.wxapi.** { *; }. Then build again.",
		Find: entry(func(f *Facts, e *Entry) Result {
			class := e.Name
			if e.Target != "" {
				class = e.Target
			}
			switch {
			case f.App.NoClasses != "":
				return unknown("the code could not be read: %s", f.App.NoClasses)
			case f.App.EntryClass:
				return pass()
			}
			return found("the manifest names the class %s, but the code does not have it", class).
				seen(f.App.Source, "no classes*.dex defines %s", class).
				fixed("In proguard-rules.pro add: -keep class com.tencent.mm.opensdk.** { *; } and -keep class %s { *; "+
					"}. Then build again.", class)
		}),
	}}
}

func manifestChecks() []Check {
	return []Check{{
		ID: "app.queries", Group: GroupApp, Severity: Fail, Platform: "android", Needs: []Need{NeedApp}, Complaints: []int{9},
		Title: "the app can't see WeChat",
		Good:  "the app can see WeChat",
		Why: "From Android 11 on, an app that targets API 30 or higher sees other apps only if its manifest names " +
			"them. isWXAppInstalled answers false although WeChat is there.",
		Fix: `In AndroidManifest.xml, inside <manifest> and outside <application>, add: <queries><package ` +
			`android:name="com.tencent.mm" /></queries>.`,
		Find: manifest(func(f *Facts) Result {
			switch {
			case f.App.TargetSDK < 30:
				return pass()
			case f.Phone.API > 0 && f.Phone.API < 30:
				return skip("Android before 11 hides no apps")
			case slices.Contains(f.App.Queries, wechatPackage):
				return pass()
			case f.App.SeesWeChat != "":
				return pass().seen("AndroidManifest.xml", "%s", f.App.SeesWeChat)
			}
			return found("the app can't see WeChat: it targets API %d and its <queries> don't name %s", f.App.TargetSDK, wechatPackage).
				seen("AndroidManifest.xml", "<queries>: %s", orNone(f.App.Queries))
		}),
	}, {
		ID: "app.provider", Group: GroupApp, Severity: Warn, Platform: "android", Needs: []Need{NeedApp}, Complaints: []int{20},
		Title: "the app has no FileProvider for WeChat",
		Good:  "the app has a provider that can give WeChat access to files",
		Why: "From Android 11 on, WeChat can't read files of other apps by their path (\"需要使用 FileProvider 方式分享\"). " +
			"Pictures above 1 MB and files must be shared as content URIs, which need a provider that may grant access.",
		Fix: `In AndroidManifest.xml, inside <application>, add: <provider ` +
			`android:name="androidx.core.content.FileProvider" android:authorities="${applicationId}.fileprovider" ` +
			`android:exported="false" android:grantUriPermissions="true"> with its meta-data ` +
			`android.support.FILE_PROVIDER_PATHS. Before sharing, call grantUriPermission("com.tencent.mm", uri, ` +
			`FLAG_GRANT_READ_URI_PERMISSION).`,
		Find: manifest(func(f *Facts) Result {
			if f.App.TargetSDK < 30 || slices.ContainsFunc(f.App.Providers, func(p Provider) bool { return p.Grants && p.Unusable == "" }) {
				return pass()
			}
			i := slices.IndexFunc(f.App.Providers, func(p Provider) bool {
				return p.Unusable == "" && strings.HasSuffix(p.Name, "FileProvider")
			})
			if i < 0 {
				r := found("the app has no provider that may grant access to files: pictures above 1 MB and files " +
					"can't be shared on Android 11 and newer")
				for _, p := range f.App.Providers {
					if p.Unusable != "" {
						r = r.seen("AndroidManifest.xml", "the provider %s %s", p.Name, p.Unusable)
					}
				}
				return r
			}
			r := found("the provider %s may not grant access: WeChat can't read what the app shares by it", f.App.Providers[i].Name).
				fixed(`In AndroidManifest.xml, at the <provider> %s, set android:grantUriPermissions="true".`, f.App.Providers[i].Name)
			r.Status = Fail
			return r
		}),
	}, {
		ID: "app.appid.declared", Group: GroupApp, Severity: Fail, Platform: "android", Needs: []Need{NeedApp, NeedProfile},
		Title: "the app declares another AppID than the registered one",
		Good:  "the app declares no other AppID",
		Why: "The app's intent filters name an AppID of another app: it was probably built with the settings of " +
			"another product. WeChat refuses an AppID that another package or certificate is registered for.",
		Fix: "In AndroidManifest.xml, correct android:scheme in the intent filter of WXEntryActivity, and look for " +
			"the same AppID in the code (registerApp).",
		Find: app(func(f *Facts) Result {
			declared := AppIDs(f.App.Schemes)
			switch {
			case f.Profile.AppID == "":
				return skip("the profile has no app-id")
			case len(declared) == 0 || containsFold(declared, f.Profile.AppID):
				return pass()
			}
			return found("%s declares the AppID %s, not %s: WeChat refuses an AppID that another package or certificate is registered for",
				f.App.Package, strings.Join(declared, ", "), f.Profile.AppID).
				seen(f.App.Source, "URL scheme %s", strings.Join(declared, ", "))
		}),
	}}
}

func orNone(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}
