package ios

import (
	"context"
	"slices"
	"strings"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/intents/ioswire"
)

// bridge asks the app's debug hook to send the request through its own SDK: by
// a link, or by launch arguments below iOS 16.4.
func (d *delivery) bridge(ctx context.Context) error {
	scheme := device.BridgeScheme(d.appID)
	if !slices.ContainsFunc(d.app.schemes(), func(s string) bool { return strings.EqualFold(s, scheme) }) {
		return device.Errorf(device.Refused, "%s can't be sent: the app %q has no debug hook (it declares no URL scheme %s)",
			device.Describe(d.Job.Request), device.Printable(d.app.ID), scheme).
			WithHint("put the debug hook into the app: docs/bridge.md")
	}
	wires, differences, err := encode(device.RouteBridge, d.Job.Request, ioswire.Sender{AppID: d.appID})
	if err != nil {
		return err
	}
	d.Differs(differences...)
	link := wires[0].URL.Text
	d.target = d.app
	// Only the hook can report what happens to the request.
	if d.Job.Until >= device.Opened {
		if err := d.watch(ctx); err != nil {
			return err
		}
	}
	if d.version().hasOpenURL() {
		err = d.openIn(ctx, link, nil)
	} else {
		d.Differs("the app is restarted with the request as a launch argument: iOS " + d.info.OSVersion + " can't open URLs from a computer")
		err = d.openIn(ctx, "", []string{link})
	}
	if err != nil {
		return err
	}
	if d.opened.front {
		d.seeFront(device.NotSent, "", "the app came to the front with the debug link")
	}
	return d.until(ctx, d.Job.Until)
}
