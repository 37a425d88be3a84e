package idevice

import (
	"context"
	"sync"
	"time"
)

// Level is the level of a line of the log (os_log_type_t).
type Level uint8

// The levels that apps log with.
const (
	Default Level = 0x00
	Info    Level = 0x01
	Debug   Level = 0x02
	Error   Level = 0x10
	Fault   Level = 0x11
)

// Line is one line of the phone's log.
type Line struct {
	Time                       time.Time
	Process                    Process
	Level                      Level
	Image, Subsystem, Category string
	Message                    string
}

// logLines is how much of its log the phone keeps.
const logLines = 1000

type logBuffer struct {
	mu      sync.Mutex
	first   int // number of lines[0]
	lines   []Line
	changed chan struct{} // closed and replaced with each line
}

// Log writes a line into the phone's log.
func (p *Phone) Log(line Line) {
	if line.Time.IsZero() {
		line.Time = time.Now()
	}
	if line.Image == "" {
		line.Image = line.Process.Path
	}
	b := &p.log
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.lines = append(b.lines, line); len(b.lines) > 2*logLines {
		drop := len(b.lines) - logLines
		b.lines, b.first = append([]Line(nil), b.lines[drop:]...), b.first+drop
	}
	close(b.changed)
	b.changed = make(chan struct{})
}

// LogEnd is the number of the line that comes next.
func (p *Phone) LogEnd() int {
	b := &p.log
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.first + len(b.lines)
}

// LogSince returns the lines from number n on that the phone still has, and the
// number after the last; if there are none it waits for one, until ctx ends.
func (p *Phone) LogSince(ctx context.Context, n int) ([]Line, int, error) {
	b := &p.log
	for {
		b.mu.Lock()
		end, changed := b.first+len(b.lines), b.changed
		if n < end {
			lines := append([]Line(nil), b.lines[max(n-b.first, 0):]...)
			b.mu.Unlock()
			return lines, end, nil
		}
		b.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, n, ctx.Err()
		case <-p.ctx.Done():
			return nil, n, p.ctx.Err()
		}
	}
}
