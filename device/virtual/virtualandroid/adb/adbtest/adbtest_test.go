package adbtest_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/adb"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/adb/adbtest"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/errno"
)

func TestPhoneShell(t *testing.T) {
	p := adbtest.NewPhone("virtual-1")
	p.Files.Put("/sdcard/a.txt", []byte("hello\n"))
	p.Commands = map[string]adbtest.Command{
		"getprop": func(_ context.Context, args []string, _ io.Reader, stdout, _ io.Writer) int {
			io.WriteString(stdout, strings.Join(args[1:], "")+"=34\n")
			return 0
		},
	}
	for _, tt := range []struct {
		line, stdin, out, err string
		status                int
	}{
		{"echo a  b", "", "a b\n", "", 0},
		{"false; echo $?", "", "1\n", "", 0},
		{"err no; exit", "", "", "no\n", 3},
		{"exit 300", "", "", "", 44},
		{"cat", "in", "in", "", 0},
		{"cat /sdcard/a.txt /none", "", "hello\n", "cat: /none: No such file or directory\n", 1},
		{"getprop sdk", "", "sdk=34\n", "", 0},
		{"yes 5", "", "01234", "", 0},
		{"sleep 0; true", "", "", "", 0},
		{"nope", "", "", "/system/bin/sh: nope: inaccessible or not found\n", 127},
		{"", "echo one\nfalse\nexit\necho two\n", "one\n", "", 1},
	} {
		var stdout, stderr strings.Builder
		status := p.Exec(context.Background(), tt.line, strings.NewReader(tt.stdin), &stdout, &stderr)
		if stdout.String() != tt.out || stderr.String() != tt.err || status != tt.status {
			t.Errorf("%q: %q, %q, %d; want %q, %q, %d", tt.line, stdout.String(), stderr.String(), status, tt.out, tt.err, tt.status)
		}
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if status := p.Exec(ended, "sleep 100", strings.NewReader(""), io.Discard, io.Discard); status != 129 {
		t.Errorf("a command that was hung up on: status %d", status)
	}
}

func TestPhoneNotifies(t *testing.T) {
	p := adbtest.NewPhone("virtual-1")
	changed := p.Changed()
	select {
	case <-changed:
		t.Fatal("a change before there is one")
	default:
	}
	p.SetState(adb.StateOffline)
	<-changed
	if p.State() != adb.StateOffline {
		t.Errorf("state %s", p.State())
	}
}

func TestFSRefuses(t *testing.T) {
	f := adbtest.NewFS()
	f.Put("/sdcard/a.txt", []byte("hello"))
	if err := f.Symlink("loop", "/sdcard/loop"); err != nil {
		t.Fatal(err)
	}
	f.SetFree(1)
	full := func() error {
		w, err := f.Create("/sdcard/b", 0o600)
		if err != nil {
			return err
		}
		if _, err := w.Write([]byte("x")); err != nil {
			return err
		}
		_, err = w.Write([]byte("y"))
		return err
	}
	create := func(name string) error { _, err := f.Create(name, 0o600); return err }
	stat := func(name string) error { _, err := f.Stat(name); return err }
	open := func(name string) error { _, err := f.Open(name); return err }
	for _, tt := range []struct {
		name string
		got  error
		want error
	}{
		{"missing", stat("/none"), errno.ENOENT},
		{"loop", stat("/sdcard/loop"), errno.ELOOP},
		{"exists", create("/sdcard/a.txt"), errno.EEXIST},
		{"no directory", create("/none/b"), errno.ENOENT},
		{"below a file", create("/sdcard/a.txt/b"), errno.ENOTDIR},
		{"read-only", create("/system/b"), errno.EROFS},
		{"mkdir", f.Mkdir("/sdcard", 0o700), errno.EEXIST},
		{"mkdir read-only", f.Mkdir("/system/b", 0o700), errno.EROFS},
		{"remove a directory", f.Remove("/sdcard"), errno.EISDIR},
		{"remove nothing", f.Remove("/none"), errno.ENOENT},
		{"open a directory", open("/sdcard"), errno.EISDIR},
		{"full", full(), errno.ENOSPC},
		{"after a removal", errors.Join(f.Remove("/sdcard/a.txt"), f.Remove("/sdcard/b"), full()), nil},
	} {
		if !errors.Is(tt.got, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, tt.got, tt.want)
		}
	}
}
