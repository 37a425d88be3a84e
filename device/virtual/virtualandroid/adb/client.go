package adb

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// serverVersion is ADB_SERVER_VERSION; clients with another number kill the
// server and start their own.
const serverVersion = 41

// hostFeatures are the features of adb 29.0.6, in its order.
const hostFeatures = "push_sync,remount_shell,abb_exec,abb,apex,fixed_push_mkdir,ls_v2,stat_v2,fixed_push_symlink_timestamp,cmd,shell_v2"

// client is one connection to the server.
type client struct {
	s    *Server
	wg   *sync.WaitGroup // of the server's goroutines
	conn net.Conn
	t    *transport // what the client chose, for device services
}

// target says which phone a host service is about.
type target struct {
	kind   string // any, usb or local
	serial string
	id     uint64
}

// answer answers one request; it reports whether another may follow on the
// connection.
func (c *client) answer(ctx context.Context, request string) bool {
	of, service, host, ok := parseHost(request)
	switch {
	case !ok:
		return false
	case host:
		return c.host(ctx, of, service)
	case c.t == nil:
		return c.fail("device offline (no transport)")
	case !c.t.State().Online():
		return c.fail("device offline (transport offline)")
	}
	c.device(ctx, request)
	return false
}

// parseHost parses the prefixes of host services (adb/sockets.cpp,
// smart_socket_enqueue). host is false for a device service; ok is false if adb
// would close the connection.
func parseHost(request string) (of target, service string, host, ok bool) {
	prefix, rest, _ := strings.Cut(request, ":")
	of.kind = "any"
	switch prefix {
	case "host":
	case "host-usb":
		of.kind = "usb"
	case "host-local":
		of.kind = "local"
	case "host-serial":
		var found bool
		if of.serial, rest, found = cutSerial(rest); !found || rest == "" {
			return of, "", true, false
		}
	case "host-transport-id":
		digits, command, found := strings.Cut(rest, ":")
		id, err := strconv.ParseUint(digits, 10, 64)
		if err != nil || !found {
			return of, "", true, false
		}
		of.id, rest = id, command
	default:
		return of, request, false, true
	}
	if rest == "" {
		return of, request, false, true
	}
	return of, rest, true, true
}

// cutSerial splits "SERIAL:COMMAND", where the serial may be a qualifier such
// as "model:X", or an address with a scheme and a port. An empty serial, which
// an empty ANDROID_SERIAL leads to, stands for any.
func cutSerial(s string) (serial, command string, found bool) {
	end := 0
	next := func() bool {
		i := strings.IndexByte(s[end:], ':')
		if i < 0 {
			return false
		}
		end += i + 1
		return true
	}
	for _, q := range []string{"usb:", "product:", "model:", "device:"} {
		if strings.HasPrefix(s, q) {
			end = len(q)
			if !next() {
				return "", "", false
			}
			return s[:end-1], s[end:], true
		}
	}
	if strings.HasPrefix(s, "tcp:") || strings.HasPrefix(s, "udp:") {
		end = 4
	}
	if strings.HasPrefix(s[end:], "[") {
		i := strings.Index(s[end:], "]:")
		if i < 0 {
			return "", "", false
		}
		end += i + 2
	} else if !next() {
		return "", "", false
	}
	if i := strings.IndexByte(s[end:], ':'); i >= 0 && strings.Trim(s[end:end+i], "0123456789") == "" {
		end += i + 1
	}
	return s[:end-1], s[end:], true
}

// okay answers with a payload. A list that is too long for the four digits of
// its length is cut at a line.
func (c *client) okay(payload string) bool {
	if len(payload) > maxRequest {
		payload = payload[:strings.LastIndexByte(payload[:maxRequest], '\n')+1]
	}
	fmt.Fprintf(c.conn, "OKAY%04x%s", len(payload), payload)
	return false
}

func (c *client) fail(text string) bool {
	writeFail(c.conn, text)
	return false
}

