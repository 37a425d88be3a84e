package cmd

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wxctl/wxctl/cmd/internal/language"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid"
	"github.com/wxctl/wxctl/oauth/virtualoauth"
)

// unsteady is what differs between two runs: times, tokens, names of folders.
var unsteady = regexp.MustCompile(`(?m)(^ *|\b)\d+(\.\d+)?(ms|\x20ms|s)\b|\d+ 毫秒|wxctl-runs/\S+|\S*no-usbmuxd|\S*/TestTerminal\S*|all \d+|全部\x20?\d+|` +
	`\b[0-9a-f]{32}\b|\b[0-9a-f]{16}\b|http://127\.0\.0\.1:\d+|\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(Z| UTC)?`)

// brokenAtTime is the row with a time in it: its line breaks depend on it.
var brokenAtTime = regexp.MustCompile(`(?m)^  (evidence|证据) .*\n(?: {12}.*\n)*`)

// shownCases are the commands that a person tries first, and one that fails. A
// reply is read in the app's log alone, since its debugger is taken: else the log or
// the debugger is faster.
var shownCases = map[string][]string{
	"devices": {"devices"},
	"share":   {"share", "text", "Hello", "--scene", "session", "--device", "R5CT20ABCDE"},
	"refused": {"share", "text", "Hello", "--scene", "session", "--device", "virtual:android?wechat=none"},
	"login":   {"auth", "login", "--timeout", "5m"},
	"denied":  {"auth", "login", "--device", "virtual:android?answer=deny&app=debugged"},
	"doctor":  {"doctor", "com.example.wxdemo", "--device", "virtual:android?fault=app.queries", "--only", "app"},
	"run":     {"run", "suite.yaml", "--device", "virtual:android"},
}

// shownSuite is what run runs.
const shownSuite = "version: 1\nname: two cases\ncases:\n  - {name: passes, do: share text, with: {scene: session}}\n" +
	"  - {name: fails, do: share text, with: {scene: session}, expect: {state: replied}}\n"

// backgrounds are what terminals call a dark and a light background. wxctl asks
// neither for it nor for the terminal's colours: it leaves the background alone
// and uses colours that each theme makes readable on its own.
var backgrounds = map[string]string{"dark": "15;0", "light": "0;15"}

// TestTerminal shows what a person sees of some commands, at three widths, in
// both languages, and on both backgrounds, against goldens.
func TestTerminal(t *testing.T) {
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	for shown, args := range shownCases {
		for _, lang := range []string{"en", "zh"} {
			for _, width := range []int{40, 80, 120} {
				name := fmt.Sprintf("%s-%s-%d", shown, lang, width)
				t.Run(name, func(t *testing.T) {
					if shown != "run" { // which reads a file where it is started
						t.Parallel()
					}
					// Others that share at the same time would answer on the same phone.
					lab, err := virtualandroid.Start(t.Context(), virtualandroid.Options{Serial: "R5CT20ABCDE"},
						virtualandroid.Options{Serial: "emulator-5554", API: 29, State: "unauthorized"})
					if err != nil {
						t.Fatal(err)
					}
					defer lab.Close()
					golden := filepath.Join(root, "fixtures", "golden", "terminal", name+".txt")
					for _, colors := range backgrounds {
						env := map[string]string{"ADB_SERVER_SOCKET": "tcp:" + lab.ADB, "WXCTL_LANG": lang, "WXCTL_STORE": "file",
							"WXCTL_APP_SECRET": virtualoauth.DefaultSecret, "CLICOLOR_FORCE": "1", "TERM": "xterm-256color", "COLORFGBG": colors}
						got := showOnTerminal(t, shown, args, env, width)
						checkReadable(t, got, width)
						checkGolden(t, golden, got)
					}
				})
			}
		}
	}
}

// checkGolden compares what was shown with a file.
func checkGolden(t *testing.T, golden, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(golden), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil || string(want) != got {
		t.Errorf("%v; got\n%s\nwant\n%s", err, got, want)
	}
}

