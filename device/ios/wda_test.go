package ios

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wxctl/wxctl/device"
)

// wdaPeer is a WebDriverAgent with given answers; it records its requests.
type wdaPeer struct {
	mu      sync.Mutex
	asked   []string
	answers map[string][]string // by method and path, one after the other; the last stays
}

func (p *wdaPeer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	p.mu.Lock()
	defer p.mu.Unlock()
	what := r.Method + " " + r.URL.Path
	p.asked = append(p.asked, strings.TrimSpace(what+" "+string(body)))
	answers := p.answers[what]
	if len(answers) == 0 {
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"value":{"error":"unknown command","message":"Unhandled endpoint"},"sessionId":null}`)
		return
	}
	if len(answers) > 1 {
		p.answers[what] = answers[1:]
	}
	if strings.Contains(answers[0], `"error"`) {
		w.WriteHeader(http.StatusNotFound)
	}
	fmt.Fprint(w, answers[0])
}

func (p *wdaPeer) start(t *testing.T) *wda {
	t.Helper()
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	client := newWDA(testUDID, func(ctx context.Context, port uint16) (net.Conn, error) {
		if port != wdaPort {
			return nil, fmt.Errorf("dialed port %d", port)
		}
		return (&net.Dialer{}).DialContext(ctx, "tcp", server.Listener.Addr().String())
	})
	t.Cleanup(func() { client.Close() })
	return client
}

// TestWDASession: an existing session is used, and one is made only if there is
// none, since a new one ends the old one.
func TestWDASession(t *testing.T) {
	const status = `{"value":{"ready":true},"sessionId":%s}`
	for _, tt := range []struct {
		name    string
		answers map[string][]string
		asked   string
	}{
		{"somebody's", map[string][]string{"GET /status": {fmt.Sprintf(status, `"S1"`)}, "POST /session/S1/url": {`{"value":null}`}},
			`GET /status|POST /session/S1/url {"url":"u:1"}`},
		{"none", map[string][]string{"GET /status": {fmt.Sprintf(status, "null")}, "POST /session": {`{"value":{"sessionId":"S2"},"sessionId":"S2"}`},
			"POST /session/S2/url": {`{"value":null}`}, "DELETE /session/S2": {`{"value":null}`}},
			`GET /status|POST /session {"capabilities":{"alwaysMatch":{"shouldWaitForQuiescence":false}}}|POST /session/S2/url {"url":"u:1"}|DELETE /session/S2`},
		{"ended since", map[string][]string{"GET /status": {fmt.Sprintf(status, `"S1"`)}, "POST /session/S1/url": {`{"value":{"error":"invalid session id","message":"x"}}`},
			"POST /session": {`{"value":{"sessionId":"S3"}}`}, "POST /session/S3/url": {`{"value":null}`}, "DELETE /session/S3": {`{"value":null}`}},
			`GET /status|POST /session/S1/url {"url":"u:1"}|POST /session {"capabilities":{"alwaysMatch":{"shouldWaitForQuiescence":false}}}|POST /session/S3/url {"url":"u:1"}|DELETE /session/S3`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := &wdaPeer{answers: tt.answers}
			client := p.start(t)
			if err := client.ready(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := client.openURL(t.Context(), "u:1"); err != nil {
				t.Fatal(err)
			}
			client.Close()
			p.mu.Lock()
			defer p.mu.Unlock()
			if got := strings.Join(p.asked, "|"); got != tt.asked {
				t.Errorf("asked %s\nwant  %s", got, tt.asked)
			}
		})
	}
}

// TestWDALies: what listens at the port is not a WebDriverAgent, or sends
// invalid answers.
func TestWDALies(t *testing.T) {
	for _, tt := range []struct{ answer, says string }{
		{"<html>", "is not WebDriverAgent"},
		{`{"value":{"ready":false,"message":"not \u001b yet"}}`, "is not ready"},
		{`{"value":{"ready":"maybe"}}`, "in an unknown form"},
		{`{"value":{"error":"unknown error","message":"x"}}`, `"unknown error"`},
		{strings.Repeat(" ", maxWDAAnswer+1), "more than"},
		{`{"value":{"ready":true},"sessionId":"a/../../wda/shutdown"}`, "named its session"},
	} {
		p := &wdaPeer{answers: map[string][]string{"GET /status": {tt.answer}}}
		err := p.start(t).ready(t.Context())
		if err == nil || !strings.Contains(err.Error(), tt.says) || strings.ContainsRune(err.Error(), '\x1b') {
			t.Errorf("%.40q: %v, want %q", tt.answer, err, tt.says)
		}
	}
	p := &wdaPeer{answers: map[string][]string{"GET /status": {`{"value":{"ready":true}}`}, "POST /session": {`{"value":{"sessionId":"../../shutdown"}}`}}}
	client := p.start(t)
	if err := client.openURL(t.Context(), "u:1"); device.AsError(err).Code != device.ServerMisbehaved {
		t.Errorf("a session with a path in it: %v", err)
	}
}

// TestWDAHung: a WebDriverAgent accepts connections and sends nothing, as a
// suspended one does.
func TestWDAHung(t *testing.T) {
	near, far := net.Pipe()
	defer far.Close()
	client := newWDA(testUDID, func(context.Context, uint16) (net.Conn, error) { return near, nil })
	defer client.Close()
	client.patience = 50 * time.Millisecond
	go io.Copy(io.Discard, far)
	err := client.ready(t.Context())
	e := device.AsError(err)
	if e == nil || e.Code != device.PhoneNotReady || !strings.Contains(e.Message, "accepts connections but does not answer") || !strings.Contains(e.Hint, "suspended or hangs") {
		t.Errorf("%v", err)
	}
}

// FuzzReadWDA reads arbitrary answers.
func FuzzReadWDA(f *testing.F) {
	f.Add(200, []byte(`{"value":{"ready":true},"sessionId":"S"}`))
	f.Add(404, []byte(`{"value":{"error":"invalid session id","message":"m"}}`))
	f.Add(500, []byte(`{"value":null}`))
	f.Fuzz(func(t *testing.T, status int, data []byte) {
		var value json.RawMessage
		if _, err := readWDA(status, data, &value); err == nil && status >= 400 {
			t.Errorf("%d %q is not an error", status, data)
		}
	})
}
