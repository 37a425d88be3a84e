package virtualandroid

import (
	_ "embed"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
	"github.com/wxctl/wxctl/device/virtual/wechat"
)

// The demo app of every virtual phone. It is debuggable, so wxctl uses it as
// the sender without a question, and registered with the virtual WeChat.
const (
	DemoPackage = "com.example.wxdemo"
	DemoAppID   = "wx0123456789abcdef"
	DemoEntry   = DemoPackage + ".wxapi.WXEntryActivity"
	demoBridge  = DemoPackage + ".BridgeActivity"
	demoScheme  = "wxctl" + DemoAppID // of the debug hook
)

// demoCertificate and wechatCertificate are self-signed test certificates.
var (
	//go:embed certificates/demo.der
	demoCertificate []byte
	//go:embed certificates/wechat.der
	wechatCertificate []byte
	// demoAPK has the demo app's manifest and the names of its classes;
	// renamedAPK has none of that name, oldAPK an OpenSDK of 2019. Tests make
	// them: go test -run TestDemoAPKs -update-apks.
	//go:embed apks/demo.apk
	demoAPK []byte
	//go:embed apks/renamed.apk
	renamedAPK []byte
	//go:embed apks/old.apk
	oldAPK []byte
)

const (
	actionMain      = "android.intent.action.MAIN"
	actionView      = "android.intent.action.VIEW"
	actionSend      = "android.intent.action.SEND"
	actionSendMany  = "android.intent.action.SEND_MULTIPLE"
	categoryDefault = "android.intent.category.DEFAULT"
	categoryBrowse  = "android.intent.category.BROWSABLE"
	categoryLaunch  = "android.intent.category.LAUNCHER"
)

func activity(class string, exported bool, filters ...phone.Filter) phone.Component {
	return phone.Component{Kind: phone.ActivityKind, Name: class, Exported: exported, Filters: filters}
}

func launcher() phone.Filter {
	return phone.Filter{Actions: []string{actionMain}, Categories: []string{categoryLaunch, categoryDefault}}
}

// demoPackage is one value for all phones: a lab of a hundred shares it.
var demoPackage = sync.OnceValue(func() *phone.Package {
	entry := activity(DemoEntry, true, phone.Filter{Actions: []string{actionView}, Categories: []string{categoryDefault, categoryBrowse},
		Schemes: []string{DemoAppID}})
	entry.LaunchMode, entry.Affinity = phone.LaunchSingleTask, DemoPackage
	bridge := activity(demoBridge, true, phone.Filter{Actions: []string{actionView}, Categories: []string{categoryDefault},
		Schemes: []string{demoScheme}})
	files := phone.Component{Kind: phone.ProviderKind, Name: "androidx.core.content.FileProvider",
		Authorities: []string{DemoPackage + ".fileprovider"}, GrantURI: true}
	return &phone.Package{
		Name: DemoPackage, VersionName: "1.0", VersionCode: 1, MinSDK: 24, TargetSDK: 34, AppID: 10200,
		Certs: [][]byte{demoCertificate}, Debuggable: true,
		Path: "/data/app/~~demo==/" + DemoPackage + "-1/base.apk", APK: demoAPK,
		Components:  []phone.Component{activity(DemoPackage+".MainActivity", true, launcher()), entry, bridge, files},
		Queries:     []string{wechat.PackageName},
		Schemes:     []string{DemoAppID, demoScheme},
		Permissions: []string{"android.permission.INTERNET"},
		InstallTime: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	}
})

// hookless is the demo app without the debug hook.
func hookless(demo *phone.Package) *phone.Package {
	p := *demo
	p.Components = slices.DeleteFunc(slices.Clone(p.Components), func(c phone.Component) bool { return c.Name == demoBridge })
	p.Schemes = slices.DeleteFunc(slices.Clone(p.Schemes), func(s string) bool { return s == demoScheme })
	return &p
}

