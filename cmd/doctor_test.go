package cmd

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wxctl/wxctl/device/android/agent"
	"github.com/wxctl/wxctl/device/check"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid"
	"github.com/wxctl/wxctl/fixtures/adbtest"
	"github.com/wxctl/wxctl/fixtures/oauthtest"
	"github.com/wxctl/wxctl/oauth/virtualoauth"
)

// found are the ids of the findings that are something to fix, or of a status.
func found(t *testing.T, out string, status ...check.Status) []string {
	t.Helper()
	var answer doctorAnswer
	if err := json.Unmarshal([]byte(out), &answer); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var ids []string
	for _, f := range answer.Findings {
		if slices.Contains(status, f.Status) || len(status) == 0 && f.Bad() {
			ids = append(ids, f.ID)
		}
	}
	return ids
}

// associationFile is a good one of the demo app.
const associationFile = `{"applinks":{"details":[{"appIDs":["ABCDE12345.com.example.wxdemo"],"components":[{"/":"/*"}]}]}}`

// A brokenWebsite is a fault of a website, or of Apple's copy of its file.
type brokenWebsite struct {
	name        string
	site, apple func(http.ResponseWriter)
	host        string // "" is the one that the certificate is for
	want        string
}

func brokenWebsites() []brokenWebsite {
	const good = associationFile
	other := strings.Replace(good, "ABCDE12345", "ZZZZZ12345", 1)
	return []brokenWebsite{

		{name: "good"},
		{name: "redirected", site: func(w http.ResponseWriter) {
			w.Header().Set("Location", "https://www.example.com/")
			w.WriteHeader(301)
		}, want: "link.redirect"},
		{name: "absent", site: func(w http.ResponseWriter) { w.WriteHeader(404) }, want: "link.file"},
		{name: "a page", site: func(w http.ResponseWriter) { fmt.Fprint(w, "<html>") }, want: "link.format"},
		{name: "cut", site: func(w http.ResponseWriter) { fmt.Fprint(w, good[:30]) }, want: "link.format"},
		{name: "another team", site: func(w http.ResponseWriter) { fmt.Fprint(w, other) }, want: "link.app"},
		{name: "in the form before components", site: func(w http.ResponseWriter) {
			fmt.Fprint(w, `{"applinks":{"apps":[],"details":[{"appID":"ABCDE12345.com.example.wxdemo","paths":["NOT /admin/*","*"]}]}}`)
		}},
		{name: "by app", site: func(w http.ResponseWriter) {
			fmt.Fprint(w, `{"applinks":{"details":{"ABCDE12345.com.example.wxdemo":{"paths":["/wx*"]}}}}`)
		}},
		{name: "excluded", site: func(w http.ResponseWriter) {
			fmt.Fprint(w, strings.Replace(good, `{"/":"/*"}`, `{"/":"/*/oauth","exclude":true},{"/":"/*"}`, 1))
		}, want: "link.paths"},
		{name: "without star", site: func(w http.ResponseWriter) { fmt.Fprint(w, strings.Replace(good, "/*", "/", 1)) }, want: "link.paths"},
		{name: "the bundle id alone", site: func(w http.ResponseWriter) { fmt.Fprint(w, strings.Replace(good, "ABCDE12345.", "", 1)) },
			want: "link.app"},
		{name: "the bundle id in another case", site: func(w http.ResponseWriter) { fmt.Fprint(w, strings.Replace(good, "wxdemo", "WxDemo", 1)) },
			want: "link.app"},
		{name: "as a web page", site: func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			fmt.Fprint(w, good)
		}, want: "link.type"},
		{name: "as JSON", site: func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, good)
		}},
		{name: "with a byte order mark", site: func(w http.ResponseWriter) { fmt.Fprint(w, "\ufeff"+good) }, want: "link.format"},
		{name: "no applinks", site: func(w http.ResponseWriter) { fmt.Fprint(w, `{"webcredentials":{"apps":[]}}`) }, want: "link.format"},
		{name: "too large", site: func(w http.ResponseWriter) { fmt.Fprint(w, good, strings.Repeat(" ", 128<<10)) }, want: "link.format"},
		{name: "behind a login", site: func(w http.ResponseWriter) { w.WriteHeader(401) }, want: "link.file"},
		{name: "another path", site: func(w http.ResponseWriter) { fmt.Fprint(w, strings.Replace(good, "/*", "/a", 1)) }, want: "link.paths"},
		{name: "another certificate", host: "wxdemo.example.org", want: "link.reachable"},
		{name: "Apple's copy is old", apple: func(w http.ResponseWriter) {
			w.Header().Set("Last-Modified", "Thu, 01 Jan 2026 14:02:00 GMT")
			fmt.Fprint(w, other)
		}, want: "link.apple"},
		{name: "Apple has none", apple: func(w http.ResponseWriter) { w.WriteHeader(404) }, want: "link.apple"},
	}
}

