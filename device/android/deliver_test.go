package android

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/android/agent"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
	"github.com/wxctl/wxctl/device/virtual/wechat"
	"github.com/wxctl/wxctl/fixtures/adbtest"
	"github.com/wxctl/wxctl/fixtures/wait"
	"github.com/wxctl/wxctl/intents"
)

const fast = 5 * time.Millisecond

// lab is a virtual phone behind an adb server, and the backend for it.
type lab struct {
	*virtualandroid.Phone
	server  *adbtest.Server
	backend *Backend
}

func newLab(t testing.TB, o virtualandroid.Options) *lab {
	t.Helper()
	if o.Think == 0 {
		o.Think = fast
	}
	p, err := virtualandroid.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	server := adbtest.NewServer(t, p)
	return &lab{Phone: p, server: server, backend: &Backend{Server: serve(t, server), Options: Options{DropAfter: wait.Plenty, StopTime: wait.Plenty}}}
}

// warm puts the agent on the phone.
func (l *lab) warm(t testing.TB) {
	t.Helper()
	if err := l.putAgent(); err != nil {
		t.Fatal(err)
	}
}

func (l *lab) putAgent() error {
	return l.Model.FS.WriteFile(phone.ShellCred(), agent.RemotePath(agent.Dex), agent.Dex, agent.Mode)
}

func (l *lab) open(t testing.TB) *Phone {
	t.Helper()
	p := l.backend.open(device.Info{ID: l.Serial(), Platform: device.Android, State: device.Ready})
	t.Cleanup(func() { p.Close() })
	return p
}

// testShell runs the agent's command lines, and other commands of a test.
type testShell struct {
	// agent, if set, is what runs in the agent's place.
	agent func(c phone.Command) int
	// other, if set, is what runs for any other line.
	other func(c phone.Command) int
	// damage makes what was pushed differ from what was sent.
	damage bool
}

var installLine = regexp.MustCompile(`^s=\$\(sha256sum (\S+) .*mv -f \S+ (\S+) && `)

func (s *testShell) Exec(ctx context.Context, p *phone.Phone, c phone.Command) int {
	line := c.Line
	if m := installLine.FindStringSubmatch(line); m != nil {
		data, err := p.FS.ReadFile(phone.ShellCred(), m[1])
		if err != nil || s.damage || !strings.Contains(line, agent.Hash(data)) {
			p.FS.Remove(phone.ShellCred(), m[1])
			return installFailed
		}
		if err := p.FS.Rename(phone.ShellCred(), m[1], m[2]); err != nil {
			fmt.Fprintln(c.Stderr, err)
			return 1
		}
		line = line[strings.Index(line, "[ -r "):]
	}
	path, ok := strings.CutPrefix(line, "[ -r ")
	switch {
	case ok && s.agent != nil:
		return s.agent(c)
	case !ok && s.other != nil:
		return s.other(c)
	case !ok:
		return 0
	}
	path, _, _ = strings.Cut(path, " ")
	if _, err := p.FS.Stat(phone.ShellCred(), path); err != nil {
		return agent.MissingExit
	}
	return p.Program(agent.Class).Run(ctx, p, phone.ProgramEnv{
		Class: agent.Class, ClassPath: []string{path}, UID: phone.ShellUID, PID: 4242, Stdin: c.Stdin, Stdout: c.Stdout, Stderr: c.Stderr,
	})
}

func page(scene intents.Scene) intents.Share {
	return intents.Share{Scene: scene, Message: intents.Message{Title: new("Hello"), Object: intents.Webpage{URL: new("https://example.com")}}}
}

func text(scene intents.Scene) intents.Share {
	return intents.Share{Scene: scene, Message: intents.Message{Object: intents.Text{Text: new("hello")}}}
}

func whats(o *device.Outcome) string {
	var s []string
	for _, e := range o.Evidence {
		s = append(s, e.What)
	}
	return strings.Join(s, "; ")
}

