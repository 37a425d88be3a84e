package wechat

import (
	"testing"
	"time"
)

func TestThink(t *testing.T) {
	for _, tt := range []struct{ least, most, from, to time.Duration }{
		{0, 0, usual, usual},
		{time.Second, 0, time.Second, time.Second},
		{time.Second, time.Second, time.Second, time.Second},
		{time.Second, 3 * time.Second, time.Second, 3 * time.Second},
		{0, time.Second, 0, time.Second},
	} {
		think, seen := NewThink(tt.least, tt.most), map[time.Duration]bool{}
		for range 100 {
			d := think.Time()
			seen[d] = true
			if d < tt.from || d > tt.to {
				t.Errorf("%v to %v: %v", tt.least, tt.most, d)
			}
		}
		if tt.from != tt.to && len(seen) < 50 {
			t.Errorf("%v to %v: %d times", tt.least, tt.most, len(seen))
		}
	}
}
