package oauth_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wxctl/wxctl/fixtures/oauthtest"
	"github.com/wxctl/wxctl/oauth"
	"github.com/wxctl/wxctl/oauth/virtualoauth"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start runs the stand-in on loopback.
func start(t *testing.T, opts virtualoauth.Options) (*oauthtest.Server, *oauth.Client) {
	t.Helper()
	server := oauthtest.New(opts)
	ts := httptest.NewServer(server)
	t.Cleanup(ts.Close)
	return server, &oauth.Client{
		AppID: virtualoauth.DefaultAppID, Secret: oauth.NewSecret(virtualoauth.DefaultSecret), BaseURL: ts.URL,
	}
}

func login(t *testing.T, server *oauthtest.Server, client *oauth.Client) oauth.Token {
	t.Helper()
	token, err := client.Exchange(t.Context(), oauth.NewSecret(server.IssueCode(virtualoauth.DefaultUser(), "")))
	if err != nil {
		t.Fatalf("exchange: %v", err)
	}
	return token
}

func wantError(t *testing.T, err error, kind oauth.Kind, code int) *oauth.Error {
	t.Helper()
	var e *oauth.Error
	if !errors.As(err, &e) {
		t.Fatalf("error is %T (%v), want *oauth.Error", err, err)
	}
	if e.Kind != kind || e.Code != code {
		t.Fatalf("error is kind %d code %d (%v), want kind %d code %d", e.Kind, e.Code, e, kind, code)
	}
	return e
}

func TestLoginFlow(t *testing.T) {
	server, client := start(t, virtualoauth.Options{})
	before := time.Now()
	token := login(t, server, client)
	if token.OpenID != virtualoauth.DefaultOpenID || token.UnionID == "" || token.ExpiresIn != 2*time.Hour ||
		!slices.Equal(token.Scope, []string{"snsapi_userinfo"}) || token.ObtainedAt.Before(before) {
		t.Errorf("token: %+v", token)
	}
	if err := client.Check(t.Context(), token); err != nil {
		t.Errorf("check: %v", err)
	}
	user, err := client.UserInfo(t.Context(), token, oauth.LangEnglish)
	if err != nil {
		t.Fatalf("userinfo: %v", err)
	}
	if user.Nickname != "张三 Zhang 😀" || user.Language != "en" || user.HeadImgURL != "http://thirdwx.qlogo.cn/mmopen/vi_32/virtual/132" {
		t.Errorf("user: %+v", user)
	}
	seen := map[string]bool{}
	for _, r := range server.Requests() {
		if seen[r.RemoteAddr] {
			t.Errorf("%s used the connection of an earlier request", r.Op)
		}
		seen[r.RemoteAddr] = true
		if r.Proto != "HTTP/1.1" || r.Header.Get("Referer") != "" {
			t.Errorf("%s: %s, Referer %q", r.Op, r.Proto, r.Header.Get("Referer"))
		}
		if r.Op == "refresh" && r.Query["secret"] != nil {
			t.Error("the refresh carries the secret, which it does not need")
		}
	}
}

