package device

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestEveryStateHasAFix(t *testing.T) {
	for _, s := range []State{Unauthorized, Authorizing, Connecting, Offline, NoPermissions, Recovery, Rescue, Sideload, Bootloader, Locked, Unpaired, "host"} {
		if FixFor(s) == "" {
			t.Errorf("%s has no fix", s)
		}
	}
	if FixFor(Ready) != "" {
		t.Error("a ready phone needs no fix")
	}
}

func TestLock(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state", "locks")
	info := phone("A", Ready, USB)
	first, err := lockPhone(dir, info, "wxctl share text")
	if err != nil {
		t.Fatal(err)
	}
	other := phone("B", Ready, USB)
	otherLock, err := lockPhone(dir, other, "wxctl watch")
	if err != nil {
		t.Fatalf("another phone: %v", err)
	}
	defer otherLock.Unlock()
	_, err = lockPhone(dir, info, "wxctl inspect")
	e := AsError(err)
	if e == nil || e.Code != PhoneBusy || e.ExitCode() != 17 {
		t.Fatalf("got %v, want phone_busy", err)
	}
	for _, want := range []string{`"A"`, `"wxctl share text"`, fmt.Sprint(os.Getpid())} {
		if !strings.Contains(e.Message, want) {
			t.Errorf("%q doesn't name %s", e.Message, want)
		}
	}
	for range 2 {
		if err := first.Unlock(); err != nil {
			t.Fatal(err)
		}
	}
	again, err := lockPhone(dir, info, "wxctl watch")
	if err != nil {
		t.Fatalf("after unlock: %v", err)
	}
	// A broken or missing note must not hide that the phone is busy.
	for _, content := range []string{"", "{", `{"pid":0}`} {
		if err := writeNote(again.file.Path(), []byte(content)); err != nil {
			t.Fatal(err)
		}
		if _, err := lockPhone(dir, info, "x"); AsError(err).Code != PhoneBusy {
			t.Errorf("note %q: %v", content, err)
		}
	}
	if err := again.Unlock(); err != nil {
		t.Fatal(err)
	}
	stat, err := os.Stat(dir)
	if err != nil || stat.Mode().Perm()&0o077 != 0 && os.PathSeparator == '/' {
		t.Errorf("the lock directory is open to others: %v %v", stat.Mode(), err)
	}
}

func TestLockNoDirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := lockPhone(filepath.Join(file, "sub"), phone("A", Ready, USB), "x")
	var pathErr *fs.PathError
	if e := AsError(err); e == nil || e.Code != Failed || e.Hint == "" || !errors.As(err, &pathErr) {
		t.Errorf("got %v", err)
	}
}

