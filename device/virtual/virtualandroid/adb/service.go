package adb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// stream is one open service: bytes both ways until either side closes. Read
// returns io.EOF once the peer has closed its side; then, as with adb, nothing
// that is written reaches it any more.
type stream = io.ReadWriteCloser

// service runs on a stream and closes it when it is done.
type service func(ctx context.Context, s stream)

// errRefused is what a phone answers to a service that it doesn't have; adb
// passes it on as "closed".
var errRefused = errors.New("closed")

// find looks a service up by its name, as adbd's daemon_service_to_fd does
// (adb/daemon/services.cpp). An error means that the phone refuses it.
func find(ctx context.Context, d Device, rev *reverses, name string) (service, error) {
	kind, rest, colon := strings.Cut(name, ":")
	switch {
	case name == "jdwp":
		return answer(jdwpList(d)), nil
	case name == "track-jdwp":
		return func(ctx context.Context, s stream) { trackJDWP(ctx, d, s) }, nil
	case !colon:
		return nil, errRefused
	case kind == "shell" || strings.HasPrefix(kind, "shell,"):
		return shellService(d, kind, rest), nil
	case kind == "exec":
		return (&shell{d: d, line: rest}).run, nil
	case kind == "sync":
		return func(ctx context.Context, s stream) { runSync(ctx, d.FS(), s) }, nil
	case kind == "reverse":
		return func(ctx context.Context, s stream) { rev.serve(rest, s) }, nil
	case kind == "root":
		return answer("adbd cannot run as root in production builds\n"), nil
	case kind == "unroot":
		return answer("adbd not running as root\n"), nil
	case kind == "remount":
		return answer("Not running as root. Try \"adb root\" first.\n"), nil
	}
	conn, err := d.Dial(ctx, name)
	if err != nil {
		return nil, errRefused
	}
	return func(ctx context.Context, s stream) { splice(ctx, s, conn) }, nil
}

// answer is a service that sends one text, as adbd of a user build does to
// requests that only a debug build grants (adb/daemon/restart_service.cpp).
func answer(text string) service {
	return func(_ context.Context, s stream) {
		defer s.Close()
		io.WriteString(s, text)
	}
}

func jdwpList(d Device) string {
	var b strings.Builder
	for _, pid := range d.JDWP() {
		fmt.Fprintf(&b, "%d\n", pid)
	}
	return b.String()
}

// trackJDWP sends the list of debuggable processes, each time with its length
// before it, now and whenever it changes (adb/daemon/jdwp_service.cpp).
func trackJDWP(ctx context.Context, d Device, s stream) {
	defer s.Close()
	gone := untilEOF(s)
	last := ""
	for first := true; ; first = false {
		changed := d.Changed()
		if list := jdwpList(d); first || list != last {
			last = list
			if _, err := fmt.Fprintf(s, "%04x%s", len(list), list); err != nil {
				return
			}
		}
		select {
		case <-changed:
		case <-gone:
			return
		case <-ctx.Done():
			return
		}
	}
}

// untilEOF discards what the peer sends; the channel is closed when the peer or
// s is closed.
func untilEOF(s io.Reader) <-chan struct{} {
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		io.Copy(io.Discard, s)
	}()
	return gone
}

// splice joins two connections until one of them ends, then closes both, as
// adbd does with a socket that it opened for a service.
func splice(ctx context.Context, a, b io.ReadWriteCloser) {
	stop := context.AfterFunc(ctx, func() {
		a.Close()
		b.Close()
	})
	defer stop()
	var wg sync.WaitGroup
	wg.Go(func() {
		io.Copy(a, b)
		a.Close()
		b.Close()
	})
	io.Copy(b, a)
	a.Close()
	b.Close()
	wg.Wait()
}

// reverses are the listeners that "adb reverse" asked a phone for. The list is
// kept; nothing on a virtual phone's own network connects to them.
type reverses struct {
	mu    sync.Mutex
	rules []rule
}

// rule sends what connects to local on to remote.
type rule struct{ local, remote string }

// serve answers a "reverse:" request. adbd replies as the adb server does for
// forward, but with one OKAY less (adb/adb.cpp handle_forward_request).
func (r *reverses) serve(request string, s stream) {
	defer s.Close()
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case request == "list-forward":
		var b strings.Builder
		for _, rule := range r.rules {
			fmt.Fprintf(&b, "(reverse) %s %s\n", rule.local, rule.remote)
		}
		fmt.Fprintf(s, "%04x%s", b.Len(), b.String()) // no OKAY here
	case request == "killforward-all":
		r.rules = nil
		io.WriteString(s, "OKAY")
	case strings.HasPrefix(request, "killforward:"):
		local := strings.TrimPrefix(request, "killforward:")
		i := r.index(local)
		if i < 0 {
			writeFail(s, fmt.Sprintf("listener '%s' not found", local))
			return
		}
		r.rules = slices.Delete(r.rules, i, i+1)
		io.WriteString(s, "OKAY")
	case strings.HasPrefix(request, "forward:"):
		local, remote, norebind, ok := parseForward(strings.TrimPrefix(request, "forward:"))
		if !ok {
			writeFail(s, "bad forward: "+strings.TrimPrefix(strings.TrimPrefix(request, "forward:"), "norebind:"))
			return
		}
		r.install(local, remote, norebind, s)
	default:
		writeFail(s, "not a reverse forwarding command")
	}
}

// firstReversePort is the first port that "reverse tcp:0" gets: Linux's
// ephemeral range.
const firstReversePort = 32768

// install keeps a rule. Since Android 8 the answer contains the port, whether
// the phone chose it or not.
func (r *reverses) install(local, remote string, norebind bool, s stream) {
	if local == "tcp:0" {
		n := firstReversePort
		for r.index("tcp:"+strconv.Itoa(n)) >= 0 {
			n++
		}
		local = "tcp:" + strconv.Itoa(n)
	}
	if i := r.index(local); i >= 0 {
		if norebind {
			writeFail(s, "cannot rebind existing socket")
			return
		}
		r.rules[i].remote = remote
		io.WriteString(s, "OKAY")
		return
	}
	r.rules = append(r.rules, rule{local, remote})
	io.WriteString(s, "OKAY")
	if port, ok := strings.CutPrefix(local, "tcp:"); ok {
		fmt.Fprintf(s, "%04x%s", len(port), port)
	}
}

func (r *reverses) index(local string) int {
	return slices.IndexFunc(r.rules, func(rule rule) bool { return rule.local == local })
}

// parseForward splits "[norebind:]LOCAL;REMOTE".
func parseForward(spec string) (local, remote string, norebind, ok bool) {
	spec, norebind = strings.CutPrefix(spec, "norebind:")
	local, remote, ok = strings.Cut(spec, ";")
	ok = ok && local != "" && remote != "" && remote[0] != '*' && !strings.Contains(remote, ";")
	return local, remote, norebind, ok
}

// writeFail sends adb's refusal: FAIL, four hex digits of length, the text.
func writeFail(w io.Writer, text string) error {
	_, err := fmt.Fprintf(w, "FAIL%04x%s", len(text), text)
	return err
}

// sleep waits for d or the end of ctx; it reports whether d has passed.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
