package intents_test

import (
	"encoding/json"
	"fmt"

	"github.com/wxctl/wxctl/intents"
	"github.com/wxctl/wxctl/intents/androidwire"
)

var sender = androidwire.Sender{AppID: "wxd930ea5d5a258f4f", Package: "com.example.app", RequestOnly: true}

// extras prints some of what a request puts into its Intent.
func extras(req intents.Request, keys ...string) {
	wires, err := androidwire.Encode(req, sender)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, key := range keys {
		fmt.Println(key, wires[0].Intent.Extras.Get(key))
	}
}

func share(object intents.Object) intents.Share {
	return intents.Share{Scene: intents.SceneTimeline, Message: intents.Message{Title: new("Hello"), Object: object}}
}

func ExampleText() {
	extras(share(intents.Text{Text: new("hi")}), "_wxapi_sendmessagetowx_req_scene", "_wxobject_identifier_", "_wxtextobject_text")
	// Output:
	// _wxapi_sendmessagetowx_req_scene Integer 1
	// _wxobject_identifier_ String "com.tencent.mm.sdk.openapi.WXTextObject"
	// _wxtextobject_text String "hi"
}

func ExampleImage() {
	extras(share(intents.Image{Path: new("content://media/external/images/media/7")}), "_wximageobject_imageData", "_wximageobject_imagePath")
	// Output:
	// _wximageobject_imageData null
	// _wximageobject_imagePath String "content://media/external/images/media/7"
}

func ExampleMusic() {
	extras(share(intents.Music{URL: new("https://example.com/song"), DataURL: new("https://example.com/song.mp3")}), "_wxmusicobject_musicUrl", "_wxmusicobject_musicDataUrl")
	// Output:
	// _wxmusicobject_musicUrl String "https://example.com/song"
	// _wxmusicobject_musicDataUrl String "https://example.com/song.mp3"
}

func ExampleVideo() {
	extras(share(intents.Video{URL: new("https://example.com/film")}), "_wxvideoobject_videoUrl", "_wxvideoobject_videoLowBandUrl")
	// Output:
	// _wxvideoobject_videoUrl String "https://example.com/film"
	// _wxvideoobject_videoLowBandUrl null
}

func ExampleWebpage() {
	extras(share(intents.Webpage{URL: new("https://example.com")}), "_wxobject_title", "_wxwebpageobject_webpageUrl", "_wxwebpageobject_issecretmsg")
	// Output:
	// _wxobject_title String "Hello"
	// _wxwebpageobject_webpageUrl String "https://example.com"
	// _wxwebpageobject_issecretmsg Boolean false
}

func ExampleMiniProgram() {
	card := share(intents.MiniProgram{WebpageURL: new("https://example.com"), UserName: new("gh_d43f693ca31f"), Path: new("pages/index?id=1")})
	card.Scene, card.Message.Thumb = intents.SceneSession, []byte{0xff, 0xd8}
	extras(card, "_wxminiprogram_username", "_wxminiprogram_path", "_wxminiprogram_type")
	// Output:
	// _wxminiprogram_username String "gh_d43f693ca31f@app"
	// _wxminiprogram_path String "pages/index.html?id=1"
	// _wxminiprogram_type Integer 0
}

func ExampleFile() {
	extras(share(intents.File{Data: []byte("text")}), "_wxfileobject_fileData", "_wxfileobject_filePath")
	// Output:
	// _wxfileobject_fileData byte[] 4 sha256:982d9e3eb996f559e633f4d194def3761d909f5a3b647d1a851fead67c32c9d1
	// _wxfileobject_filePath null
}

func ExampleEmoji() {
	extras(share(intents.Emoji{Path: new("/sdcard/Pictures/cat.gif")}), "_wxemojiobject_emojiPath")
	// Output:
	// _wxemojiobject_emojiPath String "/sdcard/Pictures/cat.gif"
}

