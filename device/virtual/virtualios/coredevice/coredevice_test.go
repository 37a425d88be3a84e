package coredevice

import (
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/wxctl/wxctl/device/ios/cdtunnel"
	"github.com/wxctl/wxctl/device/virtual/virtualios/idevice"
	"github.com/wxctl/wxctl/fixtures/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// within limits waiting for what must come; no passing test waits that long.
func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// opened records the URLs that an app gets.
type opened struct{ urls chan string }

func (opened) Launched(*idevice.Phone, idevice.Process, idevice.Launch)         {}
func (o opened) Opened(_ *idevice.Phone, _ idevice.Process, url, source string) { o.urls <- url }

// start boots a phone with WeChat on it and its CoreDevice side.
func start(t testing.TB, po idevice.Options, o Options) (*Server, *idevice.Phone, chan string) {
	t.Helper()
	phone, err := idevice.New(po)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { phone.Close() })
	urls := make(chan string, 200)
	phone.Install(idevice.App{BundleID: "com.tencent.xin", Name: "WeChat", Version: "8.0.50", Build: "8.0.50.30", Schemes: []string{"weixin"}, Code: opened{urls}})
	s := New(phone, o)
	t.Cleanup(func() { s.Close() })
	return s, phone, urls
}

// direct is a way to a phone's ports without a tunnel.
type direct struct{ rsd uint16 }

func (d direct) RSDPort() uint16 { return d.rsd }
func (d direct) Dial(ctx context.Context, port uint16) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(int(port))))
}

func listen(t testing.TB, s *Server) direct {
	t.Helper()
	addr, err := s.Listen(0)
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(addr)
	n, _ := strconv.ParseUint(port, 10, 16)
	return direct{uint16(n)}
}

// proxy connects to the phone's CoreDeviceProxy, which is served until the test
// ends.
func proxy(t testing.TB, s *Server) net.Conn {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	phone, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	var served sync.WaitGroup
	served.Go(func() { s.ServeTunnel(context.Background(), phone) })
	t.Cleanup(func() { conn.Close(); served.Wait() })
	return conn
}

func tunnel(t testing.TB, s *Server) *cdtunnel.Tunnel {
	t.Helper()
	n, err := cdtunnel.Open(within(t), proxy(t, s))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return n
}

// request is an invocation as Xcode's CoreDevice writes it.
func request(feature string, input dict) dict {
	return dict{
		"CoreDevice.CoreDeviceDDIProtocolVersion": int64(2),
		"CoreDevice.action":                       dict{},
		"CoreDevice.coreDeviceVersion": dict{
			"components":              []any{uint64(629), uint64(3)},
			"originalComponentsCount": int64(2),
			"stringValue":             "629.3",
		},
		"CoreDevice.deviceIdentifier":     "7C3A2D30-0000-4000-8000-000000000001",
		"CoreDevice.featureIdentifier":    featurePrefix + feature,
		"CoreDevice.input":                input,
		"CoreDevice.invocationIdentifier": "7C3A2D30-0000-4000-8000-000000000002",
	}
}

// launch is the input of a launch; more options replace those with the same key.
func launch(bundleID, url string, more ...dict) dict {
	options := dict{
		"arguments":                     []any{"-a", "b"},
		"environmentVariables":          dict{"E": "1"},
		"standardIOUsesPseudoterminals": true,
		"startStopped":                  false,
		"terminateExisting":             false,
		"user":                          dict{"active": true},
		"workingDirectory":              nil,
		"platformSpecificOptions":       []byte("bplist00"),
		"activates":                     true,
	}
	if url != "" {
		options["payloadURL"] = dict{"relative": url}
	}
	for _, m := range more {
		maps.Copy(options, m)
	}
	return dict{
		"applicationSpecifier":  dict{"bundleIdentifier": dict{"_0": bundleID}},
		"options":               options,
		"standardIOIdentifiers": dict{},
	}
}

func call(t testing.TB, c *client, feature string, input dict) dict {
	t.Helper()
	reply, err := c.Call(within(t), request(feature, input))
	if err != nil {
		t.Fatal(err)
	}
	return reply
}

func pid(t testing.TB, reply dict) int64 {
	t.Helper()
	n, ok := number(reply, "CoreDevice.output", "processToken", "processIdentifier")
	if !ok {
		t.Fatalf("no process: %v", reply)
	}
	return n
}

