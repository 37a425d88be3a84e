package virtualandroid

import (
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/art"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/errno"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
)

// debuggees are the VMs of a phone's debuggable processes: what a debugger
// finds behind jdwp:PID.
type debuggees struct {
	phone    *phone.Phone
	attached bool // another debugger has every VM

	mu    sync.Mutex
	byPID map[int]*debuggee
	lent  map[int]string // addresses of VMs that stand in
}

// debuggee is one process with its VM.
type debuggee struct {
	process phone.Process
	vm      *art.Machine
	android *framework

	mu      sync.Mutex
	queue   []func(*art.Thread)
	closed  bool
	running bool
	done    sync.WaitGroup
	// activities are the objects of those that came up, by token.
	activities map[int]*art.Object
}

func newDebuggees(p *phone.Phone) *debuggees {
	return &debuggees{phone: p, byPID: map[int]*debuggee{}, lent: map[int]string{}}
}

// of returns the VM of a debuggable process that runs; nil for others.
func (d *debuggees) of(pid int) *debuggee {
	for _, process := range d.phone.Processes() {
		if process.PID == pid && process.Debuggable {
			d.mu.Lock()
			defer d.mu.Unlock()
			if known := d.byPID[pid]; known != nil {
				return known
			}
			vm := art.New(art.Options{API: d.phone.API, PID: pid, Process: process.Name, User: process.User(), Died: func(s art.Signal, why string) {
				d.phone.Abort(pid, int(s), why)
			}})
			vm.SetClock(d.phone.Now)
			v := &debuggee{process: process, vm: vm, activities: map[int]*art.Object{}}
			v.android = newFramework(d.phone, process, vm)
			d.byPID[pid] = v
			return v
		}
	}
	return nil
}

// sweep ends the VMs whose processes are gone.
func (d *debuggees) sweep(running []int) {
	alive := map[int]bool{}
	for _, pid := range running {
		alive[pid] = true
	}
	d.mu.Lock()
	var gone []*debuggee
	for pid, v := range d.byPID {
		if !alive[pid] {
			gone = append(gone, v)
			delete(d.byPID, pid)
		}
	}
	d.mu.Unlock()
	for _, v := range gone {
		v.close()
	}
}

// close ends the VM: what its main thread does, it finishes, and it begins
// nothing new.
func (v *debuggee) close() {
	v.mu.Lock()
	v.closed = true
	v.mu.Unlock()
	v.vm.Close()
	v.done.Wait()
}

// dial is a debugger that comes to a process.
func (d *debuggees) dial(ctx context.Context, pid int) (io.ReadWriteCloser, error) {
	d.mu.Lock()
	address := d.lent[pid]
	d.mu.Unlock()
	if address != "" {
		var dialer net.Dialer
		return dialer.DialContext(ctx, "tcp", address)
	}
	v := d.of(pid)
	if v == nil {
		return nil, errno.ECONNREFUSED
	}
	mine, theirs := pipe()
	if d.attached {
		if d.phone.API < 28 {
			theirs.Close() // as Machine.Serve has it
		}
		return mine, nil
	}
	d.phone.Go(func(life context.Context) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(life, cancel)()
		v.vm.Serve(ctx, theirs)
	})
	return mine, nil
}

// onMain runs a job on the process's main thread, after those that came
// before, and waits until it is done, or the debugger holds the thread: then
// the rest of the phone goes on, as it does on a phone.
func (v *debuggee) onMain(job func(*art.Thread)) {
	done := make(chan struct{})
	v.mu.Lock()
	if v.closed {
		v.mu.Unlock()
		return
	}
	v.queue = append(v.queue, func(t *art.Thread) {
		defer close(done)
		job(t)
	})
	if !v.running {
		v.running = true
		v.done.Go(v.loop)
	}
	v.mu.Unlock()
	v.vm.Main().AwaitStop(done)
}

// loop handles the messages of the main thread.
func (v *debuggee) loop() {
	for {
		v.mu.Lock()
		if len(v.queue) == 0 {
			v.running = false
			v.mu.Unlock()
			return
		}
		job := v.queue[0]
		v.queue = v.queue[1:]
		v.mu.Unlock()
		v.android.dispatch(v.vm.Main(), job)
	}
}

// launch brings up an activity, or hands one that is there a new Intent. body
// is the app's own code in it, which reads the Intent or does not.
// handle, which it gives to body, is what the SDK does with a reply.
func (v *debuggee) launch(act phone.Activity, in phone.Intent, reads bool, body func(handle func())) {
	v.onMain(func(t *art.Thread) {
		v.mu.Lock()
		activity := v.activities[act.Token]
		v.mu.Unlock()
		intent := v.android.intent(in, true)
		code := func() {
			handle := func() { v.android.handleReply(t, activity, intent) }
			if extras, _ := intent.Get("mExtras").(object); extras != nil && reads {
				v.android.unparcel(extras)
			}
			body(handle)
		}
		if activity == nil {
			activity = v.vm.NewObject(v.android.activityClass(t, act.Class))
			activity.Set("mIntent", intent)
			v.mu.Lock()
			v.activities[act.Token] = activity
			v.mu.Unlock()
			activity.Go = code
			_, _ = t.Call(activity, "onCreate", sigOnCreate, nil) // a process that ended, at most
			return
		}
		activity.Go = code
		_, _ = t.Call(activity, "onNewIntent", sigOnNewIntent, intent)
	})
}

// Dial implements adb.Dialer: jdwp:PID is the VM of a debuggable process.
func (p *Phone) Dial(ctx context.Context, service string) (io.ReadWriteCloser, error) {
	number, ok := strings.CutPrefix(service, "jdwp:")
	if !ok {
		return nil, errno.ECONNREFUSED
	}
	pid, err := strconv.Atoi(number)
	if err != nil {
		return nil, errno.ECONNREFUSED
	}
	return p.debuggees.dial(ctx, pid)
}

// pipe is a connection within the process whose ends take writes without
// waiting for a reader, as sockets do.
func pipe() (a, b io.ReadWriteCloser) {
	there, back := newStream(), newStream()
	return &end{in: back, out: there}, &end{in: there, out: back}
}

type end struct{ in, out *stream }

func (e *end) Read(b []byte) (int, error)  { return e.in.read(b) }
func (e *end) Write(b []byte) (int, error) { return e.out.write(b) }
func (e *end) Close() error {
	e.in.close()
	e.out.close()
	return nil
}

// stream is one direction. What was written before it was closed is read.
type stream struct {
	mu      sync.Mutex
	changed *sync.Cond
	data    []byte
	closed  bool
}

// maxUnread is how much one end takes that the other does not read.
const maxUnread = 16 << 20

var errUnread = errors.New("the other end does not read")

func newStream() *stream {
	s := &stream{}
	s.changed = sync.NewCond(&s.mu)
	return s
}

func (s *stream) read(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.data) == 0 {
		if s.closed {
			return 0, io.EOF
		}
		s.changed.Wait()
	}
	n := copy(b, s.data)
	s.data = s.data[n:]
	return n, nil
}

func (s *stream) write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return 0, io.ErrClosedPipe
	case len(s.data)+len(b) > maxUnread:
		return 0, errUnread
	}
	s.data = append(s.data, b...)
	s.changed.Signal()
	return len(b), nil
}

func (s *stream) close() {
	s.mu.Lock()
	s.closed = true
	s.changed.Broadcast()
	s.mu.Unlock()
}
