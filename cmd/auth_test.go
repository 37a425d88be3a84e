package cmd

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/fixtures/oauthtest"
	"github.com/wxctl/wxctl/oauth"
	"github.com/wxctl/wxctl/oauth/credentials"
	"github.com/wxctl/wxctl/oauth/virtualoauth"
)

// noKeyring is a machine without a keyring.
type noKeyring struct{}

var errNoKeyring = errors.New("tests have none")

func (noKeyring) Get(string) (string, error)  { return "", errNoKeyring }
func (noKeyring) Set(string, string) error    { return errNoKeyring }
func (noKeyring) Delete(string) error         { return errNoKeyring }
func (noKeyring) Probe(context.Context) error { return errNoKeyring }
func (noKeyring) Interrupt()                  {}

// weChat runs a stand-in that the factory reaches under WeChat's own name.
func weChat(t *testing.T, f *Factory, opts virtualoauth.Options) *oauthtest.Server {
	t.Helper()
	server := oauthtest.New(opts)
	ts := httptest.NewTLSServer(server)
	t.Cleanup(ts.Close)
	pool := x509.NewCertPool()
	pool.AddCert(ts.Certificate())
	config := ts.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	config.RootCAs, config.ServerName = pool, "example.com" // httptest's certificate
	f.OAuthTransport = &http.Transport{
		TLSClientConfig: config,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, ts.Listener.Addr().String())
		},
	}
	return server
}

// loggedIn prepares an example of an auth command: a stand-in, an AppSecret
// and a stored token. It returns the example's stdin with real values for CODE
// and TOKEN.
func loggedIn(t *testing.T, f *Factory, args []string, stdin string) string {
	t.Helper()
	server := weChat(t, f, virtualoauth.Options{})
	store, err := f.Credentials("")
	if err != nil {
		t.Fatal(err)
	}
	a := credentials.Account{Profile: "default", AppID: virtualoauth.DefaultAppID}
	if _, err := store.SetSecret(t.Context(), a, oauth.NewSecret(virtualoauth.DefaultSecret)); err != nil {
		t.Fatal(err)
	}
	client := oauth.Client{AppID: a.AppID, Secret: oauth.NewSecret(virtualoauth.DefaultSecret), HTTP: f.OAuthTransport}
	code := func() string { return server.IssueCode(virtualoauth.DefaultUser(), "") }
	token, err := client.Exchange(t.Context(), oauth.NewSecret(code()))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.SetToken(t.Context(), a, token); err != nil {
		t.Fatal(err)
	}
	value := token.AccessToken
	if slices.Contains(args, "refresh") {
		value = token.RefreshToken
	}
	return strings.NewReplacer("CODE", code(), "TOKEN", value.Reveal()).Replace(stdin)
}

// authRun runs one auth command line against a stand-in.
type authRun struct {
	t      *testing.T
	f      *Factory
	server *oauthtest.Server
	env    map[string]string
	stdout func() string
	stderr func() string
}

func newAuthRun(t *testing.T, opts virtualoauth.Options) *authRun {
	r := &authRun{t: t, env: map[string]string{
		"WXCTL_APP_ID": virtualoauth.DefaultAppID, "WXCTL_APP_SECRET": virtualoauth.DefaultSecret, "WXCTL_STORE": "file",
	}}
	r.f, r.stdout, r.stderr = testFactory(t, "", r.env)
	r.f.Now = time.Now
	r.server = weChat(t, r.f, opts)
	return r
}

// run runs a command on the same store with fresh streams.
func (r *authRun) run(stdin string, args ...string) int {
	r.t.Helper()
	f, stdout, stderr := testFactory(r.t, stdin, r.env)
	f.Getenv, f.Now, f.OAuthTransport, f.Keyring = r.f.Getenv, r.f.Now, r.f.OAuthTransport, r.f.Keyring
	r.stdout, r.stderr = stdout, stderr
	ctx, cancel := context.WithTimeout(r.t.Context(), 2*patience)
	defer cancel()
	return Run(ctx, f, append([]string{"auth"}, args...))
}

