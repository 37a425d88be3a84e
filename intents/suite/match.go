package suite

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Answer is the result of a step's command.
type Answer struct {
	ExitCode int
	JSON     []byte // its object; may be empty
	value    any
	err      error
	parsed   bool
}

func (a *Answer) parse() (any, error) {
	if !a.parsed {
		a.parsed = true
		if len(bytes.TrimSpace(a.JSON)) > 0 {
			a.value, a.err = decode(a.JSON)
		}
	}
	return a.value, a.err
}

func decode(text []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var v any
	err := dec.Decode(&v)
	return v, err
}

// Value returns the value at a path as text, for a capture: JSON if it isn't a
// string.
func (a *Answer) Value(path string) (string, bool) {
	v, err := a.parse()
	if err != nil {
		return "", false
	}
	found, _ := lookup(v, strings.Split(path, "."))
	if len(found) == 0 || found[0] == nil {
		return "", false
	}
	if s, ok := found[0].(string); ok {
		return s, true
	}
	text, err := marshal(found[0])
	return string(text), err == nil
}

// ExpectsExit reports whether the step expects some exit code, and whether it
// is this one.
func (s *Step) ExpectsExit(code int) (says, holds bool) {
	for _, e := range s.Expect {
		if e.Path == "exit" {
			return true, e.Match.mismatch([]any{json.Number(strconv.Itoa(code))}, false) == ""
		}
	}
	return false, code == 0
}

// Problems lists the expectations of the step that do not hold, with their
// positions in the file. fill replaces names whose values are known by now.
func (s *Step) Problems(ctx context.Context, file string, a *Answer, fill func(string) (string, error)) []Problem {
	var problems []Problem
	add := func(at Pos, format string, args ...any) {
		problems = append(problems, Problem{File: file, Line: at.Line, Column: at.Column, Message: fmt.Sprintf(format, args...)})
	}
	value, err := a.parse()
	for _, e := range s.Expect {
		m, fillErr := e.Match.filled(fill)
		switch {
		case fillErr != nil:
			add(e.Pos, "%v", fillErr)
			continue
		case e.Path == "exit":
			if wrong := m.mismatch([]any{json.Number(strconv.Itoa(a.ExitCode))}, false); wrong != "" {
				add(e.Pos, "exit is %s", wrong)
			}
			continue
		case err != nil:
			add(e.Pos, "%s can't be looked at: the command printed no JSON", e.Path)
			continue
		}
		found, many := lookup(value, strings.Split(e.Path, "."))
		if wrong := m.mismatch(found, many); wrong != "" {
			add(e.Pos, "%s is %s", e.Path, wrong)
		}
	}
	for _, q := range s.JQ {
		expression, fillErr := fill(q.Expression)
		if fillErr != nil {
			add(q.Pos, "%v", fillErr)
		} else if wrong := truth(ctx, expression, value); wrong != "" {
			add(q.Pos, "%s", wrong)
		}
	}
	return problems
}

// jqTime limits an expression, which may loop forever.
const jqTime = 5 * time.Second

// truth says why a jq expression does not yield true.
func truth(ctx context.Context, expression string, value any) string {
	code, err := compile(expression)
	if err != nil {
		return fmt.Sprintf("jq %q is not an expression: %s", expression, err)
	}
	ctx, cancel := context.WithTimeout(ctx, jqTime)
	defer cancel()
	v, ok := code.RunWithContext(ctx, value).Next()
	switch {
	case !ok:
		return fmt.Sprintf("jq %q gives nothing, want true", expression)
	case v == true:
		return ""
	}
	if err, failed := v.(error); failed {
		return fmt.Sprintf("jq %q failed: %s", expression, shorten(err.Error(), 200))
	}
	return fmt.Sprintf("jq %q gives %s, want true", expression, show(v))
}

// lookup returns the values at a path. A list on the way stands for all its
// elements, and so does a list at the end: many is true then.
func lookup(v any, path []string) (found []any, many bool) {
	if len(path) == 0 {
		return []any{v}, false
	}
	switch v := v.(type) {
	case map[string]any:
		if next, ok := v[path[0]]; ok {
			return lookup(next, path[1:])
		}
	case []any:
		if i, err := strconv.Atoi(path[0]); err == nil {
			if i >= 0 && i < len(v) {
				return lookup(v[i], path[1:])
			}
			return nil, false
		}
		for _, e := range v {
			below, _ := lookup(e, path)
			found = append(found, below...)
		}
		return found, true
	}
	return nil, false
}

