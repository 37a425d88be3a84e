package art_test

import (
	"sync"
	"testing"

	"github.com/wxctl/wxctl/device/android/jdwp"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/art"
)

// victim is the program that a real ART was asked about (testdata/art14.txt):
// its main thread sleeps and runs a step when it is told to; a thread "worker"
// sleeps.
type victim struct {
	*art.Machine
	steps chan struct{} // one step for each
}

const (
	sigString = "Ljava/lang/String;"
	sigStep   = "(I" + sigString + "LVictim$Req;)I"
)

func newVictim(t testing.TB, o art.Options) *victim {
	t.Helper()
	v := &victim{art.New(o), make(chan struct{})}
	quit := make(chan struct{})
	var running sync.WaitGroup
	t.Cleanup(func() { close(quit); v.Close(); running.Wait() })
	asleep := make(chan struct{})
	// sleep is Thread.sleep; its argument says what it waits for.
	sleep := &art.Method{Name: "sleep", Signature: "()V", Static: true, Native: true, Waits: jdwp.ThreadSleeping,
		Call: func(_ *art.Thread, _ *art.Object, args []art.Value) (art.Value, error) {
			select {
			case asleep <- struct{}{}: // the first time
			case <-args[0].(chan struct{}):
				return art.Void{}, nil
			case <-quit:
				return nil, art.ErrDead
			}
			select {
			case <-args[0].(chan struct{}):
				return art.Void{}, nil
			case <-quit:
				return nil, art.ErrDead
			}
		}}
	v.Define(nil, &art.Class{Name: "Sleep", Methods: []*art.Method{sleep}})
	v.Define(nil, &art.Class{Name: "java.lang.Runnable", Interface: true})
	v.Define(nil, &art.Class{Name: "java.util.BitSet"})
	req := v.Define(nil, &art.Class{Name: "Victim$Req", App: true})
	class := v.Define(nil, &art.Class{Name: "Victim", App: true, Source: "Victim.java", Methods: victimMethods()})
	step, main := class.Methods[len(class.Methods)-1], class.Methods[len(class.Methods)-2]
	main.Call = func(t *art.Thread, _ *art.Object, _ []art.Value) (art.Value, error) {
		for {
			if _, err := t.Run(sleep, nil, v.steps); err != nil {
				return nil, err
			}
			if _, err := t.Run(step, nil, int32(5), v.String("s"), v.NewObject(req)); err != nil {
				return nil, err
			}
		}
	}
	worker := v.NewObject(v.Define(nil, &art.Class{Name: "Worker", Super: v.Class("java.lang.Thread"), App: true, Methods: []*art.Method{
		{Name: "run", Signature: "()V", Call: func(t *art.Thread, _ *art.Object, _ []art.Value) (art.Value, error) {
			return t.Run(sleep, nil, make(chan struct{}))
		}}}}))
	for _, call := range []struct {
		name, signature string
		args            []art.Value
	}{{"<init>", "(" + sigString + ")V", []art.Value{v.String("worker")}}, {"start", "()V", nil}} {
		if _, err := v.Main().Call(worker, call.name, call.signature, call.args...); err != nil {
			t.Fatal(err)
		}
	}
	<-asleep
	running.Go(func() { _, _ = v.Main().Run(main, nil, nil) }) // until the machine ends
	<-asleep
	return v
}

// victimMethods are those of the class Victim, in ART's order.
func victimMethods() []*art.Method {
	const static = 0x0008
	step := &art.Debug{Last: 23, Lines: [][2]int{{0, 5}, {2, 6}, {19, 7}, {21, 8}, {23, 9}}, Arguments: []string{"i", "s", "r"}, Variables: []art.Variable{
		{Start: 2, Length: 22, Name: "local", Signature: "I", Slot: 0},
		{Start: 19, Length: 5, Name: "name", Signature: sigString, Slot: 1},
	}}
	ask := func(t *art.Thread, _ *art.Object, args []art.Value) (art.Value, error) {
		return t.Machine().String(art.Text(args[0]) + ":" + art.Text(args[1]) + ":main"), nil
	}
	boom := func(t *art.Thread, _ *art.Object, _ []art.Value) (art.Value, error) {
		return nil, t.Machine().Throw("java.lang.IllegalStateException", "on purpose")
	}
	return []*art.Method{
		{Name: "<clinit>", Signature: "()V", Static: true, Flags: static},
		{Name: "<init>", Signature: "()V"},
		{Name: "ask", Signature: "(" + sigString + "I)" + sigString, Static: true, Locals: 1, Call: ask},
		{Name: "boom", Signature: "(I)I", Static: true, Locals: 2, Call: boom},
		{Name: "deep", Signature: "(I)V", Static: true, Flags: static},
		{Name: "lambda$main$0", Signature: "()V", Static: true, Flags: static | 0x1000},
		{Name: "main", Signature: "([" + sigString + ")V", Static: true},
		{Name: "step", Signature: sigStep, Static: true, Flags: static, Locals: 2, Debug: step},
	}
}
