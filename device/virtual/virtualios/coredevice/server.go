// Package coredevice has the services of a virtual iPhone that are new in iOS
// 17: the network behind lockdown's CoreDeviceProxy, remote service discovery
// (RSD) in it, and CoreDevice's services, first of all the appservice that
// launches apps and hands them URLs.
//
//	server := coredevice.New(phone, coredevice.Options{})
//	defer server.Close()
//	rsd, err := server.Listen(0)          // RSD and services without a tunnel
//	…
//	err = server.ServeTunnel(ctx, conn)   // CoreDeviceProxy, on a connection to it
//
// TunnelService is the HTTP face of a tunnel service as go-ios runs one.
package coredevice

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"

	"github.com/danielpaulus/go-ios/ios/xpc"
	"github.com/google/uuid"

	"github.com/wxctl/wxctl/device/virtual/fault"
	"github.com/wxctl/wxctl/device/virtual/local"
	"github.com/wxctl/wxctl/device/virtual/virtualios/idevice"
)

// ProxyService is the name of the lockdown service that ServeTunnel is.
const ProxyService = "com.apple.internal.devicecompute.CoreDeviceProxy"

// RSDPort is where remote service discovery listens on the phone's own network,
// as on real phones.
const RSDPort = 58783

// Names of the services.
const (
	AppService     = "com.apple.coredevice.appservice"
	DeviceInfo     = "com.apple.coredevice.deviceinfo"
	Pasteboard     = "com.apple.coredevice.pasteboardservice"
	RemoteLockdown = "com.apple.mobile.lockdown.remote.trusted"
)

// Options say what else a phone's CoreDevice side does.
type Options struct {
	// Lockdown serves RemoteLockdown; if it is nil, the phone does not offer that.
	Lockdown func(ctx context.Context, conn net.Conn)
	// Faults make the phone fail on purpose, and count requests. The steps are
	// "CoreDeviceProxy handshake" and "CoreDeviceProxy packets" (none of which is
	// answered), and for rsd and each service, by the last part of its name, such
	// as "appservice HTTP/2" (its SETTINGS), "appservice opening" (each of three)
	// and "appservice launchapplication", the feature; "rsd Handshake" is what RSD
	// pushes.
	Faults fault.Hook
	// Pasteboard makes the developer disk image one with a pasteboard service,
	// which older ones don't have.
	Pasteboard bool
}

// Server is the CoreDevice side of one phone.
type Server struct {
	phone   *idevice.Phone
	options Options
	names   []string // of the services, by port from firstPort on

	ctx    context.Context
	cancel context.CancelFunc
	served sync.WaitGroup
}

// firstPort is where the first of the services listens on the phone's network.
const firstPort = 49152

