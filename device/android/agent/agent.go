// Package agent is the small Java program that wxctl runs on an Android phone
// (as the shell user, by app_process), and the Go types of the JSON lines that
// it speaks. The phone's side is in java/; README.md describes the protocol.
//
// One process serves any number of requests: it says [Hello], then answers
// each [Request] line on its standard input with exactly one [Line] on its
// standard output, and ends when its input does. Its log goes to standard
// error and is not part of the protocol.
package agent

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/wxctl/wxctl/device/android/apk"
)

// Version is the version of the protocol. The agent reports it in its [Hello];
// a different one is an error.
const Version = "1"

// MaxLine is the longest line, in bytes without its newline, that either side
// accepts. A request carries at most one Intent, and Binder itself refuses one
// of more than about 1 MiB; base64 makes a third more of it.
const MaxLine = 4 << 20

// Verb names what the agent is asked to do.
type Verb string

// The verbs. Each comment names the fields of [Request] that it reads and the
// type of its [Line.OK].
const (
	// Start starts an activity as an app's own startActivity would arrive:
	// User, Intent -> [Started].
	Start Verb = "start"
	// Send is Start for ACTION_SEND and ACTION_SEND_MULTIPLE: the streams are
	// put into the ClipData and read access is granted, as a sender's own
	// process does before the Intent leaves it: User, Intent -> [Started].
	Send Verb = "send"
	// Index adds a file to MediaStore: User, Path -> [Indexed].
	Index Verb = "index"
	// Remove deletes an indexed file and its MediaStore row:
	// User, URI, Path -> [Removed].
	Remove Verb = "remove"
	// Inspect reports what a package declares and its state: User, Package,
	// Brief -> [App].
	Inspect Verb = "inspect"
	// ListPackages lists the installed packages: User -> [Packages].
	ListPackages Verb = "packages"
	// ListUsers lists the phone's users: -> [Users].
	ListUsers Verb = "users"
	// TopActivity names the activity in front: -> [Top].
	TopActivity Verb = "top"
	// ListTasks reads the Intents that created the tasks of one activity; those
	// of other activities never leave the phone: User, Component -> [Tasks].
	// API 30 reports no extras.
	ListTasks Verb = "tasks"
	// PhoneState reports whether a screen that opens would be visible: User ->
	// [State].
	PhoneState Verb = "state"
	// Watch streams log buffers as events until the agent ends, starting one
	// second in the past: Buffers -> [Watching].
	Watch Verb = "watch"
	// Stop force-stops a package: User, Package -> [Done].
	Stop Verb = "stop"
	// Read reads a part of a file, such as an APK: Path, At, Count -> [Part].
	Read Verb = "read"
	// Clean removes the agent's own files that were not used for seven days:
	// -> [Cleaned].
	Clean Verb = "clean"
)

// Hello is the first line that the agent writes.
type Hello struct {
	// Agent is the protocol version the agent was built for.
	Agent string `json:"agent"`
	// API is the phone's API level.
	API int `json:"api"`
	// UID and PID are the agent's own.
	UID int `json:"uid"`
	PID int `json:"pid"`
	// Error is set when the agent refuses to run, for example as root. It
	// ends after this line.
	Error *Error `json:"error,omitempty"`
}

// Request is one line to the agent. Which fields it needs depends on the verb;
// the others are omitted.
type Request struct {
	// ID is chosen by the sender and repeated in the answer.
	ID   int64 `json:"id"`
	Verb Verb  `json:"verb"`
	// User is the Android user it is about (0 the owner, 999 often a clone).
	User int `json:"user"`
	// Intent is an androidwire.Intent in its lossless JSON.
	Intent json.RawMessage `json:"intent,omitempty"`
	// Package is the package to inspect or stop.
	Package string `json:"package,omitempty"`
	// Component is an activity, "package/full.Class".
	Component string `json:"component,omitempty"`
	// Brief omits [App.Declared], which is read from the manifest.
	Brief bool `json:"brief,omitempty"`
	// Path is an absolute path on the phone; on shared storage, but for [Read].
	Path string `json:"path,omitempty"`
	// At and Count select bytes of a file; Count is at most [MaxPart].
	At    int64 `json:"at,omitempty"`
	Count int   `json:"count,omitempty"`
	// URI is the content URI from [Indexed].
	URI string `json:"uri,omitempty"`
	// Buffers are the log buffers to watch: "events", "system", "main".
	Buffers []string `json:"buffers,omitempty"`
}

