package android

import (
	"context"
	"errors"
	"time"

	"github.com/wxctl/wxctl/device/android/jdwp"
)

// worker is a thread that wxctl creates in the app's process: a plain
// java.lang.Thread that is stopped at the entry of its run method, where
// methods can be invoked in it. While it waits, no thread of the app does. When
// resumed, its run method is empty, and it ends.
type worker struct {
	*debugger
	thread  jdwp.ThreadID
	set     jdwp.EventSet // the event that stopped it
	loader  jdwp.ObjectID // of the framework's classes
	app     jdwp.ObjectID // the android.app.Application
	heldFor time.Duration // how long a thread of the app was stopped to create this one
}

const (
	classHandler = "android.os.Handler"
	classThread  = "java.lang.Thread"
	sigString    = "Ljava/lang/String;"
	sigIntent    = "Landroid/content/Intent;"
	sigUri       = "Landroid/net/Uri;"
)

// startWorker creates a worker. Methods can only be invoked in a thread that
// was stopped by an event, so it waits for one once: a looper of the app that
// takes its next message, which wake provokes. That thread is stopped for as
// long as it takes to create and start another one.
func (d *debugger) startWorker(ctx context.Context, wake func(context.Context) error) (*worker, error) {
	w := &worker{debugger: d}
	stop, err := d.nextMessage(ctx, wake)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	err = w.start(ctx, stop)
	if releaseErr := d.vm.Release(d.tidy, stop.set); err == nil {
		err = releaseErr
	}
	w.heldFor = time.Since(began)
	if err != nil {
		return nil, err
	}
	if w.set, err = d.receive(ctx, stop.started); err != nil {
		return nil, err
	}
	w.thread = w.set.Thread()
	if err := w.vm.Clear(ctx, stop.run); err != nil {
		return nil, err
	}
	return w, w.findApp(ctx)
}

// stop is a stopped thread of the app, and the worker that is started from it.
type stop struct {
	set     jdwp.EventSet
	loader  jdwp.ObjectID
	started <-chan jdwp.EventSet
	run     jdwp.RequestID
}

// errGone is returned when the app ended or detached its debugger.
var errGone = errors.New("the app ended, or its VM detached wxctl")

// receive waits for an event of requestInto.
func (d *debugger) receive(ctx context.Context, from <-chan jdwp.EventSet) (jdwp.EventSet, error) {
	select {
	case set := <-from:
		return set, nil
	case <-d.ended:
		return jdwp.EventSet{}, errGone
	case <-ctx.Done():
		return jdwp.EventSet{}, ctx.Err()
	}
}

// rearmAfter is when a breakpoint that was not hit is set again: HotSpot 17 was
// seen, once in some 300 times, not to stop at one although messages came.
const rearmAfter = 3 * time.Second

// nextMessage waits for a looper of the app to take a message.
func (d *debugger) nextMessage(ctx context.Context, wake func(context.Context) error) (*stop, error) {
	handlers, err := d.vm.ClassesBySignature(ctx, signatureOf(classHandler))
	if err != nil {
		return nil, err
	}
	if len(handlers) == 0 {
		return nil, errors.New("the app's VM has no loopers")
	}
	hit := make(chan jdwp.EventSet, len(handlers)*int(workerTime/rearmAfter+2))
	requests := map[jdwp.RequestID]jdwp.ClassID{}
	defer func() { d.forget(requests, hit) }()
	places := map[jdwp.ClassID]jdwp.MethodID{}
	for _, h := range handlers {
		_, m, err := d.vm.FindMethod(ctx, h.ID, "dispatchMessage", "(Landroid/os/Message;)V")
		if err != nil {
			return nil, err
		}
		places[h.ID] = m.ID
	}
	arm := func() error {
		for class, method := range places {
			// Only once: the thread must not stop again while it is held.
			id, err := d.requestInto(ctx, hit, jdwp.Count(1), jdwp.At(jdwp.Location{Type: jdwp.TypeClass, Class: class, Method: method}))
			if err != nil {
				return err
			}
			requests[id] = class
		}
		return nil
	}
	if err := arm(); err != nil {
		return nil, err
	}
	bounded, cancel := context.WithCancel(ctx)
	woken := make(chan struct{})
	go func() {
		defer close(woken)
		_ = wake(bounded) // the message may come without it
	}()
	defer func() { <-woken }()
	defer cancel()
	s := &stop{}
	for again := false; ; again = true {
		if again {
			for id := range requests { // the VM treats two at one place as one
				if err := d.vm.Clear(ctx, id); err != nil {
					return nil, err
				}
			}
			if err := arm(); err != nil {
				return nil, err
			}
		}
		patience, stop := context.WithTimeout(ctx, rearmAfter)
		s.set, err = d.receive(patience, hit)
		stop()
		if err == nil {
			break
		}
		if ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
			return nil, err
		}
	}
	for id, class := range requests {
		if s.set.Has(id) {
			if s.loader, err = d.vm.ClassLoader(ctx, class); err != nil {
				return nil, errors.Join(err, d.vm.Release(d.tidy, s.set))
			}
		}
	}
	return s, nil
}

