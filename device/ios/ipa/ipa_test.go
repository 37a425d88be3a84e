package ipa_test

import (
	"bytes"
	"encoding/binary"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wxctl/wxctl/device/ios/ipa"
	"github.com/wxctl/wxctl/fixtures/doctor"
)

func good() doctor.IPA {
	const domains = "com.apple.developer.associated-domains"
	return doctor.IPA{
		Info: map[string]any{
			"CFBundleIdentifier": "com.example.app", "CFBundleShortVersionString": "1.2", "CFBundleExecutable": "Demo",
			"CFBundleURLTypes":            []any{map[string]any{"CFBundleURLSchemes": []string{"wx0123456789abcdef"}}},
			"LSApplicationQueriesSchemes": []string{"weixin"},
		},
		Provisioning: map[string]any{
			"Name": "Demo", "TeamIdentifier": []string{"ABCDE12345"}, "ExpirationDate": time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC),
			"ProvisionedDevices": []string{"00008110-0000000000000001"}, "Entitlements": map[string]any{domains: "*"},
		},
		Entitlements: map[string]any{
			"application-identifier": "ABCDE12345.com.example.app", "get-task-allow": true, domains: []string{"applinks:example.com"},
		},
	}
}

func open(data []byte) (*ipa.File, error) { return ipa.Open(bytes.NewReader(data), int64(len(data))) }

func TestOpen(t *testing.T) {
	for name, app := range map[string]doctor.IPA{"thin": good(), "fat": {Fat: true, Pad: 100_000}} {
		g := good()
		g.Fat, g.Pad = app.Fat, app.Pad
		f, err := open(g.Make(t))
		if err != nil || f.ProvisioningErr != nil || f.EntitlementsErr != nil {
			t.Fatalf("%s: %v, %+v", name, err, f)
		}
		want := &ipa.File{
			Info: ipa.Info{
				BundleID: "com.example.app", Version: "1.2", Executable: "Demo", Queries: []string{"weixin"},
				URLTypes: []ipa.URLType{{Schemes: []string{"wx0123456789abcdef"}}},
			},
			Provisioning: &ipa.Provisioning{
				Name: "Demo", Teams: []string{"ABCDE12345"}, Expires: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC),
				Devices: []string{"00008110-0000000000000001"}, Allows: ipa.Entitlements{Domains: ipa.List{"*"}},
			},
			Entitlements: ipa.Entitlements{AppID: "ABCDE12345.com.example.app", GetTaskAllow: true, Domains: ipa.List{"applinks:example.com"}},
		}
		if !reflect.DeepEqual(f, want) {
			t.Errorf("%s: got\n%+v\nwant\n%+v", name, f, want)
		}
		if f.Entitlements.TeamID() != "ABCDE12345" {
			t.Errorf("team %q", f.Entitlements.TeamID())
		}
	}
}

// TestParts: if a part can't be read, the others still are.
func TestParts(t *testing.T) {
	unsigned, bare, store := good(), good(), good()
	unsigned.Unsigned = true
	bare.Entitlements = nil
	store.Provisioning = nil
	f, err := open(unsigned.Make(t))
	if err != nil || f.EntitlementsErr == nil || !strings.Contains(f.EntitlementsErr.Error(), "not signed") || f.Provisioning == nil {
		t.Errorf("unsigned: %+v, %v", f, err)
	}
	f, err = open(bare.Make(t))
	if err != nil || f.EntitlementsErr != nil || len(f.Entitlements.Domains) != 0 {
		t.Errorf("no entitlements: %+v, %v", f, err)
	}
	f, err = open(store.Make(t))
	if err != nil || f.Provisioning != nil || f.ProvisioningErr != nil {
		t.Errorf("no profile: %+v, %v", f, err)
	}
}

