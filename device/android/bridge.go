package android

import (
	"slices"

	"github.com/wxctl/wxctl/device"
)

// hasHook fails if the app has no debug hook that could send a request itself.
func (d *delivery) hasHook() error {
	scheme := device.BridgeScheme(d.appID)
	if slices.Contains(d.app.Schemes, scheme) {
		return nil
	}
	return device.Errorf(device.Refused, "%s can't be sent: the app %q has no debug hook (it declares no URL scheme %s)",
		device.Describe(d.Job.Request), d.app.Package, scheme).
		WithHint("put the debug hook into the app: docs/bridge.md")
}
