package suite

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
)

// Log is what events are written to: a file that can be synced to disk.
type Log interface {
	io.Writer
	Sync() error
}

// Writer writes the events of one run. It may be used by several goroutines.
type Writer struct {
	run string
	now func() time.Time

	mu      sync.Mutex
	log     Log
	hidden  []string // the longest first
	watches []func(Event, []byte)
	err     error
}

// NewWriter returns a writer of the events of the run with the given id.
func NewWriter(log Log, run string, now func() time.Time) *Writer {
	return &Writer{run: run, now: now, log: log}
}

// Watch has seen called with every event from now on, as it was written,
// secrets hidden, and with its line without the line break. seen must not keep
// the line.
func (w *Writer) Watch(seen func(e Event, line []byte)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.watches = append(w.watches, seen)
}

// Hide replaces a secret by *** in every event from now on, wherever it occurs
// in text.
func (w *Writer) Hide(secret string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if secret != "" && !slices.Contains(w.hidden, secret) {
		w.hidden = append(w.hidden, secret)
		slices.SortStableFunc(w.hidden, func(a, b string) int { return len(b) - len(a) })
	}
}

// Write stamps the event and writes it. What must not be lost, [AttemptFiring]
// and the ends of attempts and runs, is on disk when it returns. After an error
// it writes nothing more and returns that error: a run without a record must
// not continue.
func (w *Writer) Write(e Event) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return w.err
	}
	e.At, e.Run = w.now().UTC().Truncate(time.Millisecond), w.run
	line, err := marshal(e)
	if masked := w.mask(line); err == nil && !bytes.Equal(masked, line) {
		line, e = masked, Event{}
		err = json.Unmarshal(line, &e)
	}
	if err == nil {
		_, err = w.log.Write(append(line, '\n'))
	}
	if err == nil && mustLast(e.Type) {
		err = w.log.Sync()
	}
	if err != nil {
		w.err = errors.Join(errors.New("the events of the run can't be written"), err)
		return w.err
	}
	for _, seen := range w.watches {
		seen(e, line)
	}
	return nil
}

func mustLast(t EventType) bool {
	switch t {
	case RunStarted, AttemptFiring, AttemptFinished, RunFinished:
		return true
	}
	return false
}

// mask hides secrets in the strings of a line. Names of fields and numbers
// stay, so that the line stays valid JSON.
func (w *Writer) mask(line []byte) []byte {
	if len(w.hidden) == 0 {
		return line
	}
	var out []byte
	for rest := line; ; {
		start := bytes.IndexByte(rest, '"')
		if start < 0 {
			return append(out, rest...)
		}
		end := start + literal(rest[start:])
		out = append(out, rest[:start]...)
		if end < len(rest) && rest[end] == ':' {
			out = append(out, rest[start:end]...) // a field name
		} else {
			out = append(out, w.maskLiteral(rest[start:end])...)
		}
		rest = rest[end:]
	}
}

// literal is the length of the JSON string that text begins with.
func literal(text []byte) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(text)
}

func (w *Writer) maskLiteral(text []byte) []byte {
	var value string
	if json.Unmarshal(text, &value) != nil {
		return text
	}
	hidden := w.hide(value)
	if hidden == value {
		return text
	}
	text, err := marshal(hidden)
	if err != nil {
		return []byte(`"***"`)
	}
	return text
}

func (w *Writer) hide(text string) string {
	for _, secret := range w.hidden {
		text = strings.ReplaceAll(text, secret, "***")
	}
	return text
}

// Masked hides the secrets given to [Writer.Hide] in text for other places,
// such as a log.
func (w *Writer) Masked(text string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.hide(text)
}

// MaskedJSON hides them in the strings of JSON.
func (w *Writer) MaskedJSON(text []byte) []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.mask(text)
}
