package device

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/wxctl/wxctl/intents"
)

func result(code intents.ErrCode) intents.Result {
	return intents.Result{ErrCode: code, Transaction: new("t"), OpenID: new("o")}
}

// TestAnswer compares the module's fields with its documentation. Its numbers
// lose information, so the SDK's are given, too.
func TestAnswer(t *testing.T) {
	for _, tt := range []struct {
		name   string
		reply  intents.Reply
		status bool
		code   int
		reads  string // reply
		events string
	}{
		{"share", intents.ShareReply{Result: result(0)}, true, 0, `{"errCode":0,"errStr":"","transaction":"t","openId":"o"}`, `[]`},
		{"share cancelled", intents.ShareReply{Result: result(-2)}, false, 2, `{"errCode":-2,"errStr":"","transaction":"t","openId":"o"}`, `[]`},
		{"share failed", intents.ShareReply{Result: result(-3)}, false, 3, "", ""},
		{"share refused", intents.ShareReply{Result: result(-4)}, false, 4, "", ""},
		{"share unsupported", intents.ShareReply{Result: result(-5)}, false, 5, "", ""},
		{"share banned", intents.ShareReply{Result: result(-6)}, false, 1, "", ""},
		{"share unknown", intents.ShareReply{Result: result(-1)}, false, -1, "", ""},
		{"share of the future", intents.ShareReply{Result: result(-99)}, false, -1, "", ""},
		{"auth", intents.AuthReply{Result: result(0), Code: new("c"), State: new("s"), Lang: new("zh_CN"), Country: new("CN")}, true, 0,
			`{"errCode":0,"errStr":"","transaction":"t","openId":"o","code":"c","state":"s","lang":"zh_CN","country":"CN"}`, `[]`},
		{"auth cancelled", intents.AuthReply{Result: result(-2)}, false, 1, "", ""},
		{"auth refused", intents.AuthReply{Result: result(-4)}, false, 2, "", ""},
		{"auth banned", intents.AuthReply{Result: result(-6)}, false, -1, "", ""},
		{"launch", intents.LaunchReply{Result: result(0), ExtMsg: new("hi")}, true, 0,
			`{"errCode":0,"errStr":"","transaction":"t","openId":"o","extMsg":"hi"}`, `[{"eventType":"back","extMsg":"hi"}]`},
		{"subscribe", intents.SubscribeReply{Result: result(0), TemplateID: new("T"), Action: new("confirm")}, true, 0,
			`{"errCode":0,"errStr":"","transaction":"t","openId":"o","templateId":"T","scene":0,"action":"confirm"}`,
			`[{"eventType":"back","templateId":"T","action":"confirm","openId":"o","reserved":"","scene":0}]`},
		{"subscribe cancelled", intents.SubscribeReply{Result: result(0), TemplateID: new("T"), Action: new("cancel")}, true, 0, "",
			`[{"eventType":"backError","templateId":"T","action":"cancel","openId":"o","reserved":"","scene":0}]`},
		{"subscribe failed", intents.SubscribeReply{Result: result(-2)}, false, -1, "",
			`[{"eventType":"backError","templateId":"","action":"","openId":"o","reserved":"","scene":0}]`},
	} {
		o := NewOutcome(Info{})
		o.Answer(tt.reply)
		if *o.Status != tt.status || o.Err.Code != tt.code || o.Err.Msg == "" {
			t.Errorf("%s: status %v, err %+v", tt.name, *o.Status, *o.Err)
		}
		if got := asJSON(t, o.Reply); tt.reads != "" && got != tt.reads {
			t.Errorf("%s: reply\n got %s\nwant %s", tt.name, got, tt.reads)
		}
		if got := asJSON(t, o.Events); tt.events != "" && got != tt.events {
			t.Errorf("%s: events\n got %s\nwant %s", tt.name, got, tt.events)
		}
	}
}

func TestUnsent(t *testing.T) {
	for _, tt := range []struct {
		kind intents.Kind
		code Code
		want int
		ev   string
	}{
		{intents.KindShare, WeChatMissing, 7, `[]`},
		{intents.KindAuth, WeChatMissing, 3, `[]`},
		{intents.KindAuth, PhoneLost, -1, `[]`},
		{intents.KindLaunchMiniProgram, Refused, 7, `[]`},
		{intents.KindSubscribeMessage, Refused, 7, `[{"eventType":"error"}]`},
	} {
		o := NewOutcome(Info{})
		o.Unsent(tt.kind, Errorf(tt.code, "x"))
		if *o.Status || o.Err.Code != tt.want || asJSON(t, o.Events) != tt.ev {
			t.Errorf("%s, %s: %+v, %s", tt.kind, tt.code, *o.Err, asJSON(t, o.Events))
		}
	}
}

