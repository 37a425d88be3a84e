package cmd

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"sync"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/intents/suite"
)

// runPhone is a phone of a run. It is opened once and stays open and locked
// between cases.
type runPhone struct {
	info device.Info
	// name is the phone's name in the lab; empty for this host's phones.
	name  string
	agent string // the host that drives it, in a lab
	fleet *device.Fleet
	open  device.Phone // nil until a case needs it

	mu   sync.Mutex
	gone error // why it can run no more cases
}

// lost says why the phone can run no more cases; nil if it can.
func (p *runPhone) lost() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.gone
}

func (p *runPhone) lose(cause error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone == nil {
		p.gone = cause
	}
}

// key identifies the phone within the run.
func (p *runPhone) key() string { return cmp.Or(p.name, p.info.ID) }

// fact describes the phone for people.
func (p *runPhone) fact() suite.Phone {
	return suite.Phone{
		Agent: p.agent, ID: p.key(), Name: device.Printable(p.info.Name), Model: device.Printable(p.info.Model),
		Platform: string(p.info.Platform), OSVersion: device.Printable(p.info.OSVersion),
	}
}

// value is the value of ${device.…} for this phone.
func (p *runPhone) value(name string) (string, bool) {
	f := p.fact()
	v, ok := map[string]string{
		"device.id": p.info.ID, "device.name": f.Name, "device.model": f.Model, "device.platform": f.Platform, "device.osVersion": f.OSVersion,
	}[name]
	return v, ok
}

// phone opens the phone, or returns the one that is open.
func (p *runPhone) phone(ctx context.Context) (device.Phone, error) {
	if p.open == nil {
		phone, err := p.fleet.Open(ctx, p.info)
		if err != nil {
			return nil, err
		}
		p.open = phone
	}
	return p.open, nil
}

// again closes a phone that was lost and checks whether it is still connected.
// If it isn't, it is lost for the run.
func (p *runPhone) again(ctx context.Context, cause error) {
	_ = p.close() // it is gone, or will be opened again
	sel := device.Selector{Text: p.info.ID, From: "the run", Platform: p.info.Platform}
	if _, err := p.fleet.Select(ctx, sel); err != nil {
		p.lose(cause)
	}
}

func (p *runPhone) close() error {
	if p.open == nil {
		return nil
	}
	err := p.open.Close()
	p.open = nil
	return err
}

// opener is the PhoneOpener of a step: it only finds this phone.
func (p *runPhone) opener(onPhone *onPhone) PhoneOpener {
	return func(ctx context.Context, _ *Factory, _ *phoneFlags, _ device.Selector) (*device.Fleet, func(), error) {
		phone, err := p.phone(ctx)
		if err != nil {
			return nil, nil, err
		}
		return &device.Fleet{Backends: []device.Backend{&oneBackend{info: p.info, phone: onPhone.watch(phone)}}}, func() {}, nil
	}
}

// oneBackend has one phone, which is already open.
type oneBackend struct {
	info  device.Info
	phone device.Phone
}

func (b *oneBackend) Platform() device.Platform { return b.info.Platform }

func (b *oneBackend) List(context.Context, string) ([]device.Info, error) {
	return []device.Info{b.info}, nil
}

func (b *oneBackend) Watch(ctx context.Context, changed func([]device.Info)) error {
	changed([]device.Info{b.info})
	<-ctx.Done()
	return nil
}

func (b *oneBackend) Open(context.Context, device.Info) (device.Phone, error) { return b.phone, nil }

// onPhone is what a run observes while a step uses its phone.
type onPhone struct {
	// firing is called before a request is sent; an error keeps it from being
	// sent.
	firing func(context.Context) error
	seen   func(device.Evidence)
	// picture and film receive the screenshot and the recording; nil if none is
	// wanted.
	picture, film func(data []byte)
	fired         bool
	outcome       bool // its result is known
}

// watch wraps the phone to observe what is sent to it. It stays open when the
// step closes it.
func (o *onPhone) watch(phone device.Phone) device.Phone {
	w := &watchedPhone{Phone: phone, on: o}
	if replier, ok := device.As[device.Replier](phone); ok {
		return &watchedReplier{w, replier}
	}
	return w
}

type watchedPhone struct {
	device.Phone
	on *onPhone
}

func (p *watchedPhone) Close() error         { return nil }
func (p *watchedPhone) Unwrap() device.Phone { return p.Phone }

func (p *watchedPhone) Deliver(ctx context.Context, job device.Job) (*device.Outcome, error) {
	job.KeepMedia = true // for the cases that follow
	return p.fire(ctx, &job.Hooks, func() (*device.Outcome, error) { return p.Phone.Deliver(ctx, job) })
}

// fire announces a request, and sends it if that succeeded.
func (p *watchedPhone) fire(ctx context.Context, hooks *device.Hooks, leave func() (*device.Outcome, error)) (*device.Outcome, error) {
	if err := p.on.firing(ctx); err != nil {
		return device.NewOutcome(p.Info()), err
	}
	p.on.fired = true
	seen := hooks.Seen
	hooks.Seen = func(e device.Evidence) {
		p.on.seen(e)
		if seen != nil {
			seen(e)
		}
	}
	if p.on.picture != nil {
		hooks.Screenshot = func() (io.WriteCloser, error) { return &kept{to: p.on.picture}, nil }
	}
	if p.on.film != nil {
		hooks.Record = func() (io.WriteCloser, error) { return &kept{to: p.on.film}, nil }
	}
	outcome, err := leave()
	p.on.outcome = true
	return outcome, err
}

// watchedReplier is a watchedPhone that can forge replies.
type watchedReplier struct {
	*watchedPhone
	replier device.Replier
}

func (p *watchedReplier) Reply(ctx context.Context, job device.ReplyJob) (*device.Outcome, error) {
	return p.fire(ctx, &job.Hooks, func() (*device.Outcome, error) { return p.replier.Reply(ctx, job) })
}

// kept passes on what was written to it when it is closed.
type kept struct {
	bytes.Buffer
	to func([]byte)
}

func (k *kept) Close() error {
	k.to(k.Bytes())
	return nil
}
