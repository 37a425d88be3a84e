package lockdownd_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"image/png"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"howett.net/plist"

	"github.com/wxctl/wxctl/device/virtual/virtualios/idevice"
	"github.com/wxctl/wxctl/device/virtual/virtualios/lockdownd"
	"github.com/wxctl/wxctl/fixtures/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var keys = sync.OnceValue(lockdownd.NewKeys)

// phone boots a phone with two apps that knows this computer, unless it should
// not trust it.
func phone(t *testing.T, o idevice.Options, plan *fault.Plan) *lockdownd.Daemon {
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
	if o.Trust == idevice.Trusted {
		p.TrustHost(keys().HostID)
	}
	p.Install(idevice.App{BundleID: "com.example.a", Name: "A", Version: "1.2", Build: "3", Debuggable: true, Team: "T", Schemes: []string{"aa"}, Queries: []string{"weixin"}, Domains: []string{"applinks:a.example.com"}})
	p.Install(idevice.App{BundleID: "com.example.b", Name: "B", Version: "2.0"})
	return lockdownd.New(p, keys(), plan.Strike)
}

// client is a computer on one connection.
type client struct {
	t    *testing.T
	conn net.Conn
}

// connect serves a connection to a port of the phone.
func connect(t *testing.T, serve func(context.Context, net.Conn)) *client {
	t.Helper()
	if serve == nil {
		t.Fatal("the port refuses")
	}
	near, far := net.Pipe()
	done := make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer close(done)
		defer far.Close()
		serve(ctx, far)
	}()
	t.Cleanup(func() {
		near.Close()
		cancel()
		far.Close()
		<-done
	})
	if err := near.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return &client{t, near}
}

func (c *client) send(message any) {
	c.t.Helper()
	body, err := plist.Marshal(message, plist.XMLFormat)
	if err != nil {
		c.t.Fatal(err)
	}
	if _, err := c.conn.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) receive(into any) {
	c.t.Helper()
	var size [4]byte
	if _, err := io.ReadFull(c.conn, size[:]); err != nil {
		c.t.Fatal(err)
	}
	body := make([]byte, binary.BigEndian.Uint32(size[:]))
	if _, err := io.ReadFull(c.conn, body); err != nil {
		c.t.Fatal(err)
	}
	if _, err := plist.Unmarshal(body, into); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) ask(message map[string]any) map[string]any {
	c.t.Helper()
	c.send(message)
	var m map[string]any
	c.receive(&m)
	return m
}

// secure does the computer's side of TLS.
func (c *client) secure() {
	c.t.Helper()
	record, err := keys().Record(lockdownd.WiFi)
	if err != nil {
		c.t.Fatal(err)
	}
	var m map[string]any
	if _, err := plist.Unmarshal(record, &m); err != nil {
		c.t.Fatal(err)
	}
	certificate, err := tls.X509KeyPair(m["HostCertificate"].([]byte), m["HostPrivateKey"].([]byte))
	if err != nil {
		c.t.Fatal(err)
	}
	secure := tls.Client(c.conn, &tls.Config{Certificates: []tls.Certificate{certificate}, InsecureSkipVerify: true})
	if err := secure.Handshake(); err != nil {
		c.t.Fatal(err)
	}
	c.conn = secure
}

func (c *client) session() string {
	c.t.Helper()
	m := c.ask(map[string]any{"Request": "StartSession", "HostID": keys().HostID, "SystemBUID": keys().BUID})
	if m["EnableSessionSSL"] != true {
		c.t.Fatalf("%v", m)
	}
	c.secure()
	return m["SessionID"].(string)
}

// service starts a service and connects to it.
func service(t *testing.T, d *lockdownd.Daemon, name string) *client {
	t.Helper()
	c := connect(t, d.Serve)
	c.session()
	m := c.ask(map[string]any{"Request": "StartService", "Service": name, "EscrowBag": ""})
	port, ok := m["Port"].(uint64)
	if !ok || m["EnableServiceSSL"] != true {
		t.Fatalf("%v", m)
	}
	s := connect(t, d.PortOf(uint16(port)))
	s.secure()
	return s
}

