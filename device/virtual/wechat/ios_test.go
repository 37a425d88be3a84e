package wechat_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/wxctl/wxctl/device/virtual/wechat"
	"github.com/wxctl/wxctl/intents"
	"github.com/wxctl/wxctl/intents/ioswire"
)

const (
	iosAppID  = "wx0123456789abcdef"
	iosBundle = "com.example.app"
	iosLink   = "https://app.example.com/link/"
)

// iosHost is an iPhone, of which WeChat only sees the time.
type iosHost struct{}

func (iosHost) API() int                         { return 0 }
func (iosHost) Now() time.Time                   { return time.Unix(1795000000, 0) }
func (iosHost) Certificates(string) [][]byte     { return nil }
func (iosHost) Size(string, bool) (int64, error) { return 0, errors.New("no file") }

func iosWeChat(t *testing.T, version string, change func(*wechat.Options)) *wechat.WeChat {
	t.Helper()
	v, err := wechat.ParseVersion(version)
	if err != nil {
		t.Fatal(err)
	}
	o := wechat.Options{Version: v, Apps: []wechat.Record{{AppID: iosAppID, BundleID: iosBundle, UniversalLink: iosLink}}}
	if change != nil {
		change(&o)
	}
	return wechat.New(o, iosHost{})
}

// open passes to WeChat what an SDK makes of a request.
func open(t *testing.T, w *wechat.WeChat, req intents.Request, s ioswire.Sender) wechat.URLCourse {
	t.Helper()
	s.AppID, s.BundleID, s.UniversalLink = iosAppID, iosBundle, iosLink
	wires, _, err := ioswire.Encode(req, s)
	if err != nil {
		t.Fatal(err)
	}
	in := wechat.URLRequest{IOS: 17}
	for _, wire := range wires {
		if wire.Pasteboard != nil {
			in.Pasteboard = wire.Pasteboard.Bytes()
		} else {
			in.URL = wire.URL.Text
		}
	}
	return w.OpenURL(in)
}

// reply reads what the app's SDK makes of WeChat's callback.
func reply(t *testing.T, course wechat.URLCourse) intents.Reply {
	t.Helper()
	var pasteboard []byte
	for _, wire := range course.Back {
		if wire.Pasteboard != nil {
			pasteboard = wire.Pasteboard.Bytes()
			continue
		}
		got, err := ioswire.DecodeReply(wire.URL.Text, pasteboard, ioswire.Receiver{AppID: iosAppID, UniversalLink: iosLink, IOS: 17})
		if err != nil {
			t.Fatalf("%s: %v", wire.URL.Text, err)
		}
		return got
	}
	t.Fatalf("no way back: %+v", course)
	return nil
}

func iosShare(scene intents.Scene, object intents.Object) intents.Share {
	return intents.Share{Scene: scene, Message: intents.Message{Title: new("t"), Object: object}}
}

