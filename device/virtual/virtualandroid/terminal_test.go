package virtualandroid_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid"
	"github.com/wxctl/wxctl/fixtures/tier"
	"github.com/wxctl/wxctl/fixtures/wait"
)

// screen collects what a terminal shows.
type screen struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// TestTerminalThroughRealServer types at Debian's "adb shell" on a pseudo
// terminal, which script(1) makes: prompt, echo, Ctrl-C, exit code.
func TestTerminalThroughRealServer(t *testing.T) {
	programs := tier.Need(t, "adb", "adb", "script")
	address := realServer(t, programs[0])
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	server, err := virtualandroid.Start(t.Context(), virtualandroid.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	adbds, err := server.ServeDevices(0)
	if err != nil {
		t.Fatal(err)
	}
	if got := request(t, address, "host:connect:"+adbds[0]); !strings.HasSuffix(got, "connected to "+adbds[0]) {
		t.Fatalf("connect: %q", got)
	}
	ctx, cancel := context.WithTimeout(t.Context(), wait.Plenty)
	defer cancel()
	var shown screen
	keys, typed, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer keys.Close()
	defer typed.Close()
	cmd := exec.CommandContext(ctx, programs[1], "-qec", programs[0]+" -P "+port+" -s "+adbds[0]+" wait-for-device shell", "/dev/null")
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "SHELL=/bin/sh")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = keys, &shown, &shown
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cancel()
	see := func(text string) {
		t.Helper()
		for !strings.Contains(shown.String(), text) {
			if ctx.Err() != nil {
				t.Fatalf("no %q on the screen: %q", text, shown.String())
			}
			time.Sleep(2 * time.Millisecond)
		}
	}
	see(" $ ")
	io.WriteString(typed, "id -u; sleep 100\r")
	see("id -u; sleep 100\r\n2000\r\n")
	io.WriteString(typed, "\x03")
	see("^C\r\n")
	io.WriteString(typed, "exit 7\r")
	err = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 7 {
		t.Errorf("exit code %d (%v), want 7: %q", code, err, shown.String())
	}
}
