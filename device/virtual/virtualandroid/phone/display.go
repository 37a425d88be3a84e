package phone

import (
	"context"
	"image"
	"io"
)

// A Display draws what the phone shows. screencap and screenrecord look at it.
type Display interface {
	// Picture is the screen as it is now, and PNG the same as a file.
	Picture() image.Image
	PNG() []byte
	// Film records the screen until the context ends, which is not an error,
	// and then writes the film. It has at least one frame.
	Film(ctx context.Context, w io.Writer) error
}

// SetDisplay sets what draws the screen.
func (p *Phone) SetDisplay(d Display) { p.mu.Lock(); p.display = d; p.mu.Unlock() }

// Display is what draws the screen.
func (p *Phone) Display() Display { p.mu.Lock(); defer p.mu.Unlock(); return p.display }

// The size of the screen in pixels, as wm size prints it.
const (
	Width  = 1080
	Height = 2400
)
