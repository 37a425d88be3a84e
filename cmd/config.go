package cmd

import (
	"bufio"
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wxctl/wxctl/cmd/internal/config"
	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/cmd/internal/output"
	"github.com/wxctl/wxctl/cmd/internal/streams"
	"github.com/wxctl/wxctl/device"
)

// NewCmdConfig makes `wxctl config` and the commands below it.
func NewCmdConfig(f *Factory) *cobra.Command {
	return group(&cobra.Command{
		Use:   "config",
		Short: "Keep the defaults of an app under test in a profile",
		Long: long(`Profiles are named sets of defaults in config.toml: who the app under test is
and where its requests go. A flag wins over the environment, the environment
over the profile, the profile over what the phone says.

The file holds no secret. The keys of a profile:

` + keyTable()),
		Example: examples("wxctl config init --app-id wx0123456789abcdef --package com.example.app\nwxctl config list"),
	}, NewCmdConfigInit(f, nil), NewCmdConfigGet(f, nil), NewCmdConfigSet(f, nil), NewCmdConfigList(f, nil), NewCmdConfigImport(f, nil))
}

func keyTable() string {
	var b strings.Builder
	for _, k := range config.Keys() {
		fmt.Fprintf(&b, "  %-15s %s\n", k.Name, k.What)
	}
	return strings.TrimRight(b.String(), "\n")
}

// profileToWrite is the profile that a writing command changes: it need not
// exist yet.
func (f *Factory) profileToWrite(c *config.Config) (string, error) {
	name, _, err := c.ProfileName(f.global.profile, f.Getenv)
	if name != "" {
		return name, nil // also one that isn't there yet
	}
	return "", err
}

func (f *Factory) updateConfig(ctx context.Context, change func(*config.File) error) (*config.Config, error) {
	dir, err := config.Dir(f.Getenv)
	if err != nil {
		return nil, err
	}
	return config.Update(ctx, dir, change)
}

type configInitOptions struct {
	f      *Factory
	values map[string]*string
	from   string // a file, or "phone"
}

// NewCmdConfigInit makes `wxctl config init`.
func NewCmdConfigInit(f *Factory, runF func(context.Context, *configInitOptions) error) *cobra.Command {
	opts := &configInitOptions{f: f, values: map[string]*string{}}
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Make a profile",
		Long: long(`Make a profile, or add to one. On a terminal, what no flag gives is asked for;
an empty answer leaves a key unset.

--from takes the package or bundle ID, the AppID, the MD5 of the certificate,
the team id and the universal link from an app: of an .apk or .ipa file, or, as
--from phone, of the app on the phone that --device names (the one of --package
or --bundle-id, or the only debuggable one). Flags win over what is read.`,
			exit.NoPhone, exit.SeveralPhones, exit.PhoneNotReady, exit.RefusedBefore, exit.PhoneLost),
		Example: examples("wxctl config init --from phone --device virtual:android\n" +
			"wxctl config init --app-id wx0123456789abcdef --package com.example.app\n" +
			"wxctl config init --profile lab --scene session --app-id wx0123456789abcdef"),
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			for _, k := range config.Keys() {
				if !c.Flags().Changed(k.Name) {
					delete(opts.values, k.Name)
				}
			}
			if runF != nil {
				return runF(c.Context(), opts)
			}
			return configInitRun(c.Context(), opts)
		},
	}
	for _, k := range config.Keys() {
		opts.values[k.Name] = cmd.Flags().String(k.Name, "", k.What)
	}
	cmd.Flags().StringVar(&opts.from, "from", "", "take values from an app: an .apk or .ipa `file`, or phone")
	return cmd
}