// The order of the checks, and what the app gets for each.
func TestOpenURLChecks(t *testing.T) {
	page := iosShare(intents.SceneSession, intents.Webpage{URL: new("https://example.com")})
	scheme := ioswire.Sender{Scheme: true}
	for _, tt := range []struct {
		name, version string
		change        func(*wechat.Options)
		sender        ioswire.Sender
		note, screen  string
		code          intents.ErrCode // of the reply, 1 for none
	}{
		{"by the scheme", "8.0.50", nil, scheme, "unverified app", "chat picker", 0},
		{"payload in the URL of an old WeChat", "8.0.23", nil, scheme, "reads no requests inside URLs", "", 1},
		{"payload on the pasteboard of an old WeChat", "8.0.23", nil, ioswire.Sender{Scheme: true, Phone: ioswire.Phone{NoURLParams: true}}, "chat picker", "chat picker", 0},
		{"logged out", "8.0.50", func(o *wechat.Options) { o.LoggedOut = true }, scheme, "nobody is logged in", "login", 1},
		{"logged out, given up", "8.0.50", func(o *wechat.Options) { o.LoggedOut, o.Answer = true, wechat.Cancel }, scheme, "nobody is logged in", "login", intents.ErrComm},
		{"unknown AppID", "8.0.50", func(o *wechat.Options) { o.Apps = nil }, scheme, "no app", "error page", intents.ErrBan},
		{"another bundle id", "8.0.50", func(o *wechat.Options) { o.Apps[0].BundleID = "com.example.other" }, scheme, `not "com.example.app"`, "error page", intents.ErrBan},
		{"spam", "8.0.50", func(o *wechat.Options) { o.Ban = "too many shares" }, scheme, "too many shares", "error page", intents.ErrBan},
		{"cancel", "8.0.50", func(o *wechat.Options) { o.Answer = wechat.Cancel }, scheme, "chat picker", "chat picker", 0},
		{"cancel long ago", "6.7.1", func(o *wechat.Options) { o.Answer = wechat.Cancel }, ioswire.Sender{Scheme: true, Phone: ioswire.Phone{NoURLParams: true}}, "chat picker", "chat picker", intents.ErrUserCancel},
		{"stay", "8.0.50", func(o *wechat.Options) { o.Answer = wechat.Stay }, scheme, "chat picker", "chat picker", 1},
	} {
		course := open(t, iosWeChat(t, tt.version, tt.change), page, tt.sender)
		if !strings.Contains(course.Note, tt.note) || course.Screen != tt.screen {
			t.Errorf("%s: %+v", tt.name, course)
		}
		if tt.code == 1 {
			if course.Back != nil {
				t.Errorf("%s: %+v", tt.name, course.Back)
			}
		} else if got := reply(t, course).Answer().ErrCode; got != tt.code {
			t.Errorf("%s: code %d, want %d", tt.name, got, tt.code)
		}
	}
	for _, link := range []string{"weixin://", "https://help.wechat.com/app/" + iosAppID + "/refreshTokenFail/?errCode=3", "weixin://app/" + iosAppID + "/sendreq/?", "weixin://app//auth/?", "x"} {
		if course := iosWeChat(t, "8.0.50", nil).OpenURL(wechat.URLRequest{URL: link}); course.Back != nil {
			t.Errorf("%s: %+v", link, course)
		}
	}
}

// A universal link needs a token, which the hand-shake gives; with it the reply
// goes to the universal link, too.
func TestHandshake(t *testing.T) {
	w := iosWeChat(t, "8.0.50", nil)
	page := iosShare(intents.SceneTimeline, intents.Webpage{URL: new("https://example.com")})
	first := open(t, w, page, ioswire.Sender{ContextID: "c0ffee"})
	rest, ok := strings.CutPrefix(first.Back[0].URL.Text, iosLink+iosAppID+"/refreshToken?wechat_auth_token=")
	token, id, _ := strings.Cut(rest, "&wechat_auth_context_id=")
	if !ok || id != "c0ffee" || !first.AtOnce || first.Screen != "" {
		t.Fatalf("%+v", first)
	}
	second := open(t, w, page, ioswire.Sender{Token: token, Resent: true})
	if second.Screen != "Moments editor" || !strings.HasPrefix(second.Back[0].URL.Text, iosLink+iosAppID+"/") || strings.Contains(second.Note, "unverified") {
		t.Errorf("%+v", second)
	}
	reply(t, second)
	if forged := open(t, w, page, ioswire.Sender{Token: "forged"}); !forged.AtOnce || forged.Screen != "" {
		t.Errorf("%+v", forged)
	}
	nowhere := iosWeChat(t, "8.0.50", func(o *wechat.Options) { o.Apps[0].UniversalLink = "" })
	if course := open(t, nowhere, page, ioswire.Sender{}); course.Back != nil || course.Screen != "error page" {
		t.Errorf("%+v", course)
	}
}

