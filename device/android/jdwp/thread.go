package jdwp

import (
	"context"
)

// A Frame is a method that is running in a stopped thread.
type Frame struct {
	ID       FrameID
	Location Location
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
// and its type. What the numbers mean differs: HotSpot, and ART up to API 27,
// keep "this" in slot 0 and the arguments after it; since API 28 ART's slots are
// the method's registers (openjdkjvmti, GetLocalVariable), see Variables.
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