// Requests in the forms of different clients, before a session and in one.
func TestLockdown(t *testing.T) {
	d := phone(t, idevice.Options{IOS: "16.7"}, nil)
	c := connect(t, d.PortOf(lockdownd.Port))
	check := func(message map[string]any, key string, want any) {
		t.Helper()
		if got := c.ask(message); got[key] != want {
			t.Errorf("%v: %v, want %s %v", message, got, key, want)
		}
	}
	get := func(key string, more ...any) map[string]any {
		m := map[string]any{"Request": "GetValue", "Key": key}
		for i := 0; i < len(more); i += 2 {
			m[more[i].(string)] = more[i+1]
		}
		return m
	}
	check(map[string]any{"Request": "QueryType"}, "Type", "com.apple.mobile.lockdown")
	check(map[string]any{"Request": "QueryType", "Label": "x", "ProtocolVersion": "2"}, "Type", "com.apple.mobile.lockdown")
	check(get("ProductVersion", "ProtocolVersion", 2), "Value", "16.7")
	check(get("ProductVersion"), "Value", "16.7")
	check(get("Nothing"), "Error", "MissingValue")
	check(get("TimeIntervalSince1970"), "Error", "GetProhibited")
	check(get("DeveloperModeStatus", "Domain", "com.apple.security.mac.amfi"), "Error", "GetProhibited")
	check(map[string]any{"Request": "StartService", "Service": "com.apple.syslog_relay"}, "Error", "SessionInactive")
	check(map[string]any{"Request": "RSDCheckin"}, "Error", "InvalidRequest")
	check(map[string]any{"Request": "Dance"}, "Error", "UnknownRequest")
	check(map[string]any{}, "Error", "MissingRequest")
	for _, host := range []any{"11111111-2222-3333-4444-555555555555", "", 7} {
		check(map[string]any{"Request": "StartSession", "HostID": host}, "Error", "InvalidHostID")
	}
	all := c.ask(map[string]any{"Request": "GetValue"})["Value"].(map[string]any)
	if all["UniqueDeviceID"] != idevice.DefaultUDID(0) || all["PasswordProtected"] != nil || len(all["DevicePublicKey"].([]byte)) == 0 {
		t.Errorf("%v", all)
	}
	id := c.session()
	check(get("PasswordProtected"), "Value", false)
	check(get("DeveloperModeStatus", "Domain", "com.apple.security.mac.amfi"), "Value", true)
	check(get("x", "Domain", "com.example.none"), "Error", "MissingValue")
	check(map[string]any{"Request": "StartService", "Service": "com.example.none"}, "Error", "InvalidService")
	check(map[string]any{"Request": "StartSession", "HostID": keys().HostID}, "Error", "SessionActive")
	check(map[string]any{"Request": "StopSession", "SessionID": "x"}, "Error", "SessionInactive")
	check(map[string]any{"Request": "StopSession", "SessionID": id}, "Request", "StopSession")
	for port, wanted := range map[uint16]bool{1: false, 8100: false, 49151: false, 49152: true, 49152 + 99: false} {
		if got := d.PortOf(port) != nil; got != wanted {
			t.Errorf("port %d: %v", port, got)
		}
	}
}

// Inside the tunnel the computer checks in, and is trusted.
func TestTrusted(t *testing.T) {
	c := connect(t, phone(t, idevice.Options{}, nil).ServeTrusted)
	c.send(map[string]any{"Request": "RSDCheckin", "ProtocolVersion": "2", "Label": "x"})
	for _, want := range []string{"RSDCheckin", "StartService"} {
		var m map[string]any
		if c.receive(&m); m["Request"] != want {
			t.Errorf("%v, want %s", m, want)
		}
	}
	if m := c.ask(map[string]any{"Request": "GetValue", "Key": "DeveloperModeStatus", "Domain": "com.apple.security.mac.amfi"}); m["Value"] != true {
		t.Errorf("%v", m)
	}
}

// The states of pairing, and what its user does about the dialog.
func TestPair(t *testing.T) {
	pair := map[string]any{"Request": "Pair", "PairRecord": map[string]any{"HostID": "H", "HostCertificate": []byte("x")}}
	for _, tt := range []struct {
		options idevice.Options
		want    string
	}{
		{idevice.Options{}, ""}, {idevice.Options{Trust: idevice.TrustDenied}, "UserDeniedPairing"}, {idevice.Options{Trust: idevice.TrustPending}, "PairingDialogResponsePending"},
		{idevice.Options{Trust: idevice.Untrusted}, "PairingDialogResponsePending"}, {idevice.Options{Trust: idevice.Untrusted, Locked: true}, "PasswordProtected"},
	} {
		d := phone(t, tt.options, nil)
		c := connect(t, d.Serve)
		m := c.ask(pair)
		if got, _ := m["Error"].(string); got != tt.want || (m["EscrowBag"] != nil) != (tt.want == "") {
			t.Errorf("%+v: %v", tt.options, m)
		}
	}
	d := phone(t, idevice.Options{Trust: idevice.Untrusted}, nil)
	c := connect(t, d.Serve)
	for _, want := range []any{"PairingDialogResponsePending", nil} {
		if m := c.ask(pair); m["Error"] != want {
			t.Errorf("%v, want %v", m, want)
		}
		tapped := make(chan struct{}) // after the user has answered the first question
		d.Phone.After(0, func() { d.Phone.Post(func() { close(tapped) }) })
		<-tapped
		d.Phone.SetTrust(idevice.Trusted)
	}
	for _, tt := range []struct {
		request string
		want    any
	}{{"ValidatePair", nil}, {"Unpair", nil}, {"ValidatePair", "InvalidHostID"}} {
		if m := c.ask(map[string]any{"Request": tt.request, "PairRecord": map[string]any{"HostID": "H"}}); m["Error"] != tt.want {
			t.Errorf("%s: %v", tt.request, m)
		}
	}
	if m := c.ask(map[string]any{"Request": "Pair"}); m["Error"] != "MissingHostID" {
		t.Errorf("%v", m)
	}
}

