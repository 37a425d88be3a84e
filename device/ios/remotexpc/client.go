package remotexpc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
)

// Client is the computer's side of a connection to a phone's RSD port or to one
// of its services. It is not for concurrent use.
type Client struct {
	link   *Link
	lastID uint64
}

// Open begins a connection: HTTP/2's preface and the three messages that open
// RemoteXPC's two streams, sent in one go; then it waits for the phone's
// SETTINGS. On an error, also of ctx, conn is closed.
func Open(ctx context.Context, conn net.Conn) (*Client, error) {
	l := newLink(conn, maxPhoneFrame)
	err := l.do(ctx, func() error {
		if _, err := l.out.WriteString(preface); err != nil {
			return err
		}
		l.settle()
		for _, opening := range openings() {
			data, err := opening.m.Append(nil)
			if err != nil {
				return err
			}
			if err := l.write(opening.stream, data); err != nil {
				return err
			}
		}
		for !l.settled {
			if err := l.readFrame(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("open RemoteXPC: %w", err)
	}
	return &Client{link: l}, nil
}

// openings are the messages that a client begins with: an empty dictionary,
// the opening of the phone's stream, and one more on its own that pymobiledevice3,
// go-ios and Apple's tools all send.
func openings() []arrival {
	return []arrival{
		{stream: Root, m: Message{Flags: AlwaysSet, Body: Dict{}}},
		{stream: Answers, m: Message{Flags: AlwaysSet | InitHandshake}},
		{stream: Root, m: Message{Flags: AlwaysSet | channelOpen}},
	}
}

// Close ends the connection.
func (c *Client) Close() error { return c.link.Close() }

// Call sends a request and waits for its reply: the next message that has a
// body, except for an answer to some other request. The dictionary is the
// phone's, and so may be anything. What request holds and XPC has no form for
// is an error; nothing is sent then, and the connection stays as it was.
func (c *Client) Call(ctx context.Context, request Dict) (Dict, error) {
	c.lastID++
	m := Request(c.lastID, request)
	if err := c.link.Send(ctx, Root, m); err != nil {
		return nil, fmt.Errorf("send the request: %w", err)
	}
	for {
		_, reply, err := c.link.Receive(ctx)
		if err != nil {
			return nil, fmt.Errorf("wait for the reply: %w", err)
		}
		other := reply.Flags&Reply != 0 && reply.ID != 0 && reply.ID != m.ID
		if len(reply.Body) > 0 && !other {
			return reply.Body, nil
		}
	}
}

// Request is the message that asks for body with the ID id.
func Request(id uint64, body Dict) Message {
	if body == nil {
		body = Dict{}
	}
	return Message{Flags: AlwaysSet | DataPresent | WantsReply, ID: id, Body: body}
}

// Peer is what a phone says of itself at its RSD port.
type Peer struct {
	// UDID, ProductType, OSVersion and BuildVersion are from Properties.
	UDID, ProductType, OSVersion, BuildVersion string
	// Services by name; those without a usable port are left out.
	Services map[string]Service
	// Properties is everything the phone said of itself.
	Properties Dict
}

// Service is one of a phone's services.
type Service struct {
	Port     uint16
	Features []string // what a CoreDevice service says it can do; may be empty
	// RemoteXPC says that the service takes XPC messages; else property lists.
	RemoteXPC bool
}

// ErrNoService says that the phone does not offer a service: mostly because no
// developer disk image is mounted.
var ErrNoService = errors.New("the phone does not offer the service")

// Port returns where the service with the name listens; the error is
// ErrNoService if it is not there.
func (p Peer) Port(service string) (uint16, error) {
	s, ok := p.Services[service]
	if !ok {
		return 0, fmt.Errorf("%w %s", ErrNoService, service)
	}
	return s.Port, nil
}

// Handshake waits for what the phone says of itself at its RSD port, unasked,
// once the connection is open.
func (c *Client) Handshake(ctx context.Context) (Peer, error) {
	for {
		_, m, err := c.link.Receive(ctx)
		if err != nil {
			return Peer{}, fmt.Errorf("wait for the phone's services: %w", err)
		}
		if m.Body.String("MessageType") == "Handshake" {
			return peerOf(m.Body)
		}
	}
}

func peerOf(d Dict) (Peer, error) {
	properties := d.Dict("Properties")
	p := Peer{
		UDID:         properties.String("UniqueDeviceID"),
		ProductType:  properties.String("ProductType"),
		OSVersion:    properties.String("OSVersion"),
		BuildVersion: properties.String("BuildVersion"),
		Properties:   properties,
		Services:     map[string]Service{},
	}
	if p.UDID == "" {
		return Peer{}, errors.New("the phone's Handshake names no UDID")
	}
	for name, value := range d.Dict("Services").All() {
		entry, _ := value.(Dict)
		// A string on every phone seen; a number would be as clear.
		text := entry.String("Port")
		if n, ok := entry.Int("Port"); ok {
			text = strconv.FormatInt(n, 10)
		}
		port, err := strconv.ParseUint(text, 10, 16)
		if err != nil || port == 0 {
			continue
		}
		s := Service{Port: uint16(port), RemoteXPC: entry.Bool("Properties", "UsesRemoteXPC")}
		for _, feature := range entry.List("Properties", "Features") {
			if feature, ok := feature.(string); ok {
				s.Features = append(s.Features, feature)
			}
		}
		p.Services[name] = s
	}
	return p, nil
}
