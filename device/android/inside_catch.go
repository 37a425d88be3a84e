package android

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/android/jdwp"
	"github.com/wxctl/wxctl/intents/androidwire"
)

// debugger watches one VM for Intents that reach certain activities. It only
// stops the VM for those: there are breakpoints at the entry of onCreate and
// onNewIntent, and an event when such a class is loaded.
type debugger struct {
	vm      *jdwp.VM
	tidy    context.Context // for what is undone, whatever else has ended
	classes []string        // of the activities, with dots
	put     func(caught)
	// handler has breakpoints where a reply is handled, and at nothing else.
	handler bool
	// stopTime is that of the phone's options.
	stopTime time.Duration

	mu      sync.Mutex
	entries map[jdwp.ClassID]string // loaded activities, by class
	places  map[jdwp.RequestID]place
	armed   map[[2]uint64]bool // class and method that have a breakpoint
	layouts map[jdwp.ClassID]*layout
	// waiters receive the next event of a request, and must resume what it
	// stopped.
	waiters map[jdwp.RequestID]chan jdwp.EventSet
	ended   chan struct{} // closed when run ends
}

// place describes a breakpoint: where to find the Intent.
type place struct {
	ran       string // what runs there of the handling of a reply; "" for an Intent's
	newIntent bool
	slots     []int // where onNewIntent's argument may be
}

func newDebugger(in *inside, vm *jdwp.VM) *debugger {
	return &debugger{vm: vm, tidy: in.tidy, classes: in.classes, handler: in.handler, put: in.put, stopTime: in.phone.options.StopTime,
		entries: map[jdwp.ClassID]string{}, places: map[jdwp.RequestID]place{},
		armed: map[[2]uint64]bool{}, layouts: map[jdwp.ClassID]*layout{}, waiters: map[jdwp.RequestID]chan jdwp.EventSet{},
		ended: make(chan struct{})}
}

// watch sets the breakpoints. It first requests events for classes that are not
// loaded yet, so that none is missed that is loaded in between.
func (d *debugger) watch(ctx context.Context) error {
	classes := d.classes
	if d.handler {
		classes = slices.Concat(classes, []string{sdkReply})
	}
	for _, name := range classes {
		if _, err := d.vm.Request(ctx, jdwp.ClassPrepare, jdwp.SuspendThread, jdwp.ClassMatch(name)); err != nil {
			return err
		}
		loaded, err := d.vm.ClassesBySignature(ctx, signatureOf(name))
		if err != nil {
			return err
		}
		for _, c := range loaded {
			if err := d.arm(ctx, c.ID, name); err != nil {
				return err
			}
		}
	}
	return nil
}

// signatureOf is the type signature of a class with dots.
func signatureOf(class string) string { return "L" + strings.ReplaceAll(class, ".", "/") + ";" }

const (
	onCreate    = "onCreate"
	onNewIntent = "onNewIntent"
)

// arm sets the breakpoints of an activity. The method may be inherited; a stop
// for another activity is then resumed immediately.
func (d *debugger) arm(ctx context.Context, class jdwp.ClassID, name string) error {
	if d.handler {
		return d.armHandler(ctx, class, name)
	}
	d.mu.Lock()
	d.entries[class] = name
	d.mu.Unlock()
	if _, err := d.layoutOf(ctx, class); err != nil {
		return err
	}
	for _, m := range []struct{ name, signature string }{{onCreate, "(Landroid/os/Bundle;)V"}, {onNewIntent, "(Landroid/content/Intent;)V"}} {
		declares, method, err := d.vm.FindMethod(ctx, class, m.name, m.signature)
		if err != nil {
			return err
		}
		key := [2]uint64{uint64(declares), uint64(method.ID)}
		d.mu.Lock()
		known := d.armed[key]
		d.armed[key] = true
		d.mu.Unlock()
		if known {
			continue
		}
		p := place{newIntent: m.name == onNewIntent}
		if p.newIntent {
			p.slots = d.intentSlots(ctx, declares, method.ID)
		}
		// The breakpoint may be hit before its number is known here: the
		// handler waits for the lock.
		if err := d.breakAt(ctx, declares, method, p); err != nil {
			return err
		}
	}
	return nil
}

