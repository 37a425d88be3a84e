package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wxctl/wxctl/device/check"
)

// TestNoDrift compares the committed pages with what the commands say now.
// Write them afresh with: go run ./docs/gen -markdown docs/reference -man docs/man
func TestNoDrift(t *testing.T) {
	dir := t.TempDir()
	if err := generate(filepath.Join(dir, "reference"), filepath.Join(dir, "man")); err != nil {
		t.Fatal(err)
	}
	kept, err := os.ReadFile("../doctor.md")
	if err != nil {
		t.Fatal(err)
	}
	page := doctorPage()
	if string(kept) != page {
		t.Error("docs/doctor.md is out of date")
	}
	for _, c := range check.Table() {
		if !strings.Contains(page, `<a id="`+c.ID+`"></a>`) {
			t.Errorf("%s has no heading in docs/doctor.md", c.ID)
		}
	}
	for _, part := range []string{"reference", "man"} {
		fresh := read(t, filepath.Join(dir, part))
		kept := read(t, filepath.Join("..", part))
		for name, text := range fresh {
			if kept[name] != text {
				t.Errorf("docs/%s/%s is out of date", part, name)
			}
			delete(kept, name)
		}
		for name := range kept {
			t.Errorf("docs/%s/%s belongs to no command", part, name)
		}
	}
}

func TestCompletions(t *testing.T) {
	dir := t.TempDir()
	if err := complete(dir); err != nil {
		t.Fatal(err)
	}
	for name, hook := range map[string]string{
		"wxctl.bash": "complete -o default -F __start_wxctl wxctl",
		"_wxctl":     "#compdef wxctl",
		"wxctl.fish": "complete -c wxctl",
	} {
		if text := read(t, dir)[name]; !strings.Contains(text, hook) {
			t.Errorf("%s lacks %q", name, hook)
		}
	}
}

func read(t *testing.T, dir string) map[string]string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	pages := map[string]string{}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		pages[e.Name()] = string(text)
	}
	return pages
}
