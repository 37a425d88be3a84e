package ios_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/ios"
	"github.com/wxctl/wxctl/device/virtual/virtualios"
	"github.com/wxctl/wxctl/device/virtual/virtualios/coredevice"
	"github.com/wxctl/wxctl/fixtures/fault"
	"github.com/wxctl/wxctl/fixtures/tier"
	"github.com/wxctl/wxctl/fixtures/wait"
	"github.com/wxctl/wxctl/intents"
)

// lab is a virtual iPhone behind its usbmuxd, and where a tunnel service is.
type lab struct {
	*virtualios.Server
	backend *ios.Backend
}

func newLab(t testing.TB, o virtualios.Options, faults *fault.Plan) *lab {
	t.Helper()
	o.Think = time.Microsecond
	server, err := virtualios.Start(context.Background(), virtualios.Config{Keys: sharedKeys(), Faults: faults.Strike}, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	return &lab{server, &ios.Backend{Server: ios.Server{Addr: server.USBMux}, Transport: device.Virtual}}
}

func (l *lab) open(t testing.TB) device.Phone {
	t.Helper()
	infos, err := l.backend.List(timed(t), "")
	if err != nil || len(infos) != 1 {
		t.Fatalf("%d phones, %v", len(infos), err)
	}
	phone, err := l.backend.Open(timed(t), infos[0])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { phone.Close() })
	return phone
}

// TestOneTunnel counts the cost of one share, and of a hundred.
func TestOneTunnel(t *testing.T) {
	faults := fault.New()
	phone := newLab(t, virtualios.Options{}, faults).open(t)
	for shares := 1; shares <= 100; shares++ {
		out, err := phone.Deliver(timed(t), device.Job{Request: webpage(), Until: device.Opened})
		if err != nil || out.State < device.Opened {
			t.Fatalf("share %d: %v, state %v", shares, err, out.State)
		}
		if shares > 1 && shares < 100 {
			continue
		}
		for step, want := range map[string]int{
			"CoreDeviceProxy handshake": 1, "rsd HTTP/2": 1, "rsd Handshake": 1, "appservice HTTP/2": 1, "appservice launchapplication": shares,
		} {
			if got := faults.Count(step); got != want {
				t.Errorf("after %d shares: %q %d times, want %d; steps %q", shares, step, got, want, faults.Steps())
			}
		}
	}
}

// TestEachRequestByCoreDevice sends each kind of request, and reads its reply.
func TestEachRequestByCoreDevice(t *testing.T) {
	phone := newLab(t, virtualios.Options{}, nil).open(t)
	for _, route := range []device.Route{device.RouteURL, device.RouteBridge} {
		for _, req := range requests {
			out, err := phone.Deliver(timed(t), device.Job{Request: req, Route: route, Until: device.Replied})
			if err != nil {
				t.Errorf("%s %s: %v", route, req.Kind(), err)
				continue
			}
			if out.State != device.Replied || out.Reply == nil || !strings.Contains(out.RouteReason, "CoreDevice payloadURL, through a tunnel that wxctl opened") {
				t.Errorf("%s %s: state %v, %s", route, req.Kind(), out.State, out.RouteReason)
			}
			if _, ok := req.(intents.LaunchMiniProgram); ok && (len(out.Events) != 2 || out.Events[0].EventType != "launch" || !*out.Events[0].Status || out.Events[1].EventType != "back") {
				t.Errorf("%s launch: events %+v", route, out.Events)
			}
		}
	}
}

