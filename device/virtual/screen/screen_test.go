package screen

import (
	"bytes"
	"flag"
	"image"
	"image/color"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/wxctl/wxctl/intents"
)

var update = flag.Bool("update", false, "write the pictures of testdata anew")

// The two screens of the virtual phones.
var (
	androidGlass = Glass{Width: 1080, Height: 2400, Scale: 3}
	iphoneGlass  = Glass{Width: 1170, Height: 2532, Scale: 3, Rounded: true}
)

// testPicture is a picture with colours in every corner.
func testPicture(t testing.TB, width, height int) []byte {
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			img.SetRGBA(x, y, color.RGBA{uint8(x * 255 / width), uint8(y * 255 / height), 0x80, 255})
		}
	}
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func pages(t testing.TB) map[string]Page {
	share := func(object intents.Object) intents.Share {
		return intents.Share{Message: intents.Message{Title: new("Hello 你好,世界"), Description: new("A page of the nightly build. 夜间构建的页面。"),
			Thumb: testPicture(t, 120, 120), Object: object}}
	}
	web := share(intents.Webpage{URL: new("https://example.com/nightly?run=42")})
	image := share(intents.Image{Data: testPicture(t, 800, 600)})
	program := share(intents.MiniProgram{UserName: new("gh_0123456789ab"), Path: new("pages/index?id=1"), WebpageURL: new("https://example.com")})
	return map[string]Page{
		"off": {Kind: Off}, "lock": {Kind: Lock}, "launching": {Kind: Launching}, "login": {Kind: Login}, "home": {Kind: WeChatHome},
		"launcher":         {Kind: Launcher, Name: "Demo", WeChat: "8.0.50"},
		"launcher-without": {Kind: Launcher, Name: "Demo"},
		"app":              {Kind: App, Name: "Demo", WeChat: "8.0.50"},
		"picker":           {Kind: Picker, Name: "Demo", WeChat: "8.0.50", Request: web},
		"confirm-program":  {Kind: Confirm, Name: "Demo", Request: program},
		"moments":          {Kind: MomentsEditor, Name: "Demo", Request: web},
		"moments-image":    {Kind: MomentsEditor, Name: "Demo", Request: image, Photos: PhotosOf(image, nil)},
		"favorites":        {Kind: Favorites, Name: "Demo", Request: web},
		"chat":             {Kind: Chat, Name: "Demo", Request: share(intents.Text{Text: new("Just a text 纯文本")})},
		"consent":          {Kind: Consent, Name: "Demo", Request: intents.Auth{Scope: new("snsapi_userinfo")}},
		"mini-program":     {Kind: MiniProgram, Name: "Demo", Request: intents.LaunchMiniProgram{UserName: new("gh_0123456789ab"), Path: new("pages/index")}},
		"subscribe":        {Kind: Subscribe, Name: "Demo", Request: intents.SubscribeMessage{TemplateID: new("FUkUbzUe8ZiR9N8CnVf2hMxRbXMBXFqfT9pR9lr9vno")}},
		"refusal":          {Kind: Refusal, Name: "Demo", Request: web, Note: `no certificate of "com.wxctl.demo" fits the signature registered for "wx0123456789abcdef"`},
	}
}

// distance is the mean difference of two pictures, 0 to 255 for each channel.
// The size must be the same.
func distance(a, b image.Image) float64 {
	r, sum := a.Bounds(), 0.0
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			ar, ag, ab, _ := a.At(x, y).RGBA()
			br, bg, bb, _ := b.At(x, y).RGBA()
			for _, d := range [3]int{int(ar>>8) - int(br>>8), int(ag>>8) - int(bg>>8), int(ab>>8) - int(bb>>8)} {
				sum += float64(max(d, -d))
			}
		}
	}
	return sum / float64(3*r.Dx()*r.Dy())
}

