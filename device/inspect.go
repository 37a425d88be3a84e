package device

import (
	"context"
	"slices"

	"github.com/wxctl/wxctl/device/check"
)

// Inspector is a Phone that can report what WeChat will check about an app.
type Inspector interface {
	// Inspect examines the app that id names, or the one that a request would
	// be sent for if id is empty. An app that isn't installed is Refused.
	Inspect(ctx context.Context, id AppIdentity, user UserChoice) (*Inspection, error)
}

// Examiner is a Phone that can collect the facts for checks.
type Examiner interface {
	// Examine collects what can be determined about the phone, its WeChat and
	// the app that id names. A missing app or WeChat is a fact and not an
	// error.
	Examine(ctx context.Context, id AppIdentity, user UserChoice) (*check.Facts, error)
}

// Fixer is a Phone on which a finding can be fixed.
type Fixer interface {
	// Fix fixes the finding with that id; pkg is the app.
	Fix(ctx context.Context, id, pkg string, user UserChoice) error
}

// Logger is a Phone that can report what an app logs.
type Logger interface {
	// Logs calls line for each line that the app logs, or the system logs about
	// it, until ctx ends. ready is called once no line can be missed.
	Logs(ctx context.Context, app string, user UserChoice, ready func(), line func(string)) error
}

// Inspection is what WeChat will check about an app, and the problems found.
type Inspection struct {
	SchemaVersion int       `json:"schemaVersion"`
	Device        DeviceRef `json:"device"`
	Package       string    `json:"package,omitempty"`  // Android
	BundleID      string    `json:"bundleId,omitempty"` // iOS
	VersionName   string    `json:"versionName"`
	VersionCode   int64     `json:"versionCode,omitempty"`
	Debuggable    bool      `json:"debuggable"`
	// AppIDs are the AppIDs that the app declares as URL schemes.
	AppIDs  []string `json:"appIds"`
	Schemes []string `json:"schemes"`

	// The following are for Android only.
	TargetSDK   int            `json:"targetSdk,omitempty"`
	Installer   string         `json:"installer,omitempty"`
	AndroidUser *int           `json:"androidUser,omitempty"`
	Signatures  []Signature    `json:"signatures,omitempty"`
	Entry       *EntryActivity `json:"entryActivity,omitempty"` // null: not declared
	// Queries are the packages that the app declares in <queries>; null if
	// there are none or the manifest can't be read.
	Queries []string `json:"queries,omitempty"`

	// The following are for iOS only.
	QueriesSchemes    []string `json:"queriesSchemes,omitempty"`
	AssociatedDomains []string `json:"associatedDomains,omitempty"`

	// Findings are problems that WeChat, or the system, will refuse the app
	// for.
	Findings []Finding `json:"findings"`
	// Notes say what could not be determined.
	Notes []string `json:"notes,omitempty"`
}

// Signature is a signing certificate of an app, by its digests.
type Signature struct {
	MD5    string `json:"md5"` // as the Open Platform expects it: lower-case hex, no colons
	SHA256 string `json:"sha256"`
}

// EntryActivity is the activity that WeChat calls back.
type EntryActivity struct {
	Name       string `json:"name"`
	Exported   bool   `json:"exported"`
	Enabled    bool   `json:"enabled"`
	Alias      string `json:"alias,omitempty"` // the activity behind an activity-alias
	LaunchMode string `json:"launchMode"`
}

// Finding is one problem, and what to do about it.
type Finding struct {
	// ID names the check that found it, in the table of package check.
	ID      string `json:"id"`
	Message string `json:"message"`
	Hint    string `json:"hint"`
}

// FindingsOf runs the checks that are about the app alone and returns those
// that found something.
func FindingsOf(f *check.Facts) []Finding {
	out := []Finding{}
	ofApp := func(c *check.Check) bool {
		return !slices.Contains(c.Needs, check.NeedProbe) && (c.Group == check.GroupApp || c.Group == check.GroupWeChat)
	}
	for _, found := range check.Run(f, ofApp) {
		if found.Bad() {
			out = append(out, Finding{ID: found.ID, Message: found.Title, Hint: found.Fix.Text})
		}
	}
	return out
}
