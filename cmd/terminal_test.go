package cmd

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/wxctl/wxctl/cmd/internal/language"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid"
	"github.com/wxctl/wxctl/oauth/virtualoauth"
)

// unsteady is what differs between two runs: times, tokens, names of folders.
var unsteady = regexp.MustCompile(`\d+(\.\d+)?(ms|\x20ms|s)\b|\d+ 毫秒|wxctl-runs/\S+|\S*no-usbmuxd|\S*/TestTerminal\S*|all \d+|全部\x20?\d+`)

// brokenAtTime is the row with a time in it: its line breaks depend on it.
var brokenAtTime = regexp.MustCompile(`(?m)^  (evidence|证据) .*\n(?: {12}.*\n)*`)

// TestTerminal shows what a person sees of some commands, at three widths and in
// both languages, against goldens.
func TestTerminal(t *testing.T) {
	lab, err := virtualandroid.Start(context.Background(), virtualandroid.Options{Serial: "R5CT20ABCDE"},
		virtualandroid.Options{Serial: "emulator-5554", API: 29, State: "unauthorized"})
	if err != nil {
		t.Fatal(err)
	}
	defer lab.Close()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	suite := "version: 1\nname: two cases\ncases:\n  - {name: passes, do: share text, with: {scene: session}}\n" +
		"  - {name: fails, do: share text, with: {scene: session}, expect: {state: replied}}\n"
	for shown, args := range map[string][]string{
		"devices": {"devices"},
		"share":   {"share", "text", "Hello", "--scene", "session", "--device", "R5CT20ABCDE"},
		"refused": {"share", "text", "Hello", "--scene", "session", "--device", "virtual:android?wechat=none"},
		"login":   {"auth", "login", "--code-only", "--device", "virtual:android?answer=deny"},
		"doctor":  {"doctor", "com.example.wxdemo", "--device", "virtual:android?fault=app.queries", "--only", "app"},
		"run":     {"run", "suite.yaml", "--device", "virtual:android"},
	} {
		for _, lang := range []string{"en", "zh"} {
			for _, width := range []int{40, 80, 120} {
				name := fmt.Sprintf("%s-%s-%d", shown, lang, width)
				t.Run(name, func(t *testing.T) {
					f, out, errOut := testFactory(t, "", map[string]string{"ADB_SERVER_SOCKET": "tcp:" + lab.ADB, "WXCTL_LANG": lang,
						"WXCTL_APP_SECRET": virtualoauth.DefaultSecret, "CLICOLOR_FORCE": "1"})
					t.Chdir(t.TempDir())
					if err := os.WriteFile("suite.yaml", []byte(suite), 0o600); err != nil {
						t.Fatal(err)
					}
					f.Streams.OutTTY, f.Streams.Width = true, func() int { return width }
					ctx, cancel := context.WithTimeout(t.Context(), patience)
					defer cancel()
					code := Run(ctx, f, args)
					got := fmt.Sprintf("$ wxctl %s\n%s-- stderr --\n%s-- exit %d --\n", strings.Join(args, " "), lasting(out()), errOut(), code)
					if width == 40 {
						got = brokenAtTime.ReplaceAllString(got, "  $1 …\n")
					}
					got = unsteady.ReplaceAllString(got, "…")
					golden := filepath.Join(root, "fixtures", "golden", "terminal", name+".txt")
					checkReadable(t, got, width)
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
				})
			}
		}
	}
}

// palette are the colours that are readable on light and on dark backgrounds
// alike: bold, faint, and red, green and yellow as the terminal has them.
var palette = []string{"0", "1", "2", "22", "31", "32", "33"}

var paints = regexp.MustCompile(`\x1b\[([0-9;]*)m`)

// checkReadable looks at colours, and that no line of the answer is longer than
// the terminal is wide; what is on stderr is broken by the terminal, so that
// commands in it can be copied.
func checkReadable(t *testing.T, shown string, width int) {
	t.Helper()
	for _, paint := range paints.FindAllStringSubmatch(shown, -1) {
		for code := range strings.SplitSeq(paint[1], ";") {
			if !slices.Contains(palette, code) {
				t.Errorf("the colour %q is not readable everywhere", code)
			}
		}
	}
	_, answer, _ := strings.Cut(shown, "\n")
	answer, _, _ = strings.Cut(answer, "-- stderr --")
	for line := range strings.Lines(answer) {
		if n := language.Columns(strings.TrimRight(paints.ReplaceAllString(line, ""), "\n")); n > width {
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
