package android

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"slices"
	"time"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/android/agent"
	"github.com/wxctl/wxctl/intents/androidwire"
)

// Options change how phones are driven. The zero value is for real phones.
type Options struct {
	// Dex is the agent to run; nil: the one built in.
	Dex []byte
	// DropAfter is how long after the activity that accepted the request is
	// gone WeChat may show no screen before that counts as a refusal. Zero: 3
	// s.
	DropAfter time.Duration
	// UnreadAfter is how long after WeChat called the app back its reply may
	// take to be read or logged, including the app's start. Zero: 20 s.
	UnreadAfter time.Duration
	// OtherDebugger returns how much of the remaining time wxctl waits for
	// another debugger to detach from an app that has no debug hook, or whose
	// request can only be sent by attaching. Nil: half of it.
	OtherDebugger func(left time.Duration) time.Duration
	// HookedDebugger is how long wxctl waits for another debugger to detach if
	// the app's debug hook can be used instead. Zero: 2 s.
	HookedDebugger time.Duration
	// StopTime limits how long a thread of the app is stopped. It takes some
	// milliseconds; after five seconds Android reports an app as unresponsive
	// (ANR). Zero: 4.5 s.
	StopTime time.Duration
}

// Phone is an open Android phone. Its agent is started when it is first needed
// and runs until Close.
type Phone struct {
	server  Server
	info    device.Info
	dex     []byte
	options Options

	lacks   bool // it said that the agent is not there
	agent   *session
	watched []string  // buffers that the agent streams
	stored  []*stored // files that are on the phone for this run
	swept   time.Time // when files of earlier runs were looked for
}

// Open returns a phone, without a round trip.
func (b *Backend) Open(_ context.Context, info device.Info) (device.Phone, error) {
	if info.State != device.Ready {
		return nil, device.Errorf(device.PhoneNotReady, "phone %s is not ready: %s", info.Label(), info.State).WithHint("%s", info.Fix)
	}
	return b.open(info), nil
}

