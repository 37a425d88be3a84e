package ios

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/ios/cdtunnel"
)

// opener opens URLs on a phone.
type opener interface {
	// words describe the opener and how it reaches the phone.
	words() string
	// open passes a URL to an app and brings it to the front.
	open(ctx context.Context, bundleID, link string) (opened, error)
	// restart terminates an app and starts it with launch arguments.
	restart(ctx context.Context, bundleID string, arguments []string) (opened, error)
	Close() error
}

// opened is what an opener knows about the result.
type opened struct {
	process       // zero if the opener does not report it
	front    bool // the app is in front now
	source   string
	accepted string // in words: "the system launched process 4242"
}

// Where evidence was seen.
const (
	sourceCoreDevice = "CoreDevice"
	sourceWDA        = "WebDriverAgent"
)

// openers are the connections used to open URLs on a phone. They stay open as
// long as the phone does, so that many requests share one tunnel.
type openers struct {
	core *coreDevice
	wda  *wda
}

// Close closes what is open.
func (o *openers) Close() error {
	var errs []error
	if o.core != nil {
		errs = append(errs, o.core.Close())
	}
	if o.wda != nil {
		errs = append(errs, o.wda.Close())
	}
	*o = openers{}
	return errors.Join(errs...)
}

// osVersion is an iOS version: 17.4.1 is {17, 4, 1}.
type osVersion [3]int

// parseVersion reads a version; a part that is not a number counts as 0.
func parseVersion(s string) osVersion {
	var v osVersion
	for i, part := range strings.SplitN(s, ".", len(v)) {
		v[i], _ = strconv.Atoi(part)
	}
	return v
}

// atLeast reports whether v is major.minor or newer.
func (v osVersion) atLeast(major, minor int) bool {
	return v[0] > major || v[0] == major && v[1] >= minor
}

// ownTunnel reports whether a computer can open a tunnel to a phone of this
// version without root: CoreDeviceProxy came with iOS 17.4, and works from
// 17.4.1 on (go-ios, tunnel_api.go).
func (v osVersion) ownTunnel() bool {
	return v.atLeast(17, 5) || v == (osVersion{17, 4, v[2]}) && v[2] > 0
}

// The first versions with each way to open a URL: payloadURL of CoreDevice's
// appservice, and XCTest's own, which WebDriverAgent uses.
func (v osVersion) hasPayloadURL() bool { return v.atLeast(17, 0) }
func (v osVersion) hasOpenURL() bool    { return v.atLeast(16, 4) }

// version is the phone's iOS version.
func (p *Phone) version() osVersion { return parseVersion(p.info.OSVersion) }

// opener returns the best way to open URLs on the phone: CoreDevice from iOS 17
// on, otherwise or if that fails, a WebDriverAgent that listens on the phone.
// note is called with the reason for a fallback.
func (p *Phone) opener(ctx context.Context, note func(message, hint string)) (opener, error) {
	if !p.version().hasPayloadURL() {
		return p.wdaOpener(ctx)
	}
	core, err := p.coreOpener(ctx, note)
	if err == nil {
		return core, nil
	}
	var why *device.Error
	if ctx.Err() != nil || !errors.As(err, &why) || why.Code == device.PhoneLost || isLocked(why) {
		return nil, err
	}
	other, otherErr := p.wdaOpener(ctx)
	switch {
	case otherErr == nil:
		note("CoreDevice can't be used: "+why.Message, why.Hint)
		return other, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	}
	second := device.AsError(otherErr)
	if isLocked(second) {
		return nil, second
	}
	e := *why
	e.Message = fmt.Sprintf("%s; and %s", e.Message, second.Message)
	if e.Hint == "" {
		e.Hint = second.Hint
	} else {
		e.Hint = fmt.Sprintf("%s. Or %s", e.Hint, second.Hint)
	}
	e.Err = errors.Join(why, second)
	return nil, &e
}

// errLocked is the cause of the error of a locked phone.
var errLocked = errors.New("locked")

func isLocked(err error) bool { return errors.Is(err, errLocked) }

// wdaOpener returns the WebDriverAgent that listens on the phone.
func (p *Phone) wdaOpener(ctx context.Context) (opener, error) {
	if p.openers.wda == nil {
		client := p.newWDA()
		if err := client.ready(ctx); err != nil {
			client.Close()
			return nil, err
		}
		p.openers.wda = client
	}
	if err := p.openers.wda.locked(ctx); err != nil {
		return nil, err
	}
	return wdaOpener{p.openers.wda}, nil
}

// staleAfter is how long a tunnel of a service may be silent before it counts
// as stale, if there is enough time: a working one answers in milliseconds.
const staleAfter = 5 * time.Second

// coreOpener returns the connection to the phone's appservice: the open one,
// else one through the tunnel of go-ios's tunnel service, else one through a
// new tunnel.
func (p *Phone) coreOpener(ctx context.Context, note func(message, hint string)) (opener, error) {
	if core := p.openers.core; core != nil {
		if core.alive() {
			return coreOpener{core}, nil
		}
		p.openers.core = nil
		core.Close()
		note("the tunnel to the phone broke, as it does when the phone is unplugged: a new one is opened", "")
	}
	core, err := p.throughService(ctx)
	if err == nil {
		p.openers.core = core
		return coreOpener{core}, nil
	}
	var why *device.Error
	known := errors.As(err, &why)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case !p.version().ownTunnel() && known:
		return nil, err
	case !p.version().ownTunnel():
		return nil, device.Errorf(device.PhoneNotReady, "iOS %s accepts tunnels from root only, and no tunnel service of "+
			"go-ios at %s has one to the iPhone %q", p.info.OSVersion, p.serviceName(), p.info.ID).
			WithHint("start one: sudo ios tunnel start. Or update the phone to iOS 17.4 or newer")
	case known && !errors.Is(err, errStale):
		return nil, err
	case known:
		note(why.Message, why.Hint)
	}
	if core, err = p.throughOwn(ctx); err != nil {
		return nil, err
	}
	p.openers.core = core
	return coreOpener{core}, nil
}

