package errno

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"
)

func TestErrno(t *testing.T) {
	for _, tt := range []struct {
		err  Errno
		is   error
		text string
	}{
		{ENOENT, fs.ErrNotExist, "No such file or directory"},
		{EEXIST, fs.ErrExist, "File exists"},
		{ENOTEMPTY, fs.ErrExist, "Directory not empty"},
		{EACCES, fs.ErrPermission, "Permission denied"},
		{EPERM, fs.ErrPermission, "Operation not permitted"},
		{ELOOP, ELOOP, "Too many symbolic links encountered"},
		{4095, Errno(4095), "Unknown error 4095"},
	} {
		if err := fmt.Errorf("open: %w", tt.err); !errors.Is(err, tt.is) || tt.err.Error() != tt.text {
			t.Errorf("%d: %q", uint32(tt.err), err)
		}
		if errors.Is(tt.err, fs.ErrClosed) {
			t.Errorf("%q is closed", tt.err)
		}
	}
}