// wechatPackage is the part of WeChat's manifest that matters here (manifests
// of 6.5.23 to 8.0.x).
func wechatPackage(v wechat.Version) *phone.Package {
	share := func(types ...string) phone.Filter {
		return phone.Filter{Actions: []string{actionSend}, Categories: []string{categoryDefault}, Types: types}
	}
	several := phone.Filter{Actions: []string{actionSendMany}, Categories: []string{categoryDefault}, Types: []string{"image/*"}}
	entry := activity(classEntry, true)
	entry.LaunchMode, entry.Affinity, entry.NoRecents = phone.LaunchSingleTop, ".sdkentry", true
	biz := activity(wechat.PackageName+".plugin.base.stub.WXBizEntryActivity", false)
	custom := activity(classScheme, true,
		phone.Filter{Actions: []string{actionView}, Categories: []string{categoryDefault, categoryBrowse}, Schemes: []string{"weixin"}})
	timeline := []phone.Filter{share("image/*")}
	if !v.AtLeast(7, 0, 0) {
		timeline = append(timeline, several)
	}
	main := activity(classLauncher, true, launcher())
	main.LaunchMode = phone.LaunchSingleTop
	components := []phone.Component{
		main, entry, biz, custom,
		activity(wechat.PayEntryClass, true),
		activity(wechat.ShareImgClass, true, share("image/*", "video/*", "text/*", "application/*"), several),
		activity(wechat.ShareToTimeLineClass, true, timeline...),
		activity(wechat.AddFavoriteClass, true, share("image/*", "video/*", "text/*", "application/*", "audio/*"), several),
		{Kind: phone.ProviderKind, Name: wechat.PackageName + ".plugin.ext.provider.WXCommProvider", Exported: true,
			Authorities: []string{wechat.CommAuthority}},
		{Kind: phone.ProviderKind, Name: wechat.PackageName + ".plugin.base.stub.MMPluginProvider", Exported: true,
			Authorities: []string{wechat.PluginAuthority}},
	}
	for _, class := range []string{
		".app.WeChatSplashActivity", ".plugin.account.ui.SimpleLoginUI", ".plugin.account.ui.LoginUI", ".plugin.base.stub.UIEntryStub",
		".ui.transmit.SelectConversationUI", ".ui.transmit.SendAppMessageWrapperUI", ".ui.chatting.ChattingUI", ".plugin.sns.ui.SnsUploadUI",
		".plugin.favorite.ui.FavOpenApiEntry", ".plugin.webview.ui.tools.SDKOAuthUI", ".plugin.webview.ui.tools.WebViewUI",
		".plugin.appbrand.launching.AppBrandLaunchProxyUI",
	} {
		components = append(components, activity(wechat.PackageName+class, false))
	}
	brand := activity(wechat.PackageName+".plugin.appbrand.ui.AppBrandUI", false)
	brand.Process = wechat.PackageName + ":appbrand0"
	components = append(components, brand)
	return &phone.Package{
		Name: wechat.PackageName, VersionName: v.String(), VersionCode: v.Code(), MinSDK: 23, TargetSDK: targetSDK(v), AppID: 10160,
		Certs: [][]byte{wechatCertificate}, Installer: "com.android.vending",
		Path: "/data/app/~~wechat==/" + wechat.PackageName + "-1/base.apk", APKSize: 250 << 20,
		Components: components,
		Schemes:    []string{"weixin"},
		MetaData: map[string]string{
			wechat.PackageName + ".BuildInfo.OPEN_SDK_VERSION":             strconv.Itoa(int(v.Support())),
			wechat.PackageName + ".BuildInfo.OPEN_SDK_PAY_ENTRY_CLASSNAME": wechat.PayEntryClass,
		},
		Permissions: []string{"android.permission.INTERNET", "android.permission.READ_EXTERNAL_STORAGE", "android.permission.READ_MEDIA_IMAGES"},
		InstallTime: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	}
}

// targetSDK is about what WeChat of that time targeted.
func targetSDK(v wechat.Version) int {
	switch {
	case v.AtLeast(8, 0, 48):
		return 33
	case v.AtLeast(8, 0, 24):
		return 30
	case v.AtLeast(8, 0, 0):
		return 29
	case v.AtLeast(7, 0, 0):
		return 26
	}
	return 23
}

// Activities of WeChat that act when they start: the one that gets OpenSDK
// requests, the main screen, and the one that gets weixin:// links.
const (
	classEntry    = wechat.PackageName + ".plugin.base.stub.WXEntryActivity"
	classLauncher = wechat.PackageName + ".ui.LauncherUI"
	classScheme   = wechat.PackageName + ".plugin.base.stub.WXCustomSchemeEntryActivity"
)
