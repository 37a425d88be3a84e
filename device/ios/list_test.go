package ios

import (
	"context"
	"errors"
	"net"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/wxctl/wxctl/device"
)

func TestFindServer(t *testing.T) {
	for _, c := range []struct{ flag, env, want string }{
		{"", "", ""},
		{"", "127.0.0.1:27099", "127.0.0.1:27099"},
		{"", "tcp://127.0.0.1:27099", "127.0.0.1:27099"},
		{"", ":27099", "127.0.0.1:27099"},
		{"", "[::1]:27099", "[::1]:27099"},
		{"", "lab:27099", "lab:27099"},
		{"", "/path/sock", "/path/sock"},
		{"", "UNIX:/path/sock", "/path/sock"},
		{"", "unix:/path/sock", "/path/sock"},
		{"", "unix:///path/sock", "/path/sock"},
		{"", "UNIX:///path/sock", "/path/sock"},
		{"/flag", "UNIX:/env", "/flag"},
		{"unix:relative", "", "relative"},
	} {
		got, err := FindServer(c.flag, func(string) string { return c.env })
		if err != nil || got.Addr != c.want {
			t.Errorf("%q, %q: got %q, %v", c.flag, c.env, got.Addr, err)
		}
	}
	for _, bad := range []string{"nonsense", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:99999", "UNIX:", "unix://", "tcp://", "http://x"} {
		if got, err := FindServer(bad, nil); device.AsError(err) == nil || device.AsError(err).Code != device.Usage {
			t.Errorf("%q: got %q, %v", bad, got.Addr, err)
		}
	}
	if defaultServer("windows") != "127.0.0.1:27015" || defaultServer("darwin") != "/var/run/usbmuxd" {
		t.Error("the default servers")
	}
}

func TestNoServer(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	b := &Backend{Server: Server{Addr: ln.Addr().String()}}
	_, err = b.List(until(t), "")
	if e := device.AsError(err); e == nil || e.Code != device.NoServer || e.Hint == "" {
		t.Errorf("got %v", err)
	}
	for _, goos := range []string{"linux", "darwin", "windows"} {
		if startHint(goos) == "" {
			t.Errorf("%s has no hint", goos)
		}
	}
}

// One phone takes two connections: one for the list, and one for all questions
// to it.
func TestListCost(t *testing.T) {
	p := startPeer(t)
	b := &Backend{Server: p.server()}
	infos, err := b.List(until(t), "")
	if err != nil {
		t.Fatal(err)
	}
	want := []device.Info{{
		ID: testUDID, Platform: device.IOS, Name: "Ada's iPhone", Model: "iPhone14,2", OSVersion: "17.5.1",
		State: device.Ready, Transport: device.USB, Hardware: testUDID, Server: p.addr,
	}}
	if !reflect.DeepEqual(infos, want) {
		t.Errorf("got %+v", infos)
	}
	steps := []string{"ListDevices", "ReadPairRecord", "Connect", "StartSession", "TLS", "GetValue", "GetValue/com.apple.security.mac.amfi/DeveloperModeStatus"}
	if got := p.visited(); !slices.Equal(got, steps) {
		t.Errorf("the list took %q", got)
	}
	if p.conns != 2 {
		t.Errorf("%d connections", p.conns)
	}
}

// A name is listed as its owner wrote it, including characters that terminals
// don't show.
func TestListName(t *testing.T) {
	const name = "\u3000王的\u200diPhone\u200e 👨\u200d👩\u200d👧"
	p := startPeer(t)
	p.values["DeviceName"] = name
	infos, err := (&Backend{Server: p.server()}).List(until(t), "")
	if err != nil || len(infos) != 1 || infos[0].Name != name {
		t.Errorf("got %+v, %v", infos, err)
	}
}

