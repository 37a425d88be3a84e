package ios

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/wxctl/wxctl/device"
)

// traceAsked traces a request to usbmuxd.
func (m *mux) traceAsked(r muxRequest) {
	switch r.MessageType {
	case "Connect":
		port := r.PortNumber>>8 | r.PortNumber<<8 // from network byte order
		m.traced.Sent("Connect device %d, port %d", r.DeviceID, port)
	case "ReadPairRecord":
		m.traced.Sent("ReadPairRecord %s", r.PairRecordID)
	default:
		m.traced.Sent("%s", r.MessageType)
	}
}

// traceSaid traces an answer or event of usbmuxd, without a pair record's keys.
func (m *mux) traceSaid(a *muxAnswer) {
	if !m.traced.Traced() {
		return
	}
	switch {
	case a.PairRecordData != nil:
		m.traced.Got("pair record, %d bytes (not shown)", len(*a.PairRecordData))
	case a.DeviceList != nil:
		list := make([]string, len(*a.DeviceList))
		for i, d := range *a.DeviceList {
			list[i] = fmt.Sprintf("device %d %q %q", d.DeviceID, d.Properties.SerialNumber, d.Properties.ConnectionType)
		}
		m.traced.Got("[%s]", strings.Join(list, ", "))
	case a.Number != nil:
		m.traced.Got("%q %d", a.MessageType, *a.Number)
	case a.DeviceID != nil:
		m.traced.Got("%q device %d", a.MessageType, *a.DeviceID)
	default:
		m.traced.Got("%q", a.MessageType)
	}
}

// traceSaid traces an answer of lockdownd. The session's IDs are secrets of
// this computer and the phone; of the phone's description (with its telephone
// number) only the size is shown.
func (s *Session) traceSaid(a lockdownAnswer) {
	if !s.traced.Traced() {
		return
	}
	switch v := a.Value.(type) {
	case map[string]any:
		s.traced.Got("%d values", len(v))
		return
	case string:
		s.traced.Got("%q", v)
		return
	case bool, int64, uint64:
		s.traced.Got("%v", v)
		return
	}
	switch {
	case a.Error != "":
		s.traced.Got("error %q", a.Error)
	case a.Port != 0:
		s.traced.Got("port %d, TLS %t", a.Port, a.EnableServiceSSL)
	case a.SessionID != "":
		s.traced.Got("session, TLS %t", a.EnableSessionSSL)
	default:
		s.traced.Got("%q", a.Request)
	}
}

// shownXPC are the texts of an XPC message that are shown: what is asked for, not
// what for. Others, such as a URL with a login's code or the phone's numbers, are
// shown by their size.
var shownXPC = []string{"CoreDevice.featureIdentifier", "MessageType", "domain", "localizedDescription"}

// tracedXPC is a RemoteXPC message for a trace.
func tracedXPC(m xpcMessage, size int) string {
	text := fmt.Sprintf("#%d, %d bytes", m.id, size)
	if len(m.body) == 0 {
		return text
	}
	return text + ": " + xpcText("", m.body, 0)
}

func indexOrLast(list []string, s string) int {
	if i := slices.Index(list, s); i >= 0 {
		return i
	}
	return len(list)
}

// xpcText is the outline of a value of an XPC message.
func xpcText(key string, v any, depth int) string {
	const deep, most = 2, 8 // levels, and entries of a level
	switch v := v.(type) {
	case map[string]any:
		if depth == deep && len(v) > 0 {
			return fmt.Sprintf("{%d}", len(v))
		}
		var parts []string
		keys := slices.SortedFunc(maps.Keys(v), func(a, b string) int { // the words first
			return cmp.Or(cmp.Compare(indexOrLast(shownXPC, a), indexOrLast(shownXPC, b)), cmp.Compare(a, b))
		})
		for i, k := range keys {
			if i == most {
				parts = append(parts, fmt.Sprintf("… %d more", len(v)-most))
				break
			}
			parts = append(parts, device.Printable(excerpt(k))+" "+xpcText(k, v[k], depth+1))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case []any:
		return fmt.Sprintf("[%d]", len(v))
	case string:
		if slices.Contains(shownXPC, key) {
			return fmt.Sprintf("%.120q", v)
		}
		return fmt.Sprintf("%d bytes", len(v))
	case []byte:
		return fmt.Sprintf("%d bytes", len(v))
	case bool:
		return fmt.Sprint(v)
	case nil:
		return "null"
	}
	return fmt.Sprintf("%T", v) // numbers are the phone's, too
}
