package cmd

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/fixtures/samples"
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
`+requestTail, requestCodes...),
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
	opts.addFlags(f, cmd, "file", "as")
	addFileFlags(cmd, &opts.file, &opts.as)
	opts.addCard(cmd)
	return cmd
}

func shareFileRun(ctx context.Context, opts *shareFileOptions) error {
	sample := opts.sample()
	if sample {
		opts.title = new("sample.txt")
	}
	if err := opts.need("a file (FILE or --file)", sample || opts.file != ""); err != nil {
		return err
	}
	return opts.sendShare(ctx, intents.SceneTimeline, func(ctx context.Context, t target, b *built) (intents.Object, error) {
		object := intents.File{}
		switch {
		case sample:
			object.Data = samples.File()
			if t.platform == device.IOS {
				object.Ext = new("txt")
			}
		case opts.file != "":
			h, err := opts.handOver(ctx, t, b, opts.file, opts.as)
			if err != nil {
				return nil, err
			}
			object.Data, object.Path, object.Size = h.data, h.ref, h.size
			if t.platform == device.IOS {
				object.Ext = new(h.file.Ext())
			}
		}
		return object, nil
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
`+requestTail, requestCodes...),
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
	opts.addFlags(f, cmd, "file", "as")
	addFileFlags(cmd, &opts.file, &opts.as)
	opts.addCard(cmd)
	return cmd
}

func shareEmojiRun(ctx context.Context, opts *shareEmojiOptions) error {
	sample := opts.sample()
	if err := opts.need("a picture (FILE or --file)", sample || opts.file != ""); err != nil {
		return err
	}
	return opts.sendShare(ctx, intents.SceneTimeline, func(ctx context.Context, t target, b *built) (intents.Object, error) {
		if sample {
			b.madeThumb = samples.Sticker()
			return intents.Emoji{Data: samples.Sticker()}, nil
		}
		if opts.file == "" {
			return intents.Emoji{}, nil
		}
		h, err := opts.handOver(ctx, t, b, opts.file, opts.as)
		if err != nil {
			return nil, err
		}
		if opts.thumb == "" && !opts.noFit && !opts.raw {
			data := h.data
			if data == nil {
				file, err := t.load.Read(opts.file, thumbSourceLimit)
				if err != nil {
					return nil, err
				}
				data = file.Data
			}
			b.madeThumb = data
			b.notes = append(b.notes, "the thumb is made from the picture")
		}
		return intents.Emoji{Data: h.data, Path: h.ref, Size: h.size}, nil
	})
}