func TestListStates(t *testing.T) {
	for name, c := range map[string]struct {
		set  func(*peer)
		want device.State
	}{
		"unpaired":           {func(p *peer) { p.unpaired = true }, device.Unpaired},
		"not trusted":        {func(p *peer) { p.refuse["StartSession"] = "InvalidHostID" }, device.Unpaired},
		"trust pending":      {func(p *peer) { p.refuse["StartSession"] = "PairingDialogResponsePending" }, device.TrustPending},
		"locked since start": {func(p *peer) { p.refuse["StartSession"] = "PasswordProtected" }, device.Locked},
		"locked":             {func(p *peer) { p.values["PasswordProtected"] = true }, device.Locked},
		"developer mode off": {func(p *peer) { p.values["com.apple.security.mac.amfi/DeveloperModeStatus"] = false }, device.DeveloperModeOff},
		"iOS 15":             {func(p *peer) { delete(p.values, "com.apple.security.mac.amfi/DeveloperModeStatus") }, device.Ready},
		"lockdown refuses":   {func(p *peer) { p.noLockdown = true }, device.NotAnswering},
		"no version":         {func(p *peer) { delete(p.values, "ProductVersion") }, device.NotAnswering},
		"cut":                {func(p *peer) { p.faults["StartSession"] = fault{cut: true} }, device.NotAnswering},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startPeer(t)
			c.set(p)
			b := &Backend{Server: p.server()}
			infos, err := b.List(until(t), "")
			if err != nil || len(infos) != 1 {
				t.Fatalf("got %v, %v", infos, err)
			}
			i := infos[0]
			if i.State != c.want || (i.Fix == "") != (c.want == device.Ready) {
				t.Errorf("got %q, fix %q", i.State, i.Fix)
			}
			if c.want != device.NotAnswering && i.Name != "Ada's iPhone" {
				t.Errorf("its name is %q", i.Name)
			}
			if c.want == device.Ready {
				return
			}
			if _, err := b.Open(until(t), i); device.AsError(err).Code != device.PhoneNotReady || device.AsError(err).Hint == "" {
				t.Errorf("opening it: %v", err)
			}
		})
	}
}

// A phone that is connected by USB and network is asked once, and listed as one
// phone.
func TestListMerges(t *testing.T) {
	p := startPeer(t)
	network := p.entry()
	network["DeviceID"] = 8
	network["Properties"] = map[string]any{"ConnectionType": "Network", "DeviceID": 8, "SerialNumber": testUDID}
	p.devices = []map[string]any{network, p.entry()}
	b := &Backend{Server: p.server()}
	infos, err := b.List(until(t), "")
	if err != nil {
		t.Fatal(err)
	}
	merged := device.Merge(infos)
	if len(merged) != 1 || merged[0].Transport != device.USB || len(merged[0].Also) != 1 || merged[0].Also[0].Transport != device.Network {
		t.Errorf("got %+v", merged)
	}
	if n := len(p.visited()); n != 7 {
		t.Errorf("took %q", p.visited())
	}
}

// Phones that were not selected are not asked.
func TestListWants(t *testing.T) {
	p := startPeer(t)
	other := p.entry()
	other["DeviceID"] = 9
	other["Properties"] = map[string]any{"ConnectionType": "USB", "DeviceID": 9, "SerialNumber": "00008110-0000000000000001"}
	p.devices = []map[string]any{p.entry(), other}
	b := &Backend{Server: p.server()}
	infos, err := b.List(until(t), "00008110000a1b2c3d4e5f60")
	if err != nil || len(infos) != 2 {
		t.Fatalf("got %v, %v", infos, err)
	}
	if n := len(p.visited()); n != 7 {
		t.Errorf("took %q", p.visited())
	}
}

