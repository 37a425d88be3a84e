//go:build unix

package files

import (
	"errors"
	"os"
	"syscall"
)

// noWait keeps the opening of a FIFO from waiting for its other end.
const noWait = syscall.O_NONBLOCK

// claim marks a draft as that of a process that lives, and reports whether it
// is still where it was made.
func claim(f *os.File) (ours bool, err error) {
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return false, nil
		}
		return errors.Is(err, syscall.ENOTSUP) || errors.Is(err, syscall.ENOSYS), nil
	}
	mine, err := f.Stat()
	if err != nil {
		return false, err
	}
	there, err := os.Lstat(f.Name())
	return err == nil && os.SameFile(mine, there), nil
}

// removeAbandoned removes a draft that no process has claimed.
func removeAbandoned(path string) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|noWait, 0)
	if err != nil {
		return
	}
	defer f.Close()
	if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
		os.Remove(path)
	}
}

// closeBeforeRename does nothing: the claim holds until the file is in place.
func closeBeforeRename(*os.File) error { return nil }

// fullErrors are those of a disk that takes no more.
var fullErrors = []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG}
