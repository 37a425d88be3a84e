// Package art is a virtual machine that a debugger can attach to, as Android's
// is: classes, objects, threads and frames, with the debuggee's side of the
// Java Debug Wire Protocol and DDMS's chunks. Its methods are written in Go.
//
// It behaves as ART does at an API level, including what ART refuses, and what
// ends its process. Since API 28 the libjdwp agent answers for ART; its answers
// were recorded on Android 14 (testdata/art14.txt). Up to 27 it is ART's own
// JDWP, which is only known from AOSP's sources (art/runtime/jdwp,
// debugger.cc).
package art

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wxctl/wxctl/device/android/jdwp"
)

// A Value is a Java value: nil, bool, int8, uint16 (char), int16, int32,
// int64, float32, float64 or *Object. Void is what a method without a result
// returns.
type Value any

// Void is the result of a method that has none.
type Void struct{}

// A Class is a class, interface or array type.
type Class struct {
	Name       string // with dots; of an array as in "[B" and "[Ljava.lang.String;"
	Super      *Class
	Interfaces []*Class
	Interface  bool
	App        bool   // loaded by the app's class loader, not by the bootstrap one
	Source     string // the name of its source file, if the build has it
	Methods    []*Method
	Fields     []*Field

	machine *Machine
	object  *Object // its java.lang.Class
	elem    string  // signature of an array's elements
	// primitive is the signature of a primitive type, such as "I".
	primitive string
	used      uint32 // 1 once it is initialized; by sync/atomic
}

// A Method is a method of a class.
type Method struct {
	Name, Signature string
	Static          bool
	Flags           uint32 // access flags; 0 is public, and static where Static says so
	// Native methods have no instructions and no registers; their thread waits in
	// them as Waits says.
	Native bool
	Waits  jdwp.ThreadState
	// Locals is how many registers it has before its arguments.
	Locals int
	Debug  *Debug
	// Call is what it does; nil does nothing and returns null or zero.
	Call func(t *Thread, this *Object, args []Value) (Value, error)

	class *Class
	id    uint64
}

// Debug is the debug information of a method.
type Debug struct {
	Last      int      // instruction
	Lines     [][2]int // of the source: first instruction, number
	Arguments []string // their names
	Variables []Variable
}

// Variable is a local variable, where it has a value.
type Variable struct {
	Start, Length   int
	Name, Signature string
	Slot            int
}

// A Field is a field of a class.
type Field struct {
	Name, Signature string
	Static          bool
	Flags           uint32 // as Method.Flags
	Value           Value  // of a static field

	id uint64
}

// An Object is an object.
type Object struct {
	Class  *Class
	Fields map[string]Value
	Text   string  // of a String
	Elems  []Value // of an array other than a byte[]
	Bytes  []byte  // of a byte[]
	Go     any     // whatever its methods keep

	mu sync.Mutex // of Fields
}

// Get reads a field.
func (o *Object) Get(name string) Value {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.Fields[name]
}

// Set writes a field.
func (o *Object) Set(name string, v Value) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.Fields == nil {
		o.Fields = map[string]Value{}
	}
	o.Fields[name] = v
}

// Thrown is a Java exception on its way.
type Thrown struct{ Object *Object }

// Error prints it as Throwable.toString does.
func (t *Thrown) Error() string { return ThrowableText(t.Object) }

// ThrowableText is Throwable.toString.
func ThrowableText(o *Object) string {
	message, _ := o.Get("detailMessage").(*Object)
	if message == nil {
		return o.Class.Name
	}
	return o.Class.Name + ": " + message.Text
}

// Signature is the class's type signature, such as "Ljava/lang/String;".
func (c *Class) Signature() string {
	if c.primitive != "" {
		return c.primitive
	}
	name := strings.ReplaceAll(c.Name, ".", "/")
	if strings.HasPrefix(name, "[") {
		return name
	}
	return "L" + name + ";"
}

