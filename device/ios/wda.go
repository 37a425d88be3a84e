package ios

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/wxctl/wxctl/device"
)

const (
	// wdaPort is where WebDriverAgent listens on the phone, unless it was
	// started with another USE_PORT (WebDriverAgent 16.7.0, FBWebServer).
	wdaPort = 8100
	// wdaPatience is how long WebDriverAgent may take to answer at all. A
	// healthy one answers in milliseconds; one whose app was suspended accepts
	// the connection and never answers.
	wdaPatience = 10 * time.Second
	// The largest answer in bytes, and the largest one with a screenshot.
	maxWDAAnswer     = 1 << 20
	maxWDAScreenshot = 64 << 20
)

// wda is a client of the WebDriverAgent that listens on a phone, through
// usbmux: nothing listens on the computer. It is used by one goroutine at a
// time.
type wda struct {
	udid    string
	client  *http.Client
	session string
	own     bool // the session was created here
	// patience is how long it may take to answer at all.
	patience time.Duration
	traced   device.Wire
}

// newWDA returns a client of the phone's WebDriverAgent.
func (p *Phone) newWDA() *wda {
	w := newWDA(p.info.ID, p.Dial)
	w.traced = p.server.Trace.Wire("wda")
	return w
}

// newWDA returns a client whose connections dial makes.
func newWDA(udid string, dial func(context.Context, uint16) (net.Conn, error)) *wda {
	return &wda{udid: udid, patience: wdaPatience, client: &http.Client{
		Transport: &http.Transport{
			DialContext:        func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx, wdaPort) },
			DisableCompression: true, MaxIdleConnsPerHost: 1,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return errors.New("WebDriverAgent must not redirect") },
	}}
}

// WDAError is an error of WebDriverAgent, in the terms of W3C WebDriver.
type WDAError struct {
	Kind    string // "invalid session id", "invalid argument", "unknown command"
	Message string
}

func (e *WDAError) Error() string {
	return fmt.Sprintf("WebDriverAgent answered %q: %q", e.Kind, device.Printable(e.Message))
}

// errNoWDA is the cause of the error that no WebDriverAgent could be reached.
var errNoWDA = errors.New("no WebDriverAgent")

