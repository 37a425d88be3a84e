// Package jdwp is a debugger's side of the Java Debug Wire Protocol, as far as
// inspecting an Android app needs it: find classes, stop a thread at a method's
// entry, read what it was called with, call methods in it, and let it go on.
//
// Any connection will do; a debuggable app's is adb's service jdwp:PID.
//
//	vm, err := jdwp.Attach(ctx, conn, nil)
//	…
//	defer vm.Close()
//	request, err := vm.Request(ctx, jdwp.Breakpoint, jdwp.SuspendThread, jdwp.At(jdwp.Location{…}))
//	set, err := vm.Next(ctx)
//	frames, err := vm.Frames(ctx, set.Thread(), 0, 1)
//	…
//	err = vm.Release(ctx, set)
//
// Both virtual machines that matter differ: ART (internal up to API 27, the
// libjdwp agent since) and HotSpot. So nothing here relies on an optional
// capability, and answers such as [NotImplemented] are ordinary.
//
// Whatever was stopped goes on when the VM is closed; if this process is
// killed instead, the end of the connection does the same, since a VM gives up
// the debugger's requests and suspensions then.
package jdwp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/wxctl/wxctl/device/interrupt"
)

// handshake is what either side says first (JDWP specification, "Handshake").
const handshake = "JDWP-Handshake"

// answerTime limits how long a VM may take for a command other than an
// invocation. Invocations are limited only by their context.
const answerTime = 15 * time.Second

// closeTime limits the commands that detach. The VM learns the rest from the
// end of the connection.
const closeTime = 400 * time.Millisecond

// Reasons why there is no, or no longer, a VM to speak to. They are wrapped
// with what was seen.
var (
	// ErrRefused is a connection that ended before the VM's handshake: another
	// debugger is attached, or the process is gone.
	ErrRefused = errors.New("the VM closed the connection before it said a word")
	// ErrSilent means that a VM sent no handshake, or no answer, in time:
	// another debugger is attached, and ART makes the next one wait without an
	// answer, or the process is frozen.
	ErrSilent = errors.New("the VM does not answer")
	// ErrNoVM is a peer that speaks another protocol, or sends invalid data.
	ErrNoVM = errors.New("the peer does not speak JDWP")
	// ErrLost is a connection that ended: the process died, the phone was
	// disconnected, or the VM gave up on the debugger.
	ErrLost = errors.New("the VM ended the connection")
	// ErrClosed is a VM that was used after Close.
	ErrClosed = errors.New("the debugger was detached")
)

// VM is a virtual machine that this process is attached to as its debugger.
// Its methods may be called from several goroutines at once.
type VM struct {
	rw    io.ReadWriteCloser
	sizes sizes
	ended chan struct{} // closed when the reader has ended
	close func() error
	trace Trace

	writing chan struct{} // holds one token: whoever has it may write
	frame   []byte        // the packet being written

	mu       sync.Mutex
	lastID   uint32
	pending  map[uint32]chan reply
	err      error // why the reader ended
	closed   bool
	sets     []EventSet
	arrived  chan struct{} // holds a token when sets is not empty or err is set
	requests map[RequestID]EventKind
	stopped  map[ThreadID]int // suspensions of single threads that are ours
	allStops int              // suspensions of the whole VM that are ours
	methods  map[ClassID][]Method
	supers   map[ClassID]ClassID
	// signatures and is cache what check learned about classes.
	signatures map[ClassID]string
	is         map[isA]bool
}

// Attach performs the handshake with the VM at the other end of rw and learns
// the sizes of its ids. ctx limits only this, so that a caller may wait for
// another debugger to detach. It closes rw if it fails; otherwise Close does.
// trace may be nil.
//
// The errors are ErrRefused, ErrSilent (after ctx's deadline) and ErrNoVM, or
// ctx's.
func Attach(ctx context.Context, rw io.ReadWriteCloser, trace Trace) (*VM, error) {
	if err := within(ctx, rw, func() error { return greet(rw) }); err != nil {
		_ = rw.Close() // its own error doesn't matter
		return nil, err
	}
	vm := &VM{
		rw: rw, trace: trace, ended: make(chan struct{}), writing: make(chan struct{}, 1), arrived: make(chan struct{}, 1),
		pending: map[uint32]chan reply{}, requests: map[RequestID]EventKind{}, stopped: map[ThreadID]int{},
		methods: map[ClassID][]Method{}, supers: map[ClassID]ClassID{}, signatures: map[ClassID]string{}, is: map[isA]bool{},
	}
	vm.close = sync.OnceValue(vm.farewell)
	// The sizes must be known before an event can be read, and an event may
	// arrive before the answer: the reader starts afterwards, with what this
	// call read.
	early, err := vm.learnSizes(ctx)
	if err != nil {
		_ = rw.Close() // its own error doesn't matter
		return nil, err
	}
	for _, p := range early {
		if err := vm.take(p); err != nil {
			_ = rw.Close() // its own error doesn't matter
			return nil, err
		}
	}
	go vm.read()
	return vm, nil
}

