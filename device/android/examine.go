package android

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/android/agent"
	"github.com/wxctl/wxctl/device/android/apk"
	"github.com/wxctl/wxctl/device/check"
	"github.com/wxctl/wxctl/intents/androidwire"
)

// firstClone is the lowest user number that makers use for cloned apps: mostly
// 999, on some phones 95 and up. Work profiles begin at 10.
const firstClone = 95

// Examine collects the facts for checks: about the phone, WeChat, and the app
// that id names.
func (p *Phone) Examine(ctx context.Context, id device.AppIdentity, choice device.UserChoice) (*check.Facts, error) {
	name, unnamed := id.Package, ""
	if name == "" {
		var err error
		if name, err = p.onlyPackage(ctx, choice.ID); err != nil {
			if e := device.AsError(err); e.Code != device.AppUnknown {
				return nil, err
			}
			unnamed = device.AsError(err).Message
		}
	}
	var app agent.App
	var asks []*ask
	if name != "" {
		asks = append(asks, askInspect(choice.ID, name, &app))
		asks[0].Brief = false
	}
	f, err := p.learnAll(ctx, choice, asks...)
	if err != nil {
		return nil, p.lateError(err)
	}
	var got *agent.App
	if name != "" {
		if got, err = found(asks[0], &app); err != nil {
			return nil, err
		}
	}
	facts := factsOf(got, f.wechat, p.agent.hello.API)
	facts.Phone = p.phoneFacts(f)
	facts.WeChat.Users, facts.WeChat.Refused = f.wechats, tooOldFor(facts.WeChat.Support)
	if got == nil {
		facts.App = check.App{Package: name, Source: "the phone", NotInstalled: true, Unnamed: unnamed}
		return &facts, nil
	}
	if got.Entry != nil {
		p.readClasses(ctx, got, &facts.App)
	}
	return &facts, nil
}

// learned is what Examine collects besides the app.
type learned struct {
	users   agent.Users
	state   agent.State
	wechat  *agent.App
	wechats []string // the users that have one
}

// learnAll asks everything in one round trip, and about further users in a
// second. Unlike learn it does not require a choice if a phone has two WeChats.
func (p *Phone) learnAll(ctx context.Context, choice device.UserChoice, more ...*ask) (*learned, error) {
	out := &learned{}
	var chat agent.App
	users := &ask{Request: agent.Request{Verb: agent.ListUsers}, into: &out.users}
	state := &ask{Request: agent.Request{Verb: agent.PhoneState, User: choice.ID}, into: &out.state}
	inspect := askInspect(choice.ID, androidwire.WeChat, &chat)
	if err := p.do(ctx, append([]*ask{users, state, inspect}, more...)...); err != nil {
		return nil, err
	}
	for _, a := range []*ask{users, state} {
		if a.err != nil {
			return nil, refusedByAgent(a.err)
		}
	}
	if _, err := pick(device.UserChoice{ID: choice.ID, Set: true}, out.users, nil); err != nil {
		return nil, err
	}
	chats := map[int]*agent.App{}
	var err error
	if out.wechat, err = found(inspect, &chat); err != nil {
		return nil, err
	}
	if out.wechat != nil {
		chats[choice.ID] = out.wechat
	}
	if err := p.inspectOthers(ctx, out.users.Users, choice.ID, chats); err != nil {
		return nil, err
	}
	for _, u := range out.users.Users {
		if chats[u.ID] != nil && (u.ID == choice.ID || u.ID >= firstClone) {
			out.wechats = append(out.wechats, userLabel(u))
		}
	}
	return out, nil
}

// tooOldFor says what a WeChat of that OpenSDK level does not support; 0 is not
// known.
func tooOldFor(support int) []string {
	var out []string
	for _, r := range []struct {
		need int
		what string
	}{
		{needTimeline, "shares to Moments"}, {needMiniProgram, "mini programs"}, {needContact, "shares to a contact"}, {needContentURI,
			"files and large pictures on Android 11 and newer"},
	} {
		if support > 0 && support < r.need {
			out = append(out, fmt.Sprintf("this WeChat is too old for %s: its OpenSDK level is %d, and %d is needed", r.what, support, r.need))
		}
	}
	return out
}

func userLabel(u agent.User) string {
	return fmt.Sprintf("user %d (%s)", u.ID, device.Printable(u.Name))
}

func (p *Phone) phoneFacts(f *learned) check.Phone {
	out := check.Phone{
		Name: device.Printable(cmp.Or(p.info.Name, p.info.Model, p.info.ID)), API: p.agent.hello.API, State: string(p.info.State),
		ScreenOff: !f.state.ScreenOn, Locked: f.state.Keyguard && f.state.Secure,
	}
	for _, u := range f.users.Users {
		if u.Profile && u.ID < firstClone {
			out.Profiles = append(out.Profiles, userLabel(u))
		}
	}
	return out
}

// onlyPackage is the only candidate app on the phone, if none was named.
func (p *Phone) onlyPackage(ctx context.Context, user int) (string, error) {
	var packages agent.Packages
	list := &ask{Request: agent.Request{Verb: agent.ListPackages, User: user}, into: &packages}
	if err := p.do(ctx, list); err != nil {
		return "", p.lateError(err)
	}
	if list.err != nil {
		return "", refusedByAgent(list.err)
	}
	return choosePackage("", packages.Packages)
}

// readClasses reads the app's code, which is only in the APK.
func (p *Phone) readClasses(ctx context.Context, app *agent.App, into *check.App) {
	late, cancel := context.WithTimeout(ctx, classTime)
	defer cancel()
	classes, err := func() (apk.Classes, error) {
		file, err := p.openFile(late, app.APK)
		if err != nil {
			return apk.Classes{}, err
		}
		return apk.OpenClasses(file, file.size, cmp.Or(app.Entry.Target, app.Entry.Name))
	}()
	switch {
	case errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil:
		into.NoClasses = "the app is too large to be read from the phone in time; give its APK: wxctl doctor FILE.apk"
	case err != nil:
		into.NoClasses = device.Printable(err.Error())
	case !classes.Entry && app.Declared != nil && app.Declared.Packed:
		into.NoClasses = "a service has encrypted it; look at the APK as it was before"
	default:
		into.NoClasses, into.EntryClass, into.SDK = "", classes.Entry, classes.SDK
	}
}

var _ device.Examiner = (*Phone)(nil)
