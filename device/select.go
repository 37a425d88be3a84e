package device

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Select returns the phones that sel means, among those that were found. infos
// need not be merged. Every failure is an *Error that carries the candidates:
//
//   - no phone at all, or none that matches: NoPhone
//   - the one that matches is not ready, or none is: PhoneNotReady
//   - several match and none was chosen: SeveralPhones
//
// Phones that aren't ready are ignored when one is chosen: one ready phone
// among ten unauthorized ones is the only phone. If all are meant they are
// returned in NotReady.
func Select(infos []Info, sel Selector) (Selection, error) {
	phones := Merge(narrow(infos, sel.Platform))
	if len(phones) == 0 {
		return Selection{}, noPhone(sel)
	}
	matched := match(phones, sel)
	if len(matched) == 0 {
		err := Errorf(NoPhone, "no phone matches %s", sel.describe()).
			WithHint("run `wxctl devices` to see the phones; --device takes a serial, a UDID, a unique prefix, a name, or usb:PATH")
		err.Candidates = candidates(phones, nil)
		return Selection{}, err
	}
	var chosen Selection
	for _, phone := range matched {
		if phone.State == Ready {
			chosen.Phones = append(chosen.Phones, phone)
		} else {
			chosen.NotReady = append(chosen.NotReady, phone)
		}
	}
	switch ready := len(chosen.Phones); {
	case ready == 0:
		return chosen, notReady(phones, matched, sel)
	case ready == 1 || sel.All:
		return chosen, nil
	}
	one := quoteShell(chosen.Phones[0].Selector())
	err := Errorf(SeveralPhones, "%d phones are ready, but none was chosen", len(chosen.Phones))
	if sel.Single {
		err.WithHint("choose one with --device %s", one)
	} else {
		err.WithHint("choose one with --device %s, or use all with --all", one)
	}
	if sel.Text != "" {
		err.Message = Errorf(SeveralPhones, "%s matches %d phones", sel.describe(), len(chosen.Phones)).Message
	}
	err.Candidates = candidates(phones, chosen.Phones)
	return chosen, err
}

// Selection is the result of Select.
type Selection struct {
	Phones []Info // ready, and exactly one unless all are meant
	// NotReady match too, or may match: whether a condition holds can't always
	// be known before a phone is ready.
	NotReady []Info
	// Missing has an error for each server that was named and doesn't run.
	Missing []*Error
}

// Matching returns the phones that sel means, ready or not.
func Matching(infos []Info, sel Selector) []Info {
	return match(Merge(narrow(infos, sel.Platform)), sel)
}

func narrow(infos []Info, p Platform) []Info {
	if p == "" {
		return infos
	}
	return slices.DeleteFunc(slices.Clone(infos), func(i Info) bool { return i.Platform != p })
}

// match returns the phones that the selector's text matches: an exact ID first
// (also that of another connection of a merged phone), then the name, then the
// prefix of an ID.
func match(phones []Info, sel Selector) []Info {
	switch {
	case len(sel.Conditions) > 0:
		return slices.DeleteFunc(slices.Clone(phones), func(i Info) bool {
			return slices.ContainsFunc(sel.Conditions, func(c Condition) bool { return !c.holds(i) && !(sel.All && c.unknown(i)) })
		})
	case sel.Text == "" || sel.Virtual != nil:
		return phones
	}
	if exact := matchExact(phones, sel.Text); len(exact) > 0 {
		return exact
	}
	var named, prefixed []Info
	for _, p := range phones {
		if p.Name == sel.Text || p.Name != "" && Printable(p.Name) == Printable(sel.Text) {
			named = append(named, p)
		}
		if p.hasPrefix(sel.Text) {
			prefixed = append(prefixed, p)
			continue
		}
		for _, also := range p.Also {
			if also.hasPrefix(sel.Text) {
				prefixed = append(prefixed, also)
				break
			}
		}
	}
	if len(named) > 0 {
		return named
	}
	return prefixed
}

// matchExact returns the phones that text names in full: by ID, or as adb's -s
// does. Phones may share an ID.
func matchExact(phones []Info, text string) []Info {
	var byID, named []Info
	for _, p := range phones {
		for _, way := range append([]Info{p}, p.Also...) {
			if way.hasID(text) {
				byID = append(byID, way)
				break
			}
			if way.Named(text) {
				named = append(named, way)
				break
			}
		}
	}
	if len(byID) > 0 {
		return byID
	}
	return named
}

