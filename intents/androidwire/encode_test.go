package androidwire

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/wxctl/wxctl/intents"
)

var demo = Sender{AppID: "wxd930ea5d5a258f4f", Package: "com.example.app"}

func TestEncodeWebpage(t *testing.T) {
	sender := demo
	sender.Token = new("OpenSdkToken@1")
	share := intents.Share{
		Common: intents.Common{Transaction: new("t1")},
		Message: intents.Message{
			Title: new("Hello"), Description: new(""), Thumb: []byte{1, 2},
			Object: intents.Webpage{URL: new("https://example.com")},
		},
	}
	wires, err := Encode(share, sender)
	if err != nil {
		t.Fatal(err)
	}
	want := `query
  uri content://com.tencent.mm.sdk.comm.provider/genTokenForOpenSdk
  arg String "wxd930ea5d5a258f4f"
  arg String "638067200"

intent
  component com.tencent.mm/com.tencent.mm.plugin.base.stub.WXEntryActivity
  flags 0x18000000
  extra _message_token String "OpenSdkToken@1"
  extra _mmessage_appPackage String "com.example.app"
  extra _mmessage_checksum byte[] 32 sha256:` + sha256OfChecksum + `
  extra _mmessage_content String "weixin://sendreq?appid=wxd930ea5d5a258f4f"
  extra _mmessage_sdkVersion Integer 638067200
  extra _wxapi_basereq_openid null
  extra _wxapi_basereq_transaction String "t1"
  extra _wxapi_command_type Integer 2
  extra _wxapi_sendmessagetowx_req_media_type Integer 5
  extra _wxapi_sendmessagetowx_req_scene Integer 0
  extra _wxapi_sendmessagetowx_req_use_open_id null
  extra _wxobject_description String ""
  extra _wxobject_identifier_ String "com.tencent.mm.sdk.openapi.WXWebpageObject"
  extra _wxobject_mediatagname null
  extra _wxobject_message_action null
  extra _wxobject_message_ext null
  extra _wxobject_msgsignature null
  extra _wxobject_sdkVer Integer 0
  extra _wxobject_thumbdata byte[] 2 sha256:a12871fee210fb8619291eaea194581cbd2531e4b23759d225f6806923f63222
  extra _wxobject_thumbdatadash null
  extra _wxobject_title String "Hello"
  extra _wxwebpageobject_canvaspagexml null
  extra _wxwebpageobject_extInfo null
  extra _wxwebpageobject_issecretmsg Boolean false
  extra _wxwebpageobject_webpageUrl String "https://example.com"
`
	if got := Text(wires); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	roundTrip(t, share, sender)
}

const sha256OfChecksum = "5fb0b0e060c967689849b53a493287cc7ba3a584abcc2fdec1eea337cbfe1565"

// roundTrip encodes, sends the wire form through its JSON, and decodes.
func roundTrip(t *testing.T, req intents.Request, sender Sender) {
	t.Helper()
	wires, err := Encode(req, sender)
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(wires[len(wires)-1])
	if err != nil {
		t.Fatal(err)
	}
	var w Wire
	if err := json.Unmarshal(data, &w); err != nil {
		t.Fatal(err)
	}
	got, env, err := Decode(w)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, req) {
		t.Errorf("decoded %+v\nwant    %+v", got, req)
	}
	if env.AppID != sender.AppID {
		t.Errorf("decoded the AppID %q, want %q", env.AppID, sender.AppID)
	}
}

func TestEncodeText(t *testing.T) {
	for _, sdk := range Versions() {
		sender := demo
		sender.SDK = sdk
		roundTrip(t, intents.Share{Scene: intents.SceneTimeline, Message: intents.Message{Object: intents.Text{Text: new("héllo 😀")}}}, sender)
	}
}

// The vectors were computed by the published SDKs' own function.
func TestChecksum(t *testing.T) {
	for _, test := range []struct {
		content *string
		sdk     int32
		pkg     string
		want    string
	}{
		{new("weixin://sendreq?appid=wxd930ea5d5a258f4f"), 621085440, "com.example.app", "0ca32b1ce29ddbacaeecfab7960d4de5"},
		{nil, 620953856, "com.tencent.mm", "1c84447a3580a34a094a9aa00820631a"},
		{nil, 638066176, "com.tencent.mm", "80d22aedcd4f82d0f905fb90c432474b"},
		{new(""), 637928960, "com.tencent.mm", "cea12d9ea90fd718e6cadae23a079ec1"},
		{new("abc"), 638058496, "com.tencent.mm", "f9c260c19ee9bb07864e023f61bf7def"},
		{new("你好世界一二三四五六"), 638058496, "com.tencent.mm", "632c3483d237f54f7b8844535d69b2fa"},
	} {
		if got := checksum(test.content, test.sdk, test.pkg); string(got[:]) != test.want {
			t.Errorf("Checksum(%v, %d, %q) = %s, want %s", test.content, test.sdk, test.pkg, got, test.want)
		}
	}
}
