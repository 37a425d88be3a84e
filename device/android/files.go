package android

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"strings"
	"time"

	"github.com/electricbubble/gadb"

	"github.com/wxctl/wxctl/device"
)

// Push writes a file to a phone: size bytes of r, under path, with the
// permission bits perm, which adbd copies from owner to group and other.
// pushed, if not nil, is called with the bytes sent so far.
func (s Server) Push(ctx context.Context, serial string, r io.Reader, path string, perm fs.FileMode, pushed func(done int64)) error {
	if err := checkPath(path); err != nil {
		return err
	}
	far, err := s.openFiles(ctx, serial)
	if err != nil {
		return err
	}
	return s.pushOver(ctx, far, r, path, perm, pushed)
}

// pushOver is Push over a connection of openFiles, which it closes.
func (s Server) pushOver(ctx context.Context, far *conn, r io.Reader, path string, perm fs.FileMode, pushed func(done int64)) error {
	defer far.Close()
	if err := checkPath(path); err != nil {
		return err
	}
	far.wire.Sent("SEND %s,%#o", path, perm.Perm())
	in := &pushReader{r: bufio.NewReaderSize(r, maxSyncFrame), pushed: pushed}
	err := relayed(ctx, far, func(d gadb.Device) error {
		return d.Push(in, path, time.Now(), perm.Perm())
	})
	if in.err != nil {
		return in.err // gadb would hide why reading failed
	}
	return fileError("%q can't be written on the phone: it says %q", path, err)
}

// Pull reads a file of a phone into w. When it fails, w may hold a part.
func (s Server) Pull(ctx context.Context, serial, path string, w io.Writer) error {
	if err := checkPath(path); err != nil {
		return err
	}
	far, err := s.openFiles(ctx, serial)
	if err != nil {
		return err
	}
	defer far.Close()
	far.wire.Sent("RECV %s", path)
	err = relayed(ctx, far, func(d gadb.Device) error { return d.Pull(path, w) })
	return fileError("%q can't be read on the phone: it says %q", path, err)
}

// checkPath refuses paths that adb's sync service can't carry (it takes at
// most 1024 bytes, and reads the mode behind the last comma).
func checkPath(path string) error {
	if len(path) > 1000 || path == "" || strings.ContainsRune(path, 0) {
		return device.Errorf(device.Refused, "the path %.60q can't be used on a phone", path)
	}
	return nil
}

// fileError converts a refusal of the phone's adbd to a sentence.
func fileError(format, path string, err error) error {
	var e *device.Error
	if err == nil || errors.As(err, &e) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	reason := err.Error()
	for _, prefix := range []string{"sync read chunk: ", "sync verify status (fail): ", "status (fail): "} {
		reason = strings.TrimPrefix(reason, prefix)
	}
	failed := device.Errorf(device.Failed, format, path, reason)
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

// pushReader is what gadb reads from: gadb drops bytes that are returned
// together with io.EOF, and sends an empty packet for an empty read.
type pushReader struct {
	r      *bufio.Reader // keeps an error for the next call, so bytes never come with one
	done   int64
	pushed func(int64)
	err    error
}

func (p *pushReader) Read(b []byte) (int, error) {
	n, err := io.ReadFull(p.r, b)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	if err != nil && !errors.Is(err, io.EOF) {
		p.err = device.Errorf(device.Failed, "the file to push can't be read: %w", err)
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
