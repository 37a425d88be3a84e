package art

import (
	"slices"

	"github.com/wxctl/wxctl/device/android/jdwp"
)

func allThreads(c *call) {
	c.out.u32(uint32(len(c.machine.threads)))
	for _, t := range c.machine.threads {
		c.out.object(t.object)
	}
}

func topGroups(c *call) { c.out.u32(1).object(c.machine.group) }

func groupName(c *call) {
	c.in.object()
	c.out.text("main")
}

func groupParent(c *call) {
	c.in.object()
	c.out.u64(0)
}

func groupChildren(c *call) {
	c.in.object()
	allThreads(c)
	c.out.u32(0)
}

func suspendAll(c *call) {
	for _, t := range c.machine.threads {
		t.suspended++
	}
}

func resumeAll(c *call) {
	for _, t := range c.machine.threads {
		t.resume()
	}
	c.machine.changed.Broadcast()
}

// live reads a thread that runs.
func (c *call) live() *Thread {
	t := c.in.thread()
	if !t.alive {
		fail(jdwp.InvalidThread)
	}
	return t
}

func threadName(c *call) { c.out.text(c.in.thread().name) }

func threadGroup(c *call) {
	c.in.thread()
	c.out.object(c.machine.group)
}

func suspendThread(c *call) { c.live().suspended++ }

func resumeThread(c *call) {
	c.live().resume()
	c.machine.changed.Broadcast()
}

// resume takes one suspension off a thread. Called with the machine's lock held.
func (t *Thread) resume() {
	if t.suspended > 0 {
		t.suspended--
		t.generation++
	}
}

// interrupt has no effect: nothing here waits to be interrupted.
func interrupt(c *call) { c.in.thread() }

// ownedMonitors lists none: methods in Go use no Java locks.
func ownedMonitors(c *call) {
	c.stopped()
	c.out.u32(0)
}

func threadStatus(c *call) {
	t := c.live()
	state, suspended := jdwp.ThreadRunning, uint32(0) // so is what waits for a message in native code
	if n := len(t.frames); n > 0 && t.frames[n-1].method.Waits != 0 {
		state = t.frames[n-1].method.Waits
	}
	if t.suspended > 0 {
		suspended = 1
	}
	c.out.u32(uint32(state)).u32(suspended)
}

func suspendCount(c *call) { c.out.u32(uint32(c.live().suspended)) }

// stopped is live for a stopped thread.
func (c *call) stopped() *Thread {
	t := c.live()
	if t.suspended == 0 {
		fail(jdwp.ThreadNotSuspended)
	}
	return t
}

func threadFrames(c *call) {
	t := c.stopped()
	start, length := int(int32(c.in.u32())), int(int32(c.in.u32()))
	n := len(t.frames)
	if start < 0 || start > n || length < -1 {
		fail(jdwp.InvalidIndex)
	}
	if length == -1 || length > n-start {
		length = n - start
	}
	c.out.u32(uint32(length))
	for i := range length {
		f := t.frames[n-1-start-i]
		c.out.u64(c.machine.frameID(t, f, start+i)).location(f.method, f.method.entry())
	}
}

func frameCount(c *call) { c.out.u32(uint32(len(c.stopped().frames))) }

// frame reads a stopped thread and one of its frames.
func (c *call) frame() *frame {
	t := c.stopped()
	id := c.in.u64()
	if c.machine.options.API >= 28 {
		depth := int(id & 0xffff)
		switch {
		case id>>16 != t.generation:
			fail(jdwp.InvalidFrameID)
		case depth >= len(t.frames):
			fail(jdwp.NoMoreFrames)
		}
		return t.frames[len(t.frames)-1-depth]
	}
	i := slices.IndexFunc(t.frames, func(f *frame) bool { return f.id == id })
	if i < 0 {
		fail(jdwp.InvalidFrameID)
	}
	return t.frames[i]
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

func thisObject(c *call) {
	f := c.frame()
	if f.this == nil || f.method.Native {
		c.out.tagged(nil)
	} else {
		c.out.tagged(f.this)
	}
}

// variables reads a frame and the number of slots.
func (c *call) variables() (f *frame, n int) {
	f = c.frame()
	if f.method.Native {
		fail(jdwp.OpaqueFrame)
	}
	return f, c.in.count(5)
}

// slot reads the number of a frame's slot. A register without a value yet, or
// one that does not exist, is an invalid slot (openjdkjvmti,
// InferSlotTypeFromVerifier).
func (c *call) slot(f *frame) slot {
	slots := c.machine.slotsOf(f.method)
	index, tag := int(c.in.u32()), jdwp.Tag(c.in.u8())
	i := slices.IndexFunc(slots, func(s slot) bool { return s.index == index })
	if i < 0 {
		fail(jdwp.InvalidSlot)
	}
	if of := jdwp.Tag(slots[i].sign[0]); tag.IsObject() != of.IsObject() || !tag.IsObject() && tag != of {
		fail(jdwp.TypeMismatch)
	}
	return slots[i]
}

func frameValues(c *call) {
	f, n := c.variables()
	c.out.u32(uint32(n))
	for range n {
		v := *c.slot(f).value(f)
		if o, ok := v.(*Object); ok && o == nil {
			v = nil
		}
		c.out.tagged(v)
	}
}

func setFrameValues(c *call) {
	f, n := c.variables()
	for range n {
		s := c.slot(f)
		*s.value(f) = c.in.value(jdwp.Tag(s.sign[0]))
	}
}
