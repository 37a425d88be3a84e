package jdwp

import (
	"context"
	"errors"
	"fmt"
)

// A Frame is a method that is running in a stopped thread.
type Frame struct {
	ID       FrameID
	Location Location
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

// A ThreadState is what a thread does.
type ThreadState int32

// The states of threads (JDWP specification, "ThreadStatus Constants").
const (
	ThreadZombie   ThreadState = 0
	ThreadRunning  ThreadState = 1
	ThreadSleeping ThreadState = 2
	ThreadMonitor  ThreadState = 3
	ThreadWait     ThreadState = 4
)

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
	vm.countThread(thread, 1) // before the command, since the context may end during it
	vm.mu.Unlock()
	_, err := vm.call(ctx, cmdThreadSuspend, vm.out().thread(thread))
	return err
}

// ResumeThread takes one suspension off a thread.
func (vm *VM) ResumeThread(ctx context.Context, thread ThreadID) error {
	_, err := vm.call(ctx, cmdThreadResume, vm.out().thread(thread))
	if err == nil {
		vm.mu.Lock()
		vm.countThread(thread, -1)
		vm.mu.Unlock()
	}
	return err
}

// Frames lists frames of a stopped thread, the innermost first: length of them
// from start on, -1 for all.
func (vm *VM) Frames(ctx context.Context, thread ThreadID, start, length int) ([]Frame, error) {
	d, err := vm.call(ctx, cmdFrames, vm.out().thread(thread).int32(start).int32(length))
	if err != nil {
		return nil, err
	}
	out := make([]Frame, d.count(vm.sizes.frame+9+vm.sizes.class+vm.sizes.method))
	for i := range out {
		out[i] = Frame{ID: d.frame(), Location: d.location()}
	}
	return out, d.end(cmdFrames.name)
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

// This is the object whose method a frame runs; 0 for a static method, and for
// a native one on ART.
func (vm *VM) This(ctx context.Context, thread ThreadID, frame FrameID) (ObjectID, error) {
	d, err := vm.call(ctx, cmdThisObject, vm.out().thread(thread).frame(frame))
	if err != nil {
		return 0, err
	}
	id := d.tagged().Object()
	return id, d.end(cmdThisObject.name)
}

// A Slot names a variable of a frame, by the slot that its method keeps it in
// and its type. What the numbers mean differs: see Arguments.
type Slot struct {
	Index int
	Tag   Tag
}

// SlotValues reads variables of a frame.
func (vm *VM) SlotValues(ctx context.Context, thread ThreadID, frame FrameID, slots ...Slot) ([]Value, error) {
	d, err := vm.call(ctx, cmdFrameValues, vm.slots(thread, frame, slots))
	if err != nil {
		return nil, err
	}
	return d.values(len(slots), cmdFrameValues.name)
}

func (vm *VM) slots(thread ThreadID, frame FrameID, slots []Slot) *encoder {
	args := vm.out().thread(thread).frame(frame).int32(len(slots))
	for _, s := range slots {
		args.int32(s.Index).byte(byte(s.Tag))
	}
	return args
}

// ErrNoArguments is a frame whose arguments can't be found.
var ErrNoArguments = errors.New("the arguments of the frame can't be found")

// Arguments reads the arguments of a frame that is at the entry of a method of
// an object, and that object. tags are the arguments' types in order, or the
// first of them.
//
// No debug information is needed. HotSpot, and ART up to API 27, keep "this" in
// slot 0 and the arguments after it. Since API 28 ART's slots are the method's
// registers, of which the last hold this and the arguments, while those before
// hold nothing yet (openjdkjvmti, GetLocalVariable); how many there are can
// only be found by trying.
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

// noSlot reports whether an error means that a slot does not hold what was expected.
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
	const most, batch = 256, 32 // wxctl needs no method with more registers
	ctx, cancel := context.WithTimeoutCause(ctx, AnswerTime, ErrSilent)
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
