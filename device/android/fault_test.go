package android

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/wxctl/wxctl/fixtures/fault"
	"github.com/wxctl/wxctl/fixtures/tier"
	"go.uber.org/goleak"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/android/agent"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/adb"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
	"github.com/wxctl/wxctl/device/virtual/wechat"
	"github.com/wxctl/wxctl/fixtures/wait"
	"github.com/wxctl/wxctl/intents"
)

// says is an agent that writes lines and ends.
func says(exit int, out, errOut string) func(phone.Command) int {
	return func(c phone.Command) int {
		io.WriteString(c.Stdout, out)
		io.WriteString(c.Stderr, errOut)
		return exit
	}
}

const hello = `{"agent":"1","api":34,"uid":2000,"pid":1}` + "\n"

// mishap is something that goes wrong with a delivery, and what wxctl says of it.
type mishap struct {
	name    string
	options virtualandroid.Options
	cold    bool
	before  func(*lab, *testShell)
	seen    func(*lab) // once the request was accepted
	code    device.Code
	message string
}

// mishaps are everything that can go wrong.
func mishaps() []mishap {
	staying := virtualandroid.Options{Answer: wechat.Stay, Think: time.Hour}
	suspend := func(l *lab, _ *testShell) {
		state := l.Model.PackageState(wechat.PackageName, 0)
		state.Suspended = true
		l.Model.SetPackageState(wechat.PackageName, 0, state)
	}
	cutSync := func(after int64) func(*lab, *testShell) {
		return func(l *lab, _ *testShell) {
			l.server.Faults = fault.Each(func(request string) *fault.Fault {
				if request == "sync:" {
					return &fault.Fault{After: after, Then: fault.Cut}
				}
				return nil
			})
		}
	}
	runs := func(agent func(phone.Command) int) func(*lab, *testShell) {
		return func(_ *lab, sh *testShell) { sh.agent = agent }
	}
	return []mishap{
		{name: "phone unplugged", options: staying, seen: func(l *lab) { l.server.Remove(l.Serial()) }, code: device.PhoneLost, message: "disconnected"},
		{name: "server killed", options: staying, seen: func(l *lab) { l.server.Drop() }, code: device.PhoneLost, message: "disconnected"},
		{name: "push cut before it began", cold: true, before: cutSync(4), code: device.PhoneLost, message: "during a file transfer"},
		{name: "push cut in its answer", cold: true, before: cutSync(8), code: device.PhoneLost, message: "during a file transfer"},
		{name: "data full", options: virtualandroid.Options{Full: true}, cold: true, code: device.Failed, message: "No space left on device"},
		{name: "read-only", options: virtualandroid.Options{ReadOnly: true}, cold: true, code: device.Failed, message: "Read-only file system"},
		{name: "damaged on the way", cold: true, before: func(_ *lab, sh *testShell) { sh.damage = true }, code: device.Failed, message: "arrived damaged"},
		{name: "agent killed at once", before: runs(says(137, "", "")), code: device.Failed, message: "something killed wxctl's agent"},
		{name: "agent killed later", before: runs(says(137, hello, "")), code: device.Failed, message: "something killed wxctl's agent"},
		{name: "SELinux", before: runs(says(126, "", "/system/bin/sh: app_process: Permission denied\n")), code: device.Failed, message: "security policy"},
		{name: "no app_process", before: runs(says(127, "", "/system/bin/sh: app_process: not found\n")), code: device.Failed, message: "app_process: not found"},
		{name: "it crashes", before: runs(says(1, "", "java.lang.NoSuchMethodError\n")), code: device.Failed, message: "NoSuchMethodError"},
		{name: "it says nothing", before: runs(says(0, "", "")), code: device.Failed, message: "does not say why"},
		{name: "another version", before: runs(says(0, `{"agent":"2","api":34,"uid":2000,"pid":1}`+"\n", "")), code: device.Failed, message: `is version "2"`},
		{name: "no agent at all", before: runs(says(0, "WARNING: linker: something\n", "")), code: device.Failed, message: "instead of its greeting"},
		{name: "root", before: runs(says(1, `{"agent":"1","api":34,"uid":0,"pid":1,"error":{"kind":"ForbiddenUser","message":"not as root"}}`+"\n", "")), code: device.Refused, message: "can't run there"},
		{name: "it babbles", before: runs(says(0, hello+"what?\n", "")), code: device.Failed, message: "the phone's agent answered"},
		{name: "it answers another question", before: runs(says(0, hello+`{"id":99,"ok":{}}`+"\n", "")), code: device.Failed, message: "answered request 99"},
		{name: "WeChat suspended", before: suspend, code: device.WeChatDisabled, message: "WeChat is suspended"},
		{name: "phone gone before", before: func(l *lab, _ *testShell) { l.server.Remove(l.Serial()) }, code: device.PhoneLost, message: "the phone is gone"},
		{name: "phone offline", options: virtualandroid.Options{State: adb.StateOffline}, code: device.PhoneLost, message: "does not answer"},
		{name: "phone unauthorized", options: virtualandroid.Options{State: adb.StateUnauthorized}, code: device.PhoneNotReady, message: "does not trust this computer"},
		{name: "old shell", before: func(l *lab, _ *testShell) {
			l.server.Faults = fault.Each(func(request string) *fault.Fault {
				if strings.HasPrefix(request, "shell,v2") {
					return &fault.Fault{Answer: []byte("FAIL0006closed")}
				}
				return nil
			})
		}, code: device.Refused, message: "does not support shell protocol v2"},
	}
}

