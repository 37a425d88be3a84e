package picture

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
)

const field = "../../fixtures/field/img"

func fieldFile(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(field, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestFieldPictures: each kind of picture that users reported shows its content
// (green above, red to the left, blue to the right), the right way up.
func TestFieldPictures(t *testing.T) {
	const perfect = ""
	for name, tt := range map[string]struct {
		format      Format
		orientation int
		flaw        string
	}{
		"plain.jpg": {JPEG, 1, perfect}, "jpg-named.png": {JPEG, 1, perfect}, "x.jpg_large": {JPEG, 1, perfect}, "IMG_0001": {JPEG, 1, perfect},
		"exif6.jpg": {JPEG, 6, perfect}, "exif6-long.jpg": {JPEG, 6, perfect}, "exif6-byte-mm.jpg": {JPEG, 6, perfect},
		"exif8-slong.jpg": {JPEG, 8, perfect}, "exif3-sshort-mm.jpg": {JPEG, 3, perfect},
		"exif6.webp": {WebP, 6, perfect}, "exif6-named.webp": {WebP, 6, perfect}, "exif6.png": {PNG, 6, perfect}, "exif6.tif": {TIFF, 6, perfect},
		"sub-3x1.jpg": {JPEG, 1, perfect}, "sub-1x4.jpg": {JPEG, 1, perfect}, "sub-4x1.jpg": {JPEG, 1, perfect},
		"sub-1x1-2x2-1x1.jpg": {JPEG, 1, perfect}, "sub-2x2-1x2-2x1.jpg": {JPEG, 1, perfect}, "sub-1x2-2x1-1x1.jpg": {JPEG, 1, perfect},
		"leading-crlf.jpg":       {JPEG, 1, "2 extra bytes come before"},
		"leading-bom-notice.jpg": {JPEG, 1, "extra bytes come before"},
		"leading-space.png":      {PNG, 1, "2 extra bytes"},
		"cut.jpg":                {JPEG, 1, flawCut},
		"cut-at-marker.jpg":      {JPEG, 1, flawCut},
		"cut-progressive.jpg":    {JPEG, 1, flawCut},
		"no-eoi.jpg":             {JPEG, 1, flawCut},
		"damaged-restart.jpg":    {JPEG, 1, flawDamaged},
		"trailing.jpg":           {JPEG, 1, perfect},
		"cmyk.jpg":               {JPEG, 1, perfect},
		"mpo.jpg":                {JPEG, 1, perfect},
		"bad-iccp-crc.png":       {PNG, 1, "checksums"}, "bad-text-crc.png": {PNG, 1, "checksums"}, "bad-idat-crc.png": {PNG, 1, "checksums"},
		"bad-adler.png":        {PNG, 1, "checksums"},
		"extra-idat.png":       {PNG, 1, "checksums"},
		"cut.png":              {PNG, 1, flawCut},
		"cgbi.png":             {PNG, 1, "iPhones"},
		"palette.png":          {PNG, 1, perfect},
		"anim.webp":            {WebP, 1, perfect},
		"anim-lossless.webp":   {WebP, 1, perfect},
		"cut.webp":             {WebP, 1, flawCut},
		"wrong-riff-size.webp": {WebP, 1, perfect}, "anim.gif": {GIF, 1, perfect}, "cut.gif": {GIF, 1, flawCut}, "big.bmp": {BMP, 1, perfect},
		"cut.bmp": {BMP, 1, flawCut},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := Read(fieldFile(t, name))
			if err != nil {
				t.Fatal(err)
			}
			if p.Format != tt.format || p.Orientation != tt.orientation || p.Width != 60 || p.Height != 40 {
				t.Errorf("%s %dx%d, orientation %d", p.Format.Name, p.Width, p.Height, p.Orientation)
			}
			if flaws := strings.Join(p.Flaws, "; "); (tt.flaw == perfect) != (flaws == "") || !strings.Contains(flaws, tt.flaw) || tt.flaw == flawCut && strings.Contains(flaws, flawDamaged) {
				t.Errorf("flaws %q, want %q", flaws, tt.flaw)
			}
			for at, want := range map[image.Point]color.RGBA{{30, 4}: {40, 200, 40, 255}, {10, 20}: {200, 40, 40, 255}, {50, 20}: {40, 40, 200, 255}} {
				if strings.HasPrefix(name, "cut.bmp") && at.Y < 10 {
					continue // BMP begins below
				}
				near(t, p.Image, at, want)
			}
		})
	}
}

