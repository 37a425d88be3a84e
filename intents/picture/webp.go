package picture

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/draw"

	"golang.org/x/image/webp"
)

// webpParts are the chunks of a WebP file that make up its picture, or the
// first frame of its animation (RFC 9649, section 2.7).
type webpParts struct {
	canvas, frame image.Rectangle
	alpha, image  []byte // with their chunk headers
	exif          []byte
	cut           bool
}

// webpChunks calls each for the chunks in b, as far as possible. The file size
// in the header is ignored.
func webpChunks(b []byte, each func(id string, body []byte)) (cut bool) {
	for len(b) >= 8 {
		id, size := string(b[:4]), int64(binary.LittleEndian.Uint32(b[4:]))
		body := b[8:]
		if size > int64(len(body)) {
			each(id, body)
			return true
		}
		each(id, body[:size])
		if size += size & 1; size > int64(len(body)) {
			return false
		}
		b = body[size:]
	}
	return false
}

func u24(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }

// partsOf finds the picture's parts.
func partsOf(b []byte) webpParts {
	var p webpParts
	frame := func(id string, body []byte) {
		switch {
		case id == "ALPH" && p.alpha == nil && p.image == nil:
			p.alpha = body
		case (id == "VP8 " || id == "VP8L") && p.image == nil:
			p.image = append([]byte(id), body...)
		}
	}
	p.cut = webpChunks(b[12:], func(id string, body []byte) {
		switch {
		case id == "VP8X" && len(body) >= 10:
			p.canvas = image.Rect(0, 0, u24(body[4:])+1, u24(body[7:])+1)
		case id == "ANMF" && len(body) >= 16 && p.image == nil:
			x, y := 2*u24(body), 2*u24(body[3:])
			p.frame = image.Rect(x, y, x+u24(body[6:])+1, y+u24(body[9:])+1)
			webpChunks(body[16:], frame)
		case id == "EXIF":
			p.exif = body
		default:
			frame(id, body)
		}
	})
	return p
}

// frameSize is the size in the image data (RFC 6386, section 9.1; RFC 9649,
// section 3.4).
func (p webpParts) frameSize() (width, height int) {
	id, body := string(p.image[:4]), p.image[4:]
	switch {
	case id == "VP8 " && len(body) >= 10:
		return int(binary.LittleEndian.Uint16(body[6:]) & 0x3fff), int(binary.LittleEndian.Uint16(body[8:]) & 0x3fff)
	case id == "VP8L" && len(body) >= 5:
		bits := binary.LittleEndian.Uint32(body[1:])
		return int(bits&0x3fff) + 1, int(bits>>14&0x3fff) + 1
	}
	return 0, 0
}

func readWebP(b []byte) (*Picture, error) {
	parts := partsOf(b)
	if len(parts.image) < 4 {
		return nil, notReadHere(WebP, nil, "%s is a WebP file without a picture")
	}
	width, height := parts.frameSize()
	if err := checkSize(WebP, width, height); err != nil {
		return nil, err
	}
	if err := checkSize(WebP, max(parts.canvas.Dx(), width), max(parts.canvas.Dy(), height)); err != nil {
		return nil, err
	}
	p := &Picture{Orientation: exifOrientation(parts.exif)}
	var err error
	if p.Image, err = webp.Decode(bytes.NewReader(parts.file(width, height, 0))); err != nil {
		// Padding for missing data decodes as something, so the available part
		// is shown.
		padding := width*height/2 + 4096
		if p.Image, err = webp.Decode(bytes.NewReader(parts.file(width, height, padding))); err != nil {
			parts.alpha = nil
			if p.Image, err = webp.Decode(bytes.NewReader(parts.file(width, height, padding))); err != nil {
				return nil, notReadHere(WebP, err, "%s is a WebP file that is damaged")
			}
		}
		p.Flaws = []string{flawCut}
	}
	widenRange(p.Image)
	// The frame of an animation may be smaller than the animation's canvas.
	if parts.frame.Empty() || parts.canvas.Empty() || p.Image.Bounds().Size() == parts.canvas.Size() {
		return p, nil
	}
	canvas := image.NewRGBA(parts.canvas)
	draw.Draw(canvas, p.Image.Bounds().Add(parts.frame.Min), p.Image, p.Image.Bounds().Min, draw.Over)
	p.Image = canvas
	return p, nil
}

// file writes the parts as a still picture, padded with zeros at its end.
func (p webpParts) file(width, height, padding int) []byte {
	var b bytes.Buffer
	b.WriteString("RIFF\x00\x00\x00\x00WEBP")
	chunk := func(id string, data ...[]byte) {
		size := 0
		for _, d := range data {
			size += len(d)
		}
		b.WriteString(id)
		binary.Write(&b, binary.LittleEndian, uint32(size))
		for _, d := range data {
			b.Write(d)
		}
		if size&1 == 1 {
			b.WriteByte(0)
		}
	}
	if p.alpha != nil && string(p.image[:4]) == "VP8 " {
		const hasAlpha = 0x10
		w, h := width-1, height-1
		chunk("VP8X", []byte{hasAlpha, 0, 0, 0, byte(w), byte(w >> 8), byte(w >> 16), byte(h), byte(h >> 8), byte(h >> 16)})
		chunk("ALPH", p.alpha)
	}
	chunk(string(p.image[:4]), p.image[4:], make([]byte, padding))
	out := b.Bytes()
	binary.LittleEndian.PutUint32(out[4:], uint32(len(out)-8))
	return out
}

// widenRange converts VP8's samples (16 to 235, as in television; RFC 6386,
// section 9.2, BT.601), which the decoder does not convert, to those of package
// image (0 to 255, as in JFIF).
func widenRange(m image.Image) {
	var planes *image.YCbCr
	switch m := m.(type) {
	case *image.YCbCr:
		planes = m
	case *image.NYCbCrA:
		planes = &m.YCbCr
	default:
		return
	}
	var luma, chroma [256]byte
	for i := range 256 {
		luma[i] = clampByte((float64(i) - 16) * 255 / 219)
		chroma[i] = clampByte((float64(i)-128)*255/224 + 128)
	}
	for _, plane := range []struct {
		samples []byte
		table   *[256]byte
	}{{planes.Y, &luma}, {planes.Cb, &chroma}, {planes.Cr, &chroma}} {
		for i, s := range plane.samples {
			plane.samples[i] = plane.table[s]
		}
	}
}

func clampByte(f float64) byte { return byte(min(max(f+0.5, 0), 255)) }
