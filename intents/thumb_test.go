package intents

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
	"golang.org/x/image/webp"
)

// scene paints a picture that compresses like a photograph: slow gradients
// with noise on them.
func scene(width, height int, noise int) *image.RGBA {
	random := rand.New(rand.NewPCG(1, 2))
	picture := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			n := 0
			if noise > 0 {
				n = random.IntN(noise)
			}
			at := picture.PixOffset(x, y)
			picture.Pix[at] = byte(x*200/width + n)
			picture.Pix[at+1] = byte(y*200/height + n)
			picture.Pix[at+2] = byte((x+y)*100/(width+height) + n)
			picture.Pix[at+3] = 0xff
		}
	}
	return picture
}

func encoded(t testing.TB, format string, picture image.Image) []byte {
	t.Helper()
	var buffer bytes.Buffer
	var err error
	switch format {
	case "jpeg":
		err = jpeg.Encode(&buffer, picture, &jpeg.Options{Quality: 95})
	case "png":
		err = png.Encode(&buffer, picture)
	case "gif":
		err = gif.Encode(&buffer, picture, nil)
	case "bmp":
		err = bmp.Encode(&buffer, picture)
	}
	if err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes()
}

func mustFit(t *testing.T, source []byte, limit int) (Thumb, image.Image) {
	t.Helper()
	thumb, err := Fit(source, limit)
	if err != nil {
		t.Fatal(err)
	}
	if len(thumb.Data) > limit {
		t.Fatalf("thumb has %d bytes, limit %d", len(thumb.Data), limit)
	}
	picture, err := jpeg.Decode(bytes.NewReader(thumb.Data))
	if err != nil {
		t.Fatalf("thumb is not a JPEG: %v", err)
	}
	if b := picture.Bounds(); b.Dx() != thumb.Width || b.Dy() != thumb.Height {
		t.Fatalf("thumb is %v, but says %dx%d", b, thumb.Width, thumb.Height)
	}
	return thumb, picture
}

func TestFitKeepsWhatFits(t *testing.T) {
	for _, source := range [][]byte{nil, {}, []byte("no picture at all"), make([]byte, ThumbLimit), []byte("\x00\x00\x00\x18ftypheic\x00\x00")} {
		thumb, err := Fit(source, ThumbLimit)
		if err != nil {
			t.Fatal(err)
		}
		if thumb.Scaled || !bytes.Equal(thumb.Data, source) || (len(source) > 0 && &thumb.Data[0] != &source[0]) {
			t.Errorf("source of %d bytes did not go out as it is: %+v", len(source), thumb)
		}
	}
}

func TestFitScalesEveryFormat(t *testing.T) {
	for _, format := range []string{"jpeg", "png", "gif", "bmp"} {
		for _, limit := range []int{ThumbLimitLarge, ThumbLimit, ThumbDocumented, 4096} {
			t.Run(fmt.Sprintf("%s/%d", format, limit), func(t *testing.T) {
				source := encoded(t, format, scene(600, 400, 60))
				thumb, _ := mustFit(t, source, limit)
				if !thumb.Scaled || thumb.Format != format || thumb.SourceWidth != 600 || thumb.SourceHeight != 400 || thumb.SourceBytes != len(source) {
					t.Errorf("thumb %s: %+v", thumb, thumb.Format)
				}
				if thumb.Width > 600 || thumb.Height > 400 {
					t.Errorf("scaled up to %dx%d", thumb.Width, thumb.Height)
				}
				if ratio := float64(thumb.Width) / float64(thumb.Height); ratio < 1.4 || ratio > 1.6 {
					t.Errorf("3:2 became %dx%d", thumb.Width, thumb.Height)
				}
				if len(thumb.Data) < limit/3 {
					t.Errorf("only %d of %d bytes used: %s", len(thumb.Data), limit, thumb)
				}
				if !strings.Contains(thumb.String(), "600x400 "+format) {
					t.Errorf("String: %s", thumb)
				}
			})
		}
	}
}

func TestFitReadsWebP(t *testing.T) {
	for _, name := range []string{"alpha-lossless", "alpha-lossy", "lossy"} {
		source, err := os.ReadFile(filepath.Join("testdata", "thumb", name+".webp"))
		if err != nil {
			t.Fatal(err)
		}
		// A limit just under the file forces a new JPEG.
		thumb, picture := mustFit(t, source, len(source)-1)
		if thumb.Format != "webp" || thumb.SourceWidth != 96 || thumb.SourceHeight != 64 {
			t.Errorf("%s: %s", name, thumb)
		}
		if strings.HasPrefix(name, "alpha") {
			near(t, name, picture.At(thumb.Width*3/4, thumb.Height/2), color.White)
		}
	}
}

