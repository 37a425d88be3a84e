// Package natsserver is the server of a small lab, in this process: the
// standard nats-server, with JetStream.
package natsserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// Options say where a server listens and stores its data.
type Options struct {
	Listen string // host:port; port 0 is any free one
	Store  string // directory
	// Config is a configuration file of nats-server with accounts, keys and
	// certificates, as `wxctl lab init` writes it; empty for none.
	Config string
}

// Server is a running server.
type Server struct {
	server *server.Server
	// URL is its address for others, and Own its address on this host.
	URL, Own string
}

// ready is how long a server may take to start: it reads its stored data.
const ready = 30 * time.Second

// Start starts a server. Close ends it.
func Start(ctx context.Context, o Options) (*Server, error) {
	host, port, err := net.SplitHostPort(o.Listen)
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return nil, fmt.Errorf("%q is not a port", port)
	}
	if n == 0 {
		n = server.RANDOM_PORT
	}
	opts := &server.Options{}
	if o.Config != "" {
		if opts, err = server.ProcessConfigFile(o.Config); err != nil {
			return nil, err
		}
	}
	opts.Host, opts.Port, opts.JetStream, opts.StoreDir = host, n, true, o.Store
	opts.NoSigs, opts.NoLog = true, true
	opts.MaxPayload = server.MAX_PAYLOAD_SIZE
	s, err := server.NewServer(opts)
	if err != nil {
		return nil, err
	}
	s.Start()
	for end := time.Now().Add(ready); !s.ReadyForConnections(50 * time.Millisecond); {
		if ctx.Err() != nil || time.Now().After(end) || !s.Running() {
			s.Shutdown()
			s.WaitForShutdown()
			return nil, errors.Join(errors.New("the server did not begin: is its port in use, or its store?"), context.Cause(ctx))
		}
	}
	if !s.JetStreamEnabled() {
		s.Shutdown()
		s.WaitForShutdown()
		return nil, fmt.Errorf("the store %q can't be used", o.Store)
	}
	at := s.Addr().String()
	if _, port, err := net.SplitHostPort(at); err == nil {
		if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
			host = "127.0.0.1"
		}
		return &Server{server: s, URL: "nats://" + at, Own: "nats://" + net.JoinHostPort(host, port)}, nil
	}
	return &Server{server: s, URL: "nats://" + at, Own: "nats://" + at}, nil
}

// Close ends the server; its data is kept.
func (s *Server) Close() {
	s.server.Shutdown()
	s.server.WaitForShutdown()
}
