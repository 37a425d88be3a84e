package suite

import (
	"fmt"
	"iter"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Names are written as ${name} in text; $${ is a literal ${.

// reference matches ${name}, an escaped ${, or an unfinished one.
var reference = pattern(`\$?\$\{[^{}]*\}?`)

// pattern returns a function that compiles a regular expression on first use:
// most runs of the program need none.
func pattern(expression string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}

// namesIn yields the names in a text, in order.
func namesIn(s string) iter.Seq[string] {
	return func(yield func(string) bool) {
		if !strings.Contains(s, "${") {
			return // the common case
		}
		for _, ref := range reference().FindAllString(s, -1) {
			if !strings.HasPrefix(ref, "$$") && !yield(nameOf(ref)) {
				return
			}
		}
	}
}

func nameOf(ref string) string {
	return strings.TrimSpace(strings.TrimSuffix(strings.TrimPrefix(ref, "${"), "}"))
}

func hasNames(s string) bool {
	for range namesIn(s) {
		return true
	}
	return false
}

func escape(s string) string   { return strings.ReplaceAll(s, "${", "$${") }
func unescape(s string) string { return strings.ReplaceAll(s, "$${", "${") }

// Fill replaces names by their values. It is used while a case runs, for what
// was not known before: the phone and what earlier steps captured.
func Fill(s string, value func(name string) (string, bool)) (string, error) {
	var unknown string
	filled := reference().ReplaceAllStringFunc(s, func(ref string) string {
		if rest, ok := strings.CutPrefix(ref, "$${"); ok {
			return "${" + rest
		}
		v, ok := value(nameOf(ref))
		if !ok && unknown == "" {
			unknown = nameOf(ref)
		}
		return v
	})
	if unknown != "" {
		return "", fmt.Errorf("${%s} has no value", unknown)
	}
	return filled, nil
}

// DeviceNames are the names for a phone's properties, which are known when a
// case runs.
func DeviceNames() []string {
	return []string{"device.id", "device.name", "device.model", "device.platform", "device.osVersion"}
}

// scope holds what names mean at one place of a suite.
type scope struct {
	values map[string]*node // known now
	later  []string         // known when the case runs
	below  []string         // variables that are defined further down
}

// with returns a scope with additional values, each under its own name and
// under group.name.
func (s scope) with(group string, values map[string]*node) scope {
	more := scope{values: map[string]*node{}, later: s.later}
	for name, v := range s.values {
		more.values[name] = v
	}
	for name, v := range values {
		more.values[name], more.values[group+"."+name] = v, v
	}
	return more
}

func (s scope) andLater(names ...string) scope {
	return scope{values: s.values, later: append(slices.Clone(s.later), names...)}
}

func (s scope) names() []string {
	names := slices.Clone(s.later)
	for name := range s.values {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// fill returns a copy of a node with known names replaced. Names that become
// known later stay; unknown names are problems.
func (c *checker) fill(n *node, s scope) *node {
	if n == nil {
		return nil
	}
	c.filled++
	out := *n
	if n.kind != scalarKind {
		out.items = make([]*node, len(n.items))
		for i, item := range n.items {
			out.items[i] = c.fill(item, s)
		}
		return &out
	}
	if !strings.Contains(n.value, "${") {
		return &out
	}
	// A value that is only a name keeps the type of what the name stands for.
	if ref := reference().FindString(n.value); ref == n.value && !strings.HasPrefix(ref, "$$") {
		if v := s.values[nameOf(ref)]; v != nil {
			out.tag, out.named = v.tag, true
		}
	}
	out.value = reference().ReplaceAllStringFunc(n.value, func(ref string) string {
		if strings.HasPrefix(ref, "$$") {
			return ref
		}
		name := nameOf(ref)
		switch v := s.values[name]; {
		case !strings.HasSuffix(ref, "}"):
			c.problem(n.Pos, "close it with }, or write $${ for the characters themselves", "%q is not closed", shorten(ref, 40))
			return escape(ref)
		case v != nil:
			return v.value
		case slices.Contains(s.later, name):
			return "${" + name + "}"
		}
		hint := didYouMean(name, s.names())
		if slices.Contains(s.below, name) {
			hint = "a variable can use those above it: move it up"
		}
		if hint == "" && strings.HasPrefix(name, "env.") {
			hint = "list it under env"
		}
		if hint == "" {
			hint = "write $${ for the characters themselves"
		}
		c.problem(n.Pos, hint, "unknown name %q in ${%s}", shorten(name, 40), shorten(name, 40))
		return escape(ref)
	})
	return &out
}
