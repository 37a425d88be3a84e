package coredevice

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/google/uuid"

	"github.com/wxctl/wxctl/device/virtual/virtualios/idevice"
)

const featurePrefix = "com.apple.coredevice.feature."

// features are what a service does, by the last part of the name. iOS 26's
// developer disk image has streams, and no longer the list of apps as one
// answer: pymobiledevice3 found that the phone never answers that request.
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
func (c *connection) invoke(ctx context.Context, request dict, reply func(dict) error) error {
	s := c.server
	feature, _ := strings.CutPrefix(at[string](request, "CoreDevice.featureIdentifier"), featurePrefix)
	input := at[dict](request, "CoreDevice.input")
	var output any
	err := checkEnvelope(request)
	if err == nil {
		switch feature {
		case "launchapplication":
			output, err = s.launch(ctx, input)
		case "listprocesses":
			output = dict{"processTokens": s.processes()}
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
			output = dict{"passcodeRequired": s.phone.Locked(), "unlockedSinceBoot": true}
		default:
			err = fmt.Errorf("The requested feature %q is not supported", feature)
		}
	}
	answer := dict{"CoreDevice.invocationIdentifier": at[string](request, "CoreDevice.invocationIdentifier")}
	if err != nil {
		answer["CoreDevice.error"] = errorOf(err)
	} else {
		answer["CoreDevice.output"] = output
	}
	return reply(answer)
}

// checkEnvelope checks the envelope of every request.
func checkEnvelope(request dict) error {
	for _, key := range []string{"CoreDevice.deviceIdentifier", "CoreDevice.invocationIdentifier", "CoreDevice.featureIdentifier"} {
		if at[string](request, key) == "" {
			return &requestError{key, "a string"}
		}
	}
	version := at[dict](request, "CoreDevice.coreDeviceVersion")
	if at[string](version, "stringValue") == "" || len(at[[]any](version, "components")) == 0 {
		return &requestError{"CoreDevice.coreDeviceVersion", "a version"}
	}
	if _, ok := number(request, "CoreDevice.CoreDeviceDDIProtocolVersion"); !ok {
		return &requestError{"CoreDevice.CoreDeviceDDIProtocolVersion", "a number"}
	}
	if at[dict](request, "CoreDevice.input") == nil {
		return &requestError{"CoreDevice.input", "a dictionary"}
	}
	return nil
}

// launchOf reads a launch. Fields that every client sends have no default; a
// missing one is an error, as for Swift's decoder.
func launchOf(input dict) (idevice.Launch, error) {
	l := idevice.Launch{BundleID: at[string](input, "applicationSpecifier", "bundleIdentifier", "_0"), Env: map[string]string{}}
	if l.BundleID == "" {
		return l, &requestError{"applicationSpecifier", "a bundle identifier"}
	}
	if at[dict](input, "standardIOIdentifiers") == nil {
		return l, &requestError{"standardIOIdentifiers", "a dictionary"}
	}
	o := at[dict](input, "options")
	arguments, ok := o["arguments"].([]any)
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
	env, ok := o["environmentVariables"].(dict)
	if !ok {
		return l, &requestError{"options.environmentVariables", "a dictionary"}
	}
	for name, value := range env {
		if l.Env[name], ok = value.(string); !ok {
			return l, &requestError{"options.environmentVariables", "a dictionary of strings"}
		}
	}
	var flags = map[string]bool{}
	for _, key := range []string{"standardIOUsesPseudoterminals", "startStopped", "terminateExisting"} {
		if flags[key], ok = o[key].(bool); !ok {
			return l, &requestError{"options." + key, "a bool"}
		}
	}
	l.Suspended, l.Terminate = flags["startStopped"], flags["terminateExisting"]
	if user := at[dict](o, "user"); !at[bool](user, "active") && at[string](user, "shortName") == "" {
		return l, &requestError{"options.user", "a user"}
	}
	if _, ok := o["platformSpecificOptions"].([]byte); !ok {
		return l, &requestError{"options.platformSpecificOptions", "data"}
	}
	// An app comes to the front unless the request says otherwise: tools that
	// don't know "activates" launch visible apps.
	l.Activates = true
	if v := o["activates"]; v != nil {
		if l.Activates, ok = v.(bool); !ok {
			return l, &requestError{"options.activates", "a bool"}
		}
	}
	if v := o["payloadURL"]; v != nil {
		if l.URL = at[string](o, "payloadURL", "relative"); l.URL == "" {
			return l, &requestError{"options.payloadURL", "a URL"}
		}
	}
	return l, nil
}

func (s *Server) launch(ctx context.Context, input dict) (any, error) {
	l, err := launchOf(input)
	if err != nil {
		return nil, err
	}
	p, err := s.phone.Launch(ctx, l)
	if err != nil {
		return nil, err
	}
	return dict{"processToken": token(p)}, nil
}

// token is how CoreDevice names a process. idevice, the crate, wants all of it.
func token(p idevice.Process) dict {
	audit := make([]any, 8)
	for i := range audit {
		audit[i] = uint64(0)
	}
	audit[5] = uint64(p.PID)
	return dict{
		"auditToken":               audit,
		"executableURL":            dict{"relative": "file://" + p.Path},
		"processIdentifier":        int64(p.PID),
		"processIdentifierVersion": int64(1),
	}
}

