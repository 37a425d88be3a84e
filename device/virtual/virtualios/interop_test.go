package virtualios_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wxctl/wxctl/device/virtual/virtualios"
	"github.com/wxctl/wxctl/device/virtual/virtualios/idevice"
	"github.com/wxctl/wxctl/fixtures/tier"
)

const clientsDir = "../../../fixtures/interop/ios"

// libimobiledevice are the programs of the Debian packages that are used here.
var libimobiledevice = []string{"idevice_id", "ideviceinfo", "ideviceinstaller", "idevicesyslog", "idevicepair", "idevicescreenshot", "idevicename", "idevicenotificationproxy", "iproxy"}

// client runs a third-party program against a usbmuxd.
type client struct {
	t    *testing.T
	env  []string
	home string
}

func newClient(t *testing.T, usbmux string) *client {
	t.Helper()
	tier.Need(t, "ios", libimobiledevice...)
	home := t.TempDir() // pair records are stored there
	return &client{t, append(os.Environ(), "USBMUXD_SOCKET_ADDRESS="+usbmux, "HOME="+home, "XDG_CONFIG_HOME="+home, "LC_ALL=C.UTF-8", "PYTHONDONTWRITEBYTECODE=1"), home}
}

func (s *client) command(ctx context.Context, line ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, line[0], line[1:]...)
	cmd.Env = s.env
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

// run returns all that a program prints, and whether it succeeded.
func (s *client) run(line ...string) (string, bool) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 2*time.Minute)
	defer cancel()
	out, err := s.command(ctx, line...).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) || ctx.Err() != nil {
		s.t.Fatalf("%q: %v\n%s", line, err, out)
	}
	return string(out), err == nil
}

// until runs a program that does not end by itself, and ends it once a line has
// the text. Meanwhile, again is called from time to time.
func (s *client) until(text string, again func(), line ...string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 2*time.Minute)
	defer cancel()
	cmd := s.command(ctx, line...)
	out, in, err := os.Pipe()
	if err != nil {
		s.t.Fatal(err)
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = in, in
	err = cmd.Start()
	in.Close()
	if err != nil {
		s.t.Fatal(err)
	}
	found := make(chan string, 1)
	go func() {
		var all strings.Builder
		for lines := bufio.NewScanner(out); lines.Scan(); {
			all.WriteString(lines.Text() + "\n")
			if strings.Contains(lines.Text(), text) {
				found <- ""
				cancel()
				return
			}
		}
		found <- all.String()
	}()
	tick := time.NewTicker(200 * time.Millisecond) // it does not report when it listens
	defer tick.Stop()
	for {
		select {
		case missing := <-found:
			_ = cmd.Wait()
			if missing != "" {
				s.t.Errorf("%q never said %q:\n%s", line, text, missing)
			}
			return
		case <-tick.C:
			again()
		}
	}
}

