package idevice_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/png"
	"testing"

	"go.uber.org/goleak"

	"github.com/wxctl/wxctl/device/virtual/virtualios/idevice"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func boot(t *testing.T, o idevice.Options) *idevice.Phone {
	t.Helper()
	p, err := idevice.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// recorder is an app that reports what happens to it.
type recorder chan string

func (r recorder) Launched(_ *idevice.Phone, self idevice.Process, l idevice.Launch) {
	r <- fmt.Sprintf("launched %s %q", self.BundleID, l.Args)
}

func (r recorder) Opened(_ *idevice.Phone, _ idevice.Process, url, source string) {
	r <- "opened " + url + " from " + source
}

const app = "com.example.app"

func with(t *testing.T, p *idevice.Phone) recorder {
	t.Helper()
	r := make(recorder, 10)
	p.Install(idevice.App{BundleID: app, Name: "App", Version: "1.0", Schemes: []string{"myapp"}, Queries: []string{"myapp"},
		Domains: []string{"applinks:app.example.com"}, LinkPaths: []string{"/link/"}, Code: r})
	return r
}

// Which app opens a URL: by name, by scheme, by universal link, the browser.
func TestURLs(t *testing.T) {
	for _, tt := range []struct {
		name   string
		launch idevice.Launch
		front  string
		seen   []string
		err    error
	}{
		{"into the app", idevice.Launch{BundleID: app, URL: "anything://x", Activates: true}, app,
			[]string{`launched com.example.app []`, "opened anything://x from "}, nil},
		{"by the system", idevice.Launch{BundleID: idevice.SpringBoard, URL: "MyApp://x"}, app,
			[]string{`launched com.example.app []`, "opened MyApp://x from "}, nil},
		{"universal link", idevice.Launch{BundleID: idevice.SpringBoard, URL: "https://app.example.com/link/a"}, app,
			[]string{`launched com.example.app []`, "opened https://app.example.com/link/a from "}, nil},
		{"another path", idevice.Launch{BundleID: idevice.SpringBoard, URL: "https://app.example.com/other"}, idevice.Safari, nil, nil},
		{"no handler", idevice.Launch{BundleID: idevice.SpringBoard, URL: "nobody://x"}, idevice.SpringBoard, nil, idevice.ErrNoHandler},
		{"no scheme", idevice.Launch{BundleID: idevice.SpringBoard, URL: "nobody"}, idevice.SpringBoard, nil, idevice.ErrNoHandler},
		{"not installed", idevice.Launch{BundleID: "com.example.none"}, idevice.SpringBoard, nil, idevice.ErrNotInstalled},
		{"in the background", idevice.Launch{BundleID: app, Args: []string{"-a"}}, idevice.SpringBoard, []string{`launched com.example.app ["-a"]`}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := boot(t, idevice.Options{})
			seen := with(t, p)
			_, err := p.Launch(t.Context(), tt.launch)
			if !errors.Is(err, tt.err) {
				t.Errorf("got %v, want %v", err, tt.err)
			}
			for _, want := range tt.seen {
				if got := <-seen; got != want {
					t.Errorf("got %q, want %q", got, want)
				}
			}
			if got := p.Front().BundleID; got != tt.front {
				t.Errorf("%q is in front, want %q", got, tt.front)
			}
		})
	}
}

func TestLocked(t *testing.T) {
	p := boot(t, idevice.Options{Locked: true})
	with(t, p)
	for _, l := range []idevice.Launch{{BundleID: app}, {BundleID: idevice.SpringBoard, URL: "myapp://x"}} {
		if _, err := p.Launch(t.Context(), l); !errors.Is(err, idevice.ErrLocked) {
			t.Errorf("%+v: %v", l, err)
		}
	}
	dark := p.Screenshot()
	p.SetLocked(false)
	if _, err := p.OpenURL(t.Context(), "myapp://x", ""); err != nil {
		t.Error(err)
	}
	light := p.Screenshot()
	if bytes.Equal(dark, light) {
		t.Error("the screen of a locked phone looks like that of an app")
	}
	if c, err := png.DecodeConfig(bytes.NewReader(light)); err != nil || c.Width != 1170 || c.Height != 2532 {
		t.Errorf("screenshot %d by %d, %v", c.Width, c.Height, err)
	}
}