// New makes the CoreDevice side of a phone. Close it when done.
func New(phone *idevice.Phone, o Options) *Server {
	s := &Server{phone: phone, options: o, names: []string{AppService, DeviceInfo}}
	if o.Pasteboard {
		s.names = append(s.names, Pasteboard)
	}
	if o.Lockdown != nil {
		s.names = append(s.names, RemoteLockdown)
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// Close ends everything the server runs and waits for it.
func (s *Server) Close() error {
	s.cancel()
	s.served.Wait()
	return nil
}

// Supported reports whether the phone's iOS has remote service discovery: 17 and
// later.
func (s *Server) Supported() bool {
	major, _ := s.phone.Version()
	return major >= 17
}

// Tunnels reports whether lockdown offers ProxyService: iOS later than 17.4.0.
func (s *Server) Tunnels() bool {
	major, minor := s.phone.Version()
	switch {
	case major != 17:
		return major > 17
	case minor != 4:
		return minor > 4
	}
	return s.phone.IOS() != "17.4" && s.phone.IOS() != "17.4.0"
}

// addresses are the phone's and a computer's on a tunnel's network, which is
// different for every phone (RFC 4193).
func (s *Server) addresses() (phone, computer netip.Addr) {
	sum := sha256.Sum256([]byte(s.phone.UDID()))
	a := [16]byte{0: 0xfd, 15: 1}
	copy(a[1:8], sum[:])
	phone = netip.AddrFrom16(a)
	a[15] = 2
	return phone, netip.AddrFrom16(a)
}

// ports says where each service listens, for one network.
type ports map[string]uint16

// own are the ports on the phone's own network.
func (s *Server) own() ports {
	p := ports{}
	for i, name := range s.names {
		p[name] = firstPort + uint16(i)
	}
	return p
}

// offered reports whether RSD lists a service now: CoreDevice's come with the
// developer disk image, which needs developer mode.
func (s *Server) offered(name string) bool {
	return name == RemoteLockdown || s.phone.DeveloperMode() && s.phone.Image()
}

// Listen serves RSD and the services on loopback ports, without a tunnel; RSD on
// the port given, 0 for any free one. It returns RSD's address.
func (s *Server) Listen(port int) (string, error) {
	where := ports{}
	var listeners []net.Listener
	for _, name := range s.names {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return "", errors.Join(err, closeAll(listeners))
		}
		listeners = append(listeners, l)
		where[name] = uint16(l.Addr().(*net.TCPAddr).Port)
	}
	rsd, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return "", errors.Join(err, closeAll(listeners))
	}
	s.accept(s.ctx, &s.served, rsd, "", where)
	for i, l := range listeners {
		s.accept(s.ctx, &s.served, l, s.names[i], where)
	}
	return rsd.Addr().String(), nil
}

func closeAll(listeners []net.Listener) (err error) {
	for _, l := range listeners {
		err = errors.Join(err, l.Close())
	}
	return err
}

// accept serves connections to l until ctx ends: the service with the name, RSD
// if it is empty. Waiting for running waits for all of it.
func (s *Server) accept(ctx context.Context, running *sync.WaitGroup, l net.Listener, name string, where ports) {
	running.Go(func() {
		_ = local.Serve(ctx, l, func(ctx context.Context, conn net.Conn) { s.serve(ctx, conn, name, where) })
	})
}

// serve runs one connection to a service, or to RSD, until it ends.
func (s *Server) serve(ctx context.Context, conn net.Conn, name string, where ports) {
	if name != "" && !s.offered(name) {
		return
	}
	if name == RemoteLockdown {
		s.options.Lockdown(ctx, conn)
		return
	}
	c := &connection{server: s, name: "rsd", conn: conn, where: where}
	if name != "" {
		c.name = name[strings.LastIndexByte(name, '.')+1:]
	}
	out := s.options.Faults.Reach(c.name+" HTTP/2", conn)
	if out == nil {
		return
	}
	var err error
	if c.link, err = accept(out); err != nil {
		return
	}
	// How it ended doesn't matter to the phone.
	switch name {
	case "":
		_ = c.discovery(ctx)
	case Pasteboard:
		_ = c.each(ctx, c.pasteboard)
	default:
		_ = c.each(ctx, c.invoke)
	}
}

// connection is one to RSD or to a service that takes XPC messages.
type connection struct {
	server *Server
	name   string // as steps of faults have it
	link   *link
	conn   net.Conn
	where  ports
}

// errFault ends a connection that should fail.
var errFault = errors.New("fault")

// reach fails if there is a fault at a step of the connection.
func (c *connection) reach(ctx context.Context, step string) error {
	if c.server.options.Faults.Reach(c.name+" "+step, c.conn) == nil {
		return errFault
	}
	return nil
}

// open answers the messages that open a connection, each on its own stream and
// in the order of arrival: go-ios waits for each, and all clients accept it.
// what runs after the third.
func (c *connection) open(ctx context.Context) error {
	for range 3 {
		m, err := c.link.receive()
		if err != nil {
			return err
		}
		if len(m.body) > 0 {
			return fmt.Errorf("a request before the connection is open")
		}
		if err := c.reach(ctx, "opening"); err != nil {
			return err
		}
		// Its body, if it has one, is empty.
		if err := c.link.send(m); err != nil {
			return err
		}
	}
	return nil
}

