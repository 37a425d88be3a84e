package suite

import (
	"fmt"
	"slices"
	"strconv"
	"time"
)

// Given holds the values that a suite is filled in with when it is loaded.
type Given struct {
	RunID string
	// Dir is the directory of the suite.
	Dir string
	// Env returns an environment variable, and whether it is set.
	Env func(name string) (string, bool)
	// Profile overrides the suite's.
	Profile string
}

// Load reads a suite. It returns either a complete plan or all problems, in the
// order of the text.
func Load(file string, data []byte, v *Vocabulary, given Given) (*Plan, []Problem) {
	root, problems := parse(file, data)
	if root == nil {
		return nil, problems
	}
	l := &loader{checker: &checker{file: file, v: v, t: makeTables(v), problems: problems}, given: given}
	plan := l.suite(root)
	if len(l.problems) > 0 {
		return nil, sortProblems(l.problems)
	}
	return plan, nil
}

// loader builds a plan from nodes. It continues after a problem, since the
// checker has reported it, and the plan is then discarded.
type loader struct {
	*checker
	given Given
	plan  Plan
	names map[string]int // of cases, with their lines
}

func (l *loader) suite(root *node) *Plan {
	if root.kind != mapKind {
		l.problem(root.Pos, "wxctl run --example prints a suite to start from", "a suite must be a map, not %s", say(root))
		return nil
	}
	secrets, env := l.variables(root.get("secrets")), l.variables(root.get("env"))
	s := l.scope(root, secrets, env)
	head := *root
	head.keys, head.items = nil, nil
	for i, key := range root.keys {
		switch key.value {
		case "vars", "cases", "defaults":
		default:
			head.keys, head.items = append(head.keys, key), append(head.items, l.fill(root.items[i], s))
		}
	}
	l.head(root, &head)
	l.plan = Plan{Name: unescape(str(head.get("name"))), File: l.file, Dir: l.given.Dir, Profile: l.given.Profile, Secrets: nil}
	if l.plan.Profile == "" {
		l.plan.Profile = unescape(str(head.get("profile")))
	}
	for _, n := range secrets {
		l.plan.Secrets = append(l.plan.Secrets, n.value)
	}
	defaults := l.fill(root.get("defaults"), s)
	if defaults != nil {
		l.check(defaults, l.t.defaults, `"defaults"`)
	}
	l.names = map[string]int{}
	if cases := root.get("cases"); cases != nil && cases.kind == listKind {
		for _, n := range cases.items {
			l.caseNode(n, defaults, s)
		}
	}
	return &l.plan
}

// head checks the suite's own keys; its cases are checked one by one after they
// are filled in.
func (l *loader) head(root, head *node) {
	table := l.t.suite
	table.fields = slices.Clone(table.fields)
	for i, f := range table.fields {
		switch f.name {
		case "cases":
			table.fields[i].shape = list{of: anyShape{}, min: 1}
		case "vars", "defaults":
			table.fields[i].shape = anyShape{} // checked where they are filled in
		}
	}
	whole := *head
	for i, key := range root.keys {
		switch key.value {
		case "cases", "vars", "defaults":
			whole.keys, whole.items = append(whole.keys, key), append(whole.items, root.items[i])
		}
	}
	l.check(&whole, table, "a suite")
}

// anyShape matches every value.
type anyShape struct{}

func (anyShape) shape() {}

// variables are the names of a list of environment variables.
func (l *loader) variables(n *node) []*node {
	if n == nil {
		return nil
	}
	nodes := n.items
	if n.kind == scalarKind {
		nodes = []*node{n}
	}
	return slices.DeleteFunc(slices.Clone(nodes), func(n *node) bool { return n.kind != scalarKind || !envForm().MatchString(n.value) })
}