// runStalled runs a command whose time ends while a server that stalls has its
// request.
func (r *authRun) runStalled(stdin string, args ...string) int {
	r.t.Helper()
	f, stdout, stderr := testFactory(r.t, stdin, r.env)
	f.Getenv, f.Now, f.OAuthTransport, f.Keyring = r.f.Getenv, r.f.Now, r.f.OAuthTransport, r.f.Keyring
	r.stdout, r.stderr = stdout, stderr
	late := &lateContext{context.Background(), make(chan struct{})}
	before := len(r.server.Requests())
	done := make(chan int, 1)
	go func() { done <- Run(late, f, append([]string{"auth"}, args...)) }()
	for len(r.server.Requests()) == before {
		select {
		case code := <-done:
			return code // it made no request
		case <-time.After(time.Millisecond):
		}
	}
	close(late.passed)
	return <-done
}

func (r *authRun) code() string { return r.server.IssueCode(virtualoauth.DefaultUser(), "") }

func (r *authRun) login() {
	r.t.Helper()
	if code := r.run(r.code(), "exchange"); code != 0 {
		r.t.Fatalf("exchange: exit %d: %s", code, r.stderr())
	}
}

// object is the JSON that was printed; it has to be valid UTF-8 and one line.
func (r *authRun) object() map[string]any {
	r.t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(r.stdout()), &v); err != nil || strings.Count(r.stdout(), "\n") != 1 {
		r.t.Fatalf("%v in %q; stderr %q", err, r.stdout(), r.stderr())
	}
	return v
}

func moduleCode(v map[string]any) any {
	err, _ := v["err"].(map[string]any)
	return err["code"]
}

func TestAuthErrcodes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		errcode                     string
		exchange, refresh, userinfo float64 // the module's numbers
		exit                        int
		hint                        string
	}{
		{"40163", 3, -1, -1, exit.Credentials, "log in again for a new code"},
		{"40029", 3, 3, -1, exit.Credentials, "log in again for a new code"},
		{"40125", 2, -1, -1, exit.Credentials, ""},
		{"40013", 1, 1, -1, exit.Credentials, "--app-id"},
		{"40030", -1, 3, -1, exit.Credentials, "log in again"},
		{"42007", -1, 3, 5, exit.Credentials, "log in again"},
		{"48001", -1, -1, -1, exit.Credentials, "--scope snsapi_userinfo"},
		{"40003", -1, -1, 2, exit.Credentials, "--openid"},
		{"45009", -1, -1, -1, exit.Failed, "tomorrow"},
		{"45011", -1, -1, -1, exit.Failed, "wait a minute"},
		{"99999", -1, -1, -1, exit.Failed, "rid"},
	} {
		t.Run(test.errcode, func(t *testing.T) {
			r := newAuthRun(t, virtualoauth.Options{})
			r.login()
			f, err := virtualoauth.ParseFault(test.errcode)
			if err != nil {
				t.Fatal(err)
			}
			r.server.SetFaults(f)
			for _, c := range []struct {
				stdin string
				args  []string
				want  float64
			}{
				{r.code(), []string{"exchange"}, test.exchange},
				{"", []string{"refresh"}, test.refresh},
				{"", []string{"check"}, test.userinfo},
				{"", []string{"userinfo"}, test.userinfo},
			} {
				code := r.run(c.stdin, append(c.args, "--json")...)
				v := r.object()
				if code != test.exit || moduleCode(v) != c.want || v["status"] != false ||
					v["errcode"] != float64(f.Code) || v["errmsg"] == nil || v["rid"] == nil {
					t.Errorf("%s: exit %d, want %d; err.code want %v in %s", c.args[0], code, test.exit, c.want, r.stdout())
				}
				if lines := strings.Split(strings.TrimSpace(r.stderr()), "\n"); !strings.HasPrefix(lines[len(lines)-1], "hint: ") || !strings.Contains(r.stderr(), test.hint) {
					t.Errorf("%s: stderr %q lacks the hint %q", c.args[0], r.stderr(), test.hint)
				}
			}
		})
	}
}

