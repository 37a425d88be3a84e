package shell_test

import (
	"bytes"
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
	"github.com/wxctl/wxctl/fixtures/wait"
)

// TestImportsNothingOfTheHost checks the source: this package uses nothing that
// could reach the host except the interpreter, all of whose handlers it sets.
// Of package os only the open flags are used, and a pipe.
func TestImportsNothingOfTheHost(t *testing.T) {
	for _, dir := range []string{".", "../phone"} {
		names, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil || len(names) == 0 {
			t.Fatal(err, names)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, imp := range f.Imports {
				if slices.Contains([]string{`"os/exec"`, `"os/user"`, `"os/signal"`, `"net"`, `"net/http"`, `"syscall"`, `"io/ioutil"`, `"plugin"`, `"unsafe"`, `"golang.org/x/sys/unix"`}, imp.Path.Value) {
					t.Errorf("%s imports %s", name, imp.Path.Value)
				}
			}
			ast.Inspect(f, func(n ast.Node) bool {
				if s, ok := n.(*ast.SelectorExpr); ok {
					if x, ok := s.X.(*ast.Ident); ok && x.Name == "os" && !strings.HasPrefix(s.Sel.Name, "O_") && s.Sel.Name != "Pipe" && s.Sel.Name != "Expand" {
						t.Errorf("%s uses os.%s", name, s.Sel.Name)
					}
				}
				return true
			})
		}
	}
}

