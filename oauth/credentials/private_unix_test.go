//go:build unix

package credentials

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func wantMode(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != mode {
		t.Errorf("%s has mode %o, want %o", filepath.Base(path), info.Mode().Perm(), mode)
	}
}

func TestModesWhateverTheMask(t *testing.T) {
	for _, mask := range []string{"000", "022", "077"} {
		parent := t.TempDir()
		if err := os.Chmod(parent, 0o777); err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(parent, "config", "credentials")
		if out, err := helper(t, "mask", dir, "CREDENTIALS_TEST_UMASK="+mask).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		wantMode(t, dir, 0o700)
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			wantMode(t, filepath.Join(dir, e.Name()), 0o600)
		}
	}
}

func TestLooseModesAreFixed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "credentials")
	s := fileStore(t, dir)
	if _, err := s.SetToken(t.Context(), testAccount, testToken("old")); err != nil {
		t.Fatal(err)
	}
	loosen := func() {
		t.Helper()
		if err := os.Chmod(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(s.Path(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	loosen()
	var notices []string
	s.opts.Notify = func(n string) { notices = append(notices, n) }
	if _, _, err := s.Token(t.Context(), testAccount, "oUser"); err != nil {
		t.Fatal(err)
	}
	wantMode(t, s.Path(), 0o600)
	if len(notices) != 1 || !strings.Contains(notices[0], "could be read by others") {
		t.Errorf("notices: %q", notices)
	}
	loosen()
	if _, err := s.SetToken(t.Context(), testAccount, testToken("new")); err != nil {
		t.Fatal(err)
	}
	wantMode(t, dir, 0o700)
	wantMode(t, s.Path(), 0o600)
}

func TestLinksAreRefused(t *testing.T) {
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	if err := os.WriteFile(elsewhere, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := fileStore(t, filepath.Join(t.TempDir(), "credentials"))
	if _, err := s.SetToken(t.Context(), testAccount, testToken("old")); err != nil {
		t.Fatal(err)
	}
	os.Remove(s.Path())
	if err := os.Symlink(elsewhere, s.Path()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.SetToken(t.Context(), testAccount, testToken("new")); err == nil || !strings.Contains(err.Error(), "symbolic link") {
		t.Errorf("writing through a link: %v", err)
	}
	if _, _, err := s.Token(t.Context(), testAccount, "oUser"); err == nil || !strings.Contains(err.Error(), "symbolic link") {
		t.Errorf("reading through a link: %v", err)
	}
	if content, _ := os.ReadFile(elsewhere); string(content) != "precious" {
		t.Errorf("the link's target became %q", content)
	}
	linked := fileStore(t, filepath.Join(t.TempDir(), "link"))
	if err := os.Symlink(t.TempDir(), linked.opts.Dir); err != nil {
		t.Fatal(err)
	}
	if _, err := linked.SetToken(t.Context(), testAccount, testToken("new")); err == nil {
		t.Error("a linked directory was accepted")
	}
	// A link where the temporary file goes is not followed either.
	temp := fileStore(t, filepath.Join(t.TempDir(), "credentials"))
	if _, err := temp.SetToken(t.Context(), testAccount, testToken("old")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(elsewhere, temp.Path()+".new"); err != nil {
		t.Fatal(err)
	}
	if _, err := temp.SetToken(t.Context(), testAccount, testToken("new")); err != nil {
		t.Fatal(err)
	}
	if content, _ := os.ReadFile(elsewhere); string(content) != "precious" {
		t.Errorf("the link's target became %q", content)
	}
}

func TestDiskFull(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "credentials")
	s := fileStore(t, dir)
	if _, err := s.SetToken(t.Context(), testAccount, testToken("old")); err != nil {
		t.Fatal(err)
	}
	out, err := helper(t, "full-disk", dir).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "can't be written") {
		t.Fatalf("%v: %s", err, out)
	}
	if token, _, err := s.Token(t.Context(), testAccount, "oUser"); err != nil || token.AccessToken.Reveal() != "access-old" {
		t.Errorf("the old token is gone: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*.new")); len(left) != 0 {
		t.Errorf("left behind: %q", left)
	}
}

func TestForeignFilesAreRefused(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Log("only root can give a file away; the rest of the checks run as anybody")
		return
	}
	s := fileStore(t, filepath.Join(t.TempDir(), "credentials"))
	if _, err := s.SetToken(t.Context(), testAccount, testToken("old")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(s.Path(), 12345, 12345); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Token(t.Context(), testAccount, "oUser"); err == nil || !strings.Contains(err.Error(), "another user") {
		t.Errorf("reading another user's file: %v", err)
	}
}
