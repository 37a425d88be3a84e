package phone

import (
	"testing"
	"time"
)

func TestLogBefore(t *testing.T) {
	l, start := newLog(), time.Unix(1_700_000_000, 0)
	if got := l.Before(start); got != 0 {
		t.Errorf("an empty log: %d", got)
	}
	for i := range 10 {
		l.Write(LogEntry{Buffer: LogBuffer(i % 3), Time: start.Add(time.Duration(i) * time.Second)})
	}
	for seconds, want := range map[int]uint64{0: 0, 1: 1, 5: 5, 9: 9, 100: 10} {
		if got := l.Before(start.Add(time.Duration(seconds) * time.Second)); got != want {
			t.Errorf("before second %d: %d, want %d", seconds, got, want)
		}
	}
}
