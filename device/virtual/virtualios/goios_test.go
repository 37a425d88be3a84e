package virtualios_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/danielpaulus/go-ios/ios"
	"github.com/danielpaulus/go-ios/ios/installationproxy"
	"github.com/danielpaulus/go-ios/ios/syslog"

	"github.com/wxctl/wxctl/device/virtual/virtualios"
	"github.com/wxctl/wxctl/device/virtual/virtualios/idevice"
	"github.com/wxctl/wxctl/device/virtual/virtualios/usbmuxd"
)

// TestGoIOS: go-ios's own calls use the phone: list, values, apps, log,
// WebDriverAgent through a port, phones that are connected and disconnected.
func TestGoIOS(t *testing.T) {
	s := start(t, virtualios.Options{WDA: virtualios.WDAOn}, virtualios.Options{IOS: "16.7", Trust: idevice.Untrusted, NoUSB: true})
	plugged, unplug := context.WithCancel(t.Context())
	defer unplug()
	s.Mux.Attach(plugged, s.Phones[1], usbmuxd.USB)
	t.Setenv("USBMUXD_SOCKET_ADDRESS", s.USBMux)
	list, err := ios.ListDevices()
	if err != nil || len(list.DeviceList) != 2 {
		t.Fatalf("%+v, %v", list, err)
	}
	d := list.DeviceList[0]
	if d.Properties.SerialNumber != s.Phones[0].UDID() || d.Properties.ConnectionType != "USB" {
		t.Errorf("%+v", d)
	}
	values, err := ios.GetValues(d)
	if err != nil || values.Value.ProductVersion != "17.5" || values.Value.DeviceName != "Virtual iPhone" || values.Value.UniqueDeviceID != d.Properties.SerialNumber {
		t.Errorf("%+v, %v", values, err)
	}
	if _, err := ios.GetValues(list.DeviceList[1]); err == nil || !strings.Contains(err.Error(), "paired") {
		t.Errorf("an unpaired phone: %v", err)
	}
	apps, err := installationproxy.New(d)
	if err != nil {
		t.Fatal(err)
	}
	user, err := apps.BrowseUserApps()
	apps.Close()
	if err != nil || len(user) != 2 || user[1].CFBundleIdentifier() != "com.tencent.xin" || user[1].CFBundleShortVersionString() != "8.0.50" {
		t.Errorf("%+v, %v", user, err)
	}
	log, err := syslog.New(d)
	if err != nil {
		t.Fatal(err)
	}
	s.Phones[0].Model.Log(idevice.Line{Process: idevice.Process{PID: 7, Name: "WxDemo"}, Message: "wxctl-reply: {\"x\":\"\u4e2d\\n\"}"})
	if line, err := log.ReadLogMessage(); err != nil || !strings.Contains(line, "WxDemo[7] <Notice>: wxctl-reply: {\"x\":\"\u4e2d\\n\"}") {
		t.Errorf("%q, %v", line, err)
	}
	if err := log.Close(); err != nil {
		t.Error(err)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(context.Context, string, string) (net.Conn, error) {
		conn, err := ios.NewDeviceConnection(ios.GetUsbmuxdSocket())
		if err != nil {
			return nil, err
		}
		mux := ios.NewUsbMuxConnection(conn)
		if err := mux.Connect(d.DeviceID, 8100); err != nil {
			return nil, err
		}
		return mux.ReleaseDeviceConnection().Conn(), nil
	}}}
	resp, err := client.Get("http://localhost/status")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || !strings.Contains(string(body), `"ready":true`) {
		t.Errorf("%s, %v", body, err)
	}
	next, stop, err := ios.Listen()
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	for i, want := range []string{"Attached", "Attached", "Detached"} {
		if i == 2 {
			unplug()
		}
		if m, err := next(); err != nil || m.MessageType != want {
			t.Errorf("%+v, %v, want %s", m, err, want)
		}
	}
}
