package streams_test

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wxctl/wxctl/cmd/internal/language"
	"github.com/wxctl/wxctl/cmd/internal/streams"
)

// left counts down.
func left(d time.Duration) func() time.Duration {
	until := time.Now().Add(d)
	return func() time.Duration { return time.Until(until) }
}

// TestWaiting: the line shows the remaining time, makes room for other lines,
// and is removed at the end.
func TestWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _, errOut := buffers("")
		s.ErrTTY = true
		stop := s.Waiting("consent page open — approve it on the phone", left(2*time.Minute))
		time.Sleep(8*time.Second + 100*time.Millisecond)
		s.Note("a note")
		stop()
		stop()
		got := errOut.String()
		for _, want := range []string{
			"| consent page open — approve it on the phone (2:00 left)",
			"| consent page open — approve it on the phone (1:52 left)",
			"\r\x1b[Ka note\n",
		} {
			if !strings.Contains(got, want) {
				t.Errorf("no %q in %q", want, got)
			}
		}
		if !strings.HasSuffix(got, "\r\x1b[K") {
			t.Errorf("the line stays: %q", got)
		}
	})
}

func TestWaitingOffTerminal(t *testing.T) {
	s, _, errOut := buffers("")
	s.Waiting("something", left(time.Minute))()
	s.ErrTTY, s.Quiet = true, true
	s.Waiting("something", left(time.Minute))()
	if errOut.Len() > 0 {
		t.Errorf("%q", errOut)
	}
}

// TestNarrow: a line that is rewritten takes one line of a narrow terminal, and
// other text breaks between words.
func TestNarrow(t *testing.T) {
	s, _, shown := buffers("")
	s.ErrTTY, s.OutTTY, s.Width = true, true, func() int { return 30 }
	s.Waiting("consent page open — approve it on the phone", left(90*time.Second))()
	for line := range strings.SplitSeq(shown.String(), "\r\x1b[K") {
		if n := language.Columns(line); n >= 30 {
			t.Errorf("%d columns: %q", n, line)
		}
	}
	if !strings.Contains(shown.String(), "1:30 consent page") {
		t.Errorf("no time left in %q", shown.String())
	}
	if got, want := s.Fit(strings.Repeat("手机", 20)), strings.Repeat("手机", 7)+"…"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := s.Wrap("a phone that 手机 waits for its user", 4), "a phone that 手机 waits\n    for its user"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	s.OutTTY = false
	if got := s.Wrap(strings.Repeat("word ", 20), 0); strings.Contains(got, "\n") {
		t.Errorf("off a terminal a line breaks: %q", got)
	}
}

// buffers are streams without terminals: the given stdin, and the buffers that
// stdout and stderr are written to.
func buffers(stdin string) (s *streams.Streams, out, errOut *bytes.Buffer) {
	out, errOut = &bytes.Buffer{}, &bytes.Buffer{}
	return &streams.Streams{In: strings.NewReader(stdin), Out: out, Err: errOut}, out, errOut
}
