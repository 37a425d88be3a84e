package cmd

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
	"github.com/wxctl/wxctl/device/virtual/wechat"
	"github.com/wxctl/wxctl/fixtures/tier"
	"github.com/wxctl/wxctl/fixtures/wait"
	"github.com/wxctl/wxctl/intents/suite"
)

// The sizes of the labs of these tests; the tier's long form makes them larger.
var (
	casesInLab = flag.Int("lab-cases", 60, "how many cases run in a lab")
	phonesEach = flag.Int("lab-phones", 4, "how many phones each of its three agents has")
)

// labHosts is a lab of real processes: a server and agents. The phones are in
// the test's process, outlive the others, and count what was fired at them.
type labHosts struct {
	testing.TB
	dir, url string
	env      []string // of what is started from now on
	ttl      time.Duration
	phones   []*virtualandroid.Server
	server   *process
	agents   []*process

	program string   // what is started; empty for wxctl
	wrap    []string // what it is started by
	through string   // the server's address for the next agent, if not its own
}

// process is a wxctl that runs.
type process struct {
	*exec.Cmd
	in  interface{ Close() error }
	out *lockedText
}

// start starts a wxctl, whose state is in a folder of its own.
func (h *labHosts) start(name string, args ...string) *process {
	h.Helper()
	line := append(append(slices.Clone(h.wrap), cmp.Or(h.program, "wxctl")), args...)
	p := &process{Cmd: exec.Command(line[0], line[1:]...), out: &lockedText{}}
	p.Env = append(os.Environ(), "WXCTL_STATE_DIR="+filepath.Join(h.dir, name), "WXCTL_CONFIG_DIR="+filepath.Join(h.dir, "config"))
	p.Env = append(p.Env, h.env...)
	p.Stdout, p.Stderr = p.out, p.out
	in, err := p.StdinPipe()
	if err != nil {
		h.Fatal(err)
	}
	p.in = in
	if err := p.Start(); err != nil {
		h.Fatal(err)
	}
	h.Cleanup(func() { p.kill() })
	return p
}

// kill ends the process as a power cut does.
func (p *process) kill() {
	_ = p.Process.Kill() // it may have ended
	_ = p.in.Close()     // what it had started ends, too
	_ = p.Wait()
}

// says waits for a JSON line with a field and returns the line's object.
func (h *labHosts) says(p *process, field string) map[string]any {
	h.Helper()
	var found map[string]any
	wait.For(h.TB, fmt.Sprintf("%v to say %s", p.Args, field), func() bool {
		for s := bufio.NewScanner(strings.NewReader(p.out.String())); s.Scan(); {
			var v map[string]any
			if json.Unmarshal(s.Bytes(), &v) == nil && v[field] != nil {
				found = v
			}
		}
		return found != nil
	})
	return found
}

// newLab starts a lab with three agents; before, which may be nil, is called
// before each.
func newLab(t *testing.T, ttl time.Duration, think time.Duration, before func(h *labHosts, a int)) *labHosts {
	t.Helper()
	return newLabServed(t, ttl, think, before, func(h *labHosts) { h.serve("127.0.0.1:0") })
}

// newLabServed is newLab with a server that serve starts.
func newLabServed(t *testing.T, ttl, think time.Duration, before func(h *labHosts, a int), serve func(h *labHosts)) *labHosts {
	t.Helper()
	h := &labHosts{TB: t, dir: t.TempDir(), ttl: ttl}
	serve(h)
	for a := range 3 {
		if before != nil {
			before(h, a)
		}
		var options []virtualandroid.Options
		for i := range *phonesEach {
			options = append(options, virtualandroid.Options{Answer: wechat.Send, Think: think, Serial: fmt.Sprintf("host%dphone%d", a, i)})
		}
		server, err := virtualandroid.Start(t.Context(), options...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { server.Close() })
		h.phones = append(h.phones, server)
		h.agents = append(h.agents, h.agent(a))
	}
	for _, a := range h.agents {
		if said := h.says(a, "agent"); said["phones"] != float64(*phonesEach) {
			t.Fatalf("an agent lends %v phones: %s", said["phones"], a.out)
		}
	}
	return h
}

