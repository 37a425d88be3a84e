package config

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/device"
)

const apiCloud = `<?xml version="1.0" encoding="UTF-8"?>
<widget id="A6000000000001">
  <feature name="other"><param name="apiKey" value="nonsense"/></feature>
  <feature name="wx">
    <param name="urlScheme" value="wx0123456789abcdef"/>
    <param name="apiKey" value="wx0123456789abcdef"/>
    <param name="apiSecret" value="SENTINEL0123456789"/>
  </feature>
</widget>`

func TestReadAPICloud(t *testing.T) {
	got, err := ReadAPICloud("config.xml", strings.NewReader(apiCloud))
	if want := (APICloud{AppID: "wx0123456789abcdef", Secret: "SENTINEL0123456789"}); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	for _, tt := range []struct {
		name, text string
		want       []string
	}{
		{"bad AppID", strings.Replace(apiCloud, `"apiKey" value="wx0123456789abcdef"`, `"apiKey" value="wx12"`, 1), []string{"config.xml", "line 6", "apiKey", "wx12"}},
		{"two AppIDs", strings.Replace(apiCloud, `"apiKey" value="wx0123456789abcdef"`, `"apiKey" value="wxfedcba9876543210"`, 1), []string{"line 6", "apiKey", "differs"}},
		{"no feature", "<widget/>", []string{"config.xml", "feature"}},
		{"no AppID", `<widget><feature name="wx"></feature></widget>`, []string{"line 1", "apiKey"}},
		{"unknown encoding", "<?xml version=\"1.0\" encoding=\"x-klingon\"?>\n<widget>\xff</widget>", []string{"line 1", "x-klingon"}},
		{"encoding that HTML refuses", "<?xml version=\"1.0\" encoding=\"hz-gb-2312\"?>\n<widget>\xff</widget>", []string{"line 1", "hz-gb-2312"}},
		{"no XML", "<widget>\n<feature", []string{"config.xml", "line 2"}},
		{"empty", "", []string{"feature"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ReadAPICloud("config.xml", strings.NewReader(tt.text))
			r := device.Report(err)
			if r.ExitCode != exit.Usage || strings.Contains(r.Message, "SENTINEL") {
				t.Fatalf("%+v", r)
			}
			for _, want := range tt.want {
				if !strings.Contains(r.Message, want) {
					t.Errorf("%q lacks %q", r.Message, want)
				}
			}
		})
	}
}

// TestEncodings: each declared encoding is read, and the words are those that
// were written.
func TestEncodings(t *testing.T) {
	for name, enc := range map[string]encoding.Encoding{
		"GBK": simplifiedchinese.GBK, "gb2312": simplifiedchinese.GBK, "gb18030": simplifiedchinese.GB18030,
		"Big5": traditionalchinese.Big5, "windows-1252": charmap.Windows1252, "ISO-8859-1": charmap.ISO8859_1,
		"Shift_JIS": japanese.ShiftJIS,
	} {
		words := map[string]string{"windows-1252": "Überweisung", "ISO-8859-1": "Überweisung", "Shift_JIS": "共有"}[name]
		if words == "" {
			words = "微信"
		}
		text := strings.Replace(apiCloud, `encoding="UTF-8"?>`, `encoding="`+name+`"?><!-- `+words+` -->`, 1)
		raw, err := enc.NewEncoder().String(text)
		if err != nil {
			t.Fatal(err)
		}
		decoded, err := decodeXML([]byte(raw))
		if err != nil || !strings.Contains(string(decoded), words) {
			t.Errorf("%s: %.80q, %v", name, decoded, err)
		}
		if got, err := ReadAPICloud("config.xml", strings.NewReader(raw)); err != nil || got.AppID != "wx0123456789abcdef" {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// TestFieldConfigs: files that users of the module and its siblings reported.
func TestFieldConfigs(t *testing.T) {
	dir := filepath.Join("..", "..", "..", "fixtures", "field", "config")
	files, err := os.ReadDir(dir)
	if err != nil || len(files) < 14 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(file.Name(), func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join(dir, file.Name()))
			if err != nil {
				t.Fatal(err)
			}
			want := APICloud{AppID: "wx0123456789abcdef", Secret: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}
			switch file.Name() {
			case "attr-order.xml", "empty-secret.xml", "wxpay-only.xml":
				want.Secret = ""
			case "two-diff.xml":
				if r := device.Report(errOf(ReadAPICloud(file.Name(), bytes.NewReader(text)))); r.ExitCode != exit.Usage || !strings.Contains(r.Message, "differs") {
					t.Errorf("%+v", r)
				}
				return
			}
			if got, err := ReadAPICloud(file.Name(), bytes.NewReader(text)); err != nil || got != want {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

func errOf(_ APICloud, err error) error { return err }

// FuzzOneOddElement puts one odd element into a valid file: the values that
// matter are read as before.
func FuzzOneOddElement(f *testing.F) {
	f.Add("name", "\xca\xfd", "2")
	f.Add("feature", "wxShare", "x")
	f.Add("preference", "apiSecret", "")
	f.Fuzz(func(t *testing.T, element, name, value string) {
		if strings.ContainsAny(element+name+value, "<>&\"'/=?! \t\r\n\x00:") || element == "" || element == "widget" || element == "feature" || element == "param" {
			return
		}
		odd := strings.Replace(apiCloud, "<feature name=\"other\">", "<"+element+" name=\""+name+"\" value=\""+value+"\"/><feature name=\"other\">", 1)
		got, err := ReadAPICloud("config.xml", strings.NewReader(odd))
		if err != nil && strings.Contains(err.Error(), "it is not XML") {
			return // the element's own name is invalid
		}
		if err != nil || got.AppID != "wx0123456789abcdef" || got.Secret != "SENTINEL0123456789" {
			t.Errorf("%q: %+v, %v", odd, got, err)
		}
	})
}

func FuzzReadAPICloud(f *testing.F) {
	f.Add(apiCloud)
	f.Add(`<widget><feature name="wx"><param name="apiKey" value="x"/>`)
	f.Fuzz(func(t *testing.T, text string) {
		if got, err := ReadAPICloud("config.xml", strings.NewReader(text)); err == nil && CheckAppID(got.AppID) != nil {
			t.Errorf("accepted %+v", got)
		}
	})
}
