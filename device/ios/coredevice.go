package ios

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/wxctl/wxctl/device"
)

// The service that launches apps on iOS 17 and newer, and its features. It is
// part of the developer disk image.
const (
	appService        = "com.apple.coredevice.appservice"
	featureLaunch     = "com.apple.coredevice.feature.launchapplication"
	featureList       = "com.apple.coredevice.feature.listprocesses"
	featureSignal     = "com.apple.coredevice.feature.sendsignaltoprocess"
	springBoard       = "com.apple.springboard"
	signalKill        = 9
	coreDeviceVersion = "629.3" // of Xcode's CoreDevice; phones of all versions accept it
)

// emptyOptions is the binary property list of an empty dictionary:
// platformSpecificOptions without any options.
var emptyOptions = []byte("bplist00\xd0\x08" +
	"\x00\x00\x00\x00\x00\x00\x01\x01\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x09")

// Launch says what CoreDevice's appservice should launch.
type Launch struct {
	BundleID string
	// URL is passed to the app as if the user had opened it; empty for none.
	URL string
	// Arguments and Terminate are for an app that gets no URL: it is terminated
	// and started again with them.
	Arguments []string
	Terminate bool
}

// LaunchRequest is the request to appservice for a launch, in the form of
// Xcode's CoreDevice: an app that is brought to the front with a payload URL.
// device and invocation are UUIDs that the caller chooses.
func LaunchRequest(l Launch, device, invocation string) map[string]any {
	options := map[string]any{
		"arguments":                     append([]string{}, l.Arguments...),
		"environmentVariables":          map[string]any{},
		"standardIOUsesPseudoterminals": true,
		"startStopped":                  false,
		"terminateExisting":             l.Terminate,
		"user":                          map[string]any{"active": true},
		"workingDirectory":              nil,
		"platformSpecificOptions":       emptyOptions,
		"activates":                     true,
	}
	if l.URL != "" {
		options["payloadURL"] = map[string]any{"relative": l.URL}
	}
	return envelope(featureLaunch, device, invocation, map[string]any{
		"applicationSpecifier":  map[string]any{"bundleIdentifier": map[string]any{"_0": l.BundleID}},
		"options":               options,
		"standardIOIdentifiers": map[string]any{},
	})
}

// envelope wraps a request to a service of CoreDevice.
func envelope(feature, device, invocation string, input map[string]any) map[string]any {
	return map[string]any{
		"CoreDevice.CoreDeviceDDIProtocolVersion": int64(2),
		"CoreDevice.action":                       map[string]any{},
		"CoreDevice.coreDeviceVersion": map[string]any{
			"components":              []uint64{629, 3},
			"originalComponentsCount": int64(2),
			"stringValue":             coreDeviceVersion,
		},
		"CoreDevice.deviceIdentifier":     device,
		"CoreDevice.featureIdentifier":    feature,
		"CoreDevice.input":                input,
		"CoreDevice.invocationIdentifier": invocation,
	}
}

// newUUID returns a UUID in Apple's spelling.
func newUUID() string { return strings.ToUpper(uuid.New().String()) }

// process is a running process on the phone.
type process struct {
	pid  int64
	path string // of its executable
}

// network reaches the phone's ports through a tunnel, no matter which program
// opened it.
type network interface {
	Dial(ctx context.Context, port uint16) (net.Conn, error)
	RSDPort() uint16
	// Done is closed when the tunnel has ended; nil if that isn't known.
	Done() <-chan struct{}
	Close() error
}

// coreDevice is an open connection to a phone's appservice. It is used by one
// goroutine at a time.
type coreDevice struct {
	udid   string
	net    network
	via    string // which tunnel, in words
	client *remoteXPC
	device string // the UUID by which requests name the phone
	broken bool   // a call failed half way
}

// openCoreDevice asks the phone's service directory in the tunnel for
// appservice and connects to it. The coreDevice owns the tunnel.
func openCoreDevice(ctx context.Context, l *Link, n network, via string) (*coreDevice, error) {
	udid := l.udid
	client, err := dialAppService(ctx, udid, n, l.server.Trace)
	if err != nil {
		n.Close()
		return nil, err
	}
	return &coreDevice{udid: udid, net: n, via: via, client: client, device: newUUID()}, nil
}

func dialAppService(ctx context.Context, udid string, n network, trace *device.Trace) (*remoteXPC, error) {
	directory, err := readDirectory(ctx, n, trace)
	if err != nil {
		return nil, &tunnelError{err}
	}
	if found := textAt(directory, "Properties", "UniqueDeviceID"); found != udid {
		return nil, &tunnelError{fmt.Errorf("it belongs to another phone: %q", device.Printable(found))}
	}
	port, ok := portOf(directory, appService)
	if !ok {
		return nil, device.Errorf(device.PhoneNotReady, "the iPhone %q offers no %s: no developer disk image is mounted", udid, appService).
			WithHint("mount it: open the phone in Xcode once, or run `ios image auto`; it is gone after each restart of the phone")
	}
	client, err := dialXPC(ctx, n, port, trace.Wire("coredevice"))
	if err != nil {
		return nil, &tunnelError{err}
	}
	return client, nil
}

