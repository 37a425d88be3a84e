package virtualios

import (
	"fmt"
	"strings"
	"time"

	"github.com/wxctl/wxctl/device/virtual/options"
	"github.com/wxctl/wxctl/device/virtual/virtualios/idevice"
	"github.com/wxctl/wxctl/device/virtual/wechat"
)

// Options describe a virtual iPhone. The zero value is the phone of virtual:ios:
// iOS 17.5, paired, unlocked, developer mode on and its image mounted, WeChat
// 8.0.50 logged in, a user who sends; only WebDriverAgent runs there, and not
// here.
type Options struct {
	IOS    string // "" is 17.5
	UDID   string
	Name   string
	Model  string         // ProductType; "" is iPhone14,2
	WeChat wechat.Version // the zero value is 8.0.50
	// Without is a phone with no WeChat on it.
	Without   bool
	LoggedOut bool
	Answer    wechat.Answer // "" is send
	// Flaky is N if WeChat loses every Nth request; 0 loses none.
	Flaky int
	// Think is how long the user takes for each thing, at least where ThinkMost
	// is more; 0 is 150 ms.
	Think, ThinkMost time.Duration
	// OAuth is the base URL of a virtual OAuth server on this machine, which
	// WeChat gets its authorization codes from, so that they can be exchanged
	// there; "" makes codes up.
	OAuth string
	// Unregistered makes the app's bundle id differ from the one that its owner
	// entered at the Open Platform.
	Unregistered bool
	// Locked asks for the passcode. Trust says whether the phone trusts this
	// computer.
	Locked bool
	Trust  idevice.Trust
	// NoDeveloperMode switches developer mode off, NoImage leaves the developer
	// disk image unmounted.
	NoDeveloperMode, NoImage bool
	// Pasteboard makes the developer disk image one with a pasteboard service,
	// which only the newest have.
	Pasteboard bool
	// WDA is WebDriverAgent on the phone.
	WDA WDA
	// Network attaches the phone by Wi-Fi, besides USB or instead of it.
	Network, NoUSB bool
	// Fault is what is wrong with the demo app: the id of the check of `wxctl
	// doctor` that finds it; "" for nothing.
	Fault string
}

// WDA says whether WebDriverAgent runs on a phone.
type WDA string

// The states of WebDriverAgent.
const (
	WDAOff  WDA = ""
	WDAOn   WDA = "on"
	WDAHung WDA = "hung" // it accepts connections and never answers
)

// Table is the table of a virtual iPhone's options, bound to o.
func Table(o *Options) options.Table {
	return options.Table{
		options.Answer(&o.Answer),
		options.Words("fault", strings.Join(append([]string{"none"}, Faults()...), ", "),
			"what is wrong with the app, by the check",
			func(v string) { o.Fault = strings.TrimPrefix(v, "none") }),
		{Key: "ios", Form: "a version such as 17.5", Default: "17.5", Help: "version of iOS", Set: o.setIOS},
		options.Flaky(&o.Flaky),
		options.Login(&o.LoggedOut),
		{Key: "model", Form: "a product type such as iPhone14,2", Default: "iPhone14,2", Help: "Apple's name of the model", Set: o.setModel},
		{Key: "name", Form: "a name such as Lab-3", Default: "Virtual iPhone", Help: "what the owner calls the phone", Set: o.setName},
		options.OAuth(&o.OAuth),
		options.Words("pasteboard", "off, on", "whether the developer image brings a pasteboard service",
			func(v string) { o.Pasteboard = v == "on" }),
		options.Signature(&o.Unregistered),
		options.Words("state", "ready, locked, unpaired, unpaired-locked, trust-pending, trust-denied, no-developer-mode, no-developer-image",
			"what keeps a computer from using the phone", o.setState),
		options.Think(&o.Think, &o.ThinkMost),
		options.Words("transport", "usb, network, both", "how the phone is attached",
			func(v string) { o.Network, o.NoUSB = v != "usb", v == "network" }),
		{Key: "udid", Form: "a UDID such as " + idevice.DefaultUDID(0), Help: "number of the first phone", Set: o.setUDID},
		options.Words("wda", "on, off, hung", "whether WebDriverAgent runs on the phone",
			func(v string) { o.WDA = WDA(strings.TrimPrefix(v, "off")) }),
		options.Version(&o.WeChat, func(string) { o.Without = true }, "none"),
	}
}

func (o *Options) setIOS(v string) error {
	_, _, err := idevice.ParseIOS(v)
	o.IOS = v
	return err
}

func (o *Options) setState(v string) {
	o.Locked = strings.HasSuffix(v, "locked")
	o.NoDeveloperMode, o.NoImage = v == "no-developer-mode", v == "no-developer-mode" || v == "no-developer-image"
	o.Trust = map[string]idevice.Trust{"unpaired": idevice.Untrusted, "unpaired-locked": idevice.Untrusted,
		"trust-pending": idevice.TrustPending, "trust-denied": idevice.TrustDenied}[v]
}

func (o *Options) setUDID(v string) error {
	const classic, modern = 40, 25
	valid := len(v) == classic || len(v) == modern && v[8] == '-'
	if !valid || strings.Trim(strings.ToUpper(v), "0123456789ABCDEF-") != "" {
		return fmt.Errorf("use a UDID such as %s", idevice.DefaultUDID(0))
	}
	o.UDID = v
	return nil
}

func (o *Options) setName(v string) error {
	if v == "" || len(v) > 255 {
		return fmt.Errorf("use a name of 1 to 255 bytes")
	}
	o.Name = v
	return nil
}

func (o *Options) setModel(v string) error {
	var a, b int
	if n, err := fmt.Sscanf(strings.TrimPrefix(strings.TrimPrefix(v, "iPhone"), "iPad"), "%d,%d", &a, &b); n != 2 || err != nil {
		return fmt.Errorf("use a product type such as iPhone14,2")
	}
	o.Model = v
	return nil
}

// ParseOptions reads options as virtual:ios?… spells them, such as
// "ios=17.5&answer=cancel". WebDriverAgent runs unless wda says otherwise.
func ParseOptions(text string) (Options, error) {
	o := Options{WDA: WDAOn}
	if err := Table(&o).Parse("a virtual iPhone", text); err != nil {
		return Options{}, err
	}
	return o, nil
}
