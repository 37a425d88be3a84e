package adb_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/adb"
	"github.com/wxctl/wxctl/fixtures/adbtest"
	"github.com/wxctl/wxctl/fixtures/tier"
	"github.com/wxctl/wxctl/fixtures/wait"
)

// adbProgram is Debian's adb with an environment of its own.
type adbProgram struct {
	t    testing.TB
	path string
	env  []string
	port string // of the server it talks to
}

// needAdb returns the adb program, for a server at addr.
func needAdb(t testing.TB, addr string) *adbProgram {
	t.Helper()
	path := tier.Need(t, "adb", "adb")[0]
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	return &adbProgram{t: t, path: path, port: port, env: append(os.Environ(),
		"HOME="+t.TempDir(),
		"ADB_LOCAL_TRANSPORT_MAX_PORT=5554", // don't search for emulators
		"ANDROID_SERIAL=", "ANDROID_ADB_SERVER_PORT=", "ADB_SERVER_SOCKET=")}
}

// freePort returns a port of loopback that nobody listens on.
func freePort(t testing.TB) string { return fmt.Sprint(wait.Port(t)) }

// realServer starts Debian's adb server on a port of its own.
func realServer(t testing.TB) *adbProgram {
	t.Helper()
	a := needAdb(t, "127.0.0.1:"+freePort(t))
	server := exec.Command(a.path, "-P", a.port, "nodaemon", "server")
	server.Env = a.env
	var log bytes.Buffer
	server.Stdout, server.Stderr = &log, &log
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		server.Process.Kill()
		server.Wait()
		if t.Failed() {
			t.Logf("adb server:\n%s", log.Bytes())
		}
	})
	waitUntil(t, "the adb server listens", func() bool {
		c, err := net.Dial("tcp", "127.0.0.1:"+a.port)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	return a
}

func waitUntil(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(wait.Plenty); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// result is what a run of adb printed, and its exit code.
type result struct {
	out, err string
	code     int
}

func (r result) String() string {
	return fmt.Sprintf("stdout %q stderr %q exit %d", r.out, r.err, r.code)
}

func (a *adbProgram) input(stdin string, args ...string) result {
	a.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), wait.Plenty)
	defer cancel()
	cmd := exec.CommandContext(ctx, a.path, append([]string{"-P", a.port}, args...)...)
	cmd.Env = a.env
	cmd.Stdin = strings.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) || ctx.Err() != nil {
		a.t.Fatalf("adb %q: %v\n%s", args, err, stderr.Bytes())
	}
	return result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

func (a *adbProgram) run(args ...string) result {
	a.t.Helper()
	return a.input("", args...)
}

// want runs adb and compares what it prints and its exit code.
func (a *adbProgram) want(want result, args ...string) {
	a.t.Helper()
	if got := a.run(args...); got != want {
		a.t.Errorf("adb %q\ngot  %v\nwant %v", args, got, want)
	}
}

// serveDaemon runs an adbd for the test's time and returns its address.
func serveDaemon(t testing.TB, d *adb.Daemon) string { return countDaemon(t, d).Addr().String() }

// countDaemon runs an adbd for the test's time.
func countDaemon(t testing.TB, d *adb.Daemon) *adbtest.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:"+freePort(t))
	for try := 0; err != nil && try < 20; try++ { // another test's program took it meanwhile
		l, err = net.Listen("tcp", "127.0.0.1:"+freePort(t))
	}
	if err != nil {
		t.Fatal(err)
	}
	counted := adbtest.Count(l)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- d.Serve(ctx, counted) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("Serve: %v", err)
			}
		case <-time.After(wait.Plenty):
			t.Error("Serve did not end with its context")
		}
	})
	return counted
}

// connected starts Debian's adb server and connects it to d.
func connected(t testing.TB, d *adb.Daemon) (*adbProgram, string) {
	t.Helper()
	return connectedTo(t, serveDaemon(t, d))
}

