package cmd

import (
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/wxctl/wxctl/cmd/internal/files"
	"github.com/wxctl/wxctl/cmd/internal/output"
	"github.com/wxctl/wxctl/cmd/internal/streams"
	"github.com/wxctl/wxctl/device/check"
)

// check runs the wanted checks.
func (x *examination) check() {
	x.findings = check.Run(&x.facts, x.o.wanted)
	for i := range x.findings {
		f := &x.findings[i]
		if reason, ok := x.ignored[f.ID]; ok && f.Status != check.Pass {
			f.Status, f.Title, f.Fix = check.Skip, "ignored by the profile: "+reason, check.Fix{}
		}
	}
}

// report prints the findings, and writes the other requested forms.
func (x *examination) report() error {
	p := x.o.f.Printer()
	github := slices.Contains(x.o.reports, "github")
	var err error
	switch {
	case p.JSON():
		err = p.Object(x.answer())
	case github:
		err = x.o.f.Streams.Println(annotations(x.findings))
	default:
		err = x.o.f.Streams.Println(x.tell(x.o.f.Streams))
	}
	if err != nil {
		return err
	}
	for _, r := range x.o.reports {
		if name, ok := strings.CutPrefix(r, "junit="); ok {
			if err := writeJUnit(name, x.findings); err != nil {
				return err
			}
		}
	}
	return nil
}

func (x *examination) answer() doctorAnswer {
	a := doctorAnswer{SchemaVersion: output.SchemaVersion, Findings: x.findings, Summary: summary(x.findings)}
	if x.phone != nil {
		ref := x.info.Ref()
		a.Device = &ref
	}
	if x.noPhone != nil {
		a.Error = new(describe(x.noPhone))
	}
	return a
}

// tell describes the findings: one line for a group without problems, otherwise
// each problem. With -v, also what passed and what could not be determined.
func (x *examination) tell(s *streams.Streams) string {
	var b strings.Builder
	verbose := x.o.f.Verbose() > 0
	for _, g := range check.Groups() {
		var bad, rest []check.Finding
		passed := 0
		for _, f := range x.findings {
			switch {
			case f.Group != g:
			case f.Bad():
				bad = append(bad, f)
			default:
				rest = append(rest, f)
				if f.Status == check.Pass {
					passed++
				}
			}
		}
		if len(bad)+len(rest) == 0 {
			continue
		}
		line := s.Sprintf("%-8s", g) + " "
		switch {
		case len(bad) > 0:
			line += s.Sprintf("%s to fix, %s passed", plural(len(bad), "thing"), plural(passed, "check"))
		case passed > 0:
			line += s.Sprintf("%s passed", plural(passed, "check"))
		default:
			line += s.Translate("nothing to check")
		}
		b.WriteString(s.PaintOut(streams.Bold, s.Wrap(line, 0)) + "\n")
		for _, f := range bad {
			tellFinding(&b, s, &f)
		}
		for _, f := range rest {
			// What was asked for in particular gets an answer in any case.
			if !verbose && !(x.o.probe && f.ID == "app.reply" && f.Status == check.Unknown) {
				continue
			}
			fmt.Fprintf(&b, "  %s  %s  (%s)\n", s.Sprintf("%-7s", f.Status), safe(s.Translate(f.Title)), f.ID)
			for _, e := range f.Evidence {
				fmt.Fprintf(&b, "           %s\n", s.Sprintf("%s (%s)", safe(s.Translate(e.What)), safe(s.Translate(e.Source))))
			}
		}
	}
	b.WriteString(s.Wrap(x.lastLine(s), 0))
	return b.String()
}

