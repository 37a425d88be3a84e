package cmd

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wxctl/wxctl/fixtures/oauthtest"
	"github.com/wxctl/wxctl/oauth"
	"github.com/wxctl/wxctl/oauth/credentials"
	"github.com/wxctl/wxctl/oauth/virtualoauth"
)

// What must never be shown. It contains the characters that escaping changes.
const (
	sentinelSecret  = "SENTINEL/secret+0123456789=&%2F"
	sentinelCode    = "SENTINEL+code/0123456789=?%zz"
	sentinelAccess  = "SENTINEL_access-/+0123456789abcdef=="
	sentinelRefresh = "SENTINEL_refresh-/+0123456789abcdef=="
)

// needles are all forms of the sentinels that a leak could take, in lower
// case.
func needles() []string {
	list := []string{"sentinel"}
	for _, v := range []string{sentinelSecret, sentinelCode, sentinelAccess, sentinelRefresh} {
		for _, form := range []string{
			v, url.QueryEscape(v), url.PathEscape(v), hex.EncodeToString([]byte(v)), hex.EncodeToString([]byte(v))[:24],
			base64.StdEncoding.EncodeToString([]byte(v))[:20], base64.URLEncoding.EncodeToString([]byte(v))[:20],
			base64.StdEncoding.EncodeToString([]byte("x" + v))[2:22], base64.StdEncoding.EncodeToString([]byte("xx" + v))[3:23],
		} {
			list = append(list, strings.ToLower(form))
		}
	}
	return list
}

func checkLeaks(t *testing.T, what, text string) {
	t.Helper()
	lower := strings.ToLower(text)
	for _, needle := range needles() {
		if i := strings.Index(lower, needle); i >= 0 {
			t.Errorf("%s: %q leaks in …%s", what, needle, text[max(0, i-100):min(len(text), i+100)])
			return
		}
	}
}

// gossip is a server that returns the sentinels as tokens and misbehaves in the
// given way; it repeats the request wherever it can.
type gossip struct {
	faulty *oauthtest.Server
	mu     sync.Mutex
	mode   string
}

func newGossip() *gossip { return &gossip{faulty: oauthtest.New(virtualoauth.Options{})} }

func (g *gossip) set(t *testing.T, mode string) {
	t.Helper()
	g.mu.Lock()
	g.mode = mode
	g.mu.Unlock()
	if f, err := virtualoauth.ParseFault(mode); err == nil {
		g.faulty.SetFaults(f)
	}
}

// gossipModes are good answers, chatty answers, and every fault.
func gossipModes() []string {
	modes := []string{"good", "chatty", "40029", "40163", "40164", "42001", "-1"}
	for kind := range virtualoauth.FaultKinds() {
		switch kind {
		case "slow", "errcode":
			continue
		case "status":
			kind = "status:500"
		}
		modes = append(modes, kind)
	}
	slices.Sort(modes)
	return modes
}

func (g *gossip) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	mode := g.mode
	g.mu.Unlock()
	if r.URL.Path == "/virtual/code" { // the phone's WeChat requests one
		io.WriteString(w, sentinelCode)
		return
	}
	if mode != "good" && mode != "chatty" {
		g.faulty.ServeHTTP(w, r)
		return
	}
	text := "ok"
	if mode == "chatty" {
		text = r.URL.RawQuery + " " + base64.StdEncoding.EncodeToString([]byte(r.URL.RawQuery)) + " " + hex.EncodeToString([]byte(r.URL.RawQuery)) +
			" " + sentinelAccess + " " + sentinelSecret + " \x1b[31m"
	}
	w.Header().Set("X-Query", r.URL.RawQuery)
	json.NewEncoder(w).Encode(map[string]any{
		"access_token": sentinelAccess, "refresh_token": sentinelRefresh, "expires_in": 7200, "openid": "oUser",
		"scope": text, "errcode": 0, "errmsg": text,
		"nickname": text, "headimgurl": text, "city": text, "privilege": []string{text}, "language": text,
	})
}

