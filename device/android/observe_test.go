package android

import (
	"fmt"
	"strings"
	"testing"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/android/agent"
	"github.com/wxctl/wxctl/intents"
)

const (
	demo      = "com.example.wxdemo"
	weChatUID = 10150
	demoUID   = 10200
	sentMs    = 1_732_282_655_000
)

// watched is an observer that got some lines, each logged 10 ms after the one
// before.
func watched(req intents.Request, until device.Progress, lines ...string) *observer {
	job := device.Job{Request: req, Until: until}
	o := newObserver(device.NewDelivery(device.Info{Platform: device.Android}, job), &facts{wechat: &agent.App{UID: weChatUID}},
		&agent.App{Package: demo, UID: demoUID, Entry: &agent.Entry{Target: demo + ".Real"}})
	o.sentMs = sentMs
	for i, line := range lines {
		o.observe(agent.Event{Line: line, AtMs: sentMs + 10*int64(i+1)})
	}
	return o
}

func event(tag, format string, args ...any) string {
	return fmt.Sprintf("  1732282655.123  1000  1234  1250 I %s: [%s]", tag, fmt.Sprintf(format, args...))
}

func create(user int, component string) string {
	return event("wm_create_activity", "%d,1,42,%s,NULL,NULL,NULL,0", user, component)
}

func starts(component string, uid int) string {
	return fmt.Sprintf("  1732282655.123  1000  1234  1250 I ActivityTaskManager: START u0 {cmp=%s (has extras)} from uid %d", component, uid)
}

func finish(component string) string {
	return event("wm_finish_activity", "0,1,42,%s,app-request", component)
}

const (
	entryShort  = "com.tencent.mm/.plugin.base.stub.WXEntryActivity"
	pickerShort = "com.tencent.mm/.ui.transmit.SelectConversationUI"
	callback    = demo + "/.wxapi.WXEntryActivity"
)

