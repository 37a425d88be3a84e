package virtualandroid

import (
	_ "embed"
	"maps"
	"slices"
	"strings"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
)

// Faults of the phone, or of the app's code, and not of the package.
const (
	faultDeaf         = "app.reply"
	faultNotInstalled = "app.installed"
	faultDisabled     = "app.enabled"
	faultShared       = "app.scheme.shared"
)

// Certificates that are not the demo app's: of a debug build, of Google Play, and
// of nobody that is known.
var (
	//go:embed certificates/debug.der
	debugCertificate []byte
	//go:embed certificates/play.der
	playCertificate []byte
	//go:embed certificates/another.der
	anotherCertificate []byte
)

// Faults lists what can be wrong with the demo app.
func Faults() []string {
	return slices.Sorted(maps.Keys(faults()))
}

// faults break the demo app in one way each, by the id of the check that should
// find it.
func faults() map[string]func(*phone.Package) {
	entry := func(change func(*phone.Component)) func(*phone.Package) {
		return func(p *phone.Package) {
			change(&p.Components[slices.IndexFunc(p.Components, func(c phone.Component) bool { return c.Name == DemoEntry })])
		}
	}
	return map[string]func(*phone.Package){
		faultDeaf:         func(*phone.Package) {},
		faultNotInstalled: func(*phone.Package) {},
		faultDisabled:     func(*phone.Package) {},
		faultShared:       func(*phone.Package) {},
		"app.entry.missing": func(p *phone.Package) {
			p.Components = slices.DeleteFunc(p.Components, func(c phone.Component) bool { return c.Name == DemoEntry })
		},
		"app.entry.exported":    entry(func(c *phone.Component) { c.Exported = false }),
		"app.entry.disabled":    entry(func(c *phone.Component) { c.Disabled = true }),
		"app.entry.permission":  entry(func(c *phone.Component) { c.Permission = DemoPackage + ".permission.CALLBACK" }),
		"app.entry.launch-mode": entry(func(c *phone.Component) { c.LaunchMode = phone.LaunchStandard }),
		"app.entry.duplicate": func(p *phone.Package) {
			p.Components = append(p.Components, activity("com.example.share.wxapi.WXEntryActivity", true))
		},
		"app.entry.class": func(p *phone.Package) { p.APK = renamedAPK },
		"app.sdk.version": func(p *phone.Package) { p.APK = oldAPK },
		"app.queries":     func(p *phone.Package) { p.Queries = nil },
		"app.provider": func(p *phone.Package) {
			p.Components = slices.DeleteFunc(p.Components, func(c phone.Component) bool { return c.Kind == phone.ProviderKind })
		},
		"app.signature.debug": func(p *phone.Package) { p.Certs = [][]byte{debugCertificate} },
		"app.signature.play": func(p *phone.Package) {
			p.Certs, p.Installer = [][]byte{playCertificate}, "com.android.vending"
		},
		"app.signature.missing":    func(p *phone.Package) { p.Certs = nil },
		"app.signature.registered": func(p *phone.Package) { p.Certs = [][]byte{anotherCertificate} },
		"app.appid.declared":       func(p *phone.Package) { p.Schemes = []string{"wxfedcba9876543210"} },
	}
}

// installDemo puts the demo app on a phone, with a fault, "" for none.
func installDemo(model *phone.Phone, demo *phone.Package, code phone.App, fault string) {
	if change := faults()[fault]; change != nil {
		broken := *demo
		broken.Components = slices.Clone(demo.Components)
		change(&broken)
		demo = &broken
	}
	if fault == faultNotInstalled {
		return
	}
	model.Install(demo, code)
	if fault == faultShared {
		second := *demo
		second.Name, second.AppID, second.Components, second.APK = "com.example.second", demo.AppID+1, nil, nil
		second.Path = strings.ReplaceAll(demo.Path, DemoPackage, second.Name)
		model.Install(&second, nil)
	}
	if fault == faultDisabled {
		state := model.PackageState(DemoPackage, 0)
		state.Enabled = phone.DisabledUser
		model.SetPackageState(DemoPackage, 0, state)
	}
}
