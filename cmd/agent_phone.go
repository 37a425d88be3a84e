package cmd

import (
	"context"
	"maps"
	"sync/atomic"
	"time"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/lab/natslab"
)

// lentPhone is a phone that is in the lab.
type lentPhone struct {
	*runPhone
	end  context.CancelFunc // no more jobs for it
	errs []time.Time        // times of recent attempts that ended in an error
	// leased is set while the agent has the phone's lease.
	leased atomic.Bool

	// What is on it, as it was seen last. The phone's mu guards it.
	looked time.Time
	wechat string
	apps   map[string]string
}

// listed is the phone as the lab lists it.
func (p *lentPhone) listed() natslab.Phone {
	p.mu.Lock()
	defer p.mu.Unlock()
	info := p.info
	info.Also = nil
	return natslab.Phone{Key: p.key(), Info: info, WeChat: p.wechat, Apps: maps.Clone(p.apps)}
}

// An agent looks at what is on a phone that has nothing to do, as often as this.
const (
	lookEvery = 10 * time.Minute
	lookTime  = 15 * time.Second
)

// look sees which WeChat is on the phone, and which version of the app. What can't
// be seen now, because somebody uses the phone, stays as it was.
func (p *lentPhone) look(ctx context.Context, app device.AppIdentity) {
	if !p.looked.IsZero() && time.Since(p.looked) < lookEvery {
		return
	}
	p.looked = time.Now() // only the phone's worker looks
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	phone, err := p.phone(ctx)
	if err != nil {
		return
	}
	defer func() { _ = p.close() }() // the next to open it gets the error
	wechat, err := phone.WeChat(ctx, device.UserChoice{})
	if err != nil {
		return
	}
	apps := map[string]string{}
	if inspector, ok := device.As[device.Inspector](phone); ok {
		if seen, err := inspector.Inspect(ctx, app, device.UserChoice{}); err == nil {
			apps[seen.Package+seen.BundleID] = seen.VersionName // each phone has one of them
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wechat, p.apps = wechat.Version, apps
}
