package virtualandroid

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/art"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/shell"
	"github.com/wxctl/wxctl/intents/androidwire"
)

// framework is Android's classes in one process, as far as a debugger that
// reads Intents and makes an app's calls has to do with them. What they do,
// they do to the phone, as the app.
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

// thrown makes a Java exception of what the phone says.
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

// uriText is the text of an android.net.Uri.
type uriText string

func (u uriText) String() string { return string(u) }

func (f *framework) uri(s string) value {
	if s == "" {
		return nil
	}
	o := f.make("android.net.Uri$StringUri")
	o.Go = uriText(s)
	return o
}

// uriList is the content of an ArrayList of Uri.
type uriList []string

func (l uriList) String() string { return "[" + strings.Join(l, ", ") + "]" }

// defineValues are the classes that an Intent's values are of.
func (f *framework) defineValues() {
	uri := f.define(art.Class{Name: "android.net.Uri", Methods: []*art.Method{
		static("parse", "("+sigText+")"+sigURI, func(_ thread, _ object, args []value) (value, error) {
			s := textOf(args[0])
			if s == nil {
				return nil, f.null("uriString")
			}
			o := f.make("android.net.Uri$StringUri")
			o.Go = uriText(*s)
			return o, nil
		}),
	}})
	f.define(art.Class{Name: "android.net.Uri$StringUri", Super: uri})
	f.define(art.Class{Name: "java.util.ArrayList"})
	f.define(art.Class{Name: "android.os.Parcel"})
	f.define(art.Class{Name: "android.util.ArrayMap", Fields: []*art.Field{{Name: "mArray", Signature: "[" + sigObject},
		{Name: "mSize", Signature: "I"}}})
	base := f.define(art.Class{Name: "android.os.BaseBundle",
		Fields: []*art.Field{{Name: "mMap", Signature: "Landroid/util/ArrayMap;"}, {Name: "mParcelledData", Signature: "Landroid/os/Parcel;"}},
		Methods: []*art.Method{
			method("size", "()I", func(_ thread, this object, _ []value) (value, error) { return int32(len(f.unparcel(this).extras)), nil }),
			method("containsKey", "("+sigText+")Z", func(_ thread, this object, args []value) (value, error) {
				key := textOf(args[0])
				return key != nil && f.unparcel(this).extras.Has(*key), nil
			}),
			method("get", "("+sigText+")"+sigObject, f.getExtra),
			method("getString", "("+sigText+")"+sigText, f.getString),
		}})
	f.define(art.Class{Name: "android.os.Bundle", Super: base})
}

// bundle is what a Bundle object holds. Binder brings it as a Parcel, which is
// read when someone first wants to know.
type bundle struct {
	extras    androidwire.Extras
	parcelled bool
}

func (f *framework) newBundle(extras androidwire.Extras, parcelled bool) object {
	o := f.make("android.os.Bundle")
	o.Go = &bundle{extras: extras, parcelled: parcelled}
	if parcelled {
		o.Set("mParcelledData", f.make("android.os.Parcel"))
	} else {
		f.fill(o)
	}
	return o
}

func (f *framework) unparcel(o object) *bundle {
	b := o.Go.(*bundle)
	if b.parcelled {
		b.parcelled = false
		f.fill(o)
		o.Set("mParcelledData", nil)
	}
	return b
}

// fill makes a Bundle's map of its extras.
func (f *framework) fill(o object) {
	b := o.Go.(*bundle)
	m := f.make("android.util.ArrayMap")
	var cells []value
	for _, x := range b.extras {
		cells = append(cells, f.vm.String(x.Key), f.box(x.Value))
	}
	m.Set("mArray", f.vm.Array("java.lang.Object", cells...))
	m.Set("mSize", int32(len(b.extras)))
	o.Set("mMap", m)
}

func (f *framework) getExtra(_ thread, this object, args []value) (value, error) {
	key := textOf(args[0])
	if key == nil {
		return nil, nil
	}
	return f.box(f.unparcel(this).extras.Get(*key)), nil
}

