package cmd

import (
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wxctl/wxctl/fixtures/oauthtest"
	"github.com/wxctl/wxctl/oauth/virtualoauth"
)

// Fifty wxctl that refresh one profile at once make one request, and all get a
// token.
func TestRefreshCrowd(t *testing.T) {
	server := oauthtest.New(virtualoauth.Options{Secret: sentinelSecret, RotateRefresh: true})
	ts := httptest.NewServer(server)
	defer ts.Close()
	wxctl, dir := wxctlProgram(t), t.TempDir()
	login, out := program(t.Context(), wxctl, dir, server.IssueCode(virtualoauth.DefaultUser(), ""), nil, "auth", "exchange", "--base-url", ts.URL)
	if err := login.Run(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	server.ExpireTokens()
	// All begin before the first one asks: a process that took longer to start
	// than the others to end would rightly ask again.
	const crowd = 50
	env := map[string]string{
		"WXCTL_CONFIG_DIR": dir, "WXCTL_STATE_DIR": filepath.Join(dir, "state"), "WXCTL_STORE": "file", "WXCTL_APP_ID": virtualoauth.DefaultAppID,
	}
	var members []func()
	outs := make([]func() string, crowd)
	for i := range crowd {
		f, out, errOut := testFactory(t, "", env)
		outs[i] = out
		members = append(members, func() {
			if code := Run(t.Context(), f, []string{"auth", "refresh", "--show-token", "--base-url", ts.URL, "--jq", ".accessToken"}); code != 0 {
				t.Errorf("exit %d: %s", code, errOut())
			}
		})
	}
	var group sync.WaitGroup
	for _, member := range members {
		group.Go(member)
	}
	group.Wait()
	tokens := map[string]int{}
	for _, out := range outs {
		tokens[strings.TrimSpace(out())]++
	}
	if n := len(server.Requests("refresh")); n != 1 || len(tokens) != 1 {
		t.Errorf("%d requests and %d different tokens, want one of each", n, len(tokens))
	}
	check, out := program(t.Context(), wxctl, dir, "", nil, "auth", "check", "--base-url", ts.URL)
	if err := check.Run(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// A wxctl that is killed while it waits for WeChat does not block others.
func TestKilledRefresh(t *testing.T) {
	server := oauthtest.New(virtualoauth.Options{Secret: sentinelSecret})
	ts := httptest.NewServer(server)
	defer ts.Close()
	wxctl, dir := wxctlProgram(t), t.TempDir()
	login, out := program(t.Context(), wxctl, dir, server.IssueCode(virtualoauth.DefaultUser(), ""), nil, "auth", "exchange", "--base-url", ts.URL)
	if err := login.Run(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	server.SetFaults(virtualoauth.Fault{Op: "refresh", Kind: "stall", Times: 1})
	stuck, _ := program(t.Context(), wxctl, dir, "", nil, "auth", "refresh", "--base-url", ts.URL)
	if err := stuck.Start(); err != nil {
		t.Fatal(err)
	}
	for len(server.Requests("refresh")) == 0 {
		time.Sleep(time.Millisecond)
	}
	if err := stuck.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	stuck.Wait()
	next, out := program(t.Context(), wxctl, dir, "", nil, "auth", "refresh", "--base-url", ts.URL, "--timeout", "60s")
	if err := next.Run(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
