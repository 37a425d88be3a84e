package suite

import (
	"context"
	"strings"
	"testing"
)

const answerJSON = `{"state":"opened","elapsedMs":412,"big":12345678901234567890,"reply":null,"status":true,"empty":[],"ok":{"a":1},
"evidence":[{"atMs":3,"what":"chat picker opened","source":"events log"},{"atMs":9,"what":"back","source":"agent"}],"warnings":["a","b"]}`

// TestExpect compares an answer with expectations; a problem names the actual
// value.
func TestExpect(t *testing.T) {
	for _, tt := range []struct{ expect, want string }{
		{"{state: opened}", ""},
		{"{state: delivered}", ""}, // at least this state
		{"{state: replied}", `state is "opened", want "replied"`},
		{"{state: returned}", `state is "opened", want "returned" or "replied"`},
		{"{state: {is: delivered}}", `state is "opened", want "delivered"`},
		{"{elapsedMs: 412}", ""},
		{"{elapsedMs: 412.0}", ""},
		{"{elapsedMs: '412'}", `elapsedMs is 412, want "412"`},
		{"{elapsedMs: {min: 1, max: 411}}", "elapsedMs is 412, want at least 1 and at most 411"},
		{"{state: {min: 1}}", `state is "opened", want at least 1`},
		{"{big: 12345678901234567890}", ""},
		{"{status: true}", ""},
		{"{status: 'true'}", `status is true, want "true"`},
		{"{reply: null}", ""},
		{"{reply.errCode: 0}", "reply.errCode is absent, want 0"},
		{"{reply: {exists: false}}", ""},
		{"{reply: {exists: true}}", "reply is absent, want it to exist"},
		{"{status: {exists: false}}", "status is true, want it not to exist"},
		{"{nothing: {exists: false}}", ""},
		{"{evidence.what: {glob: '*picker*'}}", ""}, // one match is enough
		{"{evidence.what: {glob: '*Moments*'}}", `evidence.what is ["chat picker opened","back"], want text that fits "*Moments*"`},
		{"{evidence.what: back}", ""},
		{"{evidence: {what: {matches: '^ba.k$'}, source: agent}}", ""},
		{"{evidence.1.what: back}", ""},
		{"{evidence.2.what: back}", `evidence.2.what is absent, want "back"`},
		{"{evidence.atMs: {all: {max: 9}}}", ""},
		{"{evidence.atMs: {all: {max: 8}}}", "evidence.atMs is 9, want at most 8 at element 1"},
		{"{warnings: {all: {oneOf: [a, b]}}}", ""},
		{"{empty: {all: 1}}", "empty is empty, want every element to be 1"},
		{"{state: {all: opened}}", `state is "opened", want a list`},
		{"{warnings: {contains: a}}", ""},
		{"{warnings: [a, b]}", ""},
		{"{warnings: [b, a]}", `warnings is ["a","b"], want ["b","a"]`},
		{"{warnings: {contains: c}}", `warnings is ["a","b"], want something that contains "c"`},
		{"{state: {contains: pen}}", ""},
		{"{state: {not: replied}}", ""},
		{"{state: {not: {glob: 'o*'}}}", `state is "opened", want not text that fits "o*"`},
		{"{warnings: {not: b}}", `warnings is ["a","b"], want not "b"`},
		{"{elapsedMs: {oneOf: [1, 2]}}", "elapsedMs is 412, want 1 or 2"},
		{"{exit: 0}", "exit is 15, want 0"},
		{"{exit: {oneOf: [14, 15]}}", ""},
		{"{ok: {a: 1}}", ""},
		{"{ok: {is: {a: 1}}}", ""},
		{"{ok: {is: {a: 1, b: 2}}}", `ok is {"a":1}, want {"a":1,"b":2}`},
		{"{jq: '.elapsedMs < 500'}", ""},
		{"{jq: ['.status', '.elapsedMs > 500']}", `jq ".elapsedMs > 500" gives false, want true`},
		{"{jq: 'empty'}", `jq "empty" gives nothing, want true`},
		{"{jq: '.state + 1'}", `jq ".state + 1" failed: cannot add: string ("opened") and number (1)`},
		{"{jq: 'env | length == 0'}", ""},
		{"{state: '${device.id}'}", `state is "opened", want "pixel"`},
		{"{state: {not: {oneOf: ['${device.id}']}}, jq: '\"${device.id}\" == \"pixel\"'}", ""},
		{"{state: {glob: '${device.name}'}}", "${device.name} has no value"},
	} {
		plan := load(t, "version: 1\nname: x\ncases:\n  - name: a\n    do: share webpage\n    expect: "+tt.expect+"\n")
		fill := func(s string) (string, error) {
			return Fill(s, func(name string) (string, bool) { return "pixel", name == "device.id" })
		}
		problems := plan.Cases[0].Steps[0].Problems(context.Background(), "s.yaml", &Answer{ExitCode: 15, JSON: []byte(answerJSON)}, fill)
		var got []string
		for _, p := range problems {
			got = append(got, p.Message)
			if p.Line != 6 || p.Column < 14 || p.File != "s.yaml" {
				t.Errorf("%s: at %+v", tt.expect, p)
			}
		}
		if strings.Join(got, "; ") != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.expect, strings.Join(got, "; "), tt.want)
		}
	}
}