func (f *framework) getString(t thread, this object, args []value) (value, error) {
	v, err := f.getExtra(t, this, args)
	if textOf(v) == nil {
		return nil, err
	}
	return v, err
}

// box makes an object of an extra.
func (f *framework) box(v androidwire.Value) value {
	switch v.Type() {
	case androidwire.TypeNull:
		return nil
	case androidwire.TypeString:
		return f.vm.String(*v.Text())
	case androidwire.TypeInteger:
		return f.vm.Box(v.Integer())
	case androidwire.TypeLong:
		return f.vm.Box(v.Int64())
	case androidwire.TypeBoolean:
		return f.vm.Box(v.Boolean())
	case androidwire.TypeDouble:
		return f.vm.Box(v.Float())
	case androidwire.TypeBytes:
		return f.vm.ByteArray(v.Bytes())
	case androidwire.TypeHashMap:
		return f.vm.NewMap(v.Map())
	case androidwire.TypeURI:
		return f.uri(v.URI())
	case androidwire.TypeURIList:
		o := f.make("java.util.ArrayList")
		o.Go = uriList(v.URIs())
		return o
	}
	o := f.vm.NewObject(f.vm.Define(nil, &art.Class{Name: v.Class(), App: true}))
	return o
}

// unbox makes an extra of a value that was put in.
func unbox(v value) androidwire.Value {
	switch v := v.(type) {
	case bool:
		return androidwire.Bool(v)
	case int32:
		return androidwire.Int(v)
	case int64:
		return androidwire.Long(v)
	case float64:
		return androidwire.Double(v)
	case object:
		if v == nil {
			return androidwire.Value{}
		}
		if s := textOf(v); s != nil {
			return androidwire.String(*s)
		}
		switch v.Class.Name {
		case "[B":
			return androidwire.Bytes(v.Bytes)
		case "java.util.HashMap":
			return androidwire.HashMap(art.Strings(v))
		case "android.net.Uri$StringUri":
			return androidwire.URI(string(v.Go.(uriText)))
		}
		return androidwire.Other(v.Class.Name, art.Text(v))
	}
	return androidwire.Value{}
}

// intentBody is what an Intent object holds besides its extras.
type intentBody struct {
	api int
	in  androidwire.Intent
}

func (b *intentBody) String() string { return phone.IntentText(b.api, b.in) }

// intent makes an Intent object; parcelled is as Binder brings it.
func (f *framework) intent(in androidwire.Intent, parcelled bool) object {
	o := f.make("android.content.Intent")
	f.setIntent(o, in, parcelled)
	return o
}

func (f *framework) setIntent(o object, in androidwire.Intent, parcelled bool) {
	if len(in.Extras) > 0 {
		o.Set("mExtras", f.newBundle(in.Extras, parcelled))
	}
	in.Extras = nil
	o.Go = &intentBody{f.phone.API, in}
	f.showIntent(o)
}

// showIntent writes an Intent's fields.
func (f *framework) showIntent(o object) {
	in := &o.Go.(*intentBody).in
	set := func(name, s string) {
		if s == "" {
			o.Set(name, nil)
		} else {
			o.Set(name, f.vm.String(s))
		}
	}
	set("mAction", in.Action)
	set("mType", in.Type)
	set("mPackage", in.Package)
	o.Set("mData", f.uri(in.Data))
	o.Set("mFlags", in.Flags)
}

// read is an Intent object as a value.
func (f *framework) read(o object) androidwire.Intent {
	body, ok := o.Go.(*intentBody)
	if !ok { // made with a constructor that did nothing
		body = &intentBody{api: f.phone.API}
		o.Go = body
	}
	in := body.in
	if b, _ := o.Get("mExtras").(object); b != nil {
		in.Extras = append(androidwire.Extras(nil), f.unparcel(b).extras...)
	}
	return in
}

