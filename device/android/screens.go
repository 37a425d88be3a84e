package android

import (
	"strings"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/intents"
	"github.com/wxctl/wxctl/intents/androidwire"
)

// role is what a screen means for a request.
type role int

const (
	roleForeign role = iota // not WeChat's, and nothing known
	roleEntry               // WeChat took the request and is working on it
	roleFront               // WeChat's own front: splash, main screen
	roleLogin               // WeChat wants its user to log in first
	roleStep                // on the way to a screen that counts, or behind it
	rolePicker
	roleMoments
	roleFavorites
	roleChat
	roleConsent
	roleMini
	rolePage
	roleChooser // the system asks which of two WeChats
)

// screen is a known activity, by the end of its class name: WeChat moves
// classes between packages, but keeps the names of components.
type screen struct {
	class string
	role  role
	what  string // in evidence
}

// name is the screen's name in an Outcome; "" if it isn't WeChat's.
func (s screen) name() device.Screen {
	switch s.role {
	case roleForeign, roleChooser:
		return ""
	case roleEntry, roleFront:
		return device.ScreenLaunching
	case roleLogin:
		return device.ScreenLogin
	case rolePicker:
		return device.ScreenChatPicker
	case roleMoments:
		return device.ScreenMomentsEditor
	case roleFavorites:
		return device.ScreenFavorites
	case roleConsent:
		return device.ScreenConsent
	case roleMini:
		return device.ScreenMiniProgram
	case rolePage:
		return device.ScreenSubscribe
	}
	return device.ScreenUnknown
}

// screens are WeChat's (6.5 to 8.0), longest known names first where one is
// the end of another.
var screens = []screen{
	{"plugin.base.stub.WXEntryActivity", roleEntry, "WeChat took the request (WXEntryActivity)"},
	{"plugin.base.stub.UIEntryStub", roleEntry, "WeChat checks the request (UIEntryStub)"},
	{"plugin.base.stub.WXBizEntryActivity", roleEntry, "WeChat took the request (WXBizEntryActivity)"},
	{"plugin.base.stub.WXCustomSchemeEntryActivity", roleEntry, "WeChat took the link (WXCustomSchemeEntryActivity)"},
	{"ui.tools.ShareImgUI", roleEntry, "WeChat took the share (ShareImgUI)"},
	{"ui.tools.ShareToTimeLineUI", roleEntry, "WeChat took the share (ShareToTimeLineUI)"},
	{"ui.tools.AddFavoriteUI", roleFavorites, "WeChat's favorites took the content (without asking on the phone)"},
	{"app.WeChatSplashActivity", roleFront, "WeChat starts (splash screen)"},
	{"ui.LauncherUI", roleFront, "WeChat's main screen came up"},
	{"SimpleLoginUI", roleLogin, "WeChat asks to log in"},
	{"LoginUI", roleLogin, "WeChat asks to log in"},
	{"LoginPasswordUI", roleLogin, "WeChat asks to log in"},
	{"LoginVoiceUI", roleLogin, "WeChat asks to log in"},
	{"MobileLoginOrForceReg", roleLogin, "WeChat asks to log in"},
	{"WelcomeActivity", roleLogin, "WeChat asks to log in"},
	{"ui.transmit.SelectConversationUI", rolePicker, "chat picker opened"},
	{"ui.transmit.SendAppMessageWrapperUI", roleStep, "WeChat prepares the message (SendAppMessageWrapperUI)"},
	{"plugin.sns.ui.SnsUploadUI", roleMoments, "Moments editor opened"},
	{"plugin.favorite.ui.FavOpenApiEntry", roleFavorites, "WeChat's favorites took the content (without asking on the phone)"},
	{"ui.chatting.ChattingUI", roleChat, "chat with the contact opened"},
	{"plugin.appbrand.launching.AppBrandLaunchProxyUI", roleMini, "mini program is being opened"},
	{"plugin.webview.ui.tools.WebViewUI", rolePage, "WeChat's web page opened"},
}

// choosers are the activities in which a phone asks which of two WeChats, or
// which app, should handle an Intent: AOSP's own and those of makers with dual
// apps. An entry that ends with a slash is a whole package.
var choosers = []string{
	"com.android.intentresolver/",
	"com.miui.securitycore/com.miui.xspace.ui.activity.XSpaceResolveActivity", // Xiaomi, Redmi
	"com.coloros.securitypermission/", "com.oplus.multiapp/",                  // OPPO, realme, OnePlus
	"com.vivo.doubleinstance/",        // vivo, iQOO: .DoubleAppResolverActivity
	"com.samsung.android.da.daagent/", // Samsung's dual messenger
}

// chooserClass is how makers call their own form of AOSP's choosers:
// MiuiResolverActivity, HwResolverActivity, HnResolverActivity,
// OplusResolverActivity, ResolverActivityEx, SemChooserActivity.
var chooserClass = pattern(`(Resolver|Chooser)Activity[A-Za-z]*$`)

// systemPackage begins the names of packages that come with the phone: an app
// may call an activity of its own a chooser.
var systemPackage = pattern(`^(android$|com\.android\.|com\.(` +
	`huawei|hihonor|honor|miui|xiaomi|coloros|oplus|oppo|oneplus|heytap|realme|vivo|iqoo|bbk|samsung|` +
	`sec|meizu|flyme|zte|nubia|cn\.nubia|lenovo|zui|motorola|asus|transsion|google\.android|hisi|mediatek|qualcomm)\.|cn\.nubia\.)`)

func isChooser(pkg, class string) bool {
	if strings.HasPrefix(class, ".") {
		class = pkg + class
	}
	for _, c := range choosers {
		if pkg+"/"+class == c || strings.HasSuffix(c, "/") && pkg+"/" == c {
			return true
		}
	}
	return chooserClass().MatchString(class) && systemPackage().MatchString(pkg)
}

// screenOf returns what is known about a component.
func screenOf(component string) screen {
	pkg, class, _ := strings.Cut(component, "/")
	if pkg != androidwire.WeChat {
		if isChooser(pkg, class) {
			return screen{component, roleChooser, "the phone asks which app should open the request"}
		}
		return screen{component, roleForeign, ""}
	}
	for _, s := range screens {
		if strings.HasSuffix(class, "."+s.class) {
			return s
		}
	}
	base := class[strings.LastIndexByte(class, '.')+1:]
	switch {
	case strings.HasPrefix(base, "SDKOAuth"): // SDKOAuthUI, …WechatUI, …OtherUI, …FriendUI
		return screen{class, roleConsent, "consent page opened"}
	case strings.HasPrefix(base, "AppBrandUI"), strings.HasPrefix(base, "AppBrandPluginUI"):
		return screen{class, roleMini, "mini program opened"}
	}
	return screen{class, roleStep, "WeChat opened " + shortComponent(component)}
}

// wanted returns the roles of the screens that belong to a request: when one
// opens, the state is Opened.
func wanted(req intents.Request) []role {
	switch r := req.(type) {
	case intents.Share:
		if _, card := r.Message.Object.(intents.MiniProgram); card && r.Scene != intents.SceneContact {
			return []role{rolePicker} // WeChat sends mini programs into chats only
		}
		switch r.Scene {
		case intents.SceneTimeline:
			return []role{roleMoments}
		case intents.SceneFavorite:
			return []role{roleFavorites}
		case intents.SceneContact:
			return []role{roleChat, roleStep}
		}
		return []role{rolePicker}
	case intents.Auth:
		return []role{roleConsent}
	case intents.LaunchMiniProgram:
		return []role{roleMini}
	}
	return []role{rolePage}
}
