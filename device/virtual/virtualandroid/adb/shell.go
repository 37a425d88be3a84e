package adb

import (
	"context"
	"encoding/binary"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
)

// The packets of shell protocol v2: one byte id, a little-endian 32-bit
// length, the data (adb/shell_protocol.h).
const (
	shellStdin      = 0
	shellStdout     = 1
	shellStderr     = 2
	shellExit       = 3
	shellCloseStdin = 4

	shellHeader   = 5
	maxShellChunk = 64 << 10 // longest packet we send; any length is taken
)

// stdinBuffer is how much input waits for a command that doesn't read yet;
// Linux gives a pipe as much.
const stdinBuffer = 64 << 10

// shell is one run of the phone's shell.
type shell struct {
	d    Device
	line string
	// packets are those of v2; without them both outputs are on one stream, and
	// there is no exit status.
	packets bool
	pty     bool // on a terminal, which has one output
	// hangsUp says that the end of the peer's stream is a hang-up. For exec it is
	// only the end of the command's input: "adb exec-in" relies on the command
	// continuing until it has handled its input.
	hangsUp bool
}

// shellService is "shell[,ARG...]:LINE": v2 asks for packets, pty and raw for
// or against a terminal, TERM=x names its type. Unknown words are ignored, as
// adbd does for the sake of later versions. Without a word for it, an
// interactive shell has a terminal and a command has none.
func shellService(d Device, kind, line string) service {
	args := strings.Split(kind, ",")[1:]
	pty := slices.Contains(args, "pty") || line == "" && !slices.Contains(args, "raw")
	return (&shell{d, line, slices.Contains(args, "v2"), pty, true}).run
}

func (sh *shell) run(phoneLives context.Context, s stream) {
	ctx, hangUp := context.WithCancel(phoneLives)
	defer hangUp()
	stdin := NewPipe(stdinBuffer)
	c := phone.Command{Line: sh.line, TTY: sh.pty, Stdin: stdin, Stdout: s, Stderr: s}
	mu := new(sync.Mutex)
	if sh.packets {
		c.Stdout = &shellWriter{s: s, mu: mu, id: shellStdout}
		if c.Stderr = c.Stdout; !sh.pty {
			c.Stderr = &shellWriter{s: s, mu: mu, id: shellStderr}
		}
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if sh.packets {
			readShellV2(s, stdin)
		} else {
			io.Copy(stdin, s)
		}
		stdin.CloseWrite()
		if sh.hangsUp {
			hangUp()
		}
	})
	status := sh.d.Exec(ctx, c)
	if sh.packets && phoneLives.Err() == nil { // a client that is gone gets no exit status
		exit := &shellWriter{s: s, mu: mu, id: shellExit}
		exit.Write([]byte{byte(status)})
	}
	stdin.CloseRead()
	s.Close()
	wg.Wait()
}

// readShellV2 passes the peer's stdin packets on until its stream ends. The
// window's size and unknown packets are read and dropped, whatever length they
// claim: nothing is allocated for them.
func readShellV2(s io.Reader, stdin *Pipe) error {
	var header [shellHeader]byte
	for {
		if _, err := io.ReadFull(s, header[:]); err != nil {
			return err
		}
		length := int64(binary.LittleEndian.Uint32(header[1:]))
		to := io.Discard
		switch header[0] {
		case shellStdin:
			to = stdin
		case shellCloseStdin:
			stdin.CloseWrite()
		}
		if _, err := io.CopyN(to, s, length); err != nil {
			return err
		}
	}
}

// shellWriter packs what a command writes into packets.
type shellWriter struct {
	s   io.Writer
	mu  *sync.Mutex
	id  byte
	buf []byte
}

func (w *shellWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for len(p) > 0 {
		chunk := p[:min(len(p), maxShellChunk)]
		w.buf = append(w.buf[:0], w.id)
		w.buf = binary.LittleEndian.AppendUint32(w.buf, uint32(len(chunk)))
		w.buf = append(w.buf, chunk...)
		if _, err := w.s.Write(w.buf); err != nil {
			return n, err
		}
		n += len(chunk)
		p = p[len(chunk):]
	}
	return n, nil
}

// Pipe is a bounded buffer between a writer and a reader, such as a stream and a
// command's stdin. Unlike io.Pipe it accepts input ahead of the reader, as a
// pipe of the system does, so that a hang-up of the peer after that input is
// noticed.
type Pipe struct {
	mu     sync.Mutex
	cond   *sync.Cond
	buf    []byte
	size   int
	eof    bool // no more will be written
	closed bool // no more will be read
}

// NewPipe makes a pipe that holds size bytes.
func NewPipe(size int) *Pipe {
	p := &Pipe{size: size}
	p.cond = sync.NewCond(&p.mu)
	return p
}

// Read waits for bytes, or the end of the input.
func (p *Pipe) Read(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.buf) == 0 && !p.eof && !p.closed {
		p.cond.Wait()
	}
	if p.closed {
		return 0, io.ErrClosedPipe
	}
	if len(p.buf) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.buf)
	p.buf = p.buf[n:]
	p.cond.Broadcast()
	return n, nil
}

// Write buffers b. If nobody reads any more, or after CloseWrite, it discards b
// without an error: a command that ignores its input must not break the stream.
func (p *Pipe) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	total := len(b)
	for len(b) > 0 {
		for len(p.buf) >= p.size && !p.eof && !p.closed {
			p.cond.Wait()
		}
		if p.eof || p.closed {
			return total, nil
		}
		n := min(len(b), p.size-len(p.buf))
		p.buf = append(p.buf, b[:n]...)
		b = b[n:]
		p.cond.Broadcast()
	}
	return total, nil
}

// CloseWrite ends the input.
func (p *Pipe) CloseWrite() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.eof = true
	p.cond.Broadcast()
}

// CloseRead lets writers continue without a reader.
func (p *Pipe) CloseRead() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	p.buf = nil
	p.cond.Broadcast()
}

// Close is CloseRead, for readers that close what they read.
func (p *Pipe) Close() error { p.CloseRead(); return nil }
