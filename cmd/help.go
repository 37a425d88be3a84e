package cmd

import (
	"cmp"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/cmd/internal/streams"
)

// helpWidth is the maximum number of columns of a help line.
const helpWidth = 100

// flagGroup is a part of the flags in a command's help. If there are many
// flags, the help only names those in more; `wxctl help flags` describes all.
type flagGroup struct {
	title       string
	shown, more []string
}

// contentTitle is the title of the flags that are in no group: what is sent.
const contentTitle = "What is sent:"

// flagGroups are the groups of commands that choose a phone, in the order in
// which they are shown. The first flags of each are those that matter most.
func flagGroups() []flagGroup {
	return []flagGroup{
		{title: contentTitle, more: []string{"to", "file", "hd-image", "ext-info", "low-band-url",
			"low-band-data-url", "album-url", "lyric", "with-share-ticket", "disable-forward", "media-tag", "message-action", "message-ext",
			"transaction", "openid", "no-fit", "fs-root", "widget-root", "state", "lang", "base-url", "allow-host", "store",
			"save-secret", "show-token"}},
		{title: "Which phone:", shown: []string{"device", "all", "platform"},
			more: []string{"lab", "lab-key", "lab-ca", "wait", "allow-not-ready", "jobs", "android-user", "adb-server", "usbmuxd"}},
		{title: "How:", shown: []string{"until", "timeout", "dry-run", "route", "package"},
			more: []string{"yes", "app-id", "bundle-id", "universal-link", "sdk-version", "after", "raw", "force"}},
		{title: "Evidence:", shown: []string{"screenshot", "record"}, more: []string{"screenshot-on-failure", "overwrite", "save-case"}},
		{title: "Output:", shown: []string{"json", "jq"}, more: []string{"quiet", "verbose", "color", "ui-lang", "profile", "state-dir"}},
	}
}

// manyFlags is up to how many flags a help describes all.
const manyFlags = 30

// printHelp is the help of every command: what it does, examples, flags in
// groups, and last its exit codes.
func (f *Factory) printHelp(c *cobra.Command, _ []string) {
	c.InitDefaultHelpFlag()
	h := help{c: c, out: c.OutOrStdout(), Streams: f.Streams}
	if c.Name() == flagsTopic && c.IsAdditionalHelpTopicCommand() {
		h.shared(f)
		return
	}
	text := cmp.Or(c.Long, c.Short)
	text, status, _ := strings.Cut(text, "\n\n"+exit.StatusTitle+"\n")
	h.print(h.Translate(strings.TrimSpace(text)))
	if c.HasExample() {
		h.title("Examples:")
		for line := range strings.Lines(c.Example) {
			line = strings.TrimRight(line, "\n")
			if comment, ok := strings.CutPrefix(line, "  # "); ok {
				line = "  # " + h.Translate(comment)
			}
			h.print(line)
		}
	}
	if c.Runnable() || c.HasAvailableSubCommands() {
		line := c.UseLine()
		if c.HasAvailableSubCommands() {
			line = c.CommandPath() + " COMMAND [flags]"
		}
		h.print("\n" + f.Streams.Label("Usage:") + line)
		h.commands()
		h.flags()
	}
	if status != "" && !c.HasAvailableSubCommands() {
		h.title(exit.StatusTitle)
		for line := range strings.Lines(status) {
			h.print(h.Translate(strings.TrimRight(line, "\n")))
		}
	}
	if c.HasAvailableSubCommands() {
		h.print("\n" + fmt.Sprintf(h.Translate("Use %q for more about a command."), c.CommandPath()+" COMMAND --help"))
	}
}

// help writes one command's help.
type help struct {
	c   *cobra.Command
	out io.Writer
	*streams.Streams
}

func (h help) print(text string) { fmt.Fprintln(h.out, text) }

func (h help) title(text string) { h.print("\n" + h.Translate(text)) }

// commands lists what is below the command, by its groups.
func (h help) commands() {
	list := func(title, group string) {
		first := true
		for _, sub := range h.c.Commands() {
			if sub.GroupID != group || !sub.IsAvailableCommand() && sub.Name() != "help" {
				continue
			}
			if first {
				h.title(title)
				first = false
			}
			h.print(fmt.Sprintf("  %-*s  %s", h.c.NamePadding(), sub.Name(), h.Translate(sub.Short)))
		}
	}
	for _, g := range h.c.Groups() {
		list(g.Title, g.ID)
	}
	list(h.Translate("Commands:"), "")
	h.topics()
}

// topics lists the pages of help that are not commands.
func (h help) topics() {
	first := true
	for _, sub := range h.c.Commands() {
		if !sub.IsAdditionalHelpTopicCommand() {
			continue
		}
		if first {
			h.title("Help topics:")
			first = false
		}
		h.print(fmt.Sprintf("  %-*s  %s", h.c.NamePadding(), sub.Name(), h.Translate(sub.Short)))
	}
}

// flags lists the command's flags, in groups where it chooses a phone.
func (h help) flags() {
	flags, named := h.all()
	groups := flagGroups()
	if named["device"] == nil { // no phone: its own flags, and those of every command
		groups = []flagGroup{{title: "Flags:"}, groups[len(groups)-1]}
		groups[1].shown = append(groups[1].shown, "timeout")
	} else if named["until"] == nil {
		groups[0].title = "Flags:"
	}
	h.list(groups, flags, named)
}

