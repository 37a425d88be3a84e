package cmd

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/wxctl/wxctl/cmd/internal/samples"
	"github.com/wxctl/wxctl/intents"
)

type shareVideoOptions struct {
	shareOptions
	url, lowBandURL *string
}

// NewCmdShareVideo makes `wxctl share video`.
func NewCmdShareVideo(f *Factory, runF func(context.Context, *shareVideoOptions) error) *cobra.Command {
	opts := &shareVideoOptions{}
	cmd := &cobra.Command{
		Use:   "video [URL]",
		Short: "Share a video on the web as a card",
		Long:  long("Share a video that is on the web: a card that opens its page.", requestCodes...),
		Example: examples(`wxctl share video --scene session --url https://example.com/video --title Film
wxctl share video --scene timeline`),
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := takeURL(&opts.shareOptions, &opts.url, args); err != nil {
				return err
			}
			if runF != nil {
				return runF(c.Context(), opts)
			}
			return shareVideoRun(c.Context(), opts)
		},
	}
	opts.addFlags(f, cmd, intents.SceneTimeline, "url", "low-band-url")
	optionalVar(cmd.Flags(), &opts.url, "url", "address of the video's page, at most 10240 characters")
	optionalVar(cmd.Flags(), &opts.lowBandURL, "low-band-url", "address of the page for slow networks")
	opts.addCard(cmd)
	return cmd
}

func shareVideoRun(ctx context.Context, opts *shareVideoOptions) error {
	sample := opts.sample()
	if sample {
		opts.url, opts.title, opts.description = new(samples.VideoURL), new(samples.Title), new(samples.Description)
	}
	if err := opts.need("--url or --low-band-url", opts.url != nil || opts.lowBandURL != nil); err != nil {
		return err
	}
	return opts.sendShare(ctx, func(_ context.Context, c *content) (intents.Object, error) {
		if sample {
			c.thumb = samples.Thumb()
		}
		return intents.Video{URL: opts.url, LowBandURL: opts.lowBandURL}, nil
	})
}
