package streams

import (
	"fmt"
	"sync"
	"time"

	"github.com/wxctl/wxctl/cmd/internal/language"
)

// spinner are the frames of an animation.
const spinner = `|/-\`

// Waiting shows on a terminal that the user must act, and how much time is left:
// a line that is rewritten until stop is called. what is a sentence of wxctl's
// own.
func (s *Streams) Waiting(what string, timeLeft func() time.Duration) (stop func()) {
	if !s.ErrTTY || s.Quiet {
		return func() {}
	}
	done := make(chan struct{})
	var turning sync.WaitGroup
	turning.Go(func() {
		ticker := time.NewTicker(250 * time.Millisecond)
		defer ticker.Stop()
		for turn := 0; ; turn++ {
			left := max(0, timeLeft()).Round(time.Second)
			text := s.Sprintf("%s (%d:%02d left)", what, left/time.Minute, left%time.Minute/time.Second)
			if s.width() < language.Columns(text)+3 { // a line that breaks can't be rewritten
				text = fmt.Sprintf("%d:%02d %s", left/time.Minute, left%time.Minute/time.Second, s.Translate(what))
				text = language.Cut(text, max(s.width()-3, 8))
			}
			s.show(string(spinner[turn%len(spinner)]) + " " + text)
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

// width is how many columns the terminal has; many if that is not known.
func (s *Streams) width() int {
	if s.Width != nil {
		if w := s.Width(); w > 0 {
			return w
		}
	}
	return 1 << 10
}

// Fit cuts a line that is rewritten to what the terminal has room for: one that
// breaks can't be rewritten.
func (s *Streams) Fit(line string) string { return language.Cut(line, s.width()-1) }

// Wrap breaks a text of the answer into lines that the terminal has room for,
// all of them indented like the first, which begins there. Where there is no
// terminal a line is a line.
func (s *Streams) Wrap(text string, indent int) string {
	const least = 16 // columns for words, or they are not readable anyway
	if width := s.width(); s.OutTTY && width >= indent+least {
		return language.Wrap(text, width, indent)
	}
	return text
}

// show rewrites the status line.
func (s *Streams) show(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status = line
	fmt.Fprint(s.Err, clearLine+line)
}