// discovery sends the description of the phone once the connection is open,
// without a request: some clients never send one. That is all RSD does.
func (c *connection) discovery(ctx context.Context) error {
	if err := c.open(ctx); err != nil {
		return err
	}
	if err := c.reach(ctx, "Handshake"); err != nil {
		return err
	}
	push := message{stream: Root, flags: xpc.AlwaysSetFlag | xpc.DataFlag, id: 2, body: c.server.peer(c.where)}
	if err := c.link.send(push); err != nil {
		return err
	}
	for {
		if _, err := c.link.receive(); err != nil {
			return err
		}
	}
}

// peer is the Handshake.
func (s *Server) peer(where ports) dict {
	services := dict{}
	for _, name := range s.names {
		if !s.offered(name) {
			continue
		}
		entitlement, properties := "com.apple.private.CoreDevice.canInstallCustomerContent", dict{
			"UsesRemoteXPC": true, "ServiceVersion": int64(1),
		}
		switch name {
		case RemoteLockdown:
			entitlement, properties = "com.apple.mobile.lockdown.remote.trusted", dict{}
		case AppService, DeviceInfo:
			var list []any
			for _, feature := range s.features(name) {
				list = append(list, featurePrefix+feature)
			}
			properties["Features"] = list
		}
		services[name] = dict{
			"Entitlement": entitlement,
			// A string, as phones send it, and the only type that go-ios accepts.
			"Port":       strconv.Itoa(int(where[name])),
			"Properties": properties,
		}
	}
	p := s.phone
	return dict{
		"MessageType":              "Handshake",
		"MessagingProtocolVersion": uint64(3),
		"Properties": dict{
			"BuildVersion":          p.Build(),
			"DeviceClass":           "iPhone",
			"HardwareModel":         "D63AP",
			"OSVersion":             p.IOS(),
			"ProductName":           "iPhone OS",
			"ProductType":           p.ProductType(),
			"RemoteXPCVersionFlags": uint64(0x100000000000006),
			"UniqueChipID":          chipID(p.UDID()),
			"UniqueDeviceID":        p.UDID(),
		},
		"Services": services,
		"UUID":     uuidOf(p.UDID()),
	}
}

// chipID is the second half of a UDID, which is the chip's own number.
func chipID(udid string) uint64 {
	if len(udid) == 25 {
		if n, err := strconv.ParseUint(udid[9:], 16, 64); err == nil {
			return n
		}
	}
	return 1
}

func uuidOf(udid string) uuid.UUID {
	sum := sha256.Sum256([]byte("remoted" + udid))
	return uuid.UUID(sum[:16])
}

// each answers requests, on the stream for answers and with their own number,
// as all clients expect.
func (c *connection) each(ctx context.Context, answer func(context.Context, dict, func(dict) error) error) error {
	if err := c.open(ctx); err != nil {
		return err
	}
	for {
		m, err := c.link.receive()
		if err != nil {
			return err
		}
		if len(m.body) == 0 {
			continue
		}
		step := at[string](m.body, "command")
		if feature := at[string](m.body, "CoreDevice.featureIdentifier"); feature != "" {
			step = feature[strings.LastIndexByte(feature, '.')+1:]
		}
		if err := c.reach(ctx, step); err != nil {
			return err
		}
		err = answer(ctx, m.body, func(reply dict) error {
			flags := xpc.AlwaysSetFlag | xpc.DataFlag | xpc.HeartbeatReplyFlag
			return c.link.send(message{stream: Answers, flags: flags, id: m.id, body: reply})
		})
		if err != nil {
			return err
		}
	}
}
