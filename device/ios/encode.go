package ios

import (
	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/intents"
	"github.com/wxctl/wxctl/intents/ioswire"
)

// routeOf decides how a request is sent, and says why. It refuses what no
// iPhone supports.
func routeOf(job device.Job) (route device.Route, why string, err error) {
	if device.IsImages(job.Request) {
		return "", "", device.Errorf(device.Refused, "several images can't be shared on an iPhone: the OpenSDK has no such "+
			"request, and the module's shareMutableImg is for Android only").
			WithHint("share one: wxctl share image, or use an Android phone")
	}
	switch job.Route {
	case "", device.RouteAuto:
		return device.RouteURL, "auto: the least invasive route that can send " + device.Describe(job.Request), nil
	case device.RouteURL, device.RouteBridge:
		return job.Route, "asked for", nil
	}
	return "", "", device.Errorf(device.Refused, "the %s route does not work on iPhones", job.Route).
		WithHint("use --route auto, url or bridge")
}

// encode returns what a route hands over, and how that differs from what the
// SDK does. It is used for deliveries and dry runs.
func encode(route device.Route, req intents.Request, s ioswire.Sender) ([]ioswire.Wire, []string, error) {
	if route == device.RouteBridge {
		link, err := device.BridgeLink(s.AppID, req)
		if err != nil {
			return nil, nil, err
		}
		return []ioswire.Wire{{URL: &ioswire.URL{Text: link}}}, []string{device.BridgeDiffers}, nil
	}
	s.Scheme = route == device.RouteURL
	wires, differences, err := ioswire.Encode(req, s)
	if err != nil {
		return nil, nil, device.Errorf(device.Refused, "%w", err).WithHint("try another --sdk-version")
	}
	if s.Scheme {
		differences = append(differences,
			// This is not known for requests that a computer opens: WeChat
			// decides it.
			`opened by the computer, not by the app: WeChat may label the app unverified ("未验证应用"), or refuse it`,
			"the request has no caller token: only the app's own SDK gets one from WeChat",
		)
	}
	return wires, differences, nil
}

// versionOf is the OpenSDK whose wire form is written.
func versionOf(name string) (ioswire.Version, error) {
	v, err := ioswire.ParseVersion(name)
	if err != nil {
		return v, device.Errorf(device.Usage, "invalid OpenSDK version %q for iOS", name).WithHint("use 2.0.0 or 1.8.7.1")
	}
	return v, nil
}

// Validate says what the SDK refuses of a job's request and what something
// advises against. It fails for what its route can't carry.
func Validate(job device.Job) ([]intents.Problem, error) {
	if _, _, err := routeOf(job); err != nil {
		return nil, err
	}
	version, err := versionOf(job.SDKVersion)
	if err != nil {
		return nil, err
	}
	return ioswire.Validate(job.Request, version), nil
}

// Preview is what a job's request is sent as: by the route that it names, else
// as the SDK would in the app.
func Preview(job device.Job) (device.Preview, intents.Request, error) {
	route, _, err := routeOf(job)
	if err != nil {
		return device.Preview{}, job.Request, err
	}
	version, err := versionOf(job.SDKVersion)
	if err != nil {
		return device.Preview{}, job.Request, err
	}
	if job.Route == "" || job.Route == device.RouteAuto {
		route = ""
	}
	wires, differences, err := encode(route, job.Request, ioswire.Sender{
		AppID: job.App.AppID, BundleID: job.App.BundleID, UniversalLink: job.App.UniversalLink, SDK: version,
	})
	return show(wires, differences), job.Request, err
}

// PreviewReply is what a forged reply is sent as.
func PreviewReply(job device.ReplyJob) (device.Preview, error) {
	wires, differences, err := encodeReply(job.Reply,
		ioswire.Receiver{AppID: job.App.AppID, UniversalLink: job.App.UniversalLink}, job.SDKVersion)
	return show(wires, differences), err
}

func encodeReply(reply intents.Reply, to ioswire.Receiver, sdkVersion string) ([]ioswire.Wire, []string, error) {
	version, err := versionOf(sdkVersion)
	if err != nil {
		return nil, nil, err
	}
	to.SDK = version
	wires, differences, err := ioswire.EncodeReply(reply, to)
	if err != nil {
		return nil, nil, device.Errorf(device.Refused, "%w", err)
	}
	return wires, differences, nil
}

func show(wires []ioswire.Wire, differences []string) device.Preview {
	return device.NewPreview(ioswire.Text(wires), ioswire.Print(wires), differences)
}
