package cmd

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/lab/natslab"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid"
	"github.com/wxctl/wxctl/device/virtual/wechat"
	"github.com/wxctl/wxctl/fixtures/tier"
	"github.com/wxctl/wxctl/fixtures/wait"
	"github.com/wxctl/wxctl/intents/suite"
)

// oneAgent starts a lab with one agent, host0, and returns what it printed first.
func oneAgent(t *testing.T, phones ...virtualandroid.Options) (*labHosts, map[string]any) {
	t.Helper()
	h := &labHosts{TB: t, dir: t.TempDir(), ttl: 3 * time.Second}
	h.serve("127.0.0.1:0")
	server, err := virtualandroid.Start(t.Context(), phones...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	h.phones = append(h.phones, server)
	h.agents = append(h.agents, h.agent(0, "--metrics", "127.0.0.1:0"))
	return h, h.says(h.agents[0], "agent")
}

// wxctl runs a command with --lab until it ends.
func (h *labHosts) wxctl(args ...string) (out string, code int) {
	h.Helper()
	c := exec.Command("wxctl", append(args, "--lab", h.url)...)
	c.Env = append(os.Environ(), "WXCTL_STATE_DIR="+filepath.Join(h.dir, "commands"), "WXCTL_CONFIG_DIR="+filepath.Join(h.dir, "config"))
	text, err := c.CombinedOutput()
	if err != nil && c.ProcessState == nil {
		h.Fatal(err)
	}
	return string(text), c.ProcessState.ExitCode()
}

// events are the events of a run so far.
func (h *labHosts) events(out string) []suite.Event {
	h.Helper()
	file, err := os.Open(filepath.Join(out, eventsFile))
	if err != nil {
		h.Fatal(err)
	}
	defer file.Close()
	var all []suite.Event
	if _, err := suite.ReadEvents(file, func(e suite.Event) error { all = append(all, e); return nil }); err != nil {
		h.Fatal(err)
	}
	return all
}

func count(events []suite.Event, kind suite.EventType) (n int) {
	for _, e := range events {
		if e.Type == kind {
			n++
		}
	}
	return n
}

// TestLabQuarantine: a phone on which three cases were errored takes no more
// jobs, which the run and `wxctl lab ls` report, until it is released.
func TestLabQuarantine(t *testing.T) {
	t.Parallel()
	h, _ := oneAgent(t, virtualandroid.Options{Serial: "broken", Without: true})
	out := filepath.Join(h.dir, "run")
	owner := h.run("errors", h.suite("errors", 3), "--out", out)
	_ = owner.Wait() // its cases are errored
	events := h.events(out)
	at := slices.IndexFunc(events, func(e suite.Event) bool { return e.Type == suite.PhoneQuarantined })
	if at < 0 || count(events, suite.PhoneQuarantined) != 1 || !strings.HasPrefix(events[at].Lost.Phone, "broken") ||
		!strings.HasPrefix(events[at].Lost.Message, "3 cases were errored within 10 minutes, the last with: WeChat") {
		t.Fatalf("%+v\n%s", events, owner.out)
	}
	if ended := count(events[:at], suite.AttemptFinished); ended != 2 {
		t.Errorf("it is quarantined when %d of 3 attempts have ended", ended)
	}
	if !strings.Contains(owner.out.String(), "phone quarantined  broken") {
		t.Errorf("the run says:\n%s", owner.out)
	}
	listed := func() string { said, _ := h.wxctl("lab", "ls"); return said }
	if !strings.Contains(listed(), "quarantined") {
		t.Errorf("lab ls says:\n%s", listed())
	}
	if said, code := h.wxctl("share", "text", "hi", "--scene", "session"); code != 10 {
		t.Errorf("a request for it: exit %d\n%s", code, said)
	}
	phone := events[at].Lost.Phone
	if said, code := h.wxctl("lab", "release", phone); code != 0 || strings.Contains(listed(), "quarantined") {
		t.Errorf("release: exit %d\n%s%s", code, said, listed())
	}
	if said, code := h.wxctl("share", "text", "hi", "--scene", "session"); code != 13 {
		t.Errorf("a request after its release: exit %d\n%s", code, said)
	}
}

// TestLabDrainWaits: drain ends when the current jobs are finished, and nothing
// is begun before the agent is released.
func TestLabDrainWaits(t *testing.T) {
	t.Parallel()
	h, _ := oneAgent(t, virtualandroid.Options{Serial: "slow", Answer: wechat.Send, Think: time.Second})
	out := filepath.Join(h.dir, "run")
	h.run("drained", h.suite("drained", 30), "--out", out)
	began := func(n int) {
		wait.For(t, fmt.Sprint(n, " attempts to be firing"), func() bool {
			text, err := os.ReadFile(filepath.Join(out, eventsFile))
			return err == nil && strings.Count(string(text), `"attempt.firing"`) >= n
		})
	}
	began(1)
	if said, code := h.wxctl("lab", "drain", "host0"); code != 0 {
		t.Fatalf("exit %d\n%s", code, said)
	}
	var fired, done int
	wait.For(t, "the owner to know", func() bool {
		events := h.events(out)
		fired, done = count(events, suite.AttemptFiring), count(events, suite.AttemptFinished)
		return fired == done
	})
	if done == 0 || done == 30 {
		t.Fatalf("%d fired and %d ended before the agent was drained", fired, done)
	}
	if reached := len(h.fired()); reached != done {
		t.Errorf("%d requests reached the phone, %d attempts ended", reached, done)
	}
	if said, code := h.wxctl("lab", "release", "host0"); code != 0 {
		t.Fatalf("exit %d\n%s", code, said)
	}
	began(done + 1)
}

// TestLabMetrics: the metrics of an agent agree with what happened.
func TestLabMetrics(t *testing.T) {
	t.Parallel()
	phone := func(serial string) virtualandroid.Options {
		return virtualandroid.Options{Serial: serial, Answer: wechat.Send}
	}
	h, said := oneAgent(t, phone("one"), phone("two"), phone("three"), virtualandroid.Options{State: "offline"})
	file := h.suite("numbers", 5)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, "  - {name: case 5, on: any, do: share text, args: [hi], with: {scene: session}, expect: {screen: favorites}}\n"...)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(h.dir, "run")
	owner := h.run("numbers", file, "--out", out)
	_ = owner.Wait() // one case fails
	if run, err := readRun(out); err != nil || run.Counts.Passed != 5 || run.Counts.Failed != 1 {
		t.Fatalf("%v\n%s", err, owner.out)
	}
	// A phone that is held, and a job that waits for it.
	if out, code := h.wxctl("lab", "hold", "three", "--for", "10m"); code != 0 {
		t.Fatal(out)
	}
	waits := h.start("owner-waits", "run", "--lab", h.url, h.suite("waits", 1), "--device", "three", "--out", filepath.Join(h.dir, "waits"))
	want := []string{`wxctl_phones{state="ready"} 2`, `wxctl_phones{state="leased"} 0`, `wxctl_phones{state="held"} 1`,
		`wxctl_phones{state="offline"} 1`, "wxctl_leases 0", "wxctl_queue_jobs 1", `wxctl_attempts_total{status="passed"} 5`,
		`wxctl_attempts_total{status="failed"} 1`, "wxctl_attempt_seconds_count 6"}
	var last string
	wait.For(t, fmt.Sprint(want), func() bool { // the phones are given back soon
		response, err := http.Get(said["metrics"].(string))
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body) // a shorter text is incomplete
		last = string(body)
		return !slices.ContainsFunc(want, func(line string) bool { return !strings.Contains(last, line+"\n") })
	})
	if t.Failed() {
		t.Log(last, waits.out)
	}
	if !regexp.MustCompile(`(?m)^wxctl_queue_age_seconds (0\.\d*[1-9]|[1-9])`).MatchString(last) {
		t.Errorf("the job that waits has no age:\n%s", last)
	}
	if strings.Contains(last, `status="errored"`) || strings.Contains(last, `status="unknown"`) {
		t.Errorf("numbers of what did not happen:\n%s", last)
	}
}