// change changes an Intent.
func (f *framework) change(o object, how func(*androidwire.Intent)) value {
	f.read(o)
	how(&o.Go.(*intentBody).in)
	f.showIntent(o)
	return o
}

func (f *framework) defineIntent() {
	or := func(s *string) string {
		if s == nil {
			return ""
		}
		return *s
	}
	methods := []*art.Method{
		method("<init>", "()V", func(_ thread, this object, _ []value) (value, error) {
			f.setIntent(this, androidwire.Intent{}, false)
			return art.Void{}, nil
		}),
		method("<init>", "("+sigText+")V", func(_ thread, this object, args []value) (value, error) {
			f.setIntent(this, androidwire.Intent{Action: or(textOf(args[0]))}, false)
			return art.Void{}, nil
		}),
		static("parseUri", "("+sigText+"I)"+sigIntent, func(_ thread, _ object, args []value) (value, error) {
			s := textOf(args[0])
			if s == nil {
				return nil, f.null("uri")
			}
			in, err := shell.ParseIntentURI(*s)
			if err != nil {
				return nil, f.vm.Throw("java.net.URISyntaxException", err.Error())
			}
			return f.intent(in, false), nil
		}),
		method("setAction", "("+sigText+")"+sigIntent, func(_ thread, this object, args []value) (value, error) {
			return f.change(this, func(in *androidwire.Intent) { in.Action = or(textOf(args[0])) }), nil
		}),
		method("setPackage", "("+sigText+")"+sigIntent, func(_ thread, this object, args []value) (value, error) {
			return f.change(this, func(in *androidwire.Intent) { in.Package = or(textOf(args[0])) }), nil
		}),
		method("setClassName", "("+sigText+sigText+")"+sigIntent, func(_ thread, this object, args []value) (value, error) {
			return f.change(this, func(in *androidwire.Intent) { in.Component = or(textOf(args[0])) + "/" + or(textOf(args[1])) }), nil
		}),
		method("setFlags", "(I)"+sigIntent, func(_ thread, this object, args []value) (value, error) {
			return f.change(this, func(in *androidwire.Intent) { in.Flags = args[0].(int32) }), nil
		}),
		method("addFlags", "(I)"+sigIntent, func(_ thread, this object, args []value) (value, error) {
			return f.change(this, func(in *androidwire.Intent) { in.Flags |= args[0].(int32) }), nil
		}),
		method("getAction", "()"+sigText, func(_ thread, this object, _ []value) (value, error) { return this.Get("mAction"), nil }),
		method("getFlags", "()I", func(_ thread, this object, _ []value) (value, error) { return f.read(this).Flags, nil }),
		method("getDataString", "()"+sigText, func(_ thread, this object, _ []value) (value, error) {
			if in := f.read(this); in.Data != "" {
				return f.vm.String(in.Data), nil
			}
			return nil, nil
		}),
		method("getExtras", "()"+sigBundle, func(_ thread, this object, _ []value) (value, error) {
			in := f.read(this)
			if this.Get("mExtras") == nil {
				return nil, nil
			}
			return f.newBundle(in.Extras, false), nil
		}),
		method("hasExtra", "("+sigText+")Z", func(_ thread, this object, args []value) (value, error) {
			return f.read(this).Extras.Has(or(textOf(args[0]))), nil
		}),
		method("getStringExtra", "("+sigText+")"+sigText, func(_ thread, this object, args []value) (value, error) {
			return f.vm.StringOrNull(f.read(this).Extras.Get(or(textOf(args[0]))).Text()), nil
		}),
		method("getIntExtra", "("+sigText+"I)I", func(_ thread, this object, args []value) (value, error) {
			if v := f.read(this).Extras.Get(or(textOf(args[0]))); v.Type() == androidwire.TypeInteger {
				return v.Integer(), nil
			}
			return args[1], nil
		}),
		method("getByteArrayExtra", "("+sigText+")[B", func(_ thread, this object, args []value) (value, error) {
			if b := f.read(this).Extras.Get(or(textOf(args[0]))).Bytes(); b != nil {
				return f.vm.ByteArray(b), nil
			}
			return nil, nil
		}),
	}
	for _, kind := range []string{sigText, "[B", "Ljava/io/Serializable;", "Landroid/os/Parcelable;", "I", "J", "Z", "D"} {
		methods = append(methods, method("putExtra", "("+sigText+kind+")"+sigIntent, func(_ thread, this object, args []value) (value, error) {
			in := f.read(this)
			in.Extras.Set(or(textOf(args[0])), unbox(args[1]))
			this.Set("mExtras", f.newBundle(in.Extras, false))
			return this, nil
		}))
	}
	f.define(art.Class{Name: "android.os.Parcelable", Interface: true})
	f.define(art.Class{Name: "android.content.Intent", Methods: methods, Fields: []*art.Field{
		{Name: "mAction", Signature: sigText}, {Name: "mData", Signature: sigURI}, {Name: "mType", Signature: sigText},
		{Name: "mPackage", Signature: sigText}, {Name: "mFlags", Signature: "I"}, {Name: "mExtras", Signature: sigBundle},
	}})
}