func near(t *testing.T, what string, got, want color.Color) {
	t.Helper()
	r, g, b, _ := got.RGBA()
	wr, wg, wb, _ := want.RGBA()
	for _, pair := range [][2]uint32{{r, wr}, {g, wg}, {b, wb}} {
		if d := int(pair[0]>>8) - int(pair[1]>>8); d > 24 || d < -24 {
			t.Errorf("%s: colour %d,%d,%d, want about %d,%d,%d", what, r>>8, g>>8, b>>8, wr>>8, wg>>8, wb>>8)
			return
		}
	}
}

func TestFitFlattensAlphaOnWhite(t *testing.T) {
	for name, picture := range map[string]interface {
		image.Image
		Set(x, y int, c color.Color)
	}{
		"nrgba":    image.NewNRGBA(image.Rect(0, 0, 64, 64)),
		"rgba64":   image.NewRGBA64(image.Rect(0, 0, 64, 64)),
		"paletted": image.NewPaletted(image.Rect(0, 0, 64, 64), color.Palette{color.Transparent, color.NRGBA{255, 0, 0, 255}}),
	} {
		for y := range 64 {
			for x := range 32 {
				picture.Set(x, y, color.NRGBA{255, 0, 0, 255})
			}
		}
		// Bytes after the end of a PNG make it too large to be sent unchanged.
		source := append(encoded(t, "png", picture), make([]byte, 8192)...)
		_, out := mustFit(t, source, 4096)
		near(t, name+" left", out.At(8, 32), color.NRGBA{255, 0, 0, 255})
		near(t, name+" right", out.At(56, 32), color.White)
	}
}

func TestFitNeverScalesUp(t *testing.T) {
	for _, size := range []image.Point{{1, 1}, {1, 300}, {300, 1}, {50, 40}, {1024, 1024}, {5000, 2}} {
		source := append(encoded(t, "png", scene(size.X, size.Y, 0)), make([]byte, ThumbLimit)...)
		thumb, _ := mustFit(t, source, ThumbLimit)
		if thumb.Width > size.X || thumb.Height > size.Y || max(thumb.Width, thumb.Height) != min(800, max(size.X, size.Y)) {
			t.Errorf("%v became %dx%d", size, thumb.Width, thumb.Height)
		}
	}
}

// withOrientation puts an EXIF segment after the start of a JPEG.
func withOrientation(source []byte, order binary.AppendByteOrder, orientation uint16) []byte {
	magic := "II*\x00"
	if order == binary.AppendByteOrder(binary.BigEndian) {
		magic = "MM\x00*"
	}
	tiff := []byte(magic)
	tiff = order.AppendUint32(tiff, 8)
	tiff = order.AppendUint16(tiff, 2)
	for _, entry := range [][2]uint16{{0x010f, 7}, {0x0112, orientation}} {
		tiff = order.AppendUint16(tiff, entry[0])
		tiff = order.AppendUint16(tiff, 3)
		tiff = order.AppendUint32(tiff, 1)
		tiff = order.AppendUint16(tiff, entry[1])
		tiff = order.AppendUint16(tiff, 0)
	}
	segment := append([]byte("Exif\x00\x00"), tiff...)
	out := append([]byte{}, source[:2]...)
	out = append(out, 0xff, 0xe0, 0, 4, 'J', 'F') // another segment before it
	out = append(out, 0xff, 0xe1)
	out = binary.BigEndian.AppendUint16(out, uint16(len(segment)+2))
	out = append(out, segment...)
	return append(out, source[2:]...)
}