// readDirectory reads the description of the phone and its services, which its
// RSD port sends once a connection is open.
func readDirectory(ctx context.Context, n network, trace *device.Trace) (map[string]any, error) {
	x, err := dialXPC(ctx, n, n.RSDPort(), trace.Wire("rsd"))
	if err != nil {
		return nil, err
	}
	defer x.Close()
	return x.pushed(ctx, "Handshake")
}

func dialXPC(ctx context.Context, n network, port uint16, traced device.Wire) (*remoteXPC, error) {
	conn, err := n.Dial(ctx, port)
	if err != nil {
		return nil, err
	}
	return openXPC(ctx, conn, traced)
}

// portOf returns a service's port. Phones write ports as text; a number is
// accepted too.
func portOf(directory map[string]any, service string) (port uint16, ok bool) {
	at := valueAt(directory, "Services", service, "Port")
	if n, isNumber := number(at); isNumber {
		at = strconv.FormatInt(n, 10)
	}
	text, _ := at.(string)
	n, err := strconv.ParseUint(text, 10, 16)
	return uint16(n), err == nil && n > 0
}

// valueAt is the value at the end of a path through dictionaries, nil if there
// is none.
func valueAt(v any, path ...string) any {
	for _, key := range path {
		d, _ := v.(map[string]any)
		v = d[key]
	}
	return v
}

// textAt is the text at the end of a path, empty if there is none.
func textAt(v any, path ...string) string {
	s, _ := valueAt(v, path...).(string)
	return s
}

// number is a whole number, signed or not on the wire.
func number(v any) (n int64, ok bool) {
	switch v := v.(type) {
	case int64:
		return v, true
	case uint64:
		return int64(v), v <= math.MaxInt64
	}
	return 0, false
}

// tunnelError is a failure of the connection and not a refusal of the phone:
// another tunnel may work.
type tunnelError struct{ error }

func (e *tunnelError) Unwrap() error { return e.error }

// launch launches an app and returns its process.
func (c *coreDevice) launch(ctx context.Context, l Launch) (process, error) {
	reply, err := c.call(ctx, LaunchRequest(l, c.device, newUUID()))
	if err != nil {
		return process{}, err
	}
	token := valueAt(reply, "CoreDevice.output", "processToken")
	pid, ok := number(valueAt(token, "processIdentifier"))
	if !ok {
		return process{}, device.Errorf(device.ServerMisbehaved, "the iPhone %q did not say which process it launched", c.udid)
	}
	return process{pid: pid, path: textAt(token, "executableURL", "relative")}, nil
}

// stop ends the app whose bundle is at path, if it runs.
func (c *coreDevice) stop(ctx context.Context, bundle string) error {
	if bundle == "" {
		return device.Errorf(device.Failed, "the iPhone %q does not report the app's path, so its process can't be found", c.udid).
			WithHint("close the app on the phone")
	}
	reply, err := c.call(ctx, envelope(featureList, c.device, newUUID(), map[string]any{}))
	if err != nil {
		return err
	}
	tokens, _ := valueAt(reply, "CoreDevice.output", "processTokens").([]any)
	for _, token := range tokens {
		pid, ok := number(valueAt(token, "processIdentifier"))
		if !ok || !inBundle(textAt(token, "executableURL", "relative"), bundle) {
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
	_, err := c.call(ctx, envelope(featureSignal, c.device, newUUID(), map[string]any{
		"process": map[string]any{"processIdentifier": pid},
		"signal":  int64(signalKill),
	}))
	return err
}

// call sends a request and returns the reply, or the error that it contains.
func (c *coreDevice) call(ctx context.Context, request map[string]any) (map[string]any, error) {
	reply, err := c.client.call(ctx, request)
	if err != nil {
		c.broken = true
		return nil, &tunnelError{err}
	}
	refusal := reply["CoreDevice.error"]
	if refusal == nil {
		return reply, nil
	}
	return nil, c.refusal(refusal, textAt(request, "CoreDevice.input", "applicationSpecifier", "bundleIdentifier", "_0"))
}

// refusal converts an error of CoreDevice to a sentence. The reason is in the
// text of one of the NSErrors inside it.
func (c *coreDevice) refusal(e any, bundleID string) error {
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
	code, _ := number(valueAt(e, "code"))
	longest := slices.MaxFunc(append(said, ""), func(a, b string) int { return cmp.Compare(len(a), len(b)) })
	return device.Errorf(device.Failed, "the iPhone %q did not open it: CoreDevice says %q (%s %d)", c.udid,
		excerpt(device.Printable(longest)), device.Printable(textAt(e, "domain")), code)
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
	case map[string]any:
		for _, value := range v {
			into = sayings(value, into, depth+1)
		}
	case []any:
		for _, value := range v {
			into = sayings(value, into, depth+1)
		}
	}
	return into
}

// excerpt shortens text from a phone.
func excerpt(s string) string {
	const most = 300
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// developerModeError means that a phone's developer mode is off.
func developerModeError(udid string) error {
	return device.Errorf(device.PhoneNotReady, "the developer mode of the iPhone %q is off", udid).
		WithHint("turn it on in Settings > Privacy & Security > Developer Mode; the phone restarts. Or start a WebDriverAgent on it")
}

// notInstalled means that an app is not on the phone.
func notInstalled(bundleID string) error {
	return device.Errorf(device.Refused, "the app %q is not installed on the phone", bundleID).
		WithHint("install it, or name another with --bundle-id")
}

// alive reports whether the tunnel is open, as far as is known.
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
