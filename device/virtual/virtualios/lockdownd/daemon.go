// Package lockdownd is the daemon on a virtual iPhone that computers pair with,
// ask for the phone's values, and use to start services; and the services that
// need no developer tunnel.
package lockdownd

import (
	"context"
	"crypto/tls"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/wxctl/wxctl/device/virtual/fault"
	"github.com/wxctl/wxctl/device/virtual/virtualios/idevice"
)

// Port is where lockdownd listens on every iPhone.
const Port = 62078

// firstServicePort is where the ports begin that services get.
const firstServicePort = 49152

// Service is a service that a computer can start.
type Service struct {
	Name string
	// Plain turns TLS off on its port.
	Plain bool
	// Serve answers on a connection until it ends. conn is closed after it, and
	// when ctx ends.
	Serve func(ctx context.Context, conn net.Conn)
	// Present says whether the phone offers it now; nil is always.
	Present func() bool
}

// Daemon is one phone's lockdownd. Its fields are set before it serves.
type Daemon struct {
	Phone *idevice.Phone
	Keys  *Keys
	// Services are those that it can start; the first has the first port.
	Services []Service
	// Think is how long the phone's user takes to answer the question whether
	// to trust a computer.
	Think  time.Duration
	Faults fault.Hook
}

// New returns the lockdownd of a phone with the services of this package.
func New(phone *idevice.Phone, keys *Keys, faults fault.Hook) *Daemon {
	d := &Daemon{Phone: phone, Keys: keys, Faults: faults}
	major, _ := phone.Version()
	// Until iOS 16 these come with the developer disk image; from 17 on that
	// image is of another kind, and offers its services only by RSD.
	screenshots := func() bool { return major < 17 && phone.Image() && phone.DeveloperMode() }
	d.Services = []Service{
		{Name: "com.apple.mobile.installation_proxy", Serve: d.installationProxy},
		{Name: "com.apple.syslog_relay", Serve: d.syslogRelay},
		{Name: "com.apple.os_trace_relay", Serve: d.osTraceRelay, Present: func() bool { return major >= 10 }},
		{Name: "com.apple.mobile.notification_proxy", Serve: d.notificationProxy},
		{Name: "com.apple.mobile.screenshotr", Serve: d.screenshotr, Present: screenshots},
	}
	return d
}

// service finds an offered service by name, and its port.
func (d *Daemon) service(name string) (Service, uint16, bool) {
	i := slices.IndexFunc(d.Services, func(s Service) bool { return s.Name == name })
	if i < 0 || d.Services[i].Present != nil && !d.Services[i].Present() {
		return Service{}, 0, false
	}
	return d.Services[i], uint16(firstServicePort + i), true
}

// PortOf returns what serves a port of the phone, nil if nothing does.
func (d *Daemon) PortOf(port uint16) func(ctx context.Context, conn net.Conn) {
	if port == Port {
		return d.Serve
	}
	i := int(port) - firstServicePort
	if i < 0 || i >= len(d.Services) {
		return nil
	}
	s := d.Services[i]
	if s.Present != nil && !s.Present() {
		return nil
	}
	if s.Plain {
		return s.Serve
	}
	return func(ctx context.Context, conn net.Conn) {
		short := s.Name[strings.LastIndexByte(s.Name, '.')+1:]
		if secure := d.secure(ctx, short+" TLS", conn); secure != nil {
			defer secure.Close()
			s.Serve(ctx, secure)
		}
	}
}

// secure makes the phone's side of TLS; nil if that failed.
func (d *Daemon) secure(ctx context.Context, step string, conn net.Conn) net.Conn {
	conn = d.Faults.Reach(step, conn)
	if conn == nil {
		return nil
	}
	config, err := d.Keys.tls()
	if err != nil {
		return nil
	}
	secure := tls.Server(conn, config)
	if secure.HandshakeContext(ctx) != nil {
		return nil
	}
	return secure
}

// Serve answers a computer at lockdownd's own port.
func (d *Daemon) Serve(ctx context.Context, conn net.Conn) {
	s := &session{d: d, conn: conn}
	s.run(ctx)
}

// ServeTrusted is lockdownd inside the developer tunnel
// (com.apple.mobile.lockdown.remote.trusted): the computer checks in, and needs
// neither a session nor TLS.
func (d *Daemon) ServeTrusted(ctx context.Context, conn net.Conn) {
	s := &session{d: d, conn: conn, trusted: true}
	s.run(ctx)
}

