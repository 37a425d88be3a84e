package jdwp_test

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/wxctl/wxctl/device/android/jdwp"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/art"
)

// An app's method is stopped at its entry, and its argument read.
func Example() {
	app := art.New(art.Options{API: 34})
	defer app.Close()
	demo := app.Define(nil, &art.Class{Name: "com.example.Demo", Methods: []*art.Method{{Name: "greet", Signature: "(Ljava/lang/String;)V", Locals: 2}}})
	conn, theirs := net.Pipe() // adb's service jdwp:PID
	go app.Serve(context.Background(), theirs)

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	vm, err := jdwp.Attach(ctx, conn, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer vm.Close()
	classes, err := vm.ClassesBySignature(ctx, "Lcom/example/Demo;")
	if err != nil {
		fmt.Println(err)
		return
	}
	class, method, err := vm.FindMethod(ctx, classes[0].ID, "greet", "(Ljava/lang/String;)V")
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := vm.BreakAt(ctx, class, method.ID); err != nil {
		fmt.Println(err)
		return
	}
	returned := make(chan struct{})
	go func() {
		defer close(returned)
		app.Main().Call(app.NewObject(demo), "greet", "(Ljava/lang/String;)V", app.String("hello"))
	}()

	set, err := vm.Next(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	frames, err := vm.Frames(ctx, set.Thread(), 0, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	// From API 28 on, registers: two others, this, and the argument.
	args, err := vm.SlotValues(ctx, set.Thread(), frames[0].ID, jdwp.Slot{Index: 3, Tag: jdwp.TagObject})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(vm.StringValue(ctx, args[0].Object()))
	fmt.Println(vm.Release(ctx, set))
	<-returned
	// Output:
	// hello <nil>
	// <nil>
}
