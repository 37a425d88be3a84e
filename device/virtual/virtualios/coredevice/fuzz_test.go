package coredevice

import (
	"bytes"
	"context"
	"testing"

	"github.com/google/uuid"

	"github.com/wxctl/wxctl/device/virtual/virtualios/idevice"
)

// FuzzGreeting sends arbitrary greetings to CoreDeviceProxy.
func FuzzGreeting(f *testing.F) {
	f.Add([]byte("CDTunnel\x00\x2c" + `{"type":"clientHandshakeRequest","mtu":1280}`))
	f.Add([]byte("CDTunnel\xff\xff{"))
	f.Fuzz(func(t *testing.T, said []byte) {
		if hello, err := readHello(bytes.NewReader(said)); err == nil && hello.Type != "clientHandshakeRequest" {
			t.Errorf("%+v", hello)
		}
	})
}

// FuzzRequest sends arbitrary requests to a service: each is answered, once
// except for streams, with a valid XPC value.
func FuzzRequest(f *testing.F) {
	phone, err := idevice.New(idevice.Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { phone.Close() })
	s := New(phone, Options{Pasteboard: true})
	f.Cleanup(func() { s.Close() })
	for _, body := range []dict{
		request("launchapplication", launch("com.apple.mobilesafari", "https://example.com")),
		request("listapps", dict{}),
		request("sendsignaltoprocess", dict{"process": dict{"processIdentifier": int64(58)}, "signal": int64(9)}),
		request("streamapplist", dict{"streamProxy": dict{"sideChannel": uuid.UUID{}}}),
		{"command": "SET", "pasteboardName": "general", "items": []any{nil, dict{"types": []any{"a"}}}},
	} {
		data, err := encode(message{flags: 1, id: 1, body: body})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, _, err := decode(data)
		if err != nil {
			return
		}
		c := &connection{server: s}
		for _, answer := range []func(context.Context, dict, func(dict) error) error{c.invoke, c.pasteboard} {
			replies := 0
			err := answer(t.Context(), m.body, func(reply dict) error {
				replies++
				_, err := encode(message{body: reply})
				return err
			})
			if err != nil || replies == 0 {
				t.Errorf("%d replies, %v", replies, err)
			}
		}
	})
}
