package android

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/intents"
	"github.com/wxctl/wxctl/intents/androidwire"
)

// BridgeScheme is the URL scheme that the debug hook of an app declares: the
// AppID with "wxctl" before it, since on iPhones schemes are nobody's own.
func BridgeScheme(appID string) string { return "wxctl" + appID }

// bridgeIntent returns the debug deep link that asks the app itself to send a
// request: SCHEME://bridge?request=BASE64URL(JSON).
func (d *delivery) bridgeIntent(req intents.Request) (*androidwire.Intent, error) {
	scheme := BridgeScheme(d.appID)
	if !slices.Contains(d.app.Schemes, scheme) {
		return nil, device.Errorf(device.Refused, "%s can't be sent: the app %q has no debug hook (it declares no URL scheme %s)", describe(req), d.app.Package, scheme).
			WithHint("put the debug hook into the app: docs/bridge.md")
	}
	link, err := BridgeLink(d.appID, req)
	if err != nil {
		return nil, device.Errorf(device.Failed, "%w", err)
	}
	return BridgeIntent(d.app.Package, link), nil
}

// BridgeLink is the debug deep link of a request for the app of an AppID.
func BridgeLink(appID string, req intents.Request) (string, error) {
	data, err := json.Marshal(req)
	if err != nil {
		return "", fmt.Errorf("the request can't be written: %w", err)
	}
	return BridgeScheme(appID) + "://bridge?request=" + base64.RawURLEncoding.EncodeToString(data), nil
}

// BridgeIntent opens a debug deep link in an app.
func BridgeIntent(pkg, link string) *androidwire.Intent {
	return &androidwire.Intent{Package: pkg, Action: "android.intent.action.VIEW", Flags: androidwire.FlagNewTask, Data: link}
}