// TestEvents checks what the module's callback gets for a request, on both
// platforms: sent and answered, sent and not answered, not sent.
func TestEvents(t *testing.T) {
	const never, back = `{"eventType":"back","extMsg":""}`, `{"eventType":"%s","templateId":"","action":"%s","openId":"o","reserved":"","scene":0}`
	launch := func(status string) string { return `{"eventType":"launch","status":` + status + `}` }
	subscribed := func(event, action string) string { return fmt.Sprintf(back, event, action) }
	for _, tt := range []struct {
		name    string
		kind    intents.Kind
		reply   intents.Reply // nil: the user does not come back
		unsent  bool
		android string
		ios     string
	}{
		{"share", intents.KindShare, intents.ShareReply{Result: result(0)}, false, "", ""},
		{"share, stay", intents.KindShare, nil, false, "", ""},
		{"share, not sent", intents.KindShare, nil, true, "", ""},
		{"auth", intents.KindAuth, intents.AuthReply{Result: result(-4)}, false, "", ""},
		{"auth, not sent", intents.KindAuth, nil, true, "", ""},
		{"launch", intents.KindLaunchMiniProgram, intents.LaunchReply{Result: result(0)}, false, never, launch("true") + "," + never},
		{"launch, stay", intents.KindLaunchMiniProgram, nil, false, "", launch("true")},
		{"launch, not sent", intents.KindLaunchMiniProgram, nil, true, "", launch("false")},
		{"subscribe", intents.KindSubscribeMessage, intents.SubscribeReply{Result: result(0), Action: new("confirm")}, false,
			`{"eventType":"start"},` + subscribed("back", "confirm"), `{"eventType":"start"},` + subscribed("back", "confirm")},
		{"subscribe, cancel", intents.KindSubscribeMessage, intents.SubscribeReply{Result: result(0), Action: new("cancel")}, false,
			`{"eventType":"start"},` + subscribed("backError", "cancel"), `{"eventType":"start"},` + subscribed("backError", "cancel")},
		{"subscribe, reject", intents.KindSubscribeMessage, intents.SubscribeReply{Result: result(0), Action: new("reject")}, false,
			`{"eventType":"start"},` + subscribed("backError", "reject"), `{"eventType":"start"},` + subscribed("backError", "reject")},
		{"subscribe, banned", intents.KindSubscribeMessage, intents.SubscribeReply{Result: result(-6)}, false,
			`{"eventType":"start"},` + subscribed("backError", ""), `{"eventType":"start"},` + subscribed("backError", "")},
		{"subscribe, stay", intents.KindSubscribeMessage, nil, false, `{"eventType":"start"}`, `{"eventType":"start"}`},
		{"subscribe, not sent", intents.KindSubscribeMessage, nil, true, `{"eventType":"error"}`, `{"eventType":"error"}`},
	} {
		for platform, want := range map[Platform]string{Android: tt.android, IOS: tt.ios} {
			o := NewOutcome(Info{Platform: platform})
			if tt.unsent {
				o.Unsent(tt.kind, Errorf(Refused, "x"))
			} else {
				o.Sent(tt.kind)
			}
			if tt.reply != nil {
				o.Answer(tt.reply)
			}
			if got := asJSON(t, o.Events); got != "["+want+"]" {
				t.Errorf("%s, %s:\n got %s\nwant [%s]", tt.name, platform, got, want)
			}
			if read := tt.reply != nil || tt.unsent; read != (o.Status != nil) || read != (o.Err != nil) {
				t.Errorf("%s, %s: status %v, err %v", tt.name, platform, o.Status, o.Err)
			}
		}
	}
}

func TestReplyFailure(t *testing.T) {
	for _, tt := range []struct {
		reply intents.Reply
		want  Code // "" for no failure
	}{
		{intents.ShareReply{Result: result(0)}, ""},
		{intents.ShareReply{Result: result(-1)}, Failed},
		{intents.ShareReply{Result: result(-2)}, RefusedByWeChat},
		{intents.ShareReply{Result: result(-3)}, Failed},
		{intents.AuthReply{Result: result(-4)}, RefusedByWeChat},
		{intents.LaunchReply{Result: result(-5)}, WeChatTooOld},
		{intents.ShareReply{Result: result(-6)}, RefusedByWeChat},
		{intents.ShareReply{Result: result(99)}, Failed},
		{intents.SubscribeReply{Result: result(0), Action: new("confirm")}, ""},
		{intents.SubscribeReply{Result: result(0)}, ""},
		{intents.SubscribeReply{Result: result(0), Action: new("cancel")}, RefusedByWeChat},
		{intents.SubscribeReply{Result: result(0), Action: new("reject")}, RefusedByWeChat},
	} {
		err := AsError(ReplyFailure(tt.reply))
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || err.Code != tt.want) {
			t.Errorf("%+v: %v, want %q", tt.reply, err, tt.want)
		}
	}
}

func TestNewSeenReply(t *testing.T) {
	at := time.UnixMilli(1).UTC()
	s := NewSeenReply(at, App{Package: "p", AppID: "a"}, "jdwp", intents.SubscribeReply{Result: result(-2)})
	want := `{"at":"1970-01-01T00:00:00.001Z","app":{"package":"p","appId":"a","debuggable":false},"source":"jdwp","kind":"subscribe",` +
		`"reply":{"errCode":-2,"errStr":"","transaction":"t","openId":"o","scene":0},"status":false,"err":{"code":-1,"msg":"unknown error"},` +
		`"events":[{"eventType":"backError","templateId":"","action":"","openId":"o","reserved":"","scene":0}]}`
	if got := asJSON(t, s); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	want = `{"at":"1970-01-01T00:00:00.001Z","app":{"appId":""},"source":"x","reply":null,"status":null,"err":null,"events":[]}`
	if got := asJSON(t, NewSeenReply(at, App{}, "x", nil)); strings.Replace(got, `,"debuggable":false`, "", 1) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
