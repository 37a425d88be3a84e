package language

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the catalogue anew: add what is missing, untranslated, and drop what is not said")

// file is the catalogue as it is written.
type file struct {
	Language string    `json:"language"`
	Messages []Message `json:"messages"`
}

func readFile(t *testing.T) file {
	t.Helper()
	var f file
	if err := json.Unmarshal(chinese, &f); err != nil {
		t.Fatal(err)
	}
	return f
}

// TestCatalogueComplete compares the catalogue with the source: every sentence
// has a translation, and every translation has a sentence.
func TestCatalogueComplete(t *testing.T) {
	have := map[string]string{}
	for _, m := range readFile(t).Messages {
		if _, twice := have[m.ID]; twice {
			t.Errorf("%q is there twice", m.ID)
		}
		have[m.ID] = m.Translation
	}
	var messages []Message
	missing := 0
	for _, s := range sentencesOf(t) {
		if slices.Contains(unread, s.id) {
			continue
		}
		translation, ok := have[s.id]
		messages = append(messages, Message{s.id, translation})
		if !ok || translation == "" {
			missing++
			if !*update {
				t.Errorf("%s: no Chinese for %q; go test ./cmd/internal/language -update adds it to zh.gotext.json, without its translation",
					s.where, s.id)
			}
		}
		delete(have, s.id)
	}
	if *update {
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", " ")
		if err := enc.Encode(file{"zh-Hans", messages}); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile("zh.gotext.json", b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		t.Logf("%d sentences, %d without a translation", len(messages), missing)
		return
	}
	for id := range have {
		t.Errorf("%q is not used; go test ./cmd/internal/language -update removes it", id)
	}
}

// TestPlaceholders: a translation has the same values as the English sentence,
// each once.
func TestPlaceholders(t *testing.T) {
	for _, m := range readFile(t).Messages {
		if m.Translation == "" {
			continue
		}
		english, translated := newFormat(m.ID), newFormat(m.Translation)
		if got, want := indexes(translated), indexes(english); !slices.Equal(got, want) {
			t.Errorf("%q has the values %v, %q has %v", m.ID, want, m.Translation, got)
		}
		if strings.Count(m.ID, "`") != strings.Count(m.Translation, "`") {
			t.Errorf("%q and %q differ in what they quote as code", m.ID, m.Translation)
		}
	}
}

func indexes(f *format) []int {
	var list []int
	for _, v := range f.verbs {
		list = append(list, v.index)
	}
	slices.Sort(list)
	return list
}

// TestEverySentenceIsFound prints each format with values and looks that up:
// the result is the translation with the same values.
func TestEverySentenceIsFound(t *testing.T) {
	c, err := Load(Chinese)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range readFile(t).Messages {
		f := newFormat(m.ID)
		if m.Translation == "" || len(f.verbs) > 0 && !f.specific() {
			continue
		}
		english, values := m.ID, make([]string, len(f.verbs))
		for i, v := range f.verbs {
			switch v.kind {
			case 'q':
				values[v.index] = fmt.Sprintf(`"value \"%d\""`, i)
			case 'd':
				values[v.index] = fmt.Sprint(100 + i)
			default:
				values[v.index] = fmt.Sprintf("Xx%dxX", i)
			}
		}
		if len(f.verbs) > 0 {
			english = fill(m.ID, values)
		}
		want := m.Translation
		if len(f.verbs) > 0 {
			want = fill(m.Translation, values)
		}
		if got := c.Text(english); got != want {
			t.Errorf("%q: got %q, want %q", english, got, want)
		}
	}
}