// near compares the mean of a few pixels.
func near(t *testing.T, m image.Image, at image.Point, want color.RGBA) {
	t.Helper()
	var sum [3]int
	const side = 6
	for y := range side {
		for x := range side {
			c, _ := color.RGBAModel.Convert(m.At(m.Bounds().Min.X+at.X-3+x, m.Bounds().Min.Y+at.Y-3+y)).(color.RGBA)
			sum[0], sum[1], sum[2] = sum[0]+int(c.R), sum[1]+int(c.G), sum[2]+int(c.B)
		}
	}
	for i, w := range []uint8{want.R, want.G, want.B} {
		if got := sum[i] / (side * side); got < int(w)-24 || got > int(w)+24 {
			t.Errorf("at %v the mean is %d %d %d, want %v", at, sum[0]/36, sum[1]/36, sum[2]/36, want)
			return
		}
	}
}

// TestUnread: the format of a picture that can't be read is named, and it is
// not called damaged; the hint says what to do.
func TestUnread(t *testing.T) {
	for name, want := range map[string]string{
		"small.heic": "a picture of the format HEIC, which is not supported", "small.avif": "picture of the format AVIF, which is not supported",
		"svg.svg": "picture of the format SVG, which is not supported", "html.jpg": "is a file of the type HTML, not a picture",
		"zero.jpg": "is empty", "text.png": "not a picture in a known format", "arithmetic.jpg": "not supported",
	} {
		_, err := Read(fieldFile(t, name))
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(e.Error(), want) || e.Hint == "" || strings.Contains(e.Error(), "broken") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"small.heic", "small.avif"} {
		if _, err := Read(fieldFile(t, name)); !strings.Contains(err.(*Error).Hint, "convert it to JPEG") {
			t.Errorf("%s: the hint does not say how to convert", name)
		}
	}
}

