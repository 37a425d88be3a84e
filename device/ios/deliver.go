package ios

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/intents"
	"github.com/wxctl/wxctl/intents/ioswire"
)

// Deliver hands a request to WeChat, by a URL or through the app's debug hook,
// and watches what happens.
func (p *Phone) Deliver(ctx context.Context, job device.Job) (*device.Outcome, error) {
	d := p.newDelivery(job)
	err := d.run(ctx)
	return d.Out, d.end(err)
}

// delivery is one request, or one forged reply, on its way.
type delivery struct {
	*Phone
	*device.Delivery

	*facts
	opener opener
	log    *logWatch // nil unless the app's log is watched
	opened opened    // the result of opening the URL
	target app       // the app that the URL is opened in
	inWDA  string    // the app that WebDriverAgent last saw in front
	film   *film     // nil unless it is recorded
}

func (p *Phone) newDelivery(job device.Job) *delivery {
	return &delivery{Phone: p, Delivery: device.NewDelivery(p.info, job)}
}

// end closes what belongs to the delivery and adds to its error how far it
// came.
func (d *delivery) end(err error) error {
	if d.log != nil {
		d.log.Close()
	}
	if d.film != nil {
		err = errors.Join(err, d.film.stop(d.Job.Hooks.Record))
	}
	return d.End(err, "unplug it and plug it in again, or increase --timeout")
}

// see adds evidence with the current time.
func (d *delivery) see(state device.Progress, screen device.Screen, what, source string) {
	d.See(d.Elapsed(), state, screen, what, source)
}

func (d *delivery) run(ctx context.Context) error {
	if err := d.chooseRoute(); err != nil {
		return err
	}
	if err := d.possible(); err != nil {
		return err
	}
	// The end needs some of the time.
	working, cancel := d.Reserve(ctx)
	defer cancel()
	err := d.attempt(working)
	if ctx.Err() != nil {
		return err
	}
	return errors.Join(err, d.finish(ctx))
}

// attempt does everything up to the state that is waited for.
func (d *delivery) attempt(ctx context.Context) error {
	if err := d.prepare(ctx); err != nil {
		return err
	}
	if err := d.record(ctx); err != nil {
		return err
	}
	if d.Out.Route == device.RouteBridge {
		return d.bridge(ctx)
	}
	return d.byURL(ctx)
}

// record records the screen until the delivery ends.
func (d *delivery) record(ctx context.Context) (err error) {
	if d.Job.Hooks.Record != nil {
		d.film, err = d.startFilm(ctx, d.FilmForm)
	}
	return err
}

// chooseRoute decides how the request is sent, and refuses what no iPhone
// supports and what the SDK would refuse, before the phone is asked anything.
func (d *delivery) chooseRoute() error {
	route, why, err := routeOf(d.Job)
	if err != nil {
		return err
	}
	d.Choose(route, why)
	problems, err := Validate(d.Job)
	if err != nil || d.Job.Raw {
		return err
	}
	return device.RefusedBySDK(problems, d.Job.NoFit)
}

// possible refuses what this version of iOS, or every version, doesn't support.
func (d *delivery) possible() error {
	v := d.version()
	_, isShare := d.Job.Request.(intents.Share)
	switch {
	case d.Job.After == device.AfterBack:
		return device.Errorf(device.Refused, "an iPhone has no back key").WithHint("use --after home or stop-wechat")
	case d.Out.Route != device.RouteURL || v.hasOpenURL() || d.Job.Force:
		return nil
	case isShare && !v.atLeast(15, 0):
		return device.Errorf(device.Refused, "on iOS %s a share travels on the pasteboard, which only the app itself can write",
			d.info.OSVersion).WithHint("%s", bridgeHint)
	}
	return device.Errorf(device.Refused, "iOS %s can't open URLs from a computer: WebDriverAgent does from "+
		"iOS 16.4 on, CoreDevice from iOS 17 on", d.info.OSVersion).WithHint("%s", bridgeHint)
}

