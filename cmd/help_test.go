package cmd

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/cmd/internal/language"
)

// onScreen is how many lines of help fit a screen.
const onScreen = 60

// TestHelpFits walks all commands: the help of each fits a screen, and a leaf's
// ends with its exit codes.
func TestHelpFits(t *testing.T) {
	t.Parallel()
	f, _, _ := testFactory(t, "", nil)
	root := NewCmdRoot(f)
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, lang := range []string{"en", "zh"} {
		walk(root, func(c *cobra.Command) { checkHelp(t, c, lang) })
	}
}

// english are words that no help in Chinese has; it names commands, flags, the
// values they take, and fields as they are.
var english = regexp.MustCompile(`(?i)(?:^|[ (])(?:the|of|an|or|with|default|such|which|Commands:|Flags:)(?:$| )`)

func checkHelp(t *testing.T, c *cobra.Command, lang string) {
	t.Helper()
	f, out, errOut := testFactory(t, "", map[string]string{"WXCTL_LANG": lang})
	args := append(strings.Fields(c.CommandPath())[1:], "--help")
	if c.IsAdditionalHelpTopicCommand() {
		args = []string{"help", c.Name()}
	}
	if code := Run(t.Context(), f, args); code != 0 {
		t.Fatalf("%v: exit %d: %s", args, code, errOut())
	}
	lines := strings.Split(strings.TrimSpace(out()), "\n")
	if len(lines) > onScreen {
		t.Errorf("%s --help has %d lines, more than the %d of a screen", c.CommandPath(), len(lines), onScreen)
	}
	for _, line := range lines {
		if n := language.Columns(line); n > helpWidth {
			t.Errorf("%s --help has a line of %d columns: %s", c.CommandPath(), n, line)
		}
		if word := english.FindString(line); word != "" && lang == "zh" && !strings.HasPrefix(line, "  wxctl ") && c.Root() != c && !strings.HasPrefix(c.CommandPath(), "wxctl completion") {
			t.Errorf("%s --help has the English %q in Chinese: %s", c.CommandPath(), word, line)
		}
	}
	if c.HasAvailableSubCommands() || !strings.Contains(c.Long, exit.StatusTitle) {
		return
	}
	title := map[string]string{"en": exit.StatusTitle, "zh": "退出码"}[lang]
	if _, last, _ := strings.Cut(out(), "\n"+title+"\n"); last == "" || strings.Contains(last, "\n\n") {
		t.Errorf("%s --help does not end with its exit codes", c.CommandPath())
	}
}

// TestHelpNamesEachFlag: flags that are not described are named, and `wxctl
// help flags` has all that requests share.
func TestHelpNamesEachFlag(t *testing.T) {
	f, out, _ := testFactory(t, "", nil)
	Run(t.Context(), f, []string{"help", "flags"})
	shared := out()
	root := NewCmdRoot(f)
	walk(root, func(c *cobra.Command) {
		if !c.Runnable() || c.HasAvailableSubCommands() {
			return
		}
		f, out, _ := testFactory(t, "", nil)
		Run(t.Context(), f, append(strings.Fields(c.CommandPath())[1:], "--help"))
		h := help{c: c}
		flags, _ := h.all()
		for _, flag := range flags {
			if !strings.Contains(out(), "--"+flag.Name) {
				t.Errorf("%s --help does not name --%s", c.CommandPath(), flag.Name)
			}
			own := []string{"url", "title", "description", "thumb", "scene"}
			if c.Name() == "webpage" && !slices.Contains(own, flag.Name) && !strings.Contains(shared, "--"+flag.Name+" ") {
				t.Errorf("help flags does not name --%s", flag.Name)
			}
		}
	})
}
