//go:build unix

package files

import (
	"errors"
	"os"
	"syscall"
)

// noWait makes open not block on a named pipe.
const noWait = syscall.O_NONBLOCK

// claim locks a draft for this process, and reports whether it is still in the
// directory.
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

// removeAbandoned removes a draft that no process has locked.
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

// closeBeforeRename does nothing: the lock must hold until the file is in
// place.
func closeBeforeRename(*os.File) error { return nil }

// fullErrors are the errors of a full disk.
var fullErrors = []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG}
