package ios

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/intents/ioswire"
)

// facts are what is asked before a request is sent.
type facts struct {
	wechat device.WeChat
	// wechatApp is WeChat as the phone describes it.
	wechatApp app
	app       app // the sending app as the phone describes it
	// appID and universalLink are the sender's; the link may be empty.
	appID, universalLink string
}

// learn asks for WeChat and the sending app, in one request if the app is
// named.
func (p *Phone) learn(ctx context.Context, id device.AppIdentity) (*facts, error) {
	found, err := p.lookupNamed(ctx, id.BundleID)
	if err != nil {
		return nil, p.late(err)
	}
	f := &facts{wechat: wechatOf(found), wechatApp: found[ioswire.WeChat]}
	if f.app, err = chooseApp(id.BundleID, found); err != nil {
		return nil, err
	}
	if f.appID, err = speaker(&f.app, id).AppID(id.AppID); err != nil {
		return nil, err
	}
	f.universalLink = id.UniversalLink
	if f.universalLink == "" {
		f.universalLink = f.app.universalLink()
	}
	return f, nil
}

// lookupNamed asks for WeChat and the app with a bundle ID, or, if it is empty,
// for all that the user installed.
func (p *Phone) lookupNamed(ctx context.Context, bundleID string) (map[string]app, error) {
	if bundleID == "" {
		return p.lookup(ctx)
	}
	return p.lookup(ctx, ioswire.WeChat, bundleID)
}

// chooseApp returns the sending app: want if it isn't empty, else the phone's
// only debuggable app that registers an AppID as a URL scheme.
func chooseApp(want string, found map[string]app) (app, error) {
	if want != "" {
		a, ok := found[want]
		if !ok {
			return app{}, missing(want)
		}
		return a, nil
	}
	var fit []string
	for _, id := range slices.Sorted(maps.Keys(found)) {
		a := found[id]
		if a.debuggable() && len(a.appIDs()) > 0 && id != ioswire.WeChat {
			fit = append(fit, id)
		}
	}
	switch len(fit) {
	case 1:
		return found[fit[0]], nil
	case 0:
		return app{}, device.Errorf(device.AppUnknown, "no app was specified, and the phone has no debuggable "+
			"app with a wx… URL scheme").
			WithHint("run `wxctl config init`, or use --bundle-id and --app-id")
	}
	return app{}, device.Errorf(device.AppUnknown, "no app was specified, and the phone has %d "+
		"debuggable apps: %s", len(fit), strings.Join(cleanAll(fit), ", ")).
		WithHint("choose one with --bundle-id %s, or run `wxctl config init`", device.Printable(fit[0]))
}

// speaker describes the app as a possible sender.
func speaker(a *app, id device.AppIdentity) device.Speaker {
	s := device.Speaker{Name: device.Printable(a.ID), Debuggable: a.debuggable(), Pinned: id.PinnedBundle, Key: "bundle-id"}
	for _, scheme := range a.appIDs() {
		s.Declared = append(s.Declared, strings.ToLower(scheme))
	}
	return s
}

func missing(bundleID string) error {
	return device.Errorf(device.Refused, "the app %q is not installed on this iPhone", device.Printable(bundleID)).
		WithHint("install it, or name another with --bundle-id")
}
