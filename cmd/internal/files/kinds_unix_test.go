//go:build unix

package files

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// Only regular files are opened, by every function: otherwise the test would
// hang on the FIFO.
func TestKinds(t *testing.T) {
	dir, err := os.MkdirTemp("", "kinds") // the path of a socket is short
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := syscall.Mkfifo(at("fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", at("socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := os.Mkdir(at("directory"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("fifo", at("link")); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for name, path := range map[string]string{"fifo": at("fifo"), "socket": at("socket"), "directory": at("directory"), "link to a fifo": at("link"), "device": "/dev/zero"} {
		_, opened := Open(path)
		_, read := Read(path, 10)
		_, created := Create(path, false)
		_, replaced := Create(path, true)
		_, appended := Append(path)
		for how, err := range map[string]error{"Open": opened, "Read": read, "Create": created, "Create to replace": replaced, "Append": appended} {
			if kind := new(KindError); !errors.As(err, &kind) {
				t.Errorf("%s, %s: %v", how, name, err)
			}
		}
		if path != "/dev/zero" {
			if _, err := OpenIn(root, filepath.Base(path)); !errors.As(err, new(*KindError)) {
				t.Errorf("OpenIn, %s: %v", name, err)
			}
		}
	}
}

// A link itself is replaced, and not its target; except by Replace.
func TestLinks(t *testing.T) {
	dir := t.TempDir()
	target, link := filepath.Join(dir, "target"), filepath.Join(dir, "link")
	write(t, target, "precious")
	if err := os.Symlink("target", link); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(link, false); !errors.Is(err, errExists) {
		t.Errorf("a link: %v", err)
	}
	if err := Replace(link, []byte("config")); err != nil || read(t, target) != "config" {
		t.Errorf("%v, %q", err, read(t, target))
	}
	d, err := Create(link, true)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Write([]byte("new")); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil || read(t, target) != "config" || read(t, link) != "new" {
		t.Errorf("%v, target %q, link %q", err, read(t, target), read(t, link))
	}
}

func TestFull(t *testing.T) {
	for _, err := range []error{syscall.ENOSPC, &os.PathError{Err: syscall.EDQUOT}, &os.LinkError{Err: syscall.EFBIG}} {
		if !Full(err) {
			t.Errorf("%v is not recognized as a full disk", err)
		}
	}
	if Full(syscall.EACCES) {
		t.Error("EACCES is treated as a full disk")
	}
}
