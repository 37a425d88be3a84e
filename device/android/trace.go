package android

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/android/jdwp"
)

// apps are the members of the agent's lines that contain what apps exchange or
// log, such as login codes and tokens. Only the lengths of their texts are
// shown.
var apps = []string{"extras", "query", "rows", "tasks", "line", "metaData"}

// longText is the length of the longest text that is shown.
const longText = 80

// tracedLine is a line of the agent's, or to it, for a trace.
func tracedLine(raw []byte) string {
	if len(raw) > longLine {
		return fmt.Sprintf("%d bytes", len(raw))
	}
	in := json.NewDecoder(bytes.NewReader(raw))
	in.UseNumber()
	var line any
	if err := in.Decode(&line); err != nil {
		return fmt.Sprintf("%d bytes that are not JSON", len(raw))
	}
	var b strings.Builder
	out := json.NewEncoder(&b)
	out.SetEscapeHTML(false)
	if err := out.Encode(withoutTexts(line, false)); err != nil {
		return fmt.Sprintf("%d bytes", len(raw))
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// longLine is the length of the longest line that is parsed.
const longLine = 64 << 10

// withoutTexts replaces texts that are long, or those of apps, by their length.
func withoutTexts(v any, ofApp bool) any {
	switch v := v.(type) {
	case string:
		if ofApp || len(v) > longText {
			return fmt.Sprintf("%d bytes", len(v))
		}
	case []any:
		for i := range v {
			v[i] = withoutTexts(v[i], ofApp)
		}
	case map[string]any:
		for name := range v {
			v[name] = withoutTexts(v[name], ofApp && name != "type" || slices.Contains(apps, name))
		}
	}
	return v
}

// traceAsked traces requests to the agent.
func (s *session) traceAsked(asks []*ask) {
	if !s.sh.wire.Traced() {
		return
	}
	for _, a := range asks {
		if line, err := json.Marshal(&a.Request); err == nil {
			s.sh.wire.As("agent").Sent("%s", tracedLine(line))
		}
	}
}

// traceSaid traces a line of the agent, except the phone's log: a busy phone
// writes hundreds of lines a second, and what they show becomes evidence.
func (s *session) traceSaid(line []byte) {
	if s.sh.wire.Traced() && !isEvent(line) {
		s.sh.wire.As("agent").Got("%s", tracedLine(line))
	}
}

// traceDebugger traces a connection to an app's VM.
func traceDebugger(wire device.Wire) jdwp.Trace {
	if !wire.Traced() {
		return nil
	}
	return func(sent bool, what string) {
		if sent {
			wire.Sent("%s", what)
		} else {
			wire.Got("%s", what)
		}
	}
}

// traceResult traces the result of a command. What apps log is not shown.
func (c *conn) traceResult(command string, r Result) {
	if !c.wire.Traced() {
		return
	}
	out := device.TraceText(r.Stdout)
	if strings.HasPrefix(command, "logcat") || strings.HasPrefix(command, "dumpsys") {
		out = fmt.Sprintf("%d bytes", len(r.Stdout))
	}
	if len(r.Stderr) > 0 {
		c.wire.Got("stderr %s", device.TraceText(r.Stderr))
	}
	c.wire.Got("exit %d, stdout %s", r.Exit, out)
}
