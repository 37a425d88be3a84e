package language

import (
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