// TestFaults makes everything fail that can, and checks for one sentence and
// its exit code.
func TestFaults(t *testing.T) {
	for _, tt := range mishaps() {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.strike(t)
		})
	}
}

// TestFaultsOften has each of them happen 200 times, after which no goroutine
// and no file is left.
func TestFaultsOften(t *testing.T) {
	tier.Need(t, "faults")
	for _, tt := range mishaps() {
		t.Run(tt.name, func(t *testing.T) {
			goroutines, files := goleak.IgnoreCurrent(), openFiles(t)
			for range often {
				t.Run("", tt.strike)
			}
			wait.For(t, "goroutines to end", func() bool { return goleak.Find(goroutines) == nil })
			wait.For(t, "files to close", func() bool { return openFiles(t) <= files })
		})
	}
}

// often is how many times a fault happens in the tier "faults".
const often = 200

func (tt mishap) strike(t *testing.T) {
	t.Helper()
	l := newLab(t, tt.options)
	sh := &testShell{}
	if tt.before != nil {
		l.Model.SetShell(sh)
	}
	if !tt.cold {
		l.warm(t)
	}
	if tt.before != nil {
		tt.before(l, sh)
	}
	p := l.open(t)
	ctx, cancel := context.WithTimeout(t.Context(), wait.Plenty)
	defer cancel()
	job := device.Job{Request: page(intents.SceneSession), Until: device.Returned}
	job.Hooks.Seen = func(device.Evidence) {
		if tt.seen != nil {
			tt.seen(l)
		}
	}
	o, err := p.Deliver(ctx, job)
	e := device.AsError(err)
	if e == nil || e.Code != tt.code || !strings.Contains(e.Message, tt.message) {
		t.Fatalf("%v (%s), want %s: %s; saw %s", err, code(err), tt.code, tt.message, whats(o))
	}
	if strings.ContainsAny(e.Message, "\n\x1b") || e.Hint == "" && e.Code != device.Failed {
		t.Errorf("says %q, hint %q", e.Message, e.Hint)
	}
	if o == nil || o.Error == nil || o.Error.Code != tt.code {
		t.Errorf("the outcome says %+v", o.Error)
	}
	if o.State == device.NotSent && (o.Status == nil || *o.Status || o.Err == nil || o.Err.Code != 7) {
		t.Errorf("nothing was sent, but status %v, err %v", o.Status, o.Err)
	}
	if tt.code != device.PhoneLost {
		noTemporaries(t, l)
	}
}

// noTemporaries waits until no temporary file of the agent is on the phone:
// adbd removes what it could not write only after it has reported that.
func noTemporaries(t *testing.T, l *lab) {
	t.Helper()
	wait.For(t, "the temporary files to go", func() bool {
		list, _ := l.Model.FS.List(phone.ShellCred(), agent.Dir)
		return !slices.ContainsFunc(list, func(f phone.Info) bool { return strings.HasSuffix(f.Name, ".tmp") })
	})
}

func TestUserLocked(t *testing.T) {
	f := &facts{user: 10}
	if err := f.userUnlocked(); code(err) != device.PhoneNotReady || !strings.Contains(err.Error(), "user 10") {
		t.Errorf("%v", err)
	}
	f.state.UserUnlocked = true
	if err := f.userUnlocked(); err != nil {
		t.Errorf("%v", err)
	}
}

