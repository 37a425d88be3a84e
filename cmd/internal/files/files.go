// Package files opens and writes the files that a user names, and those that
// wxctl keeps. It only opens regular files, so that no command blocks on a
// named pipe, and it never leaves a partial file behind: a new one is written
// next to its destination and renamed when it is complete.
package files

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// KindError says that a path does not lead to a regular file.
type KindError struct {
	// Kind is what is there instead, such as "a directory".
	Kind string
}

func (e *KindError) Error() string { return "it is " + e.Kind + ", not a regular file" }

// Check returns a *KindError unless mode is that of a regular file.
func Check(mode fs.FileMode) error {
	switch {
	case mode.IsRegular():
		return nil
	case mode.IsDir():
		return &KindError{"a directory"}
	case mode&fs.ModeNamedPipe != 0:
		return &KindError{"a FIFO (named pipe)"}
	case mode&fs.ModeSocket != 0:
		return &KindError{"a socket"}
	case mode&fs.ModeSymlink != 0:
		return &KindError{"a symbolic link"}
	}
	return &KindError{"a device"}
}

// Open opens a regular file to be read.
func Open(name string) (*os.File, error) { return open(os.Stat, os.OpenFile, name) }

// OpenIn is Open within a directory; no path and no link can leave it.
func OpenIn(root *os.Root, name string) (*os.File, error) {
	return open(root.Stat, root.OpenFile, name)
}

