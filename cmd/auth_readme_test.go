package cmd

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/google/shlex"

	"github.com/wxctl/wxctl/oauth/credentials"
)

// memoryKeyring is a keyring that works.
type memoryKeyring struct {
	mu    sync.Mutex
	items map[string]string
}

func (k *memoryKeyring) Get(item string) (string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if v, ok := k.items[item]; ok {
		return v, nil
	}
	return "", credentials.ErrNotFound
}

func (k *memoryKeyring) Set(item, value string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.items[item] = value
	return nil
}

func (k *memoryKeyring) Delete(item string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.items, item)
	return nil
}

func (*memoryKeyring) Probe(context.Context) error { return nil }
func (*memoryKeyring) Interrupt()                  {}

// maskedToken is what differs between two logins.
var maskedToken = regexp.MustCompile(`76_…\w{3}`)

// TestREADMELogin runs the second screen of each README line by line and
// compares what a terminal shows, except the tokens.
func TestREADMELogin(t *testing.T) {
	for locale, name := range readmes {
		t.Run(name, func(t *testing.T) { readmeLogin(t, name, locale) })
	}
}

func readmeLogin(t *testing.T, name, locale string) {
	page, err := os.ReadFile(filepath.Join("..", name))
	if err != nil {
		t.Fatal(err)
	}
	_, block, ok := strings.Cut(string(page), "```console\n$ wxctl virtual oauth --port 8090 &\n")
	if !ok {
		t.Fatal("the README has no block that begins with `wxctl virtual oauth --port 8090 &`")
	}
	block, _, _ = strings.Cut(block, "```")
	first, rest, _ := strings.Cut(block, "\n")

	stdin, end := io.Pipe()
	stdout, out := io.Pipe()
	f, _, stderr := testFactory(t, "", nil)
	f.Streams.In, f.Streams.Out = stdin, out
	done := make(chan int, 1)
	go func() { done <- Run(t.Context(), f, []string{"virtual", "oauth"}) }()
	defer func() { end.Close(); <-done }()
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("%v: %s", err, stderr())
	}
	var at struct{ BaseURL string }
	if err := json.Unmarshal([]byte(line), &at); err != nil {
		t.Fatal(err)
	}
	atHome := func(text string) string { return strings.ReplaceAll(text, at.BaseURL, "http://127.0.0.1:8090") }
	if atHome(line) != first+"\n" {
		t.Errorf("it prints\n%sthe README says\n%s", atHome(line), first)
	}

	env := map[string]string{"WXCTL_STATE_DIR": t.TempDir(), "NO_COLOR": "1", "LANG": locale}
	keyring := &memoryKeyring{items: map[string]string{}}
	for step := range strings.SplitSeq(strings.TrimPrefix(rest, "$ "), "\n$ ") {
		command, want, _ := strings.Cut(step, "\n")
		command = strings.ReplaceAll(command, "http://127.0.0.1:8090", at.BaseURL)
		if assignments, ok := strings.CutPrefix(command, "export "); ok {
			for _, a := range strings.Fields(assignments) {
				name, value, _ := strings.Cut(a, "=")
				env[name] = value
			}
			continue
		}
		input := ""
		if url, piped, ok := strings.Cut(strings.TrimPrefix(command, "curl -s "), " | "); ok {
			input, command = get(t, url), piped
		}
		words, err := shlex.Split(command)
		if err != nil || words[0] != "wxctl" {
			t.Fatalf("%q is not a command of wxctl (%v)", command, err)
		}
		f, shown, stderr := testFactory(t, input, env)
		f.Keyring = keyring
		f.Streams.OutTTY = true
		if code := Run(t.Context(), f, words[1:]); code != 0 {
			t.Fatalf("%s: exit %d: %s", command, code, stderr())
		}
		got := shown() + stderr()
		if maskedToken.ReplaceAllString(got, "76_…") != maskedToken.ReplaceAllString(strings.TrimRight(want, "\n")+"\n", "76_…") {
			t.Errorf("%s prints\n%s\nthe README says\n%s", atHome(command), got, want)
		}
	}
}

func get(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
