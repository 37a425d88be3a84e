// Package webdriveragent is WebDriverAgent on a virtual iPhone: the HTTP server
// that XCTest runs there, as far as opening URLs, launching apps and looking at
// the screen goes.
package webdriveragent

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"

	"github.com/wxctl/wxctl/device/virtual/fault"
	"github.com/wxctl/wxctl/device/virtual/local"
	"github.com/wxctl/wxctl/device/virtual/virtualios/idevice"
)

// Port is where WebDriverAgent listens on the phone.
const Port = 8100

// Server is one phone's WebDriverAgent.
type Server struct {
	Phone *idevice.Phone
	// Hang accepts connections and never answers.
	Hang   bool
	Faults fault.Hook

	mu       sync.Mutex
	sessions int
	session  string // "" is none
	app      string // bundle id of the session
}

// failure is an error in WebDriver's form.
type failure struct {
	status  int
	Error   string `json:"error"`
	Message string `json:"message"`
}

func fail(status int, kind, format string, args ...any) *failure {
	return &failure{status, kind, fmt.Sprintf(format, args...)}
}

const (
	unknownCommand = "unknown command"
	unknownError   = "unknown error"
	badArgument    = "invalid argument"
)

// Serve answers HTTP on one connection until it ends. The caller closes it.
func (a *Server) Serve(ctx context.Context, conn net.Conn) {
	if a.Hang {
		_, _ = io.Copy(io.Discard, conn)
		return
	}
	l := oneConn{Conn: conn, conns: make(chan net.Conn, 1)}
	l.conns <- conn
	end := sync.OnceFunc(func() { close(l.conns) })
	server := &http.Server{
		Handler: local.Only(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if a.Faults.Reach(stepOf(r), conn) == nil {
				panic(http.ErrAbortHandler) // closes the connection
			}
			a.handle(w, r)
		}), "application/json"),
		ErrorLog:    log.New(io.Discard, "", 0),
		BaseContext: func(net.Listener) context.Context { return ctx },
		ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateClosed {
				end()
			}
		},
	}
	_ = server.Serve(l)
}

// oneConn is a listener with one connection; it ends when that does.
type oneConn struct {
	net.Conn
	conns chan net.Conn
}

func (l oneConn) Accept() (net.Conn, error) {
	if conn := <-l.conns; conn != nil {
		return conn, nil
	}
	return nil, net.ErrClosed
}

// Addr is where WebDriverAgent listens.
func (l oneConn) Addr() net.Addr { return l.LocalAddr() }

// request is what the bodies of requests may have.
type request struct {
	URL       string            `json:"url"`
	BundleID  string            `json:"bundleId"`
	Arguments []string          `json:"arguments"`
	Env       map[string]string `json:"environment"`

	Capabilities struct {
		AlwaysMatch struct {
			BundleID   string            `json:"bundleId"`
			InitialURL string            `json:"initialUrl"`
			Arguments  []string          `json:"arguments"`
			Env        map[string]string `json:"environment"`
			Force      *bool             `json:"forceAppLaunch"`
		} `json:"alwaysMatch"`
	} `json:"capabilities"`
}

// target is the path of a request, without its session.
func target(r *http.Request) (session, path string) {
	path = strings.TrimSuffix(r.URL.Path, "/")
	if rest, ok := strings.CutPrefix(path, "/session/"); ok {
		session, path, _ = strings.Cut(rest, "/")
		path = "/session/:id/" + path
	}
	return session, path
}

// stepOf is the name of a request for faults.
func stepOf(r *http.Request) string {
	_, path := target(r)
	return "wda " + r.Method + " " + strings.Replace(strings.TrimSuffix(path, "/"), "/session/:id/", "/session/", 1)
}

func (a *Server) handle(w http.ResponseWriter, r *http.Request) {
	session, path := target(r)
	const bodyMost = 4 << 20
	var q request
	body, err := io.ReadAll(io.LimitReader(r.Body, bodyMost))
	if err == nil && len(body) > 0 {
		err = json.Unmarshal(body, &q)
	}
	var value any
	var failed *failure
	switch {
	case err != nil:
		failed = fail(http.StatusBadRequest, badArgument, "the body can't be read: %v", err)
	case session != "" && session != a.current():
		failed = fail(http.StatusNotFound, "invalid session id", "Session does not exist")
	default:
		value, failed = a.answer(r, path, q)
	}
	status := http.StatusOK
	if failed != nil {
		status, value = failed.status, failed
	}
	reply := map[string]any{"value": value, "sessionId": nil}
	if id := a.current(); id != "" {
		reply["sessionId"] = id
	}
	text, err := json.Marshal(reply)
	if err != nil {
		status, text = http.StatusInternalServerError, nil
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(text)
}

func (a *Server) current() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.session
}

