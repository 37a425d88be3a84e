package adb

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/errno"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
)

// Limits of the sync protocol (adb/file_sync_protocol.h).
const (
	syncDataMax = 64 << 10 // longest DATA chunk
	syncPathMax = 1024     // longest path
	syncHeader  = 8        // id and length
)

// syncID is a request or answer of the sync protocol: four letters, read as a
// little-endian number.
type syncID uint32

const (
	idStat   syncID = 'S' | 'T'<<8 | 'A'<<16 | 'T'<<24 // lstat, version 1
	idStat2  syncID = 'S' | 'T'<<8 | 'A'<<16 | '2'<<24 // stat
	idLstat2 syncID = 'L' | 'S'<<8 | 'T'<<16 | '2'<<24 // lstat, version 2
	idList   syncID = 'L' | 'I'<<8 | 'S'<<16 | 'T'<<24
	idList2  syncID = 'L' | 'I'<<8 | 'S'<<16 | '2'<<24
	idDent   syncID = 'D' | 'E'<<8 | 'N'<<16 | 'T'<<24
	idDent2  syncID = 'D' | 'N'<<8 | 'T'<<16 | '2'<<24
	idSend   syncID = 'S' | 'E'<<8 | 'N'<<16 | 'D'<<24
	idRecv   syncID = 'R' | 'E'<<8 | 'C'<<16 | 'V'<<24
	idData   syncID = 'D' | 'A'<<8 | 'T'<<16 | 'A'<<24
	idDone   syncID = 'D' | 'O'<<8 | 'N'<<16 | 'E'<<24
	idOkay   syncID = 'O' | 'K'<<8 | 'A'<<16 | 'Y'<<24
	idFail   syncID = 'F' | 'A'<<8 | 'I'<<16 | 'L'<<24
	idQuit   syncID = 'Q' | 'U'<<8 | 'I'<<16 | 'T'<<24
)

// errSyncEnd ends a sync session, as adbd does after a refusal.
var errSyncEnd = errors.New("sync session over")

// syncSession answers one "sync:" stream (adb/daemon/file_sync_service.cpp).
type syncSession struct {
	fs  FS
	r   *bufio.Reader
	w   *bufio.Writer
	buf []byte // for one DATA chunk
}

func runSync(ctx context.Context, fsys FS, s stream) {
	defer s.Close()
	stop := context.AfterFunc(ctx, func() { s.Close() })
	defer stop()
	session := &syncSession{fs: fsys, r: bufio.NewReaderSize(s, syncDataMax), w: bufio.NewWriterSize(s, syncDataMax+syncHeader)}
	for {
		err := session.command()
		if session.w.Flush() != nil || err != nil {
			return
		}
	}
}

func (c *syncSession) command() error {
	id, length, err := c.header()
	if err != nil {
		return err
	}
	if length > syncPathMax {
		return c.fail("path too long")
	}
	name := make([]byte, length)
	if _, err := io.ReadFull(c.r, name); err != nil {
		return c.fail("filename read failure")
	}
	// adbd treats the path as a C string.
	arg, _, _ := strings.Cut(string(name), "\x00")
	switch id {
	case idStat:
		return c.statV1(arg)
	case idStat2, idLstat2:
		return c.statV2(id, arg)
	case idList, idList2:
		return c.list(id == idList2, arg)
	case idSend:
		return c.send(arg)
	case idRecv:
		return c.recv(arg)
	case idQuit:
		return errSyncEnd
	}
	return c.fail(fmt.Sprintf("unknown command %08x", uint32(id)))
}

func (c *syncSession) header() (syncID, uint32, error) {
	var h [syncHeader]byte
	if _, err := io.ReadFull(c.r, h[:]); err != nil {
		return 0, 0, err
	}
	return syncID(binary.LittleEndian.Uint32(h[:])), binary.LittleEndian.Uint32(h[4:]), nil
}

// put writes little-endian numbers: an id, or 32 or 64 bits.
func (c *syncSession) put(values ...any) error {
	b := c.w.AvailableBuffer()
	for _, v := range values {
		switch v := v.(type) {
		case syncID:
			b = binary.LittleEndian.AppendUint32(b, uint32(v))
		case uint32:
			b = binary.LittleEndian.AppendUint32(b, v)
		case uint64:
			b = binary.LittleEndian.AppendUint64(b, v)
		case string:
			b = append(b, v...)
		}
	}
	_, err := c.w.Write(b)
	return err
}

// fail refuses a request, which ends the session.
func (c *syncSession) fail(reason string) error {
	c.put(idFail, uint32(len(reason)), reason)
	return errSyncEnd
}

