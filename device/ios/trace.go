package ios

import (
	"fmt"
	"strings"
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
