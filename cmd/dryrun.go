package cmd

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/cmd/internal/output"
	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/android"
	"github.com/wxctl/wxctl/intents"
	"github.com/wxctl/wxctl/intents/androidwire"
)

// demoAppID and demoPackage stand for the app under test in a dry run that
// names none: those of the demo app on virtual phones.
const (
	demoAppID   = "wx0123456789abcdef"
	demoPackage = "com.example.wxdemo"
)

// preview is what --dry-run prints.
type preview struct {
	SchemaVersion int               `json:"schemaVersion"`
	Request       intents.Request   `json:"request"`
	Problems      []intents.Problem `json:"problems"`
	Wire          []json.RawMessage `json:"wire"`
	Differences   []string          `json:"differences"`
	Error         *exit.Report      `json:"error,omitempty"`

	text  string // the wire form for people
	media []device.Media
}

// preview prints the wire form of a request. No phone is touched: the
// platform is the one that the flags name.
func (o *requestOptions) preview(ctx context.Context, p plan, build buildFunc) error {
	platform := device.Android
	if p.sel.Platform != "" {
		platform = p.sel.Platform
	}
	b, problems, err := o.validated(ctx, target{platform: platform, load: o.loader(), preview: true}, build)
	if err != nil {
		return err
	}
	result := preview{SchemaVersion: output.SchemaVersion, Request: b.request, Problems: problems, Wire: []json.RawMessage{}, Differences: []string{}, media: b.media}
	if result.Problems == nil {
		result.Problems = []intents.Problem{}
	}
	failure := o.refusal(&b, problems)
	if failure == nil {
		if failure = o.wire(&result, p, platform); failure != nil {
			result.Wire = []json.RawMessage{}
		}
	}
	if failure != nil {
		report := describe(failure)
		result.Error = &report
	}
	if o.f.Printer().JSON() {
		if err := o.f.Printer().Object(result); err != nil {
			return err
		}
		return failure
	}
	if failure != nil {
		return failure
	}
	for _, d := range result.Differences {
		o.f.Streams.Note("differs from the SDK: %s", safe(d))
	}
	return o.f.Streams.Println(strings.TrimRight(result.text, "\n"))
}

// wire fills in the wire form that the route sends.
func (o *requestOptions) wire(result *preview, p plan, platform device.Platform) error {
	id, err := o.identity()
	if err != nil {
		return err
	}
	if id.AppID == "" || platform == device.Android && id.Package == "" {
		o.f.Streams.Note("no app is named (--app-id, --package, or wxctl config init): shown as the demo app would send it")
	}
	if id.AppID == "" {
		id.AppID = demoAppID
	}
	if id.Package == "" {
		id.Package = demoPackage
	}
	if id.BundleID == "" {
		id.BundleID = demoPackage
	}
	if platform == device.IOS {
		return o.wireIOS(result, p, id)
	}
	return o.wireAndroid(result, p, id)
}

func (o *requestOptions) wireAndroid(result *preview, p plan, id device.AppIdentity) error {
	version, err := androidwire.ParseVersion(o.sdkVersion)
	if err != nil {
		return badVersion(device.Android, o.sdkVersion)
	}
	sender := androidwire.Sender{AppID: id.AppID, Package: id.Package, SDK: version}
	route := p.route
	if share, ok := result.Request.(intents.Share); ok && route == device.RouteAuto {
		if _, several := share.Message.Object.(intents.Images); several {
			route = device.RouteSystem // the SDK has no such request
		}
	}
	var wires []androidwire.Wire
	switch route {
	case device.RouteAuto, device.RouteApp:
		wires, err = androidwire.Encode(result.Request, sender)
	case device.RouteSDK:
		switch result.Request.(type) {
		case intents.Share, intents.Auth:
		default:
			return routeCant(route, result.Request, "WeChat's provider answers only the app itself", "use --route app or --route bridge")
		}
		sender.RequestOnly = true
		result.Differences = append(result.Differences, "no caller token: only the app itself can get one")
		wires, err = androidwire.Encode(result.Request, sender)
	case device.RouteSystem:
		wires, err = o.encodeSystem(result, result.media)
	case device.RouteBridge:
		return o.wireBridge(result, device.Android, id)
	default:
		return routeCant(route, result.Request, "it is a route to iPhones", "use --route auto")
	}
	if err != nil {
		return &exit.Error{Name: "refused", Code: exit.RefusedBefore, Message: err.Error(), Hint: "try another --sdk-version or --route", Err: err}
	}
	result.text = androidwire.Text(wires)
	return appendWire(&result.Wire, androidwire.Print(wires))
}

