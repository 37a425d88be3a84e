package credentials

import (
	"errors"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/windows"
)

// noFollow has no effect: creating a link needs administrator rights on
// Windows.
const noFollow = 0

// openOwn opens a file or directory, but no symbolic link.
func openOwn(path string) (*os.File, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if info.Mode()&os.ModeSymlink != 0 {
		return nil, errors.New("it is a symbolic link")
	}
	return os.Open(path)
}

// makePrivate leaves the file unchanged: Windows ignores mode bits, and the
// access list that the file inherits from the user's AppData directory already
// keeps others out.
func makePrivate(*os.File) (fixed bool, err error) { return false, nil }

// rename moves a file over another. Windows refuses while a reader has the
// target open, so it tries again for a moment.
func rename(from, to string) (err error) {
	for range 100 {
		if err = os.Rename(from, to); err == nil || !errors.Is(err, fs.ErrPermission) && !errors.Is(err, windows.ERROR_SHARING_VIOLATION) {
			return err
		}
		time.Sleep(5 * time.Millisecond)
	}
	return err
}

// syncDir does nothing: Windows can't sync a directory.
func syncDir(string) error { return nil }

// isFull reports whether a disk is full.
func isFull(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL)
}
