package cmd

import (
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wxctl/wxctl/fixtures/tier"
)

// TestLabClocks: agents whose clocks are a minute fast and a minute slow, and an
// owner whose clock is a minute slow: leases last, and end, by the server's
// clock.
func TestLabClocks(t *testing.T) {
	tier.Need(t, "lab")
	if testing.Short() {
		t.Skip("it builds the program with all of Go's library: for the tier's long form")
	}
	program := shifted(t)
	h := newLab(t, 3*time.Second, 200*time.Millisecond, func(h *labHosts, a int) {
		h.program, h.env = program, []string{"SHIFTED_CLOCK=" + []string{"60", "-60", "0"}[a]}
	})
	h.env = []string{"SHIFTED_CLOCK=-60"}
	ls := exec.Command(program, "lab", "ls", "--json", "--lab", h.url)
	var listed struct{ Agents []struct{ Since time.Time } }
	if out, err := ls.Output(); err != nil || json.Unmarshal(out, &listed) != nil || len(listed.Agents) != 3 ||
		listed.Agents[0].Since.Sub(listed.Agents[1].Since) < time.Minute {
		t.Fatalf("the clocks agree: %v, %v", listed, err)
	}
	out := filepath.Join(h.dir, "run")
	owner := h.run("clocks", h.suite("clocks", *casesInLab), "--out", out)
	h.began(out, *casesInLab/4)
	h.agents[1].kill() // the slow one: its leases don't last a minute longer
	killed := time.Now()
	_ = owner.Wait() // its exit code depends on how many are unknown
	run := h.settled("clocks", out, *casesInLab, owner.out)
	if run.Counts.Unknown > *phonesEach || run.Counts.Passed < *casesInLab-*phonesEach {
		t.Errorf("%+v\n%s", run.Counts, owner.out)
	}
	if took := time.Since(killed); took > 50*time.Second {
		t.Errorf("the run took %s: the leases waited for a clock", took)
	}
	t.Logf("%+v, %s after one was killed", run.Counts, time.Since(killed).Round(time.Second))
}

// shifted builds a wxctl in which all of Go's clocks are off by SHIFTED_CLOCK
// seconds. Go programs ask the kernel for the time, so a preloaded library
// can't do it.
func shifted(t *testing.T) string {
	t.Helper()
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	src := filepath.Join(strings.TrimSpace(string(root)), "src", "time")
	text, err := os.ReadFile(filepath.Join(src, "time.go"))
	if err != nil {
		t.Fatal(err)
	}
	const asked = "func Now() Time {\n\tsec, nsec, mono := runtimeNow()\n"
	if strings.Count(string(text), asked) != 1 {
		t.Fatal("time.Now is written another way by now")
	}
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {
		filepath.Join(src, "time.go"): write("time.go", strings.Replace(string(text), asked, asked+"\tsec += shift\n", 1)),
		filepath.Join(src, "shift.go"): write("shift.go", `package time

import "syscall"

var shift = func() (s int64) {
	text, _ := syscall.Getenv("SHIFTED_CLOCK")
	sign := int64(1)
	for _, c := range text {
		if c == '-' {
			sign = -1
		} else {
			s = 10*s + int64(c-'0')
		}
	}
	return sign * s
}()
`)}})
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "wxctl")
	build := exec.Command("go", "build", "-trimpath", "-overlay", write("overlay.json", string(overlay)), "-o", program, "..")
	build.Stderr = io.Discard
	if out, err := build.Output(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return program
}
