package device

import (
	"context"
	"io"
	"time"
)

// Viewer is a Phone whose screen can be seen outside a request.
type Viewer interface {
	// Picture returns the current screen as a PNG file.
	Picture(ctx context.Context) ([]byte, error)
	// Film records the screen for a while, at most as long as the phone can.
	// form is called first with the format of the film, and may refuse it;
	// create opens the file once there is something to write.
	Film(ctx context.Context, length time.Duration, form func(FilmForm) error, create func() (io.WriteCloser, error)) error
}

// FilmForm is the file format of a phone's recording, by its usual suffix.
type FilmForm string

// The forms: Android phones record MP4; recordings of virtual phones, and those
// made from an iPhone's pictures, are animated GIFs.
const (
	FilmMP4 FilmForm = "mp4"
	FilmGIF FilmForm = "gif"
)

// FilmForm calls the job's hook with the format of the film; an error keeps the
// request from being sent.
func (d *Delivery) FilmForm(form FilmForm) error {
	if d.Job.Hooks.Film == nil {
		return nil
	}
	return d.Job.Hooks.Film(form)
}
