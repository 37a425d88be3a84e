package cmd

import (
	"context"
	"testing"

	"github.com/wxctl/wxctl/device/virtual/virtualios/usbmuxd"
	"github.com/wxctl/wxctl/fixtures/fault"

	"github.com/wxctl/wxctl/device/virtual/virtualios"
)

// iPhoneLab starts a usbmuxd with a virtual iPhone and returns it and the
// environment in which it is found.
func iPhoneLab(t *testing.T, o virtualios.Options, plan *fault.Plan) (*virtualios.Server, map[string]string) {
	t.Helper()
	if err := iPhoneKeys().Make(); err != nil {
		t.Fatal(err)
	}
	server, err := virtualios.Start(context.Background(), virtualios.Config{Keys: iPhoneKeys(), Faults: plan.Strike}, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	state := t.TempDir()
	return server, map[string]string{
		"USBMUXD_SOCKET_ADDRESS": server.USBMux, "WXCTL_CONFIG_DIR": state, "WXCTL_STATE_DIR": state,
		"ANDROID_ADB_SERVER_PORT": "1",
	}
}

// iPhoneSteps are what `wxctl installed` asks, in order, and how often it has
// asked the same before.
var iPhoneSteps = []fault.Fault{
	{Step: "usbmux ListDevices"},
	{Step: "usbmux ReadPairRecord"},
	{Step: "usbmux Connect"},
	{Step: "lockdown StartSession"},
	{Step: "lockdown TLS"},
	{Step: "lockdown GetValue"},
	{Step: "lockdown StartService"},
	{Step: "usbmux Connect", Skip: 1},
	{Step: "installation_proxy TLS"},
	{Step: "installation_proxy Lookup"},
}

// TestIPhoneFaults: if a phone or its usbmuxd fails, at any step, the command
// ends with an error and leaves nothing running.
func TestIPhoneFaults(t *testing.T) {
	noLeaks(t)
	for name, effect := range map[string]fault.Effect{"stall": fault.Stall, "cut": fault.Cut, "garbage": fault.Garbage} {
		for _, f := range iPhoneSteps {
			t.Run(name+"/"+f.Step+itoa(f.Skip), func(t *testing.T) {
				t.Parallel()
				f.Then = effect
				plan := fault.New(f)
				_, env := iPhoneLab(t, virtualios.Options{}, plan)
				args := []string{"installed", "--platform", "ios"}
				if effect == fault.Stall {
					args = append(args, "--timeout", "300ms")
				} else {
					args = append(args, "--timeout", "2m") // a third of it for the phone to identify itself
				}
				cmd := beside(t, env, args...)
				if code := cmd.wait(t); code != 1 && code != 12 && code != 16 && code != 18 {
					t.Errorf("exit %d; stdout %q, stderr %q", code, cmd.out, cmd.errOut)
				}
				if effect != fault.Stall && plan.Count(f.Step) <= f.Skip {
					t.Errorf("the step was not reached: %q", plan.Steps())
				}
				cmd.errOut.await(t, "hint: ", 1)
			})
		}
	}
}

// TestDevicesWatchIPhone: phones that are connected and disconnected are
// reported, of both platforms at once.
func TestDevicesWatchIPhone(t *testing.T) {
	noLeaks(t)
	env := phonesAt(t, "")
	server, phones := iPhoneLab(t, virtualios.Options{NoUSB: true}, nil)
	phone := server.Phones[0]
	plugged, unplug := context.WithCancel(t.Context())
	server.Mux.Attach(plugged, phone, usbmuxd.USB)
	env["USBMUXD_SOCKET_ADDRESS"] = phones["USBMUXD_SOCKET_ADDRESS"]
	watch := beside(t, env, "devices", "--watch", "--json")
	watch.out.await(t, `"event":"added"`, 2)
	watch.out.await(t, `"name":"Virtual iPhone"`, 1)
	unplug()
	watch.out.await(t, `"event":"removed"`, 1)
	watch.out.await(t, `"state":"disconnected"`, 1)
	server.Mux.Attach(t.Context(), phone, usbmuxd.Network)
	watch.out.await(t, `"event":"added"`, 3)
	watch.out.await(t, `"transport":"network"`, 1)
	if code := watch.interrupt(t); code != 130 {
		t.Errorf("exit %d: %s", code, watch.errOut)
	}
}

// TestDevicesCostOfIPhones: the requests that a list sends to an iPhone.
func TestDevicesCostOfIPhones(t *testing.T) {
	plan := fault.New()
	_, env := iPhoneLab(t, virtualios.Options{}, plan)
	f, _, errOut := testFactory(t, "", env)
	if code := Run(t.Context(), f, []string{"devices", "--platform", "ios", "--timeout", "2m"}); code != 0 {
		t.Fatalf("exit %d: %s", code, errOut())
	}
	for step, want := range map[string]int{
		"usbmux ListDevices": 1, "usbmux ReadPairRecord": 1, "usbmux Connect": 1,
		"lockdown StartSession": 1, "lockdown TLS": 1, "lockdown GetValue": 2,
	} {
		if got := plan.Count(step); got != want {
			t.Errorf("%s %d times, want %d", step, got, want)
		}
	}
}
