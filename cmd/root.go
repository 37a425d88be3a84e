package cmd

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/cmd/internal/language"
	"github.com/wxctl/wxctl/cmd/internal/output"
	"github.com/wxctl/wxctl/cmd/internal/streams"
)

// subcommand is a command below the root.
type subcommand struct {
	group, name string
	make        func(*Factory) *cobra.Command
}

// subcommands are the commands below the root. next is the word behind the
// command in the command line: of a large group, that is all that is made.
func subcommands(next string) []subcommand {
	return []subcommand{
		{"requests", "share", func(f *Factory) *cobra.Command { return newShare(f, next) }},
		{"requests", "launch", NewCmdLaunch},
		{"requests", "subscribe", func(f *Factory) *cobra.Command { return NewCmdSubscribe(f, nil) }},
		{"requests", "reply", NewCmdReply},
		{"requests", "run", func(f *Factory) *cobra.Command { return NewCmdRun(f, nil) }},
		{"requests", "report", func(f *Factory) *cobra.Command { return NewCmdReport(f, nil) }},
		{"phones", "devices", func(f *Factory) *cobra.Command { return NewCmdDevices(f, nil) }},
		{"phones", "installed", func(f *Factory) *cobra.Command { return NewCmdInstalled(f, nil) }},
		{"phones", "inspect", func(f *Factory) *cobra.Command { return NewCmdInspect(f, nil) }},
		{"phones", "doctor", func(f *Factory) *cobra.Command { return NewCmdDoctor(f, nil) }},
		{"phones", "watch", func(f *Factory) *cobra.Command { return NewCmdWatch(f, nil) }},
		{"phones", "screenshot", func(f *Factory) *cobra.Command { return NewCmdScreenshot(f, nil) }},
		{"phones", "record", func(f *Factory) *cobra.Command { return NewCmdRecord(f, nil) }},
		{"phones", "virtual", NewCmdVirtual},
		{"phones", "lab", NewCmdLab},
		{"phones", "agent", func(f *Factory) *cobra.Command { return NewCmdAgent(f, nil) }},
		{"rest", "auth", NewCmdAuth},
		{"rest", "config", NewCmdConfig},
		{"rest", "version", func(f *Factory) *cobra.Command { return NewCmdVersion(f, nil) }},
	}
}

// NewCmdRoot makes the whole command tree on one factory.
func NewCmdRoot(f *Factory) *cobra.Command { return newRoot(f, "", "") }

// rootFor returns only the part of the tree that a command line needs: the root
// and the command that the line begins with. The others, some forty commands
// with their flags, would cost every start more than all of `wxctl version`.
func rootFor(f *Factory, args []string) *cobra.Command {
	if len(args) == 0 {
		return NewCmdRoot(f)
	}
	next := ""
	if len(args) > 1 {
		next = args[1]
	}
	for _, sub := range subcommands("") {
		if sub.name == args[0] {
			return newRoot(f, sub.name, next)
		}
	}
	return NewCmdRoot(f)
}

func newRoot(f *Factory, only, next string) *cobra.Command {
	root := &cobra.Command{
		Use:   "wxctl",
		Short: "Fire WeChat OpenSDK requests at real phones",
		Long: long(`wxctl fires any WeChat OpenSDK request at a connected phone, shows the result,
and runs the OAuth steps behind it.

Phones are Android phones on adb, iPhones on usbmuxd, and virtual ones that live
in the process: --device virtual:android and virtual:ios need no phone, no
server and no account.`),
		Example: examples(`
# fire a share at a virtual phone
wxctl share webpage --device virtual:android --scene session
# see which phones there are
wxctl devices`),
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(c *cobra.Command, _ []string) error {
			f.command = c.CommandPath()
			return f.begin(c)
		},
	}
	root.CompletionOptions.HiddenDefaultCmd = false
	root.CompletionOptions.DisableDefaultCmd = only != "" // only has the command that is run
	root.SetIn(f.Streams.In)
	root.SetOut(f.Streams.Out)
	root.SetErr(f.Streams.Err)
	root.SetHelpFunc(f.printHelp)
	root.SetFlagErrorFunc(flagError)

	flags := root.PersistentFlags()
	g := &f.global
	flags.BoolVar(&g.json, "json", false, "print the answer as JSON, also when it fails")
	flags.StringVar(&g.jq, "jq", "", "filter the JSON with a jq `expression`")
	flags.StringVar(&g.color, "color", string(streams.ColorAuto), "`when` to colour: auto, always or never")
	// Run parses this flag itself, before the tree is made, since help is
	// translated, too.
	flags.String(uiLangFlag, "", "language of messages: zh or en (env WXCTL_LANG, else the locale)")
	flags.CountVarP(&g.verbose, "verbose", "v", "say more on stderr; twice for wire traffic, never secrets")
	flags.BoolVarP(&g.quiet, "quiet", "q", false, "no notes on stderr")
	flags.StringVar(&g.profile, "profile", "", "profile of the configuration (env WXCTL_PROFILE)")
	flags.DurationVar(&g.timeout, "timeout", 0, "time limit of the whole command, such as 45s")
	flags.StringVar(&g.stateDir, "state-dir", "", "`directory` of locks and of the file store (env WXCTL_STATE_DIR)")

	f.completeWith(root, "profile", completeProfiles(f))
	complete(root, uiLangFlag, string(language.Chinese), string(language.English))
	complete(root, "color", string(streams.ColorAuto), string(streams.ColorAlways), string(streams.ColorNever))

	root.AddGroup(
		&cobra.Group{ID: "requests", Title: "Requests:"},
		&cobra.Group{ID: "phones", Title: "Phones:"},
		&cobra.Group{ID: "rest", Title: "More:"},
	)
	for _, sub := range subcommands(next) {
		if only == "" || only == sub.name {
			c := sub.make(f)
			c.GroupID = sub.group
			root.AddCommand(c)
		}
	}
	if only == "" {
		root.SetHelpCommand(helpCommand(root))
		root.AddCommand(helpTopics(f)...)
		f.registerCompletions(root)
	}
	root.SetHelpCommandGroupID("rest")
	root.SetCompletionCommandGroupID("rest")
	return root
}

