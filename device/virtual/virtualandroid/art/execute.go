package art

import (
	"errors"
	"slices"
	"strings"

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

// maxElems is how long an array that is no byte[] may be made.
const maxElems = 1 << 16

func newArray(c *call) error {
	k, n := c.in.class(), int(int32(c.in.u32()))
	if k == nil {
		return nil
	}
	if k.elem == "" {
		return jdwp.InvalidArray
	}
	if n < 0 || n > maxPacket || n > maxElems && k.elem != "B" {
		return jdwp.InvalidLength
	}
	o := &Object{Class: k}
	if k.elem == "B" {
		o.Bytes = make([]byte, n)
	} else {
		o.Elems = make([]Value, n)
		for i := range o.Elems {
			o.Elems[i] = zero(k.elem)
		}
	}
	c.out.tagged(o)
	return nil
}

// array reads an array.
func (c *call) array() (*Object, error) {
	o := c.in.object(false)
	if o == nil {
		return nil, c.in.err
	}
	if o.Class.elem == "" {
		return nil, jdwp.InvalidArray
	}
	return o, nil
}

func (o *Object) length() int { return len(o.Bytes) + len(o.Elems) }

func arrayLength(c *call) error {
	o, err := c.array()
	if err == nil {
		c.out.u32(uint32(o.length()))
	}
	return err
}

// region reads a part of an array.
func (c *call) region() (o *Object, first, n int, err error) {
	if o, err = c.array(); err != nil {
		return nil, 0, 0, err
	}
	first, n = int(int32(c.in.u32())), int(int32(c.in.u32()))
	if first < 0 || first > o.length() {
		return nil, 0, 0, jdwp.InvalidIndex
	}
	if n == -1 {
		n = o.length() - first
	}
	if n < 0 || n > o.length()-first {
		return nil, 0, 0, jdwp.InvalidLength
	}
	return o, first, n, nil
}

func elemTag(elem string) jdwp.Tag {
	if elem == "Ljava/lang/String;" {
		return jdwp.TagString
	}
	return jdwp.Tag(elem[0])
}

func arrayGet(c *call) error {
	o, first, n, err := c.region()
	if err != nil {
		return err
	}
	c.out.u8(byte(elemTag(o.Class.elem))).u32(uint32(n))
	if o.Class.elem == "B" {
		c.out.b = append(c.out.b, o.Bytes[first:first+n]...)
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, v := range o.Elems[first : first+n] {
		if tag := jdwp.Tag(o.Class.elem[0]); tag.IsObject() {
			c.out.tagged(v)
		} else {
			c.out.value(v)
		}
	}
	return nil
}

func arraySet(c *call) error {
	o, first, n, err := c.region()
	if err != nil {
		return err
	}
	if o.Class.elem == "B" {
		copy(o.Bytes[first:], c.in.take(n))
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for i := range n {
		v := c.in.value(jdwp.Tag(o.Class.elem[0]))
		if !c.machine.fits(v, o.Class.elem) {
			return jdwp.TypeMismatch
		}
		if c.in.err == nil {
			o.Elems[first+i] = v
		}
	}
	return nil
}

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

func invokeVirtual(c *call) error {
	o := c.in.object(false)
	t := c.in.thread()
	k := c.in.class()
	m := c.in.method(k)
	if c.in.err != nil {
		return c.in.err
	}
	if m.Static || !o.Class.Is(k) {
		return jdwp.InvalidMethodID
	}
	return c.invoke(t, m, o, false)
}

func invokeStatic(c *call) error {
	k := c.in.class()
	t := c.in.thread()
	m := c.in.method(k)
	if c.in.err != nil {
		return c.in.err
	}
	if !m.Static {
		return jdwp.InvalidMethodID
	}
	return c.invoke(t, m, nil, false)
}

func newInstance(c *call) error {
	k := c.in.class()
	t := c.in.thread()
	m := c.in.method(k)
	if c.in.err != nil {
		return c.in.err
	}
	if m.Name != "<init>" {
		return jdwp.InvalidMethodID
	}
	return c.invoke(t, m, c.machine.NewObject(k), true)
}

// Options of an invocation.
const (
	singleThreaded = 1
	nonVirtual     = 2
)

// invoke has a thread that stands at an event call a method; the answer
// follows when that is done.
func (c *call) invoke(t *Thread, method *Method, this *Object, create bool) error {
	m := c.machine
	want := parameters(method.Signature)
	var args []Value
	for range c.in.count(1) {
		args = append(args, c.in.value(jdwp.Tag(c.in.u8())))
	}
	options := c.in.u32()
	switch {
	case c.in.err != nil:
		return c.in.err
	case len(args) != len(want):
		return jdwp.IllegalArgument
	}
	for i, v := range args {
		if !m.fits(v, want[i]) {
			return jdwp.TypeMismatch
		}
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
		return jdwp.InvalidThread
	case t.invocation != nil:
		return jdwp.AlreadyInvoking
	case m.options.API < 28 && t.suspended > 1:
		return jdwp.ThreadSuspended // Dbg::PrepareInvokeMethod
	}
	t.invocation = func() { c.run(t, method, this, args, options, create) }
	m.changed.Broadcast()
	return errNoReply
}

func (c *call) run(t *Thread, method *Method, this *Object, args []Value, options uint32, create bool) {
	m := c.machine
	var others []*Thread
	m.mu.Lock()
	held := t.suspended
	t.suspended, t.atEvent = 0, false
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
		c.out.tagged(nilOf(resultOf(method.Signature))).tagged(thrown.Object)
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

// nilOf is what an invocation returns besides an exception.
func nilOf(signature string) Value { return zero(signature) }

func setRequest(c *call) error {
	r := &request{kind: jdwp.EventKind(c.in.u8()), policy: jdwp.SuspendPolicy(c.in.u8())}
	switch r.kind {
	case jdwp.Breakpoint, jdwp.Exception, jdwp.ThreadStart, jdwp.ThreadDeath, jdwp.ClassPrepare, jdwp.ClassUnload,
		jdwp.MethodEntry, jdwp.MethodExit, jdwp.MethodExitReturnValue, jdwp.VMDeath:
	case jdwp.SingleStep, 20, 21: // steps, field access and modification: nothing here has either
		return jdwp.NotImplemented
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
		m := c.in.method(k)
		if index := c.in.u64(); index != 0 && c.in.err == nil {
			return nil, jdwp.InvalidLocation
		}
		return func(_ *Thread, h happening) bool { return h.method == m && m != nil }, nil
	case 8: // exceptions, which are not told
		c.in.object(true)
		c.in.u8()
		c.in.u8()
		return nil, nil
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