// startActivity is Context.startActivity, of the Application or an activity.
func (f *framework) startActivity(_ thread, this object, args []value) (value, error) {
	o, _ := args[0].(object)
	if o == nil {
		return nil, f.null("intent")
	}
	in := f.read(o)
	if this == f.app && f.phone.API >= 28 && in.Flags&androidwire.FlagNewTask == 0 {
		return nil, f.vm.Throw("android.util.AndroidRuntimeException",
			"Calling startActivity() from outside of an Activity  context requires the FLAG_ACTIVITY_NEW_TASK flag. Is this really what you want?")
	}
	code, err := f.phone.StartActivity(context.Background(), phone.StartRequest{UID: f.process.UID, PID: f.process.PID,
		Package:  f.process.Package,
		Attached: true, Intent: in, User: f.process.User()})
	switch {
	case err != nil:
		return nil, f.thrown(err)
	case code == phone.StartPermissionDenied:
		return nil, f.vm.Throw("java.lang.SecurityException", "Not allowed to start activity "+phone.IntentText(f.phone.API, in))
	case code == phone.StartIntentNotResolved || code == phone.StartClassNotFound:
		message := "No Activity found to handle " + phone.IntentText(f.phone.API, in)
		if in.Component != "" {
			message = fmt.Sprintf("Unable to find explicit activity class {%s}; have you declared this activity in your AndroidManifest.xml?",
				in.Component)
		}
		return nil, f.vm.Throw("android.content.ActivityNotFoundException", message)
	case code < 0:
		return nil, f.vm.Throw("android.util.AndroidRuntimeException", fmt.Sprintf("Activity could not be started for %s",
			phone.IntentText(f.phone.API, in)))
	}
	return art.Void{}, nil
}

