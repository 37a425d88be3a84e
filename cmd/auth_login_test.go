package cmd

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/fixtures/oauthtest"
	"github.com/wxctl/wxctl/oauth/virtualoauth"
)

// loginLab is a phone, and an OAuth server that knows the codes of the phone's
// WeChat.
func loginLab(t *testing.T, options string) (env map[string]string, server *oauthtest.Server, base string) {
	t.Helper()
	server = oauthtest.New(virtualoauth.Options{})
	web := httptest.NewServer(server)
	t.Cleanup(web.Close)
	env = phonesAt(t, options+"&oauth="+web.URL)
	env["WXCTL_APP_SECRET"], env["WXCTL_STORE"] = virtualoauth.DefaultSecret, "file"
	return env, server, web.URL
}

// forge brings a reply to the phone while another command holds its lock.
func forge(t *testing.T, env map[string]string, args ...string) {
	t.Helper()
	env = maps.Clone(env)
	env["WXCTL_STATE_DIR"] = t.TempDir() // for the locks
	f, _, errOut := testFactory(t, "", env)
	if code := Run(t.Context(), f, append([]string{"reply"}, args...)); code != 0 {
		t.Fatalf("exit %d: %s", code, errOut())
	}
}

// TestLoginWrongReply: a reply without the request's state, or without a code,
// does not log in, and its code is neither used nor shown.
func TestLoginWrongReply(t *testing.T) {
	noLeaks(t)
	for _, tt := range []struct {
		reply []string
		name  string
		says  string
	}{
		{[]string{"auth", "--code", "C0DE0123456789", "--state", "theirs"}, "wrong_state", `has the state "theirs"`},
		{[]string{"auth", "--code", "C0DE0123456789"}, "wrong_state", `has the state ""`},
		{[]string{"auth", "--state", "mine"}, "no_code", "gave no code"},
	} {
		for _, flags := range [][]string{{"--json"}, {"--code-only"}, {"--code-only", "--json"}} {
			// Each uses a phone of its own: a login may end with what was read
			// in the app before the app has logged it, and the next login would
			// find that line.
			env, server, base := loginLab(t, "answer=stay")
			login := beside(t, env, append([]string{"auth", "login", "--state", "mine", "--base-url", base, "-v"}, flags...)...)
			login.errOut.await(t, "consent page opened", 1)
			forge(t, env, tt.reply...)
			if code := login.wait(t); code != 4 || !strings.Contains(login.errOut.String(), tt.says) {
				t.Errorf("%v, %v: exit %d: %s", tt.reply, flags, code, login.errOut)
			}
			if strings.Contains(login.out.String()+login.errOut.String(), "C0DE0123456789") {
				t.Errorf("%v, %v: shows the code: %s", tt.reply, flags, login.out)
			}
			if n := len(server.Requests("exchange")); n != 0 {
				t.Errorf("%v, %v: %d exchanges", tt.reply, flags, n)
			}
			if flags[len(flags)-1] != "--json" {
				continue
			}
			var o device.Outcome
			if err := json.Unmarshal([]byte(login.out.String()), &o); err != nil {
				t.Fatalf("%v in %s", err, login.out)
			}
			if o.State != device.Replied || o.Status == nil || *o.Status || o.Err == nil || o.Err.Code != -1 || o.Error == nil || string(o.Error.Code) != tt.name {
				t.Errorf("%v: %s", tt.reply, login.out)
			}
		}
	}
}

// TestLoginLate: the time ends while the user thinks or logs in to WeChat, or
// before WeChat's server answers.
func TestLoginLate(t *testing.T) {
	noLeaks(t)
	for _, tt := range []struct {
		options, seen, says, err string
		stall                    bool
		code                     int
	}{
		{"answer=stay", "consent page opened", "nobody answered on the phone, or the user stayed in WeChat", "null", false, 18},
		{"login=out", "asks to log in", "WeChat asks to log in", "null", false, 18},
		// The reply is read in the app or in its log, whichever is faster; only
		// the exchange is certain.
		{"think=1ms", "", "the code may have been used", `{"code":4`, true, 1},
	} {
		env, server, base := loginLab(t, tt.options)
		if tt.stall {
			server.SetFaults(virtualoauth.Fault{Kind: "stall"})
		}
		login := beside(t, env, "auth", "login", "--base-url", base, "-v", "--json")
		if tt.seen != "" {
			login.errOut.await(t, tt.seen, 1)
		}
		for tt.stall && len(server.Requests("exchange")) == 0 {
			time.Sleep(time.Millisecond)
		}
		if code := login.timeOut(t); code != tt.code || !strings.Contains(login.errOut.String(), tt.says) {
			t.Errorf("%s: exit %d: %s", tt.options, code, login.errOut)
		}
		if !strings.Contains(login.out.String(), `"err":`+tt.err) {
			t.Errorf("%s: %s", tt.options, login.out)
		}
	}
}

// TestSignalInAuth: a command's output and its exit code agree, also if a
// signal comes during a request to WeChat's server.
func TestSignalInAuth(t *testing.T) {
	noLeaks(t)
	for _, args := range [][]string{{"exchange", "--code", "C0DE"}, {"login"}} {
		for _, tt := range []struct {
			end  func(*running, *testing.T) int
			name string
			code int
		}{{(*running).interrupt, "interrupted", 130}, {(*running).terminate, "terminated", 143}} {
			// Each uses a phone of its own, whose log has no reply of an
			// earlier login.
			env, server, base := loginLab(t, "think=1ms")
			env["WXCTL_APP_ID"] = virtualoauth.DefaultAppID
			server.SetFaults(virtualoauth.Fault{Kind: "stall"})
			run := beside(t, env, append(append([]string{"auth"}, args...), "--base-url", base, "--json")...)
			for len(server.Requests("exchange")) == 0 {
				time.Sleep(time.Millisecond)
			}
			want := fmt.Sprintf(`"error":{"code":%q,"exitCode":%d`, tt.name, tt.code)
			if code := tt.end(run, t); code != tt.code || !strings.Contains(run.out.String(), want) {
				t.Errorf("%v: exit %d: %s", args, code, run.out)
			}
		}
	}
}
