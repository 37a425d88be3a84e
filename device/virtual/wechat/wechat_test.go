package wechat

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/wxctl/wxctl/intents"
	"github.com/wxctl/wxctl/intents/androidwire"
)

const (
	testApp     = "wx0123456789abcdef"
	testPackage = "com.example.app"
)

var certificate = []byte("a certificate")

// handset is a phone with one app and some files.
type handset struct {
	api   int
	certs map[string][][]byte
	files map[string]int64
}

func (h handset) API() int                         { return h.api }
func (h handset) Now() time.Time                   { return time.UnixMilli(1732282655123) }
func (h handset) Certificates(pkg string) [][]byte { return h.certs[pkg] }
func (h handset) Size(path string, granted bool) (int64, error) {
	size, ok := h.files[path]
	if !ok || strings.HasPrefix(path, "content") && !granted {
		return 0, errors.New("no such file")
	}
	return size, nil
}

func testOptions() Options {
	return Options{Apps: []Record{{AppID: testApp, Package: testPackage, Signature: Signature(certificate)}}}
}

func testHost() handset {
	return handset{api: 34, certs: map[string][][]byte{testPackage: {certificate}}, files: map[string]int64{"content://media/1": 9, "/sdcard/a.jpg": 9}}
}

func request(t *testing.T, req intents.Request, change func(*androidwire.Sender)) androidwire.Intent {
	t.Helper()
	sender := androidwire.Sender{AppID: testApp, Package: testPackage, RequestOnly: true}
	if change != nil {
		change(&sender)
	}
	wires, err := androidwire.Encode(req, sender)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range wires {
		if w.Intent != nil && w.Intent.Component == androidwire.EntryComponent {
			return *w.Intent
		}
	}
	t.Fatal("no Intent to WXEntryActivity")
	return androidwire.Intent{}
}

func webpage(scene intents.Scene) intents.Share {
	return intents.Share{Common: intents.Common{Transaction: new("t1")}, Scene: scene, To: new("oFriend"),
		Message: intents.Message{Title: new("Hello"), Object: intents.Webpage{URL: new("https://example.com")}}}
}

func of(object intents.Object, scene intents.Scene) intents.Share {
	s := webpage(scene)
	s.Message.Thumb = []byte{1}
	s.Message.Object = object
	return s
}

// short lists the screens of a course without the package, and its end.
func short(c Course) string {
	var names []string
	name := func(screens []Screen) {
		for _, s := range screens {
			names = append(names, s.Class[strings.LastIndexByte(s.Class, '.')+1:])
		}
	}
	name(c.Screens)
	if c.Page {
		names = append(names, "(page)")
	}
	if len(c.Then) > 0 {
		names = append(names, "|")
		name(c.Then)
	}
	if c.Reply != nil {
		names = append(names, fmt.Sprintf("-> %d", c.Reply.Content.Answer().ErrCode))
	}
	if !c.Closes {
		names = append(names, "stays")
	}
	return strings.Join(names, " ")
}

