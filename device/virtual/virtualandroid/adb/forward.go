package adb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// forward is a listener of the server whose connections go to a service of a
// phone.
type forward struct {
	t      *transport
	local  string // e.g. tcp:9222, port resolved
	remote string
	l      net.Listener
}

// forwards answers list-forward and killforward-all, which are about every
// phone's (adb/adb.cpp handle_forward_request).
func (c *client) forwards(service string) bool {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if service == "killforward-all" {
		c.s.closeForwards(func(*forward) bool { return true })
		return c.done("")
	}
	var b strings.Builder
	for _, f := range c.s.forwards {
		fmt.Fprintf(&b, "%s %s %s\n", f.t.Serial(), f.local, f.remote)
	}
	return c.okay(b.String())
}

// forwarding answers forward and killforward.
func (c *client) forwarding(ctx context.Context, t *transport, service string) bool {
	s := c.s
	s.mu.Lock()
	defer s.mu.Unlock()
	switch verb, arg, _ := strings.Cut(service, ":"); {
	case verb == "killforward":
		if arg == "" || strings.Contains(arg, ";") {
			return c.fail("bad killforward: " + arg)
		}
		if !s.closeForwards(func(f *forward) bool { return f.local == arg }) {
			return c.fail(fmt.Sprintf("listener '%s' not found", arg))
		}
		return c.done("")
	case verb == "forward":
		local, remote, norebind, ok := parseForward(arg)
		if !ok {
			return c.fail("bad forward: " + strings.TrimPrefix(arg, "norebind:"))
		}
		return c.install(ctx, t, local, remote, norebind)
	}
	return c.fail("unknown host service")
}

// done reports success twice, as the protocol requires: for the connection, and
// for the request. What was resolved follows.
func (c *client) done(resolved string) bool {
	reply := "OKAYOKAY"
	if resolved != "" {
		reply += fmt.Sprintf("%04x%s", len(resolved), resolved)
	}
	io.WriteString(c.conn, reply)
	return false
}

// install makes local lead to remote. The server's lock is held.
func (c *client) install(ctx context.Context, t *transport, local, remote string, norebind bool) bool {
	s := c.s
	if i := slices.IndexFunc(s.forwards, func(f *forward) bool { return f.local == local }); i >= 0 {
		if norebind {
			return c.fail("cannot rebind existing socket")
		}
		s.forwards[i].t, s.forwards[i].remote = t, remote
		return c.done("")
	}
	l, err := listenLocal(ctx, local)
	if err != nil {
		return c.fail("cannot bind listener: " + err.Error())
	}
	f := &forward{t: t, local: local, remote: remote, l: l}
	resolved := ""
	if a, ok := l.Addr().(*net.TCPAddr); ok {
		resolved = strconv.Itoa(a.Port)
		f.local = "tcp:" + resolved
	}
	s.forwards = append(s.forwards, f)
	c.wg.Go(func() { s.serveForward(ctx, c, f) })
	return c.done(resolved)
}

// listenLocal opens the server's end of a forward: "tcp:PORT" on loopback, 0
// for any, or a socket in the file system or the abstract namespace.
func listenLocal(ctx context.Context, spec string) (net.Listener, error) {
	var lc net.ListenConfig
	kind, name, _ := strings.Cut(spec, ":")
	switch kind {
	case "tcp":
		port, err := strconv.ParseUint(name, 10, 16)
		if err != nil {
			if strings.Trim(name, "0123456789") != "" {
				return nil, errors.New("listening on specified hostname currently unsupported")
			}
			return nil, fmt.Errorf("bad port number '%s'", name)
		}
		l, err := lc.Listen(ctx, "tcp4", fmt.Sprintf("127.0.0.1:%d", port))
		if errors.Is(err, syscall.EADDRINUSE) {
			return nil, errors.New("Address already in use")
		}
		return l, err
	case "local", "localfilesystem":
		return lc.Listen(ctx, "unix", name)
	case "localabstract":
		if runtime.GOOS == "linux" {
			return lc.Listen(ctx, "unix", "@"+name)
		}
	}
	return nil, fmt.Errorf("unknown socket specification:%s", spec)
}

// serveForward joins each connection to f with a service of its own.
func (s *Server) serveForward(ctx context.Context, c *client, f *forward) {
	defer context.AfterFunc(ctx, func() { f.l.Close() })()
	for {
		conn, err := f.l.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		t, remote := f.t, f.remote
		s.mu.Unlock()
		c.wg.Go(func() {
			defer conn.Close()
			ctx, unlink := t.link(ctx, c.wg)
			defer unlink()
			defer context.AfterFunc(ctx, func() { conn.Close() })()
			if run, err := find(ctx, t.Device, &t.reverses, remote); err == nil && t.State().Online() {
				run(ctx, &clientStream{conn: conn})
			}
		})
	}
}

// closeForwards ends those forwards that which picks; the server's lock is
// held. It reports whether there were any.
func (s *Server) closeForwards(which func(*forward) bool) bool {
	n := len(s.forwards)
	s.forwards = slices.DeleteFunc(s.forwards, func(f *forward) bool {
		if !which(f) {
			return false
		}
		f.l.Close()
		return true
	})
	return len(s.forwards) < n
}
