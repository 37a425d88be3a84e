package ios

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"strings"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/proplist"
)

// attached is one connection of a phone, as usbmuxd lists it.
type attached struct {
	number  int // assigned by usbmuxd, new each time it is plugged in
	udid    string
	network bool
}

// The results that usbmuxd gives as numbers (libusbmuxd, usbmuxd-proto.h).
const (
	resultOK        = 0
	resultBadDevice = 2
	resultRefused   = 3
)

// muxResult is a result of usbmuxd that is not OK.
type muxResult struct {
	request string
	number  uint64
}

func (e *muxResult) Error() string {
	return fmt.Sprintf("usbmuxd answered %d to %s", e.number, e.request)
}

// open connects to usbmuxd. The caller closes the connection.
func (s Server) open(ctx context.Context) (*mux, error) {
	nc, err := s.dial(ctx)
	if err != nil {
		return nil, err
	}
	return newMux(s, nc), nil
}

// muxRequest is any request to usbmuxd; unused fields are omitted.
type muxRequest struct {
	MessageType         string
	ProgName            string
	ClientVersionString string
	LibUSBMuxVersion    uint32 `plist:"kLibUSBMuxVersion"`
	PairRecordID        string `plist:",omitempty"`
	DeviceID            uint32 `plist:",omitempty"`
	PortNumber          uint16 `plist:",omitempty"`
}

// muxAnswer is any answer or event of usbmuxd. Pointers distinguish absent from
// zero.
type muxAnswer struct {
	MessageType    string
	Number         *uint64
	DeviceList     *[]muxDevice
	PairRecordData *[]byte
	DeviceID       *int64
	Properties     *muxProperties
}

type muxDevice struct {
	DeviceID   int64
	Properties muxProperties
}

type muxProperties struct {
	ConnectionType string
	SerialNumber   string
}

// ask sends a request and returns the answer.
func (m *mux) ask(ctx context.Context, request muxRequest) (muxAnswer, error) {
	request.ProgName, request.ClientVersionString, request.LibUSBMuxVersion = "wxctl", "wxctl", 3
	var answer muxAnswer
	err := during(ctx, m, func() error {
		if err := m.send(request); err != nil {
			return err
		}
		tag, err := m.read(&answer)
		if err == nil && tag != m.tag {
			return m.nonsense(nil, "the server at %q is not usbmuxd: it answered request %d when asked %d", tag, m.tag)
		}
		return err
	})
	return answer, m.misled(err)
}

// misled converts an error of the connection to a sentence.
func (m *mux) misled(err error) error {
	if err == nil {
		return nil
	}
	const hint = "check whether it is running: idevice_id -l"
	if errors.Is(err, errNoPlist) {
		return m.nonsense(err, "the server at %q is not usbmuxd: it sent something that is not a property list")
	}
	return broken(fmt.Sprintf("the usbmuxd at %q", m.server.String()), device.ServerMisbehaved, hint, err)
}

// nonsense is the error of a server that does not speak usbmux. The format is a
// whole sentence, which begins with the server's address.
func (m *mux) nonsense(err error, format string, args ...any) error {
	var own *device.Error
	if errors.As(err, &own) {
		return err
	}
	return &device.Error{
		Code:    device.ServerMisbehaved,
		Message: fmt.Sprintf(format, append([]any{m.server.String()}, args...)...),
		Hint:    "name usbmuxd's address with --usbmuxd or USBMUXD_SOCKET_ADDRESS",
		Err:     err,
	}
}

// result converts an answer other than success to an error.
func (m *mux) result(request string, answer muxAnswer) error {
	switch {
	case answer.Number == nil:
		return m.nonsense(nil, "the server at %q is not usbmuxd: it answered %s with no result", request)
	case *answer.Number != resultOK:
		return &muxResult{request, *answer.Number}
	}
	return nil
}

// list returns the connected phones.
func (m *mux) list(ctx context.Context) ([]attached, error) {
	answer, err := m.ask(ctx, muxRequest{MessageType: "ListDevices"})
	if err != nil {
		return nil, err
	}
	if answer.DeviceList == nil {
		return nil, m.nonsense(nil, "the server at %q is not usbmuxd: it answered ListDevices with no list")
	}
	phones := make([]attached, 0, len(*answer.DeviceList))
	for _, d := range *answer.DeviceList {
		a, err := m.attachedOf(d.DeviceID, d.Properties)
		if err != nil {
			return nil, err
		}
		phones = append(phones, a)
	}
	return phones, nil
}

