package suite

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
)

// disk is a log that counts how often it was synced.
type disk struct {
	bytes.Buffer
	synced []int // lengths
	fail   error
}

func (d *disk) Write(p []byte) (int, error) {
	if d.fail != nil {
		return 0, d.fail
	}
	return d.Buffer.Write(p)
}

func (d *disk) Sync() error { d.synced = append(d.synced, d.Len()); return nil }

// clock is a clock that advances by a second each time it is read.
func clock() func() time.Time {
	at := time.Date(2026, 11, 30, 7, 29, 0, 0, time.UTC)
	return func() time.Time { at = at.Add(time.Second); return at }
}

func testStart() *Start {
	plan := &Plan{Name: "nightly", File: "nightly.yaml", Dir: "/suites", Cases: []Case{
		{Name: "a page", Pos: Pos{4, 5}, Tags: []string{"smoke"}, Steps: []Step{{Do: "share webpage", With: []Flag{{Name: "title",
			Value: "It's <new>"}}}}},
		{Name: "a login", Pos: Pos{9, 5}, On: On{Any: true}, Steps: []Step{{Do: "auth login"}}},
	}}
	return &Start{
		Suite: "nightly", Dir: "/runs/1", PlanDigest: "sha256:0", Version: "1.0.0", Plan: plan,
		Phones: []Phone{{ID: "A", Name: "Pixel", Platform: "android", OSVersion: "14"}, {ID: "B", Platform: "ios", OSVersion: "17.5"}},
		Jobs:   []Job{{"a page", "A"}, {"a page", "B"}, {"a login", ""}},
	}
}

