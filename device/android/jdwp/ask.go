package jdwp

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wxctl/wxctl/device/interrupt"
)

// command has a command set, a number and the name that errors use.
type command struct {
	set, number byte
	name        string
}

// The commands that are used (JDWP specification). VirtualMachine.Exit is not
// among them, and will never be.
var (
	cmdClassesBySignature = command{1, 2, "VirtualMachine.ClassesBySignature"}
	cmdDispose            = command{1, 6, "VirtualMachine.Dispose"}
	cmdIDSizes            = command{1, 7, "VirtualMachine.IDSizes"}
	cmdResume             = command{1, 9, "VirtualMachine.Resume"}
	cmdCreateString       = command{1, 11, "VirtualMachine.CreateString"}

	cmdSignature         = command{2, 1, "ReferenceType.Signature"}
	cmdClassLoader       = command{2, 2, "ReferenceType.ClassLoader"}
	cmdFields            = command{2, 4, "ReferenceType.Fields"}
	cmdMethods           = command{2, 5, "ReferenceType.Methods"}
	cmdInterfaces        = command{2, 10, "ReferenceType.Interfaces"}
	cmdFieldsGeneric     = command{2, 14, "ReferenceType.FieldsWithGeneric"}
	cmdMethodsGeneric    = command{2, 15, "ReferenceType.MethodsWithGeneric"}
	cmdInstances         = command{2, 16, "ReferenceType.Instances"}
	cmdSuperclass        = command{3, 1, "ClassType.Superclass"}
	cmdInvokeStatic      = command{3, 3, "ClassType.InvokeMethod"}
	cmdNewInstance       = command{3, 4, "ClassType.NewInstance"}
	cmdNewArray          = command{4, 1, "ArrayType.NewInstance"}
	cmdReferenceType     = command{9, 1, "ObjectReference.ReferenceType"}
	cmdObjectValues      = command{9, 2, "ObjectReference.GetValues"}
	cmdInvoke            = command{9, 6, "ObjectReference.InvokeMethod"}
	cmdDisableCollection = command{9, 7, "ObjectReference.DisableCollection"}
	cmdStringValue       = command{10, 1, "StringReference.Value"}
	cmdThreadResume      = command{11, 3, "ThreadReference.Resume"}
	cmdFrames            = command{11, 6, "ThreadReference.Frames"}
	cmdArrayLength       = command{13, 1, "ArrayReference.Length"}
	cmdArrayGet          = command{13, 2, "ArrayReference.GetValues"}
	cmdArraySet          = command{13, 3, "ArrayReference.SetValues"}
	cmdSet               = command{15, 1, "EventRequest.Set"}
	cmdClear             = command{15, 2, "EventRequest.Clear"}
	cmdFrameValues       = command{16, 1, "StackFrame.GetValues"}
	cmdThisObject        = command{16, 3, "StackFrame.ThisObject"}
)

// The one command that a VM sends: Event.Composite. Another that ART sends is
// DDMS's (set 199, number 1): APNM, WAIT, HELO and so on, of no use here.
const (
	setEvent     = 64
	cmdComposite = 100
)

// reply is a VM's answer, or why there will be none.
type reply struct {
	data []byte
	err  error
}

func (vm *VM) out() *encoder { return &encoder{sizes: vm.sizes} }

func (vm *VM) in(data []byte) *decoder { return &decoder{b: data, sizes: vm.sizes} }

// call sends a command that a VM answers immediately: it may take answerTime.
func (vm *VM) call(ctx context.Context, c command, args *encoder) (*decoder, error) {
	bounded, cancel := context.WithTimeoutCause(ctx, answerTime, ErrSilent)
	defer cancel()
	return vm.ask(bounded, c, args.b)
}

// ask sends a command and waits for its answer. If ctx ends first, the answer
// is thrown away when it comes.
func (vm *VM) ask(ctx context.Context, c command, data []byte) (*decoder, error) {
	q, err := vm.start(ctx, c, data)
	if err != nil {
		return nil, err
	}
	return vm.wait(ctx, q)
}

// question is a command that was sent, to be waited for.
type question struct {
	command
	id     uint32
	answer chan reply
}

func (vm *VM) start(ctx context.Context, c command, data []byte) (question, error) {
	q := question{command: c, answer: make(chan reply, 1)}
	var err error
	q.id, err = vm.send(ctx, c, data, q.answer)
	return q, err
}