// forget removes requests whose events are no longer needed, and resumes what
// they already stopped.
func (d *debugger) forget(requests map[jdwp.RequestID]jdwp.ClassID, hit chan jdwp.EventSet) {
	for id := range requests {
		if d.vm.Clear(d.tidy, id) != nil {
			_ = d.vm.Close() // which resumes everything
			return
		}
	}
	d.mu.Lock()
	for id := range requests {
		delete(d.waiters, id)
	}
	d.mu.Unlock()
	for {
		select {
		case set := <-hit:
			_ = d.vm.Release(d.tidy, set)
		default:
			return
		}
	}
}

// requestInto requests a breakpoint whose event goes to a channel. run delivers
// events and needs the lock that is held here, so it knows the channel before
// any event of it.
func (d *debugger) requestInto(ctx context.Context, into chan jdwp.EventSet, filters ...jdwp.Filter) (jdwp.RequestID, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	id, err := d.vm.Request(ctx, jdwp.Breakpoint, jdwp.SuspendThread, filters...)
	if err == nil {
		d.waiters[id] = into
	}
	return id, err
}

// start creates and starts the thread, from the stopped thread.
func (w *worker) start(ctx context.Context, s *stop) error {
	w.loader = s.loader
	thread := s.set.Thread()
	class, err := w.class(ctx, classThread, 0)
	if err != nil {
		return err
	}
	_, constructor, err := w.vm.FindMethod(ctx, class, "<init>", "("+sigString+")V")
	if err != nil {
		return err
	}
	_, run, err := w.vm.FindMethod(ctx, class, "run", "()V")
	if err != nil {
		return err
	}
	_, start, err := w.vm.FindMethod(ctx, class, "start", "()V")
	if err != nil {
		return err
	}
	name, err := w.vm.NewString(ctx, "wxctl")
	if err != nil {
		return err
	}
	made, err := w.vm.NewInstance(ctx, thread, class, constructor, jdwp.SingleThreaded, name)
	if err != nil {
		return w.explain(ctx, thread, err)
	}
	if err := w.vm.Pin(ctx, made); err != nil {
		return err
	}
	started := make(chan jdwp.EventSet, 1)
	s.started = started
	s.run, err = w.requestInto(ctx, started, jdwp.At(jdwp.Location{Type: jdwp.TypeClass, Class: class, Method: run.ID}),
		jdwp.InThread(jdwp.ThreadID(made)))
	if err != nil {
		return err
	}
	_, err = w.vm.Invoke(ctx, thread, made, class, start, jdwp.SingleThreaded)
	return w.explain(ctx, thread, err)
}

// dismiss lets the worker end.
func (w *worker) dismiss() error {
	return w.vm.Release(w.tidy, w.set)
}

func (w *worker) findApp(ctx context.Context) error {
	v, err := w.static(ctx, "android.app.ActivityThread", "currentApplication", "()Landroid/app/Application;")
	if err != nil {
		return err
	}
	if v.IsNull() {
		return errors.New("the app has no Application yet")
	}
	w.app = v.Object()
	return w.vm.Pin(ctx, w.app)
}

