package suite

import (
	"encoding/json"
	"strings"
)

// Plan is a suite made ready: every matrix is expanded and every name that is
// known before a phone is known has its value. It is part of the first event of
// a run, so that the events alone are enough to resume the run and to report
// it.
type Plan struct {
	Name    string   `json:"name"`
	File    string   `json:"file"` // as given by the user
	Dir     string   `json:"dir"`  // absolute: relative file names in the suite start here
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
	// Any runs the case on one of the phones, the first that is free; otherwise
	// on each.
	Any bool `json:"any,omitempty"`
}

// When says when a screenshot or a recording is kept.
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

// Flag is a flag of a step's command with its value as text. A list flag
// appears once for every element.
type Flag struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	Pos   Pos    `json:"pos"`
}

// JQ is an expectation as a jq expression, which must yield true.
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

// Job is one case on one phone, for which a result is reported. For a case that
// runs on any phone, the phone is empty until one is assigned.
type Job struct {
	Case  string `json:"case"`
	Phone string `json:"phone"`
}

// Quote quotes a word for a POSIX shell, if necessary.
func Quote(word string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./=:,@+%", r)
	}
	if word != "" && strings.IndexFunc(word, func(r rune) bool { return !plain(r) }) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// Problem is one problem with its position in the suite: with the suite itself
// before a run, or with an expectation of a case after it.
type Problem struct {
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

// raw is JSON that is passed on without being parsed.
type raw = json.RawMessage
