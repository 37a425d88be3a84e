// Package android drives Android phones through an adb server.
//
// Two clients talk to the server: electricbubble/gadb, behind the relay of
// relay.go, moves files, and this package's own client (server.go, shell.go)
// does what gadb can't do or can't be interrupted in: contexts, deadlines, exit
// codes, a separate standard error, closing standard input, and phone lists
// with states. Neither ever starts, stops or upgrades the server: other tools
// may be using it.
package android

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/wxctl/wxctl/device"
)

// DefaultServer is where an adb server listens unless told otherwise.
const DefaultServer = "127.0.0.1:5037"

// Server is an adb server. Its zero value asks the one at DefaultServer.
type Server struct {
	Addr string // host:port, or the path of a socket
	// Trace, if set, receives what goes over the connections.
	Trace *device.Trace
}

// FindServer returns the adb server to ask: the flag's, else that of
// ADB_SERVER_SOCKET, else of ANDROID_ADB_SERVER_ADDRESS and _PORT, else the
// one on this machine.
func FindServer(flag string, getenv func(string) string) (Server, error) {
	if flag != "" {
		return parseAddr(flag, "--adb-server")
	}
	if spec := getenv("ADB_SERVER_SOCKET"); spec != "" {
		return parseSocketSpec(spec)
	}
	host, port := getenv("ANDROID_ADB_SERVER_ADDRESS"), getenv("ANDROID_ADB_SERVER_PORT")
	if host == "" && port == "" {
		return Server{Addr: DefaultServer}, nil
	}
	if host == "" {
		host = "127.0.0.1"
	}
	if port == "" {
		port = "5037"
	}
	return parseAddr(net.JoinHostPort(host, port), "ANDROID_ADB_SERVER_ADDRESS, ANDROID_ADB_SERVER_PORT")
}

// parseSocketSpec reads the forms of ADB_SERVER_SOCKET: tcp:5037,
// tcp:host:5037 and localfilesystem:/path (adb socket_spec.cpp).
func parseSocketSpec(spec string) (Server, error) {
	kind, rest, _ := strings.Cut(spec, ":")
	switch kind {
	case "tcp":
		if _, err := strconv.ParseUint(rest, 10, 16); err == nil {
			rest = net.JoinHostPort("127.0.0.1", rest)
		}
		return parseAddr(rest, "ADB_SERVER_SOCKET")
	case "localfilesystem", "local":
		if rest != "" {
			return Server{Addr: rest}, nil
		}
	}
	return Server{}, device.Errorf(device.Usage, "ADB_SERVER_SOCKET %q can't be used", spec).
		WithHint("write it as tcp:5037, tcp:HOST:5037 or localfilesystem:PATH")
}

func parseAddr(addr, from string) (Server, error) {
	host, port, err := net.SplitHostPort(addr)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return Server{}, device.Errorf(device.Usage, "invalid %s %q: use HOST:PORT, such as 127.0.0.1:5037", from, addr)
	}
	if host == "" {
		host = "127.0.0.1"
	}
	return Server{Addr: net.JoinHostPort(host, port)}, nil
}

// String returns the server's address.
func (s Server) String() string {
	if s.Addr == "" {
		return DefaultServer
	}
	return s.Addr
}

// command is adb's command line that asks this server, not the default one
// (adb client/commandline.cpp: -H, -P, -L).
func (s Server) command(service string) string {
	host, port, err := net.SplitHostPort(s.String())
	switch {
	case s.String() == DefaultServer:
		return "adb " + service
	case err != nil:
		return "adb -L localfilesystem:" + s.Addr + " " + service
	case host == "127.0.0.1" || host == "localhost":
		return "adb -P " + port + " " + service
	}
	return "adb -H " + host + " -P " + port + " " + service
}

// dialTime bounds how long a server may take to accept a connection: it is on
// this machine or in this lab.
const dialTime = 5 * time.Second

