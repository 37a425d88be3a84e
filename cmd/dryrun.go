package cmd

import (
	"cmp"
	"encoding/json"
	"strings"

	"github.com/wxctl/wxctl/cmd/internal/output"
	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/intents"
)

// demoAppID and demoPackage are the default app under test in a dry run: the
// demo app of virtual phones.
const (
	demoAppID   = "wx0123456789abcdef"
	demoPackage = "com.example.wxdemo"
)

// preview is what --dry-run prints.
type preview struct {
	SchemaVersion int                 `json:"schemaVersion"`
	Request       intents.Request     `json:"request"`
	Problems      []intents.Problem   `json:"problems"`
	Wire          []json.RawMessage   `json:"wire"`
	Differences   []string            `json:"differences"`
	Warnings      []device.Note       `json:"warnings"`
	Error         *device.ErrorReport `json:"error,omitempty"`
}

// preview prints the wire form of a request. No phone is used: flags select the
// platform.
func (o *requestOptions) preview(p plan, c content) error {
	on := device.Android
	if p.sel.Platform != "" {
		on = p.sel.Platform
	}
	a, err := o.adapt(c, on)
	if err != nil {
		return err
	}
	result := preview{SchemaVersion: output.SchemaVersion, Problems: append([]intents.Problem{}, a.problems...),
		Warnings: append([]device.Note{}, a.warnings...)}
	if a.job.App, err = o.shownAs(on); err != nil {
		return err
	}
	shown, request, err := platformOf(on).preview(a.job)
	result.Request = request
	failure := a.refusal
	if failure == nil {
		failure = err
	}
	if failure != nil {
		report := describe(failure)
		result.Error, shown = &report, device.Preview{}
	}
	result.Warnings = append(result.Warnings, shown.Notes...)
	for _, n := range shown.Notes {
		o.f.Streams.Warn("%s", safe(n.Message))
	}
	if o.f.Printer().JSON() {
		if result.Wire, err = wireJSON(shown); err != nil {
			return err
		}
		result.Differences = append([]string{}, shown.Differences...)
		if err := o.f.Printer().Object(result); err != nil {
			return err
		}
		return failure
	}
	if failure != nil {
		return failure
	}
	for _, d := range shown.Differences {
		o.f.Streams.Note("differs from the SDK: %s", safe(d))
	}
	return o.f.Streams.Println(strings.TrimRight(shown.Text, "\n"))
}

// showWire prints the wire form of what was sent, for -v -v. It is encoded
// again, without what only the app's process gets: it contains no token of
// WeChat's.
func (o *requestOptions) showWire(job device.Job, out *device.Outcome) {
	if o.f.Verbose() < 2 || out == nil || out.App == nil || out.State == device.NotSent {
		return
	}
	job.Route = out.Route
	job.App.AppID = cmp.Or(out.App.AppID, job.App.AppID)
	job.App.Package = cmp.Or(out.App.Package, job.App.Package)
	job.App.BundleID = cmp.Or(out.App.BundleID, job.App.BundleID)
	shown, _, err := platformOf(out.Device.Platform).preview(job)
	if err != nil {
		o.f.Streams.Warn("the wire form can't be shown: %s", safe(describe(err).Message))
		return
	}
	for line := range strings.Lines(shown.Text) {
		o.f.Streams.Note("wire: %s", safe(strings.TrimRight(line, "\n")))
	}
}

// shownAs is the sending app of a dry run: by default the demo app of virtual
// phones.
func (o *requestOptions) shownAs(on device.Platform) (device.AppIdentity, error) {
	id, err := o.identity()
	if err != nil {
		return id, err
	}
	if id.AppID == "" || on == device.Android && id.Package == "" {
		o.f.Streams.Note("no app was specified (--app-id, --package or wxctl config init): shown as sent by the demo app")
	}
	for _, part := range []struct {
		of   *string
		demo string
	}{{&id.AppID, demoAppID}, {&id.Package, demoPackage}, {&id.BundleID, demoPackage}} {
		if *part.of == "" {
			*part.of = part.demo
		}
	}
	return id, nil
}

// wireJSON is the list of wire forms as they are printed.
func wireJSON(p device.Preview) ([]json.RawMessage, error) {
	list := make([]json.RawMessage, len(p.Wire))
	for i, w := range p.Wire {
		var err error
		if list[i], err = output.Marshal(w, false); err != nil {
			return nil, err
		}
	}
	return list, nil
}
