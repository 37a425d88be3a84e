package phone

import (
	"io"
	"os"
	"path"
	"time"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/errno"
)

// room checks that an entry of the directory at may be added or removed.
func (at place) room(c Cred) error {
	switch {
	case at.parent == nil:
		return errno.EACCES
	case at.readOnly:
		return errno.EROFS
	case !may(at.parent, c, 3):
		return errno.EACCES
	}
	return nil
}

// add puts a new node where at points to. On shared storage FUSE decides
// owner and mode, whatever the creator requests.
func (f *FS) add(c Cred, at place, mode uint32) *node {
	n := f.newNode(mode, c.UID, c.UID)
	if at.parent.shared {
		n.shared, n.uid, n.gid = true, at.parent.uid, at.parent.gid
		if mode&ModeFmt == ModeDir {
			n.mode = ModeDir | 0o770
		} else {
			n.mode = ModeFile | 0o660
		}
	}
	at.parent.children[at.name] = n
	at.parent.mtime = f.now()
	return n
}

// Mkdir makes a directory with the permission bits of mode.
func (f *FS) Mkdir(c Cred, name string, mode uint32) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	at, err := f.walk(c, trimSlash(name), true)
	if err == nil && at.node != nil {
		err = errno.EEXIST
	}
	if err == nil {
		err = at.room(c)
	}
	if err != nil {
		return err
	}
	f.add(c, at, ModeDir|mode&ModePerm)
	return nil
}

func trimSlash(name string) string {
	for len(name) > 1 && name[len(name)-1] == '/' {
		name = name[:len(name)-1]
	}
	return name
}

// Remove unlinks a file or removes an empty directory, as remove(3).
func (f *FS) Remove(c Cred, name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	at, err := f.existing(c, trimSlash(name), false)
	if err != nil {
		return err
	}
	if err := at.room(c); err != nil {
		return err
	}
	if len(at.node.children) > 0 {
		return errno.ENOTEMPTY
	}
	f.drop(at)
	return nil
}

func (f *FS) drop(at place) {
	delete(at.parent.children, at.name)
	at.parent.mtime = f.now()
	if at.counted {
		f.used -= int64(len(at.node.data))
	}
}

// RemoveAll removes name and everything below it, as rm -r does; a missing file
// is not an error.
func (f *FS) RemoveAll(c Cred, name string) error {
	i, err := f.Lstat(c, name)
	if err == errno.ENOENT {
		return nil
	}
	if err != nil {
		return err
	}
	if i.IsDir() {
		list, err := f.List(c, name)
		if err != nil {
			return err
		}
		for _, e := range list {
			if err := f.RemoveAll(c, path.Join(name, e.Name)); err != nil {
				return err
			}
		}
	}
	return f.Remove(c, name)
}

// Rename moves a file or directory, and replaces what is at the new name.
func (f *FS) Rename(c Cred, from, to string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	src, err := f.existing(c, trimSlash(from), false)
	if err != nil {
		return err
	}
	dst, err := f.walk(c, trimSlash(to), false)
	if err != nil {
		return err
	}
	if src.node == dst.node {
		return nil
	}
	for _, at := range []place{src, dst} {
		if err := at.room(c); err != nil {
			return err
		}
	}
	srcDir := src.node.mode&ModeFmt == ModeDir
	switch {
	case src.counted != dst.counted || src.parent.shared != dst.parent.shared:
		return errno.EXDEV
	case srcDir && below(src.node, dst.parent):
		return errno.EINVAL
	case dst.node == nil:
	case srcDir && dst.node.mode&ModeFmt != ModeDir:
		return errno.ENOTDIR
	case !srcDir && dst.node.mode&ModeFmt == ModeDir:
		return errno.EISDIR
	case len(dst.node.children) > 0:
		return errno.ENOTEMPTY
	}
	if dst.node != nil {
		f.drop(dst)
	}
	delete(src.parent.children, src.name)
	dst.parent.children[dst.name] = src.node
	src.parent.mtime, dst.parent.mtime = f.now(), f.now()
	return nil
}

// below reports whether n is dir or below it.
func below(dir, n *node) bool {
	if dir == n {
		return true
	}
	for _, c := range dir.children {
		if c.children != nil && below(c, n) {
			return true
		}
	}
	return false
}

// Chtimes sets the time of the last change.
func (f *FS) Chtimes(c Cred, name string, mtime time.Time) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	at, err := f.existing(c, name, true)
	switch {
	case err != nil:
		return err
	case at.readOnly:
		return errno.EROFS
	case c.UID != RootUID && c.UID != at.node.uid && !(at.node.shared && c.in(at.node.gid)):
		return errno.EPERM
	}
	at.node.mtime = mtime
	return nil
}

// A File is an open file; not for use by several goroutines at once.
type File struct {
	fs      *FS
	node    *node
	name    string
	off     int64
	flags   int
	counted bool
	closed  bool
}

// Open opens for reading.
func (f *FS) Open(c Cred, name string) (*File, error) { return f.OpenFile(c, name, os.O_RDONLY, 0) }