// TestDoctorOnline: a local website, and Apple's copy of its file, have one
// fault after another, over HTTPS.
func TestDoctorOnline(t *testing.T) {
	t.Parallel()
	const good = associationFile
	for _, tt := range brokenWebsites() {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				answer := tt.site
				if strings.HasPrefix(r.URL.Path, "/a/v1/") {
					answer = tt.apple
				}
				if answer == nil {
					fmt.Fprint(w, good)
					return
				}
				answer(w)
			}))
			server.Config.ErrorLog = log.New(io.Discard, "", 0)
			server.StartTLS()
			defer server.Close()
			host := "example.com" // which the test server's certificate is for
			if tt.host != "" {
				host = tt.host
			}
			profile := strings.ReplaceAll(registered(t), "wxdemo.example.com", host)
			f, out, errOut := testFactory(t, "", map[string]string{"WXCTL_AASA_BASE": server.URL, "WXCTL_CONFIG_DIR": configDir(t, profile)})
			f.WebRoots = x509.NewCertPool()
			f.WebRoots.AddCert(server.Certificate())
			Run(t.Context(), f, []string{"doctor", "--json", "--device", "virtual:ios", "--online", "--only", "link"})
			var want []string
			if tt.want != "" {
				want = []string{tt.want}
			}
			// Apple's host is not in the certificate.
			if got := slices.DeleteFunc(found(t, out(), check.Fail, check.Warn, check.Unknown),
				func(id string) bool { return id == "link.apple" && tt.apple == nil }); !slices.Equal(got, want) {
				t.Errorf("found %q, want %q: %s%s", got, want, out(), errOut())
			}
		})
	}
}

func configDir(t *testing.T, text string) string {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "config.toml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestDoctorCloud: WeChat's server says whether AppID and secret are valid.
func TestDoctorCloud(t *testing.T) {
	ts := httptest.NewServer(oauthtest.New(virtualoauth.Options{Secret: sentinelSecret}))
	defer ts.Close()
	for _, tt := range []struct {
		name, appID, secret, want string
		status                    check.Status
	}{
		{"right", virtualoauth.DefaultAppID, sentinelSecret, "cloud.credentials", check.Pass},
		{"wrong secret", virtualoauth.DefaultAppID, "0123456789abcdef0123456789abcdef", "cloud.credentials", check.Fail},
		{"wrong AppID", "wx00000000000000aa", sentinelSecret, "cloud.credentials", check.Fail},
		{"no secret", virtualoauth.DefaultAppID, "", "cloud.credentials", check.Skip},
	} {
		f, out, errOut := testFactory(t, "", map[string]string{"WXCTL_APP_ID": tt.appID, "WXCTL_APP_SECRET": tt.secret, "WXCTL_STORE": "file"})
		Run(t.Context(), f, []string{"doctor", "--json", "--device", "virtual:android", "--online", "--only", "cloud", "--base-url", ts.URL})
		if got := found(t, out(), tt.status); !slices.Contains(got, tt.want) {
			t.Errorf("%s: %q of %s%s", tt.name, got, out(), errOut())
		}
		if tt.secret != "" && strings.Contains(out()+errOut(), tt.secret) {
			t.Errorf("%s: the secret was printed", tt.name)
		}
	}
}

// TestDoctorCost: all groups of a phone take at most four connections to its
// adb server, whatever is missing on it, and however often it was used.
func TestDoctorCost(t *testing.T) {
	t.Parallel()
	apk := filepath.Join(t.TempDir(), "app.apk")
	whole := demoAPK(demoCertificate(t))
	if err := os.WriteFile(apk, whole.Make(t), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		options virtualandroid.Options
		known   bool // it was asked who it is before
		target  []string
		code    int
		most    int
	}{
		"never driven":         {most: 4},
		"known":                {options: virtualandroid.Options{Agent: agent.Dex}, known: true, most: 3},
		"driven by others":     {options: virtualandroid.Options{Agent: agent.Dex}, most: 3},
		"its agent is another": {options: virtualandroid.Options{Agent: append(slices.Clone(agent.Dex), 0)}, known: true, most: 4},
		"no WeChat":            {options: virtualandroid.Options{Without: true}, code: 5, most: 4},
		"no app":               {options: virtualandroid.Options{Fault: "app.installed"}, code: 5, most: 4},
		"somebody names it":    {target: []string{"com.example.wxdemo"}, most: 4},
		"with a file":          {target: []string{apk, "--device", "virtual-android"}, most: 4},
		"two users":            {options: virtualandroid.Options{Users: []int{10, 999}}, most: 4},
		"API 24":               {options: virtualandroid.Options{API: 24}, most: 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			listener := adbtest.Listen(t)
			server, err := virtualandroid.Serve(t.Context(), listener, tt.options)
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()
			dir := configDir(t, registered(t))
			run := func(args ...string) string {
				f, out, errOut := testFactory(t, "", map[string]string{"WXCTL_CONFIG_DIR": dir})
				if code := Run(t.Context(), f, append(args, "--json", "--platform", "android", "--adb-server", server.ADB)); code != tt.code {
					t.Fatalf("exit %d: %s%s", code, out(), errOut())
				}
				return out()
			}
			if tt.known {
				run("devices")
			}
			before := listener.Connections()
			answer := run(append([]string{"doctor"}, tt.target...)...)
			if got := found(t, answer, check.Pass); tt.code == 0 && !slices.Contains(got, "app.entry.class") {
				t.Errorf("the code was not read: %s", answer)
			}
			if n := listener.Connections() - before; n > tt.most {
				t.Errorf("%d connections, at most %d", n, tt.most)
			} else {
				t.Logf("%d connections", n)
			}
		})
	}
}