// TestLibimobiledevice: Debian's programs use paired phones, new and old.
func TestLibimobiledevice(t *testing.T) {
	tier.Need(t, "ios", libimobiledevice...)
	for _, version := range []string{"16.7", "17.5", "26.0"} {
		t.Run(version, func(t *testing.T) {
			socket := filepath.Join(t.TempDir(), "usbmuxd")
			server := startWith(t, virtualios.Config{Socket: socket}, virtualios.Options{IOS: version, Name: "Lab 3", WDA: virtualios.WDAOn})
			phone := server.Phones[0]
			for _, address := range []string{server.USBMux, "UNIX:" + socket} {
				s := newClient(t, address)
				for _, tt := range []struct {
					line, want string
				}{
					{"idevice_id -l", phone.UDID() + "\n"},
					{"ideviceinfo -s -k ProductVersion", version + "\n"},
					{"ideviceinfo -k UniqueDeviceID", phone.UDID() + "\n"},
					{"ideviceinfo -q com.apple.mobile.battery -k BatteryCurrentCapacity", "80\n"},
					{"idevicename", "Lab 3\n"},
					{"idevicepair validate", "SUCCESS: Validated pairing with device " + phone.UDID() + "\n"},
					{"ideviceinstaller -l", "CFBundleIdentifier, CFBundleVersion, CFBundleDisplayName\ncom.example.wxdemo, \"1\", \"WxDemo\"\ncom.tencent.xin, \"8.0.50.30\", \"WeChat\"\n"},
				} {
					if got, ok := s.run(strings.Fields(tt.line)...); got != tt.want || !ok {
						t.Errorf("%s: %q, want %q", tt.line, got, tt.want)
					}
				}
				// Its prompt depends on when the phone disconnects.
				if got, ok := s.run("idevicenotificationproxy", "post", "com.example.x"); !ok || !strings.HasPrefix(got, "< posting \"com.example.x\"\n") {
					t.Errorf("idevicenotificationproxy: %q", got)
				}
				s.until("WxDemo[412] <Notice>: wxctl-reply: {}", func() {
					phone.Model.Log(idevice.Line{Process: idevice.Process{PID: 412, Name: "WxDemo"}, Message: "wxctl-reply: {}"})
				}, "idevicesyslog", "-m", "wxctl-reply")
			}
			s := newClient(t, server.USBMux)
			picture := filepath.Join(t.TempDir(), "screen.png")
			got, ok := s.run("idevicescreenshot", picture)
			if data, err := os.ReadFile(picture); version == "16.7" && (err != nil || string(data) != string(phone.Model.Screenshot())) {
				t.Errorf("idevicescreenshot: %s, %v", got, err)
			}
			if version != "16.7" && (ok || !strings.Contains(got, "Could not start screenshotr service")) {
				t.Errorf("idevicescreenshot: %s", got)
			}
		})
	}
}

// TestIproxy forwards a port to WebDriverAgent.
func TestIproxy(t *testing.T) {
	server := start(t, virtualios.Options{WDA: virtualios.WDAOn})
	s := newClient(t, server.USBMux)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(free.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	free.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cmd := s.command(ctx, "iproxy", port+":8100")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cancel()
	client := http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		resp, err := client.Get("http://127.0.0.1:" + port + "/status")
		if err != nil && time.Now().Before(deadline) {
			continue // does not exist yet
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || !strings.Contains(string(body), `"ready":true`) {
			t.Errorf("%s, %v", body, err)
		}
		return
	}
}

// TestIdevicepair walks through the states of pairing.
func TestIdevicepair(t *testing.T) {
	for _, tt := range []struct {
		state, want string
	}{
		{"trust-pending", "Please accept the trust dialog"},
		{"trust-denied", "said that the user denied the trust dialog"},
		{"unpaired-locked", "because a passcode is set"},
	} {
		o, err := virtualios.ParseOptions("state=" + tt.state)
		if err != nil {
			t.Fatal(err)
		}
		s := newClient(t, start(t, o).USBMux)
		if got, ok := s.run("idevicepair", "pair"); ok || !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q", tt.state, got)
		}
		if got, ok := s.run("ideviceinfo", "-s", "-k", "ProductVersion"); !ok || got != "17.5\n" {
			t.Errorf("%s: %q", tt.state, got)
		}
		if got, ok := s.run("ideviceinstaller", "-l"); ok || strings.Contains(got, "com.tencent.xin") {
			t.Errorf("%s: %q", tt.state, got)
		}
	}
	server := start(t, virtualios.Options{Trust: idevice.Untrusted, Think: time.Hour})
	s, phone := newClient(t, server.USBMux), server.Phones[0].Model
	if got, ok := s.run("idevicepair", "pair"); ok || !strings.Contains(got, "Please accept the trust dialog") {
		t.Errorf("%q", got)
	}
	phone.SetTrust(idevice.Trusted) // tapped
	for _, line := range []string{"idevicepair pair", "idevicepair validate"} {
		if got, ok := s.run(strings.Fields(line)...); !ok || !strings.Contains(got, "SUCCESS") {
			t.Errorf("%s: %q", line, got)
		}
	}
	if got, ok := s.run("ideviceinfo", "-k", "DeviceName"); !ok || got != "Virtual iPhone\n" {
		t.Errorf("%q", got)
	}
	if got, ok := s.run("idevicepair", "unpair"); !ok || !strings.Contains(got, "SUCCESS: Unpaired") {
		t.Errorf("%q", got)
	}
	if got, ok := s.run("ideviceinfo", "-k", "SerialNumber"); ok {
		t.Errorf("%q", got)
	}
}

