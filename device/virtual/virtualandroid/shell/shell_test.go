package shell_test

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/gif"
	"image/png"
	"io"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/shell"
	"github.com/wxctl/wxctl/fixtures/wait"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start is when the phones of these tests were switched on.
var start = time.Date(2024, 11, 22, 13, 37, 35, 123456789, time.UTC)

func newPhone(t testing.TB, o phone.Options) *phone.Phone {
	t.Helper()
	if o.Now == nil {
		o.Now = func() time.Time { return start }
	}
	p, err := phone.New(o)
	if err != nil {
		t.Fatal(err)
	}
	p.SetShell(shell.Shell{})
	p.SetDisplay(blank{})
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// blank is a screen that shows nothing.
type blank struct{}

func (blank) Picture() image.Image {
	return image.NewPaletted(image.Rect(0, 0, phone.Width, phone.Height), color.Palette{color.Black})
}

func (b blank) PNG() []byte {
	var out bytes.Buffer
	_ = png.Encode(&out, b.Picture()) // bytes.Buffer never fails
	return out.Bytes()
}

func (b blank) Film(ctx context.Context, w io.Writer) error {
	<-ctx.Done()
	return gif.Encode(w, b.Picture(), nil)
}

// run runs a line and returns the result.
func run(p *phone.Phone, line, stdin string) (out, errs string, code int) {
	var o, e bytes.Buffer
	ctx, cancel := context.WithTimeout(context.Background(), wait.Plenty)
	defer cancel()
	code = p.Exec(ctx, phone.Command{Line: line, Stdin: strings.NewReader(stdin), Stdout: &o, Stderr: &e})
	return o.String(), e.String(), code
}

func TestShellLanguage(t *testing.T) {
	for _, c := range []struct {
		line, out, err string
		code           int
	}{
		{"echo hi", "hi\n", "", 0},
		{"echo a; echo b", "a\nb\n", "", 0},
		{"false && echo no; true && echo yes", "yes\n", "", 0},
		{"false || echo yes", "yes\n", "", 0},
		{"false; echo $?", "1\n", "", 0},
		{"exit 42", "", "", 42},
		{"kill -9 $$; echo no", "", "", 137},
		{"sh -c 'kill -TERM $$; echo no'; echo $?", "143\n", "", 0},
		// /data/local can be passed through but not listed.
		{"cd /; echo 1 > data/local/tmp/a; echo 2 > data/local/tmp/b; echo /data/local/tmp/* data/local/tmp/[b] /data/local/tm*/a", "/data/local/tmp/a /data/local/tmp/b data/local/tmp/b /data/local/tm*/a\n", "", 0},
		{"echo > /data/local/tmp/x.1; echo > /data/local/tmp/x.2; rm /data/local/tmp/x.*; ls /data/local/tmp", "", "", 0},
		{"(exit 3); echo $?", "3\n", "", 0},
		{"echo oops >&2; exit 3", "", "oops\n", 3},
		{"echo both 2>&1 >/dev/null", "", "", 0},
		{"{ echo out; echo err >&2; } 2>&1", "out\nerr\n", "", 0},
		{"echo 'single $x' \"double $HOME\"", "single $x double /\n", "", 0},
		{"x=5; echo $((x*2+1))", "11\n", "", 0},
		{"for i in 1 2 3; do echo -n $i; done; echo", "123\n", "", 0},
		{"i=0; while [ $i -lt 3 ]; do i=$((i+1)); done; echo $i", "3\n", "", 0},
		{"for i in a b c; do if [ $i = b ]; then continue; fi; echo $i; done", "a\nc\n", "", 0},
		{"case foo.jpg in *.png) echo png;; *.jpg|*.jpeg) echo jpeg;; esac", "jpeg\n", "", 0},
		{"f() { echo got $1; return 7; }; f x; echo $?", "got x\n7\n", "", 0},
		{"echo one two three | cat", "one two three\n", "", 0},
		{"printf '%s-%d\\n' a 1 b 2", "a-1\nb-2\n", "", 0},
		{"echo x | { read y; echo got:$y; }", "got:x\n", "", 0},
		{"cat <<EOF\nhome is $HOME\nEOF", "home is /\n", "", 0},
		{"cat <<'EOF'\nhome is $HOME\nEOF", "home is $HOME\n", "", 0},
		{"echo $(echo nested $(echo deep))", "nested deep\n", "", 0},
		{"echo `echo back`", "back\n", "", 0},
		{"set -e; false; echo no", "", "", 1},
		{"! true; echo $?", "1\n", "", 0},
		{"nosuch", "", "/system/bin/sh: nosuch: inaccessible or not found\n", 127},
		{"nosuch || echo saved", "saved\n", "/system/bin/sh: nosuch: inaccessible or not found\n", 0},
		{"cat </nonexistent", "", "/system/bin/sh: can't open /nonexistent: No such file or directory\n", 1},
		{"echo x > /nope", "", "/system/bin/sh: can't create /nope: Read-only file system\n", 1},
		{"cat /none", "", "cat: /none: No such file or directory\n", 1},
		{"echo )", "", "/system/bin/sh: syntax error: a command can only contain words and redirects; encountered `)`\n", 1},
		{"echo 'open", "", "/system/bin/sh: no closing quote\n", 1},
		{"cd /data/local/tmp && pwd", "/data/local/tmp\n", "", 0},
		{"cd /data/local/tmp; echo hi > f; cat f; ls; rm f; ls", "hi\nf\n", "", 0},
		{"cd /data/local/tmp; echo > b.x; echo > a.x; echo > c.y; echo *.x", "a.x b.x\n", "", 0},
		{"echo /data/local/tmp/no*", "/data/local/tmp/no*\n", "", 0},
		{"X=1 sh -c 'echo $X'; echo [$X]", "1\n[]\n", "", 0},
		{"export Y=2; sh -c 'echo $Y'", "2\n", "", 0},
		{"sh -c 'echo $0 $1' name arg", "name arg\n", "", 0},
		{"set -- a b c; echo $# $2; shift; echo $1", "3 b\nb\n", "", 0},
		{"test -f /system/bin/sh && [ -d /data ] && echo ok", "ok\n", "", 0},
		{"[[ abc == a* ]] && echo match", "match\n", "", 0},
		{"x=; echo ${x:-default} ${x:=set} $x", "default set set\n", "", 0},
		{"x=/a/b/c.txt; echo ${x##*/} ${x%/*} ${#x}", "c.txt /a/b 10\n", "", 0},
		{"eval 'echo evaluated $((1+1))'", "evaluated 2\n", "", 0},
		{"true | false; echo $?", "1\n", "", 0},
		{"echo abc | sha256sum", "edeaaff3f1774ad2888673770c6d64097e391bc362d7d6fb34982ddf0efd18cb  -\n", "", 0},
		{"echo abc | md5sum -b", "0bee89b07a248e27c83fc3d5951213c1\n", "", 0},
		{"echo -n abc", "abc", "", 0},
		{"id -u; id -un", "2000\nshell\n", "", 0},
		{"sleep 0.01; echo $?", "0\n", "", 0},
		{"sleep 0.02 & echo first; wait; echo last", "first\nlast\n", "", 0},
		{"which ls nothere; echo $?", "/system/bin/ls\n1\n", "", 0},
		{"command -v cat", "/system/bin/cat\n", "", 0},
		{"echo 'a\\tb'", "a\tb\n", "", 0},
		{"echo -E 'a\\tb'", "a\\tb\n", "", 0},
		{"/data/local/tmp", "", "/system/bin/sh: /data/local/tmp: can't execute: Permission denied\n", 126},
		{"cd /data/local/tmp; printf 'echo script $1\\n' > s; sh s two", "script two\n", "", 0},
		{"rm /data/local/tmp/none", "", "rm: /data/local/tmp/none: No such file or directory\n", 1},
		{"rm -f /data/local/tmp/none", "", "", 0},
		{"echo a && { echo b; exit 5; } ; echo c", "a\nb\n", "", 5},
		{"for f in /data/local/*; do echo $f; done", "/data/local/*\n", "", 0},
		{"echo ~ ~root", "/ ~root\n", "", 0},
		{"", "", "", 0},
	} {
		p := newPhone(t, phone.Options{})
		out, errs, code := run(p, c.line, "")
		if out != c.out || errs != c.err || code != c.code {
			t.Errorf("%s\n got %q %q %d\nwant %q %q %d", c.line, out, errs, code, c.out, c.err, c.code)
		}
	}
}

func TestStdin(t *testing.T) {
	p := newPhone(t, phone.Options{})
	if out, _, code := run(p, "cat", "through"); out != "through" || code != 0 {
		t.Errorf("cat: %q %d", out, code)
	}
	if out, _, code := run(p, "read a; read b; echo $b $a", "1\n2\n"); out != "2 1\n" || code != 0 {
		t.Errorf("read: %q %d", out, code)
	}
	if out, errs, code := run(p, "", "echo one\nif true\nthen echo two\nfi\nnosuch\nexit 9\necho no\n"); out != "one\ntwo\n" || code != 9 || errs != "/system/bin/sh: <stdin>[5]: nosuch: inaccessible or not found\n" {
		t.Errorf("script on stdin: %q %q %d", out, errs, code)
	}
}
