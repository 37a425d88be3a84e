package shell_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/png"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wxctl/wxctl/device/virtual/screen"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
	"github.com/wxctl/wxctl/fixtures/wait"
)

const wx = "com.tencent.mm"

func wechatPhone(t testing.TB, api int, users ...phone.User) *phone.Phone {
	p := newPhone(t, phone.Options{API: api, Serial: "S1", Model: "Pixel 9", Users: users})
	p.Install(&phone.Package{Name: wx, AppID: 10123, VersionName: "8.0.50", VersionCode: 2800, MinSDK: 21, TargetSDK: 33, Path: "/data/app/wx/base.apk", APKSize: 1 << 20, Components: []phone.Component{
		{Kind: phone.ActivityKind, Name: wx + ".ui.LauncherUI", Exported: true, LaunchMode: phone.LaunchSingleTop, Filters: []phone.Filter{{Actions: []string{"android.intent.action.MAIN"}, Categories: []string{"android.intent.category.LAUNCHER"}}}},
		{Kind: phone.ActivityKind, Name: wx + ".Hidden"},
		{Kind: phone.ProviderKind, Name: wx + ".P", Exported: true, Authorities: []string{"wx.p"}},
	}}, nil)
	p.Install(&phone.Package{Name: "com.example.app", AppID: 10200, Debuggable: true, TargetSDK: 34, VersionName: "1.0", VersionCode: 1, Path: "/data/app/ex/base.apk", APKSize: 4096, Queries: []string{wx}, Components: []phone.Component{
		{Kind: phone.ActivityKind, Name: "com.example.app.Main", Exported: true},
	}}, nil, 0)
	return p
}

// want is one command and what it prints.
type want struct {
	api       int
	line      string
	out, errs string // "~text" means: contains
	code      int
}

func (w want) check(t *testing.T, p *phone.Phone) {
	t.Helper()
	line, stages := w.line, ""
	if m := ofComputer.FindStringSubmatch(line); m != nil {
		line, stages = m[1], m[2]
	}
	out, errs, code := run(p, line, "")
	if stages != "" {
		out = filtered(t, out, stages)
	}
	same := func(got, want string) bool {
		if rest, ok := strings.CutPrefix(want, "~"); ok {
			return strings.Contains(got, rest)
		}
		return got == want
	}
	if !same(out, w.out) || !same(errs, w.errs) || code != w.code {
		t.Errorf("%d: %s\n got %q %q %d\nwant %q %q %d", w.api, w.line, out, errs, code, w.out, w.errs, w.code)
	}
}

// ofComputer splits a line into what the phone runs and the filters after it.
var ofComputer = regexp.MustCompile(`^(.*?) \| ((?:(?:grep|head|tail|wc|cut|digits) [^|;]*(?: \| )?)+)$`)

// filtered applies a computer's pipeline to a phone's output: grep, head, tail,
// cut, tr -d and wc as far as these tests use them.
func filtered(t *testing.T, out, stages string) string {
	t.Helper()
	words := regexp.MustCompile(`'[^']*'|[^ ']+`)
	for stage := range strings.SplitSeq(stages, " | ") {
		var flags string
		var values []string
		args := words.FindAllString(stage, -1)
		for _, a := range args[1:] {
			if a = strings.Trim(a, "'"); strings.HasPrefix(a, "-") {
				flags += a
			} else {
				values = append(values, a)
			}
		}
		lines := strings.SplitAfter(strings.TrimSuffix(out, "\n"), "\n")
		if out == "" {
			lines = nil
		}
		switch args[0] {
		case "grep":
			rx := regexp.MustCompile(strings.Join(values, "|"))
			lines = slices.DeleteFunc(lines, func(l string) bool {
				return rx.MatchString(strings.TrimSuffix(l, "\n")) == strings.Contains(flags, "v")
			})
			for i, l := range lines {
				lines[i] = strings.TrimSuffix(l, "\n") + "\n"
				if strings.Contains(flags, "o") {
					lines[i] = rx.FindString(l) + "\n"
				}
			}
			if strings.Contains(flags, "c") {
				lines = []string{fmt.Sprintln(len(lines))}
			}
		case "head", "tail":
			n, err := strconv.Atoi(values[0])
			if err != nil {
				t.Fatal(stage)
			}
			if args[0] == "head" {
				lines = lines[:min(n, len(lines))]
			} else {
				lines = lines[max(0, len(lines)-n):]
			}
			lines = append(lines, "\n")
		case "cut": // -c FROM-
			from, err := strconv.Atoi(strings.TrimSuffix(values[0], "-"))
			if err != nil {
				t.Fatal(stage)
			}
			for i, l := range lines {
				lines[i] = l[min(from-1, len(l)-1):]
			}
			lines = append(lines, "\n")
		case "wc":
			lines = []string{fmt.Sprintln(len(lines))}
		case "digits": // without them
			for i, l := range lines {
				lines[i] = strings.Map(func(r rune) rune {
					if '0' <= r && r <= '9' {
						return -1
					}
					return r
				}, l)
			}
			lines = append(lines, "\n")
		default:
			t.Fatalf("no stage %q", stage)
		}
		out = strings.TrimSuffix(strings.Join(lines, ""), "\n\n")
		if out != "" {
			out = strings.TrimSuffix(out, "\n") + "\n"
		}
	}
	return out
}