const bridgeHint = "use --route bridge with the debug hook in the app (docs/bridge.md), which works on every iOS"

// prepare collects the necessary facts and refuses what can't work.
func (d *delivery) prepare(ctx context.Context) error {
	if err := noAndroidUser(d.Job.User); err != nil {
		return err
	}
	var err error
	if d.facts, err = d.learn(ctx, d.Job.App); err != nil {
		return err
	}
	d.Out.WeChat = &d.wechat
	d.Out.App = &device.App{BundleID: device.Printable(d.app.ID), AppID: d.appID, Debuggable: d.app.debuggable()}
	if !d.wechat.Installed {
		return device.Errorf(device.WeChatMissing, "WeChat is not installed on the phone").WithHint("install WeChat, log in, and try again")
	}
	who := speaker(&d.app, d.Job.App)
	if d.Out.Impersonated, err = who.MaySpeak(d.Job.Yes); err != nil {
		return err
	}
	if len(who.Declared) > 0 && !who.Declares(d.appID) {
		if !d.Job.Force && !d.Job.Raw {
			return device.Errorf(device.Refused, "%s declares the AppID %s, not %s: WeChat could not call it back, not even "+
				"to refuse it", who.Name, strings.Join(who.Declared, ", "), d.appID).
				WithHint("run wxctl inspect %s, or send it anyway with --force", who.Name)
		}
		d.Warn("app.scheme.appid", fmt.Sprintf("%s declares the AppID %s, not %s: WeChat can't call it back", who.Name,
			strings.Join(who.Declared, ", "), d.appID), "run wxctl inspect "+who.Name)
	}
	return d.Identified(ctx, d.appID)
}

// byURL opens the SDK's URL in WeChat.
func (d *delivery) byURL(ctx context.Context) error {
	link, err := d.requestURL()
	if err != nil {
		return err
	}
	if d.Job.Until >= device.Opened {
		if err := d.watch(ctx); err != nil && (d.Job.Until >= device.Returned || ctx.Err() != nil) {
			return err
		}
	}
	d.target = d.wechatApp
	if err := d.openIn(ctx, link, nil); err != nil {
		return err
	}
	if d.opened.front {
		d.seeFront(device.Opened, device.ScreenUnknown, cameToFront)
	}
	return d.until(ctx, d.Job.Until)
}

const cameToFront = "WeChat came to the front; which of its screens is shown can't be seen over USB"

// leastLinkWeChat is the first WeChat that accepts universal links.
const leastLinkWeChat = "7.0.7"

// requestURL is the URL that the SDK would open, in the form that a computer
// can open: with the scheme, and all data in the URL.
func (d *delivery) requestURL() (string, error) {
	sdk, err := versionOf(d.Job.SDKVersion)
	if err != nil {
		return "", err
	}
	_, isShare := d.Job.Request.(intents.Share)
	older := device.CompareVersions(d.wechat.Version, leastWeChat) < 0
	if isShare && older && !d.Job.Force {
		return "", device.Errorf(device.WeChatTooOld, "WeChat %s is too old for a share by URL: it reads shares from the "+
			"pasteboard, and %s is needed", d.wechat.Version, leastWeChat).
			WithHint("update WeChat, or use --route bridge with the debug hook in the app (docs/bridge.md)")
	}
	wires, differences, err := encode(device.RouteURL, d.Job.Request, ioswire.Sender{
		AppID: d.appID, BundleID: d.app.ID, UniversalLink: d.universalLink, SDK: sdk,
		Phone: ioswire.Phone{
			IOS: d.version()[0], NoURLParams: older && !d.Job.Force,
			NoUniversalLinks: device.CompareVersions(d.wechat.Version, leastLinkWeChat) < 0,
		},
	})
	if err != nil {
		return "", err
	}
	d.Differs(differences...)
	link := ""
	for _, w := range wires {
		switch {
		case w.URL != nil:
			link = w.URL.Text
		case isShare && !d.Job.Force:
			why := "it is too long for a URL"
			if sdk == ioswire.SDK1871 {
				why = "SDK " + string(sdk) + " puts it on the pasteboard, which only the app itself can write"
			}
			return "", device.Errorf(device.Refused, "the url route can't send this share: %s", why).
				WithHint("use a smaller picture, --sdk-version %s, or --route bridge with the debug hook in the app (docs/bridge.md)", ioswire.SDK200)
		default:
			d.Differs("nothing is put on the pasteboard")
		}
	}
	return link, nil
}