// leakCommands are the commands of the sweep. `auth token` is the only one
// that may print a token.
var leakCommands = []struct {
	stdin string
	args  []string
}{
	{sentinelCode, []string{"exchange"}},
	{sentinelSecret, []string{"exchange", "--secret-stdin", "--save-secret", "--code", "-x"}},
	{"", []string{"refresh"}},
	{sentinelRefresh, []string{"refresh", "--token-stdin"}},
	{"", []string{"check"}},
	{sentinelAccess, []string{"check", "--token-stdin", "--openid", "oUser"}},
	{"", []string{"userinfo"}},
	{sentinelAccess, []string{"userinfo", "--token-stdin", "--openid", "oUser"}},
	{"", []string{"status", "--verify"}},
	{"", []string{"status"}},
	{"", []string{"logout"}},
}

// leakFlags are the ways to print; with the slow race detector only those that
// print most.
func leakFlags() [][]string {
	if raceDetector() {
		return [][]string{{"-vv"}, {"--json", "-vv"}}
	}
	return [][]string{nil, {"-vv"}, {"--json"}, {"--json", "-vv"}}
}

// raceDetector reports whether this test binary was built with it.
func raceDetector() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

func TestNothingLeaks(t *testing.T) {
	t.Parallel()
	kept := keptSentinels(t)
	for _, mode := range gossipModes() {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			server := newGossip()
			ts := httptest.NewServer(server)
			defer ts.Close()
			server.set(t, mode)
			timeout := "1s"
			if mode == "stall" || mode == "-1" {
				timeout = "10ms"
			}
			for _, c := range leakCommands {
				for _, flags := range leakFlags() {
					args := append(append([]string{"auth"}, c.args...), flags...)
					sweep(t, kept, mode, c.stdin, append(args, "--base-url", ts.URL, "--timeout", timeout))
				}
			}
		})
	}
	// The network's own failures.
	plain := httptest.NewServer(newGossip())
	defer plain.Close()
	for _, base := range []string{"https://" + strings.TrimPrefix(plain.URL, "http://"), "http://127.0.0.1:1", "https://wechat.invalid"} {
		for _, c := range leakCommands {
			args := append(append([]string{"auth"}, c.args...), "-vv", "--base-url", base, "--allow-host", "wechat.invalid", "--timeout", "100ms")
			sweep(t, kept, base, c.stdin, args)
		}
	}
}

// TestLoginLeaksNothing sweeps the whole way from the phone to the profile.
func TestLoginLeaksNothing(t *testing.T) {
	t.Parallel()
	kept := keptSentinels(t)
	for _, mode := range []string{"good", "chatty", "40163", "echo", "hostile", "garbage", "hangup"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			server := newGossip()
			ts := httptest.NewServer(server)
			defer ts.Close()
			server.set(t, mode)
			phone := "virtual:android?think=1ms&oauth=" + ts.URL
			for _, flags := range leakFlags() {
				sweep(t, kept, mode, "", append([]string{"auth", "login", "--device", phone, "--base-url", ts.URL}, flags...))
			}
			sweep(t, kept, mode, sentinelSecret, []string{"auth", "login", "--device", phone, "--base-url", ts.URL, "--secret-stdin", "--save-secret", "--json", "--store", "none"})
			sweep(t, kept, mode, "", []string{"auth", "login", "--device", phone + "&answer=deny", "--base-url", ts.URL, "--json", "-vv"})
		})
	}
}

// TestDoctorLeaksNothing sweeps what doctor says of WeChat's server, and its
// bundle.
func TestDoctorLeaksNothing(t *testing.T) {
	t.Parallel()
	kept := keptSentinels(t)
	for _, mode := range gossipModes() {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			server := newGossip()
			ts := httptest.NewServer(server)
			defer ts.Close()
			server.set(t, mode)
			patience := "30s"
			if mode == "stall" { // the server, and not the phone, which comes first
				patience = "3s"
			}
			bundle := filepath.Join(t.TempDir(), "bundle.zip")
			sweep(t, kept, mode, "", []string{"doctor", "--device", "virtual:android?think=1ms", "--online", "--probe", "--base-url", ts.URL,
				"--only", "cloud,app.reply", "--bundle", bundle, "--json", "-vv", "--timeout", patience})
			parts := unpacked(t, bundle)
			if !strings.Contains(parts["outcome.json"], `"state":`) {
				t.Errorf("no Outcome of the probe: %s", parts["outcome.json"])
			}
			for name, text := range parts {
				checkLeaks(t, mode+": "+name, text)
			}
		})
	}
}

