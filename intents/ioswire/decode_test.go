package ioswire_test

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/wxctl/wxctl/intents"
	"github.com/wxctl/wxctl/intents/ioswire"
)

// split is the URL and the pasteboard of what an SDK does.
func split(wires []ioswire.Wire) (url string, pasteboard []byte) {
	for _, w := range wires {
		if w.URL != nil {
			url = w.URL.Text
		} else {
			pasteboard = w.Pasteboard.Bytes()
		}
	}
	return url, pasteboard
}

// TestDecodeInvertsEncode decodes what every generated request becomes, and
// encodes it again: the wire form must be the same.
func TestDecodeInvertsEncode(t *testing.T) {
	for _, sdk := range ioswire.Versions() {
		for i, c := range requestCases(sdk) {
			if i%stride != 0 || len(intents.Refused(ioswire.Validate(c.req, sdk))) > 0 || strings.Contains(c.id, "26214") {
				continue
			}
			c.sender.Phone.PasteboardText = nil // WeChat can't know what it was for
			wires, _, err := ioswire.Encode(c.req, c.sender)
			if err != nil {
				continue // compared in TestRequestsConform
			}
			url, pasteboard := split(wires)
			req, env, err := ioswire.Decode(url, pasteboard)
			if err != nil {
				if r, ok := c.req.(intents.LaunchMiniProgram); ok && strings.ContainsAny(*r.UserName, "&=#") {
					continue // the SDK does not escape it, so it can't be read
				}
				t.Fatalf("%s: %v\n%.500s", c.id, err, url)
			}
			if r, ok := c.req.(intents.LaunchMiniProgram); ok && strings.ContainsAny(*r.UserName, "&=#") {
				continue
			}
			if env.Resent != c.sender.Resent && env.SDK != "" || env.AppID != c.sender.AppID || env.SDK != "" && env.SDK != sdk {
				t.Errorf("%s: sender read as %+v", c.id, env)
			}
			again, _, err := ioswire.Encode(req, withContext(c.sender, url))
			if err != nil {
				t.Fatalf("%s: %v", c.id, err)
			}
			if !reflect.DeepEqual(ioswire.Print(again), ioswire.Print(wires)) {
				t.Errorf("%s:\n %.1500s\nbecame\n %.1500s", c.id, ioswire.Text(wires), ioswire.Text(again))
			}
		}
	}
}

// TestEnvelope reads who sent a request, and how.
func TestEnvelope(t *testing.T) {
	full := ioswire.Sender{AppID: caseAppID, BundleID: caseBundle, UniversalLink: "https://app.example.com/link", Token: "T/+", ContextID: "c0ffee"}
	degraded, resent, scheme := full, full, full
	degraded.Degraded = true
	resent.Resent = true
	scheme.Scheme = true
	want := ioswire.Envelope{AppID: caseAppID, SDK: ioswire.SDK200, BundleID: caseBundle, UniversalLink: caseLink}
	link, again, second := want, want, want
	link.Link, link.Token, link.ContextID = true, "T/+", "c0ffee"
	again.Link, again.Token, again.Resent = true, "T/+", true
	second.Degraded = true
	bare := want
	bare.UniversalLink = ""
	for name, test := range map[string]struct {
		sender ioswire.Sender
		want   ioswire.Envelope
	}{"link": {full, link}, "degraded": {degraded, second}, "resent": {resent, again}, "scheme": {scheme, bare}} {
		wires, _, err := ioswire.Encode(intents.Auth{Scope: new("s")}, test.sender)
		if err != nil {
			t.Fatal(err)
		}
		url, pasteboard := split(wires)
		if _, env, err := ioswire.Decode(url, pasteboard); err != nil || env != test.want {
			t.Errorf("%s: %+v (%v), want %+v", name, env, err, test.want)
		}
	}
}

// withContext is the sender with the context id of a URL.
func withContext(s ioswire.Sender, url string) ioswire.Sender {
	if _, after, ok := strings.Cut(url, "wechat_auth_context_id="); ok {
		s.ContextID, _, _ = strings.Cut(after, "&")
	}
	return s
}

