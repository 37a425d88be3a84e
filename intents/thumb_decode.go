package intents

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/bmp"
	"golang.org/x/image/webp"
)

// A picture is a decoded file.
type picture struct {
	image         image.Image
	format        string
	width, height int
	orientation   int // EXIF orientation, 1 to 8
}

// A pictureFormat is one file format that Fit reads. Formats are listed here
// instead of being registered with package image, so that what Fit reads does
// not depend on what else a program imports.
type pictureFormat struct {
	name   string
	is     func([]byte) bool
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
}

func pictureFormats() [5]pictureFormat {
	prefix := func(magic string) func([]byte) bool {
		return func(b []byte) bool { return bytes.HasPrefix(b, []byte(magic)) }
	}
	return [5]pictureFormat{
		{"jpeg", prefix("\xff\xd8\xff"), jpeg.DecodeConfig, jpeg.Decode},
		{"png", prefix("\x89PNG\r\n\x1a\n"), png.DecodeConfig, png.Decode},
		{"gif", prefix("GIF8"), gif.DecodeConfig, gif.Decode},
		{"webp", isWebP, webp.DecodeConfig, webp.Decode},
		{"bmp", prefix("BM"), bmp.DecodeConfig, bmp.Decode},
	}
}

func isWebP(b []byte) bool {
	return len(b) >= 12 && string(b[:4]) == "RIFF" && string(b[8:12]) == "WEBP"
}

// decodePicture reads a file after its header has shown that it is small
// enough to be read.
func decodePicture(source []byte) (*picture, error) {
	if name := isoBrand(source); name != "" {
		return nil, &ThumbError{
			Reason: fmt.Sprintf("the thumb is a %s picture, which neither wxctl nor every WeChat can read", name),
			Hint:   "convert it to JPEG or PNG first",
		}
	}
	for _, format := range pictureFormats() {
		if !format.is(source) {
			continue
		}
		config, err := format.config(bytes.NewReader(source))
		if err != nil {
			return nil, &ThumbError{Reason: "the thumb is a broken " + format.name + " file", Err: err}
		}
		width, height := config.Width, config.Height
		if format.name == "webp" {
			// The canvas in a VP8X header and the frame inside need not
			// agree, and it is the frame that gets decoded.
			w, h := webpFrame(source)
			width, height = max(width, w), max(height, h)
		}
		if width <= 0 || height <= 0 {
			return nil, &ThumbError{Reason: fmt.Sprintf("the thumb is a %s file with no pixels", format.name)}
		}
		if int64(width)*int64(height) > ThumbMaxPixels {
			return nil, &ThumbError{
				Reason: fmt.Sprintf("the thumb has %dx%d pixels; wxctl reads at most %d megapixels", width, height, ThumbMaxPixels/1_000_000),
				Hint:   "scale it down first",
			}
		}
		decoded, err := format.decode(bytes.NewReader(source))
		if err != nil {
			return nil, &ThumbError{Reason: "the thumb is a broken " + format.name + " file", Err: err}
		}
		p := &picture{image: decoded, format: format.name, width: decoded.Bounds().Dx(), height: decoded.Bounds().Dy(), orientation: 1}
		if p.width <= 0 || p.height <= 0 {
			return nil, &ThumbError{Reason: fmt.Sprintf("the thumb is a %s file with no pixels", format.name)}
		}
		if format.name == "jpeg" {
			p.orientation = exifOrientation(source)
		}
		return p, nil
	}
	return nil, &ThumbError{
		Reason: "the thumb is too large to be sent as it is and is no picture that wxctl can scale",
		Hint:   "give a JPEG, PNG, GIF, WebP or BMP file",
	}
}

// isoBrand names the picture format of an ISO base media file (ISO/IEC
// 23008-12, AV1 Image File Format), or returns "" for any other file.
func isoBrand(b []byte) string {
	if len(b) < 12 || string(b[4:8]) != "ftyp" {
		return ""
	}
	switch string(b[8:12]) {
	case "heic", "heix", "heim", "heis", "hevc", "hevx", "hevm", "hevs", "mif1", "msf1":
		return "HEIC"
	case "avif", "avis":
		return "AVIF"
	}
	return ""
}

// webpFrame returns the largest frame that the chunks of a WebP file announce
// (RFC 9649, section 2; RFC 6386, section 9.1), or zeros.
func webpFrame(b []byte) (width, height int) {
	for rest := b[12:]; len(rest) >= 8; {
		id, size := string(rest[:4]), int64(binary.LittleEndian.Uint32(rest[4:]))
		body := rest[8:]
		switch {
		case id == "VP8 " && len(body) >= 10:
			width = max(width, int(binary.LittleEndian.Uint16(body[6:])&0x3fff))
			height = max(height, int(binary.LittleEndian.Uint16(body[8:])&0x3fff))
		case id == "VP8L" && len(body) >= 5:
			bits := binary.LittleEndian.Uint32(body[1:])
			width = max(width, int(bits&0x3fff)+1)
			height = max(height, int(bits>>14&0x3fff)+1)
		}
		size += size & 1
		if size > int64(len(body)) {
			break
		}
		rest = body[size:]
	}
	return width, height
}

// exifOrientation returns the orientation (1 to 8) that a JPEG's EXIF segment
// gives, and 1 when it gives none (Exif 2.32, section 4.6.4, tag 0x0112).
func exifOrientation(b []byte) int {
	for at := 2; at+4 <= len(b) && b[at] == 0xff; {
		marker := b[at+1]
		if marker == 0xff { // fill byte
			at++
			continue
		}
		if marker == 0xda || marker == 0xd9 { // start of scan, end of image
			break
		}
		size := int(binary.BigEndian.Uint16(b[at+2:]))
		if size < 2 || at+2+size > len(b) {
			break
		}
		segment := b[at+4 : at+2+size]
		if marker == 0xe1 && bytes.HasPrefix(segment, []byte("Exif\x00\x00")) {
			return tiffOrientation(segment[6:])
		}
		at += 2 + size
	}
	return 1
}

func tiffOrientation(b []byte) int {
	if len(b) < 8 {
		return 1
	}
	var order binary.ByteOrder
	switch string(b[:4]) {
	case "II*\x00":
		order = binary.LittleEndian
	case "MM\x00*":
		order = binary.BigEndian
	default:
		return 1
	}
	at := int64(order.Uint32(b[4:]))
	if at+2 > int64(len(b)) {
		return 1
	}
	entries := b[at+2:]
	for range order.Uint16(b[at:]) {
		if len(entries) < 12 {
			break
		}
		const short = 3
		if order.Uint16(entries) == 0x0112 && order.Uint16(entries[2:]) == short {
			if value := int(order.Uint16(entries[8:])); value >= 1 && value <= 8 {
				return value
			}
			break
		}
		entries = entries[12:]
	}
	return 1
}
