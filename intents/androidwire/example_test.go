package androidwire_test

import (
	"fmt"

	"github.com/wxctl/wxctl/intents"
	"github.com/wxctl/wxctl/intents/androidwire"
)

var sender = androidwire.Sender{AppID: "wxd930ea5d5a258f4f", Package: "com.example.app", RequestOnly: true}

func ExampleEncode() {
	wires, err := androidwire.Encode(
		intents.SubscribeMessage{Scene: 1000, TemplateID: new("tpl")},
		androidwire.Sender{AppID: "wxd930ea5d5a258f4f", Package: "com.example.app"},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(androidwire.Text(wires))
	// Output:
	// intent
	//   component com.tencent.mm/com.tencent.mm.ui.LauncherUI
	//   package com.tencent.mm
	//   action android.intent.action.MAIN
	//   flags 0x10000000
	//   category android.intent.category.LAUNCHER
	//
	// query
	//   uri content://com.tencent.mm.sdk.comm.provider/openTypeWebview
	//   arg String "wxd930ea5d5a258f4f"
	//   arg String "1"
	//   arg String "1000"
	//   arg String "tpl"
	//   arg null
}

func ExampleValidate() {
	for _, p := range androidwire.Validate(intents.Share{
		Scene:   intents.SceneContact,
		Message: intents.Message{Thumb: make([]byte, 70000), Object: intents.Webpage{}},
	}, sender) {
		fmt.Println(p.Severity, p)
	}
	// Output:
	// error to is required by the scene contact (OpenSDK 6.8.34 for Android)
	// error openId is required by the scene contact (OpenSDK 6.8.34 for Android)
	// error message.thumb may have at most 65536 bytes, not 70000 (OpenSDK 6.8.34 for Android)
	// error message.object.url is required (OpenSDK 6.8.34 for Android)
}

func ExampleEncodeReply() {
	intent, err := androidwire.EncodeReply(
		intents.AuthReply{Result: intents.Result{Transaction: new("t1")}, Code: new("081aBc"), State: new("x1")},
		androidwire.Receiver{Package: "com.example.app"},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	reply, _, err := androidwire.DecodeReply(intent, androidwire.SDK6834)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(intent.Component)
	fmt.Println(*reply.(intents.AuthReply).Code, reply.Answer().ErrCode == intents.ErrOK)
	// Output:
	// com.example.app/com.example.app.wxapi.WXEntryActivity
	// 081aBc true
}

func ExampleDecode() {
	wires, err := androidwire.Encode(intents.LaunchMiniProgram{UserName: new("gh_1"), Type: intents.MiniProgramTest}, sender)
	if err != nil {
		fmt.Println(err)
		return
	}
	req, from, err := androidwire.Decode(wires[0])
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(from.AppID, req.Kind(), req.(intents.LaunchMiniProgram).Type)
	// Output:
	// wxd930ea5d5a258f4f launch test
}
