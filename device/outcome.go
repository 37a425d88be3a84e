package device

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// SchemaVersion is the version of the JSON of Outcome and of the lists of
// phones. It is increased when a field is removed or changes its meaning, but
// not for new fields.
const SchemaVersion = 1

// Progress is how far a request is known to have come.
type Progress int

// The states, in order of strength. [Unknown]: the request was written to the
// phone and then the connection was lost, so it may have reached WeChat.
// [Delivered]: the system accepted it. [Opened]: a WeChat screen for it opened.
// [Returned]: WeChat called the app back. [Replied]: the reply was read.
const (
	NotSent Progress = iota
	Unknown
	Delivered
	Opened
	Returned
	Replied
)

var progressNames = [...]string{"", "unknown", "delivered", "opened", "returned", "replied"}

// ParseProgress returns the state named s that a command can wait for, as flags
// spell it.
func ParseProgress(s string) (Progress, error) {
	if p, ok := progressOf(s); ok && p >= Delivered {
		return p, nil
	}
	return NotSent, Errorf(Usage, "invalid state %q", s).WithHint("use one of: delivered, opened, returned, replied")
}

// States are the names of all states, from the weakest.
func States() []string { return slices.Clone(progressNames[Unknown:]) }

func progressOf(name string) (Progress, bool) {
	i := slices.Index(progressNames[:], name)
	return Progress(max(i, 0)), i > 0
}

// String returns the state's name; NotSent is empty.
func (p Progress) String() string {
	if p < 0 || int(p) >= len(progressNames) {
		return ""
	}
	return progressNames[p]
}

// MarshalJSON writes the name, or null when nothing was sent.
func (p Progress) MarshalJSON() ([]byte, error) {
	if p == NotSent {
		return []byte("null"), nil
	}
	return json.Marshal(p.String())
}

// UnmarshalJSON reads what MarshalJSON writes.
func (p *Progress) UnmarshalJSON(b []byte) error {
	var s *string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	*p = NotSent
	if s == nil {
		return nil
	}
	var ok bool
	if *p, ok = progressOf(*s); !ok {
		return fmt.Errorf("unknown state %q", *s)
	}
	return nil
}

// Outcome is the result of one request at one phone. It claims only what was
// seen: each state in it has an Evidence entry.
type Outcome struct {
	SchemaVersion int          `json:"schemaVersion"`
	Device        DeviceRef    `json:"device"`
	WeChat        *WeChat      `json:"wechat"` // null if it wasn't asked
	App           *App         `json:"app"`    // null when the route names no app
	Route         Route        `json:"route"`
	RouteReason   string       `json:"routeReason"`  // why this route, in words
	Differences   []string     `json:"differences"`  // how it differs from what the SDK does
	Impersonated  bool         `json:"impersonated"` // the sender is an app that is neither debuggable nor pinned
	State         Progress     `json:"state"`
	Step          Step         `json:"step,omitempty"` // of a login: the step that failed
	Screen        Screen       `json:"screen"`         // of the request, the last that opened
	Evidence      []Evidence   `json:"evidence"`
	ScreenAfter   string       `json:"screenAfter"` // the component in front when it ended, if known
	Reply         *Reply       `json:"reply"`
	Status        *bool        `json:"status"` // the module's; null until a reply was read
	Err           *ModuleError `json:"err"`    // the module's; null until a reply was read
	Events        []Event      `json:"events"`
	Warnings      []Note       `json:"warnings"`  // what will be lost, or is known to fail
	Artifacts     []Artifact   `json:"artifacts"` // the files that were written
	ElapsedMs     int64        `json:"elapsedMs"`
	Error         *ErrorReport `json:"error,omitempty"`
}

// DeviceRef names the phone in an Outcome.
type DeviceRef struct {
	ID        string   `json:"id"`
	Name      string   `json:"name"`
	Platform  Platform `json:"platform"`
	OSVersion string   `json:"osVersion"`
}

// Ref returns how an Outcome names the phone.
func (i Info) Ref() DeviceRef {
	return DeviceRef{ID: i.ID, Name: i.Name, Platform: i.Platform, OSVersion: i.OSVersion}
}

// WeChat is the WeChat on a phone, for one user of it.
type WeChat struct {
	Installed   bool   `json:"installed"`
	Package     string `json:"package,omitempty"`  // Android
	BundleID    string `json:"bundleId,omitempty"` // iOS
	Version     string `json:"version"`
	VersionCode int64  `json:"versionCode,omitempty"`
	SupportAPI  int    `json:"supportApi,omitempty"` // OpenSDK level it announces; 0 when unknown
	Enabled     bool   `json:"enabled"`
	AndroidUser *int   `json:"androidUser,omitempty"` // Android
	// AndroidUsers are the Android users that have WeChat.
	AndroidUsers []AndroidUser `json:"androidUsers,omitempty"`
	// Warnings say what this WeChat doesn't support.
	Warnings []Note `json:"warnings,omitempty"`
}

// AndroidUser is a user of an Android phone: 0 the owner, 10 often a work
// profile, 999 the dual-app user of some makers.
type AndroidUser struct {
	ID      int    `json:"id"`
	Name    string `json:"name"`
	Running bool   `json:"running"`
}

// App is the app that a request names as its sender.
type App struct {
	Package    string `json:"package,omitempty"`  // Android
	BundleID   string `json:"bundleId,omitempty"` // iOS
	AppID      string `json:"appId"`
	Debuggable bool   `json:"debuggable"`
}