func TestAndroidCommands(t *testing.T) {
	for _, w := range []want{
		{34, "getprop ro.product.model", "Pixel 9\n", "", 0},
		{34, "getprop ro.build.version.sdk; getprop none; getprop none default", "34\n\ndefault\n", "", 0},
		{34, "getprop | grep ro.serialno", "[ro.serialno]: [S1]\n", "", 0},
		{34, "pm path com.tencent.mm", "package:/data/app/wx/base.apk\n", "", 0},
		{24, "pm path com.tencent.mm; pm path nope; echo $?", "package:/data/app/wx/base.apk\n1\n", "", 0},
		{24, "pm list users", "Users:\n\tUserInfo{0:Owner:13} running\n", "", 0},
		{24, "pm list packages tencent", "package:com.tencent.mm\n", "", 0},
		{27, "cmd package path x", "Unknown command: path\n", "", 255},
		{34, "pm list packages -3 --user 0", "package:com.example.app\npackage:com.tencent.mm\n", "", 0},
		{34, "cmd package resolve-activity --brief -c android.intent.category.LAUNCHER com.tencent.mm", "~com.tencent.mm/.ui.LauncherUI\n", "", 0},
		{34, "cmd nosuch", "", "cmd: Can't find service: nosuch\n", 20},
		{34, "input keyevent", "", "~java.lang.IllegalArgumentException: Argument expected after \"keyevent\"", 255},
		{30, "input keyevent", "", "Error: Invalid arguments for command: keyevent\n", 0},
		{34, "dumpsys | grep -e DUMP -e mWakefulness=", "DUMP OF SERVICE activity:\nDUMP OF SERVICE package:\nDUMP OF SERVICE power:\n  mWakefulness=Awake\nDUMP OF SERVICE window:\n", "", 0},
		{34, "am start -n com.tencent.mm/.ui.LauncherUI", "Starting: Intent { cmp=com.tencent.mm/.ui.LauncherUI }\n", "", 0},
		{34, "am start -n com.tencent.mm/.None; echo $?", "Starting: Intent { cmp=com.tencent.mm/.None }\n0\n", "Error type 3\nError: Activity class {com.tencent.mm/com.tencent.mm.None} does not exist.\n", 0},
		{35, "am start -n com.tencent.mm/.None; echo $?", "Starting: Intent { cmp=com.tencent.mm/.None }\n1\n", "~does not exist", 0},
		{34, "am start -n com.tencent.mm/.Hidden", "Starting: Intent { cmp=com.tencent.mm/.Hidden }\n", "~java.lang.SecurityException: Permission Denial: starting Intent { flg=0x10000000 cmp=com.tencent.mm/.Hidden } from null (pid=", 255},
		{29, "am start -n com.tencent.mm/.Hidden", "~Starting", "~Security exception: Permission Denial: starting Intent { flg=0x10000000 cmp=com.tencent.mm/.Hidden } from null", 255},
		{24, "am start -n com.tencent.mm/.Hidden", "~Starting", "~java.lang.SecurityException: Permission Denial: starting", 1},
		{24, "am start --nosuch; echo $?", "0\n", "~Error: Unknown option: --nosuch", 0},
		{24, "am start -W -n com.tencent.mm/.ui.LauncherUI | grep -c -e ThisTime: -e Complete", "2\n", "", 0},
		{34, "am start -W -n com.tencent.mm/.ui.LauncherUI | grep -e Status -e LaunchState -e Activity", "Status: ok\nLaunchState: COLD\nActivity: com.tencent.mm/.ui.LauncherUI\n", "", 0},
		{34, "am start com.tencent.mm/.ui.LauncherUI >/dev/null; am start com.tencent.mm/.ui.LauncherUI", "~Starting", "Warning: Activity not started, intent has been delivered to currently running top-most instance.\n", 0},
		// AOSP 30 ActivityStarter.waitForResult: an intent that was handed to the top has no launch state.
		{34, "am start com.tencent.mm/.ui.LauncherUI >/dev/null; am start -W com.tencent.mm/.ui.LauncherUI | grep -e LaunchState -e TotalTime", "LaunchState: UNKNOWN (0)\nTotalTime: 0\n", "", 0},
		{34, "am start com.tencent.mm/.ui.LauncherUI >/dev/null; input keyevent HOME; am start -W com.tencent.mm/.ui.LauncherUI | grep -e LaunchState -e TotalTime | digits ", "LaunchState: HOT\nTotalTime: \n", "", 0},
		{28, "am start com.tencent.mm/.ui.LauncherUI >/dev/null; input keyevent HOME; am start -W com.tencent.mm/.ui.LauncherUI | grep -e ThisTime -e TotalTime | digits ", "ThisTime: \nTotalTime: \n", "", 0},
		{34, "am start -n com.tencent.mm/.ui.LauncherUI >/dev/null; pidof com.tencent.mm >/dev/null && am force-stop com.tencent.mm; pidof com.tencent.mm; echo $?", "1\n", "", 0},
		{34, "settings get nowhere a", "", "Invalid namespace 'nowhere'\n", 255},
		{34, "id", "~uid=2000(shell) gid=2000(shell) groups=1004(input),1007(log)", "", 0},
		{34, "id -Z", "u:r:shell:s0\n", "", 0},
		{34, "wm size; wm density", "Physical size: 1080x2400\nPhysical density: 420\n", "", 0},
		{34, "ps -A -o PID,NAME | grep system_server", "1361 system_server\n", "", 0},
		{34, "ls -l /data/local", "", "ls: /data/local: Permission denied\n", 1},
		{34, "ls -ld /data/local/tmp", "drwxrwx--x 2 shell shell 4096 2024-11-22 13:37 /data/local/tmp\n", "", 0},
		{34, "ls -l /sdcard", "lrwxrwxrwx 1 root root 21 2024-11-22 13:37 /sdcard -> /storage/self/primary\n", "", 0},
		{34, "ls /sdcard/ | head -n 3", "Alarms\nAndroid\nDCIM\n", "", 0},
		{34, "cat /data/data/com.tencent.mm/x", "", "cat: /data/data/com.tencent.mm/x: Permission denied\n", 1},
		{34, "monkey -p com.tencent.mm -c android.intent.category.LAUNCHER 1", "Events injected: 1\n", "", 0},
		{34, "kill -9 1361", "", "/system/bin/sh: kill: 1361: Operation not permitted\n", 1},
		{34, "log -t wxctl -p w a b; log plain; logcat -d -v tag -b main", "--------- beginning of main\nW/wxctl   : a b\nI/log     : plain\n", "", 0},
		{34, "log -p x a", "", "log: bad -p 'x'\n", 1},
		{28, "nosuch", "", "/system/bin/sh: nosuch: not found\n", 127},
		{34, "run-as com.example.app id", "", "run-as: couldn't stat /data/user/0/com.example.app: No such file or directory\n", 1},
		{34, "run-as com.tencent.mm id", "", "run-as: package not debuggable: com.tencent.mm\n", 1},
		{34, "run-as com.example.none", "", "run-as: unknown package: com.example.none\n", 1},
		{34, "chmod 600 x", "", "/system/bin/sh: chmod: inaccessible or not found\n", 127},
		{34, "am crash com.tencent.mm", "Unknown command: crash\n", "", 255},
	} {
		w.check(t, wechatPhone(t, w.api))
	}
}

