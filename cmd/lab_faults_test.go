package cmd

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid"
	"github.com/wxctl/wxctl/device/virtual/wechat"
	"github.com/wxctl/wxctl/fixtures/labtest"
	"github.com/wxctl/wxctl/fixtures/tier"
	"github.com/wxctl/wxctl/fixtures/wait"
	"github.com/wxctl/wxctl/intents/suite"
)

// TestLabLinkCut cuts the network of one of three agents: for less than the TTL
// of leases, which has no effect, and for longer.
func TestLabLinkCut(t *testing.T) {
	tier.Need(t, "lab")
	for _, test := range []struct {
		name string
		cut  time.Duration
		ttl  time.Duration
	}{{"short", time.Second, 6 * time.Second}, {"long", 6 * time.Second, 3 * time.Second}} {
		t.Run(test.name, func(t *testing.T) {
			var link *labtest.Link
			h := newLab(t, test.ttl, 300*time.Millisecond, func(h *labHosts, a int) {
				if a == 0 {
					link = labtest.NewLink(t, h.url)
					h.through = link.URL()
				}
			})
			out := filepath.Join(h.dir, "run")
			owner := h.run(test.name, h.suite(test.name, *casesInLab), "--out", out)
			h.began(out, *casesInLab/4)
			link.Set(true)
			time.Sleep(test.cut) // the cut
			link.Set(false)
			_ = owner.Wait() // its exit code depends on how many are unknown
			run := h.settled(test.name, out, *casesInLab, owner.out)
			late := count(h.events(out), suite.AttemptLate)
			t.Logf("%+v, %d came late", run.Counts, late)
			switch {
			case test.cut < test.ttl && run.Counts.Passed != *casesInLab:
				t.Errorf("a cut of %s, with leases of %s: %+v\n%s", test.cut, test.ttl, run.Counts, owner.out)
			case run.Counts.Unknown > *phonesEach || late > run.Counts.Unknown:
				t.Errorf("%d are unknown and %d came late, of %d phones", run.Counts.Unknown, late, *phonesEach)
			}
		})
	}
}