// openIn opens a URL in the target, or starts it with launch arguments.
func (d *delivery) openIn(ctx context.Context, link string, arguments []string) error {
	var err error
	if d.opener, err = d.Phone.opener(ctx, d.Note); err != nil {
		return err
	}
	defer d.opener.Close()
	d.Out.RouteReason = fmt.Sprintf("%s; by %s", d.Out.RouteReason, d.opener.words())
	if err := ctx.Err(); err != nil {
		return err
	}
	d.Out.State = device.Unknown
	if link != "" {
		d.opened, err = d.opener.open(ctx, d.target.ID, link)
	} else {
		d.opened, err = d.opener.restart(ctx, d.target.ID, arguments)
	}
	if err != nil {
		return d.notOpened(ctx, err)
	}
	d.see(device.Delivered, "", d.opened.accepted, d.opened.source)
	if !d.Forging() {
		d.Out.Sent(d.Job.Request.Kind())
	}
	return nil
}

// notOpened is the error of a URL that was not opened. If the phone answered,
// it has refused; if it did not, the app's log may still show what happened.
func (d *delivery) notOpened(ctx context.Context, err error) error {
	var answer *device.Error
	if errors.As(err, &answer) && answer.Code != device.PhoneLost && answer.Code != device.NotSeen {
		d.Out.State = device.NotSent
		return err
	}
	if d.log == nil || ctx.Err() != nil {
		return err
	}
	if d.listen(ctx, d.log.lines); d.Answer != nil {
		return d.Answered(nil)
	}
	return err
}

// seeFront adds the evidence that the target is in front, unless the process
// that was launched is another app's.
func (d *delivery) seeFront(state device.Progress, screen device.Screen, what string) {
	if d.opened.path != "" && d.target.Path != "" && !inBundle(d.opened.path, d.target.Path) {
		d.see(device.NotSent, "", fmt.Sprintf("the phone launched %q instead", excerpt(device.Printable(d.opened.path))), d.opened.source)
		return
	}
	d.Out.ScreenAfter = device.Printable(d.target.ID)
	d.see(state, screen, what, d.opened.source)
}

// finish takes the screenshot and applies --after.
func (d *delivery) finish(ctx context.Context) error {
	return errors.Join(d.Screenshot(ctx, d.picture), d.tidy(ctx))
}

// tidy does what --after says. A phone that was handed nothing is not changed.
func (d *delivery) tidy(ctx context.Context) error {
	if d.Out.State == device.NotSent {
		return nil
	}
	switch d.Job.After {
	case device.AfterHome:
		switch {
		case d.openers.wda != nil:
			return d.openers.wda.home(ctx)
		case d.openers.core != nil:
			_, err := d.openers.core.launch(ctx, Launch{BundleID: springBoard})
			return plain(ctx, err)
		}
	case device.AfterStopWeChat:
		switch {
		case d.openers.wda != nil:
			return d.openers.wda.terminate(ctx, ioswire.WeChat)
		case d.openers.core != nil:
			return plain(ctx, d.openers.core.stop(ctx, d.wechatApp.Path))
		}
	}
	return nil
}

// plain converts an error of CoreDevice for the user: a broken tunnel is a lost
// phone.
func plain(ctx context.Context, err error) error {
	var broken *tunnelError
	if !errors.As(err, &broken) {
		return err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return device.Errorf(device.PhoneLost, "the tunnel to the phone broke: %w", err).WithHint("plug it in again and check `wxctl devices`")
}