// TestDeliver checks the outcome of every way in which a request can go.
func TestDeliver(t *testing.T) {
	contact := page(intents.SceneContact)
	contact.OpenID, contact.To = new("o1"), new("o2")
	auth := intents.Auth{Scope: new("snsapi_userinfo"), State: new("s1")}
	for _, tt := range []struct {
		name    string
		options virtualandroid.Options
		job     device.Job
		last    string // the evidence after which the time ends; "": it never does
		state   device.Progress
		saw     string // part of the evidence
		code    device.Code
		message string
	}{
		{name: "session", job: device.Job{Request: page(intents.SceneSession)}, state: device.Opened, saw: "chat picker opened"},
		{name: "text", job: device.Job{Request: text(intents.SceneSession)}, state: device.Opened, saw: "chat picker opened"},
		{name: "moments", job: device.Job{Request: page(intents.SceneTimeline)}, state: device.Opened, saw: "Moments editor opened"},
		{name: "favorite", job: device.Job{Request: page(intents.SceneFavorite)}, state: device.Opened, saw: "favorites took the content"},
		{name: "login", job: device.Job{Request: auth}, state: device.Opened, saw: "consent page opened"},
		{name: "delivered is enough", job: device.Job{Request: page(intents.SceneSession), Until: device.Delivered}, state: device.Delivered, saw: "the system accepted it (SUCCESS)"},
		{name: "returned", job: device.Job{Request: page(intents.SceneSession), Until: device.Returned}, state: device.Returned, saw: "WeChat called com.example.wxdemo/.wxapi.WXEntryActivity back"},
		{name: "cancelled is returned", options: virtualandroid.Options{Answer: wechat.Cancel}, job: device.Job{Request: page(intents.SceneSession), Until: device.Returned}, state: device.Returned, saw: "called"},
		{name: "who stays is not seen", options: virtualandroid.Options{Answer: wechat.Stay}, job: device.Job{Request: page(intents.SceneSession), Until: device.Returned}, last: "chat picker opened",
			state: device.Opened, code: device.NotSeen, message: `"returned" was not seen in time: nobody answered on the phone`},
		{name: "no WeChat", options: virtualandroid.Options{Without: true}, job: device.Job{Request: page(intents.SceneSession)}, code: device.WeChatMissing, message: "WeChat is not installed on the phone"},
		{name: "WeChat disabled", options: virtualandroid.Options{Disabled: true}, job: device.Job{Request: page(intents.SceneSession)}, code: device.WeChatDisabled, message: "WeChat is disabled"},
		{name: "WeChat too old for contacts", options: virtualandroid.Options{WeChat: wechat.Version{Major: 6, Minor: 5, Patch: 8}}, job: device.Job{Request: contact}, code: device.WeChatTooOld, message: "too old for a share to a contact"},
		{name: "logged out", options: virtualandroid.Options{LoggedOut: true, Answer: wechat.Stay}, job: device.Job{Request: page(intents.SceneSession)}, last: "WeChat asks to log in",
			state: device.Delivered, code: device.NotSeen, message: "WeChat asks to log in"},
		{name: "wrong AppID", options: virtualandroid.Options{Answer: wechat.Stay, Think: time.Hour}, job: device.Job{Request: page(intents.SceneSession), App: device.AppIdentity{AppID: "wxffffffffffffffff"}}, last: "WeChat took the request",
			state: device.Delivered, code: device.NotSeen, message: "WeChat stays on its entry screen"},
		{name: "locked", options: virtualandroid.Options{Locked: true, LoggedOut: true, Answer: wechat.Stay}, job: device.Job{Request: page(intents.SceneSession)}, last: "lock screen",
			state: device.Delivered, saw: "the phone shows its lock screen", code: device.NotSeen, message: "the phone is locked"},
		{name: "app not installed", job: device.Job{Request: page(intents.SceneSession), App: device.AppIdentity{Package: "com.not.there"}}, code: device.Refused, message: `the app "com.not.there" is not installed`},
		{name: "app not debuggable", job: device.Job{Request: page(intents.SceneSession), App: device.AppIdentity{Package: "com.android.shell", AppID: "wx0000000000000000"}}, code: device.Refused, message: "does not send in its name"},
		{name: "two WeChats", options: virtualandroid.Options{Users: []int{999}}, job: device.Job{Request: page(intents.SceneSession)}, code: device.AndroidUserUnset, message: "WeChat is installed for 2 Android users"},
		{name: "two WeChats, one chosen", options: virtualandroid.Options{Users: []int{999}}, job: device.Job{Request: page(intents.SceneSession), User: device.UserChoice{ID: 0, Set: true}}, state: device.Opened, saw: "chat picker"},
		{name: "no such user", job: device.Job{Request: page(intents.SceneSession), User: device.UserChoice{ID: 7, Set: true}}, code: device.Usage, message: "no Android user 7"},
		{name: "system text", job: device.Job{Request: text(intents.SceneSession), Route: device.RouteSystem}, state: device.Opened, saw: "chat picker opened"},
		{name: "system can't", job: device.Job{Request: page(intents.SceneSession), Route: device.RouteSystem}, code: device.Refused, message: "not webpage"},
		{name: "sdk can't launch", job: device.Job{Request: intents.LaunchMiniProgram{UserName: new("gh_0")}, Route: device.RouteSDK}, code: device.Refused, message: "the sdk route can't send a mini program launch"},
		{name: "url is not an Android route", job: device.Job{Request: auth, Route: device.RouteURL}, code: device.Refused},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, tt.options)
			l.warm(t)
			p := l.open(t)
			ctx, pass := wait.Deadline(t)
			job := tt.job
			job.Hooks.Seen = func(e device.Evidence) {
				if tt.last != "" && strings.Contains(e.What, tt.last) {
					pass()
				}
			}
			if job.Until == device.NotSent {
				job.Until = device.Opened
			}
			o, err := p.Deliver(ctx, job)
			if code(err) != tt.code {
				t.Fatalf("%v (%s), want %q; saw %s", err, code(err), tt.code, whats(o))
			}
			if o.State < tt.state || tt.code != "" && o.State != tt.state || !strings.Contains(whats(o), tt.saw) {
				t.Errorf("state %q, saw %s; want %q, %s", o.State, whats(o), tt.state, tt.saw)
			}
			if tt.code != "" && (o.Error == nil || !strings.Contains(o.Error.Message, tt.message) || o.Error.ExitCode != device.AsError(err).ExitCode()) {
				t.Errorf("says %+v, want %q", o.Error, tt.message)
			}
			if tt.state >= device.Opened && tt.code == "" && o.App != nil && (o.App.AppID != virtualandroid.DemoAppID || o.App.Package != virtualandroid.DemoPackage || !o.App.Debuggable) {
				t.Errorf("app %+v", o.App)
			}
		})
	}
}

