package device

import (
	"context"
	"time"

	"github.com/wxctl/wxctl/intents"
)

// Replier is a Phone that can forge WeChat's reply, to test how an app handles
// it. Only debuggable apps get forged replies.
type Replier interface {
	// Reply brings a reply to the app, as WeChat would, and watches the app
	// handle it: [Delivered] (the system accepted it), [Returned] (its activity
	// for replies opened), [Replied] (its hook logged the reply). The Outcome
	// is never nil.
	Reply(ctx context.Context, job ReplyJob) (*Outcome, error)
}

// ReplyJob is one forged reply.
type ReplyJob struct {
	Reply      intents.Reply
	App        AppIdentity
	SDKVersion string // the SDK version that the reply names as WeChat's, "6.8.34"; empty: the platform's default
	Route      Route  // empty: auto
	User       UserChoice
	Until      Progress
	// Handled waits for proof that the app's onResp runs, and for nothing else:
	// the line that the debug hook logs there or, of an Android app without the
	// hook, what a debugger sees. [Replied] means no less then.
	Handled bool
	// Watched, if not nil, is called once no run of onResp can be missed. Where
	// that can't be, the job's Note says why.
	Watched func()
	After   After
	Hooks   Hooks
}

// Watcher is a Phone that can report WeChat's replies as they come.
type Watcher interface {
	// WatchReplies reports each time that WeChat calls the app back, until ctx
	// ends or the phone fails.
	WatchReplies(ctx context.Context, job WatchJob) error
}

// WatchJob says whose replies are watched. Its functions are called from the
// goroutine that watches; Ready and Note may be nil.
type WatchJob struct {
	App  AppIdentity
	User UserChoice
	// Ready is called once no reply can be missed.
	Ready func()
	Note  func(Note)
	Seen  func(SeenReply)
}

// SeenReply is one reply that was seen.
type SeenReply struct {
	At     time.Time `json:"at"`  // by the phone's clock
	App    App       `json:"app"` // the app that was called back
	Source string    `json:"source"`
	// Kind is the kind of the reply, "" if it was not read.
	Kind intents.Kind `json:"kind,omitempty"`
	// Reply is what the app got from WeChat; null if only the call was seen.
	Reply *Reply `json:"reply"`
	// Status, Err and Events are what the module's callback would get; null and
	// empty if only the call was seen.
	Status *bool        `json:"status"`
	Err    *ModuleError `json:"err"`
	Events []Event      `json:"events"`
	// HeldMs is for how many milliseconds a thread of the app was suspended
	// while its reply was read; 0 if none was.
	HeldMs int64 `json:"heldMs,omitempty"`
	// Content is the reply itself, nil if only the call was seen.
	Content intents.Reply `json:"-"`
}

// NewSeenReply returns a SeenReply; reply is nil if only the call was seen.
func NewSeenReply(at time.Time, app App, source string, reply intents.Reply) SeenReply {
	s := SeenReply{At: at, App: app, Source: source, Events: []Event{}}
	if reply == nil {
		return s
	}
	o := Outcome{Events: []Event{}}
	o.Answer(reply)
	s.Kind, s.Content = reply.Kind(), reply
	s.Reply, s.Status, s.Err, s.Events = o.Reply, o.Status, o.Err, o.Events
	return s
}
