package options_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wxctl/wxctl/device/virtual/options"
	"github.com/wxctl/wxctl/device/virtual/wechat"
)

// told is what the rows of the tests set.
type told struct {
	version wechat.Version
	absent  bool
	answer  wechat.Answer
	think   time.Duration
	most    time.Duration
	out     bool
	oauth   string
}

func (o *told) table() options.Table {
	return options.Table{
		options.Answer(&o.answer),
		options.Login(&o.out),
		options.OAuth(&o.oauth),
		options.Think(&o.think, &o.most),
		options.Version(&o.version, func(string) { o.absent = true }, "none"),
	}
}

func TestParse(t *testing.T) {
	for text, want := range map[string]told{
		"":                                  {},
		"answer=cancel&login=out&think=1s":  {answer: wechat.Cancel, out: true, think: time.Second, most: time.Second},
		"think=500ms-2s":                    {think: 500 * time.Millisecond, most: 2 * time.Second},
		"answer=send&login=in":              {answer: wechat.Send},
		"wechat=none":                       {absent: true},
		"wechat=7.0.3":                      {version: wechat.Version{Major: 7, Minor: 0, Patch: 3}},
		"oauth=http://localhost:1/":         {oauth: "http://localhost:1"},
		"oauth=http%3A%2F%2F127.0.0.1%3A10": {oauth: "http://127.0.0.1:10"},
	} {
		var got told
		if err := got.table().Parse("a phone", text); err != nil || got != want {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"%zz":                         "can't be read",
		"color=red":                   `a phone has no option "color"; it has: answer, login, oauth, think, wechat`,
		"answer=yes":                  `option answer="yes" of a phone: use one of: send, cancel, deny, stay, fail, unsupported`,
		"login=":                      "in, out",
		"login=in&login=in":           `"login" is given 2 times`,
		"think=-1s":                   "such as 300ms",
		"think=2h":                    "such as 300ms",
		"think=2s-1s":                 "a range such as 1s-3s",
		"think=1s-":                   "a range such as 1s-3s",
		"think=1s-2h":                 "a range such as 1s-3s",
		"wechat=9":                    "8.0.50",
		"oauth=https://localhost":     "wxctl virtual oauth",
		"oauth=http://10.0.0.1:1":     "wxctl virtual oauth",
		"oauth=http://u@127.0.0.1":    "wxctl virtual oauth",
		"oauth=http://127.0.0.1:1?q=": "", // an empty query is none
	} {
		var got told
		if err := got.table().Parse("a phone", text); want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestUsage(t *testing.T) {
	var o told
	var got []string
	for _, row := range o.table() {
		got = append(got, row.Usage())
	}
	want := []string{
		"what the user does: send, cancel, deny, stay, fail, unsupported",
		"whether somebody is logged in to WeChat: in, out",
		"where WeChat gets authorization codes",
		"how long the user takes for each thing (default 150ms)",
		"WeChat on the phone: a version such as 8.0.50, none (default 8.0.50)",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}
