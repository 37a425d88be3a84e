package virtualios

import (
	"maps"
	"slices"
	"strings"

	"github.com/wxctl/wxctl/device/virtual/virtualios/idevice"
)

// Faults that are not in the demo app's declarations.
const (
	faultDeaf         = "app.reply"
	faultNotInstalled = "app.installed"
	faultShared       = "app.scheme.shared"
)

// Faults lists what can be wrong with the demo app.
func Faults() []string { return slices.Sorted(maps.Keys(faultsOf())) }

// faultsOf break the demo app in one way each, by the id of the check that
// should find it.
func faultsOf() map[string]func(*idevice.App) {
	without := func(scheme string) func(*idevice.App) {
		return func(a *idevice.App) {
			a.Queries = slices.DeleteFunc(a.Queries, func(s string) bool { return strings.EqualFold(s, scheme) })
		}
	}
	return map[string]func(*idevice.App){
		faultDeaf:                        func(a *idevice.App) { a.Code = &demoApp{deaf: true} },
		faultNotInstalled:                func(*idevice.App) {},
		faultShared:                      func(*idevice.App) {},
		"app.scheme.appid":               func(a *idevice.App) { a.Schemes = []string{"demo"} },
		"app.scheme.weixin":              func(a *idevice.App) { a.Schemes = append(a.Schemes, "weixin") },
		"app.queries.weixin":             without("weixin"),
		"app.queries.weixinulapi":        without("weixinULAPI"),
		"app.queries.weixinurlparamsapi": without("weixinURLParamsAPI"),
		"app.domains":                    func(a *idevice.App) { a.Domains = nil },
		"app.domains.link":               func(a *idevice.App) { a.Domains = []string{"applinks:elsewhere.example.com"} },
		"app.team.registered":            func(a *idevice.App) { a.Team = "ZZZZZ12345" },
		"app.name.registered":            func(a *idevice.App) { a.BundleID += ".debug" },
	}
}

// demoApps are the demo app with a fault, "" for none, and what else belongs to
// the fault.
func demoApps(fault string) []idevice.App {
	app := demo()
	if change := faultsOf()[fault]; change != nil {
		change(&app)
	}
	switch fault {
	case faultNotInstalled:
		return nil
	case faultShared:
		return []idevice.App{app, {
			BundleID: "com.example.second", Name: "Second", Version: "1.0", Build: "1", Signer: app.Signer, Team: app.Team,
			Schemes: []string{DemoAppID},
		}}
	}
	return []idevice.App{app}
}