// TestEveryWay launches WeChat with a URL on each way to the phone: without a
// tunnel, through one, and through a service's.
func TestEveryWay(t *testing.T) {
	for _, way := range []struct {
		name string
		to   func(*testing.T, *Server) reachable
	}{
		{"loopback", func(t *testing.T, s *Server) reachable { return listen(t, s) }},
		{"tunnel", func(t *testing.T, s *Server) reachable { return tunnel(t, s) }},
		{"service", func(t *testing.T, s *Server) reachable { return serviceOf(t, s) }},
	} {
		t.Run(way.name, func(t *testing.T) {
			plan := fault.New()
			s, phone, urls := start(t, idevice.Options{}, Options{Faults: plan.Strike})
			n := way.to(t, s)
			peer := directory(t, n)
			property := func(key string) string { return at[string](peer, "Properties", key) }
			if property("UniqueDeviceID") != phone.UDID() || property("OSVersion") != "17.5" || property("ProductType") != "iPhone14,2" || property("BuildVersion") == "" {
				t.Errorf("%+v", peer)
			}
			if got := at[dict](peer, "Services", AppService, "Properties"); !at[bool](got, "UsesRemoteXPC") || !slices.Contains(at[[]any](got, "Features"), any(featurePrefix+"launchapplication")) {
				t.Errorf("%+v", got)
			}
			port, err := portOf(peer, AppService)
			if err != nil {
				t.Fatal(err)
			}
			c := open(t, n, port)
			// Longer than HTTP/2's initial window, and than a packet.
			url := "weixin://app/wx1/auth/?state=" + strings.Repeat("s", 300_000)
			first := pid(t, call(t, c, "launchapplication", launch("com.tencent.xin", url)))
			if got := <-urls; got != url {
				t.Errorf("a URL of %d bytes arrived, not of %d", len(got), len(url))
			}
			if got := phone.Front(); got.BundleID != "com.tencent.xin" || int64(got.PID) != first || !slices.Equal(got.Args, []string{"-a", "b"}) || got.Env["E"] != "1" {
				t.Errorf("in front: %+v", got)
			}
			// SpringBoard chooses the app, and is the reported process.
			pid(t, call(t, c, "launchapplication", launch(idevice.SpringBoard, "weixin://2")))
			if got := <-urls; got != "weixin://2" {
				t.Error(got)
			}
			for step, want := range map[string]int{"rsd HTTP/2": 1, "rsd Handshake": 1, "appservice HTTP/2": 1, "appservice launchapplication": 2, "CoreDeviceProxy handshake": map[string]int{"tunnel": 1}[way.name]} {
				if got := plan.Count(step); got != want {
					t.Errorf("%s: %d times, want %d", step, got, want)
				}
			}
		})
	}
}

// TestManyShares opens one tunnel, asks once where the appservice is, and
// launches a hundred times: the phone counts no more requests than that.
func TestManyShares(t *testing.T) {
	plan := fault.New()
	s, _, urls := start(t, idevice.Options{}, Options{Faults: plan.Strike})
	c := service(t, tunnel(t, s), AppService)
	for i := range 100 {
		url := "weixin://app/" + strconv.Itoa(i)
		pid(t, call(t, c, "launchapplication", launch("com.tencent.xin", url)))
		if got := <-urls; got != url {
			t.Fatalf("%q arrived instead of %q", got, url)
		}
	}
	for step, want := range map[string]int{"CoreDeviceProxy handshake": 1, "rsd Handshake": 1, "appservice HTTP/2": 1, "appservice launchapplication": 100} {
		if got := plan.Count(step); got != want {
			t.Errorf("%s: %d times, want %d", step, got, want)
		}
	}
}

