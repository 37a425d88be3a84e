package adb

import (
	"errors"
	"io/fs"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/errno"
)

// errnoOf is the number that stands for err on the wire.
func errnoOf(err error) errno.Errno {
	var e errno.Errno
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, fs.ErrNotExist):
		return errno.ENOENT
	case errors.Is(err, fs.ErrExist):
		return errno.EEXIST
	case errors.Is(err, fs.ErrPermission):
		return errno.EACCES
	}
	return errno.EIO
}
