package android

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/md5"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/android/agent"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid"
	"github.com/wxctl/wxctl/device/virtual/wechat"
	"github.com/wxctl/wxctl/intents"
)

// certificate makes a self-signed certificate, DER, of a name.
func certificate(t *testing.T, name string) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{Country: []string{"US"}, Organization: []string{"Android"}, CommonName: name}}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func TestDoubts(t *testing.T) {
	debug, release := certificate(t, "Android Debug"), certificate(t, "Example Ltd")
	sum := md5.Sum(debug)
	for _, tt := range []struct {
		name  string
		certs [][]byte
		want  string // "" for no doubt
	}{
		{"none", nil, "no signing certificate"},
		{"debug", [][]byte{debug}, hex.EncodeToString(sum[:])},
		{"release", [][]byte{release}, ""},
		{"one of them fits", [][]byte{debug, release}, ""},
		{"not readable", [][]byte{{1, 2, 3}}, ""},
	} {
		got := doubts(&agent.App{Certificates: tt.certs}, "")
		if (len(got) == 0) != (tt.want == "") || len(got) > 0 && (!strings.Contains(got[0].Message, tt.want) || got[0].Hint == "" || got[0].ID == "") {
			t.Errorf("%s: %+v, want %q", tt.name, got, tt.want)
		}
	}
	const mine, other = "wx0123456789abcdef", "wxfedcba9876543210"
	for _, tt := range []struct {
		schemes []string
		doubt   bool
	}{
		{nil, false}, {[]string{"https"}, false}, {[]string{mine}, false}, {[]string{other, mine}, false}, {[]string{other}, true},
	} {
		if got := doubts(&agent.App{Package: "com.x", Schemes: tt.schemes, Certificates: [][]byte{release}}, mine); (len(got) > 0) != tt.doubt {
			t.Errorf("%q: %+v", tt.schemes, got)
		}
	}
}

// TestWarnings: reasons for WeChat to refuse a request are reported before it
// is sent.
func TestWarnings(t *testing.T) {
	old := virtualandroid.Options{WeChat: wechat.Version{Major: 6, Minor: 5, Patch: 4}}
	for _, tt := range []struct {
		name    string
		options virtualandroid.Options
		certs   [][]byte
		job     device.Job
		want    string // "" for nothing
	}{
		{name: "nothing amiss", job: device.Job{Request: page(intents.SceneSession)}},
		{name: "debug certificate", certs: [][]byte{certificate(t, "Android Debug")}, job: device.Job{Request: page(intents.SceneSession)}, want: "signed with a debug key"},
		{name: "by the bridge, too", certs: [][]byte{certificate(t, "Android Debug")}, job: device.Job{Request: page(intents.SceneSession), Route: device.RouteBridge}, want: "signed with a debug key"},
		{name: "not by the system", certs: [][]byte{certificate(t, "Android Debug")}, job: device.Job{Request: text(intents.SceneSession), Route: device.RouteSystem}},
		{name: "another AppID", job: device.Job{Request: page(intents.SceneSession), App: device.AppIdentity{AppID: "wx00000000000000aa"}}, want: "not wx00000000000000aa"},
		{name: "too old, and sent all the same", options: old, job: device.Job{Request: page(intents.SceneContact), Raw: true}, want: "too old for a share to a contact"},
		{name: "favorite", job: device.Job{Request: page(intents.SceneFavorite)}, want: "saves favorites without asking"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := newLab(t, tt.options)
			l.warm(t)
			if tt.certs != nil {
				demo := *l.Model.Package(virtualandroid.DemoPackage)
				demo.Certs = tt.certs
				l.Model.Install(&demo, nil)
			}
			var notes []string
			job := tt.job
			job.Until = device.Delivered
			job.Hooks.Note = func(n device.Note) { notes = append(notes, n.Message) }
			if o, err := l.open(t).Deliver(t.Context(), job); err != nil {
				t.Fatal(err, whats(o))
			}
			if tt.want == "" && len(notes) > 0 || tt.want != "" && !slices.ContainsFunc(notes, func(n string) bool { return strings.Contains(n, tt.want) }) {
				t.Errorf("noted %q, want %q", notes, tt.want)
			}
		})
	}
}

