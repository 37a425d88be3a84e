package report

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/wxctl/wxctl/intents/suite"
)

var update = flag.Bool("update", false, "write the golden files anew")

// hostile is text that would break every format in which it is not escaped.
const hostile = "</script><script>alert(1)</script> ]]> <!-- | `x` **b** [l](javascript:x)\n" +
	"second\x00\x1b[31m \u2028 %0A::error::x &amp; \"q\" 'a' @all \xff"

// folded makes a run of events.
func folded(t testing.TB, events ...suite.Event) *suite.Run {
	t.Helper()
	var f suite.Fold
	at := time.Date(2026, 11, 30, 7, 29, 0, 0, time.UTC)
	for _, e := range events {
		at = at.Add(time.Second)
		e.At, e.Run = at, "2026-11-30T0729-nightly-7f3a"
		if err := f.Add(e); err != nil {
			t.Fatal(err)
		}
	}
	return f.Run()
}

type script struct{ events []suite.Event }

func (s *script) start(plan *suite.Plan, phones ...suite.Phone) {
	start := &suite.Start{Suite: plan.Name, Dir: "/runs/1", PlanDigest: "sha256:0", Version: "1.0.0", Plan: plan, Phones: phones}
	for _, c := range plan.Cases {
		if c.On.Any {
			start.Jobs = append(start.Jobs, suite.Job{Case: c.Name})
			continue
		}
		for _, p := range phones {
			start.Jobs = append(start.Jobs, suite.Job{Case: c.Name, Phone: p.ID})
		}
	}
	s.events = append(s.events, suite.Event{Type: suite.RunStarted, Start: start})
}

// attempt has the events of one attempt from its beginning to its end.
func (s *script) attempt(name, phone string, n int, end suite.End, artifacts ...suite.Artifact) {
	place := &suite.Place{Case: name, Phone: phone, Attempt: n}
	s.events = append(s.events,
		suite.Event{Type: suite.AttemptStarted, Place: place, Began: &suite.Began{Commands: []string{"wxctl share webpage --device=" + phone}}},
		suite.Event{Type: suite.AttemptFiring, Place: place},
		suite.Event{Type: suite.EvidenceSeen, Place: place, Evidence: &suite.Evidence{
			AtMs: 120, What: "the chat picker", Source: "activity", Screen: "picker",
		}})
	for i := range artifacts {
		s.events = append(s.events, suite.Event{Type: suite.ArtifactKept, Place: place, Artifact: &artifacts[i]})
	}
	if end.DurationMs == 0 {
		end.DurationMs = 1500
	}
	s.events = append(s.events, suite.Event{Type: suite.AttemptFinished, Place: place, End: &end})
}

