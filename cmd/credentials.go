package cmd

import (
	"path/filepath"

	"github.com/wxctl/wxctl/cmd/internal/config"
	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/oauth/credentials"
)

// Credentials opens the store of secrets and tokens. backend is the value of
// --store; "" means WXCTL_STORE, else the keyring if it works, or a file.
func (f *Factory) Credentials(backend string) (*credentials.Store, error) {
	state, err := config.StateDir(f.Getenv)
	if err != nil {
		return nil, err
	}
	from := "--store"
	if backend == "" {
		backend, from = f.Getenv("WXCTL_STORE"), "WXCTL_STORE"
	}
	store, err := credentials.Open(credentials.Options{
		Dir: filepath.Join(state, "credentials"), Backend: credentials.Backend(backend), System: f.Keyring, Started: f.Started,
		Notify: func(text string) { f.Streams.Warn("%s", text) },
	})
	if err != nil {
		return nil, exit.Usagef("use keyring, file or none", "%s: there is no store %q", from, backend)
	}
	return store, nil
}