// TestSniff: names don't matter, and neither does the operating system.
func TestSniff(t *testing.T) {
	for name, want := range map[string][3]string{
		"plain.jpg":        {"image/jpeg", "jpg", "images/media"},
		"jpg-named.png":    {"image/jpeg", "jpg", "images/media"},
		"IMG_0001":         {"image/jpeg", "jpg", "images/media"},
		"x.jpg_large":      {"image/jpeg", "jpg", "images/media"},
		"exif6.png":        {"image/png", "png", "images/media"},
		"anim.gif":         {"image/gif", "gif", "images/media"},
		"anim.webp":        {"image/webp", "webp", "images/media"},
		"big.bmp":          {"image/bmp", "bmp", "images/media"},
		"exif6.tif":        {"image/tiff", "tif", "images/media"},
		"small.heic":       {"image/heic", "heic", "images/media"},
		"small.avif":       {"image/avif", "avif", "images/media"},
		"leading-crlf.jpg": {"image/jpeg", "jpg", "images/media"},
		"svg.svg":          {"image/svg+xml", "svg", "file"}, "html.jpg": {"text/html", "html", "file"},
	} {
		f, ok := Sniff(fieldFile(t, name))
		if got := [3]string{f.MIME, f.Ext, Collection(f.MIME)}; !ok || got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
	for text, want := range map[string]string{
		"\x00\x00\x00\x1cftypmif1\x00\x00\x00\x00mif1avifmiaf": "image/avif", "\x00\x00\x00\x1cftypmif1\x00\x00\x00\x00mif1heicmiaf": "image/heic",
		"\x00\x00\x00\x18ftypisom\x00\x00\x00\x00isomavc1": "video/mp4", "ID3\x04" + strings.Repeat("\x00", 20) + "\xff\xd8\xff\xe0": "audio/mpeg",
		"%PDF-1.7": "application/pdf", "\xff\x0a": "image/jxl",
	} {
		if f, _ := Sniff([]byte(text)); f.MIME != want {
			t.Errorf("%q: %s, want %s", text, f.MIME, want)
		}
	}
	for _, text := range []string{"", "BM and more text than a header", "RIFF1234AVI ", "a\x00\x01\xff\xd8\xff", "GIF8"} {
		if f, ok := Sniff([]byte(text)); ok {
			t.Errorf("%q: %s", text, f.Name)
		}
	}
	for name, want := range map[string]string{"a.docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "a.zip": "application/zip", "a": "application/zip"} {
		if got := MIMEOf(name, []byte("PK\x03\x04")); got != want {
			t.Errorf("%s: %s", name, got)
		}
	}
	if got := MIMEOf("a.txt", []byte("hello")); got != "text/plain" {
		t.Error(got)
	}
	if got := MIMEOf("a.txt", fieldFile(t, "plain.jpg")); got != "image/jpeg" {
		t.Error(got)
	}
}

// TestOwnDecoder compares the JPEG decoder of this package with the standard
// library's, on files that both read.
func TestOwnDecoder(t *testing.T) {
	for _, name := range []string{"plain.jpg", "exif6.jpg", "sub-4x1.jpg", "cmyk.jpg", "gray.jpg", "mpo.jpg", "trailing.jpg"} {
		b := fieldFile(t, name)
		want, err := jpeg.Decode(bytes.NewReader(b))
		if err != nil {
			t.Fatal(name, err)
		}
		got, _, err := (&jpegDecoder{data: b, adobe: -1}).decode()
		if err != nil || got.Bounds() != want.Bounds() {
			t.Fatal(name, err)
		}
		for y := range want.Bounds().Dy() {
			for x := range want.Bounds().Dx() {
				r, g, b, _ := want.At(x, y).RGBA()
				r2, g2, b2, _ := got.At(x, y).RGBA()
				for _, d := range []int{int(r>>8) - int(r2>>8), int(g>>8) - int(g2>>8), int(b>>8) - int(b2>>8)} {
					if d < -4 || d > 4 {
						t.Fatalf("%s: at %d,%d %v, want %v", name, x, y, got.At(x, y), want.At(x, y))
					}
				}
			}
		}
	}
}

// TestBounds: a picture with no pixels, or too many, is refused before it is
// decoded.
func TestBounds(t *testing.T) {
	var gifFile, pngFile bytes.Buffer
	if err := errors.Join(gif.Encode(&gifFile, image.NewPaletted(image.Rect(0, 0, 1, 1), color.Palette{color.Black}), nil), png.Encode(&pngFile, image.NewGray(image.Rect(0, 0, 1, 1)))); err != nil {
		t.Fatal(err)
	}
	huge := pngFile.Bytes()
	copy(huge[16:], "\x7f\xff\xff\xff\x7f\xff\xff\xff")
	sof := bytes.Clone(fieldFile(t, "sub-3x1.jpg"))
	copy(sof[bytes.Index(sof, []byte{0xff, 0xc0})+5:], "\xff\xff\xff\xff")
	frame := bytes.Clone(gifFile.Bytes())
	copy(frame[6:], "\xff\xff\xff\xff")
	for name, b := range map[string][]byte{"PNG": huge, "JPEG": sof, "GIF": frame} {
		if _, err := Read(b); err == nil || !strings.Contains(err.Error(), "megapixels") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzRead: no file makes it panic, and what it reads has pixels.
func FuzzRead(f *testing.F) {
	files, err := os.ReadDir(field)
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		if b := fieldFile(f, file.Name()); len(b) < 6000 {
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if large(b) {
			t.Skip("large, and refused or slow")
		}
		p, err := Read(b)
		var e *Error
		switch {
		case err != nil && !errors.As(err, &e):
			t.Fatalf("%T", err)
		case err == nil && (p.Image.Bounds().Empty() || p.Orientation < 1 || p.Orientation > 8):
			t.Fatalf("%+v", p)
		}
	})
}

// large reports whether a file announces more pixels than a fuzzer has time for.
func large(b []byte) bool {
	const most = 1 << 18
	for i := range min(len(b), maxJunk) {
		rest := b[i:]
		for _, read := range []func() (image.Config, error){
			func() (image.Config, error) { return png.DecodeConfig(bytes.NewReader(rest)) },
			func() (image.Config, error) { return gif.DecodeConfig(bytes.NewReader(rest)) },
			func() (image.Config, error) { return bmp.DecodeConfig(bytes.NewReader(rest)) },
			func() (image.Config, error) { return tiff.DecodeConfig(bytes.NewReader(rest)) },
		} {
			if c, err := read(); err == nil && c.Width*c.Height > most {
				return true
			}
		}
		if magic(0, "\xff\xd8\xff")(rest) {
			if w, h := (&jpegDecoder{data: rest}).size(); w*h > most {
				return true
			}
		}
		if magic(0, "RIFF")(rest) && len(rest) > 12 {
			if p := partsOf(rest); len(p.image) > 4 {
				if w, h := p.frameSize(); max(w, p.canvas.Dx())*max(h, p.canvas.Dy()) > most {
					return true
				}
			}
		}
		if magic(0, "\x89PNG")(rest) && be32(rest, 16)*be32(rest, 20) > most {
			return true
		}
	}
	return false
}
