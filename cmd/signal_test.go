package cmd

import (
	"context"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/wxctl/wxctl/cmd/internal/exit"
)

// TestSignalCause runs commands whose context a signal ended: the signal's exit
// code takes precedence over the error that it caused, and nothing is left
// running.
func TestSignalCause(t *testing.T) {
	noLeaks(t)
	for _, code := range []int{exit.Interrupted, exit.Terminated} {
		for _, args := range [][]string{
			{"share", "text", "hi", "--scene", "session", "--device", "virtual:android?answer=stay", "--until", "returned"},
			{"watch", "--device", "virtual:android"},
			{"devices", "--device", "virtual:android", "--watch"},
			{"installed", "--device", "virtual:android?latency=2s"},
		} {
			t.Run(args[0]+itoa(code), func(t *testing.T) {
				t.Parallel()
				ctx, cancel := context.WithCancelCause(context.Background())
				f, _, errOut := testFactory(t, "", nil)
				time.AfterFunc(150*time.Millisecond, func() { cancel(&exit.Signal{Code: code}) })
				if got := Run(ctx, f, args); got != code {
					t.Errorf("%v: exit %d, want %d: %s", args, got, code, errOut())
				}
			})
		}
	}
}

// TestSIGINT sends the process itself a real SIGINT.
func TestSIGINT(t *testing.T) {
	ctx, taken, stop := withSignals(context.Background())
	defer stop()
	<-taken
	self := exec.Command("kill", "-INT", itoa(syscall.Getpid()))
	if err := self.Run(); err != nil {
		t.Skipf("kill is not possible here: %v", err) // Windows
	}
	select {
	case <-ctx.Done():
	case <-time.After(patience):
		t.Fatal("SIGINT did not end the context")
	}
	if r := describe(context.Cause(ctx)); r.ExitCode != exit.Interrupted {
		t.Errorf("%+v", r)
	}
}
