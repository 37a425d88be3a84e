package oauth_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wxctl/wxctl/fixtures/oauthtest"
	"github.com/wxctl/wxctl/oauth"
	"github.com/wxctl/wxctl/oauth/virtualoauth"
)

// pipeListener connects client and server in memory, where a synctest bubble
// can see them wait.
type pipeListener struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}
func (l *pipeListener) Close() error   { l.once.Do(func() { close(l.done) }); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }

func (l *pipeListener) dial(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	l.conns <- server
	return client, nil
}

// startInMemory is start inside a bubble.
func startInMemory(t *testing.T, opts virtualoauth.Options) (*oauthtest.Server, *oauth.Client) {
	server := oauthtest.New(opts)
	listener := &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
	hs := &http.Server{Handler: server}
	go hs.Serve(listener)
	t.Cleanup(func() { hs.Close() })
	return server, &oauth.Client{
		AppID: virtualoauth.DefaultAppID, Secret: oauth.NewSecret(virtualoauth.DefaultSecret),
		BaseURL: "http://127.0.0.1", HTTP: &http.Transport{DialContext: listener.dial},
	}
}

// startFor gives f a server and a client: in a synctest bubble if the fault
// makes the client wait for its deadline, since its time passes at once when
// all are waiting.
func startFor(t *testing.T, fault virtualoauth.Fault, f func(*testing.T, *oauthtest.Server, *oauth.Client)) {
	if fault.Kind == "stall" {
		synctest.Test(t, func(t *testing.T) {
			server, client := startInMemory(t, virtualoauth.Options{})
			f(t, server, client)
		})
		return
	}
	server, client := start(t, virtualoauth.Options{})
	f(t, server, client)
}

func TestRetries(t *testing.T) {
	for _, test := range []struct {
		name     string
		fault    virtualoauth.Fault
		timeout  time.Duration
		code     int // 0: it succeeds in the end
		requests int
		min, max time.Duration // how long it takes
	}{
		{"busy twice", virtualoauth.Fault{Kind: "errcode", Code: -1, Times: 2}, time.Minute, 0, 3, 1500 * time.Millisecond, 2250 * time.Millisecond},
		{"busy for good", virtualoauth.Fault{Kind: "errcode", Code: -1}, time.Minute, -1, 4, 3500 * time.Millisecond, 5250 * time.Millisecond},
		{"busy, little time", virtualoauth.Fault{Kind: "errcode", Code: -1}, time.Second, -1, 2, 500 * time.Millisecond, 750 * time.Millisecond},
		{"minute quota, time enough", virtualoauth.Fault{Kind: "errcode", Code: 45011, Times: 1}, 5 * time.Minute, 0, 2, time.Minute, 90 * time.Second},
		{"minute quota, no time", virtualoauth.Fault{Kind: "errcode", Code: 45011, Times: 1}, 30 * time.Second, 45011, 1, 0, 0},
		{"day quota", virtualoauth.Fault{Kind: "errcode", Code: 45009, Times: 1}, 48 * time.Hour, 45009, 1, 0, 0},
		{"expired", virtualoauth.Fault{Kind: "errcode", Code: 42001, Times: 1}, time.Minute, 42001, 1, 0, 0},
		{"unknown", virtualoauth.Fault{Kind: "errcode", Code: 12345, Times: 1}, time.Minute, 12345, 1, 0, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server, client := startInMemory(t, virtualoauth.Options{})
				token := login(t, server, client)
				for op, call := range map[string]func(context.Context) error{
					"refresh":  func(ctx context.Context) error { _, err := client.Refresh(ctx, token); return err },
					"check":    func(ctx context.Context) error { return client.Check(ctx, token) },
					"userinfo": func(ctx context.Context) error { _, err := client.UserInfo(ctx, token, ""); return err },
				} {
					server.SetFaults(test.fault)
					ctx, cancel := context.WithTimeout(t.Context(), test.timeout)
					begun := time.Now()
					err := call(ctx)
					took := time.Since(begun)
					cancel()
					if test.code == 0 && err != nil {
						t.Errorf("%s: %v", op, err)
					}
					if test.code != 0 {
						wantError(t, err, oauth.KindErrcode, test.code)
					}
					if n := len(server.Requests(op)); n != test.requests {
						t.Errorf("%s: sent %d times, want %d", op, n, test.requests)
					}
					if took < test.min || took > test.max {
						t.Errorf("%s: took %v, want %v to %v", op, took, test.min, test.max)
					}
				}
			})
		})
	}
}

// Ctrl-C ends a pause at once.
func TestRetryPauseIsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := startInMemory(t, virtualoauth.Options{})
		token := login(t, server, client)
		server.SetFaults(virtualoauth.Fault{Kind: "errcode", Code: 45011})
		ctx, cancel := context.WithCancel(t.Context())
		ctx, stop := context.WithTimeout(ctx, time.Hour)
		defer stop()
		time.AfterFunc(10*time.Second, cancel)
		begun := time.Now()
		_, err := client.UserInfo(ctx, token, "")
		if !errors.Is(err, context.Canceled) || time.Since(begun) != 10*time.Second {
			t.Errorf("after %v: %v", time.Since(begun), err)
		}
	})
}

// A context without a deadline gets one.
func TestDefaultTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := startInMemory(t, virtualoauth.Options{})
		token := login(t, server, client)
		server.SetFaults(virtualoauth.Fault{Kind: "stall"})
		begun := time.Now()
		_, err := client.UserInfo(context.Background(), token, "")
		wantError(t, err, oauth.KindTimeout, 0)
		if took := time.Since(begun); took != oauth.DefaultTimeout {
			t.Errorf("gave up after %v, want %v", took, oauth.DefaultTimeout)
		}
	})
}

// The server's own quota, not a fault: in the next minute it answers again.
func TestMinuteQuota(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := startInMemory(t, virtualoauth.Options{PerMinute: 2})
		token := login(t, server, client)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		var attempts int
		client.Trace = func(oauth.Attempt) { attempts++ }
		for range 3 {
			if err := client.Check(ctx, token); err != nil {
				t.Fatal(err)
			}
		}
		if attempts != 4 {
			t.Errorf("%d attempts, want 4: the third check hits the quota once", attempts)
		}
	})
}
