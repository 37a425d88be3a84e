//go:build linux

package credentials

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/wxctl/wxctl/fixtures/tier"
	"github.com/wxctl/wxctl/oauth"
)

// timeoutEnv is how long the role waits for the keyring.
const timeoutEnv = "CREDENTIALS_TEST_TIMEOUT"

// systemKeyringRole stores and finds a token in the keyring of its session, and
// prints where it was stored, or why it can't be read. At the end only
// goroutines that wait for the closed connection's channel may be left, and no
// call.
func systemKeyringRole() error {
	var notices []string
	timeout, err := time.ParseDuration(os.Getenv(timeoutEnv))
	if err != nil {
		return err
	}
	s, err := Open(Options{Dir: os.Getenv(dirEnv), KeyringTimeout: timeout, Notify: func(n string) { notices = append(notices, n) }})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*answers)
	defer cancel()
	switch os.Getenv("CREDENTIALS_TEST_STEP") {
	case "keep":
		var where Backend
		for i := range 20 { // several times: the item is replaced, not duplicated
			if where, err = s.SetToken(ctx, testAccount, testToken(fmt.Sprint(i))); err != nil {
				return err
			}
		}
		if _, err := s.SetSecret(ctx, testAccount, oauth.NewSecret("app secret")); err != nil {
			return err
		}
		fmt.Printf("kept in the %s\n", where)
	case "read":
		token, where, err := s.Token(ctx, testAccount, "oUser")
		if err != nil {
			fmt.Printf("unreadable: %v\n", err)
			break
		}
		fmt.Printf("%s from the %s\n", token.AccessToken.Reveal(), where)
	case "forget":
		if err := s.Forget(ctx, testAccount, "oUser"); err != nil {
			return err
		}
		_, err := s.keyring.get(ctx, key{profile: testAccount.Profile, appID: testAccount.AppID, openID: "oUser"}.item())
		secret, _, secretErr := s.Secret(ctx, testAccount)
		fmt.Printf("forgotten: %v; the secret: %s, %v\n", errors.Is(err, ErrNotFound), secret.Reveal(), secretErr)
	}
	for _, n := range notices {
		fmt.Println("notice:", n)
	}
	for deadline := time.Now().Add(answers); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if stacks := allStacks(); !strings.Contains(stacks, "go-keyring") {
			return nil
		}
	}
	return errors.New("a call to the keyring stays behind:\n" + allStacks())
}

func allStacks() string {
	buf := make([]byte, 1<<20)
	return string(buf[:runtime.Stack(buf, true)])
}

// inSession runs the role under a fresh D-Bus session, after the shell
// commands of setup; a locked keyring has no more than a second to answer.
func inSession(t *testing.T, home, setup, step string) string {
	t.Helper()
	programs := tier.Need(t, "keyring", "dbus-run-session", "dbus-send", "gnome-keyring-daemon")
	ctx, cancel := context.WithTimeout(t.Context(), 4*answers)
	defer cancel()
	timeout := answers
	if setup == locked {
		timeout = time.Second
	}
	cmd := exec.CommandContext(ctx, programs[0], "--", "sh", "-c", setup+endSession, os.Args[0])
	cmd.Env = append(sessionEnv(home), roleEnv+"=system-keyring", dirEnv+"="+filepath.Join(home, "credentials"), "CREDENTIALS_TEST_STEP="+step, timeoutEnv+"="+timeout.String())
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	cmd.WaitDelay = 5 * time.Second // the daemon may hold the pipe
	if err := cmd.Run(); err != nil && !errors.Is(err, exec.ErrWaitDelay) {
		t.Fatalf("%s: %v\n%s%s", step, err, &out, &errOut)
	}
	return out.String()
}

func sessionEnv(home string) []string {
	return []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "XDG_RUNTIME_DIR=" + home, "XDG_DATA_HOME=" + filepath.Join(home, "data"), "LANG=C.UTF-8"}
}

// unlocked starts Debian's gnome-keyring with an open login keyring.
const unlocked = `printf 'pass phrase' | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1; `

// locked starts it with nobody to unlock its keyring.
const locked = `gnome-keyring-daemon --start --components=secrets >/dev/null 2>&1; `