// connectedTo starts Debian's adb server and connects it to a phone's address.
func connectedTo(t testing.TB, addr string) (*adbProgram, string) {
	t.Helper()
	a := realServer(t)
	a.t = t
	if got, want := a.run("connect", addr), (result{"connected to " + addr + "\n", "", 0}); got != want {
		t.Fatalf("adb connect: %v, want %v", got, want)
	}
	return a, addr
}

// talkative is a phone on which every service exists.
func talkative(serial string) *adbtest.Phone {
	p := phone(serial)
	p.Ident.DevPath = ""
	p.Processes = []int{4242, 4243}
	p.Services = map[string]func(context.Context, net.Conn){"tcp:7777": echo, "localabstract:echo": echo, "jdwp:4242": echo}
	return p
}

func echo(_ context.Context, conn net.Conn) { io.Copy(conn, conn) }

// subject is a phone with which Debian's adb is tested.
type subject struct {
	adb.Device
	limit func(free int64) // of the disk; negative for none
}

// subjects are the small phone of adbtest and the whole virtual phone, which
// behave the same with these commands.
func subjects(t *testing.T, run func(t *testing.T, newSubject func(t *testing.T, serial string) subject)) {
	t.Run("small phone", func(t *testing.T) {
		run(t, func(t *testing.T, serial string) subject {
			p := talkative(serial)
			return subject{p, p.Files.SetFree}
		})
	})
	t.Run("virtual phone", func(t *testing.T) { run(t, wholePhone) })
}

func wholePhone(t *testing.T, serial string) subject {
	p, err := virtualandroid.New(virtualandroid.Options{Serial: serial})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	put(t, p, "/data/local/tmp/a.txt", []byte("hello\n"))
	p.Model.Logcat(1, 1000, 4, "wx", "a line for whoever reads the log")
	return subject{wired{p}, p.Model.FS.SetFree}
}

// wired is a virtual phone with the services of a talkative one.
type wired struct{ *virtualandroid.Phone }

func (wired) JDWP() []int { return []int{4242, 4243} }

func (wired) Dial(ctx context.Context, service string) (io.ReadWriteCloser, error) {
	return talkative("").Dial(ctx, service)
}