// greet exchanges the handshake.
func greet(rw io.ReadWriter) error {
	if _, err := io.WriteString(rw, handshake); err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	got := make([]byte, len(handshake))
	switch n, err := io.ReadFull(rw, got); {
	case !bytes.HasPrefix([]byte(handshake), got[:n]):
		return fmt.Errorf("%w: its handshake is %q", ErrNoVM, got[:n])
	case err != nil:
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return nil
}

// learnSizes asks for the sizes of ids, the only command whose answer does not
// depend on them. Packets that came before the answer are returned.
func (vm *VM) learnSizes(ctx context.Context) ([]packet, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	var early []packet
	err := within(ctx, vm.rw, func() error {
		vm.lastID = 1
		vm.trace.sent(vm.lastID, cmdIDSizes, nil)
		if _, err := vm.rw.Write(appendPacket(nil, vm.lastID, cmdIDSizes, nil)); err != nil {
			return fmt.Errorf("%w: %w", ErrLost, err)
		}
		for {
			p, err := readPacket(vm.rw)
			if err != nil {
				return err
			}
			vm.trace.got(p)
			if p.reply && p.id == vm.lastID {
				if p.err != 0 {
					return fmt.Errorf("%w: IDSizes: %w", ErrNoVM, p.err)
				}
				vm.sizes, err = parseSizes(p.data)
				return err
			}
			if early = append(early, p); len(early) > maxQueue {
				return fmt.Errorf("%w: it sends packets without end and no answer", ErrNoVM)
			}
		}
	})
	return early, err
}

// within runs do, and closes rw if it does not end before ctx does.
func within(ctx context.Context, rw io.Closer, do func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	ended, err := interrupt.When(ctx, func() { _ = rw.Close() }, do) // makes do end, whatever it waits for
	if !ended {
		return err
	}
	if err := ctx.Err(); !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrSilent, ctx.Err())
}

// Close removes all requests, resumes what this debugger stopped, detaches and
// closes the connection. It does so within moments, even if earlier contexts
// ended, and waits until the reader has ended. Later calls return the same
// result; methods that still wait return ErrClosed.
func (vm *VM) Close() error { return vm.close() }

// farewell sends the last commands at once, and waits for the answer to the
// last of them: commands are answered in order.
func (vm *VM) farewell() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	vm.mu.Lock()
	gone := vm.err != nil
	requests, stopped, all := vm.requests, vm.stopped, vm.allStops
	vm.requests, vm.stopped, vm.allStops = map[RequestID]EventKind{}, map[ThreadID]int{}, 0
	vm.mu.Unlock()
	var err error
	if !gone {
		err = vm.sayGoodbye(ctx, requests, stopped, all)
	}
	vm.mu.Lock()
	vm.closed = true
	vm.mu.Unlock()
	_ = vm.rw.Close() // the VM may have closed it at Dispose
	<-vm.ended
	if errors.Is(err, ErrLost) {
		return nil // it is detached, too
	}
	return err
}

func (vm *VM) sayGoodbye(ctx context.Context, requests map[RequestID]EventKind, stopped map[ThreadID]int, all int) error {
	for id, kind := range requests {
		if err := vm.post(ctx, cmdClear, clearing(kind, id)); err != nil {
			return err
		}
	}
	for thread, n := range stopped {
		for range n {
			if err := vm.post(ctx, cmdThreadResume, vm.out().thread(thread).b); err != nil {
				return err
			}
		}
	}
	for range all {
		if err := vm.post(ctx, cmdResume, nil); err != nil {
			return err
		}
	}
	_, err := vm.ask(ctx, cmdDispose, nil)
	return err
}
