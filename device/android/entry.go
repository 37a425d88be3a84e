package android

import (
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/wxctl/wxctl/device"
)

// entry is one line of the server's list.
type entry struct {
	serial  string
	state   device.State
	path    string // the USB path as the server writes it: usb:1-1, or bare
	product string
	model   string
	name    string // device:, the phone's code name
	id      int    // transport id, 0 if the server reports none
	shared  bool   // another line has the same serial
}

// states are what adb calls the state of a phone (adb transport.cpp,
// connection_state_to_string).
var states = []string{"device", "offline", "unauthorized", "authorizing", "connecting", "recovery", "rescue", "sideload",
	"bootloader", "host", "detached", "unknown"}

// noPermissions is the state that comes with a reason
// (UsbNoPermissionsShortHelpText).
var noPermissions = pattern(`^(no permissions(?: \([^)]*\))?(?:;? see \[[^\]]*\])?)(?:\s|$)`)

// blanks separate the words of a line.
const blanks = " \t\n\f\r"

// findState finds the first blank that is followed by a phone's state, and the
// state's end. Every command that needs phones calls it, so it only compiles a
// regular expression if necessary.
func findState(l string) (start, end int, ok bool) {
	for i := 1; i < len(l); i++ {
		if !strings.ContainsRune(blanks, rune(l[i-1])) {
			continue
		}
		word := l[i:]
		if n := strings.IndexAny(word, blanks); n >= 0 {
			word = word[:n]
		}
		switch {
		case slices.Contains(states, word):
			return i, i + len(word), true
		case word == "no":
			if m := noPermissions().FindStringSubmatch(l[i:]); m != nil {
				return i, i + len(m[1]), true
			}
		}
	}
	return 0, 0, false
}

// barePath is a USB path as adb writes it with ADB_LIBUSB=1: bus and ports,
// without "usb:" before them (Genymobile/scrcpy#6664).
var barePath = pattern(`^\d+(-\d+)?(\.\d+)*$`)

// parseList reads an answer to host:devices-l or a block of track-devices-l:
// each line on its own. unread has the lines that can't be read.
func parseList(text string) (entries []entry, unread []string) {
	for l := range strings.Lines(text) {
		l = strings.TrimRight(l, "\r\n")
		if strings.TrimSpace(l) == "" {
			continue
		}
		if e, ok := parseEntry(l); ok {
			entries = append(entries, e)
		} else {
			unread = append(unread, l)
		}
	}
	count := map[string]int{}
	for _, e := range entries {
		count[e.serial]++
	}
	for i, e := range entries {
		entries[i].shared = count[e.serial] > 1
	}
	return entries, unread
}

// parseEntry reads one line: the serial padded to 22 columns, the state, then
// words (adb transport.cpp, append_transport). A serial may contain blanks
// (mDNS names do) or the name of a state, so the first position counts after
// which the rest can be parsed.
func parseEntry(l string) (entry, bool) {
	for from := 0; ; {
		start, end, ok := findState(l[from:])
		if !ok {
			return entry{}, false
		}
		e := entry{serial: strings.TrimRightFunc(l[:from+start], unicode.IsSpace), state: stateOf(l[from+start : from+end])}
		if e.serial != "" && !strings.ContainsFunc(e.serial, damaged) && e.words(strings.Fields(l[from+end:])) {
			return e, true
		}
		from += start
	}
}

// damaged reports characters that never occur in a serial number.
func damaged(r rune) bool { return r == unicode.ReplacementChar || unicode.IsControl(r) }

// words reads what follows the state. Values from the phone may contain blanks:
// adb only cleans the model.
func (e *entry) words(words []string) bool {
	var last *string
	for i, word := range words {
		key, value, named := strings.Cut(word, ":")
		switch {
		case !named && i == 0 && barePath().MatchString(word):
			e.path = word
		case !named && last != nil:
			*last += " " + word
		case !named:
			return false
		case key == "usb":
			e.path, last = word, nil
		case key == "product":
			e.product, last = value, &e.product
		case key == "device":
			e.name, last = value, &e.name
		case key == "model":
			e.model, last = value, nil
		case key == "transport_id":
			// An invalid number counts as absent.
			e.id, _ = strconv.Atoi(value)
			last = nil
		default: // of a newer adb
			last = nil
		}
	}
	return true
}

func stateOf(s string) device.State {
	switch {
	case s == "device":
		return device.Ready
	case strings.HasPrefix(s, "no permissions"):
		return device.NoPermissions
	}
	return device.State(s)
}

