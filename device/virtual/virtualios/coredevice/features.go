package coredevice

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/wxctl/wxctl/device/ios/remotexpc"
	"github.com/wxctl/wxctl/device/virtual/virtualios/idevice"
)

const featurePrefix = "com.apple.coredevice.feature."

// features are what a service does, by the last part of the name. With iOS 26's
// developer disk image came streams, and the list of apps as one answer went:
// pymobiledevice3 found that the phone never answers it.
func (s *Server) features(service string) []string {
	if service == DeviceInfo {
		return []string{"getdeviceinfo", "getlockstate"}
	}
	list := []string{"launchapplication", "listprocesses", "sendsignaltoprocess", "listapps"}
	if major, _ := s.phone.Version(); major >= 26 {
		list = append(list, "streamapplist", "streamprocesslist")
	}
	return list
}

// requestError is a request that CoreDevice can't read. Its Swift decoder names
// the key.
type requestError struct{ key, want string }

func (e *requestError) Error() string {
	return fmt.Sprintf("The data couldn’t be read because it isn’t in the correct format: %s is not %s", e.key, e.want)
}

// invoke answers one invocation of a feature.
func (c *connection) invoke(ctx context.Context, request remotexpc.Dict, reply func(remotexpc.Dict) error) error {
	s := c.server
	feature, _ := strings.CutPrefix(request.String("CoreDevice.featureIdentifier"), featurePrefix)
	input := request.Dict("CoreDevice.input")
	var output any
	err := checkEnvelope(request)
	if err == nil {
		switch feature {
		case "launchapplication":
			output, err = s.launch(ctx, input)
		case "listprocesses":
			output = remotexpc.Dict{{Key: "processTokens", Value: s.processes()}}
		case "listapps":
			if major, _ := s.phone.Version(); major >= 26 {
				return nil // and no answer, ever
			}
			output, err = s.apps(input)
		case "sendsignaltoprocess":
			output, err = s.signal(input)
		case "streamapplist", "streamprocesslist":
			return s.stream(feature, input, reply)
		case "getdeviceinfo":
			output = s.info()
		case "getlockstate":
			output = remotexpc.Dict{{Key: "passcodeRequired", Value: s.phone.Locked()}, {Key: "unlockedSinceBoot", Value: true}}
		default:
			err = fmt.Errorf("The requested feature %q is not supported", feature)
		}
	}
	invocation := remotexpc.Entry{Key: "CoreDevice.invocationIdentifier", Value: request.String("CoreDevice.invocationIdentifier")}
	if err != nil {
		return reply(remotexpc.Dict{{Key: "CoreDevice.error", Value: errorOf(err)}, invocation})
	}
	return reply(remotexpc.Dict{invocation, {Key: "CoreDevice.output", Value: output}})
}

// checkEnvelope looks at what stands around every request.
func checkEnvelope(request remotexpc.Dict) error {
	for _, key := range []string{"CoreDevice.deviceIdentifier", "CoreDevice.invocationIdentifier", "CoreDevice.featureIdentifier"} {
		if request.String(key) == "" {
			return &requestError{key, "a string"}
		}
	}
	version := request.Dict("CoreDevice.coreDeviceVersion")
	if version.String("stringValue") == "" || len(version.List("components")) == 0 {
		return &requestError{"CoreDevice.coreDeviceVersion", "a version"}
	}
	if _, ok := request.Int("CoreDevice.CoreDeviceDDIProtocolVersion"); !ok {
		return &requestError{"CoreDevice.CoreDeviceDDIProtocolVersion", "a number"}
	}
	if request.Dict("CoreDevice.input") == nil {
		return &requestError{"CoreDevice.input", "a dictionary"}
	}
	return nil
}

