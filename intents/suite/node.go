package suite

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// The limits of a suite. They keep the cost of refusing a hostile one low.
const (
	maxText    = 1 << 20
	maxAliases = 100
	maxNodes   = 300_000
	maxDepth   = 64
	maxCases   = 10_000
	maxFilled  = 1_000_000
)

// node is a value of a suite with its place; aliases are resolved in it.
type node struct {
	Pos
	kind  kind
	value string  // of a scalar, as written
	tag   string  // of a scalar: its YAML tag, such as !!int
	named bool    // the value came from a name: it may be used as text, too
	items []*node // of a list
	keys  []*node // of a map, and its values in items
}

type kind int

const (
	scalarKind kind = iota
	listKind
	mapKind
)

func (k kind) String() string { return [...]string{"a value", "a list", "a map"}[k] }

// get returns the value of a key, or nil.
func (n *node) get(key string) *node {
	if n == nil || n.kind != mapKind {
		return nil
	}
	for i, k := range n.keys {
		if k.value == key {
			return n.items[i]
		}
	}
	return nil
}

// isText reports whether YAML reads it as a string, or as a type that JSON only
// has strings for.
func (n *node) isText() bool {
	return n.kind == scalarKind && (n.named || n.tag == "!!str" || n.tag == "!!timestamp" || n.tag == "!!merge")
}

func (n *node) isNull() bool { return n.kind == scalarKind && n.tag == "!!null" }

// parse reads the text into nodes. What can't be read is a problem.
func parse(file string, data []byte) (*node, []Problem) {
	fail := func(line, column int, hint, format string, args ...any) (*node, []Problem) {
		return nil, []Problem{{File: file, Line: line, Column: column, Message: fmt.Sprintf(format, args...), Hint: hint}}
	}
	switch {
	case len(data) > maxText:
		return fail(0, 0, "split it into several suites", "the suite has %d bytes: more than 1 MiB", len(data))
	case !utf8.Valid(data):
		line, column := invalidAt(data)
		return fail(line, column, "save the file as UTF-8", "this is not UTF-8 text")
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var first, second yaml.Node
	if err := decoder.Decode(&first); err != nil && !errors.Is(err, io.EOF) {
		return syntax(file, data, err)
	}
	if first.Kind != yaml.DocumentNode || len(first.Content) == 0 {
		return fail(1, 1, "wxctl run --example prints a suite to start from", "the suite is empty")
	}
	if err := decoder.Decode(&second); err == nil && second.Kind != 0 {
		at := &second
		if len(second.Content) > 0 {
			at = second.Content[0]
		}
		return fail(at.Line, at.Column, "put the second suite into a file of its own", "a second document begins here: a suite is one")
	} else if err != nil && !errors.Is(err, io.EOF) {
		return syntax(file, data, err)
	}
	r := &resolver{file: file}
	root := r.resolve(first.Content[0], 0)
	return root, r.problems
}

// syntax is the problem of a text that is not valid YAML.
func syntax(file string, data []byte, err error) (*node, []Problem) {
	p := Problem{File: file, Line: 1, Column: 1, Message: "this can't be read as YAML: " + err.Error()}
	var load *yaml.LoadError
	if errors.As(err, &load) {
		p.Message = "this can't be read as YAML: " + load.Message
		if load.Mark.Line > 0 {
			p.Line, p.Column = load.Mark.Line, max(load.Mark.Column, 1)
		}
		if at := load.ContextMark.Line; at > 0 && at != p.Line {
			p.Hint = fmt.Sprintf("look at what begins on line %d", at)
		}
		switch {
		case nameUnquoted(data, p.Line, p.Column):
			p.Hint = "inside { } and [ ], put a text with ${…} in quotes"
		case strings.Contains(load.Message, "mapping values are not allowed"):
			p.Hint = "put a text that holds a colon and a space in quotes"
		case strings.Contains(load.Message, "cannot start any token"):
			p.Hint = "indent with spaces, not with tabs, and put a text that begins with @ or ` in quotes"
		case strings.Contains(load.Message, "unknown anchor"):
			p.Hint = "put a text that begins with * in quotes"
		}
	}
	return nil, []Problem{p}
}

// nameUnquoted reports whether the brace of an unquoted ${…}, which YAML reads
// as the beginning of a map, is at a place.
func nameUnquoted(data []byte, line, column int) bool {
	lines := strings.Split(string(data), "\n")
	if line > len(lines) {
		return false
	}
	text := []rune(lines[line-1])
	return column > 1 && column <= len(text) && text[column-1] == '{' && text[column-2] == '$'
}

// invalidAt is where the first byte is that is not UTF-8.
func invalidAt(data []byte) (line, column int) {
	line, column = 1, 1
	for len(data) > 0 {
		r, size := utf8.DecodeRune(data)
		switch {
		case r == utf8.RuneError && size == 1:
			return line, column
		case r == '\n':
			line, column = line+1, 1
		default:
			column++
		}
		data = data[size:]
	}
	return line, column
}

// resolver copies YAML's nodes into ours. Aliases are bounded: a few hundred
// bytes of them can stand for more than fits any memory.
type resolver struct {
	file           string
	aliases, nodes int
	problems       []Problem
	full           bool
}

func (r *resolver) problem(n *yaml.Node, hint, format string, args ...any) {
	r.problems = append(r.problems, Problem{File: r.file, Line: n.Line, Column: n.Column, Message: fmt.Sprintf(format, args...), Hint: hint})
}

func (r *resolver) resolve(n *yaml.Node, depth int) *node {
	out := &node{Pos: Pos{n.Line, n.Column}, tag: n.Tag, value: n.Value}
	r.nodes++
	switch {
	case r.full:
		return out
	case r.nodes > maxNodes:
		r.full = true
		r.problem(n, "split it into several suites", "the suite has too many values: more than %d with its aliases", maxNodes)
		return out
	case depth > maxDepth:
		r.full = true
		r.problem(n, "a suite needs no more than a handful", "this is nested %d levels deep", depth)
		return out
	case n.Kind == yaml.AliasNode:
		r.aliases++
		if r.aliases > maxAliases {
			r.full = true
			r.problem(n, "write the values out, or use vars", "more than %d aliases: this one is *%s", maxAliases, n.Value)
			return out
		}
		return r.resolve(n.Alias, depth+1)
	}
	if n.Style&yaml.TaggedStyle != 0 {
		r.problem(n, "remove the tag; put a text in quotes", "the tag %s is not allowed in a suite", n.Tag)
	}
	switch n.Kind {
	case yaml.SequenceNode:
		out.kind = listKind
		for _, c := range n.Content {
			out.items = append(out.items, r.resolve(c, depth+1))
		}
	case yaml.MappingNode:
		out.kind = mapKind
		r.entries(n, out, depth)
	}
	return out
}

func (r *resolver) entries(n *yaml.Node, out *node, depth int) {
	lines := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := r.resolve(n.Content[i], depth+1)
		value := r.resolve(n.Content[i+1], depth+1)
		if key.kind != scalarKind {
			r.problem(n.Content[i], "write a word, then a colon", "a key must be a word, not %s", key.kind)
			continue
		}
		if line, twice := lines[key.value]; twice {
			r.problem(n.Content[i], "remove one of them", "%q is here a second time: the first is on line %d", key.value, line)
			continue
		}
		lines[key.value] = key.Line
		out.keys, out.items = append(out.keys, key), append(out.items, value)
	}
}
