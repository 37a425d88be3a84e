package cmd

import (
	"archive/zip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/cmd/internal/samples"
	"github.com/wxctl/wxctl/device/check"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid"
	"github.com/wxctl/wxctl/device/virtual/virtualios"
	"github.com/wxctl/wxctl/device/virtual/virtualios/idevice"
	"github.com/wxctl/wxctl/fixtures/wait"
)

// loggedLines are lines of an app's log, and the checks that they belong to.
func loggedLines(platform string) map[string]string {
	if platform == "ios" {
		return map[string]string{
			"app.log.link": "WXCheckULStepResult[success: 0, errorInfo: Universal Link check failed. The application is launched by WeChat " +
				"via scheme] wx0123456789abcdef://resendContextReqByScheme?wechat_auth_token=SENTINEL_access-&code=SENTINEL+code",
			"app.log.register-ios": "[WeChatSDK] appId or universalLink is nil",
		}
	}
	return map[string]string{
		"app.log.wechat":    "MicroMsg.SDK.WXApiImplV10|sendReq failed for wechat app signature check failed",
		"app.log.arguments": "MicroMsg.SDK.WXApiImplV10|sendReq checkArgs fail",
		"app.log.thumb":     "MicroMsg.SDK.WXMediaMessage|checkArgs fail, thumbData is invalid",
		"app.log.text":      "MicroMsg.SDK.WXMediaMessage|checkArgs fail, title is invalid, access_token: SENTINEL_access-",
		"app.log.file":      "AndroidRuntime|Caused by: java.lang.SecurityException: Permission Denial: reading com.example.wxdemo provider",
		"app.log.binder":    "JavaBinder|!!! FAILED BINDER TRANSACTION !!!  (parcel size = 1200000)",
	}
}

