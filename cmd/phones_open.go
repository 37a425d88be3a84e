package cmd

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/android"
	"github.com/wxctl/wxctl/device/ios"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid"
	"github.com/wxctl/wxctl/device/virtual/virtualios"
	"github.com/wxctl/wxctl/device/virtual/virtualios/lockdownd"
)

// openPhones is the PhoneOpener of the real process.
func openPhones(ctx context.Context, f *Factory, flags *phoneFlags, sel device.Selector) (*device.Fleet, func(), error) {
	state, err := f.StateDir()
	if err != nil {
		return nil, nil, err
	}
	lockDir, err := f.LockDir()
	if err != nil {
		return nil, nil, err
	}
	fleet := &device.Fleet{LockDir: lockDir, Command: f.command}
	trace := f.trace()
	if sel.Virtual != nil {
		backend, stop, err := startVirtual(ctx, sel.Virtual, f.IPhoneKeys, trace)
		if err != nil {
			return nil, nil, err
		}
		fleet.Backends = []device.Backend{backend}
		return fleet, stop, nil
	}
	var adbServers, usbmuxds []device.Backend
	if sel.Platform != device.IOS {
		for address := range strings.SplitSeq(flags.adbServer, ",") {
			server, err := android.FindServer(strings.TrimSpace(address), f.Getenv)
			if err != nil {
				return nil, nil, err
			}
			server.Trace = trace
			adbServers = append(adbServers, &android.Backend{Server: server, Note: f.noted, Memory: filepath.Join(state, "phones.json")})
		}
	}
	if sel.Platform != device.Android {
		for address := range strings.SplitSeq(flags.usbmuxd, ",") {
			server, err := ios.FindServer(strings.TrimSpace(address), f.Getenv)
			if err != nil {
				return nil, nil, err
			}
			server.Trace = trace
			usbmuxds = append(usbmuxds, &ios.Backend{Server: server, TunnelService: ios.TunnelServiceAddr(f.Getenv)})
		}
	}
	// If none runs, the hint is how to start the first: one that was named.
	if fleet.Backends = slices.Concat(adbServers, usbmuxds); flags.usbmuxd != "" && flags.adbServer == "" {
		fleet.Backends = slices.Concat(usbmuxds, adbServers)
	}
	return fleet, func() {}, nil
}

// trace shows the protocol traffic with phones, for -v -v.
func (f *Factory) trace() *device.Trace {
	if f.Verbose() < 2 {
		return nil
	}
	return device.NewTrace(f.Streams.Trace)
}

// noted reports lines of a server's list that can't be parsed.
func (f *Factory) noted(n device.Note) { f.Streams.Note("%s", safe(n.Message)) }

// startVirtual starts a phone in this process behind an adb server or a usbmuxd
// of its own, and finds it there like a real one. Like a real one it outlives
// the command's context: when that ends, the command ends its own work and the
// phone is not lost.
func startVirtual(ctx context.Context, spec *device.VirtualSpec, keys *lockdownd.Keys, trace *device.Trace) (
	device.Backend, func(), error) {
	ctx = context.WithoutCancel(ctx)
	wrong := func(err error) error {
		return exit.Usagef("wxctl virtual "+string(spec.Platform)+" --help lists the options", "--device virtual:%s: %v", spec.Platform, err)
	}
	var androids []virtualandroid.Options
	var iphones []virtualios.Options
	for _, given := range append([]url.Values{spec.Options}, spec.More...) {
		text, count, err := countOf(given)
		if err != nil {
			return nil, nil, wrong(err)
		}
		if spec.Platform == device.IOS {
			options, err := virtualios.ParseOptions(text)
			if err != nil {
				return nil, nil, wrong(err)
			}
			iphones = append(iphones, slices.Repeat([]virtualios.Options{options}, count)...)
			continue
		}
		options, err := virtualandroid.ParseOptions(text)
		if err != nil {
			return nil, nil, wrong(err)
		}
		androids = append(androids, slices.Repeat([]virtualandroid.Options{options}, count)...)
	}
	if spec.Platform == device.IOS {
		server, err := virtualios.Start(ctx, virtualios.Config{Keys: keys}, iphones...)
		if err != nil {
			return nil, nil, err
		}
		return &ios.Backend{Server: ios.Server{Addr: server.USBMux, Trace: trace}, Transport: device.Virtual}, func() { server.Close() }, nil
	}
	server, err := virtualandroid.Start(ctx, androids...)
	if err != nil {
		return nil, nil, err
	}
	return &android.Backend{Server: android.Server{Addr: server.ADB, Trace: trace}, Transport: device.Virtual}, func() { server.Close() }, nil
}

// mostVirtual is how many virtual phones one command may start.
const mostVirtual = 500

// countOf separates the number of phones from the options of each.
func countOf(options url.Values) (text string, count int, err error) {
	each := maps.Clone(options)
	count = 1
	if given, ok := each["count"]; ok {
		delete(each, "count")
		if count, err = strconv.Atoi(given[len(given)-1]); err != nil || count < 1 || count > mostVirtual {
			return "", 0, fmt.Errorf("count=%q: use a number from 1 to %d", given[len(given)-1], mostVirtual)
		}
	}
	return each.Encode(), count, nil
}