func TestDumpsys(t *testing.T) {
	for _, w := range []want{
		{34, "dumpsys package com.tencent.mm | grep -e versionName -e versionCode", "    versionCode=2800 minSdk=21 targetSdk=33\n    versionName=8.0.50\n", "", 0},
		{34, "dumpsys package nope", "Unable to find package: nope\n", "", 0},
		{34, "dumpsys package com.example.app | grep -o DEBUGGABLE | head -n 1", "DEBUGGABLE\n", "", 0},
		{24, "dumpsys package com.tencent.mm | grep 'User 0'", "    User 0: ceDataInode=131113 installed=true hidden=false suspended=false stopped=false notLaunched=true enabled=0\n", "", 0},
		{36, "dumpsys package com.tencent.mm | grep 'User 0'", "    User 0: ceDataInode=131113 deDataInode=131114 installed=true hidden=false suspended=false distractionFlags=0 stopped=false notLaunched=true enabled=0 instant=false virtual=false quarantined=false\n", "", 0},
		{24, "dumpsys activity activities | grep -e FocusedActivity -e esumedActivity", "~    mResumedActivity: ActivityRecord{", "", 0},
		{24, "dumpsys activity activities | grep -e FocusedActivity", "~  mFocusedActivity: ActivityRecord{", "", 0},
		{30, "dumpsys activity activities | grep mResumed", "~u0 com.tencent.mm/.ui.LauncherUI t3}", "", 0},
		{33, "dumpsys activity activities | grep topResumed", "~u0 com.tencent.mm/.ui.LauncherUI} t3}", "", 0},
		{33, "dumpsys activity activities | grep mResumed", "", "", 0},
		{36, "dumpsys activity a | grep '^  ResumedActivity'", "~u0 com.tencent.mm/.ui.LauncherUI t3}", "", 0},
		{34, "dumpsys window | grep mCurrentFocus", "~u0 com.tencent.mm/com.tencent.mm.ui.LauncherUI}", "", 0},
		{34, "dumpsys power | grep -e mWakefulness= -e 'Display Power'", "  mWakefulness=Awake\nDisplay Power: state=ON\n", "", 0},
		{34, "input keyevent POWER; dumpsys power; dumpsys window | grep -e mCurrentFocus -e ' showing='", "~showing=true", "", 0},
		{34, "input keyevent KEYCODE_HOME; dumpsys activity top | head -n 1", "~TASK com.android.launcher3 ", "", 0},
		{34, "input keyevent 4; dumpsys activity top | head -n 1", "~TASK com.android.launcher3 ", "", 0},
		{34, "dumpsys nosuch", "", "Can't find service: nosuch\n", 0},
	} {
		p := wechatPhone(t, w.api)
		run(p, "am start -n com.tencent.mm/.ui.LauncherUI", "")
		if strings.Contains(w.line, "User 0") {
			p = wechatPhone(t, w.api)
		}
		w.check(t, p)
	}
}

