package jdwp

import (
	"context"
	"errors"
	"fmt"
)

// ClassOf is the class of an object.
func (vm *VM) ClassOf(ctx context.Context, object ObjectID) (ClassID, TypeTag, error) {
	d, err := vm.call(ctx, cmdReferenceType, vm.out().object(object))
	if err != nil {
		return 0, 0, err
	}
	tag, id := TypeTag(d.byte()), d.class()
	return id, tag, d.end(cmdReferenceType.name)
}

// FieldValues reads fields of an object.
func (vm *VM) FieldValues(ctx context.Context, object ObjectID, fields ...FieldID) ([]Value, error) {
	d, err := vm.call(ctx, cmdObjectValues, vm.out().object(object).fields(fields))
	if err != nil {
		return nil, err
	}
	return d.values(len(fields), cmdObjectValues.name)
}

// StringValue reads a java.lang.String. A lone surrogate in it becomes U+FFFD.
func (vm *VM) StringValue(ctx context.Context, object ObjectID) (string, error) {
	d, err := vm.call(ctx, cmdStringValue, vm.out().object(object))
	if err != nil {
		return "", err
	}
	s := d.string()
	return s, d.end(cmdStringValue.name)
}

// Pin keeps an object from being collected until Close. An object that
// only a debugger refers to may be collected at any time.
func (vm *VM) Pin(ctx context.Context, object ObjectID) error {
	_, err := vm.call(ctx, cmdDisableCollection, vm.out().object(object))
	return err
}

// pinned pins the object that make creates. If it was collected before it could
// be pinned, it is created again.
func (vm *VM) pinned(ctx context.Context, make func() (ObjectID, error)) (ObjectID, error) {
	for try := 1; ; try++ {
		id, err := make()
		if err != nil {
			return 0, err
		}
		if err = vm.Pin(ctx, id); err == nil {
			return id, nil
		}
		if try == 5 || !errors.Is(err, InvalidObject) {
			return 0, err
		}
	}
}

// NewArray makes an array of a type (the array's, such as "[B") and pins it.
func (vm *VM) NewArray(ctx context.Context, class ClassID, length int) (ObjectID, error) {
	if length < 0 {
		return 0, fmt.Errorf("%w: an array of %d elements", ErrArguments, length)
	}
	return vm.pinned(ctx, func() (ObjectID, error) {
		d, err := vm.call(ctx, cmdNewArray, vm.out().class(class).int32(length))
		if err != nil {
			return 0, err
		}
		id := d.tagged().Object()
		return id, d.end(cmdNewArray.name)
	})
}

// ArrayLength is how many elements an array has.
func (vm *VM) ArrayLength(ctx context.Context, array ObjectID) (int, error) {
	d, err := vm.call(ctx, cmdArrayLength, vm.out().object(array))
	if err != nil {
		return 0, err
	}
	n := d.count32()
	return n, d.end(cmdArrayLength.name)
}

// ArrayValues reads length elements of an array from first on. Object arrays
// give each element its own tag.
func (vm *VM) ArrayValues(ctx context.Context, array ObjectID, first, length int) ([]Value, error) {
	d, tag, err := vm.region(ctx, array, first, length)
	if err != nil {
		return nil, err
	}
	out := make([]Value, 0, length)
	for range length {
		if tag.IsObject() {
			out = append(out, d.tagged())
		} else {
			out = append(out, d.value(tag))
		}
		if d.err != nil {
			break
		}
	}
	return out, d.end(cmdArrayGet.name)
}

// Bytes reads a whole byte[], of at most limit bytes; a longer one is an error.
func (vm *VM) Bytes(ctx context.Context, array ObjectID, limit int) ([]byte, error) {
	n, err := vm.ArrayLength(ctx, array)
	if err != nil || n == 0 {
		return []byte{}, err
	}
	if n > limit {
		return nil, fmt.Errorf("an array of %d bytes is longer than %d", n, limit)
	}
	d, tag, err := vm.region(ctx, array, 0, n)
	if err != nil {
		return nil, err
	}
	if tag != TagByte {
		return nil, fmt.Errorf("no byte[] but an array of %q", byte(tag))
	}
	b := d.take(n)
	return b, d.end(cmdArrayGet.name)
}

// region asks for a part of an array, and makes sure that the answer has as
// many elements.
func (vm *VM) region(ctx context.Context, array ObjectID, first, length int) (*decoder, Tag, error) {
	d, err := vm.call(ctx, cmdArrayGet, vm.out().object(array).int32(first).int32(length))
	if err != nil {
		return nil, 0, err
	}
	tag := Tag(d.byte())
	size := tag.size(vm.sizes)
	if tag.IsObject() {
		size++
	}
	if n := d.count(size); d.err == nil && (size < 1 || n != length) {
		d.err = fmt.Errorf("%d elements of type %q instead of %d", n, byte(tag), length)
	}
	return d, tag, d.end(cmdArrayGet.name)
}

