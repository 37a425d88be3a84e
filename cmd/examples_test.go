package cmd

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wxctl/wxctl/cmd/internal/samples"
)

// writers are the commands that take longest, and write into the directory that
// they run in: each is a program of its own, so that they can run at once.
var writers = []string{"run", "report", "record", "screenshot"}

// runIn runs the program in a directory, with the configuration there.
func runIn(t *testing.T, dir, stdin string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	env := []string{"WXCTL_DEVICE=virtual:android", "ANDROID_ADB_SERVER_PORT=1", "USBMUXD_SOCKET_ADDRESS=" + filepath.Join(dir, "no-usbmuxd")}
	cmd, out := program(ctx, "wxctl", dir, stdin, env, args...)
	cmd.Dir = dir
	if err := cmd.Run(); err != nil {
		t.Errorf("wxctl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// runExample runs one example in a directory with the files that examples
// name, with a profile, against a virtual phone.
func runExample(t *testing.T, line string) {
	args, stdin := shellWords(t, line)
	f, out, errOut := testFactory(t, stdin, map[string]string{"WXCTL_DEVICE": "virtual:android"})
	dir := f.Getenv("WXCTL_CONFIG_DIR")
	profile := "[profiles.default]\napp-id = \"wx0123456789abcdef\"\npackage = \"com.example.wxdemo\"\n\n[profiles.lab]\n"
	if err := os.WriteFile(filepath.Join(dir, "config.toml"), []byte(profile), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"image.png": samples.Image(), "thumb.png": samples.Thumb(), "sticker.png": samples.Sticker(), "sample.txt": samples.File(), "smoke.yaml": samples.Suite(),
		"config.xml": []byte(`<widget><feature name="wx"><param name="apiKey" value="wx0123456789abcdef"/><param name="apiSecret" value="not-a-secret"/></feature></widget>`)} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if slices.Contains(writers, args[0]) {
		t.Parallel()
		if slices.Contains(args, "--lab") {
			args = inExampleLab(t, args)
		}
		if args[0] == "report" {
			runIn(t, dir, "", "run", "smoke.yaml")
		}
		runIn(t, dir, stdin, args...)
		return
	}
	t.Chdir(dir)
	if args[0] == "auth" || args[0] == "virtual" {
		f.Streams.In = strings.NewReader(loggedIn(t, f, args, stdin))
	}
	if i := slices.Index(args, "--timeout"); args[0] == "watch" && i > 0 {
		// Its time ends once it watches, however long that takes.
		env := map[string]string{"WXCTL_DEVICE": "virtual:android", "WXCTL_CONFIG_DIR": dir, "WXCTL_STATE_DIR": dir}
		watch := beside(t, env, slices.Delete(args, i, i+2)...)
		watch.errOut.await(t, "watching", 1)
		if code := watch.timeOut(t); code != 0 {
			t.Errorf("exit %d\nstdout: %s\nstderr: %s", code, watch.out, watch.errOut)
		}
		return
	}
	if slices.Contains(args, "--lab") {
		args = inExampleLab(t, args)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	if code := Run(ctx, f, args); code != 0 {
		t.Errorf("exit %d\nstdout: %s\nstderr: %s", code, out(), errOut())
	}
}