func TestReceive(t *testing.T) {
	const stub = "UIEntryStub "
	v := func(text string) Version {
		version, err := ParseVersion(text)
		if err != nil {
			t.Fatal(err)
		}
		return version
	}
	auth := intents.Auth{Scope: new("snsapi_userinfo"), State: new("s")}
	for _, tt := range []struct {
		name   string
		req    intents.Request
		option func(*Options)
		want   string
	}{
		{"session", webpage(intents.SceneSession), nil, stub + "SelectConversationUI | SendAppMessageWrapperUI -> 0"},
		{"session, cancelled", webpage(intents.SceneSession), func(o *Options) { o.Answer = Cancel }, stub + "SelectConversationUI -> 0"},
		{"session, cancelled before 6.7.2", webpage(intents.SceneSession), func(o *Options) { o.Answer, o.Version = Cancel, v("6.7.1") }, stub + "SelectConversationUI -> -2"},
		{"session, stays", webpage(intents.SceneSession), func(o *Options) { o.Answer = Stay }, stub + "SelectConversationUI | SendAppMessageWrapperUI LauncherUI stays"},
		{"timeline", webpage(intents.SceneTimeline), nil, stub + "SendAppMessageWrapperUI SnsUploadUI -> 0"},
		{"timeline, stays", webpage(intents.SceneTimeline), func(o *Options) { o.Answer = Stay }, stub + "SendAppMessageWrapperUI SnsUploadUI stays"},
		{"favorite asks nobody", webpage(intents.SceneFavorite), func(o *Options) { o.Answer = Cancel }, stub + "FavOpenApiEntry -> 0"},
		{"contact", webpage(intents.SceneContact), nil, stub + "SendAppMessageWrapperUI ChattingUI -> 0"},
		{"contact, too old", webpage(intents.SceneContact), func(o *Options) { o.Version = v("6.5.0") }, stub + "-> -5"},
		{"text", of(intents.Text{Text: new("hi")}, intents.SceneSession), nil, stub + "SelectConversationUI | SendAppMessageWrapperUI -> 0"},
		{"text without text", of(intents.Text{}, intents.SceneSession), nil, stub + "SelectConversationUI | SendAppMessageWrapperUI"},
		{"mini program goes to chats", of(intents.MiniProgram{UserName: new("gh_1"), WebpageURL: new("u")}, intents.SceneTimeline), nil, stub + "SelectConversationUI | SendAppMessageWrapperUI -> 0"},
		{"mini program, too old", of(intents.MiniProgram{UserName: new("gh_1"), WebpageURL: new("u")}, intents.SceneSession), func(o *Options) { o.Version = v("6.5.0") }, stub + "-> -5"},
		{"file to Moments", of(intents.File{Data: []byte{1}}, intents.SceneTimeline), nil, "UIEntryStub"},
		{"emoji to Moments", of(intents.Emoji{Data: []byte{1}}, intents.SceneTimeline), nil, stub + "-> -5"},
		{"video file to a chat", of(intents.VideoFile{Path: new("/sdcard/a.jpg")}, intents.SceneSession), nil, stub + "-> -5"},
		{"music video, too old", of(intents.MusicVideo{}, intents.SceneSession), func(o *Options) { o.Version = v("7.0.22") }, stub + "-> -5"},
		{"image by path", of(intents.Image{Path: new("/sdcard/a.jpg")}, intents.SceneSession), nil, stub + "SelectConversationUI | SendAppMessageWrapperUI -> 0"},
		{"image that can't be read", of(intents.Image{Path: new("/data/x.jpg")}, intents.SceneSession), nil, "(page) -> -1"},
		{"image by URI, too old", of(intents.Image{Path: new("content://media/1")}, intents.SceneSession), func(o *Options) { o.Version = v("7.0.12") }, "(page) -> -1"},
		{"auth", auth, nil, stub + "SDKOAuthUI -> 0"},
		{"auth, cancelled", auth, func(o *Options) { o.Answer = Cancel }, stub + "SDKOAuthUI -> -2"},
		{"auth, denied", auth, func(o *Options) { o.Answer = Deny }, stub + "SDKOAuthUI -> -4"},
		{"auth, stays", auth, func(o *Options) { o.Answer = Stay }, stub + "SDKOAuthUI stays"},
		{"auth without scope", intents.Auth{}, nil, stub + "SDKOAuthUI -> -1"},
		{"auth with a scope that stands alone", intents.Auth{Scope: new("snsapi_userinfo,snsapi_wxaapp_info")}, nil, stub + "SDKOAuthUI -> -1000"},
		{"logged out", webpage(intents.SceneSession), func(o *Options) { o.LoggedOut = true }, "SimpleLoginUI stays"},
		{"logged out, left", webpage(intents.SceneSession), func(o *Options) { o.LoggedOut, o.Answer = true, Cancel }, "SimpleLoginUI -> -1"},
		{"unknown AppID", webpage(intents.SceneSession), func(o *Options) { o.Apps = nil }, "(page) -> -6"},
		{"other package", webpage(intents.SceneSession), func(o *Options) { o.Apps[0].Package = "com.other" }, "(page) -> -6"},
		{"other signature", webpage(intents.SceneSession), func(o *Options) { o.Apps[0].Signature = "0" }, "(page) -> -6"},
		{"no signature registered", webpage(intents.SceneSession), func(o *Options) { o.Apps[0].Signature = "" }, "(page) -> -6"},
		{"refused, stays", webpage(intents.SceneSession), func(o *Options) { o.Apps, o.Answer = nil, Stay }, "(page) stays"},
		{"banned", webpage(intents.SceneSession), func(o *Options) { o.Ban = "spam" }, "(page) -> -6"},
		{"token blocked", webpage(intents.SceneSession), func(o *Options) { o.BlockInvalidToken = true }, "(page) -> -6"},
		{"token of an auth is not asked for", auth, func(o *Options) { o.BlockInvalidToken = true }, stub + "SDKOAuthUI -> 0"},
		{"token of an auth was asked for in 7.0.3", auth, func(o *Options) { o.BlockInvalidToken, o.Version = true, v("7.0.3") }, "(page) -> -6"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			options := testOptions()
			if tt.option != nil {
				tt.option(&options)
			}
			course := New(options, testHost()).Receive(request(t, tt.req, nil))
			if got := short(course); got != tt.want {
				t.Errorf("got  %s\nwant %s (%s)", got, tt.want, course.Note)
			}
			if course.Reply == nil {
				return
			}
			if want := testPackage + "/" + testPackage + ".wxapi.WXEntryActivity"; course.Reply.Component != want && len(options.Apps) > 0 && options.Apps[0].Package == testPackage {
				t.Errorf("reply to %s", course.Reply.Component)
			}
			if _, err := androidwire.EncodeReply(course.Reply.Content, androidwire.Receiver{Package: testPackage}); err != nil {
				t.Errorf("reply can't be encoded: %v", err)
			}
		})
	}
}

