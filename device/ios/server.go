// Package ios drives iPhones through usbmuxd.
//
// go-ios implements usbmux, lockdown and RemoteXPC (goios.go), over connections
// that are dialled here: they go where the user says, and end with their
// context.
package ios

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/wxctl/wxctl/device"
)

// Server is a usbmuxd. Its zero value is the one of this machine.
type Server struct {
	Addr string // host:port, or the path of a socket
	// Trace, if set, receives what is asked of usbmuxd and phones.
	Trace *device.Trace
}

// defaultServer returns where usbmuxd listens on an operating system, named as
// runtime.GOOS does.
func defaultServer(goos string) string {
	if goos == "windows" {
		return "127.0.0.1:27015"
	}
	return "/var/run/usbmuxd"
}

// FindServer returns the usbmuxd to ask: the flag's, else that of
// USBMUXD_SOCKET_ADDRESS, else the one of this machine.
func FindServer(flag string, getenv func(string) string) (Server, error) {
	if flag != "" {
		return parseAddr(flag, "--usbmuxd")
	}
	const name = "USBMUXD_SOCKET_ADDRESS"
	if addr := getenv(name); addr != "" {
		return parseAddr(addr, name)
	}
	return Server{}, nil
}

// parseAddr reads every form that clients of usbmuxd accept: host:port and
// UNIX:/path (libusbmuxd), a bare path (pymobiledevice3), unix:///path and
// tcp://host:port (go-ios).
func parseAddr(addr, from string) (Server, error) {
	wrong := func() (Server, error) {
		return Server{}, device.Errorf(device.Usage, "%s: %q is neither HOST:PORT nor the path of a socket", from, addr).
			WithHint("write it as 127.0.0.1:27015 or /var/run/usbmuxd")
	}
	scheme, rest, found := strings.Cut(addr, ":")
	if found && strings.EqualFold(scheme, "unix") {
		path := strings.TrimPrefix(rest, "//")
		if path == "" {
			return wrong()
		}
		return Server{Addr: path}, nil
	}
	if found && strings.EqualFold(scheme, "tcp") && strings.HasPrefix(rest, "//") {
		addr = strings.TrimPrefix(rest, "//")
	} else if isPath(addr) && !strings.Contains(addr, "://") {
		return Server{Addr: addr}, nil
	}
	host, port, err := net.SplitHostPort(addr)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return wrong()
	}
	if host == "" {
		host = "127.0.0.1"
	}
	return Server{Addr: net.JoinHostPort(host, port)}, nil
}

func isPath(addr string) bool { return strings.ContainsAny(addr, `/\`) }

// String returns the server's address.
func (s Server) String() string {
	if s.Addr == "" {
		return defaultServer(runtime.GOOS)
	}
	return s.Addr
}

// dialTime bounds how long usbmuxd may take to accept a connection: it is on
// this machine or in this lab.
const dialTime = 5 * time.Second

// dial connects to usbmuxd.
func (s Server) dial(ctx context.Context) (net.Conn, error) {
	network := "tcp"
	if isPath(s.String()) {
		network = "unix"
	}
	d := net.Dialer{Timeout: dialTime}
	nc, err := d.DialContext(ctx, network, s.String())
	if err == nil {
		return nc, nil
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return nil, &device.Error{
		Code:    device.NoServer,
		Message: fmt.Sprintf("no usbmuxd answers at %q", s.String()),
		Hint:    startHint(runtime.GOOS),
		Err:     err,
	}
}

// startHint says how to get a usbmuxd.
func startHint(goos string) string {
	switch goos {
	case "windows":
		return "install Apple's iTunes or Apple Devices, which bring usbmuxd, use another one with --usbmuxd, or try without a phone: " +
			"--device virtual:ios"
	case "darwin":
		return "plug in an iPhone (macOS then starts usbmuxd), use another one with --usbmuxd, or try without a phone: --device virtual:ios"
	}
	return "install usbmuxd and plug in an iPhone (that starts it), use another one with --usbmuxd, or try without a phone: " +
		"--device virtual:ios"
}

// broken converts a read or write error to one for the user. who is the peer:
// "usbmuxd", "the iPhone".
func broken(who string, code device.Code, hint string, err error) error {
	var own *device.Error
	switch {
	case errors.As(err, &own), errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, net.ErrClosed),
		errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	}
	format := "%s broke the connection"
	if isEOF(err) {
		format = "%s closed the connection during an answer"
	}
	return &device.Error{Code: code, Message: fmt.Sprintf(format, who), Hint: hint, Err: err}
}
