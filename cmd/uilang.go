package cmd

import (
	"bytes"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/cmd/internal/language"
	"github.com/wxctl/wxctl/cmd/internal/streams"
)

const uiLangFlag = "ui-lang"

// speak chooses the language in which the command line is answered: --ui-lang,
// else WXCTL_LANG, else the locale's.
func (f *Factory) speak(root *cobra.Command, args []string) error {
	asked, given := uiLang(args)
	from := "--" + uiLangFlag
	if !given {
		asked, from = f.Getenv("WXCTL_LANG"), "WXCTL_LANG"
	}
	l := language.Of(f.Getenv)
	if given || asked != "" {
		var err error
		if l, err = language.Parse(asked); err != nil {
			return exit.Usagef("use zh or en", "%s: %v", from, err)
		}
	}
	catalogue, err := language.Load(l)
	if err != nil || catalogue == nil {
		return err
	}
	f.Streams.Language = catalogue
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd(args...)
	help := root.HelpFunc()
	root.SetHelpFunc(func(c *cobra.Command, args []string) { printHelp(f.Streams, help, c, args) })
	return nil
}

// uiLang is the value of --ui-lang, before flags are parsed: mistakes in them
// are told in that language, too.
func uiLang(args []string) (asked string, given bool) {
	for i, a := range args {
		if a == "--" {
			break
		}
		if value, ok := strings.CutPrefix(a, "--"+uiLangFlag+"="); ok {
			asked, given = value, true
		} else if a == "--"+uiLangFlag && i+1 < len(args) {
			asked, given = args[i+1], true
		}
	}
	return asked, given
}

// printHelp prints a command's help in the user's language: its own texts, and
// the lines between them that cobra has.
func printHelp(s *streams.Streams, help func(*cobra.Command, []string), c *cobra.Command, args []string) {
	c.InitDefaultHelpFlag()
	c.Short, c.Long = s.Translate(c.Short), s.Translate(c.Long)
	for _, g := range c.Groups() {
		g.Title = s.Translate(g.Title)
	}
	for _, sub := range c.Commands() {
		sub.Short = s.Translate(sub.Short)
	}
	translate := func(flag *pflag.Flag) { flag.Usage = s.Translate(flag.Usage) }
	c.InheritedFlags().VisitAll(translate)
	c.LocalFlags().VisitAll(translate)
	var text bytes.Buffer
	out := c.OutOrStdout()
	c.SetOut(&text)
	help(c, args)
	c.SetOut(out)
	for line := range strings.Lines(text.String()) {
		if !strings.HasPrefix(line, " ") {
			line = s.Translate(strings.TrimRight(line, "\n")) + "\n"
		}
		line = strings.Replace(line, "(default ", s.Translate("(default "), 1)
		_, _ = out.Write([]byte(line))
	}
}
