package android

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/android/agent"
)

// session is one running agent, over one connection. It is used by one
// goroutine: the caller writes requests and reads lines, and nothing runs in
// between.
type session struct {
	sh     *shell
	hello  agent.Hello
	out    []byte   // of standard output, an incomplete line
	lines  [][]byte // complete lines that were not handled yet
	log    []byte   // the end of its standard error, for when it dies
	lastID int64
	events [][]byte // lines of events that came while an answer was awaited
}

// maxLog is how much of the agent's standard error is kept.
const maxLog = 4 << 10

// errNoAgent says that the agent is not on the phone yet.
var errNoAgent = errors.New("the agent is not on the phone")

// startAgent runs the agent and sends the first requests before it has answered
// anything. Normally this takes one connection, since the agent is nearly
// always on the phone. Otherwise it is pushed under another name, checked,
// renamed and run: three connections in all, or two if the phone said before
// that it has no agent. The answers are still to be read.
func (p *Phone) startAgent(ctx context.Context, asks []*ask) (*session, error) {
	if !p.lacks {
		s, err := p.runAgent(ctx, agent.Command(agent.RemotePath(p.dex)), asks)
		if !errors.Is(err, errNoAgent) {
			return s, err
		}
	}
	p.lacks = false
	install, err := p.pushAgent(ctx)
	if err != nil {
		return nil, err
	}
	// Agents of other versions that were not run for a week may be removed.
	clean := &ask{Request: agent.Request{Verb: agent.Clean}}
	s, err := p.runAgent(ctx, install, append([]*ask{clean}, asks...))
	if err != nil {
		return nil, err
	}
	if err := s.receive(ctx, clean); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// installFailed is the exit code of the command that pushAgent returns when
// the file that arrived is not the one that was sent.
const installFailed = 45

// pushAgent pushes the dex under a temporary name and returns the command that
// checks it, gives it its name and runs it.
func (p *Phone) pushAgent(ctx context.Context) (string, error) {
	var tag [6]byte
	rand.Read(tag[:]) // never fails
	path := agent.RemotePath(p.dex)
	temporary := path + "." + hex.EncodeToString(tag[:]) + ".tmp"
	if err := p.server.Push(ctx, target(p.info), bytes.NewReader(p.dex), temporary, agent.Mode, nil); err != nil {
		return "", err
	}
	// toybox has sha256sum from Android 8 on; before that md5sum will do, as
	// it is damage that is looked for.
	return fmt.Sprintf(`s=$(sha256sum %[1]s 2>/dev/null || md5sum %[1]s); case "$s" in %[2]s*|%[3]s*) ;; *) rm -f %[1]s; `+
		`exit %[4]d;; esac; mv -f %[1]s %[5]s && %[6]s`,
		temporary, agent.Hash(p.dex), md5Hex(p.dex), installFailed, path, agent.Command(path)), nil
}

// runAgent starts command, which becomes the agent, sends the first requests
// and reads its hello.
func (p *Phone) runAgent(ctx context.Context, command string, asks []*ask) (*session, error) {
	sh, err := p.server.openShell(ctx, target(p.info), command)
	if errors.Is(err, errNoShellV2) {
		return nil, device.Errorf(device.Refused, "this phone's adb does not support shell protocol v2, which wxctl's agent needs").
			WithHint("update the adb server (platform-tools 24 or newer); the phone needs Android 7 or newer")
	}
	if err != nil {
		return nil, err
	}
	s := &session{sh: sh}
	err = s.send(ctx, asks...)
	var line []byte
	if err == nil {
		line, err = s.readLine(ctx)
	}
	if err == nil {
		s.hello, err = agent.ParseHello(line)
		if err != nil {
			err = s.hangUp(ctx, err)
		}
	}
	if err != nil {
		sh.Close()
		return nil, err
	}
	return s, nil
}

// hangUp says why what was started is not an agent. What a shell prints before
// it gives up (an SELinux denial, a missing app_process) is then the reason.
func (s *session) hangUp(ctx context.Context, err error) error {
	var refused *agent.Error
	if errors.As(err, &refused) {
		e := device.Errorf(device.Refused, "wxctl's agent can't run there: %q", refused.Message)
		e.Err = err
		if refused.Kind == agent.KindForbiddenUser {
			e.Hint = "this phone's adb runs as root: run `adb unroot`"
		}
		return e
	}
	e := device.Errorf(device.Failed, "%w", err)
	e.Hint = "see the phone's log: adb logcat -d -t 50"
	return e
}

// ended is the error for an agent whose process ended.
func (s *session) ended() error {
	said := strings.TrimSpace(string(s.log))
	switch {
	case s.sh.exit == agent.MissingExit:
		return errNoAgent
	case s.sh.exit == installFailed:
		return device.Errorf(device.Failed, "the agent arrived damaged on the phone").
			WithHint("check whether the phone's storage is full: adb shell df /data")
	case s.sh.exit == 137 || s.sh.exit == 143:
		return device.Errorf(device.Failed, "something killed wxctl's agent on the phone (exit code %d)", s.sh.exit).
			WithHint("try again; if it happens again, the phone may be short of memory")
	case strings.Contains(strings.ToLower(said), "permission denied"), strings.Contains(said, "avc:"):
		return device.Errorf(device.Failed, "the phone's security policy does not let wxctl's agent run: it says %q", excerpt(said)).
			WithHint("see whether `adb shell app_process -version` works on this phone")
	case said != "":
		return device.Errorf(device.Failed, "wxctl's agent ended on the phone (exit code %d): it says %q", s.sh.exit, excerpt(said)).
			WithHint("see the phone's log: adb logcat -d -t 50")
	}
	return device.Errorf(device.Failed, "wxctl's agent ended on the phone (exit code %d) and does not say why", s.sh.exit).
		WithHint("see the phone's log: adb logcat -d -t 50")
}

// excerpt shortens a phone's output, from the end: the last line matters.
func excerpt(s string) string {
	const most = 300
	if len(s) <= most {
		return s
	}
	return "…" + strings.ToValidUTF8(s[len(s)-most:], "")
}

// Close ends the agent: it ends when its input does.
func (s *session) Close() error { return s.sh.Close() }

// readLine returns the next line of the agent's standard output, without its
// newline. A context that ends loses nothing.
func (s *session) readLine(ctx context.Context) ([]byte, error) {
	if len(s.lines) == 0 {
		if err := s.sh.during(ctx, s.fill); err != nil {
			return nil, err
		}
	}
	line := s.lines[0]
	s.lines = s.lines[1:]
	return line, nil
}

func (s *session) fill() error {
	for len(s.lines) == 0 {
		err := s.sh.next(s.stdout, s.stderr)
		switch {
		case errors.Is(err, errEnded):
			return s.ended()
		case err != nil:
			return err
		case len(s.out) > agent.MaxLine:
			return device.Errorf(device.Failed, "the phone's agent sent a line of more than %d bytes", agent.MaxLine)
		}
	}
	return nil
}

func (s *session) stdout(b []byte) {
	for {
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			s.out = append(s.out, b...)
			return
		}
		line := append(s.out, b[:i]...)
		s.traceSaid(line)
		s.lines = append(s.lines, line)
		s.out, b = nil, b[i+1:]
	}
}