func (h *labHosts) serve(listen string) {
	h.Helper()
	h.server = h.start("server", "lab", "serve", "--listen", listen, "--store", filepath.Join(h.dir, "lab"), "--lease-ttl", h.ttl.String())
	h.url = h.says(h.server, "url")["url"].(string)
}

func (h *labHosts) agent(a int, more ...string) *process {
	url := cmp.Or(h.through, h.url)
	h.through = ""
	args := []string{"agent", "--lab", url, "--name", fmt.Sprint("host", a), "--platform", "android", "--adb-server", h.phones[a].ADB,
		"--label", fmt.Sprint("rack=", a)}
	return h.start(fmt.Sprint("host", a), append(args, more...)...)
}

// suite writes a suite of that many cases, each with a transaction of its own.
func (h *labHosts) suite(name string, n int) string {
	h.Helper()
	file := filepath.Join(h.dir, name+".yaml")
	var b strings.Builder
	fmt.Fprintf(&b, "version: 1\nname: %s\ncases:\n", name)
	for i := range n {
		fmt.Fprintf(&b, "  - {name: case %d, on: any, do: share text, args: [hi], with: {scene: session, until: replied, transaction: %s}}\n", i,
			transaction(name, i))
	}
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		h.Fatal(err)
	}
	return file
}

func transaction(suite string, i int) string { return fmt.Sprintf("%s-case-%d-end", suite, i) }

// run starts a run in the lab.
func (h *labHosts) run(name string, args ...string) *process {
	h.Helper()
	return h.start("owner-"+name, append([]string{"run", "--lab", h.url, "--device", "all", "-v"}, args...)...)
}

// began waits until that many attempts of a run have ended.
func (h *labHosts) began(out string, n int) {
	h.Helper()
	wait.For(h.TB, fmt.Sprint(n, " attempts to end"), func() bool {
		text, err := os.ReadFile(filepath.Join(out, eventsFile))
		return err == nil && strings.Count(string(text), `"attempt.finished"`) >= n
	})
}

// fired is how often each transaction reached a phone, and which agents' phones.
func (h *labHosts) fired() map[string][]int {
	all := map[string][]int{}
	for a, server := range h.phones {
		for _, p := range server.Phones {
			var log bytes.Buffer
			p.Exec(context.Background(), phone.Command{Line: "logcat -d", Stdout: &log, Stderr: &log})
			for _, word := range strings.Split(log.String(), `"`) {
				if strings.HasSuffix(word, "-end") {
					all[word] = append(all[word], a)
				}
			}
		}
	}
	return all
}

// settled checks what a lab guarantees for a run: every case ended, none was
// fired twice, and what passed was fired.
func (h *labHosts) settled(name, out string, n int, said fmt.Stringer) *suite.Run {
	h.Helper()
	run, err := readRun(out)
	if err != nil {
		h.Fatalf("%v\n%s", err, said)
	}
	if run.Finished.IsZero() || len(run.Results) != n {
		h.Errorf("%s: %d of %d cases, finished %v\n%s", name, len(run.Results), n, run.Finished, said)
	}
	fired := h.fired()
	for _, r := range run.Results {
		var i int
		if _, err := fmt.Sscanf(r.Case.Name, "case %d", &i); err != nil {
			h.Fatal(err)
		}
		times := len(fired[transaction(name, i)])
		if times > 1 || times == 0 && r.Status == suite.Passed {
			h.Errorf("%s was fired %d times, and is %s", r.Case.Name, times, r.Status)
		}
		if r.Status != suite.Passed && r.Status != suite.Unknown {
			h.Errorf("%s is %s: %s", r.Case.Name, r.Status, r.Reason)
		}
	}
	return run
}