func tellFinding(b *strings.Builder, s *streams.Streams, f *check.Finding) {
	word, paint := "problem", streams.Bad
	if f.Status == check.Warn {
		word, paint = "warning", streams.Warn
	}
	const indent = 11
	fmt.Fprintf(b, "  %s  %s\n", s.PaintOut(paint, s.Translate(word)), s.Wrap(safe(s.Translate(f.Title)), indent))
	for _, e := range f.Evidence {
		text := s.Sprintf("%s (%s)", safe(s.Translate(e.What)), safe(s.Translate(e.Source)))
		fmt.Fprintf(b, "           %s\n", s.Wrap(text, indent))
	}
	fmt.Fprintf(b, "    %s %s\n", s.Sprintf("%-6s", "fix:"), s.Wrap(safe(s.Translate(f.Fix.Text)), indent))
	if f.Fix.Command != "" {
		fmt.Fprintf(b, "           %s\n", safe(f.Fix.Command))
	}
	fmt.Fprintf(b, "    id:    %s\n", f.ID)
}

func (x *examination) lastLine(s *streams.Streams) string {
	n := summary(x.findings)
	var line string
	switch {
	case n.Fail > 0 && n.Warn > 0:
		line = s.Sprintf("%s, %s", plural(n.Fail, "problem"), plural(n.Warn, "warning"))
	case n.Fail > 0:
		line = s.Translate(plural(n.Fail, "problem"))
	case n.Warn > 0:
		line = s.Sprintf("no problems, %s", plural(n.Warn, "warning"))
	case x.noPhone != nil:
		line = s.Translate("the phone was not checked")
	default:
		line = s.Translate("no problems")
	}
	if n.Unknown > 0 && x.o.f.Verbose() == 0 {
		line = s.Sprintf("%s; %s could not be checked: wxctl doctor -v", line, plural(n.Unknown, "thing"))
	}
	if x.interrupted != nil {
		return s.Sprintf("interrupted; until then: %s", line)
	}
	return line
}

// annotations are the findings in the log format of GitHub's runners.
func annotations(findings []check.Finding) string {
	escape := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	var b strings.Builder
	for _, f := range findings {
		if !f.Bad() {
			continue
		}
		command := "error"
		if f.Status == check.Warn {
			command = "warning"
		}
		text := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(safe(f.Title + ". " + f.Fix.Text))
		fmt.Fprintf(&b, "::%s title=%s::%s\n", command, escape.Replace(f.ID), text)
	}
	n := summary(findings)
	fmt.Fprintf(&b, "%s, %s", plural(n.Fail, "problem"), plural(n.Warn, "warning"))
	return b.String()
}

// These are JUnit's XML, as CI systems read it.
type junitSuite struct {
	XMLName  xml.Name    `xml:"testsuite"`
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Time    string        `xml:"time,attr"`
	Failure *junitMessage `xml:"failure,omitempty"`
	Skipped *junitMessage `xml:"skipped,omitempty"`
	Out     string        `xml:"system-out,omitempty"`
}

type junitMessage struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

func writeJUnit(name string, findings []check.Finding) error {
	suite := junitSuite{Name: "wxctl doctor", Tests: len(findings)}
	for _, f := range findings {
		c := junitCase{Class: "doctor." + string(f.Group), Name: f.ID, Time: fmt.Sprintf("%.3f", float64(f.DurationMs)/1000)}
		text := f.Fix.Text
		for _, e := range f.Evidence {
			text += "\n" + e.What + " (" + e.Source + ")"
		}
		switch f.Status {
		case check.Fail:
			suite.Failures++
			c.Failure = &junitMessage{safe(f.Title), safe(text)}
		case check.Warn:
			c.Out = safe("warning: " + f.Title + "\n" + text)
		case check.Skip, check.Unknown:
			suite.Skipped++
			c.Skipped = &junitMessage{Message: safe(f.Title)}
		}
		suite.Cases = append(suite.Cases, c)
	}
	data, err := xml.MarshalIndent(suite, "", "  ")
	if err != nil {
		return err
	}
	err = writeReport(name, func(w io.Writer) error {
		_, err := w.Write(append([]byte(xml.Header), append(data, '\n')...))
		return err
	})
	if err != nil {
		return files.Unwritable(name, err)
	}
	return nil
}