// Failures without an errcode are those of the network and the server.
func TestAuthFaults(t *testing.T) {
	t.Parallel()
	for _, fault := range []string{"status:500", "redirect", "hangup", "cut", "html", "empty", "missing", "garbage", "stall"} {
		t.Run(fault, func(t *testing.T) {
			r := newAuthRun(t, virtualoauth.Options{})
			r.login()
			f, err := virtualoauth.ParseFault(fault)
			if err != nil {
				t.Fatal(err)
			}
			r.server.SetFaults(f)
			module := float64(-1)
			for _, c := range [][]string{{"exchange"}, {"refresh"}, {"check"}, {"userinfo"}} {
				if fault == "missing" && c[0] == "refresh" { // it still reports who the user is
					continue
				}
				run := r.run
				if fault == "stall" {
					module = map[string]float64{"exchange": 4, "refresh": 4, "check": 6, "userinfo": 6}[c[0]]
					run = r.runStalled
				}
				code := run(r.code(), append(c, "--json")...)
				v := r.object()
				if code != exit.Failed || moduleCode(v) != module || v["errcode"] != nil || v["status"] != false {
					t.Errorf("%v: exit %d, %s", c, code, r.stdout())
				}
			}
			if n := len(r.server.Requests("exchange")); n != 2 {
				t.Errorf("%d exchanges, want the login's and one", n)
			}
		})
	}
}

// An expired token is refreshed once, without a message; if that fails, the
// error is about the token.
func TestUserInfoRefreshes(t *testing.T) {
	r := newAuthRun(t, virtualoauth.Options{})
	r.login()
	r.server.ExpireTokens()
	if code := r.run("", "userinfo", "--json"); code != 0 || r.object()["nickname"] != virtualoauth.DefaultUser().Nickname {
		t.Fatalf("exit %d: %s%s", code, r.stdout(), r.stderr())
	}
	if n, m := len(r.server.Requests("refresh")), len(r.server.Requests("userinfo")); n != 1 || m != 2 {
		t.Errorf("%d refreshes and %d userinfo, want 1 and 2", n, m)
	}
	if code := r.run("", "userinfo"); code != 0 || len(r.server.Requests("refresh")) != 1 {
		t.Errorf("the refreshed token was not kept (exit %d)", code)
	}
	// No endless loop when WeChat refuses the new token, too.
	r.server.SetFaults(virtualoauth.Fault{Op: "userinfo", Kind: "errcode", Code: 42001})
	if code := r.run("", "userinfo", "--json"); code != exit.Credentials || moduleCode(r.object()) != float64(1) {
		t.Errorf("exit %d: %s", code, r.stdout())
	}
	if n := len(r.server.Requests("refresh")); n != 2 {
		t.Errorf("%d refreshes, want one more", n)
	}
	r.server.SetFaults(virtualoauth.Fault{Op: "userinfo", Kind: "errcode", Code: 42001}, virtualoauth.Fault{Op: "refresh", Kind: "errcode", Code: 40030})
	if code := r.run("", "userinfo", "--json"); code != exit.Credentials || moduleCode(r.object()) != float64(1) ||
		!strings.Contains(r.stderr(), "can't be refreshed") || !strings.Contains(r.stderr(), "log in again") {
		t.Errorf("exit %d: %s%s", code, r.stdout(), r.stderr())
	}
	if users, _ := mustStore(t, r).Users(account()); len(users) != 1 {
		t.Error("a refused refresh token was removed without the user's consent")
	}
}

// A renewed token that can't be stored is used nevertheless, with a message.
func TestRenewedTokenThatCannotBeKept(t *testing.T) {
	r := newAuthRun(t, virtualoauth.Options{})
	r.login()
	r.server.ExpireTokens()
	inTheWay := filepath.Join(mustStore(t, r).Path()+".new", "in the way")
	if err := os.MkdirAll(inTheWay, 0o700); err != nil {
		t.Fatal(err)
	}
	if code := r.run("", "userinfo", "--jq", ".nickname"); code != 0 || !strings.Contains(r.stderr(), "warning: the token was renewed, but can't be stored") {
		t.Errorf("exit %d: %s", code, r.stderr())
	}
	if code := r.run("", "refresh", "--json", "--show-token"); code != exit.Failed || r.object()["accessToken"] == nil || r.object()["error"] == nil {
		t.Errorf("exit %d: %s", code, r.stdout())
	}
}

func account() credentials.Account {
	return credentials.Account{Profile: "default", AppID: virtualoauth.DefaultAppID}
}

