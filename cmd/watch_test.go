package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid"
)

// patience is how long a test waits for what must come.
const patience = time.Minute

// terminalScreen keeps what a command writes while it runs.
type terminalScreen struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{} // closed and replaced with each write
}

func newScreen() *terminalScreen { return &terminalScreen{more: make(chan struct{})} }

func (s *terminalScreen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.more)
	s.more = make(chan struct{})
	return s.text.Write(p)
}

func (s *terminalScreen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// await waits until n times a text has been written.
func (s *terminalScreen) await(t *testing.T, text string, n int) {
	t.Helper()
	late := time.After(patience)
	for {
		s.mu.Lock()
		have, more := s.text.String(), s.more
		s.mu.Unlock()
		if strings.Count(have, text) >= n {
			return
		}
		select {
		case <-more:
		case <-late:
			t.Fatalf("%d times %q did not come; there is %q", n, text, have)
		}
	}
}

// running is a command that runs concurrently with a test.
type running struct {
	out, errOut *terminalScreen
	code        chan int
	end         context.CancelCauseFunc
	late        *lateContext
}

// lateContext is one whose deadline passes when a test says so.
type lateContext struct {
	context.Context
	passed chan struct{}
}

func (c *lateContext) Done() <-chan struct{} { return c.passed }

func (c *lateContext) Err() error {
	select {
	case <-c.passed:
		return context.DeadlineExceeded
	default:
		return nil
	}
}

// beside starts a command; env is its environment.
func beside(t *testing.T, env map[string]string, args ...string) *running {
	f, _, _ := testFactory(t, "", env)
	r := &running{out: newScreen(), errOut: newScreen(), code: make(chan int, 1), late: &lateContext{context.Background(), make(chan struct{})}}
	f.Streams.Out, f.Streams.Err = r.out, r.errOut
	ctx, end := context.WithCancelCause(r.late)
	r.end = end
	go func() { r.code <- Run(ctx, f, args) }()
	t.Cleanup(func() { end(nil) })
	return r
}

// interrupt ends the command as Ctrl-C does and returns its exit code.
func (r *running) interrupt(t *testing.T) int {
	t.Helper()
	r.end(&exit.Signal{Code: exit.Interrupted})
	return r.wait(t)
}

// terminate ends the command as SIGTERM does and returns its exit code.
func (r *running) terminate(t *testing.T) int {
	t.Helper()
	r.end(&exit.Signal{Code: exit.Terminated})
	return r.wait(t)
}

// timeOut makes the command's time end and returns its exit code.
func (r *running) timeOut(t *testing.T) int {
	t.Helper()
	close(r.late.passed)
	return r.wait(t)
}

func (r *running) wait(t *testing.T) int {
	t.Helper()
	select {
	case code := <-r.code:
		return code
	case <-time.After(patience):
		t.Fatalf("the command does not end; stdout %q, stderr %q", r.out, r.errOut)
		return 0
	}
}

// noLeaks fails the test if it leaves goroutines behind, once all that it
// started later has been cleaned up.
func noLeaks(t *testing.T) {
	ignore := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, ignore) })
}

