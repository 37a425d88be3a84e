package device

import (
	"strings"
	"testing"
)

func TestTrace(t *testing.T) {
	var lines []string
	trace := NewTrace(func(line string) { lines = append(lines, line) })
	first, second := trace.Wire("adb"), trace.Wire("usbmux")
	first.Sent("host:version")
	second.As("lockdown").Got("%q", "a\x1b[31m\u202eb")
	first.Got("%s", "\xff raw")
	first.Sent("am start -d wxapp://oauth?code=C0DE&state=s; access_token=T0KEN x")
	first.Got("%q", `{"refresh_token": "T0KEN", "openid":"o"}`)
	first.Got("%s", strings.Repeat("界", 1000))
	first.Sent("%s", strings.Repeat("x", 2*mostMasked))
	want := []string{
		"adb#1 > host:version",
		`lockdown#2 < "a\x1b[31m\u202eb"`,
		`adb#1 < \xff raw`,
		"adb#1 > am start -d wxapp://oauth?code=***&state=s; access_token=*** x",
		`adb#1 < "{\"refresh_token\": \"***\", \"openid\":\"o\"}"`,
		"adb#1 < " + strings.Repeat("界", mostTraced/3) + "… (3000 bytes)",
		"adb#1 > " + strings.Repeat("x", mostTraced) + "… (8192 bytes)",
	}
	for i, line := range lines {
		if line != want[i] {
			t.Errorf("got  %s\nwant %s", line, want[i])
		}
	}
	if len(lines) != len(want) {
		t.Errorf("%d lines", len(lines))
	}
	var nobody *Trace
	w := nobody.Wire("adb")
	w.Sent("%s", "x") // is not traced
	if w.Traced() {
		t.Error("a nil Trace is traced")
	}
}

func TestTraceText(t *testing.T) {
	for said, want := range map[string]string{
		"ok\n": `"ok\n"`, "\x00\x01": "2 bytes", "\xff\xd8": "2 bytes", strings.Repeat("x", 5000): "5000 bytes", "\x1b[0m": "4 bytes",
	} {
		if got := TraceText([]byte(said)); got != want {
			t.Errorf("%.20q: got %s, want %s", said, got, want)
		}
	}
}
