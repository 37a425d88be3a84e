package cmd

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/cmd/internal/input"
	"github.com/wxctl/wxctl/cmd/internal/samples"
	"github.com/wxctl/wxctl/intents"
)

type shareTextOptions struct {
	shareOptions
	text *string
}

// NewCmdShareText makes `wxctl share text`.
func NewCmdShareText(f *Factory, runF func(context.Context, *shareTextOptions) error) *cobra.Command {
	opts := &shareTextOptions{}
	cmd := &cobra.Command{
		Use:   "text [TEXT]",
		Short: "Share a text",
		Long:  long("Share a text of 1 to 10240 characters. TEXT, or --text, may be - for stdin.", requestCodes...),
		Example: examples(`wxctl share text Hello --scene session
echo Hello | wxctl share text - --scene favorite
wxctl share text Hello --dry-run`),
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			opts.args = args
			if len(args) == 1 {
				if opts.text != nil {
					return exit.Usagef("give the text once", "the text is given twice: as an argument and with --text")
				}
				opts.text = &args[0]
			}
			if runF != nil {
				return runF(c.Context(), opts)
			}
			return shareTextRun(c.Context(), opts)
		},
	}
	opts.addFlags(f, cmd, intents.SceneTimeline, "text")
	optionalVar(cmd.Flags(), &opts.text, "text", "the text; - reads stdin")
	opts.addTitle(cmd)
	return cmd
}

// textLimit limits what is read from stdin: the SDK accepts 10240 characters of
// at most 4 bytes each; more than that is read so that the text can be reported
// as too long.
const textLimit = 1 << 20

func shareTextRun(ctx context.Context, opts *shareTextOptions) error {
	ctx, cancel := opts.f.Deadline(ctx, 0) // --timeout starts here: stdin may take longer
	defer cancel()
	if opts.sample() {
		opts.text = new(samples.Text)
	}
	if err := opts.need("a text (TEXT or --text)", opts.text != nil); err != nil {
		return err
	}
	if text(opts.text) == "-" {
		reading, stop := opts.f.Deadline(ctx, requestTimeout)
		defer stop()
		data, err := opts.f.readAll(reading, "text", textLimit)
		if err != nil {
			return err
		}
		if data, err = input.Decode(data, "the text on stdin"); err != nil {
			return err
		}
		opts.text = new(string(data))
	}
	return opts.sendShare(ctx, func(context.Context, *content) (intents.Object, error) {
		return intents.Text{Text: opts.text}, nil
	})
}
