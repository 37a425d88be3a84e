package android

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
	"github.com/wxctl/wxctl/fixtures/tier"
	"github.com/wxctl/wxctl/fixtures/wait"
	"github.com/wxctl/wxctl/intents"
	"github.com/wxctl/wxctl/intents/androidwire"
)

func TestForgedReply(t *testing.T) {
	for _, tt := range []struct {
		name  string
		api   int
		job   device.ReplyJob
		state device.Progress
		code  device.Code
		saw   string
	}{
		{name: "delivered", job: device.ReplyJob{Reply: intents.ShareReply{}}, state: device.Delivered},
		{name: "share", job: device.ReplyJob{Reply: intents.ShareReply{Result: intents.Result{ErrCode: -2}}, Until: device.Replied}, state: device.Replied, saw: "the forged reply reached"},
		{name: "auth", api: 24, job: device.ReplyJob{Reply: intents.AuthReply{Code: new("c0de"), State: new("s")}, Until: device.Replied}, state: device.Replied},
		{name: "returned", api: 33, job: device.ReplyJob{Reply: intents.ShareReply{}, Until: device.Returned}, state: device.Returned, saw: "the forged reply reached com.example.wxdemo/.wxapi.WXEntryActivity"},
		{name: "not debuggable", job: device.ReplyJob{Reply: intents.ShareReply{}, App: device.AppIdentity{Package: "com.tencent.mm"}}, code: device.Refused},
		{name: "not there", job: device.ReplyJob{Reply: intents.ShareReply{}, App: device.AppIdentity{Package: "com.not.there"}}, code: device.Refused},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, virtualandroid.Options{API: tt.api})
			l.warm(t)
			ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
			defer cancel()
			o, err := l.open(t).Reply(ctx, tt.job)
			if code(err) != tt.code || o.State < tt.state {
				t.Fatalf("%q, %v; saw %s", o.State, err, whats(o))
			}
			if tt.code != "" {
				return
			}
			if !strings.Contains(whats(o), tt.saw) {
				t.Errorf("saw %s", whats(o))
			}
			if a, ok := tt.job.Reply.(intents.AuthReply); ok && (o.Reply == nil || o.Reply.Code != *a.Code) {
				t.Errorf("reply %+v", o.Reply)
			}
		})
	}
}

func TestWatchReplies(t *testing.T) {
	t.Parallel()
	for _, api := range []int{24, 33, 34} {
		l := newLab(t, virtualandroid.Options{API: api})
		l.warm(t)
		ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
		defer cancel()
		watching, sharing := l.open(t), l.open(t)
		shared := make(chan struct{})
		share := func() {
			defer close(shared)
			// Two shares; the second one after the first was answered.
			for range 2 {
				if o, err := sharing.Deliver(ctx, device.Job{Request: page(intents.SceneSession), Until: device.Replied}); err != nil && ctx.Err() == nil {
					t.Error(err, whats(o))
				}
			}
		}
		var got []device.SeenReply
		err := watching.WatchReplies(ctx, device.WatchJob{Ready: func() { go share() }, Seen: func(r device.SeenReply) {
			if got = append(got, r); len(got) == 2 {
				<-shared
				cancel()
			}
		}})
		if !errors.Is(err, context.Canceled) || len(got) != 2 {
			t.Fatalf("API %d: %d replies, %v", api, len(got), err)
		}
		for _, r := range got {
			if r.Kind != intents.KindShare || r.Reply == nil || r.Reply.ErrCode != 0 || !*r.Status || r.Err.Code != 0 || r.App.Package != virtualandroid.DemoPackage || r.At.IsZero() {
				t.Errorf("API %d: %+v", api, r)
			}
		}
	}
}

// Replies in quick succession, also while the debugger has stopped the app at
// the one before, all reach the app, and the watch reports each once.
func TestWatchLosesNoReply(t *testing.T) {
	t.Parallel()
	n := 300
	if tier.Required("replies") {
		n = 10000
	}
	for _, api := range []int{28, 34} {
		l := newLab(t, virtualandroid.Options{API: api})
		l.warm(t)
		openDemo(t, l)
		ctx, cancel := context.WithTimeout(t.Context(), wait.Plenty)
		defer cancel()
		logged := make(chan int)
		go func() { logged <- countReplies(ctx, l, n) }()
		var got []string
		err := l.open(t).WatchReplies(ctx, device.WatchJob{
			Ready: func() {
				go func() {
					for i := range n {
						callBack(t, l, fmt.Sprint("T", i))
					}
				}()
			},
			Seen: func(r device.SeenReply) {
				if r.Reply == nil {
					t.Errorf("API %d: a call without a reply, after %d replies", api, len(got))
					return
				}
				if got = append(got, r.Reply.Transaction); len(got) == n {
					if in := <-logged; in != n {
						t.Errorf("API %d: %d of %d replies reached the app", api, in, n)
					}
					cancel()
				}
			},
		})
		if !errors.Is(err, context.Canceled) || len(got) != n {
			t.Fatalf("API %d: %d of %d replies, %v", api, len(got), n, err)
		}
		for i, transaction := range got {
			if transaction != fmt.Sprint("T", i) {
				t.Fatalf("API %d: reply %d is %s", api, i, transaction)
			}
		}
	}
}

// callBack starts the demo app's entry with a reply, as the shell.
func callBack(t *testing.T, l *lab, transaction string) {
	in, err := androidwire.EncodeReply(intents.ShareReply{Result: intents.Result{Transaction: &transaction}}, androidwire.Receiver{Package: virtualandroid.DemoPackage})
	if err != nil {
		t.Error(err)
	}
	if code, err := l.Model.StartActivity(t.Context(), phone.StartRequest{UID: phone.ShellUID, Package: "com.android.shell", Intent: in}); err != nil || code < 0 {
		t.Error(code, err)
	}
}

// countReplies counts what the demo app logs until it is n.
func countReplies(ctx context.Context, l *lab, n int) int {
	seen := map[string]bool{}
	for after := uint64(0); ; {
		entries, more := l.Model.Log.Read(after, phone.LogMain)
		for _, e := range entries {
			after = e.Seq
			if strings.HasPrefix(e.Text, replyMark) {
				seen[e.Text] = true
			}
		}
		if len(seen) == n {
			return n
		}
		select {
		case <-more:
		case <-ctx.Done():
			return len(seen)
		}
	}
}

// A watch does not report what came before it said that it began.
func TestWatchBegins(t *testing.T) {
	for _, api := range []int{24, 34} {
		l := newLab(t, virtualandroid.Options{API: api})
		l.warm(t)
		openDemo(t, l)
		ctx, cancel := context.WithTimeout(t.Context(), wait.Plenty)
		defer cancel()
		callBack(t, l, "before")
		var got []string
		err := l.open(t).WatchReplies(ctx, device.WatchJob{
			Ready: func() { callBack(t, l, "after") },
			Seen: func(r device.SeenReply) {
				if r.Reply != nil {
					got = append(got, r.Reply.Transaction)
				} else {
					got = append(got, "a call")
				}
				cancel()
			},
		})
		if !errors.Is(err, context.Canceled) || !slices.Equal(got, []string{"after"}) {
			t.Errorf("API %d: %q, %v", api, got, err)
		}
	}
}
