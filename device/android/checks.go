package android

import (
	"fmt"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/intents"
)

// check refuses what this WeChat can't do, and warns about what it probably
// can't.
func (d *delivery) check() error {
	have := d.Out.WeChat.SupportAPI
	share, isShare := d.Job.Request.(intents.Share)
	tooOld := func(need int, what string) error {
		switch {
		case have == 0 || have >= need:
			return nil
		case d.Job.Raw:
			d.Warn("request.wechat-too-old", fmt.Sprintf("WeChat %s is too old for %s: it supports OpenSDK level %d, and %d is needed",
				d.Out.WeChat.Version, what, have, need), "update WeChat on the phone")
			return nil
		}
		return device.Errorf(device.WeChatTooOld, "WeChat %s is too old for %s: it supports OpenSDK level %d, and %d is needed",
			d.Out.WeChat.Version, what, have, need).
			WithHint("update WeChat on the phone, or send it anyway with --raw")
	}
	switch d.Job.Request.(type) {
	case intents.LaunchMiniProgram:
		if err := tooOld(needLaunch, "a mini program launch"); err != nil {
			return err
		}
	case intents.SubscribeMessage:
		if err := tooOld(needSubscribe, "a subscribe message"); err != nil {
			return err
		}
	}
	if isShare && d.Out.Route != device.RouteSystem {
		need, what := 0, ""
		switch {
		case share.Scene == intents.SceneContact:
			need, what = needContact, "a share to a contact"
		case share.Scene == intents.SceneTimeline:
			need, what = needTimeline, "a share to Moments"
		}
		if len(d.Job.Media) > 0 && !d.Job.Media[0].AsPath {
			need, what = needContentURI, "content URIs"
		}
		if err := tooOld(need, what); err != nil {
			return err
		}
		if _, ok := share.Message.Object.(intents.MiniProgram); ok && have != 0 && have < needMiniProgram {
			d.Warn("request.wechat-too-old", fmt.Sprintf("WeChat %s is too old for mini programs: it supports OpenSDK level %d, and %d is needed",
				d.Out.WeChat.Version, have, needMiniProgram),
				"update WeChat on the phone; SDKs up to 6.8.0 send it the web page instead")
		}
	}
	if isShare && share.Scene == intents.SceneFavorite {
		d.Warn("request.favorite", "WeChat saves favorites without asking on the phone", "")
	}
	if d.app == nil {
		return nil
	}
	if d.app.Entry == nil {
		d.Warn("app.entry.missing", fmt.Sprintf("%s has no .wxapi.WXEntryActivity, so WeChat can't call it back", d.app.Package),
			"run wxctl inspect")
	}
	for _, doubt := range doubts(d.app, d.appID) {
		d.Warn(doubt.ID, doubt.Message, doubt.Hint)
	}
	return nil
}
