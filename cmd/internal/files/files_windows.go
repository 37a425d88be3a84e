package files

import (
	"os"

	"golang.org/x/sys/windows"
)

// noWait is of no use here: what could wait has no path among files.
const noWait = 0

// claim does nothing: a file that is open can't be removed here.
func claim(*os.File) (ours bool, err error) { return true, nil }

// removeAbandoned removes a draft, unless a process has it open.
func removeAbandoned(path string) { _ = os.Remove(path) }

// closeBeforeRename closes a draft: an open file can't be renamed here.
func closeBeforeRename(f *os.File) error { return f.Close() }

// fullErrors are those of a disk that takes no more.
var fullErrors = []error{windows.ERROR_DISK_FULL, windows.ERROR_HANDLE_DISK_FULL}
