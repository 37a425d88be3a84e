package phone_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/errno"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
)

func newPhone(t *testing.T, o phone.Options) *phone.Phone {
	t.Helper()
	p, err := phone.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func TestFilePermissions(t *testing.T) {
	p := newPhone(t, phone.Options{})
	p.Install(&phone.Package{Name: "com.example.app", AppID: 10123, Path: "/data/app/x/base.apk"}, nil)
	f, shell, app := p.FS, phone.ShellCred(), phone.AppCred(10123)
	for name, step := range map[string]struct {
		do   func() error
		want error
	}{
		"shell writes its own directory":    {func() error { return f.WriteFile(shell, "/data/local/tmp/a", []byte("x"), 0o644) }, nil},
		"shell lists /data":                 {func() error { _, err := f.List(shell, "/data"); return err }, errno.EACCES},
		"shell enters an app's directory":   {func() error { _, err := f.Stat(shell, "/data/data/com.example.app/files"); return err }, errno.EACCES},
		"an app reads what the shell wrote": {func() error { _, err := f.ReadFile(app, "/data/local/tmp/a"); return err }, nil},
		"an app writes there":               {func() error { return f.WriteFile(app, "/data/local/tmp/b", nil, 0o644) }, errno.EACCES},
		"an app writes its own directory": {func() error {
			return f.WriteFile(app, "/data/data/com.example.app/files/f", nil, 0o600)
		}, nil},
		"the system is read-only":     {func() error { return f.WriteFile(phone.RootCred(), "/system/bin/x", nil, 0o755) }, errno.EROFS},
		"the root is read-only":       {func() error { return f.Mkdir(shell, "/x", 0o755) }, errno.EROFS},
		"the shell writes to /sdcard": {func() error { return f.WriteFile(shell, "/sdcard/Pictures/a.jpg", []byte("x"), 0o644) }, nil},
		"an app has no permission":    {func() error { return f.WriteFile(app, "/sdcard/Pictures/b.jpg", nil, 0o644) }, errno.EACCES},
		"a directory is not a file":   {func() error { _, err := f.ReadFile(shell, "/data/local/tmp"); return err }, errno.EISDIR},
		"a file is not a directory":   {func() error { _, err := f.Stat(shell, "/system/bin/sh/x"); return err }, errno.ENOTDIR},
		"nothing there":               {func() error { _, err := f.Stat(shell, "/data/local/tmp/none"); return err }, errno.ENOENT},
	} {
		if name == "an app reads what the shell wrote" {
			if err := f.WriteFile(shell, "/data/local/tmp/a", []byte("x"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if err := step.do(); !errors.Is(err, step.want) {
			t.Errorf("%s: %v, want %v", name, err, step.want)
		}
	}
	i, err := f.Stat(shell, "/sdcard/Pictures/a.jpg")
	if err != nil || i.Mode != phone.ModeFile|0o660 || i.GID != phone.SDCardRW {
		t.Errorf("a file on shared storage: %+v, %v; FUSE gives it mode 0660 and group sdcard_rw", i, err)
	}
	if _, err := f.Stat(shell, "/data/local/tmp/none"); err != errno.ENOENT {
		t.Errorf("ENOENT is not fs.ErrNotExist: %v", err)
	}
}

func TestDiskFullAndReadOnly(t *testing.T) {
	p := newPhone(t, phone.Options{})
	f, c := p.FS, phone.ShellCred()
	f.SetFree(10)
	h, err := f.Create(c, "/data/local/tmp/big", 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Write(make([]byte, 10)); err != nil {
		t.Errorf("writing what fits: %v", err)
	}
	if _, err := h.Write([]byte{1}); err != errno.ENOSPC {
		t.Errorf("writing what does not fit: %v, want ENOSPC", err)
	}
	if err := f.Remove(c, "/data/local/tmp/big"); err != nil {
		t.Fatal(err)
	}
	if err := f.WriteFile(c, "/data/local/tmp/big", make([]byte, 10), 0o600); err != nil {
		t.Errorf("after removing: %v", err)
	}
	f.SetReadOnly(true)
	if err := f.WriteFile(c, "/data/local/tmp/x", nil, 0o600); err != errno.EROFS {
		t.Errorf("on a read-only disk: %v, want EROFS", err)
	}
	if err := f.WriteFile(c, "/dev/null", []byte("x"), 0o600); err != nil {
		t.Errorf("/dev/null on a read-only disk: %v", err)
	}
}

func TestRenameRemove(t *testing.T) {
	p := newPhone(t, phone.Options{})
	f, c := p.FS, phone.ShellCred()
	const d = "/data/local/tmp/"
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(f.Mkdir(c, d+"a", 0o755))
	must(f.Mkdir(c, d+"a/b", 0o755))
	must(f.WriteFile(c, d+"a/b/f", []byte("one"), 0o400))
	must(f.WriteFile(c, d+"g", []byte("two"), 0o644))
	if err := f.Rename(c, d+"a", d+"a/b/c"); err != errno.EINVAL {
		t.Errorf("moving a directory into itself: %v, want EINVAL", err)
	}
	if err := f.Remove(c, d+"a"); err != errno.ENOTEMPTY {
		t.Errorf("removing a full directory: %v, want ENOTEMPTY", err)
	}
	must(f.Rename(c, d+"a/b/f", d+"g"))
	if b, err := f.ReadFile(c, d+"g"); err != nil || string(b) != "one" {
		t.Errorf("after the rename: %q, %v", b, err)
	}
	if err := f.Rename(c, d+"g", "/sdcard/g"); err != errno.EXDEV {
		t.Errorf("renaming across mounts: %v, want EXDEV", err)
	}
	f.Link(d+"loop1", "loop2")
	f.Link(d+"loop2", "loop1")
	if _, err := f.Stat(c, d+"loop1"); err != errno.ELOOP {
		t.Errorf("a loop of links: %v, want ELOOP", err)
	}
	must(f.RemoveAll(c, d+"a"))
	if _, err := f.Stat(c, d+"a"); err != errno.ENOENT {
		t.Errorf("after RemoveAll: %v", err)
	}
}

func TestBigFile(t *testing.T) {
	p := newPhone(t, phone.Options{})
	want := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	if err := p.FS.WriteFile(phone.ShellCred(), "/data/local/tmp/f", want, 0o600); err != nil {
		t.Fatal(err)
	}
	h, err := p.FS.Open(phone.ShellCred(), "/data/local/tmp/f")
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(h)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes came back, %v", len(got), err)
	}
}