// Evidence is one observation.
type Evidence struct {
	AtMs int64  `json:"atMs"` // since the command began to deliver
	What string `json:"what"` // in words: "chat picker opened"
	// Screen is the screen that it is about; "" if none.
	Screen Screen `json:"screen"`
	// Source is where it was seen: "agent", "events log", "activity log",
	// "jdwp". Android 7 (API 24, 25) does not say which process wrote a log
	// line, so there an app may have forged it.
	Source string `json:"source"`
}

// Screen is a name for what WeChat shows for a request.
type Screen string

// The screens. What WeChat shows on an iPhone can't be seen over USB: when it
// comes to the front, the screen is [ScreenUnknown].
const (
	ScreenChatPicker     Screen = "chat_picker"
	ScreenMomentsEditor  Screen = "moments_editor"
	ScreenFavorites      Screen = "favorites"
	ScreenConsent        Screen = "consent"
	ScreenMiniProgram    Screen = "mini_program"
	ScreenSubscribe      Screen = "subscribe"
	ScreenLogin          Screen = "login"           // WeChat asks its user to log in first
	ScreenSignatureError Screen = "signature_error" // WeChat stays on its entry screen, where it shows an error
	ScreenLaunching      Screen = "launching"       // WeChat starts, or is working on the request
	ScreenUnknown        Screen = "unknown"         // a screen of WeChat that has no name here
)

// Screens returns the names of all screens.
func Screens() []Screen {
	return []Screen{
		ScreenChatPicker, ScreenMomentsEditor, ScreenFavorites, ScreenConsent, ScreenMiniProgram,
		ScreenSubscribe, ScreenLogin, ScreenSignatureError, ScreenLaunching, ScreenUnknown,
	}
}

// MarshalJSON writes the name, or null for no screen.
func (s Screen) MarshalJSON() ([]byte, error) {
	if s == "" {
		return []byte("null"), nil
	}
	return json.Marshal(string(s))
}

// Step is a step of a login.
type Step string

// The steps of a login.
const (
	StepLogin    Step = "login"    // WeChat, the user and the reply
	StepExchange Step = "exchange" // exchanging the code for tokens
	StepUserInfo Step = "userinfo" // the profile
)

// Artifact is a file that a request wrote on the computer.
type Artifact struct {
	Kind string `json:"kind"` // screenshot, recording
	Path string `json:"path"`
}

// Reply is WeChat's answer to the app. The fields after OpenID each belong to
// one kind of request and are omitted for others.
type Reply struct {
	ErrCode     int    `json:"errCode"`
	ErrStr      string `json:"errStr"`
	Transaction string `json:"transaction"`
	OpenID      string `json:"openId"`
	Code        string `json:"code,omitempty"`
	State       string `json:"state,omitempty"`
	Lang        string `json:"lang,omitempty"`
	Country     string `json:"country,omitempty"`
	URL         string `json:"url,omitempty"`
	ExtMsg      string `json:"extMsg,omitempty"`
	TemplateID  string `json:"templateId,omitempty"`
	Scene       *int   `json:"scene,omitempty"`
	Action      string `json:"action,omitempty"`
	Reserved    string `json:"reserved,omitempty"`
}

// ModuleError is the error object of APICloud's wx module: its number, not
// WeChat's.
type ModuleError struct {
	Code int    `json:"code"`
	Msg  string `json:"msg"`
}

// Event is one call of the module's callback, for launch and subscribe.
type Event struct {
	EventType  string  `json:"eventType"` // launch, back; start, error, back, backError
	Status     *bool   `json:"status,omitempty"`
	ExtMsg     *string `json:"extMsg,omitempty"`
	TemplateID *string `json:"templateId,omitempty"`
	Action     *string `json:"action,omitempty"`
	OpenID     *string `json:"openId,omitempty"`
	Reserved   *string `json:"reserved,omitempty"`
	Scene      *int    `json:"scene,omitempty"`
}

// ErrorReport is an Error as JSON.
type ErrorReport struct {
	Code     Code   `json:"code"`
	ExitCode int    `json:"exitCode"`
	Message  string `json:"message"`
	Hint     string `json:"hint"`
}

// Report returns err as an ErrorReport, nil for nil.
func Report(err error) *ErrorReport {
	e := AsError(err)
	if e == nil {
		return nil
	}
	return &ErrorReport{Code: e.Code, ExitCode: e.ExitCode(), Message: e.Message, Hint: e.Hint}
}

// NewOutcome returns an Outcome for a phone with nothing seen yet; its lists
// are empty, not null.
func NewOutcome(phone Info) *Outcome {
	return &Outcome{
		SchemaVersion: SchemaVersion,
		Device:        phone.Ref(),
		Differences:   []string{},
		Evidence:      []Evidence{},
		Events:        []Event{},
		Warnings:      []Note{},
		Artifacts:     []Artifact{},
	}
}

// See adds evidence for state (NotSent if it proves none), which never lowers
// the state already reached, and for a screen ("" if it is about none).
func (o *Outcome) See(at time.Duration, state Progress, screen Screen, what, source string) {
	o.Evidence = append(o.Evidence, Evidence{AtMs: at.Milliseconds(), What: what, Screen: screen, Source: source})
	// The screen of the request is the one that opened, whatever appears after
	// it.
	if screen != "" && (state >= Opened || o.State < Opened) {
		o.Screen = screen
	}
	o.State = max(o.State, state)
}

// Fail records err in the outcome's JSON and returns it.
func (o *Outcome) Fail(err error) error {
	o.Error = Report(err)
	return err
}