// breakAt sets a breakpoint. It may be hit before its number is known here:
// the handler waits for the lock.
func (d *debugger) breakAt(ctx context.Context, class jdwp.ClassID, method jdwp.Method, p place) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	id, err := d.vm.BreakAt(ctx, class, method.ID)
	if err == nil {
		d.places[id] = p
	}
	return err
}

// intentSlots are the slots that may hold the Intent argument of onNewIntent.
// Debug information gives the slot; without it, the registers are searched,
// since the argument is in the last one and their number is unknown.
func (d *debugger) intentSlots(ctx context.Context, class jdwp.ClassID, method jdwp.MethodID) []int {
	variables, err := d.vm.Variables(ctx, class, method)
	if err == nil {
		for _, v := range variables {
			if v.Signature == sigIntent && v.Start == 0 {
				return []int{v.Slot}
			}
		}
	}
	slots := make([]int, searchedSlots)
	for i := range slots {
		slots[i] = (i + 1) % searchedSlots // 1 first: there it is on most
	}
	return slots
}

// searchedSlots is how many registers a method may have at most to be searched.
const searchedSlots = 32

// intentIn reads the Intent among a frame's slots.
func (d *debugger) intentIn(ctx context.Context, thread jdwp.ThreadID, frame jdwp.FrameID, slots []int, l *layout) (jdwp.ObjectID, error) {
	found := make([]jdwp.ObjectID, len(slots))
	reads := make([]func() error, len(slots))
	for i, slot := range slots {
		reads[i] = func() error {
			v, err := d.vm.SlotValues(ctx, thread, frame, jdwp.Slot{Index: slot, Tag: jdwp.TagObject})
			var refused jdwp.ErrorCode
			if errors.As(err, &refused) {
				return nil // another type, or no such slot
			}
			if err != nil || v[0].Tag != jdwp.TagObject || v[0].IsNull() {
				return err
			}
			class, _, err := d.vm.ClassOf(ctx, v[0].Object())
			for n := 0; err == nil && class != 0 && n < 20; n++ {
				if class == l.intent {
					found[i] = v[0].Object()
					return nil
				}
				class, err = d.vm.Superclass(ctx, class)
			}
			return err
		}
	}
	if err := together(reads...); err != nil {
		return 0, err
	}
	for _, id := range found {
		if id != 0 {
			return id, nil
		}
	}
	return 0, errors.New("its Intent can't be found: the app has no debug information")
}

// run handles events until ctx ends or the VM is gone, and detaches.
func (d *debugger) run(ctx context.Context) {
	defer close(d.ended)
	defer func() { _ = d.vm.Close() }() // it is detached either way
	for {
		set, err := d.vm.Next(ctx)
		if err != nil {
			return
		}
		if !d.handOver(set) {
			d.stopped(ctx, set)
		}
	}
}

// handOver passes an event set to its waiter.
func (d *debugger) handOver(set jdwp.EventSet) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, e := range set.Events {
		if c := d.waiters[e.Request]; c != nil {
			delete(d.waiters, e.Request)
			c <- set // has room for one
			return true
		}
	}
	return false
}

