package phone

import "io/fs"

// Errno is an error number of the phone's kernel (Linux), whatever the host
// is: the sync protocol puts the number on the wire and the shell prints the
// text.
type Errno uint32

// The errors that the filesystem returns.
const (
	EPERM     Errno = 1
	ENOENT    Errno = 2
	EBADF     Errno = 9
	EACCES    Errno = 13
	EEXIST    Errno = 17
	EXDEV     Errno = 18
	ENOTDIR   Errno = 20
	EISDIR    Errno = 21
	EINVAL    Errno = 22
	EFBIG     Errno = 27
	ENOSPC    Errno = 28
	EROFS     Errno = 30
	EMLINK    Errno = 31
	ENAMETOO  Errno = 36
	ENOTEMPTY Errno = 39
	ELOOP     Errno = 40
)

// Error returns bionic's strerror text.
func (e Errno) Error() string {
	switch e {
	case EPERM:
		return "Operation not permitted"
	case ENOENT:
		return "No such file or directory"
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
	case ENAMETOO:
		return "File name too long"
	case ENOTEMPTY:
		return "Directory not empty"
	case ELOOP:
		return "Too many symbolic links encountered"
	}
	return "Unknown error"
}

// Is makes errors.Is work with the io/fs errors.
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
