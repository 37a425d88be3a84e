package ios

import (
	"context"
	"errors"
	"time"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/intents"
	"github.com/wxctl/wxctl/intents/ioswire"
)

// Reply forges WeChat's reply into a debuggable app: it opens the URL that
// WeChat would open.
func (p *Phone) Reply(ctx context.Context, job device.ReplyJob) (*device.Outcome, error) {
	d := p.newDelivery(device.Job{
		App: job.App, SDKVersion: job.SDKVersion, Route: job.Route, User: job.User,
		Until: max(job.Until, device.Delivered), After: job.After, Hooks: job.Hooks,
	})
	working, cancel := d.Reserve(ctx)
	defer cancel()
	err := d.forge(working, job.Reply)
	if ctx.Err() == nil {
		err = errors.Join(err, d.finish(ctx))
	}
	return d.Out, d.end(err)
}

func (d *delivery) forge(ctx context.Context, reply intents.Reply) error {
	switch d.Job.Route {
	case "", device.RouteAuto, device.RouteURL:
	default:
		return device.Errorf(device.Refused, "the %s route can't send replies to apps on an iPhone", d.Job.Route).WithHint("use --route url")
	}
	d.Choose(device.RouteURL, "a reply is a URL that WeChat opens in the app")
	if err := d.possible(); err != nil {
		return err
	}
	if err := noAndroidUser(d.Job.User); err != nil {
		return err
	}
	var err error
	if d.facts, err = d.learn(ctx, d.Job.App); err != nil {
		return err
	}
	d.target = d.app
	d.Out.App = &device.App{BundleID: device.Printable(d.app.ID), AppID: d.appID, Debuggable: d.app.debuggable()}
	if !d.app.debuggable() {
		return device.Errorf(device.Refused, "%q is not debuggable, and forged replies go into debuggable apps only", device.Printable(d.app.ID)).
			WithHint("install a development build of the app (with the entitlement get-task-allow)")
	}
	link, err := d.replyURL(reply)
	if err != nil {
		return err
	}
	if d.Job.Until >= device.Replied {
		if err := d.watch(ctx); err != nil {
			return err
		}
	}
	if err := d.record(ctx); err != nil {
		return err
	}
	if err := d.openIn(ctx, link, nil); err != nil {
		return err
	}
	if d.opened.front {
		d.seeFront(device.Returned, "", "the app came to the front with the forged reply")
	}
	return d.until(ctx, d.Job.Until)
}

// replyURL is the URL of a reply, to the app's scheme.
func (d *delivery) replyURL(reply intents.Reply) (string, error) {
	wires, differences, err := encodeReply(reply, ioswire.Receiver{AppID: d.appID, UniversalLink: d.universalLink,
		IOS: d.version()[0]}, d.Job.SDKVersion)
	if err != nil {
		return "", err
	}
	link := ""
	for _, w := range wires {
		if w.Pasteboard != nil {
			return "", device.Errorf(device.Refused, "SDK %s reads this reply from the pasteboard, which a computer can't fill", d.Job.SDKVersion).
				WithHint("use --sdk-version %s if the app has that", ioswire.SDK200)
		}
		link = w.URL.Text
	}
	d.Differs(differences...)
	d.Differs("opened by the computer, not by WeChat: the app sees another source application, or none")
	return link, nil
}

// WatchReplies reports the replies that the app's hook logs, until ctx ends.
func (p *Phone) WatchReplies(ctx context.Context, job device.WatchJob) error {
	d := p.newDelivery(device.Job{App: job.App, User: job.User, Hooks: device.Hooks{Note: job.Note}})
	if err := noAndroidUser(job.User); err != nil {
		return err
	}
	var err error
	if d.facts, err = d.learn(ctx, job.App); err != nil {
		return err
	}
	if err := d.watch(ctx); err != nil {
		return p.late(err)
	}
	defer d.log.Close()
	d.Note("over USB only the app's log can be seen: replies are read from its debug hook (docs/bridge.md)", "")
	if d.log.stream.source == sourceSyslog {
		d.Note("this phone's log begins with its last lines, so replies from before may be among the first", "")
	}
	if job.Ready != nil {
		job.Ready()
	}
	who := device.App{BundleID: device.Printable(d.app.ID), AppID: d.appID, Debuggable: d.app.debuggable()}
	for {
		select {
		case line, ok := <-d.log.lines:
			if !ok {
				return d.log.err
			}
			if seen, ok := seenReply(line, who, d.log.stream.source); ok {
				job.Seen(seen)
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// seenReply is the reply in a line of the hook. If it can't be parsed, only the
// call is reported.
func seenReply(line logLine, who device.App, source string) (device.SeenReply, bool) {
	text, ok := cutReply(line.text)
	if !ok {
		return device.SeenReply{}, false
	}
	at := line.at
	if at.IsZero() {
		at = time.Now()
	}
	reply, err := intents.UnmarshalReply([]byte(text))
	if err != nil {
		reply = nil
	}
	return device.NewSeenReply(at, who, source, reply), true
}

var (
	_ device.Replier = (*Phone)(nil)
	_ device.Watcher = (*Phone)(nil)
)