// static calls a static method of the framework.
func (w *worker) static(ctx context.Context, class, name, signature string, args ...jdwp.Value) (jdwp.Value, error) {
	id, err := w.class(ctx, class, w.loader)
	if err != nil {
		return jdwp.Value{}, err
	}
	declares, m, err := w.vm.FindMethod(ctx, id, name, signature)
	if err != nil {
		return jdwp.Value{}, err
	}
	v, err := w.vm.InvokeStatic(ctx, w.thread, declares, m, jdwp.SingleThreaded, args...)
	if err != nil {
		return v, w.explain(ctx, w.thread, err)
	}
	return w.keep(ctx, v)
}

// call calls a method of an object.
func (w *worker) call(ctx context.Context, object jdwp.ObjectID, name, signature string, args ...jdwp.Value) (jdwp.Value, error) {
	v, err := w.vm.Call(ctx, w.thread, object, name, signature, args...)
	if err != nil {
		return v, w.explain(ctx, w.thread, err)
	}
	return w.keep(ctx, v)
}

// keep pins an object that a call returned, which may have no other reference.
// Pins end with the attachment.
func (w *worker) keep(ctx context.Context, v jdwp.Value) (jdwp.Value, error) {
	if v.Object() == 0 {
		return v, nil
	}
	return v, w.vm.Pin(ctx, v.Object())
}

// str is a String for an argument; nil is null.
func (w *worker) str(ctx context.Context, s *string) (jdwp.Value, error) {
	if s == nil {
		return jdwp.Null(), nil
	}
	return w.vm.NewString(ctx, *s)
}

// strings is a String[]; nil is null.
func (w *worker) strings(ctx context.Context, list []*string) (jdwp.Value, error) {
	if list == nil {
		return jdwp.Null(), nil
	}
	class, err := w.signed(ctx, "["+sigString, 0)
	if err != nil {
		return jdwp.Value{}, err
	}
	values := make([]jdwp.Value, len(list))
	makes := []func() error{}
	for i, s := range list {
		makes = append(makes, func() (err error) {
			values[i], err = w.str(ctx, s)
			return err
		})
	}
	if err := together(makes...); err != nil {
		return jdwp.Value{}, err
	}
	array, err := w.vm.NewArray(ctx, class, len(list))
	if err != nil {
		return jdwp.Value{}, err
	}
	return jdwp.Ref(array), w.vm.SetArray(ctx, array, 0, values...)
}

func (w *worker) bytes(ctx context.Context, b []byte) (jdwp.Value, error) {
	class, err := w.signed(ctx, "[B", 0)
	if err != nil {
		return jdwp.Value{}, err
	}
	array, err := w.vm.NewArray(ctx, class, len(b))
	if err != nil {
		return jdwp.Value{}, err
	}
	return jdwp.Ref(array), w.vm.SetBytes(ctx, array, 0, b)
}

// now is the phone's clock, in milliseconds since 1970.
func (w *worker) now(ctx context.Context) (int64, error) {
	v, err := w.static(ctx, "java.lang.System", "currentTimeMillis", "()J")
	return v.Int(), err
}

// launchIntent is PackageManager.getLaunchIntentForPackage; 0 for null.
func (w *worker) launchIntent(ctx context.Context, pkg string) (jdwp.ObjectID, error) {
	manager, err := w.call(ctx, w.app, "getPackageManager", "()Landroid/content/pm/PackageManager;")
	if err != nil {
		return 0, err
	}
	name, err := w.str(ctx, &pkg)
	if err != nil {
		return 0, err
	}
	v, err := w.call(ctx, manager.Object(), "getLaunchIntentForPackage", "("+sigString+")"+sigIntent, name)
	return v.Object(), err
}

// startActivity is Context.startActivity of the Application.
func (w *worker) startActivity(ctx context.Context, intent jdwp.ObjectID) error {
	_, err := w.call(ctx, w.app, "startActivity", "("+sigIntent+")V", jdwp.Ref(intent))
	return err
}