func (s *session) stderr(b []byte) {
	s.log = append(s.log, b...)
	if n := len(s.log) - maxLog; n > 0 {
		s.log = append(s.log[:0], s.log[n:]...)
	}
}

// ask is a request and where its answer goes.
type ask struct {
	agent.Request
	into     any  // what Line.OK is decoded into; nil to look at it no further
	written  bool // the phone may have got it
	answered bool
	err      error
}

// do sends all requests at once and reads their answers in order. The error is
// that of the channel; what the agent says against a single request is that
// ask's err.
func (s *session) do(ctx context.Context, asks ...*ask) error {
	if err := s.send(ctx, asks...); err != nil {
		return err
	}
	return s.receive(ctx, asks...)
}

// send sends all requests at once.
func (s *session) send(ctx context.Context, asks ...*ask) error {
	var data []byte
	for _, a := range asks {
		s.lastID++
		a.ID = s.lastID
		line, err := json.Marshal(&a.Request)
		if err != nil {
			return fmt.Errorf("writing a request for the agent: %w", err)
		}
		if len(line) >= agent.MaxLine {
			return device.Errorf(device.Refused, "the request is too large: %d bytes, of which the phone takes about 1 MB", len(line)).
				WithHint("send large content as a file: --as uri")
		}
		data = append(append(data, line...), '\n')
	}
	s.traceAsked(asks)
	for _, a := range asks {
		a.written = true
	}
	if err := s.sh.writeIn(ctx, data); err != nil {
		return s.died(ctx, err)
	}
	return nil
}

