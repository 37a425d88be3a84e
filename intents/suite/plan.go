package suite

import (
	"encoding/json"
	"strings"
)

// Plan is a suite made ready: every matrix is spread out, every name that is
// known before a phone is known has its value. It stands in the first event of
// a run, so that the events alone are enough to go on from and to report.
type Plan struct {
	Name    string   `json:"name"`
	File    string   `json:"file"` // as it was named
	Dir     string   `json:"dir"`  // absolute: what file names in the suite start from
	Profile string   `json:"profile,omitempty"`
	Secrets []string `json:"secrets,omitempty"` // names of environment variables
	Cases   []Case   `json:"cases"`
}

// Find returns the case of that name, or nil.
func (p *Plan) Find(name string) *Case {
	for i := range p.Cases {
		if p.Cases[i].Name == name {
			return &p.Cases[i]
		}
	}
	return nil
}

// Pos is a place in a suite's text; both count from 1.
type Pos struct {
	Line   int `json:"line"`
	Column int `json:"column"`
}

// Case is one case of a suite with the values of its matrix filled in.
type Case struct {
	Name       string            `json:"name"`
	Pos        Pos               `json:"pos"`
	Tags       []string          `json:"tags,omitempty"`
	Matrix     map[string]string `json:"matrix,omitempty"`
	On         On                `json:"on"`
	TimeoutMs  int64             `json:"timeoutMs,omitempty"`
	After      string            `json:"after,omitempty"`
	Screenshot When              `json:"screenshot,omitempty"`
	Record     When              `json:"record,omitempty"`
	Retry      Retry             `json:"retry"`
	Optional   bool              `json:"optional,omitempty"`
	Steps      []Step            `json:"steps"`
}

// On says which phones a case runs on.
type On struct {
	// Phones narrows the phones of the run by a selector such as
	// "platform=android,os>=12"; empty means all of them.
	Phones string `json:"phones,omitempty"`
	// Any asks for one phone of them, whichever is free first; else each.
	Any bool `json:"any,omitempty"`
}

// When says when a picture or a film of the screen is kept.
type When string

// The values of screenshot and record.
const (
	Never     When = "never"
	OnFailure When = "on-failure"
	Always    When = "always"
)

// Retry says how often a case that did not pass is tried again.
type Retry struct {
	Times int `json:"times,omitempty"`
	// AfterSent also repeats a case whose request may have reached WeChat,
	// where people could have seen it.
	AfterSent bool `json:"afterSent,omitempty"`
}

// Step is one command of a case.
type Step struct {
	Do      string        `json:"do"`
	Pos     Pos           `json:"pos"`
	Args    []string      `json:"args,omitempty"` // what follows the command's words, without flags
	With    []Flag        `json:"with,omitempty"`
	Expect  []Expectation `json:"expect,omitempty"`
	JQ      []JQ          `json:"jq,omitempty"`
	Capture []Capture     `json:"capture,omitempty"`
}

// Flag is a flag of a step's command with its value as text. A flag that is a
// list stands here once for every element.
type Flag struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	Pos   Pos    `json:"pos"`
}

// JQ is an expectation as a jq expression, which must give true.
type JQ struct {
	Expression string `json:"expression"`
	Pos        Pos    `json:"pos"`
}

// Capture keeps a value of a step's answer for the steps after it.
type Capture struct {
	Name   string `json:"name"`
	From   string `json:"from"` // a dotted path
	Secret bool   `json:"secret,omitempty"`
	Pos    Pos    `json:"pos"`
}

// Job is one case on one phone: what a result is reported for. The phone of a
// case that runs on any phone is empty until one has taken it.
type Job struct {
	Case  string `json:"case"`
	Phone string `json:"phone"`
}

// Quote quotes a word for a POSIX shell, where it has to be.
func Quote(word string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./=:,@+%", r)
	}
	if word != "" && strings.IndexFunc(word, func(r rune) bool { return !plain(r) }) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// Problem is one thing that is wrong, with its place in the suite: with the
// suite itself before a run, with what a case was expected to give after it.
type Problem struct {
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

// raw is JSON that is carried and not looked into.
type raw = json.RawMessage