// TestHostile: files with wrong statements are refused in a sentence, and cost
// little.
func TestHostile(t *testing.T) {
	program := good().Program(t)
	signature := bytes.Index(program, []byte{0xfa, 0xde, 0x0c, 0xc0})
	info := doctor.Plist(t, good().Info, 2)
	with := func(program []byte) []byte {
		return doctor.Zip(t, map[string][]byte{"Payload/D.app/Info.plist": info, "Payload/D.app/Demo": program})
	}
	change := func(at int, order binary.ByteOrder, v uint32) []byte {
		b := slices.Clone(program)
		order.PutUint32(b[at:], v)
		return with(b)
	}
	be, le := binary.ByteOrder(binary.BigEndian), binary.ByteOrder(binary.LittleEndian)
	for _, tt := range []struct {
		name, want string
		data       []byte
	}{
		{"no app", "not an IPA", doctor.Zip(t, map[string][]byte{"a": nil})},
		{"two apps", "two apps", doctor.Zip(t, map[string][]byte{"Payload/A.app/Info.plist": info, "Payload/B.app/Info.plist": info})},
		{"Info.plist of nonsense", "Info.plist can't be read", doctor.Zip(t, map[string][]byte{"Payload/A.app/Info.plist": []byte("x")})},
		{"no bundle id", "no CFBundleIdentifier", doctor.Zip(t, map[string][]byte{"Payload/A.app/Info.plist": doctor.Plist(t, map[string]any{}, 2)})},
		{"a loop of objects", "nested too deeply", doctor.Zip(t, map[string][]byte{"Payload/A.app/Info.plist": loop()})},
		{"text as program", "not a Mach-O", with([]byte("#!/bin/sh"))},
		{"cut program", "broken", with(program[:40])},
		{"signature beyond the end", "broken", change(32+72+8, le, 0x7fffffff)},
		{"commands without end", "broken", change(20, le, 0xfffffff0)},
		{"a command of no length", "broken", change(36, le, 0)},
		{"many slots", "signature is broken", change(signature+8, be, 1<<20)},
		{"slot before its index", "signature is broken", change(signature+16, be, 0)},
		{"slot beyond the signature", "signature is broken", change(signature+16, be, 0xffffff00)},
		{"blob of any length", "signature is broken", change(signature+24, be, 0xffffffff)},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f, err := open(tt.data)
		runtime.ReadMemStats(&after)
		if err == nil {
			err = f.EntitlementsErr
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
		if taken := after.TotalAlloc - before.TotalAlloc; taken > 64<<20 {
			t.Errorf("%s: %d bytes of memory", tt.name, taken)
		}
	}
}

// loop is a binary property list with an array that holds itself.
func loop() []byte {
	out := append([]byte("bplist00"), 0xa1, 0, 8)
	trailer := make([]byte, 32)
	trailer[6], trailer[7], trailer[15], trailer[31] = 1, 1, 1, 10
	return append(out, trailer...)
}

// TestLargeProgram: a large program is read as a stream.
func TestLargeProgram(t *testing.T) {
	g := good()
	g.Pad = 48 << 20
	data := g.Make(t)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f, err := open(data)
	runtime.ReadMemStats(&after)
	if err != nil || f.EntitlementsErr != nil || len(f.Entitlements.Domains) != 1 {
		t.Errorf("%+v, %v", f, err)
	}
	if taken := after.TotalAlloc - before.TotalAlloc; taken > 8<<20 {
		t.Errorf("%d bytes of memory", taken)
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(good().Make(f))
	g := good()
	g.Fat = true
	f.Add(g.Make(f))
	f.Fuzz(func(_ *testing.T, data []byte) { _, _ = open(data) })
}

// FuzzProgram reads programs without an archive, whose checksum would refuse
// most changes.
func FuzzProgram(f *testing.F) {
	info := doctor.Plist(f, good().Info, 2)
	f.Add(good().Program(f))
	der := good()
	der.DER = true
	f.Add(der.Program(f))
	f.Fuzz(func(t *testing.T, program []byte) {
		_, _ = open(doctor.Zip(t, map[string][]byte{"Payload/D.app/Info.plist": info, "Payload/D.app/Demo": program}))
	})
}
