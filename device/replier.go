package device

import (
	"context"
	"time"

	"github.com/wxctl/wxctl/intents"
)

// Replier is a Phone on which WeChat's reply can be forged, to see what an app
// makes of it. Only debuggable apps get forged replies.
type Replier interface {
	// Reply brings a reply to the app, as WeChat would, and watches the app
	// take it: [Delivered] (the system accepted it), [Returned] (its activity
	// for replies came up), [Replied] (its hook logged the reply). The Outcome
	// is never nil.
	Reply(ctx context.Context, job ReplyJob) (*Outcome, error)
}

// ReplyJob is one forged reply.
type ReplyJob struct {
	Reply intents.Reply
	App   AppIdentity
	User  UserChoice
	Until Progress
	After After
	Hooks Hooks
}

// Watcher is a Phone that can tell of WeChat's replies as they come.
type Watcher interface {
	// WatchReplies calls seen for each time WeChat calls the app back, until
	// ctx ends, which is its only end without an error of the phone.
	WatchReplies(ctx context.Context, id AppIdentity, user UserChoice, seen func(SeenReply)) error
}

// SeenReply is one reply that was seen.
type SeenReply struct {
	At     time.Time `json:"at"`  // by the phone's clock
	App    App       `json:"app"` // the app that was called back
	Source string    `json:"source"`
	// Reply is what the app's hook logged; null if only the call was seen.
	Reply *Reply `json:"reply"`
}