// Line is any line after the Hello: an answer (ID and either OK or Error), or
// an event.
type Line struct {
	ID    int64           `json:"id,omitempty"`
	OK    json.RawMessage `json:"ok,omitempty"`
	Error *Error          `json:"error,omitempty"`
	Event *Event          `json:"event,omitempty"`
}

// Error is why a request was not carried out.
type Error struct {
	// Kind is the simple name of a Java exception: the framework's, such as
	// "SecurityException", or one of the Kind constants.
	Kind string `json:"kind"`
	// Message is the exception's text, as the phone worded it.
	Message string `json:"message"`
}

// Kinds of [Error] that come from the agent itself. No service of Android
// throws the exceptions among them.
const (
	// KindBadRequest: the line is not JSON, is too long, or has a field that is
	// missing or wrong.
	KindBadRequest = "JSONException"
	// KindNotFound: no such package, provider or file.
	KindNotFound = "NoSuchElementException"
	// KindUnsupported: this phone's framework has no such method.
	KindUnsupported = "NoSuchMethodException"
	// KindForbiddenUser: the agent was started as root or system and refuses to
	// run.
	KindForbiddenUser = "ForbiddenUser"
	// KindTooLong: the answer is longer than a line may be.
	KindTooLong = "TooLong"
)

// Error returns kind and message; both come from the phone, so they are quoted.
func (e *Error) Error() string {
	if e.Message == "" {
		return fmt.Sprintf("the phone's agent answered %q", e.Kind)
	}
	return fmt.Sprintf("the phone's agent answered %q: %q", e.Kind, e.Message)
}

// Event is one line of a watched log buffer.
type Event struct {
	// Line is logcat's own line, without its newline, in the format
	// "threadtime" with the modifiers "epoch" and, from API 26 on, "uid":
	// "         1732282655.123  1000  1234  1250 I tag: text"
	// (seconds since 1970, uid, pid, tid, priority). Any app may write any tag:
	// only the uid shows which app did.
	Line string `json:"line"`
	// AtMs is when the phone logged it, in milliseconds since 1970 by the
	// phone's clock.
	AtMs int64 `json:"atMs"`
}

// Started is the answer to [Start] and [Send].
type Started struct {
	// Result is the activity manager's code: 0 started, 2 its task came to
	// the front, 3 delivered to the activity on top, 102 aborted (a background
	// start that was blocked), negative: not started.
	Result int `json:"result"`
	// Word is the name of the phone's own constant for the code, without
	// START_: "SUCCESS", "CLASS_NOT_FOUND"; "" if it has no name. Errors have
	// other numbers below API 26, but the same names.
	Word string `json:"word"`
	// AtMs is the phone's clock just before the call, in milliseconds since
	// 1970: events before it have other causes.
	AtMs int64 `json:"atMs"`
}

// OK reports whether the activity manager says that the Intent was delivered.
func (s Started) OK() bool { return s.Result >= 0 && s.Result <= 3 && s.Result != 1 }

// Indexed is the answer to [Index].
type Indexed struct {
	// URI is the file's content URI; "" if MediaStore does not know the file
	// (yet: up to API 28 the scan is asynchronous, and the agent waits up to
	// 10 s for it).
	URI string `json:"uri"`
	// Method says how: "scan_file" or "broadcast".
	Method string `json:"method"`
}

// Removed is the answer to [Remove].
type Removed struct {
	// Rows is how many MediaStore rows were removed.
	Rows int `json:"rows"`
	// File is true if the file is gone.
	File bool `json:"file"`
}

