package art

import (
	"slices"

	"github.com/wxctl/wxctl/device/android/jdwp"
)

func setRequest(c *call) error {
	r := &request{kind: jdwp.EventKind(c.in.u8()), policy: jdwp.SuspendPolicy(c.in.u8())}
	switch r.kind {
	case jdwp.Breakpoint, jdwp.Exception, jdwp.ThreadStart, jdwp.ThreadDeath, jdwp.ClassPrepare, jdwp.ClassUnload,
		jdwp.MethodEntry, jdwp.MethodExit, jdwp.MethodExitReturnValue, jdwp.VMStart, jdwp.VMDeath:
	case jdwp.SingleStep, 20, 21, 43, 44, 45, 46: // steps, fields and monitors: taken, but methods in Go have none
	default:
		return jdwp.InvalidEventType
	}
	if r.policy > jdwp.SuspendAll {
		return jdwp.IllegalArgument
	}
	placed := false
	for range c.in.count(1) {
		kind := c.in.u8()
		f, err := c.filter(r, kind)
		if err != nil {
			return err
		}
		placed = placed || kind == 7
		if f != nil {
			r.filters = append(r.filters, f)
		}
	}
	if c.in.err != nil {
		return c.in.err
	}
	if r.kind == jdwp.Breakpoint && !placed {
		return jdwp.IllegalArgument
	}
	c.machine.mu.Lock()
	defer c.machine.mu.Unlock()
	c.lastID++
	r.id = c.lastID
	c.requests = append(c.requests, r)
	c.out.u32(r.id)
	return nil
}

// filter reads a modifier (JDWP specification, EventRequest.Set).
func (c *call) filter(r *request, kind byte) (filter, error) {
	switch kind {
	case 1:
		if r.count = int(int32(c.in.u32())); r.count <= 0 {
			return nil, jdwp.InvalidCount
		}
		return nil, nil
	case 3:
		o := c.in.object(false)
		return func(t *Thread, _ happening) bool { return t.object == o }, nil
	case 4:
		k := c.in.class()
		return func(_ *Thread, h happening) bool { return h.of() != nil && h.of().Is(k) }, nil
	case 5, 6:
		pattern := c.in.text()
		return func(_ *Thread, h happening) bool {
			return h.of() != nil && matchName(pattern, h.of().Name) == (kind == 5)
		}, nil
	case 7:
		c.in.u8()
		k := c.in.class()
		m := c.in.method()
		if index := c.in.u64(); c.in.err == nil && (k == nil || index != 0 || m.Native) {
			return nil, jdwp.InvalidLocation
		}
		return func(_ *Thread, h happening) bool { return h.method == m && m != nil }, nil
	case 8: // exceptions, which are not told
		c.in.object(true)
		c.in.u8()
		c.in.u8()
		return nil, nil
	case 9, 10: // a field, a step: see setRequest
		c.in.object(false)
		c.in.u64()
		return func(*Thread, happening) bool { return false }, nil
	case 12: // the source file's name
		pattern := c.in.text()
		return func(_ *Thread, h happening) bool { return h.of() != nil && matchName(pattern, h.of().Source) }, nil
	case 11:
		o := c.in.object(false)
		return func(t *Thread, _ happening) bool { return len(t.frames) > 0 && t.frames[len(t.frames)-1].this == o }, nil
	}
	return nil, jdwp.NotImplemented
}

func clearRequest(c *call) error {
	kind, id := jdwp.EventKind(c.in.u8()), c.in.u32()
	c.machine.mu.Lock()
	defer c.machine.mu.Unlock()
	c.requests = slices.DeleteFunc(c.requests, func(r *request) bool { return r.id == id && r.kind == kind })
	return nil
}

func clearBreakpoints(c *call) error {
	c.machine.mu.Lock()
	defer c.machine.mu.Unlock()
	c.requests = slices.DeleteFunc(c.requests, func(r *request) bool { return r.kind == jdwp.Breakpoint })
	return nil
}