// Is reports whether c is other, or extends or implements it.
func (c *Class) Is(other *Class) bool {
	for k := c; k != nil; k = k.Super {
		if k == other {
			return true
		}
		for _, i := range k.Interfaces {
			if i.Is(other) {
				return true
			}
		}
	}
	return other.Name == "java.lang.Object"
}

// extends reports whether the class, or a superclass, has a name.
func (c *Class) extends(name string) bool {
	for k := c; k != nil; k = k.Super {
		if k.Name == name {
			return true
		}
	}
	return false
}

// method finds a method as the VM resolves a virtual call.
func (c *Class) method(name, signature string) *Method {
	var faces []*Class
	for k := c; k != nil; k = k.Super {
		for _, m := range k.Methods {
			if m.Name == name && m.Signature == signature {
				return m
			}
		}
		faces = append(faces, k.Interfaces...)
	}
	for _, f := range faces {
		if m := f.method(name, signature); m != nil {
			return m
		}
	}
	return nil
}

// initialize marks a class as used, and with it what it extends.
func (c *Class) initialize() {
	for k := c; k != nil && atomic.SwapUint32(&k.used, 1) == 0; k = k.Super {
	}
}

// status is the state of a class: verified and prepared when it was loaded,
// initialized at its first use. Arrays and primitives have no status. ART's own
// JDWP only distinguished arrays from others (Dbg::GetClassInfo).
func (c *Class) status() uint32 {
	switch {
	case c.machine.options.API < 28 && c.elem != "":
		return statusLoaded
	case c.machine.options.API < 28:
		return statusUsed
	case c.elem != "", c.primitive != "":
		return 0
	case atomic.LoadUint32(&c.used) != 0:
		return statusUsed
	}
	return statusLoaded
}

func (c *Class) typeTag() jdwp.TypeTag {
	switch {
	case c.elem != "":
		return jdwp.TypeArray
	case c.Interface:
		return jdwp.TypeInterface
	}
	return jdwp.TypeClass
}

// Options describe a machine.
type Options struct {
	API     int    // 24 to 37
	PID     int    // of the process
	Process string // its name
	User    int    // the Android user it runs for
	// Died is called with the reason if the debugger caused the process to end;
	// may be nil.
	Died func(Signal, string)
	// Now is the time that System.currentTimeMillis tells; nil is the host's.
	Now func() time.Time
}

// Machine is one VM. Close it when its process ends.
type Machine struct {
	options Options

	mu      sync.Mutex
	changed *sync.Cond
	dead    bool
	classes map[string]*Class // those that are loaded, by name
	order   []*Class
	main    *Thread // never changed
	threads []*Thread
	session *session
	nextID  uint64 // of methods and fields
	methods map[uint64]*Method
	ended   sync.WaitGroup
	loader  *Object // of the app's classes
	group   *Object // the thread group "main"
	heap    heap
}

// New makes a machine with the classes of java.lang that every VM has, and the
// thread main.
func New(o Options) *Machine {
	if o.Now == nil {
		o.Now = time.Now
	}
	m := &Machine{options: o, classes: map[string]*Class{}, methods: map[uint64]*Method{}, nextID: 0x7000_0000}
	m.changed = sync.NewCond(&m.mu)
	m.defineJava()
	m.loader = m.NewObject(m.Class("dalvik.system.PathClassLoader"))
	m.group = m.NewObject(m.Class("java.lang.ThreadGroup"))
	main := m.newThread("main")
	main.alive = true
	m.main, m.threads = main, append(m.threads, main)
	return m
}

// Main is the thread "main", on which an app's code runs.
func (m *Machine) Main() *Thread { return m.main }

