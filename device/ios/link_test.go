package ios

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"testing"

	"go.uber.org/goleak"

	"github.com/wxctl/wxctl/device"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestDial(t *testing.T) {
	p := startPeer(t)
	ctx := until(t)
	link, err := p.server().Link(ctx, testUDID)
	if err != nil {
		t.Fatal(err)
	}
	c, err := link.Dial(ctx, plainPort)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "hello"); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 5)
	if _, err := io.ReadFull(c, got); err != nil || string(got) != "hello" {
		t.Fatalf("read %q, %v", got, err)
	}
	var refused *RefusedError
	if _, err := link.Dial(ctx, 1234); !errors.As(err, &refused) || refused.Port != 1234 {
		t.Errorf("a port that nobody listens on: %v", err)
	}
}

// A phone that was plugged in again has a new number at usbmuxd.
func TestDialAfterReplug(t *testing.T) {
	p := startPeer(t)
	ctx := until(t)
	link, err := p.server().Link(ctx, testUDID)
	if err != nil {
		t.Fatal(err)
	}
	p.mu.Lock()
	p.number++
	p.mu.Unlock()
	c, err := link.Dial(ctx, plainPort)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	p.mu.Lock()
	p.devices = []map[string]any{}
	p.number++
	p.mu.Unlock()
	if _, err := link.Dial(ctx, plainPort); device.AsError(err).Code != device.PhoneLost {
		t.Errorf("a phone that is gone: %v", err)
	}
}

// startService starts a service in a session of its own.
func startService(ctx context.Context, l *Link, name string) (net.Conn, error) {
	s, err := l.Lockdown(ctx)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	return s.StartService(ctx, name)
}

// value asks for a value in a session of its own.
func value(ctx context.Context, l *Link, key string) (any, error) {
	s, err := l.Lockdown(ctx)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	return s.Value(ctx, "", key)
}

func TestStartServiceAndValue(t *testing.T) {
	p := startPeer(t)
	ctx := until(t)
	link, err := p.server().Link(ctx, testUDID)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{installationProxy, "plain"} {
		c, err := startService(ctx, link, name)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		c.Close()
	}
	var refused *LockdownError
	if _, err := startService(ctx, link, "com.example.none"); !errors.As(err, &refused) || refused.Code != "InvalidService" {
		t.Errorf("a service that isn't there: %v", err)
	}
	if v, err := value(ctx, link, "ProductVersion"); err != nil || v != "17.5.1" {
		t.Errorf("ProductVersion: %v, %v", v, err)
	}
	if v, err := value(ctx, link, "None"); err != nil || v != nil {
		t.Errorf("a value that isn't there: %v, %v", v, err)
	}
}

// steps are the steps to a service at which a phone or its usbmuxd may misbehave.
var steps = []string{"ListDevices", "ReadPairRecord", "Connect", "StartSession", "TLS", "StartService", "ConnectService", "TLSService"}

func serviceOf(ctx context.Context, s Server) error {
	link, err := s.Link(ctx, testUDID)
	if err != nil {
		return err
	}
	c, err := startService(ctx, link, installationProxy)
	if err == nil {
		c.Close()
	}
	return err
}

// What go-ios can't end ends with its context, at every step.
func TestStalls(t *testing.T) {
	for _, step := range steps {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			p := startPeer(t)
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			p.faults[step] = fault{stall: true, then: cancel}
			if err := serviceOf(ctx, p.server()); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
			if v := p.visited(); v[len(v)-1] != step {
				t.Errorf("the peer stalled at %v", v)
			}
		})
	}
}

// What go-ios treats as an empty list, a success or a log line is an error
// here: each invalid or truncated answer, at every step.
func TestLiesAndCuts(t *testing.T) {
	faults := map[string]fault{
		"cut":              {cut: true},
		"half":             {half: true},
		"no plist":         {raw: []byte("hello, this is not a property list")},
		"another plist":    {raw: []byte(`<plist><array><string>x</string></array></plist>`)},
		"empty":            {raw: []byte{}},
		"a dictionary":     {raw: []byte(`<plist><dict/></plist>`)},
		"wrong types":      {raw: []byte(`<plist><dict><key>DeviceList</key><string>x</string><key>Number</key><string>x</string><key>PairRecordData</key><true/><key>Port</key><string>x</string><key>SessionID</key><true/></dict></plist>`)},
		"endless":          {bytes: []byte("\xff\xff\xff\xff\x01\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00\x00")},
		"no length":        {bytes: []byte("\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00")},
		"another's answer": {bytes: append([]byte("\x26\x00\x00\x00\x01\x00\x00\x00\x08\x00\x00\x00\xff\x00\x00\x00"), "<plist><dict/></plist>"...)},
		"cyclic":           {raw: append([]byte("bplist00\xa1\x00\x08"), 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10)},
	}
	for name, f := range faults {
		for _, step := range steps {
			if (step == "TLS" || step == "TLSService") && f.bytes == nil && !f.cut {
				continue // no property list is exchanged at this step
			}
			if name == "a dictionary" && step == "StartSession" {
				continue // that means a session without TLS, which iOS 4 had
			}
			t.Run(name+"/"+step, func(t *testing.T) {
				t.Parallel()
				p := startPeer(t)
				p.faults[step] = f
				err := serviceOf(until(t), p.server())
				var e *device.Error
				if !errors.As(err, &e) {
					t.Fatalf("got %v, which is not a sentence for a user", err)
				}
				allowed := []device.Code{device.ServerMisbehaved, device.PhoneLost, device.PhoneNotReady}
				if !slices.Contains(allowed, e.Code) || e.Hint == "" {
					t.Errorf("got %s %q, hint %q", e.Code, e.Message, e.Hint)
				}
			})
		}
	}
}

func TestStates(t *testing.T) {
	for code, want := range states {
		t.Run(code, func(t *testing.T) {
			p := startPeer(t)
			p.refuse["StartSession"] = code
			err := serviceOf(until(t), p.server())
			e := device.AsError(err)
			if e.Code != device.PhoneNotReady || e.Hint != device.FixFor(want) {
				t.Errorf("got %s %q, hint %q", e.Code, e.Message, e.Hint)
			}
		})
	}
	t.Run("no pair record", func(t *testing.T) {
		p := startPeer(t)
		p.unpaired = true
		err := serviceOf(until(t), p.server())
		if e := device.AsError(err); e.Code != device.PhoneNotReady || e.Hint != device.FixFor(device.Unpaired) {
			t.Errorf("got %s %q, hint %q", e.Code, e.Message, e.Hint)
		}
	})
}
