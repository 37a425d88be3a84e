package art

import (
	"slices"

	"github.com/wxctl/wxctl/device/android/jdwp"
)

// call is a command that is being answered.
type call struct {
	*session
	id  uint32
	in  *reader
	out *writer
	// later is set where the answer follows, or there is none, and last where the
	// connection ends after it.
	later, last bool
}

// A handler reads a command and writes the answer to it. What is wrong with the
// command ends it by fail.
type handler func(*call)

// refusal is the panic by which a handler ends that can't go on; session.next
// recovers it.
type refusal struct{ err error }

// fail ends the handler that runs: with the code that the VM answers, or with
// ErrDead.
func fail(err error) { panic(refusal{err}) }

// do runs a handler, and returns what it failed with.
func (h handler) do(c *call) (err error) {
	if h == nil {
		return jdwp.NotImplemented
	}
	defer func() {
		if r := recover(); r != nil {
			refused, ok := r.(refusal)
			if !ok {
				panic(r)
			}
			err = refused.err
		}
	}()
	h(c)
	return nil
}

// commands are what the VM knows; anything else is not implemented. Exit is
// not among them: our debugger must not end an app, and JDI does not need it.
var commands = map[[2]byte]handler{
	{1, 1}: version, {1, 2}: locked(classesBySignature), {1, 3}: locked(allClasses(false)), {1, 20}: locked(allClasses(true)),
	{1, 4}: locked(allThreads), {1, 5}: topGroups, {1, 6}: dispose, {1, 7}: idSizes, {1, 8}: locked(suspendAll), {1, 9}: locked(resumeAll),
	{1, 11}: createString, {1, 12}: capabilities(7), {1, 17}: capabilities(32), {1, 13}: classPaths, {1, 14}: nothing,
	{1, 15}: since28(locked(holdEvents)), {1, 16}: since28(locked(releaseEvents)), {1, 18}: since28(redefine),
	{2, 1}: signature(false), {2, 13}: signature(true), {2, 2}: classLoader, {2, 3}: modifiers, {2, 4}: fields(false), {2, 14}: fields(true),
	{2, 5}: methods(false), {2, 15}: methods(true), {2, 6}: staticValues, {2, 7}: sourceFile, {2, 9}: classStatus, {2, 10}: interfaces,
	{2, 11}: classObject, {2, 12}: absent, {2, 16}: instances, {2, 17}: since28(classFileVersion),
	{3, 1}: superclass, {3, 3}: invokeStatic, {3, 4}: newInstance,
	{4, 1}: newArray,
	{6, 1}: lineTable, {6, 2}: variableTable(false), {6, 5}: variableTable(true), {6, 4}: notObsolete,
	{9, 1}: referenceType, {9, 2}: objectValues, {9, 5}: monitorInfo, {9, 6}: invokeVirtual, {9, 7}: pin, {9, 8}: pin,
	{9, 9}: isCollected, {9, 10}: referring,
	{10, 1}: stringValue, {11, 1}: threadName, {11, 2}: locked(suspendThread), {11, 3}: locked(resumeThread), {11, 4}: locked(threadStatus),
	{11, 5}: threadGroup, {11, 6}: locked(threadFrames), {11, 7}: locked(frameCount), {11, 8}: locked(ownedMonitors), {11, 11}: interrupt,
	{11, 12}: locked(suspendCount),
	{12, 1}:  groupName, {12, 2}: groupParent, {12, 3}: locked(groupChildren),
	{13, 1}: arrayLength, {13, 2}: arrayGet, {13, 3}: arraySet,
	{15, 1}: setRequest, {15, 2}: locked(clearRequest), {15, 3}: since28(locked(clearBreakpoints)),
	{16, 1}: locked(frameValues), {16, 2}: locked(setFrameValues), {16, 3}: locked(thisObject), {17, 1}: reflectedType,
	{setDDM, cmdChunk}: ddm,
}

func nothing(*call) {}

func absent(*call) { fail(jdwp.AbsentInformation) }

// locked is a handler that has the machine's lock.
func locked(do handler) handler {
	return func(c *call) {
		c.machine.mu.Lock()
		defer c.machine.mu.Unlock()
		do(c)
	}
}

// since28 is a command that ART's own JDWP did not have (jdwp_handler.cc,
// gHandlers).
func since28(do handler) handler {
	return func(c *call) {
		if c.machine.options.API < 28 {
			fail(jdwp.NotImplemented)
		}
		do(c)
	}
}

// version describes the VM, as ART's own JDWP did and the agent does.
func version(c *call) {
	if c.machine.options.API < 28 {
		c.out.text("Android Runtime 2.1.0").u32(1).u32(6).text("1.6.0").text("Dalvik")
		return
	}
	c.out.text("Java Debug Wire Protocol (Reference Implementation) version 1.8\nJVM Debug Interface version 1.2\nJVM version 8 (Dalvik, )").
		u32(1).u32(8).text("8").text("Dalvik")
}

// dispose frees the threads before the debugger knows that it is detached:
// another one may attach at once.
func dispose(c *call) {
	c.release()
	c.last = true
}

func idSizes(c *call) {
	for range 5 {
		c.out.u32(8)
	}
}

