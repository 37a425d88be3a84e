package android

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/android/agent"
	"github.com/wxctl/wxctl/intents/androidwire"
)

// appID is an AppID of the Open Platform, which an app also declares as a URL
// scheme.
var appID = pattern(`^wx[0-9a-f]{16}$`)

// metaSupport is the meta-data in which WeChat announces its OpenSDK level
// (OpenSDK 6.8, WXApiImplV10.getWXAppSupportAPI).
const metaSupport = "com.tencent.mm.BuildInfo.OPEN_SDK_VERSION"

// supportAPI returns the OpenSDK level that WeChat announces, 0 if none.
func supportAPI(wechat *agent.App) int {
	n, err := strconv.ParseInt(strings.TrimSpace(wechat.MetaData[metaSupport]), 0, 64)
	if err != nil || n < 0 || n > 1<<31-1 {
		return 0
	}
	return int(n)
}

// choosePackage returns the package of the sending app: want if it isn't empty,
// else the phone's only debuggable app that WeChat could call back.
func choosePackage(want string, packages []agent.Package) (string, error) {
	if want != "" {
		return want, nil
	}
	var fit []string
	for _, p := range packages {
		if p.Debuggable && p.Entry && isPackage(p.Name) {
			fit = append(fit, p.Name)
		}
	}
	switch len(fit) {
	case 1:
		return fit[0], nil
	case 0:
		return "", device.Errorf(device.AppUnknown, "no app was specified, and the phone has no debuggable app "+
			"with a .wxapi.WXEntryActivity").
			WithHint("run `wxctl config init`, or use --package and --app-id")
	}
	return "", device.Errorf(device.AppUnknown, "no app was specified, and the phone has %d debuggable apps: %s",
		len(fit), strings.Join(fit, ", ")).
		WithHint("choose one with --package %s, or run `wxctl config init`", fit[0])
}

// speaker describes the app as a possible sender.
func speaker(app *agent.App, id device.AppIdentity) device.Speaker {
	s := device.Speaker{Name: app.Package, Debuggable: app.Debuggable, Pinned: id.Pinned, Key: "package"}
	for _, scheme := range app.Schemes {
		if appID().MatchString(scheme) {
			s.Declared = append(s.Declared, scheme)
		}
	}
	return s
}

// The OpenSDK levels that WeChat must announce for a request (the constants of
// OpenSDK 6.8.34, Build).
const (
	needTimeline    = 553779201 // TIMELINE_SUPPORTED_SDK_INT
	needMiniProgram = 620756993 // MINIPROGRAM_SUPPORTED_SDK_INT
	needLaunch      = 620757000 // LAUNCH_MINIPROGRAM_SUPPORTED_SDK_INT
	needSubscribe   = 620756998 // SUBSCRIBE_MESSAGE_SUPPORTED_SDK_INT
	needContact     = 620824064 // SEND_TO_SPECIFIED_CONTACT_SDK_INT
	needContentURI  = 654314752 // SUPPORTED_CONTENT_PROVIDER_URI
)

// usable fails if the WeChat that was found can't accept requests.
func (f *facts) usable() error {
	w := f.wechat
	switch {
	case w == nil && f.user == 0:
		return device.Errorf(device.WeChatMissing, "WeChat is not installed on the phone").WithHint("install WeChat, log in, and try again")
	case w == nil:
		return device.Errorf(device.WeChatMissing, "WeChat is not installed for Android user %d", f.user).
			WithHint("%s", "choose another with --android-user: "+userList(f.users.Users))
	case !w.Enabled:
		return device.Errorf(device.WeChatDisabled, "WeChat is disabled on the phone").
			WithHint("enable it: adb shell pm enable --user %d %s", f.user, androidwire.WeChat)
	case w.Suspended:
		return device.Errorf(device.WeChatDisabled, "WeChat is suspended on the phone").
			WithHint("end the pause of its work profile, or its app timer, on the phone")
	}
	return nil
}

// userUnlocked fails if the user's storage is still locked: nothing of WeChat
// can run before the first unlock after a start.
func (f *facts) userUnlocked() error {
	if f.state.UserUnlocked {
		return nil
	}
	return device.Errorf(device.PhoneNotReady, "Android user %d was not unlocked since the phone started, so WeChat can't run", f.user).
		WithHint("unlock the phone once with its PIN")
}

func userList(users []agent.User) string {
	var s []string
	for _, u := range users {
		s = append(s, fmt.Sprintf("%d (%s)", u.ID, device.Printable(u.Name)))
	}
	return strings.Join(s, ", ")
}

func quoteKind(e *agent.Error) string {
	if e.Message == "" {
		return strconv.Quote(e.Kind)
	}
	return e.Kind + ": " + strconv.Quote(excerpt(e.Message))
}
