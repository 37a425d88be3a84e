package ios

import (
	"bytes"
	"testing"

	"howett.net/plist"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/proplist"
)

func FuzzDecodePlist(f *testing.F) {
	f.Add([]byte(`<plist><dict><key>DeviceList</key><array><dict><key>DeviceID</key><integer>1</integer></dict></array></dict></plist>`))
	for _, v := range []any{
		muxRequest{MessageType: "Connect", DeviceID: 1, PortNumber: 2},
		map[string]any{"Value": map[string]any{"DeviceName": "x", "list": []any{1, "y", []byte("z")}}},
		proxyAnswer{Status: "Complete", LookupResult: map[string]any{"a": app{ID: "a", URLTypes: []urlType{{Schemes: []string{"s"}}}, Entitlements: &entitlements{}}}},
	} {
		for _, format := range []int{plist.XMLFormat, plist.BinaryFormat} {
			data, err := plist.Marshal(v, format)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	f.Add([]byte("bplist00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var mux muxAnswer
		_ = proplist.Unmarshal(data, &mux)
		var lock lockdownAnswer
		_ = proplist.Unmarshal(data, &lock)
		var apps proxyAnswer
		if proplist.Unmarshal(data, &apps) == nil {
			found := apps.apps()
			for _, a := range found {
				a.appIDs()
				a.universalLink()
				facts := factsOf(&a, wechatOf(found))
				device.FindingsOf(&facts)
			}
		}
		var v any
		if proplist.Unmarshal(data, &v) != nil {
			return
		}
		// What was read can be written, and read again.
		if again, err := plist.Marshal(v, plist.BinaryFormat); err == nil {
			if err := proplist.Unmarshal(again, &v); err != nil {
				t.Errorf("%q was read, and what was written of it not: %v", data, err)
			}
		}
	})
}

func FuzzReadPlist(f *testing.F) {
	var b bytes.Buffer
	if err := sendPlist(&b, proxyRequest{Command: "Lookup"}); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte("\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var v any
		r := bytes.NewReader(data)
		if readPlist(r, &v) == nil && len(data) < 4 {
			t.Error("an empty message was read")
		}
	})
}

func FuzzParseAddr(f *testing.F) {
	for _, s := range []string{"127.0.0.1:27015", "UNIX:/a", "unix:///a", "/a", "tcp://h:1", "[::1]:1", ":1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, addr string) {
		s, err := parseAddr(addr, "--usbmuxd")
		if err != nil {
			return
		}
		if s.Addr == "" {
			t.Fatalf("%q is an address without any", addr)
		}
	})
}