// keptSentinels is the content of a store that holds the sentinels.
func keptSentinels(t *testing.T) []byte {
	t.Helper()
	store, err := credentials.Open(credentials.Options{Dir: filepath.Join(t.TempDir(), "credentials"), Backend: credentials.File})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.SetToken(t.Context(), account(), oauth.Token{
		AccessToken: oauth.NewSecret(sentinelAccess), RefreshToken: oauth.NewSecret(sentinelRefresh),
		OpenID: "oUser", ExpiresIn: time.Hour, ObtainedAt: time.Now(),
	}); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(store.Path())
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// sweep runs a command on a store that holds the sentinels, and looks at all
// that it leaves: what it printed, and the files beside the store.
func sweep(t *testing.T, kept []byte, mode, stdin string, args []string) {
	t.Helper()
	f, out, errOut := testFactory(t, stdin, map[string]string{
		"WXCTL_APP_ID": virtualoauth.DefaultAppID, "WXCTL_APP_SECRET": sentinelSecret, "WXCTL_STORE": "file",
	})
	f.Now = time.Now
	store, err := f.Credentials("")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(store.Path()), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(store.Path(), kept, 0o600); err != nil {
		t.Fatal(err)
	}
	Run(t.Context(), f, args)
	what := mode + ": wxctl " + strings.Join(args, " ")
	checkLeaks(t, what, out())
	checkLeaks(t, what, errOut())
	if strings.ContainsAny(out()+errOut(), "\x1b\u202e\u009b") {
		t.Errorf("%s: control characters in %q", what, out()+errOut())
	}
	checkFiles(t, what, f.Getenv("WXCTL_STATE_DIR"))
}

func checkFiles(t *testing.T, what, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "credentials.json" {
			return err
		}
		content, err := os.ReadFile(path)
		checkLeaks(t, what+": file "+d.Name(), path+string(content))
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// A panic whose value contains a secret does not show it.
func TestPanicLeaksNothing(t *testing.T) {
	for _, flags := range [][]string{nil, {"-v"}, {"--json"}} {
		f, out, errOut := testFactory(t, sentinelCode, map[string]string{
			"WXCTL_APP_ID": virtualoauth.DefaultAppID, "WXCTL_APP_SECRET": sentinelSecret, "WXCTL_STORE": "file",
		})
		getenv := f.Getenv
		f.Getenv = func(k string) string {
			if k == "WXCTL_APP_SECRET" {
				panic("cannot handle " + sentinelSecret + " of " + sentinelCode)
			}
			return getenv(k)
		}
		code := Run(t.Context(), f, append([]string{"auth", "exchange"}, flags...))
		if code != 1 || !strings.Contains(errOut(), "internal error") {
			t.Errorf("exit %d, %q", code, errOut())
		}
		checkLeaks(t, "panic", out()+errOut())
	}
}

// wxctlProgram returns the name under which this test binary acts as wxctl.
func wxctlProgram(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "wxctl")
	if runtime.GOOS == "windows" {
		path += ".exe"
	}
	if err := os.Link(self, path); err != nil {
		data, err := os.ReadFile(self)
		if err == nil {
			err = os.WriteFile(path, data, 0o700)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// program prepares a process with an environment of its own.
func program(ctx context.Context, path, dir, stdin string, env []string, args ...string) (*exec.Cmd, *bytes.Buffer) {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "WXCTL_CONFIG_DIR=" + dir, "WXCTL_STATE_DIR=" + filepath.Join(dir, "state"), "WXCTL_STORE=file",
		"WXCTL_APP_ID=" + virtualoauth.DefaultAppID, "WXCTL_APP_SECRET=" + sentinelSecret, "DBUS_SESSION_BUS_ADDRESS=disabled:",
		"SYSTEMROOT=" + os.Getenv("SYSTEMROOT"),
	}, env...)
	cmd.Stdin = strings.NewReader(stdin)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	return cmd, &out
}

// The real process, where the runtime's own debugging could talk, where
// proxies come from the environment, and where others see the command line.
func TestProcessLeaksNothing(t *testing.T) {
	t.Parallel()
	server := newGossip()
	server.set(t, "good")
	ts := httptest.NewUnstartedServer(server)
	ts.EnableHTTP2 = true
	ts.StartTLS()
	defer ts.Close()
	wxctl := wxctlProgram(t)
	dir := t.TempDir()
	roots := filepath.Join(dir, "roots.pem")
	if err := os.WriteFile(roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ts.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	trusted := []string{"SSL_CERT_FILE=" + roots, "SSL_CERT_DIR=" + dir}
	for name, c := range map[string]struct {
		env  []string
		base string
		ok   bool
	}{
		"http2debug":    {append(trusted, "GODEBUG=http2debug=2,netdns=2"), ts.URL, runtime.GOOS == "linux"},
		"untrusted":     {[]string{"GODEBUG=http2debug=2"}, ts.URL, false},
		"dead proxy":    {[]string{"HTTPS_PROXY=http://user:SENTINEL-password@127.0.0.1:1"}, "https://wechat.invalid", false},
		"broken proxy":  {[]string{"HTTPS_PROXY=http://user:SENTINEL-password@[::bad%zz"}, "https://wechat.invalid", false},
		"http proxy":    {[]string{"HTTP_PROXY=http://127.0.0.1:1", "http_proxy=http://127.0.0.1:1"}, "http://127.0.0.1:1", false},
		"no connection": {nil, "http://127.0.0.1:1", false},
	} {
		for _, l := range leakCommands {
			if slices.Contains(l.args, "status") && !slices.Contains(l.args, "--verify") || slices.Contains(l.args, "logout") {
				continue
			}
			args := append(append([]string{"auth"}, l.args...), "-vv", "--base-url", c.base, "--allow-host", "wechat.invalid", "--timeout", "60s")
			cmd, out := program(t.Context(), wxctl, dir, l.stdin, c.env, args...)
			err := cmd.Run()
			if c.ok && err != nil {
				t.Errorf("%s: %v: %v\n%s", name, l.args, err, out)
			}
			if exitErr, ok := err.(*exec.ExitError); ok && exitErr.ExitCode() > 4 || strings.Contains(out.String(), "panic") {
				t.Errorf("%s: %v: %v\n%s", name, l.args, err, out)
			}
			checkLeaks(t, fmt.Sprintf("%s: %v", name, l.args), out.String())
			checkFiles(t, name, dir)
		}
	}
}

// While it runs, no process list shows a secret.
func TestCommandLineHoldsNoSecret(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("the list of processes is read from /proc")
	}
	server := newGossip()
	ts := httptest.NewServer(server)
	defer ts.Close()
	wxctl := wxctlProgram(t)
	dir := t.TempDir()
	login, out := program(t.Context(), wxctl, dir, sentinelCode, nil, "auth", "exchange", "--base-url", ts.URL)
	server.set(t, "good")
	if err := login.Run(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	server.set(t, "stall")
	for _, c := range leakCommands {
		if slices.Contains(c.args, "logout") || len(c.args) == 1 && c.args[0] == "status" {
			continue
		}
		before := len(server.faulty.Requests())
		cmd, _ := program(t.Context(), wxctl, dir, c.stdin, nil, append(append([]string{"auth"}, c.args...), "--base-url", ts.URL)...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for len(server.faulty.Requests()) == before { // until it waits for the answer
			time.Sleep(time.Millisecond)
		}
		lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
		if err != nil || len(lines) == 0 {
			t.Fatal(err)
		}
		for _, path := range lines {
			line, err := os.ReadFile(path)
			if err == nil && bytes.Contains(line, []byte("wxctl")) { // ours and its children
				checkLeaks(t, path, string(line))
			}
		}
		cmd.Process.Kill()
		cmd.Wait()
	}
}
