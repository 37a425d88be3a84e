package android

import (
	"slices"

	"github.com/wxctl/wxctl/device"
)

// hooked reports whether the app has the debug hook, judging by its URL
// schemes.
func (d *delivery) hooked() bool {
	return slices.Contains(d.app.Schemes, device.BridgeScheme(d.Out.App.AppID))
}

// hasHook fails if the app has no debug hook that could send the request.
func (d *delivery) hasHook() error {
	if d.hooked() {
		return nil
	}
	return device.Errorf(device.Refused, "%s can't be sent: the app %q has no debug hook (it declares no URL scheme %s)",
		device.Describe(d.Job.Request), d.app.Package, device.BridgeScheme(d.appID)).
		WithHint("put the debug hook into the app: docs/bridge.md")
}