// receive reads the answers to requests that were sent, in order.
func (s *session) receive(ctx context.Context, asks ...*ask) error {
	for _, a := range asks {
		line, err := s.answer(ctx, a.ID)
		if err != nil {
			return err
		}
		a.answered = true
		switch {
		case line.Error != nil:
			a.err = line.Error
		case a.into != nil:
			if err := json.Unmarshal(line.OK, a.into); err != nil {
				return device.Errorf(device.Failed, "the phone's agent answered %q in an unknown form: %w", a.Verb, err)
			}
		}
	}
	return nil
}

// died returns the agent's last output as the reason for a failed write, if
// there is any.
func (s *session) died(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return err
	}
	for {
		if _, readErr := s.readLine(ctx); readErr != nil {
			if s.sh.done {
				return readErr
			}
			return err
		}
	}
}

// isEvent reports whether a line is an event. Most arrive before they are
// waited for (those of the second before, for example) and are never used, so
// they are parsed later.
func isEvent(line []byte) bool { return bytes.HasPrefix(line, []byte(`{"event":`)) }

// answer reads lines up to the answer to id. Events in between are kept.
func (s *session) answer(ctx context.Context, id int64) (agent.Line, error) {
	for {
		raw, err := s.readLine(ctx)
		if err != nil {
			return agent.Line{}, err
		}
		if isEvent(raw) {
			s.events = append(s.events, raw)
			continue
		}
		line, err := parseLine(raw)
		switch {
		case err != nil:
			return line, err
		case line.Event != nil:
			s.events = append(s.events, raw)
		case line.ID == id:
			return line, nil
		default:
			return line, device.Errorf(device.Failed, "the phone's agent answered request %d instead of %d", line.ID, id)
		}
	}
}

func parseLine(raw []byte) (agent.Line, error) {
	line, err := agent.ParseLine(raw)
	if err != nil {
		return line, device.Errorf(device.Failed, "%w", err)
	}
	return line, nil
}

// event returns the next event of the watched buffers, waiting for it.
func (s *session) event(ctx context.Context) (agent.Event, error) {
	for {
		var raw []byte
		if len(s.events) > 0 {
			raw, s.events = s.events[0], s.events[1:]
		} else {
			var err error
			if raw, err = s.readLine(ctx); err != nil {
				return agent.Event{}, err
			}
		}
		line, err := parseLine(raw)
		if err != nil {
			return agent.Event{}, err
		}
		if line.Event != nil {
			return *line.Event, nil
		}
	}
}

// awaited is what ended a wait.
type awaited int

const (
	waitEvent awaited = iota // an event came
	waitWoken                // something else did
	waitOver                 // the patience ended
)

// wait returns the next event, unless wake or the end of patience (the zero time
// for none) comes first.
func (s *session) wait(ctx context.Context, wake <-chan struct{}, patience time.Time) (agent.Event, awaited, error) {
	if len(s.events) == 0 && len(s.lines) == 0 {
		if why, err := s.waitLine(ctx, wake, patience); err != nil || why != waitEvent {
			return agent.Event{}, why, err
		}
	}
	ev, err := s.event(ctx)
	return ev, waitEvent, err
}

// waitLine waits until there is a line to look at.
func (s *session) waitLine(ctx context.Context, wake <-chan struct{}, patience time.Time) (awaited, error) {
	var over <-chan time.Time
	if !patience.IsZero() {
		timer := time.NewTimer(time.Until(patience))
		defer timer.Stop()
		over = timer.C
	}
	reading, cancel := context.WithCancel(ctx)
	defer cancel()
	read := make(chan error, 1)
	go func() { read <- s.sh.during(reading, s.fill) }() // interrupting it loses nothing
	select {
	case err := <-read:
		return waitEvent, err
	case <-wake:
		cancel()
		<-read
		return waitWoken, nil
	case <-over:
		cancel()
		<-read
		return waitOver, nil
	}
}
