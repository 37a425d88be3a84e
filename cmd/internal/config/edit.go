package config

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pelletier/go-toml/v2"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/cmd/internal/files"
	"github.com/wxctl/wxctl/device"
)

// Update reads the configuration in dir under a lock, applies change to a copy,
// and writes the result atomically, so that a reader sees the old or the new
// file and two writers don't undo each other's changes. Comments are kept if
// single lines can be changed.
func Update(ctx context.Context, dir string, change func(*File) error) (*Config, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, unwritable("%q can't be made: %s", dir, err)
	}
	lock, err := device.LockFile(filepath.Join(dir, "config.lock"), 0o600)
	if err != nil {
		return nil, unwritable("%q can't be locked: %s", dir, err)
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if locked, err := lock.TryLockContext(ctx, 20*time.Millisecond); err != nil || !locked {
		return nil, &device.Error{Code: "config_busy", Message: "another wxctl is writing the configuration",
			Hint: "try again", Err: err}
	}
	defer lock.Unlock()

	old, err := Load(dir)
	if err != nil {
		return nil, err
	}
	next, err := clone(old.File)
	if err != nil {
		return nil, err
	}
	if err := change(&next); err != nil {
		return nil, err
	}
	text, err := rewrite(old, next)
	if err != nil {
		return nil, err
	}
	if err := files.Replace(old.Path, text); err != nil {
		return nil, unwritable("%q can't be written: %s", old.Path, err)
	}
	return &Config{Path: old.Path, File: next, text: text}, nil
}

// unwritable is the error of a place that can't be written to.
func unwritable(format, path string, err error) error {
	hint := "see who may write there, or name another directory with WXCTL_CONFIG_DIR"
	if files.Full(err) {
		hint = "make room on that disk, or name another directory with WXCTL_CONFIG_DIR"
	}
	return &device.Error{Code: "bad_config", Exit: exit.Usage,
		Message: fmt.Sprintf(format, path, reason(err)), Hint: hint, Err: err}
}

// Set sets one value in a profile, which is created if necessary; an empty
// value removes it.
func (f *File) Set(profile, key, value string) error {
	k, ok := FindKey(key)
	if !ok {
		names := []string{}
		for _, k := range Keys() {
			names = append(names, k.Name)
		}
		return exit.Usagef("the keys are "+strings.Join(names, ", "), "there is no key %q", key)
	}
	if value != "" {
		if err := k.Check(value); err != nil {
			return exit.Usagef("wxctl config set "+key+" VALUE", "%s: %v", key, err)
		}
	}
	if f.Profiles == nil {
		f.Profiles = map[string]*Profile{}
	}
	if f.Profiles[profile] == nil {
		f.Profiles[profile] = &Profile{}
	}
	*k.field(f.Profiles[profile]) = value
	return nil
}

func clone(f File) (File, error) {
	c := f
	c.Profiles = map[string]*Profile{}
	for name, p := range f.Profiles {
		q := *p
		c.Profiles[name] = &q
	}
	return c, nil
}

// rewrite changes the old text so that it contains next. It changes single
// lines, so that comments and order stay; if the result does not decode to next
// (unusual TOML), it writes a new file.
func rewrite(old *Config, next File) ([]byte, error) {
	lines := strings.Split(strings.TrimRight(string(old.text), "\n"), "\n")
	if len(bytes.TrimSpace(old.text)) == 0 {
		lines = nil
	}
	if next.Profile != old.File.Profile {
		lines = setLine(lines, "", "profile", next.Profile)
	}
	for _, name := range slices.Sorted(maps.Keys(next.Profiles)) {
		table := "profiles." + name
		if old.File.Profiles[name] == nil {
			lines = addTable(lines, table)
		}
		for _, k := range Keys() {
			if is, was := k.Get(next.Profiles[name]), k.Get(old.File.Profiles[name]); is != was {
				lines = setLine(lines, table, k.Name, is)
			}
		}
	}
	text := []byte(strings.Join(lines, "\n") + "\n")
	if c, err := Parse(old.Path, text); err == nil && same(c.File, next) {
		return text, nil
	}
	text, err := toml.Marshal(next)
	if err != nil {
		return nil, fmt.Errorf("write the configuration: %w", err)
	}
	return text, nil
}

func same(a, b File) bool {
	return a.Profile == b.Profile && (len(a.Profiles)+len(b.Profiles) == 0 || reflect.DeepEqual(a.Profiles, b.Profiles))
}

var (
	tableLine = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^\s*\[([^\[\]]+)\]\s*(#.*)?$`)
	})
	keyLine = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^\s*([A-Za-z0-9_-]+)\s*=`)
	})
)

func addTable(lines []string, table string) []string {
	if len(lines) > 0 {
		lines = append(lines, "")
	}
	return append(lines, "["+table+"]")
}

// setLine sets key in the table ("" is the top) to value, or removes it when
// value is empty.
func setLine(lines []string, table, key, value string) []string {
	line := key + " = " + quote(value)
	current, end := "", -1
	if table == "" {
		end = 0
	}
	for i, l := range lines {
		if m := tableLine().FindStringSubmatch(l); m != nil {
			current = strings.TrimSpace(m[1])
			if current == table {
				end = i + 1
			}
			continue
		}
		if current != table {
			continue
		}
		m := keyLine().FindStringSubmatch(l)
		if m == nil {
			continue
		}
		end = i + 1
		if m[1] == key {
			if value == "" {
				return slices.Delete(lines, i, i+1)
			}
			lines[i] = line
			return lines
		}
	}
	if value == "" || end < 0 {
		return lines
	}
	return slices.Insert(lines, end, line)
}

// quote writes a TOML basic string. Values were checked and have no control
// characters; they are escaped anyway.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < 0x20 || r == 0x7f:
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