// TestInterrupted: Ctrl-C ends a delivery at once, at any point.
func TestInterrupted(t *testing.T) {
	l := newLab(t, virtualandroid.Options{Answer: wechat.Stay, Think: time.Hour})
	l.warm(t)
	for i := range 3 {
		p := l.open(t)
		ctx, cancel := context.WithTimeout(t.Context(), wait.Plenty)
		seen := 0
		job := device.Job{Request: page(intents.SceneSession), Until: device.Returned}
		job.Hooks.Seen = func(device.Evidence) {
			if seen++; seen > i {
				cancel()
			}
		}
		if i == 0 {
			cancel()
		}
		_, err := p.Deliver(ctx, job)
		cancel()
		if !errors.Is(err, context.Canceled) || device.AsError(err).ExitCode() != 130 {
			t.Errorf("after %d pieces of evidence: %v", i, err)
		}
		p.Close()
	}
	wait.For(t, "connections to close", func() bool { return l.server.Open() == 0 })
}

// TestAgentThatDiedIsStartedAgain: an agent that died between two requests is
// not a failure.
func TestAgentThatDiedIsStartedAgain(t *testing.T) {
	l := newLab(t, virtualandroid.Options{})
	l.warm(t)
	p := l.open(t)
	job := device.Job{Request: page(intents.SceneSession), Until: device.Opened}
	for i := range 3 {
		if o, err := p.Deliver(t.Context(), job); err != nil {
			t.Fatal(i, err, whats(o))
		}
		l.server.Drop()
		wait.For(t, "the connection to close", func() bool { return l.server.Open() == 0 })
		l.Model.ForceStop(wechat.PackageName, 0)
	}
	if n := l.server.Connections(); n != 3 {
		t.Errorf("%d agents were started, want 3", n)
	}
}

func media(name, mime string, data []byte) device.Media {
	return device.Media{Name: name, MIME: mime, Size: int64(len(data)), Open: func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(data)), nil
	}}
}

var png = append([]byte("\x89PNG\r\n\x1a\n"), make([]byte, 2000)...)

func share(scene intents.Scene, o intents.Object) intents.Share {
	return intents.Share{Scene: scene, Message: intents.Message{Object: o}}
}

type file struct {
	bytes.Buffer
	closed bool
}

func (f *file) Close() error { f.closed = true; return nil }

// filmOf is the path that a line tells screenrecord to write.
func filmOf(line string) string {
	_, rest, _ := strings.Cut(line, "--time-limit ")
	return strings.Fields(rest)[1]
}

func TestScreenshotAndRecording(t *testing.T) {
	for _, tt := range []struct {
		name  string
		other func(c phone.Command) int
		code  device.Code
		shot  string
		film  string
	}{
		{name: "both", shot: "\x89PNG", film: "film"},
		{name: "no screenshot", other: says(1, "", "Capturing failed.\n"), code: device.Failed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := newLab(t, virtualandroid.Options{})
			l.warm(t)
			sh := &testShell{other: tt.other}
			if tt.other == nil {
				sh.other = func(c phone.Command) int {
					switch {
					case strings.HasPrefix(c.Line, "screencap"):
						io.WriteString(c.Stdout, "\x89PNG and so on")
					case strings.Contains(c.Line, "screenrecord"):
						io.WriteString(c.Stdout, "\n") // a property that it does not have
						io.Copy(io.Discard, c.Stdin)   // until it is told to stop
						path := filmOf(c.Line)
						if err := l.Model.FS.WriteFile(phone.ShellCred(), path, []byte("film"), 0o600); err != nil {
							t.Error(err)
						}
					case strings.HasPrefix(c.Line, "rm -f"):
						l.Model.FS.Remove(phone.ShellCred(), strings.Fields(c.Line)[2])
					}
					return 0
				}
			}
			l.Model.SetShell(sh)
			var shot, film file
			job := device.Job{Request: page(intents.SceneSession), Until: device.Opened}
			job.Hooks.Screenshot = func() (io.WriteCloser, error) { return &shot, nil }
			if tt.film != "" {
				job.Hooks.Record = func() (io.WriteCloser, error) { return &film, nil }
			}
			ctx, cancel := context.WithTimeout(t.Context(), wait.Plenty)
			defer cancel()
			o, err := l.open(t).Deliver(ctx, job)
			if code(err) != tt.code || o.State != device.Opened {
				t.Fatalf("%v; saw %s", err, whats(o))
			}
			if !strings.HasPrefix(shot.String(), tt.shot) || film.String() != tt.film || tt.code == "" && !(shot.closed && film.closed) {
				t.Errorf("screenshot %q, film %q", shot.String(), film.String())
			}
			list, err := l.Model.FS.List(phone.ShellCred(), agent.Dir)
			if err != nil || len(list) != 1 {
				t.Errorf("left on the phone: %v, %v", list, err)
			}
		})
	}
}

