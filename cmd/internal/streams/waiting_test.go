package streams_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wxctl/wxctl/cmd/internal/streamstest"
)

// TestWaiting: the line tells the time that is left, gives way to other lines,
// and is gone in the end.
func TestWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _, errOut := streamstest.New("")
		s.ErrTTY = true
		stop := s.Waiting("consent page open: approve it on the phone", time.Now().Add(2*time.Minute))
		time.Sleep(8*time.Second + 100*time.Millisecond)
		s.Note("a note")
		stop()
		stop()
		got := errOut.String()
		for _, want := range []string{
			"| consent page open: approve it on the phone (2:00 left)",
			"| consent page open: approve it on the phone (1:52 left)",
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
	s, _, errOut := streamstest.New("")
	s.Waiting("something", time.Now().Add(time.Minute))()
	s.ErrTTY, s.Quiet = true, true
	s.Waiting("something", time.Now().Add(time.Minute))()
	if errOut.Len() > 0 {
		t.Errorf("%q", errOut)
	}
}
