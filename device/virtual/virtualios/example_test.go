package virtualios_test

import (
	"context"
	"fmt"

	"github.com/wxctl/wxctl/device/virtual/virtualios"
	"github.com/wxctl/wxctl/device/virtual/virtualios/idevice"
)

func ExampleStart() {
	ctx := context.Background()
	server, err := virtualios.Start(ctx, virtualios.Config{}, virtualios.Options{IOS: "16.7"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	phone := server.Phones[0].Model
	fmt.Println(phone.Name(), phone.IOS())
	_, err = phone.Launch(ctx, idevice.Launch{BundleID: idevice.SpringBoard, URL: "weixin://"})
	fmt.Println(phone.Front().BundleID, err)
	// Output:
	// Virtual iPhone 16.7
	// com.tencent.xin <nil>
}