// answer answers one request; paths within a session begin with /session/:id.
func (a *Server) answer(r *http.Request, path string, q request) (any, *failure) {
	inside, ok := strings.CutPrefix(path, "/session/:id")
	if ok {
		path = inside
	}
	switch what := r.Method + " " + path; {
	case what == "GET /status":
		return map[string]any{"ready": true, "message": "WebDriverAgent is ready to accept commands", "state": "success",
			"os": map[string]any{"name": "iOS", "version": a.Phone.IOS(), "sdkVersion": a.Phone.IOS()}, "ios": map[string]any{"ip": "127.0.0.1"},
			"build": map[string]any{"version": "16.7.0", "productBundleIdentifier": "com.facebook.WebDriverAgentRunner"}, "device": "iphone"}, nil
	case what == "POST /session":
		return a.open(r.Context(), q)
	case what == "GET /wda/locked":
		return a.Phone.Locked(), nil
	case what == "POST /wda/unlock", what == "POST /wda/lock":
		a.Phone.SetLocked(path == "/wda/lock")
		return nil, nil
	case what == "POST /wda/homescreen":
		a.Phone.Home()
		return nil, nil
	case what == "GET /screenshot":
		return base64.StdEncoding.EncodeToString(a.Phone.Screenshot()), nil
	case what == "GET /wda/activeAppInfo":
		front := a.Phone.Front()
		return map[string]any{"pid": front.PID, "bundleId": front.BundleID, "name": front.Name,
			"processArguments": map[string]any{"args": notNil(front.Args), "env": front.Env}}, nil
	case what == "GET /wda/device/info":
		return map[string]any{"name": a.Phone.Name(), "model": "iPhone", "uuid": a.Phone.UDID(), "timeZone": "Asia/Shanghai"}, nil
	case what == "POST /wda/apps/launchUnattached":
		return nil, a.launch(r.Context(), idevice.Launch{BundleID: q.BundleID, Activates: true})
	case !ok:
	case what == "DELETE " || what == "DELETE /":
		a.mu.Lock()
		defer a.mu.Unlock()
		a.session = ""
		return nil, nil
	case what == "GET " || what == "GET /":
		return map[string]any{"sessionId": a.current(), "capabilities": a.capabilities()}, nil
	case what == "POST /url":
		return nil, a.url(r.Context(), q)
	case strings.HasPrefix(what, "POST /wda/apps/"):
		return a.apps(r.Context(), strings.TrimPrefix(path, "/wda/apps/"), q)
	}
	return nil, fail(http.StatusNotFound, unknownCommand, "Unhandled endpoint: %s %s", r.Method, r.URL.Path)
}

func notNil(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

func (a *Server) capabilities() map[string]any {
	a.mu.Lock()
	defer a.mu.Unlock()
	return map[string]any{"device": "iphone", "browserName": a.app, "sdkVersion": a.Phone.IOS(), "CFBundleIdentifier": a.app}
}

// open begins a session, in place of an older one, and restarts its app.
func (a *Server) open(ctx context.Context, q request) (any, *failure) {
	c := q.Capabilities.AlwaysMatch
	if c.BundleID != "" {
		force := c.Force == nil || *c.Force
		if failed := a.launch(ctx, idevice.Launch{BundleID: c.BundleID, Args: c.Arguments, Env: c.Env, URL: c.InitialURL, Activates: true,
			Terminate: force}); failed != nil {
			return nil, failed
		}
	}
	a.mu.Lock()
	a.sessions++
	a.session, a.app = fmt.Sprintf("5E551077-0000-4000-8000-%012X", a.sessions), c.BundleID
	id := a.session
	a.mu.Unlock()
	return map[string]any{"sessionId": id, "capabilities": a.capabilities()}, nil
}

func (a *Server) launch(ctx context.Context, l idevice.Launch) *failure {
	if l.BundleID == "" {
		return fail(http.StatusBadRequest, badArgument, "bundleId is required")
	}
	_, err := a.Phone.Launch(ctx, l)
	if err != nil {
		return fail(http.StatusInternalServerError, unknownError, "Failed to launch %s: %v", l.BundleID, err)
	}
	return nil
}

// url opens a URL as a tap does, or in an app that is named. Both came with iOS
// 16.4; before that, Siri was asked, which fails.
func (a *Server) url(ctx context.Context, q request) *failure {
	if q.URL == "" {
		return fail(http.StatusBadRequest, badArgument, "URL is required")
	}
	if major, minor := a.Phone.Version(); major < 16 || major == 16 && minor < 4 {
		return fail(http.StatusInternalServerError, unknownError, "the URL could not be opened by Siri")
	}
	var err error
	if q.BundleID != "" {
		_, err = a.Phone.Launch(ctx, idevice.Launch{BundleID: q.BundleID, URL: q.URL, Activates: true})
	} else {
		_, err = a.Phone.OpenURL(ctx, q.URL, "")
	}
	if err != nil {
		return fail(http.StatusInternalServerError, unknownError, "Failed to open the URL: %v", err)
	}
	return nil
}

// States of an app (XCUIApplicationState).
const (
	notRunning = 1
	background = 3
	foreground = 4
)

// apps launches, ends and queries apps within a session.
func (a *Server) apps(ctx context.Context, what string, q request) (any, *failure) {
	running, runs := a.Phone.Process(q.BundleID)
	switch what {
	case "launch":
		return nil, a.launch(ctx, idevice.Launch{BundleID: q.BundleID, Args: q.Arguments, Env: q.Env, Activates: true, Terminate: true})
	case "activate":
		return nil, a.launch(ctx, idevice.Launch{BundleID: q.BundleID, Activates: true})
	case "terminate":
		if !runs {
			return false, nil
		}
		if err := a.Phone.Terminate(running.PID); err != nil && !errors.Is(err, idevice.ErrNoProcess) {
			return nil, fail(http.StatusInternalServerError, unknownError, "%v", err)
		}
		return true, nil
	case "state":
		switch {
		case !runs:
			return notRunning, nil
		case a.Phone.Front().PID == running.PID:
			return foreground, nil
		}
		return background, nil
	}
	return nil, fail(http.StatusNotFound, unknownCommand, "Unhandled endpoint: /wda/apps/%s", what)
}
