package check

import (
	"slices"
	"strings"
	"time"
	"unicode"
)

// Facts is all that checks use. Facts that could not be determined have a Gap.
// Text from outside is already printable.
type Facts struct {
	Platform string // "android" or "ios"
	Host     Host
	Phone    Phone
	WeChat   WeChat
	// App is the app that is checked: as installed, or from a file.
	App App
	// Installed is the app on the phone if App comes from a file; nil if it
	// isn't installed.
	Installed *App
	Profile   Profile
	Web       Web
	Cloud     Cloud
	Probe     Probe
	// Gaps says why the facts of a need are missing.
	Gaps map[Need]Gap
}

// Gap is why facts are missing: Skip if they were not requested, Unknown if
// they could not be determined.
type Gap struct {
	Status Status
	Reason string
}

// Host is this computer.
type Host struct {
	// Absent lists the device servers that don't answer, each with a message
	// and a hint.
	Absent []Absent
}

// Absent is a server that does not answer.
type Absent struct{ Message, Hint string }

// Phone describes the phone.
type Phone struct {
	Name string
	UDID string // iOS
	API  int    // Android
	// State is "ready", or why the phone can't be used, with Fix.
	State, Fix string
	ScreenOff  bool
	Locked     bool
	// Profiles are Android users that belong to another user: work profiles.
	Profiles []string
}

// WeChat describes the WeChat on the phone.
type WeChat struct {
	Installed, Disabled, Suspended bool
	Version                        string
	// Support is its OpenSDK level, 0 if it is not known; MomentsImages is
	// false if this WeChat refuses several pictures for Moments.
	Support int
	// Users are the Android users that have a WeChat.
	Users []string
	// Refused says what this WeChat doesn't support.
	Refused []string
}

// App is an app, as installed or from a file.
type App struct {
	Package string // package name or bundle id
	Source  string // where this was read
	// NotInstalled is set if the phone does not have the app; Unnamed says why
	// it is not known which app to check.
	NotInstalled bool
	Unnamed      string
	Disabled     bool
	Version      string
	Debuggable   bool
	Schemes      []string
	Claims       []string // other apps that declare the AppID as a scheme

	Android
	IOS
}

// Android is what only an Android app has.
type Android struct {
	TargetSDK int
	Installer string
	// Signers are its certificates. NoSigners says why there are none.
	Signers   []Signer
	NoSigners string
	// Rotated are older keys that newer Android versions also accept as the
	// app's, and those that other Android versions see.
	Rotated []Signer
	Entry   *Entry
	// Entries are all components named WXEntryActivity, including Entry.
	Entries []string
	// Similar are activities whose names differ from Entry's by case, or that are
	// not in wxapi.
	Similar []string
	// Queries are the packages of <queries>; NoManifest says why they, Entries
	// and Providers are not known.
	Queries    []string
	NoManifest string
	// SeesWeChat says what else makes WeChat visible to the app; "" if nothing
	// does.
	SeesWeChat string
	Providers  []Provider
	// EntryClass is set if the code of the entry activity exists; SDK is the
	// OpenSDK's version in it. NoClasses says why they are not known.
	EntryClass bool
	SDK        string
	NoClasses  string
}

// Signer is a signing certificate.
type Signer struct {
	MD5     string // as the Open Platform expects it
	Subject string
	Debug   bool   // made by Android's build tools
	Scheme  string // v1, v2, v3 or v3.1, and for which Android versions
	Older   bool   // an older key in the lineage of a newer one
}

// Entry is the activity that WeChat calls back.
type Entry struct {
	Name              string
	Exported, Enabled bool
	Permission        string
	LaunchMode        string
	Target            string // of an alias
	// NoTarget is set for an alias whose activity is not declared before it.
	NoTarget bool
}

// Provider is a content provider.
type Provider struct {
	Name     string
	Grants   bool // android:grantUriPermissions
	Exported bool
	// Unusable says why Android does not use it, in a word or two.
	Unusable string
}

// IOS is what only an iOS app has.
type IOS struct {
	QuerySchemes []string
	// Domains are the associated domains that the app is signed for;
	// NoEntitlements says why they are not known.
	Domains        []string
	NoEntitlements string
	// Odd describes the values in Info.plist and in the entitlements that have
	// the wrong type. They count as absent.
	Odd  []string
	Team string // team id; "" if it is not known
	// AppID is how the app's signature names it: TEAM.BUNDLE. Old apps have
	// another prefix than the team id.
	AppID string
	// Provisioning is the app's provisioning profile; nil if there is none or
	// it can't be read (NoProvisioning).
	Provisioning   *Provisioning
	NoProvisioning string
}

// Provisioning is an embedded.mobileprovision.
type Provisioning struct {
	Name string
	// OtherTeam is the profile's team if the app's signature names another one.
	OtherTeam string
	Expires   time.Time
	Now       time.Time
	// Devices are the UDIDs that it is for; nil for all.
	Devices []string
	Domains []string // its associated domains; "*" allows any
}

// Profile is what the user says about the app: what is registered at the Open
// Platform.
type Profile struct {
	Name          string
	AppID         string
	Package       string
	BundleID      string
	MD5           string // as the user wrote it
	Team          string
	UniversalLink string
	MiniPrograms  []string
}

// Probe is the result of a forged reply.
type Probe struct {
	// Reached is set if the app's onResp was called; Refused says why no reply
	// could be forged.
	Reached bool
	// Watched says that the call would have been seen: by the line that the debug
	// hook logs, or by a debugger. Blind says why not.
	Watched bool
	Blind   string
	Refused string
	Seen    []Evidence
}

// AppIDs returns the AppIDs among URL schemes.
func AppIDs(schemes []string) []string {
	var out []string
	for _, s := range schemes {
		if isAppID(s) {
			out = append(out, s)
		}
	}
	return out
}

// isAppID reports whether s is an AppID: wx and 16 hex digits.
func isAppID(s string) bool {
	return len(s) == 18 && strings.EqualFold(s[:2], "wx") && strings.Trim(strings.ToLower(s[2:]), "0123456789abcdef") == ""
}

// NormalMD5 is an MD5 as the Open Platform expects it: lower case, no colons.
func NormalMD5(s string) string {
	return strings.ToLower(strings.Map(func(r rune) rune {
		if r == ':' || r == '：' || r == '-' || unicode.IsSpace(r) || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, s))
}

// isMD5 reports whether a normal MD5 has the length and the digits of one.
func isMD5(s string) bool { return len(s) == 32 && strings.Trim(s, "0123456789abcdef") == "" }

func containsFold(list []string, s string) bool {
	return slices.ContainsFunc(list, func(have string) bool { return strings.EqualFold(have, s) })
}

// subject is what the checks of a group are about.
func (f *Facts) subject(g Group) string {
	switch g {
	case GroupHost:
		return "this computer"
	case GroupPhone:
		return f.Phone.Name
	case GroupWeChat:
		return "WeChat"
	case GroupLink:
		return f.Profile.UniversalLink
	case GroupProfile:
		return f.Profile.Name
	case GroupCloud:
		return f.Profile.AppID
	default:
		return f.App.Package
	}
}
