package suite

import (
	"fmt"
	"strings"
)

// Schema is the JSON Schema of suites, made from the table of fields and the
// commands.
func Schema(v *Vocabulary) ([]byte, error) {
	s := &schemer{v: v, defs: schema{}}
	t := makeTables(v)
	root := s.object(t.suite)
	root["$schema"] = "http://json-schema.org/draft-07/schema#" // the draft that editors support best
	root["title"] = "A suite of wxctl run"
	s.defs["matcher"] = s.matcher()
	root["definitions"] = s.defs
	return marshal(root)
}

type schema map[string]any

type schemer struct {
	v    *Vocabulary
	defs schema
}

// named: a value that may contain ${…} may have any type.
var named = schema{"type": "string", "pattern": `\$\{`}

// or allows ${…} as an alternative to another shape.
func or(s schema) schema { return schema{"anyOf": []any{s, named}} }

func (s *schemer) shape(sh shape) schema {
	switch sh := sh.(type) {
	case object:
		return s.object(sh)
	case list:
		of := schema{"type": "array", "items": s.shape(sh.of)}
		if sh.min > 0 {
			of["minItems"] = sh.min
		}
		if sh.alone {
			return schema{"anyOf": []any{of, s.shape(sh.of)}}
		}
		return of
	case choice:
		return schema{"anyOf": []any{s.shape(sh.scalar), s.object(sh.object)}}
	case text:
		return s.text(sh)
	case scalar:
		return schema{"type": []string{"string", "number", "boolean"}}
	case boolean:
		return or(schema{"type": "boolean"})
	case integer:
		return or(schema{"type": "integer", "minimum": sh.min, "maximum": sh.max})
	case commandName:
		return schema{"type": "string", "enum": s.v.names()}
	case flags:
		return schema{"type": "object"}
	case expectations:
		return s.expectations()
	}
	return schema{}
}

func (s *schemer) text(t text) schema {
	switch {
	case len(t.words) > 0:
		return or(schema{"type": "string", "enum": t.words})
	case t.format == "duration":
		return or(schema{"type": "string", "pattern": `^\+?([0-9]*\.?[0-9]*(ns|us|µs|ms|s|m|h))+$`})
	case t.format == "name":
		return schema{"type": "string", "pattern": envForm().String()}
	case t.format == "line":
		return schema{"type": "string", "pattern": `^[^\n\r\t]*\S[^\n\r\t]*$`}
	}
	return schema{"type": "string"}
}

func (s *schemer) object(o object) schema {
	properties, required := schema{}, []string{}
	for _, f := range o.fields {
		p := s.shape(f.shape)
		p["description"] = strings.ReplaceAll(f.doc, "`", "")
		if f.example != "" {
			p["description"] = p["description"].(string) + "; such as " + f.example
		}
		properties[f.name] = p
		if f.required {
			required = append(required, f.name)
		}
	}
	out := schema{"type": "object", "properties": properties, "additionalProperties": false}
	if o.free != nil {
		out["additionalProperties"] = s.shape(o.free)
		out["propertyNames"] = schema{"pattern": nameForm().String(), "not": schema{"enum": reserved}}
	}
	if len(required) > 0 {
		out["required"] = required
	}
	if o.inner != nil { // a case
		out["oneOf"] = []any{
			schema{"required": []string{"do"}, "not": schema{"required": []string{"steps"}}},
			schema{"required": []string{"steps"}, "not": schema{"anyOf": []any{
				schema{"required": []string{"do"}}, schema{"required": []string{"with"}}, schema{"required": []string{"args"}},
				schema{"required": []string{"expect"}}, schema{"required": []string{"capture"}}}}},
		}
	}
	if _, is := properties["do"]; is {
		out["allOf"] = s.commands()
	}
	return out
}

// commands says, for each command, which flags it has.
func (s *schemer) commands() []any {
	var all []any
	for i := range s.v.Commands {
		c := &s.v.Commands[i]
		name := "with " + c.Name
		if s.defs[name] == nil {
			s.defs[name] = s.flags(c)
		}
		then := schema{"with": schema{"$ref": "#/definitions/" + strings.ReplaceAll(name, " ", "%20")}}
		if !c.Args {
			then["args"] = false
		}
		all = append(all, schema{
			"if":   schema{"properties": schema{"do": schema{"const": c.Name}}, "required": []string{"do"}},
			"then": schema{"properties": then},
		})
	}
	return all
}

func (s *schemer) flags(c *Command) schema {
	properties := schema{}
	for i := range c.Flags {
		f := &c.Flags[i]
		if _, refused := c.Refused[f.Name]; refused {
			continue
		}
		one := schema{"type": []string{"string", "number", "boolean"}}
		switch f.Type {
		case "bool":
			one = schema{"anyOf": []any{schema{"type": "boolean"}, schema{"enum": []string{"true", "false"}}, named}}
		case "int":
			one = schema{"anyOf": []any{schema{"type": "integer"}, schema{"type": "string", "pattern": `^[-+]?[0-9]+$`}, named}}
		}
		if f.list() {
			one = schema{"anyOf": []any{one, schema{"type": "array", "items": one}}}
		}
		one["description"] = strings.ReplaceAll(f.Usage, "`", "")
		if len(f.Words) > 0 {
			one["examples"] = f.Words
		}
		properties[f.Name] = one
	}
	return schema{"type": "object", "properties": properties, "additionalProperties": false,
		"description": fmt.Sprintf("flags of wxctl %s: %s", c.Name, c.Short)}
}

var matcherRef = schema{"$ref": "#/definitions/matcher"}

func (s *schemer) expectations() schema {
	words := func(all []string) schema {
		return schema{"anyOf": []any{schema{"enum": append(append([]any{}, toAny(all)...), nil)}, named, matcherRef}}
	}
	return schema{
		"type": "object",
		"properties": schema{
			"exit": schema{"anyOf": []any{schema{"type": "integer", "minimum": 0, "maximum": 255}, named, matcherRef},
				"description": "the exit code"},
			"state":  words(s.v.States),
			"screen": words(s.v.Screens),
			"jq": schema{"anyOf": []any{schema{"type": "string"}, schema{"type": "array", "items": schema{"type": "string"}}},
				"description": "jq expressions that must give true"},
		},
		"additionalProperties": schema{"anyOf": []any{matcherRef, schema{"not": schema{"type": "object", "maxProperties": 0}}}},
		"propertyNames":        schema{"pattern": `^[^.]+(\.[^.]+)*$`},
	}
}

func toAny(words []string) []any {
	all := make([]any, len(words))
	for i, w := range words {
		all[i] = w
	}
	return all
}

func (s *schemer) matcher() schema {
	properties := schema{}
	for _, m := range matcherDocs {
		p := schema{}
		switch m.name {
		case "glob", "matches":
			p["type"] = "string"
		case "min", "max":
			p["type"] = "number"
		case "oneOf":
			p["type"], p["minItems"] = "array", 1
		case "exists":
			p["type"] = "boolean"
		case "not", "all":
			p["anyOf"] = []any{matcherRef, schema{"not": schema{"type": "object"}}}
		}
		p["description"] = m.doc + ", such as " + m.example
		properties[m.name] = p
	}
	return schema{"type": "object", "properties": properties, "additionalProperties": false, "minProperties": 1}
}
