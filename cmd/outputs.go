package cmd

import (
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/cmd/internal/files"
	"github.com/wxctl/wxctl/device"
)

// outputs are the files with pictures and recordings of a phone's screen.
// Pickers show real contacts, so only their owner can read them.
type outputs struct {
	screenshot, onFailure, record string
	overwrite                     bool
}

func (o *outputs) addFlags(flags *pflag.FlagSet) {
	flags.StringVar(&o.screenshot, "screenshot", "", "save a screenshot to `file` (may show real contacts)")
	flags.StringVar(&o.onFailure, "screenshot-on-failure", "", "save a screenshot to `file` if the command fails")
	flags.StringVar(&o.record, "record", "", "save a screen recording to `file` (may show real contacts)")
	flags.BoolVar(&o.overwrite, "overwrite", false, "replace files that are there already")
}

// any reports whether any such file is wanted.
func (o *outputs) any() bool { return o.screenshot != "" || o.onFailure != "" || o.record != "" }

// free returns an error, before anything is done, if a file could not be
// written in the end.
func (o *outputs) free(phones []device.Info, several bool) error {
	for _, phone := range phones {
		for _, name := range []string{o.screenshot, o.onFailure, o.record} {
			if name == "" {
				continue
			}
			name = nameFor(name, several, phone)
			draft, err := files.Create(name, o.overwrite)
			if err != nil {
				return files.Unwritable(name, err)
			}
			draft.Discard()
		}
	}
	return nil
}

// into makes a phone's hooks write the files, and adds those that were written
// to kept. end gets the result: the picture of a failure is kept only after
// one.
func (o *outputs) into(hooks *device.Hooks, phone device.Info, several bool, kept *[]device.Artifact) (end func(err error) error) {
	writer := func(kind, name string) func() (*outputFile, error) {
		return func() (*outputFile, error) {
			name := nameFor(name, several, phone)
			draft, err := files.Create(name, o.overwrite)
			if err != nil {
				return nil, files.Unwritable(name, err)
			}
			return &outputFile{draft, device.Artifact{Kind: kind, Path: name}, kept}, nil
		}
	}
	var failure *outputFile
	if o.screenshot != "" || o.onFailure != "" {
		hooks.Screenshot = func() (io.WriteCloser, error) {
			var p pictures
			var err error
			if o.screenshot != "" {
				p.file, err = writer("screenshot", o.screenshot)()
			}
			if o.onFailure != "" && err == nil {
				p.failure, err = writer("screenshot", o.onFailure)()
				failure = p.failure
			}
			return p, err
		}
	}
	if o.record != "" {
		hooks.Record = func() (io.WriteCloser, error) { return writer("recording", o.record)() }
		hooks.Film = func(form device.FilmForm) error { return filmNamed("--record "+o.record, o.record, form) }
	}
	return func(err error) error {
		switch {
		case failure == nil:
			return nil
		case err == nil:
			failure.Discard()
			return nil
		}
		return failure.Close()
	}
}

// pictures are the files for one screenshot: that of --screenshot, and that of
// a failure, which is not known yet; either may be nil.
type pictures struct{ file, failure *outputFile }

func (p pictures) Write(b []byte) (int, error) {
	for _, f := range []*outputFile{p.file, p.failure} {
		if f == nil {
			continue
		}
		if n, err := f.Write(b); err != nil {
			return n, err
		}
	}
	return len(b), nil
}

func (p pictures) Close() error {
	if p.file == nil {
		return nil
	}
	return p.file.Close()
}

// filmNamed refuses a name whose suffix doesn't match the format of the phone's
// recording.
func filmNamed(given, name string, form device.FilmForm) error {
	suffix := strings.ToLower(filepath.Ext(name))
	if isGIF := suffix == ".gif"; isGIF == (form == device.FilmGIF) {
		return nil
	}
	right := strings.TrimSuffix(name, filepath.Ext(name)) + "." + string(form)
	hint := "use a name with the suffix ." + string(form) + ", such as " + strconv.Quote(right)
	if form == device.FilmGIF {
		return exit.Usagef(hint, "%s: this phone records GIF videos", strconv.Quote(given))
	}
	return exit.Usagef(hint, "%s: this phone records MP4 videos", strconv.Quote(given))
}

// outputFile is a file of a phone that is listed once it is written.
type outputFile struct {
	*files.Draft
	artifact device.Artifact
	kept     *[]device.Artifact
}

func (f *outputFile) Close() error {
	kept := f.Kept()
	if err := f.Draft.Close(); err != nil {
		return files.Unwritable(f.artifact.Path, err)
	}
	if kept {
		*f.kept = append(*f.kept, f.artifact)
	}
	return nil
}

// nameFor is the name of a phone's file: with several phones each has its own,
// with the phone's ID before the suffix.
func nameFor(name string, several bool, phone device.Info) string {
	if !several {
		return name
	}
	id := phone.ID
	if phone.SharedID {
		id = phone.Key()
	}
	clean := strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\:*?"<>| `, r) || r < 0x20 || r == 0x7f {
			return '_'
		}
		return r
	}, id)
	ext := filepath.Ext(name)
	return strings.TrimSuffix(name, ext) + "-" + clean + ext
}
