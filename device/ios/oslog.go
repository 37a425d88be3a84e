package ios

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"path"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"howett.net/plist"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/proplist"
)

// The services for a phone's log: os_trace_relay has all details of each line,
// syslog_relay only text.
const (
	traceService  = "com.apple.os_trace_relay"
	syslogService = "com.apple.syslog_relay"
)

// Where a line of the log came from, as evidence names it.
const (
	sourceTrace  = "app's log (os_trace)"
	sourceSyslog = "app's log (syslog)"
)

// Limits of what a phone may send.
const (
	maxTraceEntry = 1 << 20
	maxSyslogLine = 1 << 20
)

// logLine is one line that a process on the phone logged.
type logLine struct {
	program string    // path of its executable; its name alone in the syslog
	at      time.Time // by the phone's clock; zero for the syslog, which has no year
	text    string
}

// from reports whether an app's own executable logged the line. The syslog has
// the executable's name only.
func (l logLine) from(executable string) bool {
	if strings.Contains(l.program, "/") {
		return trimPrivate(l.program) == trimPrivate(executable)
	}
	return l.program != "" && l.program == path.Base(executable)
}

// trimPrivate drops the /private that precedes /var in some places only: /var
// is a link to /private/var.
func trimPrivate(s string) string { return strings.TrimPrefix(s, "/private") }

// logStream is the phone's live log.
type logStream struct {
	conn   net.Conn
	r      *bufio.Reader
	source string
	read   func(*bufio.Reader) (logLine, error)
}

// watchLog starts to read the phone's log: by os_trace_relay, or by
// syslog_relay if the phone has no such service.
func watchLog(ctx context.Context, start func(context.Context, string) (net.Conn, error)) (*logStream, error) {
	conn, err := start(ctx, traceService)
	if refusal := (*LockdownError)(nil); errors.As(err, &refusal) {
		if conn, err = start(ctx, syslogService); err != nil {
			return nil, err
		}
		return &logStream{conn: conn, r: bufio.NewReader(conn), source: sourceSyslog, read: readSyslog}, nil
	}
	if err != nil {
		return nil, err
	}
	s := &logStream{conn: conn, r: bufio.NewReaderSize(conn, 1<<16), source: sourceTrace, read: readTrace}
	if err := during(ctx, conn, s.startActivity); err != nil {
		conn.Close()
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, logBroken(err)
	}
	return s, nil
}

// next returns the next line; lines that can't be parsed are skipped.
func (s *logStream) next(ctx context.Context) (logLine, error) {
	var line logLine
	err := during(ctx, s.conn, func() (err error) {
		line, err = s.read(s.r)
		return err
	})
	if err != nil && ctx.Err() != nil {
		return line, ctx.Err()
	}
	return line, logBroken(err)
}

func logBroken(err error) error {
	if err == nil {
		return nil
	}
	e := device.Errorf(device.PhoneLost, "the phone's log broke off: %w", err)
	return e.WithHint("plug it in again and check `wxctl devices`")
}

// Close ends the stream.
func (s *logStream) Close() error { return s.conn.Close() }

// startActivity requests the lines of all processes from os_trace_relay. Levels
// from default up are always sent (diagnosticd, iOS 18); the filter 4 selects
// log messages only, without activities and signposts.
func (s *logStream) startActivity() error {
	body, err := plist.Marshal(map[string]any{"Request": "StartActivity", "MessageFilter": 4, "Pid": -1, "StreamFlags": 0}, plist.XMLFormat)
	if err != nil {
		return err
	}
	if _, err := s.conn.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)); err != nil {
		return err
	}
	answer, err := readTraceAnswer(s.r)
	if err != nil {
		return err
	}
	var status struct{ Status, Error string }
	if err := proplist.Unmarshal(answer, &status); err != nil {
		return err
	}
	if status.Status != "RequestSuccessful" {
		return fmt.Errorf("os_trace_relay answered %q %q", device.Printable(status.Status), device.Printable(status.Error))
	}
	return nil
}

// readTraceAnswer reads a property list. It is preceded by its length,
// little-endian, in as many bytes as the four bytes before that say.
func readTraceAnswer(r io.Reader) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	width := binary.LittleEndian.Uint32(head[:])
	if width == 0 || width > 8 {
		return nil, fmt.Errorf("a length of %d bytes", width)
	}
	var length [8]byte
	if _, err := io.ReadFull(r, length[:width]); err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint64(length[:])
	if n > maxTraceEntry {
		return nil, fmt.Errorf("an answer of %d bytes", n)
	}
	body := make([]byte, n)
	_, err := io.ReadFull(r, body)
	return body, err
}

