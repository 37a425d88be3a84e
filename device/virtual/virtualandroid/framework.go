package virtualandroid

import (
	"errors"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/art"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
)

// framework is Android's classes in one process, as far as a debugger that
// reads Intents and makes an app's calls needs them. They act on the phone as
// the app.
type framework struct {
	phone   *phone.Phone
	process phone.Process
	vm      *art.Machine

	app      *art.Object // the Application
	resolver *art.Object
	manager  *art.Object
	handler  *art.Object // of the main thread
}

// Signatures of methods, and of the classes in them.
const (
	sigOnCreate    = "(Landroid/os/Bundle;)V"
	sigOnNewIntent = "(Landroid/content/Intent;)V"
	sigText        = "Ljava/lang/String;"
	sigIntent      = "Landroid/content/Intent;"
	sigURI         = "Landroid/net/Uri;"
	sigBundle      = "Landroid/os/Bundle;"
	sigObject      = "Ljava/lang/Object;"
)

type (
	thread = *art.Thread
	object = *art.Object
	value  = art.Value
	code   = func(thread, object, []value) (value, error)
)

func method(name, signature string, call code) *art.Method {
	return &art.Method{Name: name, Signature: signature, Locals: 2, Call: call}
}

func static(name, signature string, call code) *art.Method {
	m := method(name, signature, call)
	m.Static = true
	return m
}

// getter is a method without arguments that can't fail.
func getter(name, result string, get func(this object) value) *art.Method {
	return method(name, "()"+result, func(_ thread, this object, _ []value) (value, error) { return get(this), nil })
}

func newFramework(p *phone.Phone, process phone.Process, vm *art.Machine) *framework {
	f := &framework{phone: p, process: process, vm: vm}
	f.defineValues()
	f.defineIntent()
	f.defineContext()
	f.defineActivities()
	return f
}

func (f *framework) define(c art.Class) *art.Class {
	if c.Super == nil && !c.Interface {
		c.Super = f.vm.Class("java.lang.Object")
	}
	return f.vm.Define(nil, &c)
}

func (f *framework) make(class string) object { return f.vm.NewObject(f.vm.Class(class)) }

// text is a Go string as a value; nil for null.
func textOf(v value) *string {
	if s, ok := art.GoString(v); ok {
		return &s
	}
	return nil
}

// thrown makes a Java exception from the phone's error.
func (f *framework) thrown(err error) error {
	var e *phone.Exception
	if errors.As(err, &e) {
		return f.vm.Throw(e.Class, e.Message)
	}
	return f.vm.Throw("java.lang.RuntimeException", err.Error())
}

func (f *framework) null(what string) error {
	return f.vm.Throw("java.lang.NullPointerException", what)
}

// defineActivities are the classes that an app's own extend, and the main
// thread's handler.
func (f *framework) defineActivities() {
	f.define(art.Class{Name: "android.app.Activity", Super: f.vm.Class("android.content.ContextWrapper"),
		Fields: []*art.Field{{Name: "mIntent", Signature: sigIntent}},
		Methods: []*art.Method{
			getter("getIntent", sigIntent, func(this object) value { return this.Get("mIntent") }),
			method("setIntent", "("+sigIntent+")V", func(_ thread, this object, args []value) (value, error) {
				this.Set("mIntent", args[0])
				return art.Void{}, nil
			}),
			method("onCreate", sigOnCreate, runBody), method("onNewIntent", sigOnNewIntent, runBody),
		}})
	f.define(art.Class{Name: "android.os.Message"})
	handler := f.define(art.Class{Name: "android.os.Handler", Methods: []*art.Method{
		method("dispatchMessage", "(Landroid/os/Message;)V", func(t thread, _ object, args []value) (value, error) {
			args[0].(object).Go.(func(thread))(t)
			return art.Void{}, nil
		}),
	}})
	f.handler = f.vm.NewObject(f.define(art.Class{Name: "android.app.ActivityThread$H", Super: handler}))
}

// runBody is an activity's own code.
func runBody(_ thread, this object, _ []value) (value, error) {
	if body, ok := this.Go.(func()); ok {
		body()
	}
	return art.Void{}, nil
}

// dispatch has the main thread handle a message.
func (f *framework) dispatch(t thread, job func(thread)) {
	message := f.make("android.os.Message")
	message.Go = job
	_, _ = t.Call(f.handler, "dispatchMessage", "(Landroid/os/Message;)V", message) // only fails for a process that has ended
}

// activityClass is the class of one of the app's activities, of a debug build,
// which is loaded when the first of it comes up.
func (f *framework) activityClass(t thread, name string) *art.Class {
	onCreate, onNewIntent := method("onCreate", sigOnCreate, runBody), method("onNewIntent", sigOnNewIntent, runBody)
	onCreate.Locals, onNewIntent.Locals = 3, 1
	onCreate.Debug, onNewIntent.Debug = &art.Debug{Last: 1, Arguments: []string{"state"}}, &art.Debug{Last: 1, Arguments: []string{"intent"}}
	methods := []*art.Method{onCreate, onNewIntent}
	if name == DemoEntry {
		methods = append(methods, method("onResp", sigOnResp, nil))
	}
	return f.vm.Define(t, &art.Class{Name: name, Super: f.vm.Class("android.app.Activity"), App: true, Methods: methods})
}

const sigOnResp = "(Lcom/tencent/mm/opensdk/modelbase/BaseResp;)V"

// handleReply is what the OpenSDK's handleIntent does with a reply that it
// accepts: it makes an object from it, and passes that to the app.
func (f *framework) handleReply(t thread, handler, intent object) {
	base := f.vm.Define(t, &art.Class{Name: "com.tencent.mm.opensdk.modelbase.BaseResp", Super: f.vm.Class("java.lang.Object"), App: true,
		Methods: []*art.Method{method("fromBundle", "(Landroid/os/Bundle;)V", nil)}})
	reply := f.vm.NewObject(f.vm.Define(t, &art.Class{Name: "com.tencent.mm.opensdk.modelmsg.SendMessageToWX$Resp", Super: base, App: true}))
	// It only fails for a process that has ended.
	_, _ = t.Call(reply, "fromBundle", "(Landroid/os/Bundle;)V", intent.Get("mExtras"))
	_, _ = t.Call(handler, "onResp", sigOnResp, reply)
}
