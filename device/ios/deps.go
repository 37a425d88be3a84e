// Package iphone finds iPhones by usbmux, opens WeChat's URLs on them and says
// what was seen of it.
package iphone

import (
	_ "github.com/danielpaulus/go-ios/ios"
	_ "github.com/danielpaulus/go-ios/ios/appservice"
	_ "github.com/danielpaulus/go-ios/ios/installationproxy"
	_ "github.com/danielpaulus/go-ios/ios/tunnel"
	_ "gvisor.dev/gvisor/pkg/tcpip/stack"
)
