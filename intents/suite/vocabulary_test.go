package suite

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
)

// testVocabulary is a small program.
func testVocabulary() *Vocabulary {
	anything := func(string) error { return nil }
	number := func(s string) error {
		if _, err := strconv.Atoi(s); err != nil {
			return fmt.Errorf("it must be a whole number")
		}
		return nil
	}
	duration := func(s string) error { _, err := time.ParseDuration(s); return err }
	text := func(name string) CommandFlag {
		return CommandFlag{Name: name, Type: "string", Usage: "the " + name, Check: anything}
	}
	refused := map[string]string{"device": "set on in the suite to choose phones"}
	share := []CommandFlag{text("scene"), text("url"), text("title"), text("thumb"), text("app-id"),
		{Name: "no-fit", Type: "bool", Check: anything}, {Name: "err-code", Type: "int", Check: number}}
	share[0].Words = []string{"session", "timeline"}
	return &Vocabulary{
		Commands: []Command{
			{Name: "share webpage", Phone: true, Flags: share, Refused: refused},
			{Name: "share images", Phone: true, Args: true, Flags: share, Refused: refused},
			{Name: "reply auth", Phone: true, Flags: share, Refused: refused},
			{Name: "auth login", Phone: true, Flags: []CommandFlag{text("scope"), {Name: "code-only", Type: "bool", Check: anything}},
				Refused: refused},
			{Name: "auth exchange", Flags: []CommandFlag{text("code"), {Name: "wait", Type: "duration", Check: duration},
				{Name: "allow-host", Type: "stringArray", Check: anything}}},
		},
		States:  []string{"unknown", "delivered", "opened", "returned", "replied"},
		Screens: []string{"chat_picker", "consent"},
		Afters:  []string{"leave", "back", "home", "stop-wechat"},
		Selector: func(s string) error {
			if strings.Contains(s, "<>") {
				return fmt.Errorf("%q is not a condition", s)
			}
			return nil
		},
	}
}

func given() Given {
	return Given{RunID: "run-1", Dir: "/suites", Env: func(name string) (string, bool) {
		v, ok := map[string]string{"HOST": "example.com", "ODD": "a${device.id}b"}[name]
		return v, ok
	}}
}

// load loads a valid suite.
func load(t *testing.T, text string) *Plan {
	t.Helper()
	plan, problems := Load("suite.yaml", []byte(text), testVocabulary(), given())
	for _, p := range problems {
		t.Error(p)
	}
	if plan == nil {
		t.FailNow()
	}
	return plan
}

func TestNear(t *testing.T) {
	words := []string{"retry", "record", "name", "tags", "after"}
	for word, want := range map[string]string{"retires": "retry", "rety": "retry", "tag": "tags", "nmae": "name", "coffee": "",
		"on-f": "", "rec": "record", "records": "record", "Name": "name", "": ""} {
		if got := Near(word, words); got != want {
			t.Errorf("Near(%q) = %q, want %q", word, got, want)
		}
	}
}
