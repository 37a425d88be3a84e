// Package check is the one table of what can be wrong with a WeChat
// integration. `wxctl doctor` prints what the checks find, `inspect` the
// findings about the app alone; warnings about requests are rows without a
// function. It evaluates facts and does not collect them: phones, files and
// servers are read elsewhere.
package check

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
)

// Status is the result of a check.
type Status string

// The statuses. Skip is a check that does not apply here, Unknown one whose
// facts could not be determined; both come with a reason.
const (
	Pass    Status = "pass"
	Warn    Status = "warn"
	Fail    Status = "fail"
	Skip    Status = "skip"
	Unknown Status = "unknown"
)

// Group is a part of the way from this computer to WeChat's servers.
type Group string

// The groups, in the order in which they are shown. The rows of Request are
// reported by the commands that send a request.
const (
	GroupHost    Group = "host"
	GroupPhone   Group = "phone"
	GroupWeChat  Group = "wechat"
	GroupApp     Group = "app"
	GroupLink    Group = "link"
	GroupProfile Group = "profile"
	GroupCloud   Group = "cloud"
	GroupRequest Group = "request"
)

// Groups returns all groups in their order.
func Groups() []Group {
	return []Group{GroupHost, GroupPhone, GroupWeChat, GroupApp, GroupLink, GroupProfile, GroupCloud, GroupRequest}
}

// Need says where a check's facts come from.
type Need string

// The needs. A file satisfies NeedApp as well as a phone does.
const (
	NeedHost    Need = "host"
	NeedPhone   Need = "phone"
	NeedApp     Need = "app"
	NeedProfile Need = "profile"
	NeedWeb     Need = "web"
	NeedCloud   Need = "cloud"
	NeedLog     Need = "log"
	NeedProbe   Need = "probe"
	NeedRequest Need = "request"
)

// Check is one row of the table.
type Check struct {
	ID       string
	Group    Group
	Severity Status // Warn or Fail: the status of a finding
	Platform string // "android" or "ios"; "" is both
	Needs    []Need
	// Title describes the problem in general; it is the heading of the check's
	// documentation.
	Title string
	// Good is shown if nothing is wrong.
	Good string
	// Why says what the user sees, and the reason.
	Why string
	// Fix names a command, or the place in a manifest, an Info.plist or a page.
	Fix string
	// Command is a shell command that fixes it, if there is one.
	Command string
	// Complaints are indexes of the list of known complaints in docs/doctor.md.
	Complaints []int
	// Find looks for the problem; nil for checks that are reported from
	// elsewhere (a request, a log line).
	Find func(*Facts) Result
}

// Result is what a check found in the facts. A Result without Status has the
// check's Severity.
type Result struct {
	Status   Status
	Title    string
	Evidence []Evidence
	Fix      Fix // if it is more specific than the check's own
}

// Evidence is one observation and its source.
type Evidence struct {
	What   string `json:"what"`
	Source string `json:"source"`
}

// Fix says what to do about a finding.
type Fix struct {
	Text    string `json:"text"`
	Command string `json:"command"`
	// Auto is set if `wxctl doctor --fix` can do it.
	Auto bool `json:"auto"`
}

// Finding is the result of a check, as it is reported.
type Finding struct {
	ID         string     `json:"id"`
	Group      Group      `json:"group"`
	Subject    string     `json:"subject"`
	Status     Status     `json:"status"`
	Title      string     `json:"title"`
	Evidence   []Evidence `json:"evidence"`
	Fix        Fix        `json:"fix"`
	Docs       string     `json:"docs"`
	Complaints []int      `json:"complaints"`
	DurationMs int64      `json:"durationMs"`
}

// Bad reports whether the finding is something to fix.
func (f *Finding) Bad() bool { return f.Status == Fail || f.Status == Warn }

// Docs is where a check is documented.
func (c *Check) Docs() string { return "docs/doctor.md#" + c.ID }

// Find returns the row with an id.
func Find(id string) (Check, bool) {
	table := Table()
	if i := slices.IndexFunc(table, func(c Check) bool { return c.ID == id }); i >= 0 {
		return table[i], true
	}
	return Check{}, false
}

// Match reports whether an id matches one of the patterns: an id, a prefix of
// one that ends before a dot, or a pattern of path.Match.
func Match(id string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		ok, err := path.Match(p, id)
		return err == nil && ok || strings.HasPrefix(id, p+".")
	})
}

// Run runs the checks of the table for which wanted returns true, in the
// table's order. Checks for another platform and checks without Find are
// skipped.
func Run(f *Facts, wanted func(*Check) bool) []Finding {
	out := []Finding{}
	for _, c := range Table() {
		if c.Find == nil || c.Platform != "" && c.Platform != f.Platform || !wanted(&c) {
			continue
		}
		out = append(out, c.run(f))
	}
	return out
}

// run runs one check. If it panics, that is a finding of its own and the other
// checks still run.
func (c *Check) run(f *Facts) (found Finding) {
	began := time.Now()
	defer func() {
		if r := recover(); r != nil {
			found = c.Finding(f.subject(c.Group), unknown("the check itself failed: %v", r))
		}
		found.DurationMs = time.Since(began).Milliseconds()
	}()
	for _, need := range c.Needs {
		if gap, ok := f.Gaps[need]; ok {
			return c.Finding(f.subject(c.Group), Result{Status: gap.Status, Title: gap.Reason})
		}
	}
	return c.Finding(f.subject(c.Group), c.Find(f))
}

// Finding makes a finding from what a check found about subject.
func (c *Check) Finding(subject string, r Result) Finding {
	f := Finding{
		ID: c.ID, Group: c.Group, Subject: subject, Status: r.Status, Title: r.Title, Evidence: slices.Clone(r.Evidence), Fix: r.Fix,
		Docs: c.Docs(), Complaints: append([]int{}, c.Complaints...),
	}
	if f.Status == "" {
		f.Status = c.Severity
	}
	if f.Evidence == nil {
		f.Evidence = []Evidence{}
	}
	switch {
	case f.Title != "":
	case f.Status == Pass:
		f.Title = c.Good
	default:
		f.Title = c.Title
	}
	if !f.Bad() {
		f.Fix = Fix{}
		return f
	}
	if f.Fix.Text == "" {
		f.Fix.Text = c.Fix
	}
	if f.Fix.Command == "" {
		f.Fix.Command = c.Command
	}
	return f
}

func pass(evidence ...Evidence) Result { return Result{Status: Pass, Evidence: evidence} }

func skip(format string, args ...any) Result {
	return Result{Status: Skip, Title: fmt.Sprintf(format, args...)}
}

func unknown(format string, args ...any) Result {
	return Result{Status: Unknown, Title: fmt.Sprintf(format, args...)}
}

func found(format string, args ...any) Result { return Result{Title: fmt.Sprintf(format, args...)} }

// seen returns r with evidence added.
func (r Result) seen(source, format string, args ...any) Result {
	r.Evidence = append(r.Evidence, Evidence{What: fmt.Sprintf(format, args...), Source: source})
	return r
}

// fixed returns r with a fix that is more specific than the check's own.
func (r Result) fixed(format string, args ...any) Result {
	r.Fix.Text = fmt.Sprintf(format, args...)
	return r
}

// by returns r with the command that fixes it.
func (r Result) by(format string, args ...any) Result {
	r.Fix.Command = fmt.Sprintf(format, args...)
	return r
}

// Count counts findings by their status.
func Count(findings []Finding) map[Status]int {
	n := map[Status]int{}
	for i := range findings {
		n[findings[i].Status]++
	}
	return n
}