func TestFitTurnsByOrientation(t *testing.T) {
	red, green, blue, grey := color.RGBA{220, 20, 20, 255}, color.RGBA{20, 200, 20, 255}, color.RGBA{20, 20, 220, 255}, color.RGBA{128, 128, 128, 255}
	picture := image.NewRGBA(image.Rect(0, 0, 96, 64))
	for y := range 64 {
		for x := range 96 {
			quarter := []color.RGBA{red, green, blue, grey}[y/32*2+x/48]
			picture.SetRGBA(x, y, quarter)
		}
	}
	plain := append(encoded(t, "jpeg", picture), make([]byte, 8192)...)
	// Top left, top right, bottom left, bottom right of what the viewer sees
	// (Exif 2.32, table 6: which stored edge is the visual top and left).
	seen := map[uint16][4]color.RGBA{
		0: {red, green, blue, grey},
		1: {red, green, blue, grey},
		2: {green, red, grey, blue},
		3: {grey, blue, green, red},
		4: {blue, grey, red, green},
		5: {red, blue, green, grey},
		6: {blue, red, grey, green},
		7: {grey, green, blue, red},
		8: {green, grey, red, blue},
		9: {red, green, blue, grey},
	}
	for orientation, corners := range seen {
		for name, order := range map[string]binary.AppendByteOrder{"little": binary.LittleEndian, "big": binary.BigEndian} {
			thumb, out := mustFit(t, withOrientation(plain, order, orientation), 6000)
			width, height := 96, 64
			if orientation >= 5 && orientation <= 8 {
				width, height = height, width
			}
			if thumb.Width != width || thumb.Height != height {
				t.Errorf("orientation %d: %dx%d, want %dx%d", orientation, thumb.Width, thumb.Height, width, height)
			}
			for i, at := range []image.Point{{8, 8}, {width - 8, 8}, {8, height - 8}, {width - 8, height - 8}} {
				near(t, fmt.Sprintf("orientation %d %s corner %d", orientation, name, i), out.At(at.X, at.Y), corners[i])
			}
		}
	}
}

func bombs(t testing.TB) map[string][]byte {
	pad := func(header ...byte) []byte { return append(header, make([]byte, ThumbLimit+1)...) }
	chunk := []byte("IHDR\x00\x01\x00\x00\x00\x01\x00\x00\x08\x06\x00\x00\x00")
	pngHeader := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0d"), chunk...)
	pngHeader = binary.BigEndian.AppendUint32(pngHeader, crc32.ChecksumIEEE(chunk))
	small := encoded(t, "jpeg", scene(16, 16, 0))
	sof := bytes.Index(small, []byte{0xff, 0xc0})
	copy(small[sof+5:], []byte{0xff, 0xff, 0xff, 0xff})
	bitmap := encoded(t, "bmp", scene(16, 16, 0))
	binary.LittleEndian.PutUint32(bitmap[18:], 1<<20)
	binary.LittleEndian.PutUint32(bitmap[22:], 1<<20)
	lying, err := os.ReadFile(filepath.Join("testdata", "thumb", "alpha-lossless.webp"))
	if err != nil {
		t.Fatal(err)
	}
	frame := bytes.Index(lying, []byte("VP8L"))
	binary.LittleEndian.PutUint32(lying[frame+9:], 1<<28-1)
	extended := []byte("RIFF\xff\xff\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00\x07\x00\x00\x07\x00\x00")
	extended = append(extended, lying[frame:]...)
	return map[string][]byte{
		"png":                  pad(pngHeader...),
		"jpeg":                 pad(small...),
		"gif":                  pad([]byte("GIF89a\xff\xff\xff\xff\x00\x00\x00")...),
		"bmp":                  pad(bitmap...),
		"webp":                 pad(lying...),
		"webp small on canvas": pad(extended...),
	}
}

func TestFitRefusesBombsBeforeDecoding(t *testing.T) {
	for name, source := range bombs(t) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := Fit(source, ThumbLimit)
		runtime.ReadMemStats(&after)
		var refused *ThumbError
		if !errors.As(err, &refused) || !strings.Contains(refused.Reason, "megapixels") || refused.Hint == "" {
			t.Errorf("%s: error %v", name, err)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 4<<20 {
			t.Errorf("%s: refusing took %d bytes", name, used)
		}
	}
}

func TestFitRefusesWhatItCannotRead(t *testing.T) {
	long := make([]byte, ThumbLimit)
	for _, test := range []struct{ name, source, reason string }{
		{"heic", "\x00\x00\x00\x18ftypheic", "HEIC"},
		{"heif", "\x00\x00\x00\x18ftypmif1", "HEIC"},
		{"avif", "\x00\x00\x00\x18ftypavif", "AVIF"},
		{"text", "hello", "not a picture"},
		{"a page", "<html><body>404</body></html>", "not a picture"},
		{"drawing", "<svg xmlns=\"x\">", "SVG"},
		{"broken png", "\x89PNG\r\n\x1a\n", "PNG file whose header is damaged"},
		{"broken jpeg", "\xff\xd8\xff\xe0", "JPEG file that ends before its picture"},
		{"broken gif", "GIF89a", "GIF"},
		{"broken webp", "RIFF\x00\x00\x00\x00WEBPVP8 ", "WebP file"},
		{"broken bmp", "BM0000\x00\x00\x00\x00\x36\x00\x00\x00\x28\x00\x00\x00", "BMP"},
	} {
		thumb, err := Fit(append([]byte(test.source), long...), ThumbLimit)
		var refused *ThumbError
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), test.reason) {
			t.Errorf("%s: error %v", test.name, err)
		}
		if thumb.Data != nil {
			t.Errorf("%s: a thumb besides the error", test.name)
		}
	}
	source := encoded(t, "png", scene(64, 64, 99))
	if _, err := Fit(source, 20); err == nil || !strings.Contains(err.Error(), "20 bytes") {
		t.Errorf("limit 20: error %v", err)
	}
}

