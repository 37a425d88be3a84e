package config

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"sync"
)

// Profile is one named set of defaults: the app under test, and where its
// requests go.
type Profile struct {
	AppID         string `toml:"app-id,omitempty"`
	Package       string `toml:"package,omitempty"`
	BundleID      string `toml:"bundle-id,omitempty"`
	UniversalLink string `toml:"universal-link,omitempty"`
	Scene         string `toml:"scene,omitempty"`
	Device        string `toml:"device,omitempty"`
	// AndroidMD5, TeamID and MiniPrograms are other values that are registered
	// at the Open Platform; `wxctl doctor` compares apps with them.
	AndroidMD5   string `toml:"android-md5,omitempty"`
	TeamID       string `toml:"team-id,omitempty"`
	MiniPrograms string `toml:"mini-programs,omitempty"`

	Doctor *Doctor `toml:"doctor,omitempty"`
}

// Doctor configures `wxctl doctor` for a profile.
type Doctor struct {
	// Ignore are checks to skip, by id, each with the reason.
	Ignore map[string]string `toml:"ignore,omitempty"`
}

// Ignored returns the checks that the profile ignores, and why.
func (p *Profile) Ignored() map[string]string {
	if p == nil || p.Doctor == nil {
		return nil
	}
	return p.Doctor.Ignore
}

var (
	appIDForm = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^wx[0-9a-fA-F]{16}$`)
	})
	packageForm = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)+$`)
	})
	bundleForm = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$`)
	})
)

// CheckAppID validates an AppID. The Open Platform's AppIDs are wx and 16
// hexadecimal digits.
func CheckAppID(s string) error {
	if !appIDForm().MatchString(s) {
		return fmt.Errorf("invalid AppID %q: use wx and 16 hexadecimal digits", s)
	}
	return nil
}

// CheckPackage validates an Android package name.
func CheckPackage(s string) error {
	if !packageForm().MatchString(s) {
		return fmt.Errorf("invalid Android package name %q: use a name such as com.example.app", s)
	}
	return nil
}

// CheckBundleID validates a bundle identifier.
func CheckBundleID(s string) error {
	if !bundleForm().MatchString(s) {
		return fmt.Errorf("invalid bundle ID %q: use an ID such as com.example.app", s)
	}
	return nil
}

// checkUniversalLink validates a universal link.
func checkUniversalLink(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("invalid universal link %q: use a link such as https://example.com/app/", s)
	}
	return nil
}

// checkScene validates a scene.
func checkScene(s string) error {
	switch s {
	case "session", "timeline", "favorite", "contact", "0", "1", "2", "3":
		return nil
	}
	return fmt.Errorf("invalid scene %q: use session, timeline, favorite or contact", s)
}

// checkDevice validates a device selector; which phones it selects is only
// known when they are listed.
func checkDevice(s string) error {
	if strings.TrimSpace(s) != s || s == "" || strings.ContainsAny(s, "\n\r\t\x00") {
		return fmt.Errorf("invalid device selector %q", s)
	}
	return nil
}

// checkMD5 validates the MD5 of a certificate. Upper case and colons are
// accepted, though the Open Platform does not accept them: `wxctl doctor`
// reports that.
func checkMD5(s string) error {
	digits := strings.Map(func(r rune) rune {
		if strings.ContainsRune(": -", r) {
			return -1
		}
		return r
	}, strings.ToLower(s))
	if len(digits) != 32 || strings.Trim(digits, "0123456789abcdef") != "" {
		return fmt.Errorf("invalid MD5 %q: use the 32 hex digits that wxctl inspect prints", s)
	}
	return nil
}

// checkTeamID validates an Apple team id.
func checkTeamID(s string) error {
	if len(s) != 10 || strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != "" {
		return fmt.Errorf("invalid team id %q: use 10 capital letters and digits, such as ABCDE12345", s)
	}
	return nil
}

// checkMiniPrograms validates a list of mini programs' ids.
func checkMiniPrograms(s string) error {
	for id := range strings.SplitSeq(s, ",") {
		if rest, ok := strings.CutPrefix(id, "gh_"); !ok || rest == "" || strings.ContainsAny(id, " \t\n") {
			return fmt.Errorf("invalid mini program id %q: use original ids such as gh_0123456789ab, with commas between them", id)
		}
	}
	return nil
}

// Key is one key of a profile.
type Key struct {
	// Name is the same in the file, as a flag and in lists.
	Name string
	// Env is the variable that overrides the profile; empty if there is none.
	Env string
	// What is for help texts.
	What string

	check func(string) error
	field func(*Profile) *string
	// late has a wrong value in a file refused where it is used, not where the
	// file is read: `wxctl doctor` says what is wrong with it.
	late bool
}

// Keys lists the keys of a profile in the order in which they are shown.
func Keys() []Key {
	return []Key{
		{"app-id", "WXCTL_APP_ID", "AppID of the app under test", CheckAppID, func(p *Profile) *string { return &p.AppID }, false},
		{"package", "", "Android package that acts as the sender", CheckPackage, func(p *Profile) *string { return &p.Package }, false},
		{"bundle-id", "", "iOS bundle id that acts as the sender", CheckBundleID, func(p *Profile) *string { return &p.BundleID }, false},
		{"universal-link", "", "iOS universal link of the app", checkUniversalLink, func(p *Profile) *string { return &p.UniversalLink }, true},
		{"android-md5", "", "registered MD5 of the Android signing certificate", checkMD5,
			func(p *Profile) *string { return &p.AndroidMD5 }, true},
		{"team-id", "", "registered Apple team id", checkTeamID, func(p *Profile) *string { return &p.TeamID }, false},
		{"mini-programs", "", "original ids (gh_…) of the app's mini programs", checkMiniPrograms,
			func(p *Profile) *string { return &p.MiniPrograms }, false},
		{"scene", "", "default scene of shares", checkScene, func(p *Profile) *string { return &p.Scene }, false},
		{"device", "WXCTL_DEVICE", "default device selector", checkDevice, func(p *Profile) *string { return &p.Device }, false},
	}
}

// FindKey returns the key of that name.
func FindKey(name string) (Key, bool) {
	for _, k := range Keys() {
		if k.Name == name {
			return k, true
		}
	}
	return Key{}, false
}

// Get returns the key's value in p, empty if it is not set.
func (k Key) Get(p *Profile) string {
	if p == nil {
		return ""
	}
	return *k.field(p)
}

// Put sets the key's value in p.
func (k Key) Put(p *Profile, value string) { *k.field(p) = value }

// Check validates a value of this key.
func (k Key) Check(value string) error { return k.check(value) }
