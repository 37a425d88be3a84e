// Package device is about phones: finding them, choosing one, making sure that
// nobody else drives it at the same time, handing it a WeChat request, and
// saying what was seen of the outcome.
//
// It knows phones of every kind only through [Backend] and [Phone]; the
// packages below it (device/android, device/ios) implement them. It prints
// nothing and knows no flags.
package device

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Platform names an operating system as flags and JSON spell it.
type Platform string

// The two platforms that WeChat's OpenSDK exists for.
const (
	Android Platform = "android"
	IOS     Platform = "ios"
)

// State is what a phone's server says of a phone. Anything but [Ready] means
// that nothing can be sent to it now.
type State string

// The states of adb (host:devices) and, from Locked on, of iOS.
const (
	Ready         State = "ready"
	Unauthorized  State = "unauthorized"
	Authorizing   State = "authorizing"
	Connecting    State = "connecting"
	Offline       State = "offline"
	NoPermissions State = "no permissions"
	Recovery      State = "recovery"
	Rescue        State = "rescue"
	Sideload      State = "sideload"
	Bootloader    State = "bootloader"
	Locked        State = "locked"
	Unpaired      State = "unpaired"
	// TrustPending: the phone asks its user whether to trust this computer.
	TrustPending State = "trust dialog pending"
	// DeveloperModeOff: iOS 16 and later do nothing for developers then.
	DeveloperModeOff State = "developer mode off"
	// NotAnswering: the phone is there, and did not say in time who it is.
	NotAnswering State = "not answering"
)

// fixes has, for each state, the one thing to do about it.
var fixes = map[State]string{
	Unauthorized: `unlock the phone and accept "Allow USB debugging?"; if no dialog shows, revoke USB debugging ` +
		`authorizations in its developer options and plug it in again`,
	Authorizing: `wait a moment, or unlock the phone and accept "Allow USB debugging?"`,
	Connecting:  "wait a moment: the adb server is still opening the phone",
	Offline:     "unplug the phone and plug it in again, or run: adb reconnect offline",
	NoPermissions: "give your user access to the USB device (on Linux: install the android-sdk-platform-tools-common udev " +
		"rules, or join the plugdev group), then plug the phone in again",
	Recovery:   "the phone is in recovery: choose \"Reboot system now\" on it, or run: adb reboot",
	Rescue:     "the phone is in rescue mode: restart it",
	Sideload:   "the phone waits for an update (sideload): leave that menu on the phone, or run: adb reboot",
	Bootloader: "the phone is in its bootloader: run: fastboot reboot",
	Locked:     "unlock the phone and keep its screen on",
	Unpaired: `unlock the phone and tap "Trust" in the dialog "Trust This Computer?"; if no dialog shows, unplug the ` +
		`phone and plug it in again`,
	TrustPending: `unlock the phone and tap "Trust" in the dialog that it shows`,

	NotAnswering:     "unplug the phone and plug it in again; if that does not help, restart it",
	DeveloperModeOff: "switch it on in Settings > Privacy & Security > Developer Mode, and restart the phone",
}

// Known reports whether s is a state that phones are known to be in.
func (s State) Known() bool {
	_, ok := fixes[s]
	return ok || s == Ready
}

// FixFor returns the sentence that says how to get a phone out of state s. It
// is empty for a ready phone.
func FixFor(s State) string {
	if s == Ready {
		return ""
	}
	if fix, ok := fixes[s]; ok {
		return fix
	}
	return "unplug the phone and plug it in again"
}

// Transport is the way to a phone.
type Transport string

// The transports. An emulator runs on the same machine as its server; a
// virtual phone lives in this process.
const (
	USB      Transport = "usb"
	Network  Transport = "network"
	Emulator Transport = "emulator"
	Virtual  Transport = "virtual"
)

// Info is one phone as `wxctl devices` lists it.
type Info struct {
	ID        string    `json:"id"`       // adb serial or UDID
	Platform  Platform  `json:"platform"` // android or ios
	Name      string    `json:"name"`     // what its owner or maker calls it; may be empty
	Model     string    `json:"model"`
	OSVersion string    `json:"osVersion"` // "14", "17.5"; empty when it can't be asked
	State     State     `json:"state"`
	Transport Transport `json:"transport"`
	// TransportID is the adb server's number for this connection, 0 if it
	// gives none. It changes when the phone is plugged in again.
	TransportID int `json:"transportId,omitempty"`
	// USBPath is where the phone is plugged in: bus and ports, as in "1-1.4".
	USBPath string `json:"usbPath,omitempty"`
	// Server is the address of the server that listed the phone.
	Server string `json:"server,omitempty"`
	// Also lists the other ways to the same phone, after Merge.
	Also []Info `json:"also,omitempty"`
	// Agent is the host that lends the phone to a lab, and Labels what it calls
	// its phones.
	Agent  string   `json:"agent,omitempty"`
	Labels []string `json:"labels,omitempty"`
	Fix    string   `json:"fix,omitempty"` // what to do when State isn't Ready

	// Hardware identifies the phone itself, whatever the way to it: its own
	// serial number. Empty when it is not known or can't be trusted (emulators
	// share one number).
	Hardware string `json:"-"`
	// Product and Codename are adb's product: and device:, for selectors.
	Product  string `json:"-"`
	Codename string `json:"-"`
	// SharedID: another phone of the same server has the same ID, as cheap
	// phones do; the ID alone doesn't reach this one.
	SharedID bool `json:"-"`

	// from is who listed the phone, and so can open it.
	from Backend
}

