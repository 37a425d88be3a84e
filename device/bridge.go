package device

import (
	"encoding/base64"
	"encoding/json"

	"github.com/wxctl/wxctl/intents"
)

// BridgeScheme is the URL scheme that an app's debug hook declares: the AppID
// after "wxctl". The prefix avoids a clash with the app's own scheme, since on
// iPhones any app can declare any scheme.
func BridgeScheme(appID string) string { return "wxctl" + appID }

// BridgeDiffers says how the bridge differs from what the SDK does.
const BridgeDiffers = "a debug deep link into the app, whose hook calls the real SDK"

// BridgeLink is the debug deep link that asks the app of an AppID to send a
// request itself: SCHEME://bridge?request=BASE64URL(JSON).
func BridgeLink(appID string, req intents.Request) (string, error) {
	data, err := json.Marshal(req)
	if err != nil {
		return "", Errorf(Failed, "the request can't be written: %w", err)
	}
	return BridgeScheme(appID) + "://bridge?request=" + base64.RawURLEncoding.EncodeToString(data), nil
}
