package input

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/device"
)

// TestDecode: a byte order mark decides, and is removed; text without one must
// be UTF-8.
func TestDecode(t *testing.T) {
	for in, want := range map[string]string{
		"":                               "",
		"你好\r\n":                         "你好\r\n",
		"\xef\xbb\xbf你好":                 "你好",
		"\xef\xbb\xbf":                   "",
		"\xff\xfe\x60\x4f\x7d\x59":       "你好",
		"\xfe\xff\x4f\x60\x59\x7d":       "你好",
		"\xff\xfe\x3d\xd8\x00\xde\n\x00": "😀\n",
		"already \uFFFD in it":           "already \uFFFD in it",
		"\xff\xfe\xfd\xff":               "\uFFFD",
	} {
		got, err := Decode([]byte(in), "the text")
		if err != nil || string(got) != want {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
	for _, in := range []string{"\xc4\xe3\xba\xc3", "a\xff", "a\x00b\x00", "\xff\xfea", "\xff\xfe\x3d\xd8", "\xff\xfe\x00\xde\x3d\xd8", "\xfe\xff\xd8\x3d\x00\x41", "\x82\xb1\x82\xf1"} {
		_, err := Decode([]byte(in), "the text")
		r := device.Report(err)
		if r.ExitCode != exit.Usage || !strings.Contains(r.Hint, "$OutputEncoding") || !strings.Contains(r.Hint, "chcp 65001") {
			t.Errorf("%q: %+v", in, r)
		}
	}
}

// TestFieldTexts: what users piped into similar tools.
func TestFieldTexts(t *testing.T) {
	dir := filepath.Join("..", "..", "..", "fixtures", "field", "text")
	for name, want := range map[string]string{
		"text-bom-crlf.txt": "你好\r\n", "utf16le.txt": "你好\r\n", "utf16be.txt": "你好", "utf8-joiner.txt": "👨\u200d👩\u3000\u200e好",
		"text-gbk.txt": "", "big5.txt": "", "shift-jis.txt": "", "utf16-no-mark.txt": "", "cut-utf8.txt": "",
	} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		got, err := Decode(data, "the text")
		if (err == nil) != (want != "") || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestCheckArgs(t *testing.T) {
	exists := func(name string) bool { return name == "\xc4\xe3.jpg" }
	for _, tt := range []struct {
		args []string
		ok   bool
	}{
		{[]string{"share", "text", "你好"}, true},
		{[]string{"share", "text", "\xc4\xe3"}, false},
		{[]string{"share", "image", "\xc4\xe3.jpg"}, true},
		{[]string{"share", "image", "--file=\xc4\xe3.jpg"}, true},
		{[]string{"share", "text", "--title=\xc4\xe3"}, false},
	} {
		if err := CheckArgs(tt.args, exists); (err == nil) != tt.ok {
			t.Errorf("%q: %v", tt.args, err)
		}
	}
}

// FuzzDecode: no text that has no U+FFFD gets one.
func FuzzDecode(f *testing.F) {
	f.Add([]byte("\xff\xfe\x3d\xd8"))
	f.Add([]byte("\xc4\xe3"))
	f.Add([]byte("\xef\xbb\xbfa\uFFFD"))
	f.Fuzz(func(t *testing.T, data []byte) {
		text, err := Decode(data, "the text")
		if err != nil {
			return
		}
		if !utf8.Valid(text) {
			t.Errorf("%q is not UTF-8", text)
		}
		had := strings.Count(string(data), "\uFFFD") + strings.Count(string(data), "\xfd\xff") + strings.Count(string(data), "\xff\xfd")
		if n := strings.Count(string(text), "\uFFFD"); n > had {
			t.Errorf("%q became %q", data, text)
		}
	})
}
