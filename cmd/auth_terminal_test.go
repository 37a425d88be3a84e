//go:build linux

package cmd

import (
	"bytes"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wxctl/wxctl/fixtures/oauthtest"
	"github.com/wxctl/wxctl/oauth/virtualoauth"
)

// terminal is a pseudo terminal: what the program shows on it, and what is
// typed.
type terminal struct {
	t       *testing.T
	control *os.File
	program *os.File

	mu    sync.Mutex
	shown bytes.Buffer
}

func openTerminal(t *testing.T) *terminal {
	t.Helper()
	control, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { control.Close() })
	var n int
	conn, err := control.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if controlErr := conn.Control(func(fd uintptr) {
		if err = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); err == nil {
			n, err = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		}
	}); controlErr != nil || err != nil {
		t.Fatal(controlErr, err)
	}
	program, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { program.Close() })
	term := &terminal{t: t, control: control, program: program}
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := control.Read(buf)
			term.mu.Lock()
			term.shown.Write(buf[:n])
			term.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return term
}

func (p *terminal) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.shown.String()
}

// await waits until the program has shown text.
func (p *terminal) await(text string) {
	p.t.Helper()
	for range 24000 {
		if strings.Contains(p.text(), text) {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	p.t.Fatalf("the terminal never shows %q, but %q", text, p.text())
}

// awaitEcho waits until the program has switched echo on or off.
func (p *terminal) awaitEcho(on bool) {
	p.t.Helper()
	for range 24000 {
		settings, err := unix.IoctlGetTermios(int(p.program.Fd()), unix.TCGETS)
		if err != nil {
			p.t.Fatal(err)
		}
		if settings.Lflag&unix.ECHO != 0 == on {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	p.t.Fatalf("echo never becomes %v", on)
}

func (p *terminal) typeIn(text string) {
	p.t.Helper()
	p.awaitEcho(false)
	if _, err := p.control.WriteString(text); err != nil {
		p.t.Fatal(err)
	}
}

// start runs wxctl in the terminal, as the leader of its session.
func (p *terminal) start(env []string, args ...string) *exec.Cmd {
	p.t.Helper()
	cmd, _ := program(p.t.Context(), wxctlProgram(p.t), p.t.TempDir(), "", env, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = p.program, p.program, p.program
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	return cmd
}

// On a terminal, code and AppSecret are asked for, and not echoed.
func TestPrompts(t *testing.T) {
	server := oauthtest.New(virtualoauth.Options{Secret: "SENTINEL-secret"})
	ts := httptest.NewServer(server)
	defer ts.Close()
	code := "SENTINEL-code"
	server.AddCode(code, virtualoauth.DefaultUser(), "")
	term := openTerminal(t)
	cmd := term.start([]string{"WXCTL_APP_SECRET="}, "auth", "exchange", "--base-url", ts.URL)
	term.await("code: ")
	term.typeIn(code + "\r")
	term.await("AppSecret: ")
	term.typeIn("SENTINEL-secret\r")
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v: %s", err, term.text())
	}
	term.await("stored in the file")
	checkLeaks(t, "terminal", term.text())
}

// Ctrl-C at the prompt ends wxctl at once, and leaves the terminal as it was.
func TestCtrlCAtThePrompt(t *testing.T) {
	term := openTerminal(t)
	cmd := term.start(nil, "auth", "exchange")
	term.await("code: ")
	term.typeIn("\x03")
	err := cmd.Wait()
	if exitErr, ok := err.(*exec.ExitError); !ok || exitErr.ExitCode() != 130 {
		t.Errorf("%v: %s", err, term.text())
	}
	term.awaitEcho(true)
}
