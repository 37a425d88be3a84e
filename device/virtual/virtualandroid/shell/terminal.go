package shell

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"
)

// Control characters that a terminal acts on.
const (
	ctrlC     = 0x03
	ctrlD     = 0x04
	backspace = 0x08
	del       = 0x7f
)

// errInterrupt is a Ctrl-C where a line was expected.
var errInterrupt = errors.New("interrupted")

// terminal is the line discipline between adb's raw bytes and what reads
// lines: it echoes, lets the line be edited, and ends a line with Enter. A
// goroutine reads bytes as they come, so that Ctrl-C reaches a command that
// reads nothing.
type terminal struct {
	ctx  context.Context
	src  io.Reader
	echo io.Writer

	mu    sync.Mutex
	raw   []byte
	ended bool
	came  chan struct{} // has room for one
	stop  func()        // what runs now; nil at the prompt

	cooked []byte // of the line that is being read
}

func newTerminal(ctx context.Context, src io.Reader, echo io.Writer) *terminal {
	t := &terminal{ctx: ctx, src: src, echo: echo, came: make(chan struct{}, 1)}
	go t.pump()
	return t
}

func (t *terminal) pump() {
	buf := make([]byte, 4096)
	for {
		n, err := t.src.Read(buf)
		t.mu.Lock()
		got := buf[:n]
		if i := bytes.LastIndexByte(got, ctrlC); i >= 0 && t.stop != nil {
			t.stop()
			t.raw, got = nil, got[i+1:]
		}
		if len(t.raw) < maxLine {
			t.raw = append(t.raw, got...)
		}
		t.ended = t.ended || err != nil
		t.mu.Unlock()
		select {
		case t.came <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

// foreground sets what Ctrl-C ends from now on; nil at the prompt.
func (t *terminal) foreground(stop func()) { t.mu.Lock(); t.stop = stop; t.mu.Unlock() }

// next waits for a byte.
func (t *terminal) next() (byte, error) {
	for {
		t.mu.Lock()
		if len(t.raw) > 0 {
			b := t.raw[0]
			t.raw = t.raw[1:]
			t.mu.Unlock()
			return b, nil
		}
		ended := t.ended
		t.mu.Unlock()
		if ended {
			return 0, io.EOF
		}
		select {
		case <-t.came:
		case <-t.ctx.Done():
			return 0, t.ctx.Err()
		}
	}
}

// line reads a line as it is typed, with its newline.
func (t *terminal) line() (string, error) {
	var line []byte
	for {
		b, err := t.next()
		switch {
		case err != nil:
			return string(line), err
		case b == '\r' || b == '\n':
			io.WriteString(t.echo, "\n")
			return string(line) + "\n", nil
		case b == ctrlC:
			io.WriteString(t.echo, "^C\n")
			return "", errInterrupt
		case b == ctrlD && len(line) == 0:
			return "", io.EOF
		case b == ctrlD:
			return string(line), nil
		case b == del || b == backspace:
			if n := len(line); n > 0 {
				line = line[:n-1]
				io.WriteString(t.echo, "\b \b")
			}
		case b < ' ' && b != '\t':
		default:
			line = append(line, b)
			t.echo.Write([]byte{b})
		}
	}
}

// Read gives a command that reads its terminal line by line.
func (t *terminal) Read(p []byte) (int, error) {
	if len(t.cooked) == 0 {
		l, err := t.line()
		if l == "" {
			if err == nil {
				err = io.EOF
			}
			return 0, err
		}
		t.cooked = []byte(l)
	}
	n := copy(p, t.cooked)
	t.cooked = t.cooked[n:]
	return n, nil
}
