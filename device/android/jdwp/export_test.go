package jdwp

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
)

// Commands that the product does not send.
var (
	cmdVersion          = command{1, 1, "VirtualMachine.Version"}
	cmdAllClasses       = command{1, 3, "VirtualMachine.AllClasses"}
	cmdAllThreads       = command{1, 4, "VirtualMachine.AllThreads"}
	cmdSuspend          = command{1, 8, "VirtualMachine.Suspend"}
	cmdCapabilitiesNew  = command{1, 17, "VirtualMachine.CapabilitiesNew"}
	cmdStaticValues     = command{2, 6, "ReferenceType.GetValues"}
	cmdStatus           = command{2, 9, "ReferenceType.Status"}
	cmdClassObject      = command{2, 11, "ReferenceType.ClassObject"}
	cmdEnableCollection = command{9, 8, "ObjectReference.EnableCollection"}
	cmdIsCollected      = command{9, 9, "ObjectReference.IsCollected"}
	cmdThreadName       = command{11, 1, "ThreadReference.Name"}
	cmdThreadSuspend    = command{11, 2, "ThreadReference.Suspend"}
	cmdThreadStatus     = command{11, 4, "ThreadReference.Status"}
	cmdFrameCount       = command{11, 7, "ThreadReference.FrameCount"}
	cmdSuspendCount     = command{11, 12, "ThreadReference.SuspendCount"}
)

// ErrNoArguments is a frame whose arguments can't be found.
var ErrNoArguments = errors.New("the arguments of the frame can't be found")

// Values of Java types that the product never passes.
func Long(v int64) Value     { return Value{TagLong, uint64(v)} }
func Byte(v int8) Value      { return Value{TagByte, uint64(uint8(v))} }
func Double(v float64) Value { return Value{TagDouble, math.Float64bits(v)} }

// Bool is a boolean.
func Bool(v bool) Value {
	if v {
		return Value{TagBoolean, 1}
	}
	return Value{TagBoolean, 0}
}

// ClassObject is the java.lang.Class of a class.
func (vm *VM) ClassObject(ctx context.Context, class ClassID) (ObjectID, error) {
	d, err := vm.call(ctx, cmdClassObject, vm.out().class(class))
	if err != nil {
		return 0, err
	}
	id := d.object()
	return id, d.end(cmdClassObject.name)
}

// ClassStatus asks how far a class is; see Class.Status.
func (vm *VM) ClassStatus(ctx context.Context, class ClassID) (int32, error) {
	d, err := vm.call(ctx, cmdStatus, vm.out().class(class))
	if err != nil {
		return 0, err
	}
	n := d.int32()
	return n, d.end(cmdStatus.name)
}

// StaticValues reads static fields of a class.
func (vm *VM) StaticValues(ctx context.Context, class ClassID, fields ...FieldID) ([]Value, error) {
	d, err := vm.call(ctx, cmdStaticValues, vm.out().class(class).fields(fields))
	if err != nil {
		return nil, err
	}
	return d.values(len(fields), cmdStaticValues.name)
}

// Requests lists the current requests, in order.
func (vm *VM) Requests() []RequestID {
	vm.mu.Lock()
	defer vm.mu.Unlock()
	return slices.Sorted(maps.Keys(vm.requests))
}

// Version is what a VM says of itself.
type Version struct {
	Description  string
	Major, Minor int32  // of the protocol
	VM           string // version of the VM, such as "17.0.15" or "2.1.0"
	Name         string // such as "Dalvik" or "OpenJDK 64-Bit Server VM"
}

// Version asks the VM what it is.
func (vm *VM) Version(ctx context.Context) (Version, error) {
	d, err := vm.call(ctx, cmdVersion, vm.out())
	if err != nil {
		return Version{}, err
	}
	v := Version{d.string(), d.int32(), d.int32(), d.string(), d.string()}
	return v, d.end(cmdVersion.name)
}

