package android

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/android/agent"
	"github.com/wxctl/wxctl/intents/androidwire"
)

// WeChat describes the WeChat of an Android user, and lists the users that have
// one.
func (p *Phone) WeChat(ctx context.Context, choice device.UserChoice) (device.WeChat, error) {
	// The owner exists on every phone, so the first round trip asks about the
	// owner; that is enough if there are no other users.
	var users agent.Users
	var chat agent.App
	list, owner := &ask{Request: agent.Request{Verb: agent.ListUsers}, into: &users}, askInspect(0, androidwire.WeChat, &chat)
	if err := p.do(ctx, list, owner); err != nil {
		return device.WeChat{}, p.lateError(err)
	}
	if list.err != nil {
		return device.WeChat{}, refusedByAgent(list.err)
	}
	chats := map[int]*agent.App{}
	if err := note(chats, owner); err != nil {
		return device.WeChat{}, err
	}
	if err := p.inspectOthers(ctx, users.Users, owner.User, chats); err != nil {
		return device.WeChat{}, p.lateError(err)
	}
	f := &facts{users: users}
	f.user = users.Current
	if choice.Set {
		var err error
		if f.user, err = pick(choice, users, chats); err != nil {
			return device.WeChat{}, err
		}
	} else if chats[f.user] == nil {
		// Another user's WeChat is also a WeChat on this phone.
		for _, u := range users.Users {
			if chats[u.ID] != nil {
				f.user = u.ID
				break
			}
		}
	}
	f.wechat = chats[f.user]
	w := f.report()
	for _, u := range users.Users {
		if chats[u.ID] != nil {
			w.AndroidUsers = append(w.AndroidUsers, device.AndroidUser{ID: u.ID, Name: device.Printable(u.Name), Running: u.Running})
		}
	}
	return *w, nil
}

// Inspect reports what WeChat will check about an app.
func (p *Phone) Inspect(ctx context.Context, id device.AppIdentity, choice device.UserChoice) (*device.Inspection, error) {
	user := choice.ID
	name := id.Package
	if name == "" {
		var err error
		if name, err = p.onlyPackage(ctx, user); err != nil {
			return nil, err
		}
	}
	var app, chat agent.App
	inspect, inspectChat := askInspect(user, name, &app), askInspect(user, androidwire.WeChat, &chat)
	inspect.Brief = false // its queries are looked at
	if err := p.do(ctx, inspect, inspectChat); err != nil {
		return nil, p.lateError(err)
	}
	got, err := found(inspect, &app)
	if err != nil {
		return nil, err
	}
	if got == nil {
		return nil, notInstalled(name, user)
	}
	out := inspection(got, user)
	out.Device = p.info.Ref()
	wechat, err := found(inspectChat, &chat)
	if err != nil {
		return nil, err
	}
	facts := factsOf(got, wechat, p.agent.hello.API)
	out.Findings = device.FindingsOf(&facts)
	return out, nil
}

func inspection(app *agent.App, user int) *device.Inspection {
	out := &device.Inspection{
		SchemaVersion: device.SchemaVersion, Package: app.Package, AndroidUser: &user,
		VersionName: device.Printable(app.VersionName), VersionCode: app.VersionCode, Debuggable: app.Debuggable,
		TargetSDK: app.TargetSDK, Installer: device.Printable(app.Installer),
		AppIDs: []string{}, Schemes: []string{}, Notes: cleanAll(app.Notes),
	}
	for _, der := range app.Certificates {
		m, s := md5.Sum(der), sha256.Sum256(der)
		out.Signatures = append(out.Signatures, device.Signature{MD5: hex.EncodeToString(m[:]), SHA256: hex.EncodeToString(s[:])})
	}
	out.Schemes = append(out.Schemes, cleanAll(app.Schemes)...)
	for _, s := range app.Schemes {
		if appID().MatchString(s) {
			out.AppIDs = append(out.AppIDs, s)
		}
	}
	if e := app.Entry; e != nil {
		out.Entry = &device.EntryActivity{Name: device.Printable(e.Name), Exported: e.Exported, Enabled: e.Enabled,
			Alias: device.Printable(e.Target), LaunchMode: device.Printable(e.LaunchMode)}
	}
	if app.Declared != nil && app.Declared.Queries != nil {
		out.Queries = cleanAll(app.Declared.Queries.Packages)
	}
	return out
}

func cleanAll(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = device.Exact(s)
	}
	return out
}

var _ device.Inspector = (*Phone)(nil)
