package language

import (
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// Text translates wxctl's messages: a sentence, or paragraphs and lists of
// them. Text that is not in the catalogue stays unchanged.
func (c *Catalogue) Text(english string) string {
	if !strings.Contains(english, "\n") {
		if strings.HasPrefix(english, "  ") { // a row of a list
			b := blocks(english)[0]
			return b.indent + b.term + c.padded(b.text)
		}
		return c.padded(english)
	}
	var b strings.Builder
	for i, block := range blocks(english) {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(block.print(c.padded))
	}
	return b.String()
}

// padded translates a sentence and keeps the spaces around it.
func (c *Catalogue) padded(text string) string {
	return (&reading{Catalogue: c, read: map[string]translation{}}).value(text)
}

// reading is the state of translating one text. Results are cached: parts of a
// text are tried repeatedly, and a text may be long and come from outside.
type reading struct {
	*Catalogue
	read  map[string]translation
	parts int // number of parts read
}

type translation struct {
	text  string
	known bool
}

// Limits in bytes and parts: no message of wxctl is longer.
const (
	longest = 2048
	most    = 200
)

// sentence translates one or several sentences; known reports whether any was
// in the catalogue.
func (c *reading) sentence(text string) (translated string, known bool) {
	t, ok := c.read[text]
	if !ok {
		if c.parts++; len(text) > longest || c.parts > most {
			return text, false
		}
		t.text, t.known = c.fresh(text)
		c.read[text] = t
	}
	return t.text, t.known
}

// fresh is sentence without the cache.
func (c *reading) fresh(text string) (translated string, known bool) {
	if f, ok := c.formats[text]; ok {
		return f.translation, true
	}
	place, rest, ok := strings.Cut(text, ": ")
	if _, line, numbered := strings.Cut(place, ":"); ok && numbered && strings.Trim(line, "0123456789:") == "" { // FILE:LINE:COLUMN
		translated, known := c.sentence(rest)
		return place + ": " + translated, known
	}
	parts := sentences(text)
	if len(parts) > 1 && !slices.ContainsFunc(parts, func(part string) bool { _, known := c.sentence(part); return !known }) {
		return c.join(parts, "", " ")
	}
	// Text after a semicolon only belongs to a value before it if the format
	// itself contains a semicolon.
	own := ""
	for _, joint := range []string{", and ", "; "} {
		if _, _, ok := cutOutsideQuotes(text, joint); ok {
			own = joint
		}
	}
	patterns := c.patterns
	if own != "" {
		patterns = slices.DeleteFunc(slices.Clone(patterns), func(f *format) bool {
			return !strings.Contains(strings.Join(f.literals, "%"), own)
		})
	}
	if translated, ok := c.filled(patterns, text); ok {
		return translated, true
	}
	if len(parts) > 1 {
		return c.join(parts, "", " ")
	}
	for _, joint := range []struct{ english, chinese string }{{"; ", "；"}, {", and ", "，"}} {
		if joined, ok := c.joined(text, joint.english, joint.chinese); ok {
			return joined, true
		}
	}
	if translated, ok := c.filled(c.patterns, text); ok {
		return translated, true
	}
	if head, tail, ok := strings.Cut(text, " ("); ok && strings.HasSuffix(tail, ")") {
		first, known := c.sentence(head)
		second, _ := c.sentence(strings.TrimSuffix(tail, ")"))
		if known {
			return first + "（" + second + "）", true
		}
	}
	if subject, rest, ok := strings.Cut(text, " "); ok && !strings.HasSuffix(subject, ":") { // what is said of something with a name
		if f, ok := c.formats[rest]; ok {
			return subject + " " + f.translation, true
		}
	}
	for _, joint := range []struct{ english, chinese string }{{"; ", "；"}, {": ", "："}} {
		if before, after, ok := cutOutsideQuotes(text, joint.english); ok {
			if joined, known := c.join([]string{before, after}, joint.chinese, joint.english); known {
				return joined, true
			}
		}
	}
	return text, false
}

// joined translates two sentences with a joint between them, if both are in the
// catalogue. A single sentence may contain the joint, too.
func (c *reading) joined(text, english, chinese string) (string, bool) {
	for at := 0; ; {
		before, after, ok := cutOutsideQuotes(text[at:], english)
		if !ok {
			return "", false
		}
		at += len(before)
		first, known := c.sentence(text[:at])
		if tail, ok := c.filled(c.tails, text[at:]); ok && known {
			return first + tail, true
		}
		if second, also := c.sentence(after); known && also {
			return first + chinese + second, true
		}
		at += len(english)
	}
}

// light is the weight of a format below which a following text has no colon:
// "WeChat %s" is for a version, and not for everything that begins with the
// name.
const light = 10

// swallows reports whether a light format that ends with a value matched more
// than it printed.
func (f *format) swallows(values []string) bool {
	if f.weight >= light || len(f.verbs) != 1 || f.literals[1] != "" || strings.Contains(f.literals[0], ":") {
		return false
	}
	_, _, colon := cutOutsideQuotes(values[0], ": ")
	return colon
}

// filled translates text that one of the formats matches.
func (c *reading) filled(formats []*format, text string) (string, bool) {
	for _, f := range formats {
		values, ok := f.values(text)
		if !ok || f.swallows(values) {
			continue
		}
		c.split(f, values)
		for _, v := range f.verbs {
			if v.kind != 'q' && v.kind != 'd' {
				values[v.index] = c.value(values[v.index])
			}
		}
		return fill(f.translation, values), true
	}
	return "", false
}

// value translates a value in a sentence.
func (c *reading) value(text string) string {
	body := strings.TrimSpace(text)
	if body == "" {
		return text
	}
	start := strings.Index(text, body)
	translated, _ := c.sentence(body)
	return text[:start] + translated + text[start+len(body):]
}

// split moves the border between two values that are only separated by a space
// to where the second one is a sentence.
func (c *reading) split(f *format, values []string) {
	for i := 1; i < len(f.verbs); i++ {
		a, b := f.verbs[i-1], f.verbs[i]
		if f.literals[i] != " " || a.kind == 'q' || a.kind == 'd' || b.kind == 'q' || b.kind == 'd' {
			continue
		}
		both := values[a.index] + " " + values[b.index]
		for at := range len(both) {
			if both[at] != ' ' {
				continue
			}
			if _, known := c.sentence(both[at+1:]); known {
				values[a.index], values[b.index] = both[:at], both[at+1:]
				break
			}
		}
	}
}

// join translates parts of a text and joins them: with joint after a translated
// part, otherwise as in English.
func (c *reading) join(parts []string, joint, english string) (string, bool) {
	var b strings.Builder
	any, last := false, false
	for i, part := range parts {
		translated, known := c.sentence(part)
		if i > 0 {
			if last || known {
				b.WriteString(joint)
			} else {
				b.WriteString(english)
			}
		}
		b.WriteString(translated)
		any, last = any || known, known
	}
	return b.String(), any
}

// cutOutsideQuotes is strings.Cut, ignoring quoted text.
func cutOutsideQuotes(text, sep string) (before, after string, found bool) {
	quoted := byte(0)
	for i := 0; i < len(text); i++ {
		switch ch := text[i]; {
		case quoted == '"' && ch == '\\':
			i++
		case quoted != 0:
			if ch == quoted {
				quoted = 0
			}
		case ch == '"' || ch == '`':
			quoted = ch
		case strings.HasPrefix(text[i:], sep):
			return text[:i], text[i+len(sep):], true
		}
	}
	return text, "", false
}

// ends is the end of a sentence before another: a stop after a word and a
// capital, a flag or a quotation after it.
var ends = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile("[a-z0-9)\"`%>…/][.!?][)]? +[A-Z`<\"-]") })

