package cmd

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/intents/suite"
)

// flagError rewords pflag's errors about flags, without the terms of Go's
// packages, such as strconv.ParseInt.
func flagError(c *cobra.Command, err error) error {
	hint := c.CommandPath() + " --help"
	var invalid *pflag.InvalidValueError
	if !errors.As(err, &invalid) {
		var unknown *pflag.NotExistError
		if errors.As(err, &unknown) {
			name := unknown.GetSpecifiedName()
			if words := c.Flags().Args(); len(words) > 0 && c.HasSubCommands() {
				return noCommand(c, words[0]) // its flags are unknown because it is misspelt
			}
			if near := nearest(c, name); near != "" {
				hint = didYouMean("--" + near)
			} else if sub, rest, findErr := c.Find([]string{name}); findErr == nil && sub != c && len(rest) == 0 { // wxctl --version
				hint = didYouMean(sub.CommandPath())
			}
		}
		return exit.Usagef(hint, "%s", err)
	}
	name, value := invalid.GetFlag().Name, invalid.GetValue()
	switch kind := invalid.GetFlag().Value.Type(); {
	case strings.HasPrefix(kind, "int"), strings.HasPrefix(kind, "uint"), kind == "count":
		return exit.Usagef(hint, "invalid --%s %q: use a whole number", name, value)
	case kind == "duration":
		return exit.Usagef(hint, "invalid --%s %q: use a duration such as 45s or 2m", name, value)
	case kind == "bool":
		return exit.Usagef(hint, "invalid --%s %q: use true or false", name, value)
	}
	return exit.Usagef(hint, "invalid --%s %q: %s", name, value, errors.Unwrap(invalid))
}

// nearest is the flag of a command whose name is like one that no flag has; "" if
// there is none.
func nearest(c *cobra.Command, name string) string {
	var names []string
	c.Flags().VisitAll(func(flag *pflag.Flag) {
		if !flag.Hidden {
			names = append(names, flag.Name)
		}
	})
	return suite.Near(name, names)
}

// helpCommand is cobra's help command, except that an unknown topic is an
// error.
func helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Help about any command",
		Long:  long("Print the help of a command or a topic, as COMMAND --help does."),
		Args:  cobra.ArbitraryArgs,
		ValidArgsFunction: func(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			found, _, err := root.Find(args)
			if err != nil {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			var names []string
			for _, sub := range found.Commands() {
				if sub.IsAvailableCommand() || sub.IsAdditionalHelpTopicCommand() {
					names = append(names, sub.Name()+"\t"+sub.Short)
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			found, rest, err := root.Find(args)
			if err != nil || found == nil || len(rest) > 0 {
				hint := root.CommandPath() + " --help"
				if near := likely(root, args); near != "" {
					hint = didYouMean(near)
				}
				return exit.Usagef(hint, "no help for %q: there is no such command or topic", strings.Join(args, " "))
			}
			found.InitDefaultHelpFlag()
			return found.Help()
		},
	}
}

// likely is the path of the command that was meant by words that name none: it is
// written in one word, or misspelt, or named without its group, such as login.
func likely(root *cobra.Command, words []string) string {
	if path := joined(root, strings.Join(words, "")); path != "" {
		return path
	}
	c := root
	for _, word := range words {
		var names []string
		next := map[string]*cobra.Command{}
		for _, sub := range c.Commands() {
			names = append(names, sub.Name())
			next[sub.Name()] = sub
		}
		near := next[word]
		if near == nil {
			near = next[suite.Near(word, names)]
		}
		if near == nil && c == root && len(words) == 1 {
			return leaf(root, word)
		}
		if c = near; c == nil {
			return ""
		}
	}
	return c.CommandPath()
}

// leaf is the path of the only command in a group with this name.
func leaf(root *cobra.Command, name string) (path string) {
	for _, group := range root.Commands() {
		for _, c := range group.Commands() {
			if c.Name() == name && path != "" {
				return ""
			}
			if c.Name() == name {
				path = c.CommandPath()
			}
		}
	}
	return path
}

// joined is the path of the command whose words, joined, are word: share text
// for sharetext or share-text.
func joined(c *cobra.Command, word string) string {
	word = strings.ToLower(strings.NewReplacer("-", "", "_", "").Replace(word))
	for _, sub := range c.Commands() {
		rest, ok := strings.CutPrefix(word, strings.ReplaceAll(sub.Name(), "-", ""))
		switch {
		case !ok:
		case rest == "":
			return sub.CommandPath()
		default:
			if path := joined(sub, rest); path != "" {
				return path
			}
		}
	}
	return ""
}
