package adb

import (
	"fmt"
	"net"
	"os"
	"reflect"
	"slices"
	"strings"
)

// acquire finds the one phone that of selects, or says why there is none
// (adb/transport.cpp acquire_one_transport).
func (s *Server) acquire(of target, anyState bool) (*transport, string) {
	problem := "no devices/emulators found"
	many := "more than one device/emulator"
	switch {
	case of.id != 0:
		problem = fmt.Sprintf("no device with transport id '%d'", of.id)
	case of.serial != "":
		problem, many = fmt.Sprintf("device '%s' not found", of.serial), "more than one device"
	case of.kind == "local":
		problem, many = "no emulators found", "more than one emulator"
	case of.kind == "usb":
		problem, many = "no devices found", "more than one device"
	}
	var found *transport
	for _, t := range s.snapshot() {
		if t.State() == StateNoPermissions {
			problem = noPermissionsHelp(true)
			continue
		}
		if !of.matches(t) {
			continue
		}
		if found != nil {
			return nil, many
		}
		found = t
	}
	if found == nil {
		return nil, problem
	}
	if anyState {
		return found, ""
	}
	switch found.State() {
	case StateAuthorizing:
		return nil, "device still authorizing"
	case StateUnauthorized:
		keys, set := os.LookupEnv("ADB_VENDOR_KEYS")
		if !set {
			keys = "not set"
		}
		return nil, "device unauthorized.\nThis adb server's $ADB_VENDOR_KEYS is " + keys +
			"\nTry 'adb kill-server' if that seems wrong.\nOtherwise check for a confirmation dialog on your device."
	case StateOffline:
		return nil, "device offline"
	}
	return found, ""
}

// noPermissionsHelp is what adb prints for a USB device that it may not open
// (adb/transport.cpp UsbNoPermissions{Short,Long}HelpText).
func noPermissionsHelp(long bool) string {
	const cause, advice = "user in plugdev group; are your udev rules wrong?", "see [http://developer.android.com/tools/device.html]"
	if long {
		return "insufficient permissions for device: " + cause + "\n" + advice + " for more information"
	}
	return "no permissions (" + cause + "); " + advice
}

func (of target) matches(t *transport) bool {
	switch {
	case of.id != 0:
		return t.id == of.id
	case of.serial != "":
		return t.matchesSerial(of.serial)
	case of.kind == "usb":
		return t.usb()
	case of.kind == "local":
		return !t.usb()
	}
	return true
}

// usb reports whether the phone is on a cable; all others are on TCP.
func (t *transport) usb() bool { return t.Identity().DevPath != "" }

// defaultPort is where adbd listens for TCP, if an address names no port.
const defaultPort = "5555"

func (t *transport) matchesSerial(want string) bool {
	id := t.Identity()
	if want == t.Serial() || want == id.DevPath || want == "product:"+id.Product ||
		want == "model:"+alphanumeric(id.Model) || want == "device:"+id.Device {
		return true
	}
	if t.usb() {
		return false
	}
	// An address may omit its port.
	want = strings.TrimPrefix(strings.TrimPrefix(want, "tcp:"), "udp:")
	host, _, err := net.SplitHostPort(t.Serial())
	return want == t.Serial() || err == nil && want == host
}

func alphanumeric(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x80 && (r >= '0' && r <= '9' || r|0x20 >= 'a' && r|0x20 <= 'z') {
			return r
		}
		return '_'
	}, s)
}

// list is the answer to "devices" and "devices-l": USB first, then by serial.
func (s *Server) list(long bool) string {
	transports := s.snapshot()
	slices.SortStableFunc(transports, func(a, b *transport) int {
		if a.usb() != b.usb() {
			if a.usb() {
				return -1
			}
			return 1
		}
		return strings.Compare(a.Serial(), b.Serial())
	})
	var b strings.Builder
	for _, t := range transports {
		serial, state := t.Serial(), string(t.State())
		if serial == "" {
			serial = "(no serial number)"
		}
		if t.State() == StateNoPermissions {
			state = noPermissionsHelp(false)
		}
		if !long {
			fmt.Fprintf(&b, "%s\t%s\n", serial, state)
			continue
		}
		fmt.Fprintf(&b, "%-22s %s", serial, state)
		id := t.Identity()
		for _, field := range []struct{ key, value string }{
			{"", id.DevPath}, {"product:", id.Product}, {"model:", alphanumeric(id.Model)}, {"device:", id.Device},
		} {
			// Except for its path, a phone reports these only once it is connected.
			if field.value != "" && (field.key == "" || t.State().Online()) {
				fmt.Fprintf(&b, " %s%s", field.key, strings.ReplaceAll(field.value, "\n", "_"))
			}
		}
		fmt.Fprintf(&b, " transport_id:%d\n", t.id)
	}
	return b.String()
}

// watch returns a function that waits for the next change of the list of
// phones or of a phone, counted from the call of watch.
func (s *Server) watch(stop ...<-chan struct{}) (wait func() (stopped bool)) {
	channels := append(stop, s.changed.Changed())
	s.mu.Lock()
	for _, t := range s.transports {
		channels = append(channels, t.Changed())
	}
	s.mu.Unlock()
	cases := make([]reflect.SelectCase, len(channels))
	for i, ch := range channels {
		cases[i] = reflect.SelectCase{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(ch)}
	}
	return func() bool {
		i, _, _ := reflect.Select(cases)
		return i < len(stop)
	}
}

func (s *Server) snapshot() []*transport {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.transports)
}
