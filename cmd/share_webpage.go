package cmd

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/cmd/internal/samples"
	"github.com/wxctl/wxctl/intents"
)

type shareWebpageOptions struct {
	shareOptions
	url, extInfo *string
}

// NewCmdShareWebpage makes `wxctl share webpage`.
func NewCmdShareWebpage(f *Factory, runF func(context.Context, *shareWebpageOptions) error) *cobra.Command {
	opts := &shareWebpageOptions{}
	cmd := &cobra.Command{
		Use:   "webpage [URL]",
		Short: "Share a web page as a card",
		Long:  long("Share a web page: a card with title, description and thumb that opens the URL.", requestCodes...),
		Example: examples(`wxctl share webpage --scene session --url https://example.com --title Hello
wxctl share webpage --scene session
wxctl share webpage --url https://example.com --thumb thumb.png --dry-run --json`),
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := takeURL(&opts.shareOptions, &opts.url, args); err != nil {
				return err
			}
			if runF != nil {
				return runF(c.Context(), opts)
			}
			return shareWebpageRun(c.Context(), opts)
		},
	}
	opts.addFlags(f, cmd, intents.SceneTimeline, "url", "ext-info")
	optionalVar(cmd.Flags(), &opts.url, "url", "address of the page, 1 to 10240 characters")
	optionalVar(cmd.Flags(), &opts.extInfo, "ext-info", "the object's extInfo")
	opts.addCard(cmd)
	return cmd
}

// takeURL takes the address from the argument or from --url.
func takeURL(opts *shareOptions, url **string, args []string) error {
	opts.args = args
	if len(args) == 0 {
		return nil
	}
	if *url != nil {
		return exit.Usagef("give the URL once", "the URL is given twice: as an argument and with --url")
	}
	*url = &args[0]
	return nil
}

func shareWebpageRun(ctx context.Context, opts *shareWebpageOptions) error {
	sample := opts.sample()
	if sample {
		opts.url, opts.title, opts.description = new(samples.URL), new(samples.Title), new(samples.Description)
	}
	if err := opts.need("--url", opts.url != nil); err != nil {
		return err
	}
	return opts.sendShare(ctx, func(_ context.Context, c *content) (intents.Object, error) {
		if sample {
			c.thumb = samples.Thumb()
		}
		return intents.Webpage{URL: opts.url, ExtInfo: opts.extInfo}, nil
	})
}