func (f *framework) defineContext() {
	get := func(name, signature string, v func() value) *art.Method {
		return method(name, signature, func(thread, object, []value) (value, error) { return v(), nil })
	}
	base := f.define(art.Class{Name: "android.content.Context"})
	wrapper := f.define(art.Class{Name: "android.content.ContextWrapper", Super: base, Methods: []*art.Method{
		get("getContentResolver", "()Landroid/content/ContentResolver;", func() value { return f.resolver }),
		get("getPackageManager", "()Landroid/content/pm/PackageManager;", func() value { return f.manager }),
		get("getPackageName", "()"+sigText, func() value { return f.vm.String(f.process.Package) }),
		get("getApplicationContext", "()Landroid/content/Context;", func() value { return f.app }),
		method("startActivity", "("+sigIntent+")V", f.startActivity),
	}})
	f.define(art.Class{Name: "android.app.Application", Super: wrapper})
	f.define(art.Class{Name: "android.app.ActivityThread", Methods: []*art.Method{
		static("currentApplication", "()Landroid/app/Application;", func(thread, object, []value) (value, error) { return f.app, nil }),
	}})
	f.define(art.Class{Name: "android.content.ContentResolver", Methods: []*art.Method{
		method("query", "("+sigURI+"["+sigText+sigText+"["+sigText+sigText+")Landroid/database/Cursor;", f.query),
	}})
	resolver := f.define(art.Class{Name: "android.app.ContextImpl$ApplicationContentResolver",
		Super: f.vm.Class("android.content.ContentResolver")})
	f.define(art.Class{Name: "android.content.pm.PackageManager"})
	manager := f.define(art.Class{Name: "android.app.ApplicationPackageManager", Super: f.vm.Class("android.content.pm.PackageManager"),
		Methods: []*art.Method{
			method("getLaunchIntentForPackage", "("+sigText+")"+sigIntent, f.launchIntent),
		}})
	f.app, f.resolver, f.manager = f.make("android.app.Application"), f.vm.NewObject(resolver), f.vm.NewObject(manager)
	f.defineCursor()
}

// sees reports whether the app may know of a package (since API 30).
func (f *framework) sees(name string) bool {
	own := f.phone.Package(f.process.Package)
	if own == nil || f.phone.API < 30 || own.TargetSDK < 30 || name == own.Name {
		return true
	}
	for _, q := range own.Queries {
		if q == name {
			return true
		}
	}
	return false
}

