package ios

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/proplist"
)

// installationProxy is the service that lists apps.
const installationProxy = "com.apple.mobile.installation_proxy"

// app is an installed app as the phone describes it.
type app struct {
	ID         string    `plist:"CFBundleIdentifier"`
	Version    string    `plist:"CFBundleShortVersionString"`
	Build      string    `plist:"CFBundleVersion"`
	Name       string    `plist:"CFBundleDisplayName"`
	Executable string    `plist:"CFBundleExecutable"`
	Path       string    // of its bundle
	URLTypes   []urlType `plist:"CFBundleURLTypes"`
	Queries    []string  `plist:"LSApplicationQueriesSchemes"`
	// Entitlements is nil if the phone does not report them.
	Entitlements *entitlements
	// odd describes the values that have the wrong type.
	odd []string
}

// debuggable reports whether debuggers may attach to the app.
func (a *app) debuggable() bool { return a.Entitlements != nil && a.Entitlements.GetTaskAllow }

// domains returns the associated domains.
func (a *app) domains() []string {
	if a.Entitlements == nil {
		return nil
	}
	return a.Entitlements.Domains
}

type urlType struct {
	Schemes []string `plist:"CFBundleURLSchemes"`
}

type entitlements struct {
	AppID        string   `plist:"application-identifier"` // TEAM.BUNDLE
	Team         string   `plist:"com.apple.developer.team-identifier"`
	GetTaskAllow bool     `plist:"get-task-allow"`
	Domains      []string `plist:"com.apple.developer.associated-domains"`
}

// attributes are the attributes that are requested of apps: only those that app
// holds, since a full phone has hundreds of apps and long entries.
var attributes = []string{
	"CFBundleIdentifier", "CFBundleShortVersionString", "CFBundleVersion", "CFBundleDisplayName",
	"CFBundleExecutable", "Path", "CFBundleURLTypes", "LSApplicationQueriesSchemes", "Entitlements",
}

// schemes returns the URL schemes that the app registers, each once.
func (a *app) schemes() []string {
	var out []string
	for _, t := range a.URLTypes {
		for _, s := range t.Schemes {
			if s = device.Printable(s); s != "" && !slices.Contains(out, s) {
				out = append(out, s)
			}
		}
	}
	return out
}

// appIDs returns the AppIDs of the Open Platform among the URL schemes.
func (a *app) appIDs() []string {
	out := []string{}
	for _, s := range a.schemes() {
		if isAppID(s) {
			out = append(out, s)
		}
	}
	return out
}

// isAppID reports whether s is an AppID of the Open Platform: wx and 16 hex
// digits. URL schemes are case-insensitive on iOS.
func isAppID(s string) bool {
	if len(s) != 18 || !strings.EqualFold(s[:2], "wx") {
		return false
	}
	for _, c := range s[2:] {
		if !strings.ContainsRune("0123456789abcdefABCDEF", c) {
			return false
		}
	}
	return true
}

// universalLink returns the universal link for an app's first plain applinks:
// domain, empty if there is none. The path that was registered at the Open
// Platform can't be read from the phone.
func (a *app) universalLink() string {
	for _, domain := range a.domains() {
		host, ok := strings.CutPrefix(device.Printable(domain), "applinks:")
		host, _, _ = strings.Cut(host, "?") // ?mode=developer
		if ok && host != "" && !strings.ContainsAny(host, "*/@ ") {
			return "https://" + host + "/"
		}
	}
	return ""
}

// proxyRequest and proxyAnswer are messages of installation_proxy.
type proxyRequest struct {
	Command       string
	ClientOptions proxyOptions
}

type proxyOptions struct {
	ApplicationType  string   `plist:",omitempty"`
	BundleIDs        []string `plist:",omitempty"`
	ReturnAttributes []string
}

type proxyAnswer struct {
	Status           string
	Error            string
	ErrorDescription string
	LookupResult     map[string]any
}

// apps reads the phone's answer leniently: an app's maker writes its
// Info.plist, and the signer of the app its entitlements.
func (a *proxyAnswer) apps() map[string]app {
	found := make(map[string]app, len(a.LookupResult))
	for id, said := range a.LookupResult {
		entry := app{ID: id}
		if d, ok := said.(map[string]any); ok {
			entry.odd = proplist.Fill(&entry, d)
			entry.ID = cmp.Or(entry.ID, id)
		} else {
			entry.odd = []string{"the app is not a dictionary"}
		}
		found[id] = entry
	}
	return found
}

// lookup requests apps by their bundle IDs, or all apps that the user
// installed. Apps that aren't installed are missing in the answer.
func (p *Phone) lookup(ctx context.Context, ids ...string) (map[string]app, error) {
	nc, err := p.service(ctx, installationProxy)
	if err != nil {
		return nil, p.noService(installationProxy, err)
	}
	defer nc.Close()
	options := proxyOptions{ApplicationType: "Any", BundleIDs: ids, ReturnAttributes: attributes}
	if len(ids) == 0 {
		options.ApplicationType = "User"
	}
	found := map[string]app{}
	traced := p.server.Trace.Wire("installation_proxy")
	traced.Sent("Lookup %q", ids)
	err = during(ctx, nc, func() error {
		if err := sendPlist(nc, proxyRequest{Command: "Lookup", ClientOptions: options}); err != nil {
			return err
		}
		// The answer may come in parts; the last one has Complete.
		for range maxParts {
			var answer proxyAnswer
			if err := readPlist(nc, &answer); err != nil {
				return err
			}
			if answer.Error != "" {
				return device.Errorf(device.Failed, "the iPhone %q does not list its apps: %q", p.udid,
					device.Printable(answer.Error+" "+answer.ErrorDescription)).
					WithHint("restart the iPhone and try again")
			}
			if answer.LookupResult == nil && answer.Status != "Complete" {
				return errNoPlist
			}
			maps.Copy(found, answer.apps())
			if answer.Status == "Complete" {
				return nil
			}
		}
		return errNoPlist
	})
	if errors.Is(err, errNoPlist) {
		return nil, &device.Error{
			Code: device.ServerMisbehaved, Message: fmt.Sprintf("the iPhone %q sent an invalid list of apps", p.udid),
			Hint: "unplug it and plug it in again, or restart it", Err: err,
		}
	}
	if err != nil {
		return nil, broken(fmt.Sprintf("the iPhone %q", p.udid), device.PhoneLost, "plug it in again and check `wxctl devices`", err)
	}
	traced.Got("%d apps", len(found))
	return found, nil
}

// maxParts limits an answer that never has Complete.
const maxParts = 1 << 12

// noService converts the error for a missing service to a sentence.
func (p *Phone) noService(name string, err error) error {
	var refused *LockdownError
	if errors.As(err, &refused) {
		return &device.Error{
			Code:    device.PhoneNotReady,
			Message: fmt.Sprintf("the iPhone %q does not start its service %s: it says %q", p.udid, name, device.Printable(refused.Code)),
			Hint:    "unlock it, or restart it", Err: err,
		}
	}
	var closed *RefusedError
	if errors.As(err, &closed) {
		return &device.Error{
			Code: device.PhoneNotReady, Message: fmt.Sprintf("the iPhone %q started its service %s, but refuses connections to it", p.udid, name),
			Hint: "unplug it and plug it in again, or restart it", Err: err,
		}
	}
	return err
}