// readTrace reads the next line of os_trace_relay.
func readTrace(r *bufio.Reader) (logLine, error) {
	for {
		var head [5]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return logLine{}, err
		}
		n := binary.LittleEndian.Uint32(head[1:])
		if head[0] != 2 || n > maxTraceEntry {
			return logLine{}, fmt.Errorf("an entry of kind %d and %d bytes", head[0], n)
		}
		data := make([]byte, n)
		if _, err := io.ReadFull(r, data); err != nil {
			return logLine{}, err
		}
		if line, ok := parseTrace(data); ok {
			return line, nil
		}
	}
}

// traceHead is the length of an entry's fixed part; the others are offsets in
// it. Numbers are little-endian; the texts follow in this order, each with a
// zero byte (libimobiledevice, ostrace.h).
const (
	traceHead       = 129
	traceProgramLen = 37  // u16
	traceSeconds    = 55  // u64, since 1970
	traceMicros     = 63  // u32
	traceImageLen   = 107 // u16
	traceTextLen    = 109 // u32
)

// parseTrace reads one entry.
func parseTrace(data []byte) (logLine, bool) {
	if len(data) < traceHead {
		return logLine{}, false
	}
	le := binary.LittleEndian
	rest, ok := data[traceHead:], true
	take := func(n uint64) string {
		if n > uint64(len(rest)) {
			ok = false
			return ""
		}
		text := rest[:n]
		rest = rest[n:]
		return string(bytes.TrimRight(text, "\x00"))
	}
	line := logLine{at: time.Unix(int64(le.Uint64(data[traceSeconds:])), int64(le.Uint32(data[traceMicros:]))*1000)}
	line.program = take(uint64(le.Uint16(data[traceProgramLen:])))
	take(uint64(le.Uint16(data[traceImageLen:])))
	line.text = take(uint64(le.Uint32(data[traceTextLen:])))
	return line, ok && utf8.ValidString(line.text)
}

// syslogPattern reads a line of syslog_relay:
//
//	Nov 24 17:05:09 iPhone WxDemo(CoreFoundation)[412] <Notice>: text
var syslogPattern = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^\w{3} [ \d]\d \d\d:\d\d:\d\d \S+ ([^\[\](]+)(?:\([^\[\]]*\))?\[\d+\] <\w+>: (.*)$`)
})

// readSyslog reads the next line of syslog_relay. Lines end with a newline, and
// sometimes with a zero byte.
func readSyslog(r *bufio.Reader) (logLine, error) {
	for {
		raw, err := readLine(r)
		if err != nil {
			return logLine{}, err
		}
		if line, ok := parseSyslog(raw); ok {
			return line, nil
		}
	}
}

// readLine reads up to a newline. Lines that are too long are dropped.
func readLine(r *bufio.Reader) (string, error) {
	var line []byte
	dropped := false
	for {
		part, err := r.ReadSlice('\n')
		if dropped = dropped || len(line)+len(part) > maxSyslogLine; dropped {
			line = line[:0]
		} else {
			line = append(line, part...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return strings.Trim(string(line), "\x00\r\n"), err
		}
	}
}

func parseSyslog(raw string) (logLine, bool) {
	m := syslogPattern().FindStringSubmatch(raw)
	if m == nil {
		return logLine{}, false
	}
	text := unvis(m[2])
	return logLine{program: m[1], text: text}, utf8.ValidString(text)
}

// unvis reverses syslogd's encoding of bytes that are not printable ASCII
// (BSD's vis(3)): \M-x and \M^X for bytes of 0x80 and above, \ddd in octal.
// Control characters stay encoded.
func unvis(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); {
		if b, n := escapedByte(s[i:]); n > 0 {
			out = append(out, b)
			i += n
			continue
		}
		out = append(out, s[i])
		i++
	}
	return string(out)
}

// escapedByte reads the escape that s begins with: the byte, and the length of
// the escape, 0 if there is none.
func escapedByte(s string) (byte, int) {
	if len(s) < 2 || s[0] != '\\' {
		return 0, 0
	}
	if s[1] == '\\' {
		return '\\', 2
	}
	if len(s) < 4 {
		return 0, 0
	}
	switch c := s[3]; {
	case s[1] == 'M' && s[2] == '-' && c > ' ' && c < 0x7f:
		return c | 0x80, 4
	case s[1] == 'M' && s[2] == '^' && (c >= '@' && c <= '_' || c == '?'):
		return c ^ 0x40 | 0x80, 4
	}
	n, err := strconv.ParseUint(s[1:4], 8, 8)
	if err != nil || n < ' ' || n == 0x7f {
		return 0, 0
	}
	return byte(n), 4
}
