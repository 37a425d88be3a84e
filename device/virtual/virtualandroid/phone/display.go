package phone

import (
	"context"
	"image"
	"image/color"
	"image/gif"
	"io"
	"time"
)

// A Display draws what the phone shows. screencap and screenrecord look at it.
type Display interface {
	// Picture is the screen as it is now.
	Picture() image.Image
	// Film records the screen until the context ends, which is no error, and
	// writes the whole film then. It has one frame at least.
	Film(ctx context.Context, w io.Writer) error
}

// SetDisplay sets what draws the screen.
func (p *Phone) SetDisplay(d Display) { p.mu.Lock(); p.display = d; p.mu.Unlock() }

// Display is what draws the screen: a plain one, if none was set.
func (p *Phone) Display() Display {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.display == nil {
		return plain{p}
	}
	return p.display
}

// The size of the screen in pixels, as wm size says it.
const (
	Width  = 1080
	Height = 2400
)

// plain shows one colour, which tells whether the screen is on and whose it is.
type plain struct{ p *Phone }

// Picture implements Display.
func (d plain) Picture() image.Image { return d.picture(Width, Height) }

func (d plain) picture(width, height int) *image.Paletted {
	shade := color.Gray{Y: 0x30}
	top, ok := d.p.Top()
	switch {
	case d.p.Asleep():
		shade.Y = 0
	case d.p.Locked():
		shade.Y = 0x18
	case ok:
		shade.Y = 0x40 + uint8(top.UID%0x80)
	}
	return image.NewPaletted(image.Rect(0, 0, width, height), color.Palette{shade, color.White})
}

// Frames of a plain film: ten a second, of a ninth of the width and height.
const (
	frameTime = 100 * time.Millisecond
	shrink    = 9
)

// Film implements Display, with an animated GIF. A frame that is like the one
// before makes that one longer.
func (d plain) Film(ctx context.Context, w io.Writer) error {
	var film gif.GIF
	tick := time.NewTicker(frameTime)
	defer tick.Stop()
	for {
		frame := d.picture(Width/shrink, Height/shrink)
		last := len(film.Image) - 1
		if last >= 0 && film.Image[last].Palette[0] == frame.Palette[0] {
			film.Delay[last] += int(frameTime / (10 * time.Millisecond))
		} else {
			film.Image = append(film.Image, frame)
			film.Delay = append(film.Delay, int(frameTime/(10*time.Millisecond)))
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return gif.EncodeAll(w, &film)
		}
	}
}
