package ios

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/ios/remotexpc"
)

// The service that launches apps on iOS 17 and newer, and what it is asked for.
// It comes with the developer disk image.
const (
	appService        = "com.apple.coredevice.appservice"
	featureLaunch     = "com.apple.coredevice.feature.launchapplication"
	featureList       = "com.apple.coredevice.feature.listprocesses"
	featureSignal     = "com.apple.coredevice.feature.sendsignaltoprocess"
	springBoard       = "com.apple.springboard"
	signalKill        = 9
	coreDeviceVersion = "629.3" // of Xcode's CoreDevice, which phones of all versions accept
)

// emptyOptions is the binary property list of an empty dictionary, which
// platformSpecificOptions holds when there are none.
var emptyOptions = []byte("bplist00\xd0\x08\x00\x00\x00\x00\x00\x00\x01\x01\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x09")

// Launch says what CoreDevice's appservice is to launch.
type Launch struct {
	BundleID string
	// URL is handed to the app, as if somebody had opened it; empty for none.
	URL string
	// Arguments and Terminate are for an app that takes no URL: it is ended and
	// started afresh with them.
	Arguments []string
	Terminate bool
}

// LaunchRequest is the request to appservice for a launch, in the form of
// Xcode's CoreDevice: an app that is brought to the front with a payload URL.
// device and invocation are UUIDs of the caller's.
func LaunchRequest(l Launch, device, invocation string) remotexpc.Dict {
	arguments := make([]any, 0, len(l.Arguments))
	for _, a := range l.Arguments {
		arguments = append(arguments, a)
	}
	options := remotexpc.Dict{
		{Key: "arguments", Value: arguments},
		{Key: "environmentVariables", Value: remotexpc.Dict{}},
		{Key: "standardIOUsesPseudoterminals", Value: true},
		{Key: "startStopped", Value: false},
		{Key: "terminateExisting", Value: l.Terminate},
		{Key: "user", Value: remotexpc.Dict{{Key: "active", Value: true}}},
		{Key: "workingDirectory", Value: nil},
		{Key: "platformSpecificOptions", Value: slices.Clone(emptyOptions)},
	}
	if l.URL != "" {
		options = append(options, remotexpc.Entry{Key: "payloadURL", Value: remotexpc.Dict{{Key: "relative", Value: l.URL}}})
	}
	options = append(options, remotexpc.Entry{Key: "activates", Value: true})
	return envelope(featureLaunch, device, invocation, remotexpc.Dict{
		{Key: "applicationSpecifier", Value: remotexpc.Dict{{Key: "bundleIdentifier", Value: remotexpc.Dict{{Key: "_0", Value: l.BundleID}}}}},
		{Key: "options", Value: options},
		{Key: "standardIOIdentifiers", Value: remotexpc.Dict{}},
	})
}

// envelope is what stands around every request to a service of CoreDevice.
func envelope(feature, device, invocation string, input remotexpc.Dict) remotexpc.Dict {
	return remotexpc.Dict{
		{Key: "CoreDevice.CoreDeviceDDIProtocolVersion", Value: int64(2)},
		{Key: "CoreDevice.action", Value: remotexpc.Dict{}},
		{Key: "CoreDevice.coreDeviceVersion", Value: remotexpc.Dict{
			{Key: "components", Value: []any{uint64(629), uint64(3)}},
			{Key: "originalComponentsCount", Value: int64(2)},
			{Key: "stringValue", Value: coreDeviceVersion},
		}},
		{Key: "CoreDevice.deviceIdentifier", Value: device},
		{Key: "CoreDevice.featureIdentifier", Value: feature},
		{Key: "CoreDevice.input", Value: input},
		{Key: "CoreDevice.invocationIdentifier", Value: invocation},
	}
}

// newUUID makes a random UUID (RFC 9562, version 4).
func newUUID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return remotexpc.UUID(b).String()
}