// Create makes or truncates a file with the permission bits of mode.
func (f *FS) Create(c Cred, name string, mode uint32) (*File, error) {
	return f.OpenFile(c, name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
}

// OpenFile opens with the flags of package os (O_RDONLY, O_WRONLY, O_RDWR,
// O_CREATE, O_EXCL, O_TRUNC, O_APPEND).
func (f *FS) OpenFile(c Cred, name string, flags int, mode uint32) (*File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	at, err := f.walk(c, name, true)
	if err != nil {
		return nil, err
	}
	writes := flags&(os.O_WRONLY|os.O_RDWR) != 0
	n := at.node
	switch {
	case n == nil && flags&os.O_CREATE == 0:
		return nil, errno.ENOENT
	case n == nil:
		if err := at.room(c); err != nil {
			return nil, err
		}
		n = f.add(c, at, ModeFile|mode&ModePerm)
	case flags&os.O_CREATE != 0 && flags&os.O_EXCL != 0:
		return nil, errno.EEXIST
	case n.mode&ModeFmt == ModeDir && writes:
		return nil, errno.EISDIR
	case writes && at.readOnly && n.mode&ModeFmt != ModeChar:
		return nil, errno.EROFS
	case writes && !may(n, c, 2), flags&os.O_WRONLY == 0 && !may(n, c, 4):
		return nil, errno.EACCES
	}
	if writes && flags&os.O_TRUNC != 0 && n.mode&ModeFmt == ModeFile {
		if at.counted {
			f.used -= int64(len(n.data))
		}
		n.data, n.size, n.mtime = nil, 0, f.now()
	}
	return &File{fs: f, node: n, name: name, flags: flags, counted: at.counted}, nil
}

// Stat describes the open file.
func (h *File) Stat() Info {
	h.fs.mu.RLock()
	defer h.fs.mu.RUnlock()
	return h.node.info(path.Base(h.name))
}

// Read reads from the current position.
func (h *File) Read(p []byte) (int, error) {
	h.fs.mu.RLock()
	defer h.fs.mu.RUnlock()
	switch {
	case h.closed || h.flags&os.O_WRONLY != 0:
		return 0, errno.EBADF
	case h.node.mode&ModeFmt == ModeDir:
		return 0, errno.EISDIR
	case len(p) == 0:
		return 0, nil
	case h.node.mode&ModeFmt == ModeChar && h.node.target == "zero":
		clear(p)
		return len(p), nil
	}
	if have := int64(len(h.node.data)); h.off < have {
		n := copy(p, h.node.data[h.off:])
		h.off += int64(n)
		return n, nil
	}
	// Bytes that only have a size read as zeros.
	n := min(int64(len(p)), h.node.size-h.off)
	if n <= 0 {
		return 0, io.EOF
	}
	clear(p[:n])
	h.off += n
	return int(n), nil
}

// Write writes at the current position, or at the end with O_APPEND. What no
// longer fits on the disk is not written, and the error is ENOSPC.
func (h *File) Write(p []byte) (int, error) {
	h.fs.mu.Lock()
	defer h.fs.mu.Unlock()
	n := h.node
	switch {
	case h.closed || h.flags&(os.O_WRONLY|os.O_RDWR) == 0:
		return 0, errno.EBADF
	case n.mode&ModeFmt == ModeChar:
		return len(p), nil
	case h.counted && h.fs.remount:
		return 0, errno.EROFS
	}
	if h.flags&os.O_APPEND != 0 {
		h.off = int64(len(n.data))
	}
	if h.off > int64(len(n.data)) {
		h.off = int64(len(n.data)) // truncated by someone else meanwhile
	}
	grow := h.off + int64(len(p)) - int64(len(n.data))
	if h.counted && grow > 0 && h.fs.capacity > 0 && h.fs.used+grow >= h.fs.capacity {
		return 0, errno.ENOSPC
	}
	if h.counted && grow > 0 {
		h.fs.used += grow
	}
	if h.off == int64(len(n.data)) {
		n.data = append(n.data, p...)
	} else {
		if grow > 0 {
			n.data = append(n.data, make([]byte, grow)...)
		}
		copy(n.data[h.off:], p)
	}
	h.off += int64(len(p))
	n.size, n.mtime = 0, h.fs.now()
	return len(p), nil
}

// Seek sets the position of the next Read, only from the file's start.
func (h *File) Seek(offset int64, whence int) (int64, error) {
	if h.closed || whence != io.SeekStart || offset < 0 {
		return 0, errno.EINVAL
	}
	h.off = offset
	return offset, nil
}

// Close closes the file; a second call returns EBADF.
func (h *File) Close() error {
	if h.closed {
		return errno.EBADF
	}
	h.closed = true
	return nil
}

// ReadFile returns a file's bytes.
func (f *FS) ReadFile(c Cred, name string) ([]byte, error) {
	h, err := f.Open(c, name)
	if err != nil {
		return nil, err
	}
	defer h.Close()
	return io.ReadAll(h)
}

// WriteFile makes or replaces a file with those bytes.
func (f *FS) WriteFile(c Cred, name string, data []byte, mode uint32) error {
	h, err := f.Create(c, name, mode)
	if err != nil {
		return err
	}
	defer h.Close()
	_, err = h.Write(data)
	return err
}