func ExampleMusicVideo() {
	extras(share(intents.MusicVideo{URL: new("u"), DataURL: new("d"), Singer: new("s"), Duration: 215000}), "_wxmusicvideoobject_singerName", "_wxmusicvideoobject_issueDate", "_wxmusicvideoobject_duration")
	// Output:
	// _wxmusicvideoobject_singerName String "s"
	// _wxmusicvideoobject_issueDate Long 0
	// _wxmusicvideoobject_duration Integer 215000
}

func ExampleVideoFile() {
	extras(share(intents.VideoFile{Path: new("/sdcard/Movies/a.mp4")}), "_wxvideofileobject_filePath", "_wxvideofileobject_shareScene")
	// Output:
	// _wxvideofileobject_filePath String "/sdcard/Movies/a.mp4"
	// _wxvideofileobject_shareScene Integer 0
}

func ExampleAuth() {
	extras(intents.Auth{Scope: new("snsapi_userinfo"), State: new("x1")}, "_wxapi_command_type", "_wxapi_sendauth_req_scope", "_wxapi_sendauth_req_state", "_wxapi_sendauth_req_ext_data")
	// Output:
	// _wxapi_command_type Integer 1
	// _wxapi_sendauth_req_scope String "snsapi_userinfo"
	// _wxapi_sendauth_req_state String "x1"
	// _wxapi_sendauth_req_ext_data null
}

// args prints the arguments of a request to WeChat's provider.
func args(req intents.Request) {
	wires, err := androidwire.Encode(req, sender)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(androidwire.Text(wires))
}

func ExampleLaunchMiniProgram() {
	// A new SDK object has "" for path and extMsg.
	args(intents.LaunchMiniProgram{UserName: new("gh_d43f693ca31f"), Path: new("pages/index"), Type: intents.MiniProgramTest, ExtMsg: new("")})
	// Output:
	// query
	//   uri content://com.tencent.mm.sdk.comm.provider/launchWXMiniprogram
	//   arg String "wxd930ea5d5a258f4f"
	//   arg String "gh_d43f693ca31f"
	//   arg String "pages/index"
	//   arg String "1"
	//   arg String ""
}

func ExampleSubscribeMiniProgramMessage() {
	args(intents.SubscribeMiniProgramMessage{MiniProgramAppID: new("wx0123456789abcdef")})
	// Output:
	// query
	//   uri content://com.tencent.mm.sdk.comm.provider/openTypeWebview
	//   arg String "wxd930ea5d5a258f4f"
	//   arg String "5"
	//   arg String "wx0123456789abcdef"
}

func ExampleOpenWebview() {
	args(intents.OpenWebview{URL: new("https://example.com/?q=a b")})
	// Output:
	// query
	//   uri content://com.tencent.mm.sdk.comm.provider/openWebview
	//   arg String "wxd930ea5d5a258f4f"
	//   arg String "https%3A%2F%2Fexample.com%2F%3Fq%3Da+b"
	//   arg null
}

func ExampleImages() {
	// Several pictures go by Android's own share route.
	intent, err := androidwire.EncodeSystem(share(intents.Images{}), []string{"content://media/1", "content://media/2"}, "image/png")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(intent.Action, intent.Extras.Get("android.intent.extra.STREAM"))
	// Output:
	// android.intent.action.SEND_MULTIPLE java.util.ArrayList ["content://media/1","content://media/2"]
}

func ExampleSubscribeMessage() {
	args(intents.SubscribeMessage{Scene: 1000, TemplateID: new("tpl"), Reserved: new("r1")})
	// Output:
	// query
	//   uri content://com.tencent.mm.sdk.comm.provider/openTypeWebview
	//   arg String "wxd930ea5d5a258f4f"
	//   arg String "1"
	//   arg String "1000"
	//   arg String "tpl"
	//   arg String "r1"
}

func ExampleUnmarshalRequest() {
	req, err := intents.UnmarshalRequest([]byte(`{"kind":"auth","scope":"snsapi_userinfo","state":"x1"}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	data, err := json.Marshal(req)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(string(data))
	// Output:
	// {"kind":"auth","transaction":null,"openId":null,"scope":"snsapi_userinfo","state":"x1"}
}
