package android

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/android/agent"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
	"github.com/wxctl/wxctl/device/virtual/wechat"
	"github.com/wxctl/wxctl/fixtures/tier"
	"github.com/wxctl/wxctl/fixtures/wait"
	"github.com/wxctl/wxctl/intents"
	"github.com/wxctl/wxctl/intents/androidwire"
)

// TestWarmShareAllocates counts what a warm share allocates, both sides
// together: the virtual phone is in this process.
func TestWarmShareAllocates(t *testing.T) {
	l := newLab(t, virtualandroid.Options{})
	l.warm(t)
	job := device.Job{Request: page(intents.SceneSession), Until: device.Opened}
	var most uint64
	for range 3 {
		p := l.open(t)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if o, err := p.Deliver(t.Context(), job); err != nil {
			t.Fatal(err, whats(o))
		}
		runtime.ReadMemStats(&after)
		most = max(most, after.TotalAlloc-before.TotalAlloc)
		p.Close()
		l.Model.ForceStop(wechat.PackageName, 0)
	}
	if most > 2<<20 && !raceDetector {
		t.Errorf("a warm share allocates %d bytes, of which 2 MiB are allowed", most)
	}
	t.Logf("%d bytes", most)
}

// TestTurns counts, for each command on a warm phone, the connections to the
// server, the requests in them (the transport and the service) and the turns
// with the agent: its hello answers the first.
func TestTurns(t *testing.T) {
	demo := device.AppIdentity{Package: virtualandroid.DemoPackage}
	share := func(job device.Job) func(*testing.T, *Phone) {
		return func(t *testing.T, p *Phone) {
			if o, err := p.Deliver(t.Context(), job); err != nil {
				t.Fatal(err, whats(o))
			}
		}
	}
	tests := map[string]struct {
		do                           func(*testing.T, *Phone)
		connections, requests, turns int
	}{
		"installed": {func(t *testing.T, p *Phone) {
			if w, err := p.WeChat(t.Context(), device.UserChoice{}); err != nil || !w.Installed {
				t.Fatal(w, err)
			}
		}, 1, 2, 1},
		"inspect": {func(t *testing.T, p *Phone) {
			if _, err := p.Inspect(t.Context(), demo, device.UserChoice{}); err != nil {
				t.Fatal(err)
			}
		}, 1, 2, 1},
		// The phone's facts, and the start together with the question what is
		// in front after it.
		"share until delivered": {share(device.Job{Request: page(intents.SceneSession), Until: device.Delivered, App: demo}), 1, 2, 2},
		// The question what is in front comes at the end.
		"share until opened": {share(device.Job{Request: page(intents.SceneSession), Until: device.Opened, App: demo}), 1, 2, 3},
		// The app is searched for first.
		"share for an unnamed app": {share(device.Job{Request: page(intents.SceneSession), Until: device.Delivered}), 1, 2, 3},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, virtualandroid.Options{})
			l.warm(t)
			p := l.open(t)
			turns, asking := 0, false // a turn is requests, and then answers
			p.server.Trace = device.NewTrace(func(line string) {
				if !strings.HasPrefix(line, "agent#") {
					return
				}
				asks := strings.Contains(line, " > ")
				if asks && !asking {
					turns++
				}
				asking = asks
			})
			connections, requests := l.server.Connections(), l.server.Requests()
			test.do(t, p)
			if c, r := l.server.Connections()-connections, l.server.Requests()-requests; c != test.connections || r != test.requests {
				t.Errorf("%d connections with %d requests, want %d with %d", c, r, test.connections, test.requests)
			}
			if turns != test.turns {
				t.Errorf("%d turns with the agent, want %d", turns, test.turns)
			}
		})
	}
}

// TestInstalledAsksForOnePackage: not for the list of all, which takes a second
// on a phone with hundreds of apps.
func TestInstalledAsksForOnePackage(t *testing.T) {
	l := newLab(t, virtualandroid.Options{})
	l.warm(t)
	var mu sync.Mutex
	var asked []string
	p := l.open(t)
	p.server.Trace = device.NewTrace(func(line string) {
		mu.Lock()
		defer mu.Unlock()
		if _, request, ok := strings.Cut(line, " > "); ok {
			asked = append(asked, request)
		}
	})
	if w, err := p.WeChat(t.Context(), device.UserChoice{}); err != nil || !w.Installed {
		t.Fatal(w, err)
	}
	mu.Lock()
	defer mu.Unlock()
	all := strings.Join(asked, "\n")
	if strings.Count(all, androidwire.WeChat) != 1 || strings.Contains(all, string(agent.ListPackages)) || strings.Contains(all, "pm list") {
		t.Errorf("asked:\n%s", all)
	}
}

