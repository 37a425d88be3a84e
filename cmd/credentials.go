package cmd

import (
	"path/filepath"

	"github.com/wxctl/wxctl/cmd/internal/config"
	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/oauth/credentials"
)

// Credentials opens the store of secrets and tokens. backend is --store;
// empty chooses.
func (f *Factory) Credentials(backend string) (*credentials.Store, error) {
	dir, err := config.StateDir(f.Getenv)
	if err != nil {
		return nil, err
	}
	store, err := credentials.Open(credentials.Options{
		Dir:     filepath.Join(dir, "credentials"),
		Backend: credentials.Backend(backend),
		Notify:  func(sentence string) { f.Streams.Note("%s", safe(sentence)) },
	})
	if err != nil {
		return nil, exit.Usagef("use --store keyring, file or none", "--store: %v", err)
	}
	return store, nil
}
