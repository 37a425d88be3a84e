//go:build !(linux || freebsd || netbsd || openbsd || dragonfly)

package credentials

import "context"

// bus does nothing on systems where go-keyring doesn't use D-Bus.
type bus struct{}

// Probe does nothing: the first call fails if there is no keyring.
func (bus) Probe(context.Context) error { return nil }

// Interrupt does nothing: a hanging call ends with the process.
func (bus) Interrupt() {}