// TestLabLateAfterTheRun: a result that comes after the end of its run is
// recorded once, by the next --resume.
func TestLabLateAfterTheRun(t *testing.T) {
	tier.Need(t, "lab")
	h := &labHosts{TB: t, dir: t.TempDir(), ttl: 3 * time.Second}
	h.serve("127.0.0.1:0")
	server, err := virtualandroid.Start(t.Context(), virtualandroid.Options{Serial: "slow", Answer: wechat.Send, Think: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	h.phones = append(h.phones, server)
	link := labtest.NewLink(t, h.url)
	h.through = link.URL()
	h.says(h.agent(0), "agent")
	out := filepath.Join(h.dir, "run")
	owner := h.run("late", h.suite("late", 1), "--out", out)
	wait.For(t, "the request to be sent", func() bool { return len(h.fired()) == 1 })
	link.Set(true)
	_ = owner.Wait() // its result is unknown
	if run := h.settled("late", out, 1, owner.out); run.Counts.Unknown != 1 || run.Results[0].Attempts[0].Late != nil {
		t.Fatalf("%+v\n%s", run.Counts, owner.out)
	}
	link.Set(false)
	wait.For(t, "the late result to be recorded", func() bool {
		resumed := h.start("owner-late", "run", "--resume", out, "--lab", h.url)
		_ = resumed.Wait()
		owner = resumed
		return count(h.events(out), suite.AttemptLate) > 0
	})
	// The agent stopped by itself, unless it was that fast.
	if !strings.Contains(owner.out.String(), "lost, came back: ") {
		t.Errorf("the resumed run says:\n%s", owner.out)
	}
	_ = h.start("owner-late", "run", "--resume", out, "--lab", h.url).Wait()
	run := h.settled("late", out, 1, owner.out)
	if n := count(h.events(out), suite.AttemptLate); n != 1 || run.Counts.Unknown != 1 || !strings.Contains(run.Results[0].Reason,
		"after a request was sent; its result came late: ") {
		t.Errorf("%d late results, %+v, %q", n, run.Counts, run.Results[0].Reason)
	}
}

// onDisk makes processes that are started from now on see a disk of that many
// bytes at a folder, each its own: full fills it, and what was written there is
// copied to kept when the process ends.
func (h *labHosts) onDisk(size, dir, kept string) (full func(*process)) {
	h.Helper()
	tier.Need(h.TB, "lab", "unshare")
	if err := errors.Join(os.MkdirAll(dir, 0o700), os.MkdirAll(kept, 0o700)); err != nil {
		h.Fatal(err)
	}
	const script = `mount -t tmpfs -o size=$0 none "$1" || exit 99
dir=$1 kept=$2; shift 2
"$@"
code=$?
rm -f "$dir/filler"
cp -r "$dir/." "$kept"
exit $code`
	h.wrap = []string{"unshare", "-rm", "sh", "-c", script, size, dir, kept}
	return func(p *process) {
		h.Helper()
		// The folder as the process sees it.
		file, err := os.Create(filepath.Join("/proc", fmt.Sprint(p.Process.Pid), "root", dir, "filler"))
		if err != nil {
			h.Fatal(err)
		}
		defer file.Close()
		for _, piece := range []int{1 << 20, 4096, 1} {
			for err = nil; err == nil; {
				_, err = file.Write(make([]byte, piece))
			}
		}
		if !strings.Contains(err.Error(), "no space left") {
			h.Fatal(err)
		}
	}
}

// TestLabOwnersDiskFull: what the owner can't record is not fired.
func TestLabOwnersDiskFull(t *testing.T) {
	tier.Need(t, "lab")
	h := newLab(t, 3*time.Second, 100*time.Millisecond, nil)
	disk, kept := filepath.Join(h.dir, "disk"), filepath.Join(h.dir, "kept")
	file := h.suite("owner", *casesInLab)
	full := h.onDisk("8m", disk, kept)
	owner := h.run("owner", file, "--out", filepath.Join(disk, "run"))
	h.wrap = nil
	wait.For(t, "attempts to end", func() bool {
		text, _ := os.ReadFile(filepath.Join("/proc", fmt.Sprint(owner.Process.Pid), "root", disk, "run", eventsFile))
		return strings.Count(string(text), `"attempt.finished"`) >= *casesInLab/4
	})
	full(owner)
	_ = owner.Wait() // its exit code is checked below
	if owner.ProcessState.ExitCode() == 0 || !strings.Contains(owner.out.String(), "no space left") {
		t.Errorf("%v\n%s", owner.ProcessState, owner.out)
	}
	written := map[string]bool{}
	for _, e := range h.events(filepath.Join(kept, "run")) {
		if e.Type == suite.AttemptFiring {
			written[e.Place.Case] = true
		}
	}
	fired := h.fired()
	if len(fired) == 0 || len(fired) == *casesInLab {
		t.Errorf("%d of %d were fired", len(fired), *casesInLab)
	}
	for i := range *casesInLab {
		if times := len(fired[transaction("owner", i)]); times > 1 || times == 1 && !written[fmt.Sprint("case ", i)] {
			t.Errorf("case %d was fired %d times, written down: %v", i, times, written[fmt.Sprint("case ", i)])
		}
	}
}

// TestLabServersDiskFull: nothing is fired that the server can't store. After
// the server is started again with space, a resumed run does the rest.
func TestLabServersDiskFull(t *testing.T) {
	tier.Need(t, "lab")
	var full func(*process)
	var kept string
	h := newLabServed(t, 3*time.Second, 200*time.Millisecond, nil, func(h *labHosts) {
		store := filepath.Join(h.dir, "lab")
		kept = filepath.Join(h.dir, "kept")
		full = h.onDisk("24m", store, kept)
		h.serve("127.0.0.1:0")
		h.wrap = nil
	})
	out := filepath.Join(h.dir, "run")
	owner := h.run("full", h.suite("full", *casesInLab), "--out", out)
	h.began(out, *casesInLab/4)
	full(h.server)
	_ = owner.Wait() // its exit code is checked below
	if !strings.Contains(owner.out.String(), "this process no longer owns the run") || !strings.Contains(owner.out.String(), "wxctl run --resume") {
		t.Errorf("%v\n%s", owner.ProcessState, owner.out)
	}
	before := len(h.fired())
	h.ends(h.server)                     // what it had stored is copied
	store := filepath.Join(h.dir, "lab") // for other processes it is empty
	if err := errors.Join(os.Remove(store), os.Rename(kept, store)); err != nil {
		t.Fatal(err)
	}
	h.serve(strings.TrimPrefix(h.url, "nats://"))
	wait.For(t, "the run to be free", func() bool {
		resumed := h.start("owner-full", "run", "--resume", out, "--lab", h.url, "-v")
		_ = resumed.Wait()
		owner = resumed
		return !strings.Contains(resumed.out.String(), "is being run by")
	})
	run := h.settled("full", out, *casesInLab, owner.out)
	if before == 0 || before == *casesInLab || run.Counts.Unknown > 3**phonesEach {
		t.Errorf("%d were fired before the disk was full: %+v\n%s", before, run.Counts, owner.out)
	}
	t.Logf("%d fired before, then %+v", before, run.Counts)
}

// TestLabAgentsDiskFull: an agent that can't keep the files of a run leaves its
// cases to others.
func TestLabAgentsDiskFull(t *testing.T) {
	tier.Need(t, "lab")
	var full func(*process)
	h := newLab(t, 3*time.Second, 0, func(h *labHosts, a int) {
		h.wrap, h.env = nil, nil
		if a == 0 {
			disk := filepath.Join(h.dir, "disk")
			full = h.onDisk("4m", disk, filepath.Join(h.dir, "kept"))
			h.env = []string{"TMPDIR=" + disk}
		}
	})
	h.wrap, h.env = nil, nil
	full(h.agents[0])
	out := filepath.Join(h.dir, "run")
	var picture bytes.Buffer
	if err := png.Encode(&picture, image.NewGray(image.Rect(0, 0, 32, 32))); err != nil {
		t.Fatal(err)
	}
	file := h.suite("agent", *casesInLab)
	text, err := os.ReadFile(file)
	if err == nil {
		text = bytes.ReplaceAll(text, []byte("do: share text, args: [hi]"), []byte("do: share image, args: [picture.png]"))
		err = errors.Join(os.WriteFile(file, text, 0o600), os.WriteFile(filepath.Join(h.dir, "picture.png"), picture.Bytes(), 0o600))
	}
	if err != nil {
		t.Fatal(err)
	}
	owner := h.run("agent", file, "--out", out)
	_ = owner.Wait() // its exit code is checked below
	run := h.settled("agent", out, *casesInLab, owner.out)
	if run.Counts.Passed != *casesInLab {
		t.Errorf("%+v\n%s\n%s", run.Counts, owner.out, h.agents[0].out)
	}
	for _, r := range run.Results {
		if r.Phone.Agent == "host0" {
			t.Errorf("%s ran on the agent whose disk is full", r.Case.Name)
			break
		}
	}
	if !strings.Contains(h.agents[0].out.String(), "no space left") {
		t.Errorf("the agent says:\n%s", h.agents[0].out)
	}
}
