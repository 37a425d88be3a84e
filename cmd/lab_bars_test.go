package cmd

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
	"weak"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/lab/natslab"
	"github.com/wxctl/wxctl/fixtures/tier"
	"github.com/wxctl/wxctl/fixtures/wait"
)

// TestCommandsAreForgotten: a process that runs one command after another, as
// an agent does for years, keeps no memory of them.
func TestCommandsAreForgotten(t *testing.T) {
	run := func() weak.Pointer[Factory] {
		f, _, errOut := testFactory(t, "", nil)
		if code := Run(t.Context(), f, []string{"share", "text", "hi", "--scene", "session", "--dry-run"}); code != 0 {
			t.Fatal(errOut())
		}
		return weak.Make(f)
	}
	kept := run()
	wait.For(t, "a command to be forgotten", func() bool {
		runtime.GC()
		return kept.Value() == nil
	})
}

// The limits of memory, in MiB: for an agent with 50 phones, and for the server
// and the owner of a run together. What they share, the program itself, counts
// once.
const (
	mostOfAgent = 80
	mostOfLab   = 120
)

// memory is the resident memory of a process, in MiB: now, the maximum so far,
// and the part that is not shared.
type memory struct{ now, most, own float64 }

// memory reads it, which works only on Linux; false once the process has ended.
func (p *process) memory() (m memory, ok bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Process.Pid))
	for line := range strings.Lines(string(text)) {
		var name string
		var kib float64
		if n, _ := fmt.Sscan(line, &name, &kib); n == 2 {
			switch name {
			case "VmRSS:":
				m.now = kib / 1024
			case "VmHWM:":
				m.most = kib / 1024
			case "RssAnon:":
				m.own = kib / 1024
			}
		}
	}
	return m, err == nil && m.now > 0
}

// TestLabMemory checks that the processes of a lab stay within their limits of
// memory.
func TestLabMemory(t *testing.T) {
	tier.Need(t, "lab")
	h := newLab(t, 30*time.Second, 0, nil)
	out := filepath.Join(h.dir, "run")
	owner := h.run("memory", h.suite("memory", *casesInLab), "--out", out)
	together, read := 0.0, 0
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = owner.Wait() // its exit code is checked below
	}()
	for over := false; !over; {
		server, here := h.server.memory()
		mine, alive := owner.memory()
		if here && alive && server.own > 0 {
			together, read = max(together, server.now+mine.own), read+1
		}
		select {
		case <-ended:
			over = true
		case <-time.After(50 * time.Millisecond):
		}
	}
	h.settled("memory", out, *casesInLab, owner.out)
	if read == 0 {
		t.Fatal("nothing was measured")
	}
	for i, a := range h.agents {
		m, ok := a.memory()
		if !ok || m.most > mostOfAgent {
			t.Errorf("agent %d: %.0f MiB resident at most, the limit is %d", i, m.most, mostOfAgent)
		}
		t.Logf("agent %d with %d phones: %.0f MiB at most, %.0f now", i, *phonesEach, m.most, m.now)
	}
	if together > mostOfLab {
		t.Errorf("the server and the owner have %.0f MiB, the limit is %d", together, mostOfLab)
	}
	t.Logf("the server and the owner: %.0f MiB at most, read %d times", together, read)
}

// BenchmarkLabLs lists 500 phones of ten agents, by the program itself.
func BenchmarkLabLs(b *testing.B) {
	h := &labHosts{TB: b, dir: b.TempDir(), ttl: 30 * time.Second}
	h.serve("127.0.0.1:0")
	l, err := natslab.Dial(b.Context(), natslab.Access{URL: h.url})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	for a := range 10 {
		agent := natslab.Agent{Name: fmt.Sprint("agent-", a)}
		for p := range 50 {
			agent.Phones = append(agent.Phones, natslab.Phone{Key: fmt.Sprintf("phone-%d-%d", a, p),
				Info: device.Info{ID: fmt.Sprint("phone-", p), Platform: device.Android, Model: "Pixel 9", OSVersion: "16", State: device.Ready}})
		}
		if err := l.Lend(b.Context(), agent); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		var listed struct{ Phones []json.RawMessage }
		out, err := exec.Command("wxctl", "lab", "ls", "--json", "--lab", h.url).Output()
		if err != nil || json.Unmarshal(out, &listed) != nil || len(listed.Phones) != 500 {
			b.Fatalf("%v: %d phones", err, len(listed.Phones))
		}
	}
}
