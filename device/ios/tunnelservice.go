package ios

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"time"

	"github.com/wxctl/wxctl/device"
)

// TunnelServiceAddr is the address of go-ios's tunnel service, if it runs: from
// the environment variables that go-ios itself reads, and its defaults (go-ios
// 1.3, utils.go).
func TunnelServiceAddr(getenv func(string) string) string {
	return net.JoinHostPort(cmp.Or(getenv("GO_IOS_AGENT_HOST"), "127.0.0.1"), cmp.Or(getenv("GO_IOS_AGENT_PORT"), "60105"))
}

// servicePatience limits each request to the service: it is on this machine.
const servicePatience = 3 * time.Second

// errNoTunnel says that no service answers, or that it has no tunnel to the phone.
var errNoTunnel = errors.New("no tunnel service has a tunnel to the phone")

// serviceTunnel is a tunnel that go-ios's tunnel service keeps open: by a
// network interface of the system, or by a port that the service listens on.
type serviceTunnel struct {
	service   string // where the service answers
	address   netip.Addr
	rsdPort   uint16
	userspace uint16 // the service's port, 0 for the system's network
}

// findTunnel asks the service for its tunnel to a phone.
func findTunnel(ctx context.Context, service, udid string) (*serviceTunnel, error) {
	if service == "" {
		return nil, errNoTunnel
	}
	ctx, cancel := context.WithTimeout(ctx, servicePatience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+service+"/tunnel/"+url.PathEscape(udid), nil)
	if err != nil {
		return nil, device.Errorf(device.Usage, "%q is not the address of a tunnel service", service).
			WithHint("see GO_IOS_AGENT_HOST and GO_IOS_AGENT_PORT")
	}
	transport := &http.Transport{DisableKeepAlives: true} // and no proxy
	defer transport.CloseIdleConnections()
	answer, err := (&http.Client{Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(request)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoTunnel, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%w: it answered %d", errNoTunnel, answer.StatusCode)
	}
	data, err := io.ReadAll(io.LimitReader(answer.Body, 1<<16))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoTunnel, err)
	}
	t, err := parseTunnel(data, udid)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoTunnel, err)
	}
	t.service = service
	return t, nil
}

// parseTunnel reads the service's description of a tunnel.
func parseTunnel(data []byte, udid string) (*serviceTunnel, error) {
	var said struct {
		Address          string `json:"address"`
		RSDPort          int    `json:"rsdPort"`
		UDID             string `json:"udid"`
		UserspaceTUN     bool   `json:"userspaceTun"`
		UserspaceTUNPort int    `json:"userspaceTunPort"`
	}
	if err := json.Unmarshal(data, &said); err != nil {
		return nil, err
	}
	isPort := func(n int) bool { return n > 0 && n < 1<<16 }
	address, err := netip.ParseAddr(said.Address)
	switch {
	case err != nil || !address.Is6():
		return nil, fmt.Errorf("%q is not an IPv6 address", said.Address)
	case said.UDID != udid:
		return nil, fmt.Errorf("it answered about %q when asked about %q", said.UDID, udid)
	case !isPort(said.RSDPort), said.UserspaceTUN && !isPort(said.UserspaceTUNPort):
		return nil, fmt.Errorf("%d and %d are not ports", said.RSDPort, said.UserspaceTUNPort)
	}
	t := &serviceTunnel{address: address, rsdPort: uint16(said.RSDPort)}
	if said.UserspaceTUN {
		t.userspace = uint16(said.UserspaceTUNPort)
	}
	return t, nil
}

// RSDPort is the port of the phone's service directory.
func (t *serviceTunnel) RSDPort() uint16 { return t.rsdPort }

// Dial connects to a port of the phone. Through the service's own network stack
// the first bytes are the destination: the address and the port, four bytes
// little-endian.
func (t *serviceTunnel) Dial(ctx context.Context, port uint16) (net.Conn, error) {
	var d net.Dialer
	if t.userspace == 0 {
		return d.DialContext(ctx, "tcp", net.JoinHostPort(t.address.String(), strconv.Itoa(int(port))))
	}
	host, _, err := net.SplitHostPort(t.service)
	if err != nil {
		return nil, err
	}
	conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(int(t.userspace))))
	if err != nil {
		return nil, err
	}
	to := t.address.As16()
	err = during(ctx, conn, func() error {
		_, err := conn.Write(binary.LittleEndian.AppendUint32(to[:], uint32(port)))
		return err
	})
	if err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// Done returns nil: the service does not report the end of its tunnel.
func (t *serviceTunnel) Done() <-chan struct{} { return nil }

// Close does nothing: the service owns the tunnel.
func (t *serviceTunnel) Close() error { return nil }

// stale is the error for a service's tunnel that no longer works: services keep
// it after the phone was unplugged and plugged in again.
func (t *serviceTunnel) stale(udid string, err error) error {
	e := device.Errorf(device.PhoneNotReady, "the tunnel that go-ios's tunnel service at %s holds does not reach the iPhone "+
		"%q: it is stale, for example because the phone was unplugged", t.service, udid).
		WithHint("make a new one: ios tunnel refresh, or: curl -X DELETE http://%s/tunnel/%s", t.service, udid)
	e.Err = errors.Join(errStale, err)
	return e
}
