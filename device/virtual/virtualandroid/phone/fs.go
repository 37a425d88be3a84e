package phone

import (
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/errno"
)

// File type and permission bits of a st_mode, as the kernel numbers them.
const (
	ModeFmt  uint32 = 0o170000
	ModeDir  uint32 = 0o040000
	ModeFile uint32 = 0o100000
	ModeLink uint32 = 0o120000
	ModeChar uint32 = 0o020000
	ModePerm uint32 = 0o007777
)

// Well-known uids and gids (android_filesystem_config.h).
const (
	RootUID     = 0
	SystemUID   = 1000
	SDCardRW    = 1015
	MediaRW     = 1023
	ShellUID    = 2000
	Everybody   = 9997
	FirstAppUID = 10000
	// PerUser is the distance between the uids of one app in two users.
	PerUser = 100000
)

// A Cred identifies a caller to the kernel: a uid and its groups.
type Cred struct {
	UID    int
	Groups []int
}

// RootCred may do everything.
func RootCred() Cred { return Cred{UID: RootUID} }

// ShellCred is what adbd gives its children: the shell user in the groups of
// adbd's main.cpp that matter for files.
func ShellCred() Cred {
	return Cred{UID: ShellUID, Groups: []int{ShellUID, 1004, 1007, 1011, SDCardRW, 1028, 1078, 1079, 3001, 3002, 3003, 3006, 3009, 3011}}
}

// AppCred is an app's own process.
func AppCred(uid int) Cred { return Cred{UID: uid, Groups: []int{uid, Everybody}} }

// CredOf gives the credentials a process of that uid runs with.
func CredOf(uid int) Cred {
	switch uid {
	case RootUID:
		return RootCred()
	case ShellUID:
		return ShellCred()
	}
	return AppCred(uid)
}

func (c Cred) in(gid int) bool { return c.UID == gid || slices.Contains(c.Groups, gid) }

// Info is what stat(2) reports about a file.
type Info struct {
	Name   string // last path element
	Mode   uint32 // st_mode: type and permission bits
	UID    int
	GID    int
	Size   int64
	MTime  time.Time
	Ino    uint64
	NLink  int
	Target string // of a symbolic link
}

// IsDir reports whether it is a directory.
func (i Info) IsDir() bool { return i.Mode&ModeFmt == ModeDir }

// IsRegular reports whether it is a plain file.
func (i Info) IsRegular() bool { return i.Mode&ModeFmt == ModeFile }

// FileMode returns the mode in the form of io/fs.
func (i Info) FileMode() fs.FileMode {
	m := fs.FileMode(i.Mode & 0o777)
	switch i.Mode & ModeFmt {
	case ModeDir:
		m |= fs.ModeDir
	case ModeLink:
		m |= fs.ModeSymlink
	case ModeChar:
		m |= fs.ModeDevice | fs.ModeCharDevice
	}
	return m
}

type node struct {
	mode     uint32
	uid, gid int
	mtime    time.Time
	ino      uint64
	data     []byte
	size     int64 // of a file without content, such as an APK
	children map[string]*node
	target   string
	readOnly bool // a mount that refuses writes, for it and all below
	shared   bool // the FUSE view of shared storage: owner and mode are forced
	counted  bool // lies on the data partition, whose space is limited
}

// FS is the phone's filesystem, in memory. Paths are absolute, with slashes.
// It checks permissions as the kernel does, for the Cred given.
type FS struct {
	mu       sync.RWMutex
	root     *node
	now      func() time.Time
	nextIno  uint64
	used     int64
	capacity int64 // bytes of /data; 0 means without limit
	remount  bool  // /data turned read-only
}

func newFS(now func() time.Time) *FS {
	f := &FS{now: now}
	f.root = f.newNode(ModeDir|0o755, RootUID, RootUID)
	f.root.readOnly = true
	return f
}

func (f *FS) newNode(mode uint32, uid, gid int) *node {
	f.nextIno++
	n := &node{mode: mode, uid: uid, gid: gid, mtime: f.now(), ino: f.nextIno}
	if mode&ModeFmt == ModeDir {
		n.children = map[string]*node{}
	}
	return n
}

// put makes a file or directory, and missing ones above it, without checking
// permissions. An existing directory is not changed.
func (f *FS) put(name string, mode uint32, uid, gid int) *node {
	at := f.root
	for _, part := range split(path.Dir(name)) {
		if at.children[part] == nil {
			at.children[part] = f.newNode(ModeDir|0o755, RootUID, RootUID)
		}
		at = at.children[part]
	}
	base := path.Base(name)
	if n := at.children[base]; n != nil && n.children != nil {
		return n
	}
	at.children[base] = f.newNode(mode, uid, gid)
	return at.children[base]
}

// SetReadOnly makes the data partition refuse writes (EROFS), as a phone does
// after a filesystem error, or accept them again.
func (f *FS) SetReadOnly(on bool) { f.mu.Lock(); f.remount = on; f.mu.Unlock() }

// SetFree sets how many more bytes fit on the data partition before ENOSPC.
func (f *FS) SetFree(bytes int64) {
	f.mu.Lock()
	f.capacity = f.used + max(bytes, 0) + 1
	f.mu.Unlock()
}

// Clean makes name absolute in dir and drops dots, as the shell does.
func Clean(dir, name string) string {
	if !strings.HasPrefix(name, "/") {
		name = dir + "/" + name
	}
	return path.Clean(name)
}

