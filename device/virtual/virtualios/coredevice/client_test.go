package coredevice

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"testing"

	"github.com/danielpaulus/go-ios/ios"
	"github.com/danielpaulus/go-ios/ios/http"
	"github.com/danielpaulus/go-ios/ios/xpc"
)

// reachable is a way to a phone's ports.
type reachable interface {
	Dial(ctx context.Context, port uint16) (net.Conn, error)
	RSDPort() uint16
}

// client is go-ios's side of a connection to RSD or to a service.
type client struct {
	conn net.Conn
	xpc  *xpc.Connection
}

// dial opens a connection. It ends with ctx, since nothing in go-ios does.
func dial(ctx context.Context, to reachable, port uint16) (*client, error) {
	conn, err := to.Dial(ctx, port)
	if err != nil {
		return nil, err
	}
	c := &client{conn: conn}
	err = c.until(ctx, func() error {
		h, err := http.NewHttpConnection(conn)
		if err == nil {
			c.xpc, err = ios.CreateXpcConnection(h)
		}
		return err
	})
	if err != nil {
		conn.Close()
		return nil, err
	}
	return c, nil
}

func (c *client) until(ctx context.Context, f func() error) error {
	stop := context.AfterFunc(ctx, func() { c.conn.Close() })
	err := f()
	if !stop() {
		return context.Cause(ctx)
	}
	return err
}

// Call sends a request and waits for the reply.
func (c *client) Call(ctx context.Context, request dict) (reply dict, err error) {
	err = c.until(ctx, func() error {
		if err := c.xpc.Send(request, xpc.HeartbeatRequestFlag); err != nil {
			return err
		}
		reply, err = c.xpc.ReceiveOnServerClientStream()
		return err
	})
	return reply, err
}

// Handshake waits for the message that RSD sends.
func (c *client) Handshake(ctx context.Context) (directory dict, err error) {
	err = c.until(ctx, func() error {
		directory, err = c.xpc.ReceiveOnClientServerStream()
		return err
	})
	if err == nil && at[string](directory, "Properties", "UniqueDeviceID") == "" {
		err = errors.New("no UDID")
	}
	return directory, err
}

func (c *client) Close() error { return c.conn.Close() }

// errNotOffered means that RSD does not list the service.
var errNotOffered = errors.New("the phone does not offer the service")

func portOf(directory dict, service string) (uint16, error) {
	n, err := strconv.ParseUint(at[string](directory, "Services", service, "Port"), 10, 16)
	if err != nil {
		return 0, fmt.Errorf("%w %s", errNotOffered, service)
	}
	return uint16(n), nil
}

func directory(t testing.TB, to reachable) dict {
	t.Helper()
	d, err := open(t, to, to.RSDPort()).Handshake(within(t))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func open(t testing.TB, to reachable, port uint16) *client {
	t.Helper()
	c, err := dial(within(t), to, port)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func service(t testing.TB, to reachable, name string) *client {
	t.Helper()
	port, err := portOf(directory(t, to), name)
	if err != nil {
		t.Fatal(err)
	}
	return open(t, to, port)
}