// all are the command's flags, in the order of their definition.
func (h help) all() (flags []*pflag.Flag, named map[string]*pflag.Flag) {
	h.c.Flags().SortFlags = false
	named = map[string]*pflag.Flag{}
	take := func(flag *pflag.Flag) {
		if !flag.Hidden && flag.Name != "help" && named[flag.Name] == nil {
			flags = append(flags, flag)
			named[flag.Name] = flag
		}
	}
	h.c.LocalFlags().VisitAll(take)
	h.c.InheritedFlags().VisitAll(take)
	return flags, named
}

// list prints the groups; the first one has the flags that are in no group.
func (h help) list(groups []flagGroup, flags []*pflag.Flag, named map[string]*pflag.Flag) {
	var grouped []string
	for _, g := range groups {
		grouped = append(append(grouped, g.shown...), g.more...)
	}
	parts := make([]flagPart, len(groups))
	for i, g := range groups {
		p := flagPart{g.title, present(named, g.shown), present(named, g.more)}
		if i == 0 {
			for _, flag := range flags {
				if !slices.Contains(grouped, flag.Name) {
					p.shown = append(p.shown, flag)
				}
			}
		}
		if len(flags) <= manyFlags && h.c.HasParent() {
			p.shown, p.more = append(p.shown, p.more...), nil
		}
		parts[i] = p
	}
	for _, p := range parts {
		h.part(p)
	}
}

// flagPart is a group as one command has it.
type flagPart struct {
	title       string
	shown, more []*pflag.Flag
}

// part describes a part's flags, and names the others.
func (h help) part(p flagPart) {
	if len(p.shown) == 0 && len(p.more) == 0 {
		return
	}
	h.title(p.title)
	width := 0
	for _, flag := range p.shown {
		width = max(width, len(spelled(flag)))
	}
	for _, flag := range p.shown {
		h.print(fmt.Sprintf("  %-*s  %s", width, spelled(flag), h.usage(flag)))
	}
	line := ""
	for i, flag := range p.more {
		name := " --" + flag.Name
		if i+1 < len(p.more) {
			name += ","
		}
		if len(line)+len(name) > helpWidth {
			h.print(line)
			line = ""
		}
		if line == "" {
			line = "     "
		}
		line += name
	}
	if line != "" {
		h.print(line)
	}
}

// withDefault is a flag's text that ends with its default.
var withDefault = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(.*) \(default ([^:()]+)\)$`) })

// usage is what a flag means, and its default.
func (h help) usage(flag *pflag.Flag) string {
	text, preset := h.listed(flag.Usage), ""
	if !slices.Contains([]string{"", "0", "false", "0s", "[]"}, flag.DefValue) {
		preset = flag.DefValue
	} else if m := withDefault().FindStringSubmatch(flag.Usage); m != nil {
		if translated := h.listed(m[1]); translated != m[1] { // else it was translated as a whole
			text, preset = translated, m[2]
		}
	}
	_, text = pflag.UnquoteUsage(&pflag.Flag{Usage: text, Value: flag.Value})
	if preset != "" {
		return h.Sprintf("%s (default %s)", text, preset)
	}
	return text
}

// listed translates a text, which may end with a list that is cut.
func (h help) listed(text string) string {
	known, more := strings.CutSuffix(text, ", …")
	if text = h.Translate(known); more {
		text += ", …"
	}
	return text
}

// present returns the existing flags with these names.
func present(named map[string]*pflag.Flag, names []string) []*pflag.Flag {
	var found []*pflag.Flag
	for _, name := range names {
		if flag := named[name]; flag != nil {
			found = append(found, flag)
		}
	}
	return found
}

// spelled is a flag as the user types it.
func spelled(flag *pflag.Flag) string {
	short := "    "
	if flag.Shorthand != "" {
		short = "-" + flag.Shorthand + ", "
	}
	name, _ := pflag.UnquoteUsage(flag)
	if flag.Value.Type() == "count" {
		name = ""
	}
	return strings.TrimRight(short+"--"+flag.Name+" "+name, " ")
}

// flagsTopic is the page of help with all flags that requests share.
const flagsTopic = "flags"

// shared prints all flags that are not one command's own.
func (h help) shared(f *Factory) {
	h.print(h.Translate("Requests share these flags; those of Output go with every command."))
	for _, sub := range NewCmdShare(f).Commands() {
		if sub.Name() == "webpage" {
			h.c = sub
		}
	}
	root := newRoot(f, "version", "") // has the flags of every command
	root.AddCommand(h.c)
	_, named := h.all()
	groups := flagGroups()
	for i := range groups {
		groups[i].shown = append(groups[i].shown, groups[i].more...)
		groups[i].more = nil
	}
	h.list(groups, nil, named)
}

// sharedFlags is that page in English, for the manual.
func sharedFlags(f *Factory) string {
	var text strings.Builder
	help{out: &text, Streams: &streams.Streams{}}.shared(f)
	return strings.TrimSpace(text.String())
}