func (c *syncSession) failErrno(what string, err error) error {
	return c.fail(what + ": " + errnoOf(err).Error())
}

// stat is stat(2) or, unless follow is set, lstat(2). A slash at the end of
// the name asks for a directory, through a link if necessary.
func (c *syncSession) stat(name string, follow bool) (phone.Info, error) {
	trimmed := strings.TrimRight(name, "/")
	if trimmed == "" || trimmed == name {
		if follow {
			return c.fs.Stat(name)
		}
		return c.fs.Lstat(name)
	}
	i, err := c.fs.Stat(trimmed)
	if err == nil && !i.IsDir() {
		return phone.Info{}, errno.ENOTDIR
	}
	return i, err
}

func (c *syncSession) statV1(name string) error {
	i, err := c.stat(name, false)
	if err != nil {
		i = phone.Info{}
	}
	return c.put(idStat, i.Mode, uint32(i.Size), uint32(seconds(i.MTime)))
}

func (c *syncSession) statV2(id syncID, name string) error {
	i, err := c.stat(name, id == idStat2)
	if err != nil {
		return c.put(append([]any{id, uint32(errnoOf(err))}, infoV2(phone.Info{})...)...)
	}
	return c.put(append([]any{id, uint32(0)}, infoV2(i)...)...)
}

// infoV2 is what version 2 sends for a file, after the error number: 64 bytes.
func infoV2(i phone.Info) []any {
	mtime := seconds(i.MTime)
	device := min(i.Ino, 1) // there is one, and 0 of a file that is not there
	return []any{device, i.Ino, i.Mode, uint32(i.NLink), uint32(i.UID), uint32(i.GID), uint64(i.Size), mtime, mtime, mtime}
}

func seconds(t time.Time) uint64 {
	if t.IsZero() {
		return 0
	}
	return uint64(t.Unix())
}

// list sends the entries of a directory, "." and ".." among them, as
// readdir(3) gives them. A directory that can't be read is an empty list.
func (c *syncSession) list(v2 bool, name string) error {
	entries, err := c.fs.List(name)
	if err == nil {
		for _, dot := range []string{".", ".."} {
			if i, err := c.fs.Stat(path.Join("/", name, dot)); err == nil {
				i.Name = dot
				if err := c.entry(v2, i); err != nil {
					return err
				}
			}
		}
	}
	for _, i := range entries {
		if err := c.entry(v2, i); err != nil {
			return err
		}
	}
	end := 16 // bytes after DONE in version 1
	if v2 {
		end = 72
	}
	return c.put(idDone, string(make([]byte, end)))
}

func (c *syncSession) entry(v2 bool, i phone.Info) error {
	if v2 {
		values := append([]any{idDent2, uint32(0)}, infoV2(i)...)
		return c.put(append(values, uint32(len(i.Name)), i.Name)...)
	}
	return c.put(idDent, i.Mode, uint32(i.Size), uint32(seconds(i.MTime)), uint32(len(i.Name)), i.Name)
}

func (c *syncSession) recv(name string) error {
	if strings.HasSuffix(name, "/") {
		if _, err := c.stat(name, true); err != nil {
			return c.failErrno("open failed", err)
		}
	}
	f, err := c.fs.Open(name)
	if errnoOf(err) == errno.EISDIR && err != nil {
		return c.failErrno("read failed", err) // open(2) takes a directory, read(2) doesn't
	}
	if err != nil {
		return c.failErrno("open failed", err)
	}
	defer f.Close()
	buf := c.chunk()
	for {
		n, err := io.ReadFull(f, buf[syncHeader:])
		if n > 0 {
			binary.LittleEndian.PutUint32(buf, uint32(idData))
			binary.LittleEndian.PutUint32(buf[4:], uint32(n))
			if _, err := c.w.Write(buf[:syncHeader+n]); err != nil {
				return err
			}
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return c.put(idDone, uint32(0))
		}
		if err != nil {
			return c.failErrno("read failed", err)
		}
	}
}

// chunk is the session's buffer for one DATA packet with its header.
func (c *syncSession) chunk() []byte {
	if c.buf == nil {
		c.buf = make([]byte, syncDataMax)
	}
	return c.buf
}

