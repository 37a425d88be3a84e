package phone_test

import (
	"path"
	"strings"
	"testing"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
)

// FuzzFS does file operations, one for each byte of a string, on names that
// also come from it. The used space must stay within the disk, and the tree
// must stay consistent.
func FuzzFS(f *testing.F) {
	f.Add("wmrdx", "/data/local/tmp/a", "b")
	f.Add("smrRx", "/data/local/tmp/../tmp/./a//b", "/sdcard/x")
	f.Add("lloo", "/data/local/tmp/l", "l")
	f.Fuzz(func(t *testing.T, ops, a, b string) {
		p := newPhone(t, phone.Options{})
		fs, c := p.FS, phone.ShellCred()
		fs.SetFree(4096)
		for i, op := range ops {
			if i > 64 {
				break
			}
			switch op {
			case 'w':
				_ = fs.WriteFile(c, a, []byte(b), 0o644)
			case 'W':
				_ = fs.WriteFile(c, b, make([]byte, 1000*i), 0o600)
			case 'm':
				_ = fs.Mkdir(c, a, 0o755)
			case 'M':
				_ = fs.Mkdir(c, b, 0o777)
			case 'r':
				_ = fs.Rename(c, a, b)
			case 'R':
				_ = fs.Rename(c, b, a)
			case 'd':
				_ = fs.Remove(c, a)
			case 'x':
				_ = fs.RemoveAll(c, path.Dir(a))
			case 'l':
				fs.Link("/data/local/tmp/l", b)
			default:
				_, _ = fs.ReadFile(c, a)
			}
		}
		var size int64
		var walk func(string, int)
		walk = func(dir string, depth int) {
			if depth > 200 {
				t.Fatal("the tree has no end")
			}
			list, err := fs.List(phone.RootCred(), dir)
			if err != nil {
				t.Fatalf("%s: %v", dir, err)
			}
			for _, e := range list {
				if e.Name == "" || e.Name == "." || e.Name == ".." || strings.ContainsAny(e.Name, "/\x00") {
					t.Fatalf("an entry is named %q", e.Name)
				}
				full := path.Join(dir, e.Name)
				if e.IsDir() {
					walk(full, depth+1)
				} else if e.IsRegular() && (strings.HasPrefix(full, "/data/local") || strings.HasPrefix(full, "/storage")) {
					size += e.Size
				}
			}
		}
		walk("/", 0)
		if size > 4096 {
			t.Errorf("%d bytes on a disk with 4096 free", size)
		}
		if _, err := fs.Stat(phone.RootCred(), "/system/bin/sh"); err != nil {
			t.Errorf("/system/bin/sh: %v", err)
		}
	})
}

// FuzzSafeURI checks that a log line of 33 and later has no query, path or
// fragment, whatever the URI.
func FuzzSafeURI(f *testing.F) {
	f.Add("http://user:pw@host:80/path?q#f", 33)
	f.Add("weixin://dl/x", 24)
	f.Fuzz(func(t *testing.T, uri string, api int) {
		api = phone.MinAPI + (api%14+14)%14
		got := phone.SafeURI(api, uri)
		scheme, rest, ok := strings.Cut(got, ":")
		if api < 33 || got == "" {
			return
		}
		if !ok || !strings.HasPrefix(uri, scheme+":") {
			t.Fatalf("%d: %q gives %q", api, uri, got)
		}
		if strings.HasPrefix(rest, "//") && !strings.HasSuffix(rest, "/...") {
			t.Errorf("%d: %q gives %q", api, uri, got)
		}
		if strings.Contains(rest, "?") && !strings.Contains(strings.ToUpper(uri), "%3F") {
			t.Errorf("%d: the query of %q is told: %q", api, uri, got)
		}
	})
}