// showOnTerminal runs a command on a terminal of that width, and returns what
// stays on its screen.
func showOnTerminal(t *testing.T, shown string, args []string, env map[string]string, width int) string {
	t.Helper()
	if shown == "run" {
		t.Chdir(t.TempDir())
		if err := os.WriteFile("suite.yaml", []byte(shownSuite), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	line := strings.Join(args, " ")
	login, started := shown == "login", time.Now()
	deadline := started.Add(patience)
	if login {
		oauth := httptest.NewServer(virtualoauth.New(virtualoauth.Options{}))
		defer oauth.Close()
		args = append(slices.Clone(args), "--base-url", oauth.URL, "--device", "virtual:android?app=debugged&oauth="+oauth.URL)
		deadline = started.Add(2 * time.Minute)
	}
	// The user takes longer until wxctl has seen that the page is open.
	for think := 500 * time.Millisecond; ; think *= 4 {
		f, out, _ := testFactory(t, "", env)
		screen := newScreen()
		f.Streams.Err, f.Streams.ErrTTY = screen, login
		f.Streams.OutTTY, f.Streams.Width = true, func() int { return width }
		run := args
		if login { // of two minutes, eight seconds have passed
			f.Now = func() time.Time { return started.Add(8 * time.Second) }
			run = slices.Clone(args)
			run[len(run)-1] += "&think=" + think.String()
		}
		ctx, cancel := context.WithDeadline(t.Context(), deadline)
		code := Run(ctx, f, run)
		cancel()
		if login && !strings.Contains(screen.String(), "1:52") && think < time.Minute {
			continue
		}
		got := fmt.Sprintf("$ wxctl %s\n%s-- stderr --\n%s-- exit %d --\n", line, lasting(out()), rewritten(screen.String()), code)
		if width < 120 {
			got = brokenAtTime.ReplaceAllString(got, "  $1 …\n")
		}
		return unsteady.ReplaceAllString(got, "…")
	}
}

// rewritten shows a line that is rewritten as often as its words change: each of
// its frames is on a line of its own, marked with a "~" instead of the spinner.
func rewritten(text string) string {
	var lines []string
	for _, part := range strings.Split(text, "\r\x1b[K") {
		status, rest, ends := strings.Cut(part, "\n")
		if len(status) > 2 && strings.ContainsRune(`|/-\`, rune(status[0])) && status[1] == ' ' && !ends {
			part = "~" + status[1:] + "\n"
		} else if ends {
			part = status + "\n" + rest
		}
		if len(lines) == 0 || lines[len(lines)-1] != part {
			lines = append(lines, part)
		}
	}
	return strings.Join(lines, "")
}

// palette are the colours that are readable on light and on dark backgrounds
// alike: bold, faint, and red, green and yellow as the terminal has them; none
// for the background, and neither black nor white.
var palette = []string{"0", "1", "2", "22", "31", "32", "33", "39", "49"}

var paints = regexp.MustCompile(`\x1b\[([0-9;]*)m`)

func checkPainted(t *testing.T, shown string) {
	t.Helper()
	for _, paint := range paints.FindAllStringSubmatch(shown, -1) {
		for code := range strings.SplitSeq(paint[1], ";") {
			if !slices.Contains(palette, code) {
				t.Errorf("the colour %q is not readable everywhere", code)
			}
		}
	}
}

// checkReadable looks at colours, and that no line of the answer is longer than
// the terminal is wide, unless it is a single word such as a URL; that and what is
// on stderr is broken by the terminal, so that it can be copied.
func checkReadable(t *testing.T, shown string, width int) {
	t.Helper()
	checkPainted(t, shown)
	_, answer, _ := strings.Cut(shown, "\n")
	answer, _, _ = strings.Cut(answer, "-- stderr --")
	for line := range strings.Lines(answer) {
		if n := language.Columns(strings.TrimRight(paints.ReplaceAllString(line, ""), "\n")); n > width && strings.ContainsAny(strings.TrimSpace(line), " ") {
			t.Errorf("%d columns of %d: %s", n, width, line)
		}
	}
}

// redrawn is the control sequence with which a live table is drawn again.
var redrawn = regexp.MustCompile(`\x1b\[(\d+)A\x1b\[J`)

// lasting is what stays on the screen of text that overwrites itself.
func lasting(text string) string {
	for {
		at := redrawn.FindStringSubmatchIndex(text)
		if at == nil {
			return text
		}
		up, _ := strconv.Atoi(text[at[2]:at[3]])
		lines := strings.SplitAfter(text[:at[0]], "\n")
		text = strings.Join(lines[:len(lines)-1-up], "") + text[at[1]:]
	}
}
