package android

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
	"github.com/wxctl/wxctl/device/virtual/wechat"
	"github.com/wxctl/wxctl/fixtures/wait"
	"github.com/wxctl/wxctl/intents"
)

// pngOf is a share of one picture by the system's route.
func pngOf() device.Job {
	return device.Job{
		Route: device.RouteSystem, Request: share(intents.SceneSession, intents.Image{}),
		Media: []device.Media{media("a.png", "image/png", png)}, Until: device.Opened,
	}
}

func (l *lab) mediaNames(t *testing.T) []string {
	t.Helper()
	list, err := l.Model.FS.List(phone.RootCred(), mediaDir(0))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, i := range list {
		names = append(names, i.Name)
	}
	return names
}

// TestForgottenMedia: files that had to stay for WeChat to read are removed a
// day later, and no others.
func TestForgottenMedia(t *testing.T) {
	for _, api := range []int{24, 29, 34} {
		t.Run(fmt.Sprint(api), func(t *testing.T) {
			t.Parallel()
			l := newLab(t, virtualandroid.Options{API: api, Answer: wechat.Stay, Think: time.Hour})
			l.warm(t)
			p := l.open(t)
			ctx, cancel := context.WithTimeout(t.Context(), wait.Plenty)
			defer cancel()
			var notes []string
			job := pngOf()
			job.Hooks.Note = func(n device.Note) { notes = append(notes, n.Message) }
			if o, err := p.Deliver(ctx, job); err != nil {
				t.Fatal(err, whats(o))
			}
			first := l.mediaNames(t)
			if len(first) != 1 || len(notes) != 1 || !strings.Contains(notes[0], "left on the phone, since WeChat reads it when the user has chosen: "+path.Join(mediaDir(0), first[0])) {
				t.Fatalf("left %q, noted %q", first, notes)
			}
			old := stamp(time.Now().Add(-25*time.Hour)) + "-it's old.png"
			for _, name := range []string{old, stamp(time.Now().Add(-23*time.Hour)) + "-young.png", "theirs.png"} {
				if err := l.Model.FS.WriteFile(phone.ShellCred(), path.Join(mediaDir(0), name), png, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			l.Model.ForceStop(wechat.PackageName, 0)
			if o, err := l.open(t).Deliver(ctx, job); err != nil {
				t.Fatal(err, whats(o))
			}
			if got := l.mediaNames(t); len(got) != 4 || strings.Contains(strings.Join(got, " "), old) {
				t.Errorf("on the phone: %q", got)
			}
		})
	}
}

// TestAgentDiesWithMediaOnPhone: if the agent dies after a file was copied, the
// file is still removed.
func TestAgentDiesWithMediaOnPhone(t *testing.T) {
	l := newLab(t, virtualandroid.Options{})
	l.warm(t)
	p := l.open(t)
	ctx, cancel := context.WithTimeout(t.Context(), wait.Plenty)
	defer cancel()
	job := pngOf()
	job.Media = append(job.Media, device.Media{Name: "b.png", MIME: "image/png", Size: 3, Open: func() (io.ReadCloser, error) {
		p.agent.sh.conn.Close() // the first is on the phone, and indexed
		return nil, io.ErrUnexpectedEOF
	}})
	if o, err := p.Deliver(ctx, job); code(err) != device.Failed || o.State != device.NotSent {
		t.Fatalf("%v; saw %s", err, whats(o))
	}
	if got := l.mediaNames(t); len(got) != 0 {
		t.Errorf("left on the phone: %q", got)
	}
}

// TestRefusedLeavesPhoneAlone: --after is for what was sent.
func TestRefusedLeavesPhoneAlone(t *testing.T) {
	l := newLab(t, virtualandroid.Options{Answer: wechat.Stay, Think: time.Hour})
	l.warm(t)
	p := l.open(t)
	job := device.Job{Request: page(intents.SceneSession), Until: device.Opened}
	if o, err := p.Deliver(t.Context(), job); err != nil {
		t.Fatal(err, whats(o))
	}
	for _, after := range []device.After{device.AfterBack, device.AfterHome, device.AfterStopWeChat} {
		refused := device.Job{Request: page(intents.SceneSession), App: device.AppIdentity{Package: "com.not.there"}, Until: device.Opened, After: after}
		if _, err := p.Deliver(t.Context(), refused); code(err) != device.Refused {
			t.Fatal(err)
		}
		if top, _ := l.Model.Top(); !strings.Contains(top.Short(), "SelectConversationUI") {
			t.Errorf("%s: %s is in front", after, top.Short())
		}
	}
}

// TestNoFilm: if a phone can't record, the reason is reported, and there is no
// file here.
func TestNoFilm(t *testing.T) {
	l := newLab(t, virtualandroid.Options{})
	l.warm(t)
	l.Model.SetShell(&testShell{other: func(c phone.Command) int {
		if !strings.Contains(c.Line, "screenrecord") {
			return 0
		}
		io.WriteString(c.Stdout, "\n")
		io.ReadFull(c.Stdin, make([]byte, len("go\n")))
		return says(1, "", "ERROR: unable to configure video/avc codec\n")(c)
	}})
	job := device.Job{Request: page(intents.SceneSession), Until: device.Opened}
	made := 0
	job.Hooks.Record = func() (io.WriteCloser, error) { made++; return &file{Buffer: bytes.Buffer{}}, nil }
	o, err := l.open(t).Deliver(t.Context(), job)
	if e := device.AsError(err); e == nil || e.Code != device.Failed || !strings.Contains(e.Message, "unable to configure video/avc codec") {
		t.Errorf("%v", err)
	}
	if made != 0 || o.State != device.Opened {
		t.Errorf("%d files were made; saw %s", made, whats(o))
	}
}

// TestSystemTakesBytes: data that an SDK would send in the request is copied to
// the phone as a file, with an extension that WeChat can use.
func TestSystemTakesBytes(t *testing.T) {
	named := share(intents.SceneSession, intents.File{Data: []byte("hello")})
	named.Message.Title = new("notes.txt")
	path := media("a.png", "image/png", png)
	path.AsPath = true
	for _, tt := range []struct {
		name    string
		job     device.Job
		mime    string
		message string // of the refusal; "" for none
	}{
		{"image.png", device.Job{Request: share(intents.SceneSession, intents.Image{Data: png})}, "image/png", ""},
		{"image.jpg", device.Job{Request: share(intents.SceneTimeline, intents.Image{Data: []byte("\xff\xd8\xff\xe0")})}, "image/jpeg", ""},
		{"notes.txt", device.Job{Request: named}, "text/plain", ""},
		{"a.png", device.Job{Request: share(intents.SceneSession, intents.Image{Data: []byte("x")}), Media: []device.Media{media("a.png", "image/png", png)}}, "image/png", ""},
		{"", device.Job{Request: share(intents.SceneSession, intents.Image{}), Media: []device.Media{path}}, "", "by content URI only"},
		{"", device.Job{Request: share(intents.SceneSession, intents.Image{})}, "", "no file to share"},
	} {
		got, err := systemMedia(tt.job)
		if tt.message != "" {
			if code(err) != device.Refused || !strings.Contains(err.Error(), tt.message) {
				t.Errorf("%v, want %q", err, tt.message)
			}
			continue
		}
		if err != nil || len(got) != 1 || got[0].Name != tt.name || got[0].MIME != tt.mime {
			t.Errorf("%+v, %v; want %s, %s", got, err, tt.name, tt.mime)
		}
	}
	l := newLab(t, virtualandroid.Options{})
	l.warm(t)
	job := device.Job{Route: device.RouteSystem, Request: share(intents.SceneSession, intents.Image{Data: png}), Until: device.Opened, After: device.AfterHome}
	if o, err := l.open(t).Deliver(t.Context(), job); err != nil || o.State != device.Opened {
		t.Errorf("%v; saw %s", err, whats(o))
	}
	if got := l.mediaNames(t); len(got) != 0 {
		t.Errorf("left on the phone: %q", got)
	}
}

// TestClosedAtOnceLeavesNoMedia: a file of a request that WeChat refused is
// removed.
func TestClosedAtOnceLeavesNoMedia(t *testing.T) {
	l := newLab(t, virtualandroid.Options{})
	l.warm(t)
	job := device.Job{Request: share(intents.SceneTimeline, intents.Images{}), Until: device.Opened, Force: true}
	job.Media = []device.Media{media("a.png", "image/png", png), media("b.png", "image/png", png)}
	l.backend.Options.DropAfter = fast
	o, err := l.open(t).Deliver(t.Context(), job)
	if e := device.AsError(err); e == nil || e.Code != device.RefusedByWeChat || strings.Contains(e.Hint, "inspect") {
		t.Errorf("%+v; saw %s", err, whats(o))
	}
	if got := l.mediaNames(t); len(got) != 0 {
		t.Errorf("left on the phone: %q", got)
	}
}

// TestSameShareAgain: a share that differs from the one before only in its
// extras reaches WeChat, too, whatever task is left from that.
func TestSameShareAgain(t *testing.T) {
	for _, api := range []int{24, 34} {
		l := newLab(t, virtualandroid.Options{API: api, Answer: wechat.Stay, Think: time.Hour})
		l.warm(t)
		p := l.open(t)
		ctx, cancel := context.WithTimeout(t.Context(), wait.Plenty)
		defer cancel()
		for i := range 3 {
			job := pngOf()
			job.After = device.AfterHome
			if o, err := p.Deliver(ctx, job); err != nil {
				t.Fatalf("API %d, share %d: %v; saw %s", api, i, err, whats(o))
			}
		}
	}
}

// TestMediaOnFullPhone: if a phone has the agent but can't store a file, that
// is reported, and nothing is sent.
func TestMediaOnFullPhone(t *testing.T) {
	for message, spoil := range map[string]func(*lab){
		"No space left on device": func(l *lab) { l.Model.FS.SetFree(100) },
		"Read-only file system":   func(l *lab) { l.Model.FS.SetReadOnly(true) },
	} {
		l := newLab(t, virtualandroid.Options{})
		l.warm(t)
		spoil(l)
		o, err := l.open(t).Deliver(t.Context(), pngOf())
		if e := device.AsError(err); e == nil || e.Code != device.Failed || !strings.Contains(e.Message, message) || e.Hint == "" || o.State != device.NotSent {
			t.Errorf("%s: %v; saw %s", message, err, whats(o))
		}
		if names, err := l.Model.FS.List(phone.RootCred(), mediaDir(0)); err == nil && len(names) > 0 {
			t.Errorf("%s: left on the phone: %v", message, names)
		}
	}
}

// TestSameFileOnce: a file that is on the phone for this run is not pushed
// again; another of the same name and size is. Files that were kept for more
// requests are removed when the phone is closed, unless WeChat may still read
// them.
func TestSameFileOnce(t *testing.T) {
	l := newLab(t, virtualandroid.Options{})
	l.warm(t)
	p := l.open(t)
	other := bytes.Clone(png)
	other[len(other)-1] ^= 1
	deliver := func(data []byte, until device.Progress) int {
		t.Helper()
		pushes := 0
		job := device.Job{Request: share(intents.SceneSession, intents.Image{}), Media: []device.Media{media("a.png", "image/png", data)}, Until: until, KeepMedia: true,
			App: device.AppIdentity{Package: virtualandroid.DemoPackage}}
		job.Hooks.Pushed = func(_ string, done, total int64) {
			if done == total {
				pushes++
			}
		}
		if o, err := p.Deliver(bounded(t), job); err != nil {
			t.Fatal(err, whats(o))
		}
		return pushes
	}
	for i, step := range []struct {
		data   []byte
		pushes int
		files  int
	}{{png, 1, 1}, {png, 0, 1}, {other, 1, 2}, {png, 0, 2}, {other, 0, 2}} {
		if n := deliver(step.data, device.Returned); n != step.pushes {
			t.Errorf("request %d: %d pushes, want %d", i+1, n, step.pushes)
		}
		if names := l.mediaNames(t); len(names) != step.files {
			t.Errorf("request %d: on the phone: %q, want %d", i+1, names, step.files)
		}
	}
	// If it was removed, it is pushed again.
	for _, name := range l.mediaNames(t) {
		if err := l.Model.FS.Remove(phone.ShellCred(), mediaDir(0)+"/"+name); err != nil {
			t.Fatal(err)
		}
	}
	if n := deliver(png, device.Delivered); n != 1 {
		t.Errorf("a file that was gone: %d pushes", n)
	}
	deliver(other, device.Returned)
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	// The one that was only delivered stays for WeChat.
	if names := l.mediaNames(t); len(names) != 1 {
		t.Errorf("left on the phone: %q", names)
	}
}