// mismatch says what the values are instead of what the matcher wants; empty if
// one of them matches.
func (m *Matcher) mismatch(found []any, many bool) string {
	if m.Exists != nil {
		there := slices.ContainsFunc(found, func(v any) bool { return v != nil })
		switch {
		case *m.Exists && !there:
			return "absent, want it to exist"
		case !*m.Exists && there:
			return showAll(found, many) + ", want it not to exist"
		}
	}
	rest := *m
	rest.Exists, rest.All = nil, nil
	if m.All != nil {
		if wrong := m.All.every(found, many); wrong != "" {
			return wrong
		}
	}
	if rest.empty() || rest.any(found, many) {
		return ""
	}
	return showAll(found, many) + ", want " + rest.String()
}

func (m *Matcher) empty() bool { return m.String() == "" }

// any reports whether the matcher matches the values: the whole list, or one of
// many.
func (m *Matcher) any(found []any, many bool) bool {
	if m.Not != nil {
		rest := *m
		rest.Not = nil
		return m.Not.mismatch(found, many) != "" && (rest.empty() || rest.any(found, many))
	}
	for _, v := range found {
		if m.one(v) {
			return true
		}
		if elements, ok := v.([]any); ok && slices.ContainsFunc(elements, m.one) {
			return true
		}
	}
	return many && m.one(found)
}

// every checks each element against the matcher.
func (m *Matcher) every(found []any, many bool) string {
	elements := found
	if !many && len(found) == 1 {
		list, ok := found[0].([]any)
		if !ok {
			return show(found[0]) + ", want a list"
		}
		elements = list
	}
	if len(elements) == 0 {
		return "empty, want every element to be " + m.String()
	}
	for i, e := range elements {
		if wrong := m.mismatch([]any{e}, false); wrong != "" {
			return fmt.Sprintf("%s at element %d", wrong, i)
		}
	}
	return ""
}

// one checks a value against all conditions of the matcher except exists, not
// and all.
func (m *Matcher) one(v any) bool {
	s, isText := v.(string)
	number := func(fits func(float64) bool) bool {
		n, ok := v.(json.Number)
		if !ok {
			return false
		}
		f, err := n.Float64()
		return err == nil && fits(f)
	}
	switch {
	case m.Is != nil && !equalJSON(m.Is, v),
		m.OneOf != nil && !slices.ContainsFunc(m.OneOf, func(want raw) bool { return equalJSON(want, v) }),
		m.Min != nil && !number(func(f float64) bool { return f >= *m.Min }),
		m.Max != nil && !number(func(f float64) bool { return f <= *m.Max }):
		return false
	}
	if m.Glob != nil {
		if re, err := globRegexp(*m.Glob); err != nil || !isText || !re.MatchString(s) {
			return false
		}
	}
	if m.Matches != nil {
		if re, err := regexp.Compile(*m.Matches); err != nil || !isText || !re.MatchString(s) {
			return false
		}
	}
	if m.Contains != nil {
		want, err := decode(m.Contains)
		part, both := want.(string)
		return err == nil && (both && isText && strings.Contains(s, part) || equal(want, v))
	}
	return true
}

func equalJSON(want raw, v any) bool {
	w, err := decode(want)
	return err == nil && equal(w, v)
}

// equal compares JSON values; numbers by value, not by spelling.
func equal(a, b any) bool {
	switch a := a.(type) {
	case json.Number:
		n, ok := b.(json.Number)
		if !ok {
			return false
		}
		if a == n {
			return true
		}
		x, errX := a.Float64()
		y, errY := n.Float64()
		return errX == nil && errY == nil && x == y && !strings.ContainsAny(string(a+n), "eE")
	case []any:
		list, ok := b.([]any)
		return ok && slices.EqualFunc(a, list, equal)
	case map[string]any:
		m, ok := b.(map[string]any)
		if !ok || len(m) != len(a) {
			return false
		}
		for key, v := range a {
			if other, there := m[key]; !there || !equal(v, other) {
				return false
			}
		}
		return true
	}
	return a == b
}

func show(v any) string {
	text, err := marshal(v)
	if err != nil {
		return "a value that is not JSON"
	}
	return shorten(string(text), 200)
}