// Capabilities asks for the VM's capability bits, numbered from 1 as the
// specification orders them; index 0 is unused. They differ between HotSpot
// and ART, and between the versions of ART, so nothing here needs any.
func (vm *VM) Capabilities(ctx context.Context) ([]bool, error) {
	d, err := vm.call(ctx, cmdCapabilitiesNew, vm.out())
	if err != nil {
		return nil, err
	}
	bits := []bool{false}
	for _, b := range d.b[:min(len(d.b), 64)] {
		bits = append(bits, b != 0)
	}
	return bits, nil
}

// Prepared reports whether the class is prepared, so that its methods can be
// listed.
func (c Class) Prepared() bool { return c.Status&2 != 0 }

// AllClasses lists all loaded classes. It is the most expensive command:
// megabytes for a large app. Prefer ClassesBySignature.
func (vm *VM) AllClasses(ctx context.Context) ([]Class, error) {
	d, err := vm.call(ctx, cmdAllClasses, vm.out())
	if err != nil {
		return nil, err
	}
	out := make([]Class, d.count(9+vm.sizes.class))
	for i := range out {
		out[i] = Class{Type: TypeTag(d.byte()), ID: d.class(), Signature: d.string(), Status: d.int32()}
	}
	return out, d.end(cmdAllClasses.name)
}

// Suspend stops every thread; each Suspend takes one Resume. Close resumes
// what is left.
func (vm *VM) Suspend(ctx context.Context) error {
	vm.mu.Lock()
	vm.allStops++ // before it happens: a context may end between
	vm.mu.Unlock()
	_, err := vm.call(ctx, cmdSuspend, vm.out())
	return err
}

// Unpin removes a pin.
func (vm *VM) Unpin(ctx context.Context, object ObjectID) error {
	_, err := vm.call(ctx, cmdEnableCollection, vm.out().object(object))
	return err
}

// Collected reports whether an object was garbage-collected.
func (vm *VM) Collected(ctx context.Context, object ObjectID) (bool, error) {
	d, err := vm.call(ctx, cmdIsCollected, vm.out().object(object))
	if errors.Is(err, InvalidObject) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	gone := d.byte() != 0
	return gone, d.end(cmdIsCollected.name)
}

// Threads lists the VM's threads.
func (vm *VM) Threads(ctx context.Context) ([]ThreadID, error) {
	d, err := vm.call(ctx, cmdAllThreads, vm.out())
	if err != nil {
		return nil, err
	}
	out := make([]ThreadID, d.count(vm.sizes.object))
	for i := range out {
		out[i] = d.thread()
	}
	return out, d.end(cmdAllThreads.name)
}

// ThreadName is a thread's name; an Android app's main thread is "main".
func (vm *VM) ThreadName(ctx context.Context, thread ThreadID) (string, error) {
	d, err := vm.call(ctx, cmdThreadName, vm.out().thread(thread))
	if err != nil {
		return "", err
	}
	s := d.string()
	return s, d.end(cmdThreadName.name)
}

// ThreadStatus asks what a thread does, and whether a debugger stopped it.
func (vm *VM) ThreadStatus(ctx context.Context, thread ThreadID) (state ThreadState, suspended bool, err error) {
	d, err := vm.call(ctx, cmdThreadStatus, vm.out().thread(thread))
	if err != nil {
		return 0, false, err
	}
	state, suspended = ThreadState(d.int32()), d.int32()&1 != 0
	return state, suspended, d.end(cmdThreadStatus.name)
}

// SuspendCount is how many times a thread is suspended.
func (vm *VM) SuspendCount(ctx context.Context, thread ThreadID) (int, error) {
	d, err := vm.call(ctx, cmdSuspendCount, vm.out().thread(thread))
	if err != nil {
		return 0, err
	}
	n := int(d.int32())
	return n, d.end(cmdSuspendCount.name)
}

// SuspendThread stops a thread; each takes one ResumeThread. A thread that was
// stopped this way can't invoke anything: only one that an event stopped can.
func (vm *VM) SuspendThread(ctx context.Context, thread ThreadID) error {
	vm.mu.Lock()
	vm.countThread(thread, 1) // before it happens: a context may end between
	vm.mu.Unlock()
	_, err := vm.call(ctx, cmdThreadSuspend, vm.out().thread(thread))
	return err
}

