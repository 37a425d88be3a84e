package oauth

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"syscall"
	"time"
)

// DefaultTimeout limits a call whose context has no deadline. Answers after 20
// seconds have been reported.
const DefaultTimeout = 30 * time.Second

// Lang is the language of the texts in a user's profile.
type Lang string

// The languages WeChat documents.
const (
	LangSimplified  Lang = "zh_CN"
	LangTraditional Lang = "zh_TW"
	LangEnglish     Lang = "en"
)

// Client makes the calls for one app. The zero value of every field but AppID
// is usable. A Client holds no connection; it can be copied and used by
// several goroutines.
type Client struct {
	AppID  string
	Secret Secret // the AppSecret; only Exchange needs it
	// BaseURL is the server's address; "" means DefaultBaseURL. Plain http is
	// refused unless the host is this computer.
	BaseURL string
	// HTTP gives proxy, TLS roots and dialer; nil means net/http's defaults. It
	// is cloned for each request, which gets its own connection and HTTP/1.1 in
	// any case: reusing connections could send a code twice, and HTTP/2's debug
	// output prints the query.
	HTTP *http.Transport
	// Trace, if not nil, is called for each request that was made.
	Trace func(Attempt)
}

// Attempt describes one request that was made, without its query.
type Attempt struct {
	Op      Op
	URL     string // without the query
	Status  int    // HTTP status, 0 if there was no reply
	Bytes   int    // length of the body, as far as it was read
	Elapsed time.Duration
	Err     *Error        // why it failed; nil if it succeeded
	Pause   time.Duration // how long until it is tried again; 0 if it is not
}

// Exchange turns a code into tokens. It is sent exactly once: a code can be
// used once. If it fails with [Error.Sent] set and no errcode, the code may be
// used up.
func (c *Client) Exchange(ctx context.Context, code Secret) (Token, error) {
	switch {
	case c.AppID == "":
		return Token{}, missingError(OpExchange, "AppID", 41002)
	case c.Secret.IsZero():
		return Token{}, missingError(OpExchange, "AppSecret", 41004)
	case code.IsZero():
		return Token{}, missingError(OpExchange, "code", 41008)
	}
	p, err := c.call(ctx, request{
		op: OpExchange, path: "/sns/oauth2/access_token",
		query: url.Values{
			"appid": {c.AppID}, "secret": {c.Secret.Reveal()},
			"code": {code.Reveal()}, "grant_type": {"authorization_code"},
		},
		secrets: []Secret{c.Secret, code},
	})
	if err != nil {
		return Token{}, err
	}
	return finish(OpExchange, p.status, func() (Token, error) { return p.token(OpExchange, Token{}, time.Now()) })
}

// Refresh renews old's access token by its refresh token. While the access
// token is valid, WeChat returns the same one with its lifetime restarted,
// afterwards a new one. The result replaces old as a whole: fields that the
// reply omits (always the unionid) are copied from old. It needs no AppSecret.
func (c *Client) Refresh(ctx context.Context, old Token) (Token, error) {
	switch {
	case c.AppID == "":
		return Token{}, missingError(OpRefresh, "AppID", 41002)
	case old.RefreshToken.IsZero():
		return Token{}, missingError(OpRefresh, "refresh token", 41003)
	}
	p, err := c.call(ctx, request{
		op: OpRefresh, path: "/sns/oauth2/refresh_token",
		query: url.Values{
			"appid": {c.AppID}, "grant_type": {"refresh_token"}, "refresh_token": {old.RefreshToken.Reveal()},
		},
		secrets: []Secret{c.Secret, old.RefreshToken, old.AccessToken},
	})
	if err != nil {
		return Token{}, err
	}
	return finish(OpRefresh, p.status, func() (Token, error) { return p.token(OpRefresh, old, time.Now()) })
}

// Check asks whether the access token is valid for the token's openid. nil
// means yes; it does not promise that UserInfo will succeed.
func (c *Client) Check(ctx context.Context, token Token) error {
	if err := needToken(OpCheck, token); err != nil {
		return err
	}
	p, err := c.call(ctx, request{
		op: OpCheck, path: "/sns/auth",
		query:   url.Values{"access_token": {token.AccessToken.Reveal()}, "openid": {token.OpenID}},
		secrets: []Secret{c.Secret, token.AccessToken, token.RefreshToken},
	})
	if err != nil {
		return err
	}
	_, err = finish(OpCheck, p.status, func() (reply, error) {
		if !p.present("errcode") {
			return p, errors.New("the reply has no errcode")
		}
		_, err := p.number("errcode") // a reply without it is not an answer
		return p, err
	})
	return err
}

