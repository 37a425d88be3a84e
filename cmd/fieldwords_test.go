package cmd

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestFieldWords: code, comments, scripts and file names use the words of the
// field. [TestPlainWords] does the same, more strictly, for what wxctl prints.
func TestFieldWords(t *testing.T) {
	// Each pattern, and what to say instead. Go identifiers join words, so most
	// patterns match inside a word, too.
	bad := []struct {
		pattern *regexp.Regexp
		instead string
	}{
		{regexp.MustCompile(`(?i)stranger`), "independent client"},
		{regexp.MustCompile(`(?i)judge`), "reference implementation, check, test"},
		{regexp.MustCompile(`(?i)\bfences?\b`), "guard, limit"},
		{regexp.MustCompile(`(?i)\btwins?\b`), "counterpart"},
		{regexp.MustCompile(`(?i)nudge`), "prompt, wake"},
		{regexp.MustCompile(`(?i)\bhires?d?\b`), "start, lease"},
		{regexp.MustCompile(`(?i)\bmend(?:s|ed|ing)?\b`), "fix, repair"},
	}
	// Text that is about something else, by file.
	fine := map[string]string{
		"device/check/table.go":      "App twin", // Android's own name for a cloned app
		"device/check/check_test.go": `" mend "`, // refuses the word as well
		"cmd/words_test.go":          "",         // lists such words

		"cmd/fieldwords_test.go": "",
	}
	extensions := []string{".go", ".sh", ".java", ".py", ".mjs", ".js", ".rs", ".c", ".css", ".yml", ".yaml"}
	files := 0
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if slices.Contains([]string{".git", ".venv", "node_modules", "target", "testdata", "dist", "build"}, entry.Name()) {
				return filepath.SkipDir
			}
			return nil
		}
		name := filepath.ToSlash(strings.TrimPrefix(path, ".."+string(filepath.Separator)))
		script := filepath.Ext(path) == "" && entry.Type().IsRegular()
		if !script && !slices.Contains(extensions, filepath.Ext(path)) {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if script && !bytes.HasPrefix(text, []byte("#!")) {
			return nil
		}
		allowed, listed := fine[name]
		if listed && allowed == "" {
			return nil
		}
		files++
		for _, b := range bad {
			if found := b.pattern.FindString(name); found != "" {
				t.Errorf("the file name %s has %q; better: %s", name, found, b.instead)
			}
		}
		for i, line := range strings.Split(string(text), "\n") {
			if listed {
				line = strings.ReplaceAll(line, allowed, "")
			}
			for _, b := range bad {
				if found := b.pattern.FindString(line); found != "" {
					t.Errorf("%s:%d: %q; better: %s", name, i+1, found, b.instead)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 700 {
		t.Errorf("only %d files were found", files)
	}
}
