package ioswire

import (
	"encoding/base64"
	"encoding/binary"
	"strings"
	"sync"
	"unicode/utf8"
)

const hexDigits = "0123456789ABCDEF"

// set is a set of ASCII characters.
type set [2]uint64

func setOf(characters string) set {
	var s set
	for i := 0; i < len(characters); i++ {
		s[characters[i]>>6] |= 1 << (characters[i] & 63)
	}
	return s
}

func (s set) has(c byte) bool { return c < utf8.RuneSelf && s[c>>6]&(1<<(c&63)) != 0 }

const alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// The characters that are not escaped:
//   - plain: in a value escaped by -[NSString wxApi_stringByEscapingForURLArgument]
//   - nested: in one escaped by -[NSString stringByEncodeUrl], which escapes the
//     tilde too
//   - legal: in a URL that NSURL has accepted, besides the percent sign
func plain() set  { return setOf(alphanumeric + "-._~") }
func nested() set { return setOf(alphanumeric + "-._") }
func legal() set  { return setOf(alphanumeric + "!#$&'()*+,-./:;=?@[]_~") }

// escape replaces every byte that is not in keep by its percent escape; invalid
// UTF-8 becomes U+FFFD, as in an NSString made from it.
func escape(text string, keep set) string {
	i := 0
	for i < len(text) && keep.has(text[i]) {
		i++
	}
	if i == len(text) {
		return text
	}
	if !utf8.ValidString(text) {
		text = valid(text)
	}
	var b strings.Builder
	b.Grow(len(text) + 32)
	b.WriteString(text[:i])
	for ; i < len(text); i++ {
		if c := text[i]; keep.has(c) {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', hexDigits[c>>4], hexDigits[c&15]})
		}
	}
	return b.String()
}

// valid replaces each byte that is not valid UTF-8 by U+FFFD.
func valid(text string) string {
	if utf8.ValidString(text) {
		return text
	}
	return string([]rune(text))
}

// malformed reports whether a percent sign in text does not begin an escape.
func malformed(text string) bool {
	for i := 0; i < len(text); i++ {
		if text[i] == '%' && (i+2 >= len(text) || !isHex(text[i+1]) || !isHex(text[i+2])) {
			return true
		}
	}
	return false
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func hexValue(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c <= 'F':
		return c - 'A' + 10
	}
	return c - 'a' + 10
}

// urlText is a URL's text after +[NSURL URLWithString:] since iOS 17: illegal
// characters are escaped, and its percent signs too if one of them does not
// begin an escape.
func urlText(text string) string {
	keep := legal()
	if !malformed(text) {
		keep[0] |= 1 << '%'
	}
	return escape(text, keep)
}

// unescape replaces the percent escapes of text; it returns false if one is
// malformed or the result is not UTF-8.
func unescape(text string) (string, bool) {
	if !strings.Contains(text, "%") {
		return text, utf8.ValidString(text)
	}
	if malformed(text) {
		return "", false
	}
	var b strings.Builder
	b.Grow(len(text))
	for i := 0; i < len(text); i++ {
		if text[i] == '%' {
			b.WriteByte(hexValue(text[i+1])<<4 | hexValue(text[i+2]))
			i += 2
		} else {
			b.WriteByte(text[i])
		}
	}
	return b.String(), utf8.ValidString(b.String())
}

const base64Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

// base64Step is how many bytes are encoded at once, and base64Room the most
// that their base64 takes: three characters for each digit, plus what putDigits
// writes past the last one.
const (
	base64Step = 768
	base64Room = base64Step/3*4*3 + 8
)

// base64Pairs holds the two base64 digits for each 12 bits, the first in the
// lower byte. For a digit that must be escaped it has the last character of the
// escape and the bit base64Escape.
type base64Pairs [1 << 12]uint16

const base64Escape = 0x80

// base64Table builds the table once: building it takes a quarter of the time
// that encoding a picture takes.
var base64Table = sync.OnceValue(func() *base64Pairs {
	digits := []byte(base64Alphabet)
	digits[62] = base64Escape | 'B' // + is %2B
	digits[63] = base64Escape | 'F' // / is %2F
	t := new(base64Pairs)
	for i := range t {
		t[i] = uint16(digits[i>>6]) | uint16(digits[i&63])<<8
	}
	return t
})

// base64Writer writes its input as base64 whose +, / and = are percent-escaped.
type base64Writer struct {
	b     *strings.Builder
	pairs *base64Pairs
	chunk [base64Room]byte
	held  [3]byte // bytes that do not yet make a group of three
	n     int     // how many
}

func newBase64Writer(b *strings.Builder) base64Writer {
	return base64Writer{b: b, pairs: base64Table()}
}

func (w *base64Writer) write(raw []byte) {
	if w.n > 0 {
		taken := copy(w.held[w.n:], raw)
		w.n += taken
		raw = raw[taken:]
		if w.n < len(w.held) {
			return
		}
		w.flush(w.held[:])
	}
	whole := len(raw) / 3 * 3
	w.n = copy(w.held[:], raw[whole:])
	for raw = raw[:whole]; len(raw) > 0; {
		n := min(base64Step, len(raw))
		w.flush(raw[:n])
		raw = raw[n:]
	}
}

func (w *base64Writer) flush(raw []byte) {
	w.b.Write(w.chunk[:w.pairs.encode(&w.chunk, raw)])
}

// close writes the rest, padded with =.
func (w *base64Writer) close() {
	if w.n == 0 {
		return
	}
	var last [4]byte
	base64.StdEncoding.Encode(last[:], w.held[:w.n])
	for _, c := range last {
		if plain().has(c) {
			w.b.WriteByte(c)
		} else {
			w.b.Write([]byte{'%', hexDigits[c>>4], hexDigits[c&15]})
		}
	}
}

// encode encodes raw, a multiple of 3 bytes and at most base64Step, and returns
// how many bytes of out it used. Pictures are nearly all of a payload, so it
// writes 8 digits at once where none of them needs an escape.
func (t *base64Pairs) encode(out *[base64Room]byte, raw []byte) int {
	n := 0
	for len(raw) >= 8 {
		v := binary.BigEndian.Uint64(raw) >> 16
		raw = raw[6:]
		digits := uint64(t[v>>36&0xFFF]) | uint64(t[v>>24&0xFFF])<<16 | uint64(t[v>>12&0xFFF])<<32 | uint64(t[v&0xFFF])<<48
		if digits&(base64Escape*0x0101010101010101) == 0 {
			binary.LittleEndian.PutUint64(out[n:n+8], digits)
			n += 8
			continue
		}
		n += putDigits(out[n:], digits)
	}
	for ; len(raw) >= 3; raw = raw[3:] {
		v := uint(raw[0])<<16 | uint(raw[1])<<8 | uint(raw[2])
		n += putDigits(out[n:], uint64(t[v>>12])|uint64(t[v&0xFFF])<<16)
	}
	return n
}

// putDigits writes digits from a table, the first one lowest, and returns how
// many bytes they take.
func putDigits(out []byte, digits uint64) int {
	n := 0
	for ; digits != 0; digits >>= 8 {
		if c := byte(digits); c < base64Escape {
			out[n] = c
			n++
		} else {
			out[n], out[n+1], out[n+2] = '%', '2', c&^base64Escape
			n += 3
		}
	}
	return n
}
