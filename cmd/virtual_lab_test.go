package cmd

import (
	"bufio"
	"bytes"
	"encoding/json"
	"image/png"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid"
	"github.com/wxctl/wxctl/device/virtual/virtualios"
	"github.com/wxctl/wxctl/fixtures/tier"
	"github.com/wxctl/wxctl/fixtures/wait"
)

// TestLabThroughRealServer starts virtual phones in two processes behind
// Debian's adb server, three of different API levels and makers and two more:
// they are five phones with five serial numbers, and --all drives each once.
// `adb exec-out screencap -p` returns the same picture as wxctl.
func TestLabThroughRealServer(t *testing.T) {
	program := tier.Need(t, "adb", "adb")[0]
	wxctl, dir := wxctlProgram(t), t.TempDir()
	port := strconv.Itoa(wait.Port(t))
	env := append(os.Environ(), "HOME="+dir, "ADB_LOCAL_TRANSPORT_MAX_PORT=5554", "ADB_VENDOR_KEYS=", "ANDROID_SERIAL=", "ADB_SERVER_SOCKET=",
		"WXCTL_CONFIG_DIR="+dir, "WXCTL_STATE_DIR="+dir)
	run := func(name string, args ...string) *exec.Cmd {
		c := exec.CommandContext(t.Context(), name, args...)
		c.Env = env
		return c
	}
	server := run(program, "-P", port, "nodaemon", "server")
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Process.Kill(); server.Wait() })
	wait.For(t, "the adb server", func() bool {
		c, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	adb := func(args ...string) []byte {
		t.Helper()
		out, err := run(program, append([]string{"-P", port}, args...)...).Output()
		if err != nil {
			t.Fatalf("adb %q: %v: %s", args, err, out)
		}
		return out
	}
	var serials []string
	var addresses []string
	for _, phones := range [][]string{
		{"virtual:android?api=28&maker=xiaomi", "virtual:android?api=30&maker=huawei", "virtual:android?api=34&maker=samsung"},
		{"--count", "2", "--think", "1ms"},
	} {
		lab := run(wxctl, append([]string{"virtual", "android"}, phones...)...)
		lab.WaitDelay = wait.Plenty
		out, err := lab.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := lab.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { lab.Process.Kill(); lab.Wait() })
		line, err := bufio.NewReader(out).ReadBytes('\n')
		if err != nil {
			t.Fatal(err)
		}
		var said struct{ Adbds, Serials []string }
		if err := json.Unmarshal(line, &said); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		serials, addresses = append(serials, said.Serials...), append(addresses, said.Adbds...)
	}
	var own []string
	for _, at := range addresses {
		adb("connect", at)
		adb("-s", at, "wait-for-device")
		own = append(own, strings.TrimSpace(string(adb("-s", at, "shell", "getprop", "ro.serialno"))))
	}
	distinct := slices.Compact(slices.Sorted(slices.Values(own)))
	if len(distinct) != 5 || !slices.Equal(own, serials) {
		t.Errorf("the phones call themselves %q, they were told to be %q", own, serials)
	}
	for i, maker := range []string{"Xiaomi", "HUAWEI", "samsung", "wxctl", "wxctl"} {
		if got := strings.TrimSpace(string(adb("-s", addresses[i], "shell", "getprop", "ro.product.manufacturer"))); got != maker {
			t.Errorf("phone %d is of %q, want %q", i, got, maker)
		}
	}
	refusals := [][]string{{"Injecting to another application", "input", "keyevent", "4"}, nil, {"access user 150", "pm", "list", "packages"}}
	for i, refusal := range refusals {
		if refusal == nil {
			continue
		}
		out, err := run(program, append([]string{"-P", port, "-s", addresses[i], "shell"}, refusal[1:]...)...).CombinedOutput()
		if err == nil || !bytes.Contains(out, []byte(refusal[0])) {
			t.Errorf("adb shell %q: %v: %s", refusal[1:], err, out)
		}
	}
	share := run(wxctl, "share", "text", "hello", "--all", "--json", "--adb-server", "127.0.0.1:"+port, "--platform", "android")
	var errOut bytes.Buffer
	share.Stderr = &errOut
	out, err := share.Output()
	if err != nil {
		t.Fatalf("%v: %s%s", err, out, errOut.Bytes())
	}
	levels := map[string]int{}
	var driven []string
	for line := range strings.Lines(string(out)) {
		var o struct {
			State  string
			Device struct{ ID, OSVersion string }
		}
		if err := json.Unmarshal([]byte(line), &o); err != nil {
			t.Errorf("%v: %s", err, line)
		}
		if o.Device.ID == "" { // the summary
			continue
		}
		levels[o.Device.OSVersion]++
		driven = append(driven, o.Device.ID)
	}
	slices.Sort(driven)
	slices.Sort(addresses)
	if !slices.Equal(driven, addresses) || levels["9"] != 1 || levels["11"] != 1 || levels["14"] != 3 {
		t.Errorf("driven: %q of %v, phones: %q", driven, levels, addresses)
	}

	// The pages change until the virtual users have finished.
	for _, at := range addresses {
		file := dir + "/" + strings.ReplaceAll(at, ":", "-") + ".png"
		wait.For(t, at+": the same picture by adb and by wxctl", func() bool {
			if out, err := run(wxctl, "screenshot", file, "--overwrite", "--device", at, "--adb-server", "127.0.0.1:"+port).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			ours, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			theirs := adb("-s", at, "exec-out", "screencap", "-p")
			if _, err := png.Decode(bytes.NewReader(theirs)); err != nil {
				t.Fatal(err)
			}
			return bytes.Equal(theirs, ours)
		})
	}
}

// TestScreenshotOfLocked: a screenshot works while another command holds the
// phone's lock.
func TestScreenshotOfLocked(t *testing.T) {
	t.Parallel()
	android, err := virtualandroid.Start(t.Context(), virtualandroid.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer android.Close()
	iphone, err := virtualios.Start(t.Context(), virtualios.Config{}, virtualios.Options{WDA: virtualios.WDAOn})
	if err != nil {
		t.Fatal(err)
	}
	defer iphone.Close()
	for platform, want := range map[string][]byte{"android": android.Phones[0].Screenshot(), "ios": iphone.Phones[0].Model.Screenshot()} {
		file := filepath.Join(t.TempDir(), "now.png")
		f, out, errOut := testFactory(t, "", nil)
		if code := Run(t.Context(), f, []string{"screenshot", file, "--platform", platform, "--adb-server", android.ADB, "--usbmuxd",
			iphone.USBMux}); code != 0 {
			t.Fatalf("%s: exit %d: %s%s", platform, code, out(), errOut())
		}
		if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes, %v", platform, len(got), err)
		}
		film := filepath.Join(t.TempDir(), "film.gif")
		if code := Run(t.Context(), f, []string{"record", film, "--for", "200ms", "--platform", platform, "--adb-server", android.ADB, "--usbmuxd",
			iphone.USBMux}); code != 0 {
			t.Errorf("%s: exit %d: %s%s", platform, code, out(), errOut())
		}
	}
}
