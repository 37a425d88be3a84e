package ios

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/wxctl/wxctl/device"
)

// Backend finds and opens the phones of one usbmuxd. It implements
// [device.Backend].
type Backend struct {
	Server Server
	// Transport, if set, replaces the phones' transport, for servers whose
	// phones are virtual.
	Transport device.Transport
	// TunnelService is where go-ios's tunnel service may answer ([TunnelServiceAddr]); empty for
	// nowhere.
	TunnelService string
	// StaleAfter is how long a tunnel of that service may be silent before it
	// counts as stale; 0 is 5 seconds.
	StaleAfter time.Duration

	mu    sync.Mutex
	links map[string]*Link // by UDID, of the phones that were found
}

// Platform returns IOS.
func (b *Backend) Platform() device.Platform { return device.IOS }

// link returns the Link to a phone that was found.
func (b *Backend) link(a attached) *Link {
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.links[a.udid]
	if l == nil {
		l = &Link{server: b.Server, udid: a.udid}
		if b.links == nil {
			b.links = map[string]*Link{}
		}
		b.links[a.udid] = l
	}
	l.mu.Lock()
	l.number = a.number
	l.mu.Unlock()
	return l
}

// info converts a list entry to what is known without asking the phone.
func (b *Backend) info(a attached) device.Info {
	i := device.Info{
		ID: a.udid, Platform: device.IOS, State: device.Ready, Transport: device.USB,
		Hardware: a.udid, Server: b.Server.String(),
	}
	if a.network {
		i.Transport = device.Network
	}
	if b.Transport != "" {
		i.Transport = b.Transport
	}
	return i
}

// List returns usbmuxd's phones, once for each connection. All are asked in
// parallel for name, model, version and state, over USB if possible.
func (b *Backend) List(ctx context.Context, want string) ([]device.Info, error) {
	phones, err := b.attached(ctx)
	if err != nil {
		return nil, err
	}
	infos, err := b.infos(ctx, phones, want, true)
	if ctxErr := ctx.Err(); ctxErr != nil && !errors.Is(ctxErr, context.DeadlineExceeded) {
		return nil, ctxErr
	}
	return infos, err
}

func (b *Backend) attached(ctx context.Context) ([]attached, error) {
	m, err := b.Server.open(ctx)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	return m.list(ctx)
}

// infos describes phones; if want is the ID of one, only that. With leave the
// sessions stay open, for opening the phones, until ctx ends.
func (b *Backend) infos(ctx context.Context, phones []attached, want string, leave bool) ([]device.Info, error) {
	// USB before network, so that the first entry of a phone is its best.
	phones = slices.Clone(phones)
	slices.SortStableFunc(phones, func(x, y attached) int {
		switch {
		case x.network == y.network:
			return 0
		case x.network:
			return 1
		}
		return -1
	})
	infos := make([]device.Info, len(phones))
	first := map[string]int{}
	for i, a := range phones {
		infos[i] = b.info(a)
		if _, seen := first[a.udid]; !seen {
			first[a.udid] = i
		}
	}
	only := slices.ContainsFunc(phones, func(a attached) bool { return device.SameUDID(a.udid, want) })
	errs := make([]error, len(phones))
	var wg sync.WaitGroup
	for udid, i := range first {
		if !only || device.SameUDID(udid, want) {
			link := b.link(phones[i])
			wg.Go(func() {
				var s *Session
				s, errs[i] = link.describe(ctx, &infos[i], b.patience(ctx))
				if s != nil && leave && infos[i].State == device.Ready {
					link.leave(ctx, s)
				} else {
					s.Close()
				}
			})
		}
	}
	wg.Wait()
	for i, a := range phones {
		if best := infos[first[a.udid]]; best.ID == infos[i].ID {
			best.Transport = infos[i].Transport
			infos[i] = best
		}
	}
	return infos, errors.Join(errs...)
}

// describeTime is the longest time that a phone may take to identify itself.
const describeTime = 20 * time.Second

// patience is how long a phone may take to identify itself: a third of the
// command's time, so that one phone that hangs leaves time for the others. A
// virtual phone gets all of it, since it is the only one and generates its keys
// first.
func (b *Backend) patience(ctx context.Context) time.Duration {
	deadline, ok := ctx.Deadline()
	switch {
	case !ok:
		return describeTime
	case b.Transport == device.Virtual:
		return time.Until(deadline)
	}
	return min(time.Until(deadline)/3, describeTime)
}

// describe asks a phone who it is and whether it can be used, and returns its
// session. A phone that doesn't answer stays in the list. Only invalid answers
// of usbmuxd or a phone are errors.
func (l *Link) describe(ctx context.Context, i *device.Info, patience time.Duration) (*Session, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	s, err := l.ask(ctx, i)
	if e := device.AsError(err); e != nil {
		if i.State == device.Ready {
			i.State = device.NotAnswering
		}
		i.Fix = device.FixFor(i.State)
		if e.Code != device.ServerMisbehaved {
			err = nil
		}
		return nil, err
	}
	i.Fix = device.FixFor(i.State)
	return s, nil
}