// scope is what every case can refer to.
func (l *loader) scope(root *node, secrets, env []*node) scope {
	s := scope{values: map[string]*node{"run.id": {value: l.given.RunID, tag: "!!str"}}, later: DeviceNames()}
	for _, n := range secrets {
		s.later = append(s.later, "env."+n.value)
	}
	for _, n := range env {
		value, set := l.given.Env(n.value)
		if !set {
			l.problem(n.Pos, "set it, or remove it from env", "the environment variable %q is not set", n.value)
		}
		s.values["env."+n.value] = &node{value: escape(value), tag: "!!str"}
	}
	vars := root.get("vars")
	if vars == nil {
		return s
	}
	l.check(vars, object{name: "vars", free: anyShape{}}, `"vars"`)
	if vars.kind != mapKind {
		return s
	}
	for i, key := range vars.keys { // a variable can refer to those above it
		s.below = nil
		for _, k := range vars.keys[i:] {
			s.below = append(s.below, k.value)
		}
		value := l.fill(vars.items[i], s)
		l.check(value, scalar{names: true}, strconv.Quote(key.value)+" of vars")
		s = s.with("vars", map[string]*node{key.value: value})
	}
	return s
}

// caseNode makes one case for every combination of its matrix.
func (l *loader) caseNode(n, defaults *node, s scope) {
	matrix := n.get("matrix")
	combinations := []map[string]*node{{}}
	if matrix != nil && matrix.kind == mapKind {
		combinations = l.combinations(matrix, s)
	}
	given := map[string]bool{} // names within this case
	for _, values := range combinations {
		if len(l.plan.Cases) >= maxCases || l.filled > maxFilled {
			what := fmt.Sprintf("the suite has more than %d cases", maxCases)
			if l.filled > maxFilled {
				what = fmt.Sprintf("the suite has more than %d values, once every matrix is filled in", maxFilled)
			}
			l.problem(n.Pos, "split it into several suites", "%s", what)
			return
		}
		c := l.oneCase(n, defaults, s.with("matrix", values))
		for name, v := range values {
			if c.Matrix == nil {
				c.Matrix = map[string]string{}
			}
			c.Matrix[name] = unescape(v.value)
		}
		at := n.Pos
		if name := n.get("name"); name != nil {
			at = name.Pos
		}
		if line, twice := l.names[c.Name]; twice && c.Name != "" {
			hint := "give each its own name"
			if given[c.Name] {
				hint = "each combination of the matrix needs its own name, such as one with ${" + firstKey(matrix) + "} in it"
			}
			l.problem(at, hint, "two cases are called %q: the first is on line %d", shorten(c.Name, 80), line)
			if given[c.Name] {
				return // one report is enough
			}
		}
		given[c.Name], l.names[c.Name] = true, at.Line
		l.plan.Cases = append(l.plan.Cases, c)
	}
}

func firstKey(n *node) string {
	if n == nil || len(n.keys) == 0 {
		return "name"
	}
	return n.keys[0].value
}

// combinations are all combinations of a matrix's values, in order.
func (l *loader) combinations(matrix *node, s scope) []map[string]*node {
	all := []map[string]*node{{}}
	for i, key := range matrix.keys {
		values := matrix.items[i]
		if s.values[key.value] != nil {
			l.problem(key.Pos, "choose another name", "%q is the name of a variable, too", key.value)
		}
		if values.kind != listKind || len(values.items) == 0 {
			values = &node{items: []*node{{value: "", tag: "!!str", Pos: values.Pos}}} // reported elsewhere
		}
		var next []map[string]*node
		for _, base := range all {
			for _, v := range values.items {
				if len(next) > maxCases {
					break // reported where the cases are made
				}
				with := map[string]*node{key.value: l.fill(v, s)}
				for name, value := range base {
					with[name] = value
				}
				next = append(next, with)
			}
		}
		all = next
	}
	return all
}

