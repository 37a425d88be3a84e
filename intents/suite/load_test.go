package suite

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the golden files anew")

const goodSuite = `# every field once
version: 1
name: wechat-smoke
profile: demo
vars: {host: "${env.HOST}", link: "https://${host}/?run=${run.id}&v=${vars.host}"}
env: [HOST, ODD]
secrets: WXCTL_APP_SECRET
app: {android: build/app.apk}
defaults: {on: each, timeout: 30s, after: home, screenshot: on-failure, record: never}
cases:
  - name: web page to a chat
    tags: [smoke, share]
    do: share webpage
    with: {scene: session, url: "${link}", title: "$${literal} ${device.name} ${env.ODD}", no-fit: true, err-code: 012}
    expect: {state: opened, evidence.what: {glob: "*picker*"}, elapsedMs: {max: 8000}, reply: {errCode: 0, code: {exists: false}}}
  - name: login with ${scope}, ${matrix.n}
    matrix: {scope: [snsapi_userinfo, snsapi_base], n: [0, -4]}
    timeout: 1m
    optional: true
    steps:
      - {do: auth login, with: {scope: "${scope}", code-only: true}, expect: {reply.errCode: "${n}"}, capture: {code: {from: reply.code, secret: true}, state: reply.state}}
      - {do: auth exchange, with: {code: "${code}", allow-host: [a, b]}, expect: {status: true, exit: 0, jq: ['.status == true']}}
  - name: the app survives
    on: {phones: "platform=android,os>=12", count: any}
    do: share images
    args: [a.jpg, "b c.jpg"]
    retry: {times: 2, after-sent: false}
  - {name: no phone, do: auth exchange, args: [], with: {code: x}}
`

func TestLoad(t *testing.T) {
	text := strings.Replace(goodSuite, ", args: []", "", 1)
	plan := load(t, text)
	var names []string
	for _, c := range plan.Cases {
		names = append(names, c.Name)
	}
	want := "web page to a chat|login with snsapi_userinfo, 0|login with snsapi_userinfo, -4|login with snsapi_base, 0|login with snsapi_base, -4|the app survives|no phone"
	if got := strings.Join(names, "|"); got != want {
		t.Errorf("cases %s\nwant  %s", got, want)
	}
	page, login, free, none := plan.Cases[0], plan.Cases[2], plan.Cases[5], plan.Cases[6]
	value := func(s Step, name string) string {
		for _, f := range s.With {
			if f.Name == name {
				return f.Value
			}
		}
		return "none"
	}
	for _, tt := range []struct{ got, want any }{
		{value(page.Steps[0], "url"), "https://example.com/?run=run-1&v=example.com"},
		{value(page.Steps[0], "title"), "$${literal} ${device.name} a$${device.id}b"},
		{value(page.Steps[0], "err-code"), "012"}, // as it is written
		{page.Tags, []string{"smoke", "share"}},
		{[]any{page.TimeoutMs, page.After, page.Screenshot, page.Record}, []any{int64(30000), "home", OnFailure, Never}},
		{page.Pos, Pos{11, 5}},
		{page.Steps[0].Pos, Pos{13, 9}},
		{len(page.Steps[0].Expect), 5},
		{login.TimeoutMs, int64(60000)},
		{login.Optional, true},
		{login.Matrix, map[string]string{"scope": "snsapi_userinfo", "n": "-4"}},
		{value(login.Steps[0], "scope"), "snsapi_userinfo"},
		{string(login.Steps[0].Expect[0].Match.Is), "-4"}, // still a number
		{login.Steps[0].Capture, []Capture{{"code", "reply.code", true, Pos{21, 113}}, {"state", "reply.state", false,
			login.Steps[0].Capture[1].Pos}}},
		{value(login.Steps[1], "code"), "${code}"},
		{len(login.Steps[1].With), 3},
		{free.On, On{Phones: "platform=android,os>=12", Any: true}},
		{free.Retry, Retry{Times: 2}},
		{free.Steps[0].Args, []string{"a.jpg", "b c.jpg"}},
		{none.On.Any, false}, // defaults say each
		{plan.Secrets, []string{"WXCTL_APP_SECRET"}},
		{[]string{plan.Name, plan.Profile, plan.Dir}, []string{"wechat-smoke", "demo", "/suites"}},
	} {
		if !reflect.DeepEqual(tt.got, tt.want) {
			t.Errorf("got %#v, want %#v", tt.got, tt.want)
		}
	}
}

// TestPlanRoundTrip: a run is resumed from its first event.
func TestPlanRoundTrip(t *testing.T) {
	plan := load(t, strings.Replace(goodSuite, ", args: []", ", expect: {reply: null, a: {is: null, not: {oneOf: [1, null]}}}", 1))
	text, err := marshal(plan)
	if err != nil {
		t.Fatal(err)
	}
	var back Plan
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(&back, plan) {
		t.Errorf("%s\nreads as %+v", text, back)
	}
	if back.Digest() != plan.Digest() || !strings.HasPrefix(plan.Digest(), "sha256:") {
		t.Errorf("digest %s", back.Digest())
	}
}

