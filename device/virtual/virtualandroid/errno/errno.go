// Package errno holds the error numbers of a phone's kernel.
package errno

import (
	"io/fs"
	"strconv"
)

// Errno is an error number of Linux, whatever system the phone's model runs
// on: adb's sync protocol sends the number, its refusals and the phone's shell
// print the text.
type Errno uint32

// The error numbers that a phone's file system and sockets need
// (asm-generic/errno-base.h and errno.h).
const (
	EPERM        Errno = 1
	ENOENT       Errno = 2
	EIO          Errno = 5
	EBADF        Errno = 9
	EACCES       Errno = 13
	EEXIST       Errno = 17
	EXDEV        Errno = 18
	ENOTDIR      Errno = 20
	EISDIR       Errno = 21
	EINVAL       Errno = 22
	EFBIG        Errno = 27
	ENOSPC       Errno = 28
	EROFS        Errno = 30
	EMLINK       Errno = 31
	EPIPE        Errno = 32
	ENAMETOOLONG Errno = 36
	ENOTEMPTY    Errno = 39
	ELOOP        Errno = 40
	ECONNREFUSED Errno = 111
)

// Error is the text that bionic's strerror gives.
func (e Errno) Error() string {
	switch e {
	case EPERM:
		return "Operation not permitted"
	case ENOENT:
		return "No such file or directory"
	case EIO:
		return "I/O error"
	case EBADF:
		return "Bad file descriptor"
	case EACCES:
		return "Permission denied"
	case EEXIST:
		return "File exists"
	case EXDEV:
		return "Cross-device link"
	case ENOTDIR:
		return "Not a directory"
	case EISDIR:
		return "Is a directory"
	case EINVAL:
		return "Invalid argument"
	case EFBIG:
		return "File too large"
	case ENOSPC:
		return "No space left on device"
	case EROFS:
		return "Read-only file system"
	case EMLINK:
		return "Too many links"
	case EPIPE:
		return "Broken pipe"
	case ENAMETOOLONG:
		return "File name too long"
	case ENOTEMPTY:
		return "Directory not empty"
	case ELOOP:
		return "Too many symbolic links encountered"
	case ECONNREFUSED:
		return "Connection refused"
	}
	return "Unknown error " + strconv.FormatUint(uint64(e), 10)
}

// Is makes errors.Is know the error numbers that package fs has a name for.
func (e Errno) Is(target error) bool {
	switch target {
	case fs.ErrNotExist:
		return e == ENOENT
	case fs.ErrExist:
		return e == EEXIST || e == ENOTEMPTY
	case fs.ErrPermission:
		return e == EACCES || e == EPERM
	}
	return false
}
