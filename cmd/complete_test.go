package cmd

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wxctl/wxctl/device"
)

// TestCompletion presses Tab after --device and --profile.
func TestCompletion(t *testing.T) {
	noLeaks(t)
	env := phonesAt(t, "answer=stay")
	config := "[profiles.lab]\n\n[profiles.default]\n"
	if err := os.WriteFile(filepath.Join(env["WXCTL_CONFIG_DIR"], "config.toml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	// Another process drives the phone meanwhile, and holds its lock.
	holder := beside(t, env, "share", "text", "hi", "--scene", "session", "--until", "returned", "-v")
	holder.errOut.await(t, "chat picker opened", 1)
	tab := func(env map[string]string, args ...string) string {
		t.Helper()
		f, out, errOut := testFactory(t, "", env)
		if code := Run(t.Context(), f, append([]string{"__complete"}, args...)); code != 0 {
			t.Errorf("%v: exit %d: %s", args, code, errOut())
		}
		return out()
	}
	for _, command := range [][]string{{"share", "text"}, {"watch"}, {"installed"}, {"auth", "login"}} {
		if got := tab(env, append(command, "--timeout", "2m", "--device", "")...); got != "virtual-android\tVirtual Phone, ready\nall\nvirtual:android\nvirtual:ios\n:4\n" {
			t.Errorf("%v: %q", command, got)
		}
	}
	if got := tab(env, "share", "text", "--profile", ""); got != "default\nlab\n:4\n" {
		t.Errorf("--profile: %q", got)
	}
	if got := tab(nil, "share", "text", "--device", ""); got != "all\nvirtual:android\nvirtual:ios\n:4\n" {
		t.Errorf("without an adb server: %q", got)
	}
	holder.interrupt(t)
}

// TestCompletionHostile: a serial that a shell would execute is not offered,
// and the wait for servers that never answer is as short as a shell needs.
func TestCompletionHostile(t *testing.T) {
	t.Parallel()
	f, out, _ := testFactory(t, "", nil)
	f.Phones = func(context.Context, *Factory, *phoneFlags, device.Selector) (*device.Fleet, func(), error) {
		return &device.Fleet{Backends: []device.Backend{hostileBackend{}}}, func() {}, nil
	}
	if code := Run(t.Context(), f, []string{"__complete", "installed", "--device", ""}); code != 0 || strings.Contains(out(), "touch") || !strings.Contains(out(), "GOOD1\tx\\u001b[31m, ready\n") {
		t.Errorf("exit %d: %q", code, out())
	}
}

// hostileBackend has a phone whose serial is a command, and a server that hangs.
type hostileBackend struct{ slowBackend }

func (hostileBackend) List(ctx context.Context, _ string) ([]device.Info, error) {
	<-ctx.Done()
	return []device.Info{
		{ID: "$(touch x)", Platform: device.Android, State: device.Ready, Transport: device.USB},
		{ID: "GOOD1", Name: "x\x1b[31m", Platform: device.Android, State: device.Ready, Transport: device.USB},
	}, ctx.Err()
}
