// Package config reads and writes wxctl's configuration: profiles in one TOML
// file. It holds no secret; those are in the secret store.
package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/cmd/internal/files"
	"github.com/wxctl/wxctl/cmd/internal/input"
	"github.com/wxctl/wxctl/device"
)

// DefaultProfile is the profile that is used when none is named.
const DefaultProfile = "default"

// Dir is the directory of the configuration: WXCTL_CONFIG_DIR, else wxctl in
// XDG_CONFIG_HOME, else in the system's default place.
func Dir(getenv func(string) string) (string, error) {
	return place(getenv, "WXCTL_CONFIG_DIR", "XDG_CONFIG_HOME", ".config", "AppData")
}

// StateDir is the directory of locks and of the file store:
// WXCTL_STATE_DIR, else wxctl in XDG_STATE_HOME, else in the system's place.
func StateDir(getenv func(string) string) (string, error) {
	return place(getenv, "WXCTL_STATE_DIR", "XDG_STATE_HOME", filepath.Join(".local", "state"), "LocalAppData")
}

func place(getenv func(string) string, own, xdg, underHome, windows string) (string, error) {
	if dir := getenv(own); dir != "" {
		return filepath.Abs(dir)
	}
	// The XDG specification says that relative paths must be ignored.
	if dir := getenv(xdg); filepath.IsAbs(dir) {
		return filepath.Join(dir, "wxctl"), nil
	}
	if runtime.GOOS == "windows" {
		if dir := getenv(windows); dir != "" {
			return filepath.Join(dir, "wxctl"), nil
		}
	}
	if home := getenv("HOME"); home != "" {
		return filepath.Join(home, underHome, "wxctl"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", exit.Usagef("set "+own, "there is no home directory for wxctl's files")
	}
	return filepath.Join(home, underHome, "wxctl"), nil
}

// File is the content of the configuration file.
type File struct {
	// Profile names the profile that is used when neither --profile nor
	// WXCTL_PROFILE does.
	Profile  string              `toml:"profile,omitempty"`
	Profiles map[string]*Profile `toml:"profiles,omitempty"`
}

// Config is the configuration as it was read.
type Config struct {
	// Path is the file's path; it need not exist.
	Path string
	File File
	text []byte
}

// checkProfileName validates a profile's name.
func checkProfileName(name string) error {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
	if name == "" || len(name) > 64 || strings.Trim(name, letters) != "" {
		return fmt.Errorf("invalid profile name %q: use at most 64 letters, digits, - and _", name)
	}
	return nil
}

// mostConfig limits the configuration file, in bytes.
const mostConfig = 1 << 20

// Load reads config.toml in dir; a missing file is an empty configuration.
// Errors name the file, the line and the key.
func Load(dir string) (*Config, error) {
	path := filepath.Join(dir, "config.toml")
	text, err := files.Read(path, mostConfig)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, &device.Error{
			Code: "bad_config", Exit: exit.Usage, Message: fmt.Sprintf("%q can't be read: %s", path, reason(err)),
			Hint: "see who may read it, or name another directory with WXCTL_CONFIG_DIR", Err: err,
		}
	}
	if text, err = input.Decode(text, fmt.Sprintf("%q", path)); err != nil {
		return nil, err
	}
	return Parse(path, text)
}

// Parse reads a configuration's text; path is for errors only.
func Parse(path string, text []byte) (*Config, error) {
	c := &Config{Path: path, text: text}
	err := toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields().Decode(&c.File)
	var strict *toml.StrictMissingError
	var bad *toml.DecodeError
	switch {
	case errors.As(err, &strict) && len(strict.Errors) > 0:
		e := strict.Errors[0]
		row, _ := e.Position()
		key := strings.Join(e.Key(), ".")
		return nil, broken(path, row, key, fmt.Sprintf("key %q is unknown", key))
	case errors.As(err, &bad):
		row, _ := bad.Position()
		return nil, broken(path, row, strings.Join(bad.Key(), "."), strings.TrimPrefix(bad.Error(), "toml: "))
	case err != nil:
		return nil, broken(path, 0, "", err.Error())
	}
	for _, name := range slices.Sorted(maps.Keys(c.File.Profiles)) {
		if err := checkProfileName(name); err != nil {
			return nil, broken(path, 0, "profiles."+name, err.Error())
		}
	}
	if err := c.checkValues(); err != nil {
		return nil, err
	}
	if c.File.Profile != "" {
		if err := checkProfileName(c.File.Profile); err != nil {
			return nil, broken(path, 0, "profile", err.Error())
		}
	}
	return c, nil
}

