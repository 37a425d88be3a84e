package config

import (
	"strings"
	"testing"

	"github.com/wxctl/wxctl/cmd/internal/exit"
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
	if want := (APICloud{AppID: "wx0123456789abcdef", Secret: "SENTINEL0123456789", WidgetID: "A6000000000001"}); err != nil || got != want {
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
		{"no secret", strings.Replace(apiCloud, "SENTINEL0123456789", "", 1), []string{"line 7", "apiSecret", "empty"}},
		{"no XML", "<widget>\n<feature", []string{"config.xml", "line 2"}},
		{"empty", "", []string{"feature"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ReadAPICloud("config.xml", strings.NewReader(tt.text))
			r := exit.Describe(err)
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

func FuzzReadAPICloud(f *testing.F) {
	f.Add(apiCloud)
	f.Add(`<widget><feature name="wx"><param name="apiKey" value="x"/>`)
	f.Fuzz(func(t *testing.T, text string) {
		if got, err := ReadAPICloud("config.xml", strings.NewReader(text)); err == nil && CheckAppID(got.AppID) != nil {
			t.Errorf("accepted %+v", got)
		}
	})
}
