package virtualandroid

import (
	"context"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/adb"
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
	lent  map[int]string // addresses of VMs that replace them
}

// debuggee is one process with its VM.
type debuggee struct {
	vm      *art.Machine
	android *framework

	messages phone.Looper // of the main thread

	mu     sync.Mutex
	closed bool
	done   sync.WaitGroup
	// activities are the objects of started activities, by token.
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
			vm := art.New(art.Options{API: d.phone.API, PID: pid, Process: process.Name, User: process.User(), Now: d.phone.Now,
				Died: func(s art.Signal, why string) { d.phone.Abort(pid, int(s), why) }})
			v := &debuggee{vm: vm, activities: map[int]*art.Object{}}
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

// close ends the VM: its main thread finishes the current message and begins no
// other.
func (v *debuggee) close() {
	v.mu.Lock()
	v.closed = true
	v.mu.Unlock()
	v.vm.Close()
	v.done.Wait()
}

// dial connects a debugger to a process.
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
	there, back := adb.NewPipe(maxUnread), adb.NewPipe(maxUnread)
	mine, theirs := end{back, there}, end{there, back}
	if d.attached {
		if d.phone.API < 28 {
			theirs.Close() // as in Machine.Serve
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

// spawn runs f on a goroutine, unless the VM is closed.
func (v *debuggee) spawn(f func()) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.closed {
		v.done.Go(f)
	}
	return !v.closed
}

// onMain runs a job on the process's main thread, after those that came
// before, and waits until it is done, or the debugger has stopped the thread:
// then the rest of the phone continues, as on a real phone.
func (v *debuggee) onMain(job func(*art.Thread)) {
	done := make(chan struct{})
	if v.messages.Post(v.spawn, func() {
		defer close(done)
		v.android.dispatch(v.vm.Main(), job)
	}) {
		v.vm.Main().AwaitStop(done)
	}
}

// launch starts an activity, or gives an existing one a new Intent. body is the
// app's own code in it, which may read the Intent. handle, which it passes to
// body, is what the SDK does with a reply.
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
			_, _ = t.Call(activity, "onCreate", sigOnCreate, nil) // only fails for a process that has ended
			return
		}
		activity.Go = code
		_, _ = t.Call(activity, "onNewIntent", sigOnNewIntent, intent)
	})
}

// Dial implements adb.Device: jdwp:PID is the VM of a debuggable process.
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

// maxUnread is how much a debugger's connection holds that its other end has
// not read yet.
const maxUnread = 16 << 20

// end is one end of a connection within the process. It takes writes without
// waiting for a reader, as sockets do.
type end struct{ in, out *adb.Pipe }

func (e end) Read(b []byte) (int, error)  { return e.in.Read(b) }
func (e end) Write(b []byte) (int, error) { return e.out.Write(b) }
func (e end) Close() error {
	e.in.CloseRead()
	e.out.CloseWrite()
	return nil
}
