package phone

import (
	"slices"
	"strings"
	"time"
)

// A User is an Android user: 0 the owner, 10 and up secondary users and work
// profiles, 999 the clone of vendors that offer a second WeChat.
type User struct {
	ID      int
	Name    string
	Flags   int // UserInfo.FLAG_*
	Stopped bool
	// NoShell refuses the shell, as DISALLOW_DEBUGGING_FEATURES does.
	NoShell bool
}

// UserInfo flags (android.content.pm.UserInfo).
const (
	UserPrimary     = 0x1
	UserAdmin       = 0x2
	UserInitialized = 0x10
	UserManaged     = 0x20
	UserFull        = 0x400
	UserSystem      = 0x800
	UserMain        = 0x4000
	UserProfile     = 0x1000
)

// Owner is user 0 as a phone of that API level lists it.
func Owner(api int) User {
	flags := UserPrimary | UserAdmin | UserInitialized
	if api >= 29 {
		flags |= UserFull | UserSystem
	}
	if api >= 34 {
		flags |= UserMain
	}
	return User{ID: 0, Name: "Owner", Flags: flags}
}

// WorkProfile is user 10.
func WorkProfile(api int) User { return profile(api, 10, "Work profile", UserManaged) }

// Dual is user 999, the vendor's clone.
func Dual(api int) User { return profile(api, 999, "双开", 0) }

func profile(api, id int, name string, flags int) User {
	if api >= 30 {
		flags |= UserProfile
	}
	return User{ID: id, Name: name, Flags: UserInitialized | flags}
}

// Launch modes (ActivityInfo.LAUNCH_*).
const (
	LaunchStandard = iota
	LaunchSingleTop
	LaunchSingleTask
)

// A Kind is what a component is.
type Kind uint8

// The kinds of components.
const (
	ActivityKind Kind = iota
	ProviderKind
)

// A Filter is one intent filter of a component.
type Filter struct {
	Actions    []string
	Categories []string
	Schemes    []string
	Types      []string // MIME types, "*" allowed for either half
}

// A Component is an activity or provider of a package.
type Component struct {
	Kind        Kind
	Name        string // full class name
	Exported    bool
	Permission  string
	LaunchMode  int    // activities
	Affinity    string // task affinity; empty means the package name
	Target      string // an alias: full name of the activity behind it
	NoHistory   bool
	NoRecents   bool   // excludeFromRecents
	Process     string // empty: the package's own
	Authorities []string
	GrantURI    bool
	Filters     []Filter
	Disabled    bool
}

// A Package is what an APK contains; it is shared by phones and does not
// change.
type Package struct {
	Name        string
	VersionName string
	VersionCode int64
	MinSDK      int
	TargetSDK   int
	AppID       int      // uid of user 0
	Certs       [][]byte // DER of the signing certificates
	System      bool
	Debuggable  bool
	Installer   string
	Path        string   // of base.apk
	Splits      []string // paths of split APKs
	APK         []byte   // the bytes of base.apk; nil: only a size
	APKSize     int64
	Components  []Component
	Queries     []string // packages named in <queries>
	Schemes     []string // URI schemes that its activities declare
	MetaData    map[string]string
	Permissions []string // granted
	InstallTime time.Time
}

// Find returns the component of that kind and full class name.
func (p *Package) Find(k Kind, class string) (Component, bool) {
	i := slices.IndexFunc(p.Components, func(c Component) bool { return c.Kind == k && c.Name == class })
	if i < 0 {
		return Component{}, false
	}
	return p.Components[i], true
}

// Holds reports whether the package was granted the permission.
func (p *Package) Holds(permission string) bool { return slices.Contains(p.Permissions, permission) }

// Enabled states (PackageManager.COMPONENT_ENABLED_STATE_*).
const (
	EnabledDefault = iota
	EnabledTrue
	Disabled
	DisabledUser
	DisabledUntilUsed
)

// PackageState is a package's state for one user.
type PackageState struct {
	Installed bool
	Enabled   int
	Suspended bool
	Hidden    bool
	Stopped   bool // force-stopped, or never launched
	Launched  bool // was launched at least once
}

// Usable reports whether its components can be started.
func (s PackageState) Usable() bool {
	return s.Installed && !s.Hidden && s.Enabled != Disabled && s.Enabled != DisabledUser && s.Enabled != DisabledUntilUsed
}

// installed is a package on one phone.
type installed struct {
	*Package
	app   App
	users map[int]PackageState
}

// UID gives the uid of the package in a user.
func (p *Package) UID(user int) int { return user*PerUser + p.AppID }

// Install puts a package on the phone for the users named (none: all), with
// the code that its components run, which may be nil. An installed package of
// that name is replaced.
func (p *Phone) Install(pkg *Package, app App, users ...int) {
	p.mu.Lock()
	it := &installed{Package: pkg, app: app, users: map[int]PackageState{}}
	for _, u := range p.users {
		if len(users) == 0 || slices.Contains(users, u.ID) {
			it.users[u.ID] = PackageState{Installed: true, Launched: pkg.System}
		}
	}
	p.packages[pkg.Name] = it
	ids := make([]int, 0, len(it.users))
	for id := range it.users {
		ids = append(ids, id)
	}
	p.mu.Unlock()
	p.installFiles(pkg, ids)
}

// Package returns a package by name, or nil.
func (p *Phone) Package(name string) *Package {
	p.mu.Lock()
	defer p.mu.Unlock()
	if it := p.packages[name]; it != nil {
		return it.Package
	}
	return nil
}

// PackageState returns a package's state for a user.
func (p *Phone) PackageState(name string, user int) PackageState {
	p.mu.Lock()
	defer p.mu.Unlock()
	if it := p.packages[name]; it != nil {
		return it.users[user]
	}
	return PackageState{}
}

// SetPackageState changes a package's state for a user: disabled, suspended,
// hidden, not installed.
func (p *Phone) SetPackageState(name string, user int, s PackageState) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if it := p.packages[name]; it != nil {
		it.users[user] = s
	}
}

// Packages lists the packages installed for a user, by name; -1 means for any
// user. The order is the package manager's: by name here.
func (p *Phone) Packages(user int) []*Package {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []*Package
	for _, it := range p.packages {
		for id, s := range it.users {
			if s.Installed && (user < 0 || id == user) {
				out = append(out, it.Package)
				break
			}
		}
	}
	slices.SortFunc(out, func(a, b *Package) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// PackagesOfUID lists the names of the packages that run as a uid.
func (p *Phone) PackagesOfUID(uid int) []string {
	if uid == ShellUID {
		return []string{"com.android.shell"}
	}
	var out []string
	for _, pkg := range p.Packages(-1) {
		if pkg.AppID == uid%PerUser && p.PackageState(pkg.Name, uid/PerUser).Installed {
			out = append(out, pkg.Name)
		}
	}
	return out
}

// Users lists the users in the order in which they were created.
func (p *Phone) Users() []User {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.users)
}

// User returns a user by id.
func (p *Phone) User(id int) (User, bool) {
	for _, u := range p.Users() {
		if u.ID == id {
			return u, true
		}
	}
	return User{}, false
}
