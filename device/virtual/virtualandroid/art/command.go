package art

import (
	"fmt"
	"slices"

	"github.com/wxctl/wxctl/device/android/jdwp"
)

// call is a command that is being answered.
type call struct {
	*session
	id  uint32
	in  *reader
	out *writer
}

// commands are what the VM knows; anything else is not implemented. Exit is
// not among them: no debugger of ours may end an app, and JDI does not need it.
var commands map[[2]byte]func(*call) error

func init() {
	commands = map[[2]byte]func(*call) error{
		{1, 1}: version, {1, 2}: classesBySignature, {1, 3}: allClasses(false), {1, 20}: allClasses(true), {1, 4}: allThreads,
		{1, 5}: topGroups, {1, 6}: func(*call) error { return errBye }, {1, 7}: idSizes, {1, 8}: suspendAll, {1, 9}: resumeAll,
		{1, 11}: createString, {1, 12}: capabilities(7), {1, 17}: capabilities(32), {1, 13}: classPaths, {1, 14}: nothing,
		{2, 1}: signature(false), {2, 13}: signature(true), {2, 2}: classLoader, {2, 3}: modifiers, {2, 4}: fields(false), {2, 14}: fields(true),
		{2, 5}: methods(false), {2, 15}: methods(true), {2, 6}: staticValues, {2, 7}: sourceFile, {2, 9}: classStatus, {2, 10}: interfaces,
		{2, 11}: classObject, {2, 12}: refuse(jdwp.AbsentInformation), {3, 1}: superclass, {3, 3}: invokeStatic, {3, 4}: newInstance,
		{4, 1}: newArray,
		{6, 1}: lineTable, {6, 2}: variableTable(false), {6, 5}: variableTable(true), {6, 4}: notObsolete,
		{9, 1}: referenceType, {9, 2}: objectValues, {9, 6}: invokeVirtual, {9, 7}: pin, {9, 8}: pin, {9, 9}: isCollected,
		{10, 1}: stringValue, {11, 1}: threadName, {11, 2}: suspendThread, {11, 3}: resumeThread, {11, 4}: threadStatus, {11, 5}: threadGroup,
		{11, 6}: threadFrames, {11, 7}: frameCount, {11, 12}: suspendCount, {12, 1}: groupName, {12, 2}: groupParent, {12, 3}: groupChildren,
		{13, 1}: arrayLength, {13, 2}: arrayGet, {13, 3}: arraySet, {15, 1}: setRequest, {15, 2}: clearRequest, {15, 3}: clearBreakpoints,
		{16, 1}: frameValues, {16, 3}: thisObject, {17, 1}: reflectedType,
		{setDDM, cmdChunk}: ddm,
	}
}

func nothing(*call) error { return nil }

func refuse(code jdwp.ErrorCode) func(*call) error { return func(*call) error { return code } }

// version tells the VM, as ART's own JDWP did and the agent does.
func version(c *call) error {
	if c.machine.options.API < 28 {
		c.out.text("Android Runtime 2.1.0").u32(1).u32(6).text("1.6.0").text("Dalvik")
		return nil
	}
	c.out.text("Java Debug Wire Protocol (Reference Implementation) version 1.8\nJVM Debug Interface version 1.2\nJVM version 0 (Dalvik, )").
		u32(1).u32(8).text("0").text("Dalvik")
	return nil
}

func idSizes(c *call) error {
	for range 5 {
		c.out.u32(8)
	}
	return nil
}

// capabilities are the first n bits. Which of them ART sets at each level is
// not known for sure; a debugger should need none.
func capabilities(n int) func(*call) error {
	return func(c *call) error {
		for bit := range n {
			// canGetBytecodes and canGetSyntheticAttribute.
			c.out.u8(map[bool]byte{true: 1}[bit == 2 || bit == 3])
		}
		return nil
	}
}

func classPaths(c *call) error {
	c.out.text("/").u32(0).u32(0)
	return nil
}

func classesBySignature(c *call) error {
	want := c.in.text()
	c.machine.mu.Lock()
	var found []*Class
	for _, k := range c.machine.order {
		if k.Signature() == want {
			found = append(found, k)
		}
	}
	c.machine.mu.Unlock()
	c.out.u32(uint32(len(found)))
	for _, k := range found {
		c.out.u8(byte(k.typeTag())).class(k).u32(statusReady)
	}
	return nil
}

func allClasses(generic bool) func(*call) error {
	return func(c *call) error {
		c.machine.mu.Lock()
		all := slices.Clone(c.machine.order)
		c.machine.mu.Unlock()
		c.out.u32(uint32(len(all)))
		for _, k := range all {
			c.out.u8(byte(k.typeTag())).class(k).text(k.Signature())
			if generic {
				c.out.text("")
			}
			c.out.u32(statusReady)
		}
		return nil
	}
}

func createString(c *call) error {
	c.out.object(c.machine.String(c.in.text()))
	return nil
}

func signature(generic bool) func(*call) error {
	return func(c *call) error {
		if k := c.in.class(); k != nil {
			c.out.text(k.Signature())
			if generic {
				c.out.text("")
			}
		}
		return nil
	}
}

func classLoader(c *call) error {
	k := c.in.class()
	if k == nil {
		return nil
	}
	if k.App {
		c.out.object(c.machine.loader)
	} else {
		c.out.u64(0)
	}
	return nil
}

// Access flags (Java virtual machine specification, table 4.1).
const (
	accPublic    = 0x0001
	accStatic    = 0x0008
	accInterface = 0x0200
	accAbstract  = 0x0400
)

func modifiers(c *call) error {
	k := c.in.class()
	flags := uint32(accPublic)
	if k != nil && k.Interface {
		flags |= accInterface | accAbstract
	}
	c.out.u32(flags)
	return nil
}

