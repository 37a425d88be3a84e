package report

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/wxctl/wxctl/intents/suite"
)

// pageOf writes the page and returns it with the data in it.
func pageOf(t testing.TB, sources ...Source) (string, pageData) {
	t.Helper()
	var b bytes.Buffer
	if err := HTML(&b, sources); err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(b.String(), `<script type="application/json" id="data">`)
	text, _, ends := strings.Cut(rest, "</script>")
	if !ok || !ends {
		t.Fatal("no data in the page")
	}
	var data pageData
	if err := json.Unmarshal([]byte(text), &data); err != nil {
		t.Fatal(err)
	}
	return b.String(), data
}

func TestHTML(t *testing.T) {
	source := sample(t)
	text, data := pageOf(t, source)
	if len(data.Results) != len(source.Run.Results) || len(data.Phones) != 3 || len(data.Cases) != 4 {
		t.Errorf("%d results, %d phones, %d cases", len(data.Results), len(data.Phones), len(data.Cases))
	}
	if strings.Count(text, "<script") != 2 || strings.Count(text, "</script>") != 2 || unsafeText(text) {
		t.Error("hostile text was not escaped")
	}
	for _, outside := range []string{"http:", "https:", "src=\"/", "@import", "url("} {
		if strings.Contains(text, outside) {
			t.Errorf("the page asks for something: %s", outside)
		}
	}
	if !strings.Contains(text, `content="default-src &#39;none&#39;; script-src &#39;sha256-`) ||
		!strings.Contains(text, pageJS) || !strings.Contains(text, pageCSS) {
		t.Error("the policy, the script or the style is not as it was")
	}
	if !strings.Contains(text, `"dir":"./runs/1/artifacts/a%20page/"`) {
		t.Error("no folder of the files")
	}
	var files []pageFile
	for _, r := range data.Results {
		for _, a := range r.Attempts {
			files = append(files, a.Files...)
		}
	}
	want := []pageFile{
		{"screenshot", "screen.png", "", 1}, // in ./runs/1/artifacts/a%20page/
		{"log", "", "./runs/1/artifacts/javascript:alert%281%29/log.txt", 0},
		{"log", "", "", 0},
	}
	if len(files) != len(want) {
		t.Fatalf("%v", files)
	}
	for i := range want {
		if files[i] != want[i] {
			t.Errorf("%+v, want %+v", files[i], want[i])
		}
	}
	small, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(data.Pictures[0], "data:image/jpeg;base64,"))
	if err != nil {
		t.Fatal(err)
	}
	if c, form, err := image.DecodeConfig(bytes.NewReader(small)); err != nil || form != "jpeg" || c.Width != 540 || c.Height != 1200 {
		t.Errorf("%s %d x %d, %v", form, c.Width, c.Height, err)
	}
}

// TestAlbum: a file that is not a picture, or is too large, or for which there
// is no room, is only linked.
func TestAlbum(t *testing.T) {
	files := fstest.MapFS{
		"a.png":   {Data: picture(t, 600, 900)},
		"b.png":   {Data: picture(t, 600, 900)},
		"c.png":   {Data: picture(t, 300, 900)},
		"bad.png": {Data: []byte("\x89PNG\r\n\x1a\nno")},
		// Only a header, which says 100000 x 100000.
		"bomb.png": {Data: append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"),
			0, 1, 0x86, 0xa0, 0, 1, 0x86, 0xa0, 8, 0, 0, 0, 0, 0x1c, 0x68, 0xd4, 0x54)},
	}
	a := newAlbum(maxPictures)
	add := func(name, mime string) int { return a.add(files, suite.Artifact{Path: name, MIME: mime}) }
	for _, tt := range []struct {
		name, mime string
		want       int
	}{
		{"a.png", "image/png", 1}, {"b.png", "image/png", 1}, {"c.png", "image/png", 2}, {"a.png", "text/plain", 0},
		{"bad.png", "image/png", 0},
		{"bomb.png", "image/png", 0}, {"absent.png", "image/png", 0}, {"../a.png", "image/png", 0},
	} {
		if got := add(tt.name, tt.mime); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
	a = newAlbum(100)
	if got := add("a.png", "image/png"); got != 0 || len(a.urls) != 0 {
		t.Errorf("%d pictures were added without room", len(a.urls))
	}
	if a.add(nil, suite.Artifact{Path: "a.png", MIME: "image/png"}) != 0 {
		t.Error("a picture without a source")
	}
}

// TestHTMLSize: the page of ten thousand results can be sent by mail.
func TestHTMLSize(t *testing.T) {
	text, data := pageOf(t, many(t, 500, 20))
	if len(data.Results) != 10_000 || len(text) > 5<<20 {
		t.Errorf("%d results in %d bytes", len(data.Results), len(text))
	}
}

// TestHTMLOfManyResults: 10,000 results, of which each tenth failed with an
// Outcome, make a page of less than 5 MB, and little is allocated for it.
func TestHTMLOfManyResults(t *testing.T) {
	plan := &suite.Plan{Name: "nightly", File: "nightly.yaml"}
	var phones []suite.Phone
	for i := range 10 {
		phones = append(phones, suite.Phone{ID: fmt.Sprintf("R5CT%04d", i), Name: fmt.Sprintf("Galaxy S%d", 20+i), Platform: "android"})
	}
	for i := range 1000 {
		plan.Cases = append(plan.Cases, suite.Case{Name: fmt.Sprintf("case %d of the suite of each night", i), Tags: []string{"share"}})
	}
	var s script
	s.start(plan, phones...)
	outcome := json.RawMessage(`{"state":"opened","differences":["` + strings.Repeat("x", 1200) + `"]}`)
	for i, c := range plan.Cases {
		for _, p := range phones {
			end := suite.End{Status: suite.Passed, Sent: true}
			if i%10 == 0 {
				end = suite.End{Status: suite.Failed, Outcome: outcome, Problems: []suite.Problem{{File: "nightly.yaml", Line: 6, Column: 13,
					Message: "state is opened, want replied", Hint: "look at the picture"}}}
			}
			s.attempt(c.Name, p.ID, 1, end)
		}
	}
	s.events = append(s.events, suite.Event{Type: suite.RunFinished, Summary: &suite.Summary{DurationMs: 4200, ExitCode: 5}})
	source := Source{Run: folded(t, s.events...), Link: "runs/1"}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var page bytes.Buffer
	if err := HTML(&page, []Source{source}); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if page.Len() > 5_000_000 {
		t.Errorf("%d bytes", page.Len())
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > 150<<20 {
		t.Errorf("%d MB allocated", n>>20)
	} else {
		t.Logf("%d KB, %d MB allocated", page.Len()>>10, n>>20)
	}
}
