package cmd

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
	"github.com/wxctl/wxctl/device/virtual/wechat"
	"github.com/wxctl/wxctl/fixtures/wait"
	"github.com/wxctl/wxctl/intents/suite"
)

// runKills is how many runs TestKilledRun kills; the long form of the tests
// makes it 100.
var runKills = flag.Int("run-kills", 3, "how many runs to kill")

// TestKilledRun kills runs at random moments and resumes them, on phones that
// are not killed: each request has a transaction of its own, which returns to
// the app once for every time that it was fired.
func TestKilledRun(t *testing.T) {
	t.Parallel()
	options := virtualandroid.Options{Answer: wechat.Send, Think: time.Millisecond}
	server, err := virtualandroid.Start(t.Context(), options, options)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	unknown := 0
	for kill := range *runKills {
		unknown += killedRun(t, server, kill)
		if t.Failed() {
			return
		}
	}
	t.Logf("%d runs were killed and resumed; %d cases are unknown", *runKills, unknown)
}

// killedRun kills one run, resumes it, and returns how many cases are unknown.
func killedRun(t *testing.T, server *virtualandroid.Server, kill int) int {
	t.Helper()
	const n = 6
	var b strings.Builder
	b.WriteString("version: 1\nname: killed\ncases:\n")
	for i := range n {
		fmt.Fprintf(&b, "  - {name: case %d, do: share text, args: [hi], with: {scene: session, until: replied, transaction: \"kill-%d-case-%d-${device.id}\"}}\n", i, kill, i)
	}
	dir := t.TempDir()
	file, out := filepath.Join(dir, "killed.yaml"), filepath.Join(dir, "run")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	start := func(args ...string) (*exec.Cmd, *bytes.Buffer) {
		c := exec.Command("wxctl", append(append([]string{"run"}, args...), "--device", "all", "--platform", "android", "--adb-server",
			server.ADB)...)
		c.Env = append(os.Environ(), "WXCTL_STATE_DIR="+dir, "WXCTL_CONFIG_DIR="+dir)
		said := &bytes.Buffer{}
		c.Stdout, c.Stderr = said, said
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		return c, said
	}
	first, said := start(file, "--out", out)
	wait.For(t, "the run to begin", func() bool {
		info, err := os.Stat(filepath.Join(out, eventsFile))
		return err == nil && info.Size() > 0
	})
	time.Sleep(rand.N(400 * time.Millisecond)) // the moment of the kill
	_ = first.Process.Kill()                   // it may have ended
	_ = first.Wait()
	second, saidAgain := start("--resume", out)
	_ = second.Wait() // its exit code depends on how many are unknown
	text, run := results(t, out)
	if run.Counts.Total() != 2*n || run.Counts.Passed+run.Counts.Unknown != 2*n || run.Finished.IsZero() {
		t.Errorf("kill %d: %+v\n%s\n%s\n%s", kill, run.Counts, text, said, saidAgain)
	}
	for _, p := range server.Phones {
		var log bytes.Buffer
		p.Exec(context.Background(), phone.Command{Line: "logcat -d", Stdout: &log, Stderr: &log})
		for _, r := range run.Results {
			if r.Phone.ID != p.Serial() {
				continue
			}
			transaction := fmt.Sprintf("kill-%d-%s-%s", kill, strings.ReplaceAll(r.Case.Name, " ", "-"), p.Serial())
			count := strings.Count(log.String(), `"`+transaction+`"`)
			if count > 1 || count == 0 && r.Status == suite.Passed {
				t.Errorf("kill %d: %s was fired %d times, and is %s", kill, transaction, count, r.Status)
			}
		}
	}
	return run.Counts.Unknown
}
