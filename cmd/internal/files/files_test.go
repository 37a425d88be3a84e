package files

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// entries are the names in a directory.
func entries(t *testing.T, dir string) string {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range list {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

func TestCreate(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "shot.png")
	d, err := Create(name, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(name); err == nil {
		t.Error("the file is there before it is whole")
	}
	if _, err := d.Write([]byte("one")); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(d.Close(), d.Close()); err != nil {
		t.Fatal(err)
	}
	if got := read(t, name); got != "one" {
		t.Errorf("got %q", got)
	}
	if info, _ := os.Stat(name); os.PathSeparator == '/' && info.Mode().Perm() != 0o600 {
		t.Errorf("mode %o", info.Mode().Perm())
	}
	if _, err := Create(name, false); !errors.Is(err, errExists) {
		t.Errorf("a file that is there: %v", err)
	}
	d, err = Create(name, true)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil || read(t, name) != "one" {
		t.Errorf("nothing was written, and there is %q, %v", read(t, name), err)
	}
	d, err = Create(name, true)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Write([]byte("two")); err != nil {
		t.Fatal(err)
	}
	if got := read(t, name); got != "one" {
		t.Errorf("replaced too early: %q", got)
	}
	if err := d.Close(); err != nil || read(t, name) != "two" {
		t.Errorf("got %q, %v", read(t, name), err)
	}
	if got := entries(t, dir); got != "shot.png" {
		t.Errorf("left: %s", got)
	}
}

// A file that came while the draft was written is not replaced.
func TestCreateTooLate(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "a")
	d, err := Create(name, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Write([]byte("ours")); err != nil {
		t.Fatal(err)
	}
	write(t, name, "theirs")
	if err := d.Close(); !errors.Is(err, errExists) || read(t, name) != "theirs" {
		t.Errorf("%v, %q", err, read(t, name))
	}
	if got := entries(t, dir); got != "a" {
		t.Errorf("left: %s", got)
	}
}

func TestAbandonedDraftsAreRemoved(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, ".123"+partMark), "half")
	write(t, filepath.Join(dir, "123"+partMark), "the user's own")
	alive, err := Create(filepath.Join(dir, "a"), false)
	if err != nil {
		t.Fatal(err)
	}
	other, err := Create(filepath.Join(dir, "b"), false)
	if err != nil {
		t.Fatal(err)
	}
	other.Discard()
	if _, err := alive.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := alive.Close(); err != nil {
		t.Errorf("a draft that is being written was removed: %v", err)
	}
	if got := entries(t, dir); got != "123"+partMark+" a" {
		t.Errorf("there are: %s", got)
	}
}

func TestAppend(t *testing.T) {
	name := filepath.Join(t.TempDir(), "a")
	for _, tt := range []struct{ before, after string }{{"", "new\n"}, {"old\n", "old\nnew\n"}, {"old", "old\nnew\n"}} {
		os.Remove(name)
		if tt.before != "" {
			write(t, name, tt.before)
		}
		f, err := Append(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte("new\n")); err != nil {
			t.Fatal(err)
		}
		f.Close()
		if got := read(t, name); got != tt.after {
			t.Errorf("%q became %q", tt.before, got)
		}
	}
}

func TestReplace(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "a")
	for _, text := range []string{"one", "", "two"} {
		if err := Replace(name, []byte(text)); err != nil || read(t, name) != text {
			t.Errorf("%q: %v, %q", text, err, read(t, name))
		}
	}
}

func TestRead(t *testing.T) {
	name := filepath.Join(t.TempDir(), "a")
	write(t, name, "four")
	if data, err := Read(name, 4); err != nil || string(data) != "four" {
		t.Errorf("%q, %v", data, err)
	}
	if _, err := Read(name, 3); !errors.Is(err, errTooLarge) {
		t.Errorf("too large: %v", err)
	}
}
