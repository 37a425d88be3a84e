package phone_test

import (
	"strings"
	"testing"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
)

// lines returns what was logged to a buffer.
func lines(p *phone.Phone, b phone.LogBuffer) []string {
	var out []string
	entries, _ := p.Log.Read(0, b)
	for _, e := range entries {
		text := e.Text
		if e.Event != 0 {
			text = e.Tag
		}
		out = append(out, text)
	}
	return out
}

// TestBlockedStartIsLogged has the log text of each API level for a start that
// the background rules refuse.
func TestBlockedStartIsLogged(t *testing.T) {
	for api, want := range map[int]string{
		29: "Background activity start [callingPackage: com.example.app; callingUid: 10200; isCallingUidForeground: false; isCallingUidPersistentSystemProcess: false; realCallingUid: 10200; isRealCallingUidForeground: false; isRealCallingUidPersistentSystemProcess: false; originatingPendingIntent: null; isBgStartWhitelisted: false; intent: Intent { cmp=com.tencent.mm/.ui.Plain }; callerApp: null]",
		30: "Background activity start [callingPackage: com.example.app; callingUid: 10200; isCallingUidForeground: false; callingUidHasAnyVisibleWindow: false; callingUidProcState: NONEXISTENT; isCallingUidPersistentSystemProcess: false; realCallingUid: 10200; isRealCallingUidForeground: false; realCallingUidHasAnyVisibleWindow: false; realCallingUidProcState: NONEXISTENT; isRealCallingUidPersistentSystemProcess: false; originatingPendingIntent: null; isBgStartWhitelisted: false; intent: Intent { cmp=com.tencent.mm/.ui.Plain }; callerApp: null]",
		33: "Background activity start [callingPackage: com.example.app; callingUid: 10200; appSwitchState: 2; ",
		35: "Background activity launch blocked! goo.gle/android-bal [callingPackage: com.example.app; ",
	} {
		p := newPhone(t, phone.Options{API: api})
		install(p, nil)
		code, err := p.StartActivity(t.Context(), phone.StartRequest{UID: 10200, Package: "com.example.app", Intent: phone.Intent{Component: wx + "/" + wx + ".ui.Plain"}})
		if code != phone.StartAborted || err != nil {
			t.Errorf("%d: %d, %v", api, code, err)
		}
		all := strings.Join(lines(p, phone.LogSystem), "\n")
		if !strings.Contains(all, want) {
			t.Errorf("%d: no %q in\n%s", api, want, all)
		}
		if top, _ := p.Top(); top.Pkg == wx {
			t.Errorf("%d: it came up all the same", api)
		}
	}
}

// TestForegroundMayStart: what is refused in the background is allowed with a
// window on the screen.
func TestForegroundMayStart(t *testing.T) {
	p := newPhone(t, phone.Options{})
	install(p, nil)
	start := func(uid int, pkg, comp string) int {
		t.Helper()
		code, err := p.StartActivity(t.Context(), phone.StartRequest{UID: uid, Package: pkg, Intent: phone.Intent{Component: comp, Flags: phone.FlagNewTask}})
		if err != nil {
			t.Fatal(err)
		}
		return code
	}
	if code := start(2000, "com.android.shell", "com.example.app/com.example.app.Main"); code != 0 {
		t.Fatal(code)
	}
	if code := start(10200, "com.example.app", wx+"/"+wx+".ui.Plain"); code != 0 {
		t.Errorf("from the foreground: %d", code)
	}
	if code := start(10200, "com.example.app", wx+"/"+wx+".ui.LauncherUI"); code != phone.StartAborted {
		t.Errorf("with WeChat in front: %d", code)
	}
	p.Back()
	p.SetLocked(true)
	if code := start(10200, "com.example.app", wx+"/"+wx+".ui.LauncherUI"); code != phone.StartAborted {
		t.Errorf("behind the keyguard: %d", code)
	}
}

func TestUsers(t *testing.T) {
	secure := phone.User{ID: 150, Name: "Secure Folder", Flags: phone.UserManaged, NoShell: true}
	p := newPhone(t, phone.Options{API: 34, Users: []phone.User{phone.Owner(34), phone.WorkProfile(34), secure}})
	p.Install(&phone.Package{Name: wx, AppID: 10123, Components: []phone.Component{{Kind: phone.ActivityKind, Name: wx + ".Main", Exported: true}}}, nil, 0, 10)
	for _, c := range []struct {
		name string
		uid  int
		pkg  string
		user int
		code int
		err  string
	}{
		{"the shell in the work profile", 2000, "com.android.shell", 10, 0, ""},
		{"the shell in a user without the package", 2000, "com.android.shell", 99, phone.StartClassNotFound, ""},
		{"the shell where it may not", 2000, "com.android.shell", 150, 0, "Shell does not have permission to access user 150"},
		{"an app in another user", 10123, wx, 10, 0, "Permission Denial: startActivityAsUser asks to run as user 10 but is calling from uid u0a123; this requires android.permission.INTERACT_ACROSS_USERS_FULL"},
		{"an app in the current user", 10123, wx, phone.UserCurrent, 0, "asks to run as user -2 but is calling from uid u0a123"},
		{"its clone in its own", 1010123, wx, 10, phone.StartTaskToFront, ""},
	} {
		code, err := p.StartActivity(t.Context(), phone.StartRequest{UID: c.uid, Package: c.pkg, User: c.user, Intent: phone.Intent{Component: wx + "/" + wx + ".Main", Flags: phone.FlagNewTask}})
		switch {
		case c.err == "" && (err != nil || code != c.code):
			t.Errorf("%s: %d, %v, want %d", c.name, code, err, c.code)
		case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
			t.Errorf("%s: %v, want %q", c.name, err, c.err)
		}
	}
	top, _ := p.Top()
	if top.User != 10 || top.UID != 1010123 {
		t.Errorf("in front: user %d, uid %d", top.User, top.UID)
	}
}

