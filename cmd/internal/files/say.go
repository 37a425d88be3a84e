package files

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/device"
)

// Unreadable is the error message for a file that can't be read.
func Unreadable(name string, err error) error {
	var kind *KindError
	switch {
	case errors.As(err, &kind):
		return exit.Usagef("name a regular file", "%q can't be read: %v", name, kind)
	case errors.Is(err, fs.ErrNotExist):
		return exit.Usagef("check the path", "%q can't be read: %v", name, Reason(err))
	}
	return exit.Usagef("check the path, and who may read it", "%q can't be read: %v", name, Reason(err))
}

// Unwritable is the error message for a file that can't be written.
func Unwritable(name string, err error) error {
	var kind *KindError
	switch {
	case errors.Is(err, errExists):
		return exit.Usagef("name another file, or replace this one with --overwrite", "%q is there already", name)
	case errors.As(err, &kind):
		return exit.Usagef("name another file", "%q can't be written: %v", name, kind)
	case Full(err):
		return &device.Error{Code: "disk_full", Message: fmt.Sprintf("%q can't be written: %v", name,
			Reason(err)), Hint: "make room on that disk, or name a file on another", Err: err}
	case errors.Is(err, fs.ErrNotExist):
		return exit.Usagef("make its directory first", "%q can't be written: %v", name, Reason(err))
	}
	return exit.Usagef("name another file", "%q can't be written: %v", name, Reason(err))
}

// Full reports whether an error means a full disk or an exceeded quota.
func Full(err error) bool {
	return slices.ContainsFunc(fullErrors, func(full error) bool { return errors.Is(err, full) })
}