// process is one that runs on the phone.
type process struct {
	pid  int64
	path string // of its executable
}

// network is the way to the phone's ports behind a tunnel, whoever opened it.
type network interface {
	Dial(ctx context.Context, port uint16) (net.Conn, error)
	RSDPort() uint16
	// Done is closed when the tunnel is over; nil if it does not tell.
	Done() <-chan struct{}
	Close() error
}

// coreDevice is an open connection to a phone's appservice. It is used by one
// goroutine at a time.
type coreDevice struct {
	udid   string
	net    network
	via    string // which tunnel, in words
	client *remotexpc.Client
	device string // how this computer calls the phone
	broken bool   // a call failed half way
}

// openCoreDevice asks the phone's service directory in the tunnel for
// appservice and connects to it. The tunnel belongs to it from then on.
func openCoreDevice(ctx context.Context, udid string, n network, via string) (*coreDevice, error) {
	client, err := dialAppService(ctx, udid, n)
	if err != nil {
		n.Close()
		return nil, err
	}
	return &coreDevice{udid: udid, net: n, via: via, client: client, device: newUUID()}, nil
}

func dialAppService(ctx context.Context, udid string, n network) (*remotexpc.Client, error) {
	peer, err := directory(ctx, n)
	if err != nil {
		return nil, &tunnelError{err}
	}
	if peer.UDID != udid {
		return nil, &tunnelError{fmt.Errorf("another phone is behind it: %q", device.Printable(peer.UDID))}
	}
	port, err := peer.Port(appService)
	if err != nil {
		e := device.Errorf(device.PhoneNotReady, "the iPhone %q offers no %s: no developer disk image is mounted", udid, appService).
			WithHint("mount it: open the phone in Xcode once, or run `ios image auto`; it is gone after each restart of the phone")
		e.Err = err
		return nil, e
	}
	conn, err := n.Dial(ctx, port)
	if err != nil {
		return nil, &tunnelError{err}
	}
	client, err := remotexpc.Open(ctx, conn)
	if err != nil {
		return nil, &tunnelError{err}
	}
	return client, nil
}

// directory reads what the phone offers in the tunnel.
func directory(ctx context.Context, n network) (remotexpc.Peer, error) {
	conn, err := n.Dial(ctx, n.RSDPort())
	if err != nil {
		return remotexpc.Peer{}, err
	}
	client, err := remotexpc.Open(ctx, conn)
	if err != nil {
		return remotexpc.Peer{}, err
	}
	defer client.Close()
	return client.Handshake(ctx)
}

// tunnelError is a failure of the way, not a refusal of the phone: another
// tunnel may work.
type tunnelError struct{ error }

func (e *tunnelError) Unwrap() error { return e.error }

// launch launches an app and returns its process.
func (c *coreDevice) launch(ctx context.Context, l Launch) (process, error) {
	reply, err := c.call(ctx, LaunchRequest(l, c.device, newUUID()))
	if err != nil {
		return process{}, err
	}
	token := reply.Dict("CoreDevice.output", "processToken")
	pid, ok := token.Int("processIdentifier")
	if !ok {
		return process{}, device.Errorf(device.ServerMisbehaved, "the iPhone %q did not say which process it launched", c.udid)
	}
	return process{pid: pid, path: token.String("executableURL", "relative")}, nil
}

// stop ends the app whose bundle is at path, if it runs.
func (c *coreDevice) stop(ctx context.Context, bundle string) error {
	if bundle == "" {
		return device.Errorf(device.Failed, "the iPhone %q does not say where the app is, so its process can't be told from others", c.udid).
			WithHint("end it on the phone")
	}
	reply, err := c.call(ctx, envelope(featureList, c.device, newUUID(), nil))
	if err != nil {
		return err
	}
	for _, v := range reply.List("CoreDevice.output", "processTokens") {
		token, _ := v.(remotexpc.Dict)
		pid, ok := token.Int("processIdentifier")
		if !ok || !inBundle(token.String("executableURL", "relative"), bundle) {
			continue
		}
		if err := c.kill(ctx, pid); err != nil {
			return err
		}
	}
	return nil
}