// put and data write and read a file of a phone.
func put(t *testing.T, d adb.Device, name string, data []byte) {
	t.Helper()
	f, err := d.FS().Create(name, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(data); err != nil {
		t.Fatal(err)
	}
}

func data(d adb.Device, name string) []byte {
	f, err := d.FS().Open(name)
	if err != nil {
		return nil
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		return nil
	}
	return b
}

// modelName is a phone's model as device lists show it.
func modelName(d adb.Device) string {
	return strings.NewReplacer(" ", "_", "-", "_").Replace(d.Identity().Model)
}

// TestAdbProgram has Debian's adb drive our server, and its server our
// adbd, with the same commands.
func TestAdbProgram(t *testing.T) {
	t.Parallel()
	subjects(t, func(t *testing.T, newSubject func(t *testing.T, serial string) subject) {
		t.Run("server", func(t *testing.T) {
			p := newSubject(t, "virtual-1")
			checkAll(t, needAdb(t, serve(t, adbtest.NewServer(t, p.Device))), p, "virtual-1")
		})
		t.Run("daemon", func(t *testing.T) {
			p := newSubject(t, "")
			a, addr := connected(t, adb.NewDaemon(p.Device))
			checkAll(t, a, p, addr)
		})
		t.Run("old daemon", func(t *testing.T) { // checksums, 4 KiB packets
			p := newSubject(t, "")
			d := adb.NewDaemon(p.Device)
			d.Version, d.MaxPayload = 0x01000000, 4096
			a, addr := connected(t, d)
			checkAll(t, a, p, addr)
		})
	})
}

func checkAll(t *testing.T, a *adbProgram, p subject, serial string) {
	t.Run("shell", func(t *testing.T) { a.t = t; checkShell(a, p, serial) })
	t.Run("files", func(t *testing.T) { a.t = t; checkFiles(t, a, p) })
	t.Run("forward", func(t *testing.T) { a.t = t; checkForward(t, a, serial) })
}

const notFound = "/system/bin/sh: nosuch: inaccessible or not found\n"

func checkShell(a *adbProgram, p subject, serial string) {
	id := p.Identity()
	a.want(result{fmt.Sprintf("List of devices attached\n%-22s device product:%s model:%s device:%s transport_id:1\n\n", serial, id.Product, modelName(p), id.Device), "", 0}, "devices", "-l")
	a.want(result{"device\n", "", 0}, "get-state")
	a.want(result{"", "", 0}, "wait-for-device")
	a.want(result{serial + "\n", "", 0}, "get-serialno")
	a.want(result{"hi\n", "", 0}, "shell", "echo", "hi")
	a.want(result{"", "", 42}, "shell", "exit 42")
	a.want(result{"out\n", notFound, 127}, "shell", "echo out; nosuch")
	a.want(result{"out\n" + notFound, "", 0}, "shell", "-x", "echo out; nosuch") // shell v1
	a.want(result{"", notFound, 3}, "-s", serial, "shell", "nosuch; exit 3")
	a.want(result{"hello\n", "", 0}, "exec-out", "cat /data/local/tmp/a.txt")
	a.want(result{"4242\n4243\n", "", 0}, "jdwp")
	a.want(result{"adbd cannot run as root in production builds\n", "", 0}, "root")
	a.want(result{"", "error: device 'nope' not found\n", 1}, "-s", "nope", "shell", "true")
	in := strings.Repeat("stdin of some length\n", 20000)
	if got := a.input(in, "shell", "cat"); got != (result{in, "", 0}) {
		a.t.Errorf("adb shell cat: %d bytes of %d, %q, code %d", len(got.out), len(in), got.err, got.code)
	}
	// Without a command, a shell reads its commands.
	if got, want := a.input("echo one\nfalse\nexit 4\necho two\n", "shell"), (result{"one\n", "", 4}); got != want {
		a.t.Errorf("adb shell: got %v, want %v", got, want)
	}
	a.logcat()
}

// logcat reads the head of an endless command's output and hangs up.
func (a *adbProgram) logcat() {
	a.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), wait.Plenty)
	defer cancel()
	cmd := exec.CommandContext(ctx, a.path, "-P", a.port, "shell", "logcat")
	cmd.Env = a.env
	out, err := cmd.StdoutPipe()
	if err != nil {
		a.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		a.t.Fatal(err)
	}
	got := make([]byte, 40)
	if _, err := io.ReadFull(out, got); err != nil {
		a.t.Errorf("logcat: %q, %v", got, err)
	}
	cancel()
	cmd.Wait()
}

func checkFiles(t *testing.T, a *adbProgram, p subject) {
	dir := t.TempDir()
	big := filepath.Join(dir, "big")
	want := bytes.Repeat([]byte("ten megabytes of data, none of it alike, \x00\xff\n"), 10<<20/44)
	for i := 0; i < len(want); i += 1000 {
		want[i] = byte(i / 1000)
	}
	if err := os.WriteFile(big, want, 0o640); err != nil {
		t.Fatal(err)
	}
	mtime := time.Unix(1600000000, 0)
	os.Chtimes(big, mtime, mtime)
	const remote = "/data/local/tmp/deep/er/big"
	if got := a.run("push", big, remote); got.code != 0 {
		t.Fatalf("push: %v", got)
	}
	if !bytes.Equal(data(p, remote), want) {
		t.Error("the pushed file differs")
	}
	// adbd copies the owner's permissions to group and others.
	if i, err := p.FS().Stat(remote); err != nil || !i.IsRegular() || i.Mode&0o777 != 0o666 || !i.MTime.Equal(mtime) {
		t.Errorf("the pushed file is %o of %v (%v)", i.Mode, i.MTime, err)
	}
	if got := a.run("exec-out", "cat "+remote); got.out != string(want) || got.code != 0 {
		t.Errorf("10 MB of output: got %d bytes, code %d", len(got.out), got.code)
	}
	back := filepath.Join(dir, "back")
	if got := a.run("pull", "-a", remote, back); got.code != 0 {
		t.Fatalf("pull: %v", got)
	}
	if got, _ := os.ReadFile(back); !bytes.Equal(got, want) {
		t.Error("the pulled file differs")
	}
	if i, err := os.Stat(back); err != nil || !i.ModTime().Equal(mtime) {
		t.Errorf("the pulled file's time is %v (%v)", i.ModTime(), err)
	}
	checkDirectory(t, a, dir)

	small := filepath.Join(dir, "tree", "one")
	for _, tt := range []struct {
		text string
		args []string
	}{
		{"remote couldn't create file: Read-only file system", []string{"push", small, "/system/x"}},
		{"failed to stat remote object '/data/local/tmp/none': No such file or directory", []string{"pull", "/data/local/tmp/none", back}},
	} {
		if got := a.run(tt.args...); got.code != 1 || !strings.Contains(got.out, tt.text) {
			t.Errorf("adb %q: %v, want %q", tt.args, got, tt.text)
		}
	}
	p.limit(5 << 20)
	defer p.limit(-1)
	if got := a.run("push", big, "/data/local/tmp/full"); got.code != 1 || !strings.Contains(got.out, "No space left on device") {
		t.Errorf("push to a full disk: %v", got)
	}
	if _, err := p.FS().Lstat("/data/local/tmp/full"); err == nil {
		t.Error("a push that failed left a file behind")
	}
}

