package check

import (
	"slices"
	"strings"
)

// playStore is Google Play's package name, as an app's installer.
const playStore = "com.android.vending"

// signed runs a check only on an app whose certificates are known.
func signed(find func(f *Facts, registered bool) Result) func(*Facts) Result {
	return app(func(f *Facts) Result {
		if len(f.App.Signers) == 0 {
			return skip("no certificate could be read")
		}
		md5 := NormalMD5(f.Profile.MD5)
		if md5 != "" && !isMD5(md5) {
			return skip("see profile.md5.form")
		}
		return find(f, slices.ContainsFunc(f.App.Signers, func(s Signer) bool { return s.MD5 == md5 }))
	})
}

// debug reports whether all certificates are of debug keys.
func debug(signers []Signer) bool {
	return !slices.ContainsFunc(signers, func(s Signer) bool { return !s.Debug })
}

// signers adds the certificates, and what is registered, as evidence.
func (r Result) signers(f *Facts) Result {
	for _, s := range f.App.Signers {
		r = r.seen(strings.TrimSuffix(f.App.Source+", "+s.Scheme, ", "), "certificate md5 %s", s.MD5)
	}
	if f.Profile.MD5 != "" {
		r = r.seen("profile "+f.Profile.Name, "registered md5 %s", NormalMD5(f.Profile.MD5))
	}
	return r
}

func signatureChecks() []Check {
	return []Check{{
		ID: "app.signature.missing", Group: GroupApp, Severity: Fail, Platform: "android", Needs: []Need{NeedApp},
		Title: "the app has no readable signature",
		Good:  "the app is signed",
		Why:   "Without a certificate Android does not install the app, and WeChat finds none that is registered.",
		Fix:   "Sign the app: in Android Studio, Build > Generate Signed App Bundle or APK; or `apksigner sign --ks KEYSTORE app.apk`.",
		Find: app(func(f *Facts) Result {
			if len(f.App.Signers) > 0 {
				return pass().signers(f)
			}
			if f.App.NoSigners != "" {
				return found("no signing certificate could be read, so WeChat will find none that is registered: %s", f.App.NoSigners)
			}
			return found("no signing certificate could be read, so WeChat will find none that is registered")
		}),
	}, {
		ID: "app.signature.debug", Group: GroupApp, Severity: Warn, Platform: "android", Needs: []Need{NeedApp}, Complaints: []int{3},
		Title: "the app is signed with a debug key",
		Good:  "the app is not signed with a debug key",
		Why: "Android's build tools make a debug key on every computer, each another one. WeChat knows one " +
			"certificate for an AppID: the one whose MD5 is registered. With any other it answers -6.",
		Fix: "Install a build signed with the release key. Or register the MD5 of the debug key at " +
			"open.weixin.qq.com, Management Center > your app > Android.",
		Find: signed(func(f *Facts, registered bool) Result {
			if !debug(f.App.Signers) || registered {
				return pass()
			}
			r := found("the app is signed with a debug key of Android's build tools: WeChat refuses it unless the MD5 "+
				"%s is the one registered for the AppID", md5s(f.App.Signers)).
				signers(f).fixed("Install a build signed with the release key. Or register %s at open.weixin.qq.com, "+
				"Management Center > your app > Android.", md5s(f.App.Signers))
			if f.Profile.MD5 != "" {
				r.Status = Fail
			}
			return r
		}),
	}}
}

func registeredChecks() []Check {
	return []Check{{
		ID: "app.signature.play", Group: GroupApp, Severity: Fail, Platform: "android", Needs: []Need{NeedApp, NeedPhone, NeedProfile},
		Complaints: []int{4},
		Title:      "Google Play signed the app with another key",
		Good:       "the app was not signed again by Google Play",
		Why: "With Play App Signing, Google signs the app with its own key. The build from the developer's computer " +
			"works, the one from the Play Store is refused with -6.",
		Fix: "In the Play Console, Setup > App signing, take the MD5 of the app signing key and register it at " +
			"open.weixin.qq.com, Management Center > your app > Android (lower case, no colons).",
		Find: signed(func(f *Facts, registered bool) Result {
			switch {
			case f.Profile.MD5 == "":
				return skip("the profile has no android-md5")
			case registered || f.App.Installer != playStore:
				return pass()
			}
			return found("the app was installed by Google Play, and its certificate is not the registered one: Google "+
				"signed it with its own key").
				signers(f).seen("the phone", "installed by %s", playStore).
				fixed("Register %s at open.weixin.qq.com, Management Center > your app > Android. It is the app signing "+
					"key of the Play Console, Setup > App signing.", md5s(f.App.Signers))
		}),
	}, {
		ID: "app.signature.registered", Group: GroupApp, Severity: Fail, Platform: "android", Needs: []Need{NeedApp, NeedProfile},
		Complaints: []int{1, 4},
		Title:      "the certificate is not the registered one",
		Good:       "the certificate is the registered one",
		Why: "WeChat compares the MD5 of the app's certificate with the one at the Open Platform. If they differ, it " +
			"shows \"loading\", closes, and answers -6.",
		Fix: "Install a build signed with the registered key, or register the MD5 of this one at open.weixin.qq.com, " +
			"Management Center > your app > Android.",
		Find: signed(func(f *Facts, registered bool) Result {
			switch {
			case f.Profile.MD5 == "":
				return skip("the profile has no android-md5: set it with wxctl config set android-md5 MD5")
			case registered && len(f.App.Rotated) > 0 && !slices.ContainsFunc(f.App.Rotated,
				func(s Signer) bool { return s.MD5 != NormalMD5(f.Profile.MD5) }):
				return pass().signers(f)
			case len(f.App.Rotated) > 0 && (registered || slices.ContainsFunc(f.App.Rotated,
				func(s Signer) bool { return s.Older && s.MD5 == NormalMD5(f.Profile.MD5) })):
				r := unknown("the key of the app was changed, and which of its keys WeChat compares is not known: register both").signers(f)
				for _, s := range f.App.Rotated {
					r = r.seen(f.App.Source+", "+s.Scheme, "certificate md5 %s", s.MD5)
				}
				return r
			case registered:
				return pass().signers(f)
			case f.App.Installer == playStore:
				return skip("see app.signature.play")
			case debug(f.App.Signers):
				return skip("see app.signature.debug")
			}
			sums := md5s(f.App.Signers)
			return found("the certificate is not the registered one").signers(f).
				fixed("Install a build signed with the registered key, or register %s at open.weixin.qq.com, Management "+
					"Center > your app > Android.", sums)
		}),
	}}
}
