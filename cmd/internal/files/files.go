// Package files opens and writes the files that a user names, and those that
// wxctl keeps. It never opens what is not a regular file, so that no command
// waits for the other end of a pipe, and it never leaves half a file behind: a
// new one is written beside its place and put there when it is whole.
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

// Check returns a *KindError if mode is not that of a regular file.
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

// OpenIn is Open within a directory that nothing leads out of.
func OpenIn(root *os.Root, name string) (*os.File, error) {
	return open(root.Stat, root.OpenFile, name)
}

func open(stat func(string) (fs.FileInfo, error), open func(string, int, fs.FileMode) (*os.File, error), name string) (*os.File, error) {
	// Opening alone does something to some devices, so the kind is asked first.
	info, err := stat(name)
	if err == nil {
		err = Check(info.Mode())
	}
	if err != nil {
		return nil, err
	}
	// It may be another file by now.
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

// ErrTooLarge says that a file has more bytes than are read.
var ErrTooLarge = errors.New("it is too large")

// Read reads a regular file of at most limit bytes.
func Read(name string, limit int64) ([]byte, error) {
	f, err := Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = ErrTooLarge
	}
	return data, err
}

// ErrExists says that there is a file already which was not to be replaced.
var ErrExists = errors.New("there is such a file already")

// free returns ErrExists, or a *KindError, if a file can't be put under the
// name. A link is a file like any other: it is replaced, not what it leads to,
// since in a directory that others write to it may be a trap.
func free(name string, overwrite bool) error {
	info, err := os.Lstat(name)
	if err == nil && info.Mode()&fs.ModeSymlink != 0 {
		if led, statErr := os.Stat(name); statErr == nil {
			info = led // say what it leads to
		} else {
			return ErrExists
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
		return ErrExists
	}
	return nil
}

// Draft is a file that is being written beside its place.
type Draft struct {
	file      *os.File
	path      string // where it goes
	overwrite bool
	written   bool
	broken    bool // a write failed
	done      bool
}

// partMark ends the names of drafts.
const partMark = ".wxctl-part"

// Create begins a file that only its owner can read. It appears under its name
// when it is closed, unless nothing was written. A file that is there already is
// refused, or with overwrite replaced at that moment. Drafts that killed
// processes left in the directory are removed.
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
		f.Close() // swept by another process before it was claimed
	}
}

// Write writes to the draft.
func (d *Draft) Write(b []byte) (int, error) {
	n, err := d.file.Write(b)
	d.written, d.broken = d.written || n > 0, d.broken || err != nil
	return n, reason(err)
}

// Discard throws the draft away; it does nothing after Close.
func (d *Draft) Discard() {
	if d.done {
		return
	}
	d.done = true
	d.file.Close()
	os.Remove(d.file.Name())
}

// Kept reports whether Close would put a file in its place: something was
// written, all of it.
func (d *Draft) Kept() bool { return d.written && !d.broken }

// Close puts the file in its place, unless nothing was written, or not all of
// what should have been.
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
	return reason(err)
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
	// A link fails where a file came meanwhile; not every file system has them.
	switch err := os.Link(temp, d.path); {
	case err == nil:
		return os.Remove(temp)
	case errors.Is(err, fs.ErrExist):
		return ErrExists
	}
	if err := free(d.path, false); err != nil {
		return err
	}
	return os.Rename(temp, d.path)
}

// Append opens a regular file to be written at its end, on a line of its own,
// and makes one that only its owner can read if there is none.
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
			continue // it came just now
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
	return nil, ErrExists
}

// endLine ends a last line that was not ended.
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

// Replace writes a whole file in the place of another: a reader, or a crash,
// meets the old or the new content. Of a link, the file that it leads to is
// replaced: people keep their configuration elsewhere and link to it.
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
	d.written = true // nothing is content, too
	return d.Close()
}

// sweep removes the drafts of processes that are gone.
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

// reason is what the system said, without a path: the file's own is named by
// who reports it, and a draft's says nothing to the user.
func reason(err error) error {
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
