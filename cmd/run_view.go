package cmd

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/wxctl/wxctl/cmd/internal/language"
	"github.com/wxctl/wxctl/cmd/internal/streams"
	"github.com/wxctl/wxctl/intents/suite"
)

// runView shows a run as it goes.
type runView interface {
	event(e suite.Event, line []byte)
	close()
}

func (o *runOptions) view(r *suiteRun) runView {
	switch s := o.f.Streams; {
	case o.f.Printer().JSON():
		return &jsonView{o.f}
	case s.OutTTY:
		return newLiveView(o.f, r)
	default:
		return &plainView{f: o.f}
	}
}

// jsonView prints the events as they are written.
type jsonView struct{ f *Factory }

func (v *jsonView) event(_ suite.Event, line []byte) {
	_ = v.f.Printer().Line(json.RawMessage(line)) // a reader that is gone doesn't end the run
}

func (v *jsonView) close() {}

// plainView prints a line for each attempt that has ended.
type plainView struct{ f *Factory }

func (v *plainView) event(e suite.Event, _ []byte) {
	for _, text := range v.f.tellEvent(e) {
		_ = v.f.Streams.Println(text)
	}
}

func (v *plainView) close() {}

// paints are the colours of statuses; each is said in words, too.
func paintOf(s suite.Status) streams.Paint {
	switch s {
	case suite.Passed:
		return streams.Good
	case suite.Failed:
		return streams.Bad
	case suite.Skipped:
		return streams.Dim
	}
	return streams.Warn
}

// tellEvent is an event in words, as lines; most events have none.
func (f *Factory) tellEvent(e suite.Event) []string {
	switch e.Type {
	case suite.AttemptFinished:
		return f.tellEnd(*e.Place, *e.End)
	case suite.PhoneLost:
		return []string{f.Streams.PaintOut(streams.Warn, f.Streams.Translate("phone lost")) + "  " + safe(e.Lost.Phone) + ": " +
			safe(f.Streams.Translate(e.Lost.Message))}
	case suite.PhoneQuarantined:
		return []string{f.Streams.PaintOut(streams.Warn, f.Streams.Translate("phone quarantined")) + "  " + safe(e.Lost.Phone) + ": " +
			safe(f.Streams.Translate(e.Lost.Message))}
	case suite.AttemptLate:
		return []string{f.Streams.PaintOut(streams.Warn, f.Streams.Translate("late")) + "     " + safe(e.Place.Case) +
			f.Streams.Sprintf("  on %s", safe(e.Place.Phone)) + f.Streams.Sprintf(": lost, came back: %s", e.End.Status)}
	case suite.RunFinished:
		return []string{f.Streams.Sprintf("%s in %s", f.tellCounts(e.Summary.Counts),
			(time.Duration(e.Summary.DurationMs) * time.Millisecond).Round(100*time.Millisecond))}
	}
	return nil
}

func (f *Factory) tellEnd(at suite.Place, end suite.End) []string {
	const indent = "         "
	line := safe(at.Case)
	if at.Phone != "" {
		line += f.Streams.Sprintf("  on %s", safe(at.Phone))
	}
	if at.Attempt > 1 {
		line += f.Streams.Sprintf("  (attempt %d)", at.Attempt)
	}
	if end.DurationMs > 0 {
		line += f.Streams.Sprintf("  %d ms", end.DurationMs)
	}
	status := f.Streams.PaintOut(paintOf(end.Status), f.Streams.Sprintf("%-7s", end.Status)) + "  "
	lines := strings.Split(status+f.Streams.Wrap(line, len(indent)), "\n")
	more := func(text string) {
		lines = append(lines, strings.Split(indent+f.Streams.Wrap(text, len(indent)), "\n")...)
	}
	for _, p := range end.Problems {
		more(safe(f.Streams.Translate(p.String())))
		if p.Hint != "" {
			more(f.Streams.Label("hint:") + safe(f.Streams.Translate(p.Hint)))
		}
	}
	if len(end.Problems) == 0 && end.Reason != "" {
		more(safe(f.Streams.Translate(end.Reason)))
	}
	return lines
}

