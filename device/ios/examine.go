package ios

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/check"
	"github.com/wxctl/wxctl/device/ios/ipa"
)

// Examine collects the facts for checks: about the phone, WeChat, and the app
// that id names, and which other apps claim its AppIDs.
func (p *Phone) Examine(ctx context.Context, id device.AppIdentity, choice device.UserChoice) (*check.Facts, error) {
	if err := noAndroidUser(choice); err != nil {
		return nil, err
	}
	installed, err := p.lookup(ctx) // all of the user's apps, for their URL schemes
	if err != nil {
		return nil, p.late(err)
	}
	name, unnamed := id.BundleID, ""
	if name == "" {
		a, err := chooseApp("", installed)
		if err != nil {
			unnamed = device.AsError(err).Message
		}
		name = a.ID
	}
	a, ok := installed[name]
	f := factsOf(&a, wechatOf(installed))
	f.Phone = check.Phone{Name: device.Printable(cmp.Or(p.info.Name, p.info.Model, p.info.ID)), UDID: device.Printable(p.udid),
		State: string(p.info.State)}
	if !ok {
		f.App = check.App{Package: device.Printable(name), Source: "the phone", NotInstalled: true, Unnamed: unnamed}
		return &f, nil
	}
	mine := a.appIDs()
	for _, other := range slices.Sorted(maps.Keys(installed)) {
		o := installed[other]
		if other != name && slices.ContainsFunc(o.appIDs(), func(s string) bool {
			return slices.ContainsFunc(mine, func(m string) bool { return strings.EqualFold(m, s) })
		}) {
			f.App.Claims = append(f.App.Claims, device.Printable(other))
		}
	}
	return &f, nil
}

// factsOf converts what the phone reports about an app and WeChat.
func factsOf(a *app, wechat device.WeChat) check.Facts {
	f := check.Facts{
		Platform: string(device.IOS),
		App: check.App{
			Package: device.Printable(a.ID), Source: "the phone", Version: device.Printable(a.Version), Debuggable: a.debuggable(),
			Schemes: a.schemes(),
			IOS:     check.IOS{QuerySchemes: cleanAll(a.Queries), Domains: cleanAll(a.domains()), Odd: cleanAll(a.odd)},
		},
		WeChat: check.WeChat{Installed: wechat.Installed, Version: wechat.Version},
		Gaps: map[check.Need]check.Gap{
			check.NeedProfile: {Status: check.Skip, Reason: "the profile was not read"},
		},
	}
	if e := a.Entitlements; e == nil {
		f.App.NoEntitlements = "the iPhone does not report them"
	} else {
		signed := ipa.Entitlements{AppID: e.AppID, Team: e.Team}
		f.App.Team, f.App.AppID = device.Printable(signed.TeamID()), device.Exact(signed.AppID)
	}
	for _, w := range wechat.Warnings {
		f.WeChat.Refused = append(f.WeChat.Refused, w.Message)
	}
	return f
}

// FileFacts are the facts in an IPA; name is the file's.
func FileFacts(f *ipa.File, name string, now time.Time) check.App {
	out := check.App{
		Package: device.Exact(f.Info.BundleID), Source: device.Printable(name), Version: device.Printable(f.Info.Version),
		Debuggable: f.Entitlements.GetTaskAllow, Schemes: cleanAll(f.Info.Schemes()),
		IOS: check.IOS{QuerySchemes: cleanAll(f.Info.Queries), Odd: cleanAll(f.Odd), Domains: cleanAll(f.Entitlements.Domains),
			Team: device.Printable(f.Entitlements.TeamID()), AppID: device.Exact(f.Entitlements.AppID)},
	}
	if f.EntitlementsErr != nil {
		out.NoEntitlements = device.Sentence(f.EntitlementsErr.Error())
	}
	if f.ProvisioningErr != nil {
		out.NoProvisioning = device.Sentence(f.ProvisioningErr.Error())
	}
	if p := f.Provisioning; p != nil {
		out.Provisioning = &check.Provisioning{
			Name: device.Printable(p.Name), Expires: p.Expires, Now: now, Domains: cleanAll(p.Allows.Domains),
		}
		if p.Devices != nil {
			out.Provisioning.Devices = cleanAll(p.Devices)
		}
		if len(p.Teams) > 0 {
			out.Team = cmp.Or(out.Team, device.Printable(p.Teams[0]))
			// Of a signature without a team it is the prefix of the app's id,
			// which for old apps is not the team: their profile has it, too.
			team := f.Entitlements.TeamID()
			if team != "" && !slices.Contains(p.Teams, team) && !strings.HasPrefix(p.Allows.AppID, team+".") {
				out.Provisioning.OtherTeam = device.Printable(p.Teams[0])
			}
		}
	}
	return out
}

var _ device.Examiner = (*Phone)(nil)

// Logs reports what an app logs.
func (p *Phone) Logs(ctx context.Context, app string, user device.UserChoice, ready func(), line func(string)) error {
	if err := noAndroidUser(user); err != nil {
		return err
	}
	installed, err := p.lookup(ctx, app)
	if err != nil {
		return p.late(err)
	}
	a, ok := installed[app]
	if !ok {
		return missing(app)
	}
	log, err := watchApp(ctx, p.service, a, func(string) bool { return true })
	if err != nil {
		return p.noService(syslogService, err)
	}
	defer log.Close()
	ready()
	for {
		select {
		case l, ok := <-log.lines:
			if !ok {
				return log.err
			}
			line(l.text)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

var _ device.Logger = (*Phone)(nil)