// host answers a host service (adb/adb.cpp handle_host_request, in its order).
func (c *client) host(ctx context.Context, of target, service string) bool {
	verb, arg, _ := strings.Cut(service, ":")
	switch {
	case service == "kill":
		return c.fail("this adb server serves virtual phones and is not killed by request")
	case strings.HasPrefix(service, "tport:") || strings.HasPrefix(service, "transport"):
		return c.choose(of, service)
	case service == "devices", service == "devices-l":
		return c.okay(c.s.list(service == "devices-l"))
	case service == "track-devices", service == "track-devices-l":
		return c.track(ctx, service == "track-devices-l")
	case service == "host-features":
		return c.okay(hostFeatures)
	case service == "version":
		return c.okay(fmt.Sprintf("%04x", serverVersion))
	case verb == "connect":
		return c.connect(ctx, arg)
	case verb == "disconnect" && strings.HasPrefix(service, "disconnect:"):
		return c.disconnect(arg)
	case service == "reconnect-offline":
		return c.okay("")
	case strings.HasPrefix(service, "wait-for-"):
		return c.waitFor(ctx, of, strings.TrimPrefix(service, "wait-for-"))
	}
	if service == "list-forward" || service == "killforward-all" {
		return c.forwards(service)
	}
	t, problem := c.t, ""
	if t == nil || service == "reconnect" {
		t, problem = c.s.acquire(of, service == "reconnect")
	}
	if t == nil && slices.Contains([]string{"features", "get-serialno", "get-devpath", "get-state"}, service) {
		return c.fail(problem)
	}
	if t == nil && service == "reconnect" {
		return c.okay(problem)
	}
	if t == nil && (verb == "forward" || verb == "killforward") {
		return c.fail("") // adb 29.0.6 forgets to say why
	}
	if t == nil {
		return c.fail("unknown host service")
	}
	switch service {
	case "features":
		// The real server keeps them in a hash set, which iterates in the
		// reverse of the phone's order.
		list := slices.Clone(features(t))
		slices.Reverse(list)
		return c.okay(strings.Join(list, ","))
	case "get-serialno":
		return c.okay(t.Serial())
	case "get-devpath":
		if p := t.Identity().DevPath; p != "" {
			return c.okay(p)
		}
		return c.okay("unknown")
	case "get-state":
		return c.okay(string(t.State()))
	case "reconnect":
		t.kick()
		return c.okay(fmt.Sprintf("reconnecting %s [%s]\n", t.Serial(), t.State()))
	}
	return c.forwarding(ctx, t, service)
}

func features(d Device) []string {
	if f := d.Identity().Features; f != nil {
		return f
	}
	return defaultFeatures()
}

// choose selects the transport for what follows on the connection. "tport"
// returns its id, eight bytes little-endian, "transport" doesn't.
func (c *client) choose(of target, service string) bool {
	service, tellID := strings.CutPrefix(service, "tport:")
	if tellID {
		of = target{kind: "any"}
	}
	kind, value, _ := strings.Cut(service, ":")
	switch {
	case tellID && kind == "serial", !tellID && kind == "transport":
		of = target{kind: "any", serial: value}
	case tellID && (service == "usb" || service == "local"):
		of.kind = service
	case kind == "transport-id":
		id, err := strconv.ParseUint(value, 10, 64)
		if err != nil {
			return c.fail("invalid transport id")
		}
		of = target{kind: "any", id: id}
	case strings.HasPrefix(service, "transport-usb"):
		of.kind = "usb"
	case strings.HasPrefix(service, "transport-local"):
		of.kind = "local"
	}
	t, problem := c.s.acquire(of, false)
	if t == nil {
		return c.fail(problem)
	}
	c.t = t
	reply := []byte("OKAY")
	if tellID {
		reply = binary.LittleEndian.AppendUint64(reply, t.id)
	}
	_, err := c.conn.Write(reply)
	return err == nil
}

// track sends the list now and whenever it changes.
func (c *client) track(ctx context.Context, long bool) bool {
	if _, err := io.WriteString(c.conn, "OKAY"); err != nil {
		return false
	}
	gone := untilEOF(c.conn)
	last := ""
	for first := true; ; first = false {
		wait := c.s.watch(gone, ctx.Done())
		if list := c.s.list(long); first || list != last {
			last = list
			if _, err := fmt.Fprintf(c.conn, "%04x%s", len(list), list); err != nil {
				break
			}
		}
		if wait() {
			break
		}
	}
	c.conn.Close()
	<-gone
	return false
}

