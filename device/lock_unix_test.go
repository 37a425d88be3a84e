//go:build unix

package device

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// In a state directory that was made for several users, each of them can take
// every lock, whatever the umask; in one's own directory nobody else can.
func TestLocksOfSeveralUsers(t *testing.T) {
	for _, tt := range []struct{ state, dir, file fs.FileMode }{
		{0o700, fs.ModeDir | 0o700, 0o600},
		{0o755, fs.ModeDir | 0o700, 0o600},
		{0o770 | fs.ModeSetgid, fs.ModeDir | fs.ModeSetgid | 0o770, 0o660},
		{0o777 | fs.ModeSticky, fs.ModeDir | fs.ModeSticky | 0o777, 0o666},
	} {
		state := t.TempDir()
		if err := os.Chmod(state, tt.state); err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(state, "locks")
		lock, err := lockPhone(dir, phone("A", Ready, USB), "wxctl share text")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := lockPhone(dir, phone("A", Ready, USB), "wxctl share text"); AsError(err).Code != PhoneBusy {
			t.Errorf("%v: %v", tt.state, err)
		}
		if err := lock.Unlock(); err != nil {
			t.Error(err)
		}
		for path, want := range map[string]fs.FileMode{dir: tt.dir, lock.file.Path(): tt.file} {
			if info, err := os.Stat(path); err != nil || info.Mode() != want {
				t.Errorf("%v: %s has %v, want %v", tt.state, filepath.Base(path), info.Mode(), want)
			}
		}
	}
}

// What is in the place of the lock file is only opened if it is a regular file.
func TestOddLock(t *testing.T) {
	for name, make := range map[string]func(path string) error{
		"FIFO":      func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"directory": func(path string) error { return os.Mkdir(path, 0o700) },
		"device":    func(path string) error { return os.Symlink("/dev/zero", path) },
		"link":      func(path string) error { return os.Symlink("elsewhere", path) },
	} {
		dir := t.TempDir()
		lock, err := lockPhone(dir, phone("A", Ready, USB), "x")
		if err != nil {
			t.Fatal(err)
		}
		path := lock.file.Path()
		if err := lock.Unlock(); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if err := make(path); err != nil {
			t.Fatal(err)
		}
		_, err = lockPhone(dir, phone("A", Ready, USB), "x")
		if e := AsError(err); e == nil || e.Code != Failed || !strings.Contains(e.Message, "not a regular file") || e.Hint == "" {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Lstat(filepath.Join(dir, "elsewhere")); err == nil {
			t.Errorf("%s: the file behind a link was made", name)
		}
	}
}
