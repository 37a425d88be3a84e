package intents

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"math"
	"strings"

	"github.com/wxctl/wxctl/intents/picture"
)

// Sizes of a thumb in bytes.
const (
	// ThumbLimit is what the OpenSDK's checkArgs accepts for most requests.
	ThumbLimit = 65536
	// ThumbLimitLarge is what it accepts for a mini program card on Android
	// and for hdImageData on iOS.
	ThumbLimitLarge = 131072
	// ThumbDocumented is the older limit that Tencent's and APICloud's
	// documents still name. The SDK sends larger thumbs, but an old WeChat may
	// not show them, so exceeding it is only a warning.
	ThumbDocumented = 32768
)

// The search for a picture that fits starts at thumbSide pixels on the long
// side and stays between the two qualities as long as the picture is larger
// than thumbSmall: a smaller sharp thumb is worth more than a large smeared
// one, since WeChat shows it at a few hundred pixels.
const (
	thumbSide  = 800
	thumbSmall = 64
	qualityMax = 92
	qualityMin = 60
)

// Thumb is a picture in the form in which it is sent, and what was done to it.
type Thumb struct {
	// Data is the file to send. When the source fitted, it is the source's
	// own slice, byte for byte.
	Data []byte
	// Scaled reports whether Data is a new JPEG instead of the source.
	Scaled bool
	// Format names the source's format: "jpeg", "png", "gif", "webp", "bmp",
	// "tiff", or "" if the source fitted and was not decoded.
	Format string
	// SourceWidth and SourceHeight are the source's stored size in pixels,
	// before EXIF orientation; 0 if it was not decoded.
	SourceWidth, SourceHeight int
	// Width and Height (pixels) and Quality (1 to 100) are those of the new
	// JPEG; 0 if there is none.
	Width, Height, Quality int
	// SourceBytes is the source's size in bytes.
	SourceBytes int
	// Flaws describe what was wrong with the source and was tolerated.
	Flaws []string
}

// String says in one line what was done, without a full stop.
func (t Thumb) String() string {
	if !t.Scaled {
		return fmt.Sprintf("thumb sent as it is (%d bytes)", len(t.Data))
	}
	return fmt.Sprintf("thumb scaled from %dx%d %s (%d bytes) to %dx%d jpeg (%d bytes, quality %d)",
		t.SourceWidth, t.SourceHeight, t.Format, t.SourceBytes, t.Width, t.Height, len(t.Data), t.Quality)
}

// ThumbError says why a picture can't be made into a thumb.
type ThumbError struct {
	Reason string // one sentence without a full stop
	Hint   string // what to do about it, may be empty
	Err    error  // the decoder's own error, may be nil
}

func (e *ThumbError) Error() string {
	if e.Err != nil {
		return e.Reason + ": " + e.Err.Error()
	}
	return e.Reason
}

// Unwrap returns the decoder's own error.
func (e *ThumbError) Unwrap() error { return e.Err }

// Fit returns a thumb of at most limit bytes. A source that fits is returned
// as it is, whatever it holds. A larger one must be a picture that
// [picture.Read] reads; it becomes a JPEG that is never larger than the source
// in pixels, upright by the source's EXIF orientation, transparency flattened on
// white. The error is a *ThumbError.
func Fit(source []byte, limit int) (Thumb, error) {
	thumb := Thumb{Data: source, SourceBytes: len(source)}
	if len(source) <= limit {
		return thumb, nil
	}
	p, err := picture.Read(source)
	if unread := (*picture.Error)(nil); errors.As(err, &unread) {
		return Thumb{}, &ThumbError{Reason: unread.Of("the thumb"), Hint: unread.Hint, Err: unread.Err}
	}
	if err != nil {
		return Thumb{}, &ThumbError{Reason: "the thumb can't be read", Err: err}
	}
	thumb.Scaled, thumb.Flaws = true, p.Flaws
	thumb.Format = strings.ToLower(p.Format.Name)
	thumb.SourceWidth, thumb.SourceHeight = p.Width, p.Height
	small := upright(reduce(p.Image, thumbSide), p.Orientation)
	p.Image = nil // free the full picture before the search starts

	var search qualitySearch
	for side := thumbSide; ; {
		small = shrink(small, side)
		floor := qualityMin
		if max(small.Rect.Dx(), small.Rect.Dy()) <= thumbSmall {
			floor = 1
		}
		data, quality, least, err := search.best(small, floor, limit)
		if err != nil {
			return Thumb{}, &ThumbError{Reason: "the thumb could not be encoded", Err: err}
		}
		if data != nil {
			thumb.Data, thumb.Quality = data, quality
			thumb.Width, thumb.Height = small.Rect.Dx(), small.Rect.Dy()
			return thumb, nil
		}
		if floor == 1 && max(small.Rect.Dx(), small.Rect.Dy()) == 1 {
			return Thumb{}, &ThumbError{Reason: fmt.Sprintf("no JPEG fits into %d bytes", limit)}
		}
		// The size of a JPEG is roughly proportional to its area.
		factor := math.Sqrt(float64(limit) / float64(least))
		side = int(float64(max(small.Rect.Dx(), small.Rect.Dy())) * min(max(factor, 0.5), 0.9))
	}
}

// qualitySearch finds the best quality at which a picture fits. It reuses one
// buffer, since every result but the last is discarded.
type qualitySearch struct {
	buffer bytes.Buffer
}

// best returns the JPEG of the highest quality from floor to qualityMax, to
// within three steps, that has at most limit bytes. If there is none it returns
// nil and the size in bytes at the lowest quality.
func (s *qualitySearch) best(small *image.RGBA, floor, limit int) (data []byte, quality, least int, err error) {
	low, high := floor, qualityMax
	try := (low + high) / 2
	for low <= high && (data == nil || high-low >= 3) { // three steps of quality can't be distinguished by eye
		s.buffer.Reset()
		if err := jpeg.Encode(&s.buffer, small, &jpeg.Options{Quality: try}); err != nil {
			return nil, 0, 0, err
		}
		switch size := s.buffer.Len(); {
		case size <= limit:
			data, quality = append(data[:0], s.buffer.Bytes()...), try
			low = try + 1
		case try == floor:
			return nil, 0, size, nil
		default:
			high = try - 1
		}
		try = (low + high + 1) / 2
		if data == nil {
			try = floor // learn next whether this size can fit at all
		}
	}
	return data, quality, 0, nil
}
