package virtualandroid_test

import (
	"context"
	"fmt"
	"net"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid"
	"github.com/wxctl/wxctl/device/virtual/wechat"
)

func ExampleStart() {
	server, err := virtualandroid.Start(context.Background(), virtualandroid.Options{API: 33, Answer: wechat.Cancel})
	if err != nil {
		panic(err)
	}
	defer server.Close()
	host, _, err := net.SplitHostPort(server.ADB) // where adb clients connect to
	fmt.Println(host, err, server.Phones[0].Serial())
	// Output: 127.0.0.1 <nil> virtual-android
}

func ExampleParseOptions() {
	o, err := virtualandroid.ParseOptions("api=33&answer=cancel&wechat=7.0.3")
	fmt.Println(o.API, o.Answer, o.WeChat, err)
	_, err = virtualandroid.ParseOptions("apy=33")
	fmt.Println(err)
	// Output:
	// 33 cancel 7.0.3 <nil>
	// a virtual Android phone has no option "apy"; it has: answer, api, app, auth, disk, fault, latency, flaky, hook, login, maker, oauth, screen, signature, state, think, token, users, wechat
}
