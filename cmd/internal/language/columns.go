package language

import (
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// Columns is the width of text in a terminal: two for the wide characters of
// East Asia, of which phones' and users' names are full.
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

// Cut shortens text to so many columns, with … for what is left out.
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

// Pad fills text up to so many columns.
func Pad(text string, columns int) string {
	return text + strings.Repeat(" ", max(0, columns-Columns(text)))
}