// TestLabSkewIsTold: an agent of another major version is listed as such, and a
// request is refused instead of being given to it.
func TestLabSkewIsTold(t *testing.T) {
	t.Parallel()
	h := &labHosts{TB: t, dir: t.TempDir(), ttl: time.Minute}
	h.serve("127.0.0.1:0")
	l, err := natslab.Dial(t.Context(), natslab.Access{URL: h.url})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for name, version := range map[string]string{"rack1": "v1.9.0", "rack3": "v3.0.0"} {
		err := l.Lend(t.Context(), natslab.Agent{Name: name, Version: version, Phones: []natslab.Phone{{Key: "phone of " + name,
			Info: device.Info{ID: "phone", Platform: device.Android, State: device.Ready}, WeChat: "8.0.50"}}})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		args []string
		code int
		want []string
	}{
		{[]string{"lab", "ls"}, 0, []string{"agent rack1 is too old (wxctl v1.9.0)", "agent rack3 is too new (wxctl v3.0.0)", "install this version there"}},
		{[]string{"lab", "ls", "--json"}, 0, []string{`"state":"too old"`, `"state":"too new"`, `"wechat":"8.0.50"`}},
		{[]string{"share", "text", "hi", "--scene", "session"}, 10, []string{"agent rack1 is too old", "no phone of the lab fits"}},
	} {
		f, out, errOut := testFactory(t, "", nil)
		f.Version = "v2.1.0"
		code := Run(t.Context(), f, append(test.args, "--lab", h.url))
		for _, want := range test.want {
			if code != test.code || !strings.Contains(out()+errOut(), want) {
				t.Errorf("%v: exit %d, want %d and %q\n%s%s", test.args, code, test.code, want, out(), errOut())
			}
		}
	}
}

