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
	t.Chdir(dir)
	if args[0] == "auth" || args[0] == "virtual" {
		f.Streams.In = strings.NewReader(loggedIn(t, f, args, stdin))
	}
	if args[0] == "report" {
		before, _, said := testFactory(t, "", nil)
		if code := Run(t.Context(), before, []string{"run", "smoke.yaml", "--device", "virtual:android"}); code != 0 {
			t.Fatalf("exit %d: %s", code, said())
		}
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
