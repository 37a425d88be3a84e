package cmd

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/cmd/internal/language"
)

const uiLangFlag = "ui-lang"

// speak chooses the language of messages: --ui-lang, else WXCTL_LANG, else the
// locale's.
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
	return nil
}

// Chinese returns the function that translates wxctl's messages, for generating
// pages from them.
func Chinese() (func(english string) string, error) {
	catalogue, err := language.Load(language.Chinese)
	if err != nil {
		return nil, err
	}
	return catalogue.Text, nil
}

// uiLang is the value of --ui-lang before flags are parsed: errors in flags are
// translated, too.
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