func open(stat func(string) (fs.FileInfo, error), open func(string, int, fs.FileMode) (*os.File, error), name string) (*os.File, error) {
	// Opening some devices has an effect, so the type is checked first.
	info, err := stat(name)
	if err == nil {
		err = Check(info.Mode())
	}
	if err != nil {
		return nil, err
	}
	// The file may have been replaced since.
	f, err := open(name, os.O_RDONLY|noWait, 0)
	if err != nil {
		return nil, err
	}
	if info, err = f.Stat(); err == nil {
		err = Check(info.Mode())
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// errTooLarge means that a file is larger than the limit.
var errTooLarge = errors.New("it is too large")

// Read reads a regular file of at most limit bytes.
func Read(name string, limit int64) ([]byte, error) {
	f, err := Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = errTooLarge
	}
	return data, err
}

// errExists means that a file exists that must not be replaced.
var errExists = errors.New("there is such a file already")

// free returns errExists, or a *KindError, if a file can't be created under the
// name. A symbolic link is treated like a file: the link is replaced and not
// its target, since in a directory that others write to it may be a trap.
func free(name string, overwrite bool) error {
	info, err := os.Lstat(name)
	if err == nil && info.Mode()&fs.ModeSymlink != 0 {
		if led, statErr := os.Stat(name); statErr == nil {
			info = led // say what it leads to
		} else {
			return errExists
		}
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	}
	if err := Check(info.Mode()); err != nil {
		return err
	}
	if !overwrite {
		return errExists
	}
	return nil
}

// Draft is a file that is being written next to its destination.
type Draft struct {
	file      *os.File
	path      string // where it goes
	overwrite bool
	written   bool
	broken    bool // a write failed
	done      bool
}

// partMark is the suffix of drafts.
const partMark = ".wxctl-part"

// Create begins a file that only its owner can read. It appears under its name
// when it is closed, unless nothing was written. An existing file is refused,
// or with overwrite replaced at that moment. Drafts that killed processes left
// in the directory are removed.
func Create(name string, overwrite bool) (*Draft, error) {
	if err := free(name, overwrite); err != nil {
		return nil, err
	}
	dir := filepath.Dir(name)
	sweep(dir)
	for {
		f, err := os.CreateTemp(dir, ".*"+partMark)
		if err != nil {
			return nil, err
		}
		ours, err := claim(f)
		if err != nil {
			f.Close()
			os.Remove(f.Name())
			return nil, err
		}
		if ours {
			return &Draft{file: f, path: name, overwrite: overwrite}, nil
		}
		f.Close() // another process removed it before it was locked
	}
}

// Write writes to the draft.
func (d *Draft) Write(b []byte) (int, error) {
	n, err := d.file.Write(b)
	d.written, d.broken = d.written || n > 0, d.broken || err != nil
	return n, Reason(err)
}

// Discard removes the draft; it does nothing after Close.
func (d *Draft) Discard() {
	if d.done {
		return
	}
	d.done = true
	d.file.Close()
	os.Remove(d.file.Name())
}

// Kept reports whether Close will put the file in place: something was written,
// without an error.
func (d *Draft) Kept() bool { return d.written && !d.broken }

// Close puts the file in place, unless nothing was written, or a write failed.
func (d *Draft) Close() error {
	if d.done {
		return nil
	}
	if !d.Kept() {
		d.Discard()
		return nil
	}
	err := d.file.Sync()
	if err == nil {
		err = d.put()
	}
	d.Discard()
	return Reason(err)
}

func (d *Draft) put() error {
	temp := d.file.Name()
	if err := closeBeforeRename(d.file); err != nil {
		return err
	}
	if d.overwrite {
		if err := free(d.path, true); err != nil {
			return err
		}
		return os.Rename(temp, d.path)
	}
	// Link fails if a file was created meanwhile; not every file system
	// supports it.
	switch err := os.Link(temp, d.path); {
	case err == nil:
		return os.Remove(temp)
	case errors.Is(err, fs.ErrExist):
		return errExists
	}
	if err := free(d.path, false); err != nil {
		return err
	}
	return os.Rename(temp, d.path)
}

// Append opens a regular file for appending, and adds a line break to an
// incomplete last line. If there is no file, it creates one that only its owner
// can read.
func Append(name string) (*os.File, error) {
	for range 2 {
		info, err := os.Stat(name)
		flag := os.O_RDWR | os.O_APPEND | noWait
		switch {
		case errors.Is(err, fs.ErrNotExist):
			flag |= os.O_CREATE | os.O_EXCL
		case err != nil:
			return nil, err
		default:
			if err := Check(info.Mode()); err != nil {
				return nil, err
			}
		}
		f, err := os.OpenFile(name, flag, 0o600)
		if errors.Is(err, fs.ErrExist) {
			continue // it was created just now
		}
		if err != nil {
			return nil, err
		}
		if info, err = f.Stat(); err == nil {
			err = Check(info.Mode())
		}
		if err == nil {
			err = f.Chmod(0o600)
		}
		if err == nil {
			err = endLine(f, info.Size())
		}
		if err != nil {
			f.Close()
			return nil, err
		}
		return f, nil
	}
	return nil, errExists
}

// endLine adds a line break to an incomplete last line.
func endLine(f *os.File, size int64) error {
	if size == 0 {
		return nil
	}
	last := make([]byte, 1)
	if _, err := f.ReadAt(last, size-1); err != nil || last[0] == '\n' {
		return err
	}
	_, err := f.Write([]byte("\n"))
	return err
}

// Replace replaces the content of a file as a whole: a reader, or a crash, sees
// the old or the new content. If the name is a link, its target is replaced:
// some people keep their configuration elsewhere and link to it.
func Replace(name string, data []byte) error {
	if real, err := filepath.EvalSymlinks(name); err == nil {
		name = real
	}
	d, err := Create(name, true)
	if err != nil {
		return err
	}
	defer d.Discard()
	if _, err := d.Write(data); err != nil {
		return err
	}
	d.written = true // empty content is content, too
	return d.Close()
}

// sweep removes the drafts of processes that have ended.
func sweep(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if name := e.Name(); strings.HasPrefix(name, ".") && strings.HasSuffix(name, partMark) && e.Type().IsRegular() {
			removeAbandoned(filepath.Join(dir, name))
		}
	}
}

// Reason is the system's message without a path: the caller names the file, and
// a draft's name is of no use to the user.
func Reason(err error) error {
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		return path.Err
	case errors.As(err, &link):
		return link.Err
	}
	return err
}
