package cmd

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/intents"
)

// TestFileTooLarge: a file that is too large to be read is refused as by the
// SDK's limits, with its problem.
func TestFileTooLarge(t *testing.T) {
	file := filepath.Join(t.TempDir(), "large.gif")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(file, fileLimit+1); err != nil {
		t.Fatal(err)
	}
	for _, platform := range []string{"android", "ios"} {
		for _, args := range [][]string{{"file"}, {"image"}, {"emoji", "--raw"}} {
			f, out, errOut := testFactory(t, "", nil)
			code := Run(t.Context(), f, append(append([]string{"share"}, args...), file, "--as", "bytes", "--scene", "session", "--dry-run", "--json", "--platform", platform))
			var o struct {
				Problems []intents.Problem
				Wire     []any
			}
			if err := json.Unmarshal([]byte(out()), &o); err != nil {
				t.Fatal(err, out(), errOut())
			}
			if code != 14 || len(o.Problems) != 1 || o.Problems[0].Actual != fileLimit+1 || o.Problems[0].Limit != fileLimit || len(o.Wire) != 0 || !strings.Contains(errOut(), "hint: ") {
				t.Errorf("%s %v: exit %d: %s", platform, args, code, out())
			}
		}
	}
}

// TestUnsent: a request that was not sent to the phone has the module's answer
// for that, whatever the reason.
func TestUnsent(t *testing.T) {
	noLeaks(t)
	env := phonesAt(t, "answer=stay")
	holder := beside(t, env, "share", "text", "hi", "--scene", "session", "--until", "returned", "-v")
	holder.errOut.await(t, "chat picker opened", 1)
	for _, tt := range []struct {
		args   []string
		exit   int
		err    int
		events string
	}{
		{[]string{"share", "text", "hi"}, 17, 7, ""},
		{[]string{"share", "text", ""}, 14, 7, ""},
		{[]string{"auth", "login", "--code-only"}, 17, -1, ""},
		{[]string{"launch", "miniprogram", "--user-name", "gh_1"}, 17, 7, ""},
		{[]string{"subscribe", "--template-id", "T", "--scene", "1"}, 17, 7, "error"},
	} {
		f, out, errOut := testFactory(t, "", env)
		code := Run(t.Context(), f, append(tt.args, "--json"))
		var o device.Outcome
		if err := json.Unmarshal([]byte(out()), &o); err != nil {
			t.Fatalf("%v: %v in %q, %s", tt.args, err, out(), errOut())
		}
		event := ""
		if len(o.Events) == 1 {
			event = o.Events[0].EventType
		}
		if code != tt.exit || o.State != device.NotSent || o.Status == nil || *o.Status || o.Err == nil || o.Err.Code != tt.err || event != tt.events {
			t.Errorf("%v: exit %d: %s", tt.args, code, out())
		}
	}
	holder.interrupt(t)
}