func (c *Config) checkValues() error {
	for _, name := range slices.Sorted(maps.Keys(c.File.Profiles)) {
		for _, k := range Keys() {
			value := k.Get(c.File.Profiles[name])
			if value == "" || k.late {
				continue
			}
			if err := k.Check(value); err != nil {
				return broken(c.Path, c.lineOf("profiles."+name, k.Name, value), "profiles."+name+"."+k.Name, err.Error())
			}
		}
	}
	return nil
}

// Wrong is what is wrong with a value that a profile has, nil if nothing is. The
// file is read all the same where only some commands use the value.
func (c *Config) Wrong(profile, key string) error {
	k, ok := FindKey(key)
	if !ok || !k.late {
		return nil
	}
	value := k.Get(c.File.Profiles[profile])
	if value == "" {
		return nil
	}
	if err := k.Check(value); err != nil {
		return broken(c.Path, c.lineOf("profiles."+profile, key, value), "profiles."+profile+"."+key, err.Error())
	}
	return nil
}

// lineOf finds the line of a key, 0 if it isn't found. The decoder only gives
// positions for its own errors.
func (c *Config) lineOf(table, key, value string) int {
	current, fallback := "", 0
	for i, l := range strings.Split(string(c.text), "\n") {
		if m := tableLine().FindStringSubmatch(l); m != nil {
			current = strings.TrimSpace(m[1])
		} else if m := keyLine().FindStringSubmatch(l); m != nil && current == table && m[1] == key {
			return i + 1
		}
		if fallback == 0 && strings.Contains(l, key) && strings.Contains(l, value) {
			fallback = i + 1
		}
	}
	return fallback
}

// at says what is wrong, and where in a file.
func at(path string, line int, key, what string) string {
	switch {
	case line > 0 && key != "":
		return fmt.Sprintf("%q, line %d, key %q: %s", path, line, key, what)
	case line > 0:
		return fmt.Sprintf("%q, line %d: %s", path, line, what)
	case key != "":
		return fmt.Sprintf("%q, key %q: %s", path, key, what)
	}
	return fmt.Sprintf("%q: %s", path, what)
}

func broken(path string, line int, key, what string) error {
	if strings.Contains(what, "key ") {
		key = ""
	}
	names := make([]string, 0, 6)
	for _, k := range Keys() {
		names = append(names, k.Name)
	}
	return &device.Error{
		Code: "bad_config", Exit: exit.Usage, Message: at(path, line, key, what),
		Hint: "fix that line; a profile's keys are " + strings.Join(names, ", "),
	}
}

func reason(err error) string {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err.Error()
	}
	return err.Error()
}

// ProfileName is the active profile: the flag, WXCTL_PROFILE, the file's
// choice, else "default". The source says which.
func (c *Config) ProfileName(flag string, getenv func(string) string) (name, source string, err error) {
	switch {
	case flag != "":
		name, source = flag, "flag --profile"
	case getenv("WXCTL_PROFILE") != "":
		name, source = getenv("WXCTL_PROFILE"), "env WXCTL_PROFILE"
	case c.File.Profile != "":
		name, source = c.File.Profile, "file"
	default:
		name, source = DefaultProfile, "default"
	}
	if err := checkProfileName(name); err != nil {
		return "", "", exit.Usagef("wxctl config list", "%s: %v", source, err)
	}
	if c.File.Profiles[name] == nil && name != DefaultProfile { // the default profile need not be written
		return name, source, exit.Usagef("wxctl config init --profile "+name, "there is no profile %q in %q", name, c.Path)
	}
	return name, source, nil
}

// Setting is a value and where it came from.
type Setting struct {
	Key    string `json:"key"`
	Value  string `json:"value"`
	Source string `json:"source"`
}

// Lookup resolves one key: the environment, then the profile. The source is
// "env NAME" or "profile NAME"; an unset key has neither.
func (c *Config) Lookup(key, profile string, getenv func(string) string) (Setting, error) {
	k, ok := FindKey(key)
	if !ok {
		return Setting{}, fmt.Errorf("config has no key %q", key)
	}
	if k.Env != "" {
		if v := getenv(k.Env); v != "" {
			if err := k.Check(v); err != nil {
				return Setting{}, exit.Usagef("unset "+k.Env, "%s: %v", k.Env, err)
			}
			return Setting{key, v, "env " + k.Env}, nil
		}
	}
	if v := k.Get(c.File.Profiles[profile]); v != "" {
		return Setting{key, v, "profile " + profile}, nil
	}
	return Setting{Key: key}, nil
}