// TestPymobiledevice3: it lists phones and apps and reads the log, with the
// socket that only it uses.
func TestPymobiledevice3(t *testing.T) {
	python := tier.Need(t, "ios", filepath.Join(clientsDir, ".venv/bin/pymobiledevice3"))[0]
	socket := filepath.Join(t.TempDir(), "usbmuxd")
	server := startWith(t, virtualios.Config{Socket: socket}, virtualios.Options{Locked: true}, virtualios.Options{IOS: "16.7"})
	phone := server.Phones[0]
	for _, address := range []string{server.USBMux, socket} {
		s := newClient(t, address)
		ask := func(into any, line ...string) {
			t.Helper()
			out, ok := s.run(append([]string{python}, line...)...)
			start := strings.IndexAny(out, "[{")
			if !ok || start < 0 || json.Unmarshal([]byte(out[start:]), into) != nil {
				t.Fatalf("%q: %s", line, out)
			}
		}
		var list []struct{ Identifier, ProductVersion, ConnectionType string }
		ask(&list, "usbmux", "list")
		if len(list) != 2 || list[0].Identifier != phone.UDID() || list[1].ProductVersion != "16.7" || list[0].ConnectionType != "USB" {
			t.Errorf("%+v", list)
		}
		var info map[string]any
		ask(&info, "lockdown", "info", "--udid", phone.UDID())
		if info["PasswordProtected"] != true || info["UniqueDeviceID"] != phone.UDID() {
			t.Errorf("%v", info)
		}
		var apps map[string]struct {
			CFBundleShortVersionString string
			Entitlements               map[string]any
		}
		ask(&apps, "apps", "list", "--udid", phone.UDID())
		if apps["com.tencent.xin"].CFBundleShortVersionString != "8.0.50" || apps["com.example.wxdemo"].Entitlements["get-task-allow"] != true {
			t.Errorf("%+v", apps)
		}
		s.until("wxctl-reply: {\"x\":\"\u4e2d\"}", func() {
			phone.Model.Log(idevice.Line{Process: idevice.Process{PID: 412, Name: "WxDemo", Path: "/x/WxDemo"}, Message: "wxctl-reply: {\"x\":\"\u4e2d\"}"})
		}, python, "syslog", "live", "--udid", phone.UDID())
	}
	// Up to iOS 16 it takes pictures as libimobiledevice does.
	old := server.Phones[1]
	picture := filepath.Join(t.TempDir(), "screen.png")
	out, ok := newClient(t, server.USBMux).run(python, "developer", "screenshot", "--udid", old.UDID(), picture)
	if data, err := os.ReadFile(picture); !ok || err != nil || string(data) != string(old.Model.Screenshot()) {
		t.Errorf("a picture of %d bytes, %v: %s", len(data), err, out)
	}
	refused := newClient(t, start(t, virtualios.Options{Trust: idevice.TrustDenied}).USBMux)
	if out, ok := refused.run(python, "lockdown", "info"); ok || strings.Contains(out, "PasswordProtected\"") {
		t.Errorf("a phone that refused: %s", out)
	}
}

// TestFacebookWDA: another client drives WebDriverAgent.
func TestFacebookWDA(t *testing.T) {
	python := tier.Need(t, "ios", filepath.Join(clientsDir, ".venv/bin/python"))[0]
	server := start(t, virtualios.Options{WDA: virtualios.WDAOn, Think: time.Hour})
	address, err := server.ServeWDA(0)
	if err != nil {
		t.Fatal(err)
	}
	s := newClient(t, server.USBMux)
	if out, ok := s.run(python, filepath.Join(clientsDir, "wda_check.py"), "http://"+address); !ok || !strings.HasSuffix(out, "8 passed, 0 failed\n") {
		t.Errorf("%s", out)
	}
}
