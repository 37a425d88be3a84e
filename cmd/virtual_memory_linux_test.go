package cmd

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/wxctl/wxctl/fixtures/tier"
)

// TestHundredPictures shares a page to a hundred phones of one process, and takes
// a picture of each at once: the maximum memory of that process stays within its
// limit. The time is for docs/verified.md.
func TestHundredPictures(t *testing.T) {
	tier.Need(t, "pictures", "chromium")
	const bar = 300 // MB
	wxctl, dir := wxctlProgram(t), t.TempDir()
	for platform, door := range map[string]string{"android": "adb", "ios": "usbmux"} {
		t.Run(platform, func(t *testing.T) {
			lab := exec.CommandContext(t.Context(), wxctl, "virtual", platform, "--count", "100", "--answer", "stay")
			out, err := lab.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := lab.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() { lab.Process.Kill(); lab.Wait() }()
			line, err := bufio.NewReader(out).ReadBytes('\n')
			if err != nil {
				t.Fatal(err)
			}
			var said map[string]any
			if err := json.Unmarshal(line, &said); err != nil {
				t.Fatalf("%v: %s", err, line)
			}
			flag := map[string]string{"adb": "--adb-server", "usbmux": "--usbmuxd"}[door]
			run := func(args ...string) time.Duration {
				t.Helper()
				begin := time.Now()
				c := exec.CommandContext(t.Context(), wxctl, append(args, "--all", "--platform", platform, flag, said[door].(string))...)
				c.Env = append(os.Environ(), "WXCTL_CONFIG_DIR="+dir, "WXCTL_STATE_DIR="+dir)
				if out, err := c.CombinedOutput(); err != nil {
					t.Fatalf("%q: %v: %s", args, err, out)
				}
				return time.Since(begin)
			}
			run("share", "webpage", "https://example.com/nightly", "--title", "Hello 你好", "--scene", "session", "--until", "delivered")
			took := run("screenshot", filepath.Join(dir, platform+".png"))
			if files, err := filepath.Glob(filepath.Join(dir, platform+"-*.png")); err != nil || len(files) != 100 {
				t.Errorf("%d pictures, %v", len(files), err)
			}
			status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", lab.Process.Pid))
			if err != nil {
				t.Fatal(err)
			}
			peak := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)
			if peak == nil {
				t.Fatalf("no VmHWM in %s", status)
			}
			kB, err := strconv.Atoi(string(peak[1]))
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("100 pictures in %v, at most %d MB", took.Round(time.Millisecond), kB>>10)
			if kB>>10 > bar {
				t.Errorf("%d MB, the limit is %d MB", kB>>10, bar)
			}
		})
	}
}