// Selector is a value of --device that selects this phone and no other of its
// server.
func (i Info) Selector() string {
	switch {
	case !i.SharedID:
		return i.ID
	case i.USBPath != "":
		return "usb:" + i.USBPath
	}
	return "transport-id:" + strconv.Itoa(i.TransportID)
}

// Named reports whether text names the phone in full: its ID, or what adb
// accepts for -s and -t (adb transport.cpp, MatchesTarget): usb:PATH,
// product:X, model:X, device:X, transport-id:N.
func (i Info) Named(text string) bool {
	if i.hasID(text) || i.USBPath != "" && text == i.USBPath {
		return true
	}
	key, value, ok := strings.Cut(text, ":")
	if !ok || value == "" {
		return false
	}
	switch key {
	case "tcp", "udp":
		return i.ID == value
	case "usb":
		return i.USBPath == value
	case "transport-id":
		return i.TransportID > 0 && strconv.Itoa(i.TransportID) == value
	case "product":
		return i.Product == value
	case "device":
		return i.Codename == value
	case "model":
		return i.Model != "" && adbWord(i.Model) == adbWord(value)
	}
	return false
}

// adbWord is a model in adb's spelling.
func adbWord(s string) string {
	return strings.Map(func(r rune) rune {
		if '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' {
			return r
		}
		return '_'
	}, s)
}

// hasID reports whether id is the phone's.
func (i Info) hasID(id string) bool {
	return i.ID == id || strings.TrimSpace(i.ID) == id && id != "" || i.Platform == IOS && SameUDID(i.ID, id)
}

// hasPrefix reports whether the phone's ID starts with prefix.
func (i Info) hasPrefix(prefix string) bool {
	return strings.HasPrefix(i.ID, prefix) || i.Platform == IOS && plainUDID(prefix) != "" &&
		strings.HasPrefix(plainUDID(i.ID), plainUDID(prefix))
}

// SameUDID reports whether two UDIDs are the same. Tools write them with and
// without the dash, in upper or lower case.
func SameUDID(a, b string) bool { return plainUDID(a) != "" && plainUDID(a) == plainUDID(b) }

func plainUDID(udid string) string { return strings.ToLower(strings.ReplaceAll(udid, "-", "")) }

func noPhone(sel Selector) error {
	none, unfit := "no phone is connected", "no phone is connected, so nothing fits %s"
	hint := "connect a phone (Android: with USB debugging on) and run `wxctl devices`, or try without one: --device virtual:android"
	switch sel.Platform {
	case Android:
		none, unfit = "no Android phone is connected", "no Android phone is connected, so nothing fits %s"
		hint = "connect a phone with USB debugging on and run `wxctl devices`, or try without one: --device virtual:android"
	case IOS:
		none, unfit = "no iPhone is connected", "no iPhone is connected, so nothing fits %s"
		hint = "plug in an iPhone, unlock it and tap \"Trust\", and run `wxctl devices`, or try without one: --device virtual:ios"
	}
	if sel.Text == "" {
		return Errorf(NoPhone, "%s", none).WithHint("%s", hint)
	}
	return Errorf(NoPhone, unfit, sel.describe()).WithHint("%s", hint)
}

func notReady(phones, matched []Info, sel Selector) error {
	first := matched[0]
	err := Errorf(PhoneNotReady, "phone %s is not ready: %s", first.Label(), first.State)
	if len(matched) > 1 {
		err = Errorf(PhoneNotReady, "none of %d phones is ready; the first one, %s: %s", len(matched), first.Label(), first.State)
	}
	err = err.WithHint("%s", first.FixNow())
	err.Candidates = candidates(phones, matched)
	return err
}

// describe names the selector in messages: --device "emu".
func (s Selector) describe() string {
	if s.From == "" {
		return quote(s.Text)
	}
	return s.From + " " + quote(s.Text)
}

func candidates(phones, matched []Info) []Candidate {
	out := make([]Candidate, len(phones))
	for i, p := range phones {
		out[i] = Candidate{Info: p, Matched: slices.ContainsFunc(matched, func(m Info) bool {
			return m.same(p) || slices.ContainsFunc(p.Also, m.same)
		})}
	}
	return out
}

// same reports whether two entries are the same connection to a phone.
func (i Info) same(o Info) bool { return i.Server == o.Server && i.Key() == o.Key() }

// quote is strconv.Quote: IDs and names come from outside.
func quote(s string) string { return strconv.Quote(s) }

// quoteShell returns s quoted for a shell.
func quoteShell(s string) string {
	if plain().MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

var plain = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[A-Za-z0-9_.:/@%+-]+$`)
})