func (b *Backend) open(info device.Info) *Phone {
	options := b.Options
	if options.DropAfter == 0 {
		options.DropAfter = 3 * time.Second
	}
	if options.StopTime == 0 {
		options.StopTime = 4500 * time.Millisecond
	}
	if options.UnreadAfter == 0 {
		options.UnreadAfter = 20 * time.Second
	}
	if options.HookedDebugger == 0 {
		options.HookedDebugger = 2 * time.Second
	}
	if options.OtherDebugger == nil {
		options.OtherDebugger = func(left time.Duration) time.Duration { return left / 2 }
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	lacks := b.lacking[info.Key()]
	delete(b.lacking, info.Key()) // the first to open the phone brings the agent to it
	return &Phone{server: b.Server, info: info, dex: b.dex(), options: options, lacks: lacks}
}

// dex is the agent that the phones run.
func (b *Backend) dex() []byte {
	if b.Options.Dex != nil {
		return b.Options.Dex
	}
	return agent.Dex
}

// Info returns what is known of the phone.
func (p *Phone) Info() device.Info { return p.info }

// Close removes the files that were kept for further requests and ends the
// agent.
func (p *Phone) Close() error {
	err := p.removeStored()
	if p.agent == nil {
		return err
	}
	s := p.agent
	p.agent = nil
	return errors.Join(err, s.Close())
}

// do sends requests to the agent, and starts it if necessary. An agent that
// died since the last request is started again and watches the same buffers:
// the phone may have killed it while it was idle.
func (p *Phone) do(ctx context.Context, asks ...*ask) error {
	fresh := p.agent == nil
	var err error
	if fresh {
		if p.agent, err = p.startAgent(ctx, asks); err != nil {
			return err
		}
		err = p.agent.receive(ctx, asks...)
	} else {
		err = p.agent.do(ctx, asks...)
	}
	if err == nil {
		return nil
	}
	watched := p.watched
	p.agent.Close()
	p.agent, p.watched = nil, nil
	switch {
	case fresh || ctx.Err() != nil || slices.ContainsFunc(asks, acts):
		return err
	case len(watched) == 0 || slices.ContainsFunc(asks, func(a *ask) bool { return a.Verb == agent.Watch }):
		return p.do(ctx, asks...)
	}
	watch := &ask{Request: agent.Request{Verb: agent.Watch, Buffers: watched}}
	if err := p.do(ctx, append([]*ask{watch}, asks...)...); err != nil {
		return err
	}
	if watch.err != nil {
		return refusedByAgent(watch.err)
	}
	p.watched = watched
	return nil
}

// acts reports whether a request must not be sent twice.
func acts(a *ask) bool { return a.Verb == agent.Start || a.Verb == agent.Send }

// pick returns the Android user that the request is about: the one asked for,
// else the only one that has WeChat.
func pick(choice device.UserChoice, users agent.Users, chats map[int]*agent.App) (int, error) {
	if choice.Set {
		if !slices.ContainsFunc(users.Users, func(u agent.User) bool { return u.ID == choice.ID }) {
			return 0, device.Errorf(device.Usage, "the phone has no Android user %d", choice.ID).
				WithHint("%s", "choose one with --android-user: "+userList(users.Users))
		}
		return choice.ID, nil
	}
	var have []agent.User
	for _, u := range users.Users {
		if chats[u.ID] != nil {
			have = append(have, u)
		}
	}
	switch len(have) {
	case 0:
		return users.Current, nil
	case 1:
		return have[0].ID, nil
	}
	return 0, device.Errorf(device.AndroidUserUnset, "WeChat is installed for %d Android users of this phone: %s", len(have), userList(have)).
		WithHint("choose one with --android-user %d", have[0].ID)
}

// facts are what is asked before a request is sent, in one round trip.
type facts struct {
	users  agent.Users
	user   int
	wechat *agent.App // nil if that user has none
	state  agent.State
}

// learn asks what every delivery needs to know, plus more; in one round trip if
// there is only one user.
func (p *Phone) learn(ctx context.Context, choice device.UserChoice, more ...*ask) (*facts, error) {
	first := 0
	if choice.Set {
		first = choice.ID
	}
	f := &facts{}
	var chat agent.App
	users := &ask{Request: agent.Request{Verb: agent.ListUsers}, into: &f.users}
	inspect := askInspect(first, androidwire.WeChat, &chat)
	state := &ask{Request: agent.Request{Verb: agent.PhoneState, User: first}, into: &f.state}
	for _, a := range more {
		a.User = first
	}
	if err := p.do(ctx, append([]*ask{users, inspect, state}, more...)...); err != nil {
		return nil, err
	}
	if users.err != nil {
		return nil, refusedByAgent(users.err)
	}
	if choice.Set {
		// Before any other error that a phone may return for a missing user.
		if _, err := pick(choice, f.users, nil); err != nil {
			return nil, err
		}
	}
	if state.err != nil {
		return nil, refusedByAgent(state.err)
	}
	chats := map[int]*agent.App{}
	if app, err := found(inspect, &chat); err != nil {
		return nil, err
	} else if app != nil {
		chats[first] = app
	}
	if !choice.Set {
		if err := p.inspectOthers(ctx, f.users.Users, first, chats); err != nil {
			return nil, err
		}
	}
	var err error
	if f.user, err = pick(choice, f.users, chats); err != nil {
		return nil, err
	}
	f.wechat = chats[f.user]
	if f.user == first {
		return f, nil
	}
	// What was asked of one user is asked of the other. The logs are watched already, those of all users.
	again := []*ask{state}
	for _, a := range more {
		if a.Verb != agent.Watch {
			again = append(again, a)
		}
	}
	for _, a := range again {
		a.User, a.err = f.user, nil
	}
	if err := p.do(ctx, again...); err != nil {
		return nil, err
	}
	if state.err != nil {
		return nil, refusedByAgent(state.err)
	}
	return f, nil
}

func (p *Phone) inspectOthers(ctx context.Context, users []agent.User, known int, chats map[int]*agent.App) error {
	var asks []*ask
	apps := make([]agent.App, len(users))
	for i, u := range users {
		if u.ID != known && u.Running {
			asks = append(asks, askInspect(u.ID, androidwire.WeChat, &apps[i]))
		}
	}
	if len(asks) == 0 {
		return nil
	}
	if err := p.do(ctx, asks...); err != nil {
		return err
	}
	for _, a := range asks {
		if err := note(chats, a); err != nil {
			return err
		}
	}
	return nil
}

// note records the result of inspecting a user's WeChat. A user that adb's
// shell may not access (a secure folder) has none.
func note(chats map[int]*agent.App, a *ask) error {
	app, err := found(a, a.into.(*agent.App))
	var refused *agent.Error
	switch {
	case errors.As(err, &refused):
	case err != nil:
		return err
	case app != nil:
		chats[a.User] = app
	}
	return nil
}

// askInspect asks for everything about a package but its manifest: that of an
// app with many components may be too large for an answer, and no request needs
// it.
func askInspect(user int, pkg string, into *agent.App) *ask {
	return &ask{Request: agent.Request{Verb: agent.Inspect, User: user, Package: pkg, Brief: true}, into: into}
}

// found returns what an inspection found, nil if the package isn't installed.
func found(a *ask, app *agent.App) (*agent.App, error) {
	var refused *agent.Error
	switch {
	case a.err == nil && app.Package != a.Package:
		return nil, device.Errorf(device.Failed, "the phone's agent was asked about the app %q and answered about %q", a.Package,
			device.Printable(app.Package))
	case a.err == nil:
		return app, nil
	case errors.As(a.err, &refused) && refused.Kind == agent.KindNotFound:
		return nil, nil
	}
	return nil, refusedByAgent(a.err)
}

// refusedByAgent converts a refusal of the phone to a sentence.
func refusedByAgent(err error) error {
	e := device.Errorf(device.Failed, "%w", err)
	var refused *agent.Error
	if errors.As(err, &refused) {
		e.Err = err
		e.Message = "the phone refused: " + quoteKind(refused)
	}
	return e
}

func md5Hex(b []byte) string {
	sum := md5.Sum(b)
	return hex.EncodeToString(sum[:])
}
