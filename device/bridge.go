package device

import (
	"encoding/base64"
	"encoding/json"

	"github.com/wxctl/wxctl/intents"
)

// BridgeScheme is the URL scheme that the debug hook of an app declares: the
// AppID with "wxctl" before it, since on iPhones schemes are nobody's own.
func BridgeScheme(appID string) string { return "wxctl" + appID }

// BridgeDiffers is how the bridge departs from what the SDK does.
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