// TestHostOutOfReach tries possible ways to reach the host.
func TestHostOutOfReach(t *testing.T) {
	const secret = "host-secret-3f9c"
	dir := t.TempDir()
	file := filepath.Join(dir, "secret.sh")
	if err := os.WriteFile(file, []byte("echo "+secret+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("WXCTL_HOST_SECRET", secret)
	t.Setenv("TMPDIR", dir)
	t.Setenv("HOME", dir)
	user := os.Getenv("USER")
	p := newPhone(t, phone.Options{})
	host := filepath.ToSlash(file)
	d := filepath.ToSlash(dir)
	for _, line := range []string{
		"cat " + host, ". " + host, "source " + host, "sh " + host, host, "exec " + host, "cat < " + host, "read x < " + host + "; echo $x", "echo $(<" + host + ")",
		"echo $WXCTL_HOST_SECRET", "env", "export", "set", "printenv WXCTL_HOST_SECRET", "echo ${!WXCTL*}", "sh -c 'echo $WXCTL_HOST_SECRET'", "eval echo \\$WXCTL_HOST_SECRET",
		"ls " + d, "echo " + d + "/*", "cd " + d + " && pwd && ls", "test -e " + host + " && echo " + secret, "[ -d " + d + " ] && echo " + secret, "[[ -f " + host + " ]] && echo " + secret,
		"echo x > " + d + "/made", "mkdir " + d + "/made", "touch " + d + "/made", "cat <(echo " + "x)", "echo x | tee " + d + "/made", "cp /system/bin/sh " + d + "/made", "rm " + host, "rm -r " + d, "mv " + host + " /data/local/tmp/",
		"/bin/ls " + d, "/usr/bin/env", "/bin/sh -c env", "type " + host, "command -v " + host, "command cat " + host, "which " + host,
		"echo ~", "echo ~root ~" + user + " ~nobody", "cd ~; pwd", "cd; pwd", "CLASSPATH=" + host + " app_process / X", "find " + d, "stat " + host, "sha256sum " + host, "grep . " + host, "base64 " + host,
		"cat /proc/self/environ", "cat /proc/1/cmdline", "cat /etc/passwd", "cat /dev/tcp/127.0.0.1/80", "hostname", "curl http://127.0.0.1", "cat " + d + "/sh-interp-x", "exec 3<" + host + "; cat <&3",
		"trap 'cat " + host + "' EXIT", "wait; jobs; ulimit -a; umask", "for f in " + d + "/*; do cat $f; done", "kill -9 1", "kill " + "$PPID", "( cat " + host + " ) &", "cat " + host + " | cat",
		"xargs cat <<EOF\n" + host + "\nEOF", "printf -v x %s a; echo $x", "alias ll=cat; ll " + host,
	} {
		out, errs, _ := run(p, line, "")
		if strings.Contains(out+errs, secret) {
			t.Errorf("%s\nreached the host: %q %q", line, out, errs)
		}
		if knows := strings.Contains(out, dir); knows && !strings.HasPrefix(line, "type ") && !strings.HasSuffix(line, "/*") && !strings.HasPrefix(line, "for f") {
			t.Errorf("%s\nknows the host: %q", line, out)
		}
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Errorf("the host's directory holds %v, %v", left, err)
	}
}

// TestHostileLines checks that any line ends, without a crash.
func TestHostileLines(t *testing.T) {
	p := newPhone(t, phone.Options{})
	for name, line := range map[string]string{
		"endless loop":             "while true; do :; done",
		"endless output":           "while true; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done",
		"endless recursion":        "f() { f; }; f",
		"mutual recursion":         "f() { g; }; g() { f; }; f",
		"fork bomb":                "f() { f | f & }; f",
		"substitution bomb":        "x=aaaaaaaaaaaaaaaa; while true; do x=$x$x; done; echo ${#x}",
		"output in a substitution": "x=$(while true; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done)",
		"braces":                   "echo {1..999999999}",
		"braces on braces":         "echo " + strings.Repeat("{a,b}", 40),
		"deep brackets":            strings.Repeat("(", 60000),
		"deep arithmetic":          "echo $((" + strings.Repeat("(", 60000) + "1" + strings.Repeat(")", 60000) + "))",
		"many minuses":             "echo $((" + strings.Repeat("- ", 60000) + "1))",
		"deep ifs":                 strings.Repeat("if ", 40000),
		"deep substitutions":       strings.Repeat("$(", 60000),
		"deep blocks":              strings.Repeat("{ ", 1500) + "echo x" + strings.Repeat("; }", 1500),
		"many nots":                strings.Repeat("! ", 40000) + "true",
		"long pipeline":            strings.Repeat("echo x | ", 3000) + "cat",
		"long list":                strings.Repeat("true; ", 20000),
		"long and-list":            strings.Repeat("true && ", 15000) + "true",
		"too long":                 strings.Repeat("x", 200000),
		"division by zero":         "echo $((1/0)) $((1%0))",
		"big shift":                "echo $((1<<999)) $((1<<-1)) $((-2147483648/-1))",
		"bad subscript":            "x[-1]=2; x[999999999]=1; echo ${x[-9]}",
		"bad slices":               "x=abc; echo ${x:5:-9} ${x:-5:2} ${x: -9}",
		"bad pattern":              "case a in [) ;; esac; [[ a == [z-a] ]]; echo ${x/[/y}",
		"regex bomb":               "echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa | grep -E '(a+)+$' ; echo | grep -E '" + strings.Repeat("(a{1,1000}){1,1000}", 4) + "'",
		"test nesting":             "[ " + strings.Repeat("! ", 5000) + "x ]",
		"test parens":              "[ " + strings.Repeat("'(' ", 5000) + "x ]",
		"eval recursion":           `x='eval "$x"'; eval "$x"`,
		"shell in shell":           `x='sh -c "$x"'; export x; sh -c "$x"`,
		"script recursion":         "cd /data/local/tmp; echo 'sh ./s' > s; sh s",
		"source recursion":         "cd /data/local/tmp; echo '. ./s' > s; . ./s",
		"nul bytes":                "echo a\x00b; cat \x00",
		"not UTF-8":                "echo \xff\xfe; \xff",
		"xargs on itself":          "echo x | xargs xargs xargs echo",
		"head of nothing":          "cat /dev/zero | head -c 100 | wc -c",
		"zeroes":                   "cat /dev/zero | tail -n 1 | wc -c",
		"fill the disk":            "cat /dev/zero > /data/local/tmp/zero",
	} {
		t.Run(name, func(t *testing.T) {
			p.FS.SetFree(32 << 20)
			ctx, cancel := context.WithTimeout(t.Context(), 120*time.Millisecond)
			defer cancel()
			done := make(chan int, 1)
			go func() { done <- p.Exec(ctx, phone.Command{Line: line, Stdout: &limited{}, Stderr: &limited{}}) }()
			select {
			case code := <-done:
				if code == 139 {
					t.Errorf("the shell crashed")
				}
			case <-time.After(wait.Plenty):
				buf := make([]byte, 1<<16)
				t.Fatalf("no end\n%s", buf[:runtime.Stack(buf, true)])
			}
			_ = p.FS.RemoveAll(phone.RootCred(), "/data/local/tmp/zero")
		})
	}
}

// limited discards output.
type limited struct{ n int }

func (l *limited) Write(p []byte) (int, error) { l.n += len(p); return len(p), nil }

// TestManyRuns checks that none of many runs is lost, and that nothing grows.
func TestManyRuns(t *testing.T) {
	p := newPhone(t, phone.Options{})
	line := "echo out $((6*7)); echo err >&2; cat | cat; false || (exit 7)"
	one := func() (string, string, int) { return run(p, line, "stdin") }
	check := func(out, errs string, code int) {
		if out != "out 42\nstdin" || errs != "err\n" || code != 7 {
			t.Errorf("%q %q %d", out, errs, code)
		}
	}
	check(one())
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	goroutines, processes := runtime.NumGoroutine(), len(p.Processes())
	for range 1000 {
		check(one())
	}
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() { check(one()) })
	}
	wg.Wait()
	wait.For(t, "goroutines to end", func() bool { return runtime.NumGoroutine() <= goroutines })
	if n := len(p.Processes()); n != processes {
		t.Errorf("%d processes, %d before", n, processes)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 2<<20 {
		t.Errorf("the heap grew by %d bytes in 1100 runs", grown)
	}
}

// TestExecAllocates counts the allocations of a run, so that they don't grow
// unnoticed.
func TestExecAllocates(t *testing.T) {
	p := newPhone(t, phone.Options{})
	for line, most := range map[string]float64{"true": 90, "echo hi; echo $((1+1))": 160, "cat /dev/null | cat": 190} {
		got := testing.AllocsPerRun(50, func() {
			p.Exec(context.Background(), phone.Command{Line: line, Stdout: &limited{}, Stderr: &limited{}})
		})
		if got > most {
			t.Errorf("%s: %.0f allocations, at most %.0f", line, got, most)
		} else {
			t.Logf("%s: %.0f allocations", line, got)
		}
	}
}

func BenchmarkExec(b *testing.B) {
	p := newPhone(b, phone.Options{})
	b.ReportAllocs()
	for b.Loop() {
		p.Exec(context.Background(), phone.Command{Line: "echo hi", Stdout: &limited{}, Stderr: &limited{}})
	}
}

// TestCancel checks that a run ends when its context does.
func TestCancel(t *testing.T) {
	p := newPhone(t, phone.Options{})
	for _, line := range []string{"sleep 100", "cat", "logcat", "sleep 100 & wait", "sleep 100 | cat", "while true; do sleep 0.01; done", "read x", "(sleep 100)", "echo $(sleep 100)", "sleep 100 &"} {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan int, 1)
		go func() {
			done <- p.Exec(ctx, phone.Command{Line: line, Stdin: r, Stdout: &bytes.Buffer{}, Stderr: &bytes.Buffer{}})
		}()
		select {
		case code := <-done:
			if code != 130 {
				t.Errorf("%s: code %d, want 130", line, code)
			}
		case <-time.After(wait.Plenty):
			t.Errorf("%s: did not end", line)
		}
		cancel()
		w.Close()
		r.Close()
	}
}