// inLab shares on all phones of a server at the same time.
func inLab(ctx context.Context, server Server) error {
	fleet := &device.Fleet{Backends: []device.Backend{&Backend{Server: server, Transport: device.Virtual}}}
	phones, err := fleet.Select(ctx, device.Selector{All: true})
	if err != nil {
		return err
	}
	return errors.Join(device.Each(ctx, phones.Phones, 128, func(ctx context.Context, i device.Info) error {
		p, err := fleet.Open(ctx, i)
		if err != nil {
			return err
		}
		defer p.Close()
		_, err = p.Deliver(ctx, device.Job{Request: page(intents.SceneSession), Until: device.Opened})
		return err
	})...)
}

// BenchmarkLab compares a share on a hundred phones with a share on one, each
// phone 300 ms away, behind the project's own server and behind Debian's adb
// server.
func BenchmarkLab(b *testing.B) {
	const latency = 300 * time.Millisecond
	for _, real := range []bool{false, true} {
		b.Run(map[bool]string{false: "own", true: "adb"}[real], func(b *testing.B) {
			took := map[int]time.Duration{}
			for b.Loop() {
				for _, n := range []int{1, 100} {
					server, err := virtualandroid.Start(b.Context(), slices.Repeat([]virtualandroid.Options{{Latency: latency}}, n)...)
					if err != nil {
						b.Fatal(err)
					}
					for _, p := range server.Phones {
						if err := (&lab{Phone: p}).putAgent(); err != nil {
							b.Fatal(err)
						}
					}
					at := Server{Addr: server.ADB}
					if real {
						at, _, _ = adbServer(b, server)
					}
					start := time.Now()
					err = inLab(b.Context(), at)
					took[n] += time.Since(start)
					if err != nil {
						b.Fatal(err)
					}
					if err := server.Close(); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(took[1].Seconds()/float64(b.N), "s-one")
			b.ReportMetric(took[100].Seconds()/float64(b.N), "s-hundred")
			b.ReportMetric(took[100].Seconds()/took[1].Seconds(), "ratio")
		})
	}
}

// TestLabOfTwenty: phones that are used at the same time don't affect each other.
func TestLabOfTwenty(t *testing.T) {
	t.Parallel()
	server, err := virtualandroid.Start(t.Context(), make([]virtualandroid.Options, 20)...)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), wait.Plenty)
	defer cancel()
	if err := inLab(ctx, Server{Addr: server.ADB}); err != nil {
		t.Fatal(err)
	}
}

// adbServer runs Debian's adb server with the virtual phones connected, and
// returns it, the first one's serial number there, and a function that runs adb.
func adbServer(t testing.TB, server *virtualandroid.Server) (Server, string, func(args ...string) string) {
	t.Helper()
	program := tier.Need(t, "adb", "adb")[0]
	port := strconv.Itoa(wait.Port(t))
	addr := net.JoinHostPort("127.0.0.1", port)
	env := append(os.Environ(), "HOME="+t.TempDir(), "ADB_LOCAL_TRANSPORT_MAX_PORT=5554", "ADB_VENDOR_KEYS=", "ANDROID_SERIAL=", "ADB_SERVER_SOCKET=")
	daemon := exec.Command(program, "-P", port, "nodaemon", "server")
	daemon.Env = env
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { daemon.Process.Kill(); daemon.Wait() })
	wait.For(t, "the adb server", func() bool {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	adb := func(args ...string) string {
		cmd := exec.Command(program, append([]string{"-P", port}, args...)...)
		cmd.Env = env
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("adb %q: %v: %s", args, err, out)
		}
		return string(out)
	}
	adbds, err := server.ServeDevices(0)
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range adbds {
		adb("connect", at)
		adb("-s", at, "wait-for-device")
	}
	return Server{Addr: addr}, adbds[0], adb
}

// TestSameThroughAdb: wxctl's output is the same, word for word, for a phone
// behind Debian's adb server and behind the project's own.
func TestSameThroughAdb(t *testing.T) {
	for _, api := range []int{24, 34} {
		var said []string
		for _, real := range []bool{false, true} {
			server, err := virtualandroid.Start(t.Context(), virtualandroid.Options{API: api, Think: fast})
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()
			backend := &Backend{Server: Server{Addr: server.ADB}, Options: Options{DropAfter: wait.Plenty}}
			serial := server.Phones[0].Serial()
			if real {
				backend.Server, serial, _ = adbServer(t, server)
			}
			said = append(said, tell(t, backend, serial, server.Phones[0].Model))
		}
		if said[0] != said[1] {
			t.Errorf("API %d: own server\n%s\nDebian's\n%s", api, said[0], said[1])
		}
	}
}