func TestObserve(t *testing.T) {
	shareWith := page(intents.SceneSession)
	shareWith.Transaction = new("t1")
	reply := func(uid int, json string) string {
		return fmt.Sprintf("  1732282655.123  %d  1234  1250 I wxdemo  : wxctl-reply: %s", uid, json)
	}
	for _, tt := range []struct {
		name  string
		req   intents.Request
		lines []string
		state device.Progress
		saw   string // "" for nothing at all
		check func(*observer) bool
	}{
		{"nothing", page(0), nil, device.NotSent, "", nil},
		{"picker", page(0), []string{create(0, entryShort), create(0, pickerShort)}, device.Opened, "chat picker opened", nil},
		{"picker of another user", page(0), []string{create(999, pickerShort)}, device.NotSent, "", nil},
		{"the wrong screen", page(intents.SceneTimeline), []string{create(0, pickerShort)}, device.NotSent, "chat picker opened", nil},
		{"through Moments' step", page(intents.SceneTimeline), []string{create(0, "com.tencent.mm/.ui.transmit.SendAppMessageWrapperUI"), create(0, "com.tencent.mm/.plugin.sns.ui.SnsUploadUI")}, device.Opened, "Moments editor opened", nil},
		{"a contact", page(intents.SceneContact), []string{create(0, "com.tencent.mm/.ui.chatting.ChattingUI")}, device.Opened, "chat with the contact opened", nil},
		{"an impostor", page(0), []string{create(0, "com.evil/com.tencent.mm.ui.transmit.SelectConversationUI")}, device.NotSent, "", nil},
		{"login", page(0), []string{create(0, entryShort), create(0, "com.tencent.mm/.plugin.account.ui.SimpleLoginUI")}, device.Delivered, "WeChat asks to log in", func(o *observer) bool { return o.sawLogin }},
		{"login, then the picker", page(0), []string{create(0, "com.tencent.mm/.plugin.account.ui.SimpleLoginUI"), create(0, pickerShort)}, device.Opened, "chat picker opened", nil},
		{"chooser", page(0), []string{create(0, "android/com.android.internal.app.ResolverActivity")}, device.NotSent, "the phone asks which app", func(o *observer) bool { return o.sawChooser }},
		{"chooser of the other user", page(0), []string{create(10, "com.miui.securitycore/com.miui.xspace.ui.activity.XSpaceResolveActivity")}, device.NotSent, "the phone asks which app", nil},
		{"dropped", page(0), []string{create(0, entryShort), finish(entryShort)}, device.Delivered, "WeChat took", func(o *observer) bool { return !o.goneAt.IsZero() }},
		{"not dropped: it goes on", page(0), []string{create(0, entryShort), finish(entryShort), create(0, "com.tencent.mm/.plugin.base.stub.UIEntryStub")}, device.Delivered, "WeChat checks", func(o *observer) bool { return o.goneAt.IsZero() }},
		{"not dropped: the main screen is not a screen of the request", page(0), []string{create(0, "com.tencent.mm/.ui.LauncherUI"), create(0, entryShort), finish(entryShort)}, device.Delivered, "main screen", func(o *observer) bool { return !o.goneAt.IsZero() }},
		{"called back, as the start tells", page(0), []string{starts(callback, weChatUID)}, device.Returned, "WeChat called " + callback + " back", nil},
		{"called back, as the activity tells", page(0), []string{create(0, callback)}, device.Returned, "WeChat called", nil},
		{"called back, behind an alias", page(0), []string{create(0, demo+"/.Real")}, device.Returned, "WeChat called", nil},
		{"called back by itself", page(0), []string{starts(callback, demoUID), create(0, callback)}, device.NotSent, "", nil},
		{"called back for another user", page(0), []string{starts(callback, weChatUID), create(10, callback)}, device.Returned, "WeChat called", nil},
		{"a start that was blocked", page(0), []string{"  1732282655.123  1000  1234  1250 I ActivityTaskManager: START u0 {cmp=" + callback + "} with LAUNCH_MULTIPLE from uid 10150 (BAL_BLOCK) result code=102"}, device.NotSent, "", nil},
		{"replied", page(0), []string{reply(demoUID, `{"kind":"share","errCode":-2}`)}, device.Replied, "the app logged WeChat's reply", func(o *observer) bool { return o.Answer.Answer().ErrCode == -2 }},
		{"somebody else's line", page(0), []string{reply(10999, `{"kind":"share","errCode":0}`)}, device.NotSent, "", nil},
		{"a line that is none", page(0), []string{reply(demoUID, `{"kind":"share","errCode":`)}, device.Returned, "can't be read", nil},
		{"the reply to it", shareWith, []string{reply(demoUID, `{"kind":"share","errCode":0,"transaction":"t1"}`)}, device.Replied, "the app logged WeChat's reply", nil},
		{"the reply to another", shareWith, []string{reply(demoUID, `{"kind":"share","errCode":0,"transaction":"t2"}`)}, device.NotSent, `a reply to another request (transaction "t2")`, func(o *observer) bool { return o.Answer == nil }},
		{"a reply without a transaction", shareWith, []string{reply(demoUID, `{"kind":"share","errCode":0}`)}, device.Replied, "the app logged WeChat's reply", nil},
		{"a reply of another kind", page(0), []string{reply(demoUID, `{"kind":"auth","errCode":0}`)}, device.NotSent, "a reply to another request (kind auth)", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := watched(tt.req, device.Replied, tt.lines...)
			if o.Out.State != tt.state || !strings.Contains(whats(o.Out), tt.saw) || tt.saw == "" && len(o.Out.Evidence) > 0 {
				t.Errorf("%q, saw %q; want %q, %q", o.Out.State, whats(o.Out), tt.state, tt.saw)
			}
			if tt.check != nil && !tt.check(o) {
				t.Errorf("%+v", o)
			}
			for _, e := range o.Out.Evidence {
				if e.AtMs < 10 || e.AtMs > 100 || e.Source == "" {
					t.Errorf("evidence %+v", e)
				}
			}
		})
	}
}

// TestObserveNothingOfBefore: what was logged before the request is ignored.
func TestObserveNothingOfBefore(t *testing.T) {
	o := watched(page(0), device.Replied)
	o.observe(agent.Event{Line: create(0, pickerShort), AtMs: sentMs - 1})
	if o.Out.State != device.NotSent || len(o.Out.Evidence) != 0 {
		t.Errorf("%q, saw %s", o.Out.State, whats(o.Out))
	}
}

func TestReplyFailure(t *testing.T) {
	for errCode, want := range map[intents.ErrCode]device.Code{
		0: "", -1: device.Failed, -2: device.RefusedByWeChat, -3: device.Failed, -4: device.RefusedByWeChat, -5: device.WeChatTooOld, -6: device.RefusedByWeChat, -1000: device.Failed,
	} {
		if err := device.ReplyFailure(intents.ShareReply{Result: intents.Result{ErrCode: errCode, ErrStr: new("x\x1b")}}); code(err) != want || err != nil && strings.ContainsRune(err.Error(), '\x1b') {
			t.Errorf("%d: %v", errCode, err)
		}
	}
}
