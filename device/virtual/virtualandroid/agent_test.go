package virtualandroid

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/wxctl/wxctl/device/android/agent"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
	"github.com/wxctl/wxctl/device/virtual/wechat"
	"github.com/wxctl/wxctl/fixtures/wait"
	"github.com/wxctl/wxctl/intents"
	"github.com/wxctl/wxctl/intents/androidwire"
)

// The main path, on every API level: a share reaches the picker, and the reply
// reaches the app.
func TestShareOnEveryLevel(t *testing.T) {
	for api := phone.MinAPI; api <= phone.MaxAPI; api++ {
		t.Run(fmt.Sprint(api), func(t *testing.T) {
			p := newPhone(t, Options{API: api, Answer: wechat.Stay, Think: time.Hour})
			r := runAgent(t, p, phone.ShellUID)
			if want := (agent.Hello{Agent: agent.Version, API: api, UID: phone.ShellUID, PID: 4242}); r.hello != want {
				t.Fatalf("hello %+v", r.hello)
			}
			must[agent.Watching](t)(ask[agent.Watching](r, agent.Request{Verb: agent.Watch, Buffers: []string{"events", "system"}}))
			started := must[agent.Started](t)(ask[agent.Started](r, agent.Request{Verb: agent.Start, Intent: intentOf(t, page(intents.SceneSession), 0)}))
			if !started.OK() || started.Word != "SUCCESS" || started.AtMs == 0 {
				t.Errorf("started %+v", started)
			}
			onTop(t, p, "com.tencent.mm/.ui.transmit.SelectConversationUI")
			top := must[agent.Top](t)(ask[agent.Top](r, agent.Request{Verb: agent.TopActivity}))
			if top.Activity != "com.tencent.mm/com.tencent.mm.ui.transmit.SelectConversationUI" {
				t.Errorf("top %+v", top)
			}
			name := "am_focused_activity"
			switch {
			case api >= 30:
				name = "wm_set_resumed_activity"
			case api >= 26:
				name = "am_set_resumed_activity"
			}
			event := r.until(name+": ", "SelectConversationUI")
			if api >= 26 && !strings.Contains(event, "  1000  ") {
				t.Errorf("no uid in %q", event)
			}
			r.until("START u0 {", "cmp=com.tencent.mm/.plugin.base.stub.WXEntryActivity")
		})
	}
}

// The app gets the reply for what the user does.
func TestReplies(t *testing.T) {
	auth := intents.Auth{Scope: new("snsapi_userinfo"), State: new("s1")}
	for _, tt := range []struct {
		name   string
		req    intents.Request
		option Options
		want   string // of the app's log; "" for no reply
	}{
		{"share sent", page(intents.SceneSession), Options{}, `wxctl-reply: {"kind":"share","errCode":0,"errStr":null,"transaction":"t1"`},
		{"share cancelled", page(intents.SceneSession), Options{Answer: wechat.Cancel}, `"errCode":0,`},
		{"share cancelled in 6.5", page(intents.SceneSession), Options{Answer: wechat.Cancel, WeChat: wechat.Version{Major: 6, Minor: 5, Patch: 23}}, `"errCode":-2,`},
		{"moments", page(intents.SceneTimeline), Options{}, `"errCode":0,`},
		{"favorite", page(intents.SceneFavorite), Options{Answer: wechat.Stay, Think: time.Hour}, `"errCode":0,`},
		{"auth", auth, Options{}, `"state":"s1"`},
		{"auth denied", auth, Options{Answer: wechat.Deny}, `"errCode":-4,`},
		{"auth cancelled", auth, Options{Answer: wechat.Cancel}, `"errCode":-2,`},
		{"logged out, left", page(intents.SceneSession), Options{LoggedOut: true, Answer: wechat.Cancel}, `"errCode":-1,`},
		{"token blocked", page(intents.SceneSession), Options{Strict: true}, `"errCode":-6,`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPhone(t, tt.option)
			r := runAgent(t, p, phone.ShellUID)
			must[agent.Watching](t)(ask[agent.Watching](r, agent.Request{Verb: agent.Watch, Buffers: []string{"main", "system", "events"}}))
			must[agent.Started](t)(ask[agent.Started](r, agent.Request{Verb: agent.Start, Intent: intentOf(t, tt.req, 0)}))
			r.until("wm_create_activity: ", "com.example.wxdemo/.wxapi.WXEntryActivity")
			r.until("START u0 {", "cmp="+DemoPackage+"/.wxapi.WXEntryActivity", fmt.Sprintf("from uid %d", 10160))
			r.until("wxdemo  : wxctl-reply: {", tt.want)
			onTop(t, p, "com.android.launcher3/.Launcher")
		})
	}
}

