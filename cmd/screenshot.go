package cmd

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/cmd/internal/files"
	"github.com/wxctl/wxctl/device"
)

// viewOptions are those of `wxctl screenshot` and `wxctl record`, which show
// the screen outside a request.
type viewOptions struct {
	f         *Factory
	phone     phoneFlags
	file      string
	overwrite bool
	length    time.Duration
}

// viewCodes are the exit codes of both commands.
func viewCodes() []int {
	return []int{exit.SomeFailed, exit.NoPhone, exit.SeveralPhones, exit.PhoneNotReady, exit.PhoneLost, exit.PhoneBusy, exit.NotSeen}
}

// NewCmdScreenshot makes `wxctl screenshot`.
func NewCmdScreenshot(f *Factory, runF func(context.Context, *viewOptions) error) *cobra.Command {
	return newCmdView(f, runF, "screenshot", &cobra.Command{
		Use:   "screenshot FILE",
		Short: "Save a picture of the phone's screen",
		Long: long(`Save what the phone shows as a PNG file. With several phones each gets a file of
its own, named after it. Pictures may show real contacts: only you can read the
file.`, viewCodes()...),
		Example: examples("wxctl screenshot now.png\nwxctl screenshot lab.png --device virtual:ios"),
	}, func(ctx context.Context, o *viewOptions, v device.Viewer, create func() (io.WriteCloser, error)) error {
		picture, err := v.Picture(ctx)
		if err != nil {
			return err
		}
		file, err := create()
		if err != nil {
			return err
		}
		_, err = file.Write(picture)
		return errors.Join(err, file.Close())
	})
}

// NewCmdRecord makes `wxctl record`.
func NewCmdRecord(f *Factory, runF func(context.Context, *viewOptions) error) *cobra.Command {
	opts := &cobra.Command{
		Use:   "record FILE --for DURATION",
		Short: "Record the phone's screen",
		Long: long(`Record the phone's screen for a while, at most three minutes. Android phones
record MP4 videos. Virtual phones and iPhones, which give only
single pictures over USB, record animated GIFs: the file's suffix must say which.
With several phones each gets a file of its own, named after it.`, viewCodes()...),
		Example: examples("wxctl record share.gif --for 1s --device virtual:android"),
	}
	return newCmdView(f, runF, "recording", opts, func(ctx context.Context, o *viewOptions, v device.Viewer,
		create func() (io.WriteCloser, error)) error {
		form := func(form device.FilmForm) error { return filmNamed(o.file, o.file, form) }
		return v.Film(ctx, o.length, form, create)
	})
}

// look takes a screenshot or a recording.
type look func(ctx context.Context, o *viewOptions, v device.Viewer, create func() (io.WriteCloser, error)) error

func newCmdView(f *Factory, runF func(context.Context, *viewOptions) error, kind string, cmd *cobra.Command, do look) *cobra.Command {
	opts := &viewOptions{f: f}
	cmd.Args = cobra.ExactArgs(1)
	cmd.RunE = func(c *cobra.Command, args []string) error {
		opts.file = args[0]
		if err := errors.Join(opts.phone.check(c), opts.check(kind)); err != nil {
			return err
		}
		if runF != nil {
			return runF(c.Context(), opts)
		}
		return viewRun(c.Context(), opts, kind, do)
	}
	cmd.Flags().BoolVar(&opts.overwrite, "overwrite", false, "replace a file that is there already")
	if kind == "recording" {
		cmd.Flags().DurationVar(&opts.length, "for", 0, "how long, such as 10s (required)")
	}
	opts.phone.add(f, cmd)
	return cmd
}

func (o *viewOptions) check(kind string) error {
	const most = 3 * time.Minute
	if kind != "recording" {
		return nil
	}
	if o.length == 0 {
		return exit.Usagef("add --for with a duration, such as --for 10s", "record needs --for")
	}
	if o.length < 0 || o.length > most {
		return exit.Usagef("", "invalid --for %v: use a duration of up to three minutes, such as 10s", o.length)
	}
	return nil
}

// viewed is the JSON of both commands.
type viewed struct {
	SchemaVersion int                 `json:"schemaVersion"`
	Device        device.DeviceRef    `json:"device"`
	Artifacts     []device.Artifact   `json:"artifacts"`
	Error         *device.ErrorReport `json:"error,omitempty"`
}

func viewRun(ctx context.Context, o *viewOptions, kind string, do look) error {
	sel, err := o.f.selector(&o.phone)
	if err != nil {
		return err
	}
	return onPhones(ctx, o.f, &o.phone, requestTimeout+o.length,
		func(ctx context.Context, info device.Info, phone device.Phone, err error) (any, string, error) {
			answer := viewed{SchemaVersion: device.SchemaVersion, Device: info.Ref(), Artifacts: []device.Artifact{}}
			name := nameFor(o.file, sel.All, info)
			create := func() (io.WriteCloser, error) {
				draft, err := files.Create(name, o.overwrite)
				if err != nil {
					return nil, files.Unwritable(name, err)
				}
				return &outputFile{draft, device.Artifact{Kind: kind, Path: name}, &answer.Artifacts}, nil
			}
			if err == nil {
				err = o.view(ctx, name, info, phone, do, create)
			}
			if err != nil {
				answer.Error = new(describe(err))
				return answer, "", err
			}
			return answer, o.f.Streams.Sprintf("saved %s", safe(name)), nil
		})
}

// view looks at one phone's screen, unless the file could not be written.
func (o *viewOptions) view(ctx context.Context, name string, info device.Info, phone device.Phone, do look,
	create func() (io.WriteCloser, error)) error {
	v, ok := device.As[device.Viewer](phone)
	if !ok {
		return device.Errorf(device.Refused, "the screen of phone %s can't be captured", info.Label()).
			WithHint("choose another phone with --device")
	}
	draft, err := files.Create(name, o.overwrite)
	if err != nil {
		return files.Unwritable(name, err)
	}
	draft.Discard()
	return do(ctx, o, v, create)
}