// phonesAt starts virtual phones and returns the environment in which they are
// found.
func phonesAt(t *testing.T, options string) map[string]string {
	t.Helper()
	o, err := virtualandroid.ParseOptions(options)
	if err != nil {
		t.Fatal(err)
	}
	server, err := virtualandroid.Start(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	state := t.TempDir()
	return map[string]string{"ADB_SERVER_SOCKET": "tcp:" + server.ADB, "WXCTL_CONFIG_DIR": state, "WXCTL_STATE_DIR": state}
}

// TestWatchBeside: requests and forged replies go to a phone that is watched,
// the watch shows and records them, and what it recorded can be replayed.
func TestWatchBeside(t *testing.T) {
	noLeaks(t)
	env := phonesAt(t, "think=1ms&api=27") // which refuses a second debugger at once; newer versions make it wait
	file := filepath.Join(t.TempDir(), "replies.json")
	watch := beside(t, env, "watch", "--json", "--record", file)
	watch.errOut.await(t, "watching", 1)
	run := func(args ...string) string {
		t.Helper()
		f, out, errOut := testFactory(t, "", env)
		if code := Run(t.Context(), f, args); code != 0 {
			t.Fatalf("%v: exit %d: %s", args, code, errOut())
		}
		return out()
	}
	run("share", "text", "hi", "--scene", "session", "--transaction", "mine", "--until", "replied")
	watch.out.await(t, `"transaction":"mine"`, 1)
	run("reply", "auth", "--code", "C0DE", "--state", "s", "--err-str", "说 😀", "--until", "replied")
	watch.out.await(t, `"kind":"auth"`, 1)
	run("reply", "subscribe", "--template-id", "T", "--scene", "7", "--action", "cancel", "--until", "replied")
	watch.out.await(t, `"kind":"subscribe"`, 1)
	if code := watch.interrupt(t); code != 130 {
		t.Errorf("exit %d: %s", code, watch.errOut)
	}

	lines := strings.Split(strings.TrimSpace(watch.out.String()), "\n")
	if len(lines) != 3 || strings.Contains(watch.out.String(), "C0DE") || !strings.Contains(lines[1], `"code":"***"`) {
		t.Fatalf("it printed %s", watch.out)
	}
	var last struct {
		Kind   string
		Status *bool
		Err    struct{ Code int }
		Events []device.Event
	}
	if err := json.Unmarshal([]byte(lines[2]), &last); err != nil || last.Status == nil || len(last.Events) != 1 || last.Events[0].EventType != "backError" {
		t.Errorf("%v of %s", err, lines[2])
	}

	info, err := os.Stat(file)
	if err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("the record: %v, %v", info, err)
	}
	// What was recorded is forged again, value for value.
	var replayed struct{ Reply map[string]any }
	if err := json.Unmarshal([]byte(run("reply", "auth", "--from", file, "--dry-run", "--json")), &replayed); err != nil {
		t.Fatal(err)
	}
	if r := replayed.Reply; r["code"] != "C0DE" || r["state"] != "s" || r["errStr"] != "说 😀" || r["url"] != nil {
		t.Errorf("replayed %v", r)
	}
	run("reply", "share", "--from", file, "--until", "replied")
}

// TestWatchForPeople checks the text for people, which has codes only on request.
func TestWatchForPeople(t *testing.T) {
	noLeaks(t)
	for flag, want := range map[string]string{"--show-code=false": "code ***", "--show-code": "code C0DE"} {
		t.Run(flag, func(t *testing.T) {
			t.Parallel()
			env := phonesAt(t, "think=1ms")
			watch := beside(t, env, "watch", flag)
			watch.errOut.await(t, "watching", 1)
			f, _, errOut := testFactory(t, "", env)
			if code := Run(t.Context(), f, []string{"reply", "auth", "--code", "C0DE", "--until", "replied"}); code != 0 {
				t.Fatalf("exit %d: %s", code, errOut())
			}
			watch.out.await(t, "\n", 1)
			if got := watch.out.String(); !strings.Contains(got, "com.example.wxdemo  auth  errCode 0  err.code 0 (ok)") || !strings.Contains(got, want) {
				t.Error(got)
			}
			if code := watch.interrupt(t); code != 130 {
				t.Errorf("exit %d: %s", code, watch.errOut)
			}
		})
	}
}

// TestWatchSilentPhone: a phone that never answers is not watched, whatever
// --timeout says; watching until then is a success.
func TestWatchSilentPhone(t *testing.T) {
	for _, tt := range []struct {
		answers bool
		want    int
	}{{false, 18}, {true, 0}} {
		f, _, errOut := testFactory(t, "", nil)
		f.Phones = func(context.Context, *Factory, *phoneFlags, device.Selector) (*device.Fleet, func(), error) {
			return &device.Fleet{Backends: []device.Backend{quietBackend{answers: tt.answers}}}, func() {}, nil
		}
		if code := Run(t.Context(), f, []string{"watch", "--timeout", "20ms"}); code != tt.want {
			t.Errorf("answers %v: exit %d: %s", tt.answers, code, errOut())
		}
	}
}

// quietBackend has one phone on which nothing happens.
type quietBackend struct {
	slowBackend
	answers bool
}

func (quietBackend) List(context.Context, string) ([]device.Info, error) {
	return []device.Info{{ID: "Q", Platform: device.Android, State: device.Ready, Transport: device.USB}}, nil
}

func (b quietBackend) Open(context.Context, device.Info) (device.Phone, error) {
	return quietPhone{answers: b.answers}, nil
}

type quietPhone struct {
	device.Phone
	answers bool
}

func (quietPhone) Close() error { return nil }

func (p quietPhone) WatchReplies(ctx context.Context, job device.WatchJob) error {
	if p.answers {
		job.Ready()
	}
	<-ctx.Done()
	return ctx.Err()
}
