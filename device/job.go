package device

import (
	"context"
	"io"

	"github.com/wxctl/wxctl/intents"
)

// Route is the way by which a request reaches WeChat.
type Route string

// The routes. Auto uses the least invasive one that can carry the request.
const (
	RouteAuto   Route = "auto"
	RouteSDK    Route = "sdk"    // Android: the SDK's own Intent, started by the agent
	RouteApp    Route = "app"    // Android: inside the running debuggable app
	RouteSystem Route = "system" // Android: the system's share sheet targets
	RouteURL    Route = "url"    // iOS: the SDK's URL
	RouteBridge Route = "bridge" // both: a debug deep link into the app
)

// ParseRoute reads a route as --route takes it.
func ParseRoute(s string) (Route, error) {
	switch r := Route(s); r {
	case RouteAuto, RouteSDK, RouteApp, RouteSystem, RouteURL, RouteBridge:
		return r, nil
	case "":
		return RouteAuto, nil
	}
	return "", Errorf(Usage, "invalid --route %q: use auto, sdk, app, system, url or bridge", s)
}

// UserChoice is --android-user: a user's ID, or unset.
type UserChoice struct {
	ID  int
	Set bool
}

// After says what happens to the phone when a request is over.
type After string

// The values of After.
const (
	AfterLeave      After = "leave"       // as it is
	AfterBack       After = "back"        // the back key
	AfterHome       After = "home"        // the home screen
	AfterStopWeChat After = "stop-wechat" // WeChat stopped
)

// ParseAfter reads what --after takes.
func ParseAfter(s string) (After, error) {
	switch a := After(s); a {
	case AfterLeave, AfterBack, AfterHome, AfterStopWeChat:
		return a, nil
	case "":
		return AfterLeave, nil
	}
	return "", Errorf(Usage, "invalid --after %q: use leave, back, home or stop-wechat", s)
}

// AppIdentity is the app that a request is sent for, as far as the user named
// it; empty fields are determined on the phone.
type AppIdentity struct {
	AppID         string
	Package       string // Android
	BundleID      string // iOS
	UniversalLink string // iOS
	// Pinned is set if the profile names this app: then it may be used even if
	// it isn't debuggable.
	Pinned bool
	// PinnedBundle is the same for an iOS app, which the profile names by its
	// bundle id.
	PinnedBundle bool
}

// Note is a message to the user that is not a failure: a thumb was scaled down,
// an app can't match its certificate.
type Note struct {
	// ID is the kind of note, for scripts, such as
	// "request.picture.not-picture"; "" if it has none.
	ID      string `json:"id,omitempty"`
	Message string `json:"message"`
	Hint    string `json:"hint"`
}

// Hooks are called during a delivery, from its goroutine; any may be nil.
type Hooks struct {
	Note func(Note)
	// Identified is called once it is known which AppID the request is sent
	// for; an error keeps the request from being sent.
	Identified func(ctx context.Context, appID string) error
	// Seen is called with each piece of evidence.
	Seen func(Evidence)
	// Pushed is called while a file is copied to the phone, with the bytes done
	// and in total.
	Pushed func(name string, done, total int64)
	// Screenshot and Record open the file that --screenshot and --record
	// name, when there is something to write.
	Screenshot func() (io.WriteCloser, error)
	Record     func() (io.WriteCloser, error)
	// Film is called before the request is sent, with the format of the
	// recording; an error keeps the request from being sent.
	Film func(FilmForm) error
}

// Media is a file that is copied to the phone for a request.
type Media struct {
	Name string // file name, for the phone and for messages
	MIME string
	Size int64
	Open func() (io.ReadCloser, error)
	// AsPath gives WeChat the file's path instead of its content URI.
	AsPath bool
}

// Job is one request for one phone, and how to send it.
type Job struct {
	Request intents.Request
	// Media are the files that the request carries by path or URI instead of by
	// value: one for an image, a file, an emoji or a video file, any number for
	// images. Each is pushed, and the request's object is changed to name the
	// file on the phone.
	Media      []Media
	App        AppIdentity
	SDKVersion string // wire version, "6.8.34"; empty: the platform's default
	Route      Route  // empty: auto
	User       UserChoice
	Until      Progress // the state to wait for
	After      After
	Yes        bool // allow an app that is neither debuggable nor pinned
	Force      bool // try what is known to fail
	Raw        bool // send unchecked
	NoFit      bool // never scale a thumb
	// KeepMedia is set if more requests for the open phone follow that may
	// carry the same files: the files stay on it until it is closed.
	KeepMedia bool
	Hooks     Hooks
}
