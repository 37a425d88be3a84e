package agent_test

import (
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/wxctl/wxctl/device/android/agent"
)

func TestParseHello(t *testing.T) {
	tests := []struct {
		name, line string
		want       agent.Hello
		err        string
	}{
		{"plain", `{"agent":"1","api":34,"uid":2000,"pid":4711}`, agent.Hello{Agent: "1", API: 34, UID: 2000, PID: 4711}, ""},
		{"unknown field", `{"agent":"1","api":24,"uid":2000,"pid":1,"later":true}` + "\r\n", agent.Hello{Agent: "1", API: 24, UID: 2000, PID: 1}, ""},
		{"other version", `{"agent":"2","api":34}`, agent.Hello{}, `version "2", wxctl needs "1"`},
		{"no version", `{"api":34}`, agent.Hello{}, "instead of its greeting"},
		{"shell's words", "Error: could not find class", agent.Hello{}, `sent "Error: could not find class" instead of its greeting`},
		{"terminal escape", "\x1b[31m{", agent.Hello{}, `"\x1b[31m{"`},
		{"empty", "", agent.Hello{}, "no JSON object"},
		{"array", "[]", agent.Hello{}, "no JSON object"},
		{"cut", `{"agent":"1"`, agent.Hello{}, "unexpected end"},
		{"root", `{"agent":"1","api":34,"uid":0,"pid":1,"error":{"kind":"ForbiddenUser","message":"uid 0"}}`, agent.Hello{}, `"ForbiddenUser": "uid 0"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := agent.ParseHello([]byte(tt.line))
			if tt.err == "" {
				if err != nil || got != tt.want {
					t.Fatalf("got %+v, %v; want %+v", got, err, tt.want)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Fatalf("got %v; want an error with %q", err, tt.err)
			}
		})
	}
	_, err := agent.ParseHello([]byte(`{"agent":"1","uid":0,"error":{"kind":"ForbiddenUser"}}`))
	var refused *agent.Error
	if !errors.As(err, &refused) || refused.Kind != agent.KindForbiddenUser {
		t.Errorf("got %v; want a *agent.Error of kind ForbiddenUser", err)
	}
}

func TestParseLine(t *testing.T) {
	tests := []struct {
		name, line string
		want       agent.Line
		err        string
	}{
		{"ok", `{"id":7,"ok":{"result":0}}`, agent.Line{ID: 7, OK: json.RawMessage(`{"result":0}`)}, ""},
		{"error", `{"id":7,"error":{"kind":"SecurityException","message":"no"}}`, agent.Line{ID: 7, Error: &agent.Error{Kind: "SecurityException", Message: "no"}}, ""},
		{"event", `{"event":{"line":"x","atMs":5}}`, agent.Line{Event: &agent.Event{Line: "x", AtMs: 5}}, ""},
		{"nothing", `{"id":7}`, agent.Line{}, "not exactly one"},
		{"two", `{"id":7,"ok":{},"event":{}}`, agent.Line{}, "not exactly one"},
		{"too long", `{"id":7,"ok":"` + strings.Repeat("a", agent.MaxLine) + `"}`, agent.Line{}, "are allowed"},
		{"text", "Killed", agent.Line{}, `answered "Killed"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := agent.ParseLine([]byte(tt.line))
			if tt.err == "" {
				if err != nil || !reflect.DeepEqual(got, tt.want) {
					t.Fatalf("got %+v, %v; want %+v", got, err, tt.want)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Fatalf("got %v; want an error with %q", err, tt.err)
			}
			if len(err.Error()) > 600 {
				t.Errorf("the error is %d bytes long", len(err.Error()))
			}
		})
	}
}

func TestStartedOK(t *testing.T) {
	for result, want := range map[int]bool{0: true, 1: false, 2: true, 3: true, 100: false, 102: false, -92: false} {
		if got := (agent.Started{Result: result}).OK(); got != want {
			t.Errorf("result %d: OK %v; want %v", result, got, want)
		}
	}
}

func TestCommand(t *testing.T) {
	path := agent.RemotePath([]byte("a dex"))
	if want := "/data/local/tmp/wxctl-agent-"; !strings.HasPrefix(path, want) {
		t.Errorf("path %q; want the prefix %q", path, want)
	}
	if path == agent.RemotePath([]byte("another")) {
		t.Error("two contents, one path")
	}
	got := agent.Command(path)
	if want := "[ -r " + path + " ] || exit 44; CLASSPATH=" + path + " exec app_process / wxctl.Agent"; got != want {
		t.Errorf("got %q; want %q", got, want)
	}
}

// Other implementations are written from the README's table of verbs.
func TestReadmeNamesEveryVerb(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []agent.Verb{
		agent.Start, agent.Send, agent.Index, agent.Remove, agent.Inspect, agent.ListPackages,
		agent.ListUsers, agent.TopActivity, agent.PhoneState, agent.Watch, agent.Stop, agent.Clean,
	} {
		if !strings.Contains(string(readme), "| `"+string(verb)+"` |") {
			t.Errorf("README.md has no row for %q", verb)
		}
	}
}

func FuzzParseLine(f *testing.F) {
	f.Add([]byte(`{"id":7,"ok":{"result":0}}`))
	f.Add([]byte(`{"event":{"line":"x"}}`))
	f.Add([]byte(`{"agent":"1","api":34}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		if l, err := agent.ParseLine(line); err == nil && l.Error != nil {
			_ = l.Error.Error()
		}
		_, _ = agent.ParseHello(line)
	})
}

// The limit is not about a phone's storage or the time of a push: the agent
// must stay small enough to be read.
func TestDexIsSmall(t *testing.T) {
	if len(agent.Dex) > 24<<10 {
		t.Errorf("the dex has %d bytes; at most 24 KiB are allowed", len(agent.Dex))
	}
	if !strings.HasPrefix(string(agent.Dex), "dex\n037\x00") {
		t.Errorf("the dex starts with %q: API 24 can't load it", agent.Dex[:8])
	}
}