// TestTunnelService goes through the tunnel of a running service, and notices
// one that no longer works.
func TestTunnelService(t *testing.T) {
	faults := fault.New()
	l := newLab(t, virtualios.Options{}, faults)
	service, err := l.ServeTunnels(0)
	if err != nil {
		t.Fatal(err)
	}
	l.backend.TunnelService = service
	out, err := l.open(t).Deliver(timed(t), device.Job{Request: webpage()})
	if err != nil || !strings.Contains(out.RouteReason, "the tunnel service of go-ios at "+service) {
		t.Fatalf("%v: %s", err, out.RouteReason)
	}
	if n := faults.Count("CoreDeviceProxy handshake"); n != 0 {
		t.Errorf("opened %d tunnels of its own", n)
	}
	// A tunnel from before a replug is listed, and its port does not answer.
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	tunnel := coredevice.TunnelInfo{Address: "fd00::1", RSDPort: coredevice.RSDPort, UDID: l.Phones[0].UDID(), UserspaceTUN: true,
		UserspaceTUNPort: silent.Addr().(*net.TCPAddr).Port}
	stale := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/tunnels" {
			json.NewEncoder(w).Encode([]coredevice.TunnelInfo{tunnel})
		} else {
			json.NewEncoder(w).Encode(tunnel)
		}
	}))
	defer stale.Close()
	l.backend.TunnelService, l.backend.StaleAfter = stale.Listener.Addr().String(), 50*time.Millisecond
	var notes []device.Note
	job := device.Job{Request: webpage(), Hooks: device.Hooks{Note: func(n device.Note) { notes = append(notes, n) }}}
	out, err = l.open(t).Deliver(timed(t), job)
	if err != nil || !strings.Contains(out.RouteReason, "a tunnel that wxctl opened") {
		t.Fatalf("%v: %s", err, out.RouteReason)
	}
	if len(notes) != 1 || !strings.Contains(notes[0].Message, "it is stale") || !strings.Contains(notes[0].Hint, "curl -X DELETE") {
		t.Errorf("notes %+v", notes)
	}
}

// TestReplug unplugs the phone between two shares: the broken tunnel is noticed
// and reported, and another one opened.
func TestReplug(t *testing.T) {
	faults := fault.New()
	l := newLab(t, virtualios.Options{NoUSB: true}, faults)
	plugged, unplug := context.WithCancel(t.Context())
	l.Mux.Attach(plugged, l.Phones[0], "USB")
	phone := l.open(t)
	var notes []device.Note
	job := device.Job{Request: webpage(), Hooks: device.Hooks{Note: func(n device.Note) { notes = append(notes, n) }}}
	if _, err := phone.Deliver(timed(t), job); err != nil {
		t.Fatal(err)
	}
	unplug()
	l.Mux.Attach(t.Context(), l.Phones[0], "USB")
	var err error
	for ctx := timed(t); ; {
		// The tunnel's end may be seen a moment later than the phone's.
		if _, err = phone.Deliver(ctx, job); code(err) != device.PhoneLost {
			break
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	if n := faults.Count("CoreDeviceProxy handshake"); n != 2 {
		t.Errorf("%d tunnels were opened", n)
	}
	for _, n := range notes {
		if strings.Contains(n.Message, "the tunnel to the phone broke") {
			return
		}
	}
	t.Errorf("notes %+v", notes)
}

// coreSteps are the requests of a share by CoreDevice to the phone, except
// those about apps.
var coreSteps = []string{
	"os_trace_relay StartActivity", "CoreDeviceProxy", "CoreDeviceProxy handshake", "CoreDeviceProxy packets",
	"rsd HTTP/2", "rsd Handshake", "appservice HTTP/2", "appservice launchapplication",
}

// muxSteps come before them, of usbmuxd and lockdownd.
var muxSteps = []string{
	"usbmux ListDevices", "usbmux ReadPairRecord", "usbmux Connect", "lockdown StartSession", "lockdown TLS", "lockdown GetValue",
	"lockdown StartService", "installation_proxy TLS", "installation_proxy Lookup",
}

// noLeaks returns a function that fails the test if goroutines are left.
func noLeaks(t *testing.T) func() {
	before := goleak.IgnoreCurrent()
	return func() {
		t.Helper()
		var err error
		for end := time.Now().Add(patience); time.Now().Before(end); {
			if err = goleak.Find(before); err == nil {
				return
			}
		}
		t.Error(err)
	}
}

// TestFaults has the phone fail at each step: the delivery ends with the
// context or at once, and nothing is left running or open. In the tier "faults"
// each fault happens 200 times.
func TestFaults(t *testing.T) {
	n := 1
	if tier.Required("faults") {
		n = 200
	}
	for name, effect := range map[string]fault.Effect{"stall": fault.Stall, "cut": fault.Cut, "garbage": fault.Garbage} {
		for _, step := range append(slices.Concat(muxSteps, coreSteps), "wda GET /status", "wda GET /wda/locked", "wda POST /session", "wda POST /session/url", "wda GET /wda/activeAppInfo") {
			t.Run(name+"/"+step, func(t *testing.T) {
				temporary := t.TempDir()
				t.Setenv("TMPDIR", temporary)
				defer noLeaks(t)()
				files := openFiles(t)
				for range n {
					failAt(t, step, effect)
				}
				wait.For(t, "files to close", func() bool { return openFiles(t) <= files })
				if left, err := os.ReadDir(temporary); len(left) > 0 || err != nil {
					t.Errorf("left behind: %v, %v", left, err)
				}
			})
		}
	}
}

// share lists the phone and delivers a request to it.
func (l *lab) share(ctx context.Context) error {
	infos, err := l.backend.List(ctx, "")
	if err != nil {
		return err
	}
	phone, err := l.backend.Open(ctx, infos[0])
	if err != nil {
		return err
	}
	_, err = phone.Deliver(ctx, device.Job{Request: webpage(), Until: device.Returned})
	return errors.Join(err, phone.Close())
}

// failAt has a delivery fail at a step.
func failAt(t *testing.T, step string, effect fault.Effect) {
	t.Helper()
	o := virtualios.Options{}
	if strings.HasPrefix(step, "wda") {
		o.IOS, o.WDA = "16.7", virtualios.WDAOn
	}
	faults := fault.New(fault.Fault{Step: step, Then: effect})
	l := newLab(t, o, faults)
	defer l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if effect == fault.Stall {
		go func() { // the virtual phone stops waiting at the step
			for faults.Count(step) == 0 && ctx.Err() == nil {
				time.Sleep(time.Millisecond)
			}
			cancel()
		}()
	}
	err := l.share(ctx)
	if err == nil {
		t.Fatalf("it succeeded; steps %q", faults.Steps())
	}
	if faults.Count(step) == 0 {
		t.Fatalf("%q was not reached: %v; steps %q", step, err, faults.Steps())
	}
	e := device.AsError(err)
	switch {
	case effect == fault.Stall:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("the wait ended with %v (%s)", err, e.Code)
		}
	case ctx.Err() != nil:
		t.Errorf("it took the whole time: %v", err)
	case e.Hint == "" || e.Code == device.Failed:
		t.Errorf("%v (%s), hint %q", err, e.Code, e.Hint)
	}
}

// openFiles counts this process's file descriptors, where that is possible.
// Pipes don't count: the runtime keeps a pool of them for splice(2).
func openFiles(t testing.TB) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil && runtime.GOOS == "linux" {
		t.Fatal(err)
	}
	n := 0
	for _, e := range entries {
		if link, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && !strings.HasPrefix(link, "pipe:") {
			n++
		}
	}
	return n
}

