package natslab

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// Access says where a lab is and who connects.
type Access struct {
	URL  string // nats://HOST:PORT, or several with commas
	Key  string // file of an NKey seed or of a user's credentials; empty for none
	CA   string // file of the authorities of the servers' certificates; empty: the system's
	Name string // of the connection, for the server's operators
	// New holds the settings for setting the lab up if it is new; nil for the
	// defaults.
	New *Settings
}

// AccessError says what is wrong with an [Access], or with the server's answer
// to it.
type AccessError struct {
	Message, Hint string
	// Refused is set if the server refused the key.
	Refused bool
	Err     error
}

func (e *AccessError) Error() string { return e.Message }
func (e *AccessError) Unwrap() error { return e.Err }

// Dial connects to a lab, and sets it up if it is new.
func Dial(ctx context.Context, a Access) (*Lab, error) {
	opts, err := a.options()
	if err != nil {
		return nil, err
	}
	nc, err := nats.Connect(a.URL, opts...)
	if err != nil {
		return nil, a.explain(err)
	}
	l, err := Open(ctx, nc, a.New)
	if err != nil {
		nc.Close()
		return nil, a.explain(err)
	}
	return l, nil
}

func (a Access) options() ([]nats.Option, error) {
	opts := []nats.Option{
		nats.Name(a.Name), nats.MaxReconnects(-1), nats.ReconnectWait(200 * time.Millisecond), nats.Timeout(5 * time.Second),
		nats.PingInterval(5 * time.Second), nats.MaxPingsOutstanding(2),
		// What can't be sent now must not be sent later: the caller decides
		// again.
		nats.ReconnectBufSize(-1),
	}
	secure := a.CA != ""
	for server := range strings.SplitSeq(a.URL, ",") {
		u, err := url.Parse(strings.TrimSpace(server))
		if err != nil || u.Host == "" || u.Scheme != "nats" && u.Scheme != "tls" {
			return nil, &AccessError{Message: fmt.Sprintf("invalid address of a lab %q", server), Hint: "write it as nats://HOST:4222"}
		}
		if u.User != nil {
			return nil, &AccessError{Message: "the address of a lab holds no password", Hint: "name a file with --lab-key"}
		}
		secure = secure || u.Scheme == "tls" || !loopback(u.Hostname())
	}
	if secure {
		opts = append(opts, nats.Secure())
	}
	if a.CA != "" {
		if _, err := os.Stat(a.CA); err != nil {
			return nil, &AccessError{Message: fmt.Sprintf("%q can't be read: %v", a.CA, errors.Unwrap(err)),
				Hint: "name the ca.pem that wxctl lab init wrote"}
		}
		opts = append(opts, nats.RootCAs(a.CA))
	}
	if a.Key == "" {
		return opts, nil
	}
	text, err := os.ReadFile(a.Key)
	if err != nil {
		return nil, &AccessError{Message: fmt.Sprintf("%q can't be read: %v", a.Key, errors.Unwrap(err)),
			Hint: "name a key that wxctl lab init wrote, such as runner.nk"}
	}
	if strings.Contains(string(text), "BEGIN NATS USER JWT") {
		return append(opts, nats.UserCredentials(a.Key)), nil
	}
	key, err := nats.NkeyOptionFromSeed(a.Key)
	if err != nil {
		return nil, &AccessError{Message: fmt.Sprintf("%q holds no key", a.Key), Hint: "name a key that wxctl lab init wrote, such as runner.nk"}
	}
	return append(opts, key), nil
}

// away returns the error to report while a connection is being restored.
func away(err error) error {
	if errors.Is(err, nats.ErrReconnectBufExceeded) || errors.Is(err, nats.ErrConnectionReconnecting) || errors.Is(err, nats.ErrDisconnected) {
		return &AccessError{Message: "the connection to the lab is lost", Hint: "it will be made again as soon as the lab answers", Err: err}
	}
	return err
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// startHint says how to start a lab at this address.
func (a Access) startHint() string {
	if u, err := url.Parse(a.URL); err == nil && loopback(u.Hostname()) { // one server, on this machine
		port := cmp.Or(u.Port(), strconv.Itoa(nats.DefaultPort))
		return fmt.Sprintf("start one with wxctl lab serve --listen %s, or check the address", net.JoinHostPort(u.Hostname(), port))
	}
	return "start one on that host with wxctl lab serve, or check the address"
}

func (a Access) explain(err error) error {
	e := &AccessError{Err: err}
	var denied *DeniedError
	switch {
	case errors.As(err, &denied):
		return err
	case errors.Is(err, nats.ErrAuthorization):
		e.Refused, e.Message, e.Hint = true, fmt.Sprintf("the lab at %s refused the key", a.URL), "name a key of this lab with --lab-key"
		if a.Key == "" {
			e.Message = fmt.Sprintf("the lab at %s wants a key", a.URL)
		}
	case errors.Is(err, nats.ErrSecureConnWanted):
		e.Message, e.Hint = fmt.Sprintf("the lab at %s has no TLS, which is required beyond this machine", a.URL),
			"give the server the nats.conf that wxctl lab init writes"
	case errors.Is(err, nats.ErrSecureConnRequired):
		e.Message, e.Hint = fmt.Sprintf("the lab at %s wants TLS", a.URL), "name the ca.pem that wxctl lab init wrote with --lab-ca"
	case errors.Is(err, nats.ErrNoServers):
		e.Message, e.Hint = fmt.Sprintf("no lab answers at %s", a.URL), a.startHint()
	case errors.Is(err, nats.ErrJetStreamNotEnabled):
		e.Message, e.Hint = fmt.Sprintf("the server at %s has no JetStream", a.URL), "give it jetstream {} in its nats.conf"
	case noRoom(err):
		e.Message, e.Hint = fmt.Sprintf("the server at %s has too little disk space for a lab", a.URL),
			"free some, or use another disk for its store"
	default:
		e.Message, e.Hint = fmt.Sprintf("the lab at %s can't be used: %v", a.URL, err), "see the log of the server"
	}
	return e
}