func flagsOf(static bool) uint32 {
	if static {
		return accPublic | accStatic
	}
	return accPublic
}

func fields(generic bool) func(*call) error {
	return func(c *call) error {
		k := c.in.class()
		if k == nil {
			return nil
		}
		c.out.u32(uint32(len(k.Fields)))
		for _, f := range k.Fields {
			c.out.u64(f.id).text(f.Name).text(f.Signature)
			if generic {
				c.out.text("")
			}
			c.out.u32(flagsOf(f.Static))
		}
		return nil
	}
}

func methods(generic bool) func(*call) error {
	return func(c *call) error {
		k := c.in.class()
		if k == nil {
			return nil
		}
		c.out.u32(uint32(len(k.Methods)))
		for _, m := range k.Methods {
			c.out.u64(m.id).text(m.Name).text(m.Signature)
			if generic {
				c.out.text("")
			}
			c.out.u32(flagsOf(m.Static))
		}
		return nil
	}
}

// field reads the id of a field of a class or its superclasses.
func (c *call) field(k *Class) *Field {
	id := c.in.u64()
	for ; k != nil; k = k.Super {
		for _, f := range k.Fields {
			if f.id == id {
				return f
			}
		}
	}
	c.in.fail(jdwp.InvalidFieldID)
	return nil
}

func staticValues(c *call) error {
	k := c.in.class()
	n := c.in.count(8)
	c.out.u32(uint32(n))
	for range n {
		if f := c.field(k); f != nil {
			c.out.tagged(orZero(f.Value, f.Signature))
		}
	}
	return nil
}

func objectValues(c *call) error {
	o := c.in.object(false)
	if o == nil {
		return nil
	}
	n := c.in.count(8)
	c.out.u32(uint32(n))
	for range n {
		f := c.field(o.Class)
		switch {
		case f == nil:
		case f.Static:
			c.out.tagged(orZero(f.Value, f.Signature))
		default:
			c.out.tagged(orZero(o.Get(f.Name), f.Signature))
		}
	}
	return nil
}

func orZero(v Value, signature string) Value {
	if v == nil {
		return zero(signature)
	}
	return v
}

func sourceFile(c *call) error {
	k := c.in.class()
	if k == nil {
		return nil
	}
	return jdwp.AbsentInformation
}

func classStatus(c *call) error {
	if k := c.in.class(); k != nil {
		c.out.u32(statusReady)
	}
	return nil
}

func interfaces(c *call) error {
	k := c.in.class()
	if k == nil {
		return nil
	}
	c.out.u32(uint32(len(k.Interfaces)))
	for _, i := range k.Interfaces {
		c.out.class(i)
	}
	return nil
}

func classObject(c *call) error {
	if k := c.in.class(); k != nil {
		c.out.object(k.object)
	}
	return nil
}

func reflectedType(c *call) error {
	if k := c.in.class(); k != nil {
		c.out.u8(byte(k.typeTag())).class(k)
	}
	return nil
}

func superclass(c *call) error {
	k := c.in.class()
	if k == nil {
		return nil
	}
	if k.Interface {
		return jdwp.InvalidClass
	}
	c.out.class(k.Super)
	return nil
}

// lineTable has one line: a debugger may set a breakpoint at a method's entry.
func lineTable(c *call) error {
	if m := c.in.method(c.in.class()); m != nil {
		c.out.u64(0).u64(1).u32(1).u64(0).u32(1)
	}
	return nil
}

// slot is where a variable of a frame is.
type slot struct {
	index int
	name  string
	sign  string
	value func(*frame) Value
}

// slotsOf are a method's arguments. ART up to 27 numbers them from 0, as Java
// does; since 28 a slot is a register, and the arguments are in the last.
func (m *Machine) slotsOf(method *Method) []slot {
	next := 0
	if m.options.API >= 28 {
		next = method.Locals
	}
	var out []slot
	add := func(name, sign string, value func(*frame) Value) {
		out = append(out, slot{next, name, sign, value})
		next += words(sign)
	}
	if !method.Static {
		add("this", method.class.Signature(), func(f *frame) Value { return f.this })
	}
	for i, p := range parameters(method.Signature) {
		add(fmt.Sprintf("p%d", i), p, func(f *frame) Value { return f.args[i] })
	}
	return out
}

func variableTable(generic bool) func(*call) error {
	return func(c *call) error {
		m := c.in.method(c.in.class())
		if m == nil {
			return nil
		}
		slots := c.machine.slotsOf(m)
		size := 0
		for _, s := range slots {
			size += words(s.sign)
		}
		c.out.u32(uint32(size)).u32(uint32(len(slots)))
		for _, s := range slots {
			c.out.u64(0).text(s.name).text(s.sign)
			if generic {
				c.out.text("")
			}
			c.out.u32(1).u32(uint32(s.index))
		}
		return nil
	}
}

func notObsolete(c *call) error {
	if m := c.in.method(c.in.class()); m != nil {
		c.out.u8(0)
	}
	return nil
}

func referenceType(c *call) error {
	if o := c.in.object(false); o != nil {
		c.out.u8(byte(o.Class.typeTag())).class(o.Class)
	}
	return nil
}

// pin keeps an object from being collected. Nothing is, as long as the
// debugger is attached.
func pin(c *call) error {
	c.in.object(false)
	return nil
}

func isCollected(c *call) error {
	if o := c.in.object(false); o != nil {
		c.out.u8(0)
	}
	return nil
}

func stringValue(c *call) error {
	o := c.in.object(false)
	if o == nil {
		return nil
	}
	if o.Class.Name != "java.lang.String" {
		return jdwp.InvalidString
	}
	c.out.text(o.Text)
	return nil
}
