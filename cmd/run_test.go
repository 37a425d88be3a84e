package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/cmd/internal/samples"
	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/fixtures/wait"
	"github.com/wxctl/wxctl/intents"
	"github.com/wxctl/wxctl/intents/suite"
)

// scripted is a phone whose deliveries end as a test says.
type scripted struct {
	info    device.Info
	deliver func(text string) (*device.Outcome, error)
}

func (p *scripted) Info() device.Info { return p.info }
func (p *scripted) Close() error      { return nil }
func (p *scripted) WeChat(context.Context, device.UserChoice) (device.WeChat, error) {
	return device.WeChat{}, nil
}

func (p *scripted) Deliver(_ context.Context, job device.Job) (*device.Outcome, error) {
	text := ""
	if share, ok := job.Request.(intents.Share); ok {
		if t, ok := share.Message.Object.(intents.Text); ok && t.Text != nil {
			text = *t.Text
		}
	}
	outcome, err := p.deliver(text)
	outcome.Device = p.info.Ref()
	return outcome, err
}

// scriptedPhones makes a factory whose phones are scripted, and counts how often
// each text was fired.
type scriptedPhones struct {
	mu    sync.Mutex
	fired map[string]int
	n     int
	// end is the result of the nth request.
	end func(n int, text string) (device.Progress, error)
	ids []string
}

func (s *scriptedPhones) List(context.Context, string) ([]device.Info, error) {
	var infos []device.Info
	for _, id := range s.ids {
		infos = append(infos, device.Info{ID: id, Platform: device.Android, State: device.Ready, Transport: device.Virtual, OSVersion: "14"})
	}
	return infos, nil
}

func (s *scriptedPhones) Platform() device.Platform                        { return device.Android }
func (s *scriptedPhones) Watch(context.Context, func([]device.Info)) error { return nil }

func (s *scriptedPhones) Open(_ context.Context, info device.Info) (device.Phone, error) {
	return &scripted{info: info, deliver: func(text string) (*device.Outcome, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.n++
		s.fired[text+"@"+info.ID]++
		state, err := device.Opened, error(nil)
		if s.end != nil {
			state, err = s.end(s.n, text)
		}
		o := device.NewOutcome(info)
		if state != device.NotSent {
			o.See(0, state, "", "something was seen", "test")
		}
		return o, err
	}}, nil
}

func (s *scriptedPhones) factory(t *testing.T) (*Factory, func() string, func() string) {
	t.Helper()
	if s.ids == nil {
		s.ids = []string{"A"}
	}
	s.fired = map[string]int{}
	f, out, errOut := testFactory(t, "", nil)
	f.Now = time.Now
	f.Phones = func(context.Context, *Factory, *phoneFlags, device.Selector) (*device.Fleet, func(), error) {
		return &device.Fleet{Backends: []device.Backend{s}}, func() {}, nil
	}
	return f, out, errOut
}

// cases writes a suite of n shares of a text, each with more keys.
func cases(t *testing.T, n int, more string) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("version: 1\nname: many\ncases:\n")
	for i := range n {
		fmt.Fprintf(&b, "  - {name: case %d, do: share text, args: [text %d]%s}\n", i, i, more)
	}
	file := filepath.Join(t.TempDir(), "many.yaml")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// results are the results of a run folder, one line each.
func results(t *testing.T, dir string) (string, *suite.Run) {
	t.Helper()
	run, err := readRun(dir)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, r := range run.Results {
		lines = append(lines, fmt.Sprintf("%s@%s %s %d", r.Case.Name, r.Phone.ID, r.Status, len(r.Attempts)))
	}
	return strings.Join(lines, "\n"), run
}

