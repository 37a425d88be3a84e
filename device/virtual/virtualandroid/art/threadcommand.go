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
		t.suspended = max(t.suspended-1, 0)
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
		t.suspended = max(t.suspended-1, 0)
		c.machine.changed.Broadcast()
	}
	return err
}

func threadStatus(c *call) error {
	t, err := c.live()
	defer c.machine.mu.Unlock()
	if err != nil {
		return err
	}
	state, suspended := jdwp.ThreadRunning, uint32(0)
	if len(t.frames) == 0 {
		state = jdwp.ThreadWait // for a message
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
		c.out.u64(f.id).location(f.method, 0)
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
	for _, f := range t.frames {
		if f.id == id {
			return f, nil
		}
	}
	return nil, jdwp.InvalidFrameID
}

func thisObject(c *call) error {
	f, err := c.frame()
	defer c.machine.mu.Unlock()
	if err != nil {
		return err
	}
	if f.this == nil {
		c.out.tagged(nil)
	} else {
		c.out.tagged(f.this)
	}
	return nil
}

// frameValues reads arguments. A register that holds nothing yet, and one that
// is not there, is no slot (openjdkjvmti, InferSlotTypeFromVerifier).
func frameValues(c *call) error {
	f, err := c.frame()
	defer c.machine.mu.Unlock()
	if err != nil {
		return err
	}
	slots := c.machine.slotsOf(f.method)
	n := c.in.count(5)
	c.out.u32(uint32(n))
	for range n {
		index, tag := int(c.in.u32()), jdwp.Tag(c.in.u8())
		i := slices.IndexFunc(slots, func(s slot) bool { return s.index == index })
		if i < 0 {
			return jdwp.InvalidSlot
		}
		v := slots[i].value(f)
		if o, ok := v.(*Object); ok && o == nil {
			v = nil
		}
		if tag.IsObject() != tagOf(v).IsObject() || !tag.IsObject() && tag != tagOf(v) {
			return jdwp.TypeMismatch
		}
		c.out.tagged(v)
	}
	return nil
}