// TestWarmShareTakesOneConnection counts the cost of a share after the phone
// was chosen.
func TestWarmShareTakesOneConnection(t *testing.T) {
	l := newLab(t, virtualandroid.Options{})
	l.warm(t)
	p := l.open(t)
	job := device.Job{Request: page(intents.SceneSession), Until: device.Opened}
	if _, err := p.Deliver(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	if n := l.server.Connections(); n != 1 {
		t.Errorf("a warm share took %d connections, want 1", n)
	}
	for range 99 {
		l.Model.ForceStop(wechat.PackageName, 0)
		if o, err := p.Deliver(t.Context(), job); err != nil {
			t.Fatal(err, whats(o))
		}
	}
	if n := l.server.Connections(); n != 1 {
		t.Errorf("100 shares took %d connections, want 1", n)
	}
}

func TestColdShareTakesThreeConnections(t *testing.T) {
	l := newLab(t, virtualandroid.Options{})
	p := l.open(t)
	o, err := p.Deliver(t.Context(), device.Job{Request: page(intents.SceneSession), Until: device.Opened})
	if err != nil {
		t.Fatal(err, whats(o))
	}
	if n := l.server.Connections(); n > 3 {
		t.Errorf("a cold share took %d connections, want at most 3", n)
	}
	info, err := l.Model.FS.Stat(phone.ShellCred(), agent.RemotePath(agent.Dex))
	if err != nil || info.Mode&0o777 != agent.Mode {
		t.Errorf("the agent's file has mode %o, %v", info.Mode, err)
	}
	list, err := l.Model.FS.List(phone.ShellCred(), agent.Dir)
	if err != nil || len(list) != 1 {
		t.Errorf("left in %s: %v, %v", agent.Dir, list, err)
	}
}

// TestOnlyWeChatOfAnotherUser: a work profile's WeChat is found by itself.
func TestOnlyWeChatOfAnotherUser(t *testing.T) {
	l := newLab(t, virtualandroid.Options{Users: []int{10}})
	l.warm(t)
	state := l.Model.PackageState(wechat.PackageName, 0)
	state.Installed = false
	l.Model.SetPackageState(wechat.PackageName, 0, state)
	p := l.open(t)
	ctx, cancel := context.WithTimeout(t.Context(), wait.Plenty)
	defer cancel()
	for range 2 {
		o, err := p.Deliver(ctx, device.Job{Request: page(intents.SceneSession), Until: device.Opened})
		if err != nil || *o.WeChat.AndroidUser != 10 {
			t.Fatalf("%v; %+v, saw %s", err, o.WeChat, whats(o))
		}
		l.Model.ForceStop(wechat.PackageName, 10)
	}
	if n := l.server.Connections(); n != 1 {
		t.Errorf("%d agents were started, want 1", n)
	}
	w, err := p.WeChat(ctx, device.UserChoice{})
	if err != nil || !w.Installed || *w.AndroidUser != 10 || len(w.AndroidUsers) != 1 {
		t.Errorf("%+v, %v", w, err)
	}
}
