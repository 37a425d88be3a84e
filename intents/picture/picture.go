// Package picture recognizes files by their bytes, and reads pictures as
// tolerantly as phones and browsers do: it reads the first frame of an
// animation, ignores checksums, accepts truncated files and reports the
// orientation that EXIF gives. The decoders are those of the standard library
// and golang.org/x/image. What they refuse is repaired first; for JPEG this
// package has its own decoder, since no maintained one in Go reads such files.
package picture

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/gif"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
)

// maxPixels is the largest picture that is read, as width times height. It
// leaves room for the 50-megapixel cameras of current phones and limits the
// memory that a hostile file can cost.
const maxPixels = 64_000_000

// Picture is a decoded file.
type Picture struct {
	Image  image.Image
	Format Format
	// Width and Height are the stored size in pixels, before Orientation (1 to
	// 8, from EXIF) is applied.
	Width, Height, Orientation int
	// Flaws describe what was wrong with the file and was tolerated: other
	// readers may be stricter.
	Flaws []string
}

// Error says why a picture can't be read here.
type Error struct {
	Format Format // zero if it is not known
	// Sentence says it as a format, with %s for the picture: "%s is empty".
	Sentence string
	Args     []any  // what else stands in the sentence
	Hint     string // what to do about it
	Err      error  // the decoder's own error, may be nil
}

// Of returns the sentence about a picture of that name.
func (e *Error) Of(name string) string {
	return fmt.Sprintf(e.Sentence, append([]any{name}, e.Args...)...)
}

func (e *Error) Error() string {
	if e.Err != nil {
		return e.Of("the picture") + ": " + e.Err.Error()
	}
	return e.Of("the picture")
}

// Unwrap returns the decoder's own error.
func (e *Error) Unwrap() error { return e.Err }

// Readable lists the formats that Read reads, for messages.
const Readable = "JPEG, PNG, GIF, WebP, BMP or TIFF"

// ToJPEG says how to convert a picture to a format that every reader accepts.
const ToJPEG = "convert it to JPEG first (macOS: sips -s format jpeg IN --out OUT.jpg; others: magick IN OUT.jpg)"

// notReadHere is the error for a format, or a variant of one, that has no
// decoder.
func notReadHere(f Format, err error, sentence string, args ...any) *Error {
	return &Error{Format: f, Sentence: sentence, Args: args, Hint: ToJPEG, Err: err}
}

// Read reads a picture of at most maxPixels. The error is an *Error.
func Read(b []byte) (*Picture, error) {
	f, ok := Sniff(b)
	if at := Junk(b); at > 0 {
		p, err := readFormat(f, b[at:])
		if err == nil {
			p.Flaws = append([]string{fmt.Sprintf("%d extra bytes come before its data", at)}, p.Flaws...)
		}
		return p, err
	}
	switch {
	case len(b) == 0:
		return nil, &Error{Sentence: "%s is empty", Hint: "give a " + Readable + " file"}
	case !ok:
		return nil, &Error{Sentence: "%s is not a picture in a known format", Hint: "give a " + Readable + " file"}
	case !f.Picture:
		return nil, &Error{Format: f, Sentence: "%s is a file of the type %s, not a picture", Args: []any{f.Name},
			Hint: "give a " + Readable + " file"}
	}
	return readFormat(f, b)
}

func readFormat(f Format, b []byte) (*Picture, error) {
	var p *Picture
	var err error
	switch f {
	case JPEG:
		p, err = readJPEG(b)
	case PNG:
		p, err = readPNG(b)
	case GIF:
		p, err = readGIF(b)
	case WebP:
		p, err = readWebP(b)
	case BMP:
		p, err = readBMP(b)
	case TIFF:
		p, err = readTIFF(b)
	default:
		return nil, notReadHere(f, nil, "%s is a picture of the format %s, which is not supported", f.Name)
	}
	if err != nil {
		return nil, err
	}
	p.Format = f
	p.Width, p.Height = p.Image.Bounds().Dx(), p.Image.Bounds().Dy()
	if p.Orientation == 0 {
		p.Orientation = 1
	}
	return p, checkSize(f, p.Width, p.Height)
}

