package cmd

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/wxctl/wxctl/cmd/internal/samples"
	"github.com/wxctl/wxctl/intents"
)

type shareMusicOptions struct {
	shareOptions
	url, dataURL, lowBandURL, lowBandDataURL, albumURL, lyric *string
}

// NewCmdShareMusic makes `wxctl share music`.
func NewCmdShareMusic(f *Factory, runF func(context.Context, *shareMusicOptions) error) *cobra.Command {
	opts := &shareMusicOptions{}
	cmd := &cobra.Command{
		Use:   "music [URL]",
		Short: "Share music as a card",
		Long: long("Share music on the web: --url is the page, --data-url the audio file.\nA newer WeChat "+
			"(8.0.20 or so) turns it into a web page card.", requestCodes...),
		Example: examples(`wxctl share music --url https://example.com/song --data-url https://example.com/song.mp3
wxctl share music --scene timeline`),
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := takeURL(&opts.shareOptions, &opts.url, args); err != nil {
				return err
			}
			if runF != nil {
				return runF(c.Context(), opts)
			}
			return shareMusicRun(c.Context(), opts)
		},
	}
	opts.addFlags(f, cmd, intents.SceneTimeline, "url", "data-url", "low-band-url", "low-band-data-url", "album-url", "lyric")
	flags := cmd.Flags()
	optionalVar(flags, &opts.url, "url", "address of the page, at most 10240 characters")
	optionalVar(flags, &opts.dataURL, "data-url", "address of the audio file")
	optionalVar(flags, &opts.lowBandURL, "low-band-url", "address of the page for slow networks")
	optionalVar(flags, &opts.lowBandDataURL, "low-band-data-url", "address of the audio file for slow networks")
	optionalVar(flags, &opts.albumURL, "album-url", "address of the album's cover")
	optionalVar(flags, &opts.lyric, "lyric", "lyrics, at most 32768 characters")
	opts.addCard(cmd)
	return cmd
}

func shareMusicRun(ctx context.Context, opts *shareMusicOptions) error {
	sample := opts.sample()
	if sample {
		opts.url, opts.dataURL = new(samples.MusicURL), new(samples.MusicData)
		opts.title, opts.description = new(samples.Title), new(samples.Description)
	}
	if err := opts.need("--url or --low-band-url", opts.url != nil || opts.lowBandURL != nil); err != nil {
		return err
	}
	return opts.sendShare(ctx, func(_ context.Context, c *content) (intents.Object, error) {
		if sample {
			c.thumb = samples.Thumb()
		}
		return intents.Music{
			URL: opts.url, DataURL: opts.dataURL, LowBandURL: opts.lowBandURL, LowBandDataURL: opts.lowBandDataURL,
			AlbumURL: opts.albumURL, Lyric: opts.lyric,
		}, nil
	})
}
