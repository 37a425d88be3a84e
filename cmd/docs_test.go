package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/device"
)

// TestExitCodePage compares the page with the table in code.
func TestExitCodePage(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "docs", "exit-codes.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range exit.Table() {
		if row := fmt.Sprintf("| %d | %s |\n", m.Code, m.Text); !strings.Contains(string(page), row) {
			t.Errorf("docs/exit-codes.md lacks the row %q", row)
		}
	}
}

// times are what differs between two runs of the same command.
var times = regexp.MustCompile(`\d+( ms| 毫秒)`)

// readmes are the READMEs, by the locale of their readers.
var readmes = map[string]string{"C.UTF-8": "README.md", "zh_CN.UTF-8": "README.zh-CN.md"}

// TestREADMERuns runs the first command of each README as it is written there
// and compares what it prints, except times, and the picture that it takes.
func TestREADMERuns(t *testing.T) {
	kept, err := filepath.Abs(filepath.Join("..", "docs", "first-share.png"))
	if err != nil {
		t.Fatal(err)
	}
	for locale, name := range readmes {
		t.Run(name, func(t *testing.T) { readmeRuns(t, name, locale, kept) })
	}
}

func readmeRuns(t *testing.T, name, locale, kept string) {
	name, err := filepath.Abs(filepath.Join("..", name))
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	before, block, ok := strings.Cut(string(page), "```console\n$ go run . ")
	if !ok {
		t.Fatal("the README's first block is not `$ go run . …`")
	}
	line, block, _ := strings.Cut(block, "\n")
	want, after, _ := strings.Cut(block, "```")
	f, out, errOut := testFactory(t, "", map[string]string{"LANG": locale})
	args, _ := shellWords(t, "wxctl "+line)
	t.Chdir(t.TempDir())
	// A user who thinks for long does not answer before the picture is taken.
	f.Phones = func(ctx context.Context, f *Factory, flags *phoneFlags, sel device.Selector) (*device.Fleet, func(), error) {
		options := maps.Clone(sel.Virtual.Options)
		if options == nil {
			options = url.Values{}
		}
		options.Set("think", "1h")
		sel.Virtual = &device.VirtualSpec{Platform: sel.Virtual.Platform, Options: options}
		return openPhones(ctx, f, flags, sel)
	}
	if code := Run(t.Context(), f, args); code != 0 {
		t.Fatalf("exit %d: %s", code, errOut())
	}
	if got := times.ReplaceAllString(out(), "1$1"); got != times.ReplaceAllString(want, "1$1") && *update {
		text := before + "```console\n$ go run . " + line + "\n" + times.ReplaceAllString(out(), "1$1") + "```" + after
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if got != times.ReplaceAllString(want, "1$1") {
		t.Errorf("it prints\n%s\nthe README says\n%s", out(), want)
	}
	picture, err := os.ReadFile("first.png")
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(kept, picture, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if shown, err := os.ReadFile(kept); err != nil || !bytes.Equal(shown, picture) {
		t.Errorf("docs/first-share.png is not what the command takes (%v): go test ./cmd -run TestREADMERuns -update", err)
	}
}

// TestFAQHeadings looks for each heading of the FAQ in the sources, so that a
// reader who pastes an error text finds its heading.
func TestFAQHeadings(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join("..", "docs", "faq.md"))
	if err != nil {
		t.Fatal(err)
	}
	var sources strings.Builder
	for _, dir := range []string{".", "internal", filepath.Join("..", "device"), filepath.Join("..", "intents"), filepath.Join("..", "oauth")} {
		err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			sources.Write(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	// A text that is split over several lines is one text for its reader.
	texts := regexp.MustCompile("[\"`] ?\\+\n\t*[\"`]").ReplaceAllString(sources.String(), "")
	headings := 0
	for line := range strings.SplitSeq(string(page), "\n") {
		heading, ok := strings.CutPrefix(line, "## ")
		if !ok {
			continue
		}
		headings++
		for part := range strings.SplitSeq(heading, "…") {
			if part = strings.Trim(part, " :"); part != "" && !strings.Contains(texts, part) {
				t.Errorf("no error contains %q, of the heading %q", part, heading)
			}
		}
	}
	if headings < 15 {
		t.Errorf("the FAQ has %d headings", headings)
	}
}

// TestChineseFAQ: both FAQs have the same headings, and the Chinese sentences
// below the headings of the Chinese one are wxctl's own.
func TestChineseFAQ(t *testing.T) {
	headings := func(text string) []string {
		var found []string
		for line := range strings.SplitSeq(text, "\n") {
			if strings.HasPrefix(line, "## ") {
				found = append(found, line)
			}
		}
		return found
	}
	chinese := page(t, filepath.Join("zh-CN", "faq.md"))
	have := headings(chinese)
	for _, h := range headings(page(t, "faq.md")) {
		if i := slices.Index(have, h); i >= 0 {
			have = slices.Delete(have, i, i+1)
		} else {
			t.Errorf("docs/zh-CN/faq.md lacks %q", h)
		}
	}
	for _, h := range have {
		t.Errorf("docs/faq.md lacks %q", h)
	}
	catalogue, err := os.ReadFile(filepath.Join("internal", "language", "zh.gotext.json"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(chinese, "\n") {
		sentence, ok := strings.CutPrefix(line, "> ")
		if !ok {
			continue
		}
		for part := range strings.SplitSeq(sentence, "…") {
			quoted, _ := json.Marshal(strings.TrimSpace(part))
			if !strings.Contains(string(catalogue), strings.Trim(string(quoted), `"`)) {
				t.Errorf("wxctl does not say %q, of %q", part, sentence)
			}
		}
	}
}
