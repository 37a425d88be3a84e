package output

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/cmd/internal/streams"
	"github.com/wxctl/wxctl/device"
)

func TestTable(t *testing.T) {
	rows := [][]Cell{{Text("a1"), Text("小米"), Text("ready")}, {Text("b\n2"), Text("Pixel"), Text("offline")}}
	for _, tt := range []struct {
		name string
		tty  bool
		want string
	}{
		{"pipe", false, "a1\t小米\tready\nb\\u000a2\tPixel\toffline\n"},
		{"terminal", true, "ID        NAME   STATE\na1        小米   ready\nb\\u000a2  Pixel  offline\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, out, _ := buffers("")
			s.OutTTY = tt.tty
			p, err := New(t.Context(), s, false, "")
			if err != nil {
				t.Fatal(err)
			}
			if err := p.Table([]string{"id", "name", "state"}, rows); err != nil {
				t.Fatal(err)
			}
			if out.String() != tt.want {
				t.Errorf("got\n%s\nwant\n%s", out, tt.want)
			}
		})
	}
}

func TestJSONAndJQ(t *testing.T) {
	v := map[string]any{"id": "a<b>", "n": 1234567890123456789, "list": []int{1, 2}}
	tests := []struct {
		name, jq, want string
		tty            bool
	}{
		{name: "one line", want: `{"id":"a<b>","list":[1,2],"n":1234567890123456789}` + "\n"},
		{name: "terminal", tty: true, want: "{\n  \"id\": \"a<b>\",\n  \"list\": [\n    1,\n    2\n  ],\n  \"n\": 1234567890123456789\n}\n"},
		{name: "text is raw", jq: ".id", want: "a<b>\n"},
		{name: "long integers stay exact", jq: ".n", want: "1234567890123456789\n"},
		{name: "several results", jq: ".list[]", want: "1\n2\n"},
		{name: "nothing", jq: "empty", want: ""},
		{name: "no environment", jq: "env|length", want: "0\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, out, _ := buffers("")
			s.OutTTY = tt.tty
			p, err := New(t.Context(), s, true, tt.jq)
			if err != nil {
				t.Fatal(err)
			}
			if err := p.Object(v); err != nil {
				t.Fatal(err)
			}
			if out.String() != tt.want {
				t.Errorf("got %q, want %q", out, tt.want)
			}
		})
	}
}

// JSON is valid, has the same values, and contains nothing that a terminal
// interprets.
func TestJSONIsSafeForTerminals(t *testing.T) {
	const text = "a\x1b[31m\u009b2J\u202egnp\x7f 张三 😀"
	for _, jq := range []string{"", "."} {
		s, out, _ := buffers("")
		p, err := New(t.Context(), s, true, jq)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Object(map[string]string{"nickname": text}); err != nil {
			t.Fatal(err)
		}
		if strings.ContainsAny(out.String(), "\x1b\u009b\u202e\x7f") {
			t.Errorf("raw control characters: %q", out)
		}
		var back map[string]string
		if err := json.Unmarshal(out.Bytes(), &back); err != nil || back["nickname"] != text {
			t.Errorf("%q, %v", back, err)
		}
	}
	s, out, _ := buffers("")
	s.OutTTY = true
	p, err := New(t.Context(), s, true, ".nickname")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Object(map[string]string{"nickname": text}); err != nil || strings.ContainsAny(out.String(), "\x1b\u009b\u202e") {
		t.Errorf("%q, %v", out, err)
	}
}

func TestBadJQIsUsage(t *testing.T) {
	s, _, _ := buffers("")
	for _, expr := range []string{".[", "nosuchfunction"} {
		_, err := New(t.Context(), s, false, expr)
		if r := device.Report(err); r.ExitCode != exit.Usage || !strings.Contains(r.Message, "--jq") {
			t.Errorf("%q: %+v", expr, r)
		}
	}
	p, err := New(t.Context(), s, false, ".a.b")
	if err != nil {
		t.Fatal(err)
	}
	if r := device.Report(p.Object(map[string]any{"a": 1})); r.ExitCode != exit.Usage {
		t.Errorf("an expression that fails on the data: %+v", r)
	}
}

// TestJQEnds: an expression that would never end is stopped when the command ends.
func TestJQEnds(t *testing.T) {
	s, _, _ := buffers("")
	why := errors.New("interrupted")
	ctx, cancel := context.WithCancelCause(t.Context())
	p, err := New(ctx, s, false, "def f: f; f")
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(20*time.Millisecond, func() { cancel(why) })
	if err := p.Object(1); !errors.Is(err, why) {
		t.Errorf("ended with %v", err)
	}
}

// TestTableFits: what is cut on a narrow terminal, and when a table turns into
// blocks.
func TestTableFits(t *testing.T) {
	rows := [][]Cell{
		{Text("00008110-000A1B2C3D4E5F60"), Text("ios"), Text("张三的 iPhone 17 Pro Max"), Text("iPhone18,2"), Text("ready")},
		{Text("R5CT20ABCDE"), Text("android"), Text("Lab 1"), Text("SM-S911B"), Text("")},
	}
	for width, want := range map[int]string{
		0: "ID                         PLATFORM  NAME                      MODEL       STATE\n" +
			"00008110-000A1B2C3D4E5F60  ios       张三的 iPhone 17 Pro Max  iPhone18,2  ready\n" +
			"R5CT20ABCDE                android   Lab 1                     SM-S911B\n",
		72: "ID                         PLATFORM  NAME              MODEL       STATE\n" +
			"00008110-000A1B2C3D4E5F60  ios       张三的 iPhone 1…  iPhone18,2  ready\n" +
			"R5CT20ABCDE                android   Lab 1             SM-S911B\n",
		40: "00008110-000A1B2C3D4E5F60\n  platform: ios\n  name: 张三的 iPhone 17 Pro Max\n  model: iPhone18,2\n  state: ready\n\n" +
			"R5CT20ABCDE\n  platform: android\n  name: Lab 1\n  model: SM-S911B\n",
	} {
		s, out, _ := buffers("")
		s.OutTTY, s.Width = true, func() int { return width }
		p, err := New(t.Context(), s, false, "")
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Table([]string{"id", "platform", "name", "model", "state"}, rows); err != nil || out.String() != want {
			t.Errorf("at %d columns (%v):\n%s", width, err, out)
		}
	}
}

// buffers are streams without terminals: the given stdin, and the buffers that
// stdout and stderr are written to.
func buffers(stdin string) (s *streams.Streams, out, errOut *bytes.Buffer) {
	out, errOut = &bytes.Buffer{}, &bytes.Buffer{}
	return &streams.Streams{In: strings.NewReader(stdin), Out: out, Err: errOut}, out, errOut
}