func mustStore(t *testing.T, r *authRun) *credentials.Store {
	t.Helper()
	store, err := r.f.Credentials("")
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// The number of requests that each command makes.
func TestAuthRoundTrips(t *testing.T) {
	r := newAuthRun(t, virtualoauth.Options{})
	count := func(want int, stdin string, args ...string) {
		t.Helper()
		before := len(r.server.Requests())
		if code := r.run(stdin, args...); code != 0 {
			t.Errorf("%v: exit %d: %s", args, code, r.stderr())
		}
		if n := len(r.server.Requests()) - before; n != want {
			t.Errorf("%v: %d requests, want %d", args, n, want)
		}
	}
	count(1, r.code(), "exchange")
	count(1, "", "userinfo")
	count(1, "", "check")
	count(1, "", "refresh")
	count(0, "", "token")
	count(0, "", "status")
	count(1, "", "status", "--verify")
	count(1, "", "token", "--refresh")
	count(0, "", "logout")
}

func TestAuthRefreshIsKept(t *testing.T) {
	r := newAuthRun(t, virtualoauth.Options{RotateRefresh: true})
	r.login()
	first, _, _ := mustStore(t, r).Token(t.Context(), account(), virtualoauth.DefaultOpenID)
	for range 3 { // each sends the refresh token that the last one returned
		if code := r.run("", "refresh", "--json"); code != 0 || r.object()["unionid"] != virtualoauth.DefaultUser().UnionID {
			t.Fatalf("exit %d: %s%s", code, r.stdout(), r.stderr())
		}
	}
	last, _, _ := mustStore(t, r).Token(t.Context(), account(), virtualoauth.DefaultOpenID)
	if last.RefreshToken.Reveal() == first.RefreshToken.Reveal() || last.UnionID != first.UnionID {
		t.Error("the rotated refresh token was not kept, or the unionid was lost")
	}
}

// failingKeyring works until something is to be stored.
type failingKeyring struct{ noKeyring }

func (failingKeyring) Probe(context.Context) error { return nil }

// If WeChat returned tokens that can't be stored, they are not lost, since the
// code is used up.
func TestExchangeThatCannotBeKept(t *testing.T) {
	r := newAuthRun(t, virtualoauth.Options{})
	r.env["WXCTL_STORE"] = "keyring"
	if code := r.run(r.code(), "exchange", "--json"); code != exit.Failed || len(r.server.Requests()) != 0 {
		t.Errorf("exit %d, and the code was sent although it was clear before that the tokens can't be kept", code)
	}
	r.f.Keyring = failingKeyring{}
	if code := r.run(r.code(), "exchange", "--json", "--show-token"); code != exit.Failed {
		t.Errorf("exit %d", code)
	}
	v := r.object()
	if v["accessToken"] == nil || v["error"] == nil || v["errcode"] != float64(0) {
		t.Errorf("%v", v)
	}
	if !strings.Contains(r.stderr(), "the tokens were received, but can't be stored") || !strings.Contains(r.stderr(), "--store file") {
		t.Errorf("stderr %q", r.stderr())
	}
}

// status distinguishes a token that WeChat refuses from a WeChat that does not
// answer.
func TestStatusVerify(t *testing.T) {
	for fault, want := range map[string]struct {
		verified string
		exit     int
	}{
		"extra":      {"valid", 0},
		"40003":      {"invalid", exit.Credentials},
		"42001":      {"invalid", exit.Credentials},
		"stall":      {"timeout", exit.Failed},
		"status:502": {"unknown", exit.Failed},
		"45009":      {"unknown", exit.Failed},
	} {
		r := newAuthRun(t, virtualoauth.Options{})
		r.login()
		f, err := virtualoauth.ParseFault(fault)
		if err != nil {
			t.Fatal(err)
		}
		r.server.SetFaults(f)
		run := r.run
		if fault == "stall" {
			run = r.runStalled
		}
		code := run("", "status", "--verify", "--json")
		users, _ := r.object()["users"].([]any)
		if len(users) != 1 || code != want.exit || users[0].(map[string]any)["verified"] != want.verified {
			t.Errorf("%s: exit %d, want %d and %q: %s", fault, code, want.exit, want.verified, r.stdout())
		}
	}
}