// Key tells the phones of one server apart for as long as they stay plugged in
// where they are.
func (i Info) Key() string {
	switch {
	case i.USBPath != "":
		return i.ID + "@usb:" + i.USBPath
	case i.SharedID:
		return i.ID + "@transport-id:" + strconv.Itoa(i.TransportID)
	}
	return i.ID
}

// FixNow says what to do about a phone that isn't ready.
func (i Info) FixNow() string { return cmp.Or(i.Fix, FixFor(i.State)) }

// LockKey is the name under which the phone is locked: its hardware number if
// there is one, else its ID and place at its server, since two labs may both
// have an emulator-5554.
func (i Info) LockKey() string {
	if i.Hardware != "" {
		return string(i.Platform) + ":" + i.Hardware
	}
	return string(i.Platform) + ":" + i.Key() + "@" + i.Server
}

// Label is how messages name the phone: its ID and, if known, what it is.
func (i Info) Label() string {
	what := Printable(cmp.Or(i.Name, i.Model))
	if i.SharedID && i.USBPath != "" {
		what = strings.TrimPrefix(what+", usb:"+i.USBPath, ", ")
	}
	if what == "" || what == i.ID {
		return strconv.Quote(i.ID)
	}
	return strconv.Quote(i.ID) + " (" + quotePlain(what) + ")"
}

// quotePlain returns s as it is if it is harmless in a terminal, else quoted:
// names come from phones, and a phone can call itself anything.
func quotePlain(s string) string {
	if q := strconv.Quote(s); q != `"`+s+`"` {
		return q
	}
	return s
}

// Merge makes one entry of a phone that was seen several ways (USB and
// network), and sorts the list: ready phones first, then by platform and ID.
// The entry that stays is the best way: ready before not ready, USB before
// network. Two entries on USB are never the same phone, whatever they say.
func Merge(infos []Info) []Info {
	sorted := slices.Clone(infos)
	slices.SortStableFunc(sorted, func(a, b Info) int {
		return cmp.Or(
			cmp.Compare(rank(a), rank(b)),
			inOrder(a, b))
	})
	var merged []Info
	for _, info := range sorted {
		i := slices.IndexFunc(merged, func(m Info) bool { return samePhone(m, info) })
		if i < 0 {
			merged = append(merged, info)
			continue
		}
		merged[i].Also = append(merged[i].Also, info)
	}
	slices.SortStableFunc(merged, func(a, b Info) int {
		ready := func(i Info) int {
			if i.State == Ready {
				return 0
			}
			return 1
		}
		return cmp.Or(
			cmp.Compare(ready(a), ready(b)),
			inOrder(a, b))
	})
	return merged
}

// inOrder orders phones whose state is alike. Cheap ones may share an ID.
func inOrder(a, b Info) int {
	return cmp.Or(
		cmp.Compare(a.Platform, b.Platform),
		cmp.Compare(a.ID, b.ID),
		cmp.Compare(a.USBPath, b.USBPath),
		cmp.Compare(a.TransportID, b.TransportID))
}

// rank orders the ways to a phone, the best first.
func rank(i Info) int {
	r := 0
	if i.State != Ready {
		r += 10
	}
	switch i.Transport {
	case USB:
	case Emulator:
		r++
	default:
		r += 2
	}
	return r
}

func samePhone(a, b Info) bool {
	if a.Platform != b.Platform {
		return false
	}
	if port, ok := emulatorPort(a.ID); ok {
		return localPort(b.ID) == port
	}
	if port, ok := emulatorPort(b.ID); ok {
		return localPort(a.ID) == port
	}
	if a.Hardware == "" || a.Hardware != b.Hardware {
		return false
	}
	return a.Transport != USB || b.Transport != USB
}

// emulatorPort returns the adbd port of an emulator's serial: emulator-5554
// has its console on 5554 and its adbd on the port above.
func emulatorPort(id string) (int, bool) {
	s, ok := strings.CutPrefix(id, "emulator-")
	if !ok {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	return n + 1, err == nil
}

// localPort returns the port of a serial such as 127.0.0.1:5555, or 0.
func localPort(id string) int {
	for _, host := range []string{"127.0.0.1:", "localhost:", "[::1]:"} {
		if s, ok := strings.CutPrefix(id, host); ok {
			n, _ := strconv.Atoi(s)
			return n
		}
	}
	return 0
}
