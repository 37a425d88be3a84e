package ios

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/intents/ioswire"
)

// Phone is an open iPhone. Its lockdown session is started when it is first
// needed and stays until Close.
type Phone struct {
	*Link
	info          device.Info
	session       *Session
	tunnelService string        // where go-ios's tunnel service may answer; "" for nowhere
	staleAfter    time.Duration // 0 is the default
	openers       openers
}

// Info returns what is known of the phone.
func (p *Phone) Info() device.Info { return p.info }

// Close ends the session with the phone and the connections used to open URLs.
func (p *Phone) Close() error { return errors.Join(p.openers.Close(), p.hangUp()) }

// hangUp ends the session with the phone.
func (p *Phone) hangUp() error {
	if p.session == nil {
		return nil
	}
	s := p.session
	p.session = nil
	return s.Close()
}

// ask calls question with the phone's session, which it starts if there is
// none. If the phone has ended an existing session, question is called again
// with a new one.
func (p *Phone) ask(ctx context.Context, question func(*Session) error) error {
	if p.session == nil {
		p.session = p.take()
	}
	if p.session != nil {
		err := question(p.session)
		if !p.session.broken || ctx.Err() != nil {
			return err
		}
		p.hangUp()
	}
	s, err := p.Lockdown(ctx)
	if err != nil {
		return p.late(err)
	}
	p.session = s
	return question(s)
}

// service starts a service of the phone.
func (p *Phone) service(ctx context.Context, name string) (conn net.Conn, err error) {
	err = p.ask(ctx, func(s *Session) error {
		conn, err = s.StartService(ctx, name)
		return err
	})
	return conn, err
}

// late converts the error of a passed deadline to one that names the phone.
func (p *Phone) late(err error) error {
	if !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	var own *device.Error
	if errors.As(err, &own) {
		return err
	}
	e := device.Errorf(device.NotSeen, "phone %s did not answer in time", p.info.Label()).
		WithHint("unplug it and plug it in again, or increase --timeout")
	e.Err = err
	return e
}

// leastWeChat is the first WeChat whose requests are in URLs; older ones read
// them from the pasteboard, which only the app itself can write.
const leastWeChat = "8.0.24"

// WeChat describes the phone's WeChat.
func (p *Phone) WeChat(ctx context.Context, choice device.UserChoice) (device.WeChat, error) {
	if err := noAndroidUser(choice); err != nil {
		return device.WeChat{}, err
	}
	found, err := p.lookup(ctx, ioswire.WeChat)
	if err != nil {
		return device.WeChat{}, p.late(err)
	}
	return wechatOf(found), nil
}

func wechatOf(found map[string]app) device.WeChat {
	a, ok := found[ioswire.WeChat]
	if !ok {
		return device.WeChat{BundleID: ioswire.WeChat}
	}
	w := device.WeChat{Installed: true, Enabled: true, BundleID: ioswire.WeChat, Version: device.Printable(a.Version)}
	if device.CompareVersions(w.Version, leastWeChat) < 0 {
		w.Warnings = append(w.Warnings, device.Note{
			Message: "WeChat " + w.Version + " is older than " + leastWeChat +
				": it does not read requests from a URL, only from the app's pasteboard",
			Hint: "update WeChat, or send with --route bridge",
		})
	}
	return w
}

func noAndroidUser(choice device.UserChoice) error {
	if choice.Set {
		return device.Errorf(device.Usage, "an iPhone has no Android users").WithHint("omit --android-user")
	}
	return nil
}
