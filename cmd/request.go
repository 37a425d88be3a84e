package cmd

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/cmd/internal/media"
	"github.com/wxctl/wxctl/cmd/internal/streams"
	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/intents"
)

// safe makes text from outside safe for a terminal.
func safe(s string) string { return streams.Safe(s) }

// requestOptions are the options that every request has.
type requestOptions struct {
	f     *Factory
	phone phoneFlags
	lab   labAccess

	appID, pkg, bundleID, universalLink string
	sdkVersion                          string
	transaction, openID                 *string
	route, until, after                 string
	dryRun, noFit, raw, yes, force      bool
	outputs                             outputs
	fsRoot, widgetRoot                  string

	name string // the command's words, for transactions and messages
	// before is called, once per phone, when it is known which AppID the
	// request is sent for: an error keeps the request from being sent. then
	// continues with the result of one phone. Both may be nil.
	before func(ctx context.Context, appID string) error
	then   func(ctx context.Context, r *result)
}

func (o *requestOptions) addFlags(f *Factory, cmd *cobra.Command, untilDefault string) {
	o.f = f
	o.phone.add(f, cmd)
	o.lab.add(cmd)
	o.addSaveCase(cmd)
	flags := cmd.Flags()
	flags.StringVar(&o.appID, "app-id", "", "AppID that the request names, wx and 16 hex digits")
	flags.StringVar(&o.pkg, "package", "", "Android package that acts as the sender")
	flags.StringVar(&o.bundleID, "bundle-id", "", "iOS bundle id that acts as the sender")
	flags.StringVar(&o.universalLink, "universal-link", "", "iOS universal link of the app")
	flags.StringVar(&o.sdkVersion, "sdk-version", "", "OpenSDK `version`: "+oneOf("6.8.34", "6.8.18", "6.8.0", "5.5.3")+
		"; iOS "+oneOf("2.0.0", "1.8.7.1"))
	optionalVar(flags, &o.transaction, "transaction", "id of the request, echoed in the reply (default: generated)")
	optionalVar(flags, &o.openID, "openid", "openid of the user who must be logged in")
	flags.StringVar(&o.route, "route", "auto", "route to WeChat: "+oneOf("auto", "sdk", "app", "system", "url", "bridge"))
	flags.StringVar(&o.until, "until", untilDefault, "state to wait for: "+oneOf("delivered", "opened", "returned", "replied"))
	flags.StringVar(&o.after, "after", "leave", "how to leave the phone: "+oneOf("leave", "back", "home", "stop-wechat"))
	flags.BoolVar(&o.dryRun, "dry-run", false, "print the wire form; touch no phone")
	flags.BoolVar(&o.raw, "raw", false, "send what was given, unchecked")
	flags.BoolVar(&o.yes, "yes", false, "send as an app that is neither debuggable nor in the profile")
	flags.BoolVar(&o.force, "force", false, "try what is known to fail")
	o.outputs.addFlags(flags)
	flags.StringVar(&o.fsRoot, "fs-root", "", "`directory` that fs:// names")
	flags.StringVar(&o.widgetRoot, "widget-root", "", "`directory` that widget:// names")
	complete(cmd, "route", "auto", "sdk", "app", "system", "url", "bridge")
	complete(cmd, "until", "delivered", "opened", "returned", "replied")
	complete(cmd, "after", "leave", "back", "home", "stop-wechat")
	complete(cmd, "sdk-version", "6.8.34", "6.8.18", "6.8.0", "5.5.3", "2.0.0", "1.8.7.1")
	o.name = cmd.Name()
}

// plan is the result of checking a request's flags.
type plan struct {
	sel   device.Selector
	route device.Route
	until device.Progress
	after device.After
}

func (o *requestOptions) plan(cmd *cobra.Command) (plan, error) {
	var p plan
	err := errors.Join(o.phone.check(cmd), o.lab.check(cmd))
	if err != nil {
		return p, err
	}
	if p.route, err = device.ParseRoute(o.route); err != nil {
		return p, err
	}
	if p.until, err = device.ParseProgress(o.until); err != nil {
		return p, err
	}
	if p.after, err = device.ParseAfter(o.after); err != nil {
		return p, err
	}
	if o.outputs.any() && o.dryRun {
		return p, exit.Usagef("omit one of them", "--dry-run uses no phone, so it can't take a screenshot or a recording")
	}
	if o.dryRun && o.phone.platform != "" {
		// No phone is used, so no phone has to match.
		p.sel.Platform = device.Platform(o.phone.platform)
		return p, nil
	}
	p.sel, err = o.f.selector(&o.phone)
	if o.dryRun && p.sel.Platform == "" && p.sel.Virtual != nil {
		p.sel.Platform = p.sel.Virtual.Platform
	}
	return p, err
}

// common are the fields that every request has.
func (o *requestOptions) common() intents.Common {
	c := intents.Common{Transaction: o.transaction, OpenID: o.openID}
	if c.Transaction == nil {
		c.Transaction = new(newTransaction(o.name))
	}
	return c
}

// newTransaction returns a unique id.
func newTransaction(name string) string {
	var b [8]byte
	rand.Read(b[:]) // never fails since Go 1.24
	return strings.ReplaceAll(name, " ", "-") + "-" + hex.EncodeToString(b[:])
}

func (o *requestOptions) loader() *media.Loader {
	return &media.Loader{FSRoot: o.fsRoot, WidgetRoot: o.widgetRoot, Dir: o.f.Dir, HTTP: o.f.HTTP}
}

// requestTimeout is the default limit of a request.
const requestTimeout = 30 * time.Second

// patience is the default of --timeout: waiting for the user to come back from
// WeChat takes longer.
func (p plan) patience() time.Duration {
	if p.until >= device.Returned {
		return 2 * time.Minute
	}
	return requestTimeout
}

// send is what every request command does: build the request, and print it or
// bring it to the phones.
func (o *requestOptions) send(ctx context.Context, cmd *cobra.Command, read func(context.Context) (content, error)) error {
	p, err := o.plan(cmd)
	if err != nil {
		return err
	}
	ctx, cancel := o.f.Deadline(ctx, p.patience()+o.phone.wait)
	defer cancel()
	c, err := read(ctx)
	if err != nil {
		return err
	}
	if o.dryRun {
		return o.preview(p, c)
	}
	if o.lab.url != "" {
		return o.throughLab(ctx, cmd, p)
	}
	return o.deliver(ctx, p, c)
}

// identity is the sending app, as far as flags, environment and profile name
// it; the rest is determined on the phone.
func (o *requestOptions) identity() (device.AppIdentity, error) {
	var id device.AppIdentity
	for _, k := range []struct {
		key, flag string
		to        *string
	}{
		{"app-id", o.appID, &id.AppID}, {"package", o.pkg, &id.Package},
		{"bundle-id", o.bundleID, &id.BundleID}, {"universal-link", o.universalLink, &id.UniversalLink},
	} {
		s, err := o.f.Setting(k.key, k.flag)
		if err != nil {
			return id, err
		}
		*k.to = s.Value
	}
	// The profile pins an app by its package, also if a flag repeats it, and on
	// iPhones by its bundle id; neither pins an app on the other platform.
	for _, pin := range []struct {
		key, named string
		to         *bool
	}{{"package", id.Package, &id.Pinned}, {"bundle-id", id.BundleID, &id.PinnedBundle}} {
		s, err := o.f.Setting(pin.key, "")
		if err != nil {
			return id, err
		}
		*pin.to = s.Value != "" && s.Value == pin.named
	}
	return id, nil
}
