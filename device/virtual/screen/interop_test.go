package screen

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/gif"
	"image/png"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/wxctl/wxctl/fixtures/tier"
)

func save(t *testing.T, picture image.Image) string {
	file := filepath.Join(t.TempDir(), "picture.png")
	var out bytes.Buffer
	if err := png.Encode(&out, picture); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// Tesseract, an independent program, reads what a page shows.
func TestTesseract(t *testing.T) {
	program := tier.Need(t, "pictures", "tesseract")[0]
	all := pages(t)
	tests := []struct {
		page string
		want []string
	}{
		{"picker", []string{"Choose a chat", "Hello", "你好", "example.com/nightly", "夜间构建的页面"}},
		{"moments", []string{"Moments", "Hello", "example.com/nightly"}},
		{"consent", []string{"Demo", "snsapi_userinfo"}},
		{"mini-program", []string{"gh_0123456789ab", "pages/index"}},
		{"launcher-without", []string{"WeChat is not installed"}},
		{"refusal", []string{"The request was refused", "signature registered"}},
		{"login", []string{"Log in to WeChat"}},
	}
	for _, test := range tests {
		for name, glass := range map[string]Glass{"android": androidGlass, "ios": iphoneGlass} {
			t.Run(test.page+"-"+name, func(t *testing.T) {
				out, err := exec.CommandContext(t.Context(), program, save(t, Draw(all[test.page], glass)), "-", "-l", "eng+chi_sim", "--psm", "11").Output()
				if err != nil {
					t.Fatal(err)
				}
				// Tesseract adds blanks between Chinese characters.
				read := strings.Join(strings.Fields(string(out)), "")
				for _, want := range test.want {
					if !strings.Contains(read, strings.Join(strings.Fields(want), "")) {
						t.Errorf("it reads no %q in:\n%s", want, out)
					}
				}
			})
		}
	}
}

// Chromium shows the live page, and a film.
func TestChromium(t *testing.T) {
	program := tier.Need(t, "pictures", "chromium")[0]
	shot := func(url string) image.Image {
		t.Helper()
		dir := t.TempDir()
		file := filepath.Join(dir, "shot.png")
		cmd := exec.CommandContext(t.Context(), program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
			"--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--window-size=500,900",
			"--user-data-dir="+filepath.Join(dir, "profile"), "--virtual-time-budget=3000", "--screenshot="+file, url)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		img, err := png.Decode(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		return img
	}
	// has reports whether a part of the page has a colour.
	has := func(img image.Image, want color.RGBA) bool {
		n := 0
		for y := img.Bounds().Min.Y; y < img.Bounds().Max.Y; y++ {
			for x := img.Bounds().Min.X; x < img.Bounds().Max.X; x++ {
				r, g, b, _ := img.At(x, y).RGBA()
				if near(r>>8, want.R) && near(g>>8, want.G) && near(b>>8, want.B) {
					n++
				}
			}
		}
		return n > 500
	}
	all, now := pages(t), atomic.Pointer[Page]{}
	show := func(name string) { page := all[name]; now.Store(&page) }
	show("lock")
	server := httptest.NewServer(Web("secret", []Shown{{"virtual-1", func() []byte { return PNG(*now.Load(), androidGlass) }}}))
	defer server.Close()
	dark := palette()[nearest()[int(night.R>>3)<<10|int(night.G>>3)<<5|int(night.B>>3)]].(color.RGBA)
	button := palette()[nearest()[int(accent.R>>3)<<10|int(accent.G>>3)<<5|int(accent.B>>3)]].(color.RGBA)
	if img := shot(server.URL + "/secret/"); !has(img, dark) || has(img, button) {
		t.Error("the page shows no lock screen")
	}
	show("picker")
	if img := shot(server.URL + "/secret/"); has(img, dark) || !has(img, button) {
		t.Error("the page shows no picker")
	}

	var film bytes.Buffer
	ctx, cancel := context.WithCancel(t.Context())
	frames := 0
	err := Film(ctx, &film, func() *image.Paletted {
		if frames++; frames == 2 {
			cancel()
		}
		return Draw(all[[]string{"lock", "picker"}[frames-1]], Glass{360, 800, 1, false})
	})
	if err != nil {
		t.Fatal(err)
	}
	if g, err := gif.DecodeAll(bytes.NewReader(film.Bytes())); err != nil || len(g.Image) != 2 {
		t.Fatalf("a film of two pages: %v", err)
	}
	file := filepath.Join(t.TempDir(), "film.gif")
	if err := os.WriteFile(file, film.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if img := shot("file://" + file); !has(img, button) && !has(img, dark) {
		t.Error("the film does not play")
	}
}

func near(a uint32, b uint8) bool { return max(int(a)-int(b), int(b)-int(a)) < 12 }
