package android

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// acknowledge has the kernel acknowledge at once what was read. Linux forgets
// the option, so it is set after each read (tcp(7)).
func acknowledge(c syscall.RawConn) {
	// Where it fails, the answers come later: no more than that.
	_ = c.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1) })
}