func TestPackageStates(t *testing.T) {
	start := func(p *phone.Phone) (int, string) {
		code, err := p.StartActivity(t.Context(), phone.StartRequest{UID: 2000, Package: "com.android.shell", Intent: phone.Intent{Component: wx + "/" + wx + ".ui.Plain", Flags: phone.FlagNewTask}})
		if err != nil {
			t.Fatal(err)
		}
		top, _ := p.Top()
		return code, top.Short()
	}
	for name, c := range map[string]struct {
		state phone.PackageState
		code  int
		top   string
	}{
		"disabled by the user": {phone.PackageState{Installed: true, Enabled: phone.DisabledUser}, phone.StartClassNotFound, "com.android.launcher3/.Launcher"},
		"hidden":               {phone.PackageState{Installed: true, Hidden: true}, phone.StartClassNotFound, "com.android.launcher3/.Launcher"},
		"not installed":        {phone.PackageState{}, phone.StartClassNotFound, "com.android.launcher3/.Launcher"},
		"force-stopped":        {phone.PackageState{Installed: true, Stopped: true}, 0, "com.tencent.mm/.ui.Plain"},
		"suspended":            {phone.PackageState{Installed: true, Suspended: true}, 0, "android/com.android.internal.app.SuspendedAppActivity"},
	} {
		p := newPhone(t, phone.Options{})
		install(p, nil)
		p.SetPackageState(wx, 0, c.state)
		if code, top := start(p); code != c.code || top != c.top {
			t.Errorf("%s: %d with %s in front, want %d with %s", name, code, top, c.code, c.top)
		}
	}
}

// TestResolve follows intent filters: one match starts, several ask the user.
func TestResolve(t *testing.T) {
	p := newPhone(t, phone.Options{})
	def := []string{"android.intent.category.DEFAULT"}
	p.Install(&phone.Package{Name: wx, AppID: 10123, Components: []phone.Component{
		{Kind: phone.ActivityKind, Name: wx + ".Img", Exported: true, Filters: []phone.Filter{{Actions: []string{"SEND"}, Categories: def, Types: []string{"image/*", "text/plain"}}}},
		{Kind: phone.ActivityKind, Name: wx + ".Line", Exported: true, Filters: []phone.Filter{{Actions: []string{"SEND"}, Categories: def, Types: []string{"image/*"}}}},
		{Kind: phone.ActivityKind, Name: wx + ".Link", Exported: true, Filters: []phone.Filter{{Actions: []string{"VIEW"}, Categories: append(def, "BROWSABLE"), Schemes: []string{"weixin"}}}},
	}}, nil)
	for _, c := range []struct {
		in   phone.Intent
		code int
		top  string
	}{
		{phone.Intent{Action: "SEND", Type: "text/plain"}, 0, wx + "/.Img"},
		{phone.Intent{Action: "SEND", Type: "image/png"}, 0, "android/com.android.internal.app.ResolverActivity"},
		{phone.Intent{Action: "SEND", Type: "video/mp4"}, phone.StartIntentNotResolved, ""},
		{phone.Intent{Action: "VIEW", Data: "weixin://dl/x"}, 0, wx + "/.Link"},
		{phone.Intent{Action: "VIEW", Data: "weixin://dl/x", Categories: []string{"BROWSABLE"}}, 0, wx + "/.Link"},
		{phone.Intent{Action: "VIEW", Data: "weixin://dl/x", Categories: []string{"OTHER"}}, phone.StartIntentNotResolved, ""},
		{phone.Intent{Action: "VIEW", Data: "weixin://dl/x", Package: "com.other"}, phone.StartIntentNotResolved, ""},
		{phone.Intent{Action: "VIEW", Data: "http://dl/x"}, phone.StartIntentNotResolved, ""},
	} {
		p.GoHome()
		c.in.Flags |= phone.FlagNewTask | phone.FlagClearTask
		code, err := p.StartActivity(t.Context(), phone.StartRequest{UID: 2000, Package: "com.android.shell", Intent: c.in})
		top, _ := p.Top()
		if err != nil || code != c.code || c.top != "" && top.Short() != c.top {
			t.Errorf("%s: %d, %v with %s in front, want %d with %s", phone.IntentText(34, c.in), code, err, top.Short(), c.code, c.top)
		}
	}
}

// TestEventOrder compares a cold start with what phones log, by level.
func TestEventOrder(t *testing.T) {
	for api, want := range map[int]string{
		28: "am_create_task am_create_activity am_pause_activity am_on_paused_called am_proc_start am_proc_bound am_restart_activity am_set_resumed_activity am_on_create_called am_on_start_called am_on_resume_called am_activity_launch_time am_stop_activity am_on_stop_called",
		33: "wm_task_created wm_create_task wm_create_activity wm_pause_activity wm_on_top_resumed_lost_called wm_on_paused_called am_proc_start am_proc_bound wm_restart_activity wm_set_resumed_activity wm_on_create_called wm_on_start_called wm_on_resume_called wm_on_top_resumed_gained_called wm_activity_launch_time wm_add_to_stopping wm_stop_activity wm_on_stop_called",
	} {
		p := newPhone(t, phone.Options{API: api})
		install(p, nil)
		if _, err := p.StartActivity(t.Context(), phone.StartRequest{UID: 2000, Package: "com.android.shell", Intent: phone.Intent{Component: wx + "/" + wx + ".ui.Plain", Flags: phone.FlagNewTask}}); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(lines(p, phone.LogEvents), " "); got != want {
			t.Errorf("%d:\n got %s\nwant %s", api, got, want)
		}
	}
}
