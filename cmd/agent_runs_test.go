package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wxctl/wxctl/cmd/internal/metrics"
	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/lab"
	"github.com/wxctl/wxctl/device/lab/natslab"
	"github.com/wxctl/wxctl/device/lab/natslab/natsserver"
	"github.com/wxctl/wxctl/fixtures/wait"
	"github.com/wxctl/wxctl/intents/suite"
)

// TestRunsOfAgentReadNoFilesOfTheHost: a run of a lab can only read the files
// that its owner uploaded, whatever it names.
func TestRunsOfAgentReadNoFilesOfTheHost(t *testing.T) {
	dir := t.TempDir()
	brought := filepath.Join(dir, "files", "abc", "image.png")
	r := &suiteRun{plan: &suite.Plan{Dir: dir}, owner: &runOwner{files: map[string]string{"/home/me/image.png": brought, "image.png": brought}}}
	for name, want := range map[string]string{
		"image.png": brought, "/home/me/image.png": brought,
		"absent.png": "absent.png", "https://example.com/a.png": "https://example.com/a.png", "-": "-", "com.example.app": "com.example.app",
	} {
		if got := r.file(name); got != want {
			t.Errorf("%q is %q, want %q", name, got, want)
		}
	}
	for _, name := range []string{"/etc/passwd", "../../etc/passwd", "/", "a/../../b", ".."} {
		got := r.file(name)
		if rel, err := filepath.Rel(dir, got); err != nil || !filepath.IsLocal(rel) {
			t.Errorf("%q is %q, outside the run's folder", name, got)
		}
	}
	if got := (&suiteRun{}).file("/etc/hosts"); got != "/etc/hosts" {
		t.Errorf("a run of this host reads %q", got)
	}
}

// TestAgentForgetsRuns: runs without a job for a long time are removed, but not
// the files that another run uses, too.
func TestAgentForgetsRuns(t *testing.T) {
	dir := t.TempDir()
	file := func(name string) string {
		full := filepath.Join(dir, name)
		if err := os.MkdirAll(full, 0o700); err != nil {
			t.Fatal(err)
		}
		return full
	}
	run := func(name string, age time.Duration, files ...string) *keptRun {
		of := map[string]string{}
		for _, f := range files {
			of[f] = file(f)
		}
		return &keptRun{suiteRun: &suiteRun{plan: &suite.Plan{Dir: file(name)}, owner: &runOwner{files: of}}, used: time.Now().Add(-age)}
	}
	r := &agentRuns{dir: dir, runs: map[string]*keptRun{
		"old": run("old", 2*keepRuns, "shared", "own"), "new": run("new", 0, "shared"),
	}}
	r.forget()
	if len(r.runs) != 1 || r.runs["new"] == nil {
		t.Errorf("kept: %v", r.runs)
	}
	for name, want := range map[string]bool{"old": false, "own": false, "new": true, "shared": true} {
		if _, err := os.Stat(filepath.Join(dir, name)); (err == nil) != want {
			t.Errorf("%s: %v, want it there: %v", name, err, want)
		}
	}
}

