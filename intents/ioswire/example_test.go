package ioswire_test

import (
	"encoding/json"
	"fmt"

	"github.com/wxctl/wxctl/intents"
	"github.com/wxctl/wxctl/intents/ioswire"
)

// app is the sender of the examples; its context id is derived from a fixed seed.
func app() ioswire.Sender {
	return ioswire.Sender{
		AppID:         "wx0123456789abcdef",
		BundleID:      "com.example.app",
		UniversalLink: "https://app.example.com/link/",
		ContextID:     ioswire.NewContextID(ioswire.SDK200, "example"),
	}
}

func ExampleEncode_text() {
	req := intents.Share{Scene: intents.SceneSession, Message: intents.Message{Object: intents.Text{Text: new("你好")}}}
	wires, _, err := ioswire.Encode(req, app())
	if err != nil {
		fmt.Println(err)
	}
	fmt.Print(ioswire.Text(wires))
	// Output:
	// url
	//   base https://help.wechat.com/app/wx0123456789abcdef/sendreq/
	//   item wechat_auth_context_id=50d858e0985ecc7f60418aaf0cc5ab587f42c2570a884095a9e8ccacd0f6545c
	//   item wechat_app_bundleId=com.example.app
	//   item _wechat_sdk_support_url_params=1
	//   item _wechat_sdk_biz_data_len=268
	//   bizData
	//     field command "1020"
	//     field isAutoResend false
	//     field result "1"
	//     field returnFromApp "0"
	//     field scene "0"
	//     field sdkver "2.0.0"
	//     field title "你好"
	//     field universalLink "https://app.example.com/link/"
}

// Older SDKs put payloads on the pasteboard and not into URLs.
func ExampleEncode_webpage() {
	sender := app()
	sender.SDK = ioswire.SDK1871
	sender.ContextID = ioswire.NewContextID(ioswire.SDK1871, "example")
	req := intents.Share{Scene: intents.SceneTimeline, Message: intents.Message{Title: new("Title"), Object: intents.Webpage{URL: new("https://example.com/")}}}
	wires, _, err := ioswire.Encode(req, sender)
	if err != nil {
		fmt.Println(err)
	}
	fmt.Print(ioswire.Text(wires))
	// Output:
	// pasteboard
	//   type "content"
	//   field wx0123456789abcdef
	//     field command "1010"
	//     field disableForward false
	//     field isAutoResend false
	//     field mediaUrl "https://example.com/"
	//     field miniprogramType 0
	//     field objectType "5"
	//     field result "1"
	//     field returnFromApp "0"
	//     field scene "1"
	//     field sdkver "1.8.7.1"
	//     field title "Title"
	//     field universalLink "https://app.example.com/link/"
	//     field weworkObjectSubType "0"
	//     field withShareTicket false
	//
	// url
	//   base https://help.wechat.com/app/wx0123456789abcdef/sendreq/
	//   item wechat_auth_context_id=c3499c2729730a7f807efb8676a92dcb6f8a3f8f
	//   item wechat_app_bundleId=com.example.app
}

// Without a universal link the scheme is opened, and nothing but the query is
// needed for a login.
func ExampleEncode_auth() {
	wires, differences, err := ioswire.Encode(intents.Auth{Scope: new("snsapi_userinfo"), State: new("a b")}, ioswire.Sender{AppID: "wx0123456789abcdef"})
	if err != nil {
		fmt.Println(err)
	}
	fmt.Println(wires[0].URL.Text)
	fmt.Println(len(differences), "difference")
	// Output:
	// weixin://app/wx0123456789abcdef/auth/?scope=snsapi_userinfo&state=a%20b&isOption1=0&nonautomatic=0&_wechat_sdk_support_url_params=1
	// 1 difference
}

