package ios

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"github.com/danielpaulus/go-ios/ios/syslog"
)

// trace is an entry of os_trace_relay, as a phone sends it.
func trace(program, image, text string) []byte {
	le := binary.LittleEndian
	head := make([]byte, traceHead)
	le.PutUint16(head[traceProgramLen:], uint16(len(program)+1))
	le.PutUint64(head[traceSeconds:], 1795000000)
	le.PutUint32(head[traceMicros:], 250000)
	le.PutUint16(head[traceImageLen:], uint16(len(image)+1))
	le.PutUint32(head[traceTextLen:], uint32(len(text)+1))
	entry := append(head, program+"\x00"+image+"\x00"+text+"\x00"...)
	return append(le.AppendUint32([]byte{2}, uint32(len(entry))), entry...)
}

func TestReadTrace(t *testing.T) {
	const program = "/private/var/containers/Bundle/Application/U/WxDemo.app/WxDemo"
	data := append(trace(program, "/usr/lib/x", "wxctl-reply: {\"a\":\"你好\"}"), trace("/usr/libexec/y", "", "\xff")...)
	data = append(data, trace("/a", "/b", "last")...)
	r := bufio.NewReader(bytes.NewReader(data))
	got, err := readTrace(r)
	if err != nil || got.program != program || got.text != `wxctl-reply: {"a":"你好"}` || !got.at.Equal(time.UnixMilli(1795000000250)) {
		t.Errorf("%+v, %v", got, err)
	}
	for _, executable := range []string{program, strings.TrimPrefix(program, "/private")} {
		if !got.from(executable) {
			t.Errorf("not from %s", executable)
		}
	}
	if got.from("/private/var/containers/Bundle/Application/V/WxDemo.app/WxDemo") {
		t.Error("treated as another app's")
	}
	if got, err = readTrace(r); err != nil || got.text != "last" { // text that is not UTF-8 is omitted
		t.Errorf("%+v, %v", got, err)
	}
	for _, bad := range [][]byte{{1, 0, 0, 0, 0}, {2, 0, 0, 0, 0xff}} {
		if _, err := readTrace(bufio.NewReader(bytes.NewReader(bad))); err == nil {
			t.Errorf("% x was taken", bad)
		}
	}
}

func TestParseSyslog(t *testing.T) {
	for _, tt := range []struct {
		line, program, text string
	}{
		{`Nov 24 17:05:09 iPhone WxDemo(CoreFoundation)[412] <Notice>: wxctl-reply: {"kind":"share"}`, "WxDemo", `wxctl-reply: {"kind":"share"}`},
		{`Nov  4 17:05:09 Lab-3 WxDemo[1] <Error>: \M-d\M-=\240\M-e\M-%\M-=`, "WxDemo", "你好"},
		{`Nov  4 17:05:09 Lab-3 WxDemo[1] <Error>: a \\ b \134 c \033 d`, "WxDemo", `a \ b \ c \033 d`},
		{`Nov  4 17:05:09 Lab-3 My App[1] <Error>: x`, "My App", "x"},
		{`=== starting ===`, "", ""},
		{`Nov  4 17:05:09 Lab-3 x[1] <Error>: \M-d`, "", ""}, // half a character
	} {
		got, ok := parseSyslog(tt.line)
		if ok != (tt.program != "") || ok && (got.program != tt.program || got.text != tt.text) {
			t.Errorf("%s: %+v, %v", tt.line, got, ok)
		}
	}
	line, _ := parseSyslog(`Nov 24 17:05:09 iPhone WxDemo[412] <Notice>: x`)
	if !line.from("/private/var/U/WxDemo.app/WxDemo") || line.from("/private/var/U/Other.app/Other") {
		t.Error("the program's name is ignored in the syslog")
	}
}

func TestReadSyslog(t *testing.T) {
	long := "Nov 24 17:05:09 iPhone a[1] <Notice>: " + strings.Repeat("x", maxSyslogLine) + "\n\x00"
	r := bufio.NewReader(strings.NewReader(long + "\x00Nov 24 17:05:09 iPhone b[2] <Notice>: y\n\x00"))
	if got, err := readSyslog(r); err != nil || got.program != "b" || got.text != "y" {
		t.Errorf("%.80q, %v", got.text, err)
	}
}

// FuzzUnvis compares with go-ios's reading of the same escapes.
func FuzzUnvis(f *testing.F) {
	f.Add(`\M-d\M-=\M^@ \134 \\ \240 \033 \M \`)
	f.Fuzz(func(t *testing.T, s string) {
		if got, want := unvis(s), syslog.DecodeVis(s); got != want {
			t.Errorf("%q: %q, go-ios has %q", s, got, want)
		}
	})
}

// FuzzTrace reads arbitrary data as a phone's log.
func FuzzTrace(f *testing.F) {
	f.Add(trace("/a", "/b", "c"))
	f.Add([]byte{2, 3, 0, 0, 0, 1, 2, 3})
	f.Fuzz(func(t *testing.T, data []byte) {
		r := bufio.NewReader(bytes.NewReader(data))
		for {
			line, err := readTrace(r)
			if err != nil {
				return
			}
			if len(line.text) > len(data) {
				t.Errorf("a text of %d bytes", len(line.text))
			}
		}
	})
}

// FuzzSyslog reads arbitrary data as a phone's syslog.
func FuzzSyslog(f *testing.F) {
	f.Add("Nov 24 17:05:09 iPhone b[2] <Notice>: y\n\x00")
	f.Fuzz(func(t *testing.T, s string) { parseSyslog(s) })
}

// FuzzTunnel reads arbitrary data as the answer of a tunnel service.
func FuzzTunnel(f *testing.F) {
	f.Add([]byte(`{"address":"fd00::1","rsdPort":58783,"udid":"U","userspaceTun":true,"userspaceTunPort":7779}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if got, err := parseTunnel(data, "U"); err == nil && (!got.address.Is6() || got.rsdPort == 0) {
			t.Errorf("%q was read as %+v", data, got)
		}
	})
}
