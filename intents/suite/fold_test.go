package suite

import (
	"fmt"
	"strings"
	"testing"
)

// fold is the result of the events, one line per result.
func fold(t *testing.T, events ...Event) (*Run, string) {
	t.Helper()
	var f Fold
	d := write(t, events...)
	if _, err := ReadEvents(&d.Buffer, f.Add); err != nil {
		t.Fatal(err)
	}
	run := f.Run()
	var b strings.Builder
	for _, r := range run.Results {
		fmt.Fprintf(&b, "%s|%s|%s|%v|%d|%s\n", r.Case.Name, r.Phone.ID, r.Status, r.Flaky, len(r.Attempts), r.Reason)
	}
	return run, b.String()
}

func started(p *Place) Event { return Event{Type: AttemptStarted, Place: p, Began: &Began{}} }
func firing(p *Place) Event  { return Event{Type: AttemptFiring, Place: p} }
func ended(p *Place, s Status, reason string) Event {
	return Event{Type: AttemptFinished, Place: p, End: &End{Status: s, Reason: reason, DurationMs: 10}}
}

func TestFold(t *testing.T) {
	start := Event{Type: RunStarted, Start: testStart()}
	resumed := testStart()
	resumed.Resumed = true
	again := Event{Type: RunStarted, Start: resumed}
	a1, a2, b1 := place("a page", "A", 1), place("a page", "A", 2), place("a page", "B", 1)
	l1, l2 := place("a login", "A", 1), place("a login", "B", 2)
	tests := []struct {
		name   string
		events []Event
		want   string
	}{
		{"nothing ran", nil, "a page|A|stopped|false|0|the run ended first\na page|B|stopped|false|0|the run ended first\na login||stopped|false|0|the run ended first\n"},
		{"all kinds", []Event{started(a1), firing(a1), ended(a1, Passed, ""), ended(b1, Skipped, "share images is Android only"),
			ended(place("a login", "", 1), Errored, "no phone")},
			"a page|A|passed|false|1|\na page|B|skipped|false|1|share images is Android only\na login||errored|false|1|no phone\n"},
		{"cut off", []Event{started(a1), firing(a1), started(b1)},
			"a page|A|unknown|false|1|the run was interrupted after a request was sent\na page|B|stopped|false|1|the run was interrupted\na login||stopped|false|0|the run ended first\n"},
		{"flaky, on another phone", []Event{started(l1), ended(l1, Failed, ""), started(l2), ended(l2, Passed, "")},
			"a page|A|stopped|false|0|the run ended first\na page|B|stopped|false|0|the run ended first\na login|B|passed|true|2|\n"},
		{"stopped, then resumed", []Event{started(a1), ended(a1, Stopped, "interrupted"), again, started(a2), ended(a2, Passed, "")},
			"a page|A|passed|false|2|\na page|B|stopped|false|0|the run ended first\na login||stopped|false|0|the run ended first\n"},
		{"a late end changes nothing", []Event{started(a1), firing(a1), ended(a1, Unknown, "host lost"), ended(a1, Passed, "")},
			"a page|A|unknown|false|1|host lost\na page|B|stopped|false|0|the run ended first\na login||stopped|false|0|the run ended first\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			run, got := fold(t, append([]Event{start}, tt.events...)...)
			if got != tt.want {
				t.Errorf("got\n%swant\n%s", got, tt.want)
			}
			if run.Counts.Total() != len(run.Results) {
				t.Errorf("counted %+v", run.Counts)
			}
		})
	}
}

// TestFoldRefuses: events that can't belong to one run.
func TestFoldRefuses(t *testing.T) {
	start := Event{Type: RunStarted, Run: "1", Start: testStart()}
	other := start
	other.Run = "2"
	for _, tt := range []struct {
		want   string
		events []Event
	}{
		{"before run.started", []Event{{Type: AttemptFiring, Place: place("a page", "A", 1)}}},
		{"has no plan", []Event{{Type: RunStarted, Start: &Start{}}}},
		{"of another run", []Event{start, other}},
		{"of another run", []Event{start, {Type: PhoneLost, Run: "2", Lost: &Lost{}}}},
		{"the plan doesn't have", []Event{start, {Type: AttemptFiring, Run: "1", Place: place("coffee", "A", 1)}}},
	} {
		var f Fold
		var err error
		for _, e := range tt.events {
			err = f.Add(e)
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("error %v, want %s", err, tt.want)
		}
	}
}

func TestResult(t *testing.T) {
	start := testStart()
	start.Plan.Cases[0].Name = "it's [new]*"
	start.Jobs[0].Case = start.Plan.Cases[0].Name
	start.Jobs = start.Jobs[:1]
	p := place(start.Plan.Cases[0].Name, "A", 1)
	end := ended(p, Failed, "")
	end.End.Problems = []Problem{{Message: "wrong"}}
	run, _ := fold(t, Event{Type: RunStarted, Start: start}, started(p),
		Event{Type: ArtifactKept, Place: p, Artifact: &Artifact{Path: "x"}}, Event{Type: EvidenceSeen, Place: p,
			Evidence: &Evidence{What: "y"}}, end,
		Event{Type: PhoneLost, Lost: &Lost{Phone: "B"}}, Event{Type: RunFinished, Summary: &Summary{DurationMs: 7, ExitCode: 5}})
	r := run.Results[0]
	if got, want := r.Repeat(), `wxctl run nightly.yaml --case 'it'\''s \[new]\*' --device A`; got != want {
		t.Errorf("Repeat: %s, want %s", got, want)
	}
	if r.DurationMs() != 10 || len(r.Artifacts()) != 1 || len(r.Last().End.Problems) != 1 || len(r.Last().Evidence) != 1 || r.Phone.Name != "Pixel" {
		t.Errorf("%+v", r)
	}
	if run.ExitCode != 5 || run.DurationMs != 7 || run.Finished.IsZero() || len(run.Lost) != 1 || run.Counts.Of(Failed) != 1 {
		t.Errorf("%+v", run)
	}
}

func TestQuote(t *testing.T) {
	for word, want := range map[string]string{"a-b_c.d/e:f": "a-b_c.d/e:f", "": "''", "It's": `'It'\''s'`, "a b": "'a b'", "$x": "'$x'"} {
		if got := Quote(word); got != want {
			t.Errorf("Quote(%q) = %s, want %s", word, got, want)
		}
	}
}
