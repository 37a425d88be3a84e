package android

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/android/agent"
	"github.com/wxctl/wxctl/device/android/jdwp"
	"github.com/wxctl/wxctl/intents/androidwire"
)

// inside is wxctl as the debugger of one app: attached to the app's running
// processes, and to those that start later. In each it waits for the Intents
// that reach the activities in which WeChat calls the app back.
//
// close ends attachments, goroutines and connections. If this process is
// killed, the closed connections have the same effect.
type inside struct {
	phone   *Phone
	classes []string // of the activities, with dots
	handler bool     // waits for the app's onResp, and reads no Intent
	uid     int      // the app's, for the Android user at hand

	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
	// tidy is the context for undoing changes in the app: it ends a little
	// after ctx, and after the contexts of callers. Whatever is not undone by
	// then is undone by closing the connection.
	tidy    context.Context
	endTidy context.CancelFunc
	forget  func() bool // ends what waits for that context

	// others is how much of the remaining time another debugger gets to detach.
	others func(left time.Duration) time.Duration

	mu       sync.Mutex
	attached map[int]*attachment // by pid
	why      error               // why the last attempt to attach failed
	caught   []caught
	came     chan struct{} // holds a token when something was caught
}

// attachment is what is attached to a process, or about to be.
type attachment struct {
	debugger *debugger     // nil while attaching
	done     chan struct{} // closed when attached, or failed
}

// caught is an Intent that reached one of the activities.
type caught struct {
	at      time.Time
	class   string // the activity's, with dots
	extras  androidwire.Extras
	heldFor time.Duration // how long the app's thread was suspended for it
	err     error         // why the extras could not be read
	held    bool          // it was found on the app's heap, after the call
	ran     string        // which part of the app's handling of a reply ran; "" for an Intent
	ended   int           // the process that ended or detached its debugger; 0 otherwise
}

// callbacks are the classes of the activities in which WeChat calls an app
// back: its WXEntryActivity, or the target of an alias of that name, and the
// one that a login's options may name.
func callbacks(app *agent.App, also ...string) []string {
	classes := []string{app.Package + ".wxapi.WXEntryActivity"}
	if app.Entry != nil && app.Entry.Target != "" {
		classes[0] = app.Entry.Target
	}
	for _, c := range also {
		if c != "" && isClass(c) {
			classes = append(classes, c)
		}
	}
	return classes
}

// enter returns an inside for an app, which is not attached yet. The caller
// must close it.
func (p *Phone) enter(ctx context.Context, app *agent.App, classes []string) *inside {
	in := &inside{phone: p, classes: classes, uid: app.UID, others: p.options.OtherDebugger,
		attached: map[int]*attachment{}, came: make(chan struct{}, 1)}
	in.ctx, in.cancel = context.WithCancel(context.WithoutCancel(ctx))
	in.tidy, in.endTidy = context.WithCancel(context.WithoutCancel(ctx))
	soon := func() { time.AfterFunc(tidyTime, in.endTidy) }
	context.AfterFunc(in.ctx, soon)
	in.forget = context.AfterFunc(ctx, soon)
	return in
}

// tidyTime is how much longer than its context cleaning up may take: an answer
// of a phone takes milliseconds, and Ctrl-C should end within a second.
const tidyTime = 400 * time.Millisecond

// close detaches from everything and waits until nothing of it is left.
func (in *inside) close() {
	if in == nil {
		return
	}
	in.cancel()
	in.forget()
	in.wg.Wait()
	in.endTidy()
}

const (
	// silentTime is how long a process may take to answer the handshake before
	// another debugger is assumed: ART normally answers within 25 ms.
	silentTime = 800 * time.Millisecond
	// attachTime bounds the wait for a process where a command has no deadline.
	attachTime = 20 * time.Second
)

