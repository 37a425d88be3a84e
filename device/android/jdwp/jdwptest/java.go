// Package jdwptest runs HotSpot for tests: as a process to debug, and as a
// debugger (JDI).
package jdwptest

import (
	"bufio"
	"context"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wxctl/wxctl/fixtures/tier"
)

// Tier is the name of the tier that needs a JDK.
const Tier = "jdwp"

// Patience is how long a test waits for a JVM before it gives up on it: a
// loaded machine takes its time.
const Patience = 2 * time.Minute

// Context is a context for one test with a JVM.
func Context(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	t.Cleanup(cancel)
	return ctx
}

// Compile compiles Java sources, with local variables, and returns the
// directory of the classes. It skips the test where there is no JDK.
func Compile(t testing.TB, sources ...string) string {
	t.Helper()
	javac := tier.Need(t, Tier, "javac")[0]
	dir := t.TempDir()
	args := append([]string{"-g", "-encoding", "UTF-8", "--add-modules", "jdk.jdi", "-d", dir}, sources...)
	if out, err := exec.CommandContext(Context(t), javac, args...).CombinedOutput(); err != nil {
		t.Fatalf("javac: %v\n%s", err, out)
	}
	return dir
}

// Java is a running JVM.
type Java struct {
	// Addr is where it takes a debugger, host:port.
	Addr string
	// Listening is what it prints when it takes a debugger: at the start, and
	// after each.
	Listening string

	stdin io.WriteCloser
	out   *bufio.Reader
	t     testing.TB
	cmd   *exec.Cmd
	ended chan error
}

// Start runs a main class as a process that takes a debugger; options go to
// the agent, such as "suspend=y". The process is killed when the test ends.
func Start(t testing.TB, classPath, main, options string, args ...string) *Java {
	t.Helper()
	if options == "" {
		options = "suspend=n"
	}
	// A port of its own choice would be another one for each debugger.
	for range 10 {
		addr := freePort(t)
		j := run(t, append([]string{"-agentlib:jdwp=transport=dt_socket,server=y,address=" + addr + "," + options,
			"-XX:TieredStopAtLevel=1", "-cp", classPath, main}, args...))
		j.Addr = addr
		_, port, _ := net.SplitHostPort(addr)
		j.Listening = "Listening for transport dt_socket at address: " + port
		line := j.Line()
		if line == j.Listening {
			return j
		}
		if !strings.Contains(line, "bind failed") && !strings.Contains(line, "in use") {
			t.Fatalf("the JVM says %q instead of its address", line)
		}
	}
	t.Fatal("no port is free")
	return nil
}

func freePort(t testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// Debugger runs a main class that uses JDI. Its output is read with Line.
func Debugger(t testing.TB, classPath, main string, args ...string) *Java {
	t.Helper()
	return run(t, append([]string{"--add-modules", "jdk.jdi", "-XX:TieredStopAtLevel=1", "-cp", classPath, main}, args...))
}

func run(t testing.TB, args []string) *Java {
	t.Helper()
	java := tier.Need(t, Tier, "java")[0]
	j := &Java{t: t, cmd: exec.CommandContext(Context(t), java, args...), ended: make(chan error, 1)}
	var err error
	if j.stdin, err = j.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	r, w := io.Pipe()
	j.cmd.Stdout, j.cmd.Stderr = w, w
	j.out = bufio.NewReader(r)
	j.cmd.WaitDelay = time.Second
	if err := j.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		err := j.cmd.Wait()
		w.Close()
		j.ended <- err
		close(j.ended)
	}()
	t.Cleanup(func() {
		r.Close()
		_ = j.cmd.Process.Kill() // it may have ended
		<-j.ended
	})
	return j
}

// Say sends one line to the process.
func (j *Java) Say(line string) {
	j.t.Helper()
	if _, err := io.WriteString(j.stdin, line+"\n"); err != nil {
		j.t.Fatal(err)
	}
}

// Line is the next line that the process prints; "" at its end.
func (j *Java) Line() string {
	j.t.Helper()
	line, err := j.out.ReadString('\n')
	if err != nil && err != io.EOF {
		j.t.Fatalf("reading what the JVM prints: %v", err)
	}
	return strings.TrimRight(line, "\r\n")
}

// Want reads a line, which must be this one.
func (j *Java) Want(line string) {
	j.t.Helper()
	if got := j.Line(); got != line {
		j.t.Fatalf("the JVM says %q, want %q", got, line)
	}
}

// Rest reads what the process prints until it ends.
func (j *Java) Rest() string {
	j.t.Helper()
	b, err := io.ReadAll(j.out)
	if err != nil {
		j.t.Fatal(err)
	}
	return string(b)
}

// Source is the path of a file in the package's testdata directory.
func Source(name string) string { return filepath.Join("testdata", name) }

// Kill ends the process at once.
func (j *Java) Kill() {
	j.t.Helper()
	if err := j.cmd.Process.Kill(); err != nil {
		j.t.Fatal(err)
	}
	<-j.ended
}
