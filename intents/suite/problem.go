package suite

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// String returns the problem on one line: file:line:column: sentence.
func (p Problem) String() string {
	if p.Line == 0 {
		return p.File + ": " + p.Message
	}
	return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Message)
}

// Source is the line of the suite's text that the problem is in and, below it,
// a caret at its column; empty where the line can't be shown as it is.
func (p Problem) Source(text []byte) string {
	lines := strings.Split(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(text)), "\n")
	if p.Line < 1 || p.Line > len(lines) {
		return ""
	}
	line := []rune(lines[p.Line-1])
	if len(line) > 200 || slices.ContainsFunc(line, func(r rune) bool { return r != '\t' && !unicode.IsGraphic(r) }) {
		return ""
	}
	// A tab is as wide below as above; a wide character counts as two.
	pad := make([]rune, 0, p.Column)
	for _, r := range line[:min(max(p.Column-1, 0), len(line))] {
		switch {
		case r == '\t':
			pad = append(pad, '\t')
		case r >= 0x1100 && unicode.In(r, unicode.Han, unicode.Hangul, unicode.Hiragana, unicode.Katakana) || r >= 0xff00 && r < 0xff61:
			pad = append(pad, ' ', ' ')
		default:
			pad = append(pad, ' ')
		}
	}
	return string(line) + "\n" + string(pad) + "^"
}

// sortProblems puts problems in the order of the text, each once.
func sortProblems(problems []Problem) []Problem {
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	seen := map[Problem]bool{}
	return slices.DeleteFunc(problems, func(p Problem) bool {
		twice := seen[p] // an aliased node is read once for each use
		seen[p] = true
		return twice
	})
}