// TestRunIsFetchedOnce: the phones of an agent share one fetch of a run; each
// waits no longer than its own time, and none waits for another run.
func TestRunIsFetchedOnce(t *testing.T) {
	w := newAgentWorld(t)
	w.own("one", "all")
	w.own("two", "all")
	slow := &keptRun{ready: make(chan struct{})} // another phone is fetching it
	info, _ := w.runs.agent.source.Run("one")
	w.runs.runs["one"+string(info.Key)] = slow
	first := make(chan *suiteRun, 2)
	for range 2 {
		go func() {
			r, _, err := w.runs.of(t.Context(), "one")
			if err != nil {
				t.Error(err)
			}
			first <- r
		}()
	}
	if r, _, err := w.runs.of(t.Context(), "two"); err != nil || r.id != "two" {
		t.Errorf("another run: %v, %v", r, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := w.runs.of(ctx, "one"); !errors.Is(err, context.Canceled) {
		t.Errorf("it waits without time: %v", err)
	}
	w.runs.bring(t.Context(), "one"+string(info.Key), &info, slow)
	if a, b := <-first, <-first; a != b || a.id != "one" {
		t.Errorf("%v and %v", a, b)
	}
}

// TestRunIsFetchedAgain: a plan that could not be fetched is fetched again.
func TestRunIsFetchedAgain(t *testing.T) {
	w := newAgentWorld(t)
	w.ownWith("lost", []byte(`{"plan":"files/none"}`))
	for range 2 {
		if _, _, err := w.runs.of(t.Context(), "lost"); err == nil {
			t.Error("a run without a plan is there")
		}
	}
	if len(w.runs.runs) != 0 {
		t.Errorf("%v", w.runs.runs)
	}
}

// TestAgentKeepsRunsInUse: a run is kept as long as a job uses it, and one that
// was forgotten is fetched again for its next job.
func TestAgentKeepsRunsInUse(t *testing.T) {
	w := newAgentWorld(t)
	w.own("long", "all")
	w.own("other", "all")
	of := func(id string) (*suiteRun, func()) {
		r, done, err := w.runs.of(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		return r, done
	}
	there := func(r *suiteRun) bool {
		_, err := os.Stat(r.plan.Dir)
		return err == nil
	}
	pass := func() { // more than the time for which a run is kept
		w.runs.mu.Lock()
		defer w.runs.mu.Unlock()
		for _, kept := range w.runs.runs {
			kept.used = kept.used.Add(-2 * keepRuns)
		}
	}
	first, done := of("long")
	pass()
	of("other")
	if !there(first) {
		t.Error("the files of a run are removed while a job uses them")
	}
	done()
	pass()
	of("other")
	if there(first) {
		t.Error("the files of a run stay for ever")
	}
	if again, _ := of("long"); again == first || !there(again) {
		t.Errorf("the run is not fetched again: %v", again)
	}
}

// agentWorld is an agent of a lab, as far as its runs are concerned.
type agentWorld struct {
	*testing.T
	lab  *natslab.Lab
	runs *agentRuns
}

func newAgentWorld(t *testing.T) *agentWorld {
	t.Helper()
	server, err := natsserver.Start(t.Context(), natsserver.Options{Listen: "127.0.0.1:0", Store: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	dial := func() *natslab.Lab {
		l, err := natslab.Dial(t.Context(), natslab.Access{URL: server.URL})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(l.Close)
		return l
	}
	f, _, _ := testFactory(t, "", nil)
	a := &lender{f: f, lab: dial()}
	if a.source, err = a.lab.Source(t.Context(), "agent", ""); err != nil {
		t.Fatal(err)
	}
	if a.runs, err = newAgentRuns(a); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.runs.close)
	return &agentWorld{t, dial(), a.runs}
}

// own makes a run whose plan has that name.
func (w *agentWorld) own(id, name string) {
	w.Helper()
	text, err := json.Marshal(suite.Plan{Name: name})
	if err != nil {
		w.Fatal(err)
	}
	file, err := w.lab.PutFile(w.Context(), text)
	if err != nil {
		w.Fatal(err)
	}
	work, err := json.Marshal(labWork{Plan: file})
	if err != nil {
		w.Fatal(err)
	}
	w.ownWith(id, work)
}

func (w *agentWorld) ownWith(id string, work []byte) {
	w.Helper()
	if _, err := w.lab.Own(w.Context(), natslab.Run{ID: id, Work: work}, natslab.Owner{Record: func(lab.Update) error { return nil }}); err != nil {
		w.Fatal(err)
	}
	wait.For(w.T, "the run to be seen", func() bool {
		_, ok := w.runs.agent.source.Run(id)
		return ok
	})
}

// TestMetricsOfUnpluggedPhone: a phone that is unplugged while it has a job is
// not one of the agent's phones any more, and its lease still counts.
func TestMetricsOfUnpluggedPhone(t *testing.T) {
	w := newAgentWorld(t)
	a := w.runs.agent
	a.fleet, a.o = &device.Fleet{}, &agentOptions{name: "agent"}
	p := &lentPhone{runPhone: &runPhone{name: "one"}, end: func() {}}
	a.phones = map[string]*lentPhone{"one": p}
	a.count = metrics.NewAgent(a)
	where, stop, err := a.count.Serve(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	numbers := func() string {
		response, err := http.Get("http://" + where + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(body)
	}
	back := a.leased(p)
	for _, step := range []struct {
		do   func()
		want []string
	}{
		{func() {}, []string{`wxctl_phones{state="leased"} 1`, "wxctl_leases 1"}},
		{func() { _ = a.discover(t.Context()) }, []string{`wxctl_phones{state="leased"} 0`, "wxctl_leases 1"}}, // no phone is there
		{back, []string{`wxctl_phones{state="leased"} 0`, "wxctl_leases 0"}},
	} {
		step.do()
		for got, want := numbers(), step.want; len(want) > 0; want = want[1:] {
			if !strings.Contains(got, want[0]+"\n") {
				t.Errorf("%s is not in\n%s", want[0], got)
			}
		}
	}
}