func TestLists(t *testing.T) {
	all := dict{}
	for _, key := range []string{"AppClips", "RemovableApps", "HiddenApps", "InternalApps", "DefaultApps"} {
		all["include"+key] = true
	}
	s, phone, _ := start(t, idevice.Options{}, Options{})
	c := service(t, listen(t, s), AppService)
	ids := func(apps []any) (ids []string) {
		for _, a := range apps {
			ids = append(ids, at[string](a.(dict), "bundleIdentifier"))
		}
		return ids
	}
	if got := ids(at[[]any](call(t, c, "listapps", all), "CoreDevice.output")); !slices.Contains(got, "com.tencent.xin") || !slices.Contains(got, idevice.Safari) {
		t.Errorf("%q", got)
	}
	removable := maps.Clone(all)
	removable["includeDefaultApps"] = false
	if got := ids(at[[]any](call(t, c, "listapps", removable), "CoreDevice.output")); !slices.Equal(got, []string{"com.tencent.xin"}) {
		t.Errorf("%q", got)
	}
	wechat := pid(t, call(t, c, "launchapplication", launch("com.tencent.xin", "")))
	runs := func() bool {
		return slices.ContainsFunc(at[[]any](call(t, c, "listprocesses", dict{}), "CoreDevice.output", "processTokens"), func(p any) bool {
			n, _ := number(p.(dict), "processIdentifier")
			return n == wechat && strings.HasSuffix(at[string](p.(dict), "executableURL", "relative"), "/WeChat.app/WeChat")
		})
	}
	if !runs() {
		t.Error("WeChat is not among the processes")
	}
	kill := dict{"process": dict{"processIdentifier": wechat}, "signal": int64(9)}
	if reply := call(t, c, "sendsignaltoprocess", kill); reply["CoreDevice.error"] != nil || runs() || phone.Front().BundleID != idevice.SpringBoard {
		t.Errorf("after SIGKILL: %v", reply)
	}
	info := service(t, listen(t, s), DeviceInfo)
	if got := at[string](call(t, info, "getdeviceinfo", dict{}), "CoreDevice.output", "udid"); got != phone.UDID() {
		t.Errorf("%q", got)
	}
}

// TestStreams: with iOS 26 the list of apps comes in parts.
func TestStreams(t *testing.T) {
	s, _, _ := start(t, idevice.Options{IOS: "26.1"}, Options{})
	c := service(t, listen(t, s), AppService)
	input := dict{"actualInput": dict{}, "streamProxy": dict{"sideChannel": uuid.UUID{1}}}
	reply := call(t, c, "streamprocesslist", input)
	if got := at[[]any](reply, "CoreDevice.XPCMessageKey.sideChannelStatus", "pushing", "elements"); len(got) < 3 || reply["XPCSideChannel.uniqueIdentifier"] != (uuid.UUID{1}) {
		t.Errorf("%v", reply)
	}
}

func TestRefusals(t *testing.T) {
	text := func(e dict, path ...string) string {
		return at[string](e, append([]string{"CoreDevice.error", "userInfo"}, path...)...)
	}
	for _, tt := range []struct {
		name  string
		phone idevice.Options
		input dict
		want  string
		path  []string
	}{
		{"no such app", idevice.Options{}, launch("com.nope", ""), "is not installed", nil},
		{"locked", idevice.Options{Locked: true}, launch("com.tencent.xin", "weixin://"), "Locked", []string{"NSUnderlyingError", "userInfo", "BSErrorCodeDescription"}},
		{"a URL that no app takes", idevice.Options{}, launch(idevice.SpringBoard, "nope://"), "no application is registered", nil},
		{"no bundle identifier", idevice.Options{}, launch("", ""), "applicationSpecifier", nil},
		{"arguments of another type", idevice.Options{}, launch("com.tencent.xin", "", dict{"arguments": "x"}), "options.arguments", nil},
		{"an argument of another type", idevice.Options{}, launch("com.tencent.xin", "", dict{"arguments": []any{int64(1)}}), "options.arguments", nil},
		{"no user", idevice.Options{}, launch("com.tencent.xin", "", dict{"user": nil}), "options.user", nil},
		{"a bool that is none", idevice.Options{}, launch("com.tencent.xin", "", dict{"terminateExisting": int64(1)}), "terminateExisting", nil},
		{"options of the system as text", idevice.Options{}, launch("com.tencent.xin", "", dict{"platformSpecificOptions": "x"}), "platformSpecificOptions", nil},
		{"a URL as text", idevice.Options{}, launch("com.tencent.xin", "", dict{"payloadURL": "weixin://"}), "options.payloadURL", nil},
		{"an environment of numbers", idevice.Options{}, launch("com.tencent.xin", "", dict{"environmentVariables": dict{"a": int64(1)}}), "environmentVariables", nil},
		{"nothing", idevice.Options{}, dict{}, "applicationSpecifier", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, phone, _ := start(t, tt.phone, Options{})
			c := service(t, listen(t, s), AppService)
			path := tt.path
			if path == nil {
				path = []string{"NSLocalizedDescription"}
			}
			if reply := call(t, c, "launchapplication", tt.input); !strings.Contains(text(reply, path...), tt.want) || reply["CoreDevice.output"] != nil {
				t.Errorf("want %q in %v", tt.want, reply)
			}
			if _, runs := phone.Process("com.tencent.xin"); runs {
				t.Error("WeChat runs all the same")
			}
		})
	}
	s, _, _ := start(t, idevice.Options{}, Options{})
	c := service(t, listen(t, s), AppService)
	if reply := call(t, c, "makecoffee", dict{}); !strings.Contains(text(reply, "NSLocalizedDescription"), `"makecoffee"`) {
		t.Errorf("%v", reply)
	}
	reply, err := c.Call(within(t), dict{"hello": true})
	if err != nil || !strings.Contains(text(reply, "NSLocalizedDescription"), "deviceIdentifier") {
		t.Errorf("%v %v", reply, err)
	}
}

