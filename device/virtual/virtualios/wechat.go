package virtualios

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/wxctl/wxctl/device/virtual/screen"
	"github.com/wxctl/wxctl/device/virtual/virtualios/idevice"
	"github.com/wxctl/wxctl/device/virtual/wechat"
	"github.com/wxctl/wxctl/intents/ioswire"
)

// wechatApp is WeChat's code on the phone: it carries out what WeChat decides.
// The phone calls it on one goroutine.
type wechatApp struct {
	wechat *wechat.WeChat
	think  wechat.Think
	turn   int // grows with each request: an answer to an older one is ignored

	showing sync.Mutex
	page    screen.Page
}

// pages are what people see for the screens of a course.
var pages = map[string]screen.Kind{
	"chat picker": screen.Picker, "Moments editor": screen.MomentsEditor, "favorites": screen.Favorites, "chat": screen.Chat,
	"consent page": screen.Consent, "mini program": screen.MiniProgram, "subscription page": screen.Subscribe, "web page": screen.Subscribe,
	"switch account": screen.Login,
	"login":          screen.Login, "error page": screen.Refusal,
}

// Page implements idevice.Shower.
func (a *wechatApp) Page() screen.Page {
	a.showing.Lock()
	defer a.showing.Unlock()
	return a.page
}

// show sets what WeChat's page shows from now on. A course without a screen
// leaves WeChat where it was.
func (a *wechatApp) show(in wechat.URLRequest, c wechat.URLCourse) {
	if c.Screen == "" {
		return
	}
	request, e, err := ioswire.Decode(in.URL, in.Pasteboard)
	if err != nil {
		request = nil
	}
	page := screen.Page{Kind: screen.WeChatHome, Name: e.AppID, WeChat: a.wechat.Version().String(), Request: request,
		Photos: screen.PhotosOf(request, func(string) []byte { return nil }), Note: c.Note}
	if e.AppID == DemoAppID {
		page.Name = "Demo"
	}
	if kind, ok := pages[c.Screen]; ok {
		page.Kind = kind
	}
	a.showing.Lock()
	defer a.showing.Unlock()
	a.page = page
}

// wechatOf is the WeChat that the options describe.
func wechatOf(o Options) idevice.App {
	var code func(openID, scope string) (string, error)
	if o.OAuth != "" {
		code = wechat.CodesFrom(o.OAuth)
	}
	registered := DemoBundleID
	if o.Unregistered {
		registered += ".other"
	}
	w := wechat.New(wechat.Options{
		Version: o.WeChat, LoggedOut: o.LoggedOut, Answer: o.Answer, Flaky: o.Flaky, Code: code,
		Apps: []wechat.Record{{AppID: DemoAppID, BundleID: registered, UniversalLink: DemoUniversalLink}},
	}, host{})
	v := w.Version()
	return idevice.App{
		BundleID: ioswire.WeChat, Name: "WeChat", Version: v.String(), Build: v.String() + ".30", Signer: "Apple iPhone OS Application Signing",
		Team:    "5A4RE8SF68",
		Schemes: v.Schemes(), Domains: v.Domains(), LinkPaths: []string{"/app/"},
		Code: &wechatApp{wechat: w, think: wechat.NewThink(o.Think, o.ThinkMost), page: screen.Page{Kind: screen.WeChatHome, WeChat: v.String()}},
	}
}

// host is the phone as WeChat sees it on iOS, which is almost nothing.
type host struct{}

func (host) API() int                         { return 0 }
func (host) Now() time.Time                   { return time.Now() }
func (host) Certificates(string) [][]byte     { return nil }
func (host) Size(string, bool) (int64, error) { return 0, errors.New("no files of others on iOS") }

func (a *wechatApp) log(p *idevice.Phone, self idevice.Process, message string) {
	p.Log(idevice.Line{Process: self, Subsystem: ioswire.WeChat, Category: "OpenSDK", Message: message})
}

// Launched implements idevice.Code.
func (a *wechatApp) Launched(p *idevice.Phone, self idevice.Process, _ idevice.Launch) {
	a.log(p, self, "launched")
}

// Opened implements idevice.Code.
func (a *wechatApp) Opened(p *idevice.Phone, self idevice.Process, link, _ string) {
	major, _ := p.Version()
	in := wechat.URLRequest{URL: link, Pasteboard: p.Pasteboard(ioswire.PasteboardType), IOS: major}
	course := a.wechat.OpenURL(in)
	a.show(in, course)
	a.turn++
	turn := a.turn
	a.log(p, self, course.Note)
	if course.Screen != "" {
		a.log(p, self, "screen: "+course.Screen)
	}
	switch {
	case course.Back == nil:
	case course.AtOnce:
		a.back(p, self, course.Back)
	default:
		p.After(a.think.Time(), func() {
			// The user only acts on what is on the screen.
			if turn == a.turn && p.Front().PID == self.PID && !p.Locked() {
				a.back(p, self, course.Back)
			}
		})
	}
}

// back calls the app back.
func (a *wechatApp) back(p *idevice.Phone, self idevice.Process, wires []ioswire.Wire) {
	for _, wire := range wires {
		if wire.Pasteboard != nil {
			p.SetPasteboard(map[string][]byte{wire.Pasteboard.Type: wire.Pasteboard.Bytes()})
			continue
		}
		if _, err := p.OpenURL(context.Background(), wire.URL.Text, ioswire.WeChat); err != nil {
			a.log(p, self, err.Error())
		}
	}
}
