//go:build linux || freebsd || netbsd || openbsd || dragonfly

package credentials

import (
	"context"
	"errors"
	"slices"

	"github.com/godbus/dbus/v5"
)

// secretService is the name under which a keyring is found on the session bus
// (freedesktop.org, Secret Service API).
const secretService = "org.freedesktop.secrets"

// bus manages the D-Bus connection that go-keyring uses here.
type bus struct{}

// Probe asks the session bus whether it has, or can start, a Secret Service. It
// never starts a bus: a new one would not have the user's keyring. The
// connection ends with the context.
func (bus) Probe(ctx context.Context) error {
	conn, err := dbus.SessionBusPrivateNoAutoStartup(dbus.WithContext(ctx))
	if err != nil {
		return errors.New("there is no D-Bus session")
	}
	defer conn.Close()
	if err := conn.Auth(nil); err != nil {
		return onBus(ctx, "the D-Bus session refuses the connection")
	}
	if err := conn.Hello(); err != nil {
		return onBus(ctx, "the D-Bus session does not answer")
	}
	var owned bool
	if err := conn.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.NameHasOwner", 0, secretService).Store(&owned); err != nil {
		return onBus(ctx, "the D-Bus session does not answer")
	}
	if owned {
		return nil
	}
	var activatable []string
	if err := conn.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.ListActivatableNames", 0).Store(&activatable); err != nil {
		return onBus(ctx, "the D-Bus session does not answer")
	}
	if !slices.Contains(activatable, secretService) {
		return errors.New("no Secret Service runs in this session")
	}
	return nil
}

// onBus prefers the context's error, so that a timeout is reported as one.
func onBus(ctx context.Context, what string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return errors.New(what)
}

// Interrupt closes the connection that go-keyring shares, which ends its
// calls.
func (bus) Interrupt() {
	if conn, err := dbus.SessionBus(); err == nil { // the connection that the call opened
		conn.Close()
	}
}
