package virtualandroid_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/android"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
	"github.com/wxctl/wxctl/device/virtual/wechat"
	"github.com/wxctl/wxctl/fixtures/tier"
	"github.com/wxctl/wxctl/fixtures/wait"
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

// matrix has every request that wxctl can make, and its result for each route
// when the user sends; zero is for a route that can't carry it.
type matrix []struct {
	name                string
	req                 intents.Request
	media               []device.Media
	sdk, bridge, system device.Progress
}

func everyRequest() matrix {
	const opened, replied = device.Opened, device.Replied
	return matrix{
		{"text", share(0, intents.Text{Text: new("hi")}), nil, replied, replied, opened},
		{"image bytes", share(0, intents.Image{Data: []byte("\x89PNG")}), nil, replied, replied, opened},
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
}

// run delivers all of them to one open phone.
func (m matrix) run(t *testing.T, p device.Phone, model *phone.Phone, answer wechat.Answer) {
	for _, r := range m {
		for route, until := range map[device.Route]device.Progress{device.RouteSDK: r.sdk, device.RouteBridge: r.bridge, device.RouteSystem: r.system} {
			if until == 0 {
				continue
			}
			if answer != wechat.Send && r.name == "launch" {
				until = device.Opened // the mini program's user never called the app back
			}
			ctx, cancel := context.WithTimeout(t.Context(), wait.Plenty)
			out, err := p.Deliver(ctx, device.Job{Request: r.req, Media: r.media, Route: route, Until: until, After: device.AfterHome, Raw: true})
			cancel()
			refused := device.AsError(err)
			switch {
			case refused != nil && refused.Code == device.RefusedByWeChat && answer != wechat.Send && out.State == device.Replied:
			case err != nil, out.State < until:
				t.Errorf("%s by %s: state %v, want %v: %v; %+v", r.name, route, out.State, until, err, out.Evidence)
			}
			if err := model.Settle(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// Every request by every route that carries it, answered in every way.
func TestEveryRequest(t *testing.T) {
	for _, answer := range []wechat.Answer{wechat.Send, wechat.Cancel, wechat.Deny} {
		for _, api := range []int{24, 29, 30, 33, 34, 37} {
			t.Run(fmt.Sprintf("%s/%d", answer, api), func(t *testing.T) {
				t.Parallel()
				p, server := open(t, virtualandroid.Options{API: api, Answer: answer})
				everyRequest().run(t, p, server.Phones[0].Model, answer)
			})
		}
	}
}

// The same with Debian's adb server in between, for which the virtual phone is
// like a real one: connect, authorize, multiplex, push.
func TestEveryRequestThroughRealServer(t *testing.T) {
	program := tier.Need(t, "adb", "adb")[0]
	address := realServer(t, program)
	levels := []int{34}
	if tier.Required("adb") {
		levels = []int{24, 26, 29, 30, 33, 34, 37}
	}
	for _, api := range levels {
		t.Run(fmt.Sprint(api), func(t *testing.T) {
			server, err := virtualandroid.Start(t.Context(), virtualandroid.Options{API: api, Think: 5 * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()
			adbds, err := server.ServeDevices(0)
			if err != nil {
				t.Fatal(err)
			}
			if got := request(t, address, "host:connect:"+adbds[0]); !strings.HasSuffix(got, "connected to "+adbds[0]) {
				t.Fatalf("connect: %q", got)
			}
			backend := &android.Backend{Server: android.Server{Addr: address}, Options: android.Options{DropAfter: wait.Plenty}}
			var ready []device.Info
			for deadline := time.Now().Add(wait.Plenty); len(ready) == 0; time.Sleep(20 * time.Millisecond) {
				list, err := backend.List(t.Context(), adbds[0])
				if err != nil || time.Now().After(deadline) {
					t.Fatalf("never ready: %+v, %v", list, err)
				}
				ready = slices.DeleteFunc(list, func(i device.Info) bool { return i.ID != adbds[0] || i.State != device.Ready })
			}
			p, err := backend.Open(t.Context(), ready[0])
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			everyRequest().run(t, p, server.Phones[0].Model, wechat.Send)
		})
	}
}

// realServer starts an adb server of its own for the test.
func realServer(t *testing.T, program string) string {
	t.Helper()
	port := strconv.Itoa(wait.Port(t))
	address := net.JoinHostPort("127.0.0.1", port)
	var log bytes.Buffer
	server := exec.Command(program, "-P", port, "nodaemon", "server")
	server.Env = append(os.Environ(), "HOME="+t.TempDir(), "ADB_LOCAL_TRANSPORT_MAX_PORT=5554", "ADB_VENDOR_KEYS=")
	server.Stdout, server.Stderr = &log, &log
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait() // killed
		if t.Failed() {
			t.Logf("adb server:\n%s", log.Bytes())
		}
	})
	wait.For(t, "the adb server to listen", func() bool {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	return address
}
