package ios

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color/palette"
	"image/gif"
	_ "image/jpeg" // a WebDriverAgent may send either
	_ "image/png"
	"io"
	"time"

	"golang.org/x/image/draw"

	"github.com/wxctl/wxctl/device"
)

// Picture implements device.Viewer.
func (p *Phone) Picture(ctx context.Context) ([]byte, error) { return p.picture(ctx) }

// Film implements device.Viewer.
func (p *Phone) Film(ctx context.Context, length time.Duration, form func(device.FilmForm) error,
	create func() (io.WriteCloser, error)) error {
	f, err := p.startFilm(ctx, form)
	if err != nil {
		return err
	}
	timer := time.NewTimer(length)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	return errors.Join(ctx.Err(), f.stop(create))
}

// Over USB an iPhone only offers screenshots: a recording is a series of them,
// scaled down.
const (
	filmWidth = 390
	filmPause = 100 * time.Millisecond // between two pictures
	filmMost  = 3 * time.Minute        // what Android phones record at most
)

// film is a recording in progress.
type film struct {
	end  context.CancelFunc
	done chan struct{}
	made gif.GIF
	last time.Time // of the last frame
	err  error     // why it broke off
}

// startFilm starts a recording with a first picture, if form accepts the file
// format. It uses connections of its own.
func (p *Phone) startFilm(ctx context.Context, form func(device.FilmForm) error) (*film, error) {
	if err := form(device.FilmGIF); err != nil {
		return nil, err
	}
	camera := &Phone{Link: p.Link, info: p.info}
	f := &film{done: make(chan struct{})}
	first, err := camera.picture(ctx)
	if err == nil {
		err = f.add(first)
	}
	if err != nil {
		return nil, errors.Join(err, camera.openers.Close())
	}
	// It ends with stop, so that a cancelled delivery has a recording too.
	ctx, f.end = context.WithTimeout(context.WithoutCancel(ctx), filmMost)
	go func() {
		defer close(f.done)
		defer func() { _ = camera.openers.Close() }()
		for f.err == nil {
			select {
			case <-ctx.Done():
				return
			case <-time.After(filmPause):
			}
			picture, err := camera.picture(ctx)
			switch {
			case ctx.Err() != nil:
				return
			case err != nil:
				f.err = err
			default:
				f.err = f.add(picture)
			}
		}
	}()
	return f, nil
}

// maxFrame limits the pictures that frames are made from, in pixels: no phone's
// screen is larger.
const maxFrame = 32_000_000

func (f *film) add(encoded []byte) error {
	config, _, err := image.DecodeConfig(bytes.NewReader(encoded))
	if err != nil || config.Width <= 0 || config.Height <= 0 || config.Width*config.Height > maxFrame {
		return device.Errorf(device.ServerMisbehaved, "the iPhone sent a picture that can't be read (%d by %d pixels)",
			config.Width, config.Height)
	}
	picture, _, err := image.Decode(bytes.NewReader(encoded))
	if err != nil {
		return device.Errorf(device.ServerMisbehaved, "the iPhone sent a picture that can't be read: %w", err)
	}
	size := image.Rect(0, 0, filmWidth, max(1, config.Height*filmWidth/config.Width))
	small := image.NewRGBA(size)
	draw.ApproxBiLinear.Scale(small, size, picture, picture.Bounds(), draw.Src, nil)
	frame := image.NewPaletted(size, palette.Plan9)
	draw.FloydSteinberg.Draw(frame, size, small, image.Point{})
	f.hold(time.Now())
	f.made.Image = append(f.made.Image, frame)
	f.made.Delay = append(f.made.Delay, 1)
	return nil
}

// hold shows the last frame until now.
func (f *film) hold(now time.Time) {
	if n := len(f.made.Delay); n > 0 {
		f.made.Delay[n-1] = max(1, int(now.Sub(f.last)/(10*time.Millisecond)))
	}
	f.last = now
}

// stop ends the recording and writes it. After an error, the part up to the
// error is kept and the error is returned.
func (f *film) stop(create func() (io.WriteCloser, error)) error {
	f.end()
	<-f.done
	f.hold(time.Now())
	file, err := create()
	if err != nil {
		return device.Errorf(device.Failed, "the recording can't be written: %w", err)
	}
	return errors.Join(f.err, gif.EncodeAll(file, &f.made), file.Close())
}
