package android

import (
	"net"

	"golang.org/x/sys/unix"
)

// acknowledge has the kernel acknowledge at once what was read. An adb server
// (1.0.41 of 29.0.6 was seen to) sends by Nagle's algorithm: of several small
// answers it holds all but the first back until that one is acknowledged, which
// Linux delays by 40 ms where nothing is sent the other way. Linux forgets the
// option, so it is set after each read (tcp(7)).
func acknowledge(c net.Conn) {
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return
	}
	if raw, err := tcp.SyscallConn(); err == nil {
		// Where it fails, the answers come later: no more than that.
		_ = raw.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1) })
	}
}
