package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wxctl/wxctl/device/check"
)

// TestNoDrift compares the committed pages with the current commands. Generate
// them again with: go run ./docs/gen -markdown docs/reference -man docs/man
func TestNoDrift(t *testing.T) {
	dir := t.TempDir()
	if err := generate(filepath.Join(dir, "reference"), filepath.Join(dir, "man")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"doctor.md", "zh-CN/doctor.md"} {
		fresh, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if kept, err := os.ReadFile("../" + name); err != nil || string(kept) != string(fresh) {
			t.Errorf("docs/%s is out of date (%v)", name, err)
		}
		for _, c := range check.Table() {
			if !strings.Contains(string(fresh), `<a id="`+c.ID+`"></a>`) {
				t.Errorf("%s has no heading in docs/%s", c.ID, name)
			}
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
