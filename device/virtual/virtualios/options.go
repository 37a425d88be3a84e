package virtualios

import (
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

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
	// Think is how long the user takes for each thing; 0 is 150 ms.
	Think time.Duration
	// OAuth is the base URL of a virtual OAuth server on this machine, which
	// WeChat gets its authorization codes from, so that they can be exchanged
	// there; "" makes codes up.
	OAuth string
	// Locked asks for the code. Trust is what the phone thinks of this computer.
	Locked bool
	Trust  idevice.Trust
	// NoDeveloperMode has developer mode off, NoImage no developer disk image
	// mounted.
	NoDeveloperMode, NoImage bool
	// Pasteboard has the developer disk image be one of those that bring a
	// pasteboard service, as only the newest do.
	Pasteboard bool
	// WDA is WebDriverAgent on the phone.
	WDA WDA
	// Network has the phone attached by Wi-Fi, besides USB or instead of it.
	Network, NoUSB bool
}

// WDA says whether WebDriverAgent runs on a phone.
type WDA string

// The states of WebDriverAgent.
const (
	WDAOff  WDA = ""
	WDAOn   WDA = "on"
	WDAHung WDA = "hung" // it takes connections and never answers
)

// option is one key of the textual form.
type option struct {
	values string
	set    func(*Options, string) error
}

// options are the keys of virtual:ios?…, named as the flags of `wxctl virtual
// ios` are.
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
	return map[string]option{
		"ios": {"a version such as 17.5", func(o *Options, v string) error {
			_, _, err := idevice.ParseIOS(v)
			o.IOS = v
			return err
		}},
		"udid":  {"a UDID such as " + idevice.DefaultUDID(0), setUDID},
		"name":  {"a name such as Lab-3", setName},
		"model": {"a product type such as iPhone14,2", setModel},
		"wechat": {"a version such as 8.0.50, none", func(o *Options, v string) error {
			if o.Without = v == "none"; o.Without {
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
		"think": {"a duration such as 300ms", func(o *Options, v string) error {
			d, err := time.ParseDuration(v)
			if err != nil || d < 0 || d > time.Hour {
				return fmt.Errorf("use a duration such as 300ms")
			}
			o.Think = d
			return nil
		}},
		"login":      oneOf("in, out", func(o *Options, v string) { o.LoggedOut = v == "out" }),
		"oauth":      {"base URL of a virtual OAuth server", setOAuth},
		"pasteboard": oneOf("off, on", func(o *Options, v string) { o.Pasteboard = v == "on" }),
		"wda":        oneOf("on, off, hung", func(o *Options, v string) { o.WDA = WDA(strings.TrimPrefix(v, "off")) }),
		"transport":  oneOf("usb, network, both", func(o *Options, v string) { o.Network, o.NoUSB = v != "usb", v == "network" }),
		"state": oneOf("ready, locked, unpaired, unpaired-locked, trust-pending, trust-denied, no-developer-mode, no-developer-image", func(o *Options, v string) {
			o.Locked = strings.HasSuffix(v, "locked")
			o.NoDeveloperMode, o.NoImage = v == "no-developer-mode", v == "no-developer-mode" || v == "no-developer-image"
			o.Trust = map[string]idevice.Trust{"unpaired": idevice.Untrusted, "unpaired-locked": idevice.Untrusted,
				"trust-pending": idevice.TrustPending, "trust-denied": idevice.TrustDenied}[v]
		}),
	}
}

func setUDID(o *Options, v string) error {
	const classic, modern = 40, 25
	valid := len(v) == classic || len(v) == modern && v[8] == '-'
	if !valid || strings.Trim(strings.ToUpper(v), "0123456789ABCDEF-") != "" {
		return fmt.Errorf("use a UDID such as %s", idevice.DefaultUDID(0))
	}
	o.UDID = v
	return nil
}

func setName(o *Options, v string) error {
	if v == "" || len(v) > 255 {
		return fmt.Errorf("use a name of 1 to 255 bytes")
	}
	o.Name = v
	return nil
}

func setModel(o *Options, v string) error {
	var a, b int
	if n, err := fmt.Sscanf(strings.TrimPrefix(strings.TrimPrefix(v, "iPhone"), "iPad"), "%d,%d", &a, &b); n != 2 || err != nil {
		return fmt.Errorf("use a product type such as iPhone14,2")
	}
	o.Model = v
	return nil
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

// ParseOptions reads options as virtual:ios?… spells them, such as
// "ios=17.5&answer=cancel". WebDriverAgent runs unless wda says otherwise. The
// keys: ios, udid, name, model, wechat, answer,
// think, login, oauth, pasteboard, wda, transport, state.
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
	o := Options{WDA: WDAOn}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		option, ok := known[key]
		if !ok {
			return Options{}, fmt.Errorf("a virtual iPhone has no option %q; it has: %s", key, strings.Join(slices.Sorted(maps.Keys(known)), ", "))
		}
		if given := values[key]; len(given) != 1 {
			return Options{}, fmt.Errorf("option %q is given %d times", key, len(given))
		}
		if err := option.set(&o, values.Get(key)); err != nil {
			return Options{}, fmt.Errorf("option %s=%q of a virtual iPhone: %w", key, values.Get(key), err)
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
