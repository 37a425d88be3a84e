package adb

import (
	"errors"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/errno"
)

// errnoOf is the number that stands for err on the wire.
func errnoOf(err error) errno.Errno {
	var e errno.Errno
	if errors.As(err, &e) {
		return e
	}
	return errno.EIO
}