// A silent phone doesn't keep the list from ending.
func TestListStalls(t *testing.T) {
	for _, step := range []string{"ReadPairRecord", "Connect", "StartSession", "TLS", "GetValue"} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			p := startPeer(t)
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			p.faults[step] = fault{stall: true, then: cancel}
			if _, err := (&Backend{Server: p.server()}).List(ctx, ""); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestListLies(t *testing.T) {
	for _, step := range []string{"ListDevices", "ReadPairRecord", "Connect", "StartSession", "GetValue"} {
		t.Run(step, func(t *testing.T) {
			p := startPeer(t)
			p.faults[step] = fault{raw: []byte("nonsense")}
			_, err := (&Backend{Server: p.server()}).List(until(t), "")
			if e := device.AsError(err); e == nil || e.Code != device.ServerMisbehaved {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestWatch(t *testing.T) {
	p := startPeer(t)
	p.devices = []map[string]any{}
	b := &Backend{Server: p.server()}
	ctx, cancel := context.WithCancel(until(t))
	defer cancel()
	seen := make(chan []device.Info)
	ended := make(chan error, 1)
	go func() { ended <- b.Watch(ctx, func(i []device.Info) { seen <- i }) }()
	if got := <-seen; len(got) != 0 {
		t.Fatalf("at first: %v", got)
	}
	p.mu.Lock()
	p.unpaired = true
	p.mu.Unlock()
	p.events <- p.entry()
	if got := <-seen; len(got) != 1 || got[0].State != device.Unpaired {
		t.Fatalf("after attaching: %v", got)
	}
	p.mu.Lock()
	p.unpaired = false
	p.mu.Unlock()
	p.events <- map[string]any{"MessageType": "Unheard"}
	p.events <- p.entry() // again: no news
	p.events <- map[string]any{"MessageType": "Paired", "DeviceID": p.number}
	if got := <-seen; len(got) != 1 || got[0].State != device.Ready || got[0].Name != "Ada's iPhone" {
		t.Fatalf("after pairing: %v", got)
	}
	p.events <- map[string]any{"MessageType": "Detached", "DeviceID": 99} // was never attached
	p.events <- map[string]any{"MessageType": "Detached", "DeviceID": p.number}
	if got := <-seen; len(got) != 0 {
		t.Fatalf("after detaching: %v", got)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
}

// If the user trusts the computer again, the phone has another pair record,
// which is read.
func TestListAfterPairingAgain(t *testing.T) {
	p := startPeer(t)
	b := &Backend{Server: p.server()}
	state := func() device.State {
		infos, err := b.List(until(t), "")
		if err != nil || len(infos) != 1 {
			t.Fatalf("got %v, %v", infos, err)
		}
		return infos[0].State
	}
	refuse := func(code string) {
		p.mu.Lock()
		p.refuse["StartSession"] = code
		p.mu.Unlock()
	}
	first := state()
	refuse("InvalidHostID")
	refused := state()
	refuse("")
	if again := state(); first != device.Ready || refused != device.Unpaired || again != device.Ready {
		t.Errorf("first %s, then %s, then %s", first, refused, again)
	}
	reads := 0
	for _, step := range p.visited() {
		if step == "ReadPairRecord" {
			reads++
		}
	}
	if reads != 2 {
		t.Errorf("the pair record was read %d times, want 2", reads)
	}
}

// Hints contain the UDID in commands for a shell, so text that a shell
// interprets is not accepted as one.
func TestListNamesOnlyUDIDs(t *testing.T) {
	for _, udid := range []string{"", "-u", "a;reboot", "$(reboot)", "a b", "a\n", "../a", "a\u202e", strings.Repeat("a", 101)} {
		p := startPeer(t)
		entry := p.entry()
		entry["Properties"].(map[string]any)["SerialNumber"] = udid
		p.devices = []map[string]any{entry}
		if _, err := (&Backend{Server: p.server()}).List(until(t), ""); device.AsError(err) == nil || device.AsError(err).Code != device.ServerMisbehaved {
			t.Errorf("%q: %v", udid, err)
		}
	}
}

// If usbmuxd ends, the watch ends with an error.
func TestWatchCut(t *testing.T) {
	p := startPeer(t)
	p.faults["event"] = fault{cut: true}
	ended := make(chan error, 1)
	go func() {
		ended <- (&Backend{Server: p.server()}).Watch(until(t), func([]device.Info) { p.events <- map[string]any{} })
	}()
	if err := <-ended; device.AsError(err) == nil || device.AsError(err).Code != device.ServerMisbehaved {
		t.Errorf("got %v", err)
	}
}
