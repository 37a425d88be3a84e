// Package errno holds the error numbers of a phone's kernel.
package errno

import "strconv"

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
	ENOSPC       Errno = 28
	EROFS        Errno = 30
	EPIPE        Errno = 32
	ENAMETOOLONG Errno = 36
	ENOTEMPTY    Errno = 39
	ELOOP        Errno = 40
	ECONNREFUSED Errno = 111
)

// texts are those of bionic's strerror.
var texts = [...]string{
	EPERM:        "Operation not permitted",
	ENOENT:       "No such file or directory",
	EIO:          "I/O error",
	EBADF:        "Bad file descriptor",
	EACCES:       "Permission denied",
	EEXIST:       "File exists",
	EXDEV:        "Cross-device link",
	ENOTDIR:      "Not a directory",
	EISDIR:       "Is a directory",
	EINVAL:       "Invalid argument",
	ENOSPC:       "No space left on device",
	EROFS:        "Read-only file system",
	EPIPE:        "Broken pipe",
	ENAMETOOLONG: "File name too long",
	ENOTEMPTY:    "Directory not empty",
	ELOOP:        "Too many symbolic links encountered",
	ECONNREFUSED: "Connection refused",
}

func (e Errno) Error() string {
	if e < Errno(len(texts)) && texts[e] != "" {
		return texts[e]
	}
	return "Unknown error " + strconv.FormatUint(uint64(e), 10)
}
