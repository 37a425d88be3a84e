package art

import (
	"slices"

	"github.com/wxctl/wxctl/device/android/jdwp"
)

func allThreads(c *call) error {
	c.machine.mu.Lock()
	defer c.machine.mu.Unlock()
	c.out.u32(uint32(len(c.machine.threads)))
	for _, t := range c.machine.threads {
		c.out.object(t.object)
	}
	return nil
}

func topGroups(c *call) error {
	c.out.u32(1).object(c.machine.group)
	return nil
}

func groupName(c *call) error {
	c.in.object(false)
	c.out.text("main")
	return nil
}

func groupParent(c *call) error {
	c.in.object(false)
	c.out.u64(0)
	return nil
}

func groupChildren(c *call) error {
	c.in.object(false)
	if err := allThreads(c); err != nil {
		return err
	}
	c.out.u32(0)
	return nil
}

func suspendAll(c *call) error {
	c.machine.mu.Lock()
	defer c.machine.mu.Unlock()
	for _, t := range c.machine.threads {
		t.suspended++
	}
	return nil
}

func resumeAll(c *call) error {
	c.machine.mu.Lock()
	defer c.machine.mu.Unlock()
	for _, t := range c.machine.threads {
		t.resume()
	}
	c.machine.changed.Broadcast()
	return nil
}

// live reads a thread that runs, and locks the machine: the caller unlocks it.
func (c *call) live() (*Thread, error) {
	t := c.in.thread()
	c.machine.mu.Lock()
	switch {
	case t == nil:
		return nil, c.in.err
	case !t.alive:
		return nil, jdwp.InvalidThread
	}
	return t, nil
}

func threadName(c *call) error {
	if t := c.in.thread(); t != nil {
		c.out.text(t.name)
	}
	return nil
}

func threadGroup(c *call) error {
	if t := c.in.thread(); t != nil {
		c.out.object(c.machine.group)
	}
	return nil
}

func suspendThread(c *call) error {
	t, err := c.live()
	defer c.machine.mu.Unlock()
	if err == nil {
		t.suspended++
	}
	return err
}

func resumeThread(c *call) error {
	t, err := c.live()
	defer c.machine.mu.Unlock()
	if err == nil {
		t.resume()
		c.machine.changed.Broadcast()
	}
	return err
}

// resume takes one suspension off a thread. Called with the machine's lock held.
func (t *Thread) resume() {
	if t.suspended > 0 {
		t.suspended--
		t.generation++
	}
}

// interrupt is of no consequence: nothing here waits to be interrupted.
func interrupt(c *call) error {
	c.in.thread()
	return nil
}

// ownedMonitors lists none: methods in Go lock nothing of Java.
func ownedMonitors(c *call) error {
	_, err := c.stopped()
	defer c.machine.mu.Unlock()
	if err == nil {
		c.out.u32(0)
	}
	return err
}

func threadStatus(c *call) error {
	t, err := c.live()
	defer c.machine.mu.Unlock()
	if err != nil {
		return err
	}
	state, suspended := jdwp.ThreadRunning, uint32(0) // so is what waits for a message in native code
	if n := len(t.frames); n > 0 && t.frames[n-1].method.Waits != 0 {
		state = t.frames[n-1].method.Waits
	}
	if t.suspended > 0 {
		suspended = 1
	}
	c.out.u32(uint32(state)).u32(suspended)
	return nil
}

func suspendCount(c *call) error {
	t, err := c.live()
	defer c.machine.mu.Unlock()
	if err == nil {
		c.out.u32(uint32(t.suspended))
	}
	return err
}

// stopped is live of a thread that stands.
func (c *call) stopped() (*Thread, error) {
	t, err := c.live()
	if err == nil && t.suspended == 0 {
		err = jdwp.ThreadNotSuspended
	}
	return t, err
}

func threadFrames(c *call) error {
	t, err := c.stopped()
	defer c.machine.mu.Unlock()
	start, length := int(int32(c.in.u32())), int(int32(c.in.u32()))
	if err != nil {
		return err
	}
	n := len(t.frames)
	if start < 0 || start > n || length < -1 {
		return jdwp.InvalidIndex
	}
	if length == -1 || length > n-start {
		length = n - start
	}
	c.out.u32(uint32(length))
	for i := range length {
		f := t.frames[n-1-start-i]
		c.out.u64(c.machine.frameID(t, f, start+i)).location(f.method, f.method.entry())
	}
	return nil
}

func frameCount(c *call) error {
	t, err := c.stopped()
	defer c.machine.mu.Unlock()
	if err == nil {
		c.out.u32(uint32(len(t.frames)))
	}
	return err
}

// frame reads a thread that stands and one of its frames; the machine is
// locked then, and the caller unlocks it.
func (c *call) frame() (*frame, error) {
	t, err := c.stopped()
	id := c.in.u64()
	if err != nil {
		return nil, err
	}
	if c.machine.options.API >= 28 {
		switch depth := int(id & 0xffff); {
		case id>>16 != t.generation:
			return nil, jdwp.InvalidFrameID
		case depth >= len(t.frames):
			return nil, jdwp.NoMoreFrames
		default:
			return t.frames[len(t.frames)-1-depth], nil
		}
	}
	for _, f := range t.frames {
		if f.id == id {
			return f, nil
		}
	}
	return nil, jdwp.InvalidFrameID
}

// frameID is the agent's: which generation, how deep. ART's own was an address.
func (m *Machine) frameID(t *Thread, f *frame, depth int) uint64 {
	if m.options.API >= 28 {
		return t.generation<<16 | uint64(depth)
	}
	return f.id
}

// entry is the index of a method's first instruction; a native one has none.
func (m *Method) entry() uint64 {
	if m.Native {
		return ^uint64(0)
	}
	return 0
}

func thisObject(c *call) error {
	f, err := c.frame()
	defer c.machine.mu.Unlock()
	if err != nil {
		return err
	}
	if f.this == nil || f.method.Native {
		c.out.tagged(nil)
	} else {
		c.out.tagged(f.this)
	}
	return nil
}

// variables reads a frame's slots. A register without a value yet, or one that
// does not exist, is an invalid slot (openjdkjvmti, InferSlotTypeFromVerifier).
func (c *call) variables(each func(s slot, f *frame) error) error {
	f, err := c.frame()
	defer c.machine.mu.Unlock()
	if err != nil {
		return err
	}
	if f.method.Native {
		return jdwp.OpaqueFrame
	}
	slots := c.machine.slotsOf(f.method)
	for range c.in.count(5) {
		index, tag := int(c.in.u32()), jdwp.Tag(c.in.u8())
		i := slices.IndexFunc(slots, func(s slot) bool { return s.index == index })
		if i < 0 {
			return jdwp.InvalidSlot
		}
		if of := jdwp.Tag(slots[i].sign[0]); tag.IsObject() != of.IsObject() || !tag.IsObject() && tag != of {
			return jdwp.TypeMismatch
		}
		if err := each(slots[i], f); err != nil {
			return err
		}
	}
	return nil
}

func frameValues(c *call) error {
	n := 0
	values := &writer{s: c.session}
	err := c.variables(func(s slot, f *frame) error {
		n++
		v := *s.value(f)
		if o, ok := v.(*Object); ok && o == nil {
			v = nil
		}
		values.tagged(v)
		return nil
	})
	c.out.u32(uint32(n)).b = append(c.out.b, values.b...)
	return err
}

func setFrameValues(c *call) error {
	return c.variables(func(s slot, f *frame) error {
		*s.value(f) = c.in.value(jdwp.Tag(s.sign[0]))
		return nil
	})
}