// attachAll attaches to processes in parallel, and waits until each is either
// watched or failed. While another debugger is attached, ART leaves the next
// one without an answer. This is reported, and waited for as long as others
// allows; attaching may still succeed later.
func (in *inside) attachAll(ctx context.Context, pids []int, tell func(error)) {
	left := attachTime
	if deadline, ok := ctx.Deadline(); ok {
		left = time.Until(deadline)
	}
	most := in.others(left)
	patience := time.NewTimer(most)
	defer patience.Stop()
	silent := time.NewTimer(silentTime)
	if most <= silentTime {
		silent.Stop() // nothing is left to wait for then
	}
	defer silent.Stop()
	attempts := make([]<-chan struct{}, len(pids))
	for i, pid := range pids {
		attempts[i] = in.attach(pid)
	}
	for i := 0; i < len(pids); {
		select {
		case <-attempts[i]:
			i++
		case <-silent.C:
			tell(otherDebugger(pids[i]))
		case <-patience.C:
			in.mu.Lock()
			in.why = otherDebugger(pids[i])
			in.mu.Unlock()
			return
		case <-ctx.Done():
			return
		}
	}
}

// otherDebugger is the error for a process that does not answer. A phone does
// not report who is attached to an app, nor to every user which apps are
// frozen.
func otherDebugger(pid int) *device.Error {
	return device.Errorf(device.PhoneNotReady, "another debugger (Android Studio?) is attached to the app's process %d, "+
		"or the process is frozen", pid).
		WithHint("detach Android Studio (or another wxctl) from the app, and open the app on the phone")
}

// attach begins to attach to a process, unless that was begun. The channel is
// closed when it is watched, or can't be.
func (in *inside) attach(pid int) <-chan struct{} {
	in.mu.Lock()
	a, known := in.attached[pid]
	if !known {
		a = &attachment{done: make(chan struct{})}
		in.attached[pid] = a
	}
	in.mu.Unlock()
	switch {
	case known:
		return a.done
	case in.ctx.Err() != nil:
		close(a.done)
		return a.done
	}
	in.wg.Go(func() {
		d, err := in.open(pid)
		in.mu.Lock()
		a.debugger = d
		if err != nil {
			delete(in.attached, pid)
			in.why = err
		}
		in.mu.Unlock()
		close(a.done)
		if err == nil {
			d.run(in.ctx)
			in.mu.Lock()
			delete(in.attached, pid)
			in.mu.Unlock()
			if in.ctx.Err() == nil {
				in.put(caught{at: time.Now(), ended: pid})
			}
		}
	})
	return a.done
}

func (in *inside) open(pid int) (*debugger, error) {
	vm, err := in.phone.debug(in.ctx, pid)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(in.ctx, attachTime)
	defer cancel()
	d := newDebugger(in, vm)
	if err := d.watch(ctx); err != nil {
		_ = vm.Close() // it is detached either way
		return nil, attachError(ctx, pid, err)
	}
	return d, nil
}

// debug attaches to the VM of a process.
func (p *Phone) debug(ctx context.Context, pid int) (*jdwp.VM, error) {
	c, err := p.server.open(ctx, target(p.info), "jdwp:"+strconv.Itoa(pid))
	if err != nil {
		var refused *failError
		if errors.As(err, &refused) {
			e := device.Errorf(device.Refused, "the phone opens no debugger connection to process %d: adb says %q", pid, refused.reason).
				WithHint("check that the process is running and debuggable: adb jdwp")
			e.Err = err
			return nil, e
		}
		return nil, err
	}
	vm, err := jdwp.Attach(ctx, c, traceDebugger(c.wire.As("jdwp")))
	if err != nil {
		return nil, attachError(ctx, pid, err)
	}
	return vm, nil
}

// attachError says why attaching to a process failed. ctx limits only the
// attempt, so it is the process that did not answer in time.
func attachError(ctx context.Context, pid int, err error) error {
	switch {
	case errors.Is(err, jdwp.ErrRefused), errors.Is(err, jdwp.ErrSilent), errors.Is(ctx.Err(), context.DeadlineExceeded):
		e := otherDebugger(pid)
		e.Err = err
		return e
	case ctx.Err() != nil:
		return err
	}
	return device.Errorf(device.Failed, "the debugger connection to process %d does not work: %w", pid, err).
		WithHint("restart the app and try again")
}

// put queues what was caught and wakes the receiver.
func (in *inside) put(c caught) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.caught = append(in.caught, c)
	select {
	case in.came <- struct{}{}:
	default:
	}
}

