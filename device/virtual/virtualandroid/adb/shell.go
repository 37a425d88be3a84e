package adb

import (
	"context"
	"encoding/binary"
	"io"
	"slices"
	"strings"
	"sync"
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

// shellService is "shell[,ARG...]:LINE": v2 asks for packets, pty and raw for
// or against a terminal, TERM=x names its type. Unknown words are ignored, as
// adbd does for the sake of later versions.
func shellService(d Device, kind, line string) service {
	args := strings.Split(kind, ",")[1:]
	v2 := slices.Contains(args, "v2")
	// A terminal has one output. Without a word for it, an interactive shell
	// has a terminal and a command has none.
	pty := slices.Contains(args, "pty") || line == "" && !slices.Contains(args, "raw")
	if v2 {
		return func(ctx context.Context, s stream) { runShellV2(ctx, d, line, pty, s) }
	}
	return func(ctx context.Context, s stream) { runShellV1(ctx, d, line, pty, s) }
}

// runShellV1 is a shell without packets: both outputs on one stream and no
// exit status. The end of the peer's stream is a hang-up.
func runShellV1(ctx context.Context, d Device, line string, pty bool, s stream) {
	ctx, hangUp := context.WithCancel(ctx)
	defer hangUp()
	stdin := NewPipe(stdinBuffer)
	var wg sync.WaitGroup
	wg.Go(func() {
		io.Copy(stdin, s)
		stdin.CloseWrite()
		hangUp()
	})
	if t, ok := d.(Terminal); ok && pty {
		t.ExecTerminal(ctx, line, stdin, s)
	} else {
		d.Exec(ctx, line, stdin, s, s)
	}
	stdin.CloseRead()
	s.Close()
	wg.Wait()
}

// runExec runs a command without packets or a terminal. The end of the peer's
// stream is only the end of the command's input: "adb exec-in" relies on the
// command continuing until it has handled its input.
func runExec(ctx context.Context, d Device, line string, s stream) {
	stdin := NewPipe(stdinBuffer)
	var wg sync.WaitGroup
	wg.Go(func() {
		io.Copy(stdin, s)
		stdin.CloseWrite()
	})
	d.Exec(ctx, line, stdin, s, s)
	stdin.CloseRead()
	s.Close()
	wg.Wait()
}

func runShellV2(ctx context.Context, d Device, line string, pty bool, s stream) {
	phone := ctx // ends when the phone, or the server, goes away
	ctx, hangUp := context.WithCancel(ctx)
	defer hangUp()
	stdin := NewPipe(stdinBuffer)
	var wg sync.WaitGroup
	wg.Go(func() {
		readShellV2(s, stdin)
		stdin.CloseWrite()
		hangUp()
	})
	out := &shellWriter{s: s, mu: new(sync.Mutex), id: shellStdout}
	stderr := &shellWriter{s: s, mu: out.mu, id: shellStderr}
	var status int
	if t, ok := d.(Terminal); ok && pty {
		status = t.ExecTerminal(ctx, line, stdin, out)
	} else {
		if pty {
			stderr = out
		}
		status = d.Exec(ctx, line, stdin, out, stderr)
	}
	if phone.Err() == nil { // who is gone gives no exit status
		exit := &shellWriter{s: s, mu: out.mu, id: shellExit}
		exit.Write([]byte{byte(status)})
	}
	stdin.CloseRead()
	s.Close()
	wg.Wait()
}

// readShellV2 passes the peer's stdin packets on until its stream ends. What
// it says of the window's size and what we don't know is read and dropped,
// whatever length it claims: nothing is ever allocated for it.
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
// command's stdin. Unlike io.Pipe it takes input ahead of the reader, as a pipe
// of the system does, so that the peer's hang-up behind that input is noticed.
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

// CloseRead lets writers go on without a reader.
func (p *Pipe) CloseRead() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	p.buf = nil
	p.cond.Broadcast()
}