// oneCase builds a case from a node whose matrix is filled in.
func (l *loader) oneCase(raw, defaults *node, s scope) Case {
	filled := *raw
	if raw.kind == mapKind {
		filled.items = slices.Clone(raw.items)
		for i, key := range raw.keys {
			switch key.value {
			case "matrix": // filled in already
			case "steps":
				filled.items[i] = l.steps(raw.items[i], s)
			default:
				filled.items[i] = l.fill(raw.items[i], s)
			}
		}
	}
	n := &filled
	l.check(n, l.t.oneCase, "a case")
	c := Case{Name: unescape(str(n.get("name"))), Pos: n.Pos, Tags: strs(n.get("tags")), Optional: str(n.get("optional")) == "true"}
	setting := func(key string) *node {
		if v := n.get(key); v != nil {
			return v
		}
		return defaults.get(key)
	}
	c.On = on(setting("on"))
	d, _ := time.ParseDuration(str(setting("timeout")))
	c.TimeoutMs = d.Milliseconds()
	c.After = str(setting("after"))
	c.Screenshot, c.Record = When(str(setting("screenshot"))), When(str(setting("record")))
	retry := setting("retry")
	c.Retry.Times, _ = strconv.Atoi(str(retry.get("times")))
	c.Retry.AfterSent = str(retry.get("after-sent")) == "true"
	if steps := n.get("steps"); steps != nil && steps.kind == listKind {
		for _, step := range steps.items {
			c.Steps = append(c.Steps, l.step(step))
		}
	} else if n.get("do") != nil {
		c.Steps = []Step{l.step(n)}
	}
	if !l.v.Drives(&c) && setting("on") == nil {
		c.On.Any = true // it needs no phone, so it runs once
	}
	return c
}

// steps fills in the steps of a case; each can refer to what earlier steps
// capture.
func (l *loader) steps(n *node, s scope) *node {
	if n.kind != listKind {
		return l.fill(n, s)
	}
	out := *n
	out.items = nil
	for _, step := range n.items {
		out.items = append(out.items, l.fill(step, s))
		if capture := step.get("capture"); capture != nil && capture.kind == mapKind {
			for _, key := range capture.keys {
				if s.values[key.value] != nil {
					l.problem(key.Pos, "choose another name", "%q has a value already", key.value)
				}
				s = s.andLater(key.value)
			}
		}
	}
	return &out
}

func (l *loader) step(n *node) Step {
	step := Step{Do: str(n.get("do")), Pos: n.Pos}
	if do := n.get("do"); do != nil {
		step.Pos = do.Pos
	}
	if args := n.get("args"); args != nil {
		for _, a := range alone(args) {
			step.Args = append(step.Args, a.value)
		}
	}
	if with := n.get("with"); with != nil && with.kind == mapKind {
		for i, key := range with.keys {
			for _, v := range alone(with.items[i]) {
				step.With = append(step.With, Flag{Name: key.value, Value: v.value, Pos: v.Pos})
			}
		}
	}
	if expect := n.get("expect"); expect != nil {
		quiet := &checker{file: l.file, v: l.v, t: l.t}
		step.Expect, step.JQ = quiet.expect(expect)
	}
	if capture := n.get("capture"); capture != nil && capture.kind == mapKind {
		for i, key := range capture.keys {
			v := capture.items[i]
			c := Capture{Name: key.value, From: unescape(str(v)), Pos: key.Pos}
			if v.kind == mapKind {
				c.From, c.Secret = unescape(str(v.get("from"))), str(v.get("secret")) == "true"
			}
			step.Capture = append(step.Capture, c)
		}
	}
	return step
}

func on(n *node) On {
	if n == nil {
		return On{}
	}
	if n.kind == mapKind {
		return On{Phones: unescape(str(n.get("phones"))), Any: str(n.get("count")) == "any"}
	}
	return On{Any: n.value == "any"}
}

// alone returns the values of a list, or the single value given instead.
func alone(n *node) []*node {
	if n.kind == listKind {
		return n.items
	}
	return []*node{n}
}

func str(n *node) string {
	if n == nil || n.kind != scalarKind {
		return ""
	}
	return n.value
}

func strs(n *node) []string {
	if n == nil {
		return nil
	}
	var all []string
	for _, v := range alone(n) {
		all = append(all, unescape(v.value))
	}
	return all
}

// Digest is a hash of the plan, which a resumed run is checked against.
func (p *Plan) Digest() string {
	text, err := marshal(p)
	if err != nil {
		return "" // plans are plain values
	}
	return fmt.Sprintf("sha256:%x", sum(text))
}
