//go:build !linux

package android

import "syscall"

// acknowledge is for Linux, which delays what this sends at once.
func acknowledge(syscall.RawConn) {}
