package cmd

import (
	"context"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/android"
	iphone "github.com/wxctl/wxctl/device/ios"
	virtualandroid "github.com/wxctl/wxctl/device/virtual/android"
)

// openPhones is the PhoneOpener of the real process.
func openPhones(ctx context.Context, f *Factory, flags *phoneFlags, sel device.Selector) (*device.Fleet, func(), error) {
	lockDir, err := f.LockDir()
	if err != nil {
		return nil, nil, err
	}
	fleet := &device.Fleet{LockDir: lockDir, Command: f.command}
	if sel.Virtual != nil {
		backend, stop, err := startVirtual(ctx, sel.Virtual)
		if err != nil {
			return nil, nil, err
		}
		fleet.Backends = []device.Backend{backend}
		return fleet, stop, nil
	}
	if sel.Platform != device.IOS {
		server, err := android.FindServer(flags.adbServer, f.Getenv)
		if err != nil {
			return nil, nil, err
		}
		fleet.Backends = append(fleet.Backends, &android.Backend{Server: server})
	}
	if sel.Platform != device.Android {
		server, err := iphone.FindServer(flags.usbmuxd, f.Getenv)
		if err != nil {
			return nil, nil, err
		}
		fleet.Backends = append(fleet.Backends, &iphone.Backend{Server: server})
	}
	return fleet, func() {}, nil
}

// startVirtual starts a phone in this process behind an adb server of its
// own, and finds it there as it would a real one.
func startVirtual(ctx context.Context, spec *device.VirtualSpec) (device.Backend, func(), error) {
	if spec.Platform == device.IOS {
		return nil, nil, &exit.Error{
			Name: "refused", Code: exit.RefusedBefore,
			Message: "this version of wxctl has no virtual iPhone",
			Hint:    "print what an iPhone would be sent with --platform ios --dry-run, or use --device virtual:android",
		}
	}
	options, err := virtualandroid.OptionsOf(spec.Options)
	if err != nil {
		return nil, nil, exit.Usagef("wxctl virtual android --help lists the options", "--device virtual:android: %v", err)
	}
	server, err := virtualandroid.Start(ctx, options)
	if err != nil {
		return nil, nil, err
	}
	return &android.Backend{Server: android.Server{Addr: server.ADB}, Transport: device.Virtual}, func() { server.Close() }, nil
}