func TestExpectNoJSON(t *testing.T) {
	plan := load(t, "version: 1\nname: x\ncases: [{name: a, do: share webpage, expect: {state: opened, exit: 1}}]\n")
	step := &plan.Cases[0].Steps[0]
	problems := step.Problems(context.Background(), "s.yaml", &Answer{ExitCode: 1, JSON: []byte("oops")}, func(s string) (string,
		error) {
		return s, nil
	})
	if len(problems) != 1 || problems[0].Message != "state can't be looked at: the command printed no JSON" {
		t.Errorf("%v", problems)
	}
	for code, want := range map[int][2]bool{1: {true, true}, 0: {true, false}} {
		if says, holds := step.ExpectsExit(code); says != want[0] || holds != want[1] {
			t.Errorf("exit %d: %v, %v", code, says, holds)
		}
	}
	if says, holds := (&Step{}).ExpectsExit(0); says || !holds {
		t.Error("a step that says nothing expects 0")
	}
}

func TestValue(t *testing.T) {
	a := &Answer{JSON: []byte(answerJSON)}
	for path, want := range map[string]string{"state": "opened", "elapsedMs": "412", "evidence.0.what": "chat picker opened",
		"reply": "", "x.y": "", "ok": `{"a":1}`, "big": "12345678901234567890"} {
		if got, ok := a.Value(path); got != want || ok != (want != "") {
			t.Errorf("%s: %q, %v", path, got, ok)
		}
	}
}

func TestGlob(t *testing.T) {
	for _, tt := range []struct {
		glob, name string
		want       bool
	}{
		{"*", "", true}, {"a*", "a/b\nc", true}, {"a?c", "abc", true}, {"a?c", "ac", false}, {"[a-c]x", "bx", true}, {"[!a-c]x", "bx", false},
		{`\*`, "*", true}, {`\*`, "a", false}, {"a.c", "abc", false}, {"网*", "网页", true}, {"b", "abc", false},
	} {
		fits, err := ParseGlob(tt.glob)
		if err != nil || fits(tt.name) != tt.want {
			t.Errorf("%q on %q: %v, want %v (%v)", tt.glob, tt.name, !tt.want, tt.want, err)
		}
	}
	for _, name := range []string{"it's [new]*", `a\b?`, "x"} {
		if fits, err := ParseGlob(escapeGlob(name)); err != nil || !fits(name) {
			t.Errorf("escapeGlob(%q) does not fit it: %v", name, err)
		}
	}
	for _, glob := range []string{"[", "[]", `a\`} {
		if _, err := ParseGlob(glob); err == nil {
			t.Errorf("%q is a glob", glob)
		}
	}
}

func TestTags(t *testing.T) {
	for _, tt := range []struct {
		expression, tags string
		want             bool
	}{
		{"smoke", "smoke share", true}, {"smoke and not slow", "smoke", true}, {"smoke and not slow", "smoke slow", false},
		{"a or b and c", "a", true}, {"(a or b) and c", "a", false}, {"not (a or b)", "c", true}, {"not not a", "a", true},
		{"NOT a OR b", "a b", true}, {"a and(b)", "a b", true},
	} {
		holds, err := ParseTags(tt.expression)
		if err != nil || holds(strings.Fields(tt.tags)) != tt.want {
			t.Errorf("%q on %q: not %v (%v)", tt.expression, tt.tags, tt.want, err)
		}
	}
	for expression, want := range map[string]string{
		"": "a tag is missing at its end", "a and": "a tag is missing at its end", "a b": `"b" is not expected there`,
		"(a": "a ( is not closed", "a)": `")" is not expected there`, "and a": `a tag is missing before "and"`, "()": `a tag is missing before ")"`,
	} {
		if _, err := ParseTags(expression); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", expression, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("a and (b or not c)", "[a-z]*\\?")
	f.Fuzz(func(t *testing.T, tags, glob string) {
		if holds, err := ParseTags(tags); err == nil {
			holds([]string{"a"})
		}
		if fits, err := ParseGlob(glob); err == nil {
			fits("a")
		}
	})
}