// sample is a run in which everything happens once, with hostile texts.
func sample(t testing.TB) Source {
	t.Helper()
	evil := "evil " + hostile
	plan := &suite.Plan{Name: "nightly", File: "nightly.yaml", Dir: "/suites", Cases: []suite.Case{
		{Name: "a page", Pos: suite.Pos{Line: 4, Column: 5}, Tags: []string{"smoke", "share"}},
		{Name: "a login", Pos: suite.Pos{Line: 9, Column: 5}, On: suite.On{Any: true}},
		{Name: evil, Pos: suite.Pos{Line: 14, Column: 5}, Tags: []string{hostile}},
		{Name: "never begun", Pos: suite.Pos{Line: 20, Column: 5}, On: suite.On{Any: true}},
	}}
	pixel := suite.Phone{ID: "A", Name: "Pixel 8", Model: "Pixel 8", Platform: "android", OSVersion: "14"}
	iphone := suite.Phone{ID: "B" + hostile, Name: hostile, Platform: "ios", OSVersion: "17.5"}
	var s script
	s.start(plan, pixel, iphone)
	const refused = `{"state":"refused"}`
	wrong := []suite.Problem{{
		File: "nightly.yaml", Line: 6, Column: 13, Message: "state is refused, want opened", Hint: "look at the picture",
	}}
	s.attempt("a page", "A", 1, suite.End{Status: suite.Failed, ExitCode: 15, Problems: wrong, Outcome: json.RawMessage(refused)})
	s.attempt("a page", "A", 2, suite.End{Status: suite.Passed, Sent: true})
	s.attempt("a page", iphone.ID, 1, suite.End{Status: suite.Errored, Reason: "the phone went away", ExitCode: 16})
	s.attempt("a page", iphone.ID, 2, suite.End{
		Status: suite.Failed, ExitCode: 15, Problems: wrong, Outcome: json.RawMessage(refused),
	}, suite.Artifact{Kind: "screenshot", Path: "artifacts/a page/screen.png", MIME: "image/png"},
		suite.Artifact{Kind: "log", Path: "artifacts/javascript:alert(1)/log.txt", MIME: "text/plain"},
		suite.Artifact{Kind: "log", Path: "../../etc/passwd", MIME: "image/png"})
	s.attempt("a login", "", 1, suite.End{Status: suite.Errored, Reason: "no phone fits", ExitCode: 10})
	broken := []suite.Problem{{File: hostile, Line: 1, Column: 1, Message: hostile, Hint: hostile}}
	s.attempt(evil, "A", 1, suite.End{Status: suite.Failed, Problems: broken,
		Outcome: json.RawMessage(`{"text":"</script><script>alert(2)</script>"}`)})
	s.attempt(evil, iphone.ID, 1, suite.End{Status: suite.Skipped, Reason: hostile})
	s.events = append(s.events, suite.Event{Type: suite.PhoneLost, Lost: &suite.Lost{Phone: iphone.ID, Message: hostile}},
		suite.Event{Type: suite.RunFinished, Summary: &suite.Summary{DurationMs: 4200, ExitCode: 5}})
	return Source{
		Run: folded(t, s.events...), Link: "runs/1",
		Files: fstest.MapFS{"artifacts/a page/screen.png": {Data: picture(t, 1080, 2400)}},
	}
}

func picture(t testing.TB, width, height int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, width, height))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
	}
}

// many is a run of cases × phones results, all passed.
func many(t testing.TB, cases, phones int) Source {
	t.Helper()
	plan := &suite.Plan{Name: "nightly", File: "nightly.yaml"}
	for i := range cases {
		plan.Cases = append(plan.Cases, suite.Case{
			Name: fmt.Sprintf("case %d of the nightly run", i), Pos: suite.Pos{Line: i, Column: 5}, Tags: []string{"smoke"},
		})
	}
	var all []suite.Phone
	for i := range phones {
		all = append(all, suite.Phone{ID: fmt.Sprintf("virtual:android-%d", i), Name: "Pixel 8", Platform: "android", OSVersion: "14"})
	}
	var s script
	s.start(plan, all...)
	for _, c := range plan.Cases {
		for _, p := range all {
			s.attempt(c.Name, p.ID, 1, suite.End{Status: suite.Passed, Outcome: json.RawMessage(`{"state":"opened"}`)},
				suite.Artifact{Kind: "log", Path: "artifacts/" + c.Name + "/" + p.ID + "/1/log.txt", MIME: "text/plain"},
				suite.Artifact{Kind: "outcome", Path: "artifacts/" + c.Name + "/" + p.ID + "/1/outcome.json", MIME: "application/json"})
		}
	}
	return Source{Run: folded(t, s.events...), Link: "run"}
}

func TestHref(t *testing.T) {
	for _, tt := range []struct{ link, path, want string }{
		{"runs/1", "artifacts/x.png", "./runs/1/artifacts/x.png"},
		{".", "javascript:alert(1)", "./javascript:alert%281%29"},
		{"../runs", "a b?#.png", "../runs/a%20b%3F%23.png"},
		{"/abs", "x.png", "file:///abs/x.png"},
		{"runs", "../x.png", ""},
		{"runs", "/etc/passwd", ""},
		{"runs", `a\..\x`, ""},
	} {
		if got := (Source{Link: tt.link}).href(tt.path); got != tt.want {
			t.Errorf("%s in %s: %q, want %q", tt.path, tt.link, got, tt.want)
		}
	}
}

func TestShorten(t *testing.T) {
	if got := shorten("微信 WeChat", 3); got != "微信 …" {
		t.Errorf("%q", got)
	}
	if got := shorten("微信", 2); got != "微信" {
		t.Errorf("%q", got)
	}
}

// unsafeText reports characters that no report may contain unescaped.
func unsafeText(text string) bool {
	return strings.ContainsAny(text, "\x00\x1b") || strings.Contains(text, "<script>alert")
}
