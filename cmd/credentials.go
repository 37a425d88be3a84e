package cmd

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/oauth/credentials"
)

// Credentials opens the store of secrets and tokens. backend is the value of
// --store; "" means WXCTL_STORE, else the keyring if it works, or a file.
func (f *Factory) Credentials(backend string) (*credentials.Store, error) {
	dir, err := f.credentialsDir()
	if err != nil {
		return nil, err
	}
	from := "--store"
	if backend == "" {
		backend, from = f.Getenv("WXCTL_STORE"), "WXCTL_STORE"
	}
	store, err := credentials.Open(credentials.Options{
		Dir: dir, Backend: credentials.Backend(backend), System: f.Keyring, Started: f.Started,
		Notify: func(text string) { f.Streams.Warn("%s", text) },
	})
	if err != nil {
		return nil, exit.Usagef("", "invalid %s %q: use keyring, file or none", from, backend)
	}
	return store, nil
}

// credentialsDir is the directory of the file store: in a state directory that
// several users share, each has one of its own.
func (f *Factory) credentialsDir() (string, error) {
	state, err := f.StateDir()
	if err != nil {
		return "", err
	}
	const others = 0o022 // group and everybody may write
	if info, err := os.Stat(state); err == nil && info.Mode()&others != 0 && os.Getuid() >= 0 {
		return filepath.Join(state, fmt.Sprint("credentials-", os.Getuid())), nil
	}
	return filepath.Join(state, "credentials"), nil
}