// A request whose envelope is wrong in any way is dropped silently.
func TestReceiveDropsMalformed(t *testing.T) {
	set := func(key string, v androidwire.Value) func(*androidwire.Extras) {
		return func(e *androidwire.Extras) { e.Set(key, v) }
	}
	for name, spoil := range map[string]func(*androidwire.Extras){
		"no content":                 set("_mmessage_content", androidwire.Value{}),
		"content of another type":    set("_mmessage_content", androidwire.Int(1)),
		"other authority":            set("_mmessage_content", androidwire.String("weixin://other?appid="+testApp)),
		"no appid":                   set("_mmessage_content", androidwire.String("weixin://sendreq?appid=")),
		"old SDK":                    set("_mmessage_sdkVersion", androidwire.Int(minSDK-1)),
		"SDK version as text":        set("_mmessage_sdkVersion", androidwire.String("638067200")),
		"no package":                 set("_mmessage_appPackage", androidwire.String("")),
		"no checksum":                set("_mmessage_checksum", androidwire.Value{}),
		"raw digest as the checksum": set("_mmessage_checksum", androidwire.Bytes(make([]byte, 16))),
		"checksum as text":           set("_mmessage_checksum", androidwire.String("0ca32b1ce29ddbacaeecfab7960d4de5")),
		"other checksum":             set("_mmessage_checksum", androidwire.Bytes([]byte("1ca32b1ce29ddbacaeecfab7960d4de5"))),
		"unknown command":            set("_wxapi_command_type", androidwire.Int(99)),
		"command as a long":          set("_wxapi_command_type", androidwire.Long(2)),
		"nothing at all":             func(e *androidwire.Extras) { *e = nil },
	} {
		options := testOptions()
		options.LoggedOut = name != "unknown command" && name != "command as a long" // the envelope comes before the login
		in := request(t, webpage(intents.SceneSession), nil)
		spoil(&in.Extras)
		got := New(options, testHost()).Receive(in)
		if short(got) != "" || !got.Closes || !got.AtOnce {
			t.Errorf("%s: %s", name, short(got))
		}
	}
}

// Without a known object, the picker opens and Send does nothing: this happens
// to an app whose build renamed the SDK's classes.
func TestReceiveWithoutObject(t *testing.T) {
	for _, identifier := range []androidwire.Value{{}, androidwire.String("com.tencent.mm.sdk.openapi.a"), androidwire.Int(1)} {
		in := request(t, webpage(intents.SceneSession), nil)
		in.Extras.Set("_wxobject_identifier_", identifier)
		if got, want := short(New(testOptions(), testHost()).Receive(in)), "UIEntryStub SelectConversationUI | SendAppMessageWrapperUI"; got != want {
			t.Errorf("%v: %s", identifier, got)
		}
	}
}

func TestEverySDKVersionIsTaken(t *testing.T) {
	for _, sdk := range androidwire.Versions() {
		in := request(t, webpage(intents.SceneSession), func(s *androidwire.Sender) { s.SDK = sdk })
		if got := short(New(testOptions(), testHost()).Receive(in)); !strings.Contains(got, "SelectConversationUI") {
			t.Errorf("SDK %v: %s", sdk, got)
		}
	}
}

