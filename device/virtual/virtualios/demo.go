package virtualios

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/wxctl/wxctl/device/virtual/virtualios/idevice"
	"github.com/wxctl/wxctl/intents"
	"github.com/wxctl/wxctl/intents/ioswire"
)

// The demo app of every virtual iPhone. It is debuggable, so wxctl uses it as
// the sender without a question, and registered with the virtual WeChat.
const (
	DemoBundleID      = "com.example.wxdemo"
	DemoAppID         = "wx0123456789abcdef"
	DemoUniversalLink = "https://wxdemo.example.com/"
	demoScheme        = "wxctl" + DemoAppID // of the debug hook
)

// demoApp is the demo app's code, in all its processes. It does what an app
// with the OpenSDK does, and has wxctl's debug hook: a deep link, also as
// launch argument, makes it send a request, and it logs each reply. The phone
// calls it on one goroutine.
type demoApp struct {
	token string // wechat_auth_token, which the keychain keeps
	last  intents.Request
	id    string // of the last request (wechat_auth_context_id)
	sent  int
	// deaf is an app whose SceneDelegate swallows the links that WeChat opens.
	deaf bool
}

func demo() idevice.App {
	return idevice.App{
		BundleID: DemoBundleID, Name: "WxDemo", Version: "1.0", Build: "1", Debuggable: true, HasProfile: true,
		Signer: "Apple Development: Demo (ABCDE12345)", Team: "ABCDE12345",
		Schemes: []string{DemoAppID, demoScheme}, Queries: []string{"weixin", "weixinULAPI", "weixinURLParamsAPI"},
		Domains: []string{"applinks:wxdemo.example.com"}, Code: &demoApp{},
	}
}

func (a *demoApp) log(p *idevice.Phone, self idevice.Process, level idevice.Level, format string, args ...any) {
	p.Log(idevice.Line{Process: self, Level: level, Subsystem: DemoBundleID, Category: "wxctl", Message: fmt.Sprintf(format, args...)})
}

// Launched implements idevice.Code.
func (a *demoApp) Launched(p *idevice.Phone, self idevice.Process, launch idevice.Launch) {
	a.log(p, self, idevice.Default, "application:didFinishLaunchingWithOptions:")
	for _, arg := range launch.Args {
		if strings.HasPrefix(arg, demoScheme+"://") {
			a.bridge(p, self, arg)
		}
	}
}

// Opened implements idevice.Code.
func (a *demoApp) Opened(p *idevice.Phone, self idevice.Process, link, _ string) {
	if strings.HasPrefix(link, demoScheme+"://") {
		a.bridge(p, self, link)
		return
	}
	if !a.deaf {
		a.handle(p, self, link)
	}
}

func (a *demoApp) bridge(p *idevice.Phone, self idevice.Process, link string) {
	req, err := bridgeRequest(link)
	if err == nil {
		a.last = req
		err = a.send(p, ioswire.Sender{Token: a.token})
		a.log(p, self, idevice.Default, "wxctl-sent: %t", err == nil)
	}
	if err != nil {
		a.log(p, self, idevice.Error, "the debug hook did nothing: %v", err)
	}
}

// bridgeRequest reads the link of the debug hook.
func bridgeRequest(link string) (intents.Request, error) {
	uri, err := url.Parse(link)
	if err != nil || uri.Host != "bridge" {
		return nil, errors.New("no link of the bridge")
	}
	text, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(uri.Query().Get("request"), "="))
	if err != nil {
		return nil, err
	}
	return intents.UnmarshalRequest(text)
}

// send is the SDK's sendReq: it asks the system what WeChat can do, puts the
// request on the pasteboard or into the URL, and opens that: first as a
// universal link, and by the scheme if no app opens the link.
func (a *demoApp) send(p *idevice.Phone, s ioswire.Sender) error {
	major, _ := p.Version()
	if !s.Resent {
		a.sent++
		a.id = ioswire.NewContextID(ioswire.SDK200, fmt.Sprintf("%d_%p_%d", time.Now().Unix(), a, a.sent))
	}
	s.AppID, s.BundleID, s.UniversalLink, s.ContextID = DemoAppID, DemoBundleID, DemoUniversalLink, a.id
	s.Phone = ioswire.Phone{IOS: major, NoUniversalLinks: !p.CanOpen(DemoBundleID, "weixinULAPI"),
		NoURLParams: !p.CanOpen(DemoBundleID, "weixinURLParamsAPI")}
	wires, _, err := ioswire.Encode(a.last, s)
	if err != nil {
		return err
	}
	for _, wire := range wires {
		switch {
		case wire.Pasteboard != nil:
			p.SetPasteboard(map[string][]byte{wire.Pasteboard.Type: wire.Pasteboard.Bytes()})
		case strings.HasPrefix(wire.URL.Text, "https:"):
			if _, err = p.OpenLink(context.Background(), wire.URL.Text, DemoBundleID); err != nil && !s.Degraded {
				s.Degraded = true
				return a.send(p, s)
			}
		default:
			_, err = p.OpenURL(context.Background(), wire.URL.Text, DemoBundleID)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// handle is the SDK's handleOpenURL and handleOpenUniversalLink.
func (a *demoApp) handle(p *idevice.Phone, self idevice.Process, link string) {
	if token, id, ok := handshake(link); ok {
		if a.last == nil || id != a.id {
			a.log(p, self, idevice.Error, "refreshToken for a request that was not sent")
			return
		}
		a.token = token
		if err := a.send(p, ioswire.Sender{Token: token, Resent: true}); err != nil {
			a.log(p, self, idevice.Error, "the request can't be sent again: %v", err)
		}
		return
	}
	major, _ := p.Version()
	reply, err := ioswire.DecodeReply(link, p.Pasteboard(ioswire.PasteboardType),
		ioswire.Receiver{AppID: DemoAppID, UniversalLink: DemoUniversalLink, IOS: major})
	if err != nil {
		a.log(p, self, idevice.Error, "handleOpenURL: %v", err)
		return
	}
	p.SetPasteboard(nil)
	text, err := json.Marshal(reply)
	if err != nil {
		a.log(p, self, idevice.Error, "onResp: %v", err)
		return
	}
	a.log(p, self, idevice.Default, "wxctl-reply: %s", text)
}

// handshake reads the URL by which WeChat gives the app a token.
func handshake(link string) (token, id string, ok bool) {
	rest, ok := strings.CutPrefix(link, DemoUniversalLink+DemoAppID+"/refreshToken?")
	if !ok {
		if rest, ok = strings.CutPrefix(link, DemoAppID+"://refreshToken?"); !ok {
			return "", "", false
		}
	}
	query, err := url.ParseQuery(rest)
	return query.Get("wechat_auth_token"), query.Get("wechat_auth_context_id"), err == nil
}