// session is one connection to lockdownd.
type session struct {
	d       *Daemon
	conn    net.Conn
	trusted bool   // by the tunnel it came through
	id      string // of the running session, "" without one
}

func (s *session) run(ctx context.Context) {
	for {
		var q dict
		if readFrame(s.conn, &q) != nil {
			return
		}
		conn := s.d.Faults.Reach("lockdown "+q.text("Request"), s.conn)
		if conn == nil {
			return
		}
		if !s.answer(ctx, conn, q) {
			return
		}
	}
}

// answer answers one request, and reports whether the connection goes on.
func (s *session) answer(ctx context.Context, conn net.Conn, q dict) bool {
	request := q.text("Request")
	a := dict{"Request": request}
	switch request {
	case "RSDCheckin":
		if !s.trusted {
			a["Error"] = "InvalidRequest"
			break
		}
		return writeFrame(conn, a) == nil && writeFrame(conn, dict{"Request": "StartService"}) == nil
	case "QueryType":
		a["Type"] = "com.apple.mobile.lockdown"
	case "GetValue":
		s.value(q, a)
	case "Pair", "ValidatePair", "Unpair":
		s.pair(request, q, a)
	case "StartSession":
		return s.start(ctx, conn, q, a)
	case "StopSession":
		if s.id == "" || q.text("SessionID") != s.id {
			a["Error"] = "SessionInactive"
			break
		}
		s.id = ""
		_ = writeFrame(conn, a)
		return false // what follows would be unencrypted again; clients disconnect
	case "StartService":
		s.startService(q, a)
	case "":
		a = dict{"Error": "MissingRequest"}
	default:
		a["Error"] = "UnknownRequest"
	}
	return writeFrame(conn, a) == nil
}

// secured reports whether the computer is authenticated.
func (s *session) secured() bool { return s.trusted || s.id != "" }

// start begins a session of a computer that the phone knows. From then on the
// same connection is TLS.
func (s *session) start(ctx context.Context, conn net.Conn, q, a dict) bool {
	switch {
	case s.id != "":
		a["Error"] = "SessionActive"
	case !s.d.Phone.Knows(q.text("HostID")):
		a["Error"] = "InvalidHostID"
	}
	if a["Error"] != nil {
		return writeFrame(conn, a) == nil
	}
	id := newUUID()
	a["SessionID"], a["EnableSessionSSL"] = id, true
	if writeFrame(conn, a) != nil {
		return false
	}
	secure := s.d.secure(ctx, "lockdown TLS", conn)
	if secure == nil {
		return false
	}
	s.id, s.conn = id, secure
	return true
}

func (s *session) startService(q, a dict) {
	name := q.text("Service")
	a["Service"] = name
	service, port, ok := s.d.service(name)
	switch {
	case !s.secured():
		a["Error"] = "SessionInactive"
	case !ok:
		a["Error"] = "InvalidService"
	default:
		a["Port"] = int(port)
		if !service.Plain {
			a["EnableServiceSSL"] = true
		}
	}
}

// pair handles pairing with a computer, and its end.
func (s *session) pair(request string, q, a dict) {
	phone := s.d.Phone
	record := q.dict("PairRecord")
	host := record.text("HostID")
	switch {
	case host == "":
		a["Error"] = "MissingHostID"
	case request == "Unpair":
		phone.ForgetHost(host)
		phone.SetTrust(idevice.Untrusted) // it will ask again
	case request == "ValidatePair":
		if !phone.Knows(host) {
			a["Error"] = "InvalidHostID"
		}
	case phone.Knows(host):
		a["EscrowBag"] = make([]byte, 32)
	case phone.Locked():
		a["Error"] = "PasswordProtected" // it does not ask before it is unlocked
	case phone.Trust() == idevice.TrustDenied:
		a["Error"] = "UserDeniedPairing"
	case phone.Trust() == idevice.TrustPending:
		a["Error"] = "PairingDialogResponsePending"
	case phone.Trust() == idevice.Untrusted:
		// The dialog is shown now, and the user will tap Trust.
		phone.SetTrust(idevice.TrustPending)
		phone.After(s.d.Think, func() {
			if phone.Trust() == idevice.TrustPending {
				phone.SetTrust(idevice.Trusted)
			}
		})
		a["Error"] = "PairingDialogResponsePending"
	default:
		phone.TrustHost(host)
		a["EscrowBag"] = make([]byte, 32)
	}
}