func routeCant(route device.Route, request intents.Request, why, hint string) error {
	return &exit.Error{
		Name: "refused", Code: exit.RefusedBefore,
		Message: fmt.Sprintf("route %s can't carry %s: %s", route, request.Kind(), why), Hint: hint,
	}
}

func badVersion(platform device.Platform, version string) error {
	hint := "use 6.8.34, 6.8.18, 6.8.0 or 5.5.3"
	if platform == device.IOS {
		hint = "use 2.0.0 or 1.8.7.1"
	}
	return exit.Usagef(hint, "--sdk-version %q is no OpenSDK for %s that wxctl speaks", version, platform)
}

// fileWithoutPhone is the path or URI that a phone would be given for a file.
// The number in a content URI is the phone's own, 0 stands for it; so is what
// a path's name begins with, which is left out.
func fileWithoutPhone(name string, user int, asURI bool) string {
	if !asURI {
		return android.MediaDir(user) + "/" + name
	}
	// The collections that MediaStore sorts files into.
	collection := "file"
	switch kind, _, _ := strings.Cut(mimeOf(name), "/"); kind {
	case "image":
		collection = "images/media"
	case "audio", "video":
		collection = kind + "/media"
	}
	return "content://media/external/" + collection + "/0"
}

// encodeSystem is Android's own share route.
func (o *requestOptions) encodeSystem(result *preview, media []device.Media) ([]androidwire.Wire, error) {
	share, ok := result.Request.(intents.Share)
	if !ok {
		return nil, fmt.Errorf("Android's share route carries shares only, not %s", result.Request.Kind())
	}
	if err := android.SystemCan(share, o.force); err != nil {
		o.f.Streams.Warn("a phone would not be sent this: %s", safe(err.Error()))
	}
	var uris []string
	mime := ""
	for i, m := range media {
		uris = append(uris, fileWithoutPhone(m.Name, 0, true))
		if i == 0 {
			mime = m.MIME
		}
	}
	if data := objectData(share.Message.Object); data != nil && len(uris) == 0 {
		// What would travel in the request goes to the phone as a file here.
		uris, mime = []string{fileWithoutPhone("image.png", 0, true)}, http.DetectContentType(data)
	}
	intent, err := androidwire.EncodeSystem(share, uris, mime)
	if err != nil {
		return nil, err
	}
	result.Differences = append(result.Differences, android.SystemDifference)
	return []androidwire.Wire{{Intent: &intent}}, nil
}

func objectData(object intents.Object) []byte {
	switch o := object.(type) {
	case intents.Image:
		return o.Data
	case intents.File:
		return o.Data
	}
	return nil
}

// wireBridge is the debug deep link into the app under test.
func (o *requestOptions) wireBridge(result *preview, platform device.Platform, id device.AppIdentity) error {
	link, err := device.BridgeLink(id.AppID, result.Request)
	if err != nil {
		return err
	}
	result.Differences = append(result.Differences, "a debug deep link into the app, whose hook calls the real SDK")
	result.text = link
	if platform == device.IOS {
		return appendWire(&result.Wire, []any{map[string]any{"form": "url", "url": link, "bizData": nil}})
	}
	wires := []androidwire.Wire{{Intent: android.BridgeIntent(id.Package, link)}}
	result.text = androidwire.Text(wires)
	return appendWire(&result.Wire, androidwire.Print(wires))
}
