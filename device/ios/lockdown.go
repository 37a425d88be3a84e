package ios

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"

	"github.com/wxctl/wxctl/device"
)

// lockdownPort is where every iPhone's lockdownd listens.
const lockdownPort = 62078

// Link reaches one iPhone through a usbmuxd. Its methods may be called by
// several goroutines at once.
type Link struct {
	server Server
	udid   string

	mu     sync.Mutex
	number int // usbmuxd's number of the phone
	pair   *pairRecord
	// idle is a session that was left open for the next use; forgetIdle cancels
	// its end.
	idle       *Session
	forgetIdle func() bool
}

// Link returns a Link to the phone with a UDID, over USB if it has both. It
// asks usbmuxd for the phone's number.
func (s Server) Link(ctx context.Context, udid string) (*Link, error) {
	m, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	return m.link(ctx, udid)
}

func (m *mux) link(ctx context.Context, udid string) (*Link, error) {
	phones, err := m.list(ctx)
	if err != nil {
		return nil, err
	}
	var found *Link
	for _, a := range phones {
		if a.udid == udid && (found == nil || !a.network) {
			found = &Link{server: m.server, udid: udid, number: a.number}
			if !a.network {
				break
			}
		}
	}
	if found == nil {
		return nil, gone(udid)
	}
	return found, nil
}

func gone(udid string) error {
	return device.Errorf(device.PhoneLost, "the iPhone %q disconnected", udid).WithHint("plug it in again and check `wxctl devices`")
}

// Dial connects to a TCP port of the phone. A port that nobody listens on is a
// [*RefusedError].
func (l *Link) Dial(ctx context.Context, port uint16) (net.Conn, error) {
	c, err := l.dial(ctx, port)
	if err != nil {
		return nil, err
	}
	return c.Conn(), nil
}

func (l *Link) dial(ctx context.Context, port uint16) (phoneConn, error) {
	m, err := l.server.open(ctx)
	if err != nil {
		return phoneConn{}, err
	}
	if err := l.connect(ctx, m, port); err != nil {
		m.Close()
		return phoneConn{}, err
	}
	return m.release(), nil
}

// connect turns m into a connection to the phone's port. A phone that was
// plugged in again has a new number, which is looked up once.
func (l *Link) connect(ctx context.Context, m *mux, port uint16) error {
	l.mu.Lock()
	number := l.number
	l.mu.Unlock()
	err := m.connect(ctx, number, port)
	var result *muxResult
	if errors.As(err, &result) && result.number == resultBadDevice {
		fresh, findErr := m.link(ctx, l.udid)
		if findErr != nil {
			return findErr
		}
		if fresh.number == number {
			return gone(l.udid)
		}
		l.mu.Lock()
		l.number = fresh.number
		l.mu.Unlock()
		err = m.connect(ctx, fresh.number, port)
	}
	if !errors.As(err, &result) {
		return err
	}
	if result.number == resultRefused {
		return &RefusedError{UDID: l.udid, Port: port}
	}
	return gone(l.udid)
}

// RefusedError means that nothing listens on a port of the phone.
type RefusedError struct {
	UDID string
	Port uint16
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("nothing listens on port %d of the iPhone %q", e.Port, e.UDID)
}

// pairing returns the pair record, which it reads over m the first time, before
// m is connected to the phone.
func (l *Link) pairing(ctx context.Context, m *mux) (*pairRecord, error) {
	if p := l.paired(); p != nil {
		return p, nil
	}
	record, err := m.pairRecord(ctx, l.udid)
	var result *muxResult
	switch {
	case errors.As(err, &result):
		return nil, l.notReady(device.Unpaired, err)
	case errors.Is(err, errNoRecord):
		return nil, l.badRecord()
	case err != nil:
		return nil, err
	}
	l.mu.Lock()
	l.pair = &record
	l.mu.Unlock()
	return &record, nil
}

// pairAnew is the hint for an unusable pair record.
const pairAnew = "make a new one: idevicepair -u %s unpair, then pair, and tap \"Trust\" on the phone"

// badRecord is the error of an unusable pair record, without its content.
func (l *Link) badRecord() error {
	return device.Errorf(device.PhoneNotReady, "the pair record of the iPhone %q can't be used", l.udid).WithHint(pairAnew, l.udid)
}

// notReady is the error of a phone in a state in which it can't be used.
func (l *Link) notReady(state device.State, cause error) error {
	e := device.Errorf(device.PhoneNotReady, "phone %q is not ready: %s", l.udid, state).WithHint("%s", device.FixFor(state))
	e.Err = &notReadyError{state, cause}
	return e
}

// notReadyError is the cause of an error about a phone's state.
type notReadyError struct {
	state device.State
	cause error
}

