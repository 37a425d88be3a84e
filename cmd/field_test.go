package cmd

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/adb"
)

// plugged is a virtual phone on a cable.
type plugged struct {
	*virtualandroid.Phone
	path string
}

func (p plugged) Identity() adb.Identity {
	i := p.Phone.Identity()
	i.DevPath = p.path
	return i
}

// plug adds phones at USB paths; several may have the same serial number.
func plug(ts *testscript.TestScript, server *virtualandroid.Server, phones map[string]virtualandroid.Options) {
	for path, o := range phones {
		p, err := virtualandroid.New(o)
		ts.Check(err)
		ts.Defer(func() { p.Close() })
		server.Face.Add(plugged{p, "usb:" + path})
	}
}

// cmdADBList starts an adb server that lists phones as a file says, and can do
// nothing else:
//
//	adblist FILE
func cmdADBList(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: adblist FILE")
	}
	list := ts.ReadFile(args[0])
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	ts.Check(err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			answerList(c, list)
		}
	}()
	ts.Defer(func() { l.Close(); <-done })
	ts.Setenv("ADB_SERVER_SOCKET", "tcp:"+l.Addr().String())
}

// answerList answers one request. A list that is watched ends with the server.
func answerList(c net.Conn, list string) {
	defer c.Close()
	digits := make([]byte, 4)
	if _, err := io.ReadFull(c, digits); err != nil {
		return
	}
	n, _ := strconv.ParseUint(string(digits), 16, 16)
	request := make([]byte, n)
	if _, err := io.ReadFull(c, request); err != nil {
		return
	}
	switch string(request) {
	case "host:devices-l", "host:track-devices-l":
		fmt.Fprintf(c, "OKAY%04x%s", len(list), list)
	default:
		fmt.Fprint(c, "FAIL0006closed")
	}
}

// TestNoReplacement checks that no text becomes U+FFFD in the program: whatever
// bytes each input gets, a request either contains the text or is refused with
// exit 2.
func TestNoReplacement(t *testing.T) {
	t.Parallel()
	pieces := []string{"a", "你好", "😀", "\xc4\xe3", "\xff", "\xed\xa0\x80", "\xe4\xbd", "\x80", "\u200d", "\u3000", "\u202e", "\x1b[2J", "\xff\xfe", "\xef\xbb\xbf", "\xfe\xff"}
	random := rand.New(rand.NewPCG(1, 2))
	dir := t.TempDir()
	entrances := map[string]func(text string) (stdin string, env map[string]string, args []string){
		"stdin": func(s string) (string, map[string]string, []string) { return s, nil, []string{"share", "text", "-"} },
		"argument": func(s string) (string, map[string]string, []string) {
			return "", nil, []string{"share", "text", "x" + s}
		},
		"flag": func(s string) (string, map[string]string, []string) {
			return "", nil, []string{"share", "webpage", "--url", "https://e.com", "--title", s}
		},
		"flag with =": func(s string) (string, map[string]string, []string) {
			return "", nil, []string{"share", "webpage", "--url=https://e.com/" + s}
		},
		"URL": func(s string) (string, map[string]string, []string) {
			return "", nil, []string{"share", "webpage", "https://e.com/" + s}
		},
		"file name": func(s string) (string, map[string]string, []string) {
			name := filepath.Join(dir, "f"+strings.ReplaceAll(s, "\x00", "")+".txt")
			if os.WriteFile(name, []byte("x"), 0o600) != nil {
				return "", nil, []string{"version"} // a system whose file names are UTF-8
			}
			return "", nil, []string{"share", "file", name, "--as", "path", "--scene", "session"}
		},
		"configuration": func(s string) (string, map[string]string, []string) {
			if err := os.WriteFile(filepath.Join(dir, "config.toml"), []byte("[profiles.default]\ndevice = '"+s+"'\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			return "", map[string]string{"WXCTL_CONFIG_DIR": dir}, []string{"share", "text", "x"}
		},
		"environment": func(s string) (string, map[string]string, []string) {
			return "", map[string]string{"WXCTL_PROFILE": s}, []string{"share", "text", "x"}
		},
		"recorded reply": func(s string) (string, map[string]string, []string) {
			name := filepath.Join(dir, "reply.json")
			if err := os.WriteFile(name, []byte(`{"kind":"auth","errCode":0,"code":"c","state":"`+strings.ReplaceAll(s, "\x1b", "")+`"}`), 0o600); err != nil {
				t.Fatal(err)
			}
			return "", nil, []string{"reply", "auth", "--from", name}
		},
	}
	for name, entrance := range entrances {
		for range 40 {
			text := ""
			for range 1 + random.IntN(4) {
				text += pieces[random.IntN(len(pieces))]
			}
			stdin, env, args := entrance(text)
			f, out, errOut := testFactory(t, stdin, env)
			if args[0] != "version" {
				args = append(args, "--dry-run", "--json", "--platform", "android")
			}
			code := Run(t.Context(), f, args)
			if said := out() + errOut(); strings.Contains(said, "\uFFFD") || strings.Contains(strings.ToLower(said), `\ufffd`) || !utf8.ValidString(said) {
				t.Errorf("%s: %q becomes %q", name, text, said)
			}
			if code != 0 && code != 2 && code != 14 {
				t.Errorf("%s: %q: exit %d: %s", name, text, code, errOut())
			}
			if !utf8.ValidString(text) && code == 0 && name != "file name" && name != "environment" && !strings.HasPrefix(text, "\xff\xfe") && !strings.HasPrefix(text, "\xfe\xff") {
				t.Errorf("%s: %q was sent", name, text)
			}
		}
	}
}
