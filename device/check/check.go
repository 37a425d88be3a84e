// Package check is the one table of what can be wrong with a WeChat
// integration. `wxctl doctor` prints what the checks find, `inspect` those that
// need the app alone; the warnings of requests are rows without a function of
// their own. It knows facts and no way to learn them: phones, files and servers
// are read elsewhere.
package check

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
)

// A Status is what a check says.
type Status string

// The statuses. Skip is a check that does not apply here, Unknown one whose
// facts could not be learned; both carry a reason.
const (
	Pass    Status = "pass"
	Warn    Status = "warn"
	Fail    Status = "fail"
	Skip    Status = "skip"
	Unknown Status = "unknown"
)

// A Group is a part of the way from this computer to WeChat's servers.
type Group string

// The groups, in the order in which they are shown. Rows of Request are said
// by the commands that send a request.
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

// A Need is where a check's facts come from.
type Need string

// The needs. NeedApp is served by a file as well as by a phone.
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

// A Check is one row of the table.
type Check struct {
	ID       string
	Group    Group
	Severity Status // Warn or Fail: what it is if it is found
	Platform string // "android" or "ios"; "" is both
	Needs    []Need
	// Title says in general what is wrong; it heads the check's page.
	Title string
	// Good is said when nothing is wrong.
	Good string
	// Why says what the user sees, and why that is so.
	Why string
	// Fix names a command, or the place in a manifest, an Info.plist or a page.
	Fix string
	// Command is a line for the shell that fixes it, if there is one.
	Command string
	// Complaints are numbers of the list of known complaints in docs/doctor.md.
	Complaints []int
	// Find looks for the fault; nil where only others find it (in a request, a
	// log line).
	Find func(*Facts) Result
}

// A Result is what a check makes of the facts. A Result without Status is a
// fault of the check's severity.
type Result struct {
	Status   Status
	Title    string
	Evidence []Evidence
	Fix      Fix // where it is more exact than the check's own
}

// Evidence is one thing that was seen, and where.
type Evidence struct {
	What   string `json:"what"`
	Source string `json:"source"`
}

// Fix is what to do about a finding.
type Fix struct {
	Text    string `json:"text"`
	Command string `json:"command"`
	// Auto says that `wxctl doctor --fix` can do it.
	Auto bool `json:"auto"`
}

// A Finding is what a check said.
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

// Docs is where a check is described.
func (c *Check) Docs() string { return "docs/doctor.md#" + c.ID }

// Find returns the row of an id.
func Find(id string) (Check, bool) {
	table := Table()
	if i := slices.IndexFunc(table, func(c Check) bool { return c.ID == id }); i >= 0 {
		return table[i], true
	}
	return Check{}, false
}

// Match reports whether an id fits one of the patterns: an id, the start of
// one before a dot, or a pattern of path.Match.
func Match(id string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		ok, err := path.Match(p, id)
		return err == nil && ok || strings.HasPrefix(id, p+".")
	})
}

// Run asks the checks of the table that wanted agrees to, in the table's
// order. Those of another platform, and those that only others find, say
// nothing.
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

// run asks one check. That it panics is a fault of its own, and no reason not
// to ask the others.
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

// Finding makes a finding of what a check said of subject.
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

// seen adds evidence.
func (r Result) seen(source, format string, args ...any) Result {
	r.Evidence = append(r.Evidence, Evidence{What: fmt.Sprintf(format, args...), Source: source})
	return r
}

// fixed sets a fix that is more exact than the check's own.
func (r Result) fixed(format string, args ...any) Result {
	r.Fix.Text = fmt.Sprintf(format, args...)
	return r
}

// by sets the command that fixes it.
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