func configInitRun(ctx context.Context, opts *configInitOptions) error {
	f := opts.f
	cfg, err := f.Config()
	if err != nil {
		return err
	}
	profile, err := f.profileToWrite(cfg)
	if err != nil {
		return err
	}
	if opts.from != "" {
		if err := opts.take(ctx); err != nil {
			return err
		}
	}
	if len(opts.values) == 0 {
		if !f.Streams.InTTY || !f.Streams.ErrTTY {
			return exit.Usagef("wxctl config init --app-id wx… --package com.example.app",
				"config init needs at least one value, such as --app-id or --package")
		}
		if err := askForKeys(ctx, f, opts); err != nil {
			return err
		}
	}
	written, err := f.updateConfig(ctx, func(file *config.File) error {
		if len(file.Profiles) == 0 && profile != config.DefaultProfile {
			file.Profile = profile
		}
		for _, k := range config.Keys() {
			if v := opts.values[k.Name]; v != nil {
				if err := file.Set(profile, k.Name, *v); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	f.Streams.Note("profile %s is in %s", profile, written.Path)
	return printProfile(f, written, profile)
}

// askForKeys asks on the terminal, until ctx ends.
func askForKeys(ctx context.Context, f *Factory, opts *configInitOptions) error {
	in := bufio.NewReader(f.Streams.In)
	type answer struct {
		line string
		err  error
	}
	answers := make(chan answer, 1)
	for _, k := range config.Keys() {
		for {
			fmt.Fprintf(f.Streams.Err, "%s (%s): ", k.Name, f.Streams.Translate(k.What))
			go func() { // a read can't be cancelled; it ends with the process
				line, err := in.ReadString('\n')
				answers <- answer{line, err}
			}()
			var a answer
			select {
			case a = <-answers:
			case <-ctx.Done():
				fmt.Fprintln(f.Streams.Err)
				return context.Cause(ctx)
			}
			value := strings.TrimSpace(a.line)
			if value == "" && a.err != nil {
				return exit.Usagef("", "the input ended before a value for %s", k.Name)
			}
			if value == "" {
				break
			}
			if problem := k.Check(value); problem != nil {
				f.Streams.Warn("%v", problem)
				continue
			}
			opts.values[k.Name] = &value
			break
		}
	}
	return nil
}

type configKeyOptions struct {
	f          *Factory
	key, value string
}

// NewCmdConfigGet makes `wxctl config get`.
func NewCmdConfigGet(f *Factory, runF func(*configKeyOptions) error) *cobra.Command {
	opts := &configKeyOptions{f: f}
	return &cobra.Command{
		Use:     "get KEY",
		Short:   "Print one value",
		Long:    long("Print the value of one key as a command would use it, alone on a line."),
		Example: examples("wxctl config get app-id"),
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			opts.key = args[0]
			if runF != nil {
				return runF(opts)
			}
			return configGetRun(opts)
		},
		ValidArgsFunction: completeKeys,
	}
}

func configGetRun(opts *configKeyOptions) error {
	f := opts.f
	if _, ok := config.FindKey(opts.key); !ok {
		return unknownKey(opts.key)
	}
	s, err := f.Setting(opts.key, "")
	if err != nil {
		return err
	}
	if s.Value == "" {
		return &device.Error{Code: "not_set", Message: opts.key + " is not set", Hint: "wxctl config set " + opts.key + " VALUE"}
	}
	if f.Printer().JSON() {
		return f.Printer().Object(struct {
			SchemaVersion int `json:"schemaVersion"`
			config.Setting
		}{output.SchemaVersion, s})
	}
	return f.Streams.Println(streams.Safe(s.Value))
}

func unknownKey(key string) error {
	names := []string{}
	for _, k := range config.Keys() {
		names = append(names, k.Name)
	}
	return exit.Usagef("the keys are "+strings.Join(names, ", "), "there is no key %q", key)
}

func completeKeys(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	var names []string
	if len(args) == 0 {
		for _, k := range config.Keys() {
			names = append(names, k.Name+"\t"+k.What)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// NewCmdConfigSet makes `wxctl config set`.
func NewCmdConfigSet(f *Factory, runF func(context.Context, *configKeyOptions) error) *cobra.Command {
	opts := &configKeyOptions{f: f}
	return &cobra.Command{
		Use:     "set KEY VALUE",
		Short:   "Set one value of a profile",
		Long:    long("Set one key of the profile. An empty value removes it."),
		Example: examples("wxctl config set scene session\nwxctl config set app-id wx0123456789abcdef --profile lab"),
		Args:    cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			opts.key, opts.value = args[0], args[1]
			if runF != nil {
				return runF(c.Context(), opts)
			}
			return configSetRun(c.Context(), opts)
		},
		ValidArgsFunction: completeKeys,
	}
}

func configSetRun(ctx context.Context, opts *configKeyOptions) error {
	f := opts.f
	cfg, err := f.Config()
	if err != nil {
		return err
	}
	profile, err := f.profileToWrite(cfg)
	if err != nil {
		return err
	}
	written, err := f.updateConfig(ctx, func(file *config.File) error { return file.Set(profile, opts.key, opts.value) })
	if err != nil {
		return err
	}
	f.Streams.Note("profile %s is in %s", profile, written.Path)
	if f.Printer().JSON() {
		return printProfile(f, written, profile)
	}
	return nil
}

type configListOptions struct{ f *Factory }

// NewCmdConfigList makes `wxctl config list`.
func NewCmdConfigList(f *Factory, runF func(*configListOptions) error) *cobra.Command {
	opts := &configListOptions{f: f}
	return &cobra.Command{
		Use:   "list",
		Short: "List the values in force and where each comes from",
		Long: long("List each key with its value and where that comes from: a variable of the\nenvironment, the profile, " +
			"or nowhere (then the phone is asked, or the\ncommand's default holds)."),
		Example: examples("wxctl config list\nwxctl config list --json"),
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if runF != nil {
				return runF(opts)
			}
			cfg, err := f.Config()
			if err != nil {
				return err
			}
			profile, _, err := cfg.ProfileName(f.global.profile, f.Getenv)
			if err != nil {
				return err
			}
			return printProfile(f, cfg, profile)
		},
	}
}

func printProfile(f *Factory, cfg *config.Config, profile string) error {
	settings := []config.Setting{}
	for _, k := range config.Keys() {
		s, err := cfg.Lookup(k.Name, profile, f.Getenv)
		if err != nil {
			return err
		}
		if s.Source == "" {
			s.Source = "not set"
		}
		settings = append(settings, s)
	}
	if f.Printer().JSON() {
		return f.Printer().Object(struct {
			SchemaVersion int              `json:"schemaVersion"`
			Profile       string           `json:"profile"`
			Path          string           `json:"path"`
			Settings      []config.Setting `json:"settings"`
		}{output.SchemaVersion, profile, cfg.Path, settings})
	}
	rows := make([][]output.Cell, len(settings))
	for i, s := range settings {
		source := output.Words(s.Source)
		if s.Value == "" {
			source.Paint = streams.Dim
		}
		rows[i] = []output.Cell{output.Text(s.Key), output.Text(s.Value), source}
	}
	return f.Printer().Table([]string{"key", "value", "from"}, rows)
}