// write writes the events and returns their lines.
func write(t *testing.T, events ...Event) *disk {
	t.Helper()
	d := &disk{}
	w := NewWriter(d, "run-1", clock())
	w.Hide("s3cr3t")
	for _, e := range events {
		if err := w.Write(e); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

func place(name, phone string, attempt int) *Place { return &Place{name, phone, attempt} }

func everyEvent() []Event {
	p := place("a page", "A", 1)
	return []Event{
		{Type: RunStarted, Start: testStart()},
		{Type: AttemptStarted, Place: p, Began: &Began{Commands: []string{"wxctl share webpage"}}},
		{Type: AttemptFiring, Place: p},
		{Type: EvidenceSeen, Place: p, Evidence: &Evidence{AtMs: 12, What: "picker <opened>", Source: "events log"}},
		{Type: ArtifactKept, Place: p, Artifact: &Artifact{Kind: "screenshot", Path: "artifacts/a/A/1/screen.png", MIME: "image/png",
			SHA256: "00", Size: 3}},
		{Type: AttemptFinished, Place: p, End: &End{Status: Failed, ExitCode: 15, DurationMs: 40, Sent: true,
			Problems: []Problem{{"nightly.yaml", 7, 15, "state is null", ""}}, Outcome: raw(`{"state":null}`)}},
		{Type: AttemptLate, Place: p, End: &End{Status: Passed, DurationMs: 40, Sent: true, Outcome: raw(`{"state":"replied"}`)}},
		{Type: PhoneQuarantined, Lost: &Lost{Phone: "A", Message: "3 cases were errored"}},
		{Type: PhoneLost, Lost: &Lost{Phone: "B", Message: "unplugged"}},
		{Type: RunFinished, Summary: &Summary{Counts: Counts{Failed: 1}, DurationMs: 1000, ExitCode: 5}},
	}
}

// TestEventsRoundTrip reads every kind of event back as it was written: one
// flat object a line.
func TestEventsRoundTrip(t *testing.T) {
	events := everyEvent()
	d := write(t, events...)
	lines := strings.Split(strings.TrimSpace(d.String()), "\n")
	if len(lines) != len(events) {
		t.Fatalf("%d lines for %d events", len(lines), len(events))
	}
	for i, line := range lines {
		var flat map[string]any
		if err := json.Unmarshal([]byte(line), &flat); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if flat["schemaVersion"] != 1.0 || flat["type"] != string(events[i].Type) || flat["run"] != "run-1" || flat["at"] == "" {
			t.Errorf("head of %s", line)
		}
		if strings.HasPrefix(string(events[i].Type), "attempt.") && (flat["case"] == nil || flat["phone"] == nil || flat["attempt"] == nil) {
			t.Errorf("no position in %s", line)
		}
		var back Event
		if err := json.Unmarshal([]byte(line), &back); err != nil {
			t.Fatal(err)
		}
		want := events[i]
		want.At, want.Run = back.At, "run-1"
		if !reflect.DeepEqual(back, want) {
			t.Errorf("%s\nreads as %+v", line, back)
		}
	}
	if !strings.Contains(d.String(), "picker <opened>") {
		t.Error("HTML's escapes in the events")
	}
}

// TestWriterSyncs: what a crash must not lose is synced to disk: that an
// attempt fires, before it does.
func TestWriterSyncs(t *testing.T) {
	d := &disk{}
	w := NewWriter(d, "run-1", clock())
	want := map[EventType]bool{RunStarted: true, AttemptFiring: true, AttemptFinished: true, RunFinished: true}
	for _, e := range everyEvent() {
		before := len(d.synced)
		if err := w.Write(e); err != nil {
			t.Fatal(err)
		}
		synced := len(d.synced) > before && d.synced[len(d.synced)-1] == d.Len()
		if synced != want[e.Type] {
			t.Errorf("%s: synced %v, want %v", e.Type, synced, want[e.Type])
		}
	}
}

// TestWriterStops: a run without a record must not continue.
func TestWriterStops(t *testing.T) {
	d := &disk{fail: bytes.ErrTooLarge}
	w := NewWriter(d, "run-1", clock())
	e := everyEvent()[0]
	if err := w.Write(e); err == nil {
		t.Fatal("no error for a full disk")
	}
	d.fail = nil
	if err := w.Write(e); err == nil || d.Len() > 0 {
		t.Errorf("it went on: %v, %q", err, d.String())
	}
}

// TestMask hides secrets in text only: everything else in the JSON stays the same.
func TestMask(t *testing.T) {
	tests := []struct{ secret, text, want string }{
		{"s3cr3t", `{"a":"x s3cr3t y"}`, `{"a":"x *** y"}`},
		{"12", `{"n":12,"s":"a12"}`, `{"n":12,"s":"a***"}`},
		{"case", `{"case":"my case"}`, `{"case":"my ***"}`},
		{`q"\`, `{"a":"<q\"\\>"}`, `{"a":"<***>"}`},
		{"ü", `{"a":"\u00fc","b":["ü"]}`, `{"a":"***","b":["***"]}`},
		{"gone", `{"a":"torn`, `{"a":"torn`},
	}
	for _, tt := range tests {
		w := NewWriter(&disk{}, "r", clock())
		w.Hide(tt.secret)
		w.Hide("")
		if got := string(w.mask([]byte(tt.text))); got != tt.want {
			t.Errorf("%s in %s: %s, want %s", tt.secret, tt.text, got, tt.want)
		}
	}
	w := NewWriter(&disk{}, "r", clock())
	w.Hide("abc")
	w.Hide("abcdef")
	if got := w.Masked("abcdef abc"); got != "*** ***" {
		t.Errorf("the shorter first: %s", got)
	}
}

// TestReadEvents: only the last line may be cut off, by a crash; anything else
// is an error that names its line.
func TestReadEvents(t *testing.T) {
	all := len(everyEvent())
	good := write(t, everyEvent()...).String()
	tests := []struct {
		name, text string
		events     int
		whole      int
		err        string
	}{
		{"whole", good, all, len(good), ""},
		{"torn", good + `{"schemaVersion":1,"type":"atte`, all, len(good), ""},
		{"torn at the break", strings.TrimSuffix(good, "\n"), all - 1, strings.LastIndex(strings.TrimSuffix(good, "\n"), "\n") + 1, ""},
		{"unknown type", good + `{"schemaVersion":1,"type":"coffee","run":"run-1"}` + "\n", all + 1, -1, ""},
		{"not JSON", "nonsense\n" + good, 0, 0, "line 1: invalid character"},
		{"newer", `{"schemaVersion":2}` + "\n", 0, 0, "line 1: schemaVersion 2: a newer wxctl wrote it"},
		{"empty", "", 0, 0, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := 0
			whole, err := ReadEvents(strings.NewReader(tt.text), func(Event) error { n++; return nil })
			if tt.err != "" {
				if err == nil || !strings.HasPrefix(err.Error(), tt.err) {
					t.Fatalf("error %v, want %s", err, tt.err)
				}
				return
			}
			if err != nil || n != tt.events || tt.whole >= 0 && int(whole) != tt.whole {
				t.Errorf("%d events, %d bytes, %v; want %d, %d", n, whole, err, tt.events, tt.whole)
			}
		})
	}
}

// FuzzReadEvents reads and folds arbitrary data.
func FuzzReadEvents(f *testing.F) {
	d := &disk{}
	w := NewWriter(d, "run-1", clock())
	for _, e := range everyEvent() {
		_ = w.Write(e)
	}
	f.Add(d.Bytes())
	f.Add([]byte(`{"schemaVersion":1,"type":"run.started","plan":{"cases":[{}]},"jobs":[{},{}]}` + "\n"))
	f.Add([]byte(`{"type":"attempt.finished"}` + "\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		var fold Fold
		whole, err := ReadEvents(bytes.NewReader(text), fold.Add)
		if whole > int64(len(text)) {
			t.Errorf("%d bytes of %d", whole, len(text))
		}
		if err == nil && fold.Run() != nil && fold.Run().Counts.Total() > len(fold.Run().Results) {
			t.Error("more counted than there are")
		}
	})
}
