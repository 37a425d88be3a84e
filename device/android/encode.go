package android

import (
	"path"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/intents"
	"github.com/wxctl/wxctl/intents/androidwire"
	"github.com/wxctl/wxctl/intents/picture"
)

// routeOf decides how a request is sent, and says why. It refuses what the
// route can't carry, independent of the phone.
func routeOf(job device.Job) (route device.Route, why string, err error) {
	kind := job.Request.Kind()
	viaActivity := kind == intents.KindShare || kind == intents.KindAuth
	several := device.IsImages(job.Request)
	refuse := func(hint, format string, args ...any) (device.Route, string, error) {
		return job.Route, "", device.Errorf(device.Refused, format, args...).WithHint("%s", hint)
	}
	switch job.Route {
	case "", device.RouteAuto:
		switch {
		case several:
			return device.RouteSystem, "auto: several images can only be shared by the system route", nil
		case viaActivity:
			return device.RouteSDK, "auto: the least invasive route that can send " + device.Describe(job.Request), nil
		}
		return device.RouteApp, "auto: WeChat checks who queries its provider, so the app itself must send this", nil
	case device.RouteSystem:
	case device.RouteSDK, device.RouteBridge, device.RouteApp:
		if several {
			return refuse("use --route system", "the OpenSDK has no request for several images")
		}
		if job.Route == device.RouteSDK && !viaActivity {
			return refuse("use --route app on a debuggable app, or --route bridge with the debug hook in the app (docs/bridge.md)",
				"the sdk route can't send %s: WeChat checks who queries its provider, and accepts only the app's own process",
				device.Describe(job.Request))
		}
	default:
		return refuse("use --route auto, sdk, app, system or bridge", "the %s route does not work on Android", job.Route)
	}
	return job.Route, "asked for", nil
}

// encode returns what a route hands over, and how that differs from what the
// SDK does. It is used for deliveries and dry runs; s is the sender, as far as
// it is known.
func encode(route device.Route, req intents.Request, s androidwire.Sender, files []placed) ([]androidwire.Wire, []string, error) {
	req = placeMedia(req, files)
	switch route {
	case device.RouteSystem:
		share, ok := req.(intents.Share)
		if !ok {
			return nil, nil, notBySystem(req)
		}
		mime := ""
		if len(files) > 0 {
			mime = files[0].media.MIME
		}
		intent, err := androidwire.EncodeSystem(share, contentURIs(files), mime)
		if err != nil {
			return nil, nil, device.Errorf(device.Refused, "%w", err).WithHint("use --as uri, or another --route")
		}
		return []androidwire.Wire{{Intent: &intent}},
			[]string{"Android's own share route: no AppID, no reply, and WeChat does not show the app's name"}, nil
	case device.RouteBridge:
		link, err := device.BridgeLink(s.AppID, req)
		if err != nil {
			return nil, nil, err
		}
		intent := androidwire.Intent{Package: s.Package, Action: "android.intent.action.VIEW", Flags: androidwire.FlagNewTask, Data: link}
		return []androidwire.Wire{{Intent: &intent}}, []string{device.BridgeDiffers}, nil
	}
	var differences []string
	if route == device.RouteSDK {
		s.RequestOnly = true
		differences = []string{
			"no caller token: only the app's own process can get one from WeChat",
			"the system sees shell (com.android.shell) as the caller, not the app",
		}
	}
	wires, err := androidwire.Encode(req, s)
	if err != nil {
		return nil, nil, device.Errorf(device.Refused, "%w", err).WithHint("try another --sdk-version or --route")
	}
	if uris := contentURIs(files); len(uris) > 0 && route == device.RouteSDK {
		intent := wires[len(wires)-1].Intent
		intent.ClipData = uris
		intent.Flags |= androidwire.FlagGrantRead
		differences = append(differences, "read access to the file is granted by a ClipData in the Intent, not by Context.grantUriPermission")
	}
	return wires, differences, nil
}