func (p *Phone) serviceName() string {
	if p.tunnelService == "" {
		return "127.0.0.1:60105"
	}
	return p.tunnelService
}

// errStale is the cause of the error of a service's tunnel that no longer
// works.
var errStale = errors.New("stale tunnel")

// throughService connects through the tunnel of go-ios's tunnel service.
func (p *Phone) throughService(ctx context.Context) (*coreDevice, error) {
	tunnel, err := findTunnel(ctx, p.tunnelService, p.info.ID)
	if err != nil {
		return nil, err
	}
	patience := cmp.Or(p.staleAfter, staleAfter)
	if deadline, ok := ctx.Deadline(); ok {
		patience = min(patience, time.Until(deadline)/3)
	}
	trying, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	core, err := openCoreDevice(trying, p.Link, tunnel, fmt.Sprintf("the tunnel service of go-ios at %s", p.tunnelService))
	var broken *tunnelError
	if errors.As(err, &broken) && ctx.Err() == nil {
		return nil, tunnel.stale(p.info.ID, err)
	}
	return core, p.whyNot(ctx, err)
}

// throughOwn connects through a new tunnel.
func (p *Phone) throughOwn(ctx context.Context) (*coreDevice, error) {
	conn, err := p.service(ctx, cdtunnel.Service)
	var refusal *LockdownError
	if errors.As(err, &refusal) {
		return nil, p.whyNot(ctx, device.Errorf(device.PhoneNotReady, "the iPhone %q opens no tunnel: lockdown "+
			"answers %q to %s", p.info.ID, device.Printable(refusal.Code), cdtunnel.Service).
			WithHint("turn its developer mode on (Settings > Privacy & Security), and restart it"))
	}
	if err != nil {
		return nil, p.noService(cdtunnel.Service, err)
	}
	tunnel, err := cdtunnel.Open(ctx, conn)
	if err != nil {
		return nil, p.tunnelBroken(ctx, err)
	}
	core, err := openCoreDevice(ctx, p.Link, tunnel, "a tunnel that wxctl opened, in its own process")
	var broken *tunnelError
	if errors.As(err, &broken) {
		return nil, p.tunnelBroken(ctx, err)
	}
	return core, p.whyNot(ctx, err)
}

// tunnelBroken converts the error of a tunnel that could not be opened.
func (p *Phone) tunnelBroken(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	e := device.Errorf(device.PhoneNotReady, "the tunnel to the iPhone %q could not be opened: %w", p.info.ID, err)
	return e.WithHint("unlock the phone, unplug it and plug it in again; restart it if that does not help")
}

// whyNot checks whether developer mode is off, which would explain the error:
// the phone then has none of these services.
func (p *Phone) whyNot(ctx context.Context, err error) error {
	if e := (*device.Error)(nil); !errors.As(err, &e) || e.Code != device.PhoneNotReady || isLocked(err) {
		return err
	}
	var mode any
	// A phone that does not know the key has no such mode (iOS 15).
	asked := p.ask(ctx, func(s *Session) (e error) {
		mode, e = s.Value(ctx, "com.apple.security.mac.amfi", "DeveloperModeStatus")
		return e
	})
	if asked == nil && isOff(mode) {
		return developerModeError(p.info.ID)
	}
	return err
}

// coreOpener opens URLs as CoreDevice's payload URLs.
type coreOpener struct{ *coreDevice }

func (o coreOpener) words() string { return "CoreDevice payloadURL, through " + o.via }

// Close leaves the connection open: the phone owns it.
func (o coreOpener) Close() error { return nil }

func (o coreOpener) open(ctx context.Context, bundleID, link string) (opened, error) {
	return o.launched(ctx, Launch{BundleID: bundleID, URL: link})
}

func (o coreOpener) restart(ctx context.Context, bundleID string, arguments []string) (opened, error) {
	return o.launched(ctx, Launch{BundleID: bundleID, Arguments: arguments, Terminate: true})
}

func (o coreOpener) launched(ctx context.Context, l Launch) (opened, error) {
	pr, err := o.launch(ctx, l)
	var broken *tunnelError
	if errors.As(err, &broken) && ctx.Err() == nil {
		e := device.Errorf(device.PhoneLost, "the tunnel to the iPhone %q broke while the URL was sent; whether the phone received "+
			"it is not known", o.udid).
			WithHint("plug it in again and check `wxctl devices`")
		e.Err = err
		return opened{}, e
	}
	if err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return opened{}, err
	}
	return opened{process: pr, front: true, source: sourceCoreDevice,
		accepted: fmt.Sprintf("the system accepted it (process %d)", pr.pid)}, nil
}

// wdaOpener opens URLs through WebDriverAgent.
type wdaOpener struct{ *wda }

func (o wdaOpener) words() string {
	return fmt.Sprintf("the WebDriverAgent on port %d of the phone", wdaPort)
}

// Close leaves the connection open: the phone owns it.
func (o wdaOpener) Close() error { return nil }

func (o wdaOpener) open(ctx context.Context, _, link string) (opened, error) {
	return opened{source: sourceWDA, accepted: "WebDriverAgent opened it"}, o.openURL(ctx, link)
}

func (o wdaOpener) restart(ctx context.Context, bundleID string, arguments []string) (opened, error) {
	return opened{source: sourceWDA, accepted: "WebDriverAgent started the app with it"}, o.launch(ctx, bundleID, arguments)
}