// UserInfo reads the profile of the token's user. The token needs the scope
// snsapi_userinfo. An empty lang means LangSimplified.
func (c *Client) UserInfo(ctx context.Context, token Token, lang Lang) (UserInfo, error) {
	if err := needToken(OpUserInfo, token); err != nil {
		return UserInfo{}, err
	}
	if lang == "" {
		lang = LangSimplified
	}
	p, err := c.call(ctx, request{
		op: OpUserInfo, path: "/sns/userinfo",
		query: url.Values{
			"access_token": {token.AccessToken.Reveal()}, "openid": {token.OpenID}, "lang": {string(lang)},
		},
		secrets: []Secret{c.Secret, token.AccessToken, token.RefreshToken},
	})
	if err != nil {
		return UserInfo{}, err
	}
	return finish(OpUserInfo, p.status, func() (UserInfo, error) { return p.userInfo(token.OpenID) })
}

func needToken(op Op, token Token) error {
	switch {
	case token.AccessToken.IsZero():
		return missingError(op, "access token", 41001)
	case token.OpenID == "":
		return missingError(op, "openid", 41009)
	}
	return nil
}

// finish turns a field's error into the call's error. A reply that lacks fields
// and has an HTTP error status does not come from WeChat.
func finish[T any](op Op, status int, read func() (T, error)) (T, error) {
	v, err := read()
	switch {
	case err == nil:
		return v, nil
	case status != http.StatusOK:
		return v, &Error{Op: op, Kind: KindStatus, Status: status, Sent: true, Message: fmt.Sprintf("the server answered HTTP %d", status)}
	}
	return v, &Error{Op: op, Kind: KindReply, Status: status, Sent: true, Message: err.Error()}
}

// request is one call's request.
type request struct {
	op      Op
	path    string
	query   url.Values
	secrets []Secret // to be removed from the reply's text
}

// call sends the request, repeats it if the errcode table says so, and returns
// the reply if it is not an error.
func (c *Client) call(ctx context.Context, req request) (reply, error) {
	base, err := ParseBaseURL(c.BaseURL)
	if err != nil {
		return reply{}, &Error{Op: req.op, Kind: KindBaseURL, Message: err.Error()}
	}
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, DefaultTimeout)
		defer cancel()
	}
	redactor := newRedactor(req.secrets...)
	for attempt := 1; ; attempt++ {
		start := time.Now()
		status, body, failure := c.send(ctx, base, req)
		var p reply
		if failure == nil {
			p, failure = read(req.op, status, body, redactor)
			if failure != nil && failure.Kind == KindReply && ctx.Err() != nil {
				// A reply that was cut off when the time ended is a timeout.
				failure = transportError(ctx, req.op, base.url.Host, true, ctx.Err())
			}
		}
		var pause time.Duration
		if failure != nil {
			pause = retryPause(ctx, failure, attempt)
		}
		if c.Trace != nil {
			c.Trace(Attempt{
				Op: req.op, URL: base.String() + req.path, Status: status, Bytes: len(body),
				Elapsed: time.Since(start), Err: failure, Pause: pause,
			})
		}
		switch {
		case failure == nil:
			return p, nil
		case pause == 0:
			return reply{}, failure
		case !sleep(ctx, pause):
			return reply{}, transportError(ctx, req.op, base.url.Host, true, ctx.Err())
		}
	}
}

// read decodes a reply: the errcode first, whatever the status.
func read(op Op, status int, body []byte, r *redactor) (reply, *Error) {
	fail := func(kind Kind, format string, args ...any) *Error {
		return &Error{Op: op, Kind: kind, Status: status, Sent: true, Message: fmt.Sprintf(format, args...)}
	}
	if status >= 300 && status < 400 {
		return reply{}, fail(KindRedirect, "the server answered with a redirect (HTTP %d), which is not followed", status)
	}
	p, err := parseReply(body, r)
	if err == nil {
		if failure := p.refusal(op, status); failure != nil {
			return reply{}, failure
		}
	}
	p.status = status
	switch {
	case err != nil && status != http.StatusOK:
		return reply{}, fail(KindStatus, "the server answered HTTP %d", status)
	case err != nil && len(body) == 0:
		return reply{}, fail(KindReply, "the reply is empty")
	case err != nil:
		return reply{}, fail(KindReply, "the reply is not JSON (%d bytes)", len(body))
	}
	return p, nil
}

