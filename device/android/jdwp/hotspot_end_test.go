package jdwp_test

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/wxctl/wxctl/device/android/jdwp"
	"github.com/wxctl/wxctl/fixtures/jdwptest"
)

// A VM that waits for its debugger sends an event before any request.
func hotSpotStartsSuspended(t *testing.T, classes string) {
	app := victim(t, classes, "suspend=y")
	app.own(t)
	ctx := jdwptest.Context(t)
	vm := attach(ctx, t, app.addr)
	set := must(vm.Next(ctx))(t)
	if set.Events[0].Kind != jdwp.VMStart || set.Policy != jdwp.SuspendAll {
		t.Fatalf("event %+v", set)
	}
	if err := vm.Close(); err != nil { // resumes what the VM stopped by itself
		t.Error(err)
	}
	app.Want(app.Listening)
	app.goesOn("free", 1)
}

func hotSpotSecondDebugger(t *testing.T, classes string) {
	app := victim(t, classes, "")
	app.ready()
	ctx := jdwptest.Context(t)
	vm := attach(ctx, t, app.addr)
	conn, err := net.Dial("tcp", app.addr)
	switch { // HotSpot closes its port, or accepts the connection and closes it; ART lets it wait
	case errors.Is(err, syscall.ECONNREFUSED):
	case err != nil:
		t.Errorf("connecting a second debugger: %v", err)
	default:
		patience, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		_, err := jdwp.Attach(patience, conn, nil)
		if waits := app.foreign() && errors.Is(err, jdwp.ErrSilent); !waits && !errors.Is(err, jdwp.ErrRefused) {
			t.Errorf("a second debugger: %v", err)
		}
	}
	must(vm.Version(ctx))(t)
}

// The app dies while the debugger is attached.
func hotSpotDies(t *testing.T, classes string) {
	app := victim(t, classes, "")
	app.own(t)
	app.ready()
	ctx := jdwptest.Context(t)
	vm := attach(ctx, t, app.addr)
	breakAt(ctx, t, vm, "LVictim$Entry;", "onNewIntent", "(LVictim$Intent;)V")
	app.say("x")
	set := must(vm.Next(ctx))(t)
	app.Kill()
	if _, err := vm.Next(ctx); !errors.Is(err, jdwp.ErrLost) {
		t.Errorf("Next: %v", err)
	}
	if err := vm.Release(ctx, set); !errors.Is(err, jdwp.ErrLost) {
		t.Errorf("Release: %v", err)
	}
	if err := vm.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

// helperEnv turns the test program into a debugger that stops an app and waits
// to be killed.
const helperEnv = "JDWP_TEST_HELPER"

func TestHelperStopsAndWaits(t *testing.T) {
	addr := os.Getenv(helperEnv)
	if addr == "" {
		return // not a test of its own, but part of TestHotSpotGoesOnAfterKill
	}
	ctx := jdwptest.Context(t)
	vm := attach(ctx, t, addr)
	breakAt(ctx, t, vm, "LVictim$Entry;", "onNewIntent", "(LVictim$Intent;)V")
	os.Stdout.WriteString("set\n")
	must(vm.Next(ctx))(t)
	os.Stdout.WriteString("stopped\n")
	<-ctx.Done()
}

// A debugger that is killed with kill -9 leaves nothing behind, whether or not
// it had stopped the app.
func hotSpotGoesOnAfterKill(t *testing.T, classes string) {
	app := victim(t, classes, "")
	app.ready()
	for n := 2; n < 5; n++ {
		cmd := exec.CommandContext(jdwptest.Context(t), os.Args[0], "-test.run=^TestHelperStopsAndWaits$")
		cmd.Env = append(os.Environ(), helperEnv+"="+app.addr)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		read := func(want string) {
			b := make([]byte, len(want))
			if n, err := out.Read(b); err != nil || string(b[:n]) != want {
				t.Fatalf("the helper says %q, %v", b[:n], err)
			}
		}
		read("set\n")
		app.say("y")
		read("stopped\n")
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		cmd.Wait() // it was killed
		app.left("y", n)
	}
}

// 200 attachments, with and without a stop, leave nothing behind.
func hotSpotManyTimes(t *testing.T, classes string) {
	app := victim(t, classes, "")
	app.ready()
	ctx := jdwptest.Context(t)
	runs := 200
	if testing.Short() {
		runs = 20
	}
	for n := 2; n < runs+2; n++ {
		vm := attach(ctx, t, app.addr)
		breakAt(ctx, t, vm, "LVictim$Entry;", "onNewIntent", "(LVictim$Intent;)V")
		app.say("z")
		set := must(vm.Next(ctx))(t)
		released := n%2 == 0
		if released {
			if err := vm.Release(ctx, set); err != nil {
				t.Fatal(err)
			}
			app.done("z", n)
		}
		if err := vm.Close(); err != nil {
			t.Fatal(err)
		}
		if released {
			app.listens()
		} else {
			app.left("z", n)
		}
	}
}