// begin applies the global flags before any command runs.
func (f *Factory) begin(c *cobra.Command) error {
	g := &f.global
	f.ended = func() error { return context.Cause(c.Context()) }
	if f.signals != nil {
		<-f.signals
	}
	if c.Flags().Changed("timeout") && g.timeout <= 0 {
		return exit.Usagef("", "invalid --timeout %s: use a duration such as 45s or 2m", g.timeout)
	}
	if err := given(c, "profile", "state-dir"); err != nil {
		return err
	}
	if err := f.Streams.SetColor(streams.ColorMode(g.color), f.Getenv); err != nil {
		return exit.Usagef("", "%s", err)
	}
	f.Streams.Quiet = g.quiet
	var err error
	f.printer, err = output.New(c.Context(), f.Streams, g.json, g.jq)
	return err
}

// group configures a command that only has subcommands.
func group(c *cobra.Command, subs ...*cobra.Command) *cobra.Command {
	c.AddCommand(subs...)
	c.Args = cobra.ArbitraryArgs
	c.SuggestionsMinimumDistance = 2
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return c.Help()
		}
		return noCommand(c, args[0])
	}
	return c
}

// noCommand is the error of a word that is not one of a group's commands.
func noCommand(c *cobra.Command, word string) error {
	hint := c.CommandPath() + " --help"
	if near := c.SuggestionsFor(word); len(near) > 0 {
		hint = didYouMean(c.CommandPath() + " " + near[0])
	}
	return exit.Usagef(hint, "%s has no command %q", c.CommandPath(), word)
}

// long is a command's long help: the text and its EXIT STATUS.
func long(text string, codes ...int) string {
	return strings.TrimSpace(text) + "\n\n" + exit.Status(codes...)
}

// examples indents an example block as cobra prints it.
func examples(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for i := range lines {
		lines[i] = "  " + lines[i]
	}
	return strings.Join(lines, "\n")
}

// oneOf is the help text of a flag that takes one of several words.
func oneOf(words ...string) string { return strings.Join(words, "|") }

// wordsOf is the annotation of a flag that holds the words it takes.
const wordsOf = "wxctl_words"

// complete offers fixed words for a flag.
func complete(c *cobra.Command, flag string, words ...string) {
	f := c.Flag(flag)
	if f.Annotations == nil {
		f.Annotations = map[string][]string{}
	}
	f.Annotations[wordsOf] = slices.Clone(words)
}

// completion is what a shell is offered for a flag.
type completion struct {
	command *cobra.Command
	flag    string
	offer   cobra.CompletionFunc
}

// completeWith completes a flag with a function.
func (f *Factory) completeWith(c *cobra.Command, flag string, offer cobra.CompletionFunc) {
	f.completions = append(f.completions, completion{c, flag, offer})
}

// registerCompletions passes all completions to cobra. Cobra keeps them, and
// with them the commands, for the lifetime of the process: so this is only done
// for the complete tree, when a shell asks for completions, and not for the
// commands of a run.
func (f *Factory) registerCompletions(c *cobra.Command) {
	for _, one := range f.completions {
		_ = one.command.RegisterFlagCompletionFunc(one.flag, one.offer)
	}
	f.completions = nil
	registerWords(c)
}

func registerWords(c *cobra.Command) {
	register := func(flag *pflag.Flag) {
		if words, ok := flag.Annotations[wordsOf]; ok {
			_ = c.RegisterFlagCompletionFunc(flag.Name, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
		}
	}
	c.LocalFlags().VisitAll(register)
	for _, sub := range c.Commands() {
		registerWords(sub)
	}
}