func TestDecodeErrors(t *testing.T) {
	const base = "weixin://app/wx0123456789abcdef/"
	for _, test := range []struct {
		url, pasteboard string
		want            error
	}{
		{"", "", ioswire.ErrNoRequest},
		{"https://example.com/app/wx0123456789abcdef/auth/?scope=s", "", ioswire.ErrNoRequest},
		{"weixin://dl/business", "", ioswire.ErrNoRequest},
		{"weixin://app//auth/?scope=s", "", ioswire.ErrMalformed},
		{base + "pay/?nonceStr=n", "", ioswire.ErrNoRequest},
		{base + "auth/?scope=%zz", "", ioswire.ErrMalformed},
		{base + "auth/?scope=s&wechat_auth_token=%", "", ioswire.ErrMalformed},
		{base + "auth/?scope=%FF", "", ioswire.ErrMalformed},
		{base + "jumpWxa/?userName=gh_1&miniProgramType=x", "", ioswire.ErrMalformed},
		{base + "opentypewebview/?type=1&query=scene%3Dx", "", ioswire.ErrMalformed},
		{base + "opentypewebview/?type=2&query=url%3Dx", "", ioswire.ErrNoRequest},
		{base + "opentypewebview/?type=5&query=x", "", ioswire.ErrMalformed},
		{base + "sendreq/?", "", ioswire.ErrMalformed},
		{base + "sendreq/?", "no plist", ioswire.ErrMalformed},
		{base + "sendreq/?_wechat_sdk_biz_data_len=3&_wechat_sdk_biz_data=YQ%3D%3D", "", ioswire.ErrMalformed},
		{base + "sendreq/?_wechat_sdk_biz_data_len=4&_wechat_sdk_biz_data=YQ%3D%3D", "", ioswire.ErrMalformed},
		{base + "sendreq/?_wechat_sdk_biz_data_len=4&_wechat_sdk_biz_data=Y***", "", ioswire.ErrMalformed},
	} {
		var pasteboard []byte
		if test.pasteboard != "" {
			pasteboard = []byte(test.pasteboard)
		}
		req, _, err := ioswire.Decode(test.url, pasteboard)
		if !errors.Is(err, test.want) {
			t.Errorf("Decode(%q) = %v, %v; want %v", test.url, req, err, test.want)
		}
	}
}

// TestDecodeWrongKinds decodes a payload whose fields have kinds that no SDK
// writes.
func TestDecodeWrongKinds(t *testing.T) {
	for _, field := range []ioswire.Field{
		{Key: "title", Value: ioswire.Int(1)}, {Key: "thumbData", Value: ioswire.String("x")}, {Key: "scene", Value: ioswire.String("x")},
		{Key: "withShareTicket", Value: ioswire.Int(1)}, {Key: "miniprogramType", Value: ioswire.Bool(true)},
		{Key: "appbrandextrainfo", Value: ioswire.Dictionary(ioswire.Dict{{Key: "k", Value: ioswire.Int(1)}})},
		{Key: "appbrandextrainfo", Value: ioswire.String("x")},
	} {
		fields := ioswire.Dict{{Key: "command", Value: ioswire.String("1010")}, {Key: "objectType", Value: ioswire.String("36")}}
		if field.Key < "command" {
			fields = append(ioswire.Dict{field}, fields...)
		} else if field.Key < "objectType" {
			fields = ioswire.Dict{fields[0], field, fields[1]}
		} else {
			fields = append(fields, field)
		}
		plist := ioswire.EncodePlist(ioswire.Dict{{Key: "wx1", Value: ioswire.Dictionary(fields)}})
		if _, _, err := ioswire.Decode("weixin://app/wx1/sendreq/?", plist); !errors.Is(err, ioswire.ErrMalformed) {
			t.Errorf("%s %v: %v", field.Key, field.Value, err)
		}
	}
}

func TestEncodeRefuses(t *testing.T) {
	good := ioswire.Sender{AppID: caseAppID}
	auth := intents.Auth{Scope: new("s")}
	for name, test := range map[string]struct {
		req    intents.Request
		sender ioswire.Sender
	}{
		"no AppID":                  {auth, ioswire.Sender{}},
		"http link":                 {auth, ioswire.Sender{AppID: caseAppID, UniversalLink: "http://example.com/"}},
		"upper case link":           {auth, ioswire.Sender{AppID: caseAppID, UniversalLink: "HTTPS://example.com/"}},
		"link with a query":         {auth, ioswire.Sender{AppID: caseAppID, UniversalLink: "https://example.com/?a"}},
		"unknown SDK":               {auth, ioswire.Sender{AppID: caseAppID, SDK: "3.0"}},
		"no request":                {nil, good},
		"no object":                 {intents.Share{}, good},
		"several images":            {intents.Share{Message: intents.Message{Object: intents.Images{}}}, good},
		"music video before it was": {intents.Share{Message: intents.Message{Object: intents.MusicVideo{}}}, ioswire.Sender{AppID: caseAppID, SDK: ioswire.SDK1871}},
	} {
		if wires, _, err := ioswire.Encode(test.req, test.sender); err == nil {
			t.Errorf("%s: encoded as %v", name, ioswire.Text(wires))
		}
	}
}

