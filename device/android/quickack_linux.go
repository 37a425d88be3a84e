package android

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// acknowledge has the kernel acknowledge at once what was read. Linux forgets
// the option, so it is set after each read (tcp(7)).
func acknowledge(c syscall.RawConn) {
	// If it fails, answers only come later.
	_ = c.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1) })
}
