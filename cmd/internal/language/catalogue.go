package language

import (
	"cmp"
	_ "embed"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// chinese is the catalogue, in the form of gotext, the tool of
// golang.org/x/text.
//
//go:embed zh.gotext.json
var chinese []byte

// Message is an entry of a catalogue file.
type Message struct {
	ID          string `json:"id"`          // the English format
	Translation string `json:"translation"` // the same in the file's language
}

// Catalogue translates English sentences. Its methods may be called from
// several goroutines.
type Catalogue struct {
	formats  map[string]*format
	patterns []*format // the formats that a sentence is compared with, the most specific first
	tails    []*format // formats that can follow another sentence
}

// Load reads the catalogue of a language; English has none.
func Load(l Language) (*Catalogue, error) {
	if l != Chinese {
		return nil, nil
	}
	return parse(chinese)
}

func parse(data []byte) (*Catalogue, error) {
	var file struct {
		Messages []Message `json:"messages"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, err
	}
	c := &Catalogue{formats: make(map[string]*format, len(file.Messages))}
	for _, m := range file.Messages {
		if m.Translation == "" {
			continue
		}
		f := newFormat(m.ID)
		f.translation = m.Translation
		c.formats[m.ID] = f
		if f.specific() {
			c.patterns = append(c.patterns, f)
		}
		if strings.HasPrefix(m.ID, "; ") || strings.HasPrefix(m.ID, ", ") {
			c.tails = append(c.tails, f)
		}
	}
	slices.SortStableFunc(c.patterns, func(a, b *format) int {
		return cmp.Or(cmp.Compare(b.weight, a.weight), cmp.Compare(b.exact, a.exact), cmp.Compare(b.length, a.length))
	})
	return c, nil
}

// format is a parsed English format: literals with verbs between them.
type format struct {
	translation string
	literals    []string // one more than verbs
	verbs       []verb
	weight      int // how specific the format is: the number of letters, plus two for each punctuation mark
	exact       int // number of values that have a recognizable form
	length      int // of the literals
	compiled    func() *regexp.Regexp
}

// verb is a placeholder for a value.
type verb struct {
	spec  string // as in the format, without an index
	kind  byte   // its last letter
	index int    // index of the value, from 0
}

var verbs = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`%[-+# 0]*\*?\d*(?:\.\d+)?(?:\[(\d+)\])?[a-zA-Z%]`)
})

// newFormat parses a format.
func newFormat(text string) *format {
	f := &format{}
	rest, literal := text, ""
	for strings.Contains(rest, "%") {
		at := verbs().FindStringSubmatchIndex(rest)
		if at == nil {
			break
		}
		spec := rest[at[0]:at[1]]
		literal += rest[:at[0]]
		index := len(f.verbs)
		if at[2] >= 0 {
			n, _ := strconv.Atoi(rest[at[2]:at[3]])
			index, spec = n-1, strings.Replace(spec, "["+rest[at[2]:at[3]]+"]", "", 1)
		}
		rest = rest[at[1]:]
		if spec == "%%" {
			literal += "%"
			continue
		}
		f.literals, literal = append(f.literals, literal), ""
		f.verbs = append(f.verbs, verb{spec, spec[len(spec)-1], index})
	}
	f.literals = append(f.literals, literal+rest)
	words := strings.Join(f.literals, "")
	f.length = len(words)
	for i := range len(words) {
		switch r := words[i]; {
		case r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z':
			f.weight++
		case strings.IndexByte(",;:()", r) >= 0:
			f.weight += 2
		}
	}
	for _, v := range f.verbs {
		if v.kind == 'q' || v.kind == 'd' {
			f.exact++
		}
	}
	f.compiled = sync.OnceValue(f.compile)
	return f
}

// fewest is the minimum weight of a format for recognizing a sentence: "%s and
// %s" would also match a phone's name.
const fewest = 5

func (f *format) specific() bool {
	return len(f.verbs) > 0 && (f.weight >= fewest || f.exact == len(f.verbs) && f.weight > 1)
}

// compile builds the regular expression that matches the format's output. A
// quoted value or a number is recognized by its form; any other value matches
// as little text as possible.
func (f *format) compile() *regexp.Regexp {
	var b strings.Builder
	b.WriteString(`(?s)\A` + regexp.QuoteMeta(f.literals[0]))
	for i, v := range f.verbs {
		switch v.kind {
		case 'q':
			b.WriteString(`(\[?"(?:[^"\\]|\\.)*"(?: "(?:[^"\\]|\\.)*")*\]?|` + "`[^`]*`" + `|\[\])`)
		case 'd':
			b.WriteString(`( *-?\d+)`)
		default:
			b.WriteString(`(.*?)`)
		}
		b.WriteString(regexp.QuoteMeta(f.literals[i+1]))
	}
	return regexp.MustCompile(b.String() + `\z`)
}

// values are what stands in text at the format's verbs, if the format printed it.
func (f *format) values(text string) ([]string, bool) {
	if !strings.HasPrefix(text, f.literals[0]) || !strings.HasSuffix(text, f.literals[len(f.literals)-1]) {
		return nil, false
	}
	at := 0
	for _, literal := range f.literals { // much cheaper than the expression
		i := strings.Index(text[at:], literal)
		if i < 0 {
			return nil, false
		}
		at += i + len(literal)
	}
	found := f.compiled().FindStringSubmatch(text)
	if found == nil {
		return nil, false
	}
	values := make([]string, len(found)-1)
	for i, v := range f.verbs {
		if v.index < len(values) {
			values[v.index] = found[i+1]
		}
	}
	return values, true
}

// fill puts values, which are text already, into a translated format.
func fill(translated string, values []string) string {
	f := newFormat(translated)
	var b strings.Builder
	for i, v := range f.verbs {
		b.WriteString(f.literals[i])
		if v.index < len(values) {
			b.WriteString(values[v.index])
		}
	}
	b.WriteString(f.literals[len(f.verbs)])
	return b.String()
}

// Format is fmt.Sprintf in the catalogue's language. Values that are sentences
// of wxctl's are translated, too; quoted ones are not.
func (c *Catalogue) Format(id string, args ...any) string {
	if body := strings.TrimSpace(id); body != id && body != "" {
		before, after, _ := strings.Cut(id, body)
		return before + c.Format(body, args...) + after
	}
	f, ok := c.formats[id]
	if !ok {
		f = newFormat(id)
	}
	if len(f.verbs) == 0 {
		return c.Text(fmt.Sprintf(id, args...))
	}
	values := make([]string, len(args))
	for _, v := range f.verbs {
		if v.index >= len(args) || strings.Contains(v.spec, "*") {
			return fmt.Sprintf(id, args...)
		}
		values[v.index] = c.printed(v, args[v.index])
	}
	if !ok {
		return fill(id, values)
	}
	return fill(f.translation, values)
}

// printed is a value as its verb prints it, translated if it may be.
func (c *Catalogue) printed(v verb, arg any) string {
	if v.kind == 'w' {
		v.spec = "%v"
	}
	if v.kind != 's' && v.kind != 'v' && v.kind != 'w' {
		return fmt.Sprintf(v.spec, arg)
	}
	plain := fmt.Sprint(arg)
	translated := c.Text(plain)
	if translated == plain {
		return fmt.Sprintf(v.spec, arg)
	}
	size, err := strconv.Atoi(strings.TrimLeft(v.spec[1:len(v.spec)-1], "-"))
	if err != nil {
		return translated
	}
	padding := strings.Repeat(" ", max(0, size-Columns(translated)))
	if strings.HasPrefix(v.spec, "%-") {
		return translated + padding
	}
	return padding + translated
}