var mdnsName = pattern(`^adb-(.+)-[A-Za-z0-9]{6}(?: \(\d+\))?\._adb(?:-tls-connect)?\._tcp\.?$`)

// ofMDNS returns the serial number in an mDNS name, "" if it isn't one.
func ofMDNS(name string) string {
	if !strings.HasPrefix(name, "adb-") {
		return ""
	}
	if m := mdnsName().FindStringSubmatch(name); m != nil {
		return m[1]
	}
	return ""
}

// isHostPort reports whether a serial is the address that adb connected to.
func isHostPort(s string) bool {
	i := strings.LastIndexByte(s, ':')
	if i < 1 || strings.ContainsAny(s, blanks) {
		return false
	}
	port := s[i+1:]
	return 1 <= len(port) && len(port) <= 5 && strings.Trim(port, "0123456789") == ""
}

// info converts a list entry to what is known without asking the phone.
func (b *Backend) info(e entry) device.Info {
	i := device.Info{
		ID: e.serial, Platform: device.Android, Model: device.Said(strings.ReplaceAll(e.model, "_", " ")),
		State: e.state, Fix: device.FixFor(e.state), Server: b.Server.String(),
		TransportID: e.id, USBPath: strings.TrimPrefix(e.path, "usb:"),
		Product: e.product, Codename: e.name, SharedID: e.shared,
	}
	switch serial := ofMDNS(e.serial); {
	case serial != "":
		i.Transport, i.Hardware = device.Network, serial
	case strings.HasSuffix(strings.TrimSuffix(e.serial, "."), "._tcp"):
		i.Transport = device.Network // an mDNS name that does not hold the serial number as it should
	case strings.HasPrefix(e.serial, "emulator-"):
		i.Transport = device.Emulator
	case isHostPort(e.serial) && e.path == "":
		i.Transport = device.Network
	default:
		i.Transport, i.Hardware = device.USB, e.serial // adb's serial of a USB phone is its ro.serialno
	}
	if e.shared || !trustedSerial(i.Hardware) {
		i.Hardware = ""
	}
	if b.Transport != "" {
		i.Transport = b.Transport
	}
	return i
}

// trustedSerial distinguishes serial numbers that identify a phone from those
// that a whole series shares, and from adb's placeholders.
func trustedSerial(s string) bool {
	shared := []string{
		"", "unknown", "0123456789abcdef", "123456789abcdef", "1234567890abcdef", "0123456789", "1234567890", "12345678", "0", "00000000",
	}
	if slices.Contains(shared, strings.ToLower(s)) || noSerial(s) {
		return false
	}
	return !strings.HasPrefix(s, "EMULATOR")
}

// noSerial reports whether s is "????????????", "(no serial number)", or a USB
// path that takes the serial's place.
func noSerial(s string) bool {
	return s == "(no serial number)" || strings.HasPrefix(s, "usb:") || strings.Trim(s, "?") == "" ||
		strings.Trim(s, "0") == "" || strings.Trim(s, blanks) == ""
}

// target is how adb is told which phone is meant: its serial number or, if that
// is ambiguous, its transport.
func target(i device.Info) string {
	if !i.SharedID && !strings.ContainsFunc(i.ID, unicode.IsSpace) {
		return i.ID
	}
	switch {
	case i.TransportID > 0:
		return transportID + strconv.Itoa(i.TransportID)
	case i.SharedID && i.USBPath != "":
		return "usb:" + i.USBPath
	}
	return i.ID
}

// transportID begins a target that is not a serial number.
const transportID = "transport-id:"

// hostService is the request that chooses a target for what follows on the
// connection (adb.cpp, handle_host_request).
func hostService(target string) string {
	if rest, ok := strings.CutPrefix(target, transportID); ok && isNumber(rest) {
		return "host:" + target
	}
	return "host:transport:" + target
}

func isNumber(s string) bool {
	_, err := strconv.ParseUint(s, 10, 63)
	return err == nil
}

// adbFlag is the option with which the user's own adb selects the phone.
func adbFlag(i device.Info) string {
	if rest, ok := strings.CutPrefix(target(i), transportID); ok {
		return "-t " + rest
	}
	if t := target(i); strings.ContainsAny(t, " \t'\"$`\\&;()<>|*?#~!{}") {
		return "-s " + shellQuote(t)
	}
	return "-s " + target(i)
}