// launchOf reads a launch. What every client sends has no default; a missing
// one is an error, as for Swift's decoder.
func launchOf(input remotexpc.Dict) (idevice.Launch, error) {
	l := idevice.Launch{BundleID: input.String("applicationSpecifier", "bundleIdentifier", "_0"), Env: map[string]string{}}
	if l.BundleID == "" {
		return l, &requestError{"applicationSpecifier", "a bundle identifier"}
	}
	if input.Dict("standardIOIdentifiers") == nil {
		return l, &requestError{"standardIOIdentifiers", "a dictionary"}
	}
	o := input.Dict("options")
	arguments, ok := o.Get("arguments").([]any)
	if !ok {
		return l, &requestError{"options.arguments", "an array"}
	}
	for _, a := range arguments {
		text, ok := a.(string)
		if !ok {
			return l, &requestError{"options.arguments", "an array of strings"}
		}
		l.Args = append(l.Args, text)
	}
	env, ok := o.Get("environmentVariables").(remotexpc.Dict)
	if !ok {
		return l, &requestError{"options.environmentVariables", "a dictionary"}
	}
	for name, value := range env.All() {
		if l.Env[name], ok = value.(string); !ok {
			return l, &requestError{"options.environmentVariables", "a dictionary of strings"}
		}
	}
	var flags = map[string]bool{}
	for _, key := range []string{"standardIOUsesPseudoterminals", "startStopped", "terminateExisting"} {
		if flags[key], ok = o.Get(key).(bool); !ok {
			return l, &requestError{"options." + key, "a bool"}
		}
	}
	l.Suspended, l.Terminate = flags["startStopped"], flags["terminateExisting"]
	if user := o.Dict("user"); !user.Bool("active") && user.String("shortName") == "" {
		return l, &requestError{"options.user", "a user"}
	}
	if _, ok := o.Get("platformSpecificOptions").([]byte); !ok {
		return l, &requestError{"options.platformSpecificOptions", "data"}
	}
	// An app comes to the front unless the request says otherwise: tools that
	// know no "activates" launch apps that one sees.
	l.Activates = true
	if v := o.Get("activates"); v != nil {
		if l.Activates, ok = v.(bool); !ok {
			return l, &requestError{"options.activates", "a bool"}
		}
	}
	if v := o.Get("payloadURL"); v != nil {
		if l.URL = o.String("payloadURL", "relative"); l.URL == "" {
			return l, &requestError{"options.payloadURL", "a URL"}
		}
	}
	return l, nil
}

func (s *Server) launch(ctx context.Context, input remotexpc.Dict) (any, error) {
	l, err := launchOf(input)
	if err != nil {
		return nil, err
	}
	if s.options.ColdURLs && !l.Terminate && l.BundleID != idevice.SpringBoard {
		if _, runs := s.phone.Process(l.BundleID); runs {
			l.URL = ""
		}
	}
	p, err := s.phone.Launch(ctx, l)
	if err != nil {
		return nil, err
	}
	return remotexpc.Dict{{Key: "processToken", Value: token(p)}}, nil
}

// token is how CoreDevice names a process. idevice, the crate, wants all of it.
func token(p idevice.Process) remotexpc.Dict {
	audit := make([]any, 8)
	for i := range audit {
		audit[i] = uint64(0)
	}
	audit[5] = uint64(p.PID)
	return remotexpc.Dict{
		{Key: "auditToken", Value: audit},
		{Key: "executableURL", Value: remotexpc.Dict{{Key: "relative", Value: "file://" + p.Path}}},
		{Key: "processIdentifier", Value: int64(p.PID)},
		{Key: "processIdentifierVersion", Value: int64(1)},
	}
}

func (s *Server) processes() []any {
	list := []any{}
	for _, p := range s.phone.Processes() {
		list = append(list, remotexpc.Dict{
			{Key: "executableURL", Value: remotexpc.Dict{{Key: "relative", Value: "file://" + p.Path}}},
			{Key: "processIdentifier", Value: int64(p.PID)},
		})
	}
	return list
}

func (s *Server) apps(input remotexpc.Dict) ([]any, error) {
	for _, key := range []string{"includeAppClips", "includeRemovableApps", "includeHiddenApps", "includeInternalApps", "includeDefaultApps"} {
		if _, ok := input.Get(key).(bool); !ok {
			return nil, &requestError{key, "a bool"}
		}
	}
	list := []any{}
	for _, a := range s.phone.Apps() {
		if !input.Bool("includeDefaultApps") && a.System || !input.Bool("includeRemovableApps") && !a.System {
			continue
		}
		list = append(list, remotexpc.Dict{
			{Key: "bundleIdentifier", Value: a.BundleID},
			{Key: "bundleVersion", Value: a.Build},
			{Key: "isAppClip", Value: false},
			{Key: "isDeveloperApp", Value: a.HasProfile},
			{Key: "isFirstParty", Value: a.System},
			{Key: "isHidden", Value: a.Hidden},
			{Key: "isInternal", Value: false},
			{Key: "isRemovable", Value: !a.System},
			{Key: "name", Value: a.Name},
			{Key: "url", Value: remotexpc.Dict{{Key: "relative", Value: "file://" + a.Path() + "/"}}},
			{Key: "version", Value: a.Version},
		})
	}
	return list, nil
}

