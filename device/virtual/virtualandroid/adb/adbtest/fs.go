package adbtest

import (
	"bytes"
	"io"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/adb"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/errno"
)

// FS is a file system in memory. It has no owners: who may do what is not
// its concern, but ReadOnly and SetFree make it refuse as a phone does.
type FS struct {
	mu    sync.Mutex
	nodes map[string]*node
	inode uint64

	// ReadOnly lists directories under which nothing may be changed (EROFS).
	ReadOnly []string
	free     int64
}

type node struct {
	adb.Info
	data   []byte
	target string
}

// NewFS returns a file system with the directories of a phone that adb users
// know: /sdcard, /data/local/tmp and a read-only /system.
func NewFS() *FS {
	f := &FS{nodes: map[string]*node{}, free: -1, ReadOnly: []string{"/system"}}
	for _, dir := range []string{"/", "/data", "/data/local", "/data/local/tmp", "/sdcard", "/system"} {
		f.add(dir, &node{Info: adb.Info{Mode: adb.ModeDir | 0o771}})
	}
	return f
}

// SetFree sets how many bytes may still be written before the disk is full
// (ENOSPC); negative for no limit.
func (f *FS) SetFree(bytes int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.free = bytes
}

func (f *FS) add(name string, n *node) {
	f.inode++
	n.Name, n.Ino, n.Dev, n.Nlink = path.Base(name), f.inode, 1, 1
	if n.MTime.IsZero() {
		n.MTime = time.Unix(1700000000, 0)
	}
	f.nodes[name] = n
}

// find resolves name to its node; the last element is followed if it is a
// symbolic link and follow is set.
func (f *FS) find(name string, follow bool) (string, *node, error) {
	name = path.Clean("/" + name)
	for range 16 {
		n := f.nodes[name]
		if n == nil {
			return name, nil, errno.ENOENT
		}
		if !follow || !n.IsSymlink() {
			return name, n, nil
		}
		name = path.Join(path.Dir(name), n.target)
		if path.IsAbs(n.target) {
			name = path.Clean(n.target)
		}
	}
	return name, nil, errno.ELOOP
}

func (f *FS) writable(name string) error {
	parent := f.nodes[path.Dir(name)]
	switch {
	case parent == nil:
		return errno.ENOENT
	case !parent.IsDir():
		return errno.ENOTDIR
	}
	for _, dir := range f.ReadOnly {
		if name == dir || strings.HasPrefix(name, dir+"/") {
			return errno.EROFS
		}
	}
	return nil
}

// Stat implements adb.FS.
func (f *FS) Stat(name string) (adb.Info, error) { return f.stat(name, true) }

// Lstat implements adb.FS.
func (f *FS) Lstat(name string) (adb.Info, error) { return f.stat(name, false) }

func (f *FS) stat(name string, follow bool) (adb.Info, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, n, err := f.find(name, follow)
	if err != nil {
		return adb.Info{}, err
	}
	return n.info(), nil
}

func (n *node) info() adb.Info {
	i := n.Info
	i.Size = int64(len(n.data) + len(n.target))
	return i
}

// List implements adb.FS.
func (f *FS) List(name string) ([]adb.Info, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	dir, n, err := f.find(name, true)
	if err != nil {
		return nil, err
	}
	if !n.IsDir() {
		return nil, errno.ENOTDIR
	}
	var list []adb.Info
	for p, n := range f.nodes {
		if p != "/" && path.Dir(p) == dir {
			list = append(list, n.info())
		}
	}
	slices.SortFunc(list, func(a, b adb.Info) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

// Open implements adb.FS.
func (f *FS) Open(name string) (io.ReadCloser, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, n, err := f.find(name, true)
	if err != nil {
		return nil, err
	}
	if n.IsDir() {
		return nil, errno.EISDIR
	}
	return io.NopCloser(bytes.NewReader(n.data)), nil
}

// Create implements adb.FS.
func (f *FS) Create(name string, perm uint32) (io.WriteCloser, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	name = path.Clean("/" + name)
	if f.nodes[name] != nil {
		return nil, errno.EEXIST
	}
	if err := f.writable(name); err != nil {
		return nil, err
	}
	n := &node{Info: adb.Info{Mode: adb.ModeRegular | perm&adb.ModePerm}}
	f.add(name, n)
	return &file{fs: f, n: n}, nil
}

type file struct {
	fs *FS
	n  *node
}

func (w *file) Write(p []byte) (int, error) {
	w.fs.mu.Lock()
	defer w.fs.mu.Unlock()
	if w.fs.free >= 0 {
		if int64(len(p)) > w.fs.free {
			return 0, errno.ENOSPC
		}
		w.fs.free -= int64(len(p))
	}
	if cap(w.n.data)-len(w.n.data) < len(p) {
		// Twofold, where append would grow by a quarter and copy far more.
		w.n.data = slices.Grow(w.n.data, max(len(w.n.data), len(p)))
	}
	w.n.data = append(w.n.data, p...)
	return len(p), nil
}

func (w *file) Close() error { return nil }

// Mkdir implements adb.FS.
func (f *FS) Mkdir(name string, perm uint32) error {
	return f.make(name, &node{Info: adb.Info{Mode: adb.ModeDir | perm&adb.ModePerm}})
}

// Symlink implements adb.FS.
func (f *FS) Symlink(target, name string) error {
	return f.make(name, &node{Info: adb.Info{Mode: adb.ModeSymlink | 0o777}, target: target})
}

func (f *FS) make(name string, n *node) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	name = path.Clean("/" + name)
	if f.nodes[name] != nil {
		return errno.EEXIST
	}
	if err := f.writable(name); err != nil {
		return err
	}
	f.add(name, n)
	return nil
}

// Remove implements adb.FS.
func (f *FS) Remove(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	p, n, err := f.find(name, false)
	if err != nil {
		return err
	}
	if err := f.writable(p); err != nil {
		return err
	}
	if n.IsDir() {
		return errno.EISDIR
	}
	if f.free >= 0 {
		f.free += int64(len(n.data))
	}
	delete(f.nodes, p)
	return nil
}

// Chtimes implements adb.FS.
func (f *FS) Chtimes(name string, mtime time.Time) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, n, err := f.find(name, false)
	if err == nil {
		n.MTime = mtime
	}
	return err
}

// Put makes a regular file with mode 0644, for a test to start from.
func (f *FS) Put(name string, data []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.add(path.Clean(name), &node{Info: adb.Info{Mode: adb.ModeRegular | 0o644}, data: bytes.Clone(data)})
}

// Data returns a file's content, or nil if there is none.
func (f *FS) Data(name string) []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, n, err := f.find(name, true); err == nil {
		return bytes.Clone(n.data)
	}
	return nil
}