// TestRunEvents pins the events of a run on a virtual phone: their kinds and
// order, with a clock that does not advance.
func TestRunEvents(t *testing.T) {
	t.Parallel()
	f, out, errOut := testFactory(t, "", nil)
	file := filepath.Join(t.TempDir(), "smoke.yaml")
	if err := os.WriteFile(file, samples.Suite(), 0o600); err != nil {
		t.Fatal(err)
	}
	if code := Run(t.Context(), f, []string{"run", file, "--device", "virtual:android", "--json", "--out", t.TempDir()}); code != 0 {
		t.Fatalf("exit %d: %s", code, errOut())
	}
	var got strings.Builder
	seen := false
	_, err := suite.ReadEvents(strings.NewReader(out()), func(e suite.Event) error {
		// Which evidence is seen, and how much, depends on the machine.
		before := seen
		if seen = e.Evidence != nil; seen && before {
			return nil
		}
		fmt.Fprint(&got, e.Type)
		if e.Place != nil {
			fmt.Fprintf(&got, " %s #%d", e.Place.Case, e.Place.Attempt)
		}
		switch {
		case e.Artifact != nil:
			fmt.Fprintf(&got, ": %s %s", e.Artifact.Kind, e.Artifact.MIME)
		case e.End != nil:
			fmt.Fprintf(&got, ": %s, exit %d, sent %v", e.End.Status, e.End.ExitCode, e.End.Sent)
		case e.Summary != nil:
			fmt.Fprintf(&got, ": %+v", e.Summary.Counts)
		}
		got.WriteByte('\n')
		if !e.At.Equal(f.Now()) {
			t.Errorf("%s at %s", e.Type, e.At)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("..", "fixtures", "golden", "run-events.txt")
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got.String(), want)
	}
}

// TestRunFlaky loses requests in several ways: failed, errored and unknown are
// distinguished, and no request that may have been seen is fired again.
func TestRunFlaky(t *testing.T) {
	lost := device.Errorf(device.PhoneLost, "the link broke")
	tests := []struct {
		name   string
		end    func(n int, text string) (device.Progress, error)
		more   string
		counts suite.Counts
		code   int
		fired  int
	}{
		{"every third written and lost", func(n int, _ string) (device.Progress, error) {
			if n%3 == 0 {
				return device.Unknown, lost
			}
			return device.Opened, nil
		}, ", retry: {times: 2}", suite.Counts{Passed: 6, Unknown: 3}, exit.NotRun, 9},
		{"every third lost before it was written", func(n int, _ string) (device.Progress, error) {
			if n%3 == 0 {
				return device.NotSent, lost
			}
			return device.Opened, nil
		}, ", retry: {times: 2}", suite.Counts{Passed: 9, Flaky: 3}, exit.OK, 13},
		{"… without retries", func(n int, _ string) (device.Progress, error) {
			if n%3 == 0 {
				return device.NotSent, lost
			}
			return device.Opened, nil
		}, "", suite.Counts{Passed: 6, Errored: 3}, exit.NotRun, 9},
		{"every third not seen, every fourth unknown", func(n int, _ string) (device.Progress, error) {
			switch {
			case n%3 == 0:
				return device.Delivered, device.Errorf(device.NotSeen, "no screen came up")
			case n%4 == 0:
				return device.Unknown, lost
			}
			return device.Opened, nil
		}, ", retry: {times: 1}", suite.Counts{Passed: 4, Failed: 3, Unknown: 2}, exit.FoundWrong, 9},
		{"repeated where the suite says so", func(n int, _ string) (device.Progress, error) {
			if n%3 == 0 {
				return device.Delivered, device.Errorf(device.NotSeen, "no screen came up")
			}
			return device.Opened, nil
		}, ", retry: {times: 1, after-sent: true}", suite.Counts{Passed: 8, Failed: 1, Flaky: 2}, exit.FoundWrong, 12},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
			phones := &scriptedPhones{end: tt.end}
			f, _, errOut := phones.factory(t)
			dir := filepath.Join(t.TempDir(), "run")
			code := Run(t.Context(), f, []string{"run", cases(t, 9, tt.more), "--out", dir})
			text, run := results(t, dir)
			if run.Counts != tt.counts || code != int(tt.code) || phones.n != tt.fired {
				t.Errorf("exit %d, fired %d, %+v; want %d, %d, %+v\n%s\n%s", code, phones.n, run.Counts, tt.code, tt.fired, tt.counts, text, errOut())
			}
		})
	}
}

// TestRunLostPhone: jobs of a lost phone are done by another, and jobs for that
// phone only are errored.
func TestRunLostPhone(t *testing.T) {
	t.Parallel()
	phones := &scriptedPhones{ids: []string{"A", "B"}}
	phones.end = func(_ int, text string) (device.Progress, error) { return device.Opened, nil }
	f, _, errOut := phones.factory(t)
	open := f.Phones
	f.Phones = func(ctx context.Context, f *Factory, flags *phoneFlags, sel device.Selector) (*device.Fleet, func(), error) {
		fleet, stop, err := open(ctx, f, flags, sel)
		fleet.Backends = []device.Backend{&withoutA{phones}}
		return fleet, stop, err
	}
	for more, want := range map[string]suite.Counts{
		", on: any": {Passed: 10},
		"":          {Passed: 10, Errored: 10},
	} {
		dir := filepath.Join(t.TempDir(), "run")
		Run(t.Context(), f, []string{"run", cases(t, 10, more), "--device", "all", "--out", dir})
		text, run := results(t, dir)
		if run.Counts != want || len(run.Lost) > 1 || more == "" && len(run.Lost) != 1 {
			t.Errorf("%q: %+v, lost %v, want %+v\n%s\n%s", more, run.Counts, run.Lost, want, text, errOut())
		}
	}
}

