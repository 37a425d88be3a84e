package oauth

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"html"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// minRedacted is the length in bytes from which a value is removed from foreign
// text; shorter values would match ordinary words.
const minRedacted = 4

const (
	cut      = "(cut)"
	withheld = "(withheld: it repeats a secret)"
)

// redactor removes secrets from text that a server sent.
type redactor struct {
	secrets []Secret
	pattern *regexp.Regexp // every form of every value; nil if there is none
}

// newRedactor returns a redactor for the given values in the forms in which a
// server might repeat them: raw, escaped for URLs, base64 (at any offset of a
// longer text), hex.
func newRedactor(secrets ...Secret) *redactor {
	r := &redactor{secrets: secrets}
	var patterns []string
	for _, s := range secrets {
		v, rest := s.Reveal(), ""
		if len(v) < minRedacted {
			continue
		}
		if len(v) > maxField { // no pattern can be of any length: what follows is removed, too
			v, rest = strings.ToValidUTF8(v[:maxField], ""), "(?s:.*)"
		}
		// The request carries the escaped value, so a server that repeats the
		// query may encode that one.
		spellings := []string{v, url.QueryEscape(v), url.PathEscape(v), strings.ReplaceAll(v, "/", `\/`)}
		slices.Sort(spellings)
		for _, spelling := range slices.Compact(spellings) {
			for _, form := range append(base64Forms(spelling), spelling, hex.EncodeToString([]byte(spelling))) {
				patterns = append(patterns, regexp.QuoteMeta(form)+rest)
			}
		}
	}
	if len(patterns) == 0 {
		return r
	}
	r.pattern = regexp.MustCompile("(?i:" + strings.Join(patterns, "|") + ")")
	return r
}

// base64Forms returns the base64 of v inside a longer text, for the three
// possible alignments and both alphabets, without the characters that also
// depend on the neighbouring text.
func base64Forms(v string) []string {
	var forms []string
	for offset := range 3 {
		padded := make([]byte, offset, offset+len(v))
		padded = append(padded, v...)
		whole := len(padded) / 3 * 3 // the rest of the last group depends on the text after it
		first := (offset*8 + 5) / 6  // characters that hold bits of the text before
		for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			text := enc.EncodeToString(padded[:whole])
			if len(text)-first >= minRedacted {
				forms = append(forms, text[first:])
			}
		}
	}
	return forms
}

// clean makes foreign text safe to print: secrets removed, addresses hidden,
// control characters escaped, at most max runes long.
func (r *redactor) clean(text string, max int) string {
	text = r.cut(text)
	text = r.cut(Printable(hideAddresses(text))) // again: escaping may have produced a secret's digits
	if utf8.RuneCountInString(text) > max {
		text = string([]rune(text)[:max]) + "…"
	}
	return text
}

// cut replaces every form of every value. If the unescaped text still contains
// one, all of it is dropped.
func (r *redactor) cut(text string) string {
	if r.pattern == nil {
		return text
	}
	text = r.pattern.ReplaceAllLiteralString(text, cut)
	if r.holds(text) {
		return withheld
	}
	return text
}

// holds reports whether text contains a value, whatever escapes or separators
// are between its characters.
func (r *redactor) holds(text string) bool {
	if r.pattern == nil {
		return false
	}
	candidates := []string{text, percentDecoded(text), lettersOnly(text), percentDecoded(percentDecoded(text)), html.UnescapeString(text)}
	if unquoted, err := strconv.Unquote(`"` + strings.ReplaceAll(text, `"`, `\"`) + `"`); err == nil {
		candidates = append(candidates, unquoted)
	}
	for _, c := range candidates {
		if r.pattern.MatchString(c) {
			return true
		}
	}
	return false
}

// percentDecoded undoes %XX and leaves a broken escape as it is.
func percentDecoded(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(n))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// lettersOnly removes invisible characters and separators: a value with spaces,
// colons or control characters inserted is still found.
func lettersOnly(s string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsSpace(c) || !unicode.IsPrint(c) || c == ':' || c == ',' {
			return -1
		}
		return c
	}, s)
}

// findAddress returns the first IP address in text, or "".
func findAddress(text string) string {
	for field := range strings.FieldsSeq(text) {
		if addr, err := netip.ParseAddr(strings.Trim(field, ".,;:()[]")); err == nil {
			return addr.Unmap().WithZone("").String()
		}
	}
	return ""
}

// hideAddresses replaces IP addresses: errcode 40164 names the caller's.
func hideAddresses(s string) string {
	fields := strings.FieldsFunc(s, func(c rune) bool {
		return !(c == '.' || c == ':' || c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F')
	})
	slices.SortFunc(fields, func(a, b string) int { return len(b) - len(a) }) // ::ffff:1.2.3.4 before 1.2.3.4
	for _, field := range fields {
		field = strings.TrimRight(field, ".:")
		if addr, err := netip.ParseAddr(field); err == nil && addr.IsValid() && len(field) > 2 {
			s = strings.ReplaceAll(s, field, "(IP address)")
		}
	}
	return s
}

// Printable escapes what a terminal might interpret or hide: C0 and C1 control
// characters, marks that change the writing direction, invalid UTF-8. The
// result can be printed. Joined emoji stay whole.
func Printable(s string) string {
	const zeroWidthJoiner = '\u200d'
	clean := func(c rune) bool { return unicode.IsPrint(c) || c == zeroWidthJoiner }
	if utf8.ValidString(s) && strings.IndexFunc(s, func(c rune) bool { return !clean(c) }) < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		c, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case c == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case clean(c):
			b.WriteRune(c)
		default:
			quoted := strconv.QuoteRuneToASCII(c)
			b.WriteString(quoted[1 : len(quoted)-1])
		}
		i += size
	}
	return b.String()
}