// TestLab runs a suite in a lab of four processes and the owner's.
func TestLab(t *testing.T) {
	h := newLab(t, 3*time.Second, 0, nil)
	out := filepath.Join(h.dir, "run")
	owner := h.run("all", h.suite("all", *casesInLab), "--out", out)
	_ = owner.Wait() // its exit code is checked below
	run := h.settled("all", out, *casesInLab, owner.out)
	if run.Counts.Passed != *casesInLab || run.ExitCode != 0 {
		t.Errorf("%+v, exit %d\n%s", run.Counts, run.ExitCode, owner.out)
	}
	var hosts []string
	for _, r := range run.Results {
		if !slices.Contains(hosts, r.Phone.Agent) {
			hosts = append(hosts, r.Phone.Agent)
		}
	}
	if len(hosts) != 3 {
		t.Errorf("the cases ran on %q", hosts)
	}
	h.ends(h.agents[0])
}

// ends checks that a process ends by itself when its standard input does.
func (h *labHosts) ends(p *process) {
	h.Helper()
	_ = p.in.Close()
	ended := make(chan error, 1)
	go func() { ended <- p.Wait() }()
	select {
	case err := <-ended:
		if err != nil {
			h.Errorf("%v: %v\n%s", p.Args, err, p.out)
		}
	case <-time.After(wait.Plenty):
		h.Errorf("%v does not end", p.Args)
	}
}