// checkDirectory pushes a tree, pulls it again and compares the two.
func checkDirectory(t *testing.T, a *adbProgram, dir string) {
	tree := map[string]string{"one": "1\n", "empty": "", "sub/two": strings.Repeat("2", 70000), "sub/sub/名前 x": "3", "sub/bytes": "\x00\x01\xff"}
	for name, content := range tree {
		path := filepath.Join(dir, "tree", name)
		os.MkdirAll(filepath.Dir(path), 0o755)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got := a.run("push", filepath.Join(dir, "tree"), "/data/local/tmp/"); got.code != 0 || !strings.Contains(got.out, "5 files pushed") {
		t.Errorf("push of a directory: %v", got)
	}
	if got := a.run("pull", "/data/local/tmp/tree", filepath.Join(dir, "pulled")); got.code != 0 || !strings.Contains(got.out, "5 files pulled") {
		t.Errorf("pull of a directory: %v", got)
	}
	for name, content := range tree {
		if got, err := os.ReadFile(filepath.Join(dir, "pulled", name)); err != nil || string(got) != content {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
	if got := a.run("ls", "/data/local/tmp/tree"); strings.Count(got.out, "\n") != 5 || !strings.Contains(got.out, "000081b6 00000002 ") {
		t.Errorf("adb ls: %v", got)
	}
}

func checkForward(t *testing.T, a *adbProgram, serial string) {
	for _, remote := range []string{"tcp:7777", "localabstract:echo", "jdwp:4242"} {
		got := a.run("forward", "tcp:0", remote)
		if got.code != 0 {
			t.Fatalf("forward: %v", got)
		}
		port := strings.TrimSpace(got.out)
		a.want(result{fmt.Sprintf("%s tcp:%s %s\n\n", serial, port, remote), "", 0}, "forward", "--list")
		c := dial(t, "127.0.0.1:"+port)
		io.WriteString(c, "there and back")
		c.take("there and back")
		c.Close()
		a.want(result{"", "", 0}, "forward", "--remove", "tcp:"+port)
		a.want(result{"", fmt.Sprintf("adb: error: listener 'tcp:%s' not found\n", port), 1}, "forward", "--remove", "tcp:"+port)
	}
	got := a.run("forward", "tcp:0", "tcp:1")
	c := dial(t, "127.0.0.1:"+strings.TrimSpace(got.out))
	if rest := c.rest(); rest != "" {
		t.Errorf("a forward to nothing says %q", rest)
	}
	a.want(result{"", "", 0}, "forward", "--remove-all")
	a.want(result{"\n", "", 0}, "forward", "--list")
}