func TestAfter(t *testing.T) {
	for _, tt := range []struct {
		after device.After
		top   string
	}{
		{device.AfterLeave, "com.tencent.mm/.ui.transmit.SelectConversationUI"},
		{device.AfterHome, ""},
		{device.AfterStopWeChat, ""},
		{device.AfterBack, ""},
	} {
		l := newLab(t, virtualandroid.Options{Answer: wechat.Stay, Think: time.Hour})
		l.warm(t)
		ctx, cancel := context.WithTimeout(t.Context(), wait.Plenty)
		o, err := l.open(t).Deliver(ctx, device.Job{Request: page(intents.SceneSession), Until: device.Opened, After: tt.after})
		cancel()
		if err != nil {
			t.Fatalf("%s: %v; saw %s", tt.after, err, whats(o))
		}
		top, _ := l.Model.Top()
		if got := top.Short(); tt.top != "" && got != tt.top || tt.top == "" && strings.Contains(got, "SelectConversationUI") {
			t.Errorf("%s: %s is in front", tt.after, got)
		}
		if o.ScreenAfter != "com.tencent.mm/.ui.transmit.SelectConversationUI" {
			t.Errorf("%s: screen after %q", tt.after, o.ScreenAfter)
		}
	}
}

// TestOldAgentsAreRemoved: installing an agent removes those that were not run for a week.
func TestOldAgentsAreRemoved(t *testing.T) {
	l := newLab(t, virtualandroid.Options{})
	old := agent.Dir + "/" + agent.Prefix + "0123456789abcdef.dex"
	if err := l.Model.FS.WriteFile(phone.ShellCred(), old, []byte("dex"), agent.Mode); err != nil {
		t.Fatal(err)
	}
	if err := l.Model.FS.Chtimes(phone.ShellCred(), old, time.Now().Add(-8*24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, err := l.open(t).Deliver(t.Context(), device.Job{Request: page(intents.SceneSession), Until: device.Delivered}); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Model.FS.Stat(phone.ShellCred(), old); err == nil {
		t.Errorf("%s is still there", old)
	}
}

// TestInterruptedLeavesNothing: what an interrupted delivery had copied to the
// phone is removed, and its recording ends.
func TestInterruptedLeavesNothing(t *testing.T) {
	l := newLab(t, virtualandroid.Options{})
	l.warm(t)
	p := l.open(t)
	ctx, cancel := context.WithTimeout(t.Context(), wait.Plenty)
	defer cancel()
	job := device.Job{Route: device.RouteSystem, Request: share(intents.SceneSession, intents.Image{}), Until: device.Opened}
	job.Media = []device.Media{media("a.png", "image/png", png), media("b.png", "image/png", png)}
	job.Hooks.Record = func() (io.WriteCloser, error) { return &file{}, nil }
	second := job.Media[1].Open
	job.Media[1].Open = func() (io.ReadCloser, error) {
		cancel() // Ctrl-C comes between the two
		return second()
	}
	if o, err := p.Deliver(ctx, job); !errors.Is(err, context.Canceled) || o.State != device.NotSent {
		t.Errorf("%v; saw %s", err, whats(o))
	}
	p.Close()
	if list, err := l.Model.FS.List(phone.RootCred(), mediaDir(0)); err != nil || len(list) != 0 {
		t.Errorf("left on the phone: %v, %v", list, err)
	}
	wait.For(t, "connections to close", func() bool { return l.server.Open() == 0 })
}

// TestMediaThatIsCut: an incomplete file is removed, although MediaStore never
// knew it.
func TestMediaThatIsCut(t *testing.T) {
	l := newLab(t, virtualandroid.Options{})
	l.warm(t)
	job := device.Job{Route: device.RouteSystem, Request: share(intents.SceneSession, intents.Image{}), Until: device.Opened}
	job.Media = []device.Media{media("a.png", "image/png", png), {Name: "b.png", MIME: "image/png", Size: 5, Open: func() (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(errors.New("disk on fire")))), nil
	}}}
	o, err := l.open(t).Deliver(t.Context(), job)
	if err == nil || !strings.Contains(err.Error(), "disk on fire") || o.State != device.NotSent {
		t.Errorf("%v; saw %s", err, whats(o))
	}
	wait.For(t, "the phone to be clean", func() bool {
		list, err := l.Model.FS.List(phone.RootCred(), mediaDir(0))
		return err == nil && len(list) == 0
	})
}
