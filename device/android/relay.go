package android

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"

	"github.com/electricbubble/gadb"

	"github.com/wxctl/wxctl/device"
)

// gadb is good at moving files (adb's sync service), but it has no context,
// dials without a deadline, trusts the lengths that a server sends, panics on
// some answers, cuts serials at blanks, and leaks a socket when a phone is
// gone. So it dials a loopback relay, which forwards to a connection that is
// already open, already selects its phone and ends with the context. See
// docs/decisions/0011-relay-for-gadb.md.

// maxSyncFrame bounds a frame of the sync service: SYNC_DATA_MAX, 64 KiB (adb
// file_sync_protocol.h). Messages of FAIL are shorter.
const maxSyncFrame = 64 << 10

// unbounded replaces gadb's read timeout of 60 s, which would interrupt long
// transfers: the context limits them. gadb multiplies the number by a second
// itself.
var unbounded = sync.OnceFunc(func() { gadb.DefaultAdbReadTimeout = 30 * 24 * 60 * 60 })

// openFiles opens a connection that one file can go over.
func (s Server) openFiles(ctx context.Context, phone string) (*conn, error) {
	far, err := s.open(ctx, phone, "sync:")
	return far, s.unasked(err)
}

// relayed calls do with a gadb device whose transfer uses far, until ctx ends.
func relayed(ctx context.Context, far *conn, do func(gadb.Device) error) error {
	unbounded()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return device.Errorf(device.Failed, "can't listen on the loopback address: %w", err)
	}
	serving, stop := context.WithCancel(ctx)
	served := make(chan error, 1)
	go func() { served <- serveFiles(serving, ln, far) }()
	err = guarded(ln.Addr().(*net.TCPAddr).Port, do)
	ended := ctx.Err()
	stop()
	why := <-served
	switch {
	case err == nil:
		return nil
	case ended != nil:
		return ended
	case why != nil: // tells more than gadb can
		return why
	}
	return err
}

// guarded calls do with the relay's only device, and converts a panic to an
// error.
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
	return do(devices[0])
}

// preamble is what gadb asks before a transfer, on any number of connections,
// and the prepared answers: far is already past all that.
var preamble = map[string]string{
	"host:devices-l":       "OKAY0036phone device product:x model:x device:x transport_id:1",
	"host:transport:phone": "OKAY",
	"sync:":                "OKAY",
}

// serveFiles answers gadb's connections, one after another, until one has
// transferred over far, or ctx ends, which closes all of them.
func serveFiles(ctx context.Context, ln net.Listener, far *conn) error {
	defer ln.Close() // else a further connection would wait for an answer
	defer context.AfterFunc(ctx, func() {
		ln.Close()
		far.Close()
	})()
	for {
		near, err := ln.Accept()
		if err != nil {
			return nil
		}
		stop := context.AfterFunc(ctx, func() { near.Close() })
		ready := prepared(far.server.conn(near))
		if ready {
			err = pipe(near, far)
		}
		stop()
		near.Close()
		if ready {
			return err
		}
	}
}

// prepared answers the preamble; it reports whether a transfer follows.
func prepared(near *conn) bool {
	for {
		service, err := near.block()
		if err != nil {
			return false
		}
		if _, err := io.WriteString(near, preamble[service]); err != nil || preamble[service] == "" {
			return false
		}
		if service == "sync:" {
			return true
		}
	}
}

// pipe carries bytes both ways until the phone's side ends or sends an invalid frame.
func pipe(near net.Conn, far *conn) error {
	widen(near)
	widen(far.Conn)
	up := make(chan struct{})
	go func() {
		defer close(up)
		// Go uses splice(2) on Linux, so the file is not copied again. An error
		// here is noticed by answers.
		io.Copy(far.Conn, near)
		if half, ok := far.Conn.(interface{ CloseWrite() error }); ok {
			half.CloseWrite()
		}
	}()
	err := answers(near, far)
	near.Close()
	far.Close()
	<-up
	return err
}

// answers copies the phone's frames to gadb as long as they are valid.
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
			n = 0 // for this kind the number is not a length
		case "OKAY", "DATA", "FAIL":
			if n > maxSyncFrame || id == "OKAY" && n > 0 {
				return far.nonsense("the server at %q is not an adb server: it sent a %s frame of %d bytes", id, n)
			}
		default:
			return far.nonsense("the server at %q is not an adb server: it sent a file frame of the unknown kind %q", id)
		}
		last = id
		if _, err := io.CopyN(near, r, 8+n); err != nil {
			return lostInTransfer(err)
		}
	}
}

func lostInTransfer(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil // gadb closed the connection, or the context ended
	}
	return &device.Error{
		Code:    device.PhoneLost,
		Message: "the phone or the adb server disconnected during a file transfer",
		Hint:    "plug it in again and check `wxctl devices`",
		Err:     err,
	}
}

// widen enlarges a connection's buffers to several frames, so that reading,
// relaying and sending overlap.
func widen(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		// If the system gives less, it is only slower.
		tcp.SetReadBuffer(16 * maxSyncFrame)
		tcp.SetWriteBuffer(16 * maxSyncFrame)
	}
}
