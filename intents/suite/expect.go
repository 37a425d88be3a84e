package suite

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/itchyny/gojq"
)

func sum(text []byte) [sha256.Size]byte { return sha256.Sum256(text) }

// Expectation says what one value of a command's JSON object must be.
type Expectation struct {
	// Path is the dotted path of the value: "reply.errCode". "exit" is the exit
	// code.
	Path  string  `json:"path"`
	Pos   Pos     `json:"pos"`
	Match Matcher `json:"match"`
	// AtLeast is the state that Match was made from: it and all stronger ones
	// match.
	AtLeast string `json:"atLeast,omitempty"`
}

// Matcher says what a value must be. All conditions that are set must hold.
type Matcher struct {
	Is       raw      `json:"is,omitempty"`
	Glob     *string  `json:"glob,omitempty"`
	Matches  *string  `json:"matches,omitempty"` // RE2
	Contains raw      `json:"contains,omitempty"`
	Min      *float64 `json:"min,omitempty"`
	Max      *float64 `json:"max,omitempty"`
	OneOf    []raw    `json:"oneOf,omitempty"`
	Exists   *bool    `json:"exists,omitempty"`
	Not      *Matcher `json:"not,omitempty"`
	All      *Matcher `json:"all,omitempty"` // every element of a list
}

// matcherDocs describe the words of a matcher, in the order of the reference.
var matcherDocs = []struct{ name, doc, example string }{
	{"is", "equal, of the same kind: the text \"0\" is not the number 0", "is: opened"},
	{"glob", "text that a pattern fits: * any characters, ? one, [a-z] one of these", `glob: "*picker*"`},
	{"matches", "text in which a regular expression (RE2) is found", `matches: "^8\\."`},
	{"contains", "text that holds this text, or a list that holds this value", `contains: picker`},
	{"min", "a number that is at least this", "min: 1"},
	{"max", "a number that is at most this", "max: 8000"},
	{"oneOf", "equal to one of these", "oneOf: [0, -2]"},
	{"exists", "true: there, and not null; false: absent or null", "exists: true"},
	{"not", "what must not hold: a value or a matcher", "not: {glob: \"*denied*\"}"},
	{"all", "what every element of a list must be; without it, one is enough", "all: {max: 500}"},
}

func matcherNames() []string {
	names := make([]string, len(matcherDocs))
	for i, m := range matcherDocs {
		names[i] = m.name
	}
	return names
}

// expect reads the value of "expect".
func (c *checker) expect(n *node) ([]Expectation, []JQ) {
	if n.kind != mapKind {
		c.problem(n.Pos, "write a map, such as expect: {state: opened}", `"expect" must be a map, not %s`, say(n))
		return nil, nil
	}
	var all []Expectation
	var jq []JQ
	for i, key := range n.keys {
		value := n.items[i]
		switch key.value {
		case "jq":
			jq = c.jq(value)
		case "exit":
			if m := c.exit(value); m != nil {
				all = append(all, Expectation{Path: "exit", Pos: value.Pos, Match: *m})
			}
		default:
			all = append(all, c.expectAt(key, value, "")...)
		}
	}
	return all, jq
}

func (c *checker) jq(n *node) []JQ {
	var all []JQ
	for _, e := range alone(n) {
		if e.kind != scalarKind || !e.isText() {
			c.problem(e.Pos, "", `"jq" must be an expression that gives true, not %s`, say(e))
			continue
		}
		if !hasNames(e.value) {
			if _, err := compile(unescape(e.value)); err != nil {
				c.problem(e.Pos, "try the expression with jq itself", "%s is not a jq expression: %v", say(e), err)
			}
		}
		all = append(all, JQ{Expression: e.value, Pos: e.Pos})
	}
	return all
}

// compile gives the expression no environment: it could read secrets there.
func compile(expression string) (*gojq.Code, error) {
	query, err := gojq.Parse(expression)
	if parse := (*gojq.ParseError)(nil); errors.As(err, &parse) && parse.Token == "" { // gojq calls that EOF
		return nil, errors.New("it ends too early")
	}
	if err != nil {
		return nil, err
	}
	return gojq.Compile(query, gojq.WithEnvironLoader(func() []string { return nil }))
}

// exit reads an expected exit code.
func (c *checker) exit(n *node) *Matcher {
	if n.kind == scalarKind && !hasNames(n.value) {
		if code, err := strconv.Atoi(n.value); n.tag != "!!int" || err != nil || code < 0 || code > 255 {
			c.problem(n.Pos, "wxctl help exit-codes lists them", `"exit" must be an exit code, not %s`, say(n))
			return nil
		}
	}
	return c.matcher(n, "exit")
}

// expectAt reads the expectations at a path, and below it.
func (c *checker) expectAt(key, n *node, above string) []Expectation {
	path := above + key.value
	if path == "" || strings.HasPrefix(path, ".") || strings.HasSuffix(path, ".") || strings.Contains(path, "..") {
		c.problem(key.Pos, "write names with dots between them, such as reply.errCode", "%q is not a path", shorten(path, 80))
		return nil
	}
	if n.kind == mapKind && !c.isMatcher(n) {
		var all []Expectation
		if len(n.keys) == 0 {
			c.problem(n.Pos, "", "%q is expected to be nothing: give a value or a matcher", shorten(path, 80))
		}
		for i, k := range n.keys {
			if w := Near(k.value, matcherNames()); w != "" && edits(k.value, w) <= 2 && edits(k.value, w) < len(w)-1 {
				c.problem(k.Pos, "did you mean "+w+"?", "%q is not a matcher", shorten(k.value, 80))
				continue
			}
			all = append(all, c.expectAt(k, n.items[i], path+".")...)
		}
		return all
	}
	m := c.matcher(n, path)
	if m == nil {
		return nil
	}
	e := Expectation{Path: path, Pos: n.Pos, Match: *m}
	if path == "state" && n.kind == scalarKind && slices.Contains(c.v.States, n.value) {
		e.AtLeast = n.value
	}
	return []Expectation{e}
}

