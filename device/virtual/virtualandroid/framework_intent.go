package virtualandroid

import (
	"strings"
	"sync"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/art"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/shell"
	"github.com/wxctl/wxctl/intents/androidwire"
)

// uriText is the text of an android.net.Uri.
type uriText string

func (u uriText) String() string { return string(u) }

func (f *framework) uri(s string) object {
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
			return f.uri(*s), nil
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
			getter("size", "I", func(this object) value { return int32(len(f.unparcel(this).extras)) }),
			method("get", "("+sigText+")"+sigObject, f.getExtra),
			method("getString", "("+sigText+")"+sigText, f.getString),
		}})
	f.define(art.Class{Name: "android.os.Bundle", Super: base})
}

// bundle is what a Bundle object holds. It arrives from Binder as a Parcel,
// which is read when it is first used.
type bundle struct {
	extras androidwire.Extras

	mu        sync.Mutex
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
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.parcelled {
		b.parcelled = false
		f.fill(o)
		o.Set("mParcelledData", nil)
	}
	return b
}

// fill makes a Bundle's map from its extras.
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

// box makes an object from an extra.
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
	return f.vm.NewObject(f.vm.Define(nil, &art.Class{Name: v.Class(), App: true}))
}

// unbox makes an extra from a value that was put in.
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

// intent makes an Intent object; parcelled is set for one that arrived from Binder.
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
	o.Set("mData", nil)
	if in.Data != "" {
		o.Set("mData", f.uri(in.Data))
	}
	o.Set("mFlags", in.Flags)
}

// read is an Intent object as a value.
func (f *framework) read(o object) androidwire.Intent {
	body, ok := o.Go.(*intentBody)
	if !ok { // made by an empty constructor
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
		getter("getAction", sigText, func(this object) value { return this.Get("mAction") }),
		method("getStringExtra", "("+sigText+")"+sigText, func(_ thread, this object, args []value) (value, error) {
			if text := f.read(this).Extras.Get(or(textOf(args[0]))).Text(); text != nil {
				return f.vm.String(*text), nil
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
