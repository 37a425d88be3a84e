package cmd

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/wxctl/wxctl/oauth/virtualoauth"
)

// variable is what differs between two runs.
var variable = regexp.MustCompile(`76_…\w{3}|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ|rid[": ]+[0-9a-f-]{26}|"file":"[^"]+"`)

// TestAuthJSON pins what scripts read: every object of the auth commands, when
// they succeed and when they fail.
func TestAuthJSON(t *testing.T) {
	r := newAuthRun(t, virtualoauth.Options{})
	var got bytes.Buffer
	run := func(stdin string, args ...string) {
		t.Helper()
		code := r.run(stdin, append(args, "--json")...)
		r.object()
		fmt.Fprintf(&got, "$ wxctl auth %s --json # exit %d\n%s", args[0], code, variable.ReplaceAllString(r.stdout(), "…"))
	}
	run("", "status")
	run(r.code(), "exchange")
	run("not-a-code", "exchange")
	run("", "userinfo")
	run("", "check")
	run("", "refresh")
	run("", "status", "--verify")
	r.server.SetFaults(virtualoauth.Fault{Kind: "errcode", Code: 40003})
	run("", "userinfo")
	run("", "check")
	run("", "status", "--verify")
	r.server.SetFaults(virtualoauth.Fault{Kind: "status", Code: 502})
	run("", "refresh")
	run("", "logout")
	run("", "userinfo")
	run("", "token")
	run("", "logout")

	golden := filepath.Join("..", "fixtures", "golden", "auth-json.txt")
	if *update {
		if err := os.MkdirAll(filepath.Dir(golden), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("got\n%s\nwant\n%s", &got, want)
	}
}