// waitFor answers "wait-for-KIND-STATE": OKAY at once, and OKAY again when a
// phone of that kind is in that state.
func (c *client) waitFor(ctx context.Context, of target, spec string) bool {
	kind, state, _ := strings.Cut(spec, "-")
	if kind != "any" && kind != "usb" && kind != "local" {
		return c.fail("unknown host service")
	}
	switch State(state) {
	case StateDevice, StateRecovery, "rescue", StateSideload, StateBootloader, "any", "disconnect":
	default:
		return c.fail("unknown host service")
	}
	of.kind = kind
	if _, err := io.WriteString(c.conn, "OKAY"); err != nil {
		return false
	}
	gone := untilEOF(c.conn)
	defer func() {
		c.conn.Close()
		<-gone
	}()
	for {
		wait := c.s.watch(gone, ctx.Done())
		t, problem := c.s.acquire(of, false)
		switch {
		case strings.HasPrefix(problem, "more than one"):
			return c.fail(problem)
		case state == "disconnect" && t == nil,
			t != nil && (State(state) == t.State() || state == "any"):
			io.WriteString(c.conn, "OKAY")
			return false
		}
		if wait() {
			return false
		}
	}
}

// connectTimeout is how long adb waits for a TCP connection to a phone.
const connectTimeout = 10 * time.Second

func (c *client) connect(ctx context.Context, address string) bool {
	address, problem := canonicalAddress(address)
	if problem != "" {
		return c.okay(problem)
	}
	if t, _ := c.s.acquire(target{kind: "any", serial: address}, true); t != nil {
		return c.okay("already connected to " + address)
	}
	if c.s.Connect == nil {
		return c.okay(fmt.Sprintf("failed to connect to '%s': Connection refused", address))
	}
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	d, err := c.s.Connect(ctx, address)
	if err != nil {
		return c.okay(fmt.Sprintf("failed to connect to '%s': %v", address, err))
	}
	c.s.Add(d)
	return c.okay("connected to " + address)
}

// canonicalAddress adds the default port to an address that has none; problem
// is adb's message for an address that it can't read.
func canonicalAddress(address string) (canonical, problem string) {
	if address == "" {
		return "", "empty address"
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		host, port = strings.Trim(address, "[]"), defaultPort
	}
	if n, err := strconv.Atoi(port); err != nil || n <= 0 || n > 65535 {
		return "", fmt.Sprintf("bad port number '%s' in '%s'", port, address)
	}
	if host == "" {
		return "", fmt.Sprintf("no host in '%s'", address)
	}
	return net.JoinHostPort(strings.ToLower(host), port), ""
}

func (c *client) disconnect(address string) bool {
	if address == "" {
		for _, t := range c.s.snapshot() {
			if _, _, err := net.SplitHostPort(t.Serial()); err == nil {
				c.s.Remove(t.Serial())
			}
		}
		return c.okay("disconnected everything")
	}
	canonical, problem := canonicalAddress(address)
	if problem != "" {
		return c.fail(fmt.Sprintf("couldn't parse '%s': %s", address, problem))
	}
	if !c.s.Remove(canonical) {
		return c.fail(fmt.Sprintf("no such device '%s'", canonical))
	}
	return c.okay("disconnected " + address)
}

// device runs a service of the chosen phone on the connection.
func (c *client) device(ctx context.Context, request string) {
	ctx, unlink := c.t.link(ctx, c.wg)
	defer unlink()
	run, err := find(ctx, c.t.Device, &c.t.reverses, request)
	if err != nil {
		c.fail(err.Error())
		return
	}
	if _, err := io.WriteString(c.conn, "OKAY"); err != nil {
		return
	}
	s := &clientStream{conn: c.conn}
	defer context.AfterFunc(ctx, func() { c.conn.Close() })()
	run(ctx, s)
}

// clientStream is a client's connection while it carries a service. When the
// client stops sending, it is closed in both directions, since the adb server
// discards what a phone sends after that.
type clientStream struct {
	conn net.Conn
	once sync.Once
}

func (s *clientStream) Read(p []byte) (int, error) {
	n, err := s.conn.Read(p)
	if err != nil {
		s.conn.Close()
	}
	return n, err
}

func (s *clientStream) Write(p []byte) (int, error) { return s.conn.Write(p) }

// lingerTime is how long a closed stream still reads what the client sends. If
// a connection is closed with unread input, it is reset, and the client would
// lose the end of the output.
const lingerTime = time.Second

// Close ends the output. Reading continues until the client has closed too, for
// lingerTime at most.
func (s *clientStream) Close() error {
	var err error
	s.once.Do(func() {
		s.conn.SetReadDeadline(time.Now().Add(lingerTime))
		err = closeWrite(s.conn)
	})
	return err
}
