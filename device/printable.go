package device

import (
	"strings"
	"unicode"
)

// maxPrintable is the length, in bytes, of the longest name that is shown.
const maxPrintable = 100

// Printable drops what has no place in a name: phones can call themselves
// anything, terminal escapes included. What is longer than 100 bytes is cut.
func Printable(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, s)
	if len(s) > maxPrintable {
		s = strings.ToValidUTF8(s[:maxPrintable], "")
	}
	return strings.TrimSpace(s)
}
