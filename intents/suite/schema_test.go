package suite

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"
)

func compileSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := Schema(testVocabulary())
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("suite.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("suite.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// valid is what the schema says of a suite.
func valid(t *testing.T, s *jsonschema.Schema, text string) error {
	t.Helper()
	var doc any
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		return err
	}
	return s.Validate(jsonOf(doc))
}

// jsonOf converts YAML's values to those of JSON.
func jsonOf(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			v[k] = jsonOf(v[k])
		}
		return v
	case map[any]any:
		m := map[string]any{}
		for k, e := range v {
			m[fmt.Sprint(k)] = jsonOf(e)
		}
		return m
	case []any:
		for i := range v {
			v[i] = jsonOf(v[i])
		}
		return v
	case string, bool, nil, int, float64:
		return v
	}
	return fmt.Sprint(v)
}

// TestSchemaAgrees: an independent validator with our schema, and the checker,
// accept and refuse the same suites.
func TestSchemaAgrees(t *testing.T) {
	s := compileSchema(t)
	suite := func(rest string) string { return "version: 1\nname: x\n" + rest }
	oneCase := func(rest string) string { return suite("cases:\n  - {name: a, " + rest + "}\n") }
	good := []string{
		strings.Replace(goodSuite, ", args: []", "", 1),
		oneCase("do: share webpage"),
		oneCase("do: share images, args: [a, 1, true]"),
		oneCase("do: share images, args: one"),
		oneCase("steps: [{do: auth login}, {do: auth exchange, with: {allow-host: [a, b]}}]"),
		oneCase("do: share webpage, with: {no-fit: true, err-code: -4, url: 012, title: ''}"),
		oneCase("do: share webpage, with: {no-fit: \"${x}\", err-code: \"${y}\"}, matrix: {x: [true], y: [1]}"),
		suite("cases: [{name: \"${n}\", do: share webpage, matrix: {n: [1, 2.5, true, b]}}]"),
		oneCase("do: share webpage, expect: {state: opened, screen: null, exit: 15, a.b: [1], c: {d: {glob: x}}, e: null, jq: .a}"),
		oneCase("do: share webpage, expect: {a: {is: 1}, b: {oneOf: [1, null]}, c: {not: 1}, d: {not: {min: 1}}, e: {all: {max: 2.5}}, f: {exists: false}}"),
		oneCase("do: share webpage, on: any, after: back, screenshot: always, record: never, timeout: 1m30s, optional: true, retry: {times: 1}"),
		oneCase("do: share webpage, on: {phones: x}"),
		oneCase("do: auth login, capture: {a: reply.code, b: {from: x, secret: true}}"),
		suite("profile: p\nvars: {a: 1, b: true}\nenv: HOST\nsecrets: [A_B]\napp: {ios: x}\ndefaults: {retry: {times: 0}, on: any}\ncases: [{name: a, do: auth login}]"),
	}
	bad := []string{
		"", "[]", "version: 1", suite("cases: []"), suite("cases: {}"), suite("x: 1\ncases: [{name: a, do: auth login}]"),
		"version: 2\nname: x\ncases: [{name: a, do: auth login}]",
		"version: 1\nname: ' '\ncases: [{name: a, do: auth login}]",
		suite("cases: [text]"), suite("cases: [{do: auth login}]"), suite("cases: [{name: a}]"), suite("cases: [{name: 1, do: auth login}]"),
		suite("vars: [a]\ncases: [{name: a, do: auth login}]"), suite("vars: {a-b: 1}\ncases: [{name: a, do: auth login}]"),
		suite("vars: {run: 1}\ncases: [{name: a, do: auth login}]"), suite("vars: {a: [1]}\ncases: [{name: a, do: auth login}]"),
		suite("env: [a-b]\ncases: [{name: a, do: auth login}]"), suite("defaults: {name: x}\ncases: [{name: a, do: auth login}]"),
		suite("app: {windows: x}\ncases: [{name: a, do: auth login}]"),
		oneCase("do: share nothing"), oneCase("do: share webpage, args: [x]"), oneCase("do: share webpage, steps: [{do: auth login}]"),
		oneCase("steps: []"), oneCase("steps: [{}]"), oneCase("steps: [{do: auth login}], with: {}"), oneCase("steps: [{do: auth login, name: x}]"),
		oneCase("do: share webpage, with: [a]"), oneCase("do: share webpage, with: {urll: x}"), oneCase("do: share webpage, with: {device: x}"),
		oneCase("do: share webpage, with: {url: null}"), oneCase("do: share webpage, with: {url: [a]}"), oneCase("do: share webpage, with: {no-fit: maybe}"),
		oneCase("do: share webpage, with: {err-code: four}"), oneCase("do: auth exchange, with: {allow-host: [{a: b}]}"),
		oneCase("do: share webpage, on: some"), oneCase("do: share webpage, on: {count: 3}"), oneCase("do: share webpage, on: {phone: x}"),
		oneCase("do: share webpage, after: sleep"), oneCase("do: share webpage, screenshot: maybe"), oneCase("do: share webpage, timeout: 30"),
		oneCase("do: share webpage, timeout: soon"), oneCase("do: share webpage, optional: maybe"), oneCase("do: share webpage, retry: 2"),
		oneCase("do: share webpage, retry: {}"), oneCase("do: share webpage, retry: {times: 11}"), oneCase("do: share webpage, retry: {times: 1, after-sent: 1}"),
		oneCase("do: share webpage, tags: {a: b}"), oneCase("do: share webpage, tags: [1]"), oneCase("do: share webpage, matrix: {a: []}"),
		oneCase("do: share webpage, matrix: {a: x}"), oneCase("do: share webpage, matrix: {a: [[1]]}"),
		oneCase("do: share webpage, expect: opened"), oneCase("do: share webpage, expect: {state: open}"), oneCase("do: share webpage, expect: {screen: home}"),
		oneCase("do: share webpage, expect: {exit: 256}"), oneCase("do: share webpage, expect: {exit: '0'}"), oneCase("do: share webpage, expect: {a: {}}"),
		oneCase("do: share webpage, expect: {a..b: 1}"), oneCase("do: share webpage, expect: {jq: 1}"),
		oneCase("do: auth login, capture: {a-b: x}"), oneCase("do: auth login, capture: {a: {}}"), oneCase("do: auth login, capture: {a: {from: x, to: y}}"),
	}
	for _, text := range good {
		if err := valid(t, s, text); err != nil {
			t.Errorf("the schema refuses\n%s%v", text, err)
		}
		if _, problems := Load("s.yaml", []byte(text), testVocabulary(), given()); len(problems) > 0 {
			t.Errorf("the checker refuses\n%s%v", text, problems)
		}
	}
	for _, text := range bad {
		if valid(t, s, text) == nil {
			t.Errorf("the schema accepts\n%s", text)
		}
		if _, problems := Load("s.yaml", []byte(text), testVocabulary(), given()); len(problems) == 0 {
			t.Errorf("the checker accepts\n%s", text)
		}
	}
}

// TestSchemaBroken: of the broken suites, the schema only accepts those whose
// faults a schema can't express.
func TestSchemaBroken(t *testing.T) {
	beyond := map[string]bool{"two-documents.yaml": true, "names.yaml": true, "tags-and-documents.yaml": true}
	s := compileSchema(t)
	files, err := filepath.Glob("testdata/broken/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := valid(t, s, string(data)); (err == nil) != beyond[filepath.Base(file)] {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// TestReference: the reference names every key of the table.
func TestReference(t *testing.T) {
	text := Reference(testVocabulary())
	tables := makeTables(testVocabulary())
	for _, o := range []object{tables.suite, tables.oneCase, tables.step, tables.on, tables.retry, tables.capture} {
		for _, f := range o.fields {
			if !strings.Contains(text, "| `"+f.name+"`") {
				t.Errorf("no %q of %s in\n%s", f.name, o.name, text)
			}
		}
	}
}