func TestTakeApart(t *testing.T) {
	for content, want := range map[string][2]string{
		"weixin://sendreq?appid=wx1":             {"sendreq", "wx1"},
		"weixin://sendreq?x=1&appid=wx1&appid=2": {"sendreq", "wx1"},
		"weixin://sendreq/path?appid=wx1#appid":  {"sendreq", "wx1"},
		"weixin://sendreq?appid=a%20b+c":         {"sendreq", "a b c"},
		"weixin://sendreq?appid=%zz":             {"sendreq", "\uFFFDzz"},
		"weixin://sendreq?appid=%":               {"sendreq", "\uFFFD"},
		"weixin://sendreq#?appid=wx1":            {"sendreq", ""},
		"weixin://sendreq":                       {"sendreq", ""},
		"weixin:sendreq?appid=wx1":               {"", ""},
		"sendreq?appid=wx1":                      {"", ""},
		"weixin://sendreq\x00?appid=wx1":         {"sendreq\x00", "wx1"},
		"":                                       {"", ""},
	} {
		if authority, appID := takeApart(content); [2]string{authority, appID} != want {
			t.Errorf("%q: %q, %q, want %q", content, authority, appID, want)
		}
	}
}

// The vectors were computed with the OpenSDK's own method (5.5.3 and others).
func TestChecksum(t *testing.T) {
	for _, v := range []struct {
		content string
		sdk     int32
		pkg     string
		want    string
	}{
		{"weixin://sendreq?appid=wxd930ea5d5a258f4f", 621085440, "com.example.app", "0ca32b1ce29ddbacaeecfab7960d4de5"},
		{"", 637928960, "com.tencent.mm", "cea12d9ea90fd718e6cadae23a079ec1"},
		{"abc", 638058496, "com.tencent.mm", "f9c260c19ee9bb07864e023f61bf7def"},
		{"你好世界一二三四五六", 638058496, "com.tencent.mm", "632c3483d237f54f7b8844535d69b2fa"},
	} {
		if got := string(checksum(v.content, v.sdk, v.pkg)); got != v.want {
			t.Errorf("%q %d: %s, want %s", v.content, v.sdk, got, v.want)
		}
	}
}

func TestTokens(t *testing.T) {
	options := testOptions()
	options.BlockInvalidToken = true
	w := New(options, testHost())
	token := func(caller string) string {
		cursor, _ := w.Query(caller, androidwire.Query{URI: "content://com.tencent.mm.sdk.comm.provider/genTokenForOpenSdk", Args: []*string{new(testApp), new("638067200")}})
		if cursor == nil || !reflect.DeepEqual(cursor.Columns, []string{"token"}) || len(cursor.Rows) != 1 {
			t.Fatalf("cursor %+v", cursor)
		}
		return cursor.Rows[0][0].(string)
	}
	own, shell := token(testPackage), token("com.android.shell")
	if !strings.HasPrefix(own, "OpenSdkToken@") || own == shell {
		t.Errorf("tokens %q and %q", own, shell)
	}
	for _, tt := range []struct {
		token *string
		want  string
	}{{&own, "SelectConversationUI"}, {&shell, "(page)"}, {new("OpenSdkToken@1"), "(page)"}, {nil, "(page)"}} {
		in := request(t, webpage(intents.SceneSession), func(s *androidwire.Sender) { s.Token = tt.token })
		if got := short(w.Receive(in)); !strings.Contains(got, tt.want) {
			t.Errorf("token %v: %s", tt.token, got)
		}
	}
}

