package android

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/android/agent"
	"github.com/wxctl/wxctl/intents/androidwire"
)

// everything is what is watched for replies.
var everything = []string{"events", "system", "main"}

// Reply forges WeChat's reply into a debuggable app.
func (p *Phone) Reply(ctx context.Context, job device.ReplyJob) (*device.Outcome, error) {
	d := &delivery{Phone: p, begin: time.Now(), out: device.NewOutcome(p.info)}
	d.job = device.Job{App: job.App, User: job.User, Until: max(job.Until, device.Delivered), After: job.After, Hooks: job.Hooks}
	d.choose(device.RouteSDK, "a reply is an Intent that shell may start")
	err := d.forge(ctx, job)
	d.inside.close()
	if ctx.Err() == nil {
		err = errors.Join(err, d.stopRecording(ctx), d.screenshot(ctx), d.tidy(ctx))
	} else {
		err = errors.Join(err, d.abandon(ctx))
	}
	d.out.ElapsedMs = time.Since(d.begin).Milliseconds()
	if err != nil {
		err = d.out.Fail(d.explain(err))
	}
	return d.out, err
}

func (d *delivery) forge(ctx context.Context, job device.ReplyJob) error {
	switch job.Route {
	case "", device.RouteAuto, device.RouteSDK:
	default:
		return device.Errorf(device.Refused, "the %s route brings no replies to Android apps", job.Route).WithHint("use --route auto or sdk")
	}
	if _, err := versionOf(job.SDKVersion); err != nil {
		return err
	}
	if err := d.meetApp(ctx); err != nil {
		return err
	}
	switch e := d.app.Entry; {
	case !d.app.Debuggable:
		return device.Errorf(device.Refused, "%q is not debuggable, and forged replies go into debuggable apps only", d.app.Package).
			WithHint("install a debug build of the app")
	case e == nil:
		return device.Errorf(device.Refused, "%q has no .wxapi.WXEntryActivity that could take a reply", d.app.Package).WithHint("see: wxctl inspect")
	case !e.Exported:
		return device.Errorf(device.Refused, "%q is not exported, so neither WeChat nor shell can start it", device.Printable(e.Name)).WithHint(`set android:exported="true"`)
	}
	if err := d.lookInside(ctx); err != nil {
		return err
	}
	if err := d.record(ctx); err != nil {
		return err
	}
	intent, differences, err := encodeReply(job.Reply, d.app.Package, job.SDKVersion)
	if err != nil {
		return err
	}
	d.out.Differences = append(differences, "the system sees shell (com.android.shell) as the caller, not WeChat")
	raw, err := rawIntent(intent)
	if err != nil {
		return err
	}
	var started agent.Started
	start := &ask{Request: agent.Request{Verb: agent.Start, User: d.facts.user, Intent: raw}, into: &started}
	sentAt := time.Since(d.begin)
	if err := d.do(ctx, start); err != nil {
		return err
	}
	if err := startError(start.err, started, intent); err != nil {
		return err
	}
	d.facts.wechat = &agent.App{UID: shellUID} // who calls the app back this time
	o := d.observing(sentAt, started.AtMs)
	o.forged, o.wantReply = true, true
	o.see(sentAt, device.Delivered, fmt.Sprintf("the system accepted it (%s)", resultWord(started)), sourceAgent)
	err = d.until(ctx, o, d.job.Until)
	d.out.ScreenAfter = shortComponent(o.top)
	if o.reply != nil {
		d.out.Answer(o.reply)
	}
	return err
}

// shellUID is the uid of adb's shell, and so of the agent.
const shellUID = 2000

// meetApp finds the app and watches the logs, for what needs no WeChat.
func (d *delivery) meetApp(ctx context.Context) error {
	d.facts = &facts{user: d.job.User.ID}
	name := d.job.App.Package
	if name == "" {
		var packages agent.Packages
		list := &ask{Request: agent.Request{Verb: agent.ListPackages, User: d.facts.user}, into: &packages}
		if err := d.do(ctx, list); err != nil {
			return err
		}
		if list.err != nil {
			return refusedByAgent(list.err)
		}
		var err error
		if name, err = choosePackage("", packages.Packages); err != nil {
			return err
		}
	}
	var app, chat agent.App
	asks := []*ask{askInspect(d.facts.user, name, &app), askInspect(d.facts.user, androidwire.WeChat, &chat)}
	d.job.Until = max(d.job.Until, device.Delivered)
	var watch *ask
	if len(d.watched) < len(everything) {
		if d.agent != nil && len(d.watched) > 0 {
			d.agent.Close()
			d.agent, d.watched = nil, nil
		}
		watch = &ask{Request: agent.Request{Verb: agent.Watch, Buffers: everything}}
		asks = append(asks, watch)
	}
	err := d.do(ctx, asks...)
	if err := errors.Join(err, d.watching(watch)); err != nil {
		return err
	}
	if d.app, err = found(asks[0], &app); err != nil {
		return err
	}
	if d.app == nil {
		return notInstalled(name, d.facts.user)
	}
	if d.facts.wechat, err = found(asks[1], &chat); err != nil {
		return err
	}
	d.out.App = &device.App{Package: d.app.Package, AppID: d.job.App.AppID, Debuggable: d.app.Debuggable}
	if id, err := chooseAppID(d.job.App.AppID, d.app); err == nil {
		d.out.App.AppID = id
	}
	return nil
}

func notInstalled(pkg string, user int) error {
	return device.Errorf(device.Refused, "the app %q is not installed on the phone%s", pkg, forUser(user)).
		WithHint("install it, or name another with --package")
}

var _ device.Replier = (*Phone)(nil)