// take returns the oldest thing that was caught and not taken yet.
func (in *inside) take() (caught, bool) {
	if in == nil {
		return caught{}, false
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if len(in.caught) == 0 {
		return caught{}, false
	}
	c := in.caught[0]
	in.caught = in.caught[1:]
	return c, true
}

// arrived gets a token when there is something to take; it is nil if nothing is
// attached.
func (in *inside) arrived() <-chan struct{} {
	if in == nil {
		return nil
	}
	return in.came
}

// watched reports whether any process is being watched and, if none is, why.
func (in *inside) watched() (bool, error) {
	if in == nil {
		return false, nil
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, a := range in.attached {
		if a.debugger != nil {
			return true, nil
		}
	}
	return false, in.why
}

// debuggerOf returns what is attached to a process, nil if nothing is.
func (in *inside) debuggerOf(pid int) *debugger {
	in.mu.Lock()
	defer in.mu.Unlock()
	if a := in.attached[pid]; a != nil {
		return a.debugger
	}
	return nil
}

// observeStart attaches to a process of the app that is starting. The line is
// of the events buffer: am_proc_start [user, pid, uid, process, type, component].
func (in *inside) observeStart(line string) {
	if in == nil || !strings.Contains(line, "am_proc_start") {
		return
	}
	l, ok := parseLogLine(line)
	if !ok || l.uid >= 0 && l.uid != systemUID || l.tag != "am_proc_start" {
		return
	}
	args := strings.SplitN(strings.TrimPrefix(l.text, "["), ",", 5)
	if len(args) < 5 {
		return
	}
	pid, err1 := strconv.Atoi(strings.TrimSpace(args[1]))
	uid, err2 := strconv.Atoi(strings.TrimSpace(args[2]))
	if err1 == nil && err2 == nil && uid == in.uid && pid > 0 {
		in.attach(pid)
	}
}

// process is a running process of an app.
type process struct {
	pid  int
	name string
}

// processes lists the running processes of an app, for the Android user that
// its uid is of, and the launcher activity of the app if that is asked for
// ("" if it has none).
func (p *Phone) processes(ctx context.Context, app *agent.App, launcher bool, user int) ([]process, string, error) {
	const mark = "--"
	// Below Android 8 ps lists all processes by default and reads -A as a name.
	command := "ps -A -o PID,UID,NAME"
	if p.agent != nil && p.agent.hello.API < 26 {
		command = "ps"
	}
	if launcher {
		command += fmt.Sprintf("; echo %s; cmd package resolve-activity --brief --user %d -a android.intent.action.MAIN -c "+
			"android.intent.category.LAUNCHER %s", mark, user, shellQuote(app.Package))
	}
	r, err := p.server.Run(ctx, target(p.info), command, nil)
	if err != nil {
		return nil, "", err
	}
	list, rest, _ := strings.Cut(string(r.Stdout), "\n"+mark+"\n")
	var component string
	for line := range strings.Lines(rest) {
		if c, ok := fullComponent(strings.TrimSpace(line)); ok && strings.HasPrefix(c, app.Package+"/") {
			component = c
		}
	}
	return parseProcesses(list, app.UID), component, nil
}

// parseProcesses reads ps output: a header, and a row for each process. The
// columns are found by the header; the uid may be printed as a name.
func parseProcesses(text string, uid int) []process {
	var out []process
	pidAt, uidAt := -1, -1
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if pidAt < 0 {
			for i, name := range f {
				switch name {
				case "PID":
					pidAt = i
				case "UID", "USER":
					uidAt = i
				}
			}
			continue
		}
		if len(f) <= max(pidAt, uidAt) || uidAt < 0 {
			continue
		}
		if pid, err := strconv.Atoi(f[pidAt]); err == nil && parseUID(f[uidAt]) == uid {
			out = append(out, process{pid, f[len(f)-1]})
		}
	}
	return out
}

func pidsOf(processes []process) []int {
	pids := make([]int, len(processes))
	for i, p := range processes {
		pids[i] = p.pid
	}
	return pids
}

// reasonOf is an error's sentence, for use after a colon.
func reasonOf(err error) (message, hint string) {
	e := device.AsError(err)
	if e == nil {
		return "", ""
	}
	return e.Message, cmp.Or(e.Hint, "")
}
