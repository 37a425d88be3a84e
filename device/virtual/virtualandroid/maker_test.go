package virtualandroid_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid"
	"github.com/wxctl/wxctl/device/virtual/wechat"
	"github.com/wxctl/wxctl/intents"
)

// TestMakers: a share reaches WeChat on a phone of each maker, and its reply is
// read. A phone that refuses keys or asks which WeChat to open is reported.
func TestMakers(t *testing.T) {
	const twice = "the phone asks which app should open the request"
	for _, maker := range virtualandroid.Makers() {
		clone := 999
		if maker.Name == "samsung" {
			clone = 95
		}
		options := virtualandroid.Options{Maker: maker.Name, Think: 5 * time.Millisecond}
		t.Run(maker.Name, func(t *testing.T) {
			t.Parallel()
			p, server := open(t, options)
			if props := server.Phones[0].Model.Properties(); props["ro.product.manufacturer"] == "wxctl" || len(maker.Brings)*len(maker.Source) == 0 {
				t.Errorf("nothing of the maker's: %v", props)
			}
			out, err := p.Deliver(t.Context(), device.Job{Request: share(0, intents.Text{Text: new("hi")}), Until: device.Replied, After: device.AfterLeave})
			if err != nil || out.State != device.Replied {
				t.Errorf("%v, %v", out.State, err)
			}
			// The key comes last: the result of the request is kept.
			out, err = p.Deliver(t.Context(), device.Job{Request: share(0, intents.Text{Text: new("hi")}), Until: device.Opened, After: device.AfterBack})
			refused := err != nil && strings.Contains(device.AsError(err).Message, "does not let a computer press keys") &&
				strings.Contains(device.AsError(err).Hint, "developer options")
			if keyless := maker.Name == "xiaomi" || maker.Name == "vivo"; refused != keyless || err != nil != keyless || out.State < device.Opened {
				t.Errorf("the back key: %v, %v", out.State, err)
			}
		})
		t.Run(maker.Name+" with a clone", func(t *testing.T) {
			t.Parallel()
			options := options
			options.Users = []int{clone}
			p, _ := open(t, options)
			job := device.Job{Request: share(0, intents.Text{Text: new("hi")}), Route: device.RouteApp, Until: device.Replied}
			_, err := p.Deliver(t.Context(), job)
			if e := device.AsError(err); e == nil || e.Code != device.AndroidUserUnset {
				t.Fatalf("two WeChats, and nobody was chosen: %v", err)
			}
			job.User = device.UserChoice{Set: true}
			out, err := p.Deliver(t.Context(), job)
			if err != nil || out.State != device.Replied || !saw(out, twice) {
				t.Errorf("%v, %v: %+v", out.State, err, out.Evidence)
			}
		})
		t.Run(maker.Name+" with a clone and nobody who chooses", func(t *testing.T) {
			t.Parallel()
			options := options
			options.Users, options.Answer = []int{clone}, wechat.Stay
			p, _ := open(t, options)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			job := device.Job{Request: share(0, intents.Text{Text: new("hi")}), Route: device.RouteApp, Until: device.Opened,
				User: device.UserChoice{Set: true}}
			job.Hooks.Seen = func(e device.Evidence) {
				if strings.Contains(e.What, twice) {
					cancel()
				}
			}
			out, err := p.Deliver(ctx, job)
			if !errors.Is(err, context.Canceled) || out.State >= device.Opened || !saw(out, twice) {
				t.Errorf("%v, %v: %+v", out.State, err, out.Evidence)
			}
		})
	}
}

func saw(out *device.Outcome, what string) bool {
	for _, e := range out.Evidence {
		if strings.Contains(e.What, what) {
			return true
		}
	}
	return false
}
