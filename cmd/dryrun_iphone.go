package cmd

import (
	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/ios"
	"github.com/wxctl/wxctl/intents"
	"github.com/wxctl/wxctl/intents/androidwire"
	"github.com/wxctl/wxctl/intents/ioswire"
)

// wireIOS fills in the URL, and what goes on the pasteboard before it.
func (o *requestOptions) wireIOS(result *preview, p plan, id device.AppIdentity) error {
	version, err := ioswire.ParseVersion(o.sdkVersion)
	if err != nil {
		return badVersion(device.IOS, o.sdkVersion)
	}
	switch p.route {
	case device.RouteAuto, device.RouteURL:
	case device.RouteBridge:
		return o.wireBridge(result, device.IOS, id)
	default:
		return routeCant(p.route, result.Request, "it is a route to Android phones", "use --route auto")
	}
	wires, differences, err := ioswire.Encode(result.Request, ioswire.Sender{
		AppID: id.AppID, BundleID: id.BundleID, UniversalLink: id.UniversalLink, SDK: version, Scheme: p.route == device.RouteURL,
	})
	if err != nil {
		return &exit.Error{Name: "refused", Code: exit.RefusedBefore, Message: err.Error(), Hint: "try another --sdk-version", Err: err}
	}
	result.Differences = append(result.Differences, differences...)
	if p.route == device.RouteURL {
		result.Differences = append(result.Differences, ios.Doubts()...)
	}
	result.text = ioswire.Text(wires)
	return appendWire(&result.Wire, ioswire.Print(wires))
}

// validate says what the platform's SDK refuses of a request, and what the
// documents advise against.
func validate(request intents.Request, platform device.Platform, version string) ([]intents.Problem, error) {
	if platform == device.IOS {
		v, err := ioswire.ParseVersion(version)
		if err != nil {
			return nil, badVersion(platform, version)
		}
		return ioswire.Validate(request, v), nil
	}
	v, err := androidwire.ParseVersion(version)
	if err != nil {
		return nil, badVersion(platform, version)
	}
	return androidwire.Validate(request, androidwire.Sender{SDK: v}), nil
}
