package jdwp

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// decodeText reads a string of the VM. The specification says UTF-8; ART's own
// JDWP (up to API 27) sends Java's modified UTF-8, with a zero as two bytes
// and characters beyond the BMP as two surrogates of three bytes each. Both
// are read; what is neither, a lone surrogate included, becomes U+FFFD.
func decodeText(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	var s strings.Builder
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n <= 1 {
			r, n = decodeModified(b)
		}
		s.WriteRune(r)
		b = b[n:]
	}
	return s.String()
}

// decodeModified reads one character that only modified UTF-8 has.
func decodeModified(b []byte) (rune, int) {
	if len(b) >= 2 && b[0] == 0xC0 && b[1] == 0x80 {
		return 0, 2
	}
	high, ok := surrogate(b)
	if !ok {
		return utf8.RuneError, 1
	}
	if low, ok := surrogate(b[3:]); ok {
		if r := utf16.DecodeRune(high, low); r != utf8.RuneError {
			return r, 6
		}
	}
	return utf8.RuneError, 3
}

func surrogate(b []byte) (rune, bool) {
	if len(b) < 3 || b[0] != 0xED || b[1] < 0xA0 || b[1] > 0xBF || b[2]&0xC0 != 0x80 {
		return 0, false
	}
	return rune(b[0]&0xF)<<12 | rune(b[1]&0x3F)<<6 | rune(b[2]&0x3F), true
}

// encodeText writes a string so that both kinds of VM read it: UTF-8, except
// for a zero, at which ART's own would end the string. (Its decoder takes four
// bytes for a character beyond the BMP.)
func encodeText(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\xC0\x80")
}