// TestLabAgentKilled: what was on a phone of the agent is unknown, and the
// others do the rest.
func TestLabAgentKilled(t *testing.T) {
	tier.Need(t, "lab")
	h := newLab(t, 3*time.Second, 300*time.Millisecond, nil)
	out := filepath.Join(h.dir, "run")
	owner := h.run("killed", h.suite("killed", *casesInLab), "--out", out)
	h.began(out, *casesInLab/4)
	h.agents[0].kill()
	killed := time.Now()
	free := make(chan time.Duration, 1)
	go func() { // its phones are free again
		for {
			ls, _ := exec.Command("wxctl", "lab", "ls", "--json", "--lab", h.url).Output()
			var listed struct{ Phones []struct{ Agent, Run string } }
			held := json.Unmarshal(ls, &listed) != nil
			for _, p := range listed.Phones {
				held = held || p.Agent == "host0" && p.Run != ""
			}
			if !held || time.Since(killed) > time.Minute {
				free <- time.Since(killed)
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
	}()
	_ = owner.Wait() // its exit code depends on how many are unknown
	run := h.settled("killed", out, *casesInLab, owner.out)
	if run.Counts.Unknown > *phonesEach {
		t.Errorf("%d are unknown, of %d phones that were lost", run.Counts.Unknown, *phonesEach)
	}
	fired := h.fired()
	for _, r := range run.Results {
		if r.Status == suite.Unknown {
			var i int
			fmt.Sscanf(r.Case.Name, "case %d", &i)
			if on := fired[transaction("killed", i)]; slices.ContainsFunc(on, func(a int) bool { return a != 0 }) {
				t.Errorf("%s is unknown, and was on a phone of an agent that lives", r.Case.Name)
			}
		}
	}
	t.Logf("%+v; its phones were free after %s (TTL %s)", run.Counts, (<-free).Round(10*time.Millisecond), h.ttl)
}

// TestLabOwnerKilled: the run is resumed from what the lab has stored.
func TestLabOwnerKilled(t *testing.T) {
	tier.Need(t, "lab")
	h := newLab(t, 3*time.Second, 100*time.Millisecond, nil)
	out := filepath.Join(h.dir, "run")
	owner := h.run("owner", h.suite("owner", *casesInLab), "--out", out)
	h.began(out, *casesInLab/4)
	owner.kill()
	// Nobody else can take over the run while its lease lasts.
	var again *process
	wait.For(t, "the owner's lease to end", func() bool {
		again = h.run("owner", "--resume", out)
		_ = again.Wait() // its exit code is checked below
		return !strings.Contains(again.out.String(), "is being run by")
	})
	run := h.settled("owner", out, *casesInLab, again.out)
	t.Logf("%+v", run.Counts)
}

// TestLabServerKilled: the run continues by itself when the server is back.
func TestLabServerKilled(t *testing.T) {
	tier.Need(t, "lab")
	h := newLab(t, 5*time.Second, 100*time.Millisecond, nil)
	out := filepath.Join(h.dir, "run")
	owner := h.run("server", h.suite("server", *casesInLab), "--out", out)
	h.began(out, *casesInLab/4)
	h.server.kill()
	time.Sleep(500 * time.Millisecond) // an outage shorter than the TTL
	h.serve(strings.TrimPrefix(h.url, "nats://"))
	_ = owner.Wait() // its exit code depends on how many are unknown
	run := h.settled("server", out, *casesInLab, owner.out)
	t.Logf("%+v", run.Counts)
	if run.Counts.Passed < *casesInLab-3**phonesEach {
		t.Errorf("%+v", run.Counts)
	}
}

// TestLabRunsCompete: two runs share the phones, and neither waits for the end
// of the other.
func TestLabRunsCompete(t *testing.T) {
	tier.Need(t, "lab")
	h := newLab(t, 3*time.Second, 50*time.Millisecond, nil)
	var owners []*process
	for _, name := range []string{"first", "second"} {
		owners = append(owners, h.run(name, h.suite(name, *casesInLab), "--out", filepath.Join(h.dir, name)))
	}
	var runs []*suite.Run
	for i, name := range []string{"first", "second"} {
		_ = owners[i].Wait() // its exit code is checked below
		runs = append(runs, h.settled(name, filepath.Join(h.dir, name), *casesInLab, owners[i].out))
	}
	for i, run := range runs {
		if run.Counts.Passed != *casesInLab {
			t.Errorf("%+v\n%s", run.Counts, owners[i].out)
		}
	}
	if runs[0].Last.Before(runs[1].Started) || runs[1].Last.Before(runs[0].Started) {
		t.Error("one run was over before the other began")
	}
}

// TestLabPage runs the commands of the page in their order: servers are
// started, and all other commands must succeed.
func TestLabPage(t *testing.T) {
	t.Parallel()
	h := &labHosts{TB: t, dir: t.TempDir(), ttl: 3 * time.Second}
	work := t.TempDir()
	done := map[string]int{}
	for _, block := range fenced.FindAllStringSubmatch(page(t, "lab.md"), -1) {
		if block[1] != "sh" {
			continue
		}
		for line := range strings.Lines(block[2]) {
			line, file, _ := strings.Cut(strings.TrimSpace(strings.ReplaceAll(line, "nats://127.0.0.1:4222", h.url)), " > ")
			args, _ := shellWords(t, line)
			done[args[0]]++
			switch {
			case args[0] == "lab" && args[1] == "serve":
				h.serve("127.0.0.1:0")
				continue
			case args[0] == "agent":
				h.says(h.start("agent", args...), "agent")
				continue
			}
			c := exec.Command("wxctl", args...)
			c.Dir, c.Env = work, append(os.Environ(), "WXCTL_CONFIG_DIR="+h.dir, "WXCTL_STATE_DIR="+h.dir)
			out, err := c.Output()
			if err != nil {
				t.Fatalf("%s: %v\n%s", line, err, out)
			}
			if file != "" {
				if err := os.WriteFile(filepath.Join(work, file), out, 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if done["agent"] != 1 || done["lab"] != 2 || done["run"] < 3 || done["share"] != 1 || done["devices"] != 1 {
		t.Errorf("the page has %v", done)
	}
}

// inExampleLab starts a lab for an example: its agent rack3 lends the phone
// R58N123ABC. Keys and certificates are those of another host.
func inExampleLab(t *testing.T, args []string) []string {
	t.Helper()
	h := &labHosts{TB: t, dir: t.TempDir(), ttl: 3 * time.Second}
	h.serve("127.0.0.1:0")
	phones, err := virtualandroid.Start(t.Context(), virtualandroid.Options{Serial: "R58N123ABC", Answer: wechat.Send})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { phones.Close() })
	h.says(h.start("rack3", "agent", "--lab", h.url, "--name", "rack3", "--platform", "android", "--adb-server", phones.ADB), "agent")
	var changed []string
	for i := 0; i < len(args); i++ {
		switch {
		case args[i] == "--lab-key" || args[i] == "--lab-ca":
			i++
		case strings.HasPrefix(args[i], "nats://"):
			changed = append(changed, h.url)
		case args[i] == "127.0.0.1:9464":
			changed = append(changed, "127.0.0.1:0")
		default:
			changed = append(changed, args[i])
		}
	}
	return changed
}
