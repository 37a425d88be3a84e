package cmd

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/wxctl/wxctl/oauth/virtualoauth"
)

// TestTraceLeaksNothing sweeps what -v -v shows of every command that drives a
// phone and handles a login's code.
func TestTraceLeaksNothing(t *testing.T) {
	t.Parallel()
	recorded := filepath.Join(t.TempDir(), "replies.ndjson")
	reply := `{"kind":"auth","errCode":0,"code":"` + sentinelCode + `","state":"s"}`
	if err := os.WriteFile(recorded, []byte(reply), 0o600); err != nil {
		t.Fatal(err)
	}
	token := regexp.MustCompile(`PRIVATE KEY|BEGIN CERTIFICATE|[0-9A-F]{8}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{4}-`) // of a pair record
	// What is said to debuggers is shown, by names and sizes.
	debuggers := map[string]string{
		"auth virtual:android": " > VirtualMachine.IDSizes #1, 0 bytes\n",
		"auth virtual:ios":     `bytes: {CoreDevice.featureIdentifier "com.apple.coredevice.feature.launchapplication"`,
		"share virtual:ios":    `bytes: {MessageType "Handshake"`,
	}
	for _, phone := range []string{"virtual:android?think=1ms", "virtual:ios?think=1ms"} {
		for _, args := range [][]string{
			{"reply", "auth", "--code", sentinelCode, "--state", "s"},
			{"reply", "auth", "--from", recorded},
			{"auth", "login", "--code-only"},
			{"auth", "login", "--base-url", "http://127.0.0.1:1"},
			{"share", "text", "Hello", "--scene", "session"},
			{"installed"}, {"inspect"}, {"devices"},
			{"screenshot", filepath.Join(t.TempDir(), "screen.png")},
		} {
			// A hook logs the reply, so that no debugger is needed; without one the
			// reply may be missed, since the app starts with it.
			phone, spoken := phone, debuggers[args[0]+" "+strings.SplitN(phone, "?", 2)[0]]
			switch {
			case args[len(args)-1] == "--code-only":
				spoken = ""
			case args[0] == "auth" && strings.HasPrefix(phone, "virtual:android"):
				phone += "&hook=none"
			}
			f, out, errOut := testFactory(t, "", map[string]string{
				"WXCTL_APP_ID": virtualoauth.DefaultAppID, "WXCTL_APP_SECRET": sentinelSecret, "WXCTL_STORE": "file",
			})
			code := Run(t.Context(), f, append(args, "--device", phone, "-v", "-v", "--timeout", "60s"))
			what := "wxctl " + strings.Join(args, " ") + " on " + phone
			checkLeaks(t, what, errOut())
			if found := token.FindString(errOut()); found != "" {
				t.Errorf("%s: %q is shown", what, found)
			}
			if got := strings.TrimSpace(out()); args[len(args)-1] == "--code-only" && (code != 0 || got == "" || strings.Contains(errOut(), got)) {
				t.Errorf("%s: exit %d; the code %q is shown, or there is none:\n%s", what, code, got, errOut())
			}
			server := map[bool]string{true: "adb#1 > host:devices-l", false: "usbmux#1 > ListDevices"}[strings.HasPrefix(phone, "virtual:a")]
			if !strings.Contains(errOut(), server+"\n") {
				t.Errorf("%s: no traffic is shown: exit %d: %s", what, code, errOut())
			}
			if !strings.Contains(errOut(), spoken) {
				t.Errorf("%s: there is no %q: %s", what, spoken, errOut())
			}
			if strings.Contains(errOut(), `"event":`) {
				t.Errorf("%s: the phone's log is traced", what)
			}
			if strings.ContainsAny(errOut(), "\x1b\u202e\u009b") {
				t.Errorf("%s: control characters in %q", what, errOut())
			}
		}
	}
}
