package virtualandroid

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wxctl/wxctl/device/virtual/options"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/adb"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
	"github.com/wxctl/wxctl/device/virtual/wechat"
)

// Options describe a virtual phone. The zero value is the phone of
// virtual:android: API 34, WeChat 8.0.50 logged in, a user who sends.
type Options struct {
	API     int // 24 to 37; 0 is 34
	Serial  string
	WeChat  wechat.Version // the zero value is 8.0.50
	Without bool           // no WeChat is installed
	// Disabled is a WeChat that its user switched off, Suspended one that is
	// paused (a work profile that is off, an app timer).
	Disabled, Suspended bool
	LoggedOut           bool
	Answer              wechat.Answer // "" is send
	// Flaky is N if WeChat loses every Nth request; 0 loses none.
	Flaky int
	// Think is how long the user takes for each thing, at least where ThinkMost
	// is more; 0 is 150 ms.
	Think, ThinkMost time.Duration
	// Latency is waited before each answer of the phone.
	Latency time.Duration
	// Maker is one of [Makers] by its name, "" for none.
	Maker string
	// Users are the Android users besides the owner, such as 10 (a work
	// profile) and 999 (a clone); all have WeChat and the demo app.
	Users []int
	// OAuth is the base URL of a virtual OAuth server on this machine, which
	// WeChat gets its authorization codes from, so that they can be exchanged
	// there; "" makes codes up.
	OAuth string
	// Strict makes WeChat's server refuse requests without a valid token.
	Strict bool
	// Unregistered makes the app's certificate differ from the one that its
	// owner entered at the Open Platform.
	Unregistered bool
	// State is how the adb server sees the phone; "" is device.
	State adb.State
	// Locked has the keyguard up, Asleep the screen off. NeverUnlocked is a
	// phone whose user has not unlocked it since it started.
	Locked, Asleep, NeverUnlocked bool
	// Agent is a dex of wxctl's agent that is already on the phone; nil for a
	// phone that wxctl never used.
	Agent []byte
	// Keys makes the device side ask a computer for its adb key; any key is
	// allowed, and remembered.
	Keys bool
	// Full has no byte left on the data partition, ReadOnly refuses writes.
	Full, ReadOnly bool
	// Release is a demo app that is not a debug build, Debugged one to which
	// another debugger is attached.
	Release, Debugged bool
	// Hookless is a demo app without the debug hook.
	Hookless bool
	// Fault is what is wrong with the demo app: the id of the check of `wxctl
	// doctor` that finds it; "" for nothing.
	Fault string
}

// Table is the table of a virtual Android phone's options, bound to o.
func Table(o *Options) options.Table {
	return options.Table{
		options.Answer(&o.Answer),
		{Key: "api", Form: "24-37", Default: "34", Help: "Android API level", Set: o.setAPI},
		options.Words("app", "debug, release, debugged", "how the demo app was built, or whether a debugger is in it",
			func(v string) { o.Release, o.Debugged = v == "release", v == "debugged" }),
		options.Words("auth", "none, key", "whether the phone asks a computer for its adb key",
			func(v string) { o.Keys = v == "key" }),
		options.Words("disk", "free, full, readonly", "state of the data partition",
			func(v string) { o.Full, o.ReadOnly = v == "full", v == "readonly" }),
		options.Words("fault", strings.Join(append([]string{"none"}, Faults()...), ", "),
			"what is wrong with the app, by the check",
			func(v string) { o.Fault = strings.TrimPrefix(v, "none") }),
		options.Duration("latency", "", "how long each answer of the phone takes", &o.Latency),
		options.Flaky(&o.Flaky),
		options.Words("hook", "yes, none", "whether the demo app has the debug hook", func(v string) { o.Hookless = v == "none" }),
		options.Login(&o.LoggedOut),
		options.Words("maker", makerNames(), "maker of the phone, with its quirks", func(v string) { o.Maker = strings.TrimPrefix(v, "none") }),
		options.OAuth(&o.OAuth),
		options.Words("screen", "on, off, locked, never-unlocked", "whether the screen is on and unlocked",
			func(v string) { o.Locked, o.Asleep, o.NeverUnlocked = v != "on", v == "off", v == "never-unlocked" }),
		options.Signature(&o.Unregistered),
		options.Words("state", "device, offline, unauthorized, authorizing, recovery, sideload, bootloader, no-permissions",
			"how the adb server sees the phone", func(v string) { o.State = adb.State(strings.ReplaceAll(v, "-", " ")) }),
		options.Think(&o.Think, &o.ThinkMost),
		options.Words("token", "any, strict", "whether WeChat's server insists on a caller token", func(v string) { o.Strict = v == "strict" }),
		{Key: "users", Form: "numbers such as 10,999", Default: "none", Help: "further Android users", Set: o.setUsers},
		options.Version(&o.WeChat, func(v string) { o.Without, o.Disabled, o.Suspended = v == "none", v == "disabled", v == "suspended" },
			"none", "disabled", "suspended"),
	}
}

func (o *Options) setAPI(v string) error {
	n, err := strconv.Atoi(v)
	if err != nil || n < phone.MinAPI || n > phone.MaxAPI {
		return fmt.Errorf("use an API level from %d to %d", phone.MinAPI, phone.MaxAPI)
	}
	o.API = n
	return nil
}

func (o *Options) setUsers(v string) error {
	o.Users = nil
	for part := range strings.SplitSeq(v, ",") {
		n, err := strconv.Atoi(part)
		if err != nil || n < 0 || n > 9999 || slices.Contains(o.Users, n) {
			return fmt.Errorf("use user numbers such as 10,999")
		}
		if n != 0 {
			o.Users = append(o.Users, n)
		}
	}
	return nil
}

// ParseOptions reads options as virtual:android?… spells them, such as
// "api=33&answer=cancel".
func ParseOptions(text string) (Options, error) {
	var o Options
	if err := Table(&o).Parse("a virtual Android phone", text); err != nil {
		return Options{}, err
	}
	return o, nil
}
