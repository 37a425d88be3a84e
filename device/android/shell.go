package android

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/wxctl/wxctl/device"
)

// The packets of shell protocol v2 (adb shell_protocol.h): an id, a
// little-endian length of four bytes, the data.
const (
	idStdin      = 0
	idStdout     = 1
	idStderr     = 2
	idExit       = 3
	idCloseStdin = 4
)

// maxPacket limits a shell packet: adbd's own buffer is MAX_PAYLOAD, 1 MiB
// since Android 8. A larger one is invalid.
const maxPacket = 1 << 20

// sendChunk is how much standard input goes into one packet. adbd accepts any
// length, and reads it in pieces (ShellProtocol::Read).
const sendChunk = 32 << 10

// shell is one command that runs on a phone over shell,v2. Reading is
// resumable: a read that is interrupted by its context loses nothing.
type shell struct {
	*conn
	r *bufio.Reader

	head  [5]byte
	have  int  // bytes of head that were read
	left  int  // bytes of the packet's data that were not
	exit  int  // exit code, once done
	done  bool // the exit packet came
	inEOF bool // stdin was closed
}

// errNoShellV2 says that the phone or its server knows only the old shell.
var errNoShellV2 = errors.New("no shell,v2")

// openShell starts command on the phone. The command is a line for its sh;
// quote arguments with shellQuote.
func (s Server) openShell(ctx context.Context, serial, command string) (*shell, error) {
	c, err := s.open(ctx, serial, "shell,v2,raw:"+command)
	var fail *failError
	if errors.As(err, &fail) && device.AsError(err).Code == device.Failed {
		return nil, fmt.Errorf("%w: %w", errNoShellV2, err)
	}
	if err != nil {
		return nil, err
	}
	return newShell(c), nil
}

func newShell(c *conn) *shell { return &shell{conn: c, r: bufio.NewReaderSize(c, 32<<10)} }

// writeIn sends bytes to the command's standard input.
func (s *shell) writeIn(ctx context.Context, data []byte) error {
	packet := make([]byte, 0, min(len(data), sendChunk)+5)
	return s.during(ctx, func() error {
		for len(data) > 0 {
			n := min(len(data), sendChunk)
			packet = append(packet[:0], idStdin, 0, 0, 0, 0)
			binary.LittleEndian.PutUint32(packet[1:], uint32(n))
			packet = append(packet, data[:n]...)
			if _, err := s.Write(packet); err != nil {
				return s.lost(err)
			}
			data = data[n:]
		}
		return nil
	})
}

// closeIn ends the command's standard input.
func (s *shell) closeIn(ctx context.Context) error {
	if s.inEOF {
		return nil
	}
	s.inEOF = true
	return s.during(ctx, func() error {
		if _, err := s.Write([]byte{idCloseStdin, 0, 0, 0, 0}); err != nil {
			return s.lost(err)
		}
		return nil
	})
}

// errEnded says that a command has ended, and its exit code is known.
var errEnded = errors.New("the command has ended")

// next reads until some output of the command arrived and passes it to out or
// errOut; it returns errEnded when the command has ended. It must run inside
// during.
func (s *shell) next(out, errOut func([]byte)) error {
	for {
		if s.done {
			return errEnded
		}
		for s.have < len(s.head) {
			n, err := s.r.Read(s.head[s.have:])
			s.have += n
			if s.have == len(s.head) {
				break
			}
			if err != nil {
				return s.lost(err)
			}
		}
		if s.left == 0 && s.have == len(s.head) {
			n := binary.LittleEndian.Uint32(s.head[1:])
			if n > maxPacket {
				return s.nonsense("the server at %q is not an adb server: it sent a shell packet of %d bytes", n)
			}
			s.left = int(n)
		}
		if s.left == 0 {
			s.have = 0 // an empty packet
			continue
		}
		if s.r.Buffered() == 0 {
			if _, err := s.r.Peek(1); err != nil {
				return s.lost(err)
			}
		}
		chunk, _ := s.r.Peek(min(s.left, s.r.Buffered()))
		id := s.head[0]
		switch id {
		case idStdout:
			out(chunk)
		case idStderr:
			errOut(chunk)
		case idExit:
			s.exit, s.done = int(chunk[0]), true
		default:
			return s.nonsense("the server at %q is not an adb server: it sent a shell packet of the unknown kind %d", id)
		}
		s.r.Discard(len(chunk)) // cannot fail: it was peeked
		if s.left -= len(chunk); s.left == 0 {
			s.have = 0
		}
		if id != idExit {
			return nil
		}
	}
}

