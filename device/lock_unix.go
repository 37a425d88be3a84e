//go:build unix

package device

import "syscall"

// noFollow makes open fail on a symbolic link, and not block on a named pipe.
const noFollow = syscall.O_NOFOLLOW | syscall.O_NONBLOCK
