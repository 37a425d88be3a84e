package virtualandroid

import (
	"cmp"
	"context"
	"image"
	"io"
	"strings"

	"github.com/wxctl/wxctl/device/virtual/screen"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
	"github.com/wxctl/wxctl/device/virtual/wechat"
	"github.com/wxctl/wxctl/intents"
	"github.com/wxctl/wxctl/intents/androidwire"
)

// display draws what is in front on a phone. It is a phone.Display.
type display struct {
	phone  *phone.Phone
	wechat *wechatApp // nil where none is installed
	// chooser is the package whose page asks which of two WeChats to open.
	chooser string
}

// Films are drawn at a third of the size.
const scale = 3

// glass is the phone's screen.
var glass = screen.Glass{Width: phone.Width, Height: phone.Height, Scale: scale}

// Picture implements phone.Display.
func (d display) Picture() image.Image { return screen.Draw(d.page(), glass) }

// PNG implements phone.Display.
func (d display) PNG() []byte { return screen.PNG(d.page(), glass) }

// Film implements phone.Display.
func (d display) Film(ctx context.Context, w io.Writer) error {
	small := screen.Glass{Width: phone.Width / scale, Height: phone.Height / scale, Scale: 1}
	return screen.Film(ctx, w, func() *image.Paletted { return screen.Draw(d.page(), small) })
}

// Screenshot is the phone's screen as it is now, as PNG.
func (p *Phone) Screenshot() []byte { return p.display.PNG() }

// pages are the screens that people see for WeChat's activities.
var pages = map[string]screen.Kind{
	".ui.transmit.SelectConversationUI":                screen.Picker,
	".ui.transmit.SendAppMessageWrapperUI":             screen.Confirm,
	".plugin.sns.ui.SnsUploadUI":                       screen.MomentsEditor,
	".plugin.favorite.ui.FavOpenApiEntry":              screen.Favorites,
	".ui.chatting.ChattingUI":                          screen.Chat,
	".plugin.webview.ui.tools.SDKOAuthUI":              screen.Consent,
	".plugin.appbrand.ui.AppBrandUI":                   screen.MiniProgram,
	".plugin.webview.ui.tools.WebViewUI":               screen.Subscribe,
	".plugin.account.ui.SimpleLoginUI":                 screen.Login,
	".plugin.account.ui.LoginUI":                       screen.Login,
	".ui.LauncherUI":                                   screen.WeChatHome,
	".app.WeChatSplashActivity":                        screen.Launching,
	".plugin.base.stub.WXEntryActivity":                screen.Launching,
	".plugin.base.stub.UIEntryStub":                    screen.Launching,
	".plugin.base.stub.WXBizEntryActivity":             screen.Launching,
	".plugin.appbrand.launching.AppBrandLaunchProxyUI": screen.Launching,
}

// page is what is in front.
func (d display) page() screen.Page {
	page := screen.Page{Kind: screen.Launcher, Name: d.label(DemoPackage)}
	if p := d.phone.Package(wechat.PackageName); p != nil {
		page.WeChat = p.VersionName
	}
	top, ok := d.phone.Top()
	switch {
	case d.phone.Asleep():
		page.Kind = screen.Off
	case d.phone.Locked():
		page.Kind = screen.Lock
	case !ok || top.Pkg == phone.HomePackage:
	case top.Pkg == wechat.PackageName && d.wechat != nil:
		shown := d.wechat.shown(top.User)
		page.Kind = pages[strings.TrimPrefix(top.Class, wechat.PackageName)]
		page.Request, page.Photos, page.Note = shown.request, shown.photos, shown.note
		if shown.app != "" {
			page.Name = d.label(shown.app)
		}
		if shown.page && top.Class == classEntry {
			page.Kind = screen.Refusal
		}
		if page.Kind == screen.Off {
			page.Kind = screen.Launching // a page that shows nothing of its own
		}
	case top.Pkg == d.chooser:
		page.Kind = screen.Chooser
	default:
		page.Kind, page.Name = screen.App, d.label(top.Pkg)
	}
	return page
}

// label is the name of an app as its icon has it.
func (d display) label(pkg string) string {
	if pkg == DemoPackage {
		return "Demo"
	}
	return pkg
}

// shown is the request that WeChat's pages are about.
type shown struct {
	app     string // package of the requesting app
	request intents.Request
	photos  []*screen.Photo
	note    string
	page    bool // the activity that got it stays, with a page of its own
}

// remember keeps what the pages of a user's WeChat show from now on.
func (a *wechatApp) remember(user int, s shown) {
	s.photos = screen.PhotosOf(s.request, func(path string) []byte { return a.read(path, user) })
	a.showing.Lock()
	defer a.showing.Unlock()
	a.pages[user] = s
}

func (a *wechatApp) shown(user int) shown {
	a.showing.Lock()
	defer a.showing.Unlock()
	return a.pages[user]
}

// read is a file that a request names, nil if it no longer exists.
func (a *wechatApp) read(path string, user int) []byte {
	if row, ok := a.media.find(path, user); ok {
		path = row.path
	}
	data, err := a.phone.FS.ReadFile(phone.RootCred(), strings.TrimPrefix(path, "file://"))
	if err != nil {
		return nil
	}
	return data
}

// asked is what a message to WeChat asks, as far as it can be read, of an app.
func asked(wire androidwire.Wire, app string, c wechat.Course) shown {
	request, e, err := androidwire.Decode(wire)
	if err != nil {
		request = nil
	}
	return shown{app: cmp.Or(app, e.Package), request: request, note: c.Note, page: c.Page}
}

// shared is the request in one of Android's own shares.
func shared(in phone.Intent, c wechat.Course) shown {
	message := intents.Message{Object: intents.Text{Text: in.Extras.Get("android.intent.extra.TEXT").Text()}}
	uri := in.Extras.Get(extraStream).URI()
	if uris := in.Extras.Get(extraStream).URIs(); uri == "" && len(uris) > 0 {
		uri = uris[0]
	}
	switch {
	case uri != "" && strings.HasPrefix(in.Type, "image/"):
		message.Object = intents.Image{Path: &uri}
	case uri != "":
		message.Object = intents.File{Path: &uri}
	}
	return shown{request: intents.Share{Message: message}, note: c.Note, page: c.Page}
}
