package wechat

import (
	"math/rand/v2"
	"time"
)

// Think is how long a phone's user takes for one thing: any time from Least to
// Most.
type Think struct{ Least, Most time.Duration }

// usual is how long a user takes by default.
const usual = 150 * time.Millisecond

// NewThink returns a time of least, or up to most if that is more; without
// least, the usual one.
func NewThink(least, most time.Duration) Think {
	if least == 0 && most == 0 {
		least = usual
	}
	return Think{least, max(least, most)}
}

// Time returns how long the next thing takes.
func (t Think) Time() time.Duration { return t.Least + rand.N(t.Most-t.Least+1) }
