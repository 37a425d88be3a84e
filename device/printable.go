package device

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxPrintable is the length, in bytes, of the longest text that a message
// quotes; maxSaid that of the longest that is kept.
const (
	maxPrintable = 100
	maxSaid      = 1000
)

// Said returns what a phone reports about itself, for JSON and selectors; it is
// cleaned only for terminals. Invalid UTF-8 bytes become text (\xNN), so that
// they are neither lost nor confused. It is cut after 1000 bytes.
func Said(s string) string { return cut(escapeBytes(s), maxSaid) }

// Printable returns s for one line of a message: without what a terminal might
// interpret, and with every kind of blank as a space, so that words stay apart.
// It is cut after 100 bytes.
func Printable(s string) string { return printable(s, maxPrintable) }

// Sentence returns s like [Printable], cut after 1000 bytes: for sentences of
// our own that quote text from outside.
func Sentence(s string) string { return printable(s, maxSaid) }

func printable(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, escapeBytes(s))
	return strings.TrimSpace(cut(s, most))
}

// Exact returns s like [Printable] if that shows all of it, and otherwise
// quoted: "a " is not a.
func Exact(s string) string {
	shown := Printable(s)
	if shown == s || len(s) > maxPrintable {
		return shown
	}
	return Printable(strconv.Quote(s))
}

// escapeBytes writes each invalid UTF-8 byte as \xNN.
func escapeBytes(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		if r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD") {
			fmt.Fprintf(&b, `\x%02x`, s[i])
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// cut returns the first most bytes of s, fewer if they would end within a
// character.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most]
}
