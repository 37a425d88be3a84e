package phone_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const wx = "com.tencent.mm"

// recorder is an App that records what it was launched with.
type recorder struct{ got chan string }

func (r recorder) Launched(_ context.Context, _ *phone.Phone, a phone.Activity, in phone.Intent) {
	r.got <- a.Short() + " " + in.Action
}

func (r recorder) Query(context.Context, *phone.Phone, phone.Query) (*phone.Cursor, error) {
	return &phone.Cursor{Columns: []string{"a"}, Rows: [][]any{{"1"}}}, nil
}

func install(p *phone.Phone, app phone.App) {
	p.Install(&phone.Package{Name: wx, AppID: 10123, VersionCode: 2800, Components: []phone.Component{
		{Kind: phone.ActivityKind, Name: wx + ".ui.LauncherUI", Exported: true, LaunchMode: phone.LaunchSingleTop},
		{Kind: phone.ActivityKind, Name: wx + ".ui.Plain", Exported: true},
		{Kind: phone.ActivityKind, Name: wx + ".ui.Hidden"},
		{Kind: phone.ProviderKind, Name: wx + ".Provider", Exported: true, Authorities: []string{"wx.open"}},
		{Kind: phone.ProviderKind, Name: wx + ".Own", Authorities: []string{"wx.own"}},
	}}, app)
	p.Install(&phone.Package{Name: "com.example.app", AppID: 10200, Debuggable: true, Components: []phone.Component{
		{Kind: phone.ActivityKind, Name: "com.example.app.Main", Exported: true}}}, nil)
}

func TestStartChecks(t *testing.T) {
	for _, c := range []struct {
		name   string
		api    int
		q      phone.StartRequest
		code   int
		errHas string
		log    string
	}{
		{"by the shell", 34, phone.StartRequest{UID: 2000, Package: "com.android.shell", Intent: phone.Intent{Component: wx + "/" + wx + ".ui.Plain", Flags: phone.FlagNewTask}}, 0, "",
			"START u0 {flg=0x10000000 cmp=com.tencent.mm/.ui.Plain} with LAUNCH_MULTIPLE from uid 2000 (BAL_ALLOW_PERMISSION) result code=0"},
		{"at 33", 33, phone.StartRequest{UID: 2000, Package: "com.android.shell", Intent: phone.Intent{Component: wx + "/" + wx + ".ui.Plain", Flags: phone.FlagNewTask}}, 0, "",
			"START u0 {flg=0x10000000 cmp=com.tencent.mm/.ui.Plain} from uid 2000"},
		{"at 24", 24, phone.StartRequest{UID: 2000, Intent: phone.Intent{Component: wx + "/" + wx + ".ui.Plain", Flags: phone.FlagNewTask}}, 0, "",
			"START u0 {flg=0x10000000 cmp=com.tencent.mm/.ui.Plain} from uid 2000 on display 0"},
		{"null package at 30", 30, phone.StartRequest{UID: 2000, Intent: phone.Intent{Component: wx + "/" + wx + ".ui.Plain"}}, 0,
			"java.lang.SecurityException: Permission Denial: package=null does not belong to uid=2000", ""},
		{"somebody else's package", 34, phone.StartRequest{UID: 10200, Package: "com.android.shell", Intent: phone.Intent{Component: wx + "/" + wx + ".ui.Plain"}}, 0,
			"package=com.android.shell does not belong to uid=10200", ""},
		{"not exported", 34, phone.StartRequest{UID: 2000, PID: 77, Package: "com.android.shell", Intent: phone.Intent{Component: wx + "/" + wx + ".ui.Hidden"}}, 0,
			"Permission Denial: starting Intent { cmp=com.tencent.mm/.ui.Hidden } from null (pid=77, uid=2000) not exported from uid 10123", ""},
		{"no such class", 34, phone.StartRequest{UID: 2000, Package: "com.android.shell", Intent: phone.Intent{Component: wx + "/" + wx + ".ui.None"}}, phone.StartClassNotFound, "", " result code=-92"},
		{"nobody takes it", 34, phone.StartRequest{UID: 2000, Package: "com.android.shell", Intent: phone.Intent{Action: "no.such"}}, phone.StartIntentNotResolved, "", " result code=-91"},
		{"from the background", 34, phone.StartRequest{UID: 10200, Package: "com.example.app", Intent: phone.Intent{Component: wx + "/" + wx + ".ui.Plain"}}, phone.StartAborted, "", "(BAL_BLOCK) result code=102"},
		{"from the background at 28", 28, phone.StartRequest{UID: 10200, Package: "com.example.app", Intent: phone.Intent{Component: wx + "/" + wx + ".ui.Plain"}}, 0, "", "from uid 10200"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPhone(t, phone.Options{API: c.api})
			install(p, nil)
			code, err := p.StartActivity(t.Context(), c.q)
			if c.errHas != "" {
				if err == nil || !strings.Contains(err.Error(), c.errHas) {
					t.Fatalf("error %v, want %q", err, c.errHas)
				}
				return
			}
			if err != nil || code != c.code {
				t.Fatalf("%d, %v, want %d", code, err, c.code)
			}
			var lines []string
			entries, _ := p.Log.Read(0, phone.LogSystem)
			for _, e := range entries {
				lines = append(lines, e.Text)
			}
			if text := strings.Join(lines, "\n"); !strings.Contains(text, c.log) {
				t.Errorf("no line %q in\n%s", c.log, text)
			}
		})
	}
}

