package adb_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/wxctl/wxctl/fixtures/adbtest"
)

// pack writes strings as they are and numbers as 32 bits, little-endian.
func pack(values ...any) string {
	var b []byte
	for _, v := range values {
		switch v := v.(type) {
		case string:
			b = append(b, v...)
		case int:
			b = binary.LittleEndian.AppendUint32(b, uint32(v))
		}
	}
	return string(b)
}

func path(id, name string) string { return pack(id, len(name), name) }

// sync sends input to a sync stream and returns the answer.
func syncAnswer(t *testing.T, p *adbtest.Phone, input string) string {
	t.Helper()
	c := dial(t, serve(t, adbtest.NewServer(t, p)))
	c.send("host:transport-any")
	c.take("OKAY")
	c.send("sync:")
	c.take("OKAY")
	io.WriteString(c, input)
	return c.rest()
}

func TestSync(t *testing.T) {
	const quit = "QUIT\x00\x00\x00\x00"
	when := 1700000000
	fail := func(text string) string { return pack("FAIL", len(text), text) }
	stat := func(id string, errno, ino, mode, size int) string {
		if errno != 0 {
			return pack(id, errno) + strings.Repeat("\x00", 64)
		}
		return pack(id, 0, 1, 0, ino, 0, mode, 1, 0, 0, size, 0, when, 0, when, 0, when, 0)
	}
	big := strings.Repeat("b", 64<<10-8)
	tests := []struct{ name, in, want string }{
		{"stat", path("STAT", "/sdcard/a.txt") + quit, pack("STAT", 0o100644, 6, when)},
		{"stat of a link", path("STAT", "/sdcard/link") + quit, pack("STAT", 0o120777, 13, when)},
		{"stat of nothing", path("STAT", "/none") + quit, pack("STAT", 0, 0, 0)},
		{"stat 2", path("STA2", "/sdcard/link") + quit, stat("STA2", 0, 7, 0o100644, 6)},
		{"lstat 2", path("LST2", "/sdcard/link") + quit, stat("LST2", 0, 9, 0o120777, 13)},
		{"stat 2 of nothing", path("STA2", "/none") + quit, stat("STA2", 2, 0, 0, 0)},
		{"stat 2 of no directory", path("LST2", "/sdcard/a.txt/") + quit, stat("LST2", 20, 0, 0, 0)},
		{"stat 2 of a directory", path("LST2", "/sdcard//") + quit, stat("LST2", 0, 5, 0o40771, 0)},
		{"receive no directory", path("RECV", "/sdcard/a.txt/"), fail("open failed: Not a directory")},
		{"send a directory", path("SEND", "/sdcard/new/,0600") + pack("DONE", when), fail("couldn't create file: Is a directory")},
		{"send below a file by its slash", path("SEND", "/sdcard/a.txt/,0600") + pack("DONE", when), fail("couldn't create file: Is a directory")},
		{"NUL ends a path", path("STAT", "/sdcard/a.txt\x00/none") + quit, pack("STAT", 0o100644, 6, when)},
		{"list", path("LIST", "/sdcard") + quit,
			pack("DENT", 0o40771, 0, when, 1, ".", "DENT", 0o40771, 0, when, 2, "..", "DENT", 0o100644, 6, when, 5, "a.txt", "DENT", 0o120777, 13, when, 4, "link", "DONE", 0, 0, 0, 0)},
		{"list of nothing", path("LIST", "/none") + quit, pack("DONE", 0, 0, 0, 0)},
		{"list 2 of nothing", path("LIS2", "/sdcard/a.txt") + quit, "DONE" + strings.Repeat("\x00", 72)},
		{"receive", path("RECV", "/sdcard/link") + quit, pack("DATA", 6, "hello\n", "DONE", 0)},
		{"receive nothing", path("RECV", "/none"), fail("open failed: No such file or directory")},
		{"receive a directory", path("RECV", "/sdcard"), fail("read failed: Is a directory")},
		{"send", path("SEND", "/sdcard/new,33188") + pack("DATA", 2, "ok", "DATA", 0, "DONE", when) + path("STAT", "/sdcard/new") + quit, pack("OKAY", 0, "STAT", 0o100666, 2, when)},
		{"send in place", path("SEND", "/sdcard/a.txt,0444") + pack("DONE", when) + path("STAT", "/sdcard/a.txt") + quit, pack("OKAY", 0, "STAT", 0o100444, 0, when)},
		{"send over a link", path("SEND", "/sdcard/link,0x1c0") + pack("DONE", when) + path("STAT", "/sdcard/link") + path("STAT", "/sdcard/a.txt") + quit,
			pack("OKAY", 0, "STAT", 0o100777, 0, when, "STAT", 0o100644, 6, when)},
		{"send a comma", path("SEND", "/sdcard/a,b,0") + pack("DONE", when) + path("STAT", "/sdcard/a,b") + quit, pack("OKAY", 0, "STAT", 0o100000, 0, when)},
		{"send deep", path("SEND", "/sdcard/x/y/z,0600") + pack("DONE", when) + path("STAT", "/sdcard/x/y") + quit, pack("OKAY", 0, "STAT", 0o40775, 0, when)},
		{"send a link", path("SEND", "/sdcard/l2,0120777") + pack("DATA", 6, "a.txt\x00", "DONE", when), fail("symlink failed: Operation not permitted")},
		{"send over a directory", path("SEND", "/sdcard,0600") + pack("DONE", when), fail("couldn't create file: Is a directory")},
		{"send below a file", path("SEND", "/sdcard/a.txt/b,0600") + pack("DONE", when), fail("couldn't create file: Not a directory")},
		{"send to read-only", path("SEND", "/system/b,0600") + pack("DATA", 3, "abc", "DONE", when), fail("couldn't create file: Read-only file system")},
		{"send to new read-only", path("SEND", "/system/a/b,0600") + pack("DATA", 3, "abc", "DONE", when), fail("secure_mkdirs failed: Read-only file system")},
		{"send too much", path("SEND", "/sdcard/big,0600") + pack("DATA", len(big), big, "DATA", len(big), big, "DONE", when), fail("write failed: No space left on device")},
		{"send without a mode", path("SEND", "/sdcard/b"), fail("missing , in ID_SEND_V1")},
		{"send nonsense", path("SEND", "/sdcard/b,0") + pack("BLAH", 0, "DONE", 0), fail("invalid data message")},
		{"send oversize", path("SEND", "/sdcard/b,0") + pack("DATA", 64<<10+1, "BLAH", 0), fail("oversize data message")},
		{"unknown", pack("BLAH", 0), fail("unknown command 48414c42")},
		{"long path", pack("STAT", 1025), fail("path too long")},
		{"endless path", pack("STAT", -1), fail("path too long")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := phone("virtual-1")
			p.Files.Symlink("/sdcard/a.txt", "/sdcard/link")
			p.Files.SetFree(100 << 10)
			if got := syncAnswer(t, p, tt.in); got != tt.want {
				t.Errorf("\ngot  %q\nwant %q", got, tt.want)
			}
			if _, err := p.Files.Lstat("/sdcard/a.txt"); err != nil {
				t.Error("a.txt is gone")
			}
			for _, gone := range []string{"/sdcard/big", "/sdcard/b"} {
				if _, err := p.Files.Lstat(gone); err == nil {
					t.Errorf("%s was left behind", gone)
				}
			}
		})
	}
}

// TestSyncTellsTrouble refuses a file while the client is still sending more of
// it than fits any buffer: the client must still get the reason.
func TestSyncTellsTrouble(t *testing.T) {
	c := dial(t, serve(t, adbtest.NewServer(t, phone("virtual-1"))))
	c.send("host:transport-any")
	c.take("OKAY")
	c.send("sync:")
	c.take("OKAY")
	io.WriteString(c, path("SEND", "/system/b,0600"))
	chunk := pack("DATA", 64<<10) + string(bytes.Repeat([]byte("x"), 64<<10))
	for range 256 {
		if _, err := io.WriteString(c, chunk); err != nil {
			t.Fatal(err)
		}
	}
	io.WriteString(c, pack("DONE", int(time.Now().Unix())))
	if got := c.rest(); !strings.HasSuffix(got, "couldn't create file: Read-only file system") {
		t.Errorf("got %q", got)
	}
}