func may(n *node, c Cred, want uint32) bool {
	if c.UID == RootUID {
		return true
	}
	perm := n.mode & 0o777
	switch {
	case c.UID == n.uid:
		perm >>= 6
	case c.in(n.gid):
		perm >>= 3
	}
	return perm&want == want
}

// place is where a path leads: its node, or the directory to make it in.
type place struct {
	parent *node
	name   string
	node   *node // nil: does not exist
	// readOnly and counted are inherited from the mounts passed on the way.
	readOnly, counted bool
	path              string
}

const maxLinks = 40 // Linux MAXSYMLINKS

// walk follows name. With follow, a link in the last place is followed too.
func (f *FS) walk(c Cred, name string, follow bool) (place, error) {
	if strings.IndexByte(name, 0) >= 0 {
		return place{}, errno.EINVAL
	}
	if name == "" {
		return place{}, errno.ENOENT
	}
	if len(name) > 4095 {
		return place{}, errno.ENAMETOOLONG
	}
	wantDir := strings.HasSuffix(name, "/") && name != "/"
	todo := split(name)
	at := place{node: f.root, readOnly: f.root.readOnly, path: "/"}
	stack := []place{}
	for links := 0; len(todo) > 0; {
		part := todo[0]
		todo = todo[1:]
		if at.node.mode&ModeFmt != ModeDir {
			return place{}, errno.ENOTDIR
		}
		if !may(at.node, c, 1) {
			return place{}, errno.EACCES
		}
		switch {
		case part == ".":
			continue
		case part == "..":
			if len(stack) > 0 {
				at, stack = stack[len(stack)-1], stack[:len(stack)-1]
			}
			continue
		case len(part) > 255:
			return place{}, errno.ENAMETOOLONG
		}
		child := at.node.children[part]
		if child == nil {
			if len(todo) > 0 {
				return place{}, errno.ENOENT
			}
			return place{parent: at.node, name: part, readOnly: at.readOnly, counted: at.counted, path: path.Join(at.path, part)}, nil
		}
		if child.mode&ModeFmt == ModeLink && (len(todo) > 0 || follow || wantDir) {
			if links++; links > maxLinks {
				return place{}, errno.ELOOP
			}
			todo = append(split(child.target), todo...)
			if strings.HasPrefix(child.target, "/") {
				at, stack = place{node: f.root, readOnly: f.root.readOnly, path: "/"}, stack[:0]
			}
			continue
		}
		stack = append(stack, at)
		at = place{parent: at.node, name: part, node: child, path: path.Join(at.path, part),
			readOnly: at.readOnly && !child.counted || child.readOnly, counted: at.counted || child.counted}
		if child.counted {
			at.readOnly = f.remount
		}
	}
	if wantDir && at.node.mode&ModeFmt != ModeDir {
		return place{}, errno.ENOTDIR
	}
	return at, nil
}

// existing is walk to something that must exist.
func (f *FS) existing(c Cred, name string, follow bool) (place, error) {
	at, err := f.walk(c, name, follow)
	if err == nil && at.node == nil {
		err = errno.ENOENT
	}
	return at, err
}

func split(name string) []string {
	return strings.FieldsFunc(name, func(r rune) bool { return r == '/' })
}

func (n *node) info(name string) Info {
	i := Info{Name: name, Mode: n.mode, UID: n.uid, GID: n.gid, MTime: n.mtime, Ino: n.ino, NLink: 1, Target: n.target}
	switch n.mode & ModeFmt {
	case ModeDir:
		i.Size, i.NLink = 4096, 2
		for _, c := range n.children {
			if c.mode&ModeFmt == ModeDir {
				i.NLink++
			}
		}
	case ModeLink:
		i.Size = int64(len(n.target))
	default:
		i.Size = max(n.size, int64(len(n.data)))
	}
	return i
}

// Stat follows links.
func (f *FS) Stat(c Cred, name string) (Info, error) { return f.stat(c, name, true) }

// Lstat does not follow a link in the last place.
func (f *FS) Lstat(c Cred, name string) (Info, error) { return f.stat(c, name, false) }

func (f *FS) stat(c Cred, name string, follow bool) (Info, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	at, err := f.existing(c, name, follow)
	if err != nil {
		return Info{}, err
	}
	return at.node.info(path.Base(name)), nil
}

// RealPath resolves every link.
func (f *FS) RealPath(c Cred, name string) (string, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	at, err := f.existing(c, name, true)
	return at.path, err
}

// Access checks like access(2): want is 4 read, 2 write, 1 execute, 0 exists.
func (f *FS) Access(c Cred, name string, want uint32) error {
	f.mu.RLock()
	defer f.mu.RUnlock()
	at, err := f.existing(c, name, true)
	switch {
	case err != nil:
		return err
	case want&2 != 0 && at.readOnly:
		return errno.EROFS
	case want&1 != 0 && c.UID == RootUID && at.node.mode&0o111 == 0:
		return errno.EACCES
	case !may(at.node, c, want):
		return errno.EACCES
	}
	return nil
}

// List returns a directory's entries, sorted by name, links not followed.
func (f *FS) List(c Cred, name string) ([]Info, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	at, err := f.existing(c, name, true)
	switch {
	case err != nil:
		return nil, err
	case at.node.mode&ModeFmt != ModeDir:
		return nil, errno.ENOTDIR
	case !may(at.node, c, 4):
		return nil, errno.EACCES
	}
	out := make([]Info, 0, len(at.node.children))
	for n, child := range at.node.children {
		out = append(out, child.info(n))
	}
	slices.SortFunc(out, func(a, b Info) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}
