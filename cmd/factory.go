package cmd

import (
	"cmp"
	"context"
	"crypto/x509"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/wxctl/wxctl/cmd/internal/config"
	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/cmd/internal/output"
	"github.com/wxctl/wxctl/cmd/internal/streams"
	"github.com/wxctl/wxctl/device/virtual/virtualios/lockdownd"
	"github.com/wxctl/wxctl/oauth/credentials"
)

// Factory is what commands are made with: plain values, and functions for
// everything expensive (configuration, sockets, phones), so that `wxctl
// version` uses none of it.
type Factory struct {
	Streams *streams.Streams
	// Getenv reads an environment variable; tests give their own.
	Getenv func(string) string
	// Started is when the process began.
	Started time.Time
	// Now is the clock.
	Now func() time.Time
	// HTTP returns the client for downloads.
	HTTP func() *http.Client
	// OAuthTransport reaches WeChat's OAuth server; nil means net/http's
	// default.
	OAuthTransport *http.Transport
	// WebRoots are the certificate authorities for websites; nil means the
	// operating system's.
	WebRoots *x509.CertPool
	// Keyring keeps secrets and tokens; nil means the operating system's.
	Keyring credentials.SystemKeyring
	// Phones opens phones.
	Phones PhoneOpener
	// IPhoneKeys are the secrets of the virtual iPhones that a command starts;
	// nil makes new ones, which takes long.
	IPhoneKeys *lockdownd.Keys
	// ProbeQuiet is how long `doctor --probe` waits for the app's onResp after
	// the last evidence of the app.
	ProbeQuiet time.Duration
	// Version is what `wxctl version` prints.
	Version string
	// Dir is what relative file names start from; empty means the working
	// directory.
	Dir string

	global      globalFlags
	printer     *output.Printer
	command     string       // the words of the command, for locks
	completions []completion // until cobra has them
	stays       func()       // see stay
	// signals is closed once the process takes signals, nil if it doesn't.
	signals <-chan struct{}
	// ended returns why the command's context ended, nil if it hasn't.
	ended func() error

	configOnce sync.Once
	config     *config.Config
	configErr  error
}

// globalFlags are the flags of every command.
type globalFlags struct {
	json     bool
	jq       string
	color    string
	verbose  int
	quiet    bool
	profile  string
	timeout  time.Duration
	stateDir string
}

// System returns the factory of the real process.
func System() *Factory {
	return &Factory{
		Streams: streams.System(),
		Getenv:  os.Getenv,
		Started: time.Now(),
		Now:     time.Now,
		HTTP:    func() *http.Client { return &http.Client{} },
		Phones:  openPhones,
		Version: version(),

		ProbeQuiet: 8 * time.Second,
		ended:      func() error { return nil },
	}
}

// stay is called by commands that run for a long time: they should use little
// memory rather than end quickly.
func (f *Factory) stay() {
	if f.stays != nil {
		f.stays()
	}
}

// Printer prints the answer in the form that the flags ask for.
func (f *Factory) Printer() *output.Printer { return f.printer }

// Verbose is how often -v was given.
func (f *Factory) Verbose() int { return f.global.verbose }

// Config reads the configuration, once.
func (f *Factory) Config() (*config.Config, error) {
	f.configOnce.Do(func() {
		var dir string
		if dir, f.configErr = config.Dir(f.Getenv); f.configErr == nil {
			f.config, f.configErr = config.Load(dir)
		}
	})
	return f.config, f.configErr
}

// Profile is the name of the active profile.
func (f *Factory) Profile() (string, error) {
	c, err := f.Config()
	if err != nil {
		return "", err
	}
	name, _, err := c.ProfileName(f.global.profile, f.Getenv)
	return name, err
}

// Setting resolves one configuration key: the flag if it was given, else the
// environment, else the profile. An unset key has an empty value.
func (f *Factory) Setting(key, flag string) (config.Setting, error) {
	k, ok := config.FindKey(key)
	if ok && flag != "" {
		if err := k.Check(flag); err != nil {
			return config.Setting{}, exit.Usagef("", "--%s: %v", key, err)
		}
		return config.Setting{Key: key, Value: flag, Source: "flag --" + key}, nil
	}
	c, err := f.Config()
	if err != nil {
		return config.Setting{}, err
	}
	profile, _, err := c.ProfileName(f.global.profile, f.Getenv)
	if err != nil {
		return config.Setting{}, err
	}
	s, err := c.Lookup(key, profile, f.Getenv)
	if err == nil && s.Value != "" {
		err = c.Wrong(profile, key)
	}
	return s, err
}

// StateDir is where locks and the file store are.
func (f *Factory) StateDir() (string, error) {
	if f.global.stateDir != "" {
		return filepath.Abs(f.global.stateDir)
	}
	return config.StateDir(f.Getenv)
}

// LockDir is where phones are locked.
func (f *Factory) LockDir() (string, error) {
	dir, err := f.StateDir()
	return filepath.Join(dir, "locks"), err
}

// Deadline limits a command: --timeout, or else the command's default; zero
// means no limit.
func (f *Factory) Deadline(ctx context.Context, byDefault time.Duration) (context.Context, context.CancelFunc) {
	d := cmp.Or(f.global.timeout, byDefault)
	if d == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, d)
}
