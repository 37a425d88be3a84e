package ios

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"

	"github.com/danielpaulus/go-ios/ios"
	"github.com/danielpaulus/go-ios/ios/xpc"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/proplist"
)

// This file is the only one that imports go-ios. It uses it to frame messages
// to usbmuxd and lockdownd, for their TLS, and to encode and decode RemoteXPC
// messages, all over connections that are dialled and limited here. go-ios's
// parsed answers are not used: it treats some unreadable answers as success and
// reduces refusals to text, so answers are decoded by package proplist into
// structs of this package.
//
// Nothing here dials by itself. Packages of go-ios that do (installationproxy,
// appservice, ostrace, tunnel and others) would bypass the usbmuxd that the
// user named, and can't be interrupted.

// wire is a connection that remembers its read error: go-ios only reports it as
// text.
type wire struct {
	net.Conn
	failed error
}

func (w *wire) Read(b []byte) (int, error) {
	n, err := w.Conn.Read(b)
	if err != nil {
		w.failed = err
	}
	return n, err
}

// mux is one connection to usbmuxd, used by one goroutine at a time, until
// release turns it into one to a port of the phone.
type mux struct {
	*wire
	server Server
	usbmux *ios.UsbMuxConnection
	tag    uint32 // of the last request; go-ios counts the same way
	traced device.Wire
}

// newMux returns a connection on which go-ios speaks usbmux.
func newMux(s Server, nc net.Conn) *mux {
	// go-ios logs pair records, private keys included.
	ios.SetLogger(slog.New(slog.DiscardHandler))
	w := &wire{Conn: nc}
	return &mux{wire: w, server: s, usbmux: ios.NewUsbMuxConnection(ios.NewDeviceConnectionWithConn(w)), traced: s.Trace.Wire("usbmux")}
}

// plistKind is the header's message type for a property list (libusbmuxd,
// usbmuxd-proto.h: MESSAGE_PLIST).
const plistKind = 8

// send sends one request.
func (m *mux) send(request muxRequest) error {
	m.tag++
	m.traceAsked(request)
	return m.usbmux.Send(request)
}

// read reads the next message and returns its tag: that of the request that it
// answers, 0 for an event.
func (m *mux) read(answer *muxAnswer) (tag uint32, err error) {
	message, err := m.usbmux.ReadMessage()
	switch {
	case m.failed != nil:
		return 0, m.failed
	case err != nil || message.Header.Request != plistKind:
		return 0, m.nonsense(err, "the server at %q is not usbmuxd: it sent something that is not a usbmux message")
	}
	if err := proplist.Unmarshal(message.Payload, answer); err != nil {
		return 0, fmt.Errorf("%w: %w", errNoPlist, err)
	}
	m.traceSaid(answer)
	return message.Header.Tag, nil
}

// release returns the connection to the phone's port, after connect.
func (m *mux) release() phoneConn { return phoneConn{m.usbmux.ReleaseDeviceConnection()} }

// phoneConn is a connection to a port of a phone, not encrypted until encrypt.
type phoneConn struct{ ios.DeviceConnectionInterface }

// pairRecord is what a computer and a phone exchanged when the user trusted the
// computer. Its keys are secret.
type pairRecord = ios.PairRecord

var (
	// errNoRecord is a pair record that can't be used.
	errNoRecord = errors.New("the pair record can't be used")
	// errDistrusted means that a phone refused this computer's certificate.
	errDistrusted = errors.New("the certificate was refused")
	// errNoPlist is a message that is not a property list, or not the requested
	// one.
	errNoPlist = errors.New("not a property list that was asked for")
)

// encrypt does the TLS handshake. Its errors contain nothing from the record.
func (c phoneConn) encrypt(record pairRecord) error {
	err := c.EnableSessionSsl(record)
	if err == nil {
		return nil
	}
	var op *net.OpError
	switch _, unusable := tls.X509KeyPair(record.HostCertificate, record.HostPrivateKey); {
	case unusable != nil:
		return errNoRecord
	case isAlert(err):
		return errDistrusted
	case isEOF(err), errors.As(err, &op) && op.Op != "local error": // the connection broke
		return err
	}
	return fmt.Errorf("%w: %w", errNoPlist, err)
}

// isAlert reports whether the peer ended TLS with an alert. With TLS 1.3 the
// alert for a refused certificate comes with the peer's first data.
func isAlert(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error"
}

// sendPlist sends a message as lockdownd and its services frame it.
func sendPlist(w io.Writer, message any) error {
	data, err := ios.NewPlistCodec().Encode(message)
	if err != nil {
		return err
	}
	_, err = w.Write(data)
	return err
}

// readPlist reads a message in the same framing.
func readPlist(r io.Reader, v any) error {
	in := &heard{Reader: r}
	body, err := ios.NewPlistCodec().Decode(in)
	switch {
	case err == nil:
		err = proplist.Unmarshal(body, v)
	case errors.Is(in.failed, io.EOF) && in.any:
		return io.ErrUnexpectedEOF
	case in.failed != nil:
		return in.failed
	}
	if err != nil {
		err = fmt.Errorf("%w: %w", errNoPlist, err)
	}
	return err
}

// heard is a reader that remembers whether it read anything and its error.
type heard struct {
	io.Reader
	any    bool
	failed error
}

func (h *heard) Read(b []byte) (int, error) {
	n, err := h.Reader.Read(b)
	h.any, h.failed = h.any || n > 0, err
	return n, err
}

// during interrupts do's reads from and writes to a connection when ctx ends.
// An error of do that ctx caused is replaced by ctx's; a panic of a library,
// caused by invalid data, becomes an error.
func during(ctx context.Context, nc net.Conn, do func() error) error {
	return device.During(ctx, nc, func() (err error) {
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("%w: %v", errNoPlist, p)
			}
		}()
		return do()
	})
}

// xpcHead is the length of a message's header: a magic number, flags, the
// length of the body and the message's number.
const xpcHead = 24

// xpcMessage is one RemoteXPC message. Its body is nil if it has none.
type xpcMessage struct {
	flags uint32
	id    uint64
	body  map[string]any
}

func (m xpcMessage) encode() ([]byte, error) {
	var b bytes.Buffer
	err := xpc.EncodeMessage(&b, xpc.Message{Flags: m.flags, Body: m.body, Id: m.id})
	if err != nil || m.body == nil {
		return b.Bytes(), err
	}
	_, err = checkXPC(b.Bytes()[xpcHead+8:], 0) // corrects the lengths of lists
	return b.Bytes(), err
}

// decodeXPC reads the message that b begins with and returns its length, 0 if
// it is incomplete. Nothing in b makes it allocate more than a small multiple
// of len(b).
func decodeXPC(b []byte) (m xpcMessage, n int, err error) {
	if len(b) < xpcHead {
		return m, 0, nil
	}
	size := binary.LittleEndian.Uint64(b[8:])
	if size > maxXPC {
		return m, 0, fmt.Errorf("XPC message says it has %d bytes, more than %d", size, maxXPC)
	}
	if n = xpcHead + int(size); n > len(b) {
		return m, 0, nil
	}
	if size > 8 { // go-ios refuses shorter ones
		if _, err := checkXPC(b[xpcHead+8:n], 0); err != nil {
			return m, 0, err
		}
	}
	theirs, err := xpc.DecodeMessage(bytes.NewReader(b[:n]))
	return xpcMessage{flags: theirs.Flags, id: binary.LittleEndian.Uint64(b[16:]), body: theirs.Body}, n, err
}
