package device

import (
	"fmt"
	"regexp"
	"sync/atomic"
	"unicode/utf8"
)

// Trace is told what goes over the connections to phones: which services are
// opened and asked, and what they answer. A nil Trace is told nothing.
type Trace struct {
	say         func(line string)
	connections atomic.Int64
}

// NewTrace returns a Trace that hands each line to say, which may be called by
// several goroutines at once. Lines hold no secrets and are bounded; what a
// terminal might obey is still in them.
func NewTrace(say func(line string)) *Trace { return &Trace{say: say} }

// Wire is a new connection, by which its lines are told from those of others.
func (t *Trace) Wire(protocol string) Wire {
	if t == nil {
		return Wire{}
	}
	return Wire{t, protocol, t.connections.Add(1)}
}

// Wire tells a Trace of one connection. The zero Wire tells nobody.
type Wire struct {
	trace    *Trace
	protocol string
	number   int64
}

// As is the same connection, on which another protocol is spoken from now on.
func (w Wire) As(protocol string) Wire {
	w.protocol = protocol
	return w
}

// Traced reports whether anybody is told, for lines that cost something to make.
func (w Wire) Traced() bool { return w.trace != nil }

// Sent tells what went to the phone or its server.
func (w Wire) Sent(format string, args ...any) { w.tell(">", format, args) }

// Got tells what came back. Text from a phone belongs in quotes: %q.
func (w Wire) Got(format string, args ...any) { w.tell("<", format, args) }

// most bounds a line, in bytes; mostMasked is how much of a text is looked at.
const (
	mostTraced = 300
	mostMasked = 4 << 10
)

// secretPart is a value that must not be seen, in a URL or a log: the names are
// those of WeChat's HTTP API and of its URLs.
var secretPart = regexp.MustCompile(`(?i)\b((?:code|secret|ticket|password|[a-z_]*token)(?:=|%3D|\\?":\s*\\?"))[^&\s"'\\;,}]+`)

func (w Wire) tell(arrow, format string, args []any) {
	if w.trace == nil {
		return
	}
	text := escapeBytes(cut(fmt.Sprintf(format, args...), mostMasked))
	text = secretPart.ReplaceAllString(text, "${1}***")
	if len(text) > mostTraced {
		whole := len(text)
		text = fmt.Sprintf("%s… (%d bytes)", cut(text, mostTraced), whole)
	}
	w.trace.say(fmt.Sprintf("%s#%d %s %s", w.protocol, w.number, arrow, text))
}

// TraceText is a text of a phone's for a line of a Trace: in quotes, or only its
// length where it is no text.
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
