package cmd

import (
	"context"
	"strings"

	"github.com/wxctl/wxctl/cmd/internal/config"
	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/check"
)

// take fills the values that no flag gives from an app.
func (o *configInitOptions) take(ctx context.Context) error {
	var app check.App
	var platform device.Platform
	var err error
	if o.from == "phone" {
		app, platform, err = o.onPhone(ctx)
	} else {
		app, platform, err = readAppFile(o.from, o.f.Now())
	}
	if err != nil {
		return err
	}
	fill := func(key, value string) {
		if k, ok := config.FindKey(key); ok && o.values[key] == nil && value != "" && k.Check(value) == nil {
			o.values[key] = &value
		}
	}
	if ids := check.AppIDs(app.Schemes); len(ids) == 1 {
		fill("app-id", strings.ToLower(ids[0]))
	}
	if platform == device.IOS {
		fill("bundle-id", app.Package)
		fill("team-id", app.Team)
		if hosts := check.LinkHosts(app.Domains); len(hosts) > 0 && !strings.Contains(hosts[0], "*") {
			fill("universal-link", "https://"+hosts[0]+"/")
			o.f.Streams.Note("the universal link is taken to be https://%s/: correct its path, if the Open Platform has "+
				"another", safe(hosts[0]))
		}
		return nil
	}
	fill("package", app.Package)
	switch {
	case len(app.Signers) != 1 || len(app.Rotated) > 0:
		o.f.Streams.Note("the app has %d certificates: set the registered one with wxctl config set android-md5 MD5",
			len(app.Signers)+len(app.Rotated))
	case app.Signers[0].Debug:
		o.f.Streams.Note("the app is signed with a debug key, %s, which was not taken for the registered one", app.Signers[0].MD5)
	default:
		fill("android-md5", app.Signers[0].MD5)
	}
	return nil
}

// onPhone looks at the app on the phone.
func (o *configInitOptions) onPhone(ctx context.Context) (app check.App, platform device.Platform, err error) {
	flags := &phoneFlags{}
	id := device.AppIdentity{}
	for key, to := range map[string]*string{"device": &flags.device, "package": &id.Package, "bundle-id": &id.BundleID} {
		if v := o.values[key]; v != nil {
			*to = *v
		}
	}
	ctx, cancel := o.f.Deadline(ctx, requestTimeout)
	defer cancel()
	sel, err := o.f.selector(flags)
	if err != nil {
		return app, "", err
	}
	if sel.All {
		return app, "", exit.Usagef("choose one with --device", "--from phone reads from one phone only")
	}
	sel.Single = true
	fleet, closePhones, err := o.f.Phones(ctx, o.f, flags, sel)
	if err != nil {
		return app, "", err
	}
	defer closePhones()
	phones, err := fleet.Select(ctx, sel)
	if err != nil {
		o.f.explain(err)
		return app, "", err
	}
	phone, err := fleet.OpenBeside(ctx, phones.Phones[0])
	if err != nil {
		return app, "", err
	}
	defer phone.Close()
	examiner, ok := device.As[device.Examiner](phone)
	if !ok {
		return app, "", device.Errorf(device.Refused, "apps on %s phones can't be inspected", phones.Phones[0].Platform)
	}
	facts, err := examiner.Examine(ctx, id, device.UserChoice{})
	switch {
	case err != nil:
		return app, "", err
	case facts.App.Unnamed != "":
		return app, "", device.Errorf(device.AppUnknown, "%s", facts.App.Unnamed).WithHint("name it with --package or --bundle-id")
	case facts.App.NotInstalled:
		return app, "", device.Errorf(device.Refused, "the app %q is not installed on the phone", facts.App.Package).
			WithHint("name another with --package or --bundle-id")
	}
	return facts.App, phones.Phones[0].Platform, nil
}