// Goldens are of a third of the size, for the repository's sake.
func TestGoldens(t *testing.T) {
	for name, page := range pages(t) {
		for system, glass := range map[string]Glass{"android": {360, 800, 1, false}, "ios": {390, 844, 1, true}} {
			t.Run(name+"-"+system, func(t *testing.T) {
				got := Draw(page, glass)
				file := filepath.Join("testdata", name+"-"+system+".png")
				if *update {
					var out bytes.Buffer
					if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, got); err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(file, out.Bytes(), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				text, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				want, err := png.Decode(bytes.NewReader(text))
				if err != nil {
					t.Fatal(err)
				}
				if got.Bounds() != want.Bounds() {
					t.Fatalf("size %v, want %v", got.Bounds(), want.Bounds())
				}
				// Letters may move by a hair with another version of the fonts'
				// reader; a missing text or picture is far above.
				if d := distance(got, want); d > 0.3 {
					t.Errorf("it differs from %s by %.2f", file, d)
				}
			})
		}
	}
}

// The goldens can tell pages apart: the test above can fail.
func TestGoldensDiffer(t *testing.T) {
	all, glass := pages(t), Glass{360, 800, 1, false}
	other := all["picker"]
	share := other.Request.(intents.Share)
	share.Message.Title = new("Another title")
	other.Request = share
	if d := distance(Draw(all["picker"], glass), Draw(other, glass)); d <= 0.3 {
		t.Errorf("another title changes the picture by %.2f only", d)
	}
}

// Whatever a request holds is drawn, within the page.
func TestHostile(t *testing.T) {
	long := strings.Repeat("长", 100_000) + "\u202e\u200d\x00\x1b[31m" + strings.Repeat("e\u0301", 1000) + "👨\u200d👩\u200d👧 العربية \xff"
	for _, text := range []string{long, "", "\n\n\n", strings.Repeat("a", 100_000)} {
		for _, kind := range []Kind{Picker, Confirm, MomentsEditor, Favorites, Chat, Consent, MiniProgram, Subscribe, Refusal, App, Launcher} {
			for _, request := range []intents.Request{
				nil,
				intents.Share{Message: intents.Message{Title: &text, Description: &text, Thumb: []byte(text), Object: intents.Webpage{URL: &text}}},
				intents.Share{Message: intents.Message{Object: intents.File{Path: &text}}},
				intents.Auth{Scope: &text}, intents.LaunchMiniProgram{UserName: &text, Path: &text}, intents.SubscribeMessage{TemplateID: &text},
			} {
				Draw(Page{Kind: kind, Name: text, Note: text, Request: request}, Glass{90, 200, 1, false})
			}
		}
	}
}

func FuzzText(f *testing.F) {
	f.Add("Hello 你好", 100, 2)
	f.Add("\u202eabc\u0301👍", 3, 1)
	f.Fuzz(func(t *testing.T, text string, width, most int) {
		width, most = width%2000, most%50
		p := newPainter(Glass{360, 800, 1, false})
		rows := p.lines(text, style{size: 16}, width, most)
		if len(rows) > max(most, 0) {
			t.Fatalf("%d lines, at most %d were asked for", len(rows), most)
		}
		for _, row := range rows {
			if w := p.width(row, style{size: 16}); w > width && len(row) > 2 {
				t.Errorf("a line of %d runes takes %d of %d pixels", len(row), w, width)
			}
		}
	})
}

// Every page has the same few colours, so that a film of it needs one palette.
func TestPalette(t *testing.T) {
	if n := len(Palette()); n != 256 {
		t.Fatalf("%d colours", n)
	}
	for _, c := range []color.RGBA{black, white} {
		if Palette()[nearest()[int(c.R>>3)<<10|int(c.G>>3)<<5|int(c.B>>3)]] != color.Color(c) {
			t.Errorf("%v is not in the palette", c)
		}
	}
}

func BenchmarkPicture(b *testing.B) {
	page := pages(b)["picker"]
	encoder := png.Encoder{CompressionLevel: png.BestSpeed}
	for b.Loop() {
		var out bytes.Buffer
		if err := encoder.Encode(&out, Draw(page, androidGlass)); err != nil {
			b.Fatal(err)
		}
	}
}

// TestPicturesInARow: pictures, as PNG, allocate little more than they are made
// of, since what they are drawn with is used again.
func TestPicturesInARow(t *testing.T) {
	all := pages(t)
	most := uint64(8 << 20) // each; 13 MB with a new canvas and rasterizer every time
	if info, ok := debug.ReadBuildInfo(); ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		most *= 2 // the race detector has pools forget
	}
	encoder := png.Encoder{CompressionLevel: png.BestSpeed}
	Draw(all["picker"], androidGlass) // fonts and canvases are made once
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	const n = 20
	for i := range n {
		if err := encoder.Encode(io.Discard, Draw(all[[]string{"picker", "consent"}[i%2]], androidGlass)); err != nil {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	if each := (after.TotalAlloc - before.TotalAlloc) / n; each > most {
		t.Errorf("a picture allocates %d KB, at most %d", each>>10, most>>10)
	}
}

// BenchmarkHundredPictures is the time of a lab of a hundred phones whose
// pictures are asked for.
func BenchmarkHundredPictures(b *testing.B) {
	page := pages(b)["picker"]
	encoder := png.Encoder{CompressionLevel: png.BestSpeed}
	b.ReportAllocs()
	for b.Loop() {
		for range 100 {
			if err := encoder.Encode(io.Discard, Draw(page, androidGlass)); err != nil {
				b.Fatal(err)
			}
		}
	}
}
