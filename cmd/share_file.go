package cmd

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/wxctl/wxctl/cmd/internal/samples"
	"github.com/wxctl/wxctl/intents"
)

type shareFileOptions struct {
	shareOptions
	file, as string
}

// NewCmdShareFile makes `wxctl share file`.
func NewCmdShareFile(f *Factory, runF func(context.Context, *shareFileOptions) error) *cobra.Command {
	opts := &shareFileOptions{}
	cmd := &cobra.Command{
		Use:   "file [FILE]",
		Short: "Share a file",
		Long: long(`Share a file. WeChat shows --title as its name. It can go to a chat, a contact
or the favorites; WeChat posts no files to Moments.
`, requestCodes...),
		Example: examples("wxctl share file sample.txt --scene session --title sample.txt\nwxctl share file --scene session"),
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := takeFile(&opts.shareOptions, &opts.file, args); err != nil {
				return err
			}
			if runF != nil {
				return runF(c.Context(), opts)
			}
			return shareFileRun(c.Context(), opts)
		},
	}
	opts.addFlags(f, cmd, intents.SceneTimeline, "file", "as")
	addFileFlags(cmd, &opts.file, &opts.as)
	opts.addCard(cmd)
	return cmd
}

func shareFileRun(ctx context.Context, opts *shareFileOptions) error {
	sample := opts.sample()
	if sample {
		opts.title = new("sample.txt")
		opts.byDefault = intents.SceneSession // WeChat posts no files to Moments
	}
	if err := opts.need("a file (FILE or --file)", sample || opts.file != ""); err != nil {
		return err
	}
	return opts.sendShare(ctx, func(ctx context.Context, c *content) (intents.Object, error) {
		if sample {
			c.attachSample("sample.txt", samples.File())
			return intents.File{}, nil
		}
		return intents.File{}, opts.attachIf(ctx, c, opts.file, opts.as)
	})
}

type shareEmojiOptions struct {
	shareOptions
	file, as string
}

// NewCmdShareEmoji makes `wxctl share emoji`.
func NewCmdShareEmoji(f *Factory, runF func(context.Context, *shareEmojiOptions) error) *cobra.Command {
	opts := &shareEmojiOptions{}
	cmd := &cobra.Command{
		Use:   "emoji [FILE]",
		Short: "Share a sticker",
		Long: long(`Share a sticker, a PNG or GIF. It needs a thumb, which is made from the picture
itself unless --thumb gives one or --no-fit forbids it. It can go to a chat or a
contact.
`, requestCodes...),
		Example: examples("wxctl share emoji sticker.png --scene session\nwxctl share emoji --scene session"),
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := takeFile(&opts.shareOptions, &opts.file, args); err != nil {
				return err
			}
			if runF != nil {
				return runF(c.Context(), opts)
			}
			return shareEmojiRun(c.Context(), opts)
		},
	}
	opts.addFlags(f, cmd, intents.SceneTimeline, "file", "as")
	addFileFlags(cmd, &opts.file, &opts.as)
	opts.addCard(cmd)
	return cmd
}

func shareEmojiRun(ctx context.Context, opts *shareEmojiOptions) error {
	sample := opts.sample()
	if sample {
		opts.byDefault = intents.SceneSession // WeChat posts no stickers to Moments
	}
	if err := opts.need("a picture (FILE or --file)", sample || opts.file != ""); err != nil {
		return err
	}
	opts.pictures = true
	return opts.sendShare(ctx, func(ctx context.Context, c *content) (intents.Object, error) {
		if sample {
			c.attachSample("sticker.png", samples.Sticker())
			c.thumb = samples.Sticker()
			return intents.Emoji{}, nil
		}
		if err := opts.attachIf(ctx, c, opts.file, opts.as); err != nil || len(c.files) == 0 {
			return intents.Emoji{}, err
		}
		if opts.thumb == "" && !opts.noFit && !opts.raw {
			c.thumb = c.files[0].Data
			if c.thumb == nil {
				file, err := opts.loader().Read(opts.file, thumbSourceLimit)
				if err != nil {
					return nil, err
				}
				c.thumb = file.Data
			}
			c.notes = append(c.notes, "the thumb is made from the picture")
		}
		return intents.Emoji{}, nil
	})
}
