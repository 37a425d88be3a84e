package screen

import (
	"bytes"
	"flag"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
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
		"chooser":          {Kind: Chooser, Name: "Demo"},
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

// Goldens have a third of the size, to keep the repository small.
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
				// Letters may move a little with another version of the font
				// reader; a missing text or picture makes a much larger
				// difference.
				if d := distance(got, want); d > 0.3 {
					t.Errorf("it differs from %s by %.2f", file, d)
				}
			})
		}
	}
}

// The goldens differ enough that the test above can fail.
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

// Whatever a request contains is drawn, within the page.
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
		defer p.done()
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

// All pages use the same few colours, so that a film needs one palette.
func TestPalette(t *testing.T) {
	if n := len(palette()); n != 256 {
		t.Fatalf("%d colours", n)
	}
	for _, c := range []color.RGBA{black, white} {
		if palette()[nearest()[int(c.R>>3)<<10|int(c.G>>3)<<5|int(c.B>>3)]] != color.Color(c) {
			t.Errorf("%v is not in the palette", c)
		}
	}
}

// TestPicturesAtOnce: a picture allocates little more than its PNG, and a hundred
// that are requested at once are drawn by a few painters.
func TestPicturesAtOnce(t *testing.T) {
	all := pages(t)
	const own = 128 << 10 // bytes of one picture, and of its share of the fonts' caches
	n, each := 100, painterSize(androidGlass)
	forgotten := 0
	if info, ok := debug.ReadBuildInfo(); ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		n, forgotten = 20, 10*each // the race detector makes pools drop entries
	}
	most := uint64(n*own + cap(drawing)*each + forgotten)
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // so does the collector
	PNG(all["picker"], androidGlass)                 // fonts are read once
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { PNG(all[[]string{"picker", "consent"}[i%2]], androidGlass) })
	}
	wg.Wait()
	runtime.ReadMemStats(&after)
	got := after.TotalAlloc - before.TotalAlloc
	t.Logf("%d pictures allocate %d KB, %d painters", n, got>>10, cap(drawing))
	if got > most {
		t.Errorf("%d pictures allocate %d KB, at most %d", n, got>>10, most>>10)
	}
}

// painterSize is what a painter takes: colours, indices, the rasterizer's
// coverage of its largest shape, and what the encoder and the fonts keep.
func painterSize(g Glass) int { return g.Width*g.Height*(4+1) + 4<<20 }

// Nothing of a painter's previous screen is seen on the next one.
func TestPainterIsUsedAgain(t *testing.T) {
	all := pages(t)
	want := map[string][]byte{}
	for range 2 {
		for name, page := range all {
			for system, glass := range map[string]Glass{"android": {360, 800, 1, false}, "ios": {390, 844, 1, true}, "tiny": {90, 200, 1, false}} {
				got := PNG(page, glass)
				if before := want[name+system]; before != nil && !bytes.Equal(got, before) {
					t.Errorf("%s on %s is another picture the second time", name, system)
				}
				want[name+system] = got
			}
		}
	}
}

// BenchmarkPicture is one picture as a phone gives it.
func BenchmarkPicture(b *testing.B) {
	for system, glass := range map[string]Glass{"android": androidGlass, "ios": iphoneGlass} {
		for _, name := range []string{"picker", "moments-image", "consent"} {
			page := pages(b)[name]
			b.Run(system+"/"+name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					PNG(page, glass)
				}
			})
		}
	}
}

// BenchmarkHundredPictures is the time of a lab of a hundred phones whose
// pictures are asked for.
func BenchmarkHundredPictures(b *testing.B) {
	page := pages(b)["picker"]
	b.ReportAllocs()
	for b.Loop() {
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() { PNG(page, androidGlass) })
		}
		wg.Wait()
	}
}

// TestClean: characters without a shape are removed, and joined emoji are one.
func TestClean(t *testing.T) {
	for text, want := range map[string]string{
		"a\n\n b\tc":                     "a b c",
		"\u202eevil\u202c \u2066x\u2069": "evil x",
		"zero\u200bwidth\ufeff":          "zerowidth",
		"e\u0301":                        "e",
		"\x00\x1b[31mred":                "[31mred",
		"👨\u200d👩\u200d👧 👍🏽 ❤\ufe0f": "👨 👍 ❤",
		"👨\u200d":                    "👨",
		"क\u200dष":                   "कष",
		"\xff":                       "\ufffd",
		strings.Repeat("长", 100_000): strings.Repeat("长", longest),
	} {
		if got := string(clean(text)); got != want {
			t.Errorf("%.40q is drawn as %.40q, want %.40q", text, got, want)
		}
	}
	p := newPainter(Glass{360, 800, 1, false})
	defer p.done()
	fs := p.faces(style{size: 16})
	for _, r := range "Aé你間あ，😀👍❤🎉" {
		if fs.of(r) == nil {
			t.Errorf("no font has %c", r)
		}
	}
	if fs.of('ש') != nil {
		t.Error("a letter that no font has is drawn")
	}
}