// echoProgram is a Java class that prints how it was started.
type echoProgram struct{}

func (echoProgram) Run(_ context.Context, _ *phone.Phone, e phone.ProgramEnv) int {
	in, _ := io.ReadAll(e.Stdin)
	fmt.Fprintf(e.Stdout, "%s %v %v uid=%d in=%s env=%s\n", e.Class, e.Args, e.ClassPath, e.UID, in, e.Env["CLASSPATH"])
	fmt.Fprintln(e.Stderr, "err")
	return 5
}

func TestAppProcess(t *testing.T) {
	for _, w := range []want{
		{34, "echo x > /data/local/tmp/a.dex; echo -n hi | CLASSPATH=/data/local/tmp/a.dex app_process / com.x.Main a 'b c'", "com.x.Main [a b c] [/data/local/tmp/a.dex] uid=2000 in=hi env=/data/local/tmp/a.dex\n", "err\n", 5},
		{34, "cd /data/local/tmp; echo > a.dex; app_process -Djava.class.path=a.dex /system/bin --nice-name=n com.x.Main </dev/null", "com.x.Main [] [/data/local/tmp/a.dex] uid=2000 in= env=\n", "err\n", 5},
		{34, "CLASSPATH=/data/local/tmp/none.dex app_process / com.x.Main", "", "Aborted \n", 134},
		{34, "echo > /data/local/tmp/a.dex; CLASSPATH=/data/local/tmp/a.dex app_process / com.x.Other", "", "Aborted \n", 134},
		{34, "app_process /", "", "~Error: no class name", 10},
	} {
		p := wechatPhone(t, w.api)
		p.RegisterProgram("com.x.Main", echoProgram{})
		w.check(t, p)
	}
}

