package androidwire

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/wxctl/wxctl/intents"
)

var update = flag.Bool("update", false, "write the golden files")

func TestDecodeRoundTrip(t *testing.T) {
	for _, sdk := range []Version{SDK6834, SDK6818} {
		for _, req := range samples() {
			sender := demo
			sender.SDK = sdk
			if query := req.Kind() != intents.KindShare && req.Kind() != intents.KindAuth; !query {
				sender.Token = new("OpenSdkToken@1")
			}
			roundTrip(t, req, sender)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	wires, err := Encode(webpageShare(), Sender{AppID: "wx1", Package: "p", RequestOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	good := wires[0].Intent
	query := func(uri string, args ...*string) Wire { return Wire{Query: &Query{URI: uri, Args: args}} }
	spoilt := func(key string, v Value) Wire {
		bad := *good
		bad.Extras = append(Extras(nil), good.Extras...)
		bad.Extras.Set(key, v)
		return Wire{Intent: &bad}
	}
	tests := []struct {
		name string
		wire Wire
		want error
	}{
		{"nothing", Wire{}, ErrMalformed},
		{"an empty Intent", Wire{Intent: &Intent{}}, ErrMalformed},
		{"no content", spoilt(keyContent, Value{}), ErrMalformed},
		{"content of another kind", spoilt(keyContent, Int(1)), ErrMalformed},
		{"content without an AppID", spoilt(keyContent, String("weixin://sendreq?app=wx1")), ErrMalformed},
		{"content of a register broadcast", spoilt(keyContent, String("weixin://registerapp?appid=wx1")), ErrMalformed},
		{"content that is not a URL", spoilt(keyContent, String("weixin://%zz")), ErrMalformed},
		{"no package", spoilt(keyPackage, String("")), ErrMalformed},
		{"too old an SDK", spoilt(keySDKVersion, Int(minVersion-1)), ErrMalformed},
		{"an SDK version of the wrong type", spoilt(keySDKVersion, Long(int64(SDK6834))), ErrMalformed},
		{"a raw MD5", spoilt(keyChecksum, Bytes(make([]byte, 16))), ErrMalformed},
		{"a checksum as a String", spoilt(keyChecksum, String("0ca32b1ce29ddbacaeecfab7960d4de5")), ErrMalformed},
		{"pay", spoilt(keyCommand, Int(5)), ErrUnknownRequest},
		{"a location", spoilt(keyIdentifier, String("com.tencent.mm.sdk.openapi.WXLocationObject")), ErrUnknownRequest},
		{"WeChat's main screen", launcher(), ErrNoRequest},
		{"the token", query(uriToken, new("wx1"), new("638067200")), ErrNoRequest},
		{"the token without a version", query(uriToken, new("wx1")), ErrMalformed},
		{"the support level", supportQuery(), ErrNoRequest},
		{"an unknown query", query("content://"+ProviderAuthority+"/openRankList", new("wx1")), ErrUnknownRequest},
		{"another web view", query(uriOpenType, new("wx1"), new("2"), new("url")), ErrUnknownRequest},
		{"no arguments", query(uriLaunch), ErrMalformed},
		{"null for the AppID", query(uriLaunch, nil, new("gh_1")), ErrMalformed},
		{"a type that is not a number", query(uriLaunch, new("wx1"), new("gh_1"), nil, new("x"), nil), ErrMalformed},
		{"a scene that is not a number", query(uriOpenType, new("wx1"), new("1"), nil, new("tpl")), ErrMalformed},
		{"a broken URL", query(uriOpenWebview, new("wx1"), new("%zz"), nil), ErrMalformed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			req, _, err := Decode(tt.wire)
			if !errors.Is(err, tt.want) || req != nil {
				t.Errorf("got %v, %v, want the error %v", req, err, tt.want)
			}
		})
	}
}

func TestDecodeToken(t *testing.T) {
	wires, err := Encode(webpageShare(), Sender{AppID: "wx1", Package: "p", SDK: SDK6818})
	if err != nil {
		t.Fatal(err)
	}
	_, env, err := Decode(wires[0])
	if !errors.Is(err, ErrNoRequest) || env.AppID != "wx1" || env.SDK != SDK6818 {
		t.Errorf("got %+v, %v", env, err)
	}
}

// An Intent from a phone may contain more than a request does, and the lossless
// form keeps all of it.
func TestWireJSONKeepsAll(t *testing.T) {
	want := Wire{Intent: &Intent{
		Component: "a/b", Package: "p", Action: "x", Data: "d:e", Type: "image/*", Flags: -1, Categories: []string{"c"}, ClipData: []string{"content://a"},
		Extras: Extras{
			{"b", Bool(true)}, {"bytes", Bytes(make([]byte, 100))}, {"d", Double(1e300)}, {"e", Bytes([]byte{})}, {"i", Int(-1 << 31)}, {"l", Long(1 << 62)},
			{"m", HashMap(map[string]string{"k": "v"})}, {"n", Value{}}, {"o", Other("android.os.Bundle", "Bundle[…]")}, {"s", String("")}, {"u", URI("content://b")},
			{"us", URIList([]string{"content://c"})},
		},
	}}
	data, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got Wire
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s\nis read as %+v\nwant       %+v", data, got.Intent, want.Intent)
	}
	var many Extras
	for i := range maxExtras + 1 {
		many = append(many, Extra{Key: string(rune('a'+i%26)) + string(rune(0x4e00+i))})
	}
	data, err = json.Marshal(Intent{Extras: many})
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{string(data), `{"form":"intent","extras":{"a":{"type":"null"},"a":{"type":"null"}}}`, `{"form":"url"}`, `{"extras":{"a":{"type":"Integer","value":1.5}}}`} {
		if err := json.Unmarshal([]byte(bad), &got); err == nil {
			t.Errorf("%.80s is read", bad)
		}
	}
}

// TestForms compares the text and the printed form of every kind of request
// with a golden.
func TestForms(t *testing.T) {
	var wires []Wire
	for _, req := range samples() {
		w, err := Encode(req, demo)
		if err != nil {
			t.Fatal(err)
		}
		wires = append(wires, w...)
	}
	for _, reply := range sampleReplies() {
		intent, err := EncodeReply(reply, Receiver{Package: "com.example.app"})
		if err != nil {
			t.Fatal(err)
		}
		wires = append(wires, Wire{Intent: &intent})
	}
	system, err := EncodeSystem(intents.Share{Message: intents.Message{Object: intents.Images{}}}, []string{"content://a", "content://b"}, "image/png")
	if err != nil {
		t.Fatal(err)
	}
	wires = append(wires, Wire{Intent: &system})
	printed, err := json.MarshalIndent(Print(wires), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "forms.txt", []byte(Text(wires)))
	golden(t, "forms.json", printed)
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("%s differs: run with -update and look at the difference", path)
	}
}
