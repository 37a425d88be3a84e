package device

import (
	"context"
	"slices"

	"github.com/wxctl/wxctl/device/check"
)

// Inspector is a Phone that can say what WeChat will check of an app.
type Inspector interface {
	// Inspect looks at the app that id names, or at the one a request would
	// speak for if it names none. An app that isn't installed is Refused.
	Inspect(ctx context.Context, id AppIdentity, user UserChoice) (*Inspection, error)
}

// Examiner is a Phone that can tell what checks look at.
type Examiner interface {
	// Examine learns what can be learned of the phone, its WeChat and the app
	// that id names. An app or a WeChat that isn't there is a fact, no error.
	Examine(ctx context.Context, id AppIdentity, user UserChoice) (*check.Facts, error)
}

// Fixer is a Phone on which what a check found can be fixed and undone.
type Fixer interface {
	// Fix fixes what the check of that id found; pkg is the app.
	Fix(ctx context.Context, id, pkg string, user UserChoice) error
}

// Logger is a Phone that tells what an app logs.
type Logger interface {
	// Logs calls line for each line that the app logs, or the system says of
	// it, until ctx ends. ready is called once none is missed any more.
	Logs(ctx context.Context, app string, user UserChoice, ready func(), line func(string)) error
}

// Inspection is what WeChat will check of an app, and what of it is amiss.
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

	// Android only.
	TargetSDK   int            `json:"targetSdk,omitempty"`
	Installer   string         `json:"installer,omitempty"`
	AndroidUser *int           `json:"androidUser,omitempty"`
	Signatures  []Signature    `json:"signatures,omitempty"`
	Entry       *EntryActivity `json:"entryActivity,omitempty"` // null: not declared
	// Queries are the packages that the app declares it wants to see; null if
	// the manifest declares none or can't be read.
	Queries []string `json:"queries,omitempty"`

	// iOS only.
	QueriesSchemes    []string `json:"queriesSchemes,omitempty"`
	AssociatedDomains []string `json:"associatedDomains,omitempty"`

	// Findings are what WeChat, or the system, will hold against the app.
	Findings []Finding `json:"findings"`
	// Notes say what could not be found out.
	Notes []string `json:"notes,omitempty"`
}

// Signature is a signing certificate of an app, by its digests.
type Signature struct {
	MD5    string `json:"md5"` // as the Open Platform wants it: lower-case hex, no colons
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

// Finding is one thing that is amiss, and what to do about it.
type Finding struct {
	// ID names the check that found it, in the table of package check.
	ID      string `json:"id"`
	Message string `json:"message"`
	Hint    string `json:"hint"`
}

// FindingsOf are the checks of an app alone that found something.
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
