// Package report writes the results of runs in the formats that people and CI
// systems read: one page of HTML, JUnit XML, CTRF, Allure's results, and
// GitHub's summary and annotations. Each is a function of the folded events of
// any number of runs; all text in them is treated as hostile.
package report

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"slices"
	"strings"
	"unicode"

	"github.com/wxctl/wxctl/intents/suite"
)

// Source is a run to report.
type Source struct {
	Run *suite.Run
	// Files holds the run folder.
	Files fs.FS
	// Link is the path from the report to the run folder, with slashes.
	Link string
}

// item is one result of a source.
type item struct {
	Source
	*suite.Result
}

// items are the results of all sources, in their order.
func items(sources []Source) []item {
	var all []item
	for _, s := range sources {
		for _, r := range s.Run.Results {
			all = append(all, item{s, r})
		}
	}
	return all
}

// worstFirst sorts by status; results of the same status stay in the plan's
// order.
func worstFirst(all []item) []item {
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(a, b item) int { return cmp.Compare(badness(a), badness(b)) })
	return all
}

// badness is a result's position among the statuses; flaky ones come before
// those that simply passed.
func badness(r item) int {
	at := 2 * slices.Index(suite.Statuses(), r.Status)
	if r.Flaky {
		at--
	}
	return at
}

// counts counts results.
func counts(all []item) suite.Counts {
	var c suite.Counts
	for _, r := range all {
		c.Add(r.Status, r.Flaky)
	}
	return c
}

// phoneLabel is a phone's name for people; it is unique.
func phoneLabel(p suite.Phone) string {
	switch {
	case p.ID == "":
		return "no phone"
	case p.Name == "" || p.Name == p.ID:
		return p.ID
	}
	return p.Name + " (" + p.ID + ")"
}

// sentence describes a result in one line.
func (r item) sentence() string {
	if problems := r.problems(); len(problems) > 0 {
		return problems[0].Message
	}
	return cmp.Or(r.Reason, string(r.Status))
}

// place is the position of a result's first problem in the suite, else of its
// case.
func (r item) place() (file string, line int) {
	for _, p := range r.problems() {
		if p.File != "" && p.Line > 0 {
			return p.File, p.Line
		}
	}
	return r.Run().Start.Plan.File, r.Case.Pos.Line
}

// label is a result's name, unique within its suite.
func (r item) label() string { return r.Case.Name + " [" + phoneLabel(r.Phone) + "]" }

// identity is the same for a case on a phone in every run; for a case that runs
// on any phone, it is the same for all phones.
func (r item) identity() string {
	phone := r.Phone.ID
	if r.Case.On.Any {
		phone = ""
	}
	return stableUUID(r.Run().Start.Suite, r.Case.Name, phone)
}

// stableUUID derives a UUID from a list of texts: version 8 of RFC 9562, a
// hash.
func stableUUID(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	b := h.Sum(nil)[:16]
	b[6], b[8] = b[6]&0x0f|0x80, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// only is the result as it would be if this attempt had been the only one.
func (r item) only(a *suite.Attempt) item {
	return item{r.Source, &suite.Result{
		Run: r.Run(), Case: r.Case, Phone: a.Phone, Status: a.End.Status, Reason: a.Why(), Attempts: []*suite.Attempt{a},
	}}
}

// Run is the run of the result.
func (r item) Run() *suite.Run { return r.Source.Run }

// decisive is the attempt that determined the result's status; nil if there is
// none.
func (r item) decisive() *suite.Attempt {
	for _, a := range slices.Backward(r.Attempts) {
		if a.End.Status == r.Status {
			return a
		}
	}
	return nil
}

// earlier are the attempts before the decisive one that say something about the
// case.
func (r item) earlier() []*suite.Attempt {
	last := r.decisive()
	return slices.DeleteFunc(slices.Clone(r.Attempts), func(a *suite.Attempt) bool { return a == last || a.End.Status == suite.Stopped })
}

// problems are the problems of the decisive attempt.
func (r item) problems() []suite.Problem {
	if a := r.decisive(); a != nil {
		return a.End.Problems
	}
	return nil
}

// details describes an attempt in full: its problems, what was run, how to
// repeat it.
func (r item) details(a *suite.Attempt) string {
	var b strings.Builder
	for _, p := range a.End.Problems {
		b.WriteString(p.String() + "\n")
		if p.Hint != "" {
			b.WriteString("  hint: " + p.Hint + "\n")
		}
	}
	if len(a.End.Problems) == 0 && a.Why() != "" {
		b.WriteString(a.Why() + "\n")
	}
	for _, c := range a.Commands {
		b.WriteString("$ " + c + "\n")
	}
	b.WriteString("repeat: " + r.Repeat() + "\n")
	return b.String()
}

// filePath is the path from the report to a file of the run folder; empty for a
// path that leads out of the folder.
func (s Source) filePath(name string) string {
	if !fs.ValidPath(name) || strings.Contains(name, `\`) {
		return ""
	}
	return path.Join(s.Link, name)
}

// href is filePath as a relative URL or a file URL; a file name can't turn it
// into a URL with another scheme.
func (s Source) href(name string) string {
	p := s.filePath(name)
	switch {
	case p == "":
		return ""
	case path.IsAbs(p):
		return (&url.URL{Scheme: "file", Path: p}).String()
	case !strings.HasPrefix(p, "../"):
		p = "./" + p
	}
	return (&url.URL{Path: p}).EscapedPath()
}

// clean removes control characters, which XML, terminals and logs can't carry,
// and invalid UTF-8 from text. Line breaks stay.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)) {
			return '\uFFFD'
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
}

// shorten cuts text to a number of characters.
func shorten(text string, limit int) string {
	for i := range text {
		if limit == 0 {
			return text[:i] + "…"
		}
		limit--
	}
	return text
}
