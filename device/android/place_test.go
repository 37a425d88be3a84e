package android

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wxctl/wxctl/fixtures/fault"
	"github.com/wxctl/wxctl/fixtures/tier"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
	"github.com/wxctl/wxctl/device/virtual/wechat"
	"github.com/wxctl/wxctl/fixtures/wait"
	"github.com/wxctl/wxctl/intents"
)

// TestMedia sends files by the system's route and by content URI, at every API
// level at which that differs.
func TestMedia(t *testing.T) {
	for _, api := range []int{24, 29, 30, 37} {
		for _, tt := range []struct {
			name string
			job  device.Job
			saw  string
			code device.Code
		}{
			{name: "image to a friend", job: device.Job{Route: device.RouteSystem, Request: share(intents.SceneSession, intents.Image{}), Media: []device.Media{media("a b.png", "image/png", png)}}, saw: "chat picker opened"},
			{name: "image to Moments", job: device.Job{Route: device.RouteSystem, Request: share(intents.SceneTimeline, intents.Image{}), Media: []device.Media{media("a.png", "image/png", png)}}, saw: "Moments editor opened"},
			{name: "images", job: device.Job{Request: share(intents.SceneSession, intents.Images{}), Media: []device.Media{media("a.png", "image/png", png), media("b.png", "image/png", png)}}, saw: "chat picker opened"},
			{name: "images to Moments", job: device.Job{Request: share(intents.SceneTimeline, intents.Images{}), Media: []device.Media{media("a.png", "image/png", png)}}, code: device.Refused},
			{name: "file", job: device.Job{Route: device.RouteSystem, Request: share(intents.SceneSession, intents.File{}), Media: []device.Media{media("a.pdf", "application/pdf", png)}}, saw: "chat picker opened"},
			{name: "favorite", job: device.Job{Route: device.RouteSystem, Request: share(intents.SceneFavorite, intents.Image{}), Media: []device.Media{media("a.png", "image/png", png)}}, saw: "favorites took"},
			{name: "image by the SDK", job: device.Job{Request: share(intents.SceneSession, intents.Image{}), Media: []device.Media{media("a.png", "image/png", png)}}, saw: "chat picker opened"},
		} {
			t.Run(fmt.Sprint(api, " ", tt.name), func(t *testing.T) {
				t.Parallel()
				l := newLab(t, virtualandroid.Options{API: api, Answer: wechat.Stay, Think: time.Hour})
				l.warm(t)
				p := l.open(t)
				ctx, cancel := context.WithTimeout(t.Context(), wait.Plenty)
				defer cancel()
				job := tt.job
				job.Until, job.After = device.Opened, device.AfterHome
				pushed := int64(0)
				job.Hooks.Pushed = func(_ string, done, _ int64) { pushed = done }
				o, err := p.Deliver(ctx, job)
				if code(err) != tt.code {
					t.Fatalf("%v; saw %s", err, whats(o))
				}
				if tt.code != "" {
					return
				}
				if !strings.Contains(whats(o), tt.saw) || pushed != int64(len(png)) {
					t.Errorf("saw %s; %d bytes pushed", whats(o), pushed)
				}
				if list, err := l.Model.FS.List(phone.RootCred(), mediaDir(0)); err != nil || len(list) != 0 {
					t.Errorf("left on the phone: %v, %v", list, err)
				}
			})
		}
	}
}

func TestFileName(t *testing.T) {
	for in, want := range map[string]string{
		"a.png": "a.png", "../../etc/passwd": "passwd", `C:\x\y.jpg`: "y.jpg", "a b;$(id)'.png": "a b__(id)_.png",
		"": "file", ".": "file", "微信.png": "微信.png", strings.Repeat("x", 300) + ".png": strings.Repeat("x", 80) + ".png",
		"a\nb.png": "a_b.png",
	} {
		if got := fileName(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// TestCutAnywhere cuts, stalls and corrupts the agent's output after every few
// bytes. In each case the command ends with a sentence and leaves nothing
// behind.
func TestCutAnywhere(t *testing.T) {
	l := newLab(t, virtualandroid.Options{})
	l.warm(t)
	var after atomic.Int64
	var effect atomic.Int64
	l.server.Faults = fault.Each(func(request string) *fault.Fault {
		if strings.HasPrefix(request, "shell,v2") {
			return &fault.Fault{After: after.Load(), Then: fault.Effect(effect.Load())}
		}
		return nil
	})
	before := openFiles(t)
	n := 0
	var places []int64
	for _, e := range []fault.Effect{fault.Cut, fault.Garbage, fault.Stall} {
		effect.Store(int64(e))
		step, times := int64(37), 1
		if tier.Required("faults") {
			step, times = 400, often
		} else if e == fault.Stall {
			step = 400 // each takes all of its time
		}
		places = places[:0]
		for at := int64(0); at < 4000; at += step {
			places = append(places, slices.Repeat([]int64{at}, times)...)
		}
		for _, at := range places {
			after.Store(at)
			p := l.open(t)
			timeout := wait.Plenty
			switch e {
			case fault.Stall:
				timeout = 60 * time.Millisecond
			case fault.Garbage: // that can look like the length of following data
				timeout = 500 * time.Millisecond
			}
			ctx, cancel := context.WithTimeout(t.Context(), timeout)
			o, err := p.Deliver(ctx, device.Job{Request: page(intents.SceneSession), Until: device.Opened})
			cancel()
			p.Close()
			n++
			// What comes after the screen doesn't count any more.
			if err == nil && o.State >= device.Opened {
				continue
			}
			got := device.AsError(err)
			want := map[fault.Effect][]device.Code{
				fault.Cut: {device.PhoneLost, device.ServerMisbehaved}, fault.Stall: {device.NotSeen}, fault.Garbage: {device.PhoneLost, device.ServerMisbehaved, device.Failed, device.NotSeen},
			}[e]
			if got == nil || !slices.Contains(want, got.Code) || got.Message == "" || strings.ContainsAny(got.Message, "\n\x1b") {
				t.Errorf("effect %d after %d bytes: %v (%s)", e, at, err, code(err))
			}
			l.Model.ForceStop(wechat.PackageName, 0)
		}
	}
	if n < 200 {
		t.Errorf("only %d faults", n)
	}
	wait.For(t, "connections to close", func() bool { return l.server.Open() == 0 })
	wait.For(t, "files to close", func() bool { return openFiles(t) <= before })
}
