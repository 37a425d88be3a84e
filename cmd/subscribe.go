package cmd

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/intents"
)

type subscribeOptions struct {
	requestOptions
	cmd                  *cobra.Command
	scene                int32
	templateID, reserved *string
}

// NewCmdSubscribe makes `wxctl subscribe`.
func NewCmdSubscribe(f *Factory, runF func(context.Context, *subscribeOptions) error) *cobra.Command {
	opts := &subscribeOptions{}
	cmd := &cobra.Command{
		Use:   "subscribe",
		Short: "Ask the user to allow one message of a template",
		Long: long(`Ask the user to allow the app one message of a template. On Android only the
app itself can ask WeChat for this (routes app and bridge).
`, requestCodes...),
		Example: examples("wxctl subscribe --scene 1000 --template-id 7YuTL --reserved abc --dry-run"),
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if runF != nil {
				return runF(c.Context(), opts)
			}
			return subscribeRun(c.Context(), opts)
		},
	}
	opts.cmd = cmd
	opts.addFlags(f, cmd, "opened")
	flags := cmd.Flags()
	flags.Int32Var(&opts.scene, "scene", 0, "the app's own number for the occasion, 0 to 10000")
	optionalVar(flags, &opts.templateID, "template-id", "id of the message template")
	optionalVar(flags, &opts.reserved, "reserved", "text that comes back in the reply: a-z, A-Z, 0-9, at most 128 bytes")
	return cmd
}

func subscribeRun(ctx context.Context, opts *subscribeOptions) error {
	if opts.templateID == nil && !opts.raw {
		return exit.Usagef(opts.cmd.CommandPath()+" --help", "subscribe needs --template-id")
	}
	return opts.send(ctx, opts.cmd, func(context.Context) (content, error) {
		return content{request: intents.SubscribeMessage{
			Common: opts.common(), Scene: opts.scene, TemplateID: opts.templateID, Reserved: opts.reserved,
		}}, nil
	})
}
