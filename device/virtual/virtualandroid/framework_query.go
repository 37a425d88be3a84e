package virtualandroid

import (
	"context"
	"fmt"
	"slices"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/art"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
)

// query is ContentResolver.query: the provider sees the app itself.
func (f *framework) query(_ thread, _ object, args []value) (value, error) {
	u, _ := args[0].(object)
	if u == nil {
		return nil, f.null("uri")
	}
	uri, _ := u.Go.(uriText)
	q := phone.Query{UID: f.process.UID, PID: f.process.PID, Package: f.process.Package, User: f.process.User(),
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

// providerPackage is the package that serves a URI.
func (f *framework) providerPackage(uri string) string {
	for _, pkg := range f.phone.Packages(f.process.User()) {
		for _, c := range pkg.Components {
			if c.Kind == phone.ProviderKind && slices.Contains(c.Authorities, phone.Authority(uri)) {
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
		on("getColumnCount", "()I", func(r *rows, _ []value) (value, error) { return int32(len(r.Columns)), nil }),
		on("getColumnName", "(I)"+sigText, func(r *rows, args []value) (value, error) {
			i := int(args[0].(int32))
			if i < 0 || i >= len(r.Columns) {
				return nil, f.vm.Throw("java.lang.ArrayIndexOutOfBoundsException", fmt.Sprintf("length=%d; index=%d", len(r.Columns), i))
			}
			return f.vm.String(r.Columns[i]), nil
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
