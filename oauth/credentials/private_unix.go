//go:build unix

package credentials

import (
	"fmt"
	"os"
	"syscall"
)

// openOwn opens a file or directory, but no symbolic link.
func openOwn(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if pathError, ok := err.(*os.PathError); ok && (pathError.Err == syscall.ELOOP || pathError.Err == syscall.EMLINK) {
		return nil, fmt.Errorf("%s is a symbolic link", path)
	}
	return f, err
}

// makePrivate checks that f is ours and takes other people's permissions away;
// it reports whether they had any.
func makePrivate(f *os.File) (mended bool, err error) {
	info, err := f.Stat()
	if err != nil {
		return false, err
	}
	if !info.Mode().IsRegular() && !info.IsDir() {
		return false, fmt.Errorf("%s is no ordinary file", f.Name())
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && int(stat.Uid) != os.Geteuid() {
		return false, fmt.Errorf("%s belongs to another user", f.Name())
	}
	const others = 0o077
	if info.Mode().Perm()&others == 0 {
		return false, nil
	}
	return true, f.Chmod(info.Mode().Perm() &^ others)
}

// rename moves a file over another.
func rename(from, to string) error { return os.Rename(from, to) }

// syncDir makes a rename in the directory last.
func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
