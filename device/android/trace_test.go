package android

import (
	"strings"
	"testing"
)

func TestTracedLine(t *testing.T) {
	const code = `{"type":"String","value":"C0DE"}`
	const length = `{"type":"String","value":"4 bytes"}`
	for line, want := range map[string]string{
		`{"id":1,"verb":"start","intent":{"component":"a/b","extras":{"code":` + code + `}}}`: `{"id":1,"intent":{"component":"a/b","extras":{"code":` +
			length + `}},"verb":"start"}`,
		`{"id":2,"ok":{"columns":["token"],"rows":[["T0KEN",null]]}}`: `{"id":2,"ok":{"columns":["token"],"rows":[["5 bytes",null]]}}`,
		`{"id":3,"ok":{"tasks":[{"code":` + code + `}]}}`:             `{"id":3,"ok":{"tasks":[{"code":` + length + `}]}}`,
		`{"event":{"line":"I tag: code=C0DE","atMs":12345678901234}}`: `{"event":{"atMs":12345678901234,"line":"16 bytes"}}`,
		`{"ok":{"apk":"` + strings.Repeat("x", 100) + `"}}`:           `{"ok":{"apk":"100 bytes"}}`,
		`{"ok":`:                            "6 bytes that are not JSON",
		strings.Repeat("x", longLine+1):     "65537 bytes",
		strings.Repeat("[", 20000):          "20000 bytes that are not JSON",
		`{"hello":"<\u001b[31m>","uid":20}`: `{"hello":"<\u001b[31m>","uid":20}`,
	} {
		if got := tracedLine([]byte(line)); got != want {
			t.Errorf("%.60s\ngot  %s\nwant %s", line, got, want)
		}
	}
}
