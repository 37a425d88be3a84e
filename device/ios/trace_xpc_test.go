package ios

import (
	"strings"
	"testing"
)

// TestTracedXPC: of a message its outline is shown, and no text but the names of
// what is asked for.
func TestTracedXPC(t *testing.T) {
	many := map[string]any{}
	for _, k := range strings.Split("abcdefghij", "") {
		many[k] = "secret"
	}
	for want, m := range map[string]xpcMessage{
		"#0, 24 bytes": {},
		`#1, 24 bytes: {CoreDevice.featureIdentifier "launch", CoreDevice.input {payloadURL {1}, raw 6 bytes}}`: {id: 1, body: map[string]any{
			"CoreDevice.featureIdentifier": "launch",
			"CoreDevice.input":             map[string]any{"payloadURL": map[string]any{"relative": "wx1://oauth?code=secret"}, "raw": []byte("secret")},
		}},
		"#2, 24 bytes: {a 6 bytes, b 6 bytes, c 6 bytes, d 6 bytes, e 6 bytes, f 6 bytes, g 6 bytes, h 6 bytes, … 2 more}": {id: 2, body: many},
		`#3, 24 bytes: {k [2], n int64, t true, z null}`: {id: 3, body: map[string]any{
			"k\x1b": []any{"secret", "secret"}, "n": int64(13800000000), "t": true, "z": nil}},
	} {
		got := tracedXPC(m, 24)
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if strings.Contains(got, "secret") {
			t.Errorf("a secret in %s", got)
		}
	}
}