// TestInterrupted ends a wait that nothing else ends.
func TestInterrupted(t *testing.T) {
	defer noLeaks(t)()
	faults := fault.New(fault.Fault{Step: "appservice launchapplication", Then: fault.Stall})
	l := newLab(t, virtualios.Options{}, faults)
	defer l.Close()
	phone := l.open(t)
	defer phone.Close()
	ctx, cancel := context.WithCancel(timed(t))
	done := make(chan error, 1)
	go func() { _, err := phone.Deliver(ctx, device.Job{Request: webpage()}); done <- err }()
	for faults.Count("appservice launchapplication") == 0 {
		time.Sleep(time.Millisecond)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestLaunchRequest looks at the request's form.
func TestLaunchRequest(t *testing.T) {
	l := ios.Launch{BundleID: "com.tencent.xin", URL: "weixin://app/wx0123456789abcdef/auth/?scope=s&state=1"}
	d := ios.LaunchRequest(l, "D", "I")
	for path, want := range map[string]any{
		"CoreDevice.featureIdentifier":                              "com.apple.coredevice.feature.launchapplication",
		"CoreDevice.deviceIdentifier":                               "D",
		"CoreDevice.invocationIdentifier":                           "I",
		"CoreDevice.input/applicationSpecifier/bundleIdentifier/_0": l.BundleID,
		"CoreDevice.input/options/payloadURL/relative":              l.URL,
		"CoreDevice.input/options/activates":                        true,
		"CoreDevice.input/options/terminateExisting":                false,
	} {
		got := any(d)
		for _, key := range strings.Split(path, "/") {
			got = got.(map[string]any)[key]
		}
		if got != want {
			t.Errorf("%s is %v, want %v", path, got, want)
		}
	}
}
