package cmd

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/wxctl/wxctl/cmd/internal/language"
)

// chineseCommands are what a Chinese user sees first: help, answers, errors.
var chineseCommands = []string{
	"wxctl --help",
	"wxctl share webpage --help",
	"wxctl devices --help",
	"wxctl auth login --help",
	"wxctl doctor --help",
	"wxctl run --help",
	"wxctl help exit-codes",
	"wxctl devices --device virtual:android",
	"wxctl devices --device virtual:ios?state=locked",
	"wxctl share webpage --device virtual:android?think=1h --scene session --url https://example.com --title Hello",
	"wxctl share text Hello --device virtual:android?wechat=none",
	"wxctl share text Hello --device virtual:android?state=unauthorized --scene session",
	"wxctl share image --device virtual:ios --scene timeline --as path",
	"wxctl auth login --device virtual:android?answer=deny --code-only",
	"wxctl auth login --device virtual:android --secret-stdin=x",
	"wxctl doctor --device virtual:android?fault=app.entry.exported",
	"wxctl doctor --device virtual:android -v",
	"wxctl run SUITE --device virtual:android",
	"wxctl run BROKEN --device virtual:android",
	"wxctl share webpage --scene moments",
	"wxctl share sticker",
	"wxctl devices --timeout soon",
}

// varies matches what differs from run to run.
var varies = regexp.MustCompile(`(?m)^ +\d+ ms  .*\n|\d+ (ms|毫秒)|用时 [\d.]+m?s|\d{4}-\d\d-\d\d[^ ]*|/tmp/[^ "：]*|[A-Za-z]:\\[^ "：]*`)

const chineseSuite = `version: 1
name: smoke
cases:
  - name: 网页分享到会话
    do: share webpage
    with: {scene: session}
    expect: {state: opened}
  - name: 空文本也能分享
    do: share text
    args: [""]
    expect: {state: opened}
`

// TestChinese compares what the commands say in Chinese on a terminal with the
// golden file. No line of help is wider than a terminal of 100 columns.
func TestChinese(t *testing.T) {
	dir := t.TempDir()
	suites := map[string]string{"SUITE": chineseSuite, "BROKEN": strings.Replace(chineseSuite, "scene:", "scen:", 1)}
	for name, text := range suites {
		suites[name] = filepath.Join(dir, name+".yaml")
		if err := os.WriteFile(suites[name], []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	goldenDir, err := filepath.Abs(filepath.Join("..", "fixtures", "golden"))
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	var got bytes.Buffer
	for _, line := range chineseCommands {
		words := strings.Fields(line)
		for i, w := range words {
			if file, ok := suites[w]; ok {
				words[i] = filepath.Base(file)
			}
		}
		f, out, errOut := testFactory(t, "", map[string]string{"LANG": "zh_CN.UTF-8", "NO_COLOR": "1"})
		f.Streams.OutTTY = words[1] != "run" // its table is redrawn
		code := Run(t.Context(), f, words[1:])
		text := out() + errOut()
		fmt.Fprintf(&got, "$ %s\n%s[%d]\n\n", line, varies.ReplaceAllString(text, "…"), code)
		if !strings.ContainsFunc(text, func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
			t.Errorf("%s: no Chinese in\n%s", line, text)
		}
		if strings.Contains(line, "help") {
			for help := range strings.Lines(text) {
				if language.Columns(strings.TrimRight(help, "\n")) > helpWidth {
					t.Errorf("%s: wider than %d columns: %s", line, helpWidth, help)
				}
			}
		}
	}
	golden := filepath.Join(goldenDir, "chinese.txt")
	if *update {
		if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != strings.ReplaceAll(string(want), "\r\n", "\n") {
		t.Errorf("it prints\n%s\nthe golden file says\n%s\ngo test ./cmd -run TestChinese -update writes it", got.String(), want)
	}
}

// addresses matches what differs between two runs of the same command in JSON.
var addresses = regexp.MustCompile(`127\.0\.0\.1:\d+|[^"\\]*no-usbmuxd`)

// TestChineseJSON: what programs read is the same in every language.
func TestChineseJSON(t *testing.T) {
	for _, line := range []string{
		"share text --json", "devices --device virtual:android --json", "devices --device virtual:android",
		"doctor --list", "doctor --list --json",
	} {
		var answers []string
		for _, locale := range []string{"en_US.UTF-8", "zh_CN.UTF-8"} {
			f, out, _ := testFactory(t, "", map[string]string{"LANG": locale})
			Run(t.Context(), f, strings.Fields(line))
			answers = append(answers, addresses.ReplaceAllString(out(), "…"))
		}
		if answers[0] != answers[1] || answers[0] == "" {
			t.Errorf("%s: in English\n%s\nin Chinese\n%s", line, answers[0], answers[1])
		}
	}
}

// commandsIn are command lines in a page: in blocks, after a prompt or not, and
// between backquotes.
var commandsIn = regexp.MustCompile("(?m)^(?:\\$ )?(wxctl [a-z-][^#\\n]*)|`(wxctl [^`\\n]*)`")

// TestCommandsOnPages: every command on a page exists, with each of its flags;
// those of the quickstart that need no phone are run.
func TestCommandsOnPages(t *testing.T) {
	f, _, _ := testFactory(t, "", nil)
	root := NewCmdRoot(f)
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	n := 0
	for name, text := range pages(t) {
		if name == "CHANGELOG.md" || strings.HasPrefix(name, "docs/reference/") { // about other versions; generated
			continue
		}
		for _, m := range commandsIn.FindAllStringSubmatch(withoutProse(text), -1) {
			n++
			line := strings.TrimRight(strings.TrimSpace(m[1]+m[2]), "& ")
			line, _, _ = strings.Cut(line, " > ")
			if strings.HasPrefix(m[0], "$ ") && strings.HasSuffix(name, "quickstart.md") && strings.Contains(line, "--device virtual:") {
				t.Run(line, func(t *testing.T) { runExample(t, line) })
			}
			checkLine(t, root, name, line)
		}
	}
	if n < 300 {
		t.Errorf("%d commands", n)
	}
}

// withoutProse indents the lines of a page that are not in blocks: a sentence
// may begin with wxctl.
func withoutProse(text string) string {
	var out strings.Builder
	block := false
	for line := range strings.Lines(text) {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			block = !block
		} else if !block {
			out.WriteByte(' ')
		}
		out.WriteString(line)
	}
	return out.String()
}

// checkLine looks for a command and its flags in the tree.
func checkLine(t *testing.T, root *cobra.Command, page, line string) {
	t.Helper()
	words := strings.Fields(strings.NewReplacer("…", "", "·", " ").Replace(line))[1:]
	c, _, err := root.Find(words)
	if err != nil || c == root && len(words) > 0 && !strings.HasPrefix(words[0], "-") {
		t.Errorf("%s: %q is not a command: %v", page, line, err)
		return
	}
	if strings.Contains(line, "…") { // any of several commands
		return
	}
	c.InheritedFlags()
	for _, w := range words {
		flag, ok := strings.CutPrefix(w, "--")
		flag, _, _ = strings.Cut(strings.Trim(flag, "]"), "=")
		if ok && flag != "" && flag != "help" && c.Flags().Lookup(flag) == nil {
			t.Errorf("%s: %q: %s has no flag --%s", page, line, c.CommandPath(), flag)
		}
	}
}
