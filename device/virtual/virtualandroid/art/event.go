package art

import (
	"slices"
	"strings"

	"github.com/wxctl/wxctl/device/android/jdwp"
)

// happening is something that a request may ask for.
type happening struct {
	kind   jdwp.EventKind // MethodEntry also means a breakpoint at the entry
	class  *Class         // that was prepared
	method *Method
	result Value
}

// request is an event request of the debugger.
type request struct {
	id      uint32
	kind    jdwp.EventKind
	policy  jdwp.SuspendPolicy
	filters []filter
	count   int // 0 without such a filter
	spent   bool
}

// filter decides whether a happening on a thread is asked for.
type filter func(t *Thread, h happening) bool

func (h happening) of() *Class {
	if h.method != nil {
		return h.method.class
	}
	return h.class
}

// matchName is a class pattern: a name, or one with a "*" at either end.
func matchName(pattern, name string) bool {
	if rest, ok := strings.CutPrefix(pattern, "*"); ok {
		return strings.HasSuffix(name, rest)
	}
	if rest, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(name, rest)
	}
	return pattern == name
}

// wants reports whether the request asks for a happening. Called with the
// machine's lock held.
func (r *request) wants(t *Thread, h happening) bool {
	ok := r.kind == h.kind ||
		h.kind == jdwp.MethodEntry && r.kind == jdwp.Breakpoint ||
		h.kind == jdwp.MethodExit && r.kind == jdwp.MethodExitReturnValue
	if !ok || r.spent {
		return false
	}
	for _, f := range r.filters {
		if !f(t, h) {
			return false
		}
	}
	if r.count > 0 {
		if r.count--; r.count > 0 {
			return false
		}
		r.spent = true
	}
	return true
}

// raise reports to the debugger what happened, and stops the thread if it
// requested that. Everything at one place goes in one packet, method entries
// before breakpoints, as HotSpot's agent orders them.
func (t *Thread) raise(h happening) error {
	m := t.machine
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dead {
		return ErrDead
	}
	s := m.session
	if s == nil {
		return nil
	}
	var hit []*request
	policy := jdwp.SuspendNone
	for _, r := range slices.Backward(s.requests) { // the newest first, as the agent has them
		if r.wants(t, h) {
			hit = append(hit, r)
			policy = max(policy, r.policy)
		}
	}
	if len(hit) == 0 {
		// A thread that was stopped by name stops here at the latest.
		if t.suspended > 0 {
			return t.park()
		}
		return nil
	}
	slices.SortStableFunc(hit, func(a, b *request) int { return int(b.kind) - int(a.kind) })
	switch policy {
	case jdwp.SuspendThread:
		t.suspended++
	case jdwp.SuspendAll:
		for _, other := range m.threads {
			other.suspended++
		}
	}
	out := &writer{s: s}
	out.u8(byte(policy)).u32(uint32(len(hit)))
	for _, r := range hit {
		out.u8(byte(r.kind)).u32(r.id)
		out.object(t.object)
		switch r.kind {
		case jdwp.ClassPrepare:
			out.u8(byte(h.class.typeTag())).class(h.class).text(h.class.Signature()).u32(h.class.status())
		case jdwp.ThreadStart, jdwp.ThreadDeath:
		default:
			out.location(h.method, 0)
			if r.kind == jdwp.MethodExitReturnValue {
				out.tagged(h.result)
			}
		}
	}
	stops := policy != jdwp.SuspendNone
	t.parked, t.atEvent = stops, stops // before the debugger knows of it
	s.sendEvent(out.b)
	if !stops {
		return nil
	}
	defer func() { t.atEvent = false }()
	return t.park()
}