// dial connects to the server. The connection ends with ctx.
func (s Server) dial(ctx context.Context) (*conn, error) {
	network := "tcp"
	if strings.ContainsAny(s.String(), `/\`) {
		network = "unix"
	}
	d := net.Dialer{Timeout: dialTime}
	nc, err := d.DialContext(ctx, network, s.String())
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, &device.Error{
			Code:    device.NoServer,
			Message: fmt.Sprintf("no adb server answers at %q", s.String()),
			Hint: fmt.Sprintf("start the adb server with `%s` (wxctl never does), use another one with --adb-server, or try without a "+
				"phone: --device virtual:android", s.command("start-server")),
			Err: err,
		}
	}
	c := s.conn(nc)
	c.wire = s.Trace.Wire("adb")
	return c, nil
}

// conn is one connection to an adb server, which carries one service. It has
// one reader and one writer at a time; Close may be called by anyone.
type conn struct {
	net.Conn
	server Server
	raw    syscall.RawConn // of Conn, nil if it has none
	wire   device.Wire
}

func (s Server) conn(nc net.Conn) *conn {
	c := &conn{Conn: nc, server: s}
	if tcp, ok := nc.(*net.TCPConn); ok { // which sends at once: Go sets TCP_NODELAY
		c.raw, _ = tcp.SyscallConn() // never fails for an open one
	}
	return c
}

// Read reads, and acknowledges immediately. adb servers (1.0.41 of 29.0.6 was
// seen to) use Nagle's algorithm: of several small answers the server holds
// back all but the first until that one is acknowledged, which Linux delays by
// 40 ms if nothing is sent the other way.
func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 && c.raw != nil {
		acknowledge(c.raw)
	}
	return n, err
}

// Close may be called again.
func (c *conn) Close() error {
	if err := c.Conn.Close(); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// during interrupts the reads and writes in do when ctx ends. An error of do
// that ctx caused is replaced by ctx's.
func (c *conn) during(ctx context.Context, do func() error) error { return device.During(ctx, c, do) }

// request sends a service request, as adb frames it: four hex digits and the
// text. adb refuses more than 65535 bytes by closing the connection, so that
// is refused here with a reason.
func (c *conn) request(service string) error {
	if len(service) > 0xffff {
		return device.Errorf(device.Refused, "a command of %d bytes is too long for adb, which takes 65535", len(service))
	}
	c.wire.Sent("%s", service)
	if _, err := io.WriteString(c, fmt.Sprintf("%04x%s", len(service), service)); err != nil {
		return c.broken(err)
	}
	return c.status()
}

// status reads OKAY, or FAIL and its reason.
func (c *conn) status() error {
	var word [4]byte
	if _, err := io.ReadFull(c, word[:]); err != nil {
		return c.broken(err)
	}
	c.wire.Got("%s", word)
	switch string(word[:]) {
	case "OKAY":
		return nil
	case "FAIL":
		reason, err := c.block()
		if err != nil {
			return err
		}
		return failure(reason)
	}
	return c.nonsense("the server at %q is not an adb server: it answered %q instead of OKAY or FAIL", word)
}

// block reads four hex digits and as many bytes.
func (c *conn) block() (string, error) {
	var digits [4]byte
	if _, err := io.ReadFull(c, digits[:]); err != nil {
		return "", c.broken(err)
	}
	// DecodeString takes hex digits alone, where ParseInt would take "-001".
	n, err := hex.DecodeString(string(digits[:]))
	if err != nil {
		return "", c.nonsense("the server at %q is not an adb server: it gave the length %q", digits)
	}
	data := make([]byte, int(n[0])<<8|int(n[1]))
	if _, err := io.ReadFull(c, data); err != nil {
		return "", c.broken(err)
	}
	c.wire.Got("%q", data)
	return string(data), nil
}

// broken converts a read or write error to one for the user.
func (c *conn) broken(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return err // during turns it into the context's error
	}
	if errors.Is(err, net.ErrClosed) {
		return err
	}
	format := "the adb server at %q closed the connection during an answer"
	if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		format = "the adb server at %q broke the connection"
	}
	return &device.Error{
		Code:    device.ServerMisbehaved,
		Message: fmt.Sprintf(format, c.server.String()),
		Hint:    fmt.Sprintf("check whether it is running: %s", c.server.command("devices")),
		Err:     err,
	}
}

// nonsense is the error of a server that does not speak adb's protocol. The
// format is a whole sentence, which begins with the server's address.
func (c *conn) nonsense(format string, args ...any) error {
	return device.Errorf(device.ServerMisbehaved, format, append([]any{c.server.String()}, args...)...).
		WithHint("name the adb server with --adb-server, ADB_SERVER_SOCKET or ANDROID_ADB_SERVER_PORT")
}

// failError is a FAIL of the server, with its reason.
type failError struct{ reason string }

func (e *failError) Error() string { return "adb: " + strconv.Quote(e.reason) }

// failure converts a server's FAIL to an error of the matching kind.
func failure(reason string) error {
	err := &failError{reason}
	lost := func(format string, args ...any) error {
		e := device.Errorf(device.PhoneLost, format, args...).
			WithHint("plug it in again and check `wxctl devices`")
		e.Err = err
		return e
	}
	switch {
	case strings.HasPrefix(reason, "device ") && strings.HasSuffix(reason, "not found"),
		strings.HasPrefix(reason, "no devices"):
		return lost("the phone is gone: adb says %q", reason)
	case strings.HasPrefix(reason, "device offline"), reason == "device still connecting", reason == "device still authorizing":
		return lost("the phone does not answer: adb says %q", reason)
	case strings.HasPrefix(reason, "device unauthorized"):
		e := device.Errorf(device.PhoneNotReady, "the phone does not trust this computer: adb says %q", reason).
			WithHint("%s", device.FixFor(device.Unauthorized))
		e.Err = err
		return e
	}
	return err
}

// ask opens a connection, sends one host service and returns its answer block.
func (s Server) ask(ctx context.Context, service string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	c, err := s.dial(ctx)
	if err != nil {
		return "", s.slow(err)
	}
	defer c.Close()
	var answer string
	err = c.during(ctx, func() error {
		if err := c.request(service); err != nil {
			return err
		}
		answer, err = c.block()
		return err
	})
	return answer, s.slow(s.unasked(err))
}

// answerTime bounds how long the server may take for an answer that it has at
// hand: its list of phones, its version.
const answerTime = 10 * time.Second

// slow replaces the error of a context that ended because the server did not
// answer, whether within answerTime or within the command's own time.
func (s Server) slow(err error) error {
	if !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return &device.Error{
		Code:    device.ServerMisbehaved,
		Message: fmt.Sprintf("the adb server at %q did not answer in time", s.String()),
		Hint:    fmt.Sprintf("check whether `%s` hangs too; if so, restart the adb server", s.command("devices")),
		Err:     err,
	}
}

// unasked converts the bare FAIL of a host service to a sentence.
func (s Server) unasked(err error) error {
	var fail *failError
	var e *device.Error
	if errors.As(err, &fail) && !errors.As(err, &e) {
		return device.Errorf(device.ServerMisbehaved, "the adb server at %q refused: %q", s.String(), fail.reason)
	}
	return err
}

// open opens a service of one phone, such as "shell,v2,raw:true" or "sync:".
// The phone is named as [target] names it. The caller closes the connection.
func (s Server) open(ctx context.Context, phone, service string) (*conn, error) {
	c, err := s.dial(ctx)
	if err != nil {
		return nil, err
	}
	err = c.during(ctx, func() error {
		if err := c.request(hostService(phone)); err != nil {
			return s.unasked(err)
		}
		return c.request(service)
	})
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}