func TestScreencap(t *testing.T) {
	p := wechatPhone(t, 34)
	out, _, code := run(p, "screencap -p", "")
	img, err := png.Decode(strings.NewReader(out))
	if code != 0 || err != nil || img.Bounds().Dx() != 1080 || img.Bounds().Dy() != 2400 {
		t.Errorf("screencap -p: %d, %v", code, err)
	}
	out, _, _ = run(p, "screencap /data/local/tmp/s.png; screencap", "")
	file, err := p.FS.ReadFile(phone.ShellCred(), "/data/local/tmp/s.png")
	if raw := out; err != nil || len(file) == 0 || len(raw) != 16+1080*2400*4 || binary.LittleEndian.Uint32([]byte(raw)) != 1080 {
		t.Errorf("to a file: %d bytes, %v; raw: %d", len(file), err, len(out))
	}
}

// lamp is a display that is dark while the phone sleeps.
type lamp struct{ p *phone.Phone }

func (l lamp) frame() *image.Paletted {
	frame := image.NewPaletted(image.Rect(0, 0, 9, 20), color.Palette{color.Black, color.White})
	if !l.p.Asleep() {
		frame.SetColorIndex(1, 1, 1)
	}
	return frame
}

func (l lamp) Picture() image.Image { return l.frame() }

func (l lamp) PNG() []byte {
	var out bytes.Buffer
	_ = png.Encode(&out, l.frame())
	return out.Bytes()
}

func (l lamp) Film(ctx context.Context, w io.Writer) error { return screen.Film(ctx, w, l.frame) }