func TestOutcomeJSON(t *testing.T) {
	o := NewOutcome(Info{ID: "A", Platform: Android, Name: "n", OSVersion: "14"})
	o.Route = RouteSDK
	o.See(120*time.Millisecond, Delivered, ScreenLaunching, "WeChat started", "agent")
	o.See(900*time.Millisecond, Opened, ScreenChatPicker, "chat picker opened", "events log")
	o.See(950*time.Millisecond, NotSent, ScreenUnknown, "nothing new", "agent")
	o.Fail(Errorf(NotSeen, "no reply was seen in %s", "30s").WithHint("answer on the phone"))
	b, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"schemaVersion":1,"device":{"id":"A","name":"n","platform":"android","osVersion":"14"},"wechat":null,"app":null,` +
		`"route":"sdk","routeReason":"","differences":[],"impersonated":false,"state":"opened","screen":"chat_picker","evidence":[` +
		`{"atMs":120,"what":"WeChat started","screen":"launching","source":"agent"},{"atMs":900,"what":"chat picker opened","screen":"chat_picker","source":"events log"},` +
		`{"atMs":950,"what":"nothing new","screen":"unknown","source":"agent"}],"screenAfter":"","reply":null,"status":null,"err":null,"events":[],"warnings":[],"artifacts":[],"elapsedMs":0,` +
		`"error":{"code":"not_seen","exitCode":18,"message":"no reply was seen in 30s","hint":"answer on the phone"}}`
	if string(b) != want {
		t.Errorf("got\n%s\nwant\n%s", b, want)
	}
	var back Outcome
	if err := json.Unmarshal(b, &back); err != nil || back.State != Opened {
		t.Errorf("read back: %v %v", back.State, err)
	}
	if b, _ := json.Marshal(NewOutcome(Info{})); !strings.Contains(string(b), `"state":null`) {
		t.Errorf("nothing sent: %s", b)
	}
}

func TestAsError(t *testing.T) {
	for _, tt := range []struct {
		err  error
		code Code
		exit int
	}{
		{context.Canceled, Interrupted, 130},
		{fmt.Errorf("x: %w", context.DeadlineExceeded), NotSeen, 18},
		{errors.New("x"), Failed, 1},
		{fmt.Errorf("x: %w", Errorf(PhoneLost, "gone")), PhoneLost, 16},
	} {
		if e := AsError(tt.err); e.Code != tt.code || e.ExitCode() != tt.exit {
			t.Errorf("%v: %s %d", tt.err, e.Code, e.ExitCode())
		}
	}
	if AsError(nil) != nil || Report(nil) != nil {
		t.Error("nil is not an error")
	}
}

// backend is a Backend with fixed answers.
type backend struct {
	platform Platform
	phones   []Info
	err      error
}

func (b backend) Platform() Platform                            { return b.platform }
func (b backend) List(context.Context, string) ([]Info, error)  { return b.phones, b.err }
func (b backend) Watch(context.Context, func([]Info)) error     { return b.err }
func (b backend) Open(_ context.Context, i Info) (Phone, error) { return openPhone{info: i}, b.err }

type openPhone struct {
	Phone
	info Info
}

func (p openPhone) Info() Info   { return p.info }
func (p openPhone) Close() error { return nil }

func TestFleet(t *testing.T) {
	absent := Errorf(NoServer, "no adb server answers at %q", "127.0.0.1:5037").WithHint("run: adb start-server")
	broken := Errorf(ServerMisbehaved, "the adb server speaks nonsense")
	android := phone("A", Ready, USB)
	iphone := Info{ID: "U", Platform: IOS, State: Ready}
	for _, tt := range []struct {
		name     string
		backends []Backend
		sel      Selector
		want     string
		code     Code
	}{
		{"one server absent", []Backend{backend{platform: Android, err: absent}, backend{platform: IOS, phones: []Info{iphone}}}, Selector{}, "U", ""},
		{"one absent, no phone at the other", []Backend{backend{platform: Android, err: absent}, backend{platform: IOS}}, Selector{}, "", NoPhone},
		{"all absent", []Backend{backend{platform: Android, err: absent}}, Selector{}, "", NoServer},
		{"the other platform's server absent", []Backend{backend{platform: Android, phones: []Info{android}}, backend{platform: IOS, err: absent}}, Selector{Platform: Android}, "A", ""},
		{"one broken, the phone at the other", []Backend{backend{platform: Android, phones: []Info{android}}, backend{platform: IOS, err: broken}}, Selector{}, "A", ""},
		{"one broken, no phone", []Backend{backend{platform: Android}, backend{platform: IOS, err: broken}}, Selector{}, "", ServerMisbehaved},
		{"all of a broken lab", []Backend{backend{platform: Android, phones: []Info{android}}, backend{platform: IOS, err: broken}}, Selector{All: true}, "", ServerMisbehaved},
	} {
		got, err := (&Fleet{Backends: tt.backends}).Select(t.Context(), tt.sel)
		if tt.code == "" && (err != nil || ids(got.Phones) != tt.want) || tt.code != "" && AsError(err).Code != tt.code {
			t.Errorf("%s: %s, %v", tt.name, ids(got.Phones), err)
		}
	}
}

// silent is a server that accepts connections and sends nothing.
type silent struct{ backend }

func (s silent) List(ctx context.Context, _ string) ([]Info, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// A server that hangs leaves enough time for the phones of another, and is not
// mistaken for an interruption if it has the only phone.
func TestFleetSelectBesideSilence(t *testing.T) {
	for _, tt := range []struct {
		phones []Info
		want   error
	}{
		{[]Info{{ID: "A1", Platform: Android, State: Ready}}, nil},
		{nil, context.DeadlineExceeded},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			f := &Fleet{Backends: []Backend{backend{platform: Android, phones: tt.phones}, silent{backend{platform: IOS}}}}
			got, err := f.Select(ctx, Selector{})
			if len(got.Phones) != len(tt.phones) || !errors.Is(err, tt.want) || errors.Is(err, context.Canceled) {
				t.Errorf("%d phones: got %v, %v", len(tt.phones), got, err)
			}
			if tt.want != nil && err.Error() != "usbmuxd: context deadline exceeded" {
				t.Errorf("it doesn't say who hangs: %v", err)
			}
			if ctx.Err() != nil {
				t.Error("no time is left for the phone")
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		time.AfterFunc(time.Second, cancel)
		f := &Fleet{Backends: []Backend{backend{platform: Android}, silent{backend{platform: IOS}}}}
		if _, err := f.Select(ctx, Selector{}); !errors.Is(err, context.Canceled) {
			t.Errorf("interrupted: %v", err)
		}
	})
}

func TestFleetOpenLocks(t *testing.T) {
	f := &Fleet{Backends: []Backend{backend{platform: Android}}, LockDir: t.TempDir(), Command: "wxctl share text"}
	info := phone("A", Ready, USB)
	p, err := f.Open(t.Context(), info)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := As[openPhone](p); !ok {
		t.Error("As does not unwrap a locked phone")
	}
	if _, err := f.Open(t.Context(), info); AsError(err).Code != PhoneBusy {
		t.Errorf("opened twice: %v", err)
	}
	beside, err := f.OpenBeside(t.Context(), info)
	if err != nil || beside.Close() != nil {
		t.Errorf("observing is refused: %v", err)
	}
	if _, err := f.Open(t.Context(), info); AsError(err).Code != PhoneBusy {
		t.Errorf("observing unlocked the phone: %v", err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	late, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	if _, err := f.Open(late, info); AsError(err).Code != NotSeen {
		t.Errorf("opened too late: %v", err)
	}
	f.Backends = []Backend{backend{platform: Android, err: Errorf(PhoneLost, "gone")}}
	for range 2 { // a failed open leaves no lock
		if _, err := f.Open(t.Context(), info); AsError(err).Code != PhoneLost {
			t.Errorf("got %v", err)
		}
	}
}

// TestOpenWaits: a phone that is busy is waited for as long as there is time.
func TestOpenWaits(t *testing.T) {
	info := phone("A", Ready, USB)
	f := &Fleet{Backends: []Backend{backend{platform: Android, err: Errorf(PhoneLost, "opened")}}, LockDir: filepath.Join(t.TempDir(), "locks")}
	lock, err := lockPhone(f.LockDir, info, "wxctl share text")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Open(t.Context(), info); AsError(err).Code != PhoneBusy {
		t.Errorf("without time: %v", err)
	}
	f.WaitUntil = time.Now().Add(time.Hour)
	opened := make(chan error)
	go func() {
		_, err := f.Open(t.Context(), info)
		opened <- err
	}()
	if err := lock.Unlock(); err != nil {
		t.Fatal(err)
	}
	if err := <-opened; AsError(err).Code != PhoneLost {
		t.Errorf("got %v", err)
	}
}

func TestEach(t *testing.T) {
	phones := make([]Info, 20)
	var running, most atomic.Int32
	errs := Each(t.Context(), phones, 4, func(context.Context, Info) error {
		most.Store(max(most.Load(), running.Add(1)))
		time.Sleep(time.Millisecond)
		running.Add(-1)
		return nil
	})
	if len(errs) != 20 || errors.Join(errs...) != nil || most.Load() > 4 {
		t.Errorf("%d errors, at most %d at once", len(errs), most.Load())
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var answered atomic.Int32
	defer func() {
		if p := recover(); p != "odd" || answered.Load() != 40 {
			t.Errorf("panic %v after %d phones", p, answered.Load())
		}
	}()
	for _, err := range Each(ctx, phones, 1, func(ctx context.Context, _ Info) error { answered.Add(1); return ctx.Err() }) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("after cancel: %v", err)
		}
	}
	if answered.Load() != 20 {
		t.Errorf("after cancel, %d of 20 phones had their answer", answered.Load())
	}
	Each(t.Context(), phones, 4, func(context.Context, Info) error {
		if answered.Add(1) == 25 {
			panic("odd")
		}
		return nil
	})
}

func TestProgress(t *testing.T) {
	if !(NotSent < Unknown && Unknown < Delivered && Delivered < Opened && Opened < Returned && Returned < Replied) {
		t.Error("the states are not in order of strength")
	}
	for state := NotSent; state <= Replied; state++ {
		text, err := json.Marshal(state)
		if err != nil {
			t.Fatal(err)
		}
		var back Progress
		if err := json.Unmarshal(text, &back); err != nil || back != state {
			t.Errorf("%s came back as %v: %v", text, back, err)
		}
		// The least that can be waited for is that the system accepted it.
		if got, err := ParseProgress(state.String()); (err == nil) != (state >= Delivered) || err == nil && got != state {
			t.Errorf("--until %q gave %v, %v", state, got, err)
		}
	}
	if err := new(Progress).UnmarshalJSON([]byte(`"sent"`)); err == nil {
		t.Error("an unknown state was read")
	}
}

// TestReserve: the time kept for the end of a command is enough for a picture
// if one is wanted.
func TestReserve(t *testing.T) {
	picture := func() (io.WriteCloser, error) { return nil, nil }
	for _, test := range []struct {
		given, kept time.Duration
		picture     func() (io.WriteCloser, error)
	}{
		{time.Minute, time.Second, nil}, {5 * time.Second, 500 * time.Millisecond, nil},
		{time.Minute, 5 * time.Second, picture}, {6 * time.Second, 2 * time.Second, picture},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), test.given)
			defer cancel()
			working, stop := NewDelivery(Info{}, Job{Hooks: Hooks{Screenshot: test.picture}}).Reserve(ctx)
			defer stop()
			until, _ := working.Deadline()
			if kept := test.given - time.Until(until); kept != test.kept {
				t.Errorf("of %v, %v are kept, want %v (a picture: %t)", test.given, kept, test.kept, test.picture != nil)
			}
		})
	}
}
