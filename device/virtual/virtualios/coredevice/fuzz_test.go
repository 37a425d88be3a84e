package coredevice

import (
	"bytes"
	"context"
	"testing"

	"github.com/wxctl/wxctl/device/ios/remotexpc"
	"github.com/wxctl/wxctl/device/virtual/virtualios/idevice"
)

// FuzzGreeting takes whatever a computer may say to CoreDeviceProxy.
func FuzzGreeting(f *testing.F) {
	f.Add([]byte("CDTunnel\x00\x2c" + `{"type":"clientHandshakeRequest","mtu":1280}`))
	f.Add([]byte("CDTunnel\xff\xff{"))
	f.Fuzz(func(t *testing.T, said []byte) {
		if hello, err := readHello(bytes.NewReader(said)); err == nil && hello.Type != "clientHandshakeRequest" {
			t.Errorf("%+v", hello)
		}
	})
}

// FuzzRequest takes whatever a computer may ask a service: each request is
// answered, once but for streams, with what XPC has a form for.
func FuzzRequest(f *testing.F) {
	phone, err := idevice.New(idevice.Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { phone.Close() })
	s := New(phone, Options{Pasteboard: true})
	f.Cleanup(func() { s.Close() })
	for _, body := range []remotexpc.Dict{
		request("launchapplication", launch("com.apple.mobilesafari", "https://example.com")),
		request("listapps", remotexpc.Dict{}),
		request("sendsignaltoprocess", remotexpc.Dict{{Key: "process", Value: remotexpc.Dict{{Key: "processIdentifier", Value: int64(58)}}}, {Key: "signal", Value: int64(9)}}),
		request("streamapplist", remotexpc.Dict{{Key: "streamProxy", Value: remotexpc.Dict{{Key: "sideChannel", Value: remotexpc.UUID{}}}}}),
		{{Key: "command", Value: "SET"}, {Key: "pasteboardName", Value: "general"}, {Key: "items", Value: []any{nil, remotexpc.Dict{{Key: "types", Value: []any{"a"}}}}}},
	} {
		data, err := remotexpc.Request(1, body).Append(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, _, err := remotexpc.Decode(data)
		if err != nil {
			return
		}
		c := &connection{server: s}
		for _, answer := range []func(context.Context, remotexpc.Dict, func(remotexpc.Dict) error) error{c.invoke, c.pasteboard} {
			replies := 0
			err := answer(t.Context(), m.Body, func(reply remotexpc.Dict) error {
				replies++
				_, err := remotexpc.Message{Body: reply}.Append(nil)
				return err
			})
			if err != nil || replies == 0 {
				t.Errorf("%d replies, %v", replies, err)
			}
		}
	})
}