// checkSize refuses pictures with no pixels or too many, before they are
// decoded.
func checkSize(f Format, width, height int) error {
	switch {
	case width <= 0 || height <= 0:
		return &Error{Format: f, Sentence: "%s is a %s file with no pixels", Args: []any{f.Name}, Hint: "give another picture"}
	case int64(width)*int64(height) > maxPixels:
		return &Error{
			Format: f, Sentence: "%s has %dx%d pixels; at most %d megapixels are supported",
			Args: []any{width, height, maxPixels / 1_000_000}, Hint: "scale it down first",
		}
	}
	return nil
}

func readGIF(b []byte) (*Picture, error) {
	config, err := gif.DecodeConfig(bytes.NewReader(b))
	if err != nil {
		return nil, notReadHere(GIF, err, "%s is a GIF file whose header is damaged")
	}
	if err := checkSize(GIF, config.Width, config.Height); err != nil {
		return nil, err
	}
	decoded, err := gif.Decode(bytes.NewReader(b))
	if err == nil {
		return &Picture{Image: decoded}, nil
	}
	repaired, flaw := repairGIF(b)
	if repaired == nil {
		return nil, notReadHere(GIF, err, "%s is a GIF file without a whole frame")
	}
	if config, err = gif.DecodeConfig(bytes.NewReader(repaired)); err == nil {
		if err := checkSize(GIF, config.Width, config.Height); err != nil {
			return nil, err
		}
		if decoded, err = gif.Decode(bytes.NewReader(repaired)); err == nil {
			return &Picture{Image: decoded, Flaws: []string{flaw}}, nil
		}
	}
	return nil, notReadHere(GIF, err, "%s is a GIF file without a whole frame")
}

// flawCut describes a truncated file.
const flawCut = "its end is missing"

func readBMP(b []byte) (*Picture, error) {
	config, err := bmp.DecodeConfig(bytes.NewReader(b))
	if err != nil {
		return nil, notReadHere(BMP, err, "%s is a BMP picture of a rare kind, which is not supported")
	}
	if err := checkSize(BMP, config.Width, config.Height); err != nil {
		return nil, err
	}
	p := &Picture{}
	if p.Image, err = bmp.Decode(bytes.NewReader(b)); err != nil && len(b) > 54 {
		// A row has at most four bytes a pixel.
		padded := append(bytes.Clone(b), make([]byte, min(4*(config.Width+1)*config.Height+2048, 4*maxPixels))...)
		p.Image, err = bmp.Decode(bytes.NewReader(padded))
		p.Flaws = []string{flawCut}
	}
	if err != nil {
		return nil, notReadHere(BMP, err, "%s is a BMP picture of a rare kind, which is not supported")
	}
	return p, nil
}

func readTIFF(b []byte) (*Picture, error) {
	config, err := tiff.DecodeConfig(bytes.NewReader(b))
	if err != nil {
		return nil, notReadHere(TIFF, err, "%s is a TIFF picture of a rare kind, which is not supported")
	}
	if err := checkSize(TIFF, config.Width, config.Height); err != nil {
		return nil, err
	}
	decoded, err := tiff.Decode(bytes.NewReader(b))
	if err != nil {
		return nil, notReadHere(TIFF, err, "%s is a TIFF picture of a rare kind, or one that is cut off")
	}
	return &Picture{Image: decoded, Orientation: tiffOrientation(b)}, nil
}

// be32 reads a big-endian number; 0 beyond the end.
func be32(b []byte, at int) int64 {
	if at < 0 || at+4 > len(b) {
		return 0
	}
	return int64(binary.BigEndian.Uint32(b[at:]))
}
