package cmd

import (
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
)

// TestNotSeen: what is reported if the requested state is not reached.
func TestNotSeen(t *testing.T) {
	noLeaks(t)
	for _, tt := range []struct {
		options, until, seen, says string
	}{
		{"login=out", "opened", "asks to log in", "WeChat asks to log in"},
		{"screen=locked", "opened", "WeChat took the request", "the phone is locked"},
		{"answer=stay", "returned", "chat picker opened", "nobody answered on the phone, or the user stayed in WeChat"},
		{"answer=stay", "replied", "chat picker opened", "nobody answered on the phone, or the user stayed in WeChat"},
	} {
		share := beside(t, phonesAt(t, tt.options), "share", "text", "hi", "--scene", "session", "--until", tt.until, "-v", "--json")
		share.errOut.await(t, tt.seen, 1)
		if code := share.timeOut(t); code != 18 || !strings.Contains(share.errOut.String(), tt.says) || !strings.Contains(share.out.String(), `"status":null,"err":null,"events":[]`) {
			t.Errorf("%s, %s: exit %d\n%s%s", tt.options, tt.until, code, share.errOut, share.out)
		}
	}
}

// TestNotSeenOnIPhone: the same if nobody answers on an iPhone.
func TestNotSeenOnIPhone(t *testing.T) {
	noLeaks(t)
	state := t.TempDir()
	env := map[string]string{"WXCTL_DEVICE": "virtual:ios?answer=stay", "WXCTL_CONFIG_DIR": state, "WXCTL_STATE_DIR": state}
	share := beside(t, env, "share", "text", "hi", "--until", "replied", "-v")
	share.errOut.await(t, "WeChat came to the front", 1)
	if code := share.timeOut(t); code != 18 || !strings.Contains(share.errOut.String(), `"replied" was not seen in time: the app logged no reply`) {
		t.Errorf("exit %d\n%s%s", code, share.errOut, share.out)
	}
}

// TestBusyPhone: one wxctl at a time for each phone; the error (exit 17) names
// the holder, and a watch does not count.
func TestBusyPhone(t *testing.T) {
	noLeaks(t)
	env := phonesAt(t, "answer=stay")
	watch := beside(t, env, "watch")
	watch.errOut.await(t, "watching", 1)
	holder := beside(t, env, "share", "text", "hi", "--scene", "session", "--until", "returned", "-v")
	holder.errOut.await(t, "chat picker opened", 1)
	f, _, errOut := testFactory(t, "", env)
	if code := Run(t.Context(), f, []string{"installed"}); code != 17 || !strings.Contains(errOut(), `is busy: "wxctl share text" (process `) || !strings.Contains(errOut(), "hint: wait for process") {
		t.Errorf("exit %d: %s", code, errOut())
	}
	if code := holder.interrupt(t); code != 130 || !strings.HasPrefix(holder.out.String(), "handed to WeChat") {
		t.Errorf("the holder: exit %d: %s%s", code, holder.errOut, holder.out)
	}
	f, _, errOut = testFactory(t, "", env)
	if code := Run(t.Context(), f, []string{"installed"}); code != 0 {
		t.Errorf("once it is free: exit %d: %s", code, errOut())
	}
	watch.interrupt(t)
}

// TestDevicesWatchTimeout: --timeout ends a watch of the phones; that is not a
// failure once there was a list.
func TestDevicesWatchTimeout(t *testing.T) {
	noLeaks(t)
	watch := beside(t, phonesAt(t, ""), "devices", "--watch")
	watch.out.await(t, "added\t", 1)
	if code := watch.timeOut(t); code != 0 || strings.Contains(watch.errOut.String(), "wxctl:") {
		t.Errorf("exit %d: %s", code, watch.errOut)
	}
}

// TestInterruptProcess: Ctrl-C ends a real process at once, with its exit code,
// whatever it waits for, and the phone is free again.
func TestInterruptProcess(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there is no SIGINT")
	}
	env := phonesAt(t, "answer=stay")
	path := wxctlProgram(t)
	for _, tt := range []struct {
		args         []string
		seen, answer string
	}{
		{[]string{"share", "text", "hi", "--scene", "session", "--until", "returned", "-v"}, "chat picker opened", "handed to WeChat"},
		{[]string{"watch", "--json"}, "watching", `"error":{"code":"interrupted","exitCode":130`},
	} {
		out, errOut := newScreen(), newScreen()
		cmd := exec.CommandContext(t.Context(), path, tt.args...)
		cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0")
		for k, v := range env {
			cmd.Env = append(cmd.Env, k+"="+v)
		}
		cmd.Stdout, cmd.Stderr = out, errOut
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		errOut.await(t, tt.seen, 1)
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		cmd.Wait()
		if cmd.ProcessState.ExitCode() != 130 || !strings.HasSuffix(errOut.String(), "wxctl: interrupted\n") || strings.Contains(errOut.String(), "hint:") || !strings.Contains(out.String(), tt.answer) {
			t.Errorf("%v: exit %d\n%s%s", tt.args, cmd.ProcessState.ExitCode(), errOut, out)
		}
	}
	f, _, errOut := testFactory(t, "", env)
	if code := Run(t.Context(), f, []string{"installed"}); code != 0 {
		t.Errorf("afterwards: exit %d: %s", code, errOut())
	}
}
