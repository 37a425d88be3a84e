// Package options is the one table of a virtual phone's options: a key, the
// allowed words, the default, a line of help, and what it sets. The text after
// virtual:android? and virtual:ios?, the flags of `wxctl virtual`, their
// completion and their documentation are all generated from it.
package options

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wxctl/wxctl/device/virtual/wechat"
)

// Option is one row: an option of a virtual phone.
type Option struct {
	Key string
	// Form describes values other than a few words, such as "a version such as
	// 8.0.50". Words are the allowed words.
	Form  string
	Words []string
	// Default is the default value; "" if there is none to name.
	Default string
	Help    string
	// Set applies a value. Values that are not one of Words only reach it if
	// there is a Form.
	Set func(value string) error
}

// Takes describes the allowed values.
func (o Option) Takes() string { return strings.Join(o.forms(), ", ") }

func (o Option) forms() []string {
	if o.Form == "" {
		return o.Words
	}
	return append([]string{o.Form}, o.Words...)
}

// usageWidth is how many columns of a help text the allowed values may use.
const usageWidth = 68

// Usage is the option's line in a help text. The first of its words is the
// default. A long list is cut there.
func (o Option) Usage() string {
	def := ""
	if o.Default != "" && !slices.Contains(o.Words, o.Default) {
		def = " (default " + o.Default + ")"
	}
	forms, rest := o.forms(), ""
	for ; len(forms) > 0; forms = forms[:len(forms)-1] {
		if line := o.Help + ": " + strings.Join(forms, ", ") + rest + def; len(line) <= usageWidth {
			return line
		}
		rest = ", …"
	}
	return o.Help + def
}

func (o Option) set(value string) error {
	if o.Form == "" && !slices.Contains(o.Words, value) {
		return fmt.Errorf("use one of: %s", o.Takes())
	}
	return o.Set(value)
}

// Table holds the options of one kind of phone, by key, bound to the phone's
// options that they set.
type Table []Option

// Parse reads options as virtual:android? spells them, such as
// "api=33&answer=cancel". phone names the kind of phone in errors.
func (t Table) Parse(phone, text string) error {
	values, err := url.ParseQuery(text)
	if err != nil {
		return fmt.Errorf("the options %q of %s can't be read", text, phone)
	}
	var keys []string
	for _, option := range t {
		keys = append(keys, option.Key)
		given, ok := values[option.Key]
		delete(values, option.Key)
		switch {
		case !ok:
			continue
		case len(given) > 1:
			return fmt.Errorf("option %q is given %d times", option.Key, len(given))
		}
		if err := option.set(given[0]); err != nil {
			return fmt.Errorf("option %s=%q of %s: %w", option.Key, given[0], phone, err)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		return fmt.Errorf("%s has no option %q; it has: %s", phone, key, strings.Join(keys, ", "))
	}
	return nil
}

// The rows below are the same for all phones: they describe the WeChat on a
// phone and its user.

// Version is the version of WeChat on the phone. other handles further words.
func Version(version *wechat.Version, other func(word string), words ...string) Option {
	return Option{Key: "wechat", Form: "a version such as 8.0.50", Words: words, Default: wechat.DefaultVersion().String(),
		Help: "WeChat on the phone", Set: func(value string) (err error) {
			if slices.Contains(words, value) {
				other(value)
				return nil
			}
			*version, err = wechat.ParseVersion(value)
			return err
		}}
}

// Answer is what the user does.
func Answer(answer *wechat.Answer) Option {
	return Option{Key: "answer", Words: wechat.Answers(), Default: string(wechat.Send),
		Help: "what the user does", Set: func(value string) error {
			*answer = wechat.Answer(value)
			return nil
		}}
}

// Think is how long the user takes: a fixed time, or a random one from least to
// most.
func Think(least, most *time.Duration) Option {
	const form = "a duration such as 300ms, or a range such as 1s-3s"
	return Option{Key: "think", Form: form, Default: "150ms", Help: "how long the user takes for each thing", Set: func(value string) error {
		first, second, ranged := strings.Cut(value, "-")
		if !ranged {
			second = first
		}
		from, errFrom := time.ParseDuration(first)
		to, errTo := time.ParseDuration(second)
		if errFrom != nil || errTo != nil || from < 0 || to < from || to > time.Hour {
			return errors.New("use " + form)
		}
		*least, *most = from, to
		return nil
	}}
}

// Login is whether a user is logged in to WeChat.
func Login(out *bool) Option {
	return Words("login", "in, out", "whether somebody is logged in to WeChat", func(word string) { *out = word == "out" })
}

// Signature is whether the signature that is registered at the Open Platform
// matches the app's.
func Signature(wrong *bool) Option {
	return Words("signature", "right, wrong", "whether the app's signature is the registered one",
		func(word string) { *wrong = word == "wrong" })
}

// Flaky is which requests WeChat loses.
func Flaky(every *int) Option {
	return Option{Key: "flaky", Form: "a number such as 3", Help: "lose every Nth request",
		Set: func(value string) error {
			n, err := strconv.Atoi(value)
			if err != nil || n < 1 {
				return errors.New("use a number such as 3: every third request is lost")
			}
			*every = n
			return nil
		}}
}

// OAuth is where WeChat's authorization codes come from. A virtual phone asks
// only servers of this machine.
func OAuth(base *string) Option {
	return Option{Key: "oauth", Form: "base URL of a virtual OAuth server",
		Help: "where WeChat gets authorization codes", Set: func(value string) error {
			u, err := url.Parse(value)
			if err != nil || u.Scheme != "http" || u.User != nil || u.Host == "" || u.RawQuery != "" || !isLoopback(u.Hostname()) {
				return errors.New("use the base URL that `wxctl virtual oauth` prints, such as http://127.0.0.1:41234")
			}
			*base = strings.TrimSuffix(value, "/")
			return nil
		}}
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Duration is a row for a time of at most an hour.
func Duration(key, def, help string, d *time.Duration) Option {
	const form = "a duration such as 300ms"
	return Option{Key: key, Form: form, Default: def, Help: help, Set: func(value string) error {
		v, err := time.ParseDuration(value)
		if err != nil || v < 0 || v > time.Hour {
			return errors.New("use " + form)
		}
		*d = v
		return nil
	}}
}

// Words is a row for one of several words, separated by commas; the first is
// the default.
func Words(key, words, help string, set func(word string)) Option {
	list := strings.Split(words, ", ")
	return Option{Key: key, Words: list, Default: list[0], Help: help, Set: func(value string) error {
		set(value)
		return nil
	}}
}