// send takes "PATH,MODE" and a file. Links, which only adb sync sends, are
// refused as on a file system that has none.
func (c *syncSession) send(spec string) error {
	comma := strings.LastIndexByte(spec, ',')
	if comma < 0 {
		return c.fail("missing , in ID_SEND_V1")
	}
	name, mode := spec[:comma], parseMode(spec[comma+1:])
	if mode&phone.ModeFmt == phone.ModeLink {
		return c.drain(c.failErrno("symlink failed", errno.EPERM))
	}
	// Only files and links are replaced (send_impl).
	if i, err := c.stat(name, false); err == nil && (i.IsRegular() || i.Mode&phone.ModeFmt == phone.ModeLink) {
		c.fs.Remove(name)
	}
	mtime, err := c.sendFile(name, mode)
	if err != nil {
		return err
	}
	c.fs.Chtimes(name, mtime)
	return c.put(idOkay, uint32(0))
}

// parseMode reads a mode as strtoul(s, 0, 0) does: 0755, 493 and 0x1ed alike,
// and what follows the digits is ignored.
func parseMode(s string) uint32 {
	for n := len(s); n > 0; n-- {
		if v, err := strconv.ParseUint(s[:n], 0, 32); err == nil {
			return uint32(v)
		}
	}
	return 0
}

// pushPerm is the mode that adbd gives a pushed file: the owner's bits are
// copied to group and others (file_sync_service.cpp send_impl).
func pushPerm(mode uint32) uint32 {
	mode &= 0o777
	mode |= mode >> 3 & 0o070
	mode |= mode >> 3 & 0o007
	return mode
}

func (c *syncSession) sendFile(name string, mode uint32) (time.Time, error) {
	f, err := c.create(name, pushPerm(mode))
	if err != nil {
		return time.Time{}, c.drain(err)
	}
	mtime, err := c.receive(f)
	closeErr := f.Close()
	if err == nil && closeErr != nil {
		err = c.failErrno("write failed", closeErr)
	}
	if err != nil {
		c.fs.Remove(name)
		return time.Time{}, err
	}
	return mtime, nil
}

// create opens a new file, and makes the directories on the way to it if
// there are none. The error has been sent to the peer.
func (c *syncSession) create(name string, perm uint32) (io.WriteCloser, error) {
	if strings.HasSuffix(name, "/") {
		return nil, c.failErrno("couldn't create file", errno.EISDIR)
	}
	f, err := c.fs.Create(name, perm)
	if err == nil {
		return f, nil
	}
	if errnoOf(err) == errno.ENOENT {
		if err := c.mkdirs(path.Dir(name)); err != nil {
			return nil, c.failErrno("secure_mkdirs failed", err)
		}
		if f, err = c.fs.Create(name, perm); err == nil {
			return f, nil
		}
	}
	if i, statErr := c.fs.Stat(name); errnoOf(err) == errno.EEXIST && statErr == nil && i.IsDir() {
		err = errno.EISDIR // what opening the existing directory for writing gives
	}
	return nil, c.failErrno("couldn't create file", err)
}

func (c *syncSession) mkdirs(dir string) error {
	if !path.IsAbs(dir) {
		return errno.EINVAL
	}
	for i := 1; i <= len(dir); i++ {
		if i < len(dir) && dir[i] != '/' || dir[i-1] == '/' {
			continue
		}
		if err := c.fs.Mkdir(dir[:i], 0o775); err != nil && errnoOf(err) != errno.EEXIST {
			// An existing directory on a file system that can't be written to.
			if info, statErr := c.fs.Stat(dir[:i]); statErr != nil || !info.IsDir() {
				return err
			}
		}
	}
	return nil
}

// receive copies DATA chunks to w until DONE, which contains the file's time.
func (c *syncSession) receive(w io.Writer) (time.Time, error) {
	buf := c.chunk()
	for {
		id, length, err := c.header()
		if err != nil {
			return time.Time{}, err
		}
		switch {
		case id == idDone:
			return time.Unix(int64(length), 0), nil
		case id != idData:
			return time.Time{}, c.drain(c.fail("invalid data message"))
		case length > syncDataMax:
			return time.Time{}, c.drain(c.fail("oversize data message"))
		}
		if _, err := io.ReadFull(c.r, buf[:length]); err != nil {
			return time.Time{}, err
		}
		if _, err := w.Write(buf[:length]); err != nil {
			return time.Time{}, c.drain(c.failErrno("write failed", err))
		}
	}
}

// drain reads and drops the rest of a file after a refusal: clients send
// everything before they read the answer, and closing the connection would lose
// the text.
func (c *syncSession) drain(cause error) error {
	if c.w.Flush() != nil {
		return cause
	}
	for {
		id, length, err := c.header()
		if err != nil || id != idData || length > syncDataMax {
			return cause
		}
		if _, err := c.r.Discard(int(length)); err != nil {
			return cause
		}
	}
}