// TestWithout is about phones that offer less.
func TestWithout(t *testing.T) {
	for _, tt := range []struct {
		name            string
		phone           idevice.Options
		rsd, tunnel, as bool
	}{
		{"iOS 16", idevice.Options{IOS: "16.7.2"}, false, false, true},
		{"iOS 17.0", idevice.Options{IOS: "17.0"}, true, false, true},
		{"iOS 17.4", idevice.Options{IOS: "17.4"}, true, false, true},
		{"iOS 17.4.0", idevice.Options{IOS: "17.4.0"}, true, false, true},
		{"iOS 17.4.1", idevice.Options{IOS: "17.4.1"}, true, true, true},
		{"iOS 26", idevice.Options{IOS: "26.0"}, true, true, true},
		{"developer mode off", idevice.Options{NoDeveloperMode: true}, true, true, false},
		{"no image", idevice.Options{NoImage: true}, true, true, false},
	} {
		s, _, _ := start(t, tt.phone, Options{})
		if s.Supported() != tt.rsd || s.Tunnels() != tt.tunnel {
			t.Errorf("%s: RSD %v, tunnel %v", tt.name, s.Supported(), s.Tunnels())
		}
		n := listen(t, s)
		_, err := portOf(directory(t, n), AppService)
		if (err == nil) != tt.as {
			t.Errorf("%s: appservice: %v", tt.name, err)
		}
	}
}

func TestPasteboard(t *testing.T) {
	s, phone, _ := start(t, idevice.Options{}, Options{Pasteboard: true})
	c := service(t, listen(t, s), Pasteboard)
	set := dict{
		"command": "SET",
		"items": []any{dict{
			"types": []any{"content"},
			"data":  dict{"content": dict{"data": []byte("plist")}},
		}},
		"pasteboardName": "general",
	}
	if reply, err := c.Call(within(t), set); err != nil || at[string](reply, "command") != "SET_REPLY" || string(phone.Pasteboard("content")) != "plist" {
		t.Errorf("%v %v", reply, err)
	}
	set["command"] = "SHRED"
	if reply, err := c.Call(within(t), set); err != nil || at[dict](reply, "error") == nil {
		t.Errorf("%v %v", reply, err)
	}
	without, _, _ := start(t, idevice.Options{}, Options{})
	if _, err := portOf(directory(t, listen(t, without)), Pasteboard); !errors.Is(err, errNotOffered) {
		t.Errorf("an old image: %v", err)
	}
}

// TestLockdown: a connection to lockdown behind RSD uses lockdown's own
// protocol, including the check-in, and needs no image.
func TestLockdown(t *testing.T) {
	s, _, _ := start(t, idevice.Options{NoImage: true}, Options{Lockdown: func(_ context.Context, conn net.Conn) { io.Copy(conn, conn) }})
	n := listen(t, s)
	port, err := portOf(directory(t, n), RemoteLockdown)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := n.Dial(within(t), port)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("RSDCheckin")); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len("RSDCheckin"))
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != "RSDCheckin" {
		t.Errorf("%q, %v", got, err)
	}
}