func TestLaunchOrder(t *testing.T) {
	p := newPhone(t, phone.Options{})
	app := recorder{make(chan string, 10)}
	install(p, app)
	start := func(class, action string) phone.WaitResult {
		t.Helper()
		r, err := p.StartActivityAndWait(t.Context(), phone.StartRequest{UID: 2000, Package: "com.android.shell",
			Intent: phone.Intent{Component: wx + "/" + wx + class, Action: action, Flags: phone.FlagNewTask}})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if r := start(".ui.LauncherUI", "one"); r.Code != 0 || r.State != phone.LaunchCold {
		t.Errorf("first start: %+v", r)
	}
	if r := start(".ui.LauncherUI", "two"); r.Code != phone.StartDeliveredToTop {
		t.Errorf("second start of a singleTop activity in front: %+v", r)
	}
	p.GoHome()
	if r := start(".ui.LauncherUI", "one"); r.Code != phone.StartTaskToFront {
		t.Errorf("start from the launcher: %+v", r)
	}
	if r := start(".ui.Plain", "three"); r.Code != 0 || r.State != phone.LaunchWarm {
		t.Errorf("another activity: %+v", r)
	}
	if err := p.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	close(app.got)
	var got []string
	for g := range app.got {
		got = append(got, g)
	}
	want := "[com.tencent.mm/.ui.LauncherUI one com.tencent.mm/.ui.LauncherUI two com.tencent.mm/.ui.LauncherUI one com.tencent.mm/.ui.Plain three]"
	if fmt.Sprint(got) != want {
		t.Errorf("launched %v, want %v", got, want)
	}
	top, _ := p.Top()
	if top.Short() != "com.tencent.mm/.ui.Plain" {
		t.Errorf("in front: %s", top.Short())
	}
	p.Finish(top.Token)
	if top, _ = p.Top(); top.Short() != "com.tencent.mm/.ui.LauncherUI" {
		t.Errorf("in front after finish: %s", top.Short())
	}
	p.ForceStop(wx, 0)
	if top, _ = p.Top(); top.Short() != "com.android.launcher3/.Launcher" {
		t.Errorf("in front after force-stop: %s", top.Short())
	}
	if _, ok := p.Process(wx, 10123); ok {
		t.Error("the process outlived the force-stop")
	}
}

func TestProviderAccess(t *testing.T) {
	p := newPhone(t, phone.Options{})
	install(p, recorder{make(chan string, 1)})
	for _, c := range []struct {
		name string
		q    phone.Query
		err  string
	}{
		{"an app's own process", phone.Query{UID: 10200, URI: "content://wx.open/x"}, ""},
		{"not exported", phone.Query{UID: 10200, URI: "content://wx.own/x"}, "that is not exported from UID 10123"},
		{"of another user", phone.Query{UID: 10200, User: 10, URI: "content://wx.open/x"}, "asks to run as user 10"},
		{"nobody", phone.Query{UID: 10200, URI: "content://none/x"}, "Could not find provider: none"},
	} {
		cur, err := p.Query(t.Context(), c.q)
		switch {
		case c.err == "" && (err != nil || cur == nil):
			t.Errorf("%s: %v, %v", c.name, cur, err)
		case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
			t.Errorf("%s: error %v, want %q", c.name, err, c.err)
		}
	}
}

// TestClose: nothing runs after the end, and nothing is left.
func TestClose(t *testing.T) {
	p, err := phone.New(phone.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	p.Go(func(ctx context.Context) { <-ctx.Done(); close(ended) })
	p.After(time.Hour, func(context.Context) { t.Error("an hour has passed") })
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 1000 {
			p.Post(func(context.Context) {})
			p.Go(func(context.Context) {})
		}
	}()
	_ = p.Close()
	<-ended
	<-done
	p.Post(func(context.Context) { t.Error("posted after Close") })
	if err := p.Settle(t.Context()); err != nil {
		t.Error(err)
	}
	if code := p.Exec(t.Context(), phone.Command{Line: "true"}); code != 127 {
		t.Errorf("a phone without a shell: %d", code)
	}
}