func TestParseVersion(t *testing.T) {
	if v, err := ioswire.ParseVersion(""); err != nil || v != ioswire.SDK200 {
		t.Errorf("the default is %s (%v)", v, err)
	}
	for _, v := range ioswire.Versions() {
		if got, err := ioswire.ParseVersion(string(v)); err != nil || got != v {
			t.Errorf("%s is read as %s (%v)", v, got, err)
		}
	}
	if _, err := ioswire.ParseVersion("1.9"); err == nil || !strings.Contains(err.Error(), "2.0.0 or 1.8.7.1") {
		t.Errorf("1.9: %v", err)
	}
}

// TestValidateLimits checks what is too large to be in the recorded cases.
func TestValidateLimits(t *testing.T) {
	for _, object := range []intents.Object{
		intents.File{Data: make([]byte, 1<<30+1)}, intents.Emoji{Data: make([]byte, 1<<30+1)}, intents.VideoFile{Data: make([]byte, 1<<30+1)},
	} {
		problems := ioswire.Validate(intents.Share{Message: intents.Message{Object: object}}, ioswire.SDK200)
		want := []intents.Problem{{Severity: intents.SeverityError, Field: "message.object.data", Rule: "may have at most", Limit: 1 << 30, Actual: 1<<30 + 1,
			Unit: "bytes", Source: "OpenSDK 2.0.0 for iOS"}}
		if !reflect.DeepEqual(problems, want) {
			t.Errorf("%T: %v", object, problems)
		}
	}
}

// TestValidateSaysAll makes one request with everything wrong.
func TestValidateSaysAll(t *testing.T) {
	long := strings.Repeat("x", 40000)
	req := intents.Share{Scene: intents.SceneContact, Message: intents.Message{
		Title: &long, Description: &long, Thumb: []byte("no picture"), MediaTag: &long, Action: &long, Ext: &long, Signature: &long, ThumbHash: &long,
		Object: intents.Music{URL: nil, LowBandURL: &long, DataURL: &long, LowBandDataURL: &long, AlbumURL: &long, Lyric: &long},
	}}
	var fields []string
	for _, p := range ioswire.Validate(req, "") {
		fields = append(fields, p.Field)
	}
	want := "openId to message.title message.description message.thumb message.mediaTag message.action message.ext message.signature message.thumbHash " +
		"message.object.url message.object.lowBandUrl message.object.dataUrl message.object.lowBandDataUrl message.object.albumUrl message.object.lyric"
	if got := strings.Join(fields, " "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestWireForms pins the JSON and the text of one request of each form.
func TestWireForms(t *testing.T) {
	req := intents.Share{Scene: intents.SceneTimeline, Message: intents.Message{Title: new("T & <b>"), Thumb: append([]byte("\xff\xd8\xff"), make([]byte, 80)...),
		Object: intents.Webpage{URL: new("https://example.com/?a=b&c=d"), ExtraInfo: map[string]string{"k": "v"}}}}
	for _, sdk := range ioswire.Versions() {
		sender := ioswire.Sender{AppID: caseAppID, BundleID: caseBundle, UniversalLink: caseLink, SDK: sdk, ContextID: ioswire.NewContextID(sdk, "seed"),
			Phone: ioswire.Phone{PasteboardText: new("earlier")}}
		wires, _, err := ioswire.Encode(req, sender)
		if err != nil {
			t.Fatal(err)
		}
		printed, err := json.MarshalIndent(ioswire.Print(wires), "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		text := string(printed) + "\n" + ioswire.Text(wires)
		name := filepath.Join("testdata", "forms-"+string(sdk)+".golden")
		if flag.Lookup("update").Value.String() == "true" {
			if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if text != string(want) {
			t.Errorf("%s: got\n%s", name, text)
		}
		whole, err := json.Marshal(wires)
		if err != nil {
			t.Fatal(err)
		}
		var read []ioswire.Wire
		if err := json.Unmarshal(whole, &read); err != nil {
			t.Fatal(err)
		}
		again, err := json.Marshal(read)
		if err != nil || string(again) != string(whole) {
			t.Errorf("%s became %s (%v)", whole, again, err)
		}
		if ioswire.Text(read) != ioswire.Text(wires) {
			t.Errorf("%s became %s", ioswire.Text(wires), ioswire.Text(read))
		}
	}
}
