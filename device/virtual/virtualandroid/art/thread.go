package art

import (
	"errors"

	"github.com/wxctl/wxctl/device/android/jdwp"
)

// Thread is a thread of a machine. The goroutine that calls Run acts as the
// thread meanwhile; one at a time.
type Thread struct {
	machine *Machine
	name    string
	object  *Object

	// Below is guarded by the machine's lock.
	alive      bool
	suspended  int  // by the debugger
	parked     bool // stopped
	atEvent    bool // stopped at an event, so that it accepts invocations
	frames     []*frame
	generation uint64 // of the ids of frames: they are valid until the thread continues
	invocation func() // to be run while parked
}

// frame is a method that runs.
type frame struct {
	id     uint64
	method *Method
	this   *Object
	args   []Value
}

func (m *Machine) newThread(name string) *Thread {
	t := &Thread{machine: m, name: name, object: m.NewObject(m.Class("java.lang.Thread"))}
	t.object.Go = t
	return t
}

// start runs a thread's run method on a goroutine; false if it was started.
func (t *Thread) start() bool {
	m := t.machine
	m.mu.Lock()
	if t.alive || m.dead {
		m.mu.Unlock()
		return false
	}
	t.alive = true
	m.threads = append(m.threads, t)
	m.mu.Unlock()
	m.ended.Go(func() {
		t.raise(happening{kind: jdwp.ThreadStart})
		_, _ = t.Call(t.object, "run", "()V") // an exception ends the thread, as it does here
		t.raise(happening{kind: jdwp.ThreadDeath})
		m.mu.Lock()
		t.alive = false
		for i, other := range m.threads {
			if other == t {
				m.threads = append(m.threads[:i:i], m.threads[i+1:]...)
				break
			}
		}
		m.mu.Unlock()
	})
	return true
}

// ErrDead is a VM whose process ended.
var ErrDead = errors.New("the process ended")

// Call calls a method of an object, as the VM resolves it, on this thread.
func (t *Thread) Call(this *Object, name, signature string, args ...Value) (Value, error) {
	method := this.Class.method(name, signature)
	if method == nil {
		return nil, t.machine.Throw("java.lang.NoSuchMethodError", name+signature)
	}
	return t.Run(method, this, args...)
}

// Run runs a method on this thread. The debugger may stop it at the entry.
func (t *Thread) Run(method *Method, this *Object, args ...Value) (Value, error) {
	m := t.machine
	m.mu.Lock()
	m.nextID++
	if method.Static {
		method.class.initialize()
	}
	f := &frame{id: m.nextID, method: method, this: this, args: args}
	t.frames = append(t.frames, f)
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		t.frames = t.frames[:len(t.frames)-1]
		m.mu.Unlock()
	}()
	if err := t.raise(happening{kind: jdwp.MethodEntry, method: method}); err != nil {
		return nil, err
	}
	var v Value
	var err error
	if method.Call != nil {
		v, err = method.Call(t, this, args)
	}
	if err != nil {
		return nil, err
	}
	if method.Call == nil {
		v = zero(resultOf(method.Signature))
	}
	return v, t.raise(happening{kind: jdwp.MethodExit, method: method, result: v})
}

// park stops the thread as long as the debugger does. Meanwhile it runs the
// debugger's invocations. Called with the machine's lock held.
func (t *Thread) park() error {
	m := t.machine
	// Each stop is reported once: two parked threads would wake each other
	// forever. parked may be set before, so it does not say what was reported.
	for told := false; t.suspended > 0 && !m.dead; {
		t.parked = true
		if !told {
			told = true
			m.changed.Broadcast()
		}
		if do := t.invocation; do != nil {
			t.invocation = nil
			t.parked, told = false, false
			m.mu.Unlock()
			do()
			m.mu.Lock()
			continue
		}
		m.changed.Wait()
	}
	t.parked = false
	if m.dead {
		return ErrDead
	}
	return nil
}

// AwaitStop waits until the thread is stopped at an event, or done is closed;
// it reports whether it is stopped.
func (t *Thread) AwaitStop(done <-chan struct{}) bool {
	m := t.machine
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		select {
		case <-done:
			m.mu.Lock()
			m.changed.Broadcast()
			m.mu.Unlock()
		case <-stop:
		}
	}()
	m.mu.Lock()
	defer m.mu.Unlock()
	for {
		select {
		case <-done:
			return false
		default:
		}
		if t.parked || m.dead {
			return t.parked
		}
		m.changed.Wait()
	}
}