// TestLabSeesWeChat: a lab lists which WeChat is on each phone, and which version
// of the app.
func TestLabSeesWeChat(t *testing.T) {
	t.Parallel()
	old, err := wechat.ParseVersion("7.0.3")
	if err != nil {
		t.Fatal(err)
	}
	h, _ := oneAgent(t, virtualandroid.Options{Serial: "new"}, virtualandroid.Options{Serial: "old", WeChat: old})
	var last string
	wait.For(t, "the versions to be listed", func() bool {
		last, _ = h.wxctl("lab", "ls", "--json")
		var listed struct {
			Phones []struct{ Info labInfoSelected }
		}
		if err := json.Unmarshal([]byte(last), &listed); err != nil {
			t.Fatal(err)
		}
		seen := map[string]string{}
		apps := 0
		for _, p := range listed.Phones {
			seen[p.Info.ID] = p.Info.WeChat
			if p.Info.Apps["com.example.wxdemo"] != "" {
				apps++
			}
		}
		return seen["new"] == wechat.DefaultVersion().String() && seen["old"] == "7.0.3" && apps == 2
	})
	if t.Failed() {
		t.Log(last)
	}
}

// natsWork is what the program wxctl-nats prints: the functions of NATS that
// allocated something while a command ran, except the initialization of
// packages: see TestStart.
func natsWork() []string {
	runtime.GC()
	runtime.GC() // the profile covers the time before the last two
	n, _ := runtime.MemProfile(nil, true)
	records := make([]runtime.MemProfileRecord, 2*n)
	n, ok := runtime.MemProfile(records, true)
	if !ok {
		return []string{"the profile is too long"}
	}
	var all []string
	for _, r := range records[:n] {
		found, starting := "", false
		for frames := runtime.CallersFrames(r.Stack()); ; {
			f, more := frames.Next()
			// The server's package pse examines the process every second, from
			// its init function on.
			if strings.HasPrefix(f.Function, "github.com/nats-io/") && !strings.Contains(f.Function, "/server/pse.") {
				found = f.Function
			}
			starting = starting || strings.HasPrefix(f.Function, "runtime.doInit")
			if !more {
				break
			}
		}
		if found != "" && !starting && !slices.Contains(all, found) {
			all = append(all, found)
		}
	}
	return all
}

// TestRunWithoutLab: without --lab nothing of NATS runs.
func TestRunWithoutLab(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	h := &labHosts{TB: t, dir: dir}
	file := h.suite("plain", 2)
	work := func(args ...string) string {
		c := exec.Command("wxctl-nats", args...)
		// A lab that the environment names is for `lab` and `agent`.
		c.Env = append(os.Environ(), "WXCTL_STATE_DIR="+dir, "WXCTL_CONFIG_DIR="+dir, "WXCTL_LAB_URL=nats://127.0.0.1:1")
		said, err := c.CombinedOutput()
		if c.ProcessState == nil {
			t.Fatal(err)
		}
		_, work, ok := strings.Cut(string(said), "of NATS: ")
		if !ok {
			t.Fatalf("%v: %v\n%s", args, err, said)
		}
		if args[0] == "run" && err != nil {
			t.Errorf("%v: %v\n%s", args, err, said)
		}
		return work
	}
	if got := work("run", file, "--device", "virtual:android", "--out", filepath.Join(dir, "run")); got != "[]\n" {
		t.Errorf("a run without --lab works with %s", got)
	}
	if got := work("lab", "ls"); !strings.Contains(got, "nats%2ego.Connect") {
		t.Errorf("a command with a lab works with %s", got) // otherwise the test would see nothing
	}
}

// TestLabResumedBeforeItsAgents: a lab whose server was started again lists no
// phones until its agents report them; a resumed run waits for those that it had.
func TestLabResumedBeforeItsAgents(t *testing.T) {
	tier.Need(t, "lab")
	h := newLab(t, 3*time.Second, 200*time.Millisecond, nil)
	out := filepath.Join(h.dir, "run")
	owner := h.run("early", h.suite("early", *casesInLab), "--out", out)
	h.began(out, *casesInLab/4)
	owner.kill()
	for _, a := range h.agents {
		h.ends(a)
	}
	var resumed *process
	wait.For(t, "the resumed run to wait", func() bool {
		if resumed == nil {
			resumed = h.start("owner-early", "run", "--resume", out, "--lab", h.url, "-v")
		}
		if resumed.ProcessState != nil {
			t.Fatalf("it did not wait:\n%s", resumed.out)
		}
		return strings.Contains(resumed.out.String(), "waiting for the phone")
	})
	for a := range h.agents {
		h.agents[a] = h.agent(a)
	}
	_ = resumed.Wait() // its code depends on what is unknown
	run := h.settled("early", out, *casesInLab, resumed.out)
	if run.Counts.Unknown > 3**phonesEach {
		t.Errorf("%+v\n%s", run.Counts, resumed.out)
	}
}
