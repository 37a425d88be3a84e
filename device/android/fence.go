package android

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/electricbubble/gadb"

	"github.com/wxctl/wxctl/device"
)

// gadb moves files (adb's sync service) well, but it knows no context, dials
// and writes without a deadline, trusts lengths that a server sends, panics on
// some answers, cuts serials at blanks, and leaks a socket when a phone is
// gone. None of that can be mended from outside its calls, since it dials by
// itself. So it is given a fence to dial instead: a listener of ours on
// loopback, which knows one phone by the name "phone", checks what passes,
// and ends with the context.

// fenceName is the only phone that gadb sees.
const fenceName = "phone"

// maxSyncFrame bounds a frame of the sync service: SYNC_DATA_MAX, 64 KiB (adb
// file_sync_protocol.h). Messages of FAIL are shorter.
const maxSyncFrame = 64 << 10

// unbounded takes the place of gadb's read timeout of 60 s, which would end a
// transfer that takes longer although it goes on: the context bounds it. gadb
// multiplies the number with a second by itself.
var unbounded = sync.OnceFunc(func() { gadb.DefaultAdbReadTimeout = 30 * 24 * 60 * 60 })

// Push writes a file to a phone: size bytes of r, under path, with the
// permission bits perm, which adbd copies from owner to group and other.
// pushed, if not nil, is called with the bytes sent so far.
func (s Server) Push(ctx context.Context, serial string, r io.Reader, path string, perm fs.FileMode, pushed func(done int64)) error {
	if err := checkPath(path); err != nil {
		return err
	}
	in := &pushReader{ctx: ctx, r: bufio.NewReaderSize(r, maxSyncFrame), pushed: pushed}
	err := s.fenced(ctx, serial, func(d gadb.Device) error {
		return d.Push(in, path, time.Now(), perm.Perm())
	})
	if in.err != nil {
		return in.err // gadb would hide why reading failed
	}
	return fileError("written", path, err)
}

// Pull reads a file of a phone into w. When it fails, w may hold a part.
func (s Server) Pull(ctx context.Context, serial, path string, w io.Writer) error {
	if err := checkPath(path); err != nil {
		return err
	}
	return fileError("read", path, s.fenced(ctx, serial, func(d gadb.Device) error { return d.Pull(path, w) }))
}

// checkPath refuses paths that adb's sync service can't carry (it takes at
// most 1024 bytes, and reads the mode behind the last comma).
func checkPath(path string) error {
	if len(path) > 1000 || path == "" || strings.ContainsRune(path, 0) {
		return device.Errorf(device.Refused, "the path %.60q can't be used on a phone", path)
	}
	return nil
}

// fileError makes a sentence of a refusal of the phone's adbd.
func fileError(done, path string, err error) error {
	var e *device.Error
	if err == nil || errors.As(err, &e) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	reason := err.Error()
	for _, prefix := range []string{"sync read chunk: ", "sync verify status (fail): ", "status (fail): "} {
		reason = strings.TrimPrefix(reason, prefix)
	}
	failed := device.Errorf(device.Failed, "%q can't be %s on the phone: it says %q", path, done, reason)
	failed.Err = err
	switch low := strings.ToLower(reason); {
	case strings.Contains(low, "no space left"):
		failed.Hint = "free some space on the phone"
	case strings.Contains(low, "read-only"):
		failed.Hint = "the phone's storage is read-only: restart the phone"
	case strings.Contains(low, "permission denied"), strings.Contains(low, "not permitted"):
		failed.Hint = "the phone's security policy forbids it: see whether `adb shell ls -ld /data/local/tmp` shows shell as the owner"
	}
	return failed
}

// pushReader is what gadb reads from: gadb drops bytes that come together with
// io.EOF, and sends an empty packet for a read of nothing.
type pushReader struct {
	ctx    context.Context
	r      *bufio.Reader // keeps an error for the next call, so bytes never come with one
	done   int64
	pushed func(int64)
	err    error
}

func (p *pushReader) Read(b []byte) (int, error) {
	if err := p.ctx.Err(); err != nil {
		p.err = err
		return 0, err
	}
	n, err := io.ReadFull(p.r, b)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	if err != nil && !errors.Is(err, io.EOF) {
		p.err = device.Errorf(device.Failed, "what should be pushed can't be read: %w", err)
		return 0, p.err
	}
	if n > 0 {
		p.done += int64(n)
		if p.pushed != nil {
			p.pushed(p.done)
		}
		return n, nil
	}
	return 0, err
}

