package ios

import (
	"context"

	"github.com/wxctl/wxctl/device"
)

// Inspect reports what WeChat will check about an app.
func (p *Phone) Inspect(ctx context.Context, id device.AppIdentity, choice device.UserChoice) (*device.Inspection, error) {
	if err := noAndroidUser(choice); err != nil {
		return nil, err
	}
	found, err := p.lookupNamed(ctx, id.BundleID)
	if err != nil {
		return nil, p.late(err)
	}
	a, err := chooseApp(id.BundleID, found)
	if err != nil {
		return nil, err
	}
	out := &device.Inspection{
		SchemaVersion: device.SchemaVersion, Device: p.info.Ref(), BundleID: device.Printable(a.ID),
		VersionName: device.Printable(a.Version), Debuggable: a.debuggable(),
		AppIDs: a.appIDs(), Schemes: append([]string{}, a.schemes()...),
		QueriesSchemes: cleanAll(a.Queries), AssociatedDomains: cleanAll(a.domains()),
	}
	f := factsOf(&a, wechatOf(found))
	out.Findings = device.FindingsOf(&f)
	if a.Entitlements == nil {
		out.Notes = append(out.Notes, "the iPhone does not report the app's entitlements: whether it is debuggable, and its "+
			"associated domains, are not known")
	}
	if link := a.universalLink(); link != "" {
		out.Notes = append(out.Notes, "the universal link is taken to be "+link+"; whether the Open Platform has the same, "+
			"its path included, can't be seen from the phone")
	}
	return out, nil
}

func cleanAll(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = device.Exact(s)
	}
	return out
}

var _ device.Inspector = (*Phone)(nil)
