package suite

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// checker checks nodes against shapes, and collects all problems.
type checker struct {
	file     string
	v        *Vocabulary
	t        *tables
	problems []Problem
	filled   int // values that were filled in
}

func (c *checker) problem(at Pos, hint, format string, args ...any) {
	c.problems = append(c.problems, Problem{File: c.file, Line: at.Line, Column: at.Column, Message: fmt.Sprintf(format, args...),
		Hint: hint})
}

// say names a node in a sentence.
func say(n *node) string {
	switch {
	case n.kind != scalarKind:
		return n.kind.String()
	case n.isNull():
		return "nothing"
	case n.isText():
		return strconv.Quote(shorten(n.value, 80))
	}
	return shorten(n.value, 80)
}

func shorten(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

// check checks the value of what, which is the name used in messages, against a
// shape.
func (c *checker) check(n *node, s shape, what string) {
	switch s := s.(type) {
	case object:
		c.object(n, s, what)
	case list:
		c.list(n, s, what)
	case choice:
		if n.kind == mapKind {
			c.object(n, s.object, what)
		} else {
			c.check(n, s.scalar, what)
		}
	case text:
		c.text(n, s, what)
	case scalar:
		if n.kind != scalarKind || n.isNull() {
			c.problem(n.Pos, `give it a value, such as "" for an empty text`, "%s must be a single value, not %s", what, say(n))
		} else if !s.names {
			c.settled(n, what)
		}
	case boolean:
		if n.tag != "!!bool" {
			c.problem(n.Pos, "", "%s must be true or false, not %s", what, say(n))
		}
	case integer:
		if v, err := strconv.Atoi(n.value); n.tag != "!!int" || err != nil || v < s.min || v > s.max {
			between := fmt.Sprintf("a whole number from %d to %d", s.min, s.max)
			if s.min == s.max {
				between = strconv.Itoa(s.min)
			}
			c.problem(n.Pos, "", "%s must be %s, not %s", what, between, say(n))
		}
	case commandName:
		c.commandName(n)
	case flags:
		if n.kind != mapKind {
			c.problem(n.Pos, "write flags as a map, such as with: {scene: session}", "%s must be a map of flags, not %s", what, say(n))
		}
	case expectations:
		c.expect(n)
	}
}

func (c *checker) object(n *node, o object, what string) {
	if n.kind != mapKind {
		c.problem(n.Pos, "", "%s must be a map, not %s", what, say(n))
		return
	}
	for i, key := range n.keys {
		f := slices.IndexFunc(o.fields, func(f field) bool { return f.name == key.value })
		switch {
		case f >= 0:
			c.check(n.items[i], o.fields[f].shape, strconv.Quote(key.value))
		case o.free != nil:
			c.freeKey(n.items[i], key, o)
		default:
			c.problem(key.Pos, didYouMean(key.value, fieldNames(o.fields)), "unknown key %q of %s", shorten(key.value, 80), o.name)
		}
	}
	for _, f := range o.fields {
		if f.required && n.get(f.name) == nil {
			c.problem(n.Pos, "", "%s needs %q", o.name, f.name)
		}
	}
	if o.inner != nil {
		o.inner(c, n)
	}
	if n.get("do") != nil {
		c.flags(n)
	}
}

func (c *checker) freeKey(n, key *node, o object) {
	if !nameForm().MatchString(key.value) {
		c.problem(key.Pos, "use letters, digits and _, beginning with a letter", "%q can't be a name in %s", shorten(key.value, 80), o.name)
	} else if slices.Contains(reserved, key.value) {
		c.problem(key.Pos, "choose another name", "%q can't be a name in %s: wxctl uses it itself", key.value, o.name)
	}
	c.check(n, o.free, strconv.Quote(key.value)+" of "+o.name)
}

var (
	nameForm = pattern(`^[A-Za-z][A-Za-z0-9_]*$`)
	envForm  = pattern(`^[A-Za-z_][A-Za-z0-9_]*$`)
	// reserved are the names that have names below them.
	reserved = []string{"vars", "env", "run", "device", "matrix"}
)

func fieldNames(fields []field) []string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.name
	}
	return names
}

func (c *checker) list(n *node, l list, what string) {
	switch {
	case n.kind == listKind:
		if len(n.items) < l.min {
			c.problem(n.Pos, "", "%s must not be empty", what)
		}
		for _, item := range n.items {
			c.check(item, l.of, element(l.of, what))
		}
	case l.alone && n.kind == scalarKind:
		c.check(n, l.of, what)
	default:
		c.problem(n.Pos, "", "%s must be a list, not %s", what, say(n))
	}
}

// element is the name used in messages for one value of a list.
func element(s shape, what string) string {
	if o, ok := s.(object); ok {
		return o.name
	}
	return "each value of " + what
}

func (c *checker) text(n *node, t text, what string) {
	switch {
	case n.kind != scalarKind || n.isNull():
		c.problem(n.Pos, "", "%s must be %s, not %s", what, t.called(), say(n))
		return
	case !t.names && !c.settled(n, what):
		return
	case len(t.words) > 0:
		if !slices.Contains(t.words, n.value) || !n.isText() {
			c.problem(n.Pos, didYouMean(n.value, t.words), "%s must be %s, not %s", what, t.called(), say(n))
		}
		return
	case !n.isText():
		hint := "put it in quotes"
		if t.format == "duration" {
			hint = "give a unit, such as " + durationExample
		}
		c.problem(n.Pos, hint, "%s must be %s, not %s", what, t.called(), say(n))
		return
	}
	c.format(n, t, what)
}

