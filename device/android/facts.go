package android

import (
	"crypto/x509"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/android/agent"
	"github.com/wxctl/wxctl/device/check"
)

// factsOf are what the agent tells of an app and of WeChat, for the checks; a
// nil WeChat is not installed.
func factsOf(app, wechat *agent.App, api int) check.Facts {
	return check.Facts{
		Platform: string(device.Android), App: appFacts(app), WeChat: wechatFacts(wechat), Phone: check.Phone{API: api},
		Gaps: map[check.Need]check.Gap{
			check.NeedProfile: {Status: check.Skip, Reason: "the profile was not looked at"},
		},
	}
}

func wechatFacts(app *agent.App) check.WeChat {
	if app == nil {
		return check.WeChat{}
	}
	return check.WeChat{
		Installed: true, Disabled: !app.Enabled, Suspended: app.Suspended, Version: device.Printable(app.VersionName), Support: supportAPI(app),
	}
}

// appFacts are what the agent tells of an app.
func appFacts(app *agent.App) check.App {
	out := check.App{
		Package: device.Printable(app.Package), Source: "the phone", Disabled: !app.Enabled, Version: device.Printable(app.VersionName),
		Debuggable: app.Debuggable, Schemes: cleanAll(app.Schemes),
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
		out.NoManifest = "the phone did not tell it"
	default:
		out.Entries = cleanAll(d.Entries)
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

// doubts say why WeChat will hardly accept a request of the app for an AppID:
// its package and certificate are probably not registered for that. What is
// registered is known to WeChat's servers alone.
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
