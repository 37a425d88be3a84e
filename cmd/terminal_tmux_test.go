package cmd

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid"
	"github.com/wxctl/wxctl/fixtures/tier"
	"github.com/wxctl/wxctl/oauth/virtualoauth"
)

// pane is a shell in tmux, a terminal that others wrote: it breaks lines, counts
// the columns of Chinese, and follows the escapes of lines that are rewritten.
type pane struct {
	t            *testing.T
	tmux, socket string
	before       int // bytes of what it showed before
}

func openPane(t *testing.T, tmux string, width int, style string, env ...string) *pane {
	t.Helper()
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("wx-%08x", rand.Uint32())) // short, for a socket, and for lines to break alike
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	p := &pane{t: t, tmux: tmux, socket: filepath.Join(dir, "tmux")}
	t.Cleanup(func() {
		p.do("kill-server")
		os.RemoveAll(dir)
	})
	args := []string{"-f", os.DevNull, "new-session", "-d", "-x", fmt.Sprint(width), "-y", "60", "-c", dir}
	for _, e := range env {
		args = append(args, "-e", e)
	}
	p.do(append(args, "PS1='$ ' exec sh")...)
	p.do("set-option", "-g", "window-style", style)
	p.do("set-option", "-g", "status", "off")
	return p
}

// do runs a command of tmux.
func (p *pane) do(args ...string) string {
	p.t.Helper()
	out, err := exec.Command(p.tmux, append([]string{"-u", "-S", p.socket}, args...)...).CombinedOutput()
	if err != nil {
		p.t.Fatalf("tmux %v: %v: %s", args, err, out)
	}
	return string(out)
}

// prompt is what the shell shows before a command, ended the line after it.
var (
	prompt = regexp.MustCompile(`\A\$`)
	ended  = regexp.MustCompile(`(?m)^exit \d+\n`)
)

// shown is what the pane shows since the last command, with its colours.
func (p *pane) shown() string {
	p.t.Helper()
	whole := p.do("capture-pane", "-p", "-e", "-S", "-")
	return whole[p.before:]
}

// await waits until the pane shows something, and returns all that it shows up to
// its end.
func (p *pane) await(what *regexp.Regexp) string {
	p.t.Helper()
	for late := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		shown := p.shown()
		if at := what.FindStringIndex(shown); at != nil {
			return shown[:at[1]]
		}
		if time.Now().After(late) {
			p.t.Fatalf("the pane never shows %s, but\n%s", what, shown)
		}
	}
}

// enter types a command.
func (p *pane) enter(line string) {
	p.t.Helper()
	p.await(prompt)
	p.do("send-keys", "-l", line+"; echo exit $?")
	p.do("send-keys", "Enter")
}

// end waits for the end of a command, and returns what was shown meanwhile.
func (p *pane) end() string {
	p.t.Helper()
	shown := p.await(ended)
	p.before += len(shown)
	return shown
}

// endedAfter is where a case ended, and after which time, which may be on a line
// of its own.
var endedAfter = regexp.MustCompile(`((?:on|手机) virtual-android)\s+\d+\s+(?:ms|毫秒)`)

// besides are folders of a test.
var besides = regexp.MustCompile(regexp.QuoteMeta(os.TempDir()) + `/wx-[0-9a-f]{8}`)

// TestTmux types what a new user does, in a real terminal at three widths, in both
// languages and on both backgrounds. What the screen shows is a golden, and the
// same on a dark and on a light background.
func TestTmux(t *testing.T) {
	programs := tier.Need(t, "terminal", "tmux", "wxctl")
	lab, err := virtualandroid.Start(context.Background(), virtualandroid.Options{Serial: "R5CT20ABCDE"},
		virtualandroid.Options{Serial: "emulator-5554", API: 29, State: "unauthorized"})
	if err != nil {
		t.Fatal(err)
	}
	oauth := httptest.NewServer(virtualoauth.New(virtualoauth.Options{}))
	t.Cleanup(func() { lab.Close(); oauth.Close() })
	lines := []string{
		"wxctl devices",
		"wxctl share text Hello --scene session --device R5CT20ABCDE",
		`wxctl auth login --state mine --timeout 2m --base-url $OAUTH --device "$PHONE"`,
		`wxctl auth login --state mine --device "virtual:android?answer=deny&app=debugged"`,
		"wxctl doctor com.example.wxdemo --device virtual:android?fault=app.queries --only app",
		"wxctl run suite.yaml --out out --device virtual:android",
		"wxctl share txt Hello",
	}
	styles := map[string]string{"dark": "fg=white,bg=black", "light": "fg=black,bg=white"}
	left := map[string]*regexp.Regexp{"en": regexp.MustCompile(`\(1:[0-5]\d left\)|1:[0-5]\d consent page open`),
		"zh": regexp.MustCompile(`（还剩 1:[0-5]\d）|1:[0-5]\d 授权页已打开`)}
	for lang, locale := range map[string]string{"en": "C.UTF-8", "zh": "zh_CN.UTF-8"} { // bash warns of an LC_ALL that is not installed
		for _, width := range []int{40, 80, 120} {
			for background, style := range styles {
				t.Run(fmt.Sprintf("%s-%d-%s", lang, width, background), func(t *testing.T) {
					t.Parallel()
					dir := t.TempDir()
					p := openPane(t, programs[0], width, style, "LC_ALL=", "LANG="+locale, "COLORFGBG="+backgrounds[background], "WXCTL_LANG=",
						"PATH="+filepath.Dir(programs[1])+":"+os.Getenv("PATH"), "WXCTL_CONFIG_DIR="+dir, "WXCTL_STATE_DIR="+dir,
						"ADB_SERVER_SOCKET=tcp:"+lab.ADB, "USBMUXD_SOCKET_ADDRESS=/no-usbmuxd", "WXCTL_STORE=file",
						"WXCTL_APP_SECRET="+virtualoauth.DefaultSecret, "OAUTH="+oauth.URL,
						"PHONE=virtual:android?think=2s&app=debugged&oauth="+oauth.URL, "SUITE="+shownSuite)
					p.enter(`printf %s "$SUITE" >suite.yaml`)
					p.end()
					var seen strings.Builder
					for _, line := range lines {
						p.enter(line)
						if strings.Contains(line, "$OAUTH") {
							p.await(left[lang])
						}
						shown := p.end()
						shown = endedAfter.ReplaceAllString(shown, "$1 …")
						shown = brokenAtTime.ReplaceAllString(shown, "  $1 …\n")
						shown = unsteady.ReplaceAllString(besides.ReplaceAllString(shown, "/tmp/…"), "…")
						seen.WriteString(shown)
					}
					got := seen.String()
					checkPainted(t, got)
					checkGolden(t, filepath.Join("..", "fixtures", "golden", "tmux", fmt.Sprintf("%s-%d.txt", lang, width)), got)
				})
			}
		}
	}
}
