package ios

import (
	"errors"
	"net"
	"testing"

	"github.com/danielpaulus/go-ios/ios"

	"github.com/wxctl/wxctl/device"
)

// goIOS connects go-ios to the peer.
func goIOS(t *testing.T, p *peer) (*ios.UsbMuxConnection, net.Conn) {
	t.Helper()
	c, err := net.Dial("tcp", p.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return ios.NewUsbMuxConnection(ios.NewDeviceConnectionWithConn(c)), c
}

// go-ios takes the peer of these tests for an iPhone, and reads of it what
// this package reads.
func TestGoIOSAgrees(t *testing.T) {
	p := startPeer(t)
	m, _ := goIOS(t, p)
	list, err := m.ListDevices()
	if err != nil || len(list.DeviceList) != 1 || list.DeviceList[0].Properties.SerialNumber != testUDID {
		t.Fatalf("go-ios lists %v, %v", list, err)
	}
	record, err := m.ReadPair(testUDID)
	if err != nil {
		t.Fatal(err)
	}
	lockdown, err := m.ConnectLockdown(list.DeviceList[0].DeviceID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lockdown.StartSession(record); err != nil {
		t.Fatal(err)
	}
	theirs, err := lockdown.GetProductVersion()
	if err != nil {
		t.Fatal(err)
	}
	service, err := lockdown.StartService(installationProxy)
	if err != nil || service.Port != servicePort || !service.EnableServiceSSL {
		t.Errorf("go-ios starts %+v, %v", service, err)
	}
	link, err := p.server().Link(until(t), testUDID)
	if err != nil {
		t.Fatal(err)
	}
	if ours, err := value(until(t), link, "ProductVersion"); err != nil || ours != theirs {
		t.Errorf("ours is %v, %v, go-ios's %v", ours, err, theirs)
	}
}

// Why this package doesn't leave these answers to go-ios: it takes what it
// can't read for success. When one of these fails, go-ios has been mended.
func TestGoIOSDefects(t *testing.T) {
	nonsense := fault{raw: []byte("<plist><array/></plist>")}
	t.Run("a list that is none is an empty one", func(t *testing.T) {
		p := startPeer(t)
		p.set("ListDevices", nonsense)
		m, _ := goIOS(t, p)
		if list, err := m.ListDevices(); err != nil || len(list.DeviceList) != 0 {
			t.Errorf("go-ios says %v, %v", list, err)
		}
		ours, err := (&Backend{Server: p.server()}).List(until(t), "")
		if device.AsError(err) == nil || device.AsError(err).Code != device.ServerMisbehaved {
			t.Errorf("ours says %v, %v", ours, err)
		}
	})
	t.Run("a result that is none is success", func(t *testing.T) {
		p := startPeer(t)
		p.set("Connect", nonsense)
		m, _ := goIOS(t, p)
		if _, err := m.ConnectLockdown(p.number); err != nil {
			t.Errorf("go-ios says %v", err)
		}
		l := &Link{server: p.server(), udid: testUDID, number: p.number}
		if _, err := l.Dial(until(t), lockdownPort); device.AsError(err) == nil || device.AsError(err).Code != device.ServerMisbehaved {
			t.Errorf("ours says %v", err)
		}
	})
	t.Run("a refused value is none", func(t *testing.T) {
		p := startPeer(t)
		m, _ := goIOS(t, p)
		lockdown, err := m.ConnectLockdown(p.number)
		if err != nil {
			t.Fatal(err)
		}
		p.mu.Lock()
		p.refuse["GetValue"] = "PasswordProtected"
		p.mu.Unlock()
		if v, err := lockdown.GetValue("ProductVersion"); err != nil || v != nil {
			t.Errorf("go-ios says %v, %v", v, err)
		}
		l := &Link{server: p.server(), udid: testUDID, number: p.number}
		_, err = value(until(t), l, "ProductVersion")
		var refused *LockdownError
		if !errors.As(err, &refused) || device.AsError(err).Code != device.PhoneNotReady {
			t.Errorf("ours says %v", err)
		}
	})
}