// ask fills in an Info over one connection. A paired phone is asked within a
// session, since it otherwise hides its lock state and its developer mode; one
// that refuses the session is asked for its name without one.
func (l *Link) ask(ctx context.Context, i *device.Info) (*Session, error) {
	m, err := l.server.open(ctx)
	if err != nil {
		return nil, err
	}
	s, err := l.introduce(ctx, m, i)
	if err != nil {
		m.Close() // also closes the connection that it became
		return nil, err
	}
	return s, nil
}

// introduce turns m into a session in which the phone has identified itself.
func (l *Link) introduce(ctx context.Context, m *mux, i *device.Info) (*Session, error) {
	pair, err := l.pairing(ctx, m)
	if state, ok := stateOf(err); ok {
		i.State = state
	} else if err != nil {
		return nil, err
	}
	s, err := l.session(ctx, m, pair)
	if err != nil {
		return nil, err
	}
	if i.State == device.Ready {
		err := s.start(ctx)
		if state, ok := stateOf(err); ok {
			i.State = state
		} else if err != nil {
			return nil, err
		}
	}
	all, err := s.Value(ctx, "", "")
	if err != nil {
		return nil, err
	}
	values, _ := all.(map[string]any)
	if values == nil {
		return nil, l.nonsense(nil, "the iPhone %q sent no values when asked for all")
	}
	text := func(key string) string {
		v, _ := values[key].(string)
		return device.Said(v)
	}
	// A name is kept as its owner wrote it; it is cleaned when it is printed.
	i.Name, _ = values["DeviceName"].(string)
	i.Model, i.OSVersion = text("ProductType"), text("ProductVersion")
	if i.OSVersion == "" && i.State == device.Ready {
		i.State = device.NotAnswering
	}
	if locked, _ := values["PasswordProtected"].(bool); locked && i.State == device.Ready {
		i.State = device.Locked
	}
	if i.State != device.Ready {
		return s, nil
	}
	// iOS before 16 has no such mode, and answers that there is no such value.
	mode, err := s.Value(ctx, "com.apple.security.mac.amfi", "DeveloperModeStatus")
	if err != nil {
		return nil, err
	}
	if isOff(mode) {
		i.State = device.DeveloperModeOff
	}
	return s, nil
}

// isOff reports whether a value of lockdownd means no, as a boolean or a
// number.
func isOff(v any) bool {
	switch v := v.(type) {
	case bool:
		return !v
	case uint64:
		return v == 0
	case int64:
		return v == 0
	}
	return false
}

// stateOf returns the state that an error implies.
func stateOf(err error) (device.State, bool) {
	var e *notReadyError
	if errors.As(err, &e) {
		return e.state, true
	}
	return "", false
}

// Watch calls changed with usbmuxd's phones, now and whenever one is connected,
// disconnected or trusted, until ctx ends or usbmuxd disconnects. usbmuxd does
// not report locking and unlocking.
func (b *Backend) Watch(ctx context.Context, changed func([]device.Info)) error {
	// Listen first: a phone that is connected or disconnected between the list
	// and the events would be missed.
	m, err := b.Server.open(ctx)
	if err != nil {
		return err
	}
	defer m.Close()
	if err := m.listen(ctx); err != nil {
		return err
	}
	phones, err := b.attached(ctx)
	if err != nil {
		return err
	}
	known := map[int]device.Info{} // by usbmuxd's number
	for {
		var fresh []attached
		for _, a := range phones {
			if _, ok := known[a.number]; !ok {
				fresh = append(fresh, a)
			}
		}
		infos, err := b.infos(ctx, fresh, "", false)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return err
		}
		for _, i := range infos {
			for _, a := range fresh {
				if a.udid == i.ID && (b.Transport != "" || a.network == (i.Transport == device.Network)) {
					known[a.number] = i
				}
			}
		}
		all := make([]device.Info, 0, len(known))
		for _, i := range known {
			all = append(all, i)
		}
		changed(device.Merge(all))
		if phones, err = m.change(ctx, phones, known); err != nil {
			return err
		}
	}
}

// change waits until the list of phones changes. Entries of known that must be
// asked again are deleted.
func (m *mux) change(ctx context.Context, phones []attached, known map[int]device.Info) ([]attached, error) {
	for {
		n, err := m.next(ctx)
		if err != nil {
			return nil, err
		}
		at := slices.IndexFunc(phones, func(a attached) bool { return a.number == n.number })
		switch {
		case n.kind == cameEvent && at < 0:
			return append(phones, n.attached), nil
		case n.kind == wentEvent && at >= 0:
			delete(known, n.number)
			return slices.Delete(slices.Clone(phones), at, at+1), nil
		case n.kind == pairedEvent && at >= 0:
			delete(known, n.number)
			return phones, nil
		}
	}
}

// Open returns a phone, without a round trip.
func (b *Backend) Open(ctx context.Context, info device.Info) (device.Phone, error) {
	if info.State != device.Ready {
		return nil, device.Errorf(device.PhoneNotReady, "phone %s is not ready: %s", info.Label(), info.State).WithHint("%s", info.Fix)
	}
	b.mu.Lock()
	link := b.links[info.ID]
	b.mu.Unlock()
	if link == nil {
		var err error
		if link, err = b.Server.Link(ctx, info.ID); err != nil {
			return nil, err
		}
	}
	return &Phone{Link: link, info: info, tunnelService: b.TunnelService, staleAfter: b.StaleAfter}, nil
}

var _ device.Backend = (*Backend)(nil)