func ids(apps []any) (out []string) {
	for _, a := range apps {
		out = append(out, a.(map[string]any)["CFBundleIdentifier"].(string))
	}
	return out
}

func TestInstallationProxy(t *testing.T) {
	c := service(t, phone(t, idevice.Options{}, nil), "com.apple.mobile.installation_proxy")
	browse := func(options map[string]any) (all []any, pieces int) {
		t.Helper()
		c.send(map[string]any{"Command": "Browse", "ClientOptions": options})
		for ; ; pieces++ {
			var m map[string]any
			c.receive(&m)
			if m["Status"] == "Complete" {
				return all, pieces
			}
			list := m["CurrentList"].([]any)
			if m["CurrentIndex"] != uint64(len(all)) || m["CurrentAmount"] != uint64(len(list)) {
				t.Errorf("%v", m)
			}
			all = append(all, list...)
		}
	}
	if apps, _ := browse(map[string]any{"ApplicationType": "User"}); !slices.Equal(ids(apps), []string{"com.example.a", "com.example.b"}) {
		t.Errorf("user's apps: %q", ids(apps))
	}
	all, pieces := browse(map[string]any{})
	if len(all) < 5 || pieces < 3 || slices.Contains(ids(all), idevice.SpringBoard) {
		t.Errorf("all apps in %d pieces: %q", pieces, ids(all))
	}
	few, _ := browse(map[string]any{"ApplicationType": "System", "ReturnAttributes": []string{"CFBundleIdentifier", "None"}})
	if len(few) == 0 || len(few[0].(map[string]any)) != 1 {
		t.Errorf("%v", few)
	}
	m := c.ask(map[string]any{"Command": "Lookup", "ClientOptions": map[string]any{"BundleIDs": []string{"com.example.a", "com.example.none"}}})
	found := m["LookupResult"].(map[string]any)
	app, _ := found["com.example.a"].(map[string]any)
	entitlements, _ := app["Entitlements"].(map[string]any)
	if len(found) != 1 || entitlements["get-task-allow"] != true || app["CFBundleShortVersionString"] != "1.2" || app["LSApplicationQueriesSchemes"] == nil || app["CFBundleURLTypes"] == nil {
		t.Errorf("%v", m)
	}
	if m := c.ask(map[string]any{"Command": "Uninstall"}); m["Error"] == nil {
		t.Errorf("%v", m)
	}
}

func TestSyslog(t *testing.T) {
	d := phone(t, idevice.Options{}, nil)
	d.Phone.Log(idevice.Line{Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Process: idevice.Process{PID: 9, Name: "Demo", Path: "/x/Demo"}, Image: "/y/Foundation", Message: "\u4e2d\\\a\u00a0"})
	c := service(t, d, "com.apple.syslog_relay")
	const want = "Jan  2 03:04:05 Virtual-iPhone Demo(Foundation)[9] <Notice>: \\M-d\\M-8\\M--\\134\\^G\\M-B\\240\n\x00"
	got := make([]byte, len(want))
	if _, err := io.ReadFull(c.conn, got); err != nil || string(got) != want {
		t.Errorf("got  %q\nwant %q, %v", got, want, err)
	}
}

