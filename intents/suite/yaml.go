package suite

import (
	"bytes"
	"strconv"
	"time"

	"go.yaml.in/yaml/v4"
)

// YAML returns the plan as a suite: with every matrix expanded and every value
// filled in.
func (p *Plan) YAML() ([]byte, error) {
	root := pairs("version", number(1), "name", word(escape(p.Name)))
	if p.Profile != "" {
		add(root, "profile", word(escape(p.Profile)))
	}
	if len(p.Secrets) > 0 {
		add(root, "secrets", words(p.Secrets))
	}
	add(root, "defaults", flow(pairs("on", word("each"))))
	cases := &yaml.Node{Kind: yaml.SequenceNode}
	for i := range p.Cases {
		n, err := p.Cases[i].yaml()
		if err != nil {
			return nil, err
		}
		cases.Content = append(cases.Content, n)
	}
	add(root, "cases", cases)
	return encode(root)
}

// CaseYAML is a case as an item of a suite's list of cases.
func (c *Case) CaseYAML() ([]byte, error) {
	n, err := c.yaml()
	if err != nil {
		return nil, err
	}
	return encode(&yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{n}})
}

func encode(n *yaml.Node) ([]byte, error) {
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(n); err != nil {
		return nil, err
	}
	return b.Bytes(), enc.Close()
}

func (c *Case) yaml() (*yaml.Node, error) {
	n := pairs("name", word(escape(c.Name)))
	if len(c.Tags) > 0 {
		add(n, "tags", words(c.Tags))
	}
	if c.On != (On{}) {
		add(n, "on", c.On.yaml())
	}
	if c.TimeoutMs > 0 {
		add(n, "timeout", word((time.Duration(c.TimeoutMs) * time.Millisecond).String()))
	}
	for _, s := range [][2]string{{"after", c.After}, {"screenshot", string(c.Screenshot)}, {"record", string(c.Record)}} {
		if s[1] != "" {
			add(n, s[0], word(s[1]))
		}
	}
	if c.Retry != (Retry{}) {
		add(n, "retry", flow(pairs("times", number(c.Retry.Times), "after-sent", yesNo(c.Retry.AfterSent))))
	}
	if c.Optional {
		add(n, "optional", yesNo(true))
	}
	steps := &yaml.Node{Kind: yaml.SequenceNode}
	for i := range c.Steps {
		step, err := c.Steps[i].yaml()
		if err != nil {
			return nil, err
		}
		steps.Content = append(steps.Content, step)
	}
	if len(steps.Content) == 1 {
		n.Content = append(n.Content, steps.Content[0].Content...)
	} else {
		add(n, "steps", steps)
	}
	return n, nil
}

func (o On) yaml() *yaml.Node {
	count := "each"
	if o.Any {
		count = "any"
	}
	if o.Phones == "" {
		return word(count)
	}
	return flow(pairs("phones", word(escape(o.Phones)), "count", word(count)))
}

func (s *Step) yaml() (*yaml.Node, error) {
	n := pairs("do", word(s.Do))
	if len(s.With) > 0 {
		with := &yaml.Node{Kind: yaml.MappingNode}
		for _, f := range s.With {
			if old := value(with, f.Name); old != nil { // given several times
				if old.Kind == yaml.ScalarNode {
					*old = *flow(&yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{word(old.Value)}})
				}
				old.Content = append(old.Content, word(f.Value))
				continue
			}
			add(with, f.Name, word(f.Value))
		}
		add(n, "with", with)
	}
	if len(s.Args) > 0 {
		add(n, "args", words(s.Args))
	}
	expect := &yaml.Node{Kind: yaml.MappingNode}
	for _, e := range s.Expect {
		m, err := marshal(e.Match)
		if err != nil {
			return nil, err
		}
		var v yaml.Node // JSON is YAML
		if err := yaml.Unmarshal(m, &v); err != nil {
			return nil, err
		}
		add(expect, e.Path, shortest(e, block(v.Content[0])))
	}
	if len(s.JQ) > 0 {
		all := make([]string, len(s.JQ))
		for i, q := range s.JQ {
			all[i] = q.Expression
		}
		add(expect, "jq", words(all))
	}
	if len(expect.Content) > 0 {
		add(n, "expect", expect)
	}
	capture := &yaml.Node{Kind: yaml.MappingNode}
	for _, c := range s.Capture {
		add(capture, c.Name, flow(pairs("from", word(escape(c.From)), "secret", yesNo(c.Secret))))
	}
	if len(capture.Content) > 0 {
		add(n, "capture", capture)
	}
	return n, nil
}

// shortest is an expectation in the short form that a person would write.
func shortest(e Expectation, m *yaml.Node) *yaml.Node {
	if e.AtLeast != "" {
		return word(e.AtLeast)
	}
	if is := value(m, "is"); is != nil && len(m.Content) == 2 && is.Kind == yaml.ScalarNode {
		return is
	}
	return m
}

// block removes JSON's flow style from the nodes.
func block(n *yaml.Node) *yaml.Node {
	n.Style = 0
	if n.Kind == yaml.MappingNode || n.Kind == yaml.SequenceNode {
		n.Style = yaml.FlowStyle
	}
	for _, c := range n.Content {
		block(c)
	}
	return n
}

func value(m *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(m.Content); i += 2 {
		if m.Content[i].Value == key {
			return m.Content[i+1]
		}
	}
	return nil
}

func add(m *yaml.Node, key string, v *yaml.Node) { m.Content = append(m.Content, word(key), v) }

func pairs(all ...any) *yaml.Node {
	m := &yaml.Node{Kind: yaml.MappingNode}
	for i := 0; i+1 < len(all); i += 2 {
		add(m, all[i].(string), all[i+1].(*yaml.Node))
	}
	return m
}

func flow(n *yaml.Node) *yaml.Node {
	n.Style = yaml.FlowStyle
	return n
}

// word is a text node; the encoder quotes what would be read as another type.
func word(s string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s} }

func words(all []string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
	for _, s := range all {
		n.Content = append(n.Content, word(s))
	}
	return n
}

func number(i int) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: strconv.Itoa(i)}
}

func yesNo(b bool) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: strconv.FormatBool(b)}
}
