package coredevice

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/wxctl/wxctl/device/virtual/local"
)

// TunnelService is the HTTP interface of a tunnel service, like that of
// go-ios's `ios tunnel start --userspace`: it lists the tunnels to its phones,
// and each has a TCP port through which its network is reached. It is safe for
// use by several goroutines.
type TunnelService struct {
	http *http.Server
	l    net.Listener

	ctx    context.Context
	cancel context.CancelFunc
	served sync.WaitGroup

	mu      sync.Mutex
	tunnels []*serviceTunnel
}

type serviceTunnel struct {
	server  *Server
	port    int
	removed int // number of answers without the tunnel, before it is listed again
}

// TunnelInfo is the service's description of a tunnel.
type TunnelInfo struct {
	Address          string `json:"address"`
	RSDPort          int    `json:"rsdPort"`
	UDID             string `json:"udid"`
	UserspaceTUN     bool   `json:"userspaceTun"`
	UserspaceTUNPort int    `json:"userspaceTunPort"`
}

// NewTunnelService starts a service on a loopback port, 0 for any free one, with a tunnel
// to each phone that has remote service discovery. Close it before the servers.
func NewTunnelService(port int, phones ...*Server) (*TunnelService, error) {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return nil, err
	}
	a := &TunnelService{l: l}
	a.ctx, a.cancel = context.WithCancel(context.Background())
	for _, s := range phones {
		// go-ios refuses a tunnel in user space to phones before 17.4.
		if !s.Tunnels() {
			continue
		}
		data, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, errors.Join(err, l.Close(), a.Close())
		}
		t := &serviceTunnel{server: s, port: data.Addr().(*net.TCPAddr).Port}
		a.tunnels = append(a.tunnels, t)
		a.served.Go(func() {
			_ = local.Serve(a.ctx, data, func(ctx context.Context, conn net.Conn) { a.connect(ctx, conn, t) })
		})
	}
	mux := http.NewServeMux()
	ok := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }
	mux.HandleFunc("GET /health", ok)
	mux.HandleFunc("GET /ready", ok)
	mux.HandleFunc("GET /tunnels", a.list)
	mux.HandleFunc("GET /tunnel/{udid}", a.tell)
	mux.HandleFunc("DELETE /tunnel/{udid}", a.remove)
	a.http = &http.Server{Handler: local.Only(mux), ReadHeaderTimeout: time.Minute}
	a.served.Go(func() { _ = a.http.Serve(l) })
	return a, nil
}

// Addr is the address of the HTTP interface.
func (a *TunnelService) Addr() string { return a.l.Addr().String() }

// Close ends the service and its connections, and waits for them.
func (a *TunnelService) Close() error {
	a.cancel()
	var err error
	if a.http != nil {
		err = a.http.Close()
	}
	a.served.Wait()
	return err
}

func (a *TunnelService) find(udid string) *serviceTunnel {
	for _, t := range a.tunnels {
		if t.server.phone.UDID() == udid {
			return t
		}
	}
	return nil
}

func (t *serviceTunnel) info() TunnelInfo {
	phone, _ := t.server.addresses()
	return TunnelInfo{Address: phone.String(), RSDPort: RSDPort, UDID: t.server.phone.UDID(), UserspaceTUN: true, UserspaceTUNPort: t.port}
}

func (a *TunnelService) list(w http.ResponseWriter, _ *http.Request) {
	a.mu.Lock()
	list := []TunnelInfo{}
	for _, t := range a.tunnels {
		if t.removed == 0 {
			list = append(list, t.info())
		}
	}
	a.mu.Unlock()
	answer(w, list)
}

func (a *TunnelService) tell(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	t := a.find(r.PathValue("udid"))
	if t == nil || t.removed > 0 {
		if t != nil {
			t.removed--
		}
		a.mu.Unlock()
		http.Error(w, "tunnel not found", http.StatusNotFound)
		return
	}
	info := t.info()
	a.mu.Unlock()
	answer(w, info)
}

// remove ends a tunnel. A real service creates a new one when it next lists the
// phones; this one after one answer without it.
func (a *TunnelService) remove(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	t := a.find(r.PathValue("udid"))
	if t == nil || t.removed > 0 {
		http.Error(w, "tunnel not found", http.StatusNotFound)
		return
	}
	t.removed = 1
	w.WriteHeader(http.StatusNoContent)
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

// connect serves a connection to a phone's network: 16 bytes of address and four
// of port, little-endian, say where to.
func (a *TunnelService) connect(ctx context.Context, conn net.Conn, t *serviceTunnel) {
	var head [20]byte
	if _, err := io.ReadFull(conn, head[:]); err != nil {
		return
	}
	s := t.server
	phone, _ := s.addresses()
	a.mu.Lock()
	removed := t.removed > 0
	a.mu.Unlock()
	if removed || netip.AddrFrom16([16]byte(head[:16])) != phone {
		_, _ = io.Copy(io.Discard, conn) // packets are lost
		return
	}
	port := binary.LittleEndian.Uint32(head[16:])
	if port == RSDPort {
		s.serve(ctx, conn, "", s.own())
		return
	}
	for name, at := range s.own() {
		if uint32(at) == port {
			s.serve(ctx, conn, name, s.own())
			return
		}
	}
}
