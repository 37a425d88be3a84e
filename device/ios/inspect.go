package ios

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/intents/ioswire"
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
		Findings: findings(&a, wechatOf(found)),
	}
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

// queried are the schemes by which the SDK finds out what WeChat can do, and
// what it does without them (OpenSDK 2.0.0, checkUniversalLinkReady and
// canOpenURL).
var queried = []struct{ scheme, without string }{
	{"weixin", "the SDK takes WeChat for not installed"},
	{"weixinULAPI", "the SDK never opens WeChat by universal link"},
	{"weixinURLParamsAPI", "the SDK puts requests on the pasteboard, and iOS asks the user before WeChat reads it"},
}

// maxQueries is how many of its query schemes iOS heeds for an app linked for
// iOS 15 or newer (Apple, canOpenURL(_:)).
const maxQueries = 50

// findings are what will go wrong with WeChat.
func findings(a *app, wechat device.WeChat) []device.Finding {
	out := []device.Finding{}
	add := func(hint, format string, args ...any) {
		out = append(out, device.Finding{Message: fmt.Sprintf(format, args...), Hint: hint})
	}
	if len(a.appIDs()) == 0 {
		add("add a URL type with the AppID (wx…) as its scheme to Info.plist", "no URL scheme is an AppID: WeChat can't call the app back by scheme")
	}
	for _, s := range a.schemes() {
		if strings.HasPrefix(strings.ToLower(s), "weixin") {
			add("remove it from CFBundleURLTypes: it belongs in LSApplicationQueriesSchemes",
				"the app registers WeChat's own URL scheme %q: the SDK refuses to start, and WeChat's requests may go to the app", s)
		}
	}
	for i, q := range queried {
		at := slices.IndexFunc(a.Queries, func(s string) bool { return strings.EqualFold(s, q.scheme) })
		switch {
		case at < 0:
			add("add it to LSApplicationQueriesSchemes in Info.plist", "%s is not in LSApplicationQueriesSchemes: %s", queried[i].scheme, q.without)
		case at >= maxQueries:
			add("move it up", "%s is number %d in LSApplicationQueriesSchemes, of which iOS heeds %d: %s", q.scheme, at+1, maxQueries, q.without)
		}
	}
	if a.Entitlements != nil && !slices.ContainsFunc(a.Entitlements.Domains, func(d string) bool { return strings.HasPrefix(d, "applinks:") }) {
		add("add the domain of the universal link to the app's Associated Domains", "no associated domain is an applinks: one: WeChat can't call the app back by universal link")
	}
	switch {
	case !wechat.Installed:
		add("install WeChat", "WeChat (%s) is not installed on this phone", ioswire.WeChat)
	case len(wechat.Warnings) > 0:
		add(wechat.Warnings[0].Hint, "%s", wechat.Warnings[0].Message)
	}
	return out
}

var _ device.Inspector = (*Phone)(nil)
