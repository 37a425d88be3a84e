// Package device is about phones: finding them, choosing one, locking it
// against other processes, handing it a WeChat request, and reporting the
// outcome.
//
// It uses phones of every platform only through [Backend] and [Phone]; the
// packages below it (device/android, device/ios) implement them. It prints
// nothing and knows no flags.
package device

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Platform is an operating system as flags and JSON spell it.
type Platform string

// The two platforms with a WeChat OpenSDK.
const (
	Android Platform = "android"
	IOS     Platform = "ios"
)

// State is what a phone's server reports about a phone. In any state but
// [Ready] nothing can be sent to it.
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
	// TrustPending: the phone is asking its user whether to trust this
	// computer.
	TrustPending State = "trust dialog pending"
	// DeveloperModeOff: iOS 16 and later refuse developer services then.
	DeveloperModeOff State = "developer mode off"
	// NotAnswering: the phone is connected, but did not identify itself in
	// time.
	NotAnswering State = "not answering"
)

// fixes says, for each state, what to do about it.
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

// Known reports whether s is one of the known states.
func (s State) Known() bool {
	_, ok := fixes[s]
	return ok || s == Ready
}

// FixFor returns a sentence that says how to get a phone out of state s. It is
// empty for a ready phone.
func FixFor(s State) string {
	if s == Ready {
		return ""
	}
	if fix, ok := fixes[s]; ok {
		return fix
	}
	return "unplug the phone and plug it in again"
}

// Transport is how a phone is connected.
type Transport string

// The transports. An emulator runs on the same machine as its server; a virtual
// phone runs in this process.
const (
	USB      Transport = "usb"
	Network  Transport = "network"
	Emulator Transport = "emulator"
	Virtual  Transport = "virtual"
)

// Info describes one phone, as `wxctl devices` lists it.
type Info struct {
	ID        string    `json:"id"`       // adb serial or UDID
	Platform  Platform  `json:"platform"` // android or ios
	Name      string    `json:"name"`     // set by its owner or maker; may be empty
	Model     string    `json:"model"`
	OSVersion string    `json:"osVersion"` // "14", "17.5"; empty if not known
	State     State     `json:"state"`
	Transport Transport `json:"transport"`
	// TransportID is the adb server's number for this connection, 0 if there is
	// none. It changes when the phone is plugged in again.
	TransportID int `json:"transportId,omitempty"`
	// USBPath is where the phone is plugged in: bus and ports, as in "1-1.4".
	USBPath string `json:"usbPath,omitempty"`
	// Server is the address of the server that listed the phone.
	Server string `json:"server,omitempty"`
	// Also lists the other connections to the same phone, after Merge.
	Also []Info `json:"also,omitempty"`
	// Agent is the host that lends the phone to a lab, and Labels are that
	// host's labels for its phones.
	Agent  string   `json:"agent,omitempty"`
	Labels []string `json:"labels,omitempty"`
	Fix    string   `json:"fix,omitempty"` // what to do when State isn't Ready

	// Hardware identifies the phone itself, whatever the connection: its own
	// serial number. It is empty if it is not known or can't be trusted
	// (emulators share one number).
	Hardware string `json:"-"`
	// Product and Codename are adb's product: and device:, for selectors.
	Product  string `json:"-"`
	Codename string `json:"-"`
	// SharedID is set if another phone of the same server has the same ID, as
	// cheap phones do; the ID alone doesn't select this one.
	SharedID bool `json:"-"`

	// from is the backend that listed the phone, and can open it.
	from Backend
}

// Key distinguishes the phones of one server for as long as they stay plugged
// in.
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
// it is known, else its ID and place at its server, since two labs may both
// have an emulator-5554.
func (i Info) LockKey() string {
	if i.Hardware != "" {
		return string(i.Platform) + ":" + i.Hardware
	}
	return string(i.Platform) + ":" + i.Key() + "@" + i.Server
}

// Label is the phone's name in messages: its ID and, if known, its model.
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

// quotePlain returns s unchanged if it is harmless in a terminal, else quoted:
// phones can have any name.
func quotePlain(s string) string {
	if q := strconv.Quote(s); q != `"`+s+`"` {
		return q
	}
	return s
}

// Merge combines the entries of a phone that is connected in several ways (USB
// and network), and sorts the list: ready phones first, then by platform and
// ID. The entry that stays is the best one: ready before not ready, USB before
// network. Two entries on USB are never merged, even if they claim to be the
// same phone.
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

// inOrder orders phones of the same state. Cheap ones may share an ID.
func inOrder(a, b Info) int {
	return cmp.Or(
		cmp.Compare(a.Platform, b.Platform),
		cmp.Compare(a.ID, b.ID),
		cmp.Compare(a.USBPath, b.USBPath),
		cmp.Compare(a.TransportID, b.TransportID))
}

// rank orders the connections to a phone, the best first.
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

// emulatorPort returns the adbd port of an emulator's serial: emulator-5554 has
// its console on port 5554 and its adbd on the next one.
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