func TestRefreshRules(t *testing.T) {
	now := time.Now()
	server, client := start(t, virtualoauth.Options{Now: func() time.Time { return now }})
	token := login(t, server, client)

	same, err := client.Refresh(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	if same.AccessToken.Reveal() != token.AccessToken.Reveal() {
		t.Error("before the end, the access token changed")
	}
	if same.UnionID != token.UnionID {
		t.Errorf("unionid is %q: lost, since the reply has none", same.UnionID)
	}
	now = now.Add(3 * time.Hour)
	if err := client.Check(t.Context(), same); err == nil {
		t.Error("the token outlived its two hours")
	}
	fresh, err := client.Refresh(t.Context(), same)
	if err != nil {
		t.Fatal(err)
	}
	if fresh.AccessToken.Reveal() == token.AccessToken.Reveal() {
		t.Error("after the end, the access token is the old one")
	}
	if err := client.Check(t.Context(), fresh); err != nil {
		t.Error(err)
	}
	server.ChangePassword(token.OpenID)
	_, err = client.Refresh(t.Context(), fresh)
	if e := wantError(t, err, oauth.KindErrcode, 42007); e.ModuleCode() != 3 || e.RID == "" {
		t.Errorf("module code %d, rid %q", e.ModuleCode(), e.RID)
	}
}

func TestRotatedRefreshToken(t *testing.T) {
	server, client := start(t, virtualoauth.Options{RotateRefresh: true})
	first := login(t, server, client)
	second, err := client.Refresh(t.Context(), first)
	if err != nil {
		t.Fatal(err)
	}
	if second.RefreshToken.Reveal() == first.RefreshToken.Reveal() {
		t.Error("the refresh token that was returned is not the one that is kept")
	}
	_, err = client.Refresh(t.Context(), first)
	wantError(t, err, oauth.KindErrcode, 40030)
}

// Only the server knows a refresh token's lifetime: 30 days in some of WeChat's
// pages, 180 in others.
func TestRefreshTokenLifeIsNotEnforced(t *testing.T) {
	for _, days := range []int{30, 180} {
		now := time.Now()
		server, client := start(t, virtualoauth.Options{
			Now: func() time.Time { return now }, RefreshLife: time.Duration(days) * 24 * time.Hour,
		})
		token := login(t, server, client)
		now = now.Add(time.Duration(days)*24*time.Hour - time.Minute)
		if _, err := client.Refresh(t.Context(), token); err != nil {
			t.Errorf("%d days: %v", days, err)
		}
		now = now.Add(time.Minute)
		_, err := client.Refresh(t.Context(), token)
		wantError(t, err, oauth.KindErrcode, 42002)
	}
}

func TestCodeWorksOnce(t *testing.T) {
	server, client := start(t, virtualoauth.Options{})
	code := oauth.NewSecret(server.IssueCode(virtualoauth.DefaultUser(), ""))
	if _, err := client.Exchange(t.Context(), code); err != nil {
		t.Fatal(err)
	}
	_, err := client.Exchange(t.Context(), code)
	if e := wantError(t, err, oauth.KindErrcode, 40163); !strings.Contains(e.Error(), "already used") {
		t.Error(e)
	}
}

// The exchange is sent once, whatever its result.
func TestExchangeIsSentOnce(t *testing.T) {
	for _, fault := range []string{
		"status:500", "status:502", "hangup", "cut", "stall", "garbage", "redirect", "redirect:307", "-1", "45011", "45009",
		"40029", "empty", "html", "missing", "huge", "echo",
	} {
		t.Run(fault, func(t *testing.T) {
			f, err := virtualoauth.ParseFault(fault)
			if err != nil {
				t.Fatal(err)
			}
			startFor(t, f, func(t *testing.T, server *oauthtest.Server, client *oauth.Client) {
				token := login(t, server, client) // an open connection, if connections were kept
				if err := client.Check(t.Context(), token); err != nil {
					t.Fatal(err)
				}
				server.SetFaults(f)
				_, err = client.Exchange(t.Context(), oauth.NewSecret(server.IssueCode(virtualoauth.DefaultUser(), "")))
				var e *oauth.Error
				if !errors.As(err, &e) {
					t.Fatalf("no error, or a strange one: %v", err)
				}
				if !e.Sent {
					t.Error("the error says that nothing was sent")
				}
				if n := len(server.Requests("exchange")); n != 2 {
					t.Errorf("the server saw %d exchanges, want the login's and one more", n)
				}
			})
		})
	}
}

// Even a caller's transport that keeps connections and prefers HTTP/2 is
// restricted.
func TestOwnConnectionAndHTTP1OnTLS(t *testing.T) {
	server := oauthtest.New(virtualoauth.Options{})
	ts := httptest.NewUnstartedServer(server)
	ts.EnableHTTP2 = true
	ts.StartTLS()
	defer ts.Close()
	transport := ts.Client().Transport.(*http.Transport)
	transport.ForceAttemptHTTP2 = true
	client := &oauth.Client{
		AppID: virtualoauth.DefaultAppID, Secret: oauth.NewSecret(virtualoauth.DefaultSecret),
		BaseURL: ts.URL, HTTP: transport,
	}
	token := login(t, server, client)
	for range 3 {
		if err := client.Check(t.Context(), token); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]bool{}
	for _, r := range server.Requests() {
		if r.Proto != "HTTP/1.1" || seen[r.RemoteAddr] {
			t.Errorf("%s over %s, connection used before: %v", r.Op, r.Proto, seen[r.RemoteAddr])
		}
		seen[r.RemoteAddr] = true
	}
	client.HTTP = nil
	_, err := client.UserInfo(t.Context(), token, "")
	if e := wantError(t, err, oauth.KindUnreachable, 0); !strings.Contains(e.Message, "unknown authority") {
		t.Error(e)
	}
}

func TestBodies(t *testing.T) {
	for _, test := range []struct{ fault, nickname string }{
		{"json", "张三 Zhang 😀"},
		{"nocontenttype", "张三 Zhang 😀"},
		{"bom", "张三 Zhang 😀"},
		{"gzip", "张三 Zhang 😀"},
		{"extra", "张三 Zhang 😀"},
		{"strings", "张三 Zhang 😀"},
		{"zero", "张三 Zhang 😀"},
		{"control", "a\x14b\x07c\nd"},
		{"broken", `ok \xff\xfe 😀`},
		{"hostile", "\x1b[31mred\x1b[0m \u202egnp.exe \u009b2J\x07"},
		{"slow:5ms", "张三 Zhang 😀"},
	} {
		t.Run(test.fault, func(t *testing.T) {
			f, err := virtualoauth.ParseFault(test.fault)
			if err != nil {
				t.Fatal(err)
			}
			server, client := start(t, virtualoauth.Options{Faults: []virtualoauth.Fault{f}})
			token := login(t, server, client)
			user, err := client.UserInfo(t.Context(), token, "")
			if err != nil {
				t.Fatal(err)
			}
			if user.Nickname != test.nickname {
				t.Errorf("nickname %q, want %q", user.Nickname, test.nickname)
			}
			if user.HeadImgURL != virtualoauth.DefaultUser().HeadImgURL {
				t.Errorf("headimgurl %q", user.HeadImgURL)
			}
			if _, err := client.Refresh(t.Context(), token); err != nil {
				t.Errorf("refresh: %v", err)
			}
		})
	}
}

func TestBadReplies(t *testing.T) {
	for _, test := range []struct {
		fault string
		kind  oauth.Kind
		says  string
	}{
		{"status:500", oauth.KindStatus, "HTTP 500"},
		{"status:404", oauth.KindStatus, "HTTP 404"},
		{"redirect", oauth.KindRedirect, "redirect (HTTP 302)"},
		{"redirect:308", oauth.KindRedirect, "redirect (HTTP 308)"},
		{"html", oauth.KindReply, "not JSON"},
		{"array", oauth.KindReply, "not JSON"},
		{"empty", oauth.KindReply, "empty"},
		{"missing", oauth.KindReply, "has no"},
		{"huge", oauth.KindReply, "longer than 1048576 bytes"},
		{"cut", oauth.KindReply, "cut off after"},
		{"hangup", oauth.KindUnreachable, "closed the connection"},
		{"garbage", oauth.KindUnreachable, "no usable HTTP answer"},
		{"stall", oauth.KindTimeout, "in time"},
	} {
		t.Run(test.fault, func(t *testing.T) {
			f, err := virtualoauth.ParseFault(test.fault)
			if err != nil {
				t.Fatal(err)
			}
			startFor(t, f, func(t *testing.T, server *oauthtest.Server, client *oauth.Client) {
				token := login(t, server, client)
				server.SetFaults(f)
				calls := map[string]func(context.Context) error{
					"refresh":  func(ctx context.Context) error { _, err := client.Refresh(ctx, token); return err },
					"check":    func(ctx context.Context) error { return client.Check(ctx, token) },
					"userinfo": func(ctx context.Context) error { _, err := client.UserInfo(ctx, token, ""); return err },
				}
				for op, call := range calls {
					if op == "refresh" && test.fault == "missing" { // it has no openid to lose
						continue
					}
					e := wantError(t, call(t.Context()), test.kind, 0)
					if !strings.Contains(e.Error(), test.says) || strings.ContainsAny(e.Error(), "\n\x1b?") {
						t.Errorf("%s: %v", op, e)
					}
					want := -1
					if test.kind == oauth.KindTimeout {
						want = map[string]int{"refresh": 4, "check": 6, "userinfo": 6}[op]
					}
					if e.ModuleCode() != want {
						t.Errorf("%s: module code %d, want %d", op, e.ModuleCode(), want)
					}
					if n := len(server.Requests(op)); n != 1 {
						t.Errorf("%s was sent %d times: only an errcode can ask for more", op, n)
					}
				}
			})
		})
	}
}

// The errcode decides, not the status; JSON that does not come from WeChat is
// recognized by its status.
func TestStatusAndErrcode(t *testing.T) {
	for _, test := range []struct {
		status int
		body   string
		kind   oauth.Kind // 0: success
		code   int
	}{
		{200, `{"errcode":40029,"errmsg":"x"}`, oauth.KindErrcode, 40029},
		{400, `{"errcode":40029,"errmsg":"x"}`, oauth.KindErrcode, 40029},
		{500, `{"errcode":-1,"errmsg":"x"}`, oauth.KindErrcode, -1},
		{302, `{"errcode":40029,"errmsg":"x"}`, oauth.KindRedirect, 0},
		{500, `{"message":"internal error"}`, oauth.KindStatus, 0},
		{500, `{}`, oauth.KindStatus, 0},
		{404, ``, oauth.KindStatus, 0},
		{200, `{}`, oauth.KindReply, 0},
		{200, `{"errcode":0,"errmsg":"ok"}`, oauth.KindReply, 0},
		{200, `{"errcode":"none"}`, oauth.KindReply, 0},
		{200, `{"errcode":1.5}`, oauth.KindReply, 0},
		{200, `{"access_token":"A","expires_in":7200,"refresh_token":"R","openid":"O"} trailing`, oauth.KindReply, 0},
		{200, `{"access_token":"A","expires_in":7200,"refresh_token":"R","openid":"O"}`, 0, 0},
		{500, `{"access_token":"A","expires_in":7200,"refresh_token":"R","openid":"O"}`, 0, 0},
	} {
		ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(test.status)
			fmt.Fprint(w, test.body)
		}))
		client := &oauth.Client{AppID: "wx0123456789abcdef", Secret: oauth.NewSecret("secret-secret"), BaseURL: ts.URL}
		_, err := client.Exchange(t.Context(), oauth.NewSecret("code-code"))
		ts.Close()
		if test.kind == 0 {
			if err != nil {
				t.Errorf("%d %s: %v", test.status, test.body, err)
			}
			continue
		}
		var e *oauth.Error
		if !errors.As(err, &e) || e.Kind != test.kind || e.Code != test.code || e.Status != test.status {
			t.Errorf("%d %s: %+v", test.status, test.body, err)
		}
	}
}

func TestNothingListens(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	client := &oauth.Client{AppID: "wx0123456789abcdef", Secret: oauth.NewSecret("s3cret-s3cret"), BaseURL: "http://" + address}
	_, err = client.Exchange(t.Context(), oauth.NewSecret("c0de-c0de"))
	if e := wantError(t, err, oauth.KindUnreachable, 0); e.Sent || !strings.Contains(e.Message, "refused the connection") {
		t.Errorf("sent %v: %v", e.Sent, e)
	}
}

func TestCancelled(t *testing.T) {
	stall := virtualoauth.Fault{Kind: "stall"}
	startFor(t, stall, func(t *testing.T, server *oauthtest.Server, client *oauth.Client) {
		token := login(t, server, client)
		server.SetFaults(stall)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		_, err := client.UserInfo(ctx, token, "")
		wantError(t, err, oauth.KindCanceled, 0)
		if !errors.Is(err, context.Canceled) {
			t.Error("errors.Is does not see context.Canceled")
		}
	})
}