// Where each kind of request goes, and what comes back.
func TestOpenURLRequests(t *testing.T) {
	auth := intents.Auth{Scope: new("snsapi_userinfo"), State: new("a b")}
	subscribe := intents.SubscribeMessage{Scene: 7, TemplateID: new("T"), Reserved: new("r")}
	launch := intents.LaunchMiniProgram{UserName: new("gh_1"), ExtMsg: new("m")}
	card := intents.MiniProgram{WebpageURL: new("https://example.com"), UserName: new("gh_1")}
	for _, tt := range []struct {
		req    intents.Request
		answer wechat.Answer
		screen string
		code   intents.ErrCode // 1 for no reply
	}{
		{iosShare(intents.SceneSession, intents.Text{Text: new("x")}), wechat.Send, "chat picker", 0},
		{iosShare(intents.SceneTimeline, intents.Text{Text: new("x")}), wechat.Deny, "Moments editor", intents.ErrAuthDenied},
		{iosShare(intents.SceneFavorite, intents.Text{Text: new("x")}), wechat.Stay, "favorites", 0},
		{iosShare(9, intents.Text{Text: new("x")}), wechat.Send, "", intents.ErrUnsupported},
		{iosShare(intents.SceneTimeline, card), wechat.Send, "chat picker", 0},
		{auth, wechat.Send, "consent page", 0}, {auth, wechat.Cancel, "consent page", intents.ErrUserCancel},
		{auth, wechat.Deny, "consent page", intents.ErrAuthDenied}, {auth, wechat.Stay, "consent page", 1},
		{launch, wechat.Send, "mini program", 0}, {launch, wechat.Cancel, "mini program", 1},
		{subscribe, wechat.Send, "subscription page", 0}, {subscribe, wechat.Cancel, "subscription page", 0}, {subscribe, wechat.Stay, "subscription page", 1},
		{intents.OpenWebview{URL: new("https://example.com")}, wechat.Cancel, "web page", intents.ErrUserCancel},
		{intents.SubscribeMiniProgramMessage{MiniProgramAppID: new("wx1")}, wechat.Send, "web page", 0},
	} {
		course := open(t, iosWeChat(t, "8.0.50", func(o *wechat.Options) { o.Answer = tt.answer }), tt.req, ioswire.Sender{Scheme: true})
		if course.Screen != tt.screen {
			t.Errorf("%s, %s: %+v", tt.req.Kind(), tt.answer, course)
		}
		if tt.code == 1 {
			if course.Back != nil {
				t.Errorf("%s, %s: %+v", tt.req.Kind(), tt.answer, course.Back)
			}
			continue
		}
		got := reply(t, course)
		if got.Answer().ErrCode != tt.code || got.Kind() != tt.req.Kind() {
			t.Errorf("%s, %s: %+v", tt.req.Kind(), tt.answer, got)
		}
		switch r := got.(type) {
		case intents.AuthReply:
			if tt.code == 0 && (r.Code == nil || len(*r.Code) != 32 || *r.State != "a%20b") { // the SDK returns it as it is in the URL
				t.Errorf("%+v", r)
			}
		case intents.SubscribeReply:
			if want := map[wechat.Answer]string{wechat.Send: "confirm", wechat.Cancel: "cancel"}[tt.answer]; *r.Action != want || *r.TemplateID != "T" || r.Scene != 7 {
				t.Errorf("%+v", r)
			}
		case intents.LaunchReply:
			if *r.ExtMsg != "m" {
				t.Errorf("%+v", r)
			}
		}
	}
}

func TestIOSVersions(t *testing.T) {
	for version, want := range map[string]string{"7.0.6": "weixin wechat weixinQRCodePayAPI", "7.0.7": "weixin wechat weixinQRCodePayAPI weixinULAPI weixinStateAPI",
		"8.0.24": "weixin wechat weixinQRCodePayAPI weixinULAPI weixinStateAPI weixinURLParamsAPI"} {
		v, err := wechat.ParseVersion(version)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(v.Schemes(), " "); got != want || (len(v.Domains()) == 1) != v.AtLeast(7, 0, 7) {
			t.Errorf("%s: %s, %q", version, got, v.Domains())
		}
	}
}