// stopped reads the data at a stop, and resumes the thread.
func (d *debugger) stopped(ctx context.Context, set jdwp.EventSet) {
	at := time.Now()
	bounded, cancel := context.WithTimeout(ctx, d.stopTime)
	defer cancel()
	var c *caught
	for _, e := range set.Events {
		switch e.Kind {
		case jdwp.ClassPrepare:
			name := strings.ReplaceAll(strings.TrimSuffix(strings.TrimPrefix(e.Signature, "L"), ";"), "/", ".")
			if err := d.arm(bounded, e.Class, name); err != nil && ctx.Err() == nil {
				c = &caught{class: name, err: fmt.Errorf("the class was loaded, but can't be watched: %w", err)}
			}
		case jdwp.Breakpoint:
			d.mu.Lock()
			p, ok := d.places[e.Request]
			d.mu.Unlock()
			switch {
			case !ok:
			case p.ran != "":
				c = &caught{ran: p.ran}
			default:
				c = d.catch(bounded, e.Thread, p)
			}
		}
	}
	// Before resuming, so that this comes before what the app itself logs about
	// the reply.
	if c != nil {
		c.at, c.heldFor = at, time.Since(at)
		d.put(*c)
	}
	// The app must be resumed in any case. If this fails, the VM is closed,
	// which resumes it too.
	if d.vm.Release(d.tidy, set) != nil {
		_ = d.vm.Close()
	}
}

// catch reads the Intent that an activity was called with; nil for another
// activity that inherits the same method.
func (d *debugger) catch(ctx context.Context, thread jdwp.ThreadID, p place) *caught {
	frames, err := d.vm.Frames(ctx, thread, 0, 1)
	if err == nil && len(frames) == 0 {
		err = errors.New("a thread without frames")
	}
	if err != nil {
		return &caught{err: err}
	}
	this, err := d.vm.This(ctx, thread, frames[0].ID)
	if err != nil {
		return &caught{err: err}
	}
	class, _, err := d.vm.ClassOf(ctx, this)
	if err != nil {
		return &caught{err: err}
	}
	d.mu.Lock()
	name, ours := d.entries[class]
	d.mu.Unlock()
	if !ours {
		return nil
	}
	c := &caught{class: name}
	l, err := d.layoutOf(ctx, class)
	var intent jdwp.ObjectID
	switch {
	case err != nil:
	case p.newIntent:
		intent, err = d.intentIn(ctx, thread, frames[0].ID, p.slots, l)
	default:
		intent, err = d.reference(ctx, this, l.activityIntent)
	}
	if err == nil {
		c.extras, err = d.readIntent(ctx, thread, l, intent)
	}
	c.err = err
	return c
}

func (d *debugger) reference(ctx context.Context, object jdwp.ObjectID, field jdwp.FieldID) (jdwp.ObjectID, error) {
	if object == 0 {
		return 0, errors.New("a null reference")
	}
	v, err := d.vm.FieldValues(ctx, object, field)
	if err != nil {
		return 0, err
	}
	return v[0].Object(), nil
}

// maxExtras and maxBytes bound what is read of an Intent; Binder takes no more
// than about a megabyte of one.
const (
	maxExtras = 512
	maxBytes  = 2 << 20
)

// errParcelled is returned for a Bundle that is still a Parcel.
var errParcelled = errors.New("the app has not read its Intent")