// tellCounts is such as "18 passed (1 flaky), 1 failed".
func (f *Factory) tellCounts(c suite.Counts) string {
	var all []string
	for _, s := range []suite.Status{suite.Passed, suite.Failed, suite.Errored, suite.Unknown, suite.Stopped, suite.Skipped} {
		n := c.Of(s)
		if n == 0 {
			continue
		}
		text := f.Streams.Sprintf("%d %s", n, s)
		if s == suite.Passed && c.Flaky > 0 {
			text = f.Streams.Sprintf("%d passed (%d flaky)", n, c.Flaky)
		}
		all = append(all, text)
	}
	if len(all) == 0 {
		return f.Streams.Translate("nothing to run")
	}
	line := all[0]
	for _, text := range all[1:] {
		line = f.Streams.Sprintf("%s, %s", line, text)
	}
	return line
}

// liveView is a table on a terminal: each phone with what happens on it now,
// below the lines of what has ended badly.
type liveView struct {
	f *Factory

	mu     sync.Mutex
	began  time.Time
	total  int
	ended  int
	counts suite.Counts
	phones []string
	now    map[string]string
	drawn  int // lines on the screen
	last   time.Time
}

// redraw is how often a terminal is written to at most.
const redraw = 100 * time.Millisecond

func newLiveView(f *Factory, r *suiteRun) *liveView {
	v := &liveView{f: f, began: f.Now(), now: map[string]string{}}
	for _, p := range r.phones {
		v.phones = append(v.phones, p.info.ID)
	}
	return v
}

func (v *liveView) event(e suite.Event, _ []byte) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch e.Type {
	case suite.RunStarted:
		v.total = len(e.Start.Jobs)
	case suite.AttemptStarted:
		v.now[e.Place.Phone] = e.Place.Case
	case suite.EvidenceSeen:
		v.now[e.Place.Phone] = e.Place.Case + " — " + v.f.Streams.Translate(e.Evidence.What)
	case suite.AttemptFinished:
		v.ended++
		v.counts.Add(e.End.Status, false)
		delete(v.now, e.Place.Phone)
		if e.End.Status != suite.Passed && e.End.Status != suite.Skipped {
			v.erase()
			v.print(v.f.tellEnd(*e.Place, *e.End))
		}
	case suite.RunFinished:
		v.erase()
		v.print(v.f.tellEvent(e))
		return
	}
	if now := v.f.Now(); now.Sub(v.last) >= redraw || v.drawn == 0 {
		v.last = now
		v.draw()
	}
}

func (v *liveView) print(lines []string) {
	for _, line := range lines {
		_ = v.f.Streams.Println(line)
	}
}

// erase removes the table.
func (v *liveView) erase() {
	if v.drawn > 0 {
		fmt.Fprintf(v.f.Streams.Out, "\x1b[%dA\x1b[J", v.drawn)
		v.drawn = 0
	}
}

// most is how many phones the table shows: it must fit the screen.
const most = 16

func (v *liveView) draw() {
	v.erase()
	lines := []string{}
	for i, phone := range v.phones {
		if i == most {
			lines = append(lines, v.f.Streams.Sprintf("  … and %d more phones", len(v.phones)-most))
			break
		}
		what := v.now[phone]
		if what == "" {
			what = "-"
		}
		lines = append(lines, v.f.Streams.Fit("  "+language.Pad(language.Cut(safe(phone), 20), 20)+"  "+language.Cut(safe(what), 54)))
	}
	s, total, progress := v.f.Streams, max(v.total, v.ended), ""
	switch left, counts := v.left(), v.f.tellCounts(v.counts); {
	case v.counts.Total() == 0:
		progress = s.Sprintf("%d of %d", v.ended, total)
	case left > 0:
		progress = s.Sprintf("%d of %d: %s, about %s left", v.ended, total, counts, left)
	default:
		progress = s.Sprintf("%d of %d: %s", v.ended, total, counts)
	}
	v.print(append(lines, s.Fit(progress)))
	v.drawn = len(lines) + 1
}

// left estimates the remaining time from the pace so far.
func (v *liveView) left() time.Duration {
	if v.ended == 0 || v.total <= v.ended {
		return 0
	}
	each := v.f.Now().Sub(v.began) / time.Duration(v.ended)
	return (each * time.Duration(v.total-v.ended)).Round(time.Second)
}

func (v *liveView) close() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.erase()
}
