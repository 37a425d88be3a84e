package streams

import (
	"fmt"
	"sync"
	"time"
)

// spinner are the frames of an animation.
const spinner = `|/-\`

// Waiting shows on a terminal that the user must act, and how long wxctl waits:
// a line that is rewritten until stop is called. what is a sentence of wxctl's
// own.
func (s *Streams) Waiting(what string, until time.Time) (stop func()) {
	if !s.ErrTTY || s.Quiet {
		return func() {}
	}
	done := make(chan struct{})
	var turning sync.WaitGroup
	turning.Go(func() {
		ticker := time.NewTicker(250 * time.Millisecond)
		defer ticker.Stop()
		for turn := 0; ; turn++ {
			left := max(0, time.Until(until)).Round(time.Second)
			s.show(string(spinner[turn%len(spinner)]) + " " + s.Sprintf("%s (%d:%02d left)", what, left/time.Minute, left%time.Minute/time.Second))
			select {
			case <-done:
				s.show("")
				return
			case <-ticker.C:
			}
		}
	})
	return sync.OnceFunc(func() {
		close(done)
		turning.Wait()
	})
}

// show rewrites the status line.
func (s *Streams) show(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status = line
	fmt.Fprint(s.Err, clearLine+line)
}
