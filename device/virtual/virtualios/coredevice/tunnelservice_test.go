package coredevice

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/netip"
	"reflect"
	"strconv"
	"testing"

	"github.com/danielpaulus/go-ios/ios"
	"github.com/danielpaulus/go-ios/ios/appservice"
	goios "github.com/danielpaulus/go-ios/ios/tunnel"

	"github.com/wxctl/wxctl/device/virtual/virtualios/idevice"
	"github.com/wxctl/wxctl/fixtures/fault"
)

// throughService is the way through a service's tunnel.
type throughService struct{ TunnelInfo }

func (a throughService) RSDPort() uint16 { return uint16(a.TunnelInfo.RSDPort) }
func (a throughService) Dial(ctx context.Context, port uint16) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(a.UserspaceTUNPort)))
	if err != nil {
		return nil, err
	}
	to := netip.MustParseAddr(a.Address).As16()
	_, err = conn.Write(binary.LittleEndian.AppendUint32(to[:], uint32(port)))
	return conn, err
}

func startTunnelService(t testing.TB, phones ...*Server) *TunnelService {
	t.Helper()
	a, err := NewTunnelService(0, phones...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

// ask makes one request of the service, and reads v from the answer.
func ask(t testing.TB, a *TunnelService, method, path string, v any) int {
	t.Helper()
	request, err := http.NewRequestWithContext(within(t), method, "http://"+a.Addr()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if v != nil {
		if err := json.Unmarshal(data, v); err != nil {
			t.Fatalf("%s: %v", data, err)
		}
	}
	return response.StatusCode
}

func serviceOf(t *testing.T, s *Server) reachable {
	var info TunnelInfo
	if status := ask(t, startTunnelService(t, s), "GET", "/tunnel/"+s.phone.UDID(), &info); status != 200 {
		t.Fatal(status)
	}
	return throughService{info}
}

func TestTunnelService(t *testing.T) {
	plan := fault.New()
	s, phone, _ := start(t, idevice.Options{}, Options{Faults: plan.Strike})
	old, _, _ := start(t, idevice.Options{UDID: idevice.DefaultUDID(1), IOS: "17.0"}, Options{})
	a := startTunnelService(t, s, old)
	for _, tt := range []struct {
		method, path string
		want         int
	}{
		{"GET", "/health", 200}, {"GET", "/ready", 200}, {"POST", "/tunnels", 405}, {"GET", "/nothing", 404},
		{"GET", "/tunnel/" + idevice.DefaultUDID(1), 404}, {"DELETE", "/tunnel/x", 404},
	} {
		if got := ask(t, a, tt.method, tt.path, nil); got != tt.want {
			t.Errorf("%s %s: %d", tt.method, tt.path, got)
		}
	}
	var one TunnelInfo
	var all []TunnelInfo
	path := "/tunnel/" + phone.UDID()
	ask(t, a, "GET", path, &one)
	ask(t, a, "GET", "/tunnels", &all)
	if one.UDID != phone.UDID() || !one.UserspaceTUN || !reflect.DeepEqual(all, []TunnelInfo{one}) {
		t.Errorf("%+v, %+v", one, all)
	}
	// A tunnel that is removed accepts connections but does not answer, and there
	// is none for a moment; then there is a new one.
	if got := ask(t, a, "DELETE", path, nil); got != 204 {
		t.Errorf("DELETE: %d", got)
	}
	conn, err := throughService{one}.Dial(within(t), RSDPort)
	if err != nil {
		t.Fatal(err)
	}
	conn.(*net.TCPConn).CloseWrite()
	if got, err := io.ReadAll(conn); len(got) > 0 || err != nil {
		t.Errorf("a removed tunnel answers %q, %v", got, err)
	}
	conn.Close()
	if plan.Count("rsd HTTP/2") != 0 {
		t.Error("a removed tunnel reaches the phone")
	}
	for _, tt := range []struct {
		method string
		want   int
	}{{"DELETE", 404}, {"GET", 404}, {"GET", 200}} {
		if got := ask(t, a, tt.method, path, nil); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.method, got, tt.want)
		}
	}
	directory(t, throughService{one})
}

// TestGoIOS: go-ios finds the tunnel at the service and launches WeChat in it,
// and also without a tunnel. It is the library that wxctl itself uses, so less
// independent than the other clients.
func TestGoIOS(t *testing.T) {
	s, phone, _ := start(t, idevice.Options{}, Options{Pasteboard: true})
	a := startTunnelService(t, s)
	host, port, err := net.SplitHostPort(a.Addr())
	if err != nil {
		t.Fatal(err)
	}
	n, _ := strconv.Atoi(port)
	info, err := goios.TunnelInfoForDevice(phone.UDID(), host, n)
	if err != nil {
		t.Fatal(err)
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	d := ios.DeviceEntry{Address: info.Address, UserspaceTUN: true, UserspaceTUNHost: host, UserspaceTUNPort: info.UserspaceTUNPort}
	rsd, err := ios.NewWithAddrPortDevice(info.Address, info.RsdPort, d)
	if err != nil {
		t.Fatal(err)
	}
	defer rsd.Close()
	peer, err := rsd.Handshake()
	if err != nil {
		t.Fatal(err)
	}
	if peer.Udid != phone.UDID() {
		t.Errorf("%q", peer.Udid)
	}
	d.Rsd = peer
	app, err := appservice.New(d)
	if err != nil {
		t.Fatal(err)
	}
	defer app.Close()
	pid, err := app.LaunchApp("com.tencent.xin", nil, nil, nil, true)
	if err != nil || !phone.Runs(pid) {
		t.Errorf("process %d, %v", pid, err)
	}
	processes, err := app.ListProcesses()
	if err != nil || len(processes) < 3 {
		t.Errorf("%v, %v", processes, err)
	}
}
