//go:build unix

package credentials

import (
	"errors"
	"os"
	"syscall"
)

// noFollow makes open fail on a symbolic link, and not block on a named pipe.
const noFollow = syscall.O_NOFOLLOW | syscall.O_NONBLOCK

// openOwn opens a regular file or a directory, but no symbolic link or special
// file.
func openOwn(path string) (*os.File, error) {
	if info, err := os.Lstat(path); err == nil && info.Mode()&(os.ModeNamedPipe|os.ModeSocket|os.ModeDevice) != 0 {
		return nil, errors.New("it is not a regular file")
	}
	f, err := os.OpenFile(path, os.O_RDONLY|noFollow, 0)
	if pathError, ok := err.(*os.PathError); ok && (pathError.Err == syscall.ELOOP || pathError.Err == syscall.EMLINK) {
		return nil, errors.New("it is a symbolic link")
	}
	return f, err
}

// makePrivate checks that f belongs to us and removes other users' permissions;
// it reports whether they had any.
func makePrivate(f *os.File) (fixed bool, err error) {
	info, err := f.Stat()
	if err != nil {
		return false, err
	}
	if !info.Mode().IsRegular() && !info.IsDir() {
		return false, errors.New("it is not a regular file")
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && int(stat.Uid) != os.Geteuid() {
		return false, errors.New("it belongs to another user")
	}
	const others = 0o077
	if info.Mode().Perm()&others == 0 {
		return false, nil
	}
	return true, f.Chmod(info.Mode().Perm() &^ others)
}

// rename moves a file over another.
func rename(from, to string) error { return os.Rename(from, to) }

// syncDir makes a rename in the directory durable.
func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// isFull reports whether an error means a full disk or an exceeded quota.
func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG)
}