// withoutA lists phone A, which can't be opened.
type withoutA struct{ *scriptedPhones }

func (b *withoutA) Open(ctx context.Context, info device.Info) (device.Phone, error) {
	if info.ID == "A" {
		return nil, device.Errorf(device.PhoneBusy, "phone A is busy")
	}
	return b.scriptedPhones.Open(ctx, info)
}

// TestRunResume cuts off the record of a run after every event, in the middle
// of the next, and resumes it there: nothing that was fired is fired again, and
// no case is missing.
func TestRunResume(t *testing.T) {
	t.Parallel()
	phones := &scriptedPhones{ids: []string{"A", "B"}}
	f, _, errOut := phones.factory(t)
	dir := filepath.Join(t.TempDir(), "run")
	if code := Run(t.Context(), f, []string{"run", cases(t, 3, ""), "--device", "all", "--out", dir}); code != 0 {
		t.Fatalf("exit %d: %s", code, errOut())
	}
	events, err := os.ReadFile(filepath.Join(dir, eventsFile))
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(events, []byte("\n"))
	for cut := 1; cut < len(lines); cut++ {
		text := bytes.Join(lines[:cut], nil)
		fired := map[string]bool{}
		for _, line := range lines[:cut] {
			var e suite.Event
			if json.Unmarshal(line, &e) == nil && e.Type == suite.AttemptFiring {
				fired[strings.Replace(e.Place.Case, "case", "text", 1)+"@"+e.Place.Phone] = true
			}
		}
		text = append(slices.Clone(text), lines[cut][:len(lines[cut])/2]...) // torn
		again := filepath.Join(t.TempDir(), "cut")
		if err := os.MkdirAll(again, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(again, eventsFile), text, 0o600); err != nil {
			t.Fatal(err)
		}
		f, _, errOut := phones.factory(t)
		code := Run(t.Context(), f, []string{"run", "--resume", again, "--device", "all"})
		told, run := results(t, again)
		if run.Counts.Total() != 6 || run.Counts.Stopped > 0 || run.Finished.IsZero() {
			t.Errorf("cut after %d events: %+v (exit %d)\n%s\n%s", cut, run.Counts, code, told, errOut())
		}
		for what, n := range phones.fired {
			if n > 1 || fired[what] {
				t.Errorf("cut after %d events: %s was fired again", cut, what)
			}
		}
		if len(fired)+len(phones.fired) != 6 {
			t.Errorf("cut after %d events: %d were fired before and %d after", cut, len(fired), len(phones.fired))
		}
	}
}

// TestRunInterrupted: after the first Ctrl-C the current case ends, and no
// other starts; the run can be resumed.
func TestRunInterrupted(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	ctx, cancel := context.WithCancelCause(t.Context())
	phones := &scriptedPhones{}
	phones.end = func(n int, _ string) (device.Progress, error) {
		if n == 2 {
			cancel(&exit.Signal{Code: exit.Interrupted})
			time.Sleep(10 * time.Millisecond) // it continues to its end
		}
		return device.Opened, nil
	}
	f, out, errOut := phones.factory(t)
	dir := filepath.Join(t.TempDir(), "run")
	if code := Run(ctx, f, []string{"run", cases(t, 9, ""), "--out", dir}); code != exit.Interrupted {
		t.Errorf("exit %d: %s", code, errOut())
	}
	_, run := results(t, dir)
	if run.Counts.Failed+run.Counts.Errored+run.Counts.Unknown > 0 || run.Counts.Passed < 2 || run.Counts.Total() != 9 || run.Finished.IsZero() {
		t.Errorf("%+v\n%s\n%s", run.Counts, out(), errOut())
	}
	passed := run.Counts.Passed
	phones.end = nil
	f, _, errOut = phones.factory(t)
	if code := Run(t.Context(), f, []string{"run", "--resume", dir}); code != 0 {
		t.Errorf("resumed: exit %d: %s", code, errOut())
	}
	if len(phones.fired) != 9-passed {
		t.Errorf("%d fired after %d had passed", len(phones.fired), passed)
	}
	if _, run = results(t, dir); run.Counts != (suite.Counts{Passed: 9}) {
		t.Errorf("resumed: %+v", run.Counts)
	}
}

