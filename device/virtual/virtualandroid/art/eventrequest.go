package art

import (
	"slices"

	"github.com/wxctl/wxctl/device/android/jdwp"
)

func setRequest(c *call) {
	r := &request{kind: jdwp.EventKind(c.in.u8()), policy: jdwp.SuspendPolicy(c.in.u8())}
	switch r.kind {
	case jdwp.Breakpoint, jdwp.Exception, jdwp.ThreadStart, jdwp.ThreadDeath, jdwp.ClassPrepare, jdwp.ClassUnload,
		jdwp.MethodEntry, jdwp.MethodExit, jdwp.MethodExitReturnValue, jdwp.VMStart, jdwp.VMDeath:
	case jdwp.SingleStep, 20, 21, 43, 44, 45, 46: // steps, fields and monitors: accepted, but methods in Go have none
	default:
		fail(jdwp.InvalidEventType)
	}
	if r.policy > jdwp.SuspendAll {
		fail(jdwp.IllegalArgument)
	}
	placed := false
	for range c.in.count(1) {
		kind := c.in.u8()
		r.filters = append(r.filters, c.filter(r, kind))
		placed = placed || kind == 7
	}
	if r.kind == jdwp.Breakpoint && !placed {
		fail(jdwp.IllegalArgument)
	}
	c.machine.mu.Lock()
	defer c.machine.mu.Unlock()
	c.lastID++
	r.id = c.lastID
	c.requests = append(c.requests, r)
	c.out.u32(r.id)
}

// filter reads a modifier (JDWP specification, EventRequest.Set).
func (c *call) filter(r *request, kind byte) filter {
	switch kind {
	case 1:
		if r.count = int(int32(c.in.u32())); r.count <= 0 {
			fail(jdwp.InvalidCount)
		}
	case 3:
		o := c.in.object()
		return func(t *Thread, _ happening) bool { return t.object == o }
	case 4:
		k := c.in.class()
		return func(_ *Thread, h happening) bool { return h.of() != nil && h.of().Is(k) }
	case 5, 6:
		pattern := c.in.text()
		return func(_ *Thread, h happening) bool {
			return h.of() != nil && matchName(pattern, h.of().Name) == (kind == 5)
		}
	case 7:
		c.in.u8()
		c.in.class()
		m := c.in.method()
		if index := c.in.u64(); index != 0 || m.Native {
			fail(jdwp.InvalidLocation)
		}
		return func(_ *Thread, h happening) bool { return h.method == m }
	case 8: // exceptions, which are not reported
		c.in.objectOrNull()
		c.in.u8()
		c.in.u8()
	case 9, 10: // a field, a step: see setRequest
		c.in.object()
		c.in.u64()
		return func(*Thread, happening) bool { return false }
	case 11:
		o := c.in.object()
		return func(t *Thread, _ happening) bool { return len(t.frames) > 0 && t.frames[len(t.frames)-1].this == o }
	case 12: // the source file's name
		pattern := c.in.text()
		return func(_ *Thread, h happening) bool { return h.of() != nil && matchName(pattern, h.of().Source) }
	default:
		fail(jdwp.NotImplemented)
	}
	return func(*Thread, happening) bool { return true }
}

func clearRequest(c *call) {
	kind, id := jdwp.EventKind(c.in.u8()), c.in.u32()
	c.requests = slices.DeleteFunc(c.requests, func(r *request) bool { return r.id == id && r.kind == kind })
}

func clearBreakpoints(c *call) {
	c.requests = slices.DeleteFunc(c.requests, func(r *request) bool { return r.kind == jdwp.Breakpoint })
}
