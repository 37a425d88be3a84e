package device

import (
	"context"
	"io"
	"time"
)

// A Viewer is a Phone whose screen can be seen outside a request.
type Viewer interface {
	// Picture is the screen as it is now, as a PNG file.
	Picture(ctx context.Context) ([]byte, error)
	// Film records the screen for a while, at most as long as the phone can. form
	// is asked before it begins whether it wants a film of that form; create
	// opens the file once there is something to write.
	Film(ctx context.Context, length time.Duration, form func(FilmForm) error, create func() (io.WriteCloser, error)) error
}

// FilmForm is the kind of file that a phone's film is, by its usual suffix.
type FilmForm string

// The forms: MP4 is what Android phones record; virtual phones, and what is made
// of an iPhone's pictures, are animated GIFs.
const (
	FilmMP4 FilmForm = "mp4"
	FilmGIF FilmForm = "gif"
)

// FilmForm tells the job's hook of which form the film will be: its error keeps
// the request from being sent.
func (d *Delivery) FilmForm(form FilmForm) error {
	if d.Job.Hooks.Film == nil {
		return nil
	}
	return d.Job.Hooks.Film(form)
}