// A malformed request leaves WXEntryActivity finished, and nothing else.
func TestSilentDrop(t *testing.T) {
	p := newPhone(t, Options{})
	r := runAgent(t, p, phone.ShellUID)
	must[agent.Watching](t)(ask[agent.Watching](r, agent.Request{Verb: agent.Watch, Buffers: []string{"events"}}))
	var in androidwire.Intent
	if err := json.Unmarshal(intentOf(t, page(intents.SceneSession), 0), &in); err != nil {
		t.Fatal(err)
	}
	in.Extras.Set("_mmessage_checksum", androidwire.String("0ca32b1ce29ddbacaeecfab7960d4de5"))
	line, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	must[agent.Started](t)(ask[agent.Started](r, agent.Request{Verb: agent.Start, Intent: line}))
	r.until("wm_finish_activity", "WXEntryActivity")
	onTop(t, p, "com.android.launcher3/.Launcher")
	for _, e := range r.kept {
		known := strings.Contains(e.Line, "WXEntryActivity") || strings.Contains(e.Line, "WeChatSplashActivity")
		if strings.Contains(e.Line, "wm_create_activity") && !known {
			t.Errorf("another screen: %s", e.Line)
		}
	}
}

func TestAgentRefusals(t *testing.T) {
	p := newPhone(t, Options{})
	r := runAgent(t, p, phone.ShellUID)
	start := func(component string) json.RawMessage {
		line, _ := json.Marshal(androidwire.Intent{Component: component, Flags: androidwire.FlagNewTask})
		return line
	}
	big, _ := json.Marshal(androidwire.Intent{Component: androidwire.EntryComponent, Extras: androidwire.Extras{{Key: "x", Value: androidwire.Bytes(make([]byte, 1<<20))}}})
	foreign, _ := json.Marshal(androidwire.Intent{Action: actionSend, Type: "image/png", Component: wechat.PackageName + "/" + wechat.ShareImgClass,
		Extras: androidwire.Extras{{Key: extraStream, Value: androidwire.URI("content://com.other.files/1")}}})
	for _, tt := range []struct {
		name    string
		request agent.Request
		kind    string
		message string
	}{
		{"not exported", agent.Request{Verb: agent.Start, Intent: start(wechat.PackageName + "/com.tencent.mm.ui.transmit.SelectConversationUI")}, "SecurityException", "not exported from uid 10160"},
		{"too large", agent.Request{Verb: agent.Start, Intent: big}, "TransactionTooLargeException", "data parcel size"},
		{"foreign grant", agent.Request{Verb: agent.Send, Intent: foreign}, "SecurityException", "does not have permission to content://com.other.files/1"},
		{"no intent", agent.Request{Verb: agent.Start}, agent.KindBadRequest, "intent"},
		{"unknown verb", agent.Request{Verb: "dance"}, agent.KindBadRequest, "dance"},
		{"unknown buffer", agent.Request{Verb: agent.Watch, Buffers: []string{"kernel"}}, agent.KindBadRequest, "kernel"},
		{"no such package", agent.Request{Verb: agent.Inspect, Package: "com.nobody"}, agent.KindNotFound, ""},
		{"no such file", agent.Request{Verb: agent.Index, Path: "/sdcard/Pictures/none.png"}, agent.KindNotFound, "none.png"},
		{"not on shared storage", agent.Request{Verb: agent.Index, Path: "/system/bin/sh"}, agent.KindBadRequest, "not on shared storage"},
		{"up and out", agent.Request{Verb: agent.Index, Path: "/sdcard/../x"}, agent.KindBadRequest, "not on shared storage"},
		{"remove a foreign URI", agent.Request{Verb: agent.Remove, Path: "/sdcard/x", URI: "content://other/1"}, agent.KindBadRequest, "not a URI of MediaStore"},
		{"send a view", agent.Request{Verb: agent.Send, Intent: start(androidwire.EntryComponent)}, agent.KindBadRequest, "not an action that sends"},
	} {
		_, err := ask[json.RawMessage](r, tt.request)
		if err == nil || err.Kind != tt.kind || !strings.Contains(err.Message, tt.message) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	unresolved, _ := json.Marshal(androidwire.Intent{Action: "com.nobody.ACTION", Flags: androidwire.FlagNewTask})
	for result, line := range map[int]json.RawMessage{-92: start("com.nobody/com.nobody.Main"), -91: unresolved} {
		started := must[agent.Started](t)(ask[agent.Started](r, agent.Request{Verb: agent.Start, Intent: line}))
		if started.Result != result || started.OK() || started.Word == "" {
			t.Errorf("%s: %+v", line, started)
		}
	}
	if _, err := r.in.Write([]byte("nonsense\n")); err != nil {
		t.Fatal(err)
	}
	if l := <-r.lines; l.Error == nil || l.Error.Kind != agent.KindBadRequest || l.ID != 0 {
		t.Errorf("nonsense: %+v", l)
	}
}

// The numbers of errors changed at API 26, their names didn't.
func TestStartResults(t *testing.T) {
	line, _ := json.Marshal(androidwire.Intent{Component: "com.nobody/com.nobody.Main", Flags: androidwire.FlagNewTask})
	for api, want := range map[int]int{24: -2, 25: -2, 26: -92, 37: -92} {
		r := runAgent(t, newPhone(t, Options{API: api}), phone.ShellUID)
		started := must[agent.Started](t)(ask[agent.Started](r, agent.Request{Verb: agent.Start, Intent: line}))
		if started.Result != want || started.Word != "CLASS_NOT_FOUND" || started.OK() {
			t.Errorf("API %d: %+v", api, started)
		}
	}
	for code, want := range map[int]int{0: 0, 2: 2, 3: 3, phone.StartSwitchesCanceled: 4, phone.StartLockTaskViolation: 5} {
		if got := startResult(24, code); got != want {
			t.Errorf("%d is %d in API 24, want %d", code, got, want)
		}
	}
}

func TestAgentNeedsItsDex(t *testing.T) {
	p := newPhone(t, Options{})
	fs := p.Model.FS
	put := func(path string, data []byte, mode uint32) {
		if err := fs.WriteFile(phone.ShellCred(), path, data, mode); err != nil {
			t.Fatal(err)
		}
	}
	put("/data/local/tmp/other.dex", []byte("dex\n035\x00Lother/Main;"), 0o444)
	put("/data/local/tmp/text.dex", []byte("Lwxctl/Agent;"), 0o444)
	for _, path := range []string{"/data/local/tmp/none.dex", "/data/local/tmp/other.dex", "/data/local/tmp/text.dex"} {
		r := runAgentAt(t, p, phone.ShellUID, path)
		if code := <-r.done; code == 0 || !strings.Contains(r.errs.String(), "ClassNotFoundException") {
			t.Errorf("%s: exit %d, %s", path, code, r.errs)
		} else {
			r.done <- code
		}
	}
	root := runAgent(t, p, phone.RootUID)
	if root.hello.Error == nil || root.hello.Error.Kind != agent.KindForbiddenUser {
		t.Errorf("root: %+v", root.hello)
	}
}

func TestInspect(t *testing.T) {
	p := newPhone(t, Options{Users: []int{10, 999}})
	r := runAgent(t, p, phone.ShellUID)
	demo := must[agent.App](t)(ask[agent.App](r, agent.Request{Verb: agent.Inspect, Package: DemoPackage}))
	if !demo.Debuggable || demo.Entry == nil || !demo.Entry.Exported || demo.Entry.LaunchMode != "singleTask" || len(demo.Schemes) != 2 || demo.Schemes[0] != DemoAppID ||
		len(demo.Certificates) != 1 || demo.Declared == nil || demo.Declared.Queries == nil || demo.Declared.Queries.Packages[0] != wechat.PackageName {
		t.Errorf("demo app %+v", demo)
	}
	w := must[agent.App](t)(ask[agent.App](r, agent.Request{Verb: agent.Inspect, Package: wechat.PackageName, User: 999}))
	if w.VersionName != "8.0.50" || w.MetaData["com.tencent.mm.BuildInfo.OPEN_SDK_VERSION"] == "" || w.UID != 99910160 || len(w.Providers) != 2 || !w.Enabled {
		t.Errorf("WeChat %+v", w)
	}
	users := must[agent.Users](t)(ask[agent.Users](r, agent.Request{Verb: agent.ListUsers}))
	if len(users.Users) != 3 || users.Users[2].ID != 999 || !users.Users[2].Profile {
		t.Errorf("users %+v", users)
	}
	list := must[agent.Packages](t)(ask[agent.Packages](r, agent.Request{Verb: agent.ListPackages}))
	var entries []string
	for _, pkg := range list.Packages {
		if pkg.Entry && pkg.Debuggable {
			entries = append(entries, pkg.Name)
		}
	}
	if len(entries) != 1 || entries[0] != DemoPackage {
		t.Errorf("debuggable apps with an entry: %v", entries)
	}
	state := must[agent.State](t)(ask[agent.State](r, agent.Request{Verb: agent.PhoneState}))
	if !state.ScreenOn || state.Keyguard {
		t.Errorf("state %+v", state)
	}
	must[agent.Done](t)(ask[agent.Done](r, agent.Request{Verb: agent.Stop, Package: wechat.PackageName}))
	if w := must[agent.App](t)(ask[agent.App](r, agent.Request{Verb: agent.Inspect, Package: wechat.PackageName})); !w.Stopped {
		t.Error("WeChat is not stopped")
	}
}

// A query by the shell gets a token, but not one that the app can use.
func TestShellToken(t *testing.T) {
	p := newPhone(t, Options{Strict: true})
	r := runAgent(t, p, phone.ShellUID)
	cursor, err := p.Model.Query(t.Context(), phone.Query{UID: phone.ShellUID, PID: 1, Package: shellPackage,
		URI: "content://com.tencent.mm.sdk.comm.provider/genTokenForOpenSdk", Args: []*string{new(DemoAppID), new("638067200")}})
	if err != nil || len(cursor.Rows) != 1 {
		t.Fatalf("%+v, %v", cursor, err)
	}
	token := fmt.Sprint(cursor.Rows[0][0])
	wires, err := androidwire.Encode(page(intents.SceneSession), androidwire.Sender{AppID: DemoAppID, Package: DemoPackage, Token: &token, RequestOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	line, _ := json.Marshal(wires[0].Intent)
	must[agent.Watching](t)(ask[agent.Watching](r, agent.Request{Verb: agent.Watch, Buffers: []string{"main"}}))
	must[agent.Started](t)(ask[agent.Started](r, agent.Request{Verb: agent.Start, Intent: line}))
	r.until("blocked: the token belongs to", "com.android.shell")
}

// The app itself reaches the provider in its own name: launch and subscribe.
func TestProviderByTheApp(t *testing.T) {
	p := newPhone(t, Options{})
	r := runAgent(t, p, phone.ShellUID)
	must[agent.Watching](t)(ask[agent.Watching](r, agent.Request{Verb: agent.Watch, Buffers: []string{"main", "events"}}))
	uid := p.Model.Package(DemoPackage).UID(0)
	open := func(component string) {
		line, _ := json.Marshal(androidwire.Intent{Component: component, Flags: androidwire.FlagNewTask})
		must[agent.Started](t)(ask[agent.Started](r, agent.Request{Verb: agent.Start, Intent: line}))
	}
	open(DemoPackage + "/" + DemoPackage + ".MainActivity")
	process, _ := p.Model.Process(DemoPackage, uid)
	for _, tt := range []struct {
		req    intents.Request
		screen string
		reply  string
	}{
		{intents.LaunchMiniProgram{UserName: new("gh_1"), Path: new("p"), ExtMsg: new("hi")}, "com.tencent.mm/.plugin.appbrand.ui.AppBrandUI", `"kind":"launch","errCode":0`},
		{intents.SubscribeMessage{Scene: 7, TemplateID: new("T"), Reserved: new("r")}, "com.tencent.mm/.plugin.webview.ui.tools.WebViewUI", `"templateId":"T","scene":7,"action":"confirm","reserved":"r"`},
	} {
		wires, err := androidwire.Encode(tt.req, androidwire.Sender{AppID: DemoAppID, Package: DemoPackage, RequestOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		q := wires[len(wires)-1].Query
		open(androidwire.LauncherComponent) // a provider may not start an activity from the background
		if _, err := p.Model.Query(t.Context(), phone.Query{UID: uid, PID: process.PID, Package: DemoPackage, URI: q.URI, Args: q.Args}); err != nil {
			t.Fatal(err)
		}
		r.until("wm_create_activity", tt.screen)
		r.until("wxctl-reply: {", tt.reply)
		onTop(t, p, DemoPackage+"/.MainActivity")
	}
}

// The debug hook sends with the app's own token, so that even a strict WeChat
// accepts it, and reaches the provider in the app's name.
func TestBridge(t *testing.T) {
	for _, api := range []int{24, 29, 30, 34, 37} {
		p := newPhone(t, Options{API: api, Strict: true})
		r := runAgent(t, p, phone.ShellUID)
		must[agent.Watching](t)(ask[agent.Watching](r, agent.Request{Verb: agent.Watch, Buffers: []string{"main", "events"}}))
		for _, tt := range []struct {
			req   intents.Request
			reply string
		}{
			{page(intents.SceneSession), `"kind":"share","errCode":0`},
			{intents.Auth{Scope: new("snsapi_userinfo"), State: new("s9")}, `"state":"s9"`},
			{intents.LaunchMiniProgram{UserName: new("gh_1"), Path: new(""), ExtMsg: new("x")}, `"kind":"launch"`},
			{intents.SubscribeMessage{Scene: 1, TemplateID: new("T")}, `"kind":"subscribe"`},
			{intents.OpenWebview{URL: new("https://example.com")}, `"kind":"open-webview"`},
		} {
			text, err := json.Marshal(tt.req)
			if err != nil {
				t.Fatal(err)
			}
			line, _ := json.Marshal(androidwire.Intent{Package: DemoPackage, Action: actionView, Flags: androidwire.FlagNewTask,
				Data: demoScheme + "://bridge?request=" + base64.RawURLEncoding.EncodeToString(text)})
			started := must[agent.Started](t)(ask[agent.Started](r, agent.Request{Verb: agent.Start, Intent: line}))
			if !started.OK() {
				t.Fatalf("started %+v", started)
			}
			r.until("wxctl-reply: {", tt.reply)
		}
		for _, bad := range []string{"://other", "://bridge?request=%%", "://bridge?request=e30"} {
			line, _ := json.Marshal(androidwire.Intent{Package: DemoPackage, Action: actionView, Flags: androidwire.FlagNewTask, Data: demoScheme + bad})
			must[agent.Started](t)(ask[agent.Started](r, agent.Request{Verb: agent.Start, Intent: line}))
			r.until("the debug hook did nothing")
			r.kept = nil
		}
	}
}

func TestSystemShare(t *testing.T) {
	for _, api := range []int{24, 29, 34} {
		p := newPhone(t, Options{API: api, Answer: wechat.Stay})
		r := runAgent(t, p, phone.ShellUID)
		picture := "/sdcard/Pictures/a.png"
		if err := p.Model.FS.WriteFile(phone.ShellCred(), picture, []byte("\x89PNG"), 0o666); err != nil {
			t.Fatal(err)
		}
		indexed := must[agent.Indexed](t)(ask[agent.Indexed](r, agent.Request{Verb: agent.Index, Path: picture}))
		if !strings.HasPrefix(indexed.URI, "content://media/external/images/media/") {
			t.Fatalf("indexed %+v", indexed)
		}
		line, _ := json.Marshal(androidwire.Intent{Action: actionSend, Type: "image/png", Component: wechat.PackageName + "/" + wechat.ShareToTimeLineClass, Flags: androidwire.FlagNewTask,
			Extras: androidwire.Extras{{Key: extraStream, Value: androidwire.URI(indexed.URI)}}})
		must[agent.Started](t)(ask[agent.Started](r, agent.Request{Verb: agent.Send, Intent: line}))
		onTop(t, p, "com.tencent.mm/.plugin.sns.ui.SnsUploadUI")
		removed := must[agent.Removed](t)(ask[agent.Removed](r, agent.Request{Verb: agent.Remove, URI: indexed.URI, Path: picture}))
		if removed.Rows != 1 || !removed.File {
			t.Errorf("removed %+v", removed)
		}
	}
}

func TestOptions(t *testing.T) {
	o, err := ParseOptions("api=33&auth=key&answer=cancel&wechat=7.0.3&latency=300ms&users=10,999&login=out&token=strict&screen=locked&disk=full&state=unauthorized&think=1s")
	if err != nil || o.API != 33 || !o.Keys || o.Answer != wechat.Cancel || o.WeChat.String() != "7.0.3" || o.Latency != 300*time.Millisecond || len(o.Users) != 2 || !o.LoggedOut ||
		!o.Strict || !o.Locked || o.Asleep || !o.Full || o.State != "unauthorized" || o.Think != time.Second {
		t.Errorf("%+v, %v", o, err)
	}
	for text, want := range map[string]string{
		"apy=33": `no option "apy"; it has: answer, api, app, auth, disk, fault, latency`, "api=23": "24 to 37", "auth=yes": "none, key", "api=x": "24 to 37", "answer=yes": "send, cancel, deny, stay", "wechat=9": "8.0.50",
		"latency=-1s": "300ms", "users=a": "10,999", "users=1,1": "10,999", "oauth=https://api.weixin.qq.com": "wxctl virtual oauth", "oauth=http://10.0.0.1:1": "127.0.0.1", "login=maybe": "in, out", "api=33&api=34": "2 times", "%zz": "can't be read", "state=x": "unauthorized",
	} {
		if _, err := ParseOptions(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func FuzzAgentLines(f *testing.F) {
	f.Add([]byte(`{"id":1,"verb":"users"}`))
	f.Add([]byte(`{"id":1,"verb":"start","intent":{"form":"intent","component":"a/b","extras":{}}}` + "\n{}"))
	f.Fuzz(func(t *testing.T, input []byte) {
		p, err := New(Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		path := agent.RemotePath(testDex)
		if err := p.Model.FS.WriteFile(phone.ShellCred(), path, testDex, agent.Mode); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		p.Model.Program(agent.Class).Run(t.Context(), p.Model, phone.ProgramEnv{
			Class: agent.Class, ClassPath: []string{path}, UID: phone.ShellUID, Stdin: bytes.NewReader(input), Stdout: &out, Stderr: os.Stderr})
		for line := range bytes.Lines(out.Bytes()) {
			if !json.Valid(line) {
				t.Errorf("answered %q", line)
			}
		}
	})
}

// A debuggable app that starts is announced to those who track debuggees.
func TestJDWP(t *testing.T) {
	p := newPhone(t, Options{})
	if pids := p.JDWP(); len(pids) != 0 {
		t.Fatalf("debuggable at boot: %v", pids)
	}
	changed := p.Changed()
	r := runAgent(t, p, phone.ShellUID)
	line, _ := json.Marshal(androidwire.Intent{Component: DemoPackage + "/" + DemoPackage + ".MainActivity", Flags: androidwire.FlagNewTask})
	must[agent.Started](t)(ask[agent.Started](r, agent.Request{Verb: agent.Start, Intent: line}))
	select {
	case <-changed:
	case <-time.After(wait.Plenty):
		t.Error("nobody was told")
	}
	if pids := p.JDWP(); len(pids) != 1 {
		t.Errorf("debuggable: %v", pids)
	}
	changed = p.Changed()
	must[agent.Done](t)(ask[agent.Done](r, agent.Request{Verb: agent.Stop, Package: DemoPackage}))
	<-changed
	if pids := p.JDWP(); len(pids) != 0 {
		t.Errorf("debuggable after the app was stopped: %v", pids)
	}
}

// WeChat's main screen and its links, which people start by hand.
func TestOpenWeChat(t *testing.T) {
	for _, tt := range []struct {
		out  bool
		want string
	}{{false, "com.tencent.mm/.ui.LauncherUI"}, {true, "com.tencent.mm/.plugin.account.ui.LoginUI"}} {
		p := newPhone(t, Options{LoggedOut: tt.out})
		for _, line := range []string{"am start -n com.tencent.mm/.ui.LauncherUI", "am start -a android.intent.action.VIEW -d weixin://dl/chat", "monkey -p com.tencent.mm 1"} {
			p.Model.GoHome()
			var out bytes.Buffer
			if code := p.Exec(t.Context(), phone.Command{Line: line, Stdout: &out, Stderr: &out}); code != 0 {
				t.Errorf("%s: exit %d, %s", line, code, &out)
			}
			onTop(t, p, tt.want)
		}
	}
}
