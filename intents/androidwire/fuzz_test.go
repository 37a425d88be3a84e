package androidwire

import (
	"bytes"
	"encoding/json"
	"runtime"
	"testing"

	"github.com/wxctl/wxctl/intents"
)

// samples are requests of every kind.
func samples() []intents.Request {
	message := func(object intents.Object) intents.Message {
		return intents.Message{
			Title: new("T"), Description: new(""), Thumb: []byte{0xff, 0xd8}, MediaTag: new("tag"), Action: new("<a>"), Ext: new("你好😀"), Object: object,
		}
	}
	var all []intents.Request
	for _, object := range []intents.Object{
		intents.Text{Text: new("hi")},
		intents.Image{Data: []byte{1}, Path: new("/sdcard/a.png")},
		intents.Music{URL: new("u"), DataURL: new("d"), Lyric: new("")},
		intents.Video{URL: new("u"), LowBandURL: new("l")},
		intents.Webpage{URL: new("u"), ExtInfo: new("e"), Secret: true, ExtraInfo: map[string]string{"activity_id": "1"}},
		intents.MiniProgram{WebpageURL: new("u"), UserName: new("gh_1"), Path: new("pages/a?b=c"), WithShareTicket: true, Type: 2, ExtraInfo: map[string]string{}},
		intents.File{Data: []byte{}, Path: new("content://a/b")},
		intents.Emoji{Data: []byte{0}},
		intents.MusicVideo{URL: new("u"), DataURL: new("d"), Singer: new("s"), IssueDate: 1 << 40, Duration: 1, VIP: &intents.MusicVIP{MusicID: new("1")}},
		intents.VideoFile{Path: new("/sdcard/v.mp4"), ShareScene: 1},
	} {
		all = append(all, intents.Share{Common: intents.Common{Transaction: new("t")}, Scene: intents.SceneTimeline, Message: message(object)})
	}
	return append(all,
		intents.Share{Common: intents.Common{OpenID: new("o")}, Scene: intents.SceneContact, To: new("o2"), Message: message(intents.Text{Text: new("x")})},
		intents.Auth{Scope: new("snsapi_userinfo"), State: new("s"), Callback: &intents.AuthCallback{ClassName: new("a.B"), Flags: -1}},
		intents.LaunchMiniProgram{UserName: new("gh_1"), Path: new(""), Type: 1},
		intents.SubscribeMessage{Scene: 1000, TemplateID: new("tpl"), Reserved: new("r")},
		intents.SubscribeMiniProgramMessage{MiniProgramAppID: new("wx2")},
		intents.OpenWebview{URL: new("https://example.com/?a=b c")},
	)
}

func sampleReplies() []intents.Reply {
	result := intents.Result{ErrCode: -2, Transaction: new("t"), OpenID: new("o")}
	return []intents.Reply{
		intents.ShareReply{Result: result},
		intents.AuthReply{Result: result, Code: new("c"), State: new("s"), AuthResult: true},
		intents.LaunchReply{Result: result, ExtMsg: new("m")},
		intents.SubscribeReply{Result: result, TemplateID: new("tpl"), Scene: 7, Action: new("confirm"), Reserved: new("a b&c=你")},
		intents.SubscribeMiniProgramReply{Result: result, Nickname: new("😀")},
		intents.OpenWebviewReply{Result: result, PageResult: new("")},
	}
}

// allocated runs f and returns how many bytes it allocated.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// slack is what reading even the smallest input may allocate, plus what the
// test itself may: it includes the 1024 extras that are read at most, however
// short they are.
const slack = 512 << 10

func FuzzWireJSON(f *testing.F) {
	add := func(w Wire) {
		data, err := json.Marshal(w)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	for _, sdk := range Versions() {
		sender := demo
		sender.SDK = sdk
		for _, req := range samples() {
			wires, err := Encode(req, sender)
			if err != nil {
				continue // this SDK doesn't have the kind
			}
			for _, w := range wires {
				add(w)
			}
		}
	}
	for _, reply := range sampleReplies() {
		intent, err := EncodeReply(reply, Receiver{Package: "com.example.app"})
		if err != nil {
			f.Fatal(err)
		}
		add(Wire{Intent: &intent})
	}
	add(Wire{Intent: &Intent{
		Data: "a:b", Type: "image/*", ClipData: []string{"content://a"},
		Extras: Extras{{"d", Double(1.5)}, {"l", URIList([]string{"content://a"})}, {"u", URI("content://b")}, {"o", Other("android.os.Bundle", "Bundle[]")}},
	}})
	f.Fuzz(func(t *testing.T, data []byte) {
		var w Wire
		var err error
		if n := allocated(func() { err = json.Unmarshal(data, &w) }); n > uint64(4*len(data)+slack) {
			t.Errorf("%d bytes allocated to read %d", n, len(data))
		}
		if err != nil {
			return
		}
		first, err := json.Marshal(w)
		if err != nil {
			t.Fatal(err)
		}
		var again Wire
		if err := json.Unmarshal(first, &again); err != nil {
			t.Fatalf("%s: %v", first, err)
		}
		second, err := json.Marshal(again)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(first, second) {
			t.Errorf("written as\n%s\nand then as\n%s", first, second)
		}
		if n := allocated(func() { decodeAll(t, w) }); n > uint64(4*len(first)+slack) {
			t.Errorf("%d bytes allocated to decode %d", n, len(first))
		}
		Text([]Wire{w})
		if _, err := json.Marshal(Print([]Wire{w})); err != nil {
			t.Error(err)
		}
	})
}

// decodeAll reads a wire form in every way.
func decodeAll(t *testing.T, w Wire) {
	if req, env, err := Decode(w); err == nil {
		if env.AppID == "" {
			t.Errorf("%+v was read without an AppID", req)
		}
	}
	if w.Intent == nil {
		return
	}
	for _, sdk := range Versions() {
		if _, env, err := DecodeReply(*w.Intent, sdk); err == nil && env.Package == "" {
			t.Error("a reply was read without a package")
		}
	}
}

func FuzzMessageExt(f *testing.F) {
	for _, s := range []string{
		"", "weixin://message?wx_internal_resptype=subscribemessage&ret=-2&openid=o&template_id=t&scene=7&action=confirm&reserved=a%20b%26",
		"weixin://x?wx_internal_resptype=subscribeminiprogrammsg&nickname=%F0%9F%98%80", "a:b?c=d", "?wx_internal_resptype=5&ret=%zz%4😀%", "#?wx_internal_resptype",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		intent, err := EncodeReply(intents.SubscribeReply{}, Receiver{Package: "p"})
		if err != nil {
			t.Fatal(err)
		}
		intent.Extras.Set(keyMessageExt, String(s))
		if n := allocated(func() { decodeAll(t, Wire{Intent: &intent}) }); n > uint64(4*4*len(s)+slack) { // four versions
			t.Errorf("%d bytes allocated for %d", n, len(s))
		}
	})
}