// send makes the request and reads the body.
func (c *Client) send(ctx context.Context, base BaseURL, req request) (int, []byte, *Error) {
	var sent atomic.Bool
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		WroteHeaders: func() { sent.Store(true) },
	})
	out := (&http.Request{
		Method: http.MethodGet,
		URL:    base.resolve(req.path, req.query),
		Header: http.Header{"User-Agent": {"wxctl"}, "Accept": {"application/json, text/plain"}},
	}).WithContext(traced)
	host := base.url.Host
	// RoundTrip is used instead of http.Client: it follows no redirects, sends
	// no Referer and does not put the URL into its errors.
	resp, err := c.transport(base).RoundTrip(out)
	if err != nil {
		return 0, nil, transportError(ctx, req.op, host, sent.Load(), err)
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusSwitchingProtocols { // its "body" is the bare connection, which ignores deadlines
		return resp.StatusCode, nil, nil
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxReply+1))
	if resp.StatusCode >= 300 && resp.StatusCode < 400 {
		return resp.StatusCode, body, nil
	}
	if err != nil {
		failure := transportError(ctx, req.op, host, true, err)
		if failure.Kind == KindUnreachable {
			failure.Kind = KindReply
			failure.Message = fmt.Sprintf("the reply was cut off after %d bytes", len(body))
		}
		failure.Status = resp.StatusCode
		return resp.StatusCode, body, failure
	}
	if len(body) > maxReply {
		return resp.StatusCode, body, &Error{
			Op: req.op, Kind: KindReply, Status: resp.StatusCode, Sent: true,
			Message: fmt.Sprintf("the reply is longer than %d bytes", maxReply),
		}
	}
	return resp.StatusCode, body, nil
}

var errBadProxy = errors.New("the proxy that HTTPS_PROXY names is not a usable URL")

// proxyRefusal is the HTTP status with which a proxy refused a tunnel; net/http
// would only pass on the proxy's own text.
type proxyRefusal int

func (status proxyRefusal) Error() string {
	return fmt.Sprintf("the proxy opened no tunnel (HTTP %d)", int(status))
}

// transport returns a transport for one request.
func (c *Client) transport(base BaseURL) *http.Transport {
	var t *http.Transport
	if c.HTTP != nil {
		t = c.HTTP.Clone()
	} else {
		t = &http.Transport{Proxy: http.ProxyFromEnvironment}
	}
	t.DisableKeepAlives = true
	t.Protocols = new(http.Protocols)
	t.Protocols.SetHTTP1(true)
	t.ForceAttemptHTTP2 = false
	t.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	if t.TLSClientConfig == nil {
		t.TLSClientConfig = &tls.Config{}
	}
	if t.TLSClientConfig.MinVersion < tls.VersionTLS12 {
		t.TLSClientConfig.MinVersion = tls.VersionTLS12
	}
	t.TLSClientConfig.NextProtos = []string{"http/1.1"}
	t.MaxResponseHeaderBytes = 64 << 10
	if t.OnProxyConnectResponse == nil {
		t.OnProxyConnectResponse = func(_ context.Context, _ *url.URL, _ *http.Request, resp *http.Response) error {
			if resp.StatusCode != http.StatusOK {
				return proxyRefusal(resp.StatusCode)
			}
			return nil
		}
	}
	if proxy := t.Proxy; proxy != nil {
		t.Proxy = func(r *http.Request) (*url.URL, error) {
			if r.URL.Scheme == "http" { // a proxy would see the whole query
				return nil, nil
			}
			u, err := proxy(r)
			if err != nil { // its text contains the URL, and maybe a password
				return nil, errBadProxy
			}
			return u, nil
		}
	}
	if base.Loopback() {
		t.Proxy = nil
		if t.DialContext == nil {
			dialer := &net.Dialer{Control: func(_, address string, _ syscall.RawConn) error { return onlyLoopback(address) }}
			t.DialContext = dialer.DialContext
		}
	}
	return t
}
