package cmd

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid"
	"github.com/wxctl/wxctl/oauth/virtualoauth"
)

// unsteady is what differs between two runs: times, tokens, names of folders.
var unsteady = regexp.MustCompile(`\d+(\.\d+)?(ms|\x20ms|s)\b|\d+ 毫秒|wxctl-runs/\S+|\S*no-usbmuxd|\S*/TestTerminal\S*|all \d+|全部\x20?\d+`)

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
					got = unsteady.ReplaceAllString(got, "…")
					golden := filepath.Join(root, "fixtures", "golden", "terminal", name+".txt")
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

// redrawn is how a live table goes back over what it drew.
var redrawn = regexp.MustCompile(`\x1b\[(\d+)A\x1b\[J`)

// lasting is what stays on the screen of text that draws over itself.
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
