package screen

import (
	"bytes"
	"context"
	"image"
	"image/gif"
	"io"
	"time"
)

// Frames of a film: ten a second at most, and as many as a film of three
// minutes has.
const (
	frameTime = 100 * time.Millisecond
	mostTicks = int(3 * time.Minute / frameTime)
)

// Film records what show draws until the context ends, which is not an error,
// and writes it as an animated GIF. A frame that equals the previous one
// extends it; there is at least one frame.
func Film(ctx context.Context, w io.Writer, show func() *image.Paletted) error {
	var film gif.GIF
	tick := time.NewTicker(frameTime)
	defer tick.Stop()
	for range mostTicks {
		frame := show()
		last := len(film.Image) - 1
		if last >= 0 && bytes.Equal(film.Image[last].Pix, frame.Pix) {
			film.Delay[last] += int(frameTime / (10 * time.Millisecond))
		} else {
			film.Image = append(film.Image, frame)
			film.Delay = append(film.Delay, int(frameTime/(10*time.Millisecond)))
		}
		select {
		case <-tick.C:
			if ctx.Err() == nil { // both may be ready
				continue
			}
		case <-ctx.Done():
		}
		break
	}
	return gif.EncodeAll(w, &film)
}