func FuzzLine(f *testing.F) {
	for _, s := range []string{"echo hi", "a=1; echo $((a+1))", "for i in 1 2; do echo $i; done", "cat <<E\nx\nE", "echo ${x:-y} | tr a b && ls -l /data >&2", "case x in *) ;; esac", "f(){ echo $1;}; f a", "am start -W -n com.a/.B --ei k 1", "pm list packages -f",
		"logcat -d -v brief *:S", "[[ a == b* ]] || [ -f x ]", "content query --uri content://a/b", "dumpsys package android", "run-as x sh -c 'id'", "printf '%s %d' a 1", "x=(1 2 3); echo ${x[1]} ${#x[@]}", "chmod u+x,g=r f; stat -c %a f", "grep -E 'a|b' <<<abc", "echo `echo $(echo x)`", "set -eux; echo $y", "printf 'a\nb' | sed -n '1,/x/s/a/&&/gp;$!d'", "printf '%5.2f|%*d' 1 2 3; seq 3", "trap 'echo x' EXIT; exec >f; cd /; umask 7"} {
		f.Add(s)
	}
	p := newPhone(f, phone.Options{})
	p.FS.SetFree(8 << 20)
	f.Fuzz(func(t *testing.T, line string) {
		ctx, cancel := context.WithTimeout(t.Context(), 25*time.Millisecond)
		defer cancel()
		began := time.Now()
		var errs bytes.Buffer
		if code := p.Exec(ctx, phone.Command{Line: line, Stdin: strings.NewReader("in\n"), Stdout: &limited{}, Stderr: &errs}); code == 139 || code < 0 || code > 255 {
			t.Errorf("code %d: %s", code, errs.String())
		}
		if d := time.Since(began); d > wait.Plenty {
			t.Errorf("ended %v after its context", d)
		}
	})
}
