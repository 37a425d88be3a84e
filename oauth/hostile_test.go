package oauth_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/wxctl/wxctl/oauth"
)

// rawServer answers every connection with the same bytes and then, if hold is
// set, keeps it open.
func rawServer(t *testing.T, answer string, hold bool) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
				io.WriteString(conn, answer)
				if hold {
					io.Copy(io.Discard, conn) // until the client closes it
				}
			}
			conn.Close()
		}
	}()
	t.Cleanup(func() { listener.Close(); <-done })
	return "http://" + listener.Addr().String()
}

// Whatever a server does with HTTP itself, the call ends by its deadline, with
// an error that is safe to print.
func TestHostileHTTP(t *testing.T) {
	const head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
	for name, answer := range map[string]string{
		"switching protocols": "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
		"endless early hints": strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", 1000),
		"endless headers":     head + strings.Repeat("X-Long: "+strings.Repeat("x", 1000)+"\r\n", 200),
		"half a header":       "HTTP/1.1 200",
		"half a body":         head + "Content-Length: 1000\r\n\r\n{\"openid\":",
		"bad chunk":           head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n",
		"bad length":          head + "Content-Length: -1\r\n\r\n{}",
		"bad gzip":            head + "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
		"no content":          "HTTP/1.1 204 No Content\r\n\r\n",
		"escapes":             "HTTP/1.1 200 \x1b[2J\x1b]0;owned\x07\r\n\x1b[31m: x\r\n\r\n",
		"no headers":          `{"access_token":"SENTINEL fresh","expires_in":7200}` + "\r\n\r\n",
		"body for headers":    "HTTP/1.1 200 OK\r\n SENTINEL-fresh\r\n\r\n",
		"token for a length":  head + "Content-Length: SENTINEL-fresh\r\n\r\n{}",
		"HTTP/2":              "\x00\x00\x12\x04\x00\x00\x00\x00\x00",
		"TLS alert":           "\x15\x03\x01\x00\x02\x02\x28",
	} {
		for _, hold := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				client := &oauth.Client{AppID: "wx0123456789abcdef", BaseURL: rawServer(t, answer, hold)}
				ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
				defer cancel()
				done := make(chan error, 1)
				go func() {
					_, err := client.UserInfo(ctx, oauth.Token{AccessToken: oauth.NewSecret("SENTINEL-token"), OpenID: "o"}, "")
					done <- err
				}()
				select {
				case err := <-done:
					var e *oauth.Error
					if !errors.As(err, &e) || e.Kind == oauth.KindErrcode {
						t.Fatalf("%T %v", err, err)
					}
					if e.Error() != oauth.Printable(e.Error()) || strings.Contains(e.Error(), "SENTINEL") {
						t.Errorf("not safe to print: %q", e)
					}
				case <-time.After(time.Minute):
					t.Fatal("the call outlives its deadline")
				}
			})
		}
	}
}

// A cache on the way that mixes up users is detected.
func TestProfileOfAnotherUser(t *testing.T) {
	const body = `{"openid":"oSomeoneElse","nickname":"n"}`
	base := rawServer(t, fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body), false)
	client := &oauth.Client{AppID: "wx0123456789abcdef", BaseURL: base}
	_, err := client.UserInfo(t.Context(), oauth.Token{AccessToken: oauth.NewSecret("token"), OpenID: "oUser"}, "")
	if e := wantError(t, err, oauth.KindReply, 0); e.Message != "the reply is about another user (openid)" {
		t.Error(e)
	}
	if _, err := client.UserInfo(t.Context(), oauth.Token{AccessToken: oauth.NewSecret("token"), OpenID: "oSomeoneElse"}, ""); err != nil {
		t.Error(err)
	}
}

// A server that only supports TLS up to 1.1 is refused, with a reason.
func TestOldTLS(t *testing.T) {
	ts := httptest.NewUnstartedServer(http.NotFoundHandler())
	ts.Config.ErrorLog = log.New(io.Discard, "", 0)
	ts.TLS = &tls.Config{MinVersion: tls.VersionTLS11, MaxVersion: tls.VersionTLS11}
	ts.StartTLS()
	defer ts.Close()
	client := &oauth.Client{AppID: "wx0123456789abcdef", BaseURL: ts.URL}
	err := client.Check(t.Context(), oauth.Token{AccessToken: oauth.NewSecret("token"), OpenID: "oUser"})
	if e := wantError(t, err, oauth.KindUnreachable, 0); !strings.Contains(e.Message, "no TLS connection") {
		t.Error(e)
	}
}

// A proxy that refuses a tunnel is named, and its own text is not repeated.
func TestProxyRefusal(t *testing.T) {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "SENTINEL", http.StatusProxyAuthRequired)
	}))
	defer proxy.Close()
	address, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	client := &oauth.Client{AppID: "wx0123456789abcdef", HTTP: &http.Transport{Proxy: http.ProxyURL(address)}}
	err = client.Check(t.Context(), oauth.Token{AccessToken: oauth.NewSecret("token"), OpenID: "oUser"})
	if e := wantError(t, err, oauth.KindUnreachable, 0); e.Message != "the proxy opened no tunnel (HTTP 407)" || e.Sent {
		t.Errorf("%q, sent %v", e.Message, e.Sent)
	}
}