// capabilities are the first n bits: of the agent on Android 14, and of ART's
// own JDWP (jdwp_handler.cc, VM_CapabilitiesNew). A debugger should need none.
func capabilities(n int) handler {
	return func(c *call) {
		bits := "11111110001111111100100000000001"
		if c.machine.options.API < 28 {
			bits = "11111110000110010100000000000000"
		}
		for _, bit := range bits[:n] {
			c.out.u8(byte(bit - '0'))
		}
	}
}

// redefine accepts only an empty list of classes (canRedefineClasses).
func redefine(c *call) {
	if c.in.u32() != 0 {
		fail(jdwp.NotImplemented)
	}
}

// classFileVersion is the dex format's.
func classFileVersion(c *call) {
	c.in.class()
	c.out.u32(39).u32(0)
}

// monitorInfo reports a monitor without an owner and waiters: methods in Go use
// no Java locks. referring lists no referring objects.
func monitorInfo(c *call) {
	c.in.object()
	c.out.u64(0).u32(0).u32(0)
}

func referring(c *call) {
	c.in.object()
	c.out.u32(0)
}

func classPaths(c *call) { c.out.text("/").u32(0).u32(0) }

func classesBySignature(c *call) {
	want := c.in.text()
	var found []*Class
	for _, k := range c.machine.order {
		if k.Signature() == want {
			found = append(found, k)
		}
	}
	c.out.u32(uint32(len(found)))
	for _, k := range found {
		c.out.u8(byte(k.typeTag())).class(k).u32(k.status())
	}
}

func allClasses(generic bool) handler {
	return func(c *call) {
		all := slices.DeleteFunc(slices.Clone(c.machine.order), func(k *Class) bool { return k.primitive != "" })
		c.out.u32(uint32(len(all)))
		for _, k := range all {
			c.out.u8(byte(k.typeTag())).class(k).text(k.Signature())
			if generic {
				c.out.text("")
			}
			c.out.u32(k.status())
		}
	}
}

func createString(c *call) { c.out.object(c.machine.String(c.in.text())) }

// code reads a method that has instructions.
func (c *call) code() *Method {
	c.in.class()
	m := c.in.method()
	if m.Native && c.machine.options.API >= 28 {
		fail(jdwp.NativeMethod)
	}
	return m
}

// lineTable lists the line numbers of a debug build.
func lineTable(c *call) {
	m := c.code()
	d := Debug{Last: 1}
	if m.Debug != nil {
		d = *m.Debug
	}
	c.out.u64(0).u64(uint64(d.Last)).u32(uint32(len(d.Lines)))
	for _, l := range d.Lines {
		c.out.u64(uint64(l[0])).u32(uint32(l[1]))
	}
}

// slot is where an argument of a frame is.
type slot struct {
	index int
	sign  string
	value func(*frame) *Value
}

// slotsOf are a method's arguments. ART up to 27 numbers them from 0, as Java
// does; since 28 a slot is a register, and the arguments are in the last.
func (m *Machine) slotsOf(method *Method) []slot {
	next := 0
	if m.options.API >= 28 {
		next = method.Locals
	}
	var out []slot
	add := func(sign string, value func(*frame) *Value) {
		out = append(out, slot{next, sign, value})
		next += words(sign)
	}
	if !method.Static {
		add(method.class.Signature(), func(f *frame) *Value { return new(Value(f.this)) })
	}
	for i, p := range parameters(method.Signature) {
		add(p, func(f *frame) *Value { return &f.args[i] })
	}
	return out
}

// variableTable lists the variables of a debug build; for other builds ART's
// own JDWP lists none, and the agent reports that they are absent.
func variableTable(generic bool) handler {
	return func(c *call) {
		m := c.code()
		if m.Debug == nil && c.machine.options.API >= 28 {
			fail(jdwp.AbsentInformation)
		}
		slots := c.machine.slotsOf(m)
		size := 0
		for _, s := range slots {
			size += words(s.sign)
		}
		var variables []Variable
		if d := m.Debug; d != nil {
			variables = slices.Clone(d.Variables)
			names := d.Arguments
			if !m.Static {
				names = append([]string{"this"}, names...)
			}
			for i, name := range names {
				variables = append(variables, Variable{0, d.Last + 1, name, slots[i].sign, slots[i].index})
			}
		}
		c.out.u32(uint32(size)).u32(uint32(len(variables)))
		for _, v := range variables {
			c.out.u64(uint64(v.Start)).text(v.Name).text(v.Signature)
			if generic {
				c.out.text("")
			}
			c.out.u32(uint32(v.Length)).u32(uint32(v.Slot))
		}
	}
}

func notObsolete(c *call) {
	c.in.class()
	c.in.method()
	c.out.u8(0)
}

func referenceType(c *call) {
	k := c.in.object().Class
	c.out.u8(byte(k.typeTag())).class(k)
}

// pin keeps an object from being collected. Nothing is collected as long as the
// debugger is attached.
func pin(c *call) { c.in.object() }

func isCollected(c *call) {
	id := c.in.u64()
	switch {
	case c.byID(id) != nil:
		c.out.u8(0)
	case c.machine.options.API >= 28:
		c.out.u8(1)
	default:
		fail(jdwp.InvalidObject)
	}
}

func stringValue(c *call) {
	o := c.in.object()
	if o.Class.Name != "java.lang.String" {
		fail(jdwp.InvalidString)
	}
	c.out.text(o.Text)
}
