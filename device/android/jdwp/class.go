package jdwp

import (
	"context"
	"errors"
	"fmt"
)

// Method is a method of a class. Its name may be <init> or <clinit>.
type Method struct {
	ID        MethodID
	Name      string
	Signature string // such as "(Landroid/os/Bundle;)V"
	Flags     int32  // access flags
}

// constructor is what constructors are called.
const constructor = "<init>"

// accessStatic is the access flag of static methods and fields.
const accessStatic = 0x0008

// Static reports whether the method is static.
func (m Method) Static() bool { return m.Flags&accessStatic != 0 }

// Field is a field of a class.
type Field struct {
	ID        FieldID
	Name      string
	Signature string
	Flags     int32
}

// Static reports whether the field is static.
func (f Field) Static() bool { return f.Flags&accessStatic != 0 }

// Methods lists the methods that a class itself declares. The answer is kept:
// a class does not change.
func (vm *VM) Methods(ctx context.Context, class ClassID) ([]Method, error) {
	vm.mu.Lock()
	known, ok := vm.methods[class]
	vm.mu.Unlock()
	if ok {
		return known, nil
	}
	d, err := vm.call(ctx, cmdMethods, vm.out().class(class))
	generic := errors.Is(err, NotImplemented)
	if generic {
		d, err = vm.call(ctx, cmdMethodsGeneric, vm.out().class(class))
	}
	if err != nil {
		return nil, err
	}
	out := make([]Method, d.count(12+vm.sizes.method))
	for i := range out {
		out[i].ID, out[i].Name, out[i].Signature = d.method(), d.string(), d.string()
		if generic {
			_ = d.string()
		}
		out[i].Flags = d.int32()
	}
	if err := d.end(cmdMethods.name); err != nil {
		return nil, err
	}
	vm.mu.Lock()
	vm.methods[class] = out
	vm.mu.Unlock()
	return out, nil
}

// Fields lists the fields that a class itself declares.
func (vm *VM) Fields(ctx context.Context, class ClassID) ([]Field, error) {
	d, err := vm.call(ctx, cmdFields, vm.out().class(class))
	generic := errors.Is(err, NotImplemented)
	if generic {
		d, err = vm.call(ctx, cmdFieldsGeneric, vm.out().class(class))
	}
	if err != nil {
		return nil, err
	}
	out := make([]Field, d.count(12+vm.sizes.field))
	for i := range out {
		out[i].ID, out[i].Name, out[i].Signature = d.field(), d.string(), d.string()
		if generic {
			_ = d.string()
		}
		out[i].Flags = d.int32()
	}
	return out, d.end(cmdFields.name)
}

// ErrNoMethod means that neither a class nor its superclasses and interfaces
// have the method.
var ErrNoMethod = errors.New("no such method")

// FindMethod finds a method by name and signature in a class, its superclasses
// and, last, their interfaces. It returns the class that declares it.
//
// A constructor is only searched for in the class itself: constructors are not
// inherited.
func (vm *VM) FindMethod(ctx context.Context, class ClassID, name, signature string) (ClassID, Method, error) {
	var chain []ClassID
	for c := class; c != 0 && len(chain) < 100; {
		chain = append(chain, c)
		if m, ok, err := vm.declared(ctx, c, name, signature); err != nil || ok {
			return c, m, err
		}
		if name == constructor {
			return 0, Method{}, fmt.Errorf("%w: %s%s", ErrNoMethod, name, signature)
		}
		super, err := vm.Superclass(ctx, c)
		if err != nil && !errors.Is(err, InvalidClass) { // an interface has none
			return 0, Method{}, err
		}
		c = super
	}
	seen := map[ClassID]bool{}
	for len(chain) > 0 && len(seen) < 1000 {
		faces, err := vm.Interfaces(ctx, chain[0])
		if err != nil {
			return 0, Method{}, err
		}
		chain = chain[1:]
		for _, face := range faces {
			if seen[face] {
				continue
			}
			seen[face] = true
			if m, ok, err := vm.declared(ctx, face, name, signature); err != nil || ok {
				return face, m, err
			}
			chain = append(chain, face)
		}
	}
	return 0, Method{}, fmt.Errorf("%w: %s%s", ErrNoMethod, name, signature)
}

func (vm *VM) declared(ctx context.Context, class ClassID, name, signature string) (Method, bool, error) {
	methods, err := vm.Methods(ctx, class)
	for _, m := range methods {
		if m.Name == name && m.Signature == signature {
			return m, true, nil
		}
	}
	return Method{}, false, err
}

// Superclass is a class's superclass; 0 for Object and, on HotSpot, for an
// interface. ART answers InvalidClass for the latter.
func (vm *VM) Superclass(ctx context.Context, class ClassID) (ClassID, error) {
	vm.mu.Lock()
	known, ok := vm.supers[class]
	vm.mu.Unlock()
	if ok {
		return known, nil
	}
	d, err := vm.call(ctx, cmdSuperclass, vm.out().class(class))
	if err != nil {
		return 0, err
	}
	super := d.class()
	if err := d.end(cmdSuperclass.name); err != nil {
		return 0, err
	}
	vm.mu.Lock()
	vm.supers[class] = super
	vm.mu.Unlock()
	return super, nil
}

// Interfaces lists the interfaces that a class itself names.
func (vm *VM) Interfaces(ctx context.Context, class ClassID) ([]ClassID, error) {
	d, err := vm.call(ctx, cmdInterfaces, vm.out().class(class))
	if err != nil {
		return nil, err
	}
	out := make([]ClassID, d.count(vm.sizes.class))
	for i := range out {
		out[i] = d.class()
	}
	return out, d.end(cmdInterfaces.name)
}

// Signature is a class's type signature, such as "Ljava/lang/String;".
func (vm *VM) Signature(ctx context.Context, class ClassID) (string, error) {
	vm.mu.Lock()
	known, ok := vm.signatures[class]
	vm.mu.Unlock()
	if ok {
		return known, nil
	}
	d, err := vm.call(ctx, cmdSignature, vm.out().class(class))
	if err != nil {
		return "", err
	}
	s := d.string()
	if err := d.end(cmdSignature.name); err != nil {
		return "", err
	}
	vm.mu.Lock()
	vm.signatures[class] = s
	vm.mu.Unlock()
	return s, nil
}

// ClassLoader is the loader of a class; 0 is the bootstrap loader.
func (vm *VM) ClassLoader(ctx context.Context, class ClassID) (ObjectID, error) {
	d, err := vm.call(ctx, cmdClassLoader, vm.out().class(class))
	if err != nil {
		return 0, err
	}
	id := d.object()
	return id, d.end(cmdClassLoader.name)
}

// values reads a list of tagged values that must have n entries.
func (d *decoder) values(n int, what string) ([]Value, error) {
	if got := d.count(1); d.err == nil && got != n {
		d.err = fmt.Errorf("%d values instead of %d", got, n)
	}
	var out []Value
	for range n {
		if d.err != nil {
			break
		}
		out = append(out, d.tagged())
	}
	return out, d.end(what)
}

// Instances returns at most n objects of a class, which must be more than 0.
// Unreachable ones are omitted. The VM pauses while it searches.
func (vm *VM) Instances(ctx context.Context, class ClassID, n int) ([]ObjectID, error) {
	d, err := vm.call(ctx, cmdInstances, vm.out().class(class).int32(n))
	if err != nil {
		return nil, err
	}
	out := make([]ObjectID, d.count(1+vm.sizes.object))
	for i := range out {
		out[i] = d.tagged().Object()
	}
	return out, d.end(cmdInstances.name)
}
