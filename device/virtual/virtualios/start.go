// Package virtualios assembles virtual iPhones: the model of package idevice
// with a demo app and WeChat on it, lockdownd and its services, and
// WebDriverAgent, behind a usbmuxd of their own.
//
//	server, err := virtualios.Start(ctx, virtualios.Config{}, virtualios.Options{IOS: "16.7"})
//	…
//	defer server.Close()
//	// a usbmux client at server.USBMux finds the phone
package virtualios

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"

	"github.com/wxctl/wxctl/device/virtual/fault"
	"github.com/wxctl/wxctl/device/virtual/local"
	"github.com/wxctl/wxctl/device/virtual/virtualios/coredevice"
	"github.com/wxctl/wxctl/device/virtual/virtualios/idevice"
	"github.com/wxctl/wxctl/device/virtual/virtualios/lockdownd"
	"github.com/wxctl/wxctl/device/virtual/virtualios/usbmuxd"
	"github.com/wxctl/wxctl/device/virtual/virtualios/webdriveragent"
	"github.com/wxctl/wxctl/device/virtual/wechat"
)

// Phone is a virtual iPhone with the services that computers use. It is a
// usbmuxd.Device.
type Phone struct {
	// Model is the phone behind them: what a test reads and changes.
	Model *idevice.Phone
	// Lockdown starts its services; WDA is nil unless it runs.
	Lockdown *lockdownd.Daemon
	WDA      *webdriveragent.Server
	// CoreDevice has the services that are new in iOS 17: the tunnel and what
	// is in it.
	CoreDevice *coredevice.Server
}

// UDID implements usbmuxd.Device.
func (p *Phone) UDID() string { return p.Model.UDID() }

// Port implements usbmuxd.Device.
func (p *Phone) Port(port uint16) func(ctx context.Context, conn net.Conn) {
	if port == webdriveragent.Port && p.WDA != nil {
		return p.WDA.Serve
	}
	return p.Lockdown.PortOf(port)
}

// newPhone boots a phone with the demo app and, unless the options say
// otherwise, WeChat on it.
func newPhone(o Options, keys *lockdownd.Keys, faults fault.Hook) (*Phone, error) {
	if o.WeChat == (wechat.Version{}) {
		o.WeChat = wechat.DefaultVersion()
	}
	model, err := idevice.New(idevice.Options{UDID: o.UDID, Name: o.Name, IOS: o.IOS, ProductType: o.Model,
		Locked: o.Locked, Trust: o.Trust, NoDeveloperMode: o.NoDeveloperMode, NoImage: o.NoImage})
	if err != nil {
		return nil, err
	}
	for _, app := range demoApps(o.Fault) {
		model.Install(app)
	}
	if !o.Without {
		model.Install(wechatOf(o))
	}
	p := &Phone{Model: model, Lockdown: lockdownd.New(model, keys, faults)}
	p.Lockdown.Think = wechat.NewThink(o.Think, o.ThinkMost).Least
	p.CoreDevice = coredevice.New(model, coredevice.Options{
		Lockdown: p.Lockdown.ServeTrusted, Pasteboard: o.Pasteboard, Faults: faults,
	})
	p.Lockdown.Services = append(p.Lockdown.Services, lockdownd.Service{
		Name: coredevice.ProxyService, Present: p.CoreDevice.Tunnels,
		Serve: func(ctx context.Context, conn net.Conn) {
			if conn = faults.Reach("CoreDeviceProxy", conn); conn != nil {
				_ = p.CoreDevice.ServeTunnel(ctx, conn)
			}
		},
	})
	if o.WDA != WDAOff {
		p.WDA = &webdriveragent.Server{Phone: model, Hang: o.WDA == WDAHung, Faults: faults}
	}
	if o.Trust == idevice.Trusted {
		model.TrustHost(keys.HostID)
	}
	return p, nil
}

// Config says where virtual iPhones are served, and their faults.
type Config struct {
	Port   int    // of usbmuxd on the loopback; 0 is any free one
	Socket string // path of a unix socket of usbmuxd; "" is none
	// Keys are the secrets of the pair records; nil makes new ones. Tests that
	// start many phones share them, since making them takes long.
	Keys *lockdownd.Keys
	// Faults make phones fail on purpose, and count requests.
	Faults fault.Hook
}

// Server is a usbmuxd in this process with virtual iPhones behind it.
type Server struct {
	// USBMux is the address, host:port on the loopback, at which usbmux clients
	// reach it, Socket the path of its unix socket, if it has one.
	USBMux, Socket string
	// Phones are the phones it serves.
	Phones []*Phone
	// Mux is the usbmuxd itself; it attaches and detaches phones.
	Mux *usbmuxd.Server

	ctx     context.Context
	cancel  context.CancelFunc
	unplug  context.CancelFunc // detaches the phones
	served  sync.WaitGroup
	tunnels *coredevice.TunnelService
	closed  func() error
	made    chan struct{} // closed when the keys are made, or can't be
	keyErr  error         // why they can't be; set before made is closed
}