func (m *mux) attachedOf(number int64, p muxProperties) (attached, error) {
	if !isUDID(p.SerialNumber) || number < 0 || number > 1<<32-1 {
		return attached{}, m.nonsense(nil, "the server at %q is not usbmuxd: it listed a phone %d with the UDID %.100q", number, p.SerialNumber)
	}
	return attached{number: int(number), udid: p.SerialNumber, network: strings.EqualFold(p.ConnectionType, "Network")}, nil
}

// isUDID reports whether s can be a UDID: hexadecimal digits and hyphens for
// real phones, any letters for others. Hints use it unquoted in shell commands,
// so nothing else is allowed, and no hyphen first.
func isUDID(s string) bool {
	const most = 100
	for i, c := range []byte(s) {
		switch {
		case '0' <= c && c <= '9', 'a' <= c|0x20 && c|0x20 <= 'z':
		case i == 0 || c != '-':
			return false
		}
	}
	return s != "" && len(s) <= most
}

// pairRecord reads what this computer and the phone exchanged when the user
// trusted it. It returns a *muxResult if that never happened.
func (m *mux) pairRecord(ctx context.Context, udid string) (pairRecord, error) {
	var record pairRecord
	answer, err := m.ask(ctx, muxRequest{MessageType: "ReadPairRecord", PairRecordID: udid})
	if err != nil {
		return record, err
	}
	if answer.PairRecordData == nil {
		if err := m.result("ReadPairRecord", answer); err != nil {
			return record, err
		}
		return record, m.nonsense(nil, "the server at %q is not usbmuxd: it answered ReadPairRecord with no record")
	}
	if err := proplist.Unmarshal(*answer.PairRecordData, &record); err != nil || record.HostID == "" {
		// The error's text may contain a key, so it is not returned.
		return pairRecord{}, errNoRecord
	}
	return record, nil
}

// connect turns the connection into one to a TCP port of the phone.
func (m *mux) connect(ctx context.Context, number int, port uint16) error {
	answer, err := m.ask(ctx, muxRequest{
		MessageType: "Connect", DeviceID: uint32(number),
		PortNumber: bits.ReverseBytes16(port), // in network byte order on any machine
	})
	if err != nil {
		return err
	}
	return m.result("Connect", answer)
}

// listen subscribes to connected and disconnected phones; next returns the
// events.
func (m *mux) listen(ctx context.Context) error {
	answer, err := m.ask(ctx, muxRequest{MessageType: "Listen"})
	if err != nil {
		return err
	}
	return m.result("Listen", answer)
}

// event is the kind of an event.
type event int

const (
	cameEvent   event = iota + 1
	wentEvent         // of the phone, only its number is known
	pairedEvent       // the user trusts this computer now; only its number is known
)

var events = map[string]event{"Attached": cameEvent, "Detached": wentEvent, "Paired": pairedEvent}

// news is an event of a phone.
type news struct {
	attached
	kind event
}

// next waits for an event.
func (m *mux) next(ctx context.Context) (news, error) {
	for {
		var answer muxAnswer
		err := during(ctx, m, func() error {
			_, err := m.read(&answer)
			return err
		})
		kind, known := events[answer.MessageType]
		switch {
		case err != nil:
			return news{}, m.misled(err)
		case !known:
			continue // an unknown event
		case answer.DeviceID == nil:
			return news{}, m.nonsense(nil, "the server at %q is not usbmuxd: it reported a phone without its number")
		case kind != cameEvent:
			return news{attached{number: int(*answer.DeviceID)}, kind}, nil
		case answer.Properties == nil:
			return news{}, m.nonsense(nil, "the server at %q is not usbmuxd: it reported a phone without its UDID")
		}
		a, err := m.attachedOf(*answer.DeviceID, *answer.Properties)
		return news{a, kind}, err
	}
}

func isEOF(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }
