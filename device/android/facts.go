package android

import (
	"crypto/x509"
	"fmt"
	"slices"
	"strings"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/android/agent"
	"github.com/wxctl/wxctl/device/android/apk"
	"github.com/wxctl/wxctl/device/check"
)

// factsOf converts what the agent reports about an app and WeChat; a nil WeChat
// is not installed.
func factsOf(app, wechat *agent.App, api int) check.Facts {
	f := check.Facts{
		Platform: string(device.Android), WeChat: wechatFacts(wechat), Phone: check.Phone{API: api},
		Gaps: map[check.Need]check.Gap{
			check.NeedProfile: {Status: check.Skip, Reason: "the profile was not read"},
		},
	}
	if app != nil {
		f.App = appFacts(app)
	}
	return f
}

// FileFacts are the facts in an APK; name is the file's.
func FileFacts(f *apk.File, name string) check.App {
	m := f.Manifest
	out := check.App{
		Package: device.Exact(m.Package), Source: device.Printable(name), Version: device.Printable(m.VersionName), Debuggable: m.Debuggable,
		Schemes: cleanAll(m.Schemes),
		Android: check.Android{TargetSDK: m.TargetSDK, Entries: cleanAll(m.Entries()), Similar: cleanAll(m.Similar()),
			EntryClass: f.Classes.Entry, SDK: f.Classes.SDK},
	}
	if e := m.Entry(); e != nil {
		out.Entry = &check.Entry{
			Name: device.Printable(e.Name), Exported: e.Exported, Enabled: e.Enabled, Permission: device.Printable(e.Permission),
			LaunchMode: e.LaunchMode, Target: device.Printable(e.Target), NoTarget: e.NoTarget,
		}
	}
	out.SeesWeChat = device.Printable(m.SeesWeChat)
	if m.Queries != nil {
		out.Queries = cleanAll(m.Queries.Packages)
	}
	for _, p := range m.Providers {
		one := check.Provider{Name: device.Printable(p.Name), Grants: p.Grants, Exported: p.Exported}
		switch {
		case !p.Enabled:
			one.Unusable = "is disabled"
		case strings.Join(p.Authorities, "") == "":
			one.Unusable = "has no android:authorities"
		}
		out.Providers = append(out.Providers, one)
	}
	if f.ClassesErr != nil {
		out.NoClasses = device.Sentence(f.ClassesErr.Error())
	}
	if f.SignersErr != nil {
		out.NoSigners = device.Sentence(f.SignersErr.Error())
	}
	out.Signers, out.Rotated = signers(f.Signers)
	return out
}

// signers are the certificates of the newest scheme, and those of other schemes
// and rotated keys that differ from them.
func signers(all []apk.Signer) (now, rotated []check.Signer) {
	add := func(list *[]check.Signer, der []byte, scheme string, older bool) {
		s := signer(der, scheme)
		s.Older = older
		for _, have := range slices.Concat(now, rotated) {
			if have.MD5 == s.MD5 {
				return
			}
		}
		*list = append(*list, s)
	}
	for _, s := range all {
		if s.Scheme == all[0].Scheme {
			add(&now, s.Certificate, label(s), false)
		}
	}
	for _, s := range all {
		for _, old := range s.Lineage {
			add(&rotated, old, label(s)+", an older key", true)
		}
		// Android 7 and newer ignore v1 where there is a newer scheme.
		if s.Scheme != "v1" || all[0].Scheme == "v1" {
			add(&rotated, s.Certificate, label(s), false)
		}
	}
	return now, rotated
}

// label says which Android versions use a signer.
func label(s apk.Signer) string {
	switch {
	case s.MinSDK > 0 && s.MaxSDK > 0:
		return fmt.Sprintf("signature %s, API %d to %d", s.Scheme, s.MinSDK, s.MaxSDK)
	case s.MinSDK > 0:
		return fmt.Sprintf("signature %s, API %d and newer", s.Scheme, s.MinSDK)
	}
	return "signature " + s.Scheme
}

func wechatFacts(app *agent.App) check.WeChat {
	if app == nil {
		return check.WeChat{}
	}
	return check.WeChat{
		Installed: true, Disabled: !app.Enabled, Suspended: app.Suspended, Version: device.Printable(app.VersionName), Support: supportAPI(app),
	}
}

// appFacts converts what the agent reports about an app.
func appFacts(app *agent.App) check.App {
	out := check.App{
		Package: device.Printable(app.Package), Source: "the phone", Disabled: !app.Enabled, Version: device.Printable(app.VersionName),
		Debuggable: app.Debuggable, Schemes: cleanAll(app.Schemes), Claims: cleanAll(app.Claims),
		Android: check.Android{TargetSDK: app.TargetSDK, Installer: device.Printable(app.Installer), NoClasses: "the APK was not read"},
	}
	for _, der := range app.Certificates {
		out.Signers = append(out.Signers, signer(der, ""))
	}
	if e := app.Entry; e != nil {
		out.Entry = &check.Entry{
			Name: device.Printable(e.Name), Exported: e.Exported, Enabled: e.Enabled, Permission: device.Printable(e.Permission),
			LaunchMode: device.Printable(e.LaunchMode), Target: device.Printable(e.Target),
		}
	}
	switch d := app.Declared; {
	case d == nil:
		out.NoManifest = "the phone did not say"
	default:
		out.Entries, out.SeesWeChat = cleanAll(d.Entries), device.Printable(d.SeesWeChat)
		if d.Queries != nil {
			out.Queries = cleanAll(d.Queries.Packages)
		}
	}
	for _, p := range app.Providers {
		out.Providers = append(out.Providers, check.Provider{Name: device.Printable(p.Name), Grants: p.Grants, Exported: p.Exported})
	}
	return out
}

// debugName is the name in the certificate of the key that Android's build
// tools make for debug builds (the Android Gradle plugin's debug.keystore:
// "C=US, O=Android, CN=Android Debug"). Every developer has another such key.
const debugName = "Android Debug"

func signer(der []byte, scheme string) check.Signer {
	s := check.Signer{MD5: md5Hex(der), Scheme: scheme}
	if c, err := x509.ParseCertificate(der); err == nil {
		s.Subject, s.Debug = device.Printable(c.Subject.String()), c.Subject.CommonName == debugName
	}
	return s
}

// doubts say why WeChat will probably refuse a request of the app for an AppID:
// its package and certificate are probably not registered for it. Only WeChat's
// servers know what is registered.
func doubts(app *agent.App, appID string) []device.Finding {
	f := factsOf(app, nil, 0)
	f.Profile.AppID = appID
	f.Gaps = nil
	out := []device.Finding{}
	for _, found := range check.Run(&f, func(c *check.Check) bool {
		return c.ID == "app.signature.missing" || c.ID == "app.signature.debug" || c.ID == "app.appid.declared"
	}) {
		if found.Bad() {
			out = append(out, device.Finding{ID: found.ID, Message: found.Title, Hint: found.Fix.Text})
		}
	}
	return out
}