// lockedText is output that is read while a command still writes it.
type lockedText struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lockedText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lockedText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// TestDoctorProbe: a forged reply reaches an app without faults, and not one
// that hides its entry.
func TestDoctorProbe(t *testing.T) {
	t.Parallel()
	for device, want := range map[string]check.Status{
		"virtual:android": check.Pass, "virtual:ios": check.Pass, "virtual:android?fault=app.entry.missing": check.Unknown,
		"virtual:android?app=release": check.Unknown, "virtual:android?fault=app.reply": check.Fail,
		// A debugger sees what is not logged, unless another debugger is attached.
		"virtual:android?hook=none": check.Pass, "virtual:android?hook=none&fault=app.reply": check.Fail,
		"virtual:android?hook=none&api=24": check.Pass, "virtual:android?hook=none&app=debugged": check.Unknown,
	} {
		t.Run(device, func(t *testing.T) {
			t.Parallel()
			f, out, errOut := testFactory(t, "", nil)
			if want != check.Pass { // nothing will come, so there is no need to wait
				f.ProbeQuiet = time.Millisecond
			}
			Run(t.Context(), f, []string{"doctor", "--json", "--probe", "--only", "app.reply", "--device", device, "com.example.wxdemo"})
			if got := found(t, out(), want); !slices.Contains(got, "app.reply") {
				t.Errorf("%s%s", out(), errOut())
			}
			if want == check.Pass && !strings.Contains(errOut(), "opening com.example.wxdemo") {
				t.Errorf("it was not said before: %s", errOut())
			}
		})
	}
}

