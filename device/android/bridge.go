package android

import (
	"slices"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/intents"
	"github.com/wxctl/wxctl/intents/androidwire"
)

// bridgeIntent returns the debug deep link that asks the app itself to send a
// request.
func (d *delivery) bridgeIntent(req intents.Request) (*androidwire.Intent, error) {
	scheme := device.BridgeScheme(d.appID)
	if !slices.Contains(d.app.Schemes, scheme) {
		return nil, device.Errorf(device.Refused, "%s can't be sent: the app %q has no debug hook (it declares no URL scheme %s)", device.Describe(req), d.app.Package, scheme).
			WithHint("put the debug hook into the app: docs/bridge.md")
	}
	link, err := device.BridgeLink(d.appID, req)
	if err != nil {
		return nil, device.Errorf(device.Failed, "%w", err)
	}
	return BridgeIntent(d.app.Package, link), nil
}

// BridgeIntent opens a debug deep link in an app.
func BridgeIntent(pkg, link string) *androidwire.Intent {
	return &androidwire.Intent{Package: pkg, Action: "android.intent.action.VIEW", Flags: androidwire.FlagNewTask, Data: link}
}
