package android

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/android/agent"
)

// Picture implements device.Viewer.
func (p *Phone) Picture(ctx context.Context) ([]byte, error) {
	r, err := p.server.Run(ctx, target(p.info), "screencap -p", nil)
	if err != nil {
		return nil, err
	}
	if r.Exit != 0 || !strings.HasPrefix(string(r.Stdout), "\x89PNG") {
		return nil, device.Errorf(device.Failed, "the phone took no screenshot: it says %q", excerpt(string(r.Stderr)))
	}
	return r.Stdout, nil
}

// Film implements device.Viewer.
func (p *Phone) Film(ctx context.Context, length time.Duration, form func(device.FilmForm) error,
	create func() (io.WriteCloser, error)) error {
	c, err := p.startFilm(ctx, form)
	if err != nil {
		return err
	}
	timer := time.NewTimer(length)
	defer timer.Stop()
	select {
	case <-timer.C:
		return c.stop(ctx, create)
	case <-ctx.Done():
		c.abandon(ctx)
		return ctx.Err()
	}
}

// camera records the screen of a phone into a file on the phone.
type camera struct {
	phone *Phone
	shell *shell
	film  string // its path on the phone
}

// formProperty is set by virtual phones to the format of their recordings. Real
// phones don't have it.
const formProperty = "ro.wxctl.film"

// startFilm starts a recording, if form accepts the file format.
func (p *Phone) startFilm(ctx context.Context, form func(device.FilmForm) error) (*camera, error) {
	var tag [4]byte
	rand.Read(tag[:]) // never fails
	film := agent.Dir + "/" + agent.Prefix + "film-" + hex.EncodeToString(tag[:]) + ".mp4"
	// screenrecord only completes its file on SIGINT; closing its standard
	// input from our side triggers that.
	sh, err := p.server.openShell(ctx, target(p.info), fmt.Sprintf(
		"getprop %s; read go || exit; screenrecord --time-limit 170 %s & p=$!; read x; kill -2 $p; wait $p", formProperty, film))
	if err != nil {
		return nil, err
	}
	line, err := sh.line(ctx)
	if err == nil {
		err = form(filmForm(line))
	}
	if err == nil {
		err = sh.writeIn(ctx, []byte("go\n"))
	}
	if err != nil {
		sh.Close()
		return nil, err
	}
	return &camera{phone: p, shell: sh, film: film}, nil
}

func filmForm(said string) device.FilmForm {
	if said == string(device.FilmGIF) {
		return device.FilmGIF
	}
	return device.FilmMP4
}

// line reads the first line that a command prints, and discards what came with
// it.
func (s *shell) line(ctx context.Context) (string, error) {
	const most = 256
	var out []byte
	err := s.during(ctx, func() error {
		for !bytes.ContainsRune(out, '\n') && len(out) < most {
			if err := s.next(func(b []byte) { out = append(out, b...) }, func([]byte) {}); err != nil {
				return err
			}
		}
		return nil
	})
	first, _, _ := strings.Cut(string(out), "\n")
	return strings.TrimSpace(first), err
}

// stop ends the recording and fetches the file.
func (c *camera) stop(ctx context.Context, create func() (io.WriteCloser, error)) error {
	defer c.shell.Close()
	if err := c.shell.closeIn(ctx); err != nil {
		return err
	}
	said, err := c.shell.collect(ctx)
	if err != nil {
		return err
	}
	p, w := c.phone, &recording{create: create}
	err = p.server.Pull(ctx, target(p.info), c.film, w)
	if text := strings.TrimSpace(string(said.Stderr)); err != nil && w.file == nil && text != "" {
		err = device.Errorf(device.Failed, "the phone recorded nothing: it says %q", excerpt(text))
	}
	err = errors.Join(err, w.Close())
	_, rmErr := p.server.Run(ctx, target(p.info), "rm -f "+c.film, nil)
	return errors.Join(err, rmErr)
}

// abandon ends the recording and removes its file from the phone, as far as
// possible in the short time that is left.
func (c *camera) abandon(ctx context.Context) {
	c.shell.Close()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abandonTime)
	defer cancel()
	_, _ = c.phone.server.Run(ctx, target(c.phone.info), "rm -f "+c.film, nil)
}

// record films the screen until stopRecording.
func (d *delivery) record(ctx context.Context) (err error) {
	if d.Job.Hooks.Record != nil {
		d.camera, err = d.startFilm(ctx, d.FilmForm)
	}
	return err
}

// stopRecording ends the recording and fetches it.
func (d *delivery) stopRecording(ctx context.Context) error {
	if d.camera == nil {
		return nil
	}
	c := d.camera
	d.camera = nil
	return c.stop(ctx, d.Job.Hooks.Record)
}

// recording is a file that is created when the first bytes arrive: without a
// recording there is no file.
type recording struct {
	create func() (io.WriteCloser, error)
	file   io.WriteCloser
}

func (r *recording) Write(b []byte) (int, error) {
	if r.file == nil {
		file, err := r.create()
		if err != nil {
			return 0, device.Errorf(device.Failed, "the recording can't be written: %w", err)
		}
		r.file = file
	}
	return r.file.Write(b)
}

func (r *recording) Close() error {
	if r.file == nil {
		return nil
	}
	return r.file.Close()
}