func (e *notReadyError) Error() string { return "the phone is " + string(e.state) }

func (e *notReadyError) Unwrap() error { return e.cause }

// forget discards the pair record, so that it is read again.
func (l *Link) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pair = nil
}

// paired returns the cached pair record, nil if there is none.
func (l *Link) paired() *pairRecord {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.pair
}

// Session is a connection to the phone's lockdownd. It is used by one goroutine
// at a time. It is not encrypted until start.
type Session struct {
	link   *Link
	pair   *pairRecord // nil if this computer has none
	conn   phoneConn
	broken bool // it must not be used any more
	traced device.Wire
}

// leave keeps a session open for the next use, at most until ctx ends: its TLS
// handshake costs more than all requests within it.
func (l *Link) leave(ctx context.Context, s *Session) {
	l.take().Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.idle = s
	l.forgetIdle = context.AfterFunc(ctx, func() { l.take().Close() })
}

// take returns the session that was left open, nil if there is none.
func (l *Link) take() *Session {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.idle
	if s != nil {
		l.forgetIdle()
	}
	l.idle, l.forgetIdle = nil, nil
	return s
}

// Lockdown starts a session with the phone's lockdownd, encrypted with the keys
// of the pair record.
func (l *Link) Lockdown(ctx context.Context) (*Session, error) {
	m, err := l.server.open(ctx)
	if err != nil {
		return nil, err
	}
	s, err := l.lockdown(ctx, m)
	if err == nil {
		err = s.start(ctx)
	}
	if err != nil {
		m.Close()
		return nil, err
	}
	return s, nil
}

// lockdown reads the pair record over m and turns it into a connection to
// lockdownd, not encrypted yet.
func (l *Link) lockdown(ctx context.Context, m *mux) (*Session, error) {
	pair, err := l.pairing(ctx, m)
	if err != nil {
		return nil, err
	}
	return l.session(ctx, m, pair)
}

// session turns m into a connection to lockdownd.
func (l *Link) session(ctx context.Context, m *mux, pair *pairRecord) (*Session, error) {
	err := l.connect(ctx, m, lockdownPort)
	var refused *RefusedError
	switch {
	case errors.As(err, &refused):
		return nil, &device.Error{
			Code: device.PhoneNotReady, Message: fmt.Sprintf("the iPhone %q refuses connections", l.udid),
			Hint: "unplug it and plug it in again, or restart it", Err: err,
		}
	case err != nil:
		return nil, err
	}
	return &Session{link: l, pair: pair, conn: m.release(), traced: m.traced.As("lockdown")}, nil
}

// lockdownRequest is any request to lockdownd.
type lockdownRequest struct {
	Label           string
	Request         string
	ProtocolVersion string `plist:",omitempty"`
	HostID          string `plist:",omitempty"`
	SystemBUID      string `plist:",omitempty"`
	SessionID       string `plist:",omitempty"`
	Service         string `plist:",omitempty"`
	Domain          string `plist:",omitempty"`
	Key             string `plist:",omitempty"`
}

// lockdownAnswer is any answer of lockdownd.
type lockdownAnswer struct {
	Request          string
	Error            string
	SessionID        string
	EnableSessionSSL bool
	Port             uint64
	EnableServiceSSL bool
	Value            any
}

// LockdownError is a refusal of lockdownd, by its name: InvalidHostID,
// PasswordProtected, InvalidService, MissingValue.
type LockdownError struct {
	Request string
	Code    string
}

func (e *LockdownError) Error() string {
	return fmt.Sprintf("the iPhone answered %q to %s", device.Printable(e.Code), e.Request)
}

// ask sends a request and returns the answer. A refusal is a *LockdownError.
func (s *Session) ask(ctx context.Context, request lockdownRequest) (lockdownAnswer, error) {
	request.Label = "wxctl"
	var answer lockdownAnswer
	conn := s.conn.Conn()
	s.traced.Sent("%s", strings.Join(strings.Fields(request.Request+" "+request.Service+" "+request.Domain+" "+request.Key), " "))
	err := during(ctx, conn, func() error {
		if err := sendPlist(conn, request); err != nil {
			return err
		}
		return readPlist(conn, &answer)
	})
	if err == nil {
		s.traceSaid(answer)
	}
	switch {
	case err == nil && answer.Error != "":
		return answer, &LockdownError{Request: request.Request, Code: answer.Error}
	case err == nil && answer.Request != "" && answer.Request != request.Request:
		err = s.link.nonsense(nil, "the iPhone %q sent an answer to %q when asked %s", device.Printable(answer.Request), request.Request)
	case err != nil:
		err = s.link.lost(err, "the iPhone %q sent something that is not a property list")
	}
	s.broken = err != nil
	return answer, err
}

