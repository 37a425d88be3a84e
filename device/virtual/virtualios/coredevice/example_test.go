package coredevice_test

import (
	"context"
	"fmt"
	"net"

	"github.com/wxctl/wxctl/device/ios/remotexpc"
	"github.com/wxctl/wxctl/device/virtual/virtualios/coredevice"
	"github.com/wxctl/wxctl/device/virtual/virtualios/idevice"
)

// A phone's RSD on a loopback port, asked what it offers.
func ExampleServer_Listen() {
	phone, err := idevice.New(idevice.Options{IOS: "17.5"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer phone.Close()
	server := coredevice.New(phone, coredevice.Options{})
	defer server.Close()
	address, err := server.Listen(0)
	if err != nil {
		fmt.Println(err)
		return
	}

	conn, err := net.Dial("tcp", address)
	if err != nil {
		fmt.Println(err)
		return
	}
	client, err := remotexpc.Open(context.Background(), conn)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	peer, err := client.Handshake(context.Background())
	fmt.Println(peer.OSVersion, len(peer.Services), err)
	// Output: 17.5 2 <nil>
}