// A running app handles the next launch in the same process, unless it should
// end first.
func TestProcess(t *testing.T) {
	p := boot(t, idevice.Options{})
	seen := with(t, p)
	first, err := p.Launch(t.Context(), idevice.Launch{BundleID: app, Activates: true})
	if err != nil {
		t.Fatal(err)
	}
	second, err := p.Launch(t.Context(), idevice.Launch{BundleID: app, URL: "myapp://warm"})
	if err != nil || second.PID != first.PID {
		t.Errorf("%+v, %v", second, err)
	}
	for _, want := range []string{"launched com.example.app []", "opened myapp://warm from "} {
		if got := <-seen; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	third, err := p.Launch(t.Context(), idevice.Launch{BundleID: app, Terminate: true, Activates: true})
	if err != nil || third.PID == first.PID || p.Runs(first.PID) {
		t.Errorf("%+v, %v", third, err)
	}
	if err := p.Terminate(third.PID); err != nil || p.Front().BundleID != idevice.SpringBoard {
		t.Errorf("%v, %+v", err, p.Front())
	}
	for _, pid := range []int{third.PID, 1, p.Front().PID} {
		if err := p.Terminate(pid); !errors.Is(err, idevice.ErrNoProcess) {
			t.Errorf("%d: %v", pid, err)
		}
	}
}

func TestOpenLink(t *testing.T) {
	p := boot(t, idevice.Options{})
	with(t, p)
	if _, err := p.OpenLink(t.Context(), "https://example.org/", app); !errors.Is(err, idevice.ErrNoHandler) {
		t.Error(err) // Safari does not count as the app of a universal link
	}
	if pr, err := p.OpenLink(t.Context(), "https://app.example.com/link/", ""); err != nil || pr.BundleID != app {
		t.Errorf("%+v, %v", pr, err)
	}
	if !p.CanOpen(app, "myapp") || p.CanOpen(app, "tel") || p.CanOpen(app, "none") {
		t.Error("canOpenURL answers wrongly")
	}
}

func TestLog(t *testing.T) {
	p := boot(t, idevice.Options{})
	for i := range 3000 {
		p.Log(idevice.Line{Message: fmt.Sprint(i)})
	}
	lines, next, err := p.LogSince(t.Context(), 0)
	if err != nil || next != 3000 || lines[len(lines)-1].Message != "2999" || len(lines) < 1000 || len(lines) > 2000 {
		t.Errorf("%d lines, next %d, %v", len(lines), next, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := p.LogSince(ctx, next); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	go p.Log(idevice.Line{Message: "new"})
	if lines, _, err = p.LogSince(t.Context(), next); err != nil || len(lines) != 1 || lines[0].Message != "new" {
		t.Errorf("%+v, %v", lines, err)
	}
}

func TestParseIOS(t *testing.T) {
	for text, want := range map[string]string{"17.5": "21F79", "16.7.2": "20H79", "26.0": "23A79", "15.0": "19A79", "12": "16A79"} {
		p := boot(t, idevice.Options{IOS: text})
		if got := p.Build(); got != want {
			t.Errorf("%s: build %s, want %s", text, got, want)
		}
	}
	for _, text := range []string{"8.0", "17.5.1.1", "x", "", "17.05", "19.0", "17.-1", "17.99"} {
		if _, _, err := idevice.ParseIOS(text); err == nil {
			t.Errorf("took %q", text)
		}
	}
}

func TestTrust(t *testing.T) {
	p := boot(t, idevice.Options{Trust: idevice.TrustPending})
	p.SetTrust(idevice.Trusted)
	p.TrustHost("A")
	if !p.Knows("A") || p.Knows("B") {
		t.Error("knows the wrong computers")
	}
	p.SetTrust(idevice.TrustDenied)
	if p.Knows("A") {
		t.Error("still trusts a computer")
	}
}