// tell delivers a few requests and returns everything that does not depend on time.
func tell(t *testing.T, backend *Backend, serial string, model *phone.Phone) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), wait.Plenty)
	defer cancel()
	infos, err := backend.List(ctx, serial)
	if err != nil || len(infos) != 1 {
		t.Fatalf("%+v, %v", infos, err)
	}
	var b strings.Builder
	i := infos[0]
	fmt.Fprintln(&b, i.Platform, i.Name, i.Model, i.OSVersion, i.State, i.Hardware)
	p := backend.open(i)
	defer p.Close()
	timeline := page(intents.SceneTimeline)
	timeline.Transaction = new("t2")
	for _, job := range []device.Job{
		{Request: page(intents.SceneSession), Until: device.Opened},
		{Request: timeline, Until: device.Replied},
		{Request: intents.Auth{Scope: new("snsapi_userinfo")}, Until: device.Replied},
		{Request: share(intents.SceneSession, intents.Image{}), Route: device.RouteSystem, Media: []device.Media{media("a.png", "image/png", png)}, Until: device.Opened},
		{Request: page(intents.SceneSession), App: device.AppIdentity{Package: "com.not.there"}, Until: device.Opened},
	} {
		job.After = device.AfterHome
		o, err := p.Deliver(ctx, job)
		fmt.Fprintln(&b, o.Route, o.RouteReason, o.Differences, o.State, o.Reply != nil, *o.WeChat.AndroidUser, o.App, code(err))
		o.WeChat.AndroidUser = nil // an address
		fmt.Fprintln(&b, *o.WeChat)
		if err := model.Settle(ctx); err != nil {
			t.Fatal(err)
		}
	}
	w, err := p.WeChat(ctx, device.UserChoice{})
	w.AndroidUser = nil
	fmt.Fprintln(&b, w, err)
	inspection, err := p.Inspect(ctx, device.AppIdentity{}, device.UserChoice{})
	if err != nil {
		t.Fatal(err)
	}
	inspection.Device = device.DeviceRef{}
	text, err := json.Marshal(inspection)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&b, "%s\n", text)
	return b.String()
}

// TestPhonesOfRealServer: Debian's adb server lists phones in ready and other
// states, and then ends.
func TestPhonesOfRealServer(t *testing.T) {
	server, err := virtualandroid.Start(t.Context(), virtualandroid.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	real, serial, adb := adbServer(t, server)
	backend := &Backend{Server: real}
	infos, err := backend.List(t.Context(), "")
	if err != nil || len(infos) != 1 || infos[0].State != device.Ready || infos[0].Transport != device.Network || infos[0].OSVersion != "14" {
		t.Fatalf("%+v, %v", infos, err)
	}
	if v, err := real.ask(t.Context(), "host:version"); err != nil || v != "0029" {
		t.Errorf("version %q, %v", v, err)
	}
	if got, err := real.Run(t.Context(), serial, "echo "+shellQuote("it's $(id)")+"; exit 5", nil); err != nil || got.Exit != 5 || string(got.Stdout) != "it's $(id)\n" {
		t.Errorf("%+v, %v", got, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), wait.Plenty)
	defer cancel()
	changes := 0
	err = backend.Watch(ctx, func([]device.Info) {
		if changes++; changes == 1 {
			adb("kill-server")
		}
	})
	if code(err) != device.ServerMisbehaved || changes == 0 {
		t.Errorf("the server ended: %d changes, %v", changes, err)
	}
	wait.For(t, "the server to be gone", func() bool {
		_, err := backend.List(t.Context(), "")
		return code(err) == device.NoServer
	})
}

// BenchmarkPush compares a push of 10 MB with adb's own, through the same
// server to the same phone.
func BenchmarkPush(b *testing.B) {
	server, err := virtualandroid.Start(b.Context(), virtualandroid.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer server.Close()
	real, serial, adb := adbServer(b, server)
	data := bytes.Repeat([]byte("0123456789abcdef"), 10<<20/16)
	file := filepath.Join(b.TempDir(), "film.mp4")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		b.Fatal(err)
	}
	var ours, theirs []time.Duration
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		start := time.Now()
		adb("-s", serial, "push", file, "/data/local/tmp/theirs")
		theirs = append(theirs, time.Since(start))
		start = time.Now()
		f, err := os.Open(file)
		if err != nil {
			b.Fatal(err)
		}
		if err := real.Push(b.Context(), serial, f, "/data/local/tmp/ours", 0o644, nil); err != nil {
			b.Fatal(err)
		}
		f.Close()
		ours = append(ours, time.Since(start))
	}
	slices.Sort(ours)
	slices.Sort(theirs)
	b.ReportMetric(theirs[len(theirs)/2].Seconds()/ours[len(ours)/2].Seconds(), "throughput/adb")
}

func BenchmarkWarmShare(b *testing.B) {
	l := newLab(b, virtualandroid.Options{})
	l.warm(b)
	p := l.open(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Deliver(b.Context(), device.Job{Request: page(intents.SceneSession), Until: device.Opened}); err != nil {
			b.Fatal(err)
		}
		l.Model.ForceStop(wechat.PackageName, 0)
	}
}
