package art

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Text is the result of String.valueOf for a value.
func Text(v Value) string {
	o, ok := v.(*Object)
	switch {
	case v == nil || ok && o == nil:
		return "null"
	case !ok:
		return fmt.Sprint(v)
	case o.Class.Name == "java.lang.String":
		return o.Text
	case o.Class.extends("java.lang.Throwable"):
		return ThrowableText(o)
	}
	if m, ok := o.Go.(map[string]Value); ok {
		var parts []string
		for _, k := range slices.Sorted(maps.Keys(m)) {
			parts = append(parts, k+"="+Text(m[k]))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	if s, ok := o.Go.(fmt.Stringer); ok {
		return s.String()
	}
	if v, ok := o.Fields["value"]; ok {
		return Text(v)
	}
	return o.Class.Name + "@1"
}

// GoString is a Value as a Go string; ok is false for null and for other
// classes than String.
func GoString(v Value) (s string, ok bool) {
	o, _ := v.(*Object)
	if o == nil || o.Class.Name != "java.lang.String" {
		return "", false
	}
	return o.Text, true
}

// getter is a method without arguments that can't fail.
func getter(name, result string, get func(this *Object) Value) *Method {
	return &Method{Name: name, Signature: "()" + result,
		Call: func(_ *Thread, this *Object, _ []Value) (Value, error) { return get(this), nil }}
}

const stringType = "Ljava/lang/String;"

// defineJava loads the classes that every VM has loaded.
func (m *Machine) defineJava() {
	object := m.Define(nil, &Class{Name: "java.lang.Object", Fields: []*Field{
		{Name: "shadow$_klass_", Signature: "Ljava/lang/Class;", Flags: accPrivate | accTransient},
		{Name: "shadow$_monitor_", Signature: "I", Flags: accPrivate | accTransient},
	}, Methods: []*Method{
		{Name: "<init>", Signature: "()V"},
		getter("toString", stringType, func(this *Object) Value { return m.String(Text(this)) }),
		getter("hashCode", "I", func(*Object) Value { return int32(1) }),
		{Name: "equals", Signature: "(Ljava/lang/Object;)Z", Call: func(_ *Thread, this *Object, args []Value) (Value, error) {
			return Value(this) == args[0], nil
		}},
		getter("getClass", "Ljava/lang/Class;", func(this *Object) Value { return this.Class.object }),
	}})
	m.Define(nil, &Class{Name: "java.lang.Class", Methods: []*Method{
		getter("getName", stringType, func(this *Object) Value { return m.String(this.Go.(*Class).Name) }),
		{Name: "forName", Signature: "(Ljava/lang/String;)Ljava/lang/Class;", Static: true, Call: m.forName},
	}})
	object.object.Class = m.classes["java.lang.Class"]
	serializable := m.Define(nil, &Class{Name: "java.io.Serializable", Interface: true})
	chars := m.Define(nil, &Class{Name: "java.lang.CharSequence", Interface: true})
	m.Define(nil, &Class{Name: "java.lang.String", Interfaces: []*Class{serializable, chars}, Methods: []*Method{
		getter("length", "I", func(this *Object) Value { return int32(len([]rune(this.Text))) }),
	}})
	for _, p := range primitives {
		m.Define(nil, &Class{Name: "java.lang." + p.box, Interfaces: []*Class{serializable},
			Fields: []*Field{{Name: "value", Signature: string(p.tag)}}})
		m.Define(nil, &Class{Name: p.name, primitive: string(p.tag)})
	}
	throwable := m.Define(nil, &Class{Name: "java.lang.Throwable", Interfaces: []*Class{serializable},
		Fields:  []*Field{{Name: "detailMessage", Signature: stringType}},
		Methods: []*Method{getter("getMessage", stringType, func(this *Object) Value { return this.Get("detailMessage") })}})
	exception := m.Define(nil, &Class{Name: "java.lang.Exception", Super: throwable})
	runtime := m.Define(nil, &Class{Name: "java.lang.RuntimeException", Super: exception})
	m.Define(nil, &Class{Name: "java.lang.NullPointerException", Super: runtime})
	m.Define(nil, &Class{Name: "java.lang.IllegalArgumentException", Super: runtime})
	m.Define(nil, &Class{Name: "java.lang.SecurityException", Super: runtime})
	loader := m.Define(nil, &Class{Name: "java.lang.ClassLoader"})
	m.Define(nil, &Class{Name: "dalvik.system.PathClassLoader", Super: loader})
	clock := getter("currentTimeMillis", "J", func(*Object) Value { return m.options.Now().UnixMilli() })
	clock.Static = true
	m.Define(nil, &Class{Name: "java.lang.System", Methods: []*Method{clock}})
	m.defineMap()
	m.defineThreads()
	m.arrayClass("B")
	m.arrayClass("I")
	m.arrayClass("Ljava/lang/Object;")
	m.arrayClass(stringType)
}

// forName is Class.forName.
func (m *Machine) forName(_ *Thread, _ *Object, args []Value) (Value, error) {
	name, _ := GoString(args[0])
	if c := m.Class(name); c != nil && c.primitive == "" {
		return c.object, nil
	}
	return nil, m.Throw("java.lang.ClassNotFoundException", name)
}

// defineMap loads java.util.HashMap, with String keys.
func (m *Machine) defineMap() {
	entries := func(this *Object) map[string]Value {
		this.mu.Lock()
		defer this.mu.Unlock()
		got, _ := this.Go.(map[string]Value)
		if got == nil {
			got = map[string]Value{}
			this.Go = got
		}
		return got
	}
	face := m.Define(nil, &Class{Name: "java.util.Map", Interface: true})
	m.Define(nil, &Class{Name: "java.util.HashMap", Interfaces: []*Class{face, m.classes["java.io.Serializable"]}, Methods: []*Method{
		{Name: "<init>", Signature: "()V"},
		{Name: "put", Signature: "(Ljava/lang/Object;Ljava/lang/Object;)Ljava/lang/Object;",
			Call: func(_ *Thread, this *Object, args []Value) (Value, error) {
				e := entries(this)
				old := e[Text(args[0])]
				e[Text(args[0])] = args[1]
				return old, nil
			}},
		{Name: "get", Signature: "(Ljava/lang/Object;)Ljava/lang/Object;", Call: func(_ *Thread, this *Object, args []Value) (Value, error) {
			return entries(this)[Text(args[0])], nil
		}},
		getter("size", "I", func(this *Object) Value { return int32(len(entries(this))) }),
	}})
}

// Strings reads a HashMap of strings.
func Strings(o *Object) map[string]string {
	out := map[string]string{}
	m, _ := o.Go.(map[string]Value)
	for k, v := range m {
		out[k], _ = GoString(v)
	}
	return out
}

// NewMap makes a HashMap of strings.
func (m *Machine) NewMap(entries map[string]string) *Object {
	o := m.NewObject(m.must("java.util.HashMap"))
	values := map[string]Value{}
	for k, v := range entries {
		values[k] = m.String(v)
	}
	o.Go = values
	return o
}

// defineThreads loads java.lang.Thread.
func (m *Machine) defineThreads() {
	m.Define(nil, &Class{Name: "java.lang.ThreadGroup"})
	m.Define(nil, &Class{Name: "java.lang.Thread", Methods: []*Method{
		{Name: "<init>", Signature: "(Ljava/lang/String;)V", Call: func(_ *Thread, this *Object, args []Value) (Value, error) {
			name, ok := GoString(args[0])
			if !ok {
				return nil, m.Throw("java.lang.NullPointerException", "name == null")
			}
			this.Go = &Thread{machine: m, name: name, object: this}
			return Void{}, nil
		}},
		{Name: "run", Signature: "()V"},
		{Name: "currentThread", Signature: "()Ljava/lang/Thread;", Static: true, Native: true,
			Call: func(t *Thread, _ *Object, _ []Value) (Value, error) { return t.object, nil }},
		getter("getName", stringType, func(this *Object) Value { return m.String(this.Go.(*Thread).name) }),
		{Name: "start", Signature: "()V", Call: func(_ *Thread, this *Object, _ []Value) (Value, error) {
			if !this.Go.(*Thread).start() {
				return nil, m.Throw("java.lang.IllegalThreadStateException", "")
			}
			return Void{}, nil
		}},
	}})
}