// TestReplyIsRead: a reply that came is read, and a refusal counts as one,
// whatever state was requested.
func TestReplyIsRead(t *testing.T) {
	for _, until := range []device.Progress{device.Opened, device.Returned, device.Replied} {
		l := newLab(t, virtualandroid.Options{Strict: true})
		l.warm(t)
		o, err := l.open(t).Deliver(t.Context(), device.Job{Request: page(intents.SceneSession), Until: until})
		if code(err) != device.RefusedByWeChat || o.State != device.Replied || o.Reply == nil || o.Reply.ErrCode != int(intents.ErrBan) || o.Err == nil || o.Err.Code != 1 {
			t.Errorf("%v: %v, %v, saw %s", until, err, o.State, whats(o))
		}
		if o.Screen != device.ScreenSignatureError || strings.Count(whats(o), "called") > 1 {
			t.Errorf("%v: screen %q, saw %s", until, o.Screen, whats(o))
		}
	}
	l := newLab(t, virtualandroid.Options{})
	l.warm(t)
	o, err := l.open(t).Deliver(t.Context(), device.Job{Request: page(intents.SceneSession), Until: device.Returned})
	if err != nil || o.State != device.Replied || o.Reply == nil || o.Screen != device.ScreenChatPicker {
		t.Errorf("%v, %v, screen %q, saw %s", err, o.State, o.Screen, whats(o))
	}
}

// TestUnreadReply: if a reply can't be read, the state "returned" is still
// enough for those who requested only that.
func TestUnreadReply(t *testing.T) {
	t.Parallel()
	for until, want := range map[device.Progress]device.Code{device.Opened: device.NotSeen, device.Returned: "", device.Replied: device.NotSeen} {
		l := newLab(t, virtualandroid.Options{API: 30, Strict: true})
		l.warm(t)
		released(l, silent{}, nil)
		l.backend.Options.UnreadAfter = 50 * time.Millisecond // nothing will come
		job := sharing("t-1")
		job.Until = until
		o, err := l.open(t).Deliver(bounded(t), job)
		if code(err) != want || o.State != device.Returned || o.Reply != nil || o.Status != nil {
			t.Errorf("%v: %v, %v, saw %s", until, err, o.State, whats(o))
		}
	}
}

// TestFalseAnswers: an agent that reports another app than requested, or lists an
// invalid package, is not believed.
func TestFalseAnswers(t *testing.T) {
	a := askInspect(0, "com.x", nil)
	if app, err := found(a, &agent.App{Package: "com.y\x1b[2J"}); app != nil || code(err) != device.Failed || strings.ContainsRune(err.Error(), '\x1b') {
		t.Errorf("%+v, %v", app, err)
	}
	packages := []agent.Package{{Name: "com.x\x1b[2J", Debuggable: true, Entry: true}, {Name: "com.y", Debuggable: true, Entry: true}}
	if name, err := choosePackage("", packages); name != "com.y" || err != nil {
		t.Errorf("%q, %v", name, err)
	}
	if got := resultWord(agent.Started{Word: "A\x1b[2J\nB"}); got != "A[2J B" {
		t.Errorf("%q", got)
	}
}

// TestStamp: names on the phone contain the time when they were made.
func TestStamp(t *testing.T) {
	now := time.Unix(1732282655, 0)
	m := stamped().FindStringSubmatch(stamp(now) + "-a.png")
	if m == nil || m[1] != fmt.Sprintf("%08x", now.Unix()) {
		t.Errorf("%q of %q", m, stamp(now))
	}
	for _, name := range []string{"", "a.png", "0123456-a", "0123456789abcdef.png", "67401a5f0000-", "67401a5f0000-a/b"} {
		if stamped().MatchString(name) {
			t.Errorf("%q is not ours", name)
		}
	}
}
