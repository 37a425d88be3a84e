package virtualandroid

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wxctl/wxctl/device/android/agent"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
	"github.com/wxctl/wxctl/fixtures/wait"
	"github.com/wxctl/wxctl/intents"
	"github.com/wxctl/wxctl/intents/androidwire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testDex is what the phone accepts as the agent: a dex file with its class.
var testDex = []byte("dex\n035\x00 …Lwxctl/Agent;…")

const fast = 5 * time.Millisecond

func newPhone(t *testing.T, o Options) *Phone {
	t.Helper()
	if o.Think == 0 {
		o.Think = fast
	}
	p, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// running is a running agent.
type running struct {
	t     *testing.T
	in    io.WriteCloser
	lines chan agent.Line
	hello agent.Hello
	done  chan int
	errs  *bytes.Buffer
	id    int64
	kept  []agent.Event
}

// runAgent starts the agent as app_process would.
func runAgent(t *testing.T, p *Phone, uid int) *running {
	t.Helper()
	path := agent.RemotePath(testDex)
	if _, err := p.Model.FS.Stat(phone.ShellCred(), path); err != nil {
		if err := p.Model.FS.WriteFile(phone.ShellCred(), path, testDex, agent.Mode); err != nil {
			t.Fatal(err)
		}
	}
	return runAgentAt(t, p, uid, path)
}

func runAgentAt(t *testing.T, p *Phone, uid int, path string) *running {
	t.Helper()
	stdin, in := io.Pipe()
	out, stdout := io.Pipe()
	r := &running{t: t, in: in, lines: make(chan agent.Line, 64), done: make(chan int, 1), errs: &bytes.Buffer{}}
	go func() {
		code := p.Model.Program(agent.Class).Run(context.Background(), p.Model, phone.ProgramEnv{
			Class: agent.Class, ClassPath: []string{path}, UID: uid, PID: 4242, Stdin: stdin, Stdout: stdout, Stderr: r.errs})
		stdout.Close()
		r.done <- code
	}()
	first := make(chan []byte, 1)
	go func() {
		defer close(r.lines)
		defer close(first)
		lines := bufio.NewReader(out)
		for n := 0; ; n++ {
			line, err := lines.ReadBytes('\n')
			if err != nil {
				return
			}
			if n == 0 {
				first <- line
				continue
			}
			l, err := agent.ParseLine(line)
			if err != nil {
				t.Error(err)
			}
			r.lines <- l
		}
	}()
	if line, ok := <-first; ok {
		if err := json.Unmarshal(line, &r.hello); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(r.close)
	return r
}

func (r *running) close() {
	r.in.Close()
	for range r.lines {
	}
	select {
	case code := <-r.done:
		r.done <- code
	case <-time.After(wait.Plenty):
		r.t.Error("the agent does not end with its input")
	}
}

// ask sends a request and decodes its answer into T.
func ask[T any](r *running, request agent.Request) (T, *agent.Error) {
	r.t.Helper()
	r.id++
	request.ID = r.id
	line, err := json.Marshal(request)
	if err != nil {
		r.t.Fatal(err)
	}
	if _, err := r.in.Write(append(line, '\n')); err != nil {
		r.t.Fatal(err)
	}
	var answer T
	for {
		select {
		case l, ok := <-r.lines:
			switch {
			case !ok:
				r.t.Fatal("the agent ended")
			case l.Event != nil:
				r.kept = append(r.kept, *l.Event)
				continue
			case l.ID != r.id:
				r.t.Fatalf("answer to %d, want %d", l.ID, r.id)
			case l.Error != nil:
				return answer, l.Error
			}
			if err := json.Unmarshal(l.OK, &answer); err != nil {
				r.t.Fatal(err)
			}
			return answer, nil
		case <-time.After(wait.Plenty):
			r.t.Fatal("no answer")
		}
	}
}

func must[T any](t *testing.T) func(T, *agent.Error) T {
	return func(v T, err *agent.Error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func intentOf(t *testing.T, req intents.Request, sdk androidwire.Version) json.RawMessage {
	t.Helper()
	wires, err := androidwire.Encode(req, androidwire.Sender{AppID: DemoAppID, Package: DemoPackage, SDK: sdk, RequestOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	line, err := json.Marshal(wires[len(wires)-1].Intent)
	if err != nil {
		t.Fatal(err)
	}
	return line
}

func page(scene intents.Scene) intents.Share {
	return intents.Share{Common: intents.Common{Transaction: new("t1")}, Scene: scene,
		Message: intents.Message{Title: new("Hello"), Object: intents.Webpage{URL: new("https://example.com")}}}
}

// onTop waits for an activity to be in front.
func onTop(t *testing.T, p *Phone, short string) {
	t.Helper()
	deadline := time.Now().Add(wait.Plenty)
	for {
		top, _ := p.Model.Top()
		if top.Short() == short {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is on top, want %s", top.Short(), short)
		}
		time.Sleep(time.Millisecond)
	}
}

// until returns the first event line that has all the parts.
func (r *running) until(parts ...string) string {
	r.t.Helper()
	matches := func(line string) bool {
		for _, part := range parts {
			if !strings.Contains(line, part) {
				return false
			}
		}
		return true
	}
	for _, e := range r.kept {
		if matches(e.Line) {
			return e.Line
		}
	}
	for {
		select {
		case l := <-r.lines:
			if l.Event == nil {
				r.t.Fatalf("an answer to nothing: %+v", l)
			}
			r.kept = append(r.kept, *l.Event)
			if matches(l.Event.Line) {
				return l.Event.Line
			}
		case <-time.After(wait.Plenty):
			for _, e := range r.kept {
				r.t.Log(e.Line)
			}
			r.t.Fatalf("no event with %q", parts)
		}
	}
}
