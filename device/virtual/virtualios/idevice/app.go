package idevice

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Bundle ids of the system's own apps that matter here.
const (
	SpringBoard = "com.apple.springboard"
	Safari      = "com.apple.mobilesafari"
	Settings    = "com.apple.Preferences"
)

// App is an installed app.
type App struct {
	BundleID    string // CFBundleIdentifier
	Name        string // CFBundleDisplayName and the name of its bundle
	Version     string // CFBundleShortVersionString
	Build       string // CFBundleVersion
	System      bool   // ApplicationType System; SpringBoard is Hidden, and in no list
	Hidden      bool
	Schemes     []string // of CFBundleURLTypes
	Queries     []string // LSApplicationQueriesSchemes
	Domains     []string // entitlement associated-domains, such as applinks:example.com
	LinkPaths   []string // prefixes of the paths on these that open the app; none is all
	Debuggable  bool     // entitlement get-task-allow
	Signer      string   // SignerIdentity
	Team        string   // team identifier
	HasProfile  bool     // is signed for development
	Code        Code     // what it does; nil shows a screen and does nothing
	FileSharing bool     // UIFileSharingEnabled
}

// Code is what an app does. The phone calls it on its own goroutine.
type Code interface {
	// Launched is called once in each process, before any URL.
	Launched(p *Phone, self Process, launch Launch)
	// Opened is called when the app gets a URL; source is the bundle id of the
	// app that opened it, "" for the system.
	Opened(p *Phone, self Process, url, source string)
}

// number makes the UUID that names one of an app's directories.
func (a *App) number(kind string) string {
	b := sha256.Sum256([]byte(kind + a.BundleID))
	return strings.ToUpper(fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:16]))
}

// Path is where the app's bundle is on the phone.
func (a *App) Path() string {
	switch {
	case a.BundleID == SpringBoard:
		return "/System/Library/CoreServices/SpringBoard.app"
	case a.System:
		return "/private/var/staged_system_apps/" + a.Name + ".app"
	}
	return "/private/var/containers/Bundle/Application/" + a.number("bundle") + "/" + a.Name + ".app"
}

// Container is where the app's data is.
func (a *App) Container() string {
	return "/private/var/mobile/Containers/Data/Application/" + a.number("data")
}

// Executable is the path of the app's program.
func (a *App) Executable() string { return a.Path() + "/" + a.Name }

// declares reports whether the app declares a URL scheme.
func (a *App) declares(scheme string) bool {
	return slices.ContainsFunc(a.Schemes, func(s string) bool { return strings.EqualFold(s, scheme) })
}

// associated reports whether a universal link to host and path opens the app.
func (a *App) associated(host, path string) bool {
	if !slices.ContainsFunc(a.Domains, func(d string) bool {
		domain, ok := strings.CutPrefix(d, "applinks:")
		if wild, any := strings.CutPrefix(domain, "*."); any {
			return ok && strings.HasSuffix(host, "."+wild)
		}
		return ok && strings.EqualFold(domain, host)
	}) {
		return false
	}
	return len(a.LinkPaths) == 0 || slices.ContainsFunc(a.LinkPaths, func(prefix string) bool { return strings.HasPrefix(path, prefix) })
}

// systemApps are those that every phone has.
func systemApps(ios string) []App {
	apple := func(id, name string, schemes ...string) App {
		return App{BundleID: id, Name: name, Version: ios, Build: "1", System: true, Schemes: schemes,
			Signer: "Apple iPhone OS Application Signing"}
	}
	board := apple(SpringBoard, "SpringBoard")
	board.Hidden = true
	return []App{board, apple(Safari, "MobileSafari", "http", "https", "x-web-search"), apple(Settings, "Preferences", "prefs"),
		apple("com.apple.AppStore", "AppStore", "itms-apps", "itms-appss"), apple("com.apple.MobileSMS", "MobileSMS", "sms", "messages"),
		apple("com.apple.mobilephone", "MobilePhone", "tel")}
}

// Install installs an app on the phone, and replaces an older one.
func (p *Phone) Install(app App) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.apps[app.BundleID] = &app
}

// Apps lists the installed apps, by bundle id, without SpringBoard, which
// installation_proxy doesn't list.
func (p *Phone) Apps() []App {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []App
	for _, id := range slices.Sorted(maps.Keys(p.apps)) {
		if a := p.apps[id]; !a.Hidden {
			out = append(out, *a)
		}
	}
	return out
}
