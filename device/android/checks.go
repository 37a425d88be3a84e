package android

import (
	"crypto/md5"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/android/agent"
	"github.com/wxctl/wxctl/intents"
)

// check refuses what this WeChat can't do, and warns of what it probably
// won't.
func (d *delivery) check() error {
	have := d.out.WeChat.SupportAPI
	share, isShare := d.job.Request.(intents.Share)
	tooOld := func(need int, what string) error {
		switch {
		case have == 0 || have >= need:
			return nil
		case d.job.Raw:
			d.note(fmt.Sprintf("WeChat %s is too old for %s: it supports OpenSDK level %d, and %d is needed", d.out.WeChat.Version, what, have, need), "update WeChat on the phone")
			return nil
		}
		return device.Errorf(device.WeChatTooOld, "WeChat %s is too old for %s: it supports OpenSDK level %d, and %d is needed", d.out.WeChat.Version, what, have, need).
			WithHint("update WeChat on the phone, or send it all the same with --raw")
	}
	if isShare && d.out.Route != device.RouteSystem {
		need, what := 0, ""
		switch {
		case share.Scene == intents.SceneContact:
			need, what = needContact, "a share to a contact"
		case share.Scene == intents.SceneTimeline:
			need, what = needTimeline, "a share to Moments"
		}
		if len(d.job.Media) > 0 && !d.job.Media[0].AsPath {
			need, what = needContentURI, "content URIs"
		}
		if err := tooOld(need, what); err != nil {
			return err
		}
		if _, ok := share.Message.Object.(intents.MiniProgram); ok && have != 0 && have < needMiniProgram {
			d.note(fmt.Sprintf("WeChat %s is too old for mini programs: it supports OpenSDK level %d, and %d is needed", d.out.WeChat.Version, have, needMiniProgram), "update WeChat on the phone; SDKs up to 6.8.0 send it the web page instead")
		}
	}
	if isShare && share.Scene == intents.SceneFavorite {
		d.note("WeChat saves favorites without a question on the phone", "")
	}
	if d.app == nil {
		return nil
	}
	if d.app.Entry == nil {
		d.note(fmt.Sprintf("%s has no .wxapi.WXEntryActivity, so WeChat can't call it back", d.app.Package), "see: wxctl inspect")
	}
	for _, doubt := range []*device.Finding{certificateDoubt(d.app), appIDDoubt(d.app, d.appID)} {
		if doubt != nil {
			d.note(doubt.Message, doubt.Hint)
		}
	}
	return nil
}

// debugName is the name in the certificate of the key that Android's build
// tools make for debug builds (the Android Gradle plugin's debug.keystore:
// "C=US, O=Android, CN=Android Debug"). Every developer has another such key.
const debugName = "Android Debug"

// certificateDoubt says why WeChat will hardly find the app's certificate
// registered at the Open Platform; nil if nothing speaks against it. What is
// registered is known to WeChat's servers alone.
func certificateDoubt(app *agent.App) *device.Finding {
	if len(app.Certificates) == 0 {
		return &device.Finding{Message: "no signing certificate could be read, so WeChat will find none that is registered", Hint: "install a signed build"}
	}
	// One that fits is enough for WeChat, so all must be in doubt.
	var sums []string
	for _, der := range app.Certificates {
		c, err := x509.ParseCertificate(der)
		if err != nil || c.Subject.CommonName != debugName {
			return nil
		}
		sum := md5.Sum(der)
		sums = append(sums, hex.EncodeToString(sum[:]))
	}
	return &device.Finding{
		Message: "the app is signed with a debug key of Android's build tools: WeChat refuses it unless the MD5 " + strings.Join(sums, ", ") + " is the one registered for the AppID",
		Hint:    "install a build signed with the release key, or register that MD5 at the Open Platform",
	}
}

// appIDDoubt says that the app declares other AppIDs than the one that the
// request names: its package and certificate are hardly registered for that.
func appIDDoubt(app *agent.App, id string) *device.Finding {
	var declared []string
	for _, s := range app.Schemes {
		if appID().MatchString(s) {
			declared = append(declared, s)
		}
	}
	if len(declared) == 0 || slices.Contains(declared, id) {
		return nil
	}
	return &device.Finding{
		Message: fmt.Sprintf("%s declares the AppID %s, not %s: WeChat refuses an AppID that another package or certificate is registered for", app.Package, strings.Join(declared, ", "), id),
		Hint:    "see: wxctl inspect " + app.Package,
	}
}
