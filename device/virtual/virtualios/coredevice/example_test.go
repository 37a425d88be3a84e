package coredevice_test

import (
	"fmt"
	"net"
	"strconv"

	"github.com/danielpaulus/go-ios/ios"

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

	host, text, _ := net.SplitHostPort(address)
	port, _ := strconv.Atoi(text)
	rsd, err := ios.NewWithAddrPort(host, port)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer rsd.Close()
	peer, err := rsd.Handshake()
	fmt.Println(peer.Udid == phone.UDID(), len(peer.Services), err)
	// Output: true 2 <nil>
}
