package language

import (
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// Columns is the width of text in a terminal: wide East Asian characters, which
// are common in names of phones and users, take two columns.
func Columns(text string) int {
	n := 0
	for _, r := range text {
		switch {
		case r < 0x80:
			n++
		case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		default:
			n++
			if k := width.LookupRune(r).Kind(); k == width.EastAsianWide || k == width.EastAsianFullwidth {
				n++
			}
		}
	}
	return n
}

// Cut shortens text to a number of columns, and marks it with ….
func Cut(text string, most int) string {
	if Columns(text) <= most {
		return text
	}
	width := 1 // of the …
	for i, r := range text {
		if width += Columns(string(r)); width > most {
			return text[:i] + "…"
		}
	}
	return text
}

// Pad pads text with spaces to a number of columns.
func Pad(text string, columns int) string {
	return text + strings.Repeat(" ", max(0, columns-Columns(text)))
}