// readIntent reads the extras of an Intent. A Bundle that is still a Parcel, as
// Binder delivered it, is made to unparcel, as the activity would do next; that
// needs a suspended thread, 0 for none.
func (d *debugger) readIntent(ctx context.Context, thread jdwp.ThreadID, l *layout, intent jdwp.ObjectID) (androidwire.Extras, error) {
	bundle, err := d.reference(ctx, intent, l.intentExtras)
	if err != nil || bundle == 0 {
		return nil, err
	}
	v, err := d.vm.FieldValues(ctx, bundle, l.bundleParcel, l.bundleMap)
	if err != nil {
		return nil, err
	}
	if !v[0].IsNull() || v[1].IsNull() {
		if thread == 0 {
			return nil, errParcelled
		}
		if _, err := d.vm.Invoke(ctx, thread, bundle, l.bundle, l.bundleSize, jdwp.SingleThreaded); err != nil {
			return nil, d.explain(ctx, thread, err)
		}
		if v, err = d.vm.FieldValues(ctx, bundle, l.bundleParcel, l.bundleMap); err != nil {
			return nil, err
		}
	}
	if v[1].IsNull() {
		return nil, nil
	}
	m, err := d.vm.FieldValues(ctx, v[1].Object(), l.mapArray, l.mapSize)
	if err != nil {
		return nil, err
	}
	size := int(m[1].Int())
	if size == 0 || m[0].IsNull() {
		return nil, nil
	}
	if size < 0 || size > maxExtras {
		return nil, fmt.Errorf("%d extras", size)
	}
	cells, err := d.vm.ArrayValues(ctx, m[0].Object(), 0, 2*size)
	if err != nil {
		return nil, err
	}
	// In parallel: answers that come back to back keep the stop short.
	extras := make(androidwire.Extras, size)
	var reads []func() error
	for i := range extras {
		key, value := cells[2*i], cells[2*i+1]
		reads = append(reads, func() (err error) {
			if key.IsNull() {
				return nil
			}
			extras[i].Key, err = d.vm.StringValue(ctx, key.Object())
			return err
		}, func() (err error) {
			extras[i].Value, err = d.readValue(ctx, l, value)
			return err
		})
	}
	if err := together(reads...); err != nil {
		return nil, err
	}
	return extras.Sorted(), nil
}

// readValue reads a value of a Bundle with its Java type. Types that no reply
// has are returned with the name of their class.
func (d *debugger) readValue(ctx context.Context, l *layout, v jdwp.Value) (androidwire.Value, error) {
	if v.IsNull() {
		return androidwire.Value{}, nil
	}
	object := v.Object()
	if v.Tag == jdwp.TagString {
		s, err := d.vm.StringValue(ctx, object)
		return androidwire.String(s), err
	}
	class, _, err := d.vm.ClassOf(ctx, object)
	if err != nil {
		return androidwire.Value{}, err
	}
	if b, ok := l.boxes[class]; ok {
		in, err := d.vm.FieldValues(ctx, object, b.value)
		if err != nil {
			return androidwire.Value{}, err
		}
		switch b.name {
		case "java.lang.Integer":
			return androidwire.Int(int32(in[0].Int())), nil
		case "java.lang.Long":
			return androidwire.Long(in[0].Int()), nil
		case "java.lang.Boolean":
			return androidwire.Bool(in[0].Bool()), nil
		case "java.lang.Double":
			return androidwire.Double(in[0].Float()), nil
		}
		return androidwire.Other(b.name, in[0].String()), nil
	}
	signature, err := d.vm.Signature(ctx, class)
	if err != nil {
		return androidwire.Value{}, err
	}
	if signature == "[B" {
		b, err := d.vm.Bytes(ctx, object, maxBytes)
		return androidwire.Bytes(b), err
	}
	name := strings.ReplaceAll(strings.TrimSuffix(strings.TrimPrefix(signature, "L"), ";"), "/", ".")
	return androidwire.Other(name, ""), nil
}

// explain adds the message of an exception of the VM to an error.
func (d *debugger) explain(ctx context.Context, thread jdwp.ThreadID, err error) error {
	var thrown *jdwp.Thrown
	if !errors.As(err, &thrown) {
		return err
	}
	text, textErr := d.vm.Text(ctx, thread, thrown.Exception)
	if textErr != nil {
		return err
	}
	return &exception{text: device.Printable(text), err: err}
}

// exception is a Java exception and what it says.
type exception struct {
	text string
	err  error
}

func (e *exception) Error() string { return fmt.Sprintf("%q", excerpt(e.text)) }
func (e *exception) Unwrap() error { return e.err }

// together runs functions in parallel and returns their errors.
func together(do ...func() error) error {
	errs := make([]error, len(do))
	var wg sync.WaitGroup
	for i, f := range do {
		wg.Go(func() { errs[i] = f() })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