func (vm *VM) wait(ctx context.Context, q question) (*decoder, error) {
	select {
	case r := <-q.answer:
		if r.err != nil {
			return nil, fmt.Errorf("%s: %w", q.name, r.err)
		}
		return vm.in(r.data), nil
	case <-ctx.Done():
		vm.mu.Lock()
		delete(vm.pending, q.id)
		vm.mu.Unlock()
		return nil, fmt.Errorf("%s: %w", q.name, context.Cause(ctx))
	}
}

// post sends a command and ignores its answer.
func (vm *VM) post(ctx context.Context, c command, data []byte) error {
	_, err := vm.send(ctx, c, data, nil)
	return err
}

// send writes a command. If ctx ends in the middle of a packet, the connection
// is unusable and is closed.
func (vm *VM) send(ctx context.Context, c command, data []byte, answer chan reply) (uint32, error) {
	if err := ctx.Err(); err != nil {
		return 0, context.Cause(ctx)
	}
	select {
	case vm.writing <- struct{}{}:
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
	defer func() { <-vm.writing }()
	vm.mu.Lock()
	if err := vm.unusable(); err != nil {
		vm.mu.Unlock()
		return 0, fmt.Errorf("%s: %w", c.name, err)
	}
	vm.lastID++
	id := vm.lastID
	if answer != nil {
		vm.pending[id] = answer
	}
	vm.mu.Unlock()
	vm.trace.sent(id, c, data)
	vm.frame = appendPacket(vm.frame[:0], id, c, data)
	cut, err := vm.write(ctx, vm.frame)
	if cap(vm.frame) > 1<<20 {
		vm.frame = nil
	}
	if err == nil {
		return id, nil
	}
	vm.mu.Lock()
	delete(vm.pending, id)
	vm.mu.Unlock()
	if cut {
		return 0, fmt.Errorf("%s: %w", c.name, context.Cause(ctx))
	}
	return 0, fmt.Errorf("%s: %w: %w", c.name, ErrLost, err)
}

// write writes a packet, and reports whether ctx ended meanwhile. A connection
// with deadlines survives that if everything was written; any other is closed.
func (vm *VM) write(ctx context.Context, frame []byte) (cut bool, err error) {
	conn, gentle := vm.rw.(interface{ SetWriteDeadline(time.Time) error })
	cut, err = interrupt.When(ctx, func() {
		if !gentle || conn.SetWriteDeadline(time.Unix(1, 0)) != nil {
			_ = vm.rw.Close() // makes Write end
		}
	}, func() error {
		_, err := vm.rw.Write(frame)
		return err
	})
	switch {
	case !cut:
	case err != nil:
		_ = vm.rw.Close() // the VM waits for the rest of the packet
	case gentle:
		err = conn.SetWriteDeadline(time.Time{})
	}
	return cut, err
}

// unusable is why no more commands can be sent. It is called with the lock
// held.
func (vm *VM) unusable() error {
	if vm.closed {
		return ErrClosed
	}
	return vm.err
}

// read dispatches what the VM sends until the connection ends.
func (vm *VM) read() {
	defer close(vm.ended)
	var err error
	for err == nil {
		var p packet
		if p, err = readPacket(vm.rw); err == nil {
			vm.trace.got(p)
			err = vm.take(p)
		}
	}
	vm.mu.Lock()
	vm.err = err
	if vm.closed {
		vm.err = ErrClosed
	}
	pending := vm.pending
	vm.pending = map[uint32]chan reply{}
	vm.wake()
	err = vm.err
	vm.mu.Unlock()
	for _, answer := range pending {
		answer <- reply{err: err}
	}
	if !errors.Is(err, ErrClosed) {
		_ = vm.rw.Close() // the VM broke the protocol
	}
}

// take dispatches one packet.
func (vm *VM) take(p packet) error {
	switch {
	case p.reply:
		vm.mu.Lock()
		answer := vm.pending[p.id]
		delete(vm.pending, p.id)
		vm.mu.Unlock()
		if answer == nil {
			return nil // its caller no longer waits
		}
		r := reply{data: p.data}
		if p.err != 0 {
			r = reply{err: p.err}
		}
		answer <- r // has room for one
	case p.set == setEvent && p.cmd == cmdComposite:
		set, err := parseEvents(p.data, vm.sizes)
		if err != nil {
			return err
		}
		return vm.queue(set)
	}
	return nil
}

// wake wakes Next. Called with the lock held.
func (vm *VM) wake() {
	select {
	case vm.arrived <- struct{}{}:
	default:
	}
}