// signal ends a process: no virtual app handles a signal.
func (s *Server) signal(input remotexpc.Dict) (any, error) {
	pid, ok := input.Int("process", "processIdentifier")
	if !ok {
		return nil, &requestError{"process.processIdentifier", "a number"}
	}
	signal, ok := input.Int("signal")
	if !ok {
		return nil, &requestError{"signal", "a number"}
	}
	if err := s.phone.Terminate(int(pid)); err != nil {
		return nil, err
	}
	return remotexpc.Dict{
		{Key: "process", Value: remotexpc.Dict{{Key: "processIdentifier", Value: pid}}},
		{Key: "signal", Value: signal},
	}, nil
}

// stream answers with a message of elements and one that ends them.
func (s *Server) stream(feature string, input remotexpc.Dict, reply func(remotexpc.Dict) error) error {
	channel, ok := input.Dict("streamProxy").Get("sideChannel").(remotexpc.UUID)
	if !ok {
		return reply(remotexpc.Dict{{Key: "CoreDevice.error", Value: errorOf(&requestError{"streamProxy.sideChannel", "a UUID"})}})
	}
	say := func(status remotexpc.Dict) error {
		return reply(remotexpc.Dict{
			{Key: "CoreDevice.XPCMessageKey.sideChannelStatus", Value: status},
			{Key: "XPCSideChannel.uniqueIdentifier", Value: channel},
		})
	}
	elements, err := s.processes(), error(nil)
	if feature == "streamapplist" {
		elements, err = s.apps(input.Dict("actualInput"))
	}
	if err != nil {
		return say(remotexpc.Dict{{Key: "receivedError", Value: remotexpc.Dict{{Key: "error", Value: errorOf(err)}}}})
	}
	if err := say(remotexpc.Dict{{Key: "pushing", Value: remotexpc.Dict{{Key: "elements", Value: elements}}}}); err != nil {
		return err
	}
	return say(remotexpc.Dict{{Key: "finishStreaming", Value: remotexpc.Dict{}}})
}

func (s *Server) info() remotexpc.Dict {
	p := s.phone
	return remotexpc.Dict{
		{Key: "name", Value: p.Name()},
		{Key: "osBuild", Value: remotexpc.Dict{{Key: "buildUpdateVersion", Value: p.Build()}}},
		{Key: "osVersion", Value: p.IOS()},
		{Key: "productType", Value: p.ProductType()},
		{Key: "udid", Value: p.UDID()},
	}
}

// errorOf is an error as CoreDevice says it: an NSError, with the one behind it
// inside, as FrontBoard names it.
func errorOf(err error) remotexpc.Dict {
	ns := func(domain string, code int64, description, reason string, more ...remotexpc.Entry) remotexpc.Dict {
		info := remotexpc.Dict{{Key: "NSLocalizedDescription", Value: description}}
		if reason != "" {
			info = append(info, remotexpc.Entry{Key: "NSLocalizedFailureReason", Value: reason})
		}
		return remotexpc.Dict{{Key: "code", Value: code}, {Key: "domain", Value: domain}, {Key: "userInfo", Value: append(info, more...)}}
	}
	const (
		coreDevice = "com.apple.dt.CoreDeviceError"
		frontBoard = "FBSOpenApplicationServiceErrorDomain"
		failed     = "The application failed to launch."
	)
	var bad *requestError
	switch {
	case errors.As(err, &bad):
		return ns("NSCocoaErrorDomain", 4864, err.Error(), "")
	case errors.Is(err, idevice.ErrLocked):
		under := ns(frontBoard, 1, "The request to open the application failed.",
			"The request was denied by service delegate (SBMainWorkspace) for reason: Locked (\"the device was not, or could not be, unlocked\").",
			remotexpc.Entry{Key: "BSErrorCodeDescription", Value: "Locked"})
		return ns(coreDevice, 10002, failed+" "+err.Error(), "", remotexpc.Entry{Key: "NSUnderlyingError", Value: under})
	case errors.Is(err, idevice.ErrNotInstalled):
		return ns(coreDevice, 10002, err.Error(), "The application is not installed.")
	case errors.Is(err, idevice.ErrNoHandler):
		under := ns("NSOSStatusErrorDomain", -10814, "The operation couldn’t be completed. (OSStatus error -10814.)", "",
			remotexpc.Entry{Key: "_LSErrorMessage", Value: "kLSApplicationNotFoundErr"})
		return ns(coreDevice, 10002, failed+" "+err.Error(), "", remotexpc.Entry{Key: "NSUnderlyingError", Value: under})
	case errors.Is(err, idevice.ErrNoProcess):
		return ns("NSPOSIXErrorDomain", 3, "The operation couldn’t be completed. No such process", "")
	}
	return ns(coreDevice, 1, err.Error(), "")
}