// endSession runs the role and then ends the daemon, which would outlive its
// session.
const endSession = `"$0"; result=$?
pid=$(dbus-send --session --print-reply=literal --dest=org.freedesktop.DBus / org.freedesktop.DBus.GetConnectionUnixProcessID string:org.freedesktop.secrets | grep -oE '[0-9]+$')
[ -z "$pid" ] || kill "$pid"
exit $result`

// A real Secret Service keeps values from one process and one session to the
// next; if it is locked, with nobody to enter the password, the wait ends after
// the timeout.
func TestSecretService(t *testing.T) {
	home := t.TempDir()
	if err := os.Chmod(home, 0o700); err != nil {
		t.Fatal(err)
	}
	if out := inSession(t, home, unlocked, "keep"); out != "kept in the keyring\n" {
		t.Fatalf("got %q", out)
	}
	content, err := os.ReadFile(filepath.Join(home, "credentials", documentName))
	if err != nil || strings.Contains(string(content), "access-") || strings.Contains(string(content), "app secret") {
		t.Errorf("%v, and the file says\n%s", err, content)
	}
	if out := inSession(t, home, unlocked, "read"); out != "access-19 from the keyring\n" {
		t.Errorf("got %q", out)
	}
	if out := inSession(t, home, locked, "read"); !strings.HasPrefix(out, "unreadable: the keyring can't be used: ") {
		t.Errorf("locked, but %q", out)
	}
	if out := inSession(t, home, unlocked, "forget"); out != "forgotten: true; the secret: app secret, <nil>\n" {
		t.Errorf("got %q", out)
	}
	if out := inSession(t, home, unlocked, "read"); !strings.HasPrefix(out, "unreadable: not stored") {
		t.Errorf("got %q", out)
	}
}

// If the keyring is locked from the start, values go into the file, with a note.
func TestLockedSecretService(t *testing.T) {
	home := t.TempDir()
	if err := os.Chmod(home, 0o700); err != nil {
		t.Fatal(err)
	}
	out := inSession(t, home, locked, "keep")
	if !strings.HasPrefix(out, "kept in the file\nnotice: the keyring can't be used: ") || strings.Count(out, "notice:") != 1 {
		t.Errorf("got %q", out)
	}
}

// Without a session bus, with a silent one, and with one that does not exist,
// values go into the file, with a note: for the silent one after the timeout,
// for the others at once. No daemon is started.
func TestBusesWithoutKeyring(t *testing.T) {
	silent := filepath.Join(t.TempDir(), "bus")
	listener, err := net.Listen("unix", silent)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		var open []net.Conn
		for {
			conn, err := listener.Accept()
			if err != nil {
				for _, c := range open {
					c.Close()
				}
				return
			}
			open = append(open, conn)
		}
	}()
	fakes := t.TempDir() // a dbus-launch that records that it was run
	launched := filepath.Join(fakes, "launched")
	if err := os.WriteFile(filepath.Join(fakes, "dbus-launch"), []byte("#!/bin/sh\ntouch "+launched+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	for address, says := range map[string]string{
		"unix:path=" + silent:              "it does not answer",
		"unix:path=" + silent + "-missing": "there is no D-Bus session",
		"disabled:":                        "there is no D-Bus session",
		"nonsense":                         "there is no D-Bus session",
		"autolaunch:":                      "there is no D-Bus session",
	} {
		t.Run(says, func(t *testing.T) {
			if address == "autolaunch:" && os.Getenv("XDG_RUNTIME_DIR") != "" {
				address = "disabled:" // a desktop has a bus that would be found
			}
			t.Parallel()
			timeout := answers
			if says == "it does not answer" {
				timeout = 200 * time.Millisecond
			}
			cmd := helper(t, "system-keyring", filepath.Join(t.TempDir(), "credentials"), "CREDENTIALS_TEST_STEP=keep", timeoutEnv+"="+timeout.String(),
				"DBUS_SESSION_BUS_ADDRESS="+address, "PATH="+fakes+":"+os.Getenv("PATH"))
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.HasPrefix(string(out), "kept in the file\nnotice: the keyring can't be used: "+says) {
				t.Errorf("%s: %v: %s", address, err, out)
			}
		})
	}
	t.Cleanup(func() {
		if _, err := os.Stat(launched); err == nil {
			t.Error("a bus was launched")
		}
	})
}