// The reduced picture must have the mean colours of the original, whatever the
// subsampling; otherwise thumbs would shift in colour.
func TestReduceKeepsColours(t *testing.T) {
	want := color.RGBA{180, 90, 40, 255}
	y, cb, cr := color.RGBToYCbCr(want.R, want.G, want.B)
	for ratio := image.YCbCrSubsampleRatio444; ratio <= image.YCbCrSubsampleRatio410; ratio++ {
		for _, bounds := range []image.Rectangle{image.Rect(0, 0, 333, 127), image.Rect(3, 5, 1500, 2101), image.Rect(0, 0, 1, 1)} {
			source := image.NewYCbCr(bounds, ratio)
			for i := range source.Y {
				source.Y[i] = y
			}
			for i := range source.Cb {
				source.Cb[i], source.Cr[i] = cb, cr
			}
			out := reduce(source, 100)
			if long := max(out.Rect.Dx(), out.Rect.Dy()); long >= 200 || long < min(100, max(bounds.Dx(), bounds.Dy())) {
				t.Errorf("%v %v reduced to %v", ratio, bounds, out.Rect)
			}
			near(t, fmt.Sprint(ratio, bounds), out.At(out.Rect.Dx()-1, out.Rect.Dy()-1), want)
		}
	}
}

func ExampleFit() {
	picture := image.NewGray(image.Rect(0, 0, 2000, 1000))
	var source bytes.Buffer
	if err := bmp.Encode(&source, picture); err != nil {
		panic(err)
	}
	thumb, err := Fit(source.Bytes(), ThumbLimit)
	if err != nil {
		panic(err)
	}
	fmt.Println(thumb.Width, thumb.Height, len(thumb.Data) <= ThumbLimit)
	fmt.Println(thumb.Scaled)
	// Output:
	// 800 400 true
	// true
}

func FuzzFit(f *testing.F) {
	for _, format := range []string{"jpeg", "png", "gif", "bmp"} {
		f.Add(encoded(f, format, scene(20, 12, 40)))
	}
	f.Add(withOrientation(encoded(f, "jpeg", scene(20, 12, 40)), binary.BigEndian, 6))
	for _, source := range bombs(f) {
		f.Add(source[:len(source)-ThumbLimit])
	}
	f.Fuzz(func(t *testing.T, source []byte) {
		const limit = 900
		if width, height := announced(source); width*height > 1<<20 {
			t.Skip("large, and refused or slow; the tests have those")
		}
		thumb, err := Fit(source, limit)
		if err != nil {
			return
		}
		if len(thumb.Data) > limit {
			t.Fatalf("%d bytes", len(thumb.Data))
		}
		if thumb.Scaled {
			if _, err := jpeg.Decode(bytes.NewReader(thumb.Data)); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// announced returns the pixels that a file's header announces.
func announced(source []byte) (width, height int) {
	for i := range min(len(source), 600) {
		for _, read := range []func(io.Reader) (image.Config, error){jpeg.DecodeConfig, png.DecodeConfig, gif.DecodeConfig, webp.DecodeConfig, bmp.DecodeConfig, tiff.DecodeConfig} {
			if config, err := read(bytes.NewReader(source[i:])); err == nil {
				width, height = max(width, config.Width), max(height, config.Height)
			}
		}
	}
	return width, height
}

// BenchmarkFit measures a 12-megapixel photograph on its way to 64 KiB. The
// limits are 400 ms and 150 MB; B/op counts all allocations, so it is above the
// peak.
func BenchmarkFit(b *testing.B) {
	picture := scene(4032, 3024, 24)
	for _, format := range []string{"jpeg", "png"} {
		source := encoded(b, format, picture)
		b.Run(format, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(source)))
			for b.Loop() {
				if _, err := Fit(source, ThumbLimit); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
