package suite

import (
	"fmt"
	"slices"
	"strings"
)

// Reference is the table of fields as Markdown, for docs/suites.md.
func Reference(v *Vocabulary) string {
	t := makeTables(v)
	var b strings.Builder
	table := func(title, lead string, o object) {
		fmt.Fprintf(&b, "### %s\n\n%s\n\n| key | value | what it is |\n|---|---|---|\n", title, lead)
		for _, f := range o.fields {
			name := "`" + f.name + "`"
			if f.required {
				name += " (required)"
			}
			doc := f.doc
			if f.example != "" {
				doc += "; such as `" + f.example + "`"
			}
			fmt.Fprintf(&b, "| %s | %s | %s |\n", name, called(f.shape), strings.ReplaceAll(doc, "|", `\|`))
		}
		b.WriteByte('\n')
	}
	table("The suite", "A suite is a map with these keys.", t.suite)
	table("A case", "Each of `cases`. It has `do` and what belongs to it, or `steps`.", t.oneCase)
	table("A step", "Each of `steps`.", t.step)
	table("`on`", "A word, or a map with these keys.", t.on)
	table("`retry`", "A map with these keys.", t.retry)
	table("A capture", "A path, or a map with these keys.", t.capture)
	b.WriteString("### Matchers\n\nA bare value means `is`. All keys of a matcher must hold.\n\n" +
		"| matcher | holds for | such as |\n|---|---|---|\n")
	for _, m := range matcherDocs {
		fmt.Fprintf(&b, "| `%s` | %s | `%s` |\n", m.name, strings.ReplaceAll(m.doc, "|", `\|`), m.example)
	}
	fmt.Fprintf(&b, "\n### Names of the phone\n\n`${%s}`\n\n### Commands\n\n", strings.Join(DeviceNames(), "}`, `${"))
	names := v.names()
	slices.Sort(names)
	fmt.Fprintf(&b, "A step can be any of these: `%s`.\n", strings.Join(names, "`, `"))
	return b.String()
}

// called describes a shape in a few words.
func called(s shape) string {
	switch s := s.(type) {
	case text:
		if s.format == "selector" {
			return "selector"
		}
		if len(s.words) > 0 {
			return "`" + strings.Join(s.words, "`, `") + "`"
		}
		if s.format == "duration" {
			return "duration"
		}
		return "text"
	case scalar:
		return "value"
	case boolean:
		return "true or false"
	case integer:
		if s.min == s.max {
			return fmt.Sprint(s.min)
		}
		return fmt.Sprintf("%d to %d", s.min, s.max)
	case list:
		if s.alone {
			return "list, or one"
		}
		return "list"
	case choice:
		return called(s.scalar) + ", or a map"
	case commandName:
		return "command"
	}
	return "map"
}