func TestOSTrace(t *testing.T) {
	d := phone(t, idevice.Options{}, nil)
	c := service(t, d, "com.apple.os_trace_relay")
	c.send(map[string]any{"Request": "PidList"})
	head := make([]byte, 5)
	if _, err := io.ReadFull(c.conn, head); err != nil || head[0] != 1 {
		t.Fatalf("%x, %v", head, err)
	}
	body := make([]byte, binary.BigEndian.Uint32(head[1:]))
	if _, err := io.ReadFull(c.conn, body); err != nil || !strings.HasPrefix(string(body), "bplist") {
		t.Fatalf("%q, %v", body, err)
	}
	c.send(map[string]any{"Request": "StartActivity", "Pid": 9, "MessageFilter": 65535, "StreamFlags": 60})
	var size [2]uint32
	if err := binary.Read(c.conn, binary.LittleEndian, &size); err != nil || size[0] != 4 {
		t.Fatalf("%v, %v", size, err)
	}
	if _, err := io.CopyN(io.Discard, c.conn, int64(size[1])); err != nil {
		t.Fatal(err)
	}
	line := idevice.Line{Time: time.Unix(1795000000, 5000), Process: idevice.Process{PID: 9, Path: "/x/Demo"}, Level: idevice.Error, Message: "\u4e2d", Subsystem: "s", Category: "c"}
	d.Phone.Log(idevice.Line{Process: idevice.Process{PID: 8}, Message: "another process"})
	d.Phone.Log(line)
	line.Image = "/x/Demo"
	want := lockdownd.TraceRecord(line, 1)
	got := make([]byte, len(want))
	if _, err := io.ReadFull(c.conn, got); err != nil || !bytes.Equal(got, want) {
		t.Errorf("got  %q\nwant %q, %v", got, want, err)
	}
	h := got[5:]
	if binary.LittleEndian.Uint32(h[9:]) != 9 || binary.LittleEndian.Uint32(h[55:]) != 1795000000 || h[68] != 0x10 || string(h[129:]) != "/x/Demo\x00/x/Demo\x00\u4e2d\x00s\x00c\x00" {
		t.Errorf("%q", h)
	}
}

func TestScreenshot(t *testing.T) {
	c := service(t, phone(t, idevice.Options{IOS: "16.7"}, nil), "com.apple.mobile.screenshotr")
	var hello []any
	if c.receive(&hello); hello[0] != "DLMessageVersionExchange" {
		t.Fatalf("%v", hello)
	}
	c.send([]any{"DLMessageVersionExchange", "DLVersionsOk", 400})
	hello = nil // the library appends to what is there
	if c.receive(&hello); hello[0] != "DLMessageDeviceReady" {
		t.Fatalf("%v", hello)
	}
	c.send([]any{"DLMessageProcessMessage", map[string]any{"MessageType": "ScreenShotRequest"}})
	hello = nil
	c.receive(&hello)
	m := hello[1].(map[string]any)
	if _, err := png.Decode(bytes.NewReader(m["ScreenShotData"].([]byte))); err != nil {
		t.Error(err)
	}
	c.send([]any{"DLMessageDisconnect", "x"})
	for _, o := range []idevice.Options{{IOS: "17.0"}, {IOS: "16.7", NoImage: true}, {IOS: "16.7", NoDeveloperMode: true}} {
		c := connect(t, phone(t, o, nil).Serve)
		c.session()
		if m := c.ask(map[string]any{"Request": "StartService", "Service": "com.apple.mobile.screenshotr"}); m["Error"] != "InvalidService" {
			t.Errorf("%+v: %v", o, m)
		}
	}
}

func TestNotifications(t *testing.T) {
	d := phone(t, idevice.Options{}, nil)
	n := service(t, d, "com.apple.mobile.notification_proxy")
	n.send(map[string]any{"Command": "PostNotification", "Name": "x"})
	if m := n.ask(map[string]any{"Command": "Shutdown"}); m["Command"] != "ProxyDeath" {
		t.Errorf("%v", m)
	}
}

// A fault at any step ends the connection, also under TLS.
func TestFaults(t *testing.T) {
	for _, step := range []string{"lockdown QueryType", "lockdown StartSession"} {
		d := phone(t, idevice.Options{}, fault.New(fault.Fault{Step: step, Then: fault.Cut}))
		c := connect(t, d.Serve)
		_, request, _ := strings.Cut(step, " ")
		c.send(map[string]any{"Request": request, "HostID": keys().HostID})
		if got, err := io.ReadAll(c.conn); err != nil || len(got) > 0 {
			t.Errorf("%s: %q, %v", step, got, err)
		}
	}
	plan := fault.New(fault.Fault{Step: "installation_proxy Browse", After: 50, Then: fault.Cut})
	c := service(t, phone(t, idevice.Options{}, plan), "com.apple.mobile.installation_proxy")
	c.send(map[string]any{"Command": "Browse"})
	if got, _ := io.ReadAll(c.conn); len(got) != 50 {
		t.Errorf("%d bytes", len(got))
	}
	if plan.Count("lockdown StartService") != 1 || plan.Count("installation_proxy TLS") != 1 {
		t.Errorf("%q", plan.Steps())
	}
}
