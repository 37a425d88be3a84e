package virtualandroid

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/adb"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/errno"
)

// createExclusively is how sync makes a file: it unlinked an old one before.
const createExclusively = os.O_WRONLY | os.O_CREATE | os.O_EXCL

// Server is an adb server in this process with virtual phones behind it.
type Server struct {
	// ADB is the address, host:port on the loopback, at which adb clients
	// reach it.
	ADB string
	// Phones are the phones it serves.
	Phones []*Phone
	// Face is the adb server itself.
	Face *adb.Server

	ctx    context.Context // of what it serves
	cancel context.CancelFunc
	served sync.WaitGroup
	closed func() error

	mu      sync.Mutex
	devices map[string]*Phone // by the address of its device side
}

// Start makes the phones that the options describe and serves them at a free
// loopback port until ctx ends or Close is called. No options at all are one
// phone with the default ones. Phones without a serial number of their own are
// virtual-android, virtual-android-2 and so on.
func Start(ctx context.Context, options ...Options) (*Server, error) {
	listener, err := Listen(ctx, 0)
	if err != nil {
		return nil, err
	}
	return Serve(ctx, listener, options...)
}

// Serve is Start at a listener, which it closes.
func Serve(ctx context.Context, listener net.Listener, options ...Options) (*Server, error) {
	if len(options) == 0 {
		options = []Options{{}}
	}
	ctx, cancel := context.WithCancel(ctx)
	s := &Server{ADB: listener.Addr().String(), Face: adb.NewServer(), ctx: ctx, cancel: cancel, devices: map[string]*Phone{}}
	s.Face.Connect = s.connect
	s.closed = sync.OnceValue(s.close)
	for i, o := range options {
		if o.Serial == "" && i > 0 {
			o.Serial = fmt.Sprintf("%s-%d", defaultSerial, i+1)
		}
		p, err := New(o)
		if err != nil {
			return nil, errors.Join(err, listener.Close(), s.Close())
		}
		s.Phones = append(s.Phones, p)
		s.Face.Add(p)
		s.Face.Latency = max(s.Face.Latency, o.Latency)
	}
	s.served.Go(func() { _ = s.Face.Serve(ctx, listener) })
	return s, nil
}

// Listen listens at a loopback port; 0 is any free one.
func Listen(ctx context.Context, port int) (net.Listener, error) {
	return (&net.ListenConfig{}).Listen(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
}

// ServeDevices opens the device side as well, which a real adb server connects
// to: one loopback port for each phone, the first at port and the others after
// it, or free ones if port is 0. It returns their addresses.
func (s *Server) ServeDevices(port int) ([]string, error) {
	var addresses []string
	for i, p := range s.Phones {
		at := port
		if port != 0 {
			at += i
		}
		listener, err := Listen(s.ctx, at)
		if err != nil {
			return nil, err
		}
		daemon := adb.NewDaemon(p)
		daemon.Latency, daemon.Auth = p.latency, p.auth
		s.served.Go(func() { _ = daemon.Serve(s.ctx, listener) })
		address := listener.Addr().String()
		s.mu.Lock()
		s.devices[address] = p
		s.mu.Unlock()
		addresses = append(addresses, address)
	}
	return addresses, nil
}

// connect is `adb connect` to the device side of one of the phones, which is
// then listed a second time, like a phone that is also connected by cable.
func (s *Server) connect(_ context.Context, address string) (adb.Device, error) {
	if host, port, err := net.SplitHostPort(address); err == nil && host == "localhost" {
		address = net.JoinHostPort("127.0.0.1", port)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.devices[address]
	if p == nil {
		return nil, errno.ECONNREFUSED
	}
	return connected{p, address}, nil
}

// connected is a phone as it is listed when a computer connected to it.
type connected struct {
	*Phone
	address string
}

// Serial implements adb.Device.
func (c connected) Serial() string { return c.address }

// Close ends the server and its phones, and waits for them.
func (s *Server) Close() error { return s.closed() }

func (s *Server) close() error {
	s.cancel()
	s.served.Wait()
	var errs []error
	for _, p := range s.Phones {
		errs = append(errs, p.Close())
	}
	return errors.Join(errs...)
}
