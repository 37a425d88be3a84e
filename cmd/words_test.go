package cmd

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// saidText is a text of the product's source.
type saidText struct {
	text string
	at   token.Position
}

// saidTexts are the texts in the product's source that have more than a word:
// what wxctl can say to a person, and some more. A text that is split over
// several lines is one.
func saidTexts(t *testing.T) []saidText {
	t.Helper()
	var texts []saidText
	for _, dir := range []string{".", "../device", "../intents", "../oauth"} {
		err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			files := token.NewFileSet()
			file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				e, ok := n.(ast.Expr)
				if !ok {
					return true
				}
				text, ok := folded(e)
				if !ok {
					return true
				}
				if strings.Contains(strings.TrimSpace(text), " ") {
					texts = append(texts, saidText{text, files.Position(e.Pos())})
				}
				return false
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(texts) < 1000 {
		t.Fatalf("only %d texts were found", len(texts))
	}
	return texts
}

// folded is the text of a literal, or of literals with + between them.
func folded(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind != token.STRING {
			return "", false
		}
		text, err := strconv.Unquote(e.Value)
		return text, err == nil
	case *ast.BinaryExpr:
		left, ok := folded(e.X)
		if !ok || e.Op != token.ADD {
			return "", false
		}
		right, ok := folded(e.Y)
		return left + right, ok
	}
	return "", false
}

// TestPlainWords: what wxctl says is worded as other tools word it.
func TestPlainWords(t *testing.T) {
	t.Parallel()
	// Each pattern, and what to say instead. "there is no" is plain English.
	bad := []struct{ pattern, instead string }{
		{`(?i)\b(?:(?:is|are) no |isn't a no )(?:[a-z]+)`, `invalid --flag "value": use a or b; or: X is not a Y`},
		{`(?i)\bmend(?:s|ed)?\b`, "fix"},
		{`(?i)\b(?:leav(?:e|ing)|left)\b[^.;:]{1,40}\baway\b`, "omit"},
		{`(?i)\b(?:stranger|nudge|fence)s?\b`, "a word of the field: docs/glossary.md"},
		{`(?i)\bnobody (?:said|may|named|looked)\b`, "say what is missing"},
		{`(?i)\bthe time was over\b`, "timed out"},
		{`(?i)\bgive it longer\b`, "increase --timeout"},
	}
	fine := regexp.MustCompile(`(?i)\bthere (?:is|are) no\b`)
	for _, s := range saidTexts(t) {
		text := fine.ReplaceAllString(s.text, "there is")
		for _, b := range bad {
			if found := regexp.MustCompile(b.pattern).FindString(text); found != "" {
				t.Errorf("%s: %q in %q; better: %s", s.at, found, s.text, b.instead)
			}
		}
	}
}

// foreignFlags are flags of other programs that wxctl names.
var foreignFlags = []string{"--mode", "--output", "--user", "--ks", "--entitlements", "--out", "--time-limit", "--brief", "--bundle", "--pid", "--zygote"}

// TestHintsParse: a command line of wxctl in a text is one that exists, with
// its flags; and a flag that a text names is a flag of some command.
func TestHintsParse(t *testing.T) {
	t.Parallel()
	root := NewCmdRoot(System())
	root.InitDefaultHelpCmd()
	flags := map[string]bool{}
	walkTree(root, func(c *cobra.Command) {
		maps.Copy(flags, flagNames(c))
	})
	name := regexp.MustCompile(`--[a-z][a-z0-9-]*[a-z0-9]`)
	line := regexp.MustCompile("(^|`|[:;,.(] )(?:wxctl )([a-z][^`\n;]*)")
	lines := 0
	for _, s := range saidTexts(t) {
		for _, flag := range name.FindAllString(s.text, -1) {
			if !flags[flag] && !slices.Contains(foreignFlags, flag) {
				t.Errorf("%s: no command has %s: %q", s.at, flag, s.text)
			}
		}
		for _, found := range line.FindAllStringSubmatch(s.text, -1) {
			// In prose, wxctl is followed by a verb.
			words := strings.Fields(found[2])
			c, rest, err := root.Find(trimAll(words))
			if err != nil || c == root {
				if found[1] == "`" {
					t.Errorf("%s: %q is not a command of wxctl", s.at, "wxctl "+found[2])
				}
				continue
			}
			lines++
			known := map[string]bool{}
			walkTree(c, func(c *cobra.Command) { maps.Copy(known, flagNames(c)) }) // a group's flags are those below it
			for _, word := range rest {
				flag, _, _ := strings.Cut(word, "=")
				if strings.HasPrefix(flag, "--") && flag != "--" && name.FindString(flag) == flag && !known[flag] {
					t.Errorf("%s: %s has no flag %s: %q", s.at, c.CommandPath(), flag, s.text)
				}
			}
		}
	}
	if lines < 50 {
		t.Errorf("only %d command lines were found", lines)
	}
}

// trimAll cuts the marks of a sentence off its words.
func trimAll(words []string) []string {
	for i, word := range words {
		words[i] = strings.TrimRight(word, ",.:)?\"'")
	}
	return words
}

func walkTree(c *cobra.Command, do func(*cobra.Command)) {
	do(c)
	for _, sub := range c.Commands() {
		walkTree(sub, do)
	}
}

// flagNames are the flags that a command takes, with their dashes.
func flagNames(c *cobra.Command) map[string]bool {
	names := map[string]bool{"--help": true}
	for _, line := range strings.Split(c.LocalFlags().FlagUsages()+c.InheritedFlags().FlagUsages(), "\n") {
		if _, rest, ok := strings.Cut(line, "--"); ok {
			names["--"+strings.FieldsFunc(rest, func(r rune) bool { return strings.ContainsRune(" =[", r) })[0]] = true
		}
	}
	return names
}
