package config

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/device"
)

func TestParseErrorsNameFileLineAndKey(t *testing.T) {
	tests := []struct {
		name, text string
		want       []string
	}{
		{"unknown key", "[profiles.default]\npackage = \"com.example.app\"\nappid = \"x\"\n", []string{"config.toml", "line 3", "profiles.default.appid"}},
		{"unknown table", "[profile.default]\n", []string{"config.toml", "line 1", "profile"}},
		{"bad AppID", "[profiles.default]\n\napp-id = \"wx123\"\n", []string{"config.toml", "line 3", "app-id", `"wx123"`}},
		{"bad scene", "[profiles.a]\nscene = \"moments\"\n", []string{"line 2", "scene", "moments"}},
		{"broken TOML", "[profiles.default\n", []string{"config.toml", "line 1"}},
		{"wrong type", "[profiles.default]\napp-id = 7\n", []string{"line 2", "app-id"}},
		{"twice", "[profiles.a]\nscene = \"session\"\nscene = \"session\"\n", []string{"scene"}},
		{"bad profile name", "[profiles.\"a b\"]\n", []string{"config.toml", "a b"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse("/etc/wxctl/config.toml", []byte(tt.text))
			r := device.Report(err)
			if r.ExitCode != exit.Usage || r.Hint == "" {
				t.Fatalf("report %+v", r)
			}
			for _, want := range tt.want {
				if !strings.Contains(r.Message, want) {
					t.Errorf("%q lacks %q", r.Message, want)
				}
			}
		})
	}
}

func TestUpdateKeepsComments(t *testing.T) {
	dir := t.TempDir()
	before := "# mine\nprofile = \"lab\"\n\n[profiles.lab]\n# the test app\napp-id = \"wx0123456789abcdef\"\n\n[profiles.other]\nscene = \"session\"\n"
	if err := os.WriteFile(filepath.Join(dir, "config.toml"), []byte(before), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Update(context.Background(), dir, func(f *File) error {
		if err := f.Set("lab", "package", "com.example.app"); err != nil {
			return err
		}
		if err := f.Set("other", "scene", ""); err != nil {
			return err
		}
		return f.Set("new", "device", `a"b`)
	})
	if err != nil {
		t.Fatal(err)
	}
	got, _ := os.ReadFile(filepath.Join(dir, "config.toml"))
	want := "# mine\nprofile = \"lab\"\n\n[profiles.lab]\n# the test app\napp-id = \"wx0123456789abcdef\"\npackage = \"com.example.app\"\n\n[profiles.other]\n\n[profiles.new]\ndevice = \"a\\\"b\"\n"
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestUpdateRewritesUnusualTOML(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "config.toml"), []byte("profiles = { lab = { scene = \"session\" } }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Update(context.Background(), dir, func(f *File) error { return f.Set("lab", "scene", "favorite") }); err != nil {
		t.Fatal(err)
	}
	c, err := Load(dir)
	if err != nil || c.File.Profiles["lab"].Scene != "favorite" {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestUpdateRefusedChangesNothing(t *testing.T) {
	dir := t.TempDir()
	for _, kv := range [][2]string{{"app-id", "wxZZ"}, {"package", "app"}, {"nokey", "x"}, {"universal-link", "http://example.com"}, {"bundle-id", "a b"}, {"scene", "9"}, {"device", " x"}} {
		_, err := Update(context.Background(), dir, func(f *File) error { return f.Set("default", kv[0], kv[1]) })
		if r := device.Report(err); r.ExitCode != exit.Usage || !strings.Contains(r.Message, kv[0]) {
			t.Errorf("%v: %+v", kv, r)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "config.toml")); err == nil {
		t.Error("a refused change wrote a file")
	}
}

func TestUpdateInParallelLosesNothing(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			_, err := Update(context.Background(), dir, func(f *File) error { return f.Set(fmt.Sprintf("p%d", i), "scene", "session") })
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	c, err := Load(dir)
	if err != nil || len(c.File.Profiles) != 8 {
		t.Errorf("%d profiles, %v", len(c.File.Profiles), err)
	}
}

func TestPrecedence(t *testing.T) {
	c, err := Parse("c.toml", []byte("[profiles.default]\napp-id = \"wx0123456789abcdef\"\nscene = \"session\"\n"))
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"WXCTL_APP_ID": "wxfedcba9876543210"}
	getenv := func(k string) string { return env[k] }
	s, err := c.Lookup("app-id", "default", getenv)
	if err != nil || s != (Setting{"app-id", "wxfedcba9876543210", "env WXCTL_APP_ID"}) {
		t.Errorf("%+v, %v", s, err)
	}
	s, err = c.Lookup("scene", "default", getenv)
	if err != nil || s != (Setting{"scene", "session", "profile default"}) {
		t.Errorf("%+v, %v", s, err)
	}
	env["WXCTL_APP_ID"] = "nonsense"
	if _, err := c.Lookup("app-id", "default", getenv); device.Report(err).ExitCode != exit.Usage {
		t.Errorf("a bad variable: %v", err)
	}
	if _, _, err := c.ProfileName("nope", getenv); device.Report(err).ExitCode != exit.Usage {
		t.Errorf("a profile that isn't there: %v", err)
	}
}

func TestDirs(t *testing.T) {
	env := map[string]string{"HOME": "/home/u"}
	getenv := func(k string) string { return env[k] }
	check := func(f func(func(string) string) (string, error), want string) {
		t.Helper()
		if got, err := f(getenv); err != nil || got != filepath.FromSlash(want) {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	}
	check(Dir, "/home/u/.config/wxctl")
	check(StateDir, "/home/u/.local/state/wxctl")
	env["XDG_CONFIG_HOME"], env["XDG_STATE_HOME"] = "relative", "/s"
	check(Dir, "/home/u/.config/wxctl")
	check(StateDir, "/s/wxctl")
	env["WXCTL_CONFIG_DIR"] = "/own"
	check(Dir, "/own")
}

func FuzzParse(f *testing.F) {
	f.Add("[profiles.default]\napp-id = \"wx0123456789abcdef\"\n")
	f.Add("profile = \"a\"\n[profiles.a]\nscene=\"0\"\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Parse("c.toml", []byte(text))
		if (c == nil) == (err == nil) {
			t.Fatalf("%v, %v", c, err)
		}
	})
}

// TestWrongValues: a registered value that is wrong is refused where it is
// used, so that doctor can say what is wrong; others where the file is read.
func TestWrongValues(t *testing.T) {
	dir := t.TempDir()
	text := "[profiles.default]\nuniversal-link = \"http://example.com/\"\nandroid-md5 = \"12\"\nteam-id = \"ABCDE12345\"\n"
	if err := os.WriteFile(filepath.Join(dir, "config.toml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	for key, line := range map[string]string{"universal-link": "line 2", "android-md5": "line 3", "team-id": "", "nokey": ""} {
		err := c.Wrong("default", key)
		if (err == nil) != (line == "") || err != nil && !strings.Contains(err.Error(), line) {
			t.Errorf("%s: %v", key, err)
		}
	}
}