// fenced runs do with a gadb device that reaches only the phone serial, and
// only until ctx ends. A panic of gadb is an error.
func (s Server) fenced(ctx context.Context, serial string, do func(gadb.Device) error) (err error) {
	unbounded()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return device.Errorf(device.Failed, "nothing can listen on loopback: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	f := &fence{server: s, serial: serial}
	served := make(chan struct{})
	go func() {
		defer close(served)
		f.serve(ctx, ln)
	}()
	stop := context.AfterFunc(ctx, func() { ln.Close() })
	defer func() {
		ended := ctx.Err() // the caller's, not ours
		cancel()
		stop()
		ln.Close()
		<-served
		switch {
		case ended != nil && err != nil:
			err = ended
		case err != nil && f.err != nil:
			err = f.err
		}
	}()
	return guarded(ln.Addr().(*net.TCPAddr).Port, do)
}

// guarded runs do and makes an error of a panic.
func guarded(port int, do func(gadb.Device) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = device.Errorf(device.ServerMisbehaved, "the adb server sent something that could not be read")
		}
	}()
	client, err := gadb.NewClientWith("127.0.0.1", port)
	if err != nil {
		return err
	}
	devices, err := client.DeviceList()
	if err != nil {
		return err
	}
	if len(devices) != 1 {
		return fmt.Errorf("the fence listed %d phones", len(devices))
	}
	return do(devices[0])
}

// fence stands between gadb and the server.
type fence struct {
	server Server
	serial string
	err    error // why the server's side ended, if that tells more than gadb can
}

// serve answers gadb's connections, one after another, until ln is closed.
// gadb opens one to see whether anybody listens, one to list phones, and one
// for the transfer.
func (f *fence) serve(ctx context.Context, ln net.Listener) {
	for {
		nc, err := ln.Accept()
		if err != nil {
			return
		}
		f.session(ctx, nc)
	}
}

func (f *fence) session(ctx context.Context, nc net.Conn) {
	near := f.server.conn(nc)
	defer near.Close()
	var service string
	err := near.during(ctx, func() error {
		var err error
		service, err = near.block()
		return err
	})
	switch {
	case err != nil:
	case service == "host:devices-l":
		const list = fenceName + " device product:x model:x device:x transport_id:1\n"
		fmt.Fprintf(near, "OKAY%04x%s", len(list), list)
	case service == "host:transport:"+fenceName:
		f.err = f.relay(ctx, near)
	}
}

// relay carries one sync session between gadb and the phone. gadb is told that
// all is well before the phone was asked, since it leaks its socket if it
// isn't; it then finds the connection closed.
func (f *fence) relay(ctx context.Context, near *conn) error {
	err := near.during(ctx, func() error {
		if _, err := io.WriteString(near, "OKAY"); err != nil {
			return err
		}
		if _, err := near.block(); err != nil { // gadb's own "sync:"
			return err
		}
		_, err := io.WriteString(near, "OKAY")
		return err
	})
	if err != nil {
		return err
	}
	far, err := f.server.dial(ctx)
	if err != nil {
		return err
	}
	defer far.Close()
	err = far.during(ctx, func() error {
		if err := far.request(hostService(f.serial)); err != nil {
			return f.server.unasked(err)
		}
		return f.server.unasked(far.request("sync:"))
	})
	if err != nil {
		return err
	}
	widen(near.Conn)
	widen(far.Conn)
	stop := context.AfterFunc(ctx, func() { near.Close(); far.Close() })
	defer stop()
	up := make(chan struct{})
	go func() {
		defer close(up)
		// Not by splice(2), which io.Copy would take: it moves a frame at a
		// time, and large reads wake everybody less often. What fails here
		// shows on the way down.
		io.CopyBuffer(struct{ io.Writer }{far.Conn}, struct{ io.Reader }{near.Conn}, make([]byte, 8*maxSyncFrame))
		if half, ok := far.Conn.(interface{ CloseWrite() error }); ok {
			half.CloseWrite()
		}
	}()
	err = answers(near.Conn, far)
	near.Close()
	far.Close()
	<-up
	return err
}

// answers copies the phone's frames to gadb, as far as they are frames.
func answers(near io.Writer, far *conn) error {
	r := bufio.NewReaderSize(far, maxSyncFrame+8)
	last := "" // the kind of the frame before
	for {
		head, err := r.Peek(8)
		switch {
		case len(head) == 0 && errors.Is(err, io.EOF) && last != "" && last != "DATA":
			return nil
		case err != nil:
			return lostInTransfer(err)
		}
		n := int64(binary.LittleEndian.Uint32(head[4:]))
		id := string(head[:4])
		switch id {
		case "DONE":
			n = 0 // the number means nothing here
		case "OKAY", "DATA", "FAIL":
			if n > maxSyncFrame || id == "OKAY" && n > 0 {
				return far.nonsense(fmt.Sprintf("sent a %s frame of %d bytes", id, n))
			}
		default:
			return far.nonsense(fmt.Sprintf("sent a file frame of the unknown kind %q", id))
		}
		last = id
		if _, err := io.CopyN(near, r, 8+n); err != nil {
			return lostInTransfer(err)
		}
	}
}

func lostInTransfer(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil // gadb had enough, or the context ended
	}
	return &device.Error{
		Code:    device.PhoneLost,
		Message: "the phone, or the adb server, went away in the middle of a file",
		Hint:    "plug it in again and see `wxctl devices`",
		Err:     err,
	}
}

// widen gives a connection buffers for several frames, so that reading,
// relaying and sending go on at once.
func widen(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		// If the system gives less, it is only slower.
		tcp.SetReadBuffer(16 * maxSyncFrame)
		tcp.SetWriteBuffer(16 * maxSyncFrame)
	}
}
