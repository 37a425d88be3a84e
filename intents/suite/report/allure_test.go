package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/wxctl/wxctl/intents/suite"
)

// allureOf is the folder of results: the texts of its files by their names, in
// the order in which they came.
func allureOf(t testing.TB, sources ...Source) (names []string, files map[string]string) {
	t.Helper()
	files = map[string]string{}
	err := Allure(sources, func(name string, content io.Reader) error {
		text, err := io.ReadAll(content)
		if _, twice := files[name]; twice {
			return fmt.Errorf("%s comes twice", name)
		}
		names, files[name] = append(names, name), string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names, files
}

func TestAllure(t *testing.T) {
	names, files := allureOf(t, sample(t))
	var all strings.Builder
	for _, name := range names {
		if !fs.ValidPath(name) || strings.Contains(name, "/") {
			t.Errorf("a file outside the folder: %q", name)
		}
		if !strings.HasSuffix(name, "-result.json") {
			all.WriteString(name + "\n")
			continue
		}
		fmt.Fprintf(&all, "%s:\n%s", name, files[name])
		var result allureResult
		if err := json.Unmarshal([]byte(files[name]), &result); err != nil {
			t.Fatal(err)
		}
		if result.UUID+"-result.json" != name {
			t.Errorf("%s has the UUID %s", name, result.UUID)
		}
		for _, f := range result.Attachments {
			if _, ok := files[f.Source]; !ok {
				t.Errorf("%s lacks the file %s", name, f.Source)
			}
		}
	}
	golden(t, "allure.txt", all.String())
	if unsafeText(all.String()) || strings.Contains(all.String(), `\u001b`) {
		t.Error("hostile text was not escaped")
	}
}

// TestAllureHistory: attempts of one case on one phone, and of one case that
// runs on any phone, are retries of each other, and all others are not.
func TestAllureHistory(t *testing.T) {
	plan := &suite.Plan{Name: "s", File: "s.yaml", Cases: []suite.Case{{Name: "each"}, {Name: "any", On: suite.On{Any: true}}}}
	var s script
	s.start(plan, suite.Phone{ID: "A"}, suite.Phone{ID: "B"})
	s.attempt("each", "A", 1, suite.End{Status: suite.Errored})
	s.attempt("each", "A", 2, suite.End{Status: suite.Passed})
	s.attempt("each", "B", 1, suite.End{Status: suite.Passed})
	s.attempt("any", "A", 1, suite.End{Status: suite.Errored})
	s.attempt("any", "B", 2, suite.End{Status: suite.Failed})
	names, files := allureOf(t, Source{Run: folded(t, s.events...)})
	last := map[string]allureResult{}
	uuids := map[string]bool{}
	for _, name := range names {
		var r allureResult
		if err := json.Unmarshal([]byte(files[name]), &r); err != nil {
			t.Fatal(err)
		}
		if before := last[r.HistoryID]; before.Start >= r.Start {
			t.Errorf("%s begins before the attempt before it", name)
		}
		last[r.HistoryID], uuids[r.UUID] = r, true
	}
	var got []string
	for _, r := range last {
		got = append(got, string(r.Name)+" "+r.Status)
	}
	slices.Sort(got)
	want := []string{"any [B] failed", "each [A] passed", "each [B] passed"}
	if !slices.Equal(got, want) || len(uuids) != 5 {
		t.Errorf("%q of %d UUIDs, want %q of 5", got, len(uuids), want)
	}
}

// TestAllureFiles: only regular files of the run folder are copied, and of a
// name only a plain extension is used.
func TestAllureFiles(t *testing.T) {
	var s script
	s.start(&suite.Plan{Name: "s", Cases: []suite.Case{{Name: "c"}}}, suite.Phone{ID: "A"})
	var artifacts []suite.Artifact
	for _, name := range []string{"a/log.txt", "a/x.p g", "a/.hidden-name-too-long", "a", "a/absent.png", "../a/log.txt"} {
		artifacts = append(artifacts, suite.Artifact{Path: name, MIME: "text/plain"})
	}
	s.attempt("c", "A", 1, suite.End{Status: suite.Passed}, artifacts...)
	source := Source{Run: folded(t, s.events...), Files: fstest.MapFS{
		"a/log.txt": {Data: []byte("log")}, "a/x.p g": {Data: []byte("x")}, "a/.hidden-name-too-long": {},
	}}
	names, files := allureOf(t, source)
	var kinds []string
	for _, name := range names {
		_, kind, _ := strings.Cut(name, "-attachment")
		kinds = append(kinds, kind+"="+files[name])
	}
	if want := []string{".txt=log", "=x", "="}; len(kinds) != 4 || !slices.Equal(kinds[:3], want) {
		t.Errorf("%q, want %q and a result", kinds, want)
	}
	full := errors.New("the disk is full")
	for _, end := range []string{"-attachment.txt", "-result.json"} {
		err := Allure([]Source{source}, func(name string, _ io.Reader) error {
			if path.Ext(name) == path.Ext(end) && strings.HasSuffix(name, end) {
				return full
			}
			return nil
		})
		if !errors.Is(err, full) {
			t.Errorf("%s: %v", end, err)
		}
	}
}
