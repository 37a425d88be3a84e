package cmd

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/wxctl/wxctl/cmd/internal/exit"
)

// onScreen is how many lines of help fit a screen.
const onScreen = 60

// TestHelpFits walks all commands: the help of each fits a screen, and a leaf's
// ends with its exit codes.
func TestHelpFits(t *testing.T) {
	f, _, _ := testFactory(t, "", nil)
	root := NewCmdRoot(f)
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	walk(root, func(c *cobra.Command) {
		f, out, errOut := testFactory(t, "", nil)
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
			if n := utf8.RuneCountInString(line); n > helpWidth {
				t.Errorf("%s --help has a line of %d columns: %s", c.CommandPath(), n, line)
			}
		}
		if c.HasAvailableSubCommands() || !strings.Contains(c.Long, exit.StatusTitle) {
			return
		}
		if _, last, _ := strings.Cut(out(), "\n"+exit.StatusTitle+"\n"); last == "" || strings.Contains(last, "\n\n") {
			t.Errorf("%s --help does not end with its exit codes", c.CommandPath())
		}
	})
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