// FrameCount is how many frames a stopped thread has.
func (vm *VM) FrameCount(ctx context.Context, thread ThreadID) (int, error) {
	d, err := vm.call(ctx, cmdFrameCount, vm.out().thread(thread))
	if err != nil {
		return 0, err
	}
	n := int(d.int32())
	return n, d.end(cmdFrameCount.name)
}

// Arguments reads the arguments of a frame that is at the entry of a method of
// an object, and that object. tags are the arguments' types in order, or the
// first of them.
//
// No debug information is needed. HotSpot, and ART up to API 27, keep "this" in
// slot 0 and the arguments after it. Since API 28 ART's slots are the method's
// registers, of which the last hold this and the arguments, while those before
// hold nothing yet (openjdkjvmti, GetLocalVariable); how many there are, only
// trying tells.
func (vm *VM) Arguments(ctx context.Context, thread ThreadID, frame FrameID, tags ...Tag) (this ObjectID, args []Value, err error) {
	if this, err = vm.This(ctx, thread, frame); err != nil {
		return 0, nil, err
	}
	if this == 0 {
		return 0, nil, fmt.Errorf("%w: it has no this", ErrNoArguments)
	}
	args, err = vm.argumentsAt(ctx, thread, frame, this, 0, tags)
	if err == nil || !noSlot(err) {
		return this, args, err
	}
	at, err := vm.findThis(ctx, thread, frame, this)
	if err != nil {
		return this, nil, err
	}
	args, err = vm.argumentsAt(ctx, thread, frame, this, at, tags)
	return this, args, err
}

// noSlot reports whether an error says that a slot is not what was thought.
func noSlot(err error) bool {
	for _, code := range []error{InvalidSlot, TypeMismatch, OpaqueFrame, IllegalArgument, Internal, ErrNoArguments} {
		if errors.Is(err, code) {
			return true
		}
	}
	return false
}

// argumentsAt reads this and the arguments if this is in slot at.
func (vm *VM) argumentsAt(ctx context.Context, thread ThreadID, frame FrameID, this ObjectID, at int, tags []Tag) ([]Value, error) {
	slots := []Slot{{at, TagObject}}
	next := at + 1
	for _, t := range tags {
		slots = append(slots, Slot{next, t})
		if next++; t == TagLong || t == TagDouble {
			next++
		}
	}
	values, err := vm.SlotValues(ctx, thread, frame, slots...)
	if err != nil {
		return nil, err
	}
	if values[0].Object() != this {
		return nil, fmt.Errorf("%w: slot %d is not this", ErrNoArguments, at)
	}
	return values[1:], nil
}

// findThis tries slots until one holds this. Many are tried in one round trip.
func (vm *VM) findThis(ctx context.Context, thread ThreadID, frame FrameID, this ObjectID) (int, error) {
	const most, batch = 256, 32 // methods with more registers than most are none of interest
	ctx, cancel := context.WithTimeoutCause(ctx, answerTime, ErrSilent)
	defer cancel()
	for first := 0; first < most; first += batch {
		var asked [batch]question
		for i := range asked {
			var err error
			if asked[i], err = vm.start(ctx, cmdFrameValues, vm.slots(thread, frame, []Slot{{first + i, TagObject}}).b); err != nil {
				return 0, err
			}
		}
		found := -1
		for i, q := range asked {
			d, err := vm.wait(ctx, q)
			if err != nil && !noSlot(err) {
				return 0, err
			}
			if err == nil && found < 0 {
				if v, err := d.values(1, cmdFrameValues.name); err == nil && v[0].Object() == this {
					found = first + i
				}
			}
		}
		if found >= 0 {
			return found, nil
		}
	}
	return 0, fmt.Errorf("%w: no slot holds this", ErrNoArguments)
}
