package device

import (
	"encoding/json"
	"testing"

	"github.com/wxctl/wxctl/intents"
)

func result(code intents.ErrCode) intents.Result {
	return intents.Result{ErrCode: code, Transaction: new("t"), OpenID: new("o")}
}

// TestAnswer holds the module's fields to its documentation: its numbers lose
// information, so the SDK's stand beside them.
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
		{intents.KindSubscribeMessage, Refused, 7, `[{"eventType":"error"}]`},
	} {
		o := NewOutcome(Info{})
		o.Unsent(tt.kind, Errorf(tt.code, "x"))
		if *o.Status || o.Err.Code != tt.want || asJSON(t, o.Events) != tt.ev {
			t.Errorf("%s, %s: %+v, %s", tt.kind, tt.code, *o.Err, asJSON(t, o.Events))
		}
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