// call sends one request and decodes the value of its answer.
func (w *wda) call(ctx context.Context, method, path string, body, value any, most int64) (session string, err error) {
	var content io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return "", err
		}
		content = bytes.NewReader(data)
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://localhost"+path, content)
	if err != nil {
		return "", err
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	w.traced.Sent("%s %s", method, w.withoutSession(path))
	answer, err := w.client.Do(request)
	if err != nil {
		return "", w.failed(ctx, err)
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(io.LimitReader(answer.Body, most+1))
	w.traced.Got("%q, %d bytes", answer.Status, len(data))
	if err != nil {
		return "", w.failed(ctx, err)
	}
	if int64(len(data)) > most {
		return "", device.Errorf(device.ServerMisbehaved, "WebDriverAgent on the iPhone %q answered more than %d bytes", w.udid, most)
	}
	return readWDA(answer.StatusCode, data, value)
}

// withoutSession is a path without the session id: anyone who knows it can
// drive the phone.
func (w *wda) withoutSession(path string) string {
	if w.session == "" {
		return path
	}
	return strings.ReplaceAll(path, w.session, "SESSION")
}

// readWDA parses an answer.
func readWDA(status int, data []byte, value any) (session string, err error) {
	var envelope struct {
		Value     json.RawMessage `json:"value"`
		SessionID *string         `json:"sessionId"`
	}
	if err := json.Unmarshal(data, &envelope); err != nil || envelope.Value == nil && status != http.StatusOK {
		return "", device.Errorf(device.ServerMisbehaved,
			"the server on port %d of the iPhone is not WebDriverAgent: it answered %d and %.80q", wdaPort, status, data).
			WithHint("stop it, and start WebDriverAgent there")
	}
	var refusal struct{ Error, Message string }
	if json.Unmarshal(envelope.Value, &refusal) == nil && refusal.Error != "" || status >= http.StatusBadRequest {
		return "", &WDAError{Kind: cmp.Or(refusal.Error, http.StatusText(status)), Message: refusal.Message}
	}
	if envelope.SessionID != nil {
		session = *envelope.SessionID
	}
	if value != nil && envelope.Value != nil {
		if err := json.Unmarshal(envelope.Value, value); err != nil {
			return "", device.Errorf(device.ServerMisbehaved, "WebDriverAgent answered in an unknown form: %w", err)
		}
	}
	return session, nil
}

// failed converts the error of a request that got no answer.
func (w *wda) failed(ctx context.Context, err error) error {
	var refused *RefusedError
	var own *device.Error
	switch {
	case errors.As(err, &refused):
		return &device.Error{
			Code: device.PhoneNotReady, Message: fmt.Sprintf("no WebDriverAgent listens on port %d of the iPhone %q", wdaPort, w.udid),
			Hint: "start WebDriverAgentRunner on the phone: from Xcode, or with `ios runwda`", Err: errNoWDA,
		}
	case errors.As(err, &own):
		return own
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	e := device.Errorf(device.PhoneNotReady, "WebDriverAgent on the iPhone %q broke the connection", w.udid).
		WithHint("start WebDriverAgentRunner on the phone again: from Xcode, or with `ios runwda`")
	e.Err = errors.Join(errNoWDA, err)
	return e
}

// errHung is why a wait for WebDriverAgent ended before the command's time did.
var errHung = errors.New("WebDriverAgent hangs")

// wdaState is the used part of the answer to GET /status.
type wdaState struct {
	Ready   *bool  `json:"ready"`
	Message string `json:"message"`
}

// ready checks whether WebDriverAgent answers, and which session it has.
func (w *wda) ready(ctx context.Context) error {
	patience := w.patience
	if deadline, ok := ctx.Deadline(); ok {
		patience = min(patience, time.Until(deadline)/2)
	}
	waiting, cancel := context.WithTimeoutCause(ctx, patience, errHung)
	defer cancel()
	var state wdaState
	session, err := w.call(waiting, http.MethodGet, "/status", nil, &state, maxWDAAnswer)
	switch {
	case errors.Is(err, errHung):
		return &device.Error{
			Code: device.PhoneNotReady, Message: fmt.Sprintf("WebDriverAgent on the iPhone %q accepts connections but does not answer", w.udid),
			Hint: "it is suspended or hangs: start WebDriverAgentRunner on the phone again, and keep the phone unlocked",
			Err:  errors.Join(errNoWDA, errHung),
		}
	case err != nil:
		return err
	case state.Ready != nil && !*state.Ready:
		return device.Errorf(device.PhoneNotReady, "WebDriverAgent on the iPhone %q is not ready: it says %q", w.udid,
			device.Printable(state.Message)).
			WithHint("wait a moment, or start WebDriverAgentRunner on the phone again")
	}
	if !isSessionID(session) {
		return device.Errorf(device.ServerMisbehaved, "WebDriverAgent on the iPhone %q named its session %.80q", w.udid, session)
	}
	w.session, w.own = session, false
	return nil
}

// locked fails if the phone shows its lock screen.
func (w *wda) locked(ctx context.Context) error {
	var locked bool
	if _, err := w.call(ctx, http.MethodGet, "/wda/locked", nil, &locked, maxWDAAnswer); err != nil {
		return err
	}
	if locked {
		return lockedError(w.udid)
	}
	return nil
}

// lockedError means that a phone shows its lock screen.
func lockedError(udid string) error {
	e := device.Errorf(device.PhoneNotReady, "phone %q is not ready: %s", udid, device.Locked).WithHint("%s", device.FixFor(device.Locked))
	e.Err = errLocked
	return e
}

// inSession sends a request within a session: the one that WebDriverAgent has,
// since a new one would end another client's session; otherwise one of our own.
func (w *wda) inSession(ctx context.Context, path string, body, value any) error {
	for range 2 {
		if w.session == "" {
			if err := w.begin(ctx); err != nil {
				return err
			}
		}
		_, err := w.call(ctx, http.MethodPost, "/session/"+w.session+path, body, value, maxWDAAnswer)
		var refusal *WDAError
		if !errors.As(err, &refusal) || refusal.Kind != "invalid session id" {
			return err
		}
		w.session = "" // it has ended
	}
	return device.Errorf(device.Failed, "WebDriverAgent on the iPhone %q ends its sessions immediately", w.udid).
		WithHint("start WebDriverAgentRunner on the phone again")
}

// begin creates a session without an app: a session with an app would start it.
func (w *wda) begin(ctx context.Context) error {
	var made struct {
		SessionID string `json:"sessionId"`
	}
	body := map[string]any{"capabilities": map[string]any{"alwaysMatch": map[string]any{"shouldWaitForQuiescence": false}}}
	session, err := w.call(ctx, http.MethodPost, "/session", body, &made, maxWDAAnswer)
	if err != nil {
		return err
	}
	if w.session = cmp.Or(made.SessionID, session); w.session == "" || !isSessionID(w.session) {
		return device.Errorf(device.ServerMisbehaved, "WebDriverAgent on the iPhone %q named its session %.80q", w.udid, w.session)
	}
	w.own = true
	return nil
}

// isSessionID reports whether s can be used in a path unescaped.
func isSessionID(s string) bool {
	for _, c := range []byte(s) {
		if c != '-' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	return len(s) <= 64
}

// openURL opens a URL as a tap on a link does.
func (w *wda) openURL(ctx context.Context, link string) error {
	return w.inSession(ctx, "/url", map[string]any{"url": link}, nil)
}

// launch restarts an app with launch arguments.
func (w *wda) launch(ctx context.Context, bundleID string, arguments []string) error {
	if err := w.inSession(ctx, "/wda/apps/terminate", map[string]any{"bundleId": bundleID}, nil); err != nil {
		return err
	}
	return w.inSession(ctx, "/wda/apps/launch", map[string]any{"bundleId": bundleID, "arguments": arguments}, nil)
}

// terminate terminates an app.
func (w *wda) terminate(ctx context.Context, bundleID string) error {
	return w.inSession(ctx, "/wda/apps/terminate", map[string]any{"bundleId": bundleID}, nil)
}

// home goes to the home screen.
func (w *wda) home(ctx context.Context) error {
	_, err := w.call(ctx, http.MethodPost, "/wda/homescreen", struct{}{}, nil, maxWDAAnswer)
	return err
}

// activeApp is the app in front.
type activeApp struct {
	BundleID string `json:"bundleId"`
	PID      int    `json:"pid"`
}

// front returns the app in front.
func (w *wda) front(ctx context.Context) (activeApp, error) {
	var app activeApp
	_, err := w.call(ctx, http.MethodGet, "/wda/activeAppInfo", nil, &app, maxWDAAnswer)
	return app, err
}

// screenshot returns the screen as a PNG.
func (w *wda) screenshot(ctx context.Context) ([]byte, error) {
	var text string
	if _, err := w.call(ctx, http.MethodGet, "/screenshot", nil, &text, maxWDAScreenshot); err != nil {
		return nil, err
	}
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, device.Errorf(device.ServerMisbehaved, "WebDriverAgent on the iPhone %q sent a screenshot that is not base64", w.udid)
	}
	return data, nil
}

// Close ends the session if it was created here, and all connections.
func (w *wda) Close() error {
	defer w.client.CloseIdleConnections()
	if !w.own || w.session == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	session := w.session
	w.session, w.own = "", false
	// Ignoring the error: a session that no longer exists has ended, too.
	w.call(ctx, http.MethodDelete, "/session/"+session, nil, nil, maxWDAAnswer)
	return nil
}
