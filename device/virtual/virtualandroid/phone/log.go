package phone

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// A LogBuffer is one of logd's buffers (log_id_t).
type LogBuffer uint8

// The buffers, as logd numbers them.
const (
	LogMain LogBuffer = iota
	LogRadio
	LogEvents
	LogSystem
	LogCrash
)

// LogBuffers are the buffers' names.
var LogBuffers = []string{"main", "radio", "events", "system", "crash"}

// Log priorities, as liblog numbers them.
const (
	Verbose = 2 + iota
	Debug
	Information
	Warn
	Error
	Fatal
)

// A LogEntry is one record. An entry of the events buffer has Event and Args
// instead of Text.
type LogEntry struct {
	Seq      uint64
	Time     time.Time
	PID, TID int
	UID      int
	Buffer   LogBuffer
	Priority int
	Tag      string
	Text     string
	Event    int   // event tag number, 0 for text
	Args     []any // of int32, int64 or string
}

// logLimit is how many records a buffer keeps: about as many as fit into 256
// KiB, the platform's default size.
const logLimit = 2048

// Log is logd: bounded buffers, and readers that may wait for more.
type Log struct {
	mu      sync.Mutex
	seq     uint64
	buffers [5][]LogEntry
	grown   chan struct{}
	quiet   bool // what apps write is lost
}

func newLog() *Log { return &Log{grown: make(chan struct{})} }

// Write appends a record; Seq is set here.
func (l *Log) Write(e LogEntry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.quiet && e.Buffer == LogMain && e.UID >= FirstAppUID {
		return
	}
	l.seq++
	e.Seq = l.seq
	b := append(l.buffers[e.Buffer], e)
	if len(b) >= 2*logLimit {
		b = slices.Clone(b[len(b)-logLimit:])
	}
	l.buffers[e.Buffer] = b
	close(l.grown)
	l.grown = make(chan struct{})
}

// Read returns the records of the buffers with a Seq above after, oldest
// first, and a channel that closes when there may be more. Without buffers it
// returns those of all.
func (l *Log) Read(after uint64, buffers ...LogBuffer) ([]LogEntry, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []LogEntry
	for i, b := range l.buffers {
		if len(buffers) > 0 && !slices.Contains(buffers, LogBuffer(i)) {
			continue
		}
		b = b[max(0, len(b)-logLimit):]
		at, _ := slices.BinarySearchFunc(b, after+1, func(e LogEntry, seq uint64) int { return cmp.Compare(e.Seq, seq) })
		out = append(out, b[at:]...)
	}
	slices.SortFunc(out, func(a, b LogEntry) int { return cmp.Compare(a.Seq, b.Seq) })
	return out, l.grown
}

// Before is the Seq of the newest record that is older than a time, in any
// buffer; 0 for none.
func (l *Log) Before(t time.Time) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	last := uint64(0)
	for _, b := range l.buffers {
		// Searched from the end, since the requested time is usually recent.
		for i := len(b) - 1; i >= 0; i-- {
			if b[i].Time.Before(t) {
				last = max(last, b[i].Seq)
				break
			}
		}
	}
	return last
}

// Last is the Seq of the newest record.
func (l *Log) Last() uint64 { l.mu.Lock(); defer l.mu.Unlock(); return l.seq }

// Clear empties the buffers (logcat -c).
func (l *Log) Clear(buffers ...LogBuffer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, b := range buffers {
		l.buffers[b] = nil
	}
}