// TestBroken: every fault of every broken suite is reported at its position,
// all at once.
func TestBroken(t *testing.T) {
	files, err := filepath.Glob("testdata/broken/*.yaml")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d broken suites, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			plan, problems := Load(filepath.Base(file), data, testVocabulary(), given())
			if plan != nil || len(problems) == 0 {
				t.Error("nothing is wrong with it")
			}
			var b strings.Builder
			for _, p := range problems {
				fmt.Fprintln(&b, p)
				if source := p.Source(data); source != "" {
					fmt.Fprintln(&b, "    "+strings.ReplaceAll(source, "\n", "\n    "))
				}
				if p.Hint != "" {
					fmt.Fprintln(&b, "  hint: "+p.Hint)
				}
			}
			golden := strings.TrimSuffix(file, ".yaml") + ".txt"
			if *update {
				if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if b.String() != string(want) {
				t.Errorf("got\n%s\nwant\n%s", b.String(), want)
			}
		})
	}
}

// TestBounds: refusing something too large costs little.
func TestBounds(t *testing.T) {
	bomb := "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c < 'k'; c++ {
		bomb += fmt.Sprintf("%c: &%c [%s]\n", c, c, strings.TrimSuffix(strings.Repeat("*"+string(c-1)+",", 10), ","))
	}
	wide := "version: 1\nname: x\ncases:\n- name: ${a} ${b} ${c}\n  do: share webpage\n  matrix: {" +
		"a: [" + numbers(100) + "], b: [" + numbers(100) + "], c: [" + numbers(100) + "]}\n"
	heavy := strings.Replace(wide, "do: share webpage", "steps: ["+strings.Repeat("{do: auth login},", 1000)+"]", 1)
	for name, tt := range map[string]struct{ text, want string }{
		"heavy":   {heavy, "more than 1000000 values"},
		"long":    {"name: " + strings.Repeat("x", maxText), "more than 1 MiB"},
		"bomb":    {bomb, "more than 100 aliases"},
		"itself":  {"&a [*a]", "is nested 65 levels deep"},
		"deep":    {strings.Repeat("[", 20000), "exceeded max depth"},
		"nested":  {strings.Repeat("[", 200) + strings.Repeat("]", 200), "is nested 65 levels deep"},
		"values":  {"a: [" + strings.Repeat("1,", maxNodes) + "]", "too many values"},
		"matrix":  {wide, "more than 10000 cases"},
		"aliases": {"a: &a [" + strings.Repeat("1,", 10000) + "]\nb: [" + strings.Repeat("*a,", 90) + "]", "too many values"},
	} {
		t.Run(name, func(t *testing.T) {
			_, problems := Load("s.yaml", []byte(tt.text), testVocabulary(), given())
			for _, p := range problems {
				if strings.Contains(p.Message, tt.want) {
					return
				}
			}
			t.Errorf("not reported: %s: %.300v", tt.want, problems)
		})
	}
}

func numbers(n int) string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprint(i)
	}
	return strings.Join(all, ",")
}

// FuzzLoad: any text is accepted or refused, and each problem has a position in it.
func FuzzLoad(f *testing.F) {
	f.Add(goodSuite)
	files, _ := filepath.Glob("testdata/broken/*.yaml")
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data))
	}
	f.Add("cases: [{name: *a}]\n&a b: 1")
	v := testVocabulary()
	f.Fuzz(func(t *testing.T, text string) {
		start := time.Now()
		plan, problems := Load("s.yaml", []byte(text), v, given())
		if (plan == nil) != (len(problems) > 0) {
			t.Fatalf("plan %v with problems %v", plan, problems)
		}
		lines := 1 // YAML has more kinds of line breaks than others
		for _, br := range []string{"\n", "\r", "\u0085", "\u2028", "\u2029"} {
			lines += strings.Count(text, br)
		}
		for _, p := range problems {
			if p.Message == "" || p.Line > lines+1 || p.Line > 0 && p.Column < 1 {
				t.Errorf("%+v in %d lines", p, lines)
			}
			p.Source([]byte(text))
		}
		if plan != nil {
			if _, err := json.Marshal(plan); err != nil {
				t.Error(err)
			}
		}
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("%s for %d bytes", took, len(text))
		}
	})
}

// TestYAML: a plan written as a suite reads as the same plan.
func TestYAML(t *testing.T) {
	plan := load(t, strings.Replace(goodSuite, ", args: []",
		`, expect: {reply: null, a: {is: null, not: {oneOf: [1, "1", null]}}, b: {matches: "^\\d$"}}`, 1))
	text, err := plan.YAML()
	if err != nil {
		t.Fatal(err)
	}
	again := load(t, string(text))
	got, want := strings.Split(withoutPlaces(t, again), "\n"), strings.Split(withoutPlaces(t, plan), "\n")
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			t.Fatalf("%s\nreads differently in line %d: %s, want %s", text, i, got[i], want[i])
		}
	}
	c, err := plan.Cases[0].CaseYAML()
	if err != nil || !strings.HasPrefix(string(c), "- name: web page to a chat\n") {
		t.Errorf("%v: %s", err, c)
	}
}

// withoutPlaces is a plan as JSON, without positions, which change when it is
// written again.
func withoutPlaces(t *testing.T, p *Plan) string {
	t.Helper()
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var plain any
	if err := json.Unmarshal(text, &plain); err != nil {
		t.Fatal(err)
	}
	var strip func(any) any
	strip = func(v any) any {
		switch v := v.(type) {
		case map[string]any:
			delete(v, "pos")
			delete(v, "matrix")
			for k := range v {
				v[k] = strip(v[k])
			}
		case []any:
			for i := range v {
				v[i] = strip(v[i])
			}
		}
		return v
	}
	text, err = json.MarshalIndent(strip(plain), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