// TestRunDeadline: what has not begun by then is stopped.
func TestRunDeadline(t *testing.T) {
	t.Parallel()
	phones := &scriptedPhones{}
	phones.end = func(int, string) (device.Progress, error) {
		time.Sleep(5 * time.Millisecond)
		return device.Opened, nil
	}
	f, _, errOut := phones.factory(t)
	dir := filepath.Join(t.TempDir(), "run")
	if code := Run(t.Context(), f, []string{"run", cases(t, 200, ""), "--out", dir, "--deadline", "1ms"}); code != exit.NotRun {
		t.Errorf("exit %d: %s", code, errOut())
	}
	if _, run := results(t, dir); run.Counts.Stopped == 0 || run.Counts.Total() != 200 {
		t.Errorf("%+v", run.Counts)
	}
}

// TestRunLongestFirst: the case that took longest the last time begins first.
func TestRunLongestFirst(t *testing.T) {
	var order []string
	var hours atomic.Int64 // of the clock, which only the second case advances
	phones := &scriptedPhones{}
	phones.end = func(_ int, text string) (device.Progress, error) {
		order = append(order, text)
		if text == "text 2" {
			hours.Add(1)
		}
		return device.Opened, nil
	}
	f, _, errOut := phones.factory(t)
	f.Now = func() time.Time { return time.Unix(0, 0).Add(time.Duration(hours.Load()) * time.Hour) }
	file := cases(t, 4, "")
	for i := range 2 {
		if code := Run(t.Context(), f, []string{"run", file, "--out", t.TempDir()}); code != 0 {
			t.Fatalf("exit %d: %s", code, errOut())
		}
		if first := order[4*i]; i == 1 && first != "text 2" {
			t.Errorf("%s began first: %v", first, order)
		}
	}
}

// TestRunBusyFolder: two processes can't write one run.
func TestRunBusyFolder(t *testing.T) {
	phones := &scriptedPhones{}
	f, _, errOut := phones.factory(t)
	dir := filepath.Join(t.TempDir(), "run")
	phones.end = func(int, string) (device.Progress, error) {
		second, _, said := testFactory(t, "", nil)
		if code := Run(t.Context(), second, []string{"run", "--resume", dir}); code != exit.Usage || !strings.Contains(said(),
			"is being run by another wxctl") {
			t.Errorf("exit %d: %s", code, said())
		}
		return device.Opened, nil
	}
	if code := Run(t.Context(), f, []string{"run", cases(t, 1, ""), "--out", dir}); code != 0 {
		t.Fatalf("exit %d: %s", code, errOut())
	}
}

// TestSampleSuite: the suite that --example prints is the one in fixtures.
func TestSampleSuite(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "fixtures", "suites", "smoke.yaml"))
	if err != nil || !bytes.Equal(text, samples.Suite()) {
		t.Errorf("fixtures/suites/smoke.yaml and cmd/internal/samples/smoke.yaml differ (%v)", err)
	}
}

// TestLiveView shows a run on a terminal: the summary stays, and the table is
// removed.
func TestLiveView(t *testing.T) {
	phones := &scriptedPhones{ids: []string{"A", "B"}}
	phones.end = func(n int, _ string) (device.Progress, error) {
		if n == 3 {
			return device.Delivered, device.Errorf(device.NotSeen, "no screen came up")
		}
		return device.Opened, nil
	}
	f, out, _ := phones.factory(t)
	f.Streams.OutTTY = true
	Run(t.Context(), f, []string{"run", cases(t, 3, ""), "--device", "all", "--out", t.TempDir(), "--color", "never"})
	text := out()
	for _, want := range []string{"of 6", "failed   case", "no screen came up", "5 passed, 1 failed in "} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %q", want, text)
		}
	}
	if last := text[strings.LastIndex(text, "\x1b[J")+3:]; strings.Contains(last, "of 6") {
		t.Errorf("the table stays: %q", last)
	}
}

// TestRunJobs: not more phones at the same time than --jobs.
func TestRunJobs(t *testing.T) {
	ids := []string{"A", "B", "C", "D", "E"}
	phones := &scriptedPhones{ids: ids}
	f, _, errOut := phones.factory(t)
	if code := Run(t.Context(), f, []string{"run", cases(t, 4, ""), "--device", "all", "--jobs", "2", "--out", t.TempDir()}); code != 0 {
		t.Fatalf("exit %d: %s", code, errOut())
	}
	if phones.n != 20 {
		t.Errorf("%d requests", phones.n)
	}
	wait.For(t, "all to be fired", func() bool { return len(phones.fired) == 20 })
}