// Define loads a class. Events of it come on the thread t, if one is given.
func (m *Machine) Define(t *Thread, c *Class) *Class {
	m.mu.Lock()
	if known := m.classes[c.Name]; known != nil {
		m.mu.Unlock()
		return known
	}
	c.machine = m
	if c.Super == nil && !c.Interface && c.Name != "java.lang.Object" {
		c.Super = m.classes["java.lang.Object"]
	}
	for _, method := range c.Methods {
		m.nextID += 8
		method.class, method.id = c, m.nextID
		m.methods[m.nextID] = method
	}
	for _, f := range c.Fields {
		m.nextID += 8
		f.id = m.nextID
	}
	m.classes[c.Name] = c
	m.order = append(m.order, c)
	c.object = &Object{Class: m.classes["java.lang.Class"], Go: c}
	m.mu.Unlock()
	if c.Name == "java.lang.Class" {
		c.object.Class = c
	}
	if t != nil {
		t.raise(happening{kind: jdwp.ClassPrepare, class: c})
	}
	return c
}

// Class returns a loaded class by its name with dots; nil if there is none.
func (m *Machine) Class(name string) *Class {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.classes[name]
}

// Must is Class of a class that is known to be there.
func (m *Machine) must(name string) *Class {
	c := m.Class(name)
	if c == nil {
		panic("art: no class " + name)
	}
	return c
}

// NewObject makes an object of a class, without a constructor.
func (m *Machine) NewObject(c *Class) *Object {
	c.initialize()
	o := &Object{Class: c, Fields: map[string]Value{}}
	m.heap.add(o)
	return o
}

// String makes a String.
func (m *Machine) String(s string) *Object {
	return &Object{Class: m.must("java.lang.String"), Text: s}
}

// Array makes an array of objects; elem is a class name with dots.
func (m *Machine) Array(elem string, values ...Value) *Object {
	return &Object{Class: m.arrayClass("L" + strings.ReplaceAll(elem, ".", "/") + ";"), Elems: values}
}

// ByteArray makes a byte[].
func (m *Machine) ByteArray(b []byte) *Object {
	return &Object{Class: m.arrayClass("B"), Bytes: b}
}

func (m *Machine) arrayClass(elem string) *Class {
	return m.Define(nil, &Class{Name: strings.ReplaceAll("["+elem, "/", "."), elem: elem})
}

// Throw makes an exception to return from a method. A missing class is made, as
// if it had been loaded now.
func (m *Machine) Throw(class, message string) error {
	c := m.Class(class)
	if c == nil {
		c = m.Define(nil, &Class{Name: class, Super: m.must("java.lang.RuntimeException")})
	}
	o := m.NewObject(c)
	if message != "" {
		o.Set("detailMessage", m.String(message))
	}
	return &Thrown{o}
}

// Box makes an object of a primitive value, such as a java.lang.Integer.
func (m *Machine) Box(v Value) *Object {
	p, _, ok := primitiveOf(v)
	if !ok {
		panic(fmt.Sprintf("art: %T is not a primitive", v))
	}
	o := m.NewObject(m.must("java.lang." + p.box))
	o.Set("value", v)
	return o
}

// Signal is what ends a process.
type Signal int

// The signals that end an app after an invalid request of the debugger.
const (
	SIGABRT Signal = 6
	SIGSEGV Signal = 11
)

// die ends the process and the handler, as ART's ends after an unchecked error: ids are used as
// addresses (SIGSEGV), and JNI aborts on a call with wrong arguments (SIGABRT).
// That the process ends was observed; the signal is an assumption.
func (m *Machine) die(signal Signal, why string) {
	m.stop()
	if m.options.Died != nil {
		m.options.Died(signal, why)
	}
	fail(ErrDead)
}

// Close ends the machine, as if its process were killed: the debugger's
// connection ends, and so do its threads.
func (m *Machine) Close() {
	m.stop()
	m.ended.Wait()
}

// stop lets no thread go on, and ends the debugger's connection.
func (m *Machine) stop() {
	m.mu.Lock()
	m.dead = true
	s := m.session
	m.changed.Broadcast()
	m.mu.Unlock()
	if s != nil {
		s.close()
	}
}
