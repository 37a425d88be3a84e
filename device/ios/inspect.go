package ios

import (
	"context"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/check"
)

// Inspect says what WeChat will check of an app.
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
		out.Notes = append(out.Notes, "the iPhone does not tell the app's entitlements: whether it is debuggable, and its associated domains, can't be said")
	}
	if link := a.universalLink(); link != "" {
		out.Notes = append(out.Notes, "the universal link is taken to be "+link+"; whether the Open Platform has the same, its path included, can't be seen from the phone")
	}
	return out, nil
}

func cleanAll(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = device.Printable(s)
	}
	return out
}

// factsOf are what the phone says of an app and of WeChat, for the checks.
func factsOf(a *app, wechat device.WeChat) check.Facts {
	f := check.Facts{
		Platform: string(device.IOS),
		App: check.App{
			Package: device.Printable(a.ID), Source: "the phone", Version: device.Printable(a.Version), Debuggable: a.debuggable(), Schemes: a.schemes(),
			IOS: check.IOS{QuerySchemes: cleanAll(a.Queries), Domains: cleanAll(a.domains()), Odd: cleanAll(a.odd)},
		},
		WeChat: check.WeChat{Installed: wechat.Installed, Version: wechat.Version},
		Gaps: map[check.Need]check.Gap{
			check.NeedProfile: {Status: check.Skip, Reason: "the profile was not looked at"},
		},
	}
	if a.Entitlements == nil {
		f.App.NoEntitlements = "the iPhone does not tell them"
	}
	for _, w := range wechat.Warnings {
		f.WeChat.Refused = append(f.WeChat.Refused, w.Message)
	}
	return f
}

var _ device.Inspector = (*Phone)(nil)