// TestDoctorFix: what wxctl itself left is fixed, after a question or with --yes.
func TestDoctorFix(t *testing.T) {
	dir := configDir(t, upper(registered(t)))
	env := map[string]string{"WXCTL_CONFIG_DIR": dir}
	f, out, errOut := testFactory(t, "", env)
	if code := Run(t.Context(), f, []string{"doctor", "--fix", "--device", "virtual:android"}); code != 2 || !strings.Contains(errOut(),
		"--yes") {
		t.Errorf("without a terminal: exit %d: %s%s", code, out(), errOut())
	}
	f, out, errOut = testFactory(t, "n\n", env)
	f.Streams.InTTY, f.Streams.ErrTTY = true, true
	if code := Run(t.Context(), f, []string{"doctor", "--fix", "--device", "virtual:android"}); code != 5 || !strings.Contains(errOut(),
		"Do it?") {
		t.Errorf("refused: exit %d: %s%s", code, out(), errOut())
	}
	f, out, errOut = testFactory(t, "", env)
	if code := Run(t.Context(), f, []string{"doctor", "--fix=profile.md5.form", "--yes", "--device", "virtual:android"}); code != 0 {
		t.Errorf("fixed: exit %d: %s%s", code, out(), errOut())
	}
	if text, err := os.ReadFile(filepath.Join(dir, "config.toml")); err != nil || !strings.Contains(string(text),
		registered(t)[strings.Index(registered(t), "android-md5"):]) {
		t.Errorf("%s, %v", text, err)
	}
	f, out, errOut = testFactory(t, "", env)
	if code := Run(t.Context(), f, []string{"doctor", "--fix=wechat.signature-cache", "--yes", "--device", "virtual:android"}); code != 0 ||
		!strings.Contains(errOut(), "fixed: wechat.signature-cache") {
		t.Errorf("WeChat stopped: exit %d: %s%s", code, out(), errOut())
	}
	for _, device := range []string{"android?fault=app.enabled", "android?wechat=disabled"} {
		f, out, errOut := testFactory(t, "", env)
		if code := Run(t.Context(), f, []string{"doctor", "--json", "--fix", "--yes", "--device", "virtual:" + device}); code != 0 ||
			len(found(t, out())) > 0 {
			t.Errorf("%s: exit %d: %s%s", device, code, out(), errOut())
		}
	}
}

// TestDoctorReports: JUnit's XML, GitHub's annotations and the bundle say what
// was found, and no secret.
func TestDoctorReports(t *testing.T) {
	dir := t.TempDir()
	junit, bundle := filepath.Join(dir, "junit.xml"), filepath.Join(dir, "bundle.zip")
	f, out, errOut := testFactory(t, "", map[string]string{"WXCTL_APP_SECRET": sentinelSecret})
	code := Run(t.Context(), f, []string{"doctor", "--device", "virtual:android?fault=app.queries", "--report", "junit=" + junit,
		"--report", "github", "--bundle", bundle})
	if code != 5 || !strings.Contains(out(), "::error title=app.queries::the app can't see WeChat") {
		t.Errorf("exit %d: %s%s", code, out(), errOut())
	}
	text, err := os.ReadFile(junit)
	if err != nil {
		t.Fatal(err)
	}
	var suite junitSuite
	if err := xml.Unmarshal(text, &suite); err != nil || suite.Failures != 1 || suite.Tests != len(suite.Cases) || suite.Skipped == 0 {
		t.Errorf("%+v, %v", suite, err)
	}
	packed, err := zip.OpenReader(bundle)
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	var all bytes.Buffer
	for _, part := range packed.File {
		r, err := part.Open()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(&all, r); err != nil {
			t.Fatal(err)
		}
	}
	if !strings.Contains(all.String(), "app.queries") || strings.Contains(all.String(), sentinelSecret) || len(packed.File) != 5 {
		t.Errorf("%s", all.String())
	}
	if info, err := os.Stat(bundle); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
}

// TestDoctorHangs: a part that ignores its deadline, and one that panics, are
// gaps, and everything else is collected.
func TestDoctorHangs(t *testing.T) {
	x := &examination{o: &doctorOptions{}}
	x.facts.Gaps = map[check.Need]check.Gap{}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	learned := false
	x.together(ctx,
		part{"the phone", []check.Need{check.NeedPhone}, func(ctx context.Context) (func(), error) { <-ctx.Done(); return nil, ctx.Err() },
			nil},
		part{"the cloud", []check.Need{check.NeedCloud}, func(context.Context) (func(), error) { panic("no luck") }, nil},
		part{"the web", []check.Need{check.NeedWeb}, func(context.Context) (func(), error) { return func() { learned = true }, nil }, nil},
	)
	if g := x.facts.Gaps[check.NeedPhone]; g.Status != check.Unknown || !strings.Contains(g.Reason, "did not answer within 10s") {
		t.Errorf("%+v", g)
	}
	if g := x.facts.Gaps[check.NeedCloud]; g.Status != check.Unknown || !strings.Contains(g.Reason, "no luck") || !learned {
		t.Errorf("%+v, learned %t", g, learned)
	}
}