// versionOf is the OpenSDK whose wire form is written.
func versionOf(name string) (androidwire.Version, error) {
	v, err := androidwire.ParseVersion(name)
	if err != nil {
		return v, device.Errorf(device.Usage, "invalid OpenSDK version %q for Android", name).WithHint("use 6.8.34, 6.8.18, 6.8.0 or 5.5.3")
	}
	return v, nil
}

// Validate returns what the SDK refuses in a job's request and what the
// documents advise against. It fails for what the route can't carry. Android's
// own share route has none of the SDK's limits.
func Validate(job device.Job) ([]intents.Problem, error) {
	if _, _, err := routeOf(job); err != nil {
		return nil, err
	}
	version, err := versionOf(job.SDKVersion)
	if err != nil {
		return nil, err
	}
	req := placeMedia(job.Request, elsewhere(job))
	if job.Route == device.RouteSystem || device.IsImages(job.Request) {
		return intents.Validate(req), nil
	}
	return androidwire.Validate(req, androidwire.Sender{SDK: version}), nil
}

// Preview returns what would be sent for a job: by the route that it names,
// else as the SDK in the app would. It also returns the request with the names
// of its files filled in.
func Preview(job device.Job) (device.Preview, intents.Request, error) {
	route, _, err := routeOf(job)
	if err != nil {
		return device.Preview{}, job.Request, err
	}
	version, err := versionOf(job.SDKVersion)
	if err != nil {
		return device.Preview{}, job.Request, err
	}
	var notes []device.Note
	switch {
	case route == device.RouteSystem:
		if err := systemCan(job.Request, job.Force); err != nil {
			notes = append(notes, device.Note{ID: "request.refused", Message: "this would not be sent to a phone: " + err.Error()})
		}
		if media, err := systemMedia(job); err == nil {
			job.Media = media
		}
	case job.Route == "" || job.Route == device.RouteAuto:
		route = device.RouteApp
	}
	files := elsewhere(job)
	wires, differences, err := encode(route, job.Request,
		androidwire.Sender{AppID: job.App.AppID, Package: job.App.Package, SDK: version}, files)
	if err != nil {
		return device.Preview{}, job.Request, err
	}
	return show(wires, differences, notes...), placeMedia(job.Request, files), nil
}

func show(wires []androidwire.Wire, differences []string, notes ...device.Note) device.Preview {
	return device.NewPreview(androidwire.Text(wires), androidwire.Print(wires), differences, notes...)
}

// PreviewReply returns what would be sent for a forged reply.
func PreviewReply(job device.ReplyJob) (device.Preview, error) {
	intent, differences, err := encodeReply(job.Reply, job.App.Package, job.SDKVersion)
	if err != nil {
		return device.Preview{}, err
	}
	return show([]androidwire.Wire{{Intent: intent}}, differences), nil
}

// encodeReply returns the Intent that brings a reply to an app, and which parts
// of the reply do not arrive.
func encodeReply(reply intents.Reply, pkg, sdkVersion string) (*androidwire.Intent, []string, error) {
	version, err := versionOf(sdkVersion)
	if err != nil {
		return nil, nil, err
	}
	intent, err := androidwire.EncodeReply(reply, androidwire.Receiver{Package: pkg, WeChatSDK: version})
	if err != nil {
		return nil, nil, device.Errorf(device.Refused, "%w", err)
	}
	var differences []string
	if r, ok := reply.(intents.SubscribeReply); ok { // a URI with room for neither
		for _, lost := range []struct {
			name string
			set  bool
		}{{"errStr", r.ErrStr != nil}, {"transaction", r.Transaction != nil}} {
			if lost.set {
				differences = append(differences, lost.name+": the SDK hands none to the app in this reply")
			}
		}
	}
	return &intent, differences, nil
}

// elsewhere are the files of a job with placeholders for what only the phone
// knows: 0 for the number in a content URI, and paths without their directory.
func elsewhere(job device.Job) []placed {
	files := make([]placed, len(job.Media))
	for i, m := range job.Media {
		files[i] = placed{media: m, path: path.Join(mediaDir(job.User.ID), m.Name), uri: "content://media/external/" +
			picture.Collection(m.MIME) + "/0"}
	}
	return files
}