func ExampleEncode_launchMiniProgram() {
	req := intents.LaunchMiniProgram{UserName: new("gh_0123456789ab"), Path: new("pages/index?id=1"), Type: intents.MiniProgramTest}
	wires, _, err := ioswire.Encode(req, app())
	if err != nil {
		fmt.Println(err)
	}
	fmt.Print(ioswire.Text(wires))
	// Output:
	// url
	//   base https://help.wechat.com/app/wx0123456789abcdef/jumpWxa/
	//   item userName=gh_0123456789ab
	//   item path=pages%2Findex%3Fid%3D1
	//   item miniProgramType=1
	//   item extMsg=
	//   item wechat_auth_context_id=50d858e0985ecc7f60418aaf0cc5ab587f42c2570a884095a9e8ccacd0f6545c
	//   item wechat_app_bundleId=com.example.app
	//   item _wechat_sdk_support_url_params=1
	//   item _wechat_sdk_biz_data_len=236
	//   bizData
	//     field command "1080"
	//     field isAutoResend false
	//     field result "1"
	//     field returnFromApp "0"
	//     field sdkver "2.0.0"
	//     field universalLink "https://app.example.com/link/"
}

// The query of a subscription is escaped as one value.
func ExampleEncode_subscribeMessage() {
	req := intents.SubscribeMessage{Scene: 1000, TemplateID: new("tpl-1_x"), Reserved: new("r&s")}
	wires, _, err := ioswire.Encode(req, ioswire.Sender{AppID: "wx0123456789abcdef"})
	if err != nil {
		fmt.Println(err)
	}
	fmt.Println(wires[0].URL.Text)
	// Output:
	// weixin://app/wx0123456789abcdef/opentypewebview/?type=1&query=scene%3D1000%26template_id%3Dtpl-1_x%26reserved%3Dr%26s&_wechat_sdk_support_url_params=1
}

func ExampleEncode_openWebview() {
	wires, _, err := ioswire.Encode(intents.OpenWebview{URL: new("https://example.com/?a=b")}, ioswire.Sender{AppID: "wx0123456789abcdef", SDK: ioswire.SDK1871})
	if err != nil {
		fmt.Println(err)
	}
	fmt.Println(wires[0].URL.Text)
	// Output:
	// weixin://app/wx0123456789abcdef/openwebview/?url=https%3A%2F%2Fexample.com%2F%3Fa%3Db
}

func ExampleDecode() {
	req, from, err := ioswire.Decode("weixin://app/wx0123456789abcdef/auth/?scope=snsapi_userinfo&state=a%20b&wechat_app_bundleId=com.example.app", nil)
	if err != nil {
		fmt.Println(err)
	}
	text, err := json.Marshal(req)
	fmt.Println(string(text), err)
	fmt.Println(from.AppID, from.BundleID)
	// Output:
	// {"kind":"auth","transaction":null,"openId":null,"scope":"snsapi_userinfo","state":"a b"} <nil>
	// wx0123456789abcdef com.example.app
}

// The SDK hands most values of a reply to the app with their escapes, so that
// a state with a space can't arrive as such.
func ExampleEncodeReply() {
	to := ioswire.Receiver{AppID: "wx0123456789abcdef"}
	wires, differences, err := ioswire.EncodeReply(intents.AuthReply{Code: new("CODE"), State: new("a b")}, to)
	if err != nil {
		fmt.Println(err)
	}
	fmt.Println(wires[0].URL.Text)
	fmt.Println(differences)
	// Output:
	// wx0123456789abcdef://oauth?code=CODE&state=a%20b
	// [state: the SDK hands its escaped text to the app]
}

func ExampleDecodeReply() {
	to := ioswire.Receiver{AppID: "wx0123456789abcdef"}
	wires, _, err := ioswire.EncodeReply(intents.ShareReply{Result: intents.Result{ErrCode: intents.ErrUserCancel}}, to)
	if err != nil {
		fmt.Println(err)
	}
	reply, err := ioswire.DecodeReply(wires[0].URL.Text, nil, to)
	fmt.Printf("%T %d %v\n", reply, reply.Answer().ErrCode, err)
	// Output:
	// intents.ShareReply -2 <nil>
}

func ExampleValidate() {
	req := intents.Share{Message: intents.Message{Object: intents.MiniProgram{UserName: new("gh_0123456789ab"), HDImage: make([]byte, 131073)}}}
	for _, problem := range ioswire.Validate(req, ioswire.SDK200) {
		fmt.Println(problem)
	}
	// Output:
	// message.object.webpageUrl is required (OpenSDK 2.0.0 for iOS)
	// message.object.hdImage may have at most 131072 bytes, not 131073 (OpenSDK 2.0.0 for iOS)
}
