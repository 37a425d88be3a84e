package cmd

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/intents"
)

// NewCmdLaunch makes `wxctl launch` and the command below it.
func NewCmdLaunch(f *Factory) *cobra.Command {
	return group(&cobra.Command{
		Use:     "launch",
		Short:   "Open something inside WeChat",
		Long:    long("Open something inside WeChat from the app under test.", requestCodes...),
		Example: examples("wxctl launch miniprogram --user-name gh_0123456789ab --dry-run"),
	}, NewCmdLaunchMiniProgram(f, nil))
}

type launchMiniProgramOptions struct {
	requestOptions
	cmd                    *cobra.Command
	userName, path, extMsg *string
	kind                   string
}

// NewCmdLaunchMiniProgram makes `wxctl launch miniprogram`.
func NewCmdLaunchMiniProgram(f *Factory, runF func(context.Context, *launchMiniProgramOptions) error) *cobra.Command {
	opts := &launchMiniProgramOptions{}
	cmd := &cobra.Command{
		Use:   "miniprogram",
		Short: "Open a mini program",
		Long: long(`Open a mini program. It must be bound to the app's account at the Open
Platform. The test version is opened unless --type says else. On Android only
the app itself can ask WeChat for this (routes app and bridge).
`, requestCodes...),
		Example: examples("wxctl launch miniprogram --user-name gh_0123456789ab --path pages/index --type release --dry-run"),
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if runF != nil {
				return runF(c.Context(), opts)
			}
			return launchMiniProgramRun(c.Context(), opts)
		},
	}
	opts.cmd = cmd
	opts.addFlags(f, cmd, "opened")
	opts.name = "launch miniprogram"
	flags := cmd.Flags()
	optionalVar(flags, &opts.userName, "user-name", "original id of the mini program, gh_…")
	optionalVar(flags, &opts.path, "path", "page to open")
	optionalVar(flags, &opts.extMsg, "ext-msg", "message for the mini program")
	flags.StringVar(&opts.kind, "type", "test", "version: "+oneOf("test", "preview", "release"))
	complete(cmd, "type", "test", "preview", "release")
	return cmd
}

func launchMiniProgramRun(ctx context.Context, opts *launchMiniProgramOptions) error {
	kind, err := parseMiniProgramType(opts.kind)
	if err != nil {
		return err
	}
	if opts.userName == nil && !opts.raw {
		return exit.Usagef(opts.cmd.CommandPath()+" --help", "launch miniprogram needs --user-name")
	}
	return opts.send(ctx, opts.cmd, func(context.Context) (content, error) {
		return content{request: intents.LaunchMiniProgram{
			Common: opts.common(), UserName: opts.userName, Path: opts.path, Type: kind, ExtMsg: opts.extMsg,
		}}, nil
	})
}
