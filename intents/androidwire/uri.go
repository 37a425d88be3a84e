package androidwire

import (
	"errors"
	"strings"
	"unicode/utf8"
)

// uri is a text, parsed as android.net.Uri.parse does (AOSP API 34).
type uri string

var errOpaque = errors.New("a URI that has no hierarchy has no query")

// authority is Uri.getEncodedAuthority: the text between // and the path.
func (u uri) authority() string {
	_, rest, _ := strings.Cut(string(u), ":")
	rest, found := strings.CutPrefix(rest, "//")
	if !found {
		return ""
	}
	if end := strings.IndexAny(rest, "/\\?#"); end >= 0 {
		rest = rest[:end]
	}
	return rest
}

// queryParameter is Uri.getQueryParameter: the first value of a key, nil if
// there is none.
func (u uri) queryParameter(key string) (*string, error) {
	s := string(u)
	scheme := strings.IndexByte(s, ':')
	if scheme >= 0 && (len(s) == scheme+1 || s[scheme+1] != '/') {
		return nil, errOpaque
	}
	rest := s[max(scheme, 0):]
	start, end := strings.IndexByte(rest, '?'), strings.IndexByte(rest, '#')
	if end < 0 {
		end = len(rest)
	}
	if start < 0 || end < start {
		return nil, nil
	}
	for part := range strings.SplitSeq(rest[start+1:end], "&") {
		name, value, _ := strings.Cut(part, "=")
		if name == key {
			return new(decodeParameter(value)), nil
		}
	}
	return nil, nil
}

// decodeParameter is UriCodec.decode: a plus is a space, and a broken escape
// gives U+FFFD, after which Android still adds the byte it had read so far.
func decodeParameter(s string) string {
	var out strings.Builder
	var escaped []byte
	flush := func() {
		appendDecoded(&out, escaped)
		escaped = escaped[:0]
	}
	for i := 0; i < len(s); {
		switch s[i] {
		case '+':
			flush()
			out.WriteByte(' ')
			i++
		case '%':
			i++
			var value byte
			half := false
			for range 2 {
				if i == len(s) {
					flush()
					out.WriteRune(utf8.RuneError)
					return out.String()
				}
				r, size := utf8.DecodeRuneInString(s[i:])
				i += size
				digit := hexDigit(r)
				if digit < 0 {
					flush()
					out.WriteRune(utf8.RuneError)
					half = r >= 0x10000
					break
				}
				value = value<<4 | byte(digit)
			}
			escaped = append(escaped, value)
			if half {
				// Android consumed one half of the pair; the other half
				// remains.
				flush()
				out.WriteRune(utf8.RuneError)
			}
		default:
			flush()
			out.WriteByte(s[i])
			i++
		}
	}
	flush()
	return out.String()
}

func hexDigit(r rune) int {
	switch {
	case '0' <= r && r <= '9':
		return int(r - '0')
	case 'a' <= r && r <= 'f':
		return int(r-'a') + 10
	case 'A' <= r && r <= 'F':
		return int(r-'A') + 10
	}
	return -1
}

// appendDecoded appends UTF-8. Like Java's decoder it writes one U+FFFD for
// each longest prefix of a character that is cut short; Go's would write one
// for each byte.
func appendDecoded(out *strings.Builder, b []byte) {
	for len(b) > 0 {
		r, size := utf8.DecodeRune(b)
		if r == utf8.RuneError && size == 1 {
			size = brokenLength(b)
		}
		out.WriteRune(r)
		b = b[size:]
	}
}

// brokenLength is how many bytes at the start of b could begin a character.
func brokenLength(b []byte) int {
	n := 1
	for n < len(b) && n < utf8.UTFMax && couldBegin(b[:n+1]) {
		n++
	}
	return n
}

// couldBegin reports whether some character starts with b. Java accepts half of
// a surrogate pair until it has read all of it.
func couldBegin(b []byte) bool {
	low, high := byte(0x80), byte(0xbf)
	var size int
	switch c := b[0]; {
	case c >= 0xc2 && c <= 0xdf:
		size = 2
	case c >= 0xe0 && c <= 0xef:
		size = 3
		if c == 0xe0 {
			low = 0xa0
		}
	case c >= 0xf0 && c <= 0xf4:
		size = 4
		if c == 0xf0 {
			low = 0x90
		} else if c == 0xf4 {
			high = 0x8f
		}
	}
	if len(b) > size || b[1] < low || b[1] > high {
		return false
	}
	for _, c := range b[2:] {
		if c < 0x80 || c > 0xbf {
			return false
		}
	}
	return true
}
