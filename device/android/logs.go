package android

import (
	"context"
	"fmt"
	"strings"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/android/agent"
	"github.com/wxctl/wxctl/intents/androidwire"
)

// Logs reports what an app logs, and the lines of the system's log that name it.
func (p *Phone) Logs(ctx context.Context, app string, user device.UserChoice, ready func(), line func(string)) error {
	var a agent.App
	inspect := askInspect(user.ID, app, &a)
	watch := &ask{Request: agent.Request{Verb: agent.Watch, Buffers: buffers()}}
	asks := []*ask{inspect}
	if p.agent == nil || len(p.watched) == 0 {
		asks = append(asks, watch)
	}
	if err := p.do(ctx, asks...); err != nil {
		return p.lateError(err)
	}
	if watch.err != nil {
		return refusedByAgent(watch.err)
	}
	p.watched = watch.Buffers
	got, err := found(inspect, &a)
	if err != nil {
		return err
	}
	if got == nil {
		return notInstalled(app, user.ID)
	}
	ready()
	for {
		ev, err := p.agent.event(ctx)
		if err != nil {
			return err
		}
		// Before Android 8 a line does not contain its writer's uid.
		if l, ok := parseLogLine(ev.Line); ok && (l.uid == got.UID || l.uid < 0 || l.uid < 10000 && strings.Contains(l.text, app)) {
			line(l.tag + ": " + l.text)
		}
	}
}

// Fix fixes what a check found, if it is one of those that can be undone.
func (p *Phone) Fix(ctx context.Context, id, pkg string, user device.UserChoice) error {
	var command string
	switch id {
	case "app.enabled":
		command = fmt.Sprintf("pm enable --user %d %s", user.ID, shellQuote(pkg))
	case "wechat.enabled":
		command = fmt.Sprintf("pm enable --user %d %s", user.ID, androidwire.WeChat)
	case "wechat.signature-cache":
		command = fmt.Sprintf("am force-stop --user %d %s", user.ID, androidwire.WeChat)
	case "phone.screen":
		return p.press(ctx, "KEYCODE_WAKEUP")
	default:
		return device.Errorf(device.Refused, "%s can't be fixed from a computer", id)
	}
	result, err := p.server.Run(ctx, target(p.info), command, nil)
	if err != nil {
		return err
	}
	if said := strings.TrimSpace(string(result.Stderr)); result.Exit != 0 || said != "" && strings.Contains(said, "Exception") {
		return device.Errorf(device.Failed, "the phone refused %q: %q", command, device.Printable(said)).WithHint("do it by hand on the phone")
	}
	return nil
}

var (
	_ device.Logger = (*Phone)(nil)
	_ device.Fixer  = (*Phone)(nil)
)