func (c *checker) format(n *node, t text, what string) {
	value := unescape(n.value)
	switch t.format {
	case "duration":
		if d, err := time.ParseDuration(value); err != nil || d <= 0 {
			c.problem(n.Pos, "", "%s must be %s, not %s", what, t.called(), say(n))
		}
	case "selector":
		if err := c.v.Selector(value); err != nil {
			c.problem(n.Pos, "", "%s does not select phones: %v", what, err)
		}
	case "name":
		if !envForm().MatchString(value) {
			c.problem(n.Pos, "", "%s must be the name of an environment variable, not %s", what, say(n))
		}
	case "line":
		if strings.TrimSpace(value) == "" || strings.ContainsFunc(value, func(r rune) bool { return r < 0x20 || r == 0x7f }) {
			c.problem(n.Pos, "", "%s must be text on one line, not %s", what, say(n))
		}
	}
}

func (t text) called() string {
	switch {
	case len(t.words) > 0:
		return orList(t.words)
	case t.format == "duration":
		return "a duration such as " + durationExample
	}
	return "text"
}

func orList(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

// settled refuses names whose values are known only when the case runs.
func (c *checker) settled(n *node, what string) bool {
	for name := range namesIn(n.value) {
		c.problem(n.Pos, "use it in with, args or expect", "%s can't use ${%s}: its value is known only when the case runs", what, name)
		return false
	}
	return true
}

// doOrSteps checks that a case has either one command or several steps.
func (c *checker) doOrSteps(n *node) {
	do, steps := n.get("do"), n.get("steps")
	switch {
	case do == nil && steps == nil:
		c.problem(n.Pos, "", `a case needs "do" or "steps"`)
	case do != nil && steps != nil:
		c.problem(do.Pos, "make it the first of the steps", `a case has "do" or "steps", not both`)
	case do == nil:
		for i, key := range n.keys {
			if slices.Contains([]string{"with", "args", "expect", "capture"}, key.value) {
				c.problem(n.keys[i].Pos, "move it into one of the steps", "%q belongs to a step where a case has steps", key.value)
			}
		}
	}
}

func (c *checker) commandName(n *node) {
	switch {
	case n.kind != scalarKind || !n.isText():
		c.problem(n.Pos, "", `"do" must be a command such as "share webpage", not %s`, say(n))
	case c.v.Command(n.value) != nil:
	case strings.Contains(n.value, " -"):
		c.problem(n.Pos, "put the flags into with, without their dashes", `"do" takes no flags: %s`, say(n))
	default:
		word := strings.TrimPrefix(n.value, "wxctl ")
		hint := didYouMean(word, c.v.names())
		if hint == "" {
			hint = "wxctl help lists the commands; streams and settings can't be steps"
		}
		c.problem(n.Pos, hint, "%s is not a command that a suite can run", say(n))
	}
}

// flags checks "with" and "args" against the step's command.
func (c *checker) flags(step *node) {
	command := c.v.Command(step.get("do").value)
	if command == nil {
		return
	}
	if args := step.get("args"); args != nil && !command.Args {
		c.problem(args.Pos, "give flags in with", "%q takes no arguments", command.Name)
	}
	with := step.get("with")
	if with == nil || with.kind != mapKind {
		return
	}
	for i, key := range with.keys {
		f, value := command.flag(key.value), with.items[i]
		if why, refused := command.Refused[key.value]; refused {
			c.problem(key.Pos, why, "the flag %q can't be set in a suite", key.value)
			continue
		}
		if f == nil {
			hint := didYouMean(strings.TrimLeft(key.value, "-"), command.flagNames())
			if hint == "" {
				hint = "wxctl " + command.Name + " --help lists the flags"
			}
			c.problem(key.Pos, hint, "%q has no flag %q", command.Name, shorten(key.value, 80))
			continue
		}
		values := []*node{value}
		if f.list() && value.kind == listKind {
			values = value.items
		}
		for _, v := range values {
			c.flag(v, f)
		}
	}
}

func (c *checker) flag(n *node, f *CommandFlag) {
	switch {
	case n.kind != scalarKind:
		c.problem(n.Pos, "", "the flag %q takes a single value, not %s", f.Name, say(n))
	case n.isNull():
		c.problem(n.Pos, `write "" for an empty text`, "the flag %q has no value", f.Name)
	case hasNames(n.value), strings.Contains(n.value, "$${"): // an unknown name or an escape remains in the text
	case f.Type == "bool":
		if n.value != "true" && n.value != "false" {
			c.problem(n.Pos, "", "the flag %q is true or false, not %s", f.Name, say(n))
		}
	default:
		if err := f.Check(unescape(n.value)); err != nil {
			c.problem(n.Pos, didYouMean(n.value, f.Words), "the flag %q can't be %s: %v", f.Name, say(n), err)
		}
	}
}
