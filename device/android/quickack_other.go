//go:build !linux

package android

import "syscall"

// acknowledge does nothing: only Linux delays acknowledgements.
func acknowledge(syscall.RawConn) {}
