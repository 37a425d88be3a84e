//go:build unix

package cmd

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// kinds are the files that must not be opened: each function makes one.
// /dev/zero never ends, and /dev/full accepts nothing.
var kinds = map[string]func(path string) error{
	"FIFO": func(path string) error { return syscall.Mkfifo(path, 0o600) },
	"socket": func(path string) error {
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
		if err == nil {
			l.SetUnlinkOnClose(false)
			err = l.Close()
		}
		return err
	},
	"device":    func(path string) error { return os.Symlink("/dev/zero", path) },
	"directory": func(path string) error { return os.Mkdir(path, 0o700) },
	"link":      func(path string) error { return os.Symlink("/dev/full", path) },
}

// Whatever is in the place of a file that a command reads or writes: the
// command ends at once with a sentence, and nothing is sent.
func TestOddFiles(t *testing.T) {
	t.Parallel()
	const file = "FILE"
	for _, tt := range []struct {
		name string
		at   string // where the odd file is, in the state and configuration directory
		args []string
	}{
		{"configuration", "config.toml", []string{"config", "list"}},
		{"configuration of a share", "config.toml", []string{"share", "text", "hi", "--device", "virtual:android"}},
		{"lock of the configuration", "config.lock", []string{"config", "set", "package", "com.example.app"}},
		{"store", "credentials/credentials.json", []string{"auth", "token", "--store", "file", "--app-id", "wx0123456789abcdef"}},
		{"store that is written", "credentials/credentials.json", []string{"config", "import", "config.xml", "--store", "file"}},
		{"lock of the store", "credentials/credentials.lock", []string{"config", "import", "config.xml", "--store", "file"}},
		{"image", "in.png", []string{"share", "image", file, "--device", "virtual:android"}},
		{"file", "in.bin", []string{"share", "file", file, "--scene", "session", "--device", "virtual:android"}},
		{"thumb", "in.png", []string{"share", "webpage", "--url", "https://example.com", "--thumb", file, "--device", "virtual:ios"}},
		{"file of fs://", "in.bin", []string{"share", "file", "fs://in.bin", "--fs-root", ".", "--scene", "session", "--device", "virtual:android"}},
		{"record to replay", "in.nd", []string{"reply", "share", "--from", file, "--device", "virtual:android"}},
		{"config.xml", "in.xml", []string{"config", "import", file, "--store", "none"}},
		{"screenshot", "out.png", []string{"share", "text", "hi", "--scene", "session", "--screenshot", file, "--device", "virtual:android"}},
		{"screenshot to replace", "out.png", []string{"share", "text", "hi", "--scene", "session", "--screenshot", file, "--overwrite", "--device", "virtual:android"}},
		{"film", "out.mp4", []string{"auth", "login", "--code-only", "--record", file, "--device", "virtual:android"}},
		{"screenshot of a reply", "out.png", []string{"reply", "share", "--screenshot", file, "--device", "virtual:android"}},
		{"record", "out.nd", []string{"watch", "--record", file, "--device", "virtual:android"}},
		{"images", "in.png", []string{"share", "images", file, "--scene", "session", "--device", "virtual:android"}},
		{"emoji", "in.gif", []string{"share", "emoji", file, "--scene", "session", "--device", "virtual:android"}},
		{"screenshot of a failure", "out.png", []string{"share", "text", "hi", "--scene", "session", "--screenshot-on-failure", file, "--device", "virtual:android"}},
		{"picture", "out.png", []string{"screenshot", file, "--device", "virtual:android"}},
		{"recording", "out.gif", []string{"record", file, "--for", "1s", "--device", "virtual:android"}},
		{"suite", "in.yaml", []string{"run", file, "--device", "virtual:android"}},
		{"suite of a case", "out.yaml", []string{"share", "text", "hi", "--scene", "session", "--save-case", file, "--device", "virtual:android"}},
		{"events of a run", "events.ndjson", []string{"report", "."}},
		{"events of a run to resume", "events.ndjson", []string{"run", "--resume", ".", "--device", "virtual:android"}},
		{"lock of a run to resume", "lock", []string{"run", "--resume", ".", "--device", "virtual:android"}},
		{"specification", "in.txt", []string{"virtual", "android", "--spec", file}},
		{"APK", "in.apk", []string{"doctor", file}},
		{"IPA", "in.ipa", []string{"doctor", file}},
		{"bundle", "out.zip", []string{"doctor", "--bundle", file, "--device", "virtual:android"}},
		{"report", "out.xml", []string{"doctor", "--report", "junit=" + file, "--device", "virtual:android"}},
		{"record to replace", "out.nd", []string{"watch", "--record", file, "--overwrite", "--device", "virtual:android"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for kind, make := range kinds {
				dir, err := os.MkdirTemp("", "odd") // the path of a socket is short
				if err != nil {
					t.Fatal(err)
				}
				defer os.RemoveAll(dir)
				config := filepath.Join(dir, "config.xml")
				if err := os.WriteFile(config, []byte(`<widget><feature name="wx"><param name="urlScheme" value="wx0123456789abcdef"/><param name="apiSecret" value="0123456789abcdef0123456789abcdef"/></feature></widget>`), 0o600); err != nil {
					t.Fatal(err)
				}
				path := filepath.Join(dir, tt.at)
				if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := make(path); err != nil {
					t.Fatal(err)
				}
				args := slices.Clone(tt.args)
				for i, arg := range args {
					switch arg {
					case "config.xml":
						args[i] = config
					case ".":
						args[i] = dir
					default:
						args[i] = strings.Replace(arg, file, path, 1)
					}
				}
				r := beside(t, map[string]string{"WXCTL_CONFIG_DIR": dir, "WXCTL_STATE_DIR": dir}, args...)
				code := r.wait(t)
				said := r.errOut.String()
				why := []string{"not a regular file", "symbolic link", "is a directory", "escapes from parent"}
				if code != 1 && code != 2 || strings.Contains(said, "sent to") || !slices.ContainsFunc(why, func(w string) bool { return strings.Contains(said, w) }) {
					t.Errorf("%s: exit %d, said %q", kind, code, said)
				}
			}
		})
	}
}
