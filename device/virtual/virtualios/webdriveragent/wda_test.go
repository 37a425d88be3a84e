package webdriveragent_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"image/png"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wxctl/wxctl/device/virtual/local"
	"github.com/wxctl/wxctl/device/virtual/virtualios/idevice"
	"github.com/wxctl/wxctl/device/virtual/virtualios/webdriveragent"
	"github.com/wxctl/wxctl/fixtures/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve starts a phone's WebDriverAgent and returns its base URL.
func serve(t *testing.T, ios string, change func(*webdriveragent.Server)) (*idevice.Phone, string) {
	t.Helper()
	p, err := idevice.New(idevice.Options{IOS: ios})
	if err != nil {
		t.Fatal(err)
	}
	p.Install(idevice.App{BundleID: "com.example.app", Name: "App", Version: "1", Schemes: []string{"myapp"}})
	client := &webdriveragent.Server{Phone: p}
	if change != nil {
		change(client)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- local.Serve(ctx, l, client.Serve) }()
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p, "http://" + l.Addr().String()
}

func call(t *testing.T, method, url, body string) (int, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return resp.StatusCode, err.Error()
	}
	return resp.StatusCode, string(text)
}

func TestRoutes(t *testing.T) {
	p, base := serve(t, "17.5", nil)
	const id = "5E551077-0000-4000-8000-000000000001"
	for _, tt := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"GET", "/status", "", 200, `"ready":true`},
		{"GET", "/wda/locked", "", 200, `"value":false`},
		{"GET", "/session/none/url", "", 404, "invalid session id"},
		{"POST", "/session/none/url", `{"url":"myapp://x"}`, 404, "invalid session id"},
		{"POST", "/session", `{"capabilities":{"alwaysMatch":{"bundleId":"com.example.none"}}}`, 500, "is not installed"},
		{"POST", "/session", `{"capabilities":{"alwaysMatch":{"bundleId":"com.apple.Preferences"}}}`, 200, `"sessionId":"` + id + `"`},
		{"GET", "/wda/activeAppInfo", "", 200, `"bundleId":"com.apple.Preferences"`},
		{"POST", "/session/" + id + "/url", `{"url":"myapp://x"}`, 200, `"value":null`},
		{"GET", "/wda/activeAppInfo", "", 200, `"bundleId":"com.example.app"`},
		{"POST", "/session/" + id + "/url", `{"url":"nobody://x"}`, 500, "no application is registered"},
		{"POST", "/session/" + id + "/url", `{"url":"any://x","bundleId":"com.apple.mobilesafari"}`, 200, `"value":null`},
		{"POST", "/session/" + id + "/url", `{}`, 400, "URL is required"},
		{"POST", "/session/" + id + "/wda/apps/state", `{"bundleId":"com.example.app"}`, 200, `"value":3`},
		{"POST", "/session/" + id + "/wda/apps/activate", `{"bundleId":"com.example.app"}`, 200, `"value":null`},
		{"POST", "/session/" + id + "/wda/apps/state", `{"bundleId":"com.example.app"}`, 200, `"value":4`},
		{"POST", "/session/" + id + "/wda/apps/terminate", `{"bundleId":"com.example.app"}`, 200, `"value":true`},
		{"POST", "/session/" + id + "/wda/apps/terminate", `{"bundleId":"com.example.app"}`, 200, `"value":false`},
		{"POST", "/session/" + id + "/wda/apps/state", `{"bundleId":"com.example.app"}`, 200, `"value":1`},
		{"POST", "/session/" + id + "/wda/apps/launch", `{"bundleId":"com.example.app","arguments":["-a"]}`, 200, `"value":null`},
		{"GET", "/wda/activeAppInfo", "", 200, `"args":["-a"]`},
		{"POST", "/session/" + id + "/wda/apps/dance", `{}`, 404, "unknown command"},
		{"POST", "/wda/homescreen", "", 200, `"value":null`},
		{"POST", "/wda/lock", "", 200, `"value":null`},
		{"GET", "/wda/locked", "", 200, `"value":true`},
		{"POST", "/session/" + id + "/url", `{"url":"myapp://x"}`, 500, "Locked"},
		{"POST", "/wda/unlock", "", 200, `"value":null`},
		{"POST", "/wda/apps/launchUnattached", `{"bundleId":"com.example.app"}`, 200, `"value":null`},
		{"POST", "/session", `{"capabilities":`, 400, "the body can't be read"},
		{"GET", "/nowhere", "", 404, "unknown command"},
		{"GET", "/session/" + id, "", 200, `"capabilities"`},
		{"DELETE", "/session/" + id + "/", "", 200, `"sessionId":null`},
	} {
		status, got := call(t, tt.method, base+tt.path, tt.body)
		if status != tt.status || !strings.Contains(got, tt.want) || !json.Valid([]byte(got)) {
			t.Errorf("%s %s: %d %s, want %d %s", tt.method, tt.path, status, got, tt.status, tt.want)
		}
	}
	_, got := call(t, "GET", base+"/screenshot", "")
	var reply struct{ Value string }
	if err := json.Unmarshal([]byte(got), &reply); err != nil {
		t.Fatal(err)
	}
	data, err := base64.StdEncoding.DecodeString(reply.Value)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := png.Decode(bytes.NewReader(data)); err != nil || !bytes.Equal(data, p.Screenshot()) {
		t.Errorf("screenshot: %v", err)
	}
}

// Before iOS 16.4 XCTest opens no URLs.
func TestOldPhone(t *testing.T) {
	_, base := serve(t, "16.3", nil)
	_, got := call(t, "POST", base+"/session", `{}`)
	var reply struct{ SessionID string }
	if err := json.Unmarshal([]byte(got), &reply); err != nil {
		t.Fatal(err)
	}
	if status, got := call(t, "POST", base+"/session/"+reply.SessionID+"/url", `{"url":"myapp://x"}`); status != 500 || !strings.Contains(got, "Siri") {
		t.Errorf("%d %s", status, got)
	}
}

func TestFaults(t *testing.T) {
	_, base := serve(t, "17.5", func(a *webdriveragent.Server) {
		a.Faults = fault.New(fault.Fault{Step: "wda GET /status", Then: fault.Cut, Answer: []byte("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort")},
			fault.Fault{Step: "wda GET /screenshot", Then: fault.Garbage}).Strike
	})
	for path, want := range map[string]string{"/status": "unexpected EOF", "/screenshot": "malformed HTTP"} {
		if _, got := call(t, "GET", base+path, ""); !strings.Contains(got, want) {
			t.Errorf("%s: %s", path, got)
		}
	}
	if status, _ := call(t, "GET", base+"/wda/locked", ""); status != 200 {
		t.Errorf("status %d", status)
	}
}

// One that hangs accepts the request and does not answer until the client
// disconnects.
func TestHang(t *testing.T) {
	_, base := serve(t, "17.5", func(a *webdriveragent.Server) { a.Hang = true })
	conn, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write([]byte("GET /status HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
}
