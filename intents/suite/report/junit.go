package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/wxctl/wxctl/intents/suite"
)

// The elements of JUnit's XML as Maven's Surefire writes them, which CI systems
// read: surefire-test-report.xsd of Maven Surefire
type (
	junitSuites struct {
		XMLName xml.Name `xml:"testsuites"`
		Name    string   `xml:"name,attr"`
		junitCounts
		Suites []*junitSuite `xml:"testsuite"`
	}
	junitCounts struct {
		Tests    int    `xml:"tests,attr"`
		Failures int    `xml:"failures,attr"`
		Errors   int    `xml:"errors,attr"`
		Skipped  int    `xml:"skipped,attr"`
		Time     string `xml:"time,attr"`
		ms       int64
	}
	junitSuite struct {
		Name string `xml:"name,attr"`
		junitCounts
		Timestamp  string          `xml:"timestamp,attr"`
		Hostname   string          `xml:"hostname,attr,omitempty"`
		Properties []junitProperty `xml:"properties>property,omitempty"`
		Cases      []junitCase     `xml:"testcase"`
	}
	junitProperty struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	junitCase struct {
		Name       string           `xml:"name,attr"`
		Class      string           `xml:"classname,attr"`
		File       string           `xml:"file,attr"`
		Line       int              `xml:"line,attr"`
		Time       string           `xml:"time,attr"`
		Properties *junitProperties `xml:"properties"`
		Skipped    *junitProblem    `xml:"skipped"`
		Error      *junitProblem    `xml:"error"`
		Failure    *junitProblem    `xml:"failure"`
		Earlier    []junitProblem
		Out        string `xml:"system-out,omitempty"`
	}
	junitProperties struct {
		All []junitProperty `xml:"property"`
	}
	junitProblem struct {
		XMLName xml.Name
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr,omitempty"`
		Text    string `xml:",chardata"`
		Stack   string `xml:"stackTrace,omitempty"` // of an earlier attempt
		Out     string `xml:"system-out,omitempty"`
	}
)

// JUnit writes JUnit XML: a test suite for each suite on each phone, a test
// case for each case. The phone is part of a case's name, since GitLab keeps
// only the first of two cases with one name. A failure before a pass is a
// flakyFailure, a failure before another failure a rerunFailure.
func JUnit(w io.Writer, sources []Source) error {
	type key struct{ suite, phone string }
	all := junitSuites{Name: "wxctl"}
	suites := map[key]*junitSuite{}
	for _, r := range items(sources) {
		k := key{r.Run().Start.Suite, r.Phone.ID}
		s := suites[k]
		if s == nil {
			s = newJUnitSuite(r)
			suites[k] = s
			all.Suites = append(all.Suites, s)
		}
		s.Cases = append(s.Cases, newJUnitCase(r))
		s.add(r.Status, r.DurationMs())
		all.add(r.Status, r.DurationMs())
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func (c *junitCounts) add(s suite.Status, ms int64) {
	c.Tests++
	switch s {
	case suite.Failed:
		c.Failures++
	case suite.Errored, suite.Unknown:
		c.Errors++
	case suite.Skipped, suite.Stopped:
		c.Skipped++
	}
	c.ms += ms
	c.Time = seconds(c.ms)
}

func seconds(ms int64) string { return strconv.FormatFloat(float64(ms)/1000, 'f', 3, 64) }

func newJUnitSuite(r item) *junitSuite {
	run := r.Run()
	s := &junitSuite{
		Name:      run.Start.Suite + " on " + phoneLabel(r.Phone),
		Timestamp: run.Started.UTC().Format("2006-01-02T15:04:05"), // the schema has no zone
		Hostname:  r.Phone.Agent,
	}
	for _, p := range []junitProperty{
		{"run", run.ID}, {"phone", r.Phone.ID}, {"model", r.Phone.Model}, {"platform", r.Phone.Platform},
		{"osVersion", r.Phone.OSVersion}, {"wxctl", run.Start.Version},
	} {
		if p.Value != "" {
			s.Properties = append(s.Properties, p)
		}
	}
	return s
}

func newJUnitCase(r item) junitCase {
	file, line := r.place()
	c := junitCase{
		Name: r.label(), Class: r.Run().Start.Suite, File: file, Line: line, Time: seconds(r.DurationMs()),
	}
	if len(r.Case.Tags) > 0 {
		c.Class += "." + r.Case.Tags[0]
	}
	problem := func() *junitProblem {
		p := &junitProblem{Message: r.sentence(), Type: string(r.Status)}
		if a := r.decisive(); a != nil {
			p.Text = r.details(a)
		}
		return p
	}
	switch r.Status {
	case suite.Failed:
		c.Failure = problem()
	case suite.Errored, suite.Unknown:
		c.Error = problem()
	case suite.Skipped, suite.Stopped:
		c.Skipped = &junitProblem{Message: string(r.Status) + ": " + r.sentence()}
	}
	for _, a := range r.earlier() {
		c.Earlier = append(c.Earlier, earlierAttempt(r, a))
	}
	c.attach(r)
	return c
}

// earlierAttempt describes an attempt that was followed by another.
func earlierAttempt(r item, a *suite.Attempt) junitProblem {
	name := "rerun"
	if r.Status == suite.Passed {
		name = "flaky"
	}
	name += map[bool]string{true: "Failure", false: "Error"}[a.End.Status == suite.Failed]
	at := r.only(a)
	return junitProblem{
		XMLName: xml.Name{Local: name}, Message: at.sentence(), Type: string(a.End.Status), Stack: at.details(a),
		Out: fmt.Sprintf("attempt %d on %s, %s", a.Number, phoneLabel(a.Phone), time.Duration(a.End.DurationMs)*time.Millisecond),
	}
}

// attach names the files of a result in its output, where GitLab and Jenkins
// read them, and as properties, where Bitrise does.
func (c *junitCase) attach(r item) {
	var out strings.Builder
	var properties []junitProperty
	for _, a := range r.Artifacts() {
		p := r.filePath(a.Path)
		if p == "" {
			continue
		}
		fmt.Fprintf(&out, "[[ATTACHMENT|%s]]\n", p)
		properties = append(properties, junitProperty{fmt.Sprintf("attachment_%d", len(properties)+1), p})
	}
	if len(properties) > 0 {
		c.Properties, c.Out = &junitProperties{properties}, out.String()
	}
}
