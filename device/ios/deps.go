package iphone

import (
	_ "github.com/danielpaulus/go-ios/ios/appservice"
	_ "github.com/danielpaulus/go-ios/ios/tunnel"
	_ "gvisor.dev/gvisor/pkg/tcpip/stack"
)
