package device_test

import (
	"fmt"

	"github.com/wxctl/wxctl/device"
)

// One ready phone among others needs no choosing.
func ExampleSelect() {
	phones := []device.Info{
		{ID: "2A111FDH200CY5", Platform: device.Android, State: device.Ready, Transport: device.USB},
		{ID: "emulator-5554", Platform: device.Android, State: device.Offline, Transport: device.Emulator},
	}
	chosen, err := device.Select(phones, device.Selector{})
	fmt.Println(chosen.Phones[0].ID, err)

	sel, _ := device.ParseSelector("emulator-5554", "--device")
	_, err = device.Select(phones, sel)
	fmt.Println(err)
	fmt.Println(device.AsError(err).ExitCode(), device.AsError(err).Hint)
	// Output:
	// 2A111FDH200CY5 <nil>
	// phone "emulator-5554" is not ready: offline
	// 12 unplug the phone and plug it in again, or run: adb reconnect offline
}

func ExampleParseSelector() {
	sel, err := device.ParseSelector("platform=android,os>=12", "--device")
	fmt.Println(sel.Conditions, err)
	_, err = device.ParseSelector("os>=twelve", "--device")
	fmt.Println(err)
	// Output:
	// [{platform = android} {os >= 12}] <nil>
	// invalid version "twelve": use a number, as in os>=12 or os=17.5
}