// SetArray writes elements of an array from first on. The values must be of
// the array's element type.
func (vm *VM) SetArray(ctx context.Context, array ObjectID, first int, values ...Value) error {
	args := vm.out().object(array).int32(first).int32(len(values))
	for _, v := range values {
		args.value(v)
	}
	_, err := vm.call(ctx, cmdArraySet, args)
	return err
}

// SetBytes writes into a byte[] from first on.
func (vm *VM) SetBytes(ctx context.Context, array ObjectID, first int, data []byte) error {
	args := vm.out().object(array).int32(first).int32(len(data))
	args.b = append(args.b, data...)
	_, err := vm.call(ctx, cmdArraySet, args)
	return err
}

// InvokeOptions say how a method is called. Without SingleThreaded the VM lets
// every thread go on meanwhile; with it, a method that waits for another
// thread that is stopped waits forever. NonVirtual calls the very method that
// was named, not an override.
type InvokeOptions uint32

// The options (JDWP specification, "InvokeOptions Constants").
const (
	SingleThreaded InvokeOptions = 1
	NonVirtual     InvokeOptions = 2
)

// Invoke calls a method of an object in a thread that an event stopped. class
// is the one that declares the method. An exception in the VM is a *Thrown.
// ctx alone bounds the wait; when it ends, the method goes on in the VM.
//
// Arguments that the method does not take are ErrArguments, and not sent.
func (vm *VM) Invoke(ctx context.Context, thread ThreadID, object ObjectID, class ClassID, method Method,
	options InvokeOptions, args ...Value) (Value, error) {
	if method.Static() || object == 0 {
		return Value{}, fmt.Errorf("%w: %s needs an object", ErrArguments, method.Name)
	}
	return vm.invoke(ctx, cmdInvoke, vm.out().object(object).thread(thread).class(class).method(method.ID), method, options, args)
}

// InvokeStatic calls a static method of a class, as Invoke does.
func (vm *VM) InvokeStatic(ctx context.Context, thread ThreadID, class ClassID, method Method, options InvokeOptions,
	args ...Value) (Value, error) {
	if !method.Static() {
		return Value{}, fmt.Errorf("%w: %s is not static", ErrArguments, method.Name)
	}
	return vm.invoke(ctx, cmdInvokeStatic, vm.out().class(class).thread(thread).method(method.ID), method, options, args)
}

// NewInstance makes an object with a constructor, as Invoke does. It is not
// pinned, since a context could end between: pin it, or pass it on at once.
func (vm *VM) NewInstance(ctx context.Context, thread ThreadID, class ClassID, method Method, options InvokeOptions,
	args ...Value) (ObjectID, error) {
	if method.Name != constructor {
		return 0, fmt.Errorf("%w: %s is not a constructor", ErrArguments, method.Name)
	}
	v, err := vm.invoke(ctx, cmdNewInstance, vm.out().class(class).thread(thread).method(method.ID), method, options, args)
	if err != nil {
		return 0, err
	}
	return v.Object(), nil
}

func (vm *VM) invoke(ctx context.Context, c command, out *encoder, method Method, options InvokeOptions, args []Value) (Value, error) {
	if err := vm.check(ctx, method, args); err != nil {
		return Value{}, err
	}
	out.int32(len(args))
	for _, v := range args {
		out.tagged(v)
	}
	d, err := vm.ask(ctx, c, out.int32(int(options)).b)
	if err != nil {
		return Value{}, err
	}
	v, thrown := d.tagged(), d.tagged()
	if err := d.end(c.name); err != nil {
		return Value{}, err
	}
	if id := thrown.Object(); id != 0 {
		return Value{}, &Thrown{Exception: id}
	}
	return v, nil
}

// Call finds a method of an object by name and signature, and calls it
// single-threaded.
func (vm *VM) Call(ctx context.Context, thread ThreadID, object ObjectID, name, signature string, args ...Value) (Value, error) {
	class, _, err := vm.ClassOf(ctx, object)
	if err != nil {
		return Value{}, err
	}
	declares, method, err := vm.FindMethod(ctx, class, name, signature)
	if err != nil {
		return Value{}, err
	}
	return vm.Invoke(ctx, thread, object, declares, method, SingleThreaded, args...)
}

// Text is what an object's toString says; "" if that is null.
func (vm *VM) Text(ctx context.Context, thread ThreadID, object ObjectID) (string, error) {
	v, err := vm.Call(ctx, thread, object, "toString", "()Ljava/lang/String;")
	if err != nil || v.IsNull() {
		return "", err
	}
	return vm.StringValue(ctx, v.Object())
}