// lost converts a connection error to a sentence. format is the sentence for a
// message that can't be read.
func (l *Link) lost(err error, format string) error {
	switch {
	case errors.Is(err, errNoRecord):
		return l.badRecord()
	case errors.Is(err, errDistrusted), isAlert(err):
		e := device.Errorf(device.PhoneNotReady, "the iPhone %q does not accept this computer's certificate", l.udid).WithHint(pairAnew, l.udid)
		e.Err = err
		return e
	case errors.Is(err, errNoPlist):
		return l.nonsense(err, format)
	}
	return broken(fmt.Sprintf("the iPhone %q", l.udid), device.PhoneLost, "plug it in again and check `wxctl devices`", err)
}

// nonsense is the error of a phone that sent an unreadable message. The format
// is a whole sentence, which begins with the phone's UDID.
func (l *Link) nonsense(err error, format string, args ...any) error {
	return &device.Error{
		Code:    device.ServerMisbehaved,
		Message: fmt.Sprintf(format, append([]any{l.udid}, args...)...),
		Hint:    "unplug it and plug it in again, or restart it",
		Err:     err,
	}
}

// start makes the session an encrypted one, in which lockdownd answers all
// requests.
func (s *Session) start(ctx context.Context) error {
	answer, err := s.ask(ctx, lockdownRequest{
		Request: "StartSession", ProtocolVersion: "2",
		HostID: s.pair.HostID, SystemBUID: s.pair.SystemBUID,
	})
	if err != nil {
		return s.link.refused(err)
	}
	if !answer.EnableSessionSSL {
		return nil
	}
	return s.link.encrypt(ctx, s.pair, s.conn)
}

// encrypt does the TLS handshake on a connection to the phone.
func (l *Link) encrypt(ctx context.Context, p *pairRecord, c phoneConn) error {
	err := during(ctx, c.Conn(), func() error { return c.encrypt(*p) })
	if err == nil || ctx.Err() != nil {
		return err
	}
	return l.lost(err, "the iPhone %q sent something that is not TLS")
}

// Value asks lockdownd for one value, nil if the phone doesn't have it.
// Domain and key may be empty; without a key the answer is a dictionary of all.
func (s *Session) Value(ctx context.Context, domain, key string) (any, error) {
	answer, err := s.ask(ctx, lockdownRequest{Request: "GetValue", Domain: domain, Key: key})
	var refused *LockdownError
	if errors.As(err, &refused) && (refused.Code == "MissingValue" || refused.Code == "GetProhibited") {
		return nil, nil
	}
	return answer.Value, s.link.refused(err)
}

// StartService starts a service and returns the connection to it, after its TLS
// handshake. For a service that the phone doesn't have it returns a
// *LockdownError with the code InvalidService.
func (s *Session) StartService(ctx context.Context, name string) (net.Conn, error) {
	answer, err := s.ask(ctx, lockdownRequest{Request: "StartService", Service: name})
	if err != nil {
		return nil, s.link.refused(err)
	}
	if answer.Port == 0 || answer.Port > 1<<16-1 {
		return nil, s.link.nonsense(nil, "the iPhone %q sent the port %d for the service %s", answer.Port, name)
	}
	c, err := s.link.dial(ctx, uint16(answer.Port))
	if err != nil {
		return nil, err
	}
	if answer.EnableServiceSSL {
		if err := s.link.encrypt(ctx, s.pair, c); err != nil {
			c.Close()
			return nil, err
		}
	}
	return c.Conn(), nil
}

// Close ends the session. lockdownd notices the closed connection; StopSession
// would be another round trip.
func (s *Session) Close() error {
	if s == nil {
		return nil
	}
	return s.conn.Close()
}

// states are the refusals of lockdownd that imply a phone's state
// (libimobiledevice, lockdown.h).
var states = map[string]device.State{
	"PasswordProtected":                   device.Locked,
	"EscrowLocked":                        device.Locked,
	"InvalidHostID":                       device.Unpaired,
	"MissingHostID":                       device.Unpaired,
	"MissingPairRecord":                   device.Unpaired,
	"InvalidPairRecord":                   device.Unpaired,
	"UserDeniedPairing":                   device.Unpaired,
	"PairingFailed":                       device.Unpaired,
	"PairingDialogResponsePending":        device.TrustPending,
	"PairingProhibitedOverThisConnection": device.Unpaired,
}

// refused converts refusals that imply a state to the error for that state;
// others are returned unchanged.
func (l *Link) refused(err error) error {
	var refusal *LockdownError
	if errors.As(err, &refusal) {
		if state, ok := states[refusal.Code]; ok {
			if state == device.Unpaired {
				l.forget() // the user may trust the computer again
			}
			return l.notReady(state, err)
		}
	}
	return err
}
