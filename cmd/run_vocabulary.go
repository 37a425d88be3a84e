package cmd

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/intents"
	"github.com/wxctl/wxctl/intents/suite"
)

// notInSuites are the commands that can't be a step: they stream, serve, set
// up, or run suites themselves.
var notInSuites = []string{"run", "report", "lab", "agent", "virtual", "watch", "config", "completion", "help"}

// notInSteps are the flags that a step can't set, with the alternative.
func notInSteps() map[string]string {
	refused := map[string]string{}
	for why, names := range map[string][]string{
		"set on in the suite to choose phones": {"device", "platform", "all", "allow-not-ready"},
		"give it to wxctl run, for all cases": {"jobs", "wait", "adb-server", "usbmuxd", "lab", "lab-key", "lab-ca", "color",
			"verbose", "quiet", "ui-lang", "watch", "wait-for"},
		"the run reads the JSON itself: use expect":           {"json", "jq"},
		"set profile of the suite":                            {"profile"},
		"set timeout of the case":                             {"timeout"},
		"set after of the case":                               {"after"},
		"set screenshot of the case":                          {"screenshot", "screenshot-on-failure"},
		"set record of the case":                              {"record"},
		"a case is in a suite already":                        {"save-case"},
		"a suite reads no standard input: use env or secrets": {"secret-stdin", "token-stdin"},
		"set it in the suite, not in a step":                  {"help", "version"},
	} {
		for _, name := range names {
			refused[name] = why
		}
	}
	return refused
}

// suiteVocabulary is what suites may refer to: the commands of the tree, with
// their flags, and the words of answers.
func suiteVocabulary(f *Factory) *suite.Vocabulary {
	v := &suite.Vocabulary{
		States: device.States(),
		Afters: []string{string(device.AfterLeave), string(device.AfterBack), string(device.AfterHome), string(device.AfterStopWeChat)},
		Selector: func(text string) error {
			sel, err := device.ParseSelector(text, "on")
			if err == nil && sel.Virtual != nil {
				err = fmt.Errorf("%q: choose virtual phones with --device of wxctl run", text)
			}
			return err
		},
	}
	for _, s := range device.Screens() {
		v.Screens = append(v.Screens, string(s))
	}
	refused := notInSteps()
	root := NewCmdRoot(f)
	for _, top := range root.Commands() {
		if !slices.Contains(notInSuites, top.Name()) {
			addCommands(v, root, top, refused)
		}
	}
	return v
}

// SuiteReference describes the format of suites, as Markdown.
func SuiteReference() string { return suite.Reference(suiteVocabulary(System())) }

func addCommands(v *suite.Vocabulary, root, c *cobra.Command, refused map[string]string) {
	for _, sub := range c.Commands() {
		addCommands(v, root, sub, refused)
	}
	if c.HasSubCommands() || !c.Runnable() {
		return
	}
	command := suite.Command{
		Name: strings.TrimPrefix(c.CommandPath(), root.Name()+" "), Short: c.Short,
		Args: c.Args != nil && c.Args(c, []string{"x"}) == nil, Phone: c.Flag("device") != nil, Refused: map[string]string{},
	}
	take := func(flag *pflag.Flag) {
		if why, no := refused[flag.Name]; no {
			command.Refused[flag.Name] = why
		}
		command.Flags = append(command.Flags, suite.CommandFlag{
			Name: flag.Name, Type: flag.Value.Type(), Usage: flag.Usage, Words: flag.Annotations[wordsOf], Check: checkFlag(flag),
		})
	}
	c.LocalNonPersistentFlags().VisitAll(take)
	root.PersistentFlags().VisitAll(take)
	v.Commands = append(v.Commands, command)
}

// checkFlag returns a function that validates a flag's value.
func checkFlag(flag *pflag.Flag) func(string) error {
	return func(value string) error {
		switch kind := flag.Value.Type(); {
		case strings.HasPrefix(kind, "int") || strings.HasPrefix(kind, "uint"):
			if _, err := strconv.ParseInt(value, 0, 64); err != nil {
				return fmt.Errorf("it takes a whole number")
			}
		case kind == "duration":
			if _, err := time.ParseDuration(value); err != nil {
				return fmt.Errorf("it takes a duration such as 30s")
			}
		}
		if words := flag.Annotations[wordsOf]; words != nil && !takes(flag.Name, words, value) {
			return fmt.Errorf("it takes %s or %s", strings.Join(words[:len(words)-1], ", "), words[len(words)-1])
		}
		if err := flag.Value.Set(value); err != nil {
			return fmt.Errorf("it does not take that")
		}
		return nil
	}
}

// takes reports whether a flag with a list of words accepts a value. Some words
// have numbers as aliases; a version may be any.
func takes(name string, words []string, value string) bool {
	var err error
	switch name {
	case "scene":
		_, err = intents.ParseScene(value)
	case "type":
		_, err = intents.ParseMiniProgramType(value)
	case "route", "until", "as", "lang":
		return slices.Contains(words, value)
	}
	return err == nil
}