// launchIntent is PackageManager.getLaunchIntentForPackage.
func (f *framework) launchIntent(_ thread, _ object, args []value) (value, error) {
	name := textOf(args[0])
	if name == nil {
		return nil, nil
	}
	pkg := f.phone.Package(*name)
	if pkg == nil || !f.sees(*name) || !f.phone.PackageState(*name, f.process.User()).Usable() {
		return nil, nil
	}
	for _, c := range pkg.Components {
		for _, filter := range c.Filters {
			if c.Kind == phone.ActivityKind && contains(filter.Actions, actionMain) && contains(filter.Categories, categoryLaunch) {
				return f.intent(androidwire.Intent{Action: actionMain, Categories: []string{categoryLaunch}, Package: *name,
					Component: *name + "/" + c.Name, Flags: androidwire.FlagNewTask}, false), nil
			}
		}
	}
	return nil, nil
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// query is ContentResolver.query: the provider sees the app itself.
func (f *framework) query(_ thread, _ object, args []value) (value, error) {
	u, _ := args[0].(object)
	if u == nil {
		return nil, f.null("uri")
	}
	uri, _ := u.Go.(uriText)
	q := phone.Query{UID: f.process.UID, PID: f.process.PID, Package: f.process.Package, Attached: true, User: f.process.User(),
		URI: string(uri), Selection: textOf(args[2]), Args: texts(args[3]), SortOrder: textOf(args[4])}
	for _, column := range texts(args[1]) {
		if column != nil {
			q.Projection = append(q.Projection, *column)
		}
	}
	if !f.sees(f.providerPackage(q.URI)) {
		return nil, nil
	}
	cursor, err := f.phone.Query(context.Background(), q)
	if err != nil {
		return nil, f.thrown(err)
	}
	if cursor == nil {
		return nil, nil
	}
	o := f.make("android.content.ContentResolver$CursorWrapperInner")
	o.Go = &rows{Cursor: *cursor, at: -1}
	return o, nil
}

// providerPackage is who serves a URI.
func (f *framework) providerPackage(uri string) string {
	for _, pkg := range f.phone.Packages(f.process.User()) {
		for _, c := range pkg.Components {
			if c.Kind == phone.ProviderKind && contains(c.Authorities, phone.Authority(uri)) {
				return pkg.Name
			}
		}
	}
	return ""
}

func texts(v value) []*string {
	o, _ := v.(object)
	if o == nil {
		return nil
	}
	out := make([]*string, len(o.Elems))
	for i, e := range o.Elems {
		out[i] = textOf(e)
	}
	return out
}

// rows is what a Cursor object holds.
type rows struct {
	phone.Cursor
	at     int
	closed bool
}

func (f *framework) defineCursor() {
	face := f.define(art.Class{Name: "android.database.Cursor", Interface: true})
	on := func(name, signature string, do func(r *rows, args []value) (value, error)) *art.Method {
		return method(name, signature, func(_ thread, this object, args []value) (value, error) {
			r := this.Go.(*rows)
			if r.closed && name != "close" {
				return nil, f.vm.Throw("android.database.StaleDataException", "Attempted to access a cursor after it has been closed.")
			}
			return do(r, args)
		})
	}
	cell := func(r *rows, args []value) (any, error) {
		i := int(args[0].(int32))
		if r.at < 0 || r.at >= len(r.Rows) || i < 0 || i >= len(r.Rows[r.at]) {
			return nil, f.vm.Throw("android.database.CursorIndexOutOfBoundsException", fmt.Sprintf("Index %d requested, with a size of %d", r.at,
				len(r.Rows)))
		}
		return r.Rows[r.at][i], nil
	}
	f.define(art.Class{Name: "android.content.ContentResolver$CursorWrapperInner", Interfaces: []*art.Class{face}, Methods: []*art.Method{
		on("moveToFirst", "()Z", func(r *rows, _ []value) (value, error) { r.at = 0; return len(r.Rows) > 0, nil }),
		on("moveToNext", "()Z", func(r *rows, _ []value) (value, error) { r.at++; return r.at < len(r.Rows), nil }),
		on("getCount", "()I", func(r *rows, _ []value) (value, error) { return int32(len(r.Rows)), nil }),
		on("getColumnCount", "()I", func(r *rows, _ []value) (value, error) { return int32(len(r.Columns)), nil }),
		on("getColumnName", "(I)"+sigText, func(r *rows, args []value) (value, error) {
			i := int(args[0].(int32))
			if i < 0 || i >= len(r.Columns) {
				return nil, f.vm.Throw("java.lang.ArrayIndexOutOfBoundsException", fmt.Sprintf("length=%d; index=%d", len(r.Columns), i))
			}
			return f.vm.String(r.Columns[i]), nil
		}),
		on("isNull", "(I)Z", func(r *rows, args []value) (value, error) {
			v, err := cell(r, args)
			return v == nil, err
		}),
		on("getString", "(I)"+sigText, func(r *rows, args []value) (value, error) {
			v, err := cell(r, args)
			if v == nil || err != nil {
				return nil, err
			}
			return f.vm.String(fmt.Sprint(v)), nil
		}),
		on("close", "()V", func(r *rows, _ []value) (value, error) { r.closed = true; return art.Void{}, nil }),
	}})
}

// defineActivities are the classes that an app's own extend, and the main
// thread's handler.
func (f *framework) defineActivities() {
	f.define(art.Class{Name: "android.app.Activity", Super: f.vm.Class("android.content.ContextWrapper"),
		Fields: []*art.Field{{Name: "mIntent", Signature: sigIntent}},
		Methods: []*art.Method{
			method("getIntent", "()"+sigIntent, func(_ thread, this object, _ []value) (value, error) { return this.Get("mIntent"), nil }),
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
	_, _ = t.Call(f.handler, "dispatchMessage", "(Landroid/os/Message;)V", message) // a process that ended, at most
}

// activityClass is the class of one of the app's activities, which is loaded
// when the first of it comes up.
func (f *framework) activityClass(t thread, name string) *art.Class {
	onCreate, onNewIntent := method("onCreate", sigOnCreate, runBody), method("onNewIntent", sigOnNewIntent, runBody)
	onCreate.Locals, onNewIntent.Locals = 3, 1
	return f.vm.Define(t, &art.Class{Name: name, Super: f.vm.Class("android.app.Activity"), App: true,
		Methods: []*art.Method{onCreate, onNewIntent}})
}
