package report

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/wxctl/wxctl/intents/suite"
)

func TestCTRF(t *testing.T) {
	var b bytes.Buffer
	if err := CTRF(&b, []Source{sample(t)}); err != nil {
		t.Fatal(err)
	}
	golden(t, "ctrf.json", b.String())
	if unsafeText(b.String()) || bytes.Contains(b.Bytes(), []byte(`\u001b`)) || !utf8.Valid(b.Bytes()) {
		t.Error("hostile text was not escaped")
	}
	if bytes.Contains(b.Bytes(), []byte("etc/passwd")) {
		t.Error("a path leads out of the run folder")
	}
	var report ctrfReport
	dec := json.NewDecoder(&b)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&report); err != nil {
		t.Fatal(err)
	}
	sum := report.Results.Summary
	if sum.Tests != len(report.Results.Tests) || sum.Passed+sum.Failed+sum.Skipped+sum.Other != sum.Tests {
		t.Errorf("%d tests, %+v", len(report.Results.Tests), sum)
	}
}

// TestCTRFTogether: the report of several runs has no name, and all of their tests.
func TestCTRFTogether(t *testing.T) {
	var b bytes.Buffer
	if err := CTRF(&b, []Source{many(t, 3, 2), sample(t)}); err != nil {
		t.Fatal(err)
	}
	var report ctrfReport
	if err := json.Unmarshal(b.Bytes(), &report); err != nil {
		t.Fatal(err)
	}
	if report.RunID != "" || len(report.Results.Tests) != 12 || report.Results.Summary.Suites != 1 {
		t.Errorf("run %q, %d tests, %+v", report.RunID, len(report.Results.Tests), report.Results.Summary)
	}
}

func TestStatusesElsewhere(t *testing.T) {
	for _, tt := range []struct {
		status       suite.Status
		ctrf, allure string
	}{
		{suite.Passed, "passed", "passed"},
		{suite.Failed, "failed", "failed"},
		{suite.Errored, "other", "broken"},
		{suite.Unknown, "other", "unknown"},
		{suite.Stopped, "other", "skipped"},
		{suite.Skipped, "skipped", "skipped"},
	} {
		if c, a := ctrfStatus(tt.status), allureStatus(tt.status); c != tt.ctrf || a != tt.allure {
			t.Errorf("%s: %s and %s", tt.status, c, a)
		}
	}
}
