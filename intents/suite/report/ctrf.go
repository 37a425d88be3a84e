package report

import (
	"encoding/json"
	"io"
	"path"
	"time"

	"github.com/wxctl/wxctl/intents/suite"
)

// Fields of CTRF, the Common Test Report Format, as its schema 0.0 has them:
// https://github.com/ctrf-io/ctrf/blob/main/schema/ctrf.schema.json
type (
	ctrfReport struct {
		Format  string      `json:"reportFormat"`
		Version string      `json:"specVersion"`
		RunID   text        `json:"runId,omitempty"`
		By      string      `json:"generatedBy"`
		Results ctrfResults `json:"results"`
	}
	ctrfResults struct {
		Tool    ctrfTool    `json:"tool"`
		Summary ctrfSummary `json:"summary"`
		Tests   []ctrfTest  `json:"tests"`
	}
	ctrfTool struct {
		Name    string `json:"name"`
		Version text   `json:"version,omitempty"`
	}
	ctrfSummary struct {
		Tests   int   `json:"tests"`
		Passed  int   `json:"passed"`
		Failed  int   `json:"failed"`
		Skipped int   `json:"skipped"`
		Pending int   `json:"pending"` // always 0: each result has a status
		Other   int   `json:"other"`
		Flaky   int   `json:"flaky"`
		Suites  int   `json:"suites"`
		Start   int64 `json:"start"`
		Stop    int64 `json:"stop"`
	}
	// ctrfTest is a case on a phone. Its times and files are those of the
	// decisive attempt; Earlier has the others.
	ctrfTest struct {
		ID       string          `json:"testId"`
		Name     text            `json:"name"`
		Status   string          `json:"status"`
		Raw      suite.Status    `json:"rawStatus"`
		Duration int64           `json:"duration"`
		Start    int64           `json:"start,omitempty"`
		Stop     int64           `json:"stop,omitempty"`
		Suite    []text          `json:"suite"`
		Message  text            `json:"message,omitempty"`
		Trace    text            `json:"trace,omitempty"`
		File     text            `json:"filePath,omitempty"`
		Line     int             `json:"line,omitempty"`
		Tags     []text          `json:"tags,omitempty"`
		Labels   map[string]text `json:"labels,omitempty"`
		Flaky    bool            `json:"flaky"`
		Retries  int             `json:"retries"`
		Earlier  []ctrfAttempt   `json:"retryAttempts,omitempty"`
		Device   text            `json:"device,omitempty"`
		Files    []ctrfFile      `json:"attachments,omitempty"`
		Steps    []ctrfStep      `json:"steps,omitempty"`
	}
	ctrfAttempt struct {
		Number   int        `json:"attempt"`
		Status   string     `json:"status"`
		Duration int64      `json:"duration"`
		Start    int64      `json:"start"`
		Stop     int64      `json:"stop"`
		Message  text       `json:"message,omitempty"`
		Trace    text       `json:"trace,omitempty"`
		Files    []ctrfFile `json:"attachments,omitempty"`
		Extra    ctrfExtra  `json:"extra"`
	}
	ctrfStep struct {
		Name   text      `json:"name"`
		Status string    `json:"status"`
		Extra  ctrfExtra `json:"extra"`
	}
	ctrfFile struct {
		Name text   `json:"name"`
		Type text   `json:"contentType"`
		Path string `json:"path"`
	}
	// ctrfExtra holds what the format has no field for.
	ctrfExtra struct {
		Raw      suite.Status `json:"rawStatus"`
		Device   text         `json:"device,omitempty"`
		Duration int64        `json:"duration,omitempty"`
		Message  text         `json:"message,omitempty"`
	}
)

// text is text from outside; its JSON is cleaned by [clean].
type text string

// MarshalText implements [encoding.TextMarshaler].
func (t text) MarshalText() ([]byte, error) { return []byte(clean(string(t))), nil }

