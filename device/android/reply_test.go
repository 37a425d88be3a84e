package android

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid"
	"github.com/wxctl/wxctl/intents"
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
	for _, api := range []int{24, 33, 34} {
		l := newLab(t, virtualandroid.Options{API: api})
		l.warm(t)
		ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
		defer cancel()
		watching, sharing := l.open(t), l.open(t)
		shared := make(chan struct{})
		share := func() {
			defer close(shared)
			// Two shares; the second one when the first was answered.
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