// Start makes the phones that the options describe and serves them until ctx
// ends or Close is called. No options at all are one
// phone with the default ones.
func Start(ctx context.Context, c Config, options ...Options) (*Server, error) {
	if len(options) == 0 {
		options = []Options{{}}
	}
	if c.Keys == nil {
		c.Keys = lockdownd.NewKeys()
	}
	listeners, err := listen(ctx, c)
	if err != nil {
		return nil, err
	}
	store := &pairs{keys: c.Keys, records: map[string][]byte{}}
	s := &Server{USBMux: listeners[0].Addr().String(), Socket: c.Socket, Mux: usbmuxd.New(c.Keys.BUID, store)}
	s.Mux.Faults = c.Faults
	s.ctx, s.cancel = context.WithCancel(ctx)
	plugged, unplug := context.WithCancel(context.WithoutCancel(ctx))
	s.unplug = unplug
	s.closed = sync.OnceValue(s.close)
	s.made = make(chan struct{})
	for i, o := range options {
		if o.UDID == "" {
			o.UDID = idevice.DefaultUDID(i)
		}
		if o.Name == "" && i > 0 {
			o.Name = fmt.Sprintf("Virtual iPhone %d", i+1)
		}
		p, err := newPhone(o, c.Keys, c.Faults)
		if err != nil {
			for _, l := range listeners {
				_ = l.Close()
			}
			return nil, errors.Join(err, s.Close())
		}
		s.Phones = append(s.Phones, p)
		if o.Trust == idevice.Trusted {
			store.records[p.UDID()] = nil // made when it is first read
		}
		if !o.NoUSB {
			s.Mux.Attach(plugged, p, usbmuxd.USB)
		}
		if o.Network {
			s.Mux.Attach(plugged, p, usbmuxd.Network)
		}
	}
	for _, l := range listeners {
		s.served.Go(func() { _ = s.Mux.Serve(s.ctx, l) })
	}
	s.served.Go(func() { // the first client will need them
		defer close(s.made)
		s.keyErr = c.Keys.Make()
	})
	return s, nil
}

// listen opens usbmuxd's TCP port and, if asked for, its unix socket.
func listen(ctx context.Context, c Config) ([]net.Listener, error) {
	var config net.ListenConfig
	tcp, err := config.Listen(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", c.Port))
	if err != nil || c.Socket == "" {
		return []net.Listener{tcp}, err
	}
	unix, err := config.Listen(ctx, "unix", c.Socket)
	if err != nil {
		return nil, errors.Join(err, tcp.Close())
	}
	return []net.Listener{tcp, unix}, nil
}

// Ready waits until the phones answer without delay: making the keys of their
// pair records takes seconds on a busy machine, and a client might think
// meanwhile that the phone hangs.
func (s *Server) Ready(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-s.made:
		return s.keyErr
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ServeWDA opens the WebDriverAgent of the first phone at a loopback port (0:
// any free one) as well, and returns the address.
func (s *Server) ServeWDA(port int) (string, error) {
	wda := s.Phones[0].WDA
	if wda == nil {
		return "", errors.New("no WebDriverAgent runs on the phone")
	}
	return s.serve(port, wda.Serve)
}

// ServeRSD opens remote service discovery and the services of the first phone on
// loopback ports, RSD at the one given (0: any free one), without a tunnel, and
// returns RSD's address.
func (s *Server) ServeRSD(port int) (string, error) { return s.Phones[0].CoreDevice.Listen(port) }

// ServeTunnels starts a tunnel service at a loopback port (0: any free one), which
// has a tunnel to each phone that can have one, and returns its address. It is
// called once.
func (s *Server) ServeTunnels(port int) (string, error) {
	var phones []*coredevice.Server
	for _, p := range s.Phones {
		phones = append(phones, p.CoreDevice)
	}
	tunnels, err := coredevice.NewTunnelService(port, phones...)
	if err != nil {
		return "", err
	}
	s.tunnels = tunnels
	return tunnels.Addr(), nil
}

// serve passes connections at a loopback port to f, until Close.
func (s *Server) serve(port int, f func(ctx context.Context, conn net.Conn)) (string, error) {
	l, err := (&net.ListenConfig{}).Listen(s.ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return "", err
	}
	s.served.Go(func() { _ = local.Serve(s.ctx, l, f) })
	return l.Addr().String(), nil
}

// Close ends the server and its phones, and waits for them.
func (s *Server) Close() error { return s.closed() }

func (s *Server) close() error {
	s.cancel()
	s.served.Wait()
	s.unplug()
	var errs []error
	if s.tunnels != nil {
		errs = append(errs, s.tunnels.Close())
	}
	for _, p := range s.Phones {
		errs = append(errs, p.CoreDevice.Close(), p.Model.Close())
	}
	return errors.Join(errs...)
}

// pairs are the pair records of the computer. That of a phone that trusts it
// from the beginning is made when it is first read.
type pairs struct {
	keys    *lockdownd.Keys
	mu      sync.Mutex
	records map[string][]byte
}

// ReadPair implements usbmuxd.Pairs.
func (p *pairs) ReadPair(udid string) []byte {
	p.mu.Lock()
	record, ok := p.records[udid]
	p.mu.Unlock()
	if !ok || record != nil {
		return record
	}
	record, err := p.keys.Record(lockdownd.WiFi)
	if err != nil {
		return nil
	}
	return record
}

// SavePair implements usbmuxd.Pairs.
func (p *pairs) SavePair(udid string, record []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.records[udid] = record
}

// DeletePair implements usbmuxd.Pairs.
func (p *pairs) DeletePair(udid string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.records, udid)
}