// TestDoctorWatch: lines of the app's log become findings, each kind once, until
// the signal; those of another app don't. The bundle is written after that,
// and has them without the secrets that an app logs.
func TestDoctorWatch(t *testing.T) {
	t.Parallel()
	android, err := virtualandroid.Start(t.Context(), virtualandroid.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer android.Close()
	iphone, err := virtualios.Start(t.Context(), virtualios.Config{}, virtualios.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer iphone.Close()
	phone, apple := android.Phones[0].Model, iphone.Phones[0].Model
	uid := phone.Package(virtualandroid.DemoPackage).UID(0)
	for platform, logs := range map[string]func(line string, others bool){
		"android": func(line string, others bool) {
			pid, uid := 4711, uid
			if others {
				pid, uid = 4712, uid+1
			}
			tag, text, _ := strings.Cut(line, "|")
			phone.Logcat(pid, uid, 6, tag, text)
		},
		"ios": func(line string, others bool) {
			bundle := virtualios.DemoBundleID
			if others {
				bundle = "com.tencent.xin"
			}
			apps := apple.Apps()
			app := apps[slices.IndexFunc(apps, func(a idevice.App) bool { return a.BundleID == bundle })]
			apple.Log(idevice.Line{Process: idevice.Process{PID: 4711, BundleID: bundle, Name: app.Name, Path: app.Executable()}, Message: line})
		},
	} {
		t.Run(platform, func(t *testing.T) {
			bundle := filepath.Join(t.TempDir(), "bundle.zip")
			f, _, errOut := testFactory(t, "", map[string]string{"WXCTL_CONFIG_DIR": configDir(t, registered(t))})
			said := &lockedText{}
			f.Streams.Out = said
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			ended := make(chan int, 1)
			go func() {
				ended <- int(Run(ctx, f, []string{"doctor", "--json", "--watch", "--bundle", bundle, "--platform", platform,
					"--adb-server", android.ADB, "--usbmuxd", iphone.USBMux}))
			}()
			lines := loggedLines(platform)
			wait.For(t, "the log's findings", func() bool {
				for _, line := range lines {
					logs(line, false)
				}
				logs(`checkArgs fail, thumbData should not be null or exceed 128kb; sendUsingPendingIntent fail; `+
					`this open sdk version not support the request type; appId or universalLink is nil`, true)
				return strings.Count(said.String(), `"type":"finding"`) >= len(lines)
			})
			cancel(&exit.Signal{Code: exit.Interrupted})
			if code := <-ended; code != 130 {
				t.Errorf("exit %d: %s", code, errOut())
			}
			if want := fmt.Sprintf("the log was watched until now: %d problems\n", len(lines)); !strings.Contains(errOut(), want) {
				t.Errorf("%s: %s", want, errOut())
			}
			for id := range lines {
				if n := strings.Count(said.String(), `"id":"`+id+`"`); n != 1 {
					t.Errorf("%s: found %d times: %s", id, n, said.String())
				}
			}
			if n := strings.Count(said.String(), `"type":"finding"`); n != len(lines) {
				t.Errorf("%d findings: %s", n, said.String())
			}
			parts := unpacked(t, bundle)
			var kept doctorAnswer
			if err := json.Unmarshal([]byte(parts["doctor.json"]), &kept); err != nil {
				t.Fatal(err)
			}
			for id := range lines {
				if !strings.Contains(parts["doctor.json"], id) || !strings.Contains(parts["doctor.txt"], id) {
					t.Errorf("%s is not in the bundle", id)
				}
			}
			if strings.Count(parts["log.txt"], "\n") != len(lines)-1 {
				t.Errorf("the log in the bundle: %s", parts["log.txt"])
			}
			checkLeaks(t, "what was said", said.String())
			for name, text := range parts {
				checkLeaks(t, name, text)
			}
		})
	}
}

// unpacked are the files of an archive.
func unpacked(t *testing.T, name string) map[string]string {
	t.Helper()
	r, err := zip.OpenReader(name)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	out := map[string]string{}
	for _, file := range r.File {
		in, err := file.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		out[file.Name] = string(text)
	}
	return out
}

// TestRequestFindings: what only a request shows is in its Outcome, by the id
// of the check.
func TestRequestFindings(t *testing.T) {
	t.Parallel()
	thumb := filepath.Join(t.TempDir(), "thumb.png")
	if err := os.WriteFile(thumb, samples.Thumb(), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range brokenRequests(thumb) {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			share := beside(t, nil, append([]string{"share"}, append(tt.args, "--json", "-v", "--timeout", "5m")...)...)
			if tt.seen == "" {
				share.wait(t)
			} else {
				share.errOut.await(t, tt.seen, 1)
				share.timeOut(t)
			}
			out, errOut := share.out.String(), share.errOut.String()
			var answer struct {
				Warnings []struct{ ID, Message string }
			}
			if err := json.Unmarshal([]byte(out), &answer); err != nil {
				t.Fatalf("%v: %s%s", err, out, errOut)
			}
			ids := []string{}
			for _, w := range answer.Warnings {
				ids = append(ids, w.ID)
			}
			if got := strings.Join(ids, " "); got != tt.want {
				t.Errorf("found %q, want %q: %s%s", got, tt.want, out, errOut)
			}
		})
	}
}

// A brokenRequest is a request that shows a fault, or none.
type brokenRequest struct {
	name string
	args []string
	want string
	seen string // what is told before the time ends, if it ends
}

func brokenRequests(thumb string) []brokenRequest {
	program := func(more ...string) []string {
		return append([]string{"miniprogram", "--user-name", "gh_0123456789ab", "--webpage-url", "https://example.com", "--title", "Card",
			"--thumb", thumb, "--device", "virtual:android"}, more...)
	}
	return []brokenRequest{
		{"a good share", []string{"text", "Hello", "--device", "virtual:android?think=1ms", "--until", "replied"}, "", ""},
		{"23: the user stays", []string{"text", "Hello", "--device", "virtual:android?think=1ms&answer=stay", "--until", "replied"},
			"request.no-reply", "editor opened"},
		{"23: the user stays, on an iPhone", []string{"text", "Hello", "--device", "virtual:ios?think=1ms&answer=stay", "--until", "replied"},
			"request.no-reply", "WeChat came to the front"},
		{"no reply was waited for", []string{"text", "Hello", "--device", "virtual:android?think=1ms&answer=stay"}, "", ""},
		{"24: not logged in", []string{"text", "Hello", "--device", "virtual:android?login=out", "--until", "replied"},
			"request.login", "asks to log in"},
		{"24: not logged in, and little waited for", []string{"text", "Hello", "--device", "virtual:android?login=out", "--until",
			"opened"}, "request.login", "asks to log in"},
		{"a good program", program(), "", ""},
		{"27: another name than the original id", program("--user-name", "wx0123456789abcdef"), "request.user-name", ""},
		{"27: to Moments", program("--scene", "timeline"), "request.scene", ""},
		{"28: a trial version", program("--type", "preview"), "request.program", ""},
		{"28: a development version", program("--type", "test"), "request.program", ""},
		{"29: several pictures to Moments", []string{"images", thumb, thumb, "--scene", "timeline", "--device",
			"virtual:android"}, "wechat.moments-images", ""},
		{"favorites", []string{"text", "Hello", "--scene", "favorite", "--device", "virtual:android"}, "request.favorite", ""},
	}
}

// TestComplaintsAreFound: each complaint of users is reproduced by a test here;
// the others can't be seen from outside, and doctor says so.
func TestComplaintsAreFound(t *testing.T) {
	ids := append(virtualandroid.Faults(), virtualios.Faults()...)
	for _, b := range brokenPhones(registered(t)) {
		ids = append(ids, b.want...)
	}
	for _, b := range brokenAPKs(t) {
		ids = append(ids, b.want...)
	}
	for _, b := range brokenIPAs(registered(t)) {
		ids = append(ids, b.want...)
	}
	for _, b := range brokenWebsites() {
		ids = append(ids, b.want)
	}
	for _, b := range brokenRequests("") {
		ids = append(ids, b.want)
	}
	for _, platform := range []string{"android", "ios"} {
		for id := range loggedLines(platform) {
			ids = append(ids, id)
		}
	}
	ids = append(ids, "cloud.credentials") // TestDoctorCloud
	found := map[int]bool{}
	for _, id := range ids {
		c, _ := check.Find(id)
		for _, n := range c.Complaints {
			found[n] = true
		}
	}
	unseen := map[int]string{5: "wechat.signature-cache", 22: "cloud.cancel", 30: "cloud.permissions", 34: "app.arguments"}
	f, out, errOut := testFactory(t, "", nil)
	Run(t.Context(), f, []string{"doctor", "--json", "--device", "virtual:android"})
	said := out()
	f, out, _ = testFactory(t, "", nil)
	Run(t.Context(), f, []string{"doctor", "--json", "--device", "virtual:ios"})
	said += out()
	for _, c := range check.Complaints() {
		id := unseen[c.Number]
		switch {
		case id == "" && !found[c.Number]:
			t.Errorf("%d: no test shows that it is found: %s", c.Number, c.Text)
		case id != "" && !strings.Contains(said, `"id":"`+id+`"`):
			t.Errorf("%d: doctor does not say that it can't be seen: %s%s", c.Number, said, errOut())
		}
	}
}

// TestDoctorInterrupted: a signal while the phone is examined is said with what
// was seen until then.
func TestDoctorInterrupted(t *testing.T) {
	t.Parallel()
	f, out, _ := testFactory(t, "", nil)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(&exit.Signal{Code: exit.Interrupted})
	code := Run(ctx, f, []string{"doctor", "com.example.wxdemo", "--watch", "--device", "virtual:android"})
	if code != 130 || !strings.Contains(out(), "interrupted; until then: ") {
		t.Errorf("exit %d: %s", code, out())
	}
}