// CTRF writes the Common Test Report Format: a test for each case on each
// phone. A status other than passed, failed and skipped becomes "other", with
// the original status in rawStatus.
func CTRF(w io.Writer, sources []Source) error {
	report := ctrfReport{Format: "CTRF", Version: "0.0.0", By: "wxctl", Results: ctrfResults{
		Tool: ctrfTool{Name: "wxctl"}, Summary: newCTRFSummary(sources), Tests: []ctrfTest{},
	}}
	if len(sources) == 1 { // several runs have no common name
		report.RunID = text(sources[0].Run.ID)
	}
	for _, s := range sources {
		report.Results.Tool.Version = text(s.Run.Start.Version)
	}
	for _, r := range items(sources) {
		report.Results.Tests = append(report.Results.Tests, newCTRFTest(r))
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(report)
}

func newCTRFSummary(sources []Source) ctrfSummary {
	c := counts(items(sources))
	s := ctrfSummary{
		Passed: c.Passed, Failed: c.Failed, Skipped: c.Skipped, Other: c.Errored + c.Unknown + c.Stopped, Flaky: c.Flaky,
	}
	s.Tests = s.Passed + s.Failed + s.Skipped + s.Other
	suites := map[string]bool{}
	for i, source := range sources {
		suites[source.Run.Start.Suite] = true
		start, stop := source.Run.Started.UnixMilli(), source.Run.Last.UnixMilli()
		if i == 0 {
			s.Start = start
		}
		s.Start, s.Stop = min(s.Start, start), max(s.Stop, stop)
	}
	s.Suites = len(suites)
	return s
}

// ctrfStatus converts a status to CTRF's.
func ctrfStatus(s suite.Status) string {
	switch s {
	case suite.Passed, suite.Failed, suite.Skipped:
		return string(s)
	}
	return "other"
}

func newCTRFTest(r item) ctrfTest {
	test := ctrfTest{
		ID: r.identity(), Name: text(r.label()), Status: ctrfStatus(r.Status), Raw: r.Status, Flaky: r.Flaky,
		Suite: []text{text(r.Run().Start.Suite)}, File: text(r.Run().Start.Plan.File), Line: r.Case.Pos.Line,
		Device: text(phoneLabel(r.Phone)), Labels: map[string]text{},
	}
	for _, tag := range r.Case.Tags {
		test.Tags = append(test.Tags, text(tag))
	}
	for name, value := range map[string]string{"platform": r.Phone.Platform, "osVersion": r.Phone.OSVersion, "host": r.Phone.Agent} {
		if value != "" {
			test.Labels[name] = text(value)
		}
	}
	if r.Status != suite.Passed {
		test.Message = text(r.sentence())
	}
	if a := r.decisive(); a != nil {
		test.Start, test.Stop, test.Duration = span(a)
		test.Files = ctrfFiles(r, a)
		if r.Status != suite.Passed {
			test.Trace = text(r.details(a))
		}
		for _, s := range a.End.Steps {
			extra := ctrfExtra{Raw: s.Status, Duration: s.DurationMs, Message: text(s.Message)}
			test.Steps = append(test.Steps, ctrfStep{text(s.Do), ctrfStatus(s.Status), extra})
		}
	}
	for _, a := range r.earlier() {
		at := r.only(a)
		earlier := ctrfAttempt{
			Number: a.Number, Status: ctrfStatus(a.End.Status), Message: text(at.sentence()), Trace: text(at.details(a)),
			Files: ctrfFiles(r, a), Extra: ctrfExtra{Raw: a.End.Status, Device: text(phoneLabel(a.Phone))},
		}
		earlier.Start, earlier.Stop, earlier.Duration = span(a)
		test.Earlier = append(test.Earlier, earlier)
	}
	test.Retries = len(test.Earlier)
	return test
}

// span is when an attempt began and ended, and its duration, in milliseconds.
func span(a *suite.Attempt) (start, stop, duration int64) {
	took := time.Duration(a.End.DurationMs) * time.Millisecond
	return a.Started.UnixMilli(), a.Started.Add(took).UnixMilli(), a.End.DurationMs
}

// ctrfFiles are the files of an attempt, with paths relative to the report.
func ctrfFiles(r item, a *suite.Attempt) []ctrfFile {
	var all []ctrfFile
	for _, f := range a.Artifacts {
		if p := r.filePath(f.Path); p != "" {
			all = append(all, ctrfFile{text(path.Base(f.Path)), text(f.MIME), p})
		}
	}
	return all
}
