package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestJUnit(t *testing.T) {
	var b bytes.Buffer
	if err := JUnit(&b, []Source{sample(t)}); err != nil {
		t.Fatal(err)
	}
	golden(t, "junit.xml", b.String())
	if unsafeText(b.String()) || !utf8.Valid(b.Bytes()) {
		t.Error("hostile text was not escaped")
	}
	wellFormed(t, b.Bytes())
}

func wellFormed(t *testing.T, text []byte) {
	t.Helper()
	dec := xml.NewDecoder(bytes.NewReader(text))
	for {
		if _, err := dec.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// TestJUnitNames: GitLab keeps the first of two cases of one name.
func TestJUnitNames(t *testing.T) {
	var b bytes.Buffer
	if err := JUnit(&b, []Source{many(t, 3, 3)}); err != nil {
		t.Fatal(err)
	}
	var report struct {
		Tests  int `xml:"tests,attr"`
		Suites []struct {
			Tests int `xml:"tests,attr"`
			Cases []struct {
				Name string `xml:"name,attr"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal(b.Bytes(), &report); err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, s := range report.Suites {
		for _, c := range s.Cases {
			names[c.Name] = true
		}
		if s.Tests != 3 || len(s.Cases) != 3 {
			t.Errorf("a suite has %d of %d cases", len(s.Cases), s.Tests)
		}
	}
	if len(report.Suites) != 3 || len(names) != 9 || report.Tests != 9 {
		t.Errorf("%d suites, %d names, %d tests", len(report.Suites), len(names), report.Tests)
	}
}

func TestGitHub(t *testing.T) {
	source := sample(t)
	var b bytes.Buffer
	if err := GitHub(&b, []Source{source}, MaxGitHubSummary); err != nil {
		t.Fatal(err)
	}
	lines := strings.Join(Annotations([]Source{source}), "\n") + "\n"
	golden(t, "github.md", b.String())
	golden(t, "github-annotations.txt", lines)
	if unsafeText(b.String()) || strings.Contains(b.String(), "@all") || strings.Contains(b.String(), "[l](") {
		t.Error("hostile text was not escaped")
	}
	for line := range strings.Lines(lines) {
		if !strings.HasPrefix(line, "::error file=") || strings.Count(line, "::") != 2 && !strings.Contains(line, "%250A::error::x") {
			t.Errorf("not one command: %q", line)
		}
	}
}

// TestGitHubLimits: GitHub refuses a summary above the limit as a whole, and
// shows at most ten errors of a step.
func TestGitHubLimits(t *testing.T) {
	source := many(t, 100, 10)
	for _, r := range source.Run.Results {
		r.Status = "failed"
	}
	for _, limit := range []int{1000, 20_000, 64 << 10} {
		var b bytes.Buffer
		if err := GitHub(&b, []Source{source}, limit); err != nil {
			t.Fatal(err)
		}
		rows := strings.Count(b.String(), "| failed |")
		if b.Len() > limit || b.Len() < limit/2 || !strings.Contains(b.String(), " more results are left out") || rows == 0 {
			t.Errorf("limit %d: %d bytes with %d rows", limit, b.Len(), rows)
		}
	}
	if err := GitHub(io.Discard, []Source{source}, 10); err == nil {
		t.Error("no room, no error")
	}
	if n := len(Annotations([]Source{source})); n != 10 {
		t.Errorf("%d annotations", n)
	}
}
