package errno

import (
	"errors"
	"fmt"
	"testing"
)

func TestErrno(t *testing.T) {
	for _, tt := range []struct {
		err  Errno
		is   error
		text string
	}{
		{ENOENT, ENOENT, "No such file or directory"},
		{ENOTEMPTY, ENOTEMPTY, "Directory not empty"},
		{EPERM, EPERM, "Operation not permitted"},
		{ELOOP, ELOOP, "Too many symbolic links encountered"},
		{4095, Errno(4095), "Unknown error 4095"},
	} {
		if err := fmt.Errorf("open: %w", tt.err); !errors.Is(err, tt.is) || tt.err.Error() != tt.text {
			t.Errorf("%d: %q", uint32(tt.err), err)
		}
	}
}
