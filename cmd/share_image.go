package cmd

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/cmd/internal/samples"
	"github.com/wxctl/wxctl/intents"
)

type shareImageOptions struct {
	shareOptions
	file, as string
}

// NewCmdShareImage makes `wxctl share image`.
func NewCmdShareImage(f *Factory, runF func(context.Context, *shareImageOptions) error) *cobra.Command {
	opts := &shareImageOptions{}
	cmd := &cobra.Command{
		Use:   "image [FILE|URL]",
		Short: "Share a picture",
		Long: long(`Share a picture from a file, or from the web (10 MiB at most). Small ones
travel inside the request; larger ones go to the phone first and are named by a
content URI, on Android. --as chooses.
`, requestCodes...),
		Example: examples("wxctl share image image.png --scene session\nwxctl share image --scene session\n" +
			"wxctl share image image.png --as uri --dry-run"),
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := takeFile(&opts.shareOptions, &opts.file, args); err != nil {
				return err
			}
			if runF != nil {
				return runF(c.Context(), opts)
			}
			return shareImageRun(c.Context(), opts)
		},
	}
	opts.addFlags(f, cmd, intents.SceneTimeline, "file", "as")
	addFileFlags(cmd, &opts.file, &opts.as)
	opts.addCard(cmd)
	return cmd
}

// addFileFlags defines --file and --as.
func addFileFlags(cmd *cobra.Command, file, as *string) {
	cmd.Flags().StringVar(file, "file", "", "the `file`")
	cmd.Flags().StringVar(as, "as", "", "`way` to hand it over: bytes, path or uri (default: bytes up to 256 KiB)")
	complete(cmd, "as", "bytes", "path", "uri")
}

// takeFile takes the file from the argument or from --file.
func takeFile(opts *shareOptions, file *string, args []string) error {
	opts.args = args
	if len(args) == 0 {
		return nil
	}
	if *file != "" {
		return exit.Usagef("give the file once", "the file is given twice: as an argument and with --file")
	}
	*file = args[0]
	return nil
}

func shareImageRun(ctx context.Context, opts *shareImageOptions) error {
	sample := opts.sample()
	if err := opts.need("a picture (FILE, URL or --file)", sample || opts.file != ""); err != nil {
		return err
	}
	opts.pictures = true
	return opts.sendShare(ctx, func(ctx context.Context, c *content) (intents.Object, error) {
		if sample {
			c.attachSample("image.png", samples.Image())
			return intents.Image{}, nil
		}
		return intents.Image{}, opts.attachIf(ctx, c, opts.file, opts.as)
	})
}

type shareImagesOptions struct{ shareOptions }

// NewCmdShareImages makes `wxctl share images`.
func NewCmdShareImages(f *Factory, runF func(context.Context, *shareImagesOptions) error) *cobra.Command {
	opts := &shareImagesOptions{}
	cmd := &cobra.Command{
		Use:   "images FILE...",
		Short: "Share several pictures through Android's own share route",
		Long: long(`Share several pictures at once. The SDK has no such request: they go through
Android's own share route, which names no app and gets no reply. Several
pictures to Moments stopped working with WeChat 7.0; --force tries anyway.
`, requestCodes...),
		Example: examples("wxctl share images image.png thumb.png --scene session"),
		Args:    cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			opts.args = args
			if runF != nil {
				return runF(c.Context(), opts)
			}
			return shareImagesRun(c.Context(), opts)
		},
	}
	opts.addFlags(f, cmd, intents.SceneTimeline)
	optionalVar(cmd.Flags(), &opts.description, "description", "caption, which only some WeChat versions take")
	return cmd
}

func shareImagesRun(ctx context.Context, opts *shareImagesOptions) error {
	opts.pictures = true
	return opts.sendShare(ctx, func(ctx context.Context, c *content) (intents.Object, error) {
		for _, name := range opts.args {
			if err := opts.attach(ctx, c, name, ""); err != nil {
				return nil, err
			}
		}
		return intents.Images{}, nil
	})
}
