package android

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
	"github.com/wxctl/wxctl/intents"
)

// silent is an app without the hook, whose activity for replies stays open.
type silent struct{ quiet }

func (silent) Launched(context.Context, *phone.Phone, phone.Activity, phone.Intent) {}

// released makes the demo app a release build that runs app.
func released(l *lab, app phone.App, change func(*phone.Component)) {
	build := *l.Model.Package(virtualandroid.DemoPackage)
	build.Debuggable = false
	build.Components = append([]phone.Component(nil), build.Components...)
	for i := range build.Components {
		if change != nil && build.Components[i].Name == virtualandroid.DemoEntry {
			change(&build.Components[i])
		}
	}
	l.Model.Install(&build, app)
}

func sharing(transaction string) device.Job {
	request := page(intents.SceneSession)
	request.Transaction = &transaction
	return device.Job{Request: request, Until: device.Replied, Yes: true, App: device.AppIdentity{Package: virtualandroid.DemoPackage}}
}

// A release build without a hook: its reply is read from the Intent that
// created its task, on the API levels that report it.
func TestReplyFromTask(t *testing.T) {
	t.Parallel()
	for _, api := range []int{24, 29, 30, 31, 34} {
		t.Run(fmt.Sprint(api), func(t *testing.T) {
			t.Parallel()
			l := newLab(t, virtualandroid.Options{API: api})
			l.warm(t)
			released(l, silent{}, nil)
			if api == 30 {
				l.backend.Options.UnreadAfter = 50 * time.Millisecond // nothing will come
			}
			out, err := l.open(t).Deliver(bounded(t), sharing("t-1"))
			if api == 30 {
				if code(err) != device.NotSeen || out.State != device.Returned || out.Reply != nil {
					t.Errorf("%v, state %v, reply %+v", err, out.State, out.Reply)
				}
				return
			}
			if err != nil || out.State != device.Replied || out.Reply == nil || out.Reply.Transaction != "t-1" || !*out.Status {
				t.Fatalf("%v, state %v, reply %+v, seen %q", err, out.State, out.Reply, whats(out))
			}
			if last := out.Evidence[len(out.Evidence)-1]; last.Source != sourceTask || !strings.Contains(last.What, "WXEntryActivity was created with the reply") {
				t.Errorf("seen in %q: %s", last.Source, last.What)
			}
		})
	}
}

// The task of an activity that ends at once stays in the overview, which can be
// read up to API 29.
func TestReplyFromEndedTask(t *testing.T) {
	t.Parallel()
	l := newLab(t, virtualandroid.Options{API: 29})
	l.warm(t)
	released(l, quiet{}, nil)
	for _, transaction := range []string{"t-1", "t-2"} {
		out, err := l.open(t).Deliver(bounded(t), sharing(transaction))
		if err != nil || out.Reply == nil || out.Reply.Transaction != transaction {
			t.Errorf("%v, reply %+v, seen %q", err, out.Reply, whats(out))
		}
	}
}

// Behind an alias, the activity itself identifies the task.
func TestReplyFromAliasTask(t *testing.T) {
	t.Parallel()
	l := newLab(t, virtualandroid.Options{API: 34})
	l.warm(t)
	released(l, silent{}, func(c *phone.Component) { c.Target, c.Affinity = virtualandroid.DemoPackage+".MainActivity", "" })
	out, err := l.open(t).Deliver(bounded(t), sharing("t-1"))
	if err != nil || out.Evidence[len(out.Evidence)-1].Source != sourceTask {
		t.Errorf("%v, seen %q", err, whats(out))
	}
}

// If another activity, or an older reply, is the root of the task, the reply is
// not in it, and none is invented.
func TestNoReplyFromTask(t *testing.T) {
	t.Parallel()
	for _, api := range []int{24, 34} {
		for name, before := range map[string]func(*testing.T, *lab){
			"the app was open": func(t *testing.T, l *lab) { openDemo(t, l) },
			"an older reply": func(t *testing.T, l *lab) {
				if out, err := l.open(t).Deliver(bounded(t), sharing("t-0")); err != nil || out.Reply.Transaction != "t-0" {
					t.Fatal(err)
				}
			},
		} {
			t.Run(fmt.Sprint(name, " on ", api), func(t *testing.T) {
				t.Parallel()
				l := newLab(t, virtualandroid.Options{API: api})
				l.warm(t)
				released(l, silent{}, nil)
				before(t, l)
				l.backend.Options.UnreadAfter = 50 * time.Millisecond // nothing will come
				out, err := l.open(t).Deliver(bounded(t), sharing("t-1"))
				if code(err) != device.NotSeen || out.State != device.Returned || out.Reply != nil {
					t.Errorf("%v, state %v, reply %+v, seen %q", err, out.State, out.Reply, whats(out))
				}
			})
		}
	}
}

// The better source comes first: of a reply that is both logged by the hook and
// in a task, the hook's is reported.
func TestHookBeforeTask(t *testing.T) {
	o := &observer{Delivery: device.NewDelivery(device.Info{}, device.Job{Request: intents.Auth{}}), entries: []string{"a/a.wxapi.WXEntryActivity"}}
	if got := o.patience(device.Replied, Options{UnreadAfter: time.Hour}); !got.IsZero() {
		t.Errorf("waits until %v before the app was called back", got)
	}
	o.See(0, device.Returned, "", "called back", sourceEvents)
	waits := func(state device.Progress, unread, want time.Duration) {
		t.Helper()
		if got := o.patience(state, Options{UnreadAfter: unread}).Sub(o.calledAt); got != want {
			t.Errorf("%v: waits %v, want %v", state, got, want)
		}
	}
	waits(device.Replied, time.Hour, time.Hour)
	waits(device.Opened, time.Hour, briefly)
	o.held = intents.ShareReply{}
	waits(device.Replied, time.Hour, hookTime)
	waits(device.Replied, time.Millisecond, time.Millisecond)
	o.unreadable = true
	waits(device.Replied, time.Hour, 0)
}

// The content of a task may come from any app: only a valid reply counts.
func FuzzReplyOf(f *testing.F) {
	f.Add(`{"_wxapi_command_type":{"type":"Integer","value":2}}`)
	f.Add(`{"a":{"type":"Float","value":"x"},"b":null,"c":{"type":"byte[]","base64":"AA==","value":"[B@1"}}`)
	f.Fuzz(func(t *testing.T, text string) {
		var told map[string]json.RawMessage
		if json.Unmarshal([]byte(text), &told) == nil {
			if reply := replyOf(told); reply != nil {
				reply.Answer()
			}
		}
	})
}
