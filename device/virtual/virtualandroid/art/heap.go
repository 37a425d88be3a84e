package art

import (
	"sync"
	"weak"

	"github.com/wxctl/wxctl/device/android/jdwp"
)

// heap knows the objects of a machine that still exist, without keeping them alive.
type heap struct {
	mu      sync.Mutex
	objects []weak.Pointer[Object]
	sweepAt int // the number of objects at which collected ones are removed
}

const sweepFirst = 1024

func (h *heap) add(o *Object) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.objects) >= max(h.sweepAt, sweepFirst) {
		left := h.objects[:0]
		for _, p := range h.objects {
			if p.Value() != nil {
				left = append(left, p)
			}
		}
		clear(h.objects[len(left):])
		h.objects, h.sweepAt = left, 2*len(left)
	}
	h.objects = append(h.objects, weak.Make(o))
}

// of returns at most n objects of a class, or all for 0.
func (h *heap) of(c *Class, n int) []*Object {
	h.mu.Lock()
	defer h.mu.Unlock()
	var found []*Object
	for _, p := range h.objects {
		if o := p.Value(); o != nil && o.Class == c {
			if found = append(found, o); len(found) == n {
				break
			}
		}
	}
	return found
}

// instances answers ReferenceType.Instances. A real VM omits unreachable
// objects; here they may be included.
func instances(c *call) {
	class, most := c.in.class(), int32(c.in.u32())
	if most < 0 {
		fail(jdwp.IllegalArgument)
	}
	found := c.machine.heap.of(class, int(most))
	c.out.u32(uint32(len(found)))
	for _, o := range found {
		c.out.tagged(o)
	}
}
