package files

import (
	"os"

	"golang.org/x/sys/windows"
)

// noWait has no effect: named pipes are not in the file system on Windows.
const noWait = 0

// claim does nothing: an open file can't be removed on Windows.
func claim(*os.File) (ours bool, err error) { return true, nil }

// removeAbandoned removes a draft, unless a process has it open.
func removeAbandoned(path string) { _ = os.Remove(path) }

// closeBeforeRename closes a draft: an open file can't be renamed on Windows.
func closeBeforeRename(f *os.File) error { return f.Close() }

// fullErrors are the errors of a full disk.
var fullErrors = []error{windows.ERROR_DISK_FULL, windows.ERROR_HANDLE_DISK_FULL}