func showAll(found []any, many bool) string {
	switch {
	case many:
		if found == nil {
			return "[]"
		}
		return show(found)
	case len(found) == 0:
		return "absent"
	}
	return show(found[0])
}

// String describes the matcher in words.
func (m *Matcher) String() string {
	var all []string
	add := func(set bool, format string, args ...any) {
		if set {
			all = append(all, fmt.Sprintf(format, args...))
		}
	}
	add(m.Is != nil, "%s", m.Is)
	if m.OneOf != nil {
		words := make([]string, len(m.OneOf))
		for i, w := range m.OneOf {
			words[i] = string(w)
		}
		add(true, "%s", orList(words))
	}
	if m.Glob != nil {
		add(true, "text that fits %q", *m.Glob)
	}
	if m.Matches != nil {
		add(true, "text that matches %q", *m.Matches)
	}
	add(m.Contains != nil, "something that contains %s", m.Contains)
	if m.Min != nil {
		add(true, "at least %s", float(*m.Min))
	}
	if m.Max != nil {
		add(true, "at most %s", float(*m.Max))
	}
	if m.Not != nil {
		add(true, "not %s", m.Not)
	}
	if m.All != nil {
		add(true, "every element %s", m.All)
	}
	if m.Exists != nil {
		add(true, "%s", map[bool]string{true: "something", false: "nothing"}[*m.Exists])
	}
	return strings.Join(all, " and ")
}

func float(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// filled replaces names by their values.
func (m *Matcher) filled(fill func(string) (string, error)) (*Matcher, error) {
	if m == nil {
		return nil, nil
	}
	var failed error
	word := func(s *string) *string {
		if s == nil {
			return nil
		}
		text, err := fill(*s)
		if err != nil {
			failed = err
		}
		return &text
	}
	value := func(r raw) raw {
		if !bytes.Contains(r, []byte("${")) {
			return r
		}
		v, err := decode(r)
		if err == nil {
			v, err = fillPlain(v, fill)
		}
		text, marshalErr := marshal(v)
		if err != nil || marshalErr != nil {
			failed = err
			return r
		}
		return text
	}
	out := *m
	out.Glob, out.Matches = word(m.Glob), word(m.Matches)
	out.Is, out.Contains, out.OneOf = value(m.Is), value(m.Contains), slices.Clone(m.OneOf)
	for i := range out.OneOf {
		out.OneOf[i] = value(out.OneOf[i])
	}
	for _, inner := range []**Matcher{&out.Not, &out.All} {
		f, err := (*inner).filled(fill)
		if err != nil {
			failed = err
		}
		*inner = f
	}
	return &out, failed
}

func fillPlain(v any, fill func(string) (string, error)) (any, error) {
	switch v := v.(type) {
	case string:
		return fill(v)
	case []any:
		for i := range v {
			filled, err := fillPlain(v[i], fill)
			if err != nil {
				return nil, err
			}
			v[i] = filled
		}
	case map[string]any:
		for key := range v {
			filled, err := fillPlain(v[key], fill)
			if err != nil {
				return nil, err
			}
			v[key] = filled
		}
	}
	return v, nil
}

// globRegexp converts a glob to a regular expression: * is any characters, ?
// one, [a-z] one of these, [!a-z] none of these, \ escapes the next.
func globRegexp(glob string) (*regexp.Regexp, error) {
	var b strings.Builder
	b.WriteString(`(?s)\A`)
	runes := []rune(glob)
	for i := 0; i < len(runes); i++ {
		switch r := runes[i]; r {
		case '*':
			b.WriteString(".*")
		case '?':
			b.WriteByte('.')
		case '\\':
			if i++; i == len(runes) {
				return nil, fmt.Errorf("it ends with a single \\")
			}
			b.WriteString(regexp.QuoteMeta(string(runes[i])))
		case '[':
			end := slices.Index(runes[i+1:], ']')
			if end < 1 {
				return nil, fmt.Errorf("its [ is not closed")
			}
			class := string(runes[i+1 : i+1+end])
			if rest, not := strings.CutPrefix(class, "!"); not {
				class = "^" + rest
			}
			b.WriteString("[" + strings.ReplaceAll(class, `\`, `\\`) + "]")
			i += end + 1
		default:
			b.WriteString(regexp.QuoteMeta(string(r)))
		}
	}
	b.WriteString(`\z`)
	return regexp.Compile(b.String())
}