// lost is the error for a command whose stream broke off: the phone was
// disconnected, or its server ended. adb closes the stream without an exit
// packet when a phone is unplugged.
func (s *shell) lost(err error) error {
	broken := s.broken(err)
	var e *device.Error
	if !errors.As(broken, &e) {
		return broken
	}
	return &device.Error{
		Code:    device.PhoneLost,
		Message: "the phone or the adb server disconnected during a command",
		Hint:    "plug it in again and check `wxctl devices`",
		Err:     err,
	}
}

// Result is the result of a finished command.
type Result struct {
	Exit   int // -1 if it can't be known
	Stdout []byte
	Stderr []byte
}

// maxOutput bounds what Run keeps of a command's output; no command that
// wxctl runs this way says more.
const maxOutput = 16 << 20

// Run runs a command on a phone with stdin as its input (nil for none) and
// returns the result. A phone that only has the old shell protocol merges
// standard error into the output; its exit code is read after a marker, and
// stdin is refused.
func (s Server) Run(ctx context.Context, serial, command string, stdin []byte) (Result, error) {
	sh, err := s.openShell(ctx, serial, command)
	if errors.Is(err, errNoShellV2) {
		if stdin != nil {
			return Result{}, device.Errorf(device.Refused, "this phone's adb does not support shell protocol v2, so its commands get no input").
				WithHint("update the adb server: platform-tools 24 or newer")
		}
		return s.runV1(ctx, serial, command)
	}
	if err != nil {
		return Result{}, err
	}
	defer sh.Close()
	if len(stdin) > 0 {
		if err := sh.writeIn(ctx, stdin); err != nil {
			return Result{}, err
		}
	}
	if err := sh.closeIn(ctx); err != nil {
		return Result{}, err
	}
	r, err := sh.collect(ctx)
	if err == nil {
		sh.traceResult(command, r)
	}
	return r, err
}

// collect reads a command's output to its end.
func (s *shell) collect(ctx context.Context) (Result, error) {
	var r Result
	keep := func(into *[]byte) func([]byte) {
		return func(b []byte) {
			if len(*into)+len(b) <= maxOutput {
				*into = append(*into, b...)
			}
		}
	}
	out, errOut := keep(&r.Stdout), keep(&r.Stderr)
	err := s.during(ctx, func() error {
		for {
			if err := s.next(out, errOut); err != nil {
				return err
			}
		}
	})
	if errors.Is(err, errEnded) {
		err = nil
	}
	r.Exit = s.exit
	return r, err
}

// runV1 runs a command over the old shell protocol, which gives no exit code:
// the command prints it behind a marker.
func (s Server) runV1(ctx context.Context, serial, command string) (Result, error) {
	const marker = "wxctl-exit:"
	c, err := s.open(ctx, serial, "shell:"+command+"\necho "+marker+"$?")
	if err != nil {
		var e *device.Error
		if !errors.As(err, &e) {
			err = device.Errorf(device.Failed, "the phone refused a shell: %w", err)
		}
		return Result{}, err
	}
	defer c.Close()
	var out []byte
	err = c.during(ctx, func() error {
		var err error
		if out, err = io.ReadAll(io.LimitReader(c, maxOutput)); err != nil {
			return c.broken(err)
		}
		return nil
	})
	if err != nil {
		return Result{}, err
	}
	// Before Android 7 the shell is a terminal, which makes \r\n of \n.
	out = bytes.ReplaceAll(out, []byte("\r\n"), []byte("\n"))
	i := bytes.LastIndex(out, []byte(marker))
	if i < 0 {
		return Result{Exit: -1, Stdout: out}, device.Errorf(device.PhoneLost,
			"the phone or the adb server disconnected during a command").
			WithHint("plug it in again and check `wxctl devices`")
	}
	exit, err := strconv.Atoi(strings.TrimSpace(string(out[i+len(marker):])))
	if err != nil {
		exit = -1
	}
	r := Result{Exit: exit, Stdout: out[:i]}
	c.traceResult(command, r)
	return r, nil
}

// shellQuote returns s as one word for the phone's sh, whatever is in it.
// Bytes of value zero can't be in a word and are dropped.
func shellQuote(s string) string {
	s = strings.ReplaceAll(s, "\x00", "")
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
