package cmd

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/wxctl/wxctl/cmd/internal/samples"
	"github.com/wxctl/wxctl/fixtures/tier"
	"github.com/wxctl/wxctl/fixtures/wait"
	"github.com/wxctl/wxctl/intents/suite"
)

// editor talks to a language server as an editor does.
type editor struct {
	t   *testing.T
	in  io.Writer
	out *bufio.Reader
	dir string // of the suites and their schema
}

// send sends a message: a request if id is not 0.
func (e *editor) send(id int, method string, params any) {
	e.t.Helper()
	message := map[string]any{"jsonrpc": "2.0", "method": method, "params": params}
	if id != 0 {
		message["id"] = id
	}
	e.write(message)
}

func (e *editor) write(message any) {
	e.t.Helper()
	text, err := json.Marshal(message)
	if err != nil {
		e.t.Fatal(err)
	}
	if _, err := fmt.Fprintf(e.in, "Content-Length: %d\r\n\r\n%s", len(text), text); err != nil {
		e.t.Fatal(err)
	}
}

// message is what the server says.
type message struct {
	ID     any             `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
}

// until reads messages until wanted, and answers what the server asks.
func (e *editor) until(wanted func(message) bool) message {
	e.t.Helper()
	for {
		length := 0
		for {
			line, err := e.out.ReadString('\n')
			if err != nil {
				e.t.Fatal(err)
			}
			if line = strings.TrimSpace(line); line == "" {
				break
			}
			if n, ok := strings.CutPrefix(line, "Content-Length: "); ok {
				length, _ = strconv.Atoi(n)
			}
		}
		text := make([]byte, length)
		if _, err := io.ReadFull(e.out, text); err != nil {
			e.t.Fatal(err)
		}
		var m message
		if err := json.Unmarshal(text, &m); err != nil {
			e.t.Fatal(err)
		}
		if wanted(m) {
			return m
		}
		if m.ID != nil && m.Method != "" {
			e.write(map[string]any{"jsonrpc": "2.0", "id": m.ID, "result": nil})
		}
	}
}

// complaints are what the server says of a suite, by line.
func (e *editor) complaints(name, text string) map[int]string {
	e.t.Helper()
	uri := "file://" + filepath.ToSlash(filepath.Join(e.dir, name))
	e.send(0, "textDocument/didOpen", map[string]any{"textDocument": map[string]any{"uri": uri, "languageId": "yaml", "version": 1,
		"text": text}})
	var said struct {
		URI         string `json:"uri"`
		Diagnostics []struct {
			Message string `json:"message"`
			Range   struct {
				Start struct {
					Line int `json:"line"`
				} `json:"start"`
			} `json:"range"`
		} `json:"diagnostics"`
	}
	e.until(func(m message) bool {
		return m.Method == "textDocument/publishDiagnostics" && json.Unmarshal(m.Params, &said) == nil && said.URI == uri
	})
	byLine := map[int]string{}
	for _, d := range said.Diagnostics {
		byLine[d.Range.Start.Line+1] += d.Message + "; "
	}
	return byLine
}

// TestYAMLLanguageServer: with the schema that `wxctl run --schema` prints, the
// language server of editors accepts our suites, and finds faults on the lines
// where wxctl finds them.
func TestYAMLLanguageServer(t *testing.T) {
	program := tier.Need(t, "suites", "yaml-language-server")[0]
	f, out, errOut := testFactory(t, "", nil)
	if code := Run(t.Context(), f, []string{"run", "--schema"}); code != 0 {
		t.Fatal(errOut())
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "wxctl-suite.json"), []byte(out()), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*wait.Plenty)
	defer cancel()
	server := exec.CommandContext(ctx, program, "--stdio")
	in, err := server.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { cancel(); _ = server.Wait() }()
	e := &editor{t: t, in: in, out: bufio.NewReader(stdout), dir: dir}
	e.send(1, "initialize", map[string]any{"processId": nil, "rootUri": nil, "capabilities": map[string]any{}})
	e.until(func(m message) bool { return m.ID == 1.0 && m.Method == "" })
	e.send(0, "initialized", map[string]any{})
	e.send(0, "workspace/didChangeConfiguration", map[string]any{"settings": map[string]any{"yaml": map[string]any{
		"validate": true, "schemaStore": map[string]any{"enable": false}}}})

	if said := e.complaints("smoke.yaml", string(samples.Suite())); len(said) > 0 {
		t.Errorf("the sample suite: %v", said)
	}
	v := suiteVocabulary(f)
	for name, text := range map[string]string{
		"keys.yaml":  "version: 1\nname: x\ncases:\n  - name: a\n    retires: 2\n    do: share text\n",
		"flag.yaml":  "version: 1\nname: x\ncases:\n  - name: a\n    do: share text\n    with: {scen: session}\n",
		"state.yaml": "version: 1\nname: x\ncases:\n  - name: a\n    do: share text\n    expect:\n      state: openned\n",
		"do.yaml":    "version: 1\nname: x\ncases:\n  - name: a\n    do: share nothing\n",
		"type.yaml":  "version: one\nname: x\ncases: [{name: a, do: share text}]\n",
	} {
		text = "# yaml-language-server: $schema=./wxctl-suite.json\n" + text
		_, problems := suite.Load(name, []byte(text), v, suite.Given{})
		said := e.complaints(name, text)
		if len(problems) != 1 || said[problems[0].Line] == "" {
			t.Errorf("%s: wxctl says %v, the language server %v", name, problems, said)
		}
	}
}
