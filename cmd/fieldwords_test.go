package cmd

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestFieldWords: code, comments, scripts, pages and file names use the words of
// the field, in plain English. [TestPlainWords] does the same, more strictly, for
// what wxctl prints.
func TestFieldWords(t *testing.T) {
	t.Parallel()
	// Each pattern, and what to say instead. Go identifiers join words, so most
	// patterns match inside a word, too.
	words := []badWords{
		{regexp.MustCompile(`(?i)stranger`), "independent client"},
		{regexp.MustCompile(`(?i)judge`), "reference implementation, check, test"},
		{regexp.MustCompile(`(?i)\bfences?\b`), "guard, limit"},
		{regexp.MustCompile(`(?i)\btwins?\b`), "counterpart"},
		{regexp.MustCompile(`(?i)nudge`), "prompt, wake"},
		{regexp.MustCompile(`(?i)\bhires?d?\b`), "start, lease"},
		{regexp.MustCompile(`(?i)\bmend(?:s|ed|ing)?\b`), "fix, repair"},
		{regexp.MustCompile(`(?i)\b(?:house|wall)s?\b`), "the thing itself"},
		{regexp.MustCompile(`(?i)\b(?:stood|upon|thereof|whereof|wherein|whereupon|hence|naught|lest|shall|yonder)\b`), "a word of today"},
	}
	prose := []badWords{
		{regexp.MustCompile(`(?i)\b(?:is|are|was|were|be|been|being) no [a-z]+`), "X is not a Y"},
		{regexp.MustCompile(`(?i)\b(?:leav(?:e|es|ing)|left)\b[^.;:]{1,40}\baway\b`), "omit"},
		{regexp.MustCompile(`(?i)\bnobody (?:said|may|named|looked)\b`), "say what is missing"},
		{regexp.MustCompile(`(?i)\b(?:the time was over|give it longer|takes its time|come to nothing)\b`), "timed out, increase, is slow"},
	}
	// "There is no" is plain English, and so are comparisons.
	fine := regexp.MustCompile(`(?i)\b[tT]here [^.;:,]{0,24}?\b(?:is|are|was|were|be|been|being) no\b|\bno (?:longer|more|less|fewer|later|worse)\b`)
	files := 0
	eachText(t, func(name, text string) {
		files++
		for _, b := range words {
			if found := b.pattern.FindString(name); found != "" {
				t.Errorf("the file name %s has %q; better: %s", name, found, b.instead)
			}
		}
		for i, line := range strings.Split(text, "\n") {
			for _, b := range words {
				if found := b.pattern.FindString(line); found != "" {
					t.Errorf("%s:%d: %q; better: %s", name, i+1, found, b.instead)
				}
			}
		}
		for line, paragraph := range paragraphs(t, name, text) {
			paragraph = fine.ReplaceAllString(paragraph, "")
			for _, b := range prose {
				if found := b.pattern.FindString(paragraph); found != "" {
					t.Errorf("%s:%d: %q; better: %s", name, line, found, b.instead)
				}
			}
		}
	})
	if files < 1000 {
		t.Errorf("only %d files were found", files)
	}
}

// badWords are words that are not used here, and what to say instead.
type badWords struct {
	pattern *regexp.Regexp
	instead string
}

// aboutWords is text that is about words, or about something else, by file; it
// is not checked. The empty text stands for the whole file.
var aboutWords = map[string]string{
	"cmd/fieldwords_test.go":                     "",
	"cmd/words_test.go":                          "",
	"device/check/table.go":                      "App twin", // Android's own name for a cloned app
	"docs/doctor.md":                             "App twin",
	"device/check/check_test.go":                 `" mend ", "leave away", " is no "`,
	"fixtures/conformance/android/forge_test.go": "a token key that is no text", // in the recorded answers
	"docs/glossary.md":                           "Not: mend, leave away, give it longer.",
}

// eachText calls do with each text file of the project that people write, except
// goldens and other data.
func eachText(t *testing.T, do func(name, text string)) {
	t.Helper()
	extensions := []string{".go", ".sh", ".java", ".py", ".mjs", ".js", ".rs", ".c", ".css", ".yml", ".yaml", ".md", ".txtar", ".html"}
	data := []string{".git", ".venv", "node_modules", "target", "testdata", "dist", "build"}
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			if err == nil && slices.Contains(data, entry.Name()) {
				return filepath.SkipDir
			}
			return err
		}
		script := filepath.Ext(path) == "" && entry.Type().IsRegular()
		if !script && !slices.Contains(extensions, filepath.Ext(path)) {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil || script && !bytes.HasPrefix(text, []byte("#!")) {
			return err
		}
		name := filepath.ToSlash(strings.TrimPrefix(path, ".."+string(filepath.Separator)))
		allowed, listed := aboutWords[name]
		if !listed || allowed != "" {
			do(name, strings.ReplaceAll(string(text), allowed, ""))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// paragraphs are the texts in a file for its readers, each on one line, by the
// number of their first line: the comments of code and scripts, the messages of
// tests, and all of a page.
func paragraphs(t *testing.T, name, text string) map[int]string {
	t.Helper()
	found := map[int]string{}
	if filepath.Ext(name) == ".go" {
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, name, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, group := range file.Comments {
			found[files.Position(group.Pos()).Line] = strings.Join(strings.Fields(group.Text()), " ")
		}
		if strings.HasSuffix(name, "_test.go") { // what tests say; TestPlainWords reads the product's texts
			ast.Inspect(file, func(n ast.Node) bool {
				if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING && strings.Contains(lit.Value, " ") {
					found[files.Position(lit.Pos()).Line] += "; " + lit.Value
				}
				return true
			})
		}
		return found
	}
	comment := regexp.MustCompile(`^\s*(?:#|//|/?\*+) ?`)
	page := filepath.Ext(name) == ".md" || filepath.Ext(name) == ".py" // docstrings begin like any line
	first := 0
	for i, line := range strings.Split(text, "\n") {
		cut := comment.FindString(line)
		if !page && cut == "" || strings.TrimSpace(line) == "" {
			first = 0
			continue
		}
		if first == 0 {
			first = i + 1
		}
		if !page {
			line = line[len(cut):]
		}
		found[first] += " " + strings.TrimSpace(line)
	}
	return found
}
