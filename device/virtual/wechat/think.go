package wechat

import (
	"math/rand/v2"
	"time"
)

// Think is how long a phone's user takes for one thing: any time from Least to
// Most.
type Think struct{ Least, Most time.Duration }

// usual is how long a user takes of whom nothing is said.
const usual = 150 * time.Millisecond

// NewThink returns the user who takes least, or any time up to most if that is
// more; without a least, the usual one.
func NewThink(least, most time.Duration) Think {
	if least == 0 && most == 0 {
		least = usual
	}
	return Think{least, max(least, most)}
}

// Time is how long it takes this time.
func (t Think) Time() time.Duration { return t.Least + rand.N(t.Most-t.Least+1) }
