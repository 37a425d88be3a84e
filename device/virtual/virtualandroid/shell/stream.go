package shell

import (
	"bytes"
	"io"
	"sync"
	"sync/atomic"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
)

// crlf is the terminal's output: a newline becomes CR LF.
type crlf struct{ w io.Writer }

func (c crlf) Write(p []byte) (int, error) {
	if _, err := c.w.Write(bytes.ReplaceAll(p, []byte("\n"), []byte("\r\n"))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// syncWriter lets the commands of a pipeline and & write to one stream, and
// remembers that its reader is gone.
type syncWriter struct {
	mu     sync.Mutex
	w      io.Writer
	broken atomic.Bool
}

func (s *syncWriter) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.w == nil {
		return 0, io.ErrClosedPipe
	}
	n, err := s.w.Write(p)
	if err != nil {
		s.broken.Store(true)
	}
	return n, err
}

func (s *syncWriter) gone() bool { return s.broken.Load() }

// close drops all further output.
func (s *syncWriter) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.w = nil
	s.broken.Store(true)
}

// openFile is a redirection's file, shared by what runs in parallel.
type openFile struct {
	mu sync.Mutex
	f  *phone.File
}

func (w *openFile) Read(p []byte) (int, error) { w.mu.Lock(); defer w.mu.Unlock(); return w.f.Read(p) }

func (w *openFile) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.f.Write(p)
}

func (w *openFile) Close() error { w.mu.Lock(); defer w.mu.Unlock(); return w.f.Close() }

// oneLine ends with the first line of what it reads.
type oneLine struct {
	in   io.Reader
	done bool
}

func (l *oneLine) Read(p []byte) (int, error) {
	if l.done || len(p) == 0 {
		return 0, io.EOF
	}
	n, err := l.in.Read(p[:1])
	l.done = n > 0 && p[0] == '\n'
	return n, err
}

// input is a standard input, which the programs of a line share.
type input struct {
	mu  sync.Mutex
	src io.Reader
}

func (in *input) Read(p []byte) (int, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.src.Read(p)
}

// readLine reads up to and with a newline, byte by byte, so that what follows
// stays for the next reader.
func readLine(r io.Reader) (string, error) {
	var line []byte
	var b [1]byte
	for len(line) < maxLine {
		n, err := r.Read(b[:])
		if n > 0 {
			line = append(line, b[0])
			if b[0] == '\n' {
				return string(line), nil
			}
		}
		if err != nil {
			return string(line), err
		}
	}
	return string(line), nil
}
