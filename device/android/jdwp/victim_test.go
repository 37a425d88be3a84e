package jdwp_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/wxctl/wxctl/device/android/jdwp"
	"github.com/wxctl/wxctl/fixtures/jdwptest"
)

// portEnv names, as host:port, an external VM that runs "Victim auto" and
// accepts a debugger: an ART, for instance (docs/verified.md).
const portEnv = "WXCTL_TEST_JDWP"

// program is a running testdata/Victim.java: our own, which calls its methods
// for each line that it reads, or an external one, which calls them by itself.
type program struct {
	*jdwptest.Java // nil for an external one
	addr           string
	t              *testing.T
}

func victim(t *testing.T, classes, options string) *program {
	t.Helper()
	if addr := os.Getenv(portEnv); addr != "" {
		return &program{addr: addr, t: t}
	}
	java := jdwptest.Start(t, classes, "Victim", options)
	return &program{java, java.Addr, t}
}

func (p *program) foreign() bool { return p.Java == nil }

// own skips tests that are only possible with our own VM.
func (p *program) own(t *testing.T) {
	if p.foreign() {
		t.Skipf("not to the VM that %s names", portEnv)
	}
}

// ready makes the program load its classes.
func (p *program) ready() {
	p.t.Helper()
	if p.foreign() {
		ctx := jdwptest.Context(p.t)
		vm := attach(ctx, p.t, p.addr)
		for found := []jdwp.Class(nil); len(found) == 0 || found[0].Status&4 == 0; { // it may just have begun
			found = must(vm.ClassesBySignature(ctx, "LVictim$Late;"))(p.t) // the last that it uses
		}
		if err := vm.Close(); err != nil {
			p.t.Error(err)
		}
		return
	}
	p.Say("warm")
	p.Want(doneLine("warm", 1))
}

// say has the methods called; an external program calls them by itself.
func (p *program) say(line string) {
	p.t.Helper()
	if !p.foreign() {
		p.Say(line)
	}
}

// line is what the methods are called with when a line was said.
func (p *program) line(said string) string {
	if p.foreign() {
		return "auto"
	}
	return said
}

func doneLine(line string, n int) string { return fmt.Sprintf("done %s %d %d", line, n, n) }

// done waits until the methods have returned; for an external program, its next
// stop shows that.
func (p *program) done(line string, n int) {
	p.t.Helper()
	if !p.foreign() {
		p.Want(doneLine(line, n))
	}
}

// hold keeps an external program from calling methods while breakpoints are
// set. The returned function lets it continue.
func (p *program) hold(ctx context.Context, t *testing.T, vm *jdwp.VM) func() {
	t.Helper()
	if !p.foreign() {
		return func() {}
	}
	if err := vm.Suspend(ctx); err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		if err := vm.Resume(ctx); err != nil {
			t.Fatal(err)
		}
	}
}

// goesOn makes sure that nothing stops the program.
func (p *program) goesOn(line string, n int) {
	p.t.Helper()
	if p.foreign() {
		p.comesBy()
		return
	}
	p.Say(line)
	got := p.Line()
	if strings.HasPrefix(got, "Listening for transport") {
		got = p.Line()
	}
	if want := doneLine(line, n); got != want {
		p.t.Fatalf("the JVM says %q, want %q", got, want)
	}
}

// listens waits until the VM accepts the next debugger.
func (p *program) listens() {
	p.t.Helper()
	if !p.foreign() {
		p.Want(p.Listening)
	}
}

// left makes sure that the program continues after the debugger's end, and that
// the VM accepts the next one. HotSpot and the program report that in any
// order.
func (p *program) left(line string, n int) {
	p.t.Helper()
	if p.foreign() {
		p.comesBy()
		return
	}
	got := []string{p.Line(), p.Line()}
	if want := doneLine(line, n); !slices.Contains(got, p.Listening) || !slices.Contains(got, want) {
		p.t.Fatalf("the JVM says %q, want %q and %q", got, p.Listening, want)
	}
}

// comesBy checks, as the next debugger, that an external program still runs.
func (p *program) comesBy() {
	p.t.Helper()
	ctx := jdwptest.Context(p.t)
	vm := attach(ctx, p.t, p.addr)
	breakAt(ctx, p.t, vm, "LVictim$Entry;", "onNewIntent", "(LVictim$Intent;)V")
	must(vm.Next(ctx))(p.t)
	if err := vm.Close(); err != nil {
		p.t.Error(err)
	}
}

// An external HotSpot passes the parts of TestHotSpot that any VM passes.
func TestForeignProgram(t *testing.T) {
	if os.Getenv(portEnv) != "" {
		return // TestHotSpot asks that one
	}
	java := jdwptest.Start(t, jdwptest.Compile(t, jdwptest.Source("Victim.java")), "Victim", "", "auto")
	java.Drain()
	cmd := exec.CommandContext(jdwptest.Context(t), os.Args[0], "-test.run=^TestHotSpot$", "-test.short")
	cmd.Env = append(os.Environ(), portEnv+"="+java.Addr)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