// sentences takes a paragraph apart.
func sentences(text string) []string {
	var list []string
	for {
		at := ends().FindStringIndex(text)
		if at == nil || strings.HasSuffix(text[:at[0]+1], "e.g") {
			return append(list, text)
		}
		_, size := utf8.DecodeLastRuneInString(text[:at[1]])
		next := at[1] - size
		list = append(list, strings.TrimRight(text[:next], " "))
		text = text[next:]
	}
}

// block is a paragraph, or a line of a list or table.
type block struct {
	indent string // before all lines
	term   string // what a list or table explains, with the spaces after it
	text   string // on one line
}

var row = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^( +)(\S+(?: \S+)*  +)?(\S.*)$`) })

// blocks takes a text apart: lines that begin with a space stand for
// themselves, others belong together up to an empty line.
func blocks(text string) []block {
	var list []block
	open := false
	for line := range strings.SplitSeq(text, "\n") {
		switch found := row().FindStringSubmatch(line); {
		case strings.TrimSpace(line) == "":
			list, open = append(list, block{}), false
		case found != nil && len(list) > 0 && found[2] == "" && list[len(list)-1].term != "" &&
			len(found[1]) == len(list[len(list)-1].indent)+len(list[len(list)-1].term):
			list[len(list)-1].text += " " + found[3]
		case found != nil:
			list, open = append(list, block{indent: found[1], term: found[2], text: found[3]}), false
		case open:
			list[len(list)-1].text += " " + strings.TrimSpace(line)
		default:
			list, open = append(list, block{text: strings.TrimRight(line, " ")}), true
		}
	}
	return list
}

// paragraph is how many columns a paragraph takes.
const paragraph = 80

// print prints the block with its text translated.
func (b block) print(translate func(string) string) string {
	translated := translate(b.text)
	head := b.indent + b.term
	return head + Wrap(translated, paragraph, Columns(head))
}

// Wrap breaks lines so that each takes at most limit columns, of which the first
// indent are there before a line begins: at spaces, and between Chinese characters where no mark
// of punctuation would begin a line.
func Wrap(text string, limit, indent int) string {
	var b, word strings.Builder
	column, width := indent, 0
	flush := func() {
		if column+width > limit && column > indent {
			b.WriteString("\n" + strings.Repeat(" ", indent))
			column = indent
		}
		piece := word.String()
		if column == indent {
			piece = strings.TrimLeft(piece, " ")
			width = Columns(piece)
		}
		b.WriteString(piece)
		column += width
		word.Reset()
		width = 0
	}
	runes := []rune(text)
	for i, r := range runes {
		wide := Columns(string(r)) == 2
		if i > 0 {
			last := runes[i-1]
			between := wide && !closing(r) || !wide && Columns(string(last)) == 2
			if r == ' ' || between && !opening(last) {
				flush()
			}
		}
		word.WriteRune(r)
		width += Columns(string(r))
	}
	flush()
	return strings.ReplaceAll(b.String(), " \n", "\n") // a space before Chinese is a word of its own
}

func closing(r rune) bool {
	return strings.ContainsRune("，。：；、）」』》！？”’…", r) || unicode.Is(unicode.Pe, r)
}
func opening(r rune) bool {
	return strings.ContainsRune("（「『《“‘", r) || unicode.Is(unicode.Ps, r)
}