func (s *Server) processes() []any {
	list := []any{}
	for _, p := range s.phone.Processes() {
		list = append(list, dict{
			"executableURL":     dict{"relative": "file://" + p.Path},
			"processIdentifier": int64(p.PID),
		})
	}
	return list
}

func (s *Server) apps(input dict) ([]any, error) {
	for _, key := range []string{"includeAppClips", "includeRemovableApps", "includeHiddenApps", "includeInternalApps", "includeDefaultApps"} {
		if _, ok := input[key].(bool); !ok {
			return nil, &requestError{key, "a bool"}
		}
	}
	list := []any{}
	for _, a := range s.phone.Apps() {
		if !at[bool](input, "includeDefaultApps") && a.System || !at[bool](input, "includeRemovableApps") && !a.System {
			continue
		}
		list = append(list, dict{
			"bundleIdentifier": a.BundleID,
			"bundleVersion":    a.Build,
			"isAppClip":        false,
			"isDeveloperApp":   a.HasProfile,
			"isFirstParty":     a.System,
			"isHidden":         a.Hidden,
			"isInternal":       false,
			"isRemovable":      !a.System,
			"name":             a.Name,
			"url":              dict{"relative": "file://" + a.Path() + "/"},
			"version":          a.Version,
		})
	}
	return list, nil
}

// signal ends a process: no virtual app handles a signal.
func (s *Server) signal(input dict) (any, error) {
	pid, ok := number(input, "process", "processIdentifier")
	if !ok {
		return nil, &requestError{"process.processIdentifier", "a number"}
	}
	signal, ok := number(input, "signal")
	if !ok {
		return nil, &requestError{"signal", "a number"}
	}
	if err := s.phone.Terminate(int(pid)); err != nil {
		return nil, err
	}
	return dict{
		"process": dict{"processIdentifier": pid},
		"signal":  signal,
	}, nil
}

// stream answers with a message of elements and one that ends the list.
func (s *Server) stream(feature string, input dict, reply func(dict) error) error {
	channel, ok := at[dict](input, "streamProxy")["sideChannel"].(uuid.UUID)
	if !ok {
		return reply(dict{"CoreDevice.error": errorOf(&requestError{"streamProxy.sideChannel", "a UUID"})})
	}
	say := func(status dict) error {
		return reply(dict{
			"CoreDevice.XPCMessageKey.sideChannelStatus": status,
			"XPCSideChannel.uniqueIdentifier":            channel,
		})
	}
	elements, err := s.processes(), error(nil)
	if feature == "streamapplist" {
		elements, err = s.apps(at[dict](input, "actualInput"))
	}
	if err != nil {
		return say(dict{"receivedError": dict{"error": errorOf(err)}})
	}
	if err := say(dict{"pushing": dict{"elements": elements}}); err != nil {
		return err
	}
	return say(dict{"finishStreaming": dict{}})
}

func (s *Server) info() dict {
	p := s.phone
	return dict{
		"name":        p.Name(),
		"osBuild":     dict{"buildUpdateVersion": p.Build()},
		"osVersion":   p.IOS(),
		"productType": p.ProductType(),
		"udid":        p.UDID(),
	}
}

// errorOf is an error in CoreDevice's form: an NSError that contains
// FrontBoard's as its cause.
func errorOf(err error) dict {
	ns := func(domain string, code int64, description, reason string, more dict) dict {
		info := dict{"NSLocalizedDescription": description}
		if reason != "" {
			info["NSLocalizedFailureReason"] = reason
		}
		maps.Copy(info, more)
		return dict{"code": code, "domain": domain, "userInfo": info}
	}
	const (
		coreDevice = "com.apple.dt.CoreDeviceError"
		frontBoard = "FBSOpenApplicationServiceErrorDomain"
		failed     = "The application failed to launch."
	)
	var bad *requestError
	switch {
	case errors.As(err, &bad):
		return ns("NSCocoaErrorDomain", 4864, err.Error(), "", nil)
	case errors.Is(err, idevice.ErrLocked):
		under := ns(frontBoard, 1, "The request to open the application failed.",
			"The request was denied by service delegate (SBMainWorkspace) for reason: Locked (\"the device was not, or could not be, unlocked\").",
			dict{"BSErrorCodeDescription": "Locked"})
		return ns(coreDevice, 10002, failed+" "+err.Error(), "", dict{"NSUnderlyingError": under})
	case errors.Is(err, idevice.ErrNotInstalled):
		return ns(coreDevice, 10002, err.Error(), "The application is not installed.", nil)
	case errors.Is(err, idevice.ErrNoHandler):
		under := ns("NSOSStatusErrorDomain", -10814, "The operation couldn’t be completed. (OSStatus error -10814.)", "",
			dict{"_LSErrorMessage": "kLSApplicationNotFoundErr"})
		return ns(coreDevice, 10002, failed+" "+err.Error(), "", dict{"NSUnderlyingError": under})
	case errors.Is(err, idevice.ErrNoProcess):
		return ns("NSPOSIXErrorDomain", 3, "The operation couldn’t be completed. No such process", "", nil)
	}
	return ns(coreDevice, 1, err.Error(), "", nil)
}