// A film is complete after SIGINT and at its time limit, and shows what changed.
func TestScreenrecord(t *testing.T) {
	p := wechatPhone(t, 34)
	p.SetDisplay(lamp{p})
	film := func(name string) *gif.GIF {
		t.Helper()
		data, err := p.FS.ReadFile(phone.ShellCred(), name)
		if err != nil {
			t.Fatal(err)
		}
		g, err := gif.DecodeAll(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	if out, errs, code := run(p, "screenrecord --time-limit 170 /sdcard/a.mp4 & p=$!; read x; kill -2 $p; wait $p; echo $?", "\n"); out != "0\n" || code != 0 {
		t.Errorf("%q %q %d", out, errs, code)
	}
	if g := film("/sdcard/a.mp4"); len(g.Image) != 1 || g.Config.Width == 0 {
		t.Errorf("a film of a still screen: %d frames, %+v", len(g.Image), g.Config)
	}
	if out, errs, code := run(p, "screenrecord --time-limit=1 /sdcard/b.mp4 & sleep 0.3; input keyevent POWER; wait", ""); out+errs != "" || code != 0 {
		t.Errorf("%q %q %d", out, errs, code)
	}
	if g := film("/sdcard/b.mp4"); len(g.Image) != 2 {
		t.Errorf("the screen went off in a film of %d frames", len(g.Image))
	}
	for _, w := range []want{
		{34, "screenrecord", "", "Must specify output file (see --help).\n", 2},
		{34, "screenrecord --time-limit 0 x", "", "Time limit 0 must be in the range [1,180]\n", 2},
		{34, "screenrecord --nosuch x", "", "screenrecord: unrecognized option '--nosuch'\n", 2},
		{34, "screenrecord /system/x", "", "Unable to open '/system/x': Read-only file system\n", 1},
	} {
		w.check(t, p)
	}
}

func TestLogcatFollows(t *testing.T) {
	p := wechatPhone(t, 34)
	run(p, "am start -n com.tencent.mm/.ui.LauncherUI", "")
	for _, w := range []want{
		{34, "logcat -d -s ActivityTaskManager:I | grep START | cut -c 34-", "ActivityTaskManager: START u0 {flg=0x10000000 cmp=com.tencent.mm/.ui.LauncherUI} with LAUNCH_SINGLE_TOP from uid 2000 (BAL_ALLOW_PERMISSION) result code=0\n", "", 0},
		{34, "logcat -d -b events -v brief -s wm_create_activity | tail -n 1", "~I/wm_create_activity(", "", 0},
		{34, "logcat -d -v raw '*:S'", "", "", 0},
		{34, "logcat -d -b system -v tag -t 1 | wc -l", "2\n", "", 0},
		{34, "logcat -b nosuch", "", "logcat: unknown buffer nosuch\n", 1},
		{34, "logcat -v nosuch", "", "logcat: Invalid parameter \"nosuch\" to -v\n", 1},
		{34, "logcat -d -m 1 -v raw -e Displayed", "~Displayed com.tencent.mm/.ui.LauncherUI for user 0: +", "", 0},
		{34, "logcat -d -T '11-22 13:37:36.0' -b all | wc -l", "0\n", "", 0},
		{34, "logcat -d -T 1732282655.0 -b events -v raw | wc -l | grep -c '^[1-9]'", "1\n", "", 0},
	} {
		w.check(t, p)
	}
	// A follower gets existing and new lines, in order, without losing any.
	ctx, cancel := context.WithTimeout(t.Context(), wait.Plenty)
	defer cancel()
	r, w := io.Pipe()
	var wg sync.WaitGroup
	wg.Go(func() {
		p.Exec(ctx, phone.Command{Line: "logcat -v raw -b main -s Test", Stdout: w})
		w.Close()
	})
	wg.Go(func() {
		for i := range 500 {
			p.Logcat(1, 2000, phone.Information, "Test", fmt.Sprintf("line %d", i))
		}
	})
	var got bytes.Buffer
	buf := make([]byte, 4096)
	for !strings.Contains(got.String(), "line 499\n") {
		n, err := r.Read(buf)
		if err != nil {
			t.Fatalf("%v after %q", err, got.String())
		}
		got.Write(buf[:n])
	}
	cancel()
	r.Close()
	wg.Wait()
	for i := range 500 {
		if !strings.Contains(got.String(), fmt.Sprintf("line %d\n", i)) {
			t.Fatalf("line %d was lost", i)
		}
	}
	if out, _, _ := run(p, "logcat -c; logcat -d", ""); out != "" {
		t.Errorf("after logcat -c: %q", out)
	}
}

// TestTerminal types at a terminal, with the bytes that adb sends: raw, Enter
// as CR, together with what the terminal shows.
func TestTerminal(t *testing.T) {
	p := wechatPhone(t, 34)
	for _, c := range []struct {
		keys, shows string
		code        int
	}{
		{"echo hi\rcd /data\rexit 3\r", "wxctl:/ $ echo hi\r\nhi\r\nwxctl:/ $ cd /data\r\nwxctl:/data $ exit 3\r\n", 3},
		{"echo ab\x7fc\rexit\r", "wxctl:/ $ echo ab\b \bc\r\nac\r\nwxctl:/ $ exit\r\n", 0},
		{"garbage\x03echo ok\rexit\r", "wxctl:/ $ garbage^C\r\nwxctl:/ $ echo ok\r\nok\r\nwxctl:/ $ exit\r\n", 0},
		{"if true\rthen echo y\rfi\r\x04", "wxctl:/ $ if true\r\n> then echo y\r\n> fi\r\ny\r\nwxctl:/ $ ", 0},
		{"read x\rtyped\recho $x\rexit\r", "wxctl:/ $ read x\r\ntyped\r\nwxctl:/ $ echo $x\r\ntyped\r\nwxctl:/ $ exit\r\n", 0},
		{"cat\rline\r\x04exit\r", "wxctl:/ $ cat\r\nline\r\nline\r\nwxctl:/ $ exit\r\n", 0},
		{"nosuch\rexit\r", "wxctl:/ $ nosuch\r\n/system/bin/sh: nosuch: inaccessible or not found\r\nwxctl:/ $ exit\r\n", 127},
	} {
		var out bytes.Buffer
		code := p.Exec(t.Context(), phone.Command{Stdin: strings.NewReader(c.keys), Stdout: &out, Stderr: &out, TTY: true})
		if out.String() != c.shows || code != c.code {
			t.Errorf("%q\n got %q %d\nwant %q %d", c.keys, out.String(), code, c.shows, c.code)
		}
	}
}

// TestInterrupt ends a running command with Ctrl-C; the shell continues.
func TestInterrupt(t *testing.T) {
	p := wechatPhone(t, 34)
	r, w := io.Pipe()
	var out lockedBuffer
	done := make(chan int, 1)
	go func() {
		done <- p.Exec(t.Context(), phone.Command{Stdin: r, Stdout: &out, Stderr: &out, TTY: true})
	}()
	io.WriteString(w, "echo start; sleep 100\r")
	for !strings.Contains(out.String(), "start\r\n") {
		time.Sleep(time.Millisecond)
	}
	io.WriteString(w, "\x03")
	for !strings.Contains(out.String(), "^C\r\n") {
		time.Sleep(time.Millisecond)
	}
	io.WriteString(w, "echo $?\rexit 4\r")
	if code := <-done; code != 4 || !strings.Contains(out.String(), "130\r\n") {
		t.Errorf("%d %q", code, out.String())
	}
	w.Close()
}

// lockedBuffer is a buffer that may be read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
