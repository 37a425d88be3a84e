package art

import (
	"errors"
	"strings"

	"github.com/wxctl/wxctl/device/android/jdwp"
)

// fits reports whether a value can be passed where a type is declared.
func (m *Machine) fits(v Value, signature string) bool {
	if signature[0] != 'L' && signature[0] != '[' {
		return byte(tagOf(v)) == signature[0]
	}
	o, ok := v.(*Object)
	if v == nil || ok && o == nil {
		return true
	}
	if !ok {
		return false
	}
	name := strings.ReplaceAll(signature, "/", ".")
	if signature[0] == 'L' {
		name = name[1 : len(name)-1]
	}
	if name == "java.lang.Object" {
		return true
	}
	m.mu.Lock()
	k := m.classes[name]
	m.mu.Unlock()
	return k == nil || o.Class.Is(k)
}

func invokeVirtual(c *call) {
	o, t, k, m := c.in.object(), c.in.thread(), c.in.class(), c.in.method()
	if m.Static || !o.Class.Is(k) || !o.Class.Is(m.class) {
		c.wrong("a method of another object")
	}
	c.invoke(t, m, o, false)
}

func invokeStatic(c *call) {
	k, t, m := c.in.class(), c.in.thread(), c.in.method()
	if !m.Static || !k.Is(m.class) {
		c.wrong("a method that is not static, or of another class")
	}
	c.invoke(t, m, nil, false)
}

func newInstance(c *call) {
	k, t, m := c.in.class(), c.in.thread(), c.in.method()
	if m.Name != "<init>" || m.class != k {
		c.wrong("not a constructor of the class")
	}
	c.invoke(t, m, c.machine.NewObject(k), true)
}

// wrong is an invocation that the agent does not check, so that JNI ends the
// process. ART's own JDWP refused it (Dbg::PrepareInvokeMethod).
func (c *call) wrong(what string) {
	if c.machine.options.API < 28 {
		fail(jdwp.IllegalArgument)
	}
	c.machine.die(SIGABRT, "JNI DETECTED ERROR IN APPLICATION: "+what)
}

// Options of an invocation.
const (
	singleThreaded = 1
	nonVirtual     = 2
)

// invoke has a thread that is stopped at an event call a method; the answer
// follows when that is done.
func (c *call) invoke(t *Thread, method *Method, this *Object, create bool) {
	m := c.machine
	want := parameters(method.Signature)
	var args []Value
	for range c.in.count(1) {
		args = append(args, c.in.value(jdwp.Tag(c.in.u8())))
	}
	options := c.in.u32()
	if len(args) > len(want) || len(args) < len(want) && m.options.API < 28 {
		fail(jdwp.IllegalArgument)
	}
	for i, v := range args {
		if !m.fits(v, want[i]) {
			c.wrong("an argument of a wrong type")
		}
	}
	for _, missing := range want[len(args):] {
		args = append(args, zero(missing))
	}
	if this != nil && !create && options&nonVirtual == 0 {
		if override := this.Class.method(method.Name, method.Signature); override != nil {
			method = override
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case !t.alive, !t.parked || !t.atEvent:
		fail(jdwp.InvalidThread)
	case t.invocation != nil:
		fail(jdwp.AlreadyInvoking)
	case m.options.API < 28 && t.suspended > 1:
		fail(jdwp.ThreadSuspended) // Dbg::PrepareInvokeMethod
	}
	t.invocation = func() { c.run(t, method, this, args, options, create) }
	m.changed.Broadcast()
	c.later = true
}

func (c *call) run(t *Thread, method *Method, this *Object, args []Value, options uint32, create bool) {
	m := c.machine
	var others []*Thread
	m.mu.Lock()
	held := t.suspended
	t.suspended, t.atEvent = 0, false
	t.generation++
	if options&singleThreaded == 0 {
		for _, other := range m.threads {
			if other != t && other.suspended > 0 {
				other.suspended--
				others = append(others, other)
			}
		}
		m.changed.Broadcast()
	}
	m.mu.Unlock()
	v, err := t.Run(method, this, args...)
	if create {
		v = this
	}
	m.mu.Lock()
	attached := m.session == c.session
	if attached {
		t.suspended, t.atEvent = t.suspended+held, true
		for _, other := range others {
			other.suspended++
		}
	}
	t.parked = attached
	var thrown *Thrown
	switch {
	case errors.As(err, &thrown):
		c.out.tagged(zero(resultOf(method.Signature))).tagged(thrown.Object)
	case err != nil:
		m.mu.Unlock()
		c.reply(c.id, jdwp.VMDead, nil)
		return
	default:
		if o, ok := v.(*Object); ok && o == nil {
			v = nil
		}
		c.out.tagged(v).tagged(nil)
	}
	m.mu.Unlock()
	c.reply(c.id, 0, c.out.b)
}