func provider(t *testing.T, req intents.Request) androidwire.Query {
	t.Helper()
	wires, err := androidwire.Encode(req, androidwire.Sender{AppID: testApp, Package: testPackage, RequestOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	last := wires[len(wires)-1]
	if last.Query == nil {
		t.Fatalf("%T is not a query", req)
	}
	return *last.Query
}

func TestProvider(t *testing.T) {
	launch := intents.LaunchMiniProgram{UserName: new("gh_1"), Path: new(""), ExtMsg: new("x")}
	subscribe := intents.SubscribeMessage{Scene: 1000, TemplateID: new("T"), Reserved: new("r")}
	for _, tt := range []struct {
		name   string
		req    intents.Request
		caller string
		option func(*Options)
		want   string
	}{
		{"launch", launch, testPackage, nil, "WXBizEntryActivity AppBrandLaunchProxyUI AppBrandUI -> 0"},
		{"launch, back", launch, testPackage, func(o *Options) { o.Answer = Cancel }, "WXBizEntryActivity AppBrandLaunchProxyUI AppBrandUI"},
		{"launch, stays", launch, testPackage, func(o *Options) { o.Answer = Stay }, "WXBizEntryActivity AppBrandLaunchProxyUI AppBrandUI stays"},
		{"launch by the shell", launch, "com.android.shell", nil, "stays"},
		{"launch, too old", launch, testPackage, func(o *Options) { o.Version = Version{6, 5, 0} }, "stays"},
		{"launch, logged out", launch, testPackage, func(o *Options) { o.LoggedOut = true }, "SimpleLoginUI stays"},
		{"launch without user name", intents.LaunchMiniProgram{}, testPackage, nil, "stays"},
		{"subscribe", subscribe, testPackage, nil, "WXBizEntryActivity WebViewUI -> 0"},
		{"subscribe, stays", subscribe, testPackage, func(o *Options) { o.Answer = Stay }, "WXBizEntryActivity WebViewUI stays"},
		{"subscribe, too old", subscribe, testPackage, func(o *Options) { o.Version = Version{6, 5, 6} }, "stays"},
		{"subscribe mini program", intents.SubscribeMiniProgramMessage{MiniProgramAppID: new("wx1")}, testPackage, func(o *Options) { o.Answer = Deny }, "WXBizEntryActivity WebViewUI -> -2"},
		{"web page", intents.OpenWebview{URL: new("https://example.com")}, testPackage, nil, "WXBizEntryActivity WebViewUI -> 0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			options := testOptions()
			if tt.option != nil {
				tt.option(&options)
			}
			cursor, course := New(options, testHost()).Query(tt.caller, provider(t, tt.req))
			if cursor != nil || course == nil {
				t.Fatalf("cursor %v, course %v", cursor, course)
			}
			if got := short(*course); got != tt.want {
				t.Errorf("got  %s\nwant %s (%s)", got, tt.want, course.Note)
			}
		})
	}
	_, course := New(testOptions(), testHost()).Query(testPackage, provider(t, subscribe))
	reply := course.Reply.Content.(intents.SubscribeReply)
	if *reply.TemplateID != "T" || reply.Scene != 1000 || *reply.Action != "confirm" || *reply.Reserved != "r" {
		t.Errorf("reply %+v", reply)
	}
}

func TestSystemShare(t *testing.T) {
	one := androidwire.Extras{{Key: "android.intent.extra.STREAM", Value: androidwire.URI("content://media/1")}}
	two := androidwire.Extras{{Key: "android.intent.extra.STREAM", Value: androidwire.URIList([]string{"content://media/1", "content://media/1"})}}
	text := androidwire.Extras{{Key: "android.intent.extra.TEXT", Value: androidwire.String("hi")}}
	clip := []string{"content://media/1"}
	for _, tt := range []struct {
		name, class string
		in          androidwire.Intent
		version     Version
		want        string
	}{
		{"picture to a friend", ShareImgClass, androidwire.Intent{Action: actionSend, Type: "image/png", Extras: one, Flags: 1, ClipData: clip}, Version{}, "SelectConversationUI"},
		{"no grant", ShareImgClass, androidwire.Intent{Action: actionSend, Type: "image/png", Extras: one, ClipData: clip}, Version{}, ""},
		{"grant without clip", ShareImgClass, androidwire.Intent{Action: actionSend, Type: "image/png", Extras: one, Flags: 1}, Version{}, ""},
		{"text to a friend", ShareImgClass, androidwire.Intent{Action: actionSend, Type: "text/plain", Extras: text}, Version{}, "SelectConversationUI"},
		{"pictures to a friend", ShareImgClass, androidwire.Intent{Action: actionSendMultiple, Type: "image/*", Extras: two, Flags: 1, ClipData: clip}, Version{}, "SelectConversationUI"},
		{"files to a friend", ShareImgClass, androidwire.Intent{Action: actionSendMultiple, Type: "application/pdf", Extras: two, Flags: 1, ClipData: clip}, Version{}, ""},
		{"picture to Moments", ShareToTimeLineClass, androidwire.Intent{Action: actionSend, Type: "image/png", Extras: one, Flags: 1, ClipData: clip}, Version{}, "SnsUploadUI"},
		{"text to Moments", ShareToTimeLineClass, androidwire.Intent{Action: actionSend, Type: "text/plain", Extras: text}, Version{}, ""},
		{"pictures to Moments", ShareToTimeLineClass, androidwire.Intent{Action: actionSendMultiple, Type: "image/*", Extras: two, Flags: 1, ClipData: clip}, Version{}, ""},
		{"pictures to Moments in 6.5", ShareToTimeLineClass, androidwire.Intent{Action: actionSendMultiple, Type: "image/*", Extras: two, Flags: 1, ClipData: clip}, Version{6, 5, 23}, "SnsUploadUI"},
		{"picture to favorites", AddFavoriteClass, androidwire.Intent{Action: actionSend, Type: "image/png", Extras: one, Flags: 1, ClipData: clip}, Version{}, ""},
		{"view", ShareImgClass, androidwire.Intent{Action: "android.intent.action.VIEW"}, Version{}, ""},
	} {
		options := testOptions()
		options.Version = tt.version
		if got := New(options, testHost()).Share(tt.class, tt.in); short(got) != tt.want {
			t.Errorf("%s: got %q, want %q (%s)", tt.name, short(got), tt.want, got.Note)
		}
	}
}

func TestOpen(t *testing.T) {
	in, out := testOptions(), testOptions()
	out.LoggedOut = true
	for _, tt := range []struct {
		options Options
		link    bool
		want    string
	}{{in, false, "stays"}, {in, true, "LauncherUI stays"}, {out, false, "LoginUI stays"}, {out, true, "LoginUI stays"}} {
		if got := short(New(tt.options, testHost()).Open(tt.link)); got != tt.want {
			t.Errorf("logged out %v, link %v: %s, want %s", tt.options.LoggedOut, tt.link, got, tt.want)
		}
	}
}

func TestVersions(t *testing.T) {
	previous := Version{}
	for _, text := range []string{"6.0.0", "6.5.6", "6.5.16", "6.7.2", "7.0.0", "7.0.3", "7.0.7", "7.0.13", "7.0.22", "8.0.0", "8.0.50"} {
		v, err := ParseVersion(text)
		if err != nil || v.String() != text {
			t.Fatalf("%s: %v, %v", text, v, err)
		}
		if previous != (Version{}) && (v.Support() < previous.Support() || v.Code() <= previous.Code()) {
			t.Errorf("%v supports less or counts lower than %v", v, previous)
		}
		previous = v
	}
	if got := (Version{7, 0, 13}).Support(); got < supportContentURI || (Version{7, 0, 12}).Support() >= supportContentURI {
		t.Errorf("7.0.13 is the first with content URIs, but says %#x", got)
	}
	for _, text := range []string{"", "8", "8.0.x", "5.4.0", "9.0.0", "8.0.50.1", "08.0.1", "8.0.-1", "8.0.999"} {
		if v, err := ParseVersion(text); err == nil {
			t.Errorf("%q read as %v", text, v)
		}
	}
}

// Signature of WeChat's own certificate digest, as computed from the two
// published numbers.
func TestSignatureIsSaltedTwice(t *testing.T) {
	if a, b := Signature(certificate), Signature([]byte("another")); a == b || len(a) != 32 || strings.ToLower(a) != a {
		t.Errorf("signatures %s and %s", a, b)
	}
}

func FuzzReceive(f *testing.F) {
	f.Add("weixin://sendreq?appid="+testApp, int32(638067200), testPackage, []byte("0ca32b1ce29ddbacaeecfab7960d4de5"), int32(2), int32(0), "com.tencent.mm.sdk.openapi.WXTextObject")
	f.Add("", int32(0), "", []byte(nil), int32(1), int32(-1), "")
	f.Fuzz(func(t *testing.T, content string, sdk int32, pkg string, sum []byte, command, scene int32, identifier string) {
		var e androidwire.Extras
		e.Set("_mmessage_content", androidwire.String(content))
		e.Set("_mmessage_sdkVersion", androidwire.Int(sdk))
		e.Set("_mmessage_appPackage", androidwire.String(pkg))
		e.Set("_mmessage_checksum", androidwire.Bytes(sum))
		e.Set("_wxapi_command_type", androidwire.Int(command))
		e.Set("_wxapi_sendmessagetowx_req_scene", androidwire.Int(scene))
		e.Set("_wxobject_identifier_", androidwire.String(identifier))
		New(testOptions(), testHost()).Receive(androidwire.Intent{Extras: e})
	})
}
