// Package adb gives a phone model the two protocols by which computers reach an
// Android phone: the smart-socket protocol of the adb server ([Server]) and the
// transport protocol of the phone's own adbd ([Daemon]), which a real adb
// server connects to. Both run the same services (shell v1 and v2, exec, sync
// v1 and v2, jdwp and what the phone listens for) on one [Device].
//
// The behaviour is that of adb 1.0.41 (server version 41), platform-tools
// 29.0.6, and of adbd since Android 9, down to the texts of refusals.
package adb

import (
	"context"
	"io"
	"sync"
	"time"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
)

// State is how far a phone is usable, spelled as adb's device lists spell it.
type State string

// The states of adb 29.0.6 (adb.h, ConnectionState) that a phone can be in
// here. Services run only in the states for which [State.Online] is true.
const (
	StateDevice       State = "device"
	StateOffline      State = "offline"
	StateUnauthorized State = "unauthorized"
	StateAuthorizing  State = "authorizing"
	StateRecovery     State = "recovery"
	StateSideload     State = "sideload"
	StateBootloader   State = "bootloader"
	// StateNoPermissions is shown in full, with its advice, as adb's
	// UsbNoPermissionsShortHelpText does.
	StateNoPermissions State = "no permissions"
)

// Online reports whether a transport to a phone in state s carries services.
func (s State) Online() bool {
	switch s {
	case StateDevice, StateRecovery, StateSideload, StateBootloader:
		return true
	}
	return false
}

// Identity is what a phone reports about itself when a computer connects to it.
type Identity struct {
	// Product, Model and Device are ro.product.name, ro.product.model and
	// ro.product.device. They must not contain ':', ';' or '='. Device lists
	// show every character of the model that is not a letter or digit as '_'.
	Product, Model, Device string
	// Features are the protocol features adbd announces, e.g. FeatureShellV2;
	// nil stands for defaultFeatures.
	Features []string
	// DevPath is the USB path such as "usb:1-2"; empty for a phone on TCP.
	DevPath string
}

// The features this package implements.
const (
	FeatureShellV2        = "shell_v2"
	FeatureCmd            = "cmd"
	FeatureStatV2         = "stat_v2"
	FeatureLsV2           = "ls_v2"
	FeatureFixedPushMkdir = "fixed_push_mkdir"
)

// defaultFeatures returns the features that a phone announces if its identity
// names none: all of this package's.
func defaultFeatures() []string {
	return []string{FeatureShellV2, FeatureCmd, FeatureStatV2, FeatureLsV2, FeatureFixedPushMkdir}
}

// Device is the phone behind both. Its methods are called from many goroutines
// at once.
type Device interface {
	// Serial is the phone's serial number, e.g. "virtual-1" or "10.0.0.7:5555".
	Serial() string
	// Identity is what the phone reports about itself.
	Identity() Identity
	// State is the phone's current state.
	State() State
	// Changed returns a channel that is closed when the state, the identity or
	// the debuggable processes change; see Signal.
	Changed() <-chan struct{}
	// Exec runs a command as "/system/bin/sh -c line" does for uid 2000 and
	// returns the exit status, 0 to 255. Exec returns soon after ctx ends, and
	// closes the command's input then. It may read that at its leisure or not at
	// all; a write error means that nobody listens any more (EPIPE). Both outputs
	// may be the same writer, as they are in shell v1 and exec, and are safe to
	// use at once. On a terminal it echoes and prompts by itself.
	Exec(ctx context.Context, c phone.Command) int
	// FS is the phone's file system as uid 2000 sees it.
	FS() FS
	// JDWP lists the ids of the processes that a debugger may attach to (services
	// "jdwp" and "track-jdwp"), which it does through Dial, with "jdwp:PID".
	JDWP() []int
	// Dial connects to a service of the phone by adb's name for it: "tcp:8080",
	// "localabstract:scrcpy", "jdwp:4242". An error refuses the connection.
	// Dial and the connection end when ctx does.
	Dial(ctx context.Context, service string) (io.ReadWriteCloser, error)
}

// FS is a phone's file system. Paths are absolute or relative to "/", at most
// 1024 bytes, and not cleaned: they are what the peer sent, with all dots and
// slashes. Errors are, or wrap, an Errno; any other error counts as EIO.
type FS interface {
	// Stat follows symbolic links, Lstat doesn't.
	Stat(path string) (phone.Info, error)
	Lstat(path string) (phone.Info, error)
	// List returns what Lstat returns for every entry of a directory, sorted by
	// name, without "." and "..".
	List(path string) ([]phone.Info, error)
	// Open opens a file for reading.
	Open(path string) (io.ReadCloser, error)
	// Create makes a new file with the permission bits perm (0777 at most) and
	// opens it for writing; EEXIST if path exists, ENOENT if its directory
	// doesn't. Others see at once what is written, as on a disk.
	Create(path string, perm uint32) (io.WriteCloser, error)
	// Mkdir makes one directory.
	Mkdir(path string, perm uint32) error
	// Remove unlinks a file or symbolic link; EISDIR for a directory.
	Remove(path string) error
	// Chtimes sets a file's modification time.
	Chtimes(path string, mtime time.Time) error
}

// Signal is Changed for a Device that embeds it: everyone who holds a channel
// from Changed is woken by Notify. The zero value is ready.
type Signal struct {
	mu sync.Mutex
	ch chan struct{}
}

// Changed returns a channel that the next Notify closes.
func (s *Signal) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ch == nil {
		s.ch = make(chan struct{})
	}
	return s.ch
}

// Notify reports a change.
func (s *Signal) Notify() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ch != nil {
		close(s.ch)
		s.ch = nil
	}
}