// App is the answer to [Inspect]. A package that is not installed for the user
// is answered with KindNotFound.
type App struct {
	Package     string `json:"name"`
	VersionName string `json:"versionName"`
	// VersionCode is the lower half of it, as APKs have always had it.
	VersionCode int64 `json:"versionCode"`
	UID         int   `json:"uid"`
	// Installer is the package that installed it; "" if unknown, as for adb.
	Installer  string `json:"installer"`
	Debuggable bool   `json:"debuggable"`
	TargetSDK  int    `json:"targetSdk"`
	// Enabled is false if the user or an administrator switched the app off.
	Enabled bool `json:"enabled"`
	// Suspended is true if it is paused (work profile off, digital wellbeing).
	Suspended bool `json:"suspended"`
	// Stopped is true if it was force-stopped, or never started.
	Stopped bool `json:"stopped"`
	// APK is the path of the base APK.
	APK string `json:"apk"`
	// System is true for an app of the system image.
	System bool `json:"system"`
	// Certificates are the signing certificates, DER, as GET_SIGNATURES returns
	// them (WeChat compares the same ones): with key rotation only the oldest,
	// with several signers in the system's order.
	Certificates [][]byte `json:"certificates"`
	// Entry is <package>.wxapi.WXEntryActivity; nil if not declared.
	Entry *Entry `json:"entry"`
	// Schemes are the URL schemes of the app's intent filters, sorted.
	Schemes []string `json:"schemes"`
	// Claims are other apps that declare one of the app's AppIDs as a scheme,
	// too; it is not determined for a brief answer.
	Claims []string `json:"claims,omitempty"`
	// Declared is what else the manifest declares; nil if it was not requested
	// or could not be read. No API of Android returns it, so the agent sends
	// the manifest and UnmarshalJSON reads it.
	Declared  *Declared  `json:"declared,omitempty"`
	Providers []Provider `json:"providers"`
	// MetaData is the <meta-data> of the application, values as text.
	MetaData map[string]string `json:"metaData"`
	// Notes says what could not be determined, and why.
	Notes []string `json:"notes,omitempty"`
}

// Entry is the activity that WeChat calls back.
type Entry struct {
	Name     string `json:"name"`
	Exported bool   `json:"exported"`
	Enabled  bool   `json:"enabled"`
	// Target is the activity an <activity-alias> stands for; "" for an
	// activity of its own.
	Target string `json:"target"`
	// LaunchMode is "standard", "singleTop", "singleTask", "singleInstance" or
	// "singleInstancePerTask".
	LaunchMode   string `json:"launchMode"`
	TaskAffinity string `json:"taskAffinity"`
	Permission   string `json:"permission"`
}

// Declared is what can only be read from the manifest.
type Declared struct {
	// Queries is nil if there is no <queries>.
	Queries *apk.Queries `json:"queries"`
	// SeesWeChat says what else makes WeChat visible to the app.
	SeesWeChat string `json:"seesWeChat"`
	// Packed is set if a service has encrypted the app's code.
	Packed bool `json:"packed,omitempty"`
	// Entries are the activities named WXEntryActivity, of whatever package.
	Entries []string `json:"entries"`
}

// Provider is a content provider that the app declares.
type Provider struct {
	Name           string   `json:"name"`
	Authorities    []string `json:"authorities"`
	Exported       bool     `json:"exported"`
	ReadPermission string   `json:"readPermission"`
	// Grants is true if access to single URIs may be granted.
	Grants bool `json:"grants"`
}

// Packages is the answer to [ListPackages], sorted by name.
type Packages struct {
	Packages []Package `json:"packages"`
}

// Package is one installed package.
type Package struct {
	Name        string `json:"name"`
	VersionCode int64  `json:"versionCode"`
	Debuggable  bool   `json:"debuggable"`
	System      bool   `json:"system"`
	Enabled     bool   `json:"enabled"`
	// Entry is true if <name>.wxapi.WXEntryActivity is declared; it is looked
	// for in apps that are debuggable or not part of the system.
	Entry bool `json:"entry"`
}

