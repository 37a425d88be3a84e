package check

import (
	"slices"
	"strings"
	"time"
)

// Facts are all that checks look at. What could not be learned has a Gap.
// Text from outside is printable already.
type Facts struct {
	Platform string // "android" or "ios"
	Host     Host
	Phone    Phone
	WeChat   WeChat
	// App is the app that is looked at: as it is installed, or as a file has it.
	App App
	// Installed is the app on the phone, where App is a file's; nil without.
	Installed *App
	Profile   Profile
	Web       Web
	Cloud     Cloud
	Probe     Probe
	// Gaps says why the facts of a need are not there.
	Gaps map[Need]Gap
}

// A Gap is why facts are not there: Skip if nobody asked for them, Unknown if
// they could not be had.
type Gap struct {
	Status Status
	Reason string
}

// Host is this computer.
type Host struct {
	// Absent are the servers for phones that don't answer, each in a sentence
	// with what to do.
	Absent []Absent
}

// Absent is a server that does not answer.
type Absent struct{ Message, Hint string }

// Phone is the phone.
type Phone struct {
	Name string
	UDID string // iOS
	API  int    // Android
	// State is "ready", or what keeps the phone from being used, with Fix.
	State, Fix string
	ScreenOff  bool
	Locked     bool
	// Profiles are Android users that belong to another one: work profiles.
	Profiles []string
}

// WeChat is the WeChat on the phone.
type WeChat struct {
	Installed, Disabled, Suspended bool
	Version                        string
	// Support is its OpenSDK level, 0 if it is not known; MomentsImages is
	// false if this WeChat refuses several pictures for Moments.
	Support int
	// Users are the Android users that have a WeChat.
	Users []string
	// Refused says what this WeChat won't do.
	Refused []string
}

// App is an app, as it is installed or as a file has it.
type App struct {
	Package string // package name or bundle id
	Source  string // where this was read
	// NotInstalled is an app that the phone does not have; Unnamed says why it
	// is not known which app is meant.
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
	// Signers are its certificates. NoSigners says why there is none.
	Signers   []Signer
	NoSigners string
	// Rotated are older keys that newer Android versions accept as its own.
	Rotated []Signer
	Entry   *Entry
	// Entries are all components of the name WXEntryActivity, Entry too.
	Entries []string
	// Queries are the packages of <queries>; NoManifest says why they, Entries
	// and Providers are not known.
	Queries    []string
	NoManifest string
	// SeesWeChat says what else lets the app see WeChat; "" if nothing does.
	SeesWeChat string
	Providers  []Provider
	// EntryClass says whether the code of the entry activity is there; SDK is
	// the OpenSDK's version in it. NoClasses says why they are not known.
	EntryClass bool
	SDK        string
	NoClasses  string
}

// Signer is a signing certificate.
type Signer struct {
	MD5     string // as the Open Platform wants it
	Subject string
	Debug   bool   // made by Android's build tools
	Scheme  string // v1, v2, v3 or v3.1, and for which Android versions
}

// Entry is the activity that WeChat calls back.
type Entry struct {
	Name              string
	Exported, Enabled bool
	Permission        string
	LaunchMode        string
	Target            string // of an alias
}

// Provider is a content provider.
type Provider struct {
	Name     string
	Grants   bool // android:grantUriPermissions
	Exported bool
}

// IOS is what only an iOS app has.
type IOS struct {
	QuerySchemes []string
	// Domains are the associated domains that the app is signed for;
	// NoEntitlements says why they are not known.
	Domains        []string
	NoEntitlements string
	// Odd are the values in Info.plist and in the entitlements that have another
	// type than they should, in words. They count as absent.
	Odd  []string
	Team string // team id; "" if it is not known
	// Provisioning is the profile in the app; nil if there is none, or it
	// can't be read (NoProvisioning).
	Provisioning   *Provisioning
	NoProvisioning string
}

// Provisioning is an embedded.mobileprovision.
type Provisioning struct {
	Name    string
	Team    string
	Expires time.Time
	Now     time.Time
	// Devices are the UDIDs that it is for; nil for all.
	Devices []string
	Domains []string // its associated domains; "*" allows any
}

// Profile is what the user says of the app: what is registered at the Open
// Platform.
type Profile struct {
	Name          string
	AppID         string
	Package       string
	BundleID      string
	MD5           string // as it was written
	Team          string
	UniversalLink string
	MiniPrograms  []string
}

// Probe is what became of a forged reply.
type Probe struct {
	// Reached says that the app's onResp was called; Refused why no reply could
	// be forged.
	Reached bool
	// Hook says that the app has the debug hook, which logs each reply.
	Hook    bool
	Refused string
	Seen    []Evidence
}

// AppIDs are the AppIDs among URL schemes.
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

// NormalMD5 is an MD5 as the Open Platform wants it: lower case, no colons.
func NormalMD5(s string) string {
	return strings.ToLower(strings.Map(func(r rune) rune {
		if r == ':' || r == ' ' || r == '-' {
			return -1
		}
		return r
	}, s))
}

func containsFold(list []string, s string) bool {
	return slices.ContainsFunc(list, func(have string) bool { return strings.EqualFold(have, s) })
}

// subject is what the checks of a group speak of.
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
