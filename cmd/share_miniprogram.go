package cmd

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/cmd/internal/samples"
	"github.com/wxctl/wxctl/intents"
)

type shareMiniProgramOptions struct {
	shareOptions
	userName, path, webpageURL *string
	kind                       string
	withShareTicket            bool
	disableForward             bool
	hdImage                    string
}

// NewCmdShareMiniProgram makes `wxctl share miniprogram`.
func NewCmdShareMiniProgram(f *Factory, runF func(context.Context, *shareMiniProgramOptions) error) *cobra.Command {
	opts := &shareMiniProgramOptions{}
	cmd := &cobra.Command{
		Use:   "miniprogram",
		Short: "Share the card of a mini program",
		Long: long(`Share the card of a mini program, by default to a chat. Android shows --thumb
(up to 128 KiB), an iPhone --hd-image (up to 128 KiB) or --thumb (64 KiB).
`, requestCodes...),
		Example: examples("wxctl share miniprogram --user-name gh_0123456789ab --webpage-url https://a.cn --thumb thumb.png"),
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if runF != nil {
				return runF(c.Context(), opts)
			}
			return shareMiniProgramRun(c.Context(), opts)
		},
	}
	opts.addFlags(f, cmd, intents.SceneSession, "user-name", "path", "webpage-url", "hd-image", "type", "with-share-ticket", "disable-forward")
	flags := cmd.Flags()
	optionalVar(flags, &opts.userName, "user-name", "original id of the mini program, gh_…")
	optionalVar(flags, &opts.path, "path", "page that the card opens")
	optionalVar(flags, &opts.webpageURL, "webpage-url", "web page for a WeChat without mini programs")
	flags.StringVar(&opts.kind, "type", "release", "version: "+oneOf("release", "test", "preview"))
	flags.BoolVar(&opts.withShareTicket, "with-share-ticket", false, "ask for a share ticket")
	flags.BoolVar(&opts.disableForward, "disable-forward", false, "forbid forwarding the card")
	flags.StringVar(&opts.hdImage, "hd-image", "", "large picture of the card, a `file` or URL (iOS only)")
	opts.addCard(cmd)
	complete(cmd, "type", "release", "test", "preview")
	return cmd
}

func shareMiniProgramRun(ctx context.Context, opts *shareMiniProgramOptions) error {
	kind, err := parseMiniProgramType(opts.kind)
	if err != nil {
		return err
	}
	sample := opts.sample()
	if sample {
		opts.userName, opts.path, opts.webpageURL = new(samples.UserName), new(samples.Path), new(samples.URL)
		opts.title, opts.description = new(samples.Title), new(samples.Description)
	}
	if err := opts.need("--webpage-url", opts.webpageURL != nil); err != nil {
		return err
	}
	if err := opts.need("--user-name", opts.userName != nil); err != nil {
		return err
	}
	return opts.sendShare(ctx, func(ctx context.Context, c *content) (intents.Object, error) {
		if sample {
			c.thumb = samples.Thumb()
		}
		program := intents.MiniProgram{
			WebpageURL: opts.webpageURL, UserName: opts.userName, Path: opts.path, Type: kind,
			WithShareTicket: opts.withShareTicket,
		}
		if opts.disableForward {
			program.DisableForward = 1
		}
		if opts.hdImage != "" {
			file, err := opts.loader().Fetch(ctx, opts.hdImage, thumbSourceLimit)
			if err != nil {
				return nil, err
			}
			program.HDImage = file.Data
		}
		return program, nil
	})
}

func parseMiniProgramType(word string) (intents.MiniProgramType, error) {
	kind, err := intents.ParseMiniProgramType(word)
	if err != nil {
		return 0, exit.Usagef("use release, test or preview", "--type: %s", err)
	}
	return kind, nil
}
