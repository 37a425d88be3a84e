package virtualandroid_test

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid"
	"github.com/wxctl/wxctl/fixtures/tier"
	"github.com/wxctl/wxctl/fixtures/wait"
)

// devicesOf starts one phone with both protocols and returns it with the
// address of its device side.
func devicesOf(t *testing.T, o virtualandroid.Options) (*virtualandroid.Server, string) {
	t.Helper()
	s := start(t, o)
	adbds, err := s.ServeDevices(0)
	if err != nil {
		t.Fatal(err)
	}
	return s, adbds[0]
}

// TestConnect connects the adb server to the device side of its own phone.
func TestConnect(t *testing.T) {
	s, adbd := devicesOf(t, virtualandroid.Options{API: 33})
	_, port, err := net.SplitHostPort(adbd)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ requests, want string }{
		{"host:connect:127.0.0.1:1", "OKAY0036failed to connect to '127.0.0.1:1': Connection refused"},
		{"host:connect:" + adbd, "connected to " + adbd},
		{"host:connect:" + adbd, "already connected to " + adbd},
		{"host:devices", adbd + "\tdevice\nvirtual-android\tdevice\n"},
		{"host:transport:" + adbd + " shell:getprop ro.build.version.sdk", "OKAY33\n"},
		{"host:transport-any shell:true", "FAIL001dmore than one device/emulator"},
		{"host:disconnect:" + adbd, "disconnected " + adbd},
		{"host:devices", "OKAY0017virtual-android\tdevice\n"},
		{"host:connect:localhost:" + port, "connected to localhost:" + port},
	} {
		requests := []string{tt.requests}
		if first, rest, ok := strings.Cut(tt.requests, " "); ok && !strings.HasPrefix(tt.want, "FAIL") {
			requests = []string{first, rest}
		} else if ok {
			requests = []string{first}
		}
		if got := request(t, s.ADB, requests...); !strings.HasSuffix(got, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.requests, got, tt.want)
		}
	}
}

// TestKeyThroughRealServer has the phone ask Debian's adb server for its key:
// it is offered, allowed, and known the next time.
func TestKeyThroughRealServer(t *testing.T) {
	address := realServer(t, tier.Need(t, "adb", "adb")[0])
	_, adbd := devicesOf(t, virtualandroid.Options{Keys: true})
	// adb reports a failure, if it was faster than the phone's user.
	first := request(t, address, "host:connect:"+adbd)
	if !strings.HasSuffix(first, "failed to authenticate to "+adbd) && !strings.HasSuffix(first, "connected to "+adbd) {
		t.Errorf("connect: %q", first)
	}
	for deadline := time.Now().Add(wait.Plenty); ; time.Sleep(20 * time.Millisecond) {
		got := request(t, address, "host-serial:"+adbd+":get-state")
		if got == "OKAY0006device" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("never authorized: %q", got)
		}
	}
	if got := request(t, address, "host:transport:"+adbd, "shell:echo in"); !strings.HasSuffix(got, "in\n") {
		t.Errorf("shell: %q", got)
	}
	request(t, address, "host:disconnect:"+adbd)
	if got := request(t, address, "host:connect:"+adbd); !strings.HasSuffix(got, "connected to "+adbd) || strings.Contains(got, "failed") {
		t.Errorf("connect by signature: %q", got)
	}
}

// TestPhoneForAdbShell: the strictest client of the transport protocol uses the
// whole phone: its shell, its files, its question for a key.
func TestPhoneForAdbShell(t *testing.T) {
	const dir = "../../../fixtures/interop/adb"
	python := tier.Need(t, "adb-clients", filepath.Join(dir, ".venv/bin/python"))[0]
	program, err := filepath.Abs(python)
	if err != nil {
		t.Fatal(err)
	}
	for _, api := range []int{29, 37} {
		s, adbd := devicesOf(t, virtualandroid.Options{API: api, Keys: true})
		if got := request(t, s.ADB, "host:transport-any", "shell:echo hello > /data/local/tmp/a.txt"); got != "OKAY" {
			t.Errorf("%q", got)
		}
		host, port, err := net.SplitHostPort(adbd)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*wait.Plenty)
		defer cancel()
		cmd := exec.CommandContext(ctx, program, "adb_shell_check.py", host, port, filepath.Join(t.TempDir(), "key"))
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.HasSuffix(string(out), "21 passed, 0 failed\n") {
			t.Errorf("API %d: %v\n%s", api, err, out)
		}
	}
}
