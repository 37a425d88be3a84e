package cmd

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/wxctl/wxctl/cmd/internal/exit"
)

// The stand-in prints its address, can be told to misbehave while it runs, and
// ends with its stdin.
func TestVirtualOAuth(t *testing.T) {
	t.Parallel()
	stdin, close := io.Pipe()
	stdout, out := io.Pipe()
	f, _, stderr := testFactory(t, "", map[string]string{"WXCTL_APP_SECRET": "0123456789abcdef0123456789abcdef"})
	f.Streams.In, f.Streams.Out = stdin, out
	done := make(chan int, 1)
	go func() {
		done <- Run(t.Context(), f, []string{"virtual", "oauth"})
		out.Close()
	}()
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("%v: %s", err, stderr())
	}
	var at struct{ BaseURL, CodeURL, AppID, AppSecret string }
	if err := json.Unmarshal([]byte(line), &at); err != nil || !strings.HasPrefix(at.BaseURL, "http://127.0.0.1:") || at.AppSecret != "" {
		t.Fatalf("%q, %v", line, err)
	}
	ask := func(method, path, body string) string {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, at.BaseURL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if body != "" {
			req.Header.Set("Content-Type", "text/plain")
		}
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.Status + " " + string(text)
	}
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	auth := func(stdin string, want int, args ...string) {
		t.Helper()
		g, _, stderr := testFactory(t, stdin, map[string]string{
			"WXCTL_APP_ID": at.AppID, "WXCTL_APP_SECRET": "0123456789abcdef0123456789abcdef", "WXCTL_STORE": "file", "WXCTL_STATE_DIR": f.Getenv("WXCTL_STATE_DIR"),
		})
		if code := Run(t.Context(), g, append([]string{"auth"}, append(args, "--base-url", at.BaseURL)...)); code != want {
			t.Errorf("%v: exit %d, want %d: %s", args, code, want, stderr())
		}
	}
	code := strings.TrimPrefix(ask("GET", "/virtual/code?openid=oAnna&nickname=Anna", ""), "200 OK ")
	auth(code, 0, "exchange")
	auth("", 0, "userinfo", "--openid", "oAnna")
	if got := ask("POST", "/virtual/faults", "userinfo=48001\ncheck=-1*1"); !strings.HasPrefix(got, "200") {
		t.Error(got)
	}
	auth("", exit.Credentials, "userinfo")
	auth("", 0, "check")
	for _, header := range []map[string]string{{"Host": "evil.example"}, {"Origin": "https://evil.example"}, {}} {
		req, err := http.NewRequest("POST", at.BaseURL+"/virtual/faults", strings.NewReader("check=-1*1"))
		if err != nil {
			t.Fatal(err)
		}
		req.Host = header["Host"]
		req.Header.Set("Origin", header["Origin"])
		if header["Origin"] == "" {
			req.Header.Del("Origin")
		}
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode < 400 {
			t.Errorf("%v: %s", header, resp.Status)
		}
	}
	if got := ask("POST", "/virtual/faults", "nonsense"); !strings.HasPrefix(got, "400") {
		t.Error(got)
	}
	ask("POST", "/virtual/faults", "")
	ask("POST", "/virtual/expire", "")
	auth("", exit.Credentials, "check")
	auth("", 0, "refresh")
	ask("POST", "/virtual/password?openid=oAnna", "")
	auth("", exit.Credentials, "refresh")
	if got := ask("GET", "/sns/nonsense", ""); !strings.Contains(got, "40066") {
		t.Error(got)
	}
	if got := ask("POST", "/sns/auth", ""); !strings.Contains(got, "43001") {
		t.Error(got)
	}
	if got := ask("GET", "/virtual/expire", ""); !strings.HasPrefix(got, "404") {
		t.Error(got)
	}
	close.Close()
	select {
	case code := <-done:
		if code != 0 {
			t.Errorf("exit %d: %s", code, stderr())
		}
	case <-time.After(patience):
		t.Fatal("it does not end with its stdin")
	}
}

// It ends at a signal, even while an answer stalls.
func TestVirtualOAuthEndsAtASignal(t *testing.T) {
	stdin, close := io.Pipe()
	defer close.Close()
	stdout, out := io.Pipe()
	f, _, _ := testFactory(t, "", nil)
	f.Streams.In, f.Streams.Out = stdin, out
	ctx, cancel := context.WithCancelCause(t.Context())
	done := make(chan int, 1)
	go func() { done <- Run(ctx, f, []string{"virtual", "oauth", "--fault", "stall"}) }()
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	var at struct{ BaseURL string }
	if err := json.Unmarshal([]byte(line), &at); err != nil {
		t.Fatal(err)
	}
	stalled := make(chan struct{})
	go func() {
		defer func() { stalled <- struct{}{} }()
		if resp, err := http.Get(at.BaseURL + "/sns/auth"); err == nil {
			resp.Body.Close()
		}
	}()
	time.AfterFunc(50*time.Millisecond, func() { cancel(&exit.Signal{Code: exit.Terminated}) })
	if code := <-done; code != 143 {
		t.Errorf("exit %d, want 143", code)
	}
	<-stalled
}