// kill ends a process.
func (c *coreDevice) kill(ctx context.Context, pid int64) error {
	_, err := c.call(ctx, envelope(featureSignal, c.device, newUUID(), remotexpc.Dict{
		{Key: "process", Value: remotexpc.Dict{{Key: "processIdentifier", Value: pid}}},
		{Key: "signal", Value: int64(signalKill)},
	}))
	return err
}

// call sends a request and returns the reply, or the error that it is.
func (c *coreDevice) call(ctx context.Context, request remotexpc.Dict) (remotexpc.Dict, error) {
	reply, err := c.client.Call(ctx, request)
	if err != nil {
		c.broken = true
		return nil, &tunnelError{err}
	}
	if reply.Get("CoreDevice.error") == nil {
		return reply, nil
	}
	return nil, c.refusal(reply.Dict("CoreDevice.error"), request.String("CoreDevice.input", "applicationSpecifier", "bundleIdentifier", "_0"))
}

// refusal makes a sentence of an error of CoreDevice. What happened stands
// somewhere in the NSErrors inside it, in words.
func (c *coreDevice) refusal(e remotexpc.Dict, bundleID string) error {
	said := sayings(e, nil, 0)
	has := func(parts ...string) bool {
		return slices.ContainsFunc(said, func(s string) bool {
			return slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(strings.ToLower(s), p) })
		})
	}
	isLocked := slices.ContainsFunc(said, func(s string) bool { return s == "Locked" || strings.HasSuffix(s, ": Locked") })
	switch {
	case isLocked || has("device was not, or could not be, unlocked", "unable to launch because the device is locked"):
		return lockedError(c.udid)
	case has("is not installed", "unknown to frontboard", "notfound"):
		return notInstalled(bundleID)
	case has("developer mode"):
		return developerModeError(c.udid)
	}
	code, _ := e.Int("code")
	longest := slices.MaxFunc(append(said, ""), func(a, b string) int { return cmp.Compare(len(a), len(b)) })
	return device.Errorf(device.Failed, "the iPhone %q did not open it: CoreDevice says %q (%s %d)", c.udid, excerpt(device.Printable(longest)), device.Printable(e.String("domain")), code)
}

// sayings collects the texts in an error.
func sayings(v any, into []string, depth int) []string {
	const most, deep = 64, 16
	if len(into) >= most || depth > deep {
		return into
	}
	switch v := v.(type) {
	case string:
		into = append(into, v)
	case remotexpc.Dict:
		for _, value := range v.All() {
			into = sayings(value, into, depth+1)
		}
	case []any:
		for _, value := range v {
			into = sayings(value, into, depth+1)
		}
	}
	return into
}

// excerpt shortens what a phone said.
func excerpt(s string) string {
	const most = 300
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// developerModeError says that a phone's developer mode is off.
func developerModeError(udid string) error {
	return device.Errorf(device.PhoneNotReady, "the developer mode of the iPhone %q is off", udid).
		WithHint("turn it on in Settings > Privacy & Security > Developer Mode; the phone restarts. Or start a WebDriverAgent on it")
}

// notInstalled says that an app is not on the phone.
func notInstalled(bundleID string) error {
	return device.Errorf(device.Refused, "the app %q is not installed on the phone", bundleID).
		WithHint("install it, or name another with --bundle-id")
}

// alive reports whether the tunnel stands, as far as is known.
func (c *coreDevice) alive() bool {
	select {
	case <-c.net.Done():
		return false
	default:
		return !c.broken
	}
}

// Close ends the connection and the tunnel.
func (c *coreDevice) Close() error { return errors.Join(c.client.Close(), c.net.Close()) }
