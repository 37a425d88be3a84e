// Package ipa reads the parts of an .ipa file that iOS and the OpenSDK use: its
// Info.plist, its provisioning profile, and the entitlements in the signature
// of its program. It verifies no signature and treats the file as hostile.
package ipa

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"github.com/wxctl/wxctl/device/archive"
	"github.com/wxctl/wxctl/device/cms"
	"github.com/wxctl/wxctl/device/proplist"
)

// maxPlist limits what is unpacked: an Info.plist or profile of a megabyte is
// already large. Of the program little is kept, whatever its size.
const maxPlist = 4 << 20

// File is what was read from an IPA.
type File struct {
	Info Info
	// Odd are the values of Info.plist that have another type than they should,
	// in words. They count as absent.
	Odd []string
	// Provisioning is nil if there is none, as in an app from the App Store;
	// ProvisioningErr says why it can't be read.
	Provisioning    *Provisioning
	ProvisioningErr error
	// Entitlements are what the app is signed for; EntitlementsErr says why
	// they can't be read.
	Entitlements    Entitlements
	EntitlementsErr error
}

// Info is the part of an Info.plist that is used.
type Info struct {
	BundleID   string    `plist:"CFBundleIdentifier"`
	Version    string    `plist:"CFBundleShortVersionString"`
	Executable string    `plist:"CFBundleExecutable"`
	URLTypes   []URLType `plist:"CFBundleURLTypes"`
	Queries    []string  `plist:"LSApplicationQueriesSchemes"`
}

// URLType is an item of CFBundleURLTypes.
type URLType struct {
	Schemes []string `plist:"CFBundleURLSchemes"`
}

// Schemes returns the URL schemes that the app registers.
func (i *Info) Schemes() []string {
	var out []string
	for _, t := range i.URLTypes {
		out = append(out, t.Schemes...)
	}
	return out
}

// Provisioning is an embedded.mobileprovision.
type Provisioning struct {
	Name    string       `plist:"Name"`
	Teams   []string     `plist:"TeamIdentifier"`
	Expires time.Time    `plist:"ExpirationDate"`
	Devices []string     `plist:"ProvisionedDevices"` // nil where it is for all
	Allows  Entitlements `plist:"Entitlements"`
}

// Entitlements is the part of the entitlements that is used.
type Entitlements struct {
	AppID        string `plist:"application-identifier"` // TEAM.BUNDLE
	Team         string `plist:"com.apple.developer.team-identifier"`
	GetTaskAllow bool   `plist:"get-task-allow"`
	Domains      List   `plist:"com.apple.developer.associated-domains"`
}

// TeamID is the team id, from whichever entitlement has it.
func (e *Entitlements) TeamID() string {
	if e.Team != "" {
		return e.Team
	}
	const length = 10 // of a team id
	if team, _, ok := strings.Cut(e.AppID, "."); ok && len(team) == length {
		return team
	}
	return ""
}

// List is a list of texts that may also be a single text: profiles have "*"
// instead of a list for all domains.
type List []string

// UnmarshalPlist implements plist.Unmarshaler.
func (l *List) UnmarshalPlist(unmarshal func(any) error) error {
	var many []string
	if unmarshal(&many) == nil {
		*l = many
		return nil
	}
	var one string
	if err := unmarshal(&one); err != nil {
		return err
	}
	*l = List{one}
	return nil
}

// Open reads an IPA of that size. A file that is not an IPA, or has no readable
// Info.plist, is an error; profile and signature have errors of their own.
func Open(r io.ReaderAt, size int64) (*File, error) {
	d, err := archive.Open(r, size, inApp)
	if err != nil {
		return nil, err
	}
	var app string
	for _, name := range d.Names() {
		if path.Base(name) != "Info.plist" {
			continue
		}
		if app != "" {
			return nil, fmt.Errorf("it holds two apps: %q and %q", app, path.Dir(name))
		}
		app = path.Dir(name)
	}
	if app == "" {
		return nil, errors.New("not an IPA: it has no Payload/….app/Info.plist")
	}
	data, err := d.Read(app+"/Info.plist", maxPlist)
	if err != nil {
		return nil, err
	}
	f := &File{}
	var info map[string]any
	if err := proplist.Unmarshal(data, &info); err != nil {
		return nil, fmt.Errorf("its Info.plist can't be read: %w", err)
	}
	f.Odd = proplist.Fill(&f.Info, info)
	if f.Info.BundleID == "" {
		return nil, errors.New("its Info.plist has no CFBundleIdentifier")
	}
	if name := app + "/embedded.mobileprovision"; d.Has(name) {
		f.Provisioning, f.ProvisioningErr = provisioning(d, name)
	}
	program := cmp.Or(f.Info.Executable, strings.TrimSuffix(path.Base(app), ".app"))
	f.Entitlements, f.EntitlementsErr = signedFor(d, app+"/"+path.Base("/"+program))
	return f, nil
}

// inApp reports whether a file lies directly in the bundle of the app.
func inApp(name string) bool {
	ok, err := path.Match("Payload/*.app/*", name)
	return err == nil && ok && !strings.HasSuffix(name, "/")
}

func provisioning(d *archive.Directory, name string) (*Provisioning, error) {
	data, err := d.Read(name, maxPlist)
	if err != nil {
		return nil, err
	}
	message, err := cms.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("its profile is not a signed message: %w", err)
	}
	p := new(Provisioning)
	if err := proplist.Unmarshal(message.Content, p); err != nil {
		return nil, fmt.Errorf("its profile can't be read: %w", err)
	}
	return p, nil
}

func signedFor(d *archive.Directory, program string) (e Entitlements, err error) {
	if !d.Has(program) {
		return e, errors.New("its program is not there")
	}
	r, _, err := d.Stream(program)
	if err != nil {
		return e, err
	}
	text, err := entitlements(r)
	if err != nil {
		return e, err
	}
	if text == nil { // signed without entitlements
		return e, nil
	}
	if err := proplist.Unmarshal(text, &e); err != nil {
		return e, fmt.Errorf("its entitlements can't be read: %w", err)
	}
	return e, nil
}
