package device

import (
	"fmt"
	"regexp"
	"sync"
	"sync/atomic"
	"unicode/utf8"
)

// Trace receives what goes over the connections to phones: which services are
// opened and used, and their answers. A nil Trace ignores everything.
type Trace struct {
	say         func(line string)
	connections atomic.Int64
}

// NewTrace returns a Trace that passes each line to say, which may be called by
// several goroutines at once. Lines contain no secrets and have a limited
// length; they may still contain terminal escapes.
func NewTrace(say func(line string)) *Trace { return &Trace{say: say} }

// Wire starts a new connection, whose lines are distinguishable from those of
// others.
func (t *Trace) Wire(protocol string) Wire {
	if t == nil {
		return Wire{}
	}
	return Wire{t, protocol, t.connections.Add(1)}
}

// Wire traces one connection. The zero Wire traces nothing.
type Wire struct {
	trace    *Trace
	protocol string
	number   int64
}

// As is the same connection, which uses another protocol from now on.
func (w Wire) As(protocol string) Wire {
	w.protocol = protocol
	return w
}

// Traced reports whether lines are received, for lines that are expensive to
// make.
func (w Wire) Traced() bool { return w.trace != nil }

// Sent traces what went to the phone or its server.
func (w Wire) Sent(format string, args ...any) { w.tell(">", format, args) }

// Got traces what came back. Quote text from a phone: %q.
func (w Wire) Got(format string, args ...any) { w.tell("<", format, args) }

// most limits a line, in bytes; mostMasked is how much of a text is searched
// for secrets.
const (
	mostTraced = 300
	mostMasked = 4 << 10
)

// secretPart matches a value in a URL or a log that must not be shown: the
// names are those of WeChat's HTTP API and of its URLs.
var secretPart = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)\b((?:code|secret|ticket|password|[a-z_]*token)(?:=|%3D|\\?":\s*\\?"))[^&\s"'\\;,}]+`)
})

func (w Wire) tell(arrow, format string, args []any) {
	if w.trace == nil {
		return
	}
	whole := fmt.Sprintf(format, args...)
	text := secretPart().ReplaceAllString(escapeBytes(cut(whole, mostMasked)), "${1}***")
	if len(text) > mostTraced {
		text = fmt.Sprintf("%s… (%d bytes)", cut(text, mostTraced), len(whole))
	}
	w.trace.say(fmt.Sprintf("%s#%d %s %s", w.protocol, w.number, arrow, text))
}

// TraceText formats a phone's text for a line of a Trace: quoted, or only its
// length if it is not text.
func TraceText(said []byte) string {
	if len(said) > mostMasked {
		return fmt.Sprintf("%d bytes", len(said))
	}
	for _, r := range string(said) {
		if r == utf8.RuneError || r < ' ' && r != '\n' && r != '\r' && r != '\t' {
			return fmt.Sprintf("%d bytes", len(said))
		}
	}
	return fmt.Sprintf("%q", said)
}
