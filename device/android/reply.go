package android

import (
	"context"
	"errors"
	"fmt"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/android/agent"
	"github.com/wxctl/wxctl/intents/androidwire"
)

// Reply forges WeChat's reply into a debuggable app.
func (p *Phone) Reply(ctx context.Context, job device.ReplyJob) (*device.Outcome, error) {
	d := p.newDelivery(device.Job{App: job.App, User: job.User, Until: max(job.Until, device.Delivered), After: job.After, Hooks: job.Hooks})
	d.Choose(device.RouteSDK, "a reply is an Intent that shell may start")
	err := d.forge(ctx, job)
	d.inside.close()
	if ctx.Err() == nil {
		err = errors.Join(err, d.stopRecording(ctx), d.Screenshot(ctx, d.Picture), d.tidy(ctx))
	} else {
		err = errors.Join(err, d.abandon(ctx))
	}
	return d.Out, d.End(err, p.unanswered())
}

func (d *delivery) forge(ctx context.Context, job device.ReplyJob) error {
	switch job.Route {
	case "", device.RouteAuto, device.RouteSDK:
	default:
		return device.Errorf(device.Refused, "the %s route can't send replies to Android apps", job.Route).WithHint("use --route auto or sdk")
	}
	if _, err := versionOf(job.SDKVersion); err != nil {
		return err
	}
	err := d.meetApp(ctx)
	if err != nil {
		return err
	}
	switch e := d.app.Entry; {
	case !d.app.Debuggable:
		return device.Errorf(device.Refused, "%q is not debuggable, and forged replies go into debuggable apps only", d.app.Package).
			WithHint("install a debug build of the app")
	case e == nil:
		return device.Errorf(device.Refused, "%q has no .wxapi.WXEntryActivity that could take a reply", d.app.Package).
			WithHint("run wxctl inspect")
	case !e.Exported:
		return device.Errorf(device.Refused, "%q is not exported, so neither WeChat nor shell can start it",
			device.Printable(e.Name)).WithHint(`set android:exported="true"`)
	}
	switch {
	case !job.Handled:
		err = d.lookInside(ctx)
	case !d.hooked():
		err = d.watchHandler(ctx, job.Watched)
	case job.Watched != nil:
		job.Watched()
	}
	if err != nil {
		return err
	}
	if err := d.record(ctx); err != nil {
		return err
	}
	intent, differences, err := encodeReply(job.Reply, d.app.Package, job.SDKVersion)
	if err != nil {
		return err
	}
	d.Out.Differences = append(differences, "the system sees shell (com.android.shell) as the caller, not WeChat")
	raw, err := rawIntent(intent)
	if err != nil {
		return err
	}
	var started agent.Started
	start := &ask{Request: agent.Request{Verb: agent.Start, User: d.facts.user, Intent: raw}, into: &started}
	if err := ctx.Err(); err != nil {
		return err
	}
	sentAt := d.Elapsed()
	d.Out.State = device.Unknown
	d.facts.wechat = &agent.App{UID: shellUID} // who calls the app back this time
	if err := d.hand(ctx, start, []*ask{start}); err != nil {
		return d.lookAgain(ctx, sentAt, err)
	}
	if err := startError(start.err, started, intent); err != nil {
		d.Out.State = device.NotSent
		return err
	}
	o := d.observing(sentAt, started.AtMs)
	d.See(sentAt, device.Delivered, "", fmt.Sprintf("the system accepted it (%s)", resultWord(started)), sourceAgent)
	return d.follow(ctx, o)
}

// shellUID is the uid of adb's shell, and so of the agent.
const shellUID = 2000

// meetApp finds the app and watches the logs, for what does not need WeChat.
func (d *delivery) meetApp(ctx context.Context) error {
	d.facts = &facts{user: d.Job.User.ID}
	name := d.Job.App.Package
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
	d.Job.Until = max(d.Job.Until, device.Delivered)
	watch := d.askWatch()
	if watch != nil {
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
	d.Out.App = &device.App{Package: d.app.Package, AppID: d.Job.App.AppID, Debuggable: d.app.Debuggable}
	if id, err := speaker(d.app, d.Job.App).AppID(d.Job.App.AppID); err == nil {
		d.Out.App.AppID = id
	}
	return nil
}

func notInstalled(pkg string, user int) error {
	err := device.Errorf(device.Refused, "the app %q is not installed on the phone", pkg)
	if user != 0 {
		err = device.Errorf(device.Refused, "the app %q is not installed for Android user %d", pkg, user)
	}
	return err.WithHint("install it, or name another app")
}

var _ device.Replier = (*Phone)(nil)