// isMatcher reports whether all keys are words of matchers.
func (c *checker) isMatcher(n *node) bool {
	known := 0
	for _, k := range n.keys {
		if slices.Contains(matcherNames(), k.value) {
			known++
		}
	}
	return known > 0 && 2*known >= len(n.keys)
}

// matcher reads a value or a matcher; nil if it is invalid.
func (c *checker) matcher(n *node, path string) *Matcher {
	if n.kind != mapKind {
		return c.value(n, path)
	}
	m := &Matcher{}
	for i, key := range n.keys {
		v := n.items[i]
		switch key.value {
		case "is":
			m.Is = c.literal(v, path)
		case "contains":
			m.Contains = c.literal(v, "")
		case "glob", "matches":
			c.pattern(m, key.value, v)
		case "min", "max":
			c.bound(m, key.value, v)
		case "oneOf":
			if v.kind != listKind || len(v.items) == 0 {
				c.problem(v.Pos, "", `"oneOf" must be a list of values, not %s`, say(v))
				continue
			}
			for _, item := range v.items {
				m.OneOf = append(m.OneOf, c.literal(item, path))
			}
		case "exists":
			if v.tag != "!!bool" {
				c.problem(v.Pos, "", `"exists" must be true or false, not %s`, say(v))
			}
			m.Exists = new(v.value == "true")
		case "not":
			m.Not = c.matcher(v, path)
		case "all":
			m.All = c.matcher(v, path)
		default:
			c.problem(key.Pos, didYouMean(key.value, matcherNames()), "%q is not a matcher", shorten(key.value, 80))
		}
	}
	return m
}

// value is the matcher of a plain value. A state also matches all stronger
// ones.
func (c *checker) value(n *node, path string) *Matcher {
	literal := c.literal(n, path)
	if path == "state" && n.kind == scalarKind {
		if i := slices.Index(c.v.States, n.value); i >= 0 {
			m := &Matcher{}
			for _, state := range c.v.States[i:] {
				text, _ := marshal(state) // strings never fail
				m.OneOf = append(m.OneOf, text)
			}
			return m
		}
	}
	return &Matcher{Is: literal}
}

// literal is a value as JSON. Some paths allow only a fixed set of values.
func (c *checker) literal(n *node, path string) raw {
	for p, words := range map[string][]string{"state": c.v.States, "screen": c.v.Screens} {
		if p == path && n.kind == scalarKind && !n.isNull() && !hasNames(n.value) && !slices.Contains(words, n.value) {
			c.problem(n.Pos, didYouMean(n.value, words), "%q must be %s, not %s", path, orList(words), say(n))
		}
	}
	v := c.plain(n)
	text, err := marshal(v)
	if err != nil {
		return raw("null") // plain values never fail
	}
	return text
}

// plain is a node as the types that encoding/json uses.
func (c *checker) plain(n *node) any {
	switch n.kind {
	case listKind:
		all := []any{}
		for _, item := range n.items {
			all = append(all, c.plain(item))
		}
		return all
	case mapKind:
		all := map[string]any{}
		for i, key := range n.keys {
			all[key.value] = c.plain(n.items[i])
		}
		return all
	}
	switch n.tag {
	case "!!null":
		return nil
	case "!!bool":
		return n.value == "true" || n.value == "True" || n.value == "TRUE"
	case "!!int", "!!float":
		if !numberForm().MatchString(n.value) {
			c.problem(n.Pos, "write it as JSON does, or put it in quotes if it is text", "the number %s can be read in several ways", say(n))
			return nil
		}
		return json.Number(n.value)
	}
	return n.value
}

// numberForm matches a number in JSON.
var numberForm = pattern(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)

func (c *checker) pattern(m *Matcher, name string, n *node) {
	if n.kind != scalarKind || !n.isText() {
		c.problem(n.Pos, "put it in quotes", "%q must be text, not %s", name, say(n))
		return
	}
	var err error
	if name == "glob" {
		m.Glob = &n.value
		_, err = globRegexp(unescape(n.value))
	} else {
		m.Matches = &n.value
		_, err = regexp.Compile(unescape(n.value))
		if err != nil {
			err = errors.New(strings.TrimPrefix(err.Error(), "error parsing regexp: "))
		}
	}
	if err != nil && !hasNames(n.value) {
		c.problem(n.Pos, "", "%s is not a pattern: %v", say(n), err)
	}
}

func (c *checker) bound(m *Matcher, name string, n *node) {
	f, err := strconv.ParseFloat(n.value, 64)
	if n.tag != "!!int" && n.tag != "!!float" || err != nil || !numberForm().MatchString(n.value) {
		c.problem(n.Pos, "", "%q must be a number, not %s", name, say(n))
		return
	}
	if name == "min" {
		m.Min = &f
	} else {
		m.Max = &f
	}
}
