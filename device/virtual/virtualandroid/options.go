package virtualandroid

import (
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

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
	// Think is how long the user takes for each thing; 0 is 150 ms.
	Think time.Duration
	// Latency is waited before each answer of the phone.
	Latency time.Duration
	// Users are the Android users besides the owner, such as 10 (a work
	// profile) and 999 (a clone); all have WeChat and the demo app.
	Users []int
	// OAuth is the base URL of a virtual OAuth server on this machine, which
	// WeChat gets its authorization codes from, so that they can be exchanged
	// there; "" makes codes up.
	OAuth string
	// Strict is WeChat's server refusing requests without a valid token.
	Strict bool
	// State is how the adb server sees the phone; "" is device.
	State adb.State
	// Locked has the keyguard up, Asleep the screen off. NeverUnlocked is a
	// phone whose user has not unlocked it since it started.
	Locked, Asleep, NeverUnlocked bool
	// Agent is a dex of wxctl's agent that is on the phone from before; nil for
	// a phone that wxctl never drove.
	Agent []byte
	// Keys makes the device side ask a computer for its adb key; any key is
	// allowed, and remembered.
	Keys bool
	// Full has no byte left on the data partition, ReadOnly takes no write.
	Full, ReadOnly bool
	// Release is a demo app that is no debug build, Debugged one that another
	// debugger is attached to.
	Release, Debugged bool
}

// option is one key of the textual form.
type option struct {
	values string
	set    func(*Options, string) error
}

// options are the keys of virtual:android?…; those that `wxctl virtual
// android` has flags for are named as the flags are.
func options() map[string]option {
	oneOf := func(values string, set func(*Options, string)) option {
		return option{values, func(o *Options, v string) error {
			if !slices.Contains(strings.Split(values, ", "), v) {
				return fmt.Errorf("use one of: %s", values)
			}
			set(o, v)
			return nil
		}}
	}
	duration := func(set func(*Options, time.Duration)) option {
		return option{"a duration such as 300ms", func(o *Options, v string) error {
			d, err := time.ParseDuration(v)
			if err != nil || d < 0 || d > time.Hour {
				return fmt.Errorf("use a duration such as 300ms")
			}
			set(o, d)
			return nil
		}}
	}
	return map[string]option{
		"api": {"24 to 37", func(o *Options, v string) error {
			n, err := strconv.Atoi(v)
			if err != nil || n < phone.MinAPI || n > phone.MaxAPI {
				return fmt.Errorf("use an API level from %d to %d", phone.MinAPI, phone.MaxAPI)
			}
			o.API = n
			return nil
		}},
		"wechat": {"a version such as 8.0.50, none, disabled, suspended", func(o *Options, v string) error {
			switch v {
			case "none":
				o.Without = true
				return nil
			case "disabled":
				o.Disabled = true
				return nil
			case "suspended":
				o.Suspended = true
				return nil
			}
			var err error
			o.WeChat, err = wechat.ParseVersion(v)
			return err
		}},
		"answer": {"send, cancel, deny, stay", func(o *Options, v string) error {
			var err error
			o.Answer, err = wechat.ParseAnswer(v)
			return err
		}},
		"latency": duration(func(o *Options, d time.Duration) { o.Latency = d }),
		"think":   duration(func(o *Options, d time.Duration) { o.Think = d }),
		"app":     oneOf("debug, release, debugged", func(o *Options, v string) { o.Release, o.Debugged = v == "release", v == "debugged" }),
		"auth":    oneOf("none, key", func(o *Options, v string) { o.Keys = v == "key" }),
		"login":   oneOf("in, out", func(o *Options, v string) { o.LoggedOut = v == "out" }),
		"token":   oneOf("any, strict", func(o *Options, v string) { o.Strict = v == "strict" }),
		"oauth":   {"base URL of a virtual OAuth server", setOAuth},
		"users":   {"numbers such as 10,999", setUsers},
		"screen": oneOf("on, off, locked, never-unlocked", func(o *Options, v string) {
			o.Locked, o.Asleep, o.NeverUnlocked = v != "on", v == "off", v == "never-unlocked"
		}),
		"disk": oneOf("free, full, readonly", func(o *Options, v string) {
			o.Full, o.ReadOnly = v == "full", v == "readonly"
		}),
		"state": oneOf("device, offline, unauthorized, authorizing, recovery, sideload, bootloader, no-permissions", func(o *Options, v string) {
			o.State = adb.State(strings.ReplaceAll(v, "-", " "))
		}),
	}
}

func setOAuth(o *Options, v string) error {
	u, err := url.Parse(v)
	if err != nil || u.Scheme != "http" || u.User != nil || u.Host == "" || u.RawQuery != "" || !isLoopback(u.Hostname()) {
		return fmt.Errorf("use the base URL that `wxctl virtual oauth` prints, such as http://127.0.0.1:41234")
	}
	o.OAuth = strings.TrimSuffix(v, "/")
	return nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func setUsers(o *Options, v string) error {
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
// "api=33&answer=cancel". The keys: api, app, auth, wechat, answer, latency, think,
// login, oauth, token, users, screen, disk, state.
func ParseOptions(text string) (Options, error) {
	values, err := url.ParseQuery(text)
	if err != nil {
		return Options{}, fmt.Errorf("the options %q of a virtual phone can't be read", text)
	}
	return OptionsOf(values)
}

// OptionsOf is ParseOptions for a query that was read already.
func OptionsOf(values url.Values) (Options, error) {
	known := options()
	var o Options
	for _, key := range slices.Sorted(maps.Keys(values)) {
		option, ok := known[key]
		if !ok {
			return Options{}, fmt.Errorf("a virtual Android phone has no option %q; it has: %s", key, strings.Join(slices.Sorted(maps.Keys(known)), ", "))
		}
		if given := values[key]; len(given) != 1 {
			return Options{}, fmt.Errorf("option %q is given %d times", key, len(given))
		}
		if err := option.set(&o, values.Get(key)); err != nil {
			return Options{}, fmt.Errorf("option %s=%q of a virtual Android phone: %w", key, values.Get(key), err)
		}
	}
	return o, nil
}

// OptionKeys lists the options' names and what each takes, for help texts.
func OptionKeys() [][2]string {
	known := options()
	out := make([][2]string, 0, len(known))
	for _, key := range slices.Sorted(maps.Keys(known)) {
		out = append(out, [2]string{key, known[key].values})
	}
	return out
}
