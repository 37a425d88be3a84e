package jdwp

import (
	"context"
	"fmt"
	"slices"
)

// EventKind is what an event request asks for.
type EventKind byte

// The supported events (JDWP specification, "EventKind Constants"). VMStart and
// VMDeath arrive without a request.
const (
	SingleStep            EventKind = 1
	Breakpoint            EventKind = 2
	Exception             EventKind = 4
	ThreadStart           EventKind = 6
	ThreadDeath           EventKind = 7
	ClassPrepare          EventKind = 8
	ClassUnload           EventKind = 9
	MethodEntry           EventKind = 40
	MethodExit            EventKind = 41
	MethodExitReturnValue EventKind = 42
	VMStart               EventKind = 90
	VMDeath               EventKind = 99
)

// SuspendPolicy says what stops when an event happens.
type SuspendPolicy byte

// What an event stops.
const (
	SuspendNone   SuspendPolicy = 0
	SuspendThread SuspendPolicy = 1 // the thread it happens in
	SuspendAll    SuspendPolicy = 2 // every thread
)

// Event is something that happened in the VM. Which fields are set depends on
// its kind.
type Event struct {
	Kind     EventKind
	Request  RequestID // 0 if it came unasked
	Thread   ThreadID
	Location Location // of breakpoints, steps, method entries and exits, exceptions
	// Class, Type, Signature and Status are a prepared class's; Signature also
	// an unloaded one's.
	Class     ClassID
	Type      TypeTag
	Signature string
	Status    int32
	Value     Value // what a method returns (MethodExitReturnValue)
	Exception Value // what was thrown (Exception)
	Caught    Location
}

// EventSet is what happened at one moment in one thread; several kinds of event
// at one location come together. What its policy names is stopped until
// Release.
type EventSet struct {
	Policy SuspendPolicy
	Events []Event
}

// Thread is the thread that the events happened in; 0 if none did.
func (s EventSet) Thread() ThreadID {
	for _, e := range s.Events {
		if e.Thread != 0 {
			return e.Thread
		}
	}
	return 0
}

// Has reports whether the set answers a request.
func (s EventSet) Has(id RequestID) bool {
	return slices.ContainsFunc(s.Events, func(e Event) bool { return e.Request == id })
}

// maxQueue is how many event sets may wait for Next. If a VM sends more, none
// of which stops it, the connection is closed.
const maxQueue = 10000

// parseEvents reads the data of Event.Composite.
func parseEvents(b []byte, s sizes) (EventSet, error) {
	d := decoder{b: b, sizes: s}
	set := EventSet{Policy: SuspendPolicy(d.byte())}
	n := d.count(5)
	if d.err == nil && set.Policy > SuspendAll {
		d.err = fmt.Errorf("the unknown suspend policy %d", set.Policy)
	}
	for range n {
		if d.err != nil {
			break
		}
		set.Events = append(set.Events, parseEvent(&d))
	}
	return set, d.end("an event")
}

func parseEvent(d *decoder) Event {
	e := Event{Kind: EventKind(d.byte()), Request: RequestID(d.uint(4))}
	switch e.Kind {
	case SingleStep, Breakpoint, MethodEntry, MethodExit:
		e.Thread, e.Location = d.thread(), d.location()
	case MethodExitReturnValue:
		e.Thread, e.Location, e.Value = d.thread(), d.location(), d.tagged()
	case Exception:
		e.Thread, e.Location, e.Exception, e.Caught = d.thread(), d.location(), d.tagged(), d.location()
	case ThreadStart, ThreadDeath, VMStart:
		e.Thread = d.thread()
	case ClassPrepare:
		e.Thread, e.Type, e.Class, e.Signature, e.Status = d.thread(), TypeTag(d.byte()), d.class(), d.string(), d.int32()
	case ClassUnload:
		e.Signature = d.string()
	case VMDeath:
	default:
		// Its length is not known, so what follows can't be read either.
		d.err = fmt.Errorf("the unknown event kind %d", e.Kind)
	}
	return e
}

// queue keeps an event set for Next and remembers what it stopped.
func (vm *VM) queue(set EventSet) error {
	vm.mu.Lock()
	defer vm.mu.Unlock()
	if len(vm.sets) >= maxQueue {
		return fmt.Errorf("%w: %d unrequested events", ErrNoVM, maxQueue)
	}
	vm.count(set, 1)
	vm.sets = append(vm.sets, set)
	vm.wake()
	return nil
}

