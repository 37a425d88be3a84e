package virtualandroid_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/wxctl/wxctl/device"
	virtualandroid "github.com/wxctl/wxctl/device/virtual/android"
	"github.com/wxctl/wxctl/device/virtual/wechat"
	"github.com/wxctl/wxctl/intents"
)

func share(scene intents.Scene, object intents.Object) intents.Share {
	s := webpage(scene)
	s.Message.Thumb = []byte("\xff\xd8\xff")
	s.Message.Object = object
	return s
}

func media(name, mime string, asPath bool) []device.Media {
	content := bytes.Repeat([]byte{7}, 5000)
	return []device.Media{{Name: name, MIME: mime, Size: int64(len(content)), AsPath: asPath,
		Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }}}
}

// Every request that wxctl can make, by every route that carries it, answered
// in every way.
func TestEveryRequest(t *testing.T) {
	type request struct {
		name  string
		req   intents.Request
		media []device.Media
		// What comes of it when the user sends, for each route; empty is
		// refused before it is sent.
		sdk, bridge, system device.Progress
	}
	const opened, returned, replied = device.Opened, device.Returned, device.Replied
	requests := []request{
		{"text", share(0, intents.Text{Text: new("hi")}), nil, replied, replied, opened},
		{"image bytes", share(0, intents.Image{Data: []byte("\x89PNG")}), nil, replied, replied, 0},
		{"image by URI", share(0, intents.Image{}), media("a.png", "image/png", false), replied, 0, opened},
		{"image by path", share(0, intents.Image{}), media("a.png", "image/png", true), replied, 0, 0},
		{"images", share(0, intents.Images{}), append(media("a.png", "image/png", false), media("b.png", "image/png", false)...), 0, 0, opened},
		{"music", share(1, intents.Music{URL: new("https://example.com/m")}), nil, replied, replied, 0},
		{"video", share(1, intents.Video{URL: new("https://example.com/v")}), nil, replied, replied, 0},
		{"webpage", share(2, intents.Webpage{URL: new("https://example.com")}), nil, replied, replied, 0},
		{"mini program", share(0, intents.MiniProgram{UserName: new("gh_1"), WebpageURL: new("https://example.com")}), nil, replied, replied, 0},
		{"file by URI", share(0, intents.File{}), media("a.pdf", "application/pdf", false), replied, 0, opened},
		{"emoji", share(0, intents.Emoji{Data: []byte("GIF89a")}), nil, replied, replied, 0},
		{"auth", intents.Auth{Scope: new("snsapi_userinfo"), State: new("s")}, nil, replied, replied, 0},
		{"launch", intents.LaunchMiniProgram{UserName: new("gh_1"), Path: new(""), ExtMsg: new("")}, nil, 0, replied, 0},
		{"subscribe", intents.SubscribeMessage{Scene: 1, TemplateID: new("T")}, nil, 0, replied, 0},
	}
	for _, answer := range []wechat.Answer{wechat.Send, wechat.Cancel, wechat.Deny} {
		for _, api := range []int{24, 29, 30, 33, 34, 37} {
			t.Run(fmt.Sprintf("%s/%d", answer, api), func(t *testing.T) {
				t.Parallel()
				p, server := open(t, virtualandroid.Options{API: api, Answer: answer})
				model := server.Phones[0].Model
				for _, r := range requests {
					for route, until := range map[device.Route]device.Progress{device.RouteSDK: r.sdk, device.RouteBridge: r.bridge, device.RouteSystem: r.system} {
						if until == 0 {
							continue
						}
						if answer != wechat.Send && r.name == "launch" {
							until = opened // the mini program's user never called the app back
						}
						ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
						out, err := p.Deliver(ctx, device.Job{Request: r.req, Media: r.media, Route: route, Until: until, After: device.AfterHome, Raw: true})
						cancel()
						refused := device.AsError(err)
						switch {
						case refused != nil && refused.Code == device.RefusedByWeChat && answer != wechat.Send && out.State == replied:
						case err != nil, out.State < until:
							t.Errorf("%s by %s: state %v, want %v: %v; %+v", r.name, route, out.State, until, err, out.Evidence)
						}
						if err := model.Settle(t.Context()); err != nil {
							t.Fatal(err)
						}
					}
				}
			})
		}
	}
}