// Users is the answer to [ListUsers].
type Users struct {
	Current int    `json:"current"`
	Users   []User `json:"users"`
}

// User is an Android user or profile.
type User struct {
	ID   int    `json:"id"`
	Name string `json:"name"`
	// Profile is true for a work or clone profile of another user.
	Profile  bool `json:"profile"`
	Running  bool `json:"running"`
	Unlocked bool `json:"unlocked"`
}

// Top is the answer to [TopActivity].
type Top struct {
	// Activity is the component on top, "package/full.Class"; "" if none.
	Activity string `json:"activity"`
	// Base is the component at the bottom of the same task.
	Base string `json:"base"`
	Task int    `json:"task"`
}

// Tasks is the answer to [ListTasks].
type Tasks struct {
	// Tasks holds the extras of each base Intent, each in the lossless JSON of
	// an androidwire.Value. Extras of other types carry the name of their class
	// as their type: any app may put anything there.
	Tasks []map[string]json.RawMessage `json:"tasks"`
}

// State is the answer to [PhoneState].
type State struct {
	ScreenOn bool `json:"screenOn"`
	// Keyguard is true while the lock screen is up; Secure if it asks for a
	// secret.
	Keyguard bool `json:"keyguard"`
	Secure   bool `json:"secure"`
	// CurrentUser is the user in front.
	CurrentUser int `json:"currentUser"`
	// UserUnlocked is false before that user's first unlock after a boot.
	UserUnlocked bool `json:"userUnlocked"`
}

// MaxPart is how many bytes of a file one answer has room for.
const MaxPart = 512 << 10

// Part is the answer to [Read].
type Part struct {
	// Size is that of the whole file.
	Size int64 `json:"size"`
	// Data is as much as was asked for, or up to the file's end.
	Data []byte `json:"data"`
}

// Watching is the answer to [Watch]; events follow it.
type Watching struct {
	Buffers []string `json:"buffers"`
}

// Cleaned is the answer to [Clean].
type Cleaned struct {
	Removed []string `json:"removed"`
}

// Done is the answer to a verb without a result.
type Done struct{}

// ParseHello reads the agent's first line and checks it against [Version]. The
// error is a *Error if the agent itself refused to run.
func ParseHello(line []byte) (Hello, error) {
	var h Hello
	if err := decode(line, &h); err != nil {
		return h, fmt.Errorf("the phone's agent sent %s instead of its greeting: %w", excerpt(line), err)
	}
	switch {
	case h.Agent == "":
		return h, fmt.Errorf("the phone's agent sent %s instead of its greeting", excerpt(line))
	case h.Agent != Version:
		return h, fmt.Errorf("the phone's agent is version %q, wxctl needs %q", h.Agent, Version)
	case h.Error != nil:
		return h, h.Error
	}
	return h, nil
}

// ParseLine reads a line that follows the hello.
func ParseLine(line []byte) (Line, error) {
	var l Line
	if err := decode(line, &l); err != nil {
		return l, fmt.Errorf("the phone's agent answered %s: %w", excerpt(line), err)
	}
	kinds := 0
	for _, set := range []bool{l.OK != nil, l.Error != nil, l.Event != nil} {
		if set {
			kinds++
		}
	}
	if kinds != 1 {
		return l, fmt.Errorf("the phone's agent answered %s: not exactly one of ok, error and event", excerpt(line))
	}
	return l, nil
}

func decode(line []byte, into any) error {
	if len(line) > MaxLine {
		return fmt.Errorf("a line of %d bytes, of which %d are allowed", len(line), MaxLine)
	}
	line = bytes.TrimSpace(line)
	if len(line) == 0 || line[0] != '{' {
		return fmt.Errorf("no JSON object")
	}
	return json.Unmarshal(line, into)
}

// excerpt quotes the start of what the phone said: it may be anything.
func excerpt(line []byte) string {
	const most = 120
	if len(line) > most {
		return fmt.Sprintf("%q…", line[:most])
	}
	return fmt.Sprintf("%q", line)
}