// count adds a suspension of a set, or takes it away. Called with the lock
// held.
func (vm *VM) count(set EventSet, by int) {
	switch thread := set.Thread(); {
	case set.Policy == SuspendAll:
		vm.allStops = max(vm.allStops+by, 0)
	case set.Policy == SuspendThread && thread != 0:
		vm.countThread(thread, by)
	}
}

func (vm *VM) countThread(thread ThreadID, by int) {
	if n := vm.stopped[thread] + by; n > 0 {
		vm.stopped[thread] = n
	} else {
		delete(vm.stopped, thread)
	}
}

// Next waits for the next event set. It returns ErrLost when the VM is gone
// and ErrClosed after Close; sets that came before are returned first.
func (vm *VM) Next(ctx context.Context) (EventSet, error) {
	for {
		vm.mu.Lock()
		if len(vm.sets) > 0 {
			set := vm.sets[0]
			if vm.sets = vm.sets[1:]; len(vm.sets) > 0 || vm.unusable() != nil {
				vm.wake()
			}
			vm.mu.Unlock()
			return set, nil
		}
		if err := vm.unusable(); err != nil {
			vm.wake() // for others who wait
			vm.mu.Unlock()
			return EventSet{}, err
		}
		vm.mu.Unlock()
		select {
		case <-vm.arrived:
		case <-ctx.Done():
			return EventSet{}, context.Cause(ctx)
		}
	}
}

// Release resumes what an event set stopped.
func (vm *VM) Release(ctx context.Context, set EventSet) error {
	switch thread := set.Thread(); {
	case set.Policy == SuspendAll:
		return vm.Resume(ctx)
	case set.Policy == SuspendThread && thread != 0:
		return vm.ResumeThread(ctx, thread)
	}
	return nil
}

// Filter restricts an event request.
type Filter func(*encoder)

// Count reports the event only when it happens for the nth time, and then no
// more.
func Count(n int) Filter { return func(e *encoder) { e.byte(1).int32(n) } }

// InThread restricts a request to one thread.
func InThread(id ThreadID) Filter { return func(e *encoder) { e.byte(3).thread(id) } }

// ClassMatch restricts a request to classes by name, with dots; a "*" may begin
// or end it.
func ClassMatch(pattern string) Filter { return func(e *encoder) { e.byte(5).string(pattern) } }

// At restricts a request to one location; a breakpoint needs it.
func At(l Location) Filter { return func(e *encoder) { e.byte(7).location(l) } }

// Request asks for events. They come from Next until Clear or Close.
func (vm *VM) Request(ctx context.Context, kind EventKind, policy SuspendPolicy, filters ...Filter) (RequestID, error) {
	args := vm.out().byte(byte(kind)).byte(byte(policy)).int32(len(filters))
	for _, f := range filters {
		f(args)
	}
	d, err := vm.call(ctx, cmdSet, args)
	if err != nil {
		return 0, err
	}
	id := RequestID(d.uint(4))
	if err := d.end(cmdSet.name); err != nil {
		return 0, err
	}
	vm.mu.Lock()
	vm.requests[id] = kind
	vm.mu.Unlock()
	return id, nil
}

// BreakAt stops the thread that enters a method.
func (vm *VM) BreakAt(ctx context.Context, class ClassID, method MethodID) (RequestID, error) {
	return vm.Request(ctx, Breakpoint, SuspendThread, At(Location{Type: TypeClass, Class: class, Method: method}))
}

// Clear removes a request. Its events that arrived before can still be read.
func (vm *VM) Clear(ctx context.Context, id RequestID) error {
	vm.mu.Lock()
	kind, ok := vm.requests[id]
	vm.mu.Unlock()
	if !ok {
		return nil
	}
	if _, err := vm.call(ctx, cmdClear, &encoder{b: clearing(kind, id)}); err != nil {
		return err
	}
	vm.mu.Lock()
	delete(vm.requests, id)
	vm.mu.Unlock()
	return nil
}

func clearing(kind EventKind, id RequestID) []byte {
	return (&encoder{}).byte(byte(kind)).uint(uint64(id), 4).b
}
